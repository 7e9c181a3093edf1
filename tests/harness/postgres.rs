//! One throw-away PostgreSQL for all tests of a process, and a database of its own for each.
//!
//! Databases are copies of one migrated template. The surprise: libtest ends a process without
//! running anything at its end, so a watchdog (`sh`, waiting on a pipe that closes with this
//! process, however it ends) stops PostgreSQL and removes its directory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{io, iter};

use grove_server::db::embedded::{Durability, Embedded, Options};
use grove_server::db::migrate;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::wait::{ASK_EVERY, PATIENCE, eventually, finish, finish_in_drop, soon};

/// The migrated database that others are copied from.
const TEMPLATE: &str = "template_grove";
/// Stops PostgreSQL and removes its directory once standard input ends. Where nobody asks how the
/// orphans of a container ended, it stays a zombie, which is over as well.
const WATCHDOG: &str = r#"
read -r _
kill -QUIT "$1" 2>/dev/null
for _ in $(seq 6000); do
    case $(cat "/proc/$1/stat" 2>/dev/null) in "" | *") Z "*) break ;; esac
    sleep 0.05
done
rm -rf "$2"
"#;

static POSTGRES: OnceLock<Postgres> = OnceLock::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

struct Postgres {
    embedded: Embedded,
    /// PostgreSQL copies a template only while nobody else does.
    copying: Mutex<()>,
    /// Closes with this process.
    _watchdog: ChildStdin,
}

impl Postgres {
    fn shared() -> &'static Self {
        POSTGRES.get_or_init(|| finish(Self::start()))
    }

    async fn start() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("grove-tests-")
            .tempdir()
            .expect("a directory")
            .keep();
        let options = Options {
            durability: Durability::Throwaway,
            ..Options::default()
        };
        let embedded = Embedded::start_with(&directory, options)
            .await
            .expect("PostgreSQL starts");
        let watchdog = watch(&directory);
        let mut template = embedded.config();
        template.dbname(TEMPLATE);
        let client = connect(embedded.config()).await;
        client
            .batch_execute(&format!("CREATE DATABASE {TEMPLATE}"))
            .await
            .expect("a template");
        migrate::run(&template).await.expect("the migrations apply");
        Self {
            embedded,
            copying: Mutex::const_new(()),
            _watchdog: watchdog,
        }
    }
}

/// Starts the watchdog over the PostgreSQL in this directory.
#[expect(
    clippy::zombie_processes,
    reason = "it outlives this process on purpose: it ends PostgreSQL when the pipe closes"
)]
fn watch(directory: &Path) -> ChildStdin {
    use std::os::unix::process::CommandExt as _;

    let pid = postmaster(directory).as_raw_nonzero().to_string();
    let mut command = Command::new("sh");
    command
        .args(["-c", WATCHDOG, "watchdog", &pid])
        .arg(directory);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let mut watchdog = command.spawn().expect("sh runs");
    watchdog.stdin.take().expect("a pipe")
}

/// A connection to look at a database with. Its driver ends with it.
pub async fn connect(config: Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("PostgreSQL answers");
    drop(tokio::spawn(connection));
    client
}

/// A migrated database of one test; gone when dropped.
pub struct Database {
    name: String,
}

impl Database {
    /// A new one.
    pub async fn new() -> Self {
        let postgres = tokio::task::spawn_blocking(Postgres::shared)
            .await
            .expect("PostgreSQL");
        Self::copy_of(postgres, TEMPLATE).await
    }

    /// A copy of it, as a restored dump is one. Nobody may be connected to it.
    pub async fn copy(&self) -> Self {
        Self::copy_of(Postgres::shared(), &self.name).await
    }

    /// Connections end a moment after their clients have dropped them: until then PostgreSQL copies
    /// nothing.
    async fn copy_of(postgres: &Postgres, original: &str) -> Self {
        let name = format!("world_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let client = connect(postgres.embedded.config()).await;
        let create = format!("CREATE DATABASE {name} TEMPLATE {original}");
        let _alone = postgres.copying.lock().await;
        eventually("nobody is connected any more", async || {
            match client.batch_execute(&create).await {
                Ok(()) => Some(()),
                Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) => None,
                Err(error) => panic!("{create}: {error:?}"),
            }
        })
        .await;
        Self { name }
    }

    /// How to connect to it, as `database.url` wants it.
    pub fn url(&self) -> String {
        let shared = Postgres::shared().embedded.url();
        shared.replace("dbname=grove", &format!("dbname={}", self.name))
    }

    /// A connection to look with.
    pub async fn connect(&self) -> Client {
        connect(self.url().parse().expect("an own URL")).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = &self.name;
        finish_in_drop(async move {
            let mut why = None;
            let dropping = async {
                while let Err(error) = drop_database(name).await {
                    why = Some(error);
                    tokio::time::sleep(ASK_EVERY).await;
                }
            };
            // No test was about this, and it goes with its PostgreSQL in the end.
            if tokio::time::timeout(PATIENCE, dropping).await.is_err() {
                eprintln!("the database {name} could not be dropped: {why:?}");
            }
        });
    }
}

async fn drop_database(name: &str) -> Result<(), tokio_postgres::Error> {
    let config = Postgres::shared().embedded.config();
    let (client, connection) = config.connect(NoTls).await?;
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    // Dropped at the end of this block, the client lets the connection end.
    let dropping = async move { client.batch_execute(&sql).await };
    let (dropped, _closed) = tokio::join!(dropping, connection);
    dropped
}

/// Where a `groved` keeps the socket of the private PostgreSQL in its data directory, as a way to
/// connect to it.
pub fn private_url(data_dir: &Path) -> String {
    let run: PathBuf = data_dir
        .canonicalize()
        .expect("the data directory")
        .join("run");
    format!("host='{}' user=grove dbname=grove", run.display())
}

/// A durable PostgreSQL of one test, which may be killed. Its end takes its directory with it.
pub struct Killable {
    embedded: Option<Embedded>,
    directory: TempDir,
}

impl Killable {
    /// A new one, without a schema.
    pub async fn start() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("grove-killable-")
            .tempdir()
            .expect("a directory");
        // An unprivileged PostgreSQL must be able to pass through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).expect("a mode");
        let mut killable = Self {
            embedded: None,
            directory,
        };
        killable.run().await;
        killable
    }

    /// Children of one that was killed hold on to its memory for a moment, and none starts until
    /// they are gone.
    async fn run(&mut self) {
        let directory = self.directory.path();
        let started = eventually("PostgreSQL starts", async || {
            Embedded::start_with(directory, Options::default())
                .await
                .ok()
        });
        self.embedded = Some(started.await);
    }

    /// How to connect to it, as `database.url` wants it.
    pub fn url(&self) -> String {
        self.running().url()
    }

    /// A connection of one's own.
    pub async fn connect(&self) -> Client {
        connect(self.running().config()).await
    }

    /// Kills PostgreSQL, with no chance to write anything, and starts it again, which recovers.
    pub async fn kill_and_restart(&mut self) {
        self.kill().await;
        self.start_again().await;
    }

    /// Kills PostgreSQL, with no chance to write anything.
    pub async fn kill(&mut self) {
        let killed = self.embedded.take().expect("it runs");
        let directory = self.directory.path();
        let all = processes(directory);
        kill_process(postmaster(directory), Signal::KILL).expect("it runs");
        soon("PostgreSQL is dead", killed.ended()).await;
        drop(killed);
        // Its children see that it is gone, and go too.
        for child in all {
            eventually("its children are gone", async || {
                (!works_in(child, directory)).then_some(())
            })
            .await;
        }
    }

    /// Starts a killed one, which recovers.
    pub async fn start_again(&mut self) {
        self.run().await;
    }

    /// Sets parameters for all sessions, old and new.
    pub async fn alter_system(&self, parameters: &[(&str, &str)]) {
        let client = self.connect().await;
        for (name, value) in parameters {
            let alter = format!("ALTER SYSTEM SET {name} = '{value}'");
            client.batch_execute(&alter).await.expect("a parameter");
        }
        let reload = "SELECT pg_reload_conf()";
        client.execute(reload, &[]).await.expect("a reload");
        for (name, value) in parameters {
            eventually("the parameter is in force", async || {
                let row = client.query_one(&format!("SHOW {name}"), &[]).await;
                let shown: String = row.expect("a value").get(0);
                (shown == *value).then_some(())
            })
            .await;
        }
    }

    /// Stops it in order.
    pub async fn stop(mut self) {
        if let Some(embedded) = self.embedded.take() {
            soon("PostgreSQL stops", embedded.stop()).await;
        }
    }

    fn running(&self) -> &Embedded {
        self.embedded.as_ref().expect("it runs")
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        if let Some(embedded) = self.embedded.take() {
            finish_in_drop(embedded.stop());
        }
    }
}

/// All processes of the PostgreSQL whose cluster is in this data directory, the postmaster first.
pub fn processes(data_dir: &Path) -> Vec<Pid> {
    let postmaster = postmaster(data_dir);
    let children = children(postmaster).expect("/proc");
    iter::once(postmaster).chain(children).collect()
}

/// Kills the PostgreSQL whose cluster is in this data directory, if there is one, with all its
/// children: those that are held do not see that it is gone.
pub(crate) fn kill_left_behind(data_dir: &Path) {
    let Some(postmaster) = find_postmaster(data_dir) else {
        return;
    };
    let children = children(postmaster).unwrap_or_default();
    for process in iter::once(postmaster).chain(children) {
        // The lock file may be older than a process that has come to have its id.
        if works_in(process, data_dir) {
            let _ended_meanwhile = kill_process(process, Signal::KILL);
        }
    }
}

fn children(of: Pid) -> io::Result<Vec<Pid>> {
    let pid = of.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let child = |pid: &str| Pid::from_raw(pid.parse().expect("a number")).expect("a process id");
    Ok(children.split_whitespace().map(child).collect())
}

/// Whether this process belongs to the PostgreSQL whose cluster is in this data directory: all of
/// them work there. One that is gone does not, and neither does another that got its id.
fn works_in(process: Pid, data_dir: &Path) -> bool {
    let cwd = fs::read_link(format!("/proc/{}/cwd", process.as_raw_nonzero()));
    let cluster = data_dir.join("postgres").canonicalize();
    matches!((cwd, cluster), (Ok(cwd), Ok(cluster)) if cwd == cluster)
}

/// The process of the PostgreSQL whose cluster is in this data directory.
pub fn postmaster(data_dir: &Path) -> Pid {
    find_postmaster(data_dir).expect("PostgreSQL has a lock file")
}

/// The same, unless it is just being started or stopped.
pub fn find_postmaster(data_dir: &Path) -> Option<Pid> {
    let lock_file = fs::read_to_string(data_dir.join("postgres/postmaster.pid")).ok()?;
    Pid::from_raw(lock_file.lines().next()?.trim().parse().ok()?)
}
