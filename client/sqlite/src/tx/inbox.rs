//! Welcomes taken out of the device inbox and not yet joined.

use grove_core::store::{StoreError, WaitingWelcome};
use rusqlite::{Connection, named_params, params};

use super::values::{integer, parsed, unsigned};
use crate::error::Sql;

pub(super) fn put(connection: &Connection, welcome: &WaitingWelcome) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO welcomes (inbox_id, room, seq, epoch, welcome) \
             VALUES (:inbox_id, :room, :seq, :epoch, :welcome)",
        )
        .sql()?
        .execute(named_params! {
            ":inbox_id": integer(welcome.inbox_id)?,
            ":room": welcome.room.as_str(),
            ":seq": integer(welcome.seq)?,
            ":epoch": integer(welcome.epoch)?,
            ":welcome": welcome.welcome,
        })
        .sql()?;
    Ok(())
}

pub(super) fn list(connection: &Connection) -> Result<Vec<WaitingWelcome>, StoreError> {
    connection
        .prepare_cached(
            "SELECT inbox_id, room, seq, epoch, welcome FROM welcomes ORDER BY inbox_id",
        )
        .sql()?
        .query_map([], |row| {
            Ok(WaitingWelcome {
                inbox_id: unsigned(row, "inbox_id")?,
                room: parsed(row, "room")?,
                seq: unsigned(row, "seq")?,
                epoch: unsigned(row, "epoch")?,
                welcome: row.get("welcome")?,
            })
        })
        .sql()?
        .collect::<rusqlite::Result<_>>()
        .sql()
}

pub(super) fn remove(connection: &Connection, inbox_id: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM welcomes WHERE inbox_id = ?1")
        .sql()?
        .execute(params![integer(inbox_id)?])
        .sql()?;
    Ok(())
}
