//! `groved admin`: what the operator asks a running server.

use std::{
    path::PathBuf,
    time::{Duration, UNIX_EPOCH},
};

use clap::{Args, Subcommand};

use super::{Failure, Place, say};
use crate::admin::{Invite, Reply, Request, User, call};

/// `groved admin`.
#[derive(Debug, Args)]
pub(super) struct Admin {
    /// Data directory of the running server [default: that of the configuration]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Print the reply as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Tokens that let people register
    #[command(subcommand)]
    Invites(Invites),
    /// People with an account
    #[command(subcommand)]
    Users(Users),
}

#[derive(Debug, Subcommand)]
enum Invites {
    /// Make an invite and print its token, which is shown this once
    Create {
        /// For how many accounts
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// For how long, as in 12h or 7days
        #[arg(long, default_value = "7days", value_parser = humantime::parse_duration)]
        expires_in: Duration,
    },
    /// Show the newest invites
    List,
    /// Make an invite worth nothing
    Revoke {
        /// Its number, as `list` shows it
        invite: i64,
    },
}

#[derive(Debug, Subcommand)]
enum Users {
    /// Show users in the order of their names
    List {
        /// Only those after this name
        #[arg(long, default_value = "")]
        after: String,
        /// At most so many
        #[arg(long, default_value_t = 1000)]
        limit: u32,
    },
    /// Show one user and the devices
    Show {
        /// Address, as in alice@a.example, or the part before the @
        user: String,
    },
    /// End a user's sessions and let none open
    Disable {
        /// Address, as in alice@a.example, or the part before the @
        user: String,
    },
    /// Let a disabled user in again
    Enable {
        /// Address, as in alice@a.example, or the part before the @
        user: String,
    },
}

impl Admin {
    pub(super) fn run(&self, place: &Place) -> Result<(), Failure> {
        let data_dir = match &self.data_dir {
            Some(data_dir) => data_dir.clone(),
            None => place.load()?.server.data_dir,
        };
        let reply = call(&data_dir, &self.noun.request())?;
        if self.json {
            let json = serde_json::to_string(&reply).map_err(std::io::Error::from)?;
            say(json)?;
        } else {
            tell(&reply)?;
        }
        match reply {
            Reply::Failed { reason } => Err(Failure::Failed(reason)),
            Reply::Refused { reason } => Err(Failure::Refused(reason)),
            _ => Ok(()),
        }
    }
}

impl Noun {
    fn request(&self) -> Request {
        match self {
            Self::Invites(Invites::Create { uses, expires_in }) => Request::InvitesCreate {
                uses: *uses,
                expires_in_s: expires_in.as_secs(),
            },
            Self::Invites(Invites::List) => Request::InvitesList {},
            Self::Invites(Invites::Revoke { invite }) => Request::InvitesRevoke { invite: *invite },
            Self::Users(Users::List { after, limit }) => Request::UsersList {
                after: after.clone(),
                limit: *limit,
            },
            Self::Users(Users::Show { user }) => Request::UsersShow { user: user.clone() },
            Self::Users(Users::Disable { user }) => Request::UsersDisable { user: user.clone() },
            Self::Users(Users::Enable { user }) => Request::UsersEnable { user: user.clone() },
        }
    }
}

/// Prints a reply for people. A token stands alone on its line, so that a script can take it.
fn tell(reply: &Reply) -> std::io::Result<()> {
    match reply {
        Reply::Done {} => say("done"),
        Reply::Failed { .. } | Reply::Refused { .. } => Ok(()),
        Reply::InviteCreated { token, .. } => say(token),
        Reply::Invites { invites } => invites.iter().try_for_each(tell_invite),
        Reply::User { user, clients } => {
            tell_user(user)?;
            clients
                .iter()
                .try_for_each(|client| say(format_args!("  {client}")))
        }
        Reply::Users { users } => users.iter().try_for_each(tell_user),
    }
}

fn tell_invite(invite: &Invite) -> std::io::Result<()> {
    let (number, left, uses) = (invite.invite, invite.uses_left, invite.uses);
    let revoked = if invite.revoked { "  revoked" } else { "" };
    let expires = time(invite.expires_at);
    say(format_args!(
        "{number}  {left} of {uses} left  expires {expires}{revoked}"
    ))
}

fn tell_user(user: &User) -> std::io::Result<()> {
    let (address, devices, since) = (&user.address, user.active_devices, time(user.created_at));
    let disabled = if user.disabled_at.is_some() {
        "  disabled"
    } else {
        ""
    };
    say(format_args!(
        "{address}  {devices} active devices  since {since}{disabled}"
    ))
}

/// RFC 3339, in UTC, to the second.
fn time(ms: u64) -> impl std::fmt::Display {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(ms))
}
