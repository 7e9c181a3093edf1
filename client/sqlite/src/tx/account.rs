//! The account's one row.

use grove_core::store::{Account, AccountState, Seed, StoreError};
use grove_wire::uri::RoomUri;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::values::{integer, optional, parsed, seed, unsigned, word};
use crate::error::Sql;

pub(super) fn find(connection: &Connection) -> Result<Option<Account>, StoreError> {
    connection
        .prepare_cached(
            "SELECT user, client, state, uik, device, recovery, device_list, credential, server_key, suites, token, \
             token_expires_at, listened, account_room, rooms_checked FROM account WHERE only_row = 1",
        )
        .sql()?
        .query_row([], read)
        .optional()
        .sql()
}

pub(super) fn put(connection: &Connection, account: &Account) -> Result<(), StoreError> {
    let suites: Vec<u8> = account
        .suites
        .iter()
        .flat_map(|suite| suite.to_be_bytes())
        .collect();
    let state = match account.state {
        AccountState::Registered => "registered",
        AccountState::Registering => "registering",
    };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO account (only_row, user, client, state, uik, device, recovery, device_list, \
             credential, server_key, suites, token, token_expires_at, listened, account_room, \
             rooms_checked) VALUES (1, :user, :client, :state, :uik, :device, :recovery, :device_list, :credential, \
             :server_key, :suites, :token, :token_expires_at, :listened, :account_room, \
             :rooms_checked)",
        )
        .sql()?
        .execute(named_params! {
            ":user": account.user.as_str(),
            ":client": account.client.as_str(),
            ":state": state,
            ":uik": account.uik.bytes(),
            ":device": account.device.bytes(),
            ":recovery": account.recovery.as_ref().map(Seed::bytes),
            ":device_list": account.device_list,
            ":credential": account.credential,
            ":server_key": account.server_key,
            ":suites": suites,
            ":token": account.token,
            ":token_expires_at": integer(account.token_expires_at)?,
            ":listened": integer(account.listened)?,
            ":account_room": account.account_room.as_ref().map(RoomUri::as_str),
            ":rooms_checked": integer(account.rooms_checked)?,
        })
        .sql()?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    let suites: Vec<u8> = row.get("suites")?;
    let (pairs, _rest) = suites.as_chunks::<2>();
    Ok(Account {
        user: parsed(row, "user")?,
        client: parsed(row, "client")?,
        state: word(row, "state", |state| match state {
            "registered" => Some(AccountState::Registered),
            "registering" => Some(AccountState::Registering),
            _ => None,
        })?,
        uik: seed(row, "uik")?,
        device: seed(row, "device")?,
        recovery: row.get::<_, Option<[u8; 32]>>("recovery")?.map(Seed::new),
        device_list: row.get("device_list")?,
        credential: row.get("credential")?,
        server_key: row.get("server_key")?,
        suites: pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect(),
        token: row.get("token")?,
        token_expires_at: unsigned(row, "token_expires_at")?,
        listened: unsigned(row, "listened")?,
        account_room: optional(row, "account_room")?,
        rooms_checked: unsigned(row, "rooms_checked")?,
    })
}
