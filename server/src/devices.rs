//! Devices: the signed list that names them, and what follows when it changes.
//!
//! The list is the user's word; the server checks that each follows from the one before it, keeps all of them, and
//! acts on revocations: a revoked device loses its sessions and its KeyPackages in the same transaction.

use grove_mls::identity::{ListError, SignedDeviceList};
use grove_wire::uri::UserUri;

use crate::{
    app::App,
    db::{self, NewDevice},
    sessions::ClientAuth,
};

/// Why a device list was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplaceListError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("a device of the list, or its key, belongs to another account")]
    DeviceTaken,
    #[error("{0}")]
    List(#[from] ListError),
    #[error("the device list has expired")]
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

/// Puts the next device list of the user in the place of the newest. The newest again is accepted and changes nothing.
#[tracing::instrument(name = "devices.replace_list", skip_all)]
pub(crate) async fn replace_list(
    app: &App,
    auth: &ClientAuth,
    list: &[u8],
) -> Result<(), ReplaceListError> {
    let now = app.clock.now();
    let next = SignedDeviceList::decode(list)?;
    if next.list().user != auth.user {
        return Err(ReplaceListError::OtherUser);
    }
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    tx.lock_account(auth.user_id)
        .await?
        .ok_or(db::Error::corrupt("session without a user"))?;
    let newest = tx
        .find_device_list(auth.user.localpart())
        .await?
        .ok_or(db::Error::corrupt("user without a device list"))?;
    if newest == list {
        return Ok(());
    }
    let newest =
        SignedDeviceList::decode(&newest).map_err(|_invalid| db::Error::corrupt("device list"))?;
    next.follows(&newest)?;
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
    let revoked: Vec<&str> = next
        .list()
        .devices
        .iter()
        .filter(|device| device.revoked.is_some())
        .map(|device| device.client.as_str())
        .collect();
    let expected = u64::try_from(added.len()).unwrap_or(u64::MAX);
    if tx.add_devices(auth.user_id, &added, now).await? != expected {
        return Err(ReplaceListError::DeviceTaken);
    }
    let ended = tx.revoke_devices(auth.user_id, &revoked, now).await?;
    tx.append_device_list(auth.user_id, next.list().version, list, now)
        .await?;
    tx.commit().await?;
    if ended > 0 {
        app.sessions.forget_all();
    }
    Ok(())
}
