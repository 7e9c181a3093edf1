//! `grove evidence`: the arguments.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};
use grove_wire::api::Base64Url;

/// A server's key.
const KEY_BYTES: usize = 32;

const EXPORT_HELP: &str =
    "The file holds two statements that the server has signed and that contradict \
    each other, and the room's creation record, which names the server's key. It holds no message, \
    and no name but those of the server and of who made the room.\n\n\
    Examples:
  grove evidence export 1 --file proof.json
  grove evidence export 1 > proof.json";

const VERIFY_HELP: &str =
    "Needs no account, no profile and no network. What a file proves is that the holder of a key \
    has signed two contents for one place. Whose key that is it does not prove: whoever makes a \
    room can call any key that of any server. So compare the key: with --key it is compared with \
    the one you have got from the server (server_key of https://SERVER/v1/server). Without it, the \
    key of a profile's server counts, if you have an account there.\n\n\
    Ends with 0 if the file holds a proof, and with 1 if it does not or if the key is another.\n\n\
    Examples:
  grove evidence verify proof.json --key 6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw
  grove evidence verify proof.json
  curl https://example.org/proof.json | grove evidence verify -";

/// What `evidence` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Evidence {
    /// Write a proof to a file, for others
    #[command(after_long_help = EXPORT_HELP)]
    Export {
        /// Its number, from grove evidence list
        number: u64,
        /// Where to; without it, standard output
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },

    /// List what proves that a server has lied to this device
    #[command(visible_alias = "ls")]
    List,

    /// Check a proof that somebody has given you
    #[command(after_long_help = VERIFY_HELP)]
    Verify {
        /// The file; - is standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The server's key, to compare with
        #[arg(long, value_parser = server_key)]
        key: Option<Base64Url>,
    },
}

fn server_key(text: &str) -> Result<Base64Url, &'static str> {
    Base64Url::decode(text)
        .filter(|key| key.as_bytes().len() == KEY_BYTES)
        .ok_or("a server's key is 43 characters, as server_key of https://SERVER/v1/server")
}
