//! An open transaction: each function is one statement, in the file of its noun.

mod account;
mod devices;
mod evidence;
mod inbox;
mod journal;
mod messages;
mod outbox;
mod pins;
mod rooms;
mod tallies;
mod values;

use grove_core::message::MessageStatus;
use grove_core::store::{
    Account, Listing, Outgoing, Pin, Room, Sighting, StoreError, StoredEvidence, StoredMessage, Tx,
    WaitingWelcome,
};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::error::Sql;

/// An open transaction; dropped without a commit, it leaves nothing.
pub(crate) struct OpenTx<'c>(pub(crate) Transaction<'c>);

/// SQLite counts the commits of other connections for us.
pub(crate) fn generation(connection: &Connection) -> Result<u64, StoreError> {
    connection
        .pragma_query_value(None, "data_version", |row| row.get(0))
        .sql()
}

impl Tx for OpenTx<'_> {
    fn generation(&self) -> Result<u64, StoreError> {
        generation(&self.0)
    }

    fn find_record(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0
            .prepare_cached("SELECT value FROM mls_records WHERE key = ?1")
            .sql()?
            .query_row(params![key], |row| row.get(0))
            .optional()
            .sql()
    }

    fn put_record(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        let sql = match value {
            Some(_) => "INSERT OR REPLACE INTO mls_records (key, value) VALUES (?1, ?2)",
            None => "DELETE FROM mls_records WHERE key = ?1 AND ?2 IS NULL",
        };
        self.0
            .prepare_cached(sql)
            .sql()?
            .execute(params![key, value])
            .sql()?;
        Ok(())
    }

    fn remove_records(&mut self, prefix: &[u8]) -> Result<(), StoreError> {
        self.0
            .prepare_cached(
                "DELETE FROM mls_records WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1",
            )
            .sql()?
            .execute(params![prefix])
            .sql()?;
        Ok(())
    }

    fn find_account(&self) -> Result<Option<Account>, StoreError> {
        account::find(&self.0)
    }

    fn put_account(&mut self, account: &Account) -> Result<(), StoreError> {
        account::put(&self.0, account)
    }

    fn find_room(&self, room: &RoomUri) -> Result<Option<Room>, StoreError> {
        rooms::find(&self.0, room)
    }

    fn list_rooms(&self) -> Result<Vec<Room>, StoreError> {
        rooms::list(&self.0)
    }

    fn put_room(&mut self, room: &Room) -> Result<(), StoreError> {
        rooms::put(&self.0, room)
    }

    fn put_head(&mut self, room: &RoomUri, seq: u64, head: &[u8; 32]) -> Result<(), StoreError> {
        rooms::put_head(&self.0, room, seq, head)
    }

    fn find_head(&self, room: &RoomUri, seq: u64) -> Result<Option<[u8; 32]>, StoreError> {
        rooms::find_head(&self.0, room, seq)
    }

    fn put_receipt(&mut self, room: &RoomUri, seq: u64, receipt: &[u8]) -> Result<(), StoreError> {
        evidence::put_receipt(&self.0, room, seq, receipt)
    }

    fn find_receipt(&self, room: &RoomUri, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        evidence::find_receipt(&self.0, room, seq)
    }

    fn find_tally(&self, room: &RoomUri, client: &ClientUri) -> Result<Option<u64>, StoreError> {
        tallies::find(&self.0, room, client)
    }

    fn put_tally(
        &mut self,
        room: &RoomUri,
        client: &ClientUri,
        sent: u64,
    ) -> Result<(), StoreError> {
        tallies::put(&self.0, room, client, sent)
    }

    fn remove_tallies(&mut self, room: &RoomUri, but: &ClientUri) -> Result<(), StoreError> {
        tallies::remove(&self.0, room, but)
    }

    fn add_evidence(&mut self, room: &RoomUri, time: u64, bytes: &[u8]) -> Result<(), StoreError> {
        evidence::add(&self.0, room, time, bytes)
    }

    fn list_evidence(&self) -> Result<Vec<StoredEvidence>, StoreError> {
        evidence::list(&self.0)
    }

    fn remove_heads(&mut self, room: &RoomUri, below: u64) -> Result<(), StoreError> {
        rooms::remove_heads(&self.0, room, below)
    }

    fn add_message(&mut self, message: &StoredMessage) -> Result<u64, StoreError> {
        messages::add(&self.0, message)
    }

    fn put_message(&mut self, message: &StoredMessage) -> Result<(), StoreError> {
        messages::put(&self.0, message)
    }

    fn find_message(&self, number: u64) -> Result<Option<StoredMessage>, StoreError> {
        messages::find(&self.0, number)
    }

    fn find_message_by_id(
        &self,
        room: &RoomUri,
        id: &[u8; 32],
    ) -> Result<Option<StoredMessage>, StoreError> {
        messages::find_by_id(&self.0, room, id)
    }

    fn find_message_by_counter(
        &self,
        room: &RoomUri,
        client: &ClientUri,
        counter: u64,
    ) -> Result<Option<StoredMessage>, StoreError> {
        messages::find_by_counter(&self.0, room, client, counter)
    }

    fn find_message_at(
        &self,
        room: &RoomUri,
        seq: u64,
    ) -> Result<Option<StoredMessage>, StoreError> {
        messages::find_at(&self.0, room, seq)
    }

    fn list_messages(
        &self,
        room: &RoomUri,
        listing: Listing,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        messages::list(&self.0, room, listing)
    }

    fn count_unread(&self, room: &RoomUri, after: u64, user: &UserUri) -> Result<u64, StoreError> {
        messages::count_unread(&self.0, room, after, user)
    }

    fn count_messages(&self, status: MessageStatus) -> Result<u64, StoreError> {
        messages::count(&self.0, status)
    }

    fn add_outgoing(&mut self, outgoing: &Outgoing) -> Result<u64, StoreError> {
        outbox::add(&self.0, outgoing)
    }

    fn put_outgoing(&mut self, outgoing: &Outgoing) -> Result<(), StoreError> {
        outbox::put(&self.0, outgoing)
    }

    fn find_outgoing(&self, number: u64) -> Result<Option<Outgoing>, StoreError> {
        outbox::find(&self.0, number)
    }

    fn list_outgoing(&self, room: &RoomUri) -> Result<Vec<Outgoing>, StoreError> {
        outbox::list(&self.0, room)
    }

    fn remove_outgoing(&mut self, number: u64) -> Result<(), StoreError> {
        outbox::remove(&self.0, number)
    }

    fn find_pin(&self, user: &UserUri) -> Result<Option<Pin>, StoreError> {
        pins::find(&self.0, user)
    }

    fn put_pin(&mut self, pin: &Pin) -> Result<(), StoreError> {
        pins::put(&self.0, pin)
    }

    fn list_pins(&self, limit: usize) -> Result<Vec<Pin>, StoreError> {
        pins::list(&self.0, limit)
    }

    fn put_device_name(&mut self, client: &ClientUri, name: &str) -> Result<(), StoreError> {
        devices::put_name(&self.0, client, name)
    }

    fn list_device_names(&self) -> Result<Vec<(ClientUri, String)>, StoreError> {
        devices::list_names(&self.0)
    }

    fn put_sighting(&mut self, room: &RoomUri, sighting: &Sighting) -> Result<(), StoreError> {
        devices::put_sighting(&self.0, room, sighting)
    }

    fn remove_sightings(&mut self, room: Option<&RoomUri>) -> Result<(), StoreError> {
        devices::remove_sightings(&self.0, room)
    }

    fn list_sightings(&self, room: &RoomUri) -> Result<Vec<Sighting>, StoreError> {
        devices::list_sightings(&self.0, room)
    }

    fn put_welcome(&mut self, welcome: &WaitingWelcome) -> Result<(), StoreError> {
        inbox::put(&self.0, welcome)
    }

    fn list_welcomes(&self) -> Result<Vec<WaitingWelcome>, StoreError> {
        inbox::list(&self.0)
    }

    fn remove_welcome(&mut self, inbox_id: u64) -> Result<(), StoreError> {
        inbox::remove(&self.0, inbox_id)
    }

    fn add_journal_line(&mut self, line: &str) -> Result<u64, StoreError> {
        journal::add(&self.0, line)
    }

    fn list_journal(&self, after: u64, limit: usize) -> Result<Vec<(u64, String)>, StoreError> {
        journal::list(&self.0, after, limit)
    }

    fn remove_journal(&mut self, up_to: u64) -> Result<(), StoreError> {
        journal::remove(&self.0, up_to)
    }
}
