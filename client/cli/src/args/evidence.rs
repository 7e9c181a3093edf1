//! `grove evidence`: the arguments.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

const EXPORT_HELP: &str =
    "The file holds two statements that the server has signed and that contradict \
    each other, and the room's creation record, which names the server's key. It holds no message, \
    and no name but those of the server and of who made the room.\n\n\
    Examples:
  grove evidence export 1 --file proof.json
  grove evidence export 1 > proof.json";

const VERIFY_HELP: &str =
    "Needs no account, no profile and no network. Ends with 0 if the file proves \
    that the server named in it has lied, and with 1 if it does not.\n\n\
    Examples:
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
    },
}
