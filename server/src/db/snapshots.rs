//! Statements about snapshots of groups.

use super::{Error, RoomId, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// A snapshot to be kept.
pub(crate) struct NewSnapshot<'a> {
    /// The room's last handshake when it was made.
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) made_at: Timestamp,
}

/// A group as it stood after an entry.
#[derive(Debug)]
pub(crate) struct SnapshotRow {
    pub(crate) seq: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Tx<'_> {
    /// Keeps a snapshot. Without effect if the room has had another handshake since.
    pub(crate) async fn add_snapshot(
        &self,
        room: RoomId,
        new: &NewSnapshot<'_>,
    ) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- add_snapshot
                 WITH state AS (
                     UPDATE room_states
                     SET handshake_bytes_since_snapshot = 0, snapshot_bytes = octet_length($4::bytea),
                         snapshot_at = $5
                     WHERE room_id = $1 AND handshake_seq = $2
                     RETURNING room_id
                 )
                 INSERT INTO snapshots (room_id, seq, epoch, bytes)
                 SELECT room_id, $2, $3, $4 FROM state
                 ON CONFLICT (room_id, seq) DO NOTHING",
                &[&room.0, &to_bigint(new.seq), &to_bigint(new.epoch), &new.bytes, &to_bigint(new.made_at.ms())],
            )
            .await?;
        Ok(())
    }

    /// Rooms with handshakes behind a snapshot older than `before`, at most `limit`.
    pub(crate) async fn list_stale_snapshots(
        &self,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<RoomId>, Error> {
        let rows = self
            .all(
                "-- list_stale_snapshots
                 SELECT room_id
                 FROM room_states
                 WHERE handshake_bytes_since_snapshot > 0 AND snapshot_at < $1
                 ORDER BY snapshot_at
                 LIMIT $2",
                &[&to_bigint(before.ms()), &limit],
            )
            .await?;
        rows.iter().map(|row| Ok(RoomId(row.try_get(0)?))).collect()
    }

    /// The newest snapshot that stands at `epoch` or before.
    pub(crate) async fn find_snapshot(
        &self,
        room: RoomId,
        epoch: u64,
    ) -> Result<Option<SnapshotRow>, Error> {
        let row = self
            .opt(
                "-- find_snapshot
                 SELECT seq, bytes
                 FROM snapshots
                 WHERE room_id = $1 AND epoch <= $2
                 ORDER BY seq DESC
                 LIMIT 1",
                &[&room.0, &to_bigint(epoch)],
            )
            .await?;
        row.map(|row| {
            Ok(SnapshotRow {
                seq: from_bigint(row.try_get(0)?)?,
                bytes: row.try_get(1)?,
            })
        })
        .transpose()
    }
}
