//! The rooms of this profile.

use grove_wire::uri::RoomUri;
use serde::Serialize;

use crate::client::Client;
use crate::environment::Environment;
use crate::receive::loss;
use crate::step::Step;
use crate::store::{Room, RoomState, Stop, Store, StoreError};
use crate::transport::Transport;

/// A room as a person sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoomView {
    /// Its URI.
    pub room: RoomUri,
    /// Its name; empty until its profile was received.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// How this client stands to it: `creating`, `joining`, `joined`, `left` or `removed`.
    pub state: &'static str,
    /// Its epoch.
    pub epoch: u64,
    /// The newest entry read.
    pub seq: u64,
    /// Why this device cannot follow it at present, if it cannot.
    pub lost: Option<LostView>,
    /// Why nothing more is sent to it, if nothing is.
    pub stopped: Option<String>,
    /// The entry that the person has read up to, on any device.
    pub read_up_to: u64,
    /// Messages of others behind that entry.
    pub unread: u64,
    /// A text begun and not sent, on any device.
    pub draft: String,
}

/// A room that cannot be followed at present. This device comes back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LostView {
    /// Since when, in milliseconds: the hub's time of the first entry that could not be read.
    pub since_ms: u64,
    /// Why, in a word: `expired`, `poisoned` or `state`.
    pub cause: &'static str,
    /// How many entries could not be read.
    pub unread: u64,
}

impl LostView {
    fn of(room: &Room) -> Option<Self> {
        let lost = room.lost.as_ref()?;
        Some(Self {
            since_ms: lost.time,
            cause: loss::word(&lost.cause),
            unread: room.unreadable,
        })
    }
}

impl RoomView {
    pub(crate) fn of(step: &Step<'_>, room: Room) -> Result<Self, StoreError> {
        let user = &step.identity.user;
        Ok(Self {
            lost: LostView::of(&room),
            unread: step.tx.count_unread(&room.uri, room.read_up_to, user)?,
            read_up_to: room.read_up_to,
            draft: room.draft,
            room: room.uri,
            name: room.name,
            topic: room.topic,
            state: match room.state {
                RoomState::Creating => "creating",
                RoomState::Joining => "joining",
                RoomState::Joined => "joined",
                RoomState::Left => "left",
                RoomState::Removed => "removed",
            },
            epoch: room.epoch,
            seq: room.seq,
            stopped: room.stop.map(|stop| {
                let why = match stop {
                    Stop::Fork { .. } => "the server showed two different logs",
                    Stop::Sibling => "another device of yours sees another state of it",
                    Stop::Withheld => {
                        "the server keeps back what was written there, or does not sign for it"
                    }
                };
                why.to_owned()
            }),
        })
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// All rooms, those left as well; not the one that the user's own devices share.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rooms(&mut self) -> Result<Vec<RoomView>, StoreError> {
        self.transaction(|step| {
            let hidden = step.account()?.account_room;
            let rooms = step.tx.list_rooms()?.into_iter();
            rooms
                .filter(|room| hidden.as_ref() != Some(&room.uri))
                .map(|room| RoomView::of(step, room))
                .collect()
        })
    }
}
