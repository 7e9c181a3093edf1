//! How many messages of each client were accepted.

use grove_core::store::StoreError;
use grove_wire::uri::{ClientUri, RoomUri};
use rusqlite::{Connection, OptionalExtension, params};

use super::values::integer;
use crate::error::Sql;

pub(super) fn find(
    connection: &Connection,
    room: &RoomUri,
    client: &ClientUri,
) -> Result<Option<u64>, StoreError> {
    connection
        .prepare_cached("SELECT sent FROM tallies WHERE room = ?1 AND client = ?2")
        .sql()?
        .query_row(params![room.as_str(), client.as_str()], |row| row.get(0))
        .optional()
        .sql()
}

pub(super) fn put(
    connection: &Connection,
    room: &RoomUri,
    client: &ClientUri,
    sent: u64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO tallies (room, client, sent) VALUES (?1, ?2, ?3)")
        .sql()?
        .execute(params![room.as_str(), client.as_str(), integer(sent)?])
        .sql()?;
    Ok(())
}

pub(super) fn remove(
    connection: &Connection,
    room: &RoomUri,
    but: &ClientUri,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM tallies WHERE room = ?1 AND client <> ?2")
        .sql()?
        .execute(params![room.as_str(), but.as_str()])
        .sql()?;
    Ok(())
}
