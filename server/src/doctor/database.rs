//! PostgreSQL: whether it is there, new enough, of the right schema, and keeps what it accepts.

use tokio::runtime::Handle;

use super::{Finding, chain};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, DatabaseSource};
use crate::db::migrate::{self, MigrateError};
use crate::db::{Db, Error, Inspection, embedded};

const CHECK: &str = "database";
/// The oldest version groved runs on.
const OLDEST: i64 = 150_000;
/// How far the database's clock may be from ours before somebody should look.
const TOLERANCE_MS: u64 = 5_000;

pub(super) async fn examine(config: &Config, clock: &Clock, runs: bool) -> Vec<Finding> {
    match &config.database.source {
        DatabaseSource::External(connection) => {
            let found = Finding::ok(CHECK, "run by somebody else (database.url)");
            let mut findings = vec![found];
            findings.extend(reach(connection, config, clock).await);
            findings
        }
        DatabaseSource::Embedded { binaries } => {
            let look = match embedded::look(&config.server.data_dir, binaries.as_deref()) {
                Ok(look) => look,
                Err(error) => return vec![absent(&error)],
            };
            let made = look.cluster.map_or_else(
                || "not made before the first start".to_owned(),
                |cluster| format!("made by PostgreSQL {cluster}"),
            );
            let state = if runs {
                "running"
            } else {
                "not running, as groved is not"
            };
            let found = format!(
                "private, {made}; PostgreSQL {} is installed; {state}",
                look.installed
            );
            let mut findings = vec![Finding::ok(CHECK, found)];
            if runs {
                findings.extend(reach(&look.connection, config, clock).await);
            }
            findings
        }
    }
}

fn absent(error: &embedded::EmbeddedError) -> Finding {
    let remedy = match error {
        embedded::EmbeddedError::Io { .. } => "run this as the server's user, or as root",
        _ => "install the package postgresql, or set database.binaries or database.url",
    };
    Finding::fail(CHECK, chain(error), remedy)
}

async fn reach(
    connection: &tokio_postgres::Config,
    config: &Config,
    clock: &Clock,
) -> Vec<Finding> {
    let before = clock.now();
    let inspection = match inspect(connection).await {
        Ok(inspection) => inspection,
        Err(error) => {
            let remedy = "start it, or put database.url and database.password_file right";
            return vec![Finding::fail(
                CHECK,
                format!("cannot be asked: {}", chain(&error)),
                remedy,
            )];
        }
    };
    let after = clock.now();
    let schema = match migrate::check(connection).await {
        Ok(()) => Finding::ok(CHECK, format!("schema version {}", migrate::VERSION)),
        Err(error) => schema(&error, config.database.migrate_on_start),
    };
    vec![
        version(&inspection),
        schema,
        durability(&inspection),
        time(inspection.now, before, after),
    ]
}

async fn inspect(connection: &tokio_postgres::Config) -> Result<Inspection, Error> {
    let db = Db::new(connection.clone(), 1, Handle::current())
        .map_err(|_pool| Error::corrupt("pool"))?;
    let mut connection = db.connect().await?;
    connection.begin().await?.inspect().await
}

fn version(inspection: &Inspection) -> Finding {
    let (major, minor) = (inspection.version / 10_000, inspection.version % 10_000);
    let found = format!("PostgreSQL {major}.{minor} answers");
    if inspection.version < OLDEST {
        Finding::fail(CHECK, found, "groved needs PostgreSQL 15 or newer")
    } else {
        Finding::ok(CHECK, found)
    }
}

fn schema(error: &MigrateError, migrated_on_start: bool) -> Finding {
    let found = chain(error);
    match error {
        MigrateError::TooOld { .. } if migrated_on_start => {
            let found = format!("{found}; the next start does it");
            Finding::warn(CHECK, found, "back the database up, then start groved")
        }
        MigrateError::TooOld { .. } => Finding::fail(CHECK, found, "groved migrate"),
        MigrateError::TooNew { .. } => Finding::fail(
            CHECK,
            found,
            "use the newer groved, or restore the backup made before it",
        ),
        MigrateError::Database(_) => Finding::fail(CHECK, found, "see PostgreSQL's log"),
    }
}

/// What groved promises to keep, PostgreSQL must keep.
fn durability(inspection: &Inspection) -> Finding {
    let Inspection {
        fsync,
        synchronous_commit,
        full_page_writes,
        ..
    } = inspection;
    let found = format!(
        "fsync={fsync} synchronous_commit={synchronous_commit} full_page_writes={full_page_writes}"
    );
    // remote_write and the like wait for less than this machine's disk only where there is no
    // standby.
    let keeps = fsync == "on" && synchronous_commit != "off" && full_page_writes == "on";
    if keeps {
        Finding::ok(CHECK, found)
    } else {
        Finding::fail(
            CHECK,
            found,
            "set all three to on: accepted messages are lost in a power failure",
        )
    }
}

fn time(database: Timestamp, before: Timestamp, after: Timestamp) -> Finding {
    let apart = before
        .since(database)
        .max(database.since(after))
        .as_millis();
    if apart > u128::from(TOLERANCE_MS) {
        let found = format!("its clock is {} s from ours", apart / 1000);
        Finding::warn(CHECK, found, "synchronise the clocks of both machines")
    } else {
        Finding::ok(CHECK, "its clock agrees with ours")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn inspection() -> Inspection {
        Inspection {
            version: 150_014,
            fsync: "on".to_owned(),
            synchronous_commit: "on".to_owned(),
            full_page_writes: "on".to_owned(),
            now: Timestamp::from_ms(0),
        }
    }

    #[test]
    fn a_database_that_forgets_is_a_failure() {
        assert_eq!(durability(&inspection()).verdict, Verdict::Ok);
        for wrong in [
            Inspection {
                fsync: "off".to_owned(),
                ..inspection()
            },
            Inspection {
                synchronous_commit: "off".to_owned(),
                ..inspection()
            },
            Inspection {
                full_page_writes: "off".to_owned(),
                ..inspection()
            },
        ] {
            let finding = durability(&wrong);
            assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.found);
        }
    }

    #[test]
    fn an_old_database_is_a_failure_and_a_far_clock_a_warning() {
        assert_eq!(version(&inspection()).found, "PostgreSQL 15.14 answers");
        let old = Inspection {
            version: 140_009,
            ..inspection()
        };
        assert_eq!(version(&old).verdict, Verdict::Fail);
        let at = Timestamp::from_ms;
        assert_eq!(time(at(5_000), at(1_000), at(1_000)).verdict, Verdict::Ok);
        assert_eq!(time(at(1_000), at(7_000), at(8_000)).verdict, Verdict::Warn);
        assert_eq!(time(at(9_000), at(1_000), at(2_000)).verdict, Verdict::Warn);
    }
}
