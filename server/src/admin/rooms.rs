//! Rooms, for the operator: who is in them, how long their logs are, who lags. What is said in them
//! nobody here knows.

use grove_mls::room::Role;
use grove_wire::uri::RoomUri;

use super::run::{Unfulfilled, begin, listed};
use super::{Amount, MAX_LISTED, Participant, Reader, ReaderState, Reply, Room, RoomDetails};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{ReaderOverview, RoomBounds, RoomOverview};

/// How much of each room a list looks at.
const GLANCE: RoomBounds = RoomBounds {
    count: 1_000,
    weigh: 100,
};
/// How much of one room is looked at.
const LOOK: RoomBounds = RoomBounds {
    count: 100_000,
    weigh: 10_000,
};

pub(super) async fn list(app: &App, after: &str, limit: u32) -> Result<Reply, Unfulfilled> {
    let limit = listed(limit);
    let mut connection = app.db.connect().await?;
    let tx = begin(&mut connection).await?;
    let rows = tx
        .list_rooms_from(after, after, limit.into(), GLANCE)
        .await?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
    let last = rows.last().filter(|_| is_full);
    Ok(Reply::Rooms {
        next: last.map(|row| row.uri.to_string()),
        rooms: rows.iter().map(|row| room(row, GLANCE)).collect(),
    })
}

pub(super) async fn show(app: &App, wanted: &RoomUri) -> Result<Reply, Unfulfilled> {
    let mut connection = app.db.connect().await?;
    let tx = begin(&mut connection).await?;
    let rows = tx.list_rooms_from(wanted.as_str(), "", 1, LOOK).await?;
    let row = rows
        .into_iter()
        .find(|row| row.uri == *wanted)
        .ok_or_else(|| Unfulfilled::refused("no such room"))?;
    let list = tx.list_participants(row.room, MAX_LISTED.into()).await?;
    let readers = tx.list_readers(row.room, MAX_LISTED.into()).await?;
    Ok(Reply::Room(Box::new(RoomDetails {
        room: room(&row, LOOK),
        oldest_seq: row.oldest_at.map(|_at| row.gone_seq + 1),
        oldest_at: row.oldest_at.map(Timestamp::ms),
        list: list.into_iter().map(participant).collect(),
        readers: readers.into_iter().map(reader).collect(),
    })))
}

fn room(row: &RoomOverview, bounds: RoomBounds) -> Room {
    let counted = |value: u64| Amount {
        value,
        exact: i64::try_from(value).is_ok_and(|value| value < bounds.count),
    };
    Room {
        room: row.uri.to_string(),
        created_at: row.created_at.ms(),
        epoch: row.epoch,
        seq: row.seq,
        participants: counted(row.participants),
        members: counted(row.members),
        log_bytes: log_bytes(row),
        last_activity: row.last_time.ms(),
    }
}

/// The weight of all entries that can be read, by that of the newest.
fn log_bytes(row: &RoomOverview) -> Amount {
    let (entries, bytes) = row.weighed;
    let kept = row.seq.saturating_sub(row.gone_seq);
    let scaled = u128::from(bytes) * u128::from(kept) / u128::from(entries.max(1));
    Amount {
        value: u64::try_from(scaled).unwrap_or(u64::MAX),
        exact: kept == entries,
    }
}

fn participant((user, role): (String, u32)) -> Participant {
    let name = Role::from_index(role).map(|role| role.as_str().to_owned());
    Participant {
        user,
        role: name.unwrap_or_else(|| role.to_string()),
    }
}

fn reader(row: ReaderOverview) -> Reader {
    Reader {
        client: row.client,
        position: row.position,
        lag: row.lag,
        state: match (row.is_former, row.is_leaving) {
            (true, _) => ReaderState::Former,
            (false, true) => ReaderState::Leaving,
            (false, false) => ReaderState::Member,
        },
    }
}
