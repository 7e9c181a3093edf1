//! The pool of database connections.
//!
//! The fact a newcomer would get wrong: a connection is driven by a task, and that task must not live on the
//! runtime of whichever HTTP worker happened to open it, or a busy worker stalls every other user of the
//! connection, and a worker that ends closes it. All connections are driven by the server's one shared runtime.

use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures_util::future::BoxFuture;
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_postgres::{Client, Config, NoTls};
use tracing::warn;

use super::{Connection, Error};

/// How long a caller waits for a connection, free or new, before it is told that the database is unavailable.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database. Cloning is cheap; all clones share the pool.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    pool: Pool,
}

impl Db {
    /// A pool of at most `size` connections, driven by `runtime`. Opens none yet.
    pub(crate) fn new(
        config: Config,
        size: usize,
        runtime: Handle,
    ) -> Result<Self, deadpool_postgres::BuildError> {
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_connect(by_key(config), OnRuntime(runtime), recycling);
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { pool })
    }

    /// A connection out of the pool.
    pub(crate) async fn connect(&self) -> Result<Connection, Error> {
        Ok(Connection::new(self.pool.get().await?))
    }

    /// Closes the pool: connections end when they come back, and nobody gets a new one.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// Tells PostgreSQL that our statements look things up by key. They are prepared once and keep their plans; one made while
/// a table was a page long would otherwise read it from end to end long after it has grown.
fn by_key(mut config: Config) -> Config {
    let options = config.get_options().unwrap_or_default();
    let options = format!("{options} -c enable_seqscan=off");
    config.options(options.trim_start());
    config
}

/// Opens connections whose driver runs on a fixed runtime.
struct OnRuntime(Handle);

impl Connect for OnRuntime {
    fn connect(
        &self,
        config: &Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        let (config, runtime) = (config.clone(), self.0.clone());
        let opening = self.0.spawn(async move {
            let (client, connection) = config.connect(NoTls).await?;
            let driver = runtime.spawn(async move {
                if let Err(error) = connection.await {
                    warn!(error = %Error::from(error), "a database connection was lost");
                }
            });
            Ok((client, driver))
        });
        Box::pin(async move {
            match opening.await {
                Ok(opened) => opened,
                // The runtime is shutting down: the caller is about to be dropped with it.
                Err(_shutdown) => std::future::pending().await,
            }
        })
    }
}
