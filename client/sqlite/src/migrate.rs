//! The schema, forward only: file N brings `user_version` from N-1 to N.

use grove_core::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::Sql;

const MIGRATIONS: [&str; 11] = [
    include_str!("../migrations/0001_profile.sql"),
    include_str!("../migrations/0002_devices.sql"),
    include_str!("../migrations/0003_trust.sql"),
    include_str!("../migrations/0004_evidence.sql"),
    include_str!("../migrations/0005_tallies.sql"),
    include_str!("../migrations/0006_keys_in_doubt.sql"),
    include_str!("../migrations/0007_disputed.sql"),
    include_str!("../migrations/0008_counters.sql"),
    include_str!("../migrations/0009_lost_epoch.sql"),
    include_str!("../migrations/0010_inbox.sql"),
    include_str!("../migrations/0011_witnessed.sql"),
];

/// Applies what is missing, in one transaction, so that two processes may start at once.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if version(connection)? == known {
        return Ok(());
    }
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .sql()?;
    let found = version(&tx)?;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for migration in MIGRATIONS
        .iter()
        .skip(usize::try_from(found).unwrap_or(usize::MAX))
    {
        tx.execute_batch(migration).sql()?;
    }
    tx.pragma_update(None, "user_version", known).sql()?;
    tx.commit().sql()
}

fn version(connection: &Connection) -> Result<u32, StoreError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .sql()
}
