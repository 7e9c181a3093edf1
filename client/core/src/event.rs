//! What happened, in order, for front ends: printed by `grove listen --json`, one object a line.
//!
//! Events stand in a journal in the store, written in the transaction of what they tell, so that
//! each happens once whichever process received it. The journal never copies the text of a message:
//! it refers to it, so that what is deleted is gone from there as well.

use std::fmt;

use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use serde::{Deserialize, Serialize};

use crate::message::Message;
use crate::store::{StoreError, Tx};

/// The journal keeps at least so many lines, for a listener that was away.
const JOURNAL_LINES: u64 = 10_000;

/// An event and its place in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// Its place; grows by any amount from one to the next.
    pub number: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Somebody else's message arrived.
    Message {
        /// The message.
        message: Message,
    },
    /// This client could not follow a room for a while, and is back in.
    Healed {
        /// The room.
        room: RoomUri,
        /// How many messages of others could not be read. After [`Loss::Expired`] all entries that
        /// were deleted count.
        unread: u64,
        /// From when on nothing could be read: the hub's time in milliseconds.
        from_ms: u64,
        /// Until when, in milliseconds.
        to_ms: u64,
        /// Why.
        cause: Loss,
    },
    /// A user has renewed their identity with their recovery words. Nothing is wrong, and their
    /// safety number stays.
    IdentityRenewed {
        /// The user.
        user: UserUri,
    },
    /// An own message will never be accepted.
    MessageFailed {
        /// The message, with its reason.
        message: Message,
    },
    /// An own message was accepted.
    MessageSent {
        /// The message, with its place and id.
        message: Message,
    },
    /// Messages of a user were accepted by the hub and never came here. Told once.
    Missing {
        /// The room.
        room: RoomUri,
        /// Whose device says that it has sent them.
        user: UserUri,
        /// How many.
        count: u64,
        /// They were sent before this time of the hub, in milliseconds.
        before_ms: u64,
    },
    /// Somebody or something in a room changed.
    RoomChanged {
        /// The room.
        room: RoomUri,
        /// The user who changed it; none if the server did, or nobody knows.
        by: Option<UserUri>,
        /// What changed.
        change: RoomChange,
    },
    /// This client became a member.
    RoomJoined {
        /// The room.
        room: RoomUri,
    },
    /// This client is no member any more.
    RoomLeft {
        /// The room.
        room: RoomUri,
        /// Who removed it; none if the user left, or the server did.
        by: Option<UserUri>,
        /// Whether the server wanted it, and members had to carry it out.
        #[serde(default)]
        by_server: bool,
    },
    /// The user took this device off the account: it reads and sends nothing any more. What it has
    /// read stays readable.
    ThisDeviceRevoked,
    /// Something a person should know.
    Warning {
        /// The room it concerns.
        room: Option<RoomUri>,
        /// What kind of thing.
        kind: WarningKind,
        /// One sentence.
        text: String,
    },
}

impl Event {
    /// The room whose state it is about.
    pub(crate) fn changed_room(&self) -> Option<&RoomUri> {
        match self {
            Self::Healed { room, .. }
            | Self::Missing { room, .. }
            | Self::RoomChanged { room, .. }
            | Self::RoomJoined { room }
            | Self::RoomLeft { room, .. } => Some(room),
            Self::IdentityRenewed { .. }
            | Self::Message { .. }
            | Self::MessageFailed { .. }
            | Self::MessageSent { .. }
            | Self::ThisDeviceRevoked
            | Self::Warning { .. } => None,
        }
    }
}

/// Why a room could not be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Loss {
    /// What was not read in time was deleted for its age.
    Expired,
    /// A commit that the hub let pass and nobody could merge.
    Poisoned {
        /// The device that made it, if that is proven.
        by: Option<ClientUri>,
        /// Whether that device is out of the room. It stays where nobody's role allows its removal.
        removed: bool,
    },
    /// The room's keys on this device were gone, unusable, or older than what it has said since: an
    /// old copy of its database was put back.
    State,
}

/// A change of a room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum RoomChange {
    /// A device of a participant came in.
    DeviceAdded {
        /// The device.
        client: ClientUri,
    },
    /// A device of a participant is to go; the next commit carries it out.
    DeviceLeaving {
        /// The device.
        client: ClientUri,
        /// Whether the server wants it.
        by_server: bool,
    },
    /// A device of a participant is gone.
    DeviceRemoved {
        /// The device.
        client: ClientUri,
    },
    /// A user became a participant.
    Joined {
        /// The user.
        user: UserUri,
        /// With this role.
        role: String,
    },
    /// A user is to go, with all devices; the next commit carries it out.
    Leaving {
        /// The user.
        user: UserUri,
        /// Whether the server wants it. Otherwise the user asked for it.
        #[serde(default)]
        by_server: bool,
    },
    /// A user is no participant any more.
    Left {
        /// The user.
        user: UserUri,
    },
    /// The room has another name or topic.
    Renamed {
        /// The name.
        name: String,
        /// The topic.
        topic: String,
    },
    /// A participant has another role.
    RoleChanged {
        /// The user.
        user: UserUri,
        /// The new role.
        role: String,
    },
}

impl fmt::Debug for RoomChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeviceAdded { .. } => "DeviceAdded",
            Self::DeviceLeaving { .. } => "DeviceLeaving",
            Self::DeviceRemoved { .. } => "DeviceRemoved",
            Self::Joined { .. } => "Joined",
            Self::Leaving { .. } => "Leaving",
            Self::Left { .. } => "Left",
            Self::Renamed { .. } => "Renamed",
            Self::RoleChanged { .. } => "RoleChanged",
        })
    }
}

/// The kinds of warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// A change of a room this client had begun was not accepted.
    ChangeLost,
    /// This device's clock is far off.
    Clock,
    /// Keys or counters of a device were used twice: there may be a copy of it, or the hub repeats
    /// what was said.
    Clone,
    /// A device of the user was linked, taken off the account, or given another name.
    Device,
    /// The hub shows different members different logs.
    Fork,
    /// Somebody says to be a user, under an identity that does not follow the known one.
    Identity,
    /// A Welcome could not be joined.
    Join,
    /// An entry of the log could not be read.
    Unreadable,
}

/// A line of the journal: the event, or a reference to the message it is about.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Event(Box<Event>),
    Message(u64),
    MessageFailed(u64),
    MessageSent(u64),
}

/// Writes an event into the journal.
pub(crate) fn journal(tx: &mut dyn Tx, event: Event) -> Result<Numbered, StoreError> {
    let line = match &event {
        Event::Message { message } => Line::Message(message.number),
        Event::MessageFailed { message } => Line::MessageFailed(message.number),
        Event::MessageSent { message } => Line::MessageSent(message.number),
        other => Line::Event(Box::new(other.clone())),
    };
    let line =
        serde_json::to_string(&line).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let number = tx.add_journal_line(&line)?;
    if number % JOURNAL_LINES == 0 {
        tx.remove_journal(number.saturating_sub(JOURNAL_LINES))?;
    }
    Ok(Numbered { number, event })
}

/// Reads a line of the journal; none if its message is gone.
pub(crate) fn read_line(
    tx: &dyn Tx,
    number: u64,
    line: &str,
) -> Result<Option<Numbered>, StoreError> {
    let line: Line =
        serde_json::from_str(line).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let shown =
        |message: u64| Ok::<_, StoreError>(tx.find_message(message)?.and_then(Message::shown));
    let event = match line {
        Line::Event(event) => Some(*event),
        Line::Message(message) => shown(message)?.map(|message| Event::Message { message }),
        Line::MessageFailed(message) => {
            shown(message)?.map(|message| Event::MessageFailed { message })
        }
        Line::MessageSent(message) => shown(message)?.map(|message| Event::MessageSent { message }),
    };
    Ok(event.map(|event| Numbered { number, event }))
}
