//! Who this is and how it is doing, without asking anybody.

use grove_wire::uri::{ClientUri, UserUri};
use serde::Serialize;

use crate::client::Client;
use crate::clock::{self, ClockOff};
use crate::devices;
use crate::environment::Environment;
use crate::message::MessageStatus;
use crate::rooms::RoomView;
use crate::step::Step;
use crate::store::{Room, RoomState, Store, StoreError};
use crate::transport::Transport;

/// Who this profile is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Whoami {
    /// The user.
    pub user: UserUri,
    /// This device.
    pub client: ClientUri,
}

/// How this profile is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a report: each says one thing of its own, and none excludes another"
)]
pub struct Status {
    /// The user.
    pub user: UserUri,
    /// This device.
    pub client: ClientUri,
    /// Rooms this client is in.
    pub rooms: usize,
    /// Messages that wait to be sent.
    pub queued: u64,
    /// Messages that were refused.
    pub failed: u64,
    /// Invitations that were received and not followed yet.
    pub waiting_welcomes: usize,
    /// Rooms that cannot be followed at the moment.
    pub lost_rooms: Vec<RoomView>,
    /// Rooms to which nothing is sent until a person decides.
    pub stopped_rooms: Vec<RoomView>,
    /// The version of the user's device list.
    pub device_list_version: u64,
    /// When the device list expires, in milliseconds.
    pub device_list_not_after_ms: u64,
    /// Whether that is over already.
    pub device_list_stale: bool,
    /// The user's devices, this one among them.
    pub devices: usize,
    /// Rooms that have not followed the newest device list.
    pub device_rooms_pending: usize,
    /// Another device has replaced the user's key, and this one waits for the new one.
    pub key_superseded: bool,
    /// This device was taken off the account.
    pub revoked: bool,
    /// Whether a session with the server is at hand.
    pub session: bool,
    /// How far off this device's clock was when the server last said its time; none if it was
    /// right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_off: Option<ClockOff>,
    /// The recovery words were shown but not confirmed as kept.
    pub recovery_words_pending: bool,
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Who this profile is.
    pub fn whoami(&self) -> Whoami {
        Whoami {
            user: self.identity.user.clone(),
            client: self.identity.client.clone(),
        }
    }

    /// How this profile is doing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn status(&mut self) -> Result<Status, StoreError> {
        let pending = self
            .device_progress()
            .map_or(0, |progress| progress.rooms_pending);
        let revoked = self.is_revoked()?;
        self.transaction(|step| {
            let account = step.account()?;
            let list = devices::own_list(step)?;
            let mut rooms = step.tx.list_rooms()?;
            rooms.retain(|room| account.account_room.as_ref() != Some(&room.uri));
            let view = |step: &mut Step<'_>, holds: fn(&Room) -> bool| {
                let held = rooms.iter().filter(|room| holds(room)).cloned();
                held.map(|room| RoomView::of(step, room))
                    .collect::<Result<_, StoreError>>()
            };
            Ok(Status {
                user: account.user,
                client: account.client,
                rooms: rooms
                    .iter()
                    .filter(|room| room.state == RoomState::Joined)
                    .count(),
                queued: step.tx.count_messages(MessageStatus::Queued)?,
                failed: step.tx.count_messages(MessageStatus::Failed)?,
                waiting_welcomes: step.tx.list_welcomes()?.len(),
                lost_rooms: view(step, |room| room.lost.is_some())?,
                stopped_rooms: view(step, |room| room.stop.is_some())?,
                device_list_version: list.list().version,
                device_list_not_after_ms: list.list().not_after,
                device_list_stale: list.list().is_stale(step.now),
                devices: list.active().count(),
                device_rooms_pending: pending,
                key_superseded: !step.identity.has_key_of(&list),
                revoked,
                clock_off: clock::find(step)?,
                session: account.token.is_some() && step.now < account.token_expires_at,
                recovery_words_pending: account.recovery.is_some(),
            })
        })
    }
}
