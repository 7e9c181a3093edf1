//! Retiring a device: it leaves the device list and all rooms.
//!
//! For a device that its owner has wiped, or that was not seen for very long. No words are asked
//! for, because no key changes: a device that may be in other hands has seen the user identity key
//! and must be revoked instead.

use grove_mls::content::AccountNote;
use grove_mls::identity::SignedDeviceList;
use grove_wire::uri::ClientUri;

use super::list::{self, PublishError};
use super::progress::DeviceProgress;
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::settle::SettleError;
use crate::step::Step;
use crate::store::{Store, StoreError};
use crate::transport::Transport;

/// Attempts against siblings that change the list at the same time.
pub(super) const ATTEMPTS: usize = 3;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A device could not be retired.
#[derive(Debug, thiserror::Error)]
pub enum RetireDeviceError {
    /// It was taken off the account before.
    #[error("that device was taken off the account already")]
    Already,
    /// The device list could not be put in place.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The device is off the list, but the rooms could not be gone through; that goes on later.
    #[error("the device is off the account, but not out of all rooms yet")]
    Rooms(#[source] Box<SettleError>),
    /// A device does not retire itself.
    #[error("this is the device you are at; retire it from another one")]
    ThisDevice,
    /// The user has no such device.
    #[error("you have no such device")]
    UnknownDevice,
}

impl Classified for RetireDeviceError {
    fn class(&self) -> Class {
        match self {
            Self::Already | Self::ThisDevice | Self::UnknownDevice => Class::Unknown,
            Self::Publish(error) => error.class(),
            Self::Rooms(error) => error.class(),
        }
    }
}

impl From<StoreError> for RetireDeviceError {
    fn from(error: StoreError) -> Self {
        Self::Publish(error.into())
    }
}

/// The line about a device that was retired because nobody used it.
pub(crate) fn idle_text(name: &str, idle_after_ms: u64) -> String {
    let days = idle_after_ms / DAY_MS;
    format!("the device {name} was not seen for {days} days and was retired")
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Takes a device off the account that is certainly in nobody's hands: it leaves the list and
    /// all rooms. What rooms cannot be reached now are gone through by [`Client::settle`].
    ///
    /// # Errors
    /// [`RetireDeviceError`]. Once the new list was handed in without an answer, a later
    /// [`Client::settle`] brings it to an end.
    pub async fn retire_device(
        &mut self,
        client: &ClientUri,
    ) -> Result<DeviceProgress, RetireDeviceError> {
        self.begin_change().await?;
        for _ in 0..ATTEMPTS {
            self.transaction(|step| prepare(step, client))?;
            if self.publish_pending().await? {
                let done = self.tend_all_rooms().await;
                let progress = self.transaction(super::progress::progress);
                done.map_err(|error| RetireDeviceError::Rooms(Box::new(error)))?;
                return progress.map_err(|error| RetireDeviceError::Rooms(Box::new(error.into())));
            }
        }
        Err(PublishError::Contended.into())
    }
}

fn prepare(step: &mut Step<'_>, client: &ClientUri) -> Result<(), RetireDeviceError> {
    if *client == step.identity.client {
        return Err(RetireDeviceError::ThisDevice);
    }
    let newest = list::own_list(step)?;
    match newest.list().find(client) {
        None => return Err(RetireDeviceError::UnknownDevice),
        Some(device) if device.revoked.is_some() => return Err(RetireDeviceError::Already),
        Some(_) => {}
    }
    if !step.identity.has_key_of(&newest) {
        return Err(PublishError::Superseded.into());
    }
    let now = step.now;
    let next = list::next_list(step, &newest, |next| list::mark_revoked(next, client, now));
    let next = SignedDeviceList::sign(&step.identity.uik, next).map_err(PublishError::from)?;
    let note = AccountNote::DeviceList {
        list: next.as_bytes().to_vec(),
    };
    Ok(list::put_pending(step, &note)?)
}
