//! Devices: the signed list that names them, and what follows when it changes.
//!
//! The list is the user's word; the server checks that each follows from the one before it, keeps
//! all of them, and acts on it in the same transaction: a revoked device loses its sessions, its
//! KeyPackages and the links it answered; with the next identity all KeyPackages go, because they
//! are signed under the one before.

mod standing;

use grove_mls::identity::{ListError, SignedDeviceList};
use grove_wire::api::devices::{DeviceActivities, DeviceActivity};
use grove_wire::uri::{ClientUri, UserUri};

pub(crate) use self::standing::{NewLeafError, check_new_leaves};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{self, NewDevice, Tx};
use crate::links;
use crate::sessions::{self, ClientAuth, Ended};

/// Why a device list was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplaceListError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("a device of the list, or its key, belongs to another account")]
    DeviceTaken,
    #[error("{0}")]
    List(#[from] ListError),
    #[error(
        "the device list has expired by this server's clock: a device whose clock is months behind \
         makes such lists, set it and try again"
    )]
    ListExpired,
    #[error("the list is another user's")]
    OtherUser,
}

/// The newest signed device list of a user of this server.
pub(crate) async fn find_list(app: &App, user: &UserUri) -> Result<Option<Vec<u8>>, db::Error> {
    if user.provider() != app.domain {
        return Ok(None);
    }
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    tx.find_device_list(user.localpart()).await
}

/// The devices of the asking user that are not revoked, and when each was last seen.
pub(crate) async fn list_activity(
    app: &App,
    auth: &ClientAuth,
) -> Result<DeviceActivities, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let rows = tx.list_active_devices(auth.user_id).await?;
    tx.commit().await?;
    let activity = |row: db::ActivityRow| {
        Ok(DeviceActivity {
            client: ClientUri::parse(&row.client)
                .map_err(|_invalid| db::Error::corrupt("client URI"))?,
            added_at: row.added_at.ms(),
            last_seen_at: sessions::last_seen(app, row.device_id, row.last_seen_at)
                .map(Timestamp::ms),
            connected: app.delivery.has_socket(row.device_id),
        })
    };
    let idle_after = app.live.now().limits.device_idle.as_millis();
    Ok(DeviceActivities {
        devices: rows
            .into_iter()
            .map(activity)
            .collect::<Result<_, db::Error>>()?,
        idle_after_ms: u64::try_from(idle_after).unwrap_or(u64::MAX),
    })
}

/// Puts the next device list of the user in the place of the newest. The newest again is accepted
/// and changes nothing.
#[tracing::instrument(name = "devices.replace_list", skip_all)]
pub(crate) async fn replace_list(
    app: &App,
    auth: &ClientAuth,
    list: &[u8],
) -> Result<(), ReplaceListError> {
    let next = SignedDeviceList::decode(list)?;
    if next.list().user != auth.user {
        return Err(ReplaceListError::OtherUser);
    }
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let newest = lock_newest(&tx, auth.user_id, &auth.user).await?;
    if newest.as_bytes() == list {
        return Ok(());
    }
    follow(app, tx, auth.user_id, &newest, &next).await
}

/// The newest list of a user of this server, who is locked until the transaction ends.
pub(crate) async fn lock_newest(
    tx: &Tx<'_>,
    user_id: i64,
    user: &UserUri,
) -> Result<SignedDeviceList, db::Error> {
    tx.lock_account(user_id)
        .await?
        .ok_or(db::Error::corrupt("session without a user"))?;
    let newest = tx
        .find_device_list(user.localpart())
        .await?
        .ok_or(db::Error::corrupt("user without a device list"))?;
    SignedDeviceList::decode(&newest).map_err(|_invalid| db::Error::corrupt("device list"))
}

/// Makes `next` the newest list of a locked user, with all that follows from it, and commits.
pub(crate) async fn follow(
    app: &App,
    tx: Tx<'_>,
    user_id: i64,
    newest: &SignedDeviceList,
    next: &SignedDeviceList,
) -> Result<(), ReplaceListError> {
    let now = app.clock.now();
    next.follows(newest)?;
    if next.list().is_stale(now.ms()) {
        return Err(ReplaceListError::ListExpired);
    }
    let added: Vec<NewDevice<'_>> = next
        .active()
        .filter(|device| newest.list().find(&device.client).is_none())
        .map(|device| NewDevice {
            client: device.client.as_str(),
            signature_key: device.signature_key.as_bytes(),
        })
        .collect();
    // The first list of an identity may have dropped devices altogether.
    let is_active = |client: &ClientUri| next.active().any(|device| device.client == *client);
    let revoked: Vec<&str> = newest
        .list()
        .devices
        .iter()
        .chain(&next.list().devices)
        .map(|device| &device.client)
        .filter(|client| !is_active(client))
        .map(ClientUri::as_str)
        .collect();
    // An upload of KeyPackages holds its device: it is over now, or will meet the new list.
    tx.lock_devices_of(user_id).await?;
    let expected = u64::try_from(added.len()).unwrap_or(u64::MAX);
    if tx.add_devices(user_id, &added, now).await? != expected {
        return Err(ReplaceListError::DeviceTaken);
    }
    let ended = tx.revoke_devices(user_id, &revoked, now).await?;
    if !next.list().identity.is_same(&newest.list().identity) {
        tx.discard_key_packages_of(user_id).await?;
    }
    let cancelled = tx.cancel_links_of(&ended).await?;
    tx.append_device_list(user_id, next.list().version, next.as_bytes(), now)
        .await?;
    let committed = tx.commit().await;
    // Also when the outcome is unknown: a session that stands after all is found again at the next
    // request.
    if !ended.is_empty() {
        app.sessions.forget(Ended::Devices(ended.into()));
    }
    committed?;
    links::announce(app, &cancelled);
    Ok(())
}
