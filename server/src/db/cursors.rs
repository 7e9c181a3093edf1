//! Statements about cursors.

use grove_wire::uri::RoomUri;

use super::rooms::room_uri;
use super::{Error, RoomId, Tx, from_bigint, to_bigint};

/// A cursor that has, or may get, something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CursorRow {
    pub(crate) room: RoomId,
    pub(crate) uri: RoomUri,
    /// Last entry acknowledged.
    pub(crate) position: u64,
    /// Last entry the device may read, if it is out of the room.
    pub(crate) to_seq: Option<u64>,
    /// Last entry of the log.
    pub(crate) newest: u64,
}

/// What a commit does to the cursor of a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CursorChange<'a> {
    /// It may read from an entry and an epoch on.
    Open {
        client: &'a str,
        from_seq: u64,
        from_epoch: u64,
    },
    /// It may read up to an entry.
    Close { client: &'a str, to_seq: u64 },
}

impl Tx<'_> {
    /// The cursors of a device that are open or not read to their end.
    pub(crate) async fn list_cursors(&self, device_id: i64) -> Result<Vec<CursorRow>, Error> {
        let rows = self
            .all(
                "-- list_cursors
                 SELECT c.room_id, r.uri, c.position, c.to_seq, h.seq
                 FROM cursors c
                 JOIN rooms r ON r.room_id = c.room_id
                 JOIN room_heads h ON h.room_id = c.room_id
                 WHERE c.device_id = $1 AND (c.to_seq IS NULL OR c.position < c.to_seq)",
                &[&device_id],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let to_seq: Option<i64> = row.try_get(3)?;
                Ok(CursorRow {
                    room: RoomId(row.try_get(0)?),
                    uri: room_uri(row, 1)?,
                    position: from_bigint(row.try_get(2)?)?,
                    to_seq: to_seq.map(from_bigint).transpose()?,
                    newest: from_bigint(row.try_get(4)?)?,
                })
            })
            .collect()
    }

    /// Opens and closes cursors in a room whose head is locked, each client at most once. Returns
    /// the devices; clients of other providers have none. A cursor that is opened again starts
    /// anew.
    pub(crate) async fn change_cursors(
        &self,
        room: RoomId,
        changes: &[CursorChange<'_>],
    ) -> Result<Vec<i64>, Error> {
        let clients: Vec<&str> = changes.iter().map(CursorChange::client).collect();
        let from_seqs: Vec<i64> = changes
            .iter()
            .map(|change| to_bigint(change.first_seq()))
            .collect();
        let from_epochs: Vec<i64> = changes
            .iter()
            .map(|change| to_bigint(change.first_epoch()))
            .collect();
        let to_seqs: Vec<Option<i64>> = changes
            .iter()
            .map(|change| change.last_seq().map(to_bigint))
            .collect();
        let rows = self
            .all(
                "-- change_cursors
                 WITH change AS (
                     SELECT d.device_id, n.from_seq, n.from_epoch, n.to_seq
                     FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
                          AS n (client, from_seq, from_epoch, to_seq)
                     JOIN devices d ON d.client = n.client
                     ORDER BY d.device_id
                 )
                 INSERT INTO cursors AS c (room_id, device_id, from_seq, from_epoch, to_seq, position)
                 SELECT $1, device_id, from_seq, from_epoch, to_seq, from_seq - 1 FROM change
                 ON CONFLICT (room_id, device_id) DO UPDATE SET
                     from_seq = CASE WHEN excluded.to_seq IS NULL THEN excluded.from_seq ELSE c.from_seq END,
                     from_epoch = CASE WHEN excluded.to_seq IS NULL THEN excluded.from_epoch ELSE c.from_epoch END,
                     position = CASE WHEN excluded.to_seq IS NULL THEN excluded.position ELSE c.position END,
                     leaving = c.leaving AND excluded.to_seq IS NOT NULL,
                     to_seq = excluded.to_seq
                 RETURNING device_id",
                &[&room.0, &clients, &from_seqs, &from_epochs, &to_seqs],
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Marks the cursors of clients that a pending proposal removes. The head must be locked.
    pub(crate) async fn mark_leaving(&self, room: RoomId, clients: &[&str]) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- mark_leaving
                 WITH leaving AS (
                     SELECT c.device_id
                     FROM cursors c
                     JOIN devices d ON d.device_id = c.device_id
                     WHERE c.room_id = $1 AND d.client = ANY ($2::text[])
                     ORDER BY c.device_id
                     FOR UPDATE OF c
                 )
                 UPDATE cursors c
                 SET leaving = true
                 FROM leaving
                 WHERE c.room_id = $1 AND c.device_id = leaving.device_id",
                &[&room.0, &clients],
            )
            .await?;
        Ok(())
    }

    /// Moves cursors forward to what their devices acknowledged: `(room, device, position)`.
    pub(crate) async fn advance_cursors(&self, acked: &[(RoomId, i64, u64)]) -> Result<(), Error> {
        let rooms: Vec<i64> = acked
            .iter()
            .map(|(room, _device_id, _position)| room.0)
            .collect();
        let devices: Vec<i64> = acked
            .iter()
            .map(|(_room, device_id, _position)| *device_id)
            .collect();
        let positions: Vec<i64> = acked
            .iter()
            .map(|(_room, _device_id, position)| to_bigint(*position))
            .collect();
        let _rows = self
            .exec(
                "-- advance_cursors
                 WITH acked AS (
                     SELECT c.room_id, c.device_id, n.position
                     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS n (room_id, device_id, position)
                     JOIN cursors c ON c.room_id = n.room_id AND c.device_id = n.device_id
                     WHERE c.position < n.position
                     ORDER BY c.room_id, c.device_id
                     FOR UPDATE OF c
                 )
                 UPDATE cursors c
                 SET position = acked.position
                 FROM acked
                 WHERE c.room_id = acked.room_id AND c.device_id = acked.device_id",
                &[&rooms, &devices, &positions],
            )
            .await?;
        Ok(())
    }
}

impl CursorChange<'_> {
    const fn client(&self) -> &str {
        match self {
            Self::Open { client, .. } | Self::Close { client, .. } => client,
        }
    }

    const fn first_seq(&self) -> u64 {
        match self {
            Self::Open { from_seq, .. } => *from_seq,
            Self::Close { to_seq, .. } => to_seq.saturating_add(1),
        }
    }

    const fn first_epoch(&self) -> u64 {
        match self {
            Self::Open { from_epoch, .. } => *from_epoch,
            Self::Close { .. } => 0,
        }
    }

    const fn last_seq(&self) -> Option<u64> {
        match self {
            Self::Open { .. } => None,
            Self::Close { to_seq, .. } => Some(*to_seq),
        }
    }
}
