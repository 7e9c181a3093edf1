//! The command line: names, help and examples. Must not know what a command does.
//!
//! No argument holds a secret: invites and passphrases come from files, the environment, standard
//! input or a prompt.

mod devices;
mod evidence;
mod link;

pub(crate) use devices::Devices;
pub(crate) use evidence::Evidence;
pub(crate) use link::{Approve, Link, ProfileWish, Recover};

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use grove_core::MessageId;
use grove_wire::uri::UserUri;

use crate::endpoint::ServerUrl;
use crate::exit;
use crate::profile::ProfileName;

/// Encrypted group messaging, from the command line.
#[derive(Debug, Parser)]
#[command(
    name = "grove",
    version,
    about,
    long_about = LONG_ABOUT,
    after_long_help = after_help(),
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
)]
pub(crate) struct Arguments {
    /// Which profile to use; not needed when there is only one
    #[arg(long, global = true, env = "GROVE_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<ProfileName>,

    /// Print one JSON object per line, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Where the server answers; kept by register, link and recover, otherwise for this run only
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) server: Option<ServerUrl>,

    /// Say more on standard error; twice for still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

const LONG_ABOUT: &str = "Encrypted group messaging, from the command line.\n\n\
    Messages are encrypted on this machine and only the members of a room can read them. A ROOM is \
    named by its name, by the beginning of its id, or by its whole address (mimi://...). An ADDRESS \
    is written alice@a.example.";

const EXAMPLES: &str = "Examples:
  grove register alice@a.example
  grove rooms create Garden --invite bob@a.example
  grove send Garden \"the tomatoes are ripe\"
  date | grove send Garden
  grove listen
  grove listen --json Garden | jq -r 'select(.event == \"message\").message.text'";

fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}", exit::table())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an account on a server, and keys on this machine
    #[command(after_long_help = REGISTER_HELP)]
    Register(Register),

    /// Make this machine another device of your account
    #[command(after_long_help = link::LINK_HELP)]
    Link(Link),

    /// Take your account back with the recovery words
    #[command(after_long_help = link::RECOVER_HELP)]
    Recover(Recover),

    /// Make, list, enter and leave rooms, and say who is in them
    #[command(subcommand, visible_alias = "room")]
    Rooms(Rooms),

    /// List and name your devices, and take lost ones off your account
    #[command(subcommand, visible_alias = "device")]
    Devices(Devices),

    /// Send a message to a room
    #[command(after_long_help = SEND_HELP)]
    Send(Send),

    /// Print what arrives, until Ctrl-C
    #[command(after_long_help = LISTEN_HELP)]
    Listen(Listen),

    /// Show a person's safety number, or say that you compared it
    #[command(after_long_help = TRUST_HELP)]
    Trust {
        /// The person; without one, you
        #[arg(value_name = "ADDRESS", value_parser = parse_address)]
        user: Option<UserUri>,

        /// The 60 digits that the person has told you, with or without spaces
        #[arg(value_name = "DIGITS", requires = "user", num_args = 0..)]
        digits: Vec<String>,
    },

    /// See, hand on and check proofs that a server has lied
    #[command(subcommand)]
    Evidence(Evidence),

    /// Catch up once: read what arrived, send what waits
    #[command(after_long_help = SYNC_HELP)]
    Sync,

    /// Print messages of a room that this device has read
    #[command(after_long_help = HISTORY_HELP)]
    History(History),

    /// Say which account and device this is
    Whoami,

    /// Say how this device and its server are doing
    Status,

    /// Print a completion script for a shell
    #[command(after_long_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

const REGISTER_HELP: &str =
    "The recovery words are shown once. Write them down: they are the only \
    way to take your account back when a device is stolen.\n\n\
    An invite, a link or the token in it, is a secret and therefore no argument: put it into a \
    file (--invite-file), into the environment (GROVE_INVITE), or type it when asked. A registration that was cut short is \
    finished by running the same command again.\n\n\
    Examples:
  grove register alice@a.example
  grove register alice@a.example --invite-file invite.txt --recovery-file words.txt
  printf '%s' \"$INVITE\" | grove register alice@a.example --invite-file -
  grove --profile work register alice@a.example --passphrase
  grove register alice@localhost --server http://127.0.0.1:8448";

/// What `register` takes.
#[derive(Debug, Args)]
pub(crate) struct Register {
    /// The address you want, such as alice@a.example
    #[arg(value_parser = parse_address)]
    pub(crate) address: UserUri,

    /// File with the invite; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) invite_file: Option<PathBuf>,

    /// Write the recovery words to this new file instead of showing them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) recovery_file: Option<PathBuf>,

    /// How the profile is made
    #[command(flatten)]
    pub(crate) profile: ProfileWish,
}

/// What `rooms` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Rooms {
    /// Make a room
    #[command(after_long_help = "Examples:
  grove rooms create Garden
  grove rooms create Garden --topic \"What grows\" --invite bob@a.example carol@a.example")]
    Create {
        /// Its name; only members can read it
        name: String,
        /// What it is about; only members can read it
        #[arg(long)]
        topic: Option<String>,
        /// Whom to invite at once
        #[arg(long, value_name = "ADDRESS", num_args = 1.., value_parser = parse_address)]
        invite: Vec<UserUri>,
    },

    /// List the rooms
    #[command(visible_alias = "ls")]
    List,

    /// Show, keep or clear the text that you have begun in a room, on all your devices
    Draft {
        /// The room
        room: String,
        /// The text; an empty one clears it
        text: Option<String>,
    },

    /// Bring people into a room
    #[command(after_long_help = "Example:\n  grove rooms invite Garden bob@a.example")]
    Invite {
        /// The room
        room: String,
        /// Whom
        #[arg(value_name = "ADDRESS", required = true, value_parser = parse_address)]
        users: Vec<UserUri>,
    },

    /// Enter a room that lists you as a participant, by its whole address
    #[command(after_long_help = "Example:\n  grove rooms join mimi://a.example/r/4y7c...")]
    Join {
        /// The room
        room: String,
    },

    /// Leave a room
    Leave {
        /// The room
        room: String,
    },

    /// List who is in a room
    Members {
        /// The room
        room: String,
    },

    /// Mark all that a room holds as read, on all your devices
    Read {
        /// The room
        room: String,
    },

    /// Come back, now, into a room that this device cannot follow
    #[command(after_long_help = REJOIN_HELP)]
    Rejoin {
        /// The room
        room: String,
    },

    /// Remove people from a room
    #[command(after_long_help = "Example:\n  grove rooms remove Garden bob@a.example")]
    Remove {
        /// The room
        room: String,
        /// Whom
        #[arg(value_name = "ADDRESS", required = true, value_parser = parse_address)]
        users: Vec<UserUri>,
    },

    /// Write again to a room whose server was caught, knowing that
    #[command(after_long_help = RESUME_HELP)]
    Resume {
        /// The room
        room: String,
    },
}

const REJOIN_HELP: &str = "A device that cannot follow a room any more (its keys are lost here, a \
    change cannot be read, it was away for longer than the server keeps what is written) comes back by \
    itself as soon as it can; grove rooms list shows such rooms. This command does it at once, and also \
    where this device believes to follow: it enters the room anew, with new keys, and says in one line \
    what could not be read. What was read stays.\n\n\
    Example:\n  grove rooms rejoin Garden";

const RESUME_HELP: &str = "When a server gives something else than it has signed, nothing is sent to \
    that room any more: what you write there may be shown to some of its members only. What was \
    signed twice is kept as a proof (grove evidence list). This command lifts the stop. The room is \
    stopped again as soon as the server contradicts itself anew.\n\n\
    Example:\n  grove rooms resume Garden";

const SEND_HELP: &str = "Without TEXT, or with -, the message is standard input to its end.\n\n\
    When the server cannot be reached, the message waits in the outbox, the command says so and \
    ends with 0: do not send it again. Every later command that reaches the server sends what \
    waits; grove sync does only that, and ends with 4 as long as the server cannot be reached. With --require-accepted, a \
    message that had to wait ends with 4 (and still waits).\n\n\
    Examples:
  grove send Garden \"the tomatoes are ripe\"
  df -h | grove send Garden
  grove send Garden --react-to 5d2c... \"+1\"
  grove send Garden --edit 5d2c... \"the tomatoes are red\"
  grove send Garden --delete 5d2c...";

/// What `send` takes.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The room
    pub(crate) room: String,

    /// The text; standard input when absent or -
    #[arg(conflicts_with = "delete")]
    pub(crate) text: Option<String>,

    /// What the message is about
    #[command(flatten)]
    pub(crate) about: About,

    /// End with 4 when the message could only be queued
    #[arg(long)]
    pub(crate) require_accepted: bool,
}

/// The earlier message that one is about; at most one of these.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct About {
    /// Answer this message
    #[arg(long, value_name = "ID", value_parser = MessageId::parse)]
    pub(crate) reply_to: Option<MessageId>,

    /// React to this message with TEXT, such as one emoji
    #[arg(long, value_name = "ID", value_parser = MessageId::parse)]
    pub(crate) react_to: Option<MessageId>,

    /// Replace the text of this message, which must be yours
    #[arg(long, value_name = "ID", value_parser = MessageId::parse)]
    pub(crate) edit: Option<MessageId>,

    /// Take this message back, which must be yours
    #[arg(long, value_name = "ID", value_parser = MessageId::parse)]
    pub(crate) delete: Option<MessageId>,
}

const LISTEN_HELP: &str =
    "Starts with what arrived since the last grove listen, and connects again \
    by itself when the connection breaks. Ctrl-C ends it with 0.\n\n\
    Examples:
  grove listen
  grove listen Garden
  grove listen --once
  grove listen --json | while read -r line; do echo \"$line\"; done";

/// What `listen` takes.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Only this room
    pub(crate) room: Option<String>,

    /// Print what arrived since the last time, then end
    #[arg(long)]
    pub(crate) once: bool,

    /// Ask the server by long polls instead of a WebSocket, where a proxy breaks those
    #[arg(long, conflicts_with = "once")]
    pub(crate) poll: bool,
}

const TRUST_HELP: &str = "A safety number stands for a person's recovery keys: it stays the same \
    when they get another device or renew their identity with their words. Compare it by another \
    way than this one: read it to each other by telephone, or meet. Then give the digits you were \
    told, and the person counts as verified.\n\n\
    When somebody in a room says to be a person you know, under another identity, nothing is sent \
    to that room: either the person has lost their words and begun anew, or somebody pretends to be \
    them. grove trust shows both numbers, and takes the one you were told.\n\n\
    Examples:
  grove trust                      shows your own number
  grove trust bob@a.example        shows bob's
  grove trust bob@a.example 01234 56789 ...   says that bob told you these digits";

const SYNC_HELP: &str = "What is read is kept for grove listen and grove history. Ends with 4 when \
    the server cannot be reached.";

const HISTORY_HELP: &str = "Oldest first. Works without the server.\n\n\
    Examples:
  grove history Garden
  grove history Garden --limit 200 --json
  grove history Garden --before 1200";

/// What `history` takes.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// The room
    pub(crate) room: String,

    /// At most so many messages, the newest
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) limit: u16,

    /// Only messages before the one with this number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) before: Option<u64>,
}

const COMPLETIONS_HELP: &str = "Examples:
  grove completions bash > ~/.local/share/bash-completion/completions/grove
  grove completions zsh > ~/.zfunc/_grove
  grove completions fish > ~/.config/fish/completions/grove.fish";

fn parse_address(text: &str) -> Result<UserUri, String> {
    UserUri::parse(text).map_err(|error| format!("{error}; an address is written alice@a.example"))
}

#[cfg(test)]
mod tests;
