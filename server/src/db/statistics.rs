//! Statements about the whole database, which never read the whole of it.
//!
//! Counting in PostgreSQL means reading. So rows are counted up to a bound; beyond it the planner's
//! estimate has to do.

use super::devices::timestamp;
use super::{Error, Tx, from_bigint, to_bigint};
use crate::clock::Timestamp;

/// Rows, each counted up to the bound that was asked for.
#[derive(Debug)]
pub(crate) struct RowCounts {
    pub(crate) users: u64,
    /// Not revoked.
    pub(crate) devices: u64,
    /// Not expired.
    pub(crate) sessions: u64,
    pub(crate) rooms: u64,
    pub(crate) entries: u64,
}

/// What PostgreSQL knows of a table without reading it.
#[derive(Debug)]
pub(crate) struct TableRow {
    pub(crate) name: String,
    /// The planner's estimate; 0 as long as there is none.
    pub(crate) rows: u64,
    /// On disk, with its indexes and what is stored beside it.
    pub(crate) bytes: u64,
}

impl Tx<'_> {
    /// Counts rows, of each table up to `most`.
    pub(crate) async fn count_rows(&self, now: Timestamp, most: i64) -> Result<RowCounts, Error> {
        let row = self
            .one(
                "-- count_rows
                 SELECT (SELECT count(*) FROM (SELECT 1 FROM users LIMIT $2) counted),
                        (SELECT count(*) FROM (SELECT 1 FROM devices WHERE revoked_at IS NULL LIMIT $2) counted),
                        (SELECT count(*) FROM (SELECT 1 FROM sessions WHERE expires_at > $1 LIMIT $2) counted),
                        (SELECT count(*) FROM (SELECT 1 FROM rooms LIMIT $2) counted),
                        (SELECT count(*) FROM (SELECT 1 FROM room_log LIMIT $2) counted)",
                &[&to_bigint(now.ms()), &most],
            )
            .await?;
        Ok(RowCounts {
            users: from_bigint(row.try_get(0)?)?,
            devices: from_bigint(row.try_get(1)?)?,
            sessions: from_bigint(row.try_get(2)?)?,
            rooms: from_bigint(row.try_get(3)?)?,
            entries: from_bigint(row.try_get(4)?)?,
        })
    }

    /// What is known of our tables.
    pub(crate) async fn list_tables(&self) -> Result<Vec<TableRow>, Error> {
        let rows = self
            .all(
                "-- list_tables
                 SELECT relname::text, greatest(reltuples, 0)::bigint, pg_total_relation_size(oid)
                 FROM pg_class
                 WHERE relkind = 'r'
                       AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(TableRow {
                    name: row.try_get(0)?,
                    rows: from_bigint(row.try_get(1)?)?,
                    bytes: from_bigint(row.try_get(2)?)?,
                })
            })
            .collect()
    }

    /// Bytes of this database on its disk.
    pub(crate) async fn find_database_bytes(&self) -> Result<u64, Error> {
        let row = self
            .one(
                "-- find_database_bytes
                 SELECT pg_database_size(current_database())",
                &[],
            )
            .await?;
        from_bigint(row.try_get(0)?)
    }

    /// Time of the oldest entry that can be read, in the first `rooms` rooms.
    pub(crate) async fn find_oldest_entry(&self, rooms: i64) -> Result<Option<Timestamp>, Error> {
        let row = self
            .one(
                "-- find_oldest_entry
                 SELECT min(o.time)
                 FROM (SELECT room_id, gone_seq FROM room_states ORDER BY room_id LIMIT $1) r
                 CROSS JOIN LATERAL (
                     SELECT l.time FROM room_log l
                     WHERE l.room_id = r.room_id AND l.seq > r.gone_seq
                     ORDER BY l.seq
                     LIMIT 1
                 ) o",
                &[&rooms],
            )
            .await?;
        timestamp(row.try_get(0)?)
    }
}
