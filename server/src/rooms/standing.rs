//! How a device stands in a room: the gate before every service that is not the append task.
//!
//! Unknown room, a room that is not yours, one you were removed from: the same
//! [`StandingError::NotFound`].

use std::sync::Arc;

use grove_mls::room::Role;
use grove_wire::uri::RoomUri;

use super::Room;
use crate::app::App;
use crate::db::{self, StandingRow};
use crate::sessions::ClientAuth;

/// Why somebody has no business in a room.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StandingError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    /// No such room, or not one of this device's.
    #[error("no such room, or not one of this device's")]
    NotFound,
}

/// A room that exists, and how a device stands in it.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) room: Arc<Room>,
    pub(super) row: StandingRow,
}

/// Looks up how `who` stands in a room that exists, whoever asks, and whether a message with this
/// hash is there.
pub(super) async fn look_up(
    app: &App,
    who: &ClientAuth,
    uri: &RoomUri,
    message_hash: Option<&[u8; 32]>,
) -> Result<Standing, StandingError> {
    let room = app
        .rooms
        .find(&app.db, uri)
        .await?
        .ok_or(StandingError::NotFound)?;
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let row = tx
        .find_standing(room.id, who.device_id, &who.user, message_hash)
        .await?;
    tx.commit().await?;
    Ok(Standing { room, row })
}

/// The room, if the device is in its group.
pub(super) async fn member(
    app: &App,
    who: &ClientAuth,
    uri: &RoomUri,
) -> Result<Standing, StandingError> {
    let standing = look_up(app, who, uri, None).await?;
    if standing.row.is_member() {
        Ok(standing)
    } else {
        Err(StandingError::NotFound)
    }
}

/// The room, if the device is in its group, or has not yet read the commit that removed it.
pub(super) async fn reader(
    app: &App,
    who: &ClientAuth,
    uri: &RoomUri,
) -> Result<Standing, StandingError> {
    let standing = look_up(app, who, uri, None).await?;
    if standing.row.is_reader() {
        Ok(standing)
    } else {
        Err(StandingError::NotFound)
    }
}

/// The room, if the device is in its group or its user is a participant who may come in by an
/// external commit.
pub(super) async fn participant(
    app: &App,
    who: &ClientAuth,
    uri: &RoomUri,
) -> Result<Standing, StandingError> {
    let standing = look_up(app, who, uri, None).await?;
    let StandingRow { role, .. } = standing.row;
    if standing.row.is_member() || may_join(role) {
        Ok(standing)
    } else {
        Err(StandingError::NotFound)
    }
}

/// Whether a user with this role may have devices in the group.
pub(super) fn may_join(role: Option<u32>) -> bool {
    role.and_then(Role::from_index)
        .is_some_and(|role| role >= Role::ReadOnly)
}
