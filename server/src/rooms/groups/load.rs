//! Loading groups: a snapshot, and the handshakes since.

use grove_mls::public::HubGroup;
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};

use super::{GroupError, Live};
use crate::db::{self, Db, HandshakeRow, RoomId};
use crate::tasks::Tasks;

/// The group as it was in an epoch of the past; [`GroupError::Gone`] if that is longer ago than
/// handshakes are kept.
pub(in crate::rooms) async fn at_epoch(
    db: &Db,
    tasks: &Tasks,
    room: RoomId,
    epoch: u64,
) -> Result<HubGroup, GroupError> {
    let live = match load(db, tasks, room, epoch).await {
        // The room exists, and has a snapshot: a later one.
        Err(GroupError::Missing) => return Err(GroupError::Gone),
        loaded => loaded?,
    };
    if live.group.epoch() == epoch {
        Ok(live.group)
    } else {
        Err(GroupError::Missing)
    }
}

/// A group out of the newest snapshot at or before an epoch and what follows it, no further than
/// into that epoch.
pub(super) async fn load(
    db: &Db,
    tasks: &Tasks,
    room: RoomId,
    until_epoch: u64,
) -> Result<Live, GroupError> {
    let mut connection = db.connect().await?;
    let tx = connection.begin().await?;
    let snapshot = tx
        .find_snapshot(room, until_epoch)
        .await?
        .ok_or(GroupError::Missing)?;
    tx.commit().await?;
    drop(connection);
    let seq = snapshot.seq;
    let group = tasks
        .blocking(move || HubGroup::load(&snapshot.bytes))
        .await??;
    replay_from(db, tasks, room, Live { group, seq }, until_epoch).await
}

/// Brings a group up to the last handshake of the log that leads no further than into
/// `until_epoch`.
pub(super) async fn replay_from(
    db: &Db,
    tasks: &Tasks,
    room: RoomId,
    mut live: Live,
    until_epoch: u64,
) -> Result<Live, GroupError> {
    let mut connection = db.connect().await?;
    let tx = connection.begin().await?;
    let rows = tx.list_handshakes(room, live.seq, until_epoch).await?;
    let rows = rows.ok_or(GroupError::Gone)?;
    tx.commit().await?;
    drop(connection);
    let replay = move || {
        for row in &rows {
            replay(&mut live.group, row)?;
            live.seq = row.seq;
        }
        Ok(live)
    };
    tasks.blocking(replay).await?
}

fn replay(group: &mut HubGroup, row: &HandshakeRow) -> Result<(), GroupError> {
    let entries = FanoutMessage::decode_all(&row.entry)
        .map_err(|_malformed| db::Error::corrupt("log entry"))?;
    for entry in entries {
        group.replay(&entry.message)?;
        if let FanoutTail::Proposal { more_proposals } = entry.tail {
            more_proposals
                .iter()
                .try_for_each(|proposal| group.replay(proposal))?;
        }
    }
    Ok(())
}
