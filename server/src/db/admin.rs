//! Statements that only the operator's door runs: devices, sessions and rooms as an operator sees
//! them.
//!
//! All of them read at most as many rows as they are told, whatever the tables hold.

use grove_wire::uri::RoomUri;

use super::devices::timestamp;
use super::rooms::{role_from_sql, room_uri};
use super::{Error, RoomId, Tx, from_bigint};
use crate::clock::Timestamp;

/// A device, revoked or not.
#[derive(Debug)]
pub(crate) struct DeviceOverview {
    pub(crate) device_id: i64,
    pub(crate) client: String,
    pub(crate) added_at: Timestamp,
    pub(crate) last_seen_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) sessions: u64,
}

/// A session that has not expired.
#[derive(Debug)]
pub(crate) struct SessionOverview {
    pub(crate) session_id: i64,
    pub(crate) client: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A room and where its log stands.
#[derive(Debug)]
pub(crate) struct RoomOverview {
    pub(crate) room: RoomId,
    pub(crate) uri: RoomUri,
    pub(crate) created_at: Timestamp,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) last_time: Timestamp,
    /// Counted as far as was asked for.
    pub(crate) participants: u64,
    /// Devices of this server in the group, counted as far as was asked for.
    pub(crate) members: u64,
    /// The last entry without its bytes; all after it can be read.
    pub(crate) gone_seq: u64,
    /// When the first entry came that can be read.
    pub(crate) oldest_at: Option<Timestamp>,
    /// How many of the newest entries were weighed, and what they weigh together.
    pub(crate) weighed: (u64, u64),
}

/// How much of a room is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoomBounds {
    /// Participants and devices are counted up to here.
    pub(crate) count: i64,
    /// So many of the newest entries are weighed.
    pub(crate) weigh: i64,
}

/// A device of this server that reads a room.
#[derive(Debug)]
pub(crate) struct ReaderOverview {
    pub(crate) client: String,
    pub(crate) position: u64,
    /// Entries it may read and has not acknowledged.
    pub(crate) lag: u64,
    pub(crate) is_former: bool,
    pub(crate) is_leaving: bool,
}

impl Tx<'_> {
    /// Ends any later statement of this transaction after so many milliseconds.
    pub(crate) async fn limit_statement_time(&self, most_ms: u32) -> Result<(), Error> {
        let _set = self
            .one(
                "-- limit_statement_time
                 SELECT set_config('statement_timeout', $1, true)",
                &[&most_ms.to_string()],
            )
            .await?;
        Ok(())
    }

    /// The newest `limit` devices a user ever had, oldest first.
    pub(crate) async fn list_devices_ever(
        &self,
        user_id: i64,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<DeviceOverview>, Error> {
        let rows = self
            .all(
                "-- list_devices_ever
                 WITH newest AS (
                     SELECT device_id, client, added_at, last_seen_at, revoked_at
                     FROM devices
                     WHERE user_id = $1
                     ORDER BY device_id DESC
                     LIMIT $3
                 )
                 SELECT d.device_id, d.client, d.added_at, d.last_seen_at, d.revoked_at,
                        (SELECT count(*) FROM sessions s WHERE s.device_id = d.device_id AND s.expires_at > $2)
                 FROM newest d
                 ORDER BY d.device_id",
                &[&user_id, &super::to_bigint(now.ms()), &limit],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(DeviceOverview {
                    device_id: row.try_get(0)?,
                    client: row.try_get(1)?,
                    added_at: Timestamp::from_ms(from_bigint(row.try_get(2)?)?),
                    last_seen_at: timestamp(row.try_get(3)?)?,
                    revoked_at: timestamp(row.try_get(4)?)?,
                    sessions: from_bigint(row.try_get(5)?)?,
                })
            })
            .collect()
    }

    /// The newest `limit` sessions of a user, oldest first.
    pub(crate) async fn list_sessions(
        &self,
        user_id: i64,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<SessionOverview>, Error> {
        let rows = self
            .all(
                "-- list_sessions
                 WITH newest AS (
                     SELECT s.session_id, d.client, s.created_at, s.expires_at
                     FROM devices d
                     JOIN sessions s ON s.device_id = d.device_id
                     WHERE d.user_id = $1 AND s.expires_at > $2
                     ORDER BY s.session_id DESC
                     LIMIT $3
                 )
                 SELECT session_id, client, created_at, expires_at FROM newest ORDER BY session_id",
                &[&user_id, &super::to_bigint(now.ms()), &limit],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(SessionOverview {
                    session_id: row.try_get(0)?,
                    client: row.try_get(1)?,
                    created_at: Timestamp::from_ms(from_bigint(row.try_get(2)?)?),
                    expires_at: Timestamp::from_ms(from_bigint(row.try_get(3)?)?),
                })
            })
            .collect()
    }

    /// Removes all sessions of a user, or those of one device. Returns for each the device it was
    /// of.
    pub(crate) async fn end_sessions(
        &self,
        user_id: i64,
        client: Option<&str>,
    ) -> Result<Vec<i64>, Error> {
        let rows = self
            .all(
                "-- end_sessions
                 WITH ending AS (
                     SELECT s.session_id, s.device_id
                     FROM devices d
                     JOIN sessions s ON s.device_id = d.device_id
                     WHERE d.user_id = $1 AND ($2::text IS NULL OR d.client = $2)
                     ORDER BY s.session_id
                     FOR UPDATE OF s
                 )
                 DELETE FROM sessions USING ending WHERE sessions.session_id = ending.session_id
                 RETURNING ending.device_id",
                &[&user_id, &client],
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Up to `limit` rooms in the order of their URIs, from `from` on; `except` is left out.
    pub(crate) async fn list_rooms_from(
        &self,
        from: &str,
        except: &str,
        limit: i64,
        bounds: RoomBounds,
    ) -> Result<Vec<RoomOverview>, Error> {
        let rows = self
            .all(
                "-- list_rooms_from
                 WITH page AS MATERIALIZED (
                     SELECT room_id, uri, created_at
                     FROM rooms
                     WHERE uri >= $1 AND uri <> $2
                     ORDER BY uri
                     LIMIT $3
                 )
                 SELECT r.room_id, r.uri, r.created_at, h.epoch, h.seq, h.last_time, s.gone_seq,
                        (SELECT count(*) FROM (
                             SELECT 1 FROM room_participants p WHERE p.room_id = r.room_id LIMIT $4) counted),
                        (SELECT count(*) FROM (
                             SELECT 1 FROM cursors c
                             WHERE c.room_id = r.room_id AND c.to_seq IS NULL LIMIT $4) counted),
                        (SELECT l.time FROM room_log l
                         WHERE l.room_id = r.room_id AND l.seq > s.gone_seq ORDER BY l.seq LIMIT 1),
                        w.entries, w.bytes
                 FROM page r
                 JOIN room_heads h ON h.room_id = r.room_id
                 JOIN room_states s ON s.room_id = r.room_id
                 CROSS JOIN LATERAL (
                     SELECT count(*) AS entries, coalesce(sum(octet_length(n.entry)), 0)::bigint AS bytes
                     FROM (SELECT l.entry FROM room_log l WHERE l.room_id = r.room_id AND l.seq > s.gone_seq
                           ORDER BY l.seq DESC LIMIT $5) n
                 ) w
                 ORDER BY r.uri",
                &[&from, &except, &limit, &bounds.count, &bounds.weigh],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(RoomOverview {
                    room: RoomId(row.try_get(0)?),
                    uri: room_uri(row, 1)?,
                    created_at: Timestamp::from_ms(from_bigint(row.try_get(2)?)?),
                    epoch: from_bigint(row.try_get(3)?)?,
                    seq: from_bigint(row.try_get(4)?)?,
                    last_time: Timestamp::from_ms(from_bigint(row.try_get(5)?)?),
                    gone_seq: from_bigint(row.try_get(6)?)?,
                    participants: from_bigint(row.try_get(7)?)?,
                    members: from_bigint(row.try_get(8)?)?,
                    oldest_at: timestamp(row.try_get(9)?)?,
                    weighed: (
                        from_bigint(row.try_get(10)?)?,
                        from_bigint(row.try_get(11)?)?,
                    ),
                })
            })
            .collect()
    }

    /// Up to `limit` participants of a room with the index of their role, highest first.
    pub(crate) async fn list_participants(
        &self,
        room: RoomId,
        limit: i64,
    ) -> Result<Vec<(String, u32)>, Error> {
        let rows = self
            .all(
                "-- list_participants
                 SELECT user_uri, role
                 FROM room_participants
                 WHERE room_id = $1
                 ORDER BY role DESC, user_uri
                 LIMIT $2",
                &[&room.0, &limit],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, role_from_sql(row.try_get(1)?)?)))
            .collect()
    }

    /// Up to `limit` devices that are in a room or have not read it to where they may, furthest
    /// behind first.
    pub(crate) async fn list_readers(
        &self,
        room: RoomId,
        limit: i64,
    ) -> Result<Vec<ReaderOverview>, Error> {
        let rows = self
            .all(
                "-- list_readers
                 SELECT d.client, c.position, greatest(coalesce(c.to_seq, h.seq) - c.position, 0) AS lag,
                        c.to_seq IS NOT NULL, c.leaving
                 FROM cursors c
                 JOIN room_heads h ON h.room_id = c.room_id
                 JOIN devices d ON d.device_id = c.device_id
                 WHERE c.room_id = $1 AND (c.to_seq IS NULL OR c.position < c.to_seq)
                 ORDER BY lag DESC, d.client
                 LIMIT $2",
                &[&room.0, &limit],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ReaderOverview {
                    client: row.try_get(0)?,
                    position: from_bigint(row.try_get(1)?)?,
                    lag: from_bigint(row.try_get(2)?)?,
                    is_former: row.try_get(3)?,
                    is_leaving: row.try_get(4)?,
                })
            })
            .collect()
    }
}
