//! One throw-away PostgreSQL for all tests of a process, and a database of its own for each.
//!
//! Databases are copies of one migrated template. The surprise: libtest ends a process without running anything at its
//! end, so a watchdog (`sh`, waiting on a pipe that closes with this process, however it ends) stops PostgreSQL and
//! removes its directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use grove_server::db::{
    embedded::{Durability, Embedded, Options},
    migrate,
};
use tokio::sync::Mutex;
use tokio_postgres::{Client, Config, NoTls};

use crate::wait::finish;

/// The migrated database that others are copied from.
const TEMPLATE: &str = "template_grove";
/// Stops PostgreSQL and removes its directory once standard input ends.
const WATCHDOG: &str = r#"
read -r _
kill -QUIT "$1" 2>/dev/null
for _ in $(seq 200); do kill -0 "$1" 2>/dev/null || break; sleep 0.05; done
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

    let lock_file = fs::read_to_string(directory.join("postgres/postmaster.pid"))
        .expect("PostgreSQL has a lock file");
    let pid = lock_file
        .lines()
        .next()
        .expect("a process id")
        .trim()
        .to_owned();
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
        let name = format!("world_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let client = connect(postgres.embedded.config()).await;
        let _alone = postgres.copying.lock().await;
        let create = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}");
        client
            .batch_execute(&create)
            .await
            .expect("a copy of the template");
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
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        finish(async move {
            let client = connect(Postgres::shared().embedded.config()).await;
            client
                .batch_execute(&drop_it)
                .await
                .expect("the database can be dropped");
        });
    }
}

/// Where a `groved` keeps the socket of the private PostgreSQL in its data directory, as a way to connect to it.
pub fn private_url(data_dir: &Path) -> String {
    let run: PathBuf = data_dir
        .canonicalize()
        .expect("the data directory")
        .join("run");
    format!("host='{}' user=grove dbname=grove", run.display())
}
