//! Looking: the rooms of a device, and a room's log from a position on.

use grove_wire::{
    api::rooms::{RoomList, RoomSummary},
    uri::RoomUri,
};

use super::{StandingError, standing};
use crate::{app::App, db, delivery, sessions::ClientAuth};

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
