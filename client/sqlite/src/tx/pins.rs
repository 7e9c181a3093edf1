//! Whom this profile trusts with which key.

use grove_core::store::{Pin, StoreError};
use grove_wire::uri::{ClientUri, UserUri};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::values::{integer, optional, parsed, unsigned};
use crate::error::Sql;

pub(super) fn find(connection: &Connection, user: &UserUri) -> Result<Option<Pin>, StoreError> {
    connection
        .prepare_cached(
            "SELECT user, identity, device_list, rival, disputed, verified, verified_by, since FROM pins \
             WHERE user = ?1",
        )
        .sql()?
        .query_row(params![user.as_str()], read)
        .optional()
        .sql()
}

pub(super) fn list(connection: &Connection, limit: usize) -> Result<Vec<Pin>, StoreError> {
    connection
        .prepare_cached(
            "SELECT user, identity, device_list, rival, disputed, verified, verified_by, since FROM pins \
             ORDER BY verified DESC, since, user LIMIT ?1",
        )
        .sql()?
        .query_map(params![i64::try_from(limit).unwrap_or(i64::MAX)], read)
        .sql()?
        .collect::<rusqlite::Result<_>>()
        .sql()
}

pub(super) fn put(connection: &Connection, pin: &Pin) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pins (user, identity, device_list, rival, disputed, verified, verified_by, since) \
             VALUES (:user, :identity, :device_list, :rival, :disputed, :verified, :verified_by, :since)",
        )
        .sql()?
        .execute(named_params! {
            ":user": pin.user.as_str(),
            ":identity": pin.identity,
            ":device_list": pin.device_list,
            ":rival": pin.rival,
            ":disputed": pin.disputed,
            ":verified": pin.verified,
            ":verified_by": pin.verified_by.as_ref().map(ClientUri::as_str),
            ":since": integer(pin.since)?,
        })
        .sql()?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Pin> {
    Ok(Pin {
        user: parsed(row, "user")?,
        identity: row.get("identity")?,
        device_list: row.get("device_list")?,
        rival: row.get("rival")?,
        disputed: row.get("disputed")?,
        verified: row.get("verified")?,
        verified_by: optional(row, "verified_by")?,
        since: unsigned(row, "since")?,
    })
}
