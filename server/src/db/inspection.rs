//! What an operator must know of the PostgreSQL behind the connection.

use super::{Error, Tx};
use crate::clock::Timestamp;

/// A PostgreSQL, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inspection {
    /// 150014 is 15.14.
    pub(crate) version: i64,
    /// What survives a power failure depends on these three.
    pub(crate) fsync: String,
    pub(crate) synchronous_commit: String,
    pub(crate) full_page_writes: String,
    /// Its clock.
    pub(crate) now: Timestamp,
}

impl Tx<'_> {
    /// Version, durability and clock of the server.
    pub(crate) async fn inspect(&self) -> Result<Inspection, Error> {
        let row = self
            .one(
                "-- inspect
                 SELECT current_setting('server_version_num')::bigint AS version,
                        current_setting('fsync') AS fsync,
                        current_setting('synchronous_commit') AS synchronous_commit,
                        current_setting('full_page_writes') AS full_page_writes,
                        (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms",
                &[],
            )
            .await?;
        let now: i64 = row.try_get("now_ms")?;
        Ok(Inspection {
            version: row.try_get("version")?,
            fsync: row.try_get("fsync")?,
            synchronous_commit: row.try_get("synchronous_commit")?,
            full_page_writes: row.try_get("full_page_writes")?,
            now: Timestamp::from_ms(u64::try_from(now).unwrap_or_default()),
        })
    }
}
