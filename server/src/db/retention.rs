//! Statements about what has outlived its time.
//!
//! Each reads a room's log from the room's own marks on, in the order of its primary key and never
//! further than asked, so that a sweep costs what it removes, whatever the length of the log (hence
//! LATERAL and arrays where a join would do, see `log.rs`). Rows of the log stay; only their bytes
//! go.

use super::{Error, RoomId, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// Which time counts for the age of things.
#[derive(Debug)]
pub(crate) struct RetentionClock {
    /// What the clock showed at the end of the last sweep.
    pub(crate) seen_at: u64,
    /// Stretches that do not count, `(begin, end)`, oldest first.
    pub(crate) gaps: Vec<(u64, u64)>,
}

/// How far a room was swept.
#[derive(Debug)]
pub(crate) struct SweptRow {
    /// No application entry up to here has its bytes.
    pub(crate) messages: u64,
    /// No handshake up to here has its bytes.
    pub(crate) handshakes: u64,
}

/// An entry of the log without all that makes it large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeRow {
    pub(crate) seq: u64,
    pub(crate) time: u64,
}

impl Tx<'_> {
    /// Which time counts; none before the first sweep.
    pub(crate) async fn find_retention_clock(&self) -> Result<Option<RetentionClock>, Error> {
        let row = self
            .opt(
                "-- find_retention_clock
                 SELECT seen_at, gap_begins, gap_ends FROM retention_clock",
                &[],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (begins, ends): (Vec<i64>, Vec<i64>) = (row.try_get(1)?, row.try_get(2)?);
        let gaps = begins
            .into_iter()
            .zip(ends)
            .map(|(begin, end)| Ok((from_bigint(begin)?, from_bigint(end)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Some(RetentionClock {
            seen_at: from_bigint(row.try_get(0)?)?,
            gaps,
        }))
    }

    /// Notes which time counts.
    pub(crate) async fn write_retention_clock(&self, clock: &RetentionClock) -> Result<(), Error> {
        let (begins, ends): (Vec<i64>, Vec<i64>) = clock
            .gaps
            .iter()
            .map(|(begin, end)| (to_bigint(*begin), to_bigint(*end)))
            .unzip();
        let _rows = self
            .exec(
                "-- write_retention_clock
                 INSERT INTO retention_clock (seen_at, gap_begins, gap_ends)
                 VALUES ($1, $2, $3)
                 ON CONFLICT (only_row) DO UPDATE SET
                     seen_at = excluded.seen_at, gap_begins = excluded.gap_begins, gap_ends = excluded.gap_ends",
                &[&to_bigint(clock.seen_at), &begins, &ends],
            )
            .await?;
        Ok(())
    }

    /// Rooms whose turn it is, at most `limit`: those to be looked at by `now`, and those put off
    /// beyond `far`, which a clock did that was wrong.
    pub(crate) async fn list_rooms_to_sweep(
        &self,
        now: Timestamp,
        far: Timestamp,
        limit: i64,
    ) -> Result<Vec<RoomId>, Error> {
        let rows = self
            .all(
                "-- list_rooms_to_sweep
                 SELECT due.room_id
                 FROM (
                     (SELECT room_id FROM room_states WHERE sweep_at <= $1 ORDER BY sweep_at LIMIT $3)
                     UNION ALL
                     (SELECT room_id FROM room_states WHERE sweep_at > $2 ORDER BY sweep_at LIMIT $3)
                 ) due
                 LIMIT $3",
                &[&to_bigint(now.ms()), &to_bigint(far.ms()), &limit],
            )
            .await?;
        rows.iter().map(|row| Ok(RoomId(row.try_get(0)?))).collect()
    }

    /// How far a room was swept.
    pub(crate) async fn find_swept(&self, room: RoomId) -> Result<SweptRow, Error> {
        let row = self
            .one(
                "-- find_swept
                 SELECT messages_swept, handshakes_swept FROM room_states WHERE room_id = $1",
                &[&room.0],
            )
            .await?;
        Ok(SweptRow {
            messages: from_bigint(row.try_get(0)?)?,
            handshakes: from_bigint(row.try_get(1)?)?,
        })
    }

    /// Says when a room's turn is next.
    pub(crate) async fn put_off_sweep(&self, room: RoomId, until: Timestamp) -> Result<(), Error> {
        let _rows = self
            .exec(
                "-- put_off_sweep
                 UPDATE room_states SET sweep_at = $2 WHERE room_id = $1",
                &[&room.0, &to_bigint(until.ms())],
            )
            .await?;
        Ok(())
    }

    /// When the entries after one were accepted, of whatever kind, at most `limit`.
    pub(crate) async fn list_times(
        &self,
        room: RoomId,
        after: u64,
        limit: i64,
    ) -> Result<Vec<TimeRow>, Error> {
        let rows = self
            .all(
                "-- list_times
                 SELECT seq, time FROM room_log WHERE room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                &[&room.0, &to_bigint(after), &limit],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(TimeRow {
                    seq: from_bigint(row.try_get(0)?)?,
                    time: from_bigint(row.try_get(1)?)?,
                })
            })
            .collect()
    }

    /// The position of the slowest device that is in a room; none if no device of this server is.
    pub(crate) async fn find_least_position(&self, room: RoomId) -> Result<Option<u64>, Error> {
        let row = self
            .one(
                "-- find_least_position
                 SELECT min(position) FROM cursors WHERE room_id = $1 AND to_seq IS NULL",
                &[&room.0],
            )
            .await?;
        let least: Option<i64> = row.try_get(0)?;
        least.map(from_bigint).transpose()
    }

    /// Takes the bytes of all application entries after one and up to another, and moves the mark
    /// there. Returns how many had some.
    pub(crate) async fn expire_messages(
        &self,
        room: RoomId,
        after: u64,
        upto: u64,
    ) -> Result<u64, Error> {
        let row = self
            .one(
                "-- expire_messages
                 WITH gone AS (
                     UPDATE room_log
                     SET entry = NULL
                     WHERE room_id = $1 AND seq > $2 AND seq <= $3 AND kind = 1 AND entry IS NOT NULL
                     RETURNING seq
                 ), mark AS (
                     UPDATE room_states
                     SET messages_swept = greatest(messages_swept, $3),
                         gone_seq = greatest(gone_seq, (SELECT max(seq) FROM gone))
                     WHERE room_id = $1
                 )
                 SELECT count(*) FROM gone",
                &[&room.0, &to_bigint(after), &to_bigint(upto)],
            )
            .await?;
        from_bigint(row.try_get(0)?)
    }

    /// Up to where a room's handshakes may go: the newest snapshot that stands at an entry older
    /// than `before`, from which every later state can be rebuilt, but no proposal that waits for a
    /// commit. 0 if there is nothing new to go.
    pub(crate) async fn find_spare_handshakes(
        &self,
        room: RoomId,
        before: Timestamp,
    ) -> Result<u64, Error> {
        let row = self
            .one(
                "-- find_spare_handshakes
                 SELECT least(coalesce((
                     SELECT s.seq
                     FROM snapshots s
                     JOIN room_states m ON m.room_id = s.room_id
                     CROSS JOIN LATERAL (
                         SELECT r.time FROM room_log r WHERE r.room_id = s.room_id AND r.seq = s.seq LIMIT 1
                     ) l
                     WHERE s.room_id = $1 AND s.seq > m.handshakes_swept AND l.time < $2
                     ORDER BY s.seq DESC
                     LIMIT 1
                 ), 0), coalesce((
                     SELECT c.seq FROM room_log c
                     WHERE c.room_id = $1 AND c.kind = 3
                     ORDER BY c.seq DESC
                     LIMIT 1
                 ), 0))",
                &[&room.0, &to_bigint(before.ms())],
            )
            .await?;
        from_bigint(row.try_get(0)?)
    }

    /// Takes the bytes of at most `limit` handshakes after one and up to another, the oldest first,
    /// and moves the mark. Returns how many.
    pub(crate) async fn expire_handshakes(
        &self,
        room: RoomId,
        after: u64,
        upto: u64,
        limit: i64,
    ) -> Result<u64, Error> {
        let row = self
            .one(
                "-- expire_handshakes
                 WITH old AS (
                     SELECT seq FROM room_log
                     WHERE room_id = $1 AND seq > $2 AND seq <= $3 AND kind <> 1
                     ORDER BY seq
                     LIMIT $4
                 ), gone AS (
                     UPDATE room_log
                     SET entry = NULL
                     WHERE room_id = $1 AND seq = ANY (ARRAY (SELECT seq FROM old))
                     RETURNING seq
                 ), mark AS (
                     UPDATE room_states
                     SET handshakes_swept = greatest(handshakes_swept, (SELECT max(seq) FROM gone)),
                         gone_seq = greatest(gone_seq, (SELECT max(seq) FROM gone))
                     WHERE room_id = $1
                 )
                 SELECT count(*) FROM gone",
                &[&room.0, &to_bigint(after), &to_bigint(upto), &limit],
            )
            .await?;
        from_bigint(row.try_get(0)?)
    }

    /// Removes the snapshots of a room that no state is rebuilt from any more: those before the
    /// newest at or before an entry. Returns how many.
    pub(crate) async fn remove_old_snapshots(&self, room: RoomId, upto: u64) -> Result<u64, Error> {
        self.exec(
            "-- remove_old_snapshots
             DELETE FROM snapshots
             WHERE room_id = $1
                   AND seq < (SELECT max(n.seq) FROM snapshots n WHERE n.room_id = $1 AND n.seq <= $2)",
            &[&room.0, &to_bigint(upto)],
        )
        .await
    }

    /// Removes cursors of devices that are out of a room: those read to their end, once the
    /// messages before it are swept, and those with nothing left to read. Returns how many.
    pub(crate) async fn remove_spent_cursors(&self, room: RoomId) -> Result<u64, Error> {
        self.exec(
            "-- remove_spent_cursors
             DELETE FROM cursors c
             USING room_states s
             WHERE c.room_id = $1 AND s.room_id = $1 AND c.to_seq IS NOT NULL AND c.to_seq <= s.messages_swept
                   AND (c.position >= c.to_seq OR c.to_seq <= s.handshakes_swept)",
            &[&room.0],
        )
        .await
    }

    /// Removes the inbox entries of Welcomes into a room whose commits are older than `before`. It
    /// comes before [`Self::remove_old_welcomes`]: whoever acknowledges one takes the locks in that
    /// order.
    pub(crate) async fn remove_old_inbox_entries(
        &self,
        room: RoomId,
        before: Timestamp,
    ) -> Result<u64, Error> {
        self.exec(
            "-- remove_old_inbox_entries
             WITH old AS (
                 SELECT w.seq
                 FROM welcomes w
                 CROSS JOIN LATERAL (
                     SELECT r.time FROM room_log r WHERE r.room_id = w.room_id AND r.seq = w.seq LIMIT 1
                 ) l
                 WHERE w.room_id = $1 AND l.time < $2
             )
             DELETE FROM inbox i USING old WHERE i.room_id = $1 AND i.seq = old.seq",
            &[&room.0, &to_bigint(before.ms())],
        )
        .await
    }

    /// Removes the Welcomes into a room whose commits are older than `before`, once no inbox has
    /// them. Returns how many.
    pub(crate) async fn remove_old_welcomes(
        &self,
        room: RoomId,
        before: Timestamp,
    ) -> Result<u64, Error> {
        self.exec(
            "-- remove_old_welcomes
             WITH old AS (
                 SELECT w.seq
                 FROM welcomes w
                 CROSS JOIN LATERAL (
                     SELECT r.time FROM room_log r WHERE r.room_id = w.room_id AND r.seq = w.seq LIMIT 1
                 ) l
                 WHERE w.room_id = $1 AND l.time < $2
             )
             DELETE FROM welcomes w USING old WHERE w.room_id = $1 AND w.seq = old.seq",
            &[&room.0, &to_bigint(before.ms())],
        )
        .await
    }
}
