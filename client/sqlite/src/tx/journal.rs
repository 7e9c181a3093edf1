//! What happened, for front ends.

use grove_core::store::StoreError;
use rusqlite::{Connection, params};

use super::values::{integer, row_number, unsigned};
use crate::error::Sql;

pub(super) fn add(connection: &Connection, line: &str) -> Result<u64, StoreError> {
    connection
        .prepare_cached("INSERT INTO journal (line) VALUES (?1)")
        .sql()?
        .execute(params![line])
        .sql()?;
    row_number(connection.last_insert_rowid())
}

pub(super) fn list(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, String)>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "SELECT number, line FROM journal WHERE number > ?1 ORDER BY number LIMIT ?2",
        )
        .sql()?
        .query_map(params![integer(after)?, limit], |row| {
            Ok((unsigned(row, "number")?, row.get("line")?))
        })
        .sql()?
        .collect::<rusqlite::Result<_>>()
        .sql()
}

pub(super) fn remove(connection: &Connection, up_to: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM journal WHERE number <= ?1")
        .sql()?
        .execute(params![integer(up_to)?])
        .sql()?;
    Ok(())
}
