//! What a profile holds, as plain records: the store keeps them, the engine gives them meaning.
//!
//! Plaintext and secrets stand in here, so that none of it may be logged: `Debug` shows neither.

use std::fmt;

use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use zeroize::Zeroizing;

use crate::message::{MessageKind, MessageStatus};
use crate::trust::Trust;

/// The seed of a key, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// Wraps a seed.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

/// How far an account has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// The server knows it.
    Registered,
    /// Its keys exist; whether the server knows it is not certain.
    Registering,
}

/// Who this profile is: one device of one user.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: UserUri,
    /// This device.
    pub client: ClientUri,
    /// How far it has come.
    pub state: AccountState,
    /// Seed of the user identity key.
    pub uik: Seed,
    /// Seed of this device's key.
    pub device: Seed,
    /// Seed of the recovery key, until its words were kept.
    pub recovery: Option<Seed>,
    /// The newest signed device list of the user.
    pub device_list: Vec<u8>,
    /// The device credential's bytes, signed by the UIK.
    pub credential: Vec<u8>,
    /// The home server's public key: external sender and receipts.
    pub server_key: Vec<u8>,
    /// The cipher suites the home server and this client both know.
    pub suites: Vec<u16>,
    /// The bearer token of the session.
    pub token: Option<String>,
    /// When the session ends, in milliseconds.
    pub token_expires_at: u64,
    /// The newest line of the journal that a listener has shown.
    pub listened: u64,
    /// The room of the user's own devices, once there is one.
    pub account_room: Option<RoomUri>,
    /// When the user's rooms were last compared with the server's, in milliseconds; 0 for never.
    pub rooms_checked: u64,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("client", &self.client)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// How this client stands to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomState {
    /// Its creation is under way.
    Creating,
    /// An external commit is under way.
    Joining,
    /// A member.
    Joined,
    /// The user has left; the commit that says so may be outstanding.
    Left,
    /// Somebody removed the user.
    Removed,
}

/// Why nothing more is sent to a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The hub shows different logs. What proves it stands among the evidence.
    Fork {
        /// The signed receipt that does not fit what was read, as long as it wants its other half;
        /// empty otherwise.
        theirs: Vec<u8>,
    },
    /// Another device of the user sees another state of the room.
    Sibling,
    /// The hub does not give, or does not sign for, what it says stands in the log.
    Withheld,
}

impl Stop {
    /// A fork of which nothing more need be asked.
    pub const PROVEN: Self = Self::Fork { theirs: Vec::new() };
}

/// A proof that a hub lied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvidence {
    /// Its number; given by the store.
    pub number: u64,
    /// The room.
    pub room: RoomUri,
    /// When it was found, in milliseconds.
    pub time: u64,
    /// An `Evidence`'s bytes.
    pub bytes: Vec<u8>,
}

/// Why a room's log cannot be followed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LostCause {
    /// The log goes on later than where this client stands: what lay between was deleted for its
    /// age.
    Expired,
    /// A commit that the hub accepted and this client cannot merge; made by this client, if that is
    /// known.
    Poisoned(Option<ClientUri>),
    /// The room's keys are gone or unusable.
    State,
}

/// The point from which on a room could not be followed, until this client is back in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The last entry that was read.
    pub seq: u64,
    /// The newest epoch that entries behind it speak of: the hub's word, which proves nothing.
    pub epoch: u64,
    /// The hub's time of the first entry that could not be read, or of noticing; milliseconds.
    pub time: u64,
    /// When it was noticed here, in milliseconds.
    pub noticed: u64,
    /// Why.
    pub cause: LostCause,
}

/// What some device of the user saw a room to be in an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The epoch.
    pub epoch: u64,
    /// The entry at which it was seen.
    pub seq: u64,
    /// The head of the hash chain there.
    pub head: [u8; 32],
    /// SHA-256 of the epoch authenticator.
    pub authenticator: [u8; 32],
}

/// One room.
#[derive(Clone, PartialEq, Eq)]
pub struct Room {
    /// Its URI.
    pub uri: RoomUri,
    /// How this client stands to it.
    pub state: RoomState,
    /// Its name, from the newest profile.
    pub name: String,
    /// Its topic, from the newest profile.
    pub topic: String,
    /// The newest signed profile.
    pub profile: Option<Vec<u8>>,
    /// The version of that profile; 0 without one.
    pub profile_version: u64,
    /// The epoch read up to.
    pub epoch: u64,
    /// The entry read up to.
    pub seq: u64,
    /// The head of the hash chain at `seq`; none until the first receipt after joining.
    pub head: Option<[u8; 32]>,
    /// The newest receipt whose signature was checked.
    pub receipt: Option<Vec<u8>>,
    /// The counter of this client's next message.
    pub counter: u64,
    /// Messages that look like this client's own were read, and it has no record of them: a commit
    /// of its own comes before its next message.
    pub keys_in_doubt: bool,
    /// Members were added by this client and wait for the profile.
    pub profile_due: bool,
    /// When this client's leaf was last renewed, in milliseconds.
    pub leaf_since: u64,
    /// Entries in a row that could not be read.
    pub unreadable: u64,
    /// When the hub accepted the oldest pending removal, in milliseconds.
    pub removals_since: Option<u64>,
    /// Why nothing more is sent.
    pub stop: Option<Stop>,
    /// Since when the log cannot be followed; none when it can.
    pub lost: Option<Lost>,
    /// The entry that a person has read up to, on any device.
    pub read_up_to: u64,
    /// A text begun and not sent, on any device.
    pub draft: String,
}

impl Room {
    /// A room of which nothing has been read.
    pub fn new(uri: RoomUri, state: RoomState, now: u64) -> Self {
        Self {
            uri,
            state,
            name: String::new(),
            topic: String::new(),
            profile: None,
            profile_version: 0,
            epoch: 0,
            seq: 0,
            head: None,
            receipt: None,
            counter: 1,
            keys_in_doubt: false,
            profile_due: false,
            leaf_since: now,
            unreadable: 0,
            removals_since: None,
            stop: None,
            lost: None,
            read_up_to: 0,
            draft: String::new(),
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("uri", &self.uri)
            .field("state", &self.state)
            .field("epoch", &self.epoch)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

/// What a stored message is, beyond what a person sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// Something a person reads, or that changes what was read.
    Shown(MessageKind),
    /// A room profile.
    Profile,
    /// A note among the user's own devices, in their account room.
    AccountNote,
}

/// A message of a room's history, or one still to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its place in this profile; given by the store.
    pub number: u64,
    /// Its room.
    pub room: RoomUri,
    /// Its place in the room's log, once accepted.
    pub seq: Option<u64>,
    /// Its MIMI message id, once accepted.
    pub id: Option<[u8; 32]>,
    /// The client that sent it.
    pub client: ClientUri,
    /// The sender's counter; 0 if the sender gave none, or only uses the client's name.
    pub counter: u64,
    /// The content's salt.
    pub salt: [u8; 16],
    /// The hub's time of acceptance, or of its writing while it waits; in milliseconds.
    pub time: u64,
    /// What it is.
    pub kind: ContentKind,
    /// Its text; empty when deleted.
    pub text: String,
    /// What it answers or reacts to.
    pub in_reply_to: Option<[u8; 32]>,
    /// What it replaces.
    pub replaces: Option<[u8; 32]>,
    /// A later message changed its text.
    pub edited: bool,
    /// A later message deleted it.
    pub deleted: bool,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why it failed.
    pub failure: Option<String>,
    /// It says what its sender had seen of the room when it was sent, as our clients do; so the
    /// place it has in the log is proven.
    pub witnessed: bool,
    /// What this client thought of the sender when it read the message; none for own ones.
    pub trust: Option<Trust>,
    /// An own account note, encoded, until it is accepted.
    pub payload: Option<Vec<u8>>,
}

impl fmt::Debug for StoredMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredMessage")
            .field("number", &self.number)
            .field("seq", &self.seq)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Which part of a history is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// At most so many.
    pub limit: usize,
    /// Only those before this number.
    pub before: Option<u64>,
}

/// What waits in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutgoingKind {
    /// A message of this number.
    Application {
        /// The message it stands for.
        message: u64,
    },
    /// A commit; its bytes are an `UpdateRequest`.
    Commit,
    /// The creation of the room; its bytes are a `CreateRoomRequest`.
    Creation,
    /// An external commit; its bytes are an `UpdateRequest`.
    ExternalCommit,
    /// Proposals to leave; its bytes are an `UpdateRequest`.
    Leaving,
}

/// An entry of the outbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its place in the outbox; given by the store.
    pub number: u64,
    /// Its room.
    pub room: RoomUri,
    /// What it is.
    pub kind: OutgoingKind,
    /// The epoch its bytes were made in.
    pub epoch: u64,
    /// The exact bytes that are sent, once made; the same on every attempt.
    pub bytes: Option<Vec<u8>>,
    /// The id the message will have if these bytes are accepted.
    pub message_id: Option<[u8; 32]>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("number", &self.number)
            .field("kind", &self.kind)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// What is known of a user's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The user.
    pub user: UserUri,
    /// Who they are: the newest identity seen that follows the first.
    pub identity: Vec<u8>,
    /// The newest signed device list seen, if the home server gave one.
    pub device_list: Option<Vec<u8>>,
    /// Another identity that says to be the user, and follows none that was seen: the last such.
    pub rival: Option<Vec<u8>>,
    /// Another device of the own user knows them as the rival, so that neither is believed.
    pub disputed: bool,
    /// A person compared the identity; otherwise it is trusted on first use.
    pub verified: bool,
    /// The own device that said so, if it was another one.
    pub verified_by: Option<ClientUri>,
    /// When the user was seen first, in milliseconds.
    pub since: u64,
}

impl Pin {
    /// Whether a person compared the identity on this device itself.
    pub fn was_compared_here(&self) -> bool {
        self.verified && self.verified_by.is_none()
    }
}

/// A Welcome that was received and not yet joined.
#[derive(Clone, PartialEq, Eq)]
pub struct WaitingWelcome {
    /// Its id in the device inbox.
    pub inbox_id: u64,
    /// The room it leads to.
    pub room: RoomUri,
    /// The place of its commit in the room's log.
    pub seq: u64,
    /// The epoch it leads to.
    pub epoch: u64,
    /// The Welcome's bytes.
    pub welcome: Vec<u8>,
}

impl fmt::Debug for WaitingWelcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingWelcome")
            .field("room", &self.room)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}
