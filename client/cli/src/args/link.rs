//! What `link`, `devices approve` and `recover` take.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use grove_wire::uri::UserUri;

use super::parse_address;

pub(super) const LINK_HELP: &str = "For a person who has an account and another device at hand. \
    This device shows a line of text and a QR code; give it to the other device, which runs grove \
    devices approve. Both devices then know a code of six digits: type the one shown here into the \
    other device. Only then does it send the account's keys.\n\n\
    The line is good once and for ten minutes. Ctrl-C takes it back. With --json the steps are \
    printed one object per line.\n\n\
    Examples:
  grove link alice@a.example
  grove link alice@a.example --name laptop --passphrase
  grove link alice@a.example --no-qr
  grove link alice@localhost --server http://127.0.0.1:8448";

/// What `link` takes.
#[derive(Debug, Args)]
pub(crate) struct Link {
    /// Your address
    #[arg(value_parser = parse_address)]
    pub(crate) address: UserUri,

    /// What you call this device; only your own devices see it
    #[arg(long, default_value = "")]
    pub(crate) name: String,

    /// Show no QR code
    #[arg(long)]
    pub(crate) no_qr: bool,

    /// How the profile is made
    #[command(flatten)]
    pub(crate) profile: ProfileWish,
}

pub(super) const APPROVE_HELP: &str =
    "Run it on a device you have, after grove link on the new one. The line that the new device \
    shows is a secret and therefore no argument: it is asked for, or comes from --link-file, or \
    from standard input when that is no terminal. Then the new device shows a code of six digits: \
    type it here (or let it be the next line of standard input). With another code nothing is \
    given away and the link is over.\n\n\
    Never approve a line that somebody sent you: whoever gets in this way is you.\n\n\
    Examples:
  grove devices approve
  grove devices approve --link-file line.txt";

/// What `devices approve` takes.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// File with the line that the new device shows; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) link_file: Option<PathBuf>,
}

pub(super) const RECOVER_HELP: &str =
    "For a person who has the recovery words and no device left, or none that can be trusted. The \
    account gets a new key, this device joins all rooms, and all other devices are taken off the \
    account, unless --keep-others says that they are still yours.\n\n\
    The words are a secret and therefore no argument: they are asked for, or come from a file. A \
    recovery that was cut short is finished by running the same command again.\n\n\
    Examples:
  grove recover alice@a.example
  grove recover alice@a.example --words-file words.txt
  grove recover alice@a.example --keep-others --name laptop";

/// What `recover` takes.
#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// Your address
    #[arg(value_parser = parse_address)]
    pub(crate) address: UserUri,

    /// File with the recovery words; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) words_file: Option<PathBuf>,

    /// Do not take your other devices off the account
    #[arg(long)]
    pub(crate) keep_others: bool,

    /// What you call this device
    #[arg(long, default_value = "")]
    pub(crate) name: String,

    /// How the profile is made
    #[command(flatten)]
    pub(crate) profile: ProfileWish,
}

/// How a profile is made for an account that this machine does not have yet.
#[derive(Debug, Args)]
pub(crate) struct ProfileWish {
    /// Protect the local database with a passphrase instead of a key file
    #[arg(long)]
    pub(crate) passphrase: bool,

    /// PEM file of further certificates to trust for this server; kept in the profile
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Option<PathBuf>,
}
