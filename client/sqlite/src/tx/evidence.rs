//! What hubs signed, and the proofs that they lied.

use grove_core::store::{StoreError, StoredEvidence};
use grove_wire::uri::RoomUri;
use rusqlite::{Connection, OptionalExtension, params};

use super::values::{integer, parsed, unsigned};
use crate::error::Sql;

pub(super) fn put_receipt(
    connection: &Connection,
    room: &RoomUri,
    seq: u64,
    receipt: &[u8],
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO receipts (room, seq, receipt) VALUES (?1, ?2, ?3)")
        .sql()?
        .execute(params![room.as_str(), integer(seq)?, receipt])
        .sql()?;
    Ok(())
}

pub(super) fn find_receipt(
    connection: &Connection,
    room: &RoomUri,
    seq: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    connection
        .prepare_cached("SELECT receipt FROM receipts WHERE room = ?1 AND seq = ?2")
        .sql()?
        .query_row(params![room.as_str(), integer(seq)?], |row| row.get(0))
        .optional()
        .sql()
}

pub(super) fn add(
    connection: &Connection,
    room: &RoomUri,
    time: u64,
    bytes: &[u8],
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO evidence (room, time, bytes) VALUES (?1, ?2, ?3)")
        .sql()?
        .execute(params![room.as_str(), integer(time)?, bytes])
        .sql()?;
    Ok(())
}

pub(super) fn list(connection: &Connection) -> Result<Vec<StoredEvidence>, StoreError> {
    connection
        .prepare_cached("SELECT number, room, time, bytes FROM evidence ORDER BY number")
        .sql()?
        .query_map([], |row| {
            Ok(StoredEvidence {
                number: unsigned(row, "number")?,
                room: parsed(row, "room")?,
                time: unsigned(row, "time")?,
                bytes: row.get("bytes")?,
            })
        })
        .sql()?
        .collect::<rusqlite::Result<_>>()
        .sql()
}
