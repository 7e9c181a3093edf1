//! Where a profile is kept, as traits: the engine knows no SQL.
//!
//! Everything that belongs together changes in one transaction: ratchet state, plaintext, cursor
//! and outgoing bytes. A transaction is a closure, so that none can be held across an await.
//!
//! The surprise: two processes may share one store. What the engine keeps in memory is only good as
//! long as [`Tx::generation`] stays the same; it is asked first in every transaction.

mod records;

pub use records::{
    Account, AccountState, ContentKind, Listing, Lost, LostCause, Outgoing, OutgoingKind, Pin,
    Room, RoomState, Seed, Sighting, Stop, StoredEvidence, StoredMessage, WaitingWelcome,
};

use grove_wire::uri::{ClientUri, RoomUri, UserUri};

use crate::message::MessageStatus;

/// No number of a room comes so far, be it an epoch, a position, a version or a time in
/// milliseconds: one beyond it is a lie, and no store should have to hold it.
pub(crate) const BEYOND: u64 = 1 << 48;

/// The database of one profile.
pub trait Store {
    /// Runs `run` in one writing transaction: all of it happens, or nothing when it fails.
    ///
    /// # Errors
    /// What `run` returns, or the store's own failure as `E`.
    fn transaction<R, E: From<StoreError>>(
        &mut self,
        run: impl FnOnce(&mut dyn Tx) -> Result<R, E>,
    ) -> Result<R, E>;

    /// A number that changes when another process has written.
    ///
    /// # Errors
    /// [`StoreError`].
    fn generation(&self) -> Result<u64, StoreError>;
}

/// An open transaction. Reads see what the transaction has written.
pub trait Tx {
    /// [`Store::generation`], read inside the transaction and therefore stable until its end.
    ///
    /// # Errors
    /// [`StoreError`], as with every function here.
    fn generation(&self) -> Result<u64, StoreError>;

    /// Reads an MLS record.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_record(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Writes an MLS record; `None` deletes it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_record(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError>;
    /// Deletes all MLS records whose keys begin so.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_records(&mut self, prefix: &[u8]) -> Result<(), StoreError>;

    /// The account of this profile.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_account(&self) -> Result<Option<Account>, StoreError>;
    /// Writes the account; a profile has one.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_account(&mut self, account: &Account) -> Result<(), StoreError>;

    /// One room.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_room(&self, room: &RoomUri) -> Result<Option<Room>, StoreError>;
    /// All rooms, in order of their URIs.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list_rooms(&self) -> Result<Vec<Room>, StoreError>;
    /// Writes a room.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_room(&mut self, room: &Room) -> Result<(), StoreError>;

    /// Remembers the head of the hash chain at a position.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_head(&mut self, room: &RoomUri, seq: u64, head: &[u8; 32]) -> Result<(), StoreError>;
    /// The head at a position, if it is remembered.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_head(&self, room: &RoomUri, seq: u64) -> Result<Option<[u8; 32]>, StoreError>;
    /// Keeps the hub's receipt of a position, in place of one before.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_receipt(&mut self, room: &RoomUri, seq: u64, receipt: &[u8]) -> Result<(), StoreError>;
    /// The receipt of a position, if it is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_receipt(&self, room: &RoomUri, seq: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// Forgets the heads and receipts below a position.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_heads(&mut self, room: &RoomUri, below: u64) -> Result<(), StoreError>;

    /// How many messages of a client this one knows to have been accepted in a room; none if it has
    /// read none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_tally(&self, room: &RoomUri, client: &ClientUri) -> Result<Option<u64>, StoreError>;
    /// Remembers it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_tally(
        &mut self,
        room: &RoomUri,
        client: &ClientUri,
        sent: u64,
    ) -> Result<(), StoreError>;
    /// Forgets it for all clients in a room but one.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_tallies(&mut self, room: &RoomUri, but: &ClientUri) -> Result<(), StoreError>;

    /// Keeps a proof that a hub lied, found at this time; the same again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn add_evidence(&mut self, room: &RoomUri, time: u64, bytes: &[u8]) -> Result<(), StoreError>;
    /// All proofs, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list_evidence(&self) -> Result<Vec<StoredEvidence>, StoreError>;

    /// Adds a message (its `number` is not looked at) and returns its number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn add_message(&mut self, message: &StoredMessage) -> Result<u64, StoreError>;
    /// Overwrites the message with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_message(&mut self, message: &StoredMessage) -> Result<(), StoreError>;
    /// The message with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_message(&self, number: u64) -> Result<Option<StoredMessage>, StoreError>;
    /// The message with this id in a room.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_message_by_id(
        &self,
        room: &RoomUri,
        id: &[u8; 32],
    ) -> Result<Option<StoredMessage>, StoreError>;
    /// The message that a client counted so in a room; none for 0.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_message_by_counter(
        &self,
        room: &RoomUri,
        client: &ClientUri,
        counter: u64,
    ) -> Result<Option<StoredMessage>, StoreError>;
    /// The message, of whatever kind, that is known to stand at an entry of a room's log.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_message_at(
        &self,
        room: &RoomUri,
        seq: u64,
    ) -> Result<Option<StoredMessage>, StoreError>;
    /// The newest messages a person reads, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list_messages(
        &self,
        room: &RoomUri,
        listing: Listing,
    ) -> Result<Vec<StoredMessage>, StoreError>;
    /// How many messages of others than `user` stand in a room behind an entry; reactions and what
    /// was taken back do not count.
    ///
    /// # Errors
    /// [`StoreError`].
    fn count_unread(&self, room: &RoomUri, after: u64, user: &UserUri) -> Result<u64, StoreError>;
    /// How many messages have this status.
    ///
    /// # Errors
    /// [`StoreError`].
    fn count_messages(&self, status: MessageStatus) -> Result<u64, StoreError>;

    /// Adds to the end of the outbox (its `number` is not looked at) and returns its number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn add_outgoing(&mut self, outgoing: &Outgoing) -> Result<u64, StoreError>;
    /// Overwrites an entry of the outbox.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_outgoing(&mut self, outgoing: &Outgoing) -> Result<(), StoreError>;
    /// One entry of the outbox.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_outgoing(&self, number: u64) -> Result<Option<Outgoing>, StoreError>;
    /// The outbox of a room, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list_outgoing(&self, room: &RoomUri) -> Result<Vec<Outgoing>, StoreError>;
    /// Removes an entry of the outbox.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_outgoing(&mut self, number: u64) -> Result<(), StoreError>;

    /// What is pinned for a user.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_pin(&self, user: &UserUri) -> Result<Option<Pin>, StoreError>;
    /// Pins a user.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_pin(&mut self, pin: &Pin) -> Result<(), StoreError>;
    /// At most so many pins: those that were compared first, then those that are the oldest.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list_pins(&self, limit: usize) -> Result<Vec<Pin>, StoreError>;

    /// Names a device of the user; an empty name takes the name away.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_device_name(&mut self, client: &ClientUri, name: &str) -> Result<(), StoreError>;
    /// The names of the user's devices.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list_device_names(&self) -> Result<Vec<(ClientUri, String)>, StoreError>;

    /// Remembers what a device of the user saw of a room, and forgets all but the newest few
    /// epochs.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_sighting(&mut self, room: &RoomUri, sighting: &Sighting) -> Result<(), StoreError>;
    /// Forgets what was seen of a room, or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_sightings(&mut self, room: Option<&RoomUri>) -> Result<(), StoreError>;
    /// What was seen of a room, newest epoch first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list_sightings(&self, room: &RoomUri) -> Result<Vec<Sighting>, StoreError>;

    /// Keeps a Welcome until it can be joined; the same again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_welcome(&mut self, welcome: &WaitingWelcome) -> Result<(), StoreError>;
    /// The Welcomes that wait, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list_welcomes(&self) -> Result<Vec<WaitingWelcome>, StoreError>;
    /// Forgets a Welcome.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_welcome(&mut self, inbox_id: u64) -> Result<(), StoreError>;

    /// Adds a line to the journal and returns its number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn add_journal_line(&mut self, line: &str) -> Result<u64, StoreError>;
    /// Lines of the journal behind a number, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list_journal(&self, after: u64, limit: usize) -> Result<Vec<(u64, String)>, StoreError>;
    /// Forgets the lines of the journal up to a number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_journal(&mut self, up_to: u64) -> Result<(), StoreError>;
}

/// The store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the database for longer than we wait.
    #[error("the database is in use by another process")]
    Busy,
    /// What is stored does not have the form this version wrote.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// No space is left for it.
    #[error("the disk is full: the database cannot grow")]
    Full,
    /// The file system or the database refused.
    #[error("the database cannot be used: {0}")]
    Io(String),
    /// A newer version of this program has changed the database.
    #[error("the database has version {found}, this program knows up to {known}")]
    TooNew {
        /// The version found.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The key does not open the database, or the file is no database.
    #[error("the key does not open the database")]
    WrongKey,
}
