//! The user's other devices: their names, and what they saw of rooms.

use grove_core::store::{Sighting, StoreError};
use grove_wire::uri::{ClientUri, RoomUri};
use rusqlite::{Connection, named_params, params};

use super::values::{array, integer, parsed, unsigned};
use crate::error::Sql;

/// Epochs of a room that are remembered.
const SIGHTINGS: u32 = 16;

pub(super) fn put_name(
    connection: &Connection,
    client: &ClientUri,
    name: &str,
) -> Result<(), StoreError> {
    let sql = if name.is_empty() {
        "DELETE FROM device_names WHERE client = ?1 AND ?2 = ''"
    } else {
        "INSERT OR REPLACE INTO device_names (client, name) VALUES (?1, ?2)"
    };
    connection
        .prepare_cached(sql)
        .sql()?
        .execute(params![client.as_str(), name])
        .sql()?;
    Ok(())
}

pub(super) fn list_names(connection: &Connection) -> Result<Vec<(ClientUri, String)>, StoreError> {
    connection
        .prepare_cached("SELECT client, name FROM device_names ORDER BY client")
        .sql()?
        .query_map([], |row| Ok((parsed(row, "client")?, row.get("name")?)))
        .sql()?
        .collect::<rusqlite::Result<_>>()
        .sql()
}

pub(super) fn put_sighting(
    connection: &Connection,
    room: &RoomUri,
    sighting: &Sighting,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO sightings (room, epoch, seq, head, authenticator) \
             VALUES (:room, :epoch, :seq, :head, :authenticator)",
        )
        .sql()?
        .execute(named_params! {
            ":room": room.as_str(),
            ":epoch": integer(sighting.epoch)?,
            ":seq": integer(sighting.seq)?,
            ":head": sighting.head,
            ":authenticator": sighting.authenticator,
        })
        .sql()?;
    connection
        .prepare_cached(
            "DELETE FROM sightings WHERE room = ?1 AND epoch < (SELECT min(epoch) FROM \
             (SELECT epoch FROM sightings WHERE room = ?1 ORDER BY epoch DESC LIMIT ?2))",
        )
        .sql()?
        .execute(params![room.as_str(), SIGHTINGS])
        .sql()?;
    Ok(())
}

pub(super) fn remove_sightings(
    connection: &Connection,
    room: Option<&RoomUri>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM sightings WHERE ?1 IS NULL OR room = ?1")
        .sql()?
        .execute(params![room.map(RoomUri::as_str)])
        .sql()?;
    Ok(())
}

pub(super) fn list_sightings(
    connection: &Connection,
    room: &RoomUri,
) -> Result<Vec<Sighting>, StoreError> {
    connection
        .prepare_cached(
            "SELECT epoch, seq, head, authenticator FROM sightings WHERE room = ?1 ORDER BY epoch DESC",
        )
        .sql()?
        .query_map(params![room.as_str()], |row| {
            Ok(Sighting {
                epoch: unsigned(row, "epoch")?,
                seq: unsigned(row, "seq")?,
                head: array(row, "head")?,
                authenticator: array(row, "authenticator")?,
            })
        })
        .sql()?
        .collect::<rusqlite::Result<_>>()
        .sql()
}
