//! What can be asked: one noun each, with its verbs.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::admin::Request;

/// A noun.
#[derive(Debug, Subcommand)]
pub(super) enum Noun {
    /// Devices of people: when they were seen, and cutting them off
    #[command(subcommand)]
    Devices(Devices),
    /// Tokens that let people register
    #[command(subcommand)]
    Invites(Invites),
    /// Rooms: who is in them, how long their logs are, who lags
    #[command(subcommand)]
    Rooms(Rooms),
    /// Open sessions
    #[command(subcommand)]
    Sessions(Sessions),
    /// How much there is of everything
    #[command(
        visible_alias = "stats",
        after_help = "Numbers beyond 10,000 are the database's estimates, shown with a ~."
    )]
    Statistics,
    /// People with an account
    #[command(subcommand)]
    Users(Users),
}

#[derive(Debug, Subcommand)]
pub(super) enum Devices {
    /// Show a user's devices, revoked ones too
    #[command(after_help = "Example:
  groved admin devices list alice@a.example")]
    List {
        #[command(flatten)]
        user: User,
    },
    /// End the sessions of a user's devices, or of one, which closes their sockets
    #[command(
        visible_alias = "end-sessions",
        after_help = "A device that still has its key may open a session again, and does. To keep a user out: groved admin \
users disable. To keep one device out its user revokes it from another device.

Examples:
  groved admin devices disconnect alice
  groved admin devices disconnect alice aaaqeayeaudaocajbifqydiob4"
    )]
    Disconnect {
        #[command(flatten)]
        user: User,
        /// Only this device: its client URI, or the last part of it
        client: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Invites {
    /// Make an invite and print its token and a link, which are shown this once
    #[command(
        after_help = "The first line is the token, the second the same as a link. grove register takes either. Whoever \
has it can register: send it the way you would send a password.

Examples:
  groved admin invites create
  groved admin invites create --uses 5 --expires-in 12h
  groved admin invites create --qr
  groved admin invites create --json | jq -r .link"
    )]
    Create {
        /// For how many accounts
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// For how long, as in 12h or 7days
        #[arg(long, default_value = "7days", value_parser = humantime::parse_duration)]
        expires_in: Duration,
        /// Draw the link as a QR code too (not with --json)
        #[arg(long)]
        qr: bool,
    },
    /// Show invites, newest first
    #[command(after_help = "Examples:
  groved admin invites list
  groved admin invites list --before 2000 --limit 50")]
    List {
        /// Only those made before the one of this number
        #[arg(long, value_name = "INVITE")]
        before: Option<i64>,
        /// At most so many, and at most 1000
        #[arg(long, default_value_t = 1000)]
        limit: u32,
    },
    /// Make an invite worth nothing
    #[command(
        visible_alias = "withdraw",
        after_help = "Example:
  groved admin invites revoke 3"
    )]
    Revoke {
        /// Its number, as `list` shows it
        invite: i64,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Rooms {
    /// Show rooms in the order of their URIs
    #[command(after_help = "Examples:
  groved admin rooms list --limit 20
  groved admin rooms list --after mimi://a.example/r/4y7c...")]
    List {
        /// Only those after this room's URI
        #[arg(long, default_value = "", value_name = "ROOM")]
        after: String,
        /// At most so many, and at most 1000
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one room: participants with their roles, and how far its devices lag behind
    #[command(after_help = "Example:
  groved admin rooms show mimi://a.example/r/4y7c...")]
    Show {
        /// Its URI, or the part behind /r/
        room: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Sessions {
    /// Show a user's sessions
    #[command(after_help = "Example:
  groved admin sessions list alice")]
    List {
        #[command(flatten)]
        user: User,
    },
    /// End sessions, of a user or of one device
    #[command(after_help = "Examples:
  groved admin sessions end alice
  groved admin sessions end --client mimi://a.example/d/alice/aaaqeayeaudaocajbifqydiob4")]
    End {
        /// Whose: address, as in alice@a.example, or the part before the @
        #[arg(required_unless_present = "client")]
        user: Option<String>,
        /// Only those of this device: its client URI, or with a user the last part of it
        #[arg(long)]
        client: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Users {
    /// Show users in the order of their names
    #[command(after_help = "Examples:
  groved admin users list
  groved admin users list --after mallory --limit 50 --json")]
    List {
        /// Only those after this name
        #[arg(long, default_value = "", value_name = "NAME")]
        after: String,
        /// At most so many, and at most 1000
        #[arg(long, default_value_t = 1000)]
        limit: u32,
    },
    /// Show one user and the devices
    Show {
        #[command(flatten)]
        user: User,
    },
    /// End a user's sessions and let none open
    #[command(after_help = "Rooms keep them on their lists until somebody there removes them.")]
    Disable {
        #[command(flatten)]
        user: User,
    },
    /// Let a disabled user in again
    Enable {
        #[command(flatten)]
        user: User,
    },
}

/// Who is meant.
#[derive(Debug, Args)]
pub(super) struct User {
    /// Address, as in alice@a.example, or the part before the @
    user: String,
}

impl Noun {
    /// What to ask the server.
    pub(super) fn request(&self) -> Request {
        match self {
            Self::Devices(devices) => devices.request(),
            Self::Invites(Invites::Create {
                uses, expires_in, ..
            }) => Request::InvitesCreate {
                uses: *uses,
                expires_in_s: expires_in.as_secs(),
            },
            Self::Invites(Invites::List { before, limit }) => Request::InvitesList {
                before: *before,
                limit: *limit,
            },
            Self::Invites(Invites::Revoke { invite }) => Request::InvitesRevoke { invite: *invite },
            Self::Rooms(Rooms::List { after, limit }) => Request::RoomsList {
                after: after.clone(),
                limit: *limit,
            },
            Self::Rooms(Rooms::Show { room }) => Request::RoomsShow { room: room.clone() },
            Self::Sessions(Sessions::List { user }) => Request::SessionsList { user: user.name() },
            Self::Sessions(Sessions::End { user, client }) => Request::SessionsEnd {
                user: user.clone(),
                client: client.clone(),
            },
            Self::Statistics => Request::Statistics {},
            Self::Users(users) => users.request(),
        }
    }

    /// Whether a code was asked for beside the text.
    pub(super) fn wants_qr(&self) -> bool {
        matches!(self, Self::Invites(Invites::Create { qr: true, .. }))
    }
}

impl Devices {
    fn request(&self) -> Request {
        match self {
            Self::List { user } => Request::DevicesList { user: user.name() },
            Self::Disconnect { user, client } => Request::SessionsEnd {
                user: Some(user.name()),
                client: client.clone(),
            },
        }
    }
}

impl Users {
    fn request(&self) -> Request {
        match self {
            Self::List { after, limit } => Request::UsersList {
                after: after.clone(),
                limit: *limit,
            },
            Self::Show { user } => Request::UsersShow { user: user.name() },
            Self::Disable { user } => Request::UsersDisable { user: user.name() },
            Self::Enable { user } => Request::UsersEnable { user: user.name() },
        }
    }
}

impl User {
    fn name(&self) -> String {
        self.user.clone()
    }
}
