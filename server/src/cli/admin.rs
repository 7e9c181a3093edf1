//! `groved admin`: what the operator asks a running server.

mod nouns;
mod qr;
mod tell;

use std::path::PathBuf;

use clap::Args;

use self::nouns::Noun;
use super::{Failure, Place, say};
use crate::admin::{Reply, call};

const HELP: &str = "Talks to the running groved through admin.sock in its data directory: run it as the user of the server, \
or as root. Nobody's messages can be read here, and nobody's identity can be reset.

Users are named by address or by the part before the @, devices by client URI or its last part, rooms by URI or the part \
behind /r/.

Examples:
  groved admin invites create --qr
  groved admin users list
  groved admin devices list alice
  groved admin sessions end alice
  groved admin rooms show mimi://a.example/r/4y7c...
  groved admin statistics --json

Exit codes:
  0  done
  1  failed: the log of the server says why
  2  the command line is wrong
  3  the configuration, which says where the server's data is, is wrong
  5  no groved is running on that data directory
  6  refused as asked: no such user, device, room or invite";

/// `groved admin`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Admin {
    /// Data directory of the running server [default: that of the configuration]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Print the reply as one JSON object
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    noun: Noun,
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
            tell::tell(&reply)?;
            if let (Reply::InviteCreated { link, .. }, true) = (&reply, self.noun.wants_qr()) {
                say(qr::draw(link).ok_or_else(|| Failure::Failed(TOO_LONG.to_owned()))?)?;
            }
        }
        match reply {
            Reply::Failed { reason } => Err(Failure::Failed(reason)),
            Reply::Refused { reason } => Err(Failure::Refused(reason)),
            _ => Ok(()),
        }
    }
}

const TOO_LONG: &str = "the link does not fit into a code; the invite is good all the same";

#[cfg(test)]
#[expect(clippy::panic, clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::super::{Cli, Command};
    use crate::admin::Request;

    fn request(line: &str) -> Request {
        match Cli::try_parse_from(line.split(' ')).unwrap().command {
            Command::Admin(admin) => admin.noun.request(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_one() {
        Cli::command().debug_assert();
    }

    #[test]
    fn two_names_of_a_verb_ask_for_the_same() {
        for (one, other) in [
            ("invites revoke 3", "invites withdraw 3"),
            ("devices disconnect alice", "sessions end alice"),
            ("devices disconnect alice", "devices end-sessions alice"),
            ("statistics", "stats --json"),
        ] {
            let [one, other] = [one, other].map(|line| request(&format!("groved admin {line}")));
            assert_eq!(one, other);
        }
        let all = request("groved admin invites list");
        let expected = Request::InvitesList {
            before: None,
            limit: 1000,
        };
        assert_eq!(all, expected);
        assert!(Cli::try_parse_from(["groved", "admin", "sessions", "end"]).is_err());
    }
}
