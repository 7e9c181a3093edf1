//! Starting and stopping: what must be up before what, and who waits for whom at the end.
//!
//! Up: data directory, database, schema, server key, background work, doors. Down, in reverse: the doors accept no
//! more, sockets and long-polls end, requests under way finish, then the workers behind them, then the database.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::runtime::Handle;
use tracing::{error, info, warn};

use crate::{
    admin,
    app::{App, Parts},
    clock::{Clock, Timestamp},
    config::{Config, DatabaseSource, Transport},
    db::{
        self, Db,
        embedded::{Durability, Embedded, EmbeddedError, Options},
        migrate::{self, MigrateError},
    },
    disk::Disk,
    http::{self, Doors},
    rng::Rng,
    server_key,
    sessions::Sessions,
    tasks::Tasks,
    telemetry,
};

/// How long background work may take to finish at the end.
const FINISH_PATIENCE: Duration = Duration::from_secs(15);
/// How often what has expired is removed from the database.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);
/// A claimed KeyPackage whose commit has not come by then is not waited for.
const CLAIM_AGE: Duration = Duration::from_hours(7 * 24);
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
        telemetry::start_metrics().map_err(StartError::other("metrics could not be set up"))?;
        let data_dir = config.server.data_dir.clone();
        let lock = claim_data_dir(&data_dir)?;
        let (embedded, database) = open_database(&config).await?;
        let tasks = Tasks::new(Handle::current());
        match assemble(config, clock, &database, embedded.as_ref(), &tasks).await {
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

    /// Brings the database's schema to this program's version, starting a private database for the time; returns
    /// the version it had before and has now.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn migrate(config: Config) -> Result<(usize, usize), StartError> {
        let _lock = claim_data_dir(&config.server.data_dir)?;
        let (embedded, database) = open_database(&config).await?;
        let migrated = migrate::run(&database).await;
        if let Some(embedded) = embedded {
            embedded.stop().await;
        }
        Ok((migrated?, migrate::VERSION))
    }
}

/// A running server. Dropping it without [`Running::stop`] leaves its background work to the runtime.
pub struct Running {
    /// Where clients connect.
    pub client_addr: SocketAddr,
    /// Where operators look.
    pub ops_addr: SocketAddr,
    app: Arc<App>,
    doors: Doors,
    embedded: Option<Embedded>,
    _lock: File,
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

    /// Returns when something without which the server cannot go on has failed. It should then be stopped.
    pub async fn failed(&self) {
        let database_ended = async {
            match &self.embedded {
                Some(embedded) => embedded.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.app.tasks.failed().cancelled() => error!("background work failed"),
            () = database_ended => error!("the private database ended by itself"),
        }
    }

    /// Reads the TLS certificate again; on an error the old one stays in use and the error is logged.
    pub fn reload_certificate(&self) {
        match self.doors.reload_certificate() {
            Ok(()) => info!("the certificate was read again"),
            Err(error) => {
                warn!(%error, "the certificate could not be read again; the old one stays");
            }
        }
    }

    /// Drains and stops: no new requests, sockets closed, requests under way finished, everything written.
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

/// Makes the data directory and keeps other groveds out of it, until the returned file is closed.
fn claim_data_dir(data_dir: &Path) -> Result<File, StartError> {
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
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(at(&path))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_held| StartError::Locked(data_dir.to_owned()))?;
    Ok(file)
}

async fn open_database(
    config: &Config,
) -> Result<(Option<Embedded>, tokio_postgres::Config), StartError> {
    match &config.database.source {
        DatabaseSource::Embedded { binaries } => {
            let options = Options {
                binaries: binaries.clone(),
                durability: Durability::Full,
            };
            let embedded = Embedded::start_with(&config.server.data_dir, options).await?;
            let database = embedded.config();
            Ok((Some(embedded), database))
        }
        DatabaseSource::External(database) => Ok((None, database.as_ref().clone())),
    }
}

async fn assemble(
    config: Config,
    clock: Clock,
    database: &tokio_postgres::Config,
    embedded: Option<&Embedded>,
    tasks: &Tasks,
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
    let disk = match embedded {
        Some(_) => Disk::watch(
            &server.data_dir,
            config.limits.free_space_reserve,
            &clock,
            tasks,
        ),
        None => Disk::unwatched(),
    };
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
    let doors = http::open(&app).map_err(StartError::other("the doors could not be opened"))?;
    admin::serve(&app).map_err(StartError::other("the operator's door could not be opened"))?;
    keep_house(&app);
    Ok((app, doors))
}

/// Background work that belongs to nobody else.
fn keep_house(app: &Arc<App>) {
    let (sweeping, stopping) = (Arc::clone(app), app.tasks.stopping().clone());
    app.tasks.spawn("sweep", async move {
        while stopping
            .run_until_cancelled(sweeping.clock.sleep(SWEEP_INTERVAL))
            .await
            .is_some()
        {
            if let Err(error) = sweep(&sweeping.db, sweeping.clock.now()).await {
                warn!(%error, "what has expired could not be removed");
            }
        }
    });
    let (clock, stopping) = (app.clock.clone(), app.tasks.stopping().clone());
    app.tasks.spawn("metrics", async move {
        while stopping
            .run_until_cancelled(clock.sleep(METRICS_INTERVAL))
            .await
            .is_some()
        {
            telemetry::tidy_metrics();
        }
    });
}

async fn sweep(db: &Db, now: Timestamp) -> Result<(), db::Error> {
    let mut connection = db.connect().await?;
    let tx = connection.begin().await?;
    tx.remove_expired_sessions(now).await?;
    tx.remove_stale_key_packages(now).await?;
    tx.remove_old_claims(now.minus(CLAIM_AGE)).await?;
    tx.commit().await
}
