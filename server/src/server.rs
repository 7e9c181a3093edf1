//! Starting and stopping: what must be up before what, and who waits for whom at the end.
//!
//! Up: data directory, database, schema, server key, background work, doors. Down, in reverse: the
//! doors accept no more, sockets and long-polls end, requests under way finish, then the workers
//! behind them, then the database.

mod reload;

use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::{error, info};

use crate::app::{App, Parts};
use crate::clock::Clock;
use crate::config::{Config, DatabaseSource, Transport};
use crate::db::Db;
use crate::db::embedded::{Durability, Embedded, EmbeddedError, Kept, Options};
use crate::db::migrate::{self, MigrateError};
use crate::dir_lock::DirLock;
use crate::disk::{self, Disk};
use crate::http::{self, Doors};
use crate::listeners::Listeners;
use crate::rng::Rng;
use crate::sessions::{self, Sessions};
use crate::tasks::Tasks;
use crate::{admin, rate_limits, retention, server_key, telemetry};

/// How long background work may take to finish at the end.
const FINISH_PATIENCE: Duration = Duration::from_secs(15);
/// How often collected metrics are tidied.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

/// Why the server did not start. What had been started is stopped again.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The private PostgreSQL did not start.
    #[error("the private database did not start")]
    Embedded(#[from] EmbeddedError),
    /// The schema is not the one needed.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// Another groved uses the data directory.
    #[error("another groved is using {}", .0.display())]
    Locked(PathBuf),
    /// The data directory cannot be used.
    #[error("{} could not be used", path.display())]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Anything else, described by its text and sources.
    #[error("{what}")]
    Other {
        /// What could not be done.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StartError {
    /// True if the database is what keeps the server from starting.
    pub const fn is_database(&self) -> bool {
        matches!(self, Self::Embedded(_) | Self::Migrate(_))
    }

    fn other<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        what: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Other {
            what,
            source: source.into(),
        }
    }
}

/// The server; see [`Server::start`].
#[derive(Debug)]
pub struct Server(());

impl Server {
    /// Starts a server on the current tokio runtime, which must live until it has stopped.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: Config, clock: Clock) -> Result<Running, StartError> {
        Self::start_on(config, clock, Listeners::default()).await
    }

    /// As [`Self::start`], with sockets for the client door that somebody else opened.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_on(
        config: Config,
        clock: Clock,
        listeners: Listeners,
    ) -> Result<Running, StartError> {
        telemetry::start_metrics().map_err(StartError::other("metrics could not be set up"))?;
        let data_dir = config.server.data_dir.clone();
        let lock = claim_data_dir(&data_dir).await?;
        let (embedded, database) = open_database(&config).await?;
        let embedded = embedded.map(|embedded| keep_database(embedded, &config, &clock));
        let tasks = Tasks::new(Handle::current());
        match assemble(
            config,
            clock,
            &database,
            embedded.as_ref(),
            &tasks,
            listeners,
        )
        .await
        {
            Ok((app, doors)) => {
                info!(client = %doors.client_address, ops = %doors.ops_address, "ready");
                Ok(Running {
                    client_addr: doors.client_address,
                    ops_addr: doors.ops_address,
                    app,
                    doors,
                    embedded,
                    _lock: lock,
                })
            }
            Err(error) => {
                tasks.finish(FINISH_PATIENCE).await;
                if let Some(embedded) = embedded {
                    embedded.stop().await;
                }
                Err(error)
            }
        }
    }

    /// Brings the database's schema to this program's version, starting a private database for the
    /// time; returns the version it had before and has now.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn migrate(config: Config) -> Result<(usize, usize), StartError> {
        let _lock = claim_data_dir(&config.server.data_dir).await?;
        let (embedded, database) = open_database(&config).await?;
        let migrated = migrate::run(&database).await;
        if let Some(embedded) = embedded {
            embedded.stop().await;
        }
        Ok((migrated?, migrate::VERSION))
    }
}

/// A running server. Dropping it without [`Running::stop`] leaves its background work to the
/// runtime.
pub struct Running {
    /// Where clients connect.
    pub client_addr: SocketAddr,
    /// Where operators look.
    pub ops_addr: SocketAddr,
    app: Arc<App>,
    doors: Doors,
    embedded: Option<Kept>,
    _lock: DirLock,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("client_addr", &self.client_addr)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Base URL of the client door, without a slash at the end.
    pub fn client_url(&self) -> String {
        let scheme = match self.app.config.http.transport {
            Transport::Plain => "http",
            Transport::Tls { .. } => "https",
        };
        format!("{scheme}://{}", self.client_addr)
    }

    /// Base URL of the operators' door, without a slash at the end.
    pub fn ops_url(&self) -> String {
        format!("http://{}", self.ops_addr)
    }

    /// Returns when something without which the server cannot go on has failed. It should then be
    /// stopped. A database that is away is no such thing: it is waited for, and a private one is
    /// started again.
    pub async fn failed(&self) {
        self.app.tasks.failed().cancelled().await;
        error!("background work failed");
    }

    /// Drains and stops: no new requests, sockets closed, requests under way finished, everything
    /// written.
    pub async fn stop(self) {
        let Self {
            app,
            doors,
            embedded,
            ..
        } = self;
        info!("stopping");
        app.tasks.closing().cancel();
        doors.close_to_clients(&app).await;
        doors.close().await;
        app.tasks.finish(FINISH_PATIENCE).await;
        app.db.close();
        drop(app);
        if let Some(embedded) = embedded {
            embedded.stop().await;
        }
        info!("stopped");
    }
}

/// Makes the data directory and keeps other groveds out of it, until what is returned is dropped.
async fn claim_data_dir(data_dir: &Path) -> Result<DirLock, StartError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| StartError::DataDir { path, source }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(at(data_dir))?;
    let path = data_dir.join("groved.lock");
    let taken = DirLock::take(&path).await.map_err(at(&path))?;
    taken.ok_or_else(|| StartError::Locked(data_dir.to_owned()))
}

async fn open_database(
    config: &Config,
) -> Result<(Option<Embedded>, tokio_postgres::Config), StartError> {
    match &config.database.source {
        DatabaseSource::Embedded { .. } => {
            let options = private_options(config);
            let embedded = Embedded::start_with(&config.server.data_dir, options).await?;
            let database = embedded.config();
            Ok((Some(embedded), database))
        }
        DatabaseSource::External(database) => Ok((None, database.as_ref().clone())),
    }
}

/// From here on a private database that ends by itself is started again.
fn keep_database(embedded: Embedded, config: &Config, clock: &Clock) -> Kept {
    let data_dir = &config.server.data_dir;
    let options = private_options(config);
    Kept::keep(embedded, data_dir, options, clock, &Handle::current())
}

fn private_options(config: &Config) -> Options {
    let binaries = match &config.database.source {
        DatabaseSource::Embedded { binaries } => binaries.clone(),
        DatabaseSource::External(_) => None,
    };
    Options {
        binaries,
        durability: Durability::Full,
    }
}

async fn assemble(
    config: Config,
    clock: Clock,
    database: &tokio_postgres::Config,
    embedded: Option<&Kept>,
    tasks: &Tasks,
    listeners: Listeners,
) -> Result<(Arc<App>, Doors), StartError> {
    if config.database.migrate_on_start {
        migrate::run(database).await?;
    } else {
        migrate::check(database).await?;
    }
    let db = Db::new(
        database.clone(),
        config.database.pool_size,
        Handle::current(),
    )
    .map_err(StartError::other("the connection pool could not be set up"))?;
    let rng = Rng::system();
    let server = &config.server;
    let server_key = server_key::settle(&server.data_dir, &server.domain, &db, rng, clock.now())
        .await
        .map_err(StartError::other("the server does not know who it is"))?;
    let disk = Disk::holding(embedded.map(|_private| server.data_dir.as_path()));
    let sessions = Sessions::new(rng).map_err(StartError::other("sessions could not be set up"))?;
    let (config, tasks) = (Arc::new(config), tasks.clone());
    let app = Arc::new(App::assemble(Parts {
        clock,
        config,
        db,
        disk,
        rng,
        server_key,
        sessions,
        tasks,
    }));
    disk::watch(&app);
    let doors =
        http::open(&app, listeners).map_err(StartError::other("the doors could not be opened"))?;
    admin::serve(&app).map_err(StartError::other("the operator's door could not be opened"))?;
    keep_house(&app);
    Ok((app, doors))
}

/// Background work that belongs to nobody else.
fn keep_house(app: &Arc<App>) {
    sessions::keep_seen(app);
    retention::keep(app);
    rate_limits::keep(app);
    let mut interval = app.tasks.interval(&app.clock, METRICS_INTERVAL);
    app.tasks.spawn("metrics", async move {
        while interval.tick().await {
            telemetry::tidy_metrics();
        }
    });
}
