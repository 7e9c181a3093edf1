//! Statements about handshakes: what moves a room on, and what its group is rebuilt from.

use tokio_postgres::Row;

use super::log::head_bytes;
use super::{Error, Mark, RoomId, Tx, from_bigint, to_bigint};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Commit,
    Proposal,
}

impl EntryKind {
    /// As the log names it; 1 stands for application messages, which [`Tx::append_entries`] writes.
    const fn to_sql(self) -> i16 {
        match self {
            Self::Proposal => 2,
            Self::Commit => 3,
        }
    }
}

/// A room's head, locked until the transaction ends.
#[derive(Debug)]
pub(crate) struct HeadRow {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) head: [u8; 32],
    pub(crate) last_time: u64,
    pub(crate) handshake_seq: u64,
}

/// A handshake to be appended, and what it changes.
pub(crate) struct NewHandshake<'a> {
    pub(crate) kind: EntryKind,
    pub(crate) mark: Mark,
    pub(crate) message_hash: [u8; 32],
    pub(crate) entry: &'a [u8],
    /// The new one, if the handshake is a commit.
    pub(crate) group_info: Option<&'a [u8]>,
}

/// A handshake of the log.
#[derive(Debug)]
pub(crate) struct HandshakeRow {
    pub(crate) seq: u64,
    pub(crate) entry: Vec<u8>,
}

impl Tx<'_> {
    /// Locks a room's head and state until the transaction ends.
    pub(crate) async fn lock_head(&self, room: RoomId) -> Result<HeadRow, Error> {
        let row = self
            .one(
                "-- lock_head
                 SELECT h.epoch, h.seq, h.head, h.last_time, s.handshake_seq
                 FROM room_heads h
                 JOIN room_states s ON s.room_id = h.room_id
                 WHERE h.room_id = $1
                 FOR UPDATE",
                &[&room.0],
            )
            .await?;
        Ok(HeadRow {
            epoch: from_bigint(row.try_get(0)?)?,
            seq: from_bigint(row.try_get(1)?)?,
            head: head_bytes(&row, 2)?,
            last_time: from_bigint(row.try_get(3)?)?,
            handshake_seq: from_bigint(row.try_get(4)?)?,
        })
    }

    /// Appends a handshake to the log and moves the room on. The head must be locked. True if a
    /// snapshot is due.
    pub(crate) async fn append_handshake(
        &self,
        room: RoomId,
        new: &NewHandshake<'_>,
    ) -> Result<bool, Error> {
        let row = self
            .one(
                "-- append_handshake
                 WITH entry AS (
                     INSERT INTO room_log (room_id, seq, kind, epoch, time, message_hash, head, entry)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ), head AS (
                     UPDATE room_heads SET epoch = $4, seq = $2, head = $7, last_time = $5 WHERE room_id = $1
                 )
                 UPDATE room_states
                 SET group_info = coalesce($9, group_info), handshake_seq = $2,
                     handshake_bytes_since_snapshot = handshake_bytes_since_snapshot + octet_length($8::bytea)
                 WHERE room_id = $1
                 RETURNING handshake_bytes_since_snapshot > snapshot_bytes",
                &[
                    &room.0,
                    &to_bigint(new.mark.seq),
                    &new.kind.to_sql(),
                    &to_bigint(new.mark.epoch),
                    &to_bigint(new.mark.time),
                    &new.message_hash.as_slice(),
                    &new.mark.head.as_slice(),
                    &new.entry,
                    &new.group_info,
                ],
            )
            .await?;
        Ok(row.try_get(0)?)
    }

    /// The GroupInfo of the current epoch.
    pub(crate) async fn find_group_info(&self, room: RoomId) -> Result<Vec<u8>, Error> {
        let row = self
            .one(
                "-- find_group_info
                 SELECT group_info FROM room_states WHERE room_id = $1",
                &[&room.0],
            )
            .await?;
        Ok(row.try_get(0)?)
    }

    /// The last handshake of a room.
    pub(crate) async fn find_handshake_seq(&self, room: RoomId) -> Result<u64, Error> {
        let row = self
            .one(
                "-- find_handshake_seq
                 SELECT handshake_seq FROM room_states WHERE room_id = $1",
                &[&room.0],
            )
            .await?;
        from_bigint(row.try_get(0)?)
    }

    /// The handshakes after an entry that lead no further than into `until_epoch`, in order. None
    /// if one of them has outlived its time, as those before the oldest snapshot may have.
    pub(crate) async fn list_handshakes(
        &self,
        room: RoomId,
        after: u64,
        until_epoch: u64,
    ) -> Result<Option<Vec<HandshakeRow>>, Error> {
        let rows = self
            .all(
                "-- list_handshakes
                 SELECT seq, entry
                 FROM room_log
                 WHERE room_id = $1 AND seq > $2 AND kind <> 1 AND epoch <= $3
                 ORDER BY seq",
                &[&room.0, &to_bigint(after), &to_bigint(until_epoch)],
            )
            .await?;
        // The oldest go first.
        if let Some(first) = rows.first()
            && first.try_get::<_, Option<&[u8]>>(1)?.is_none()
        {
            return Ok(None);
        }
        rows.iter()
            .map(handshake)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// The proposals that wait for a commit, in order.
    pub(crate) async fn list_pending_proposals(
        &self,
        room: RoomId,
    ) -> Result<Vec<HandshakeRow>, Error> {
        let rows = self
            .all(
                "-- list_pending_proposals
                 SELECT seq, entry
                 FROM room_log
                 WHERE room_id = $1 AND kind = 2
                       AND seq > coalesce((
                           SELECT c.seq FROM room_log c
                           WHERE c.room_id = $1 AND c.kind = 3
                           ORDER BY c.seq DESC
                           LIMIT 1
                       ), 0)
                 ORDER BY seq",
                &[&room.0],
            )
            .await?;
        rows.iter().map(handshake).collect()
    }
}

fn handshake(row: &Row) -> Result<HandshakeRow, Error> {
    Ok(HandshakeRow {
        seq: from_bigint(row.try_get(0)?)?,
        entry: row.try_get(1)?,
    })
}
