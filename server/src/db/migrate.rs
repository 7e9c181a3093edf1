//! Migrations: plain SQL, forward only, embedded in the program, applied under an advisory lock.
//!
//! A schema that is newer than this program is refused, never guessed at.

use refinery::{Migration, Runner};
use tokio_postgres::{Client, Config, NoTls};
use tracing::{info, warn};

use super::Error;

/// What two programs that migrate at once queue at: an arbitrary number that is ours.
const ADVISORY_LOCK: i64 = 0x6772_6f76_6501;

/// The embedded migrations, oldest first: name (`V<version>__<noun>`) and text.
const MIGRATIONS: [(&str, &str); 4] = [
    (
        "V1__accounts",
        include_str!("../../../migrations/0001_accounts.sql"),
    ),
    (
        "V2__rooms",
        include_str!("../../../migrations/0002_rooms.sql"),
    ),
    (
        "V3__devices",
        include_str!("../../../migrations/0003_devices.sql"),
    ),
    (
        "V4__retention",
        include_str!("../../../migrations/0004_retention.sql"),
    ),
];

/// The schema version this program was written for.
pub const VERSION: usize = MIGRATIONS.len();

/// Why the schema was not brought to [`VERSION`].
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database failed, or refused a migration.
    #[error("the database failed")]
    Database(#[from] Error),
    /// The schema is older than this program, and migrating was not asked for.
    #[error(
        "the database schema has version {found}, this groved needs {VERSION}: run `groved migrate`"
    )]
    TooOld {
        /// The version found; 0 for an empty database.
        found: usize,
    },
    /// The schema was written by a newer program.
    #[error("the database schema has version {found}, this groved knows versions up to {VERSION}")]
    TooNew {
        /// The version found.
        found: usize,
    },
}

/// Brings the schema to [`VERSION`] and returns the version it had before (0: the database was
/// empty).
///
/// # Errors
/// [`MigrateError::TooNew`] leaves the database as it was; [`MigrateError::Database`] leaves it at
/// the last version that was applied whole.
pub async fn run(config: &Config) -> Result<usize, MigrateError> {
    let mut session = connect(config).await?;
    lock(&session).await?;
    let found = version(&session).await?;
    if found > VERSION {
        return Err(MigrateError::TooNew { found });
    }
    if found < VERSION {
        let report = runner()?
            .run_async(&mut session)
            .await
            .map_err(Error::from)?;
        for applied in report.applied_migrations() {
            info!(migration = %applied, "migration applied");
        }
    }
    Ok(found)
}

/// Checks that the schema has [`VERSION`], changing nothing.
///
/// # Errors
/// [`MigrateError::TooNew`], [`MigrateError::TooOld`] or a failing database.
pub async fn check(config: &Config) -> Result<(), MigrateError> {
    let found = version(&connect(config).await?).await?;
    match found {
        VERSION => Ok(()),
        _ if found > VERSION => Err(MigrateError::TooNew { found }),
        _ => Err(MigrateError::TooOld { found }),
    }
}

fn runner() -> Result<Runner, Error> {
    let migrations = MIGRATIONS
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Runner::new(&migrations))
}

#[expect(
    clippy::disallowed_methods,
    reason = "migrations run before there is a pool"
)]
async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    // Ends with the client: when the client is dropped the connection returns.
    let _driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            warn!(error = %Error::from(error), "the migrating connection was lost");
        }
    });
    Ok(client)
}

/// Waits until no other program migrates; the lock goes with the connection.
#[expect(
    clippy::disallowed_methods,
    reason = "migrations run before there is a pool"
)]
async fn lock(session: &Client) -> Result<(), Error> {
    let _rows = session
        .execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK])
        .await?;
    Ok(())
}

/// The newest migration applied; 0 if there is none.
#[expect(
    clippy::disallowed_methods,
    reason = "migrations run before there is a pool"
)]
async fn version(session: &Client) -> Result<usize, Error> {
    let history = session
        .query_one(
            "SELECT to_regclass('refinery_schema_history') IS NOT NULL",
            &[],
        )
        .await?;
    if !history.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let newest = session
        .query_one(
            "SELECT COALESCE(max(version), 0)::bigint FROM refinery_schema_history",
            &[],
        )
        .await?;
    usize::try_from(newest.try_get::<_, i64>(0)?)
        .map_err(|_negative| Error::corrupt("schema version"))
}
