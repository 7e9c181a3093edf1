//! Looking: the rooms of a device and of its user, and a room's log from a position on.

use grove_mls::room::Role;
use grove_wire::api::rooms::{RoomList, RoomSummary, UserRoom, UserRooms};
use grove_wire::limits::MAX_USER_ROOMS;
use grove_wire::uri::RoomUri;

use super::{StandingError, standing};
use crate::app::App;
use crate::sessions::ClientAuth;
use crate::{db, delivery};

/// Entries of one answer, whatever was asked for.
const MAX_ENTRIES: usize = 1000;

/// The rooms a device is in.
#[tracing::instrument(name = "rooms.list", skip_all)]
pub(crate) async fn list(app: &App, who: &ClientAuth) -> Result<RoomList, db::Error> {
    let acked = app.delivery.acked(who.device_id);
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let rows = tx.list_rooms(who.device_id).await?;
    tx.commit().await?;
    let summary = |row: db::SummaryRow| RoomSummary {
        position: row.position.max(acked.position(row.room)),
        room: row.uri,
        epoch: row.epoch,
        seq: row.seq,
        from_seq: row.from_seq,
    };
    Ok(RoomList {
        rooms: rows.into_iter().map(summary).collect(),
    })
}

/// One page of the rooms hosted here on whose list the user stands and may have devices, after a
/// room.
#[tracing::instrument(name = "rooms.list_of_user", skip_all)]
pub(crate) async fn list_of_user(
    app: &App,
    who: &ClientAuth,
    after: Option<&RoomUri>,
) -> Result<UserRooms, db::Error> {
    let after = after.map(RoomUri::as_str).unwrap_or_default();
    // One more than is shown tells whether there are more.
    let limit = i64::try_from(MAX_USER_ROOMS).unwrap_or(i64::MAX) + 1;
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let least = Role::ReadOnly.index();
    let rows = tx
        .list_user_rooms(&who.user, who.device_id, least, after, limit)
        .await?;
    tx.commit().await?;
    let room = |row: db::UserRoomRow| UserRoom {
        room: row.uri,
        epoch: row.epoch,
        member: row.member,
    };
    Ok(UserRooms {
        more: rows.len() > MAX_USER_ROOMS,
        rooms: rows.into_iter().take(MAX_USER_ROOMS).map(room).collect(),
    })
}

/// Frames of a room's log after a position, as far as the device may read in both directions.
#[tracing::instrument(name = "rooms.read_log", skip_all)]
pub(crate) async fn read_log(
    app: &App,
    who: &ClientAuth,
    uri: &RoomUri,
    after: u64,
    limit: Option<usize>,
) -> Result<Vec<u8>, StandingError> {
    let standing = standing::reader(app, who, uri).await?;
    let limit = limit.unwrap_or(MAX_ENTRIES).clamp(1, MAX_ENTRIES);
    Ok(delivery::read_log(app, who.device_id, &standing.room, after, limit).await?)
}
