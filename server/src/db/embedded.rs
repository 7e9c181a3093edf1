//! A private PostgreSQL under the data directory: what runs when no database is configured.
//!
//! It listens on a Unix socket only, in a directory nobody else may enter, and runs as an
//! unprivileged user when groved is root, since PostgreSQL refuses root. The surprise: a groved
//! that is killed cannot stop it. So a start first looks for the one left behind and stops it in
//! order; a lock file keeps two groveds apart.

mod binaries;
mod kept;
mod layout;
mod look;
mod postmaster;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};
use tracing::{info, warn};

use self::binaries::Binaries;
pub(crate) use self::kept::Kept;
use self::layout::{Account, Layout};
pub(crate) use self::look::look;
use self::postmaster::{Postmaster, Shutdown};
use crate::dir_lock::DirLock;

/// Role and database of the private PostgreSQL.
const NAME: &str = "grove";
/// How long a start may take; crash recovery of a large database is slow.
const START_PATIENCE: Duration = Duration::from_mins(5);
/// How long a fast shutdown may take before PostgreSQL is stopped the hard way, which recovers at
/// the next start.
const STOP_PATIENCE: Duration = Duration::from_mins(1);
/// How often a starting PostgreSQL is asked whether it is ready.
const POLL: Duration = Duration::from_millis(15);

/// How the private PostgreSQL is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Directory with `postgres` and `initdb`; unset: found on `PATH` or where distributions put
    /// it.
    pub binaries: Option<PathBuf>,
    /// What survives a power failure.
    pub durability: Durability,
}

/// What survives a power failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// All that was committed.
    #[default]
    Full,
    /// Nothing: for tests only. All tests of a process share one, which so takes more connections.
    Throwaway,
}

/// Why the private PostgreSQL did not start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No PostgreSQL was found.
    #[error(
        "no PostgreSQL 15 or newer found on PATH or under /usr/lib/postgresql: install the package `postgresql`, \
         or set database.binaries or database.url"
    )]
    BinariesMissing,
    /// The cluster was made by another major version than the one installed.
    #[error(
        "the database under the data directory was made by PostgreSQL {cluster}, which is not installed: install it, or move the data with pg_upgrade"
    )]
    WrongVersion {
        /// Major version of the cluster.
        cluster: u32,
    },
    /// Another groved uses this data directory.
    #[error("another groved is using {}", .0.display())]
    Locked(PathBuf),
    /// groved is root and there is no user to run PostgreSQL as.
    #[error(
        "running as root, and there is neither a user `postgres` nor `nobody` to run PostgreSQL as"
    )]
    NoUnprivilegedUser,
    /// The unprivileged user cannot reach the data directory.
    #[error("the user {user}, as which PostgreSQL runs, cannot enter {}: chmod o+x it or choose another data_dir", directory.display())]
    NotTraversable {
        /// The directory that is closed.
        directory: PathBuf,
        /// The user PostgreSQL runs as.
        user: String,
    },
    /// Somebody else owns the directory the socket should be in.
    #[error("{} exists and is not ours alone", .0.display())]
    SocketDirectory(PathBuf),
    /// A file or directory could not be used.
    #[error("{} could not be used", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb failed: {0}")]
    Initdb(String),
    /// PostgreSQL ended while starting.
    #[error("PostgreSQL ended while starting; its log ends with: {0}")]
    Exited(String),
    /// PostgreSQL did not become ready.
    #[error("PostgreSQL did not become ready within {} s", START_PATIENCE.as_secs())]
    NotReady,
    /// PostgreSQL runs but does not do as asked.
    #[error("the private database could not be prepared")]
    Database(#[from] super::Error),
}

/// A running private PostgreSQL. Dropped without [`Embedded::stop`] it is told to stop, but not
/// waited for.
#[derive(Debug)]
pub struct Embedded {
    postmaster: Postmaster,
    socket_directory: PathBuf,
    _lock: DirLock,
}

impl Embedded {
    /// Starts PostgreSQL on `<data_dir>/postgres`, creating what is missing.
    ///
    /// # Errors
    /// See [`EmbeddedError`]; nothing is left running.
    pub async fn start(data_dir: &Path) -> Result<Self, EmbeddedError> {
        Self::start_with(data_dir, Options::default()).await
    }

    /// As [`Self::start`], with options.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(data_dir: &Path, options: Options) -> Result<Self, EmbeddedError> {
        let layout = Layout::prepare(data_dir)?;
        let lock = layout.lock().await?;
        postmaster::stop_left_behind(&layout.cluster, STOP_PATIENCE).await?;
        layout.clear_socket()?;
        let binaries = Binaries::find(options.binaries.as_deref(), layout.cluster_version()?)?;
        if layout.cluster_version()?.is_none() {
            info!(postgresql = binaries.major, "making a private database");
            initdb(&layout, &binaries, options.durability)?;
        }
        let postmaster = Postmaster::spawn(postgres(&layout, &binaries, options.durability)?)
            .map_err(|source| EmbeddedError::Io {
                path: binaries.program("postgres"),
                source,
            })?;
        let embedded = Self {
            postmaster,
            socket_directory: layout.socket_directory.clone(),
            _lock: lock,
        };
        embedded.until_ready(&layout).await?;
        info!(postgresql = binaries.major, "the private database is up");
        Ok(embedded)
    }

    /// How to connect to it.
    pub fn config(&self) -> Config {
        connection(&self.socket_directory)
    }

    /// How to connect to it, as text that tokio-postgres, libpq and `psql` understand.
    pub fn url(&self) -> String {
        let directory = self.socket_directory.display().to_string();
        let quoted = directory.replace('\\', "\\\\").replace('\'', "\\'");
        format!("host='{quoted}' user={NAME} dbname={NAME}")
    }

    /// Returns when PostgreSQL has ended, by itself or because somebody stopped it.
    pub async fn ended(&self) {
        self.postmaster.ended().await;
    }

    /// Stops PostgreSQL in order (open transactions are rolled back) and waits until it has ended.
    pub async fn stop(self) {
        self.postmaster.stop(Shutdown::Fast);
        if tokio::time::timeout(STOP_PATIENCE, self.postmaster.ended())
            .await
            .is_err()
        {
            warn!(
                "PostgreSQL does not stop; it is stopped the hard way and will recover at the next start"
            );
            self.postmaster.stop(Shutdown::Immediate);
            self.postmaster.ended().await;
        }
    }

    /// Waits until the database `grove` answers; makes it if it does not exist.
    async fn until_ready(&self, layout: &Layout) -> Result<(), EmbeddedError> {
        let waiting = async {
            loop {
                match self.config().connect(NoTls).await {
                    Ok(_connected) => return Ok(()),
                    Err(error) if error.code() == Some(&SqlState::UNDEFINED_DATABASE) => {
                        self.create_database().await?;
                        return Ok(());
                    }
                    Err(_not_yet) if self.postmaster.has_ended() => {
                        return Err(EmbeddedError::Exited(layout.end_of_log()));
                    }
                    Err(_not_yet) => tokio::time::sleep(POLL).await,
                }
            }
        };
        tokio::time::timeout(START_PATIENCE, waiting)
            .await
            .unwrap_or(Err(EmbeddedError::NotReady))
    }

    async fn create_database(&self) -> Result<(), super::Error> {
        let (session, connection) = self.config().dbname("postgres").connect(NoTls).await?;
        let creating = async move {
            // Dropped at the end of this block, the session lets the connection end.
            session.batch_execute("CREATE DATABASE grove").await
        };
        let (created, _closed) = futures_util::join!(creating, connection);
        Ok(created?)
    }
}

fn connection(socket_directory: &Path) -> Config {
    let mut config = Config::new();
    config
        .host_path(socket_directory)
        .user(NAME)
        .dbname(NAME)
        .application_name("groved");
    config
}

/// Makes the cluster beside its place and then moves it there, so that a half-made one is never
/// used.
fn initdb(
    layout: &Layout,
    binaries: &Binaries,
    durability: Durability,
) -> Result<(), EmbeddedError> {
    let unfinished = layout.fresh_unfinished_cluster()?;
    let program = binaries.program("initdb");
    let mut initdb = Command::new(&program);
    initdb
        .args([
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale=C",
        ])
        .args(["--data-checksums", "--no-instructions"])
        .arg(format!("--username={NAME}"))
        .arg("--pgdata")
        .arg(&unfinished);
    if durability == Durability::Throwaway {
        initdb.arg("--no-sync");
    }
    run_as(&mut initdb, layout.account.as_ref());
    let output = initdb.output().map_err(|source| EmbeddedError::Io {
        path: program,
        source,
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(EmbeddedError::Initdb(said.trim().to_owned()));
    }
    layout.finish_cluster(&unfinished)
}

fn postgres(
    layout: &Layout,
    binaries: &Binaries,
    durability: Durability,
) -> Result<Command, EmbeddedError> {
    let mut command = Command::new(binaries.program("postgres"));
    command
        .arg("-D")
        .arg(&layout.cluster)
        .arg("-k")
        .arg(&layout.socket_directory);
    let always = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "cluster_name=grove",
        "log_destination=stderr",
        "logging_collector=off",
        "log_min_messages=warning",
        // A statement's text and parameters may hold people's names: the log gets neither.
        "log_min_error_statement=panic",
        "log_error_verbosity=terse",
        "max_connections=100",
        "max_parallel_workers_per_gather=0",
        "jit=off",
    ];
    for setting in always {
        command.args(["-c", setting]);
    }
    if durability == Durability::Throwaway {
        for setting in [
            // Of two the later one counts.
            "max_connections=500",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ] {
            command.args(["-c", setting]);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(layout.open_log()?);
    run_as(&mut command, layout.account.as_ref());
    Ok(command)
}

/// Runs a program as the unprivileged user, if there is one to change to, in a directory it may be
/// in, and apart from our process group: Ctrl-C on a terminal must reach groved only, which then
/// stops PostgreSQL last.
fn run_as(command: &mut Command, account: Option<&Account>) {
    use std::os::unix::process::CommandExt as _;

    command
        .current_dir("/")
        .process_group(0)
        .env_remove("PGDATA")
        .env_remove("NOTIFY_SOCKET")
        .env("LC_ALL", "C");
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests"
)]
mod tests;
