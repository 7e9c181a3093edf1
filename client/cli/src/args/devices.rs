//! `grove devices`: the arguments.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

use super::link::{APPROVE_HELP, Approve};

const RENAME_HELP: &str = "A DEVICE is named by its name, by the beginning of its id, or by its whole \
    id or address. Only your own devices ever see the name, and each of them may change it: ids \
    cannot be changed.\n\n\
    Example:\n  grove devices rename 4y7c \"old laptop\"";

const RETIRE_HELP: &str = "For a device that you have wiped or will not use again. It leaves your \
    account and all rooms.\n\n\
    If the device may be in other hands, this is not enough: it has seen your key. Take grove \
    devices revoke instead, which gives you a new one.\n\n\
    You are shown which device is meant and asked for a yes. Without a terminal, and with --json, \
    nobody is asked, and the device has to be named by its id or its whole address.\n\n\
    Example:\n  grove devices retire \"old laptop\"";

const REVOKE_HELP: &str = "For a device that is lost or stolen. It leaves your account and all rooms, \
    and you get a new key that it does not have; your other devices get the key through the room \
    they share. This takes your recovery words: they are asked for, or read from a file.\n\n\
    Before that you are shown which device is meant and asked for a yes. Without a terminal, and \
    with --json, nobody is asked, and the device has to be named by its id or its whole address: a \
    name may have been changed by whoever has the device.\n\n\
    What the device has read before stays readable on it. Rooms that could not be reached are named \
    and gone through by later commands; grove devices list shows how far that is.\n\n\
    Examples:
  grove devices revoke \"stolen phone\"
  grove devices revoke 4y7c --words-file words.txt";

/// What `devices` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Devices {
    /// Make a new device one of yours, after grove link on it
    #[command(after_long_help = APPROVE_HELP)]
    Approve(Approve),

    /// List your devices, and when each was last seen
    #[command(visible_alias = "ls")]
    List,

    /// Name a device
    #[command(after_long_help = RENAME_HELP)]
    Rename {
        /// The device
        device: String,
        /// Its name; an empty one takes the name away
        name: String,
    },

    /// Take a device off your account that is in nobody's hands
    #[command(after_long_help = RETIRE_HELP)]
    Retire {
        /// The device
        device: String,
        /// Do not ask whether this is the device
        #[arg(long)]
        yes: bool,
    },

    /// Take a device off your account that may be in other hands, with your recovery words
    #[command(after_long_help = REVOKE_HELP)]
    Revoke {
        /// The device
        device: String,
        /// File with the recovery words; - is standard input
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        words_file: Option<PathBuf>,
        /// Do not ask whether this is the device
        #[arg(long)]
        yes: bool,
    },
}
