//! The pool of database connections.
//!
//! The fact a newcomer would get wrong: a connection is driven by a task, and that task must not
//! live on the runtime of whichever HTTP worker happened to open it, or a busy worker stalls every
//! other user of the connection, and a worker that ends closes it. All connections are driven by
//! the server's one shared runtime.

use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::{Connection, Error};

/// How long a caller waits for a connection, free or new, before it is told that the database is
/// unavailable.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that owes an answer and is silent for so long is given up.
const SILENCE: Duration = Duration::from_secs(20);

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
        let config = by_key(impatient(config));
        let manager = Manager::from_connect(config, OnRuntime(runtime), recycling);
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

/// Tells PostgreSQL that our statements look things up by key. They are prepared once and keep
/// their plans; one made while a table was a page long would otherwise read it from end to end long
/// after it has grown.
fn by_key(mut config: Config) -> Config {
    let options = config.get_options().unwrap_or_default();
    let options = format!("{options} -c enable_seqscan=off");
    config.options(options.trim_start());
    config
}

/// Gives up a connection over which nothing comes any more, as when the machine at its other end is
/// gone: the system would wait for hours. What the operator's URL says counts. (Over a Unix socket
/// the end is seen at once.)
fn impatient(mut config: Config) -> Config {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        config.keepalives_idle(SILENCE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(PATIENCE);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(2);
    }
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
        // Whoever gives up waiting leaves nothing behind that goes on waiting for a database that
        // hangs.
        let opening = AbortOnDropHandle::new(self.0.spawn(async move {
            let (client, connection) = config.connect(NoTls).await?;
            let driver = runtime.spawn(async move {
                if let Err(error) = connection.await {
                    warn!(error = %Error::from(error), "a database connection was lost");
                }
            });
            Ok((client, driver))
        }));
        Box::pin(async move {
            match opening.await {
                Ok(opened) => opened,
                // The runtime is shutting down: the caller is about to be dropped with it.
                Err(_shutdown) => std::future::pending().await,
            }
        })
    }
}
