//! People, their devices and sessions, for the operator.

use std::collections::BTreeSet;
use std::sync::Arc;

use grove_wire::uri::{ClientUri, UserUri};

use super::run::{Unfulfilled, begin, done_if, listed};
use super::{Device, MAX_LISTED, Reply, Session, User};
use crate::accounts;
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{AccountRow, DeviceOverview, SessionOverview, Tx};
use crate::sessions::{self, Ended};

pub(super) async fn list(app: &App, after: &str, limit: u32) -> Result<Reply, Unfulfilled> {
    let limit = listed(limit);
    let rows = accounts::list(app, after, limit).await?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
    let last = rows.last().filter(|_| is_full);
    Ok(Reply::Users {
        next: last.map(|row| row.name.clone()),
        users: rows.iter().map(|row| user(app, row)).collect(),
    })
}

pub(super) async fn show(app: &App, wanted: &UserUri) -> Result<Reply, Unfulfilled> {
    let (row, clients) = accounts::show(app, wanted)
        .await?
        .ok_or_else(no_such_user)?;
    Ok(Reply::User {
        user: user(app, &row),
        clients,
    })
}

pub(super) async fn disable(app: &App, user: &UserUri) -> Result<Reply, Unfulfilled> {
    done_if(accounts::disable(app, user).await?, NO_SUCH_USER)
}

pub(super) async fn enable(app: &App, user: &UserUri) -> Result<Reply, Unfulfilled> {
    done_if(accounts::enable(app, user).await?, NO_SUCH_USER)
}

pub(super) async fn list_devices(app: &App, user: &UserUri) -> Result<Reply, Unfulfilled> {
    let mut connection = app.db.connect().await?;
    let tx = begin(&mut connection).await?;
    let account = find(&tx, user).await?;
    let rows = tx
        .list_devices_ever(account.user_id, app.clock.now(), MAX_LISTED.into())
        .await?;
    Ok(Reply::Devices {
        user: user.address(),
        devices: rows.into_iter().map(|row| device(app, row)).collect(),
    })
}

pub(super) async fn list_sessions(app: &App, user: &UserUri) -> Result<Reply, Unfulfilled> {
    let mut connection = app.db.connect().await?;
    let tx = begin(&mut connection).await?;
    let account = find(&tx, user).await?;
    let rows = tx
        .list_sessions(account.user_id, app.clock.now(), MAX_LISTED.into())
        .await?;
    let session = |row: SessionOverview| Session {
        session: row.session_id,
        client: row.client,
        created_at: row.created_at.ms(),
        expires_at: row.expires_at.ms(),
    };
    Ok(Reply::Sessions {
        user: user.address(),
        sessions: rows.into_iter().map(session).collect(),
    })
}

/// Ends the sessions of a user, or of one device. Whoever holds one, by a socket or a poll, is told
/// at once.
pub(super) async fn end_sessions(
    app: &App,
    user: &UserUri,
    client: Option<&ClientUri>,
) -> Result<Reply, Unfulfilled> {
    let mut connection = app.db.connect().await?;
    let tx = begin(&mut connection).await?;
    let account = find(&tx, user).await?;
    if let Some(client) = client {
        let known = tx.list_device_clients(account.user_id).await?;
        if !known.iter().any(|known| known == client.as_str()) {
            return Err(Unfulfilled::refused("no such device"));
        }
    }
    let ended = tx
        .end_sessions(account.user_id, client.map(ClientUri::as_str))
        .await?;
    let committed = tx.commit().await;
    let devices: BTreeSet<i64> = ended.iter().copied().collect();
    let counts = (ended.len(), devices.len());
    if !devices.is_empty() {
        let devices: Arc<[i64]> = devices.into_iter().collect();
        // Also when the outcome is unknown: a session that stands after all is found again at the
        // next request.
        app.sessions.forget(Ended::Devices(devices));
    }
    committed?;
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Ok(Reply::Ended {
        sessions: count(counts.0),
        devices: count(counts.1),
    })
}

const NO_SUCH_USER: &str = "no such user";

fn no_such_user() -> Unfulfilled {
    Unfulfilled::refused(NO_SUCH_USER)
}

async fn find(tx: &Tx<'_>, user: &UserUri) -> Result<AccountRow, Unfulfilled> {
    tx.find_account(user.localpart())
        .await?
        .ok_or_else(no_such_user)
}

fn user(app: &App, row: &AccountRow) -> User {
    User {
        address: format!("{}@{}", row.name, app.domain.domain()),
        created_at: row.created_at.ms(),
        disabled_at: row.disabled_at.map(Timestamp::ms),
        active_devices: row.active_devices,
        device_list_version: row.device_list_version,
    }
}

fn device(app: &App, row: DeviceOverview) -> Device {
    let last_seen_at = sessions::last_seen(app, row.device_id, row.last_seen_at);
    Device {
        client: row.client,
        added_at: row.added_at.ms(),
        last_seen_at: last_seen_at.map(Timestamp::ms),
        revoked_at: row.revoked_at.map(Timestamp::ms),
        sessions: row.sessions,
        connected: app.delivery.has_socket(row.device_id),
    }
}
