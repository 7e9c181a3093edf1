//! Keeping the user's device list good: handing in what waits, renewing it in time (a list that
//! expired admits no new device anywhere), and retiring devices that nobody uses any more.
//!
//! When a device was last seen only the server knows. So it is believed within bounds: it cannot
//! make devices sign each other away that are young, or were here a short while ago by its own
//! word.
//!
//! The surprise: any device of the user may do each of these. They take turns by their place in the
//! list, and whoever comes second finds the list of the first and takes it.

use grove_mls::content::AccountNote;
use grove_mls::identity::{DEVICE_LIST_VALIDITY_MS, SignedDeviceList};
use grove_wire::api::devices::DeviceActivity;
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
/// A device that was seen within this time is not idle, whatever the server says, in milliseconds.
const LEAST_IDLE_MS: u64 = 90 * 24 * 60 * 60 * 1000;
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
        // Nobody is taken off because this device's clock is ahead.
        let Some(now) = self.agreed_now() else {
            return Ok(());
        };
        let seen = self.fetch_activities().await?;
        let after_ms = idle_after_ms(seen.idle_after_ms);
        let list = self.transaction(|step| devices::own_list(step))?;
        let is_idle = |activity: &&DeviceActivity| {
            let listed = list.list().find(&activity.client);
            listed.is_some_and(|device| is_idle(activity, device.added, after_ms, now))
        };
        let idle: Vec<ClientUri> = seen
            .devices
            .iter()
            .filter(is_idle)
            .map(|activity| activity.client.clone())
            .collect();
        for client in idle {
            self.retire_idle(&client, after_ms).await?;
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

/// Whether nobody has used a device for so long, as far as the server is believed. Since when the
/// device is there its user has signed: it was not seen before.
fn is_idle(activity: &DeviceActivity, added: u64, after_ms: u64, now: u64) -> bool {
    let last = activity.last_seen_at.unwrap_or(added).max(added);
    !activity.connected && now >= last.saturating_add(after_ms)
}

/// After how long a device is idle, where the server says `said_ms`.
fn idle_after_ms(said_ms: u64) -> u64 {
    said_ms.max(LEAST_IDLE_MS)
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_wire::api::devices::DeviceActivity;
    use grove_wire::uri::{ClientUri, UserUri};

    use super::{LEAST_IDLE_MS, idle_after_ms, is_idle};

    #[test]
    fn a_server_is_believed_within_bounds() {
        let user = UserUri::parse("alice@a.example").unwrap();
        let (added, now) = (1_000, 1_000 + LEAST_IDLE_MS);
        let judge = |last_seen_at, after_ms, now| {
            let activity = DeviceActivity {
                client: ClientUri::new(&user, [1; 16]),
                added_at: 0,
                last_seen_at,
                connected: false,
            };
            is_idle(&activity, added, idle_after_ms(after_ms), now)
        };
        // That nobody may be idle at all; and times that cannot be.
        for seen in [None, Some(0), Some(added), Some(u64::MAX)] {
            assert!(!judge(seen, 0, now - 1), "{seen:?}");
        }
        assert!(judge(Some(added), 0, now), "the control");
        assert!(!judge(Some(u64::MAX), 0, u64::MAX - 1));
        assert!(
            !judge(Some(added), 2 * LEAST_IDLE_MS, now),
            "the server may say more"
        );
    }
}
