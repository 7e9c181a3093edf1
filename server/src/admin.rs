//! The operator's door: a Unix socket in the data directory, for whoever may enter that directory
//! as groved's user.
//!
//! One connection carries one JSON line each way: a [`Request`], then a [`Reply`]. There is no
//! other authentication than the socket's mode (0600), and no network form. Connections are served
//! one after the other, each statement has its time, and whatever could be long is bounded or
//! estimated: the door never hurts the people of the server.

mod call;
mod invites;
mod people;
mod records;
mod rooms;
mod run;
mod serve;
mod socket;
mod statistics;

use serde::{Deserialize, Serialize};

pub use self::call::{CallError, call};
pub use self::records::{
    Amount, Device, Invite, Participant, Reader, ReaderState, Room, RoomDetails, Session,
    Statistics, User,
};
pub(crate) use self::serve::serve;

/// A list shows at most so many at a time.
pub const MAX_LISTED: u32 = 1_000;

/// What the operator wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Show a user's devices, revoked ones too.
    DevicesList {
        /// Address or local part.
        user: String,
    },
    /// Make an invite.
    InvitesCreate {
        /// For how many accounts.
        uses: u32,
        /// For how many seconds from now.
        expires_in_s: u64,
    },
    /// Show invites, newest first.
    InvitesList {
        /// Only those made before the one of this number; none: from the newest on.
        before: Option<i64>,
        /// At most so many, and at most [`MAX_LISTED`].
        limit: u32,
    },
    /// Make an invite worth nothing.
    InvitesRevoke {
        /// Its number.
        invite: i64,
    },
    /// Show rooms in the order of their URIs.
    RoomsList {
        /// Only those after this room's URI.
        after: String,
        /// At most so many, and at most [`MAX_LISTED`].
        limit: u32,
    },
    /// Show one room with its participants and readers.
    RoomsShow {
        /// URI, or the part behind `/r/` of a room of this server.
        room: String,
    },
    /// End sessions, which closes the sockets and polls that hold them; the device may open
    /// another.
    SessionsEnd {
        /// Whose: address or local part. May be left out where `client` is a whole URI.
        user: Option<String>,
        /// Only those of this device: its URI, or the part of it behind the user's name.
        client: Option<String>,
    },
    /// Show a user's sessions.
    SessionsList {
        /// Address or local part.
        user: String,
    },
    /// Show how much there is of everything.
    Statistics {},
    /// Let a disabled user in again.
    UsersEnable {
        /// Address or local part.
        user: String,
    },
    /// End a user's sessions and let none open.
    UsersDisable {
        /// Address or local part.
        user: String,
    },
    /// Show users in the order of their names.
    UsersList {
        /// Only those after this local part.
        after: String,
        /// At most so many, and at most [`MAX_LISTED`].
        limit: u32,
    },
    /// Show one user.
    UsersShow {
        /// Address or local part.
        user: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// A user's devices, oldest first; at most the newest [`MAX_LISTED`].
    Devices {
        /// `alice@a.example`.
        user: String,
        /// Them.
        devices: Vec<Device>,
    },
    /// It was done, and there is nothing to tell.
    Done {},
    /// Sessions were ended.
    Ended {
        /// How many.
        sessions: u64,
        /// Of how many devices.
        devices: u64,
    },
    /// It failed for a reason the server's log tells.
    Failed {
        /// What failed, in general.
        reason: String,
    },
    /// An invite was made.
    InviteCreated {
        /// Its number.
        invite: i64,
        /// The token, which is shown this once.
        token: String,
        /// The token as a link that names the server's domain.
        link: String,
        /// Milliseconds since the Unix epoch.
        expires_at: u64,
    },
    /// Invites, newest first.
    Invites {
        /// Them.
        invites: Vec<Invite>,
        /// What to ask for `before` to see more; none if these are the last.
        next: Option<i64>,
    },
    /// It cannot be done as asked.
    Refused {
        /// Why.
        reason: String,
    },
    /// One room.
    Room(Box<RoomDetails>),
    /// Rooms in the order of their URIs.
    Rooms {
        /// Them.
        rooms: Vec<Room>,
        /// What to ask for `after` to see more; none if these are the last.
        next: Option<String>,
    },
    /// A user's sessions, oldest first; at most the newest [`MAX_LISTED`].
    Sessions {
        /// `alice@a.example`.
        user: String,
        /// Them.
        sessions: Vec<Session>,
    },
    /// How much there is of everything.
    Statistics(Box<Statistics>),
    /// One user.
    User {
        /// The user.
        #[serde(flatten)]
        user: User,
        /// Client URIs of all devices the user ever had.
        clients: Vec<String>,
    },
    /// Users in the order of their names.
    Users {
        /// Them.
        users: Vec<User>,
        /// What to ask for `after` to see more; none if these are the last.
        next: Option<String>,
    },
}
