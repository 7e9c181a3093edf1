//! A connection and a transaction on it: the only callers of tokio-postgres.
//!
//! Every statement is prepared once per connection, cached by its text (so texts never vary), and counted by its
//! name. A [`Tx`] that is dropped without [`Tx::commit`] is rolled back by the driver.

use deadpool_postgres::{Object, Transaction};
use tokio_postgres::{Row, types::ToSql};
use tracing::{Instrument as _, debug_span};

use super::Error;

/// One connection out of the pool; goes back when dropped.
pub(crate) struct Connection(Object);

impl Connection {
    pub(super) const fn new(object: Object) -> Self {
        Self(object)
    }

    /// Begins a transaction (READ COMMITTED).
    pub(crate) async fn begin(&mut self) -> Result<Tx<'_>, Error> {
        Ok(Tx(self.0.transaction().await?))
    }
}

/// An open transaction. Dropped means rolled back.
pub(crate) struct Tx<'a>(Transaction<'a>);

impl Tx<'_> {
    /// All rows of a statement.
    pub(crate) async fn all(
        &self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let name = count(sql);
        let run = async {
            let statement = self.0.prepare_cached(sql).await?;
            self.0.query(&statement, params).await
        };
        Ok(run.instrument(debug_span!("db", statement = name)).await?)
    }

    /// The only row of a statement that always gives exactly one.
    pub(crate) async fn one(
        &self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, Error> {
        let name = count(sql);
        let run = async {
            let statement = self.0.prepare_cached(sql).await?;
            self.0.query_one(&statement, params).await
        };
        Ok(run.instrument(debug_span!("db", statement = name)).await?)
    }

    /// The row of a statement that gives one or none.
    pub(crate) async fn opt(
        &self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Error> {
        let name = count(sql);
        let run = async {
            let statement = self.0.prepare_cached(sql).await?;
            self.0.query_opt(&statement, params).await
        };
        Ok(run.instrument(debug_span!("db", statement = name)).await?)
    }

    /// How many rows a statement changed.
    pub(crate) async fn exec(
        &self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        let name = count(sql);
        let run = async {
            let statement = self.0.prepare_cached(sql).await?;
            self.0.execute(&statement, params).await
        };
        Ok(run.instrument(debug_span!("db", statement = name)).await?)
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
        Ok(self.0.commit().await?)
    }
}

/// Counts a statement and returns its name: the first line of its text, without the leading `--`.
fn count(sql: &'static str) -> &'static str {
    let name = sql.trim_start().lines().next().unwrap_or_default();
    let name = name.trim_start_matches("--").trim();
    metrics::counter!("grove_db_statements_total", "statement" => name).increment(1);
    name
}
