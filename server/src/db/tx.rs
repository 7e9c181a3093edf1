//! A connection and a transaction on it: the only callers of tokio-postgres.
//!
//! Every statement is prepared once per connection, cached by its text (so texts never vary), and
//! counted by its name. A [`Tx`] that is dropped without [`Tx::commit`] is rolled back by the
//! driver.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Object, Transaction};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tracing::{Instrument as _, debug_span};

use super::Error;

/// A database that owes an answer for so long is given up, and the connection with it: whoever asks
/// must not wait for one that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection out of the pool. Dropped it goes back, unless it was given up.
pub(crate) struct Connection {
    /// None only while it is dropped.
    object: Option<Object>,
    /// It owes an answer.
    silent: AtomicBool,
}

impl Connection {
    pub(super) const fn new(object: Object) -> Self {
        Self {
            object: Some(object),
            silent: AtomicBool::new(false),
        }
    }

    /// Begins a transaction (READ COMMITTED).
    pub(crate) async fn begin(&mut self) -> Result<Tx<'_>, Error> {
        let Self { object, silent } = self;
        let object = object.as_mut().ok_or_else(Error::silent)?;
        let transaction = answered(silent, object.transaction()).await?;
        Ok(Tx {
            transaction,
            silent,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if *self.silent.get_mut()
            && let Some(object) = self.object.take()
        {
            // Out of the pool, so that nobody gets it again.
            drop(Object::take(object));
        }
    }
}

/// What the database answers, if it does so in time.
async fn answered<T>(
    silent: &AtomicBool,
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_elapsed) => {
            silent.store(true, Ordering::Relaxed);
            Err(Error::silent())
        }
    }
}

/// An open transaction. Dropped means rolled back.
pub(crate) struct Tx<'a> {
    transaction: Transaction<'a>,
    silent: &'a AtomicBool,
}

impl Tx<'_> {
    /// All rows of a statement.
    pub(crate) async fn all(
        &self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let name = count(sql);
        let run = async {
            let statement = self.transaction.prepare_cached(sql).await?;
            self.transaction.query(&statement, params).await
        };
        let span = debug_span!("db", statement = name);
        answered(self.silent, run.instrument(span)).await
    }

    /// The only row of a statement that always gives exactly one.
    pub(crate) async fn one(
        &self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, Error> {
        let name = count(sql);
        let run = async {
            let statement = self.transaction.prepare_cached(sql).await?;
            self.transaction.query_one(&statement, params).await
        };
        let span = debug_span!("db", statement = name);
        answered(self.silent, run.instrument(span)).await
    }

    /// The row of a statement that gives one or none.
    pub(crate) async fn opt(
        &self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Error> {
        let name = count(sql);
        let run = async {
            let statement = self.transaction.prepare_cached(sql).await?;
            self.transaction.query_opt(&statement, params).await
        };
        let span = debug_span!("db", statement = name);
        answered(self.silent, run.instrument(span)).await
    }

    /// How many rows a statement changed.
    pub(crate) async fn exec(
        &self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        let name = count(sql);
        let run = async {
            let statement = self.transaction.prepare_cached(sql).await?;
            self.transaction.execute(&statement, params).await
        };
        let span = debug_span!("db", statement = name);
        answered(self.silent, run.instrument(span)).await
    }

    /// Succeeds if the database answers.
    pub(crate) async fn probe(&self) -> Result<(), Error> {
        let _one = self
            .one(
                "-- probe
                 SELECT 1",
                &[],
            )
            .await?;
        Ok(())
    }

    /// Makes everything done in this transaction durable and visible.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        answered(self.silent, self.transaction.commit()).await
    }
}

/// Counts a statement and returns its name: the first line of its text, without the leading `--`.
fn count(sql: &'static str) -> &'static str {
    let name = sql.trim_start().lines().next().unwrap_or_default();
    let name = name.trim_start_matches("--").trim();
    metrics::counter!("grove_db_statements_total", "statement" => name).increment(1);
    name
}
