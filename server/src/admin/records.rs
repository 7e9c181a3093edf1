//! What replies are made of. Times are milliseconds since the Unix epoch.

use serde::{Deserialize, Serialize};

/// A number that may be too large to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// The number, or what comes near it.
    pub value: u64,
    /// Whether it was counted to the end. If not, it is an estimate, or the bound at which counting
    /// stopped.
    pub exact: bool,
}

/// A device of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Client URI.
    pub client: String,
    /// When it first stood in a device list.
    pub added_at: u64,
    /// When it last showed a session, to about an hour; none if it never did.
    pub last_seen_at: Option<u64>,
    /// Since when a device list revokes it.
    pub revoked_at: Option<u64>,
    /// Its sessions that have not expired.
    pub sessions: u64,
    /// Whether it holds an event socket at this moment.
    pub connected: bool,
}

/// An invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Its number.
    pub invite: i64,
    /// For how many accounts it was made.
    pub uses: i32,
    /// For how many it is still good.
    pub uses_left: i32,
    /// When it was made.
    pub created_at: u64,
    /// From when on it is worth nothing.
    pub expires_at: u64,
    /// Whether the operator revoked it.
    pub revoked: bool,
}

/// Somebody on a room's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// User URI, of any server.
    pub user: String,
    /// Name of the role.
    pub role: String,
}

/// A device of this server that reads a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// Client URI.
    pub client: String,
    /// The last entry it acknowledged, as far as that is written.
    pub position: u64,
    /// Entries it may read and has not acknowledged.
    pub lag: u64,
    /// How it stands in the room.
    pub state: ReaderState,
}

/// How a device stands in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReaderState {
    /// In the group.
    Member,
    /// In the group, and a pending proposal removes it.
    Leaving,
    /// Out of the group, and not yet through what it may still read.
    Former,
}

impl ReaderState {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Leaving => "leaving",
            Self::Former => "former",
        }
    }
}

/// A room hosted here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Room URI.
    pub room: String,
    /// When it was made.
    pub created_at: u64,
    /// Epoch of its group.
    pub epoch: u64,
    /// Number of the newest entry of its log; 0 before the first.
    pub seq: u64,
    /// Users on its list.
    pub participants: Amount,
    /// Devices of this server in its group.
    pub members: Amount,
    /// Bytes of the entries that can be read; for a longer log than is weighed, by the weight of
    /// the newest.
    pub log_bytes: Amount,
    /// When its newest entry came, or when it was made.
    pub last_activity: u64,
}

/// A room, looked at closely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomDetails {
    /// What the list shows.
    #[serde(flatten)]
    pub room: Room,
    /// The first entry of those that can all be read; none if there is none.
    pub oldest_seq: Option<u64>,
    /// When that one came.
    pub oldest_at: Option<u64>,
    /// Who is on the list, highest role first; at most [`MAX_LISTED`](super::MAX_LISTED).
    pub list: Vec<Participant>,
    /// Devices of this server that read it, furthest behind first; at most
    /// [`MAX_LISTED`](super::MAX_LISTED).
    pub readers: Vec<Reader>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its number; larger is younger.
    pub session: i64,
    /// Client URI of its device.
    pub client: String,
    /// When it was opened.
    pub created_at: u64,
    /// When it ends by itself.
    pub expires_at: u64,
}

/// How much there is of everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Name and version.
    pub software: String,
    /// The server's domain.
    pub domain: String,
    /// For how many seconds the server has been running.
    pub uptime_s: u64,
    /// People with an account.
    pub users: Amount,
    /// Devices that are not revoked.
    pub devices: Amount,
    /// Sessions that have not expired.
    pub sessions: Amount,
    /// Devices that hold an event socket at this moment.
    pub sockets: u64,
    /// Rooms hosted here.
    pub rooms: Amount,
    /// Entries of all logs.
    pub log_entries: Amount,
    /// Their bytes on disk, with indexes.
    pub log_bytes: u64,
    /// When the oldest entry came that can be read.
    pub oldest_entry_at: Option<u64>,
    /// Messages and handshakes accepted since the start.
    pub accepted: u64,
    /// Bytes of the database on its disk.
    pub database_bytes: u64,
    /// Free bytes on the disk of the data directory; none if the system does not say.
    pub disk_free_bytes: Option<u64>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `alice@a.example`.
    pub address: String,
    /// When the account was made.
    pub created_at: u64,
    /// Since when no session may open.
    pub disabled_at: Option<u64>,
    /// Devices that are not revoked.
    pub active_devices: u64,
    /// Version of the newest device list.
    pub device_list_version: u64,
}
