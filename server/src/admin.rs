//! The operator's door: a Unix socket in the data directory, for whoever may enter that directory as groved's user.
//!
//! One connection carries one JSON line each way: a [`Request`], then a [`Reply`]. There is no other authentication
//! than the socket's mode (0600), and no network form.

mod call;
mod serve;
mod socket;

use serde::{Deserialize, Serialize};

pub use self::call::{CallError, call};
pub(crate) use self::serve::serve;

/// What the operator wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Make an invite.
    InvitesCreate {
        /// For how many accounts.
        uses: u32,
        /// For how many seconds from now.
        expires_in_s: u64,
    },
    /// Show the newest invites.
    InvitesList {},
    /// Make an invite worth nothing.
    InvitesRevoke {
        /// Its number.
        invite: i64,
    },
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
        /// At most so many.
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
    /// It was done, and there is nothing to tell.
    Done {},
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
        /// Milliseconds since the Unix epoch.
        expires_at: u64,
    },
    /// The newest invites, newest first.
    Invites {
        /// Them.
        invites: Vec<Invite>,
    },
    /// It cannot be done as asked.
    Refused {
        /// Why.
        reason: String,
    },
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
    },
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
    /// Milliseconds since the Unix epoch.
    pub created_at: u64,
    /// Milliseconds since the Unix epoch.
    pub expires_at: u64,
    /// Whether the operator revoked it.
    pub revoked: bool,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `alice@a.example`.
    pub address: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: u64,
    /// Since when no session may open, in milliseconds since the Unix epoch.
    pub disabled_at: Option<u64>,
    /// Devices that are not revoked.
    pub active_devices: u64,
    /// Version of the newest device list.
    pub device_list_version: u64,
}
