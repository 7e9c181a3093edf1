//! The outbox: what must be sent, in order.

use grove_core::store::{Outgoing, OutgoingKind, StoreError};
use grove_wire::uri::RoomUri;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::values::{integer, parsed, row_number, unsigned};
use crate::error::Sql;

pub(super) fn add(connection: &Connection, outgoing: &Outgoing) -> Result<u64, StoreError> {
    let sql = "INSERT INTO outbox (number, room, kind, message, epoch, bytes, message_id) \
               VALUES (:number, :room, :kind, :message, :epoch, :bytes, :message_id)";
    write(connection, sql, None, outgoing)?;
    row_number(connection.last_insert_rowid())
}

pub(super) fn put(connection: &Connection, outgoing: &Outgoing) -> Result<(), StoreError> {
    let sql = "UPDATE outbox SET room = :room, kind = :kind, message = :message, epoch = :epoch, bytes = :bytes, \
               message_id = :message_id WHERE number = :number";
    write(connection, sql, Some(outgoing.number), outgoing)
}

fn write(
    connection: &Connection,
    sql: &str,
    number: Option<u64>,
    outgoing: &Outgoing,
) -> Result<(), StoreError> {
    let (kind, message) = match outgoing.kind {
        OutgoingKind::Application { message } => ("application", Some(message)),
        OutgoingKind::Commit => ("commit", None),
        OutgoingKind::Creation => ("creation", None),
        OutgoingKind::ExternalCommit => ("external-commit", None),
        OutgoingKind::Leaving => ("leaving", None),
    };
    connection
        .prepare_cached(sql)
        .sql()?
        .execute(named_params! {
            ":number": number.map(integer).transpose()?,
            ":room": outgoing.room.as_str(),
            ":kind": kind,
            ":message": message.map(integer).transpose()?,
            ":epoch": integer(outgoing.epoch)?,
            ":bytes": outgoing.bytes,
            ":message_id": outgoing.message_id,
        })
        .sql()?;
    Ok(())
}

pub(super) fn find(connection: &Connection, number: u64) -> Result<Option<Outgoing>, StoreError> {
    connection
        .prepare_cached("SELECT number, room, kind, message, epoch, bytes, message_id FROM outbox WHERE number = ?1")
        .sql()?
        .query_row(params![integer(number)?], read)
        .optional()
        .sql()
}

pub(super) fn list(connection: &Connection, room: &RoomUri) -> Result<Vec<Outgoing>, StoreError> {
    connection
        .prepare_cached(
            "SELECT number, room, kind, message, epoch, bytes, message_id FROM outbox WHERE room = ?1 ORDER BY number",
        )
        .sql()?
        .query_map(params![room.as_str()], read)
        .sql()?
        .collect::<rusqlite::Result<_>>()
        .sql()
}

pub(super) fn remove(connection: &Connection, number: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM outbox WHERE number = ?1")
        .sql()?
        .execute(params![integer(number)?])
        .sql()?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    let kind: String = row.get("kind")?;
    Ok(Outgoing {
        number: unsigned(row, "number")?,
        room: parsed(row, "room")?,
        kind: match kind.as_str() {
            "application" => OutgoingKind::Application {
                message: unsigned(row, "message")?,
            },
            "commit" => OutgoingKind::Commit,
            "creation" => OutgoingKind::Creation,
            "external-commit" => OutgoingKind::ExternalCommit,
            "leaving" => OutgoingKind::Leaving,
            _ => {
                return Err(rusqlite::Error::FromSqlConversionFailure(
                    2,
                    Type::Text,
                    "unknown word in kind".into(),
                ));
            }
        },
        epoch: unsigned(row, "epoch")?,
        bytes: row.get("bytes")?,
        message_id: row.get("message_id")?,
    })
}
