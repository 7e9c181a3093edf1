//! Keeping the user's device list good: handing in what waits, renewing it in time (a list that
//! expired admits no new device anywhere), and retiring devices that nobody uses any more.
//!
//! The surprise: any device of the user may do each of these. They take turns by their place in the
//! list, and whoever comes second finds the list of the first and takes it.

use grove_mls::content::AccountNote;
use grove_mls::identity::{DEVICE_LIST_VALIDITY_MS, SignedDeviceList};
use grove_wire::uri::ClientUri;

use super::SettleError;
use crate::client::Client;
use crate::devices::{self, PublishError, RetireDeviceError};
use crate::environment::Environment;
use crate::event::{Event, WarningKind};
use crate::step::Step;
use crate::store::{Store, StoreError};
use crate::transport::Transport;
use crate::trust::LearnError;

/// Each device gives the ones before it in the list so much time to renew it, in milliseconds.
const TURN_MS: u64 = 6 * 60 * 60 * 1000;
/// How often the server is asked for the user's devices, in milliseconds.
const LOOK_EVERY_MS: u64 = 24 * 60 * 60 * 1000;
/// Where it stands when that was done last.
const LOOKED: &[u8] = b"grove/devices_looked";

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Brings a change of the device list to an end that an earlier run began.
    pub(super) async fn finish_device_list(&mut self) -> Result<(), PublishError> {
        let finished = match self.publish_pending().await {
            Ok(finished) => finished,
            Err(PublishError::Call(error)) if !error.is_temporary() => false,
            Err(error) => return Err(error),
        };
        if !finished {
            self.transaction(|step| {
                step.tell(Event::Warning {
                    room: None,
                    kind: WarningKind::ChangeLost,
                    text: "a change of your devices was not accepted; make it again".to_owned(),
                })
            })?;
        }
        Ok(())
    }

    /// Renews the list when half its time is over, in turns.
    pub(super) async fn renew_device_list(&mut self) -> Result<(), PublishError> {
        if self.transaction(prepare_renewal)? {
            // A sibling that was faster has renewed it as well.
            self.publish_pending().await?;
        }
        Ok(())
    }

    /// Once a day, if there are other devices: takes a newer device list that no note brought, and
    /// retires devices that were not seen for as long as the server says. Never this one.
    pub(super) async fn look_at_devices(&mut self) -> Result<(), SettleError> {
        if !self.transaction(is_look_due)? {
            return Ok(());
        }
        match self.learn_own_list().await {
            Ok(_) | Err(LearnError::Refused(_) | LearnError::Unknown) => {}
            Err(LearnError::Call(error)) => return Err(error.into()),
            Err(LearnError::Store(error)) => return Err(error.into()),
        }
        let now = self.environment.now();
        let seen = self.fetch_activities().await?;
        let idle: Vec<ClientUri> = seen
            .devices
            .into_iter()
            .filter(|device| {
                let last = device.last_seen_at.unwrap_or(device.added_at);
                !device.connected && now >= last.saturating_add(seen.idle_after_ms)
            })
            .map(|device| device.client)
            .collect();
        for client in idle {
            self.retire_idle(&client, seen.idle_after_ms).await?;
        }
        self.transaction(|step| {
            let now = step.now.to_be_bytes();
            step.tx.put_record(LOOKED, Some(&now))
        })?;
        Ok(())
    }

    async fn retire_idle(&mut self, client: &ClientUri, after_ms: u64) -> Result<(), SettleError> {
        match self.retire_device(client).await {
            Ok(_) | Err(RetireDeviceError::Rooms(_)) => {}
            Err(
                RetireDeviceError::Already
                | RetireDeviceError::ThisDevice
                | RetireDeviceError::UnknownDevice,
            ) => return Ok(()),
            Err(RetireDeviceError::Publish(error)) => return Err(error.into()),
        }
        self.transaction(|step| {
            let name = devices::name_of(step, client)?;
            step.tell(Event::Warning {
                room: None,
                kind: WarningKind::Device,
                text: devices::idle_text(&name, after_ms),
            })
        })?;
        Ok(())
    }
}

/// Makes the renewed list if this device's turn has come.
fn prepare_renewal(step: &mut Step<'_>) -> Result<bool, PublishError> {
    let newest = devices::own_list(step)?;
    let own = &step.identity.client;
    let turn = newest.active().position(|device| device.client == *own);
    let Some(turn) = turn else {
        return Ok(false);
    };
    let half = newest
        .list()
        .not_after
        .saturating_sub(DEVICE_LIST_VALIDITY_MS / 2);
    let turn = TURN_MS.saturating_mul(u64::try_from(turn).unwrap_or(u64::MAX));
    let has_key = step.identity.has_key_of(&newest);
    if !has_key || step.now < half.saturating_add(turn) {
        return Ok(false);
    }
    let next = devices::next_list(step, &newest, |_same_devices| {});
    let next = SignedDeviceList::sign(&step.identity.uik, next)?;
    let note = AccountNote::DeviceList {
        list: next.as_bytes().to_vec(),
    };
    devices::put_pending(step, &note)?;
    Ok(true)
}

fn is_look_due(step: &mut Step<'_>) -> Result<bool, StoreError> {
    if !devices::has_siblings(step)? || devices::this_is_revoked(step)? {
        return Ok(false);
    }
    let looked = step.tx.find_record(LOOKED)?;
    let looked = looked
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_be_bytes);
    Ok(step.now >= looked.saturating_add(LOOK_EVERY_MS))
}
