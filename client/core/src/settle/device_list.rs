//! Renewing the user's device list: a list that expired admits no new device anywhere.

use grove_mls::identity::{
    DEVICE_LIST_VALIDITY_MS, DeviceCredential, DeviceList, ListError, Pin, SignedDeviceList,
};
use grove_wire::api::devices::DeviceListBody;

use crate::call::{self, CallError};
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::register::CREDENTIAL_VALIDITY_MS;
use crate::store::{Account, Store, StoreError};
use crate::transport::{Method, Transport};

/// The device list could not be renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The server has another list than the one that continues ours.
    #[error("the server has a device list of yours that this device did not sign")]
    Foreign,
    /// The list could not be made, or the stored one is damaged.
    #[error("the device list cannot be made")]
    List(#[from] ListError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for RenewError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::Foreign => Class::Identity,
            Self::List(_) => Class::Failure,
            Self::Store(_) => Class::Store,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Renews the list when half its time is over.
    pub(super) async fn renew_device_list(&mut self) -> Result<(), RenewError> {
        let now = self.environment.now();
        let account = self.transaction(|step| step.account())?;
        let known = SignedDeviceList::decode(&account.device_list)?;
        if now.saturating_add(DEVICE_LIST_VALIDITY_MS / 2) < known.list().not_after {
            return Ok(());
        }
        let next = DeviceList {
            version: known.list().version.saturating_add(1),
            prev_hash: Some(known.hash()),
            not_after: now.saturating_add(DEVICE_LIST_VALIDITY_MS),
            ..known.list().clone()
        };
        let next = SignedDeviceList::sign(&self.identity.uik, next)?;
        let body = call::json(&DeviceListBody {
            device_list: next.as_bytes().to_vec().into(),
        })?;
        match self.ask(Method::Put, "/v1/device-list", body).await {
            Ok(_accepted) => self.keep_device_list(&next, now),
            Err(CallError::Refused(refusal)) if !refusal.is_temporary() => {
                self.adopt_device_list(&known, now).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The server may have taken a list whose acceptance this client never heard of.
    async fn adopt_device_list(
        &mut self,
        known: &SignedDeviceList,
        now: u64,
    ) -> Result<(), RenewError> {
        let user = self.identity.user.clone();
        let found = self.fetch_device_list(&user).await?;
        if found.list().version <= known.list().version || Pin::of(known).advance(&found).is_err() {
            return Err(RenewError::Foreign);
        }
        self.keep_device_list(&found, now)
    }

    fn keep_device_list(&mut self, list: &SignedDeviceList, now: u64) -> Result<(), RenewError> {
        self.transaction(|step| {
            let mut account: Account = step.account()?;
            let credential = DeviceCredential::issue(
                &step.identity.uik,
                &step.identity.client,
                &step.identity.device.key.public(),
                list.list().version,
                now.saturating_add(CREDENTIAL_VALIDITY_MS),
            );
            account.device_list = list.as_bytes().to_vec();
            account.credential = credential.to_bytes();
            step.tx.put_account(&account)
        })?;
        self.read_identity_again()?;
        Ok(())
    }
}
