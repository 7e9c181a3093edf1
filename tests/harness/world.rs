//! A world: a database, a server on it, the time, and a place for people's files.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use grove_server::admin::{Reply, Request, call};
use grove_server::clock::{Clock, ClockHand};
use grove_wire::uri::{Provider, UserUri};
use tempfile::TempDir;
use tokio_postgres::Client;

use crate::postgres::{self, Database, Killable};
use crate::server::{InProcess, Process, Server, UNLIMITED};
use crate::wait::{eventually, soon};
use crate::{Api, Hand, MachineClock, User, loopback};

/// The domain of a world, unless a test says otherwise.
pub const DOMAIN: &str = "a.example";

/// How a world is to be. [`World::new`] takes the default: a server in this process, anybody may
/// register.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// `--set` of the server; later ones win.
    pub sets: Vec<String>,
    /// The real `groved`, not a server in this process.
    pub process: bool,
    /// The server's private PostgreSQL, not a database of the tests' own.
    pub embedded: bool,
    /// The clock that the real `groved` sees.
    pub machine_clock: MachineClock,
}

impl Setup {
    /// Adds a setting.
    #[must_use]
    pub fn set(mut self, set: &str) -> Self {
        self.sets.push(set.to_owned());
        self
    }

    /// With the real `groved`.
    #[must_use]
    pub fn process(mut self) -> Self {
        self.process = true;
        self
    }

    /// With the server's private PostgreSQL.
    #[must_use]
    pub fn embedded(mut self) -> Self {
        self.embedded = true;
        self
    }

    /// With a `groved` that sees this clock.
    #[must_use]
    pub fn machine_clock(mut self, clock: MachineClock) -> Self {
        self.machine_clock = clock;
        self.process()
    }

    /// Makes the world.
    pub async fn start(self) -> World {
        World::with(self).await
    }
}

/// A server and its people.
pub struct World {
    // Declared in the order in which they must go.
    server: Option<Server>,
    database: Option<Database>,
    setup: Setup,
    /// The time of the server and of everybody's client.
    pub clock: Clock,
    pub(crate) hand: Option<ClockHand>,
    directory: TempDir,
    /// Client and ops doors; at port 0 until the first start.
    doors: (SocketAddr, SocketAddr),
}

impl World {
    /// A world with a server in this process, where anybody may register and the clock stands
    /// still.
    pub async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    async fn with(setup: Setup) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("grove-world-")
            .tempdir()
            .expect("a directory");
        // An unprivileged PostgreSQL must be able to pass through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).expect("a mode");
        let database = if setup.embedded {
            None
        } else {
            Some(Database::new().await)
        };
        let (clock, hand) = if setup.process {
            (Clock::system(), None)
        } else {
            manual()
        };
        let is_named = |set: &String| set.starts_with("http.tls_certificate=");
        let door = if setup.sets.iter().any(is_named) {
            loopback::localhost()
        } else {
            loopback::own()
        };
        let mut world = Self {
            server: None,
            database,
            setup,
            clock,
            hand,
            directory,
            doors: (door, door),
        };
        world.start().await;
        world
    }

    /// Starts the server, where it was before if it ran before.
    pub async fn start(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        let server = if self.setup.process {
            let (settings, clock) = (self.settings(), self.setup.machine_clock);
            Server::Process(Process::start(&settings, &self.data_dir(), clock).await)
        } else {
            Server::InProcess(InProcess::start(self.settings(), self.clock.clone()).await)
        };
        self.doors = (address(server.url()), address(server.ops_url()));
        self.server = Some(server);
    }

    /// Stops the server in order.
    pub async fn stop(&mut self) {
        self.server.take().expect("a server").stop().await;
    }

    /// Stops the server, and then the database it used.
    pub async fn stop_before(mut self, database: Killable) {
        self.stop().await;
        database.stop().await;
    }

    /// Stops the server in order and starts it again with a copy of its database and nothing else:
    /// from a backup.
    pub async fn restore(&mut self) {
        self.stop().await;
        let copy = self.database.as_ref().expect("a database").copy().await;
        self.database = Some(copy);
        fs::remove_dir_all(self.data_dir()).expect("the data directory");
        self.start().await;
    }

    /// Stops the server in order and starts it again with an empty database and nothing else:
    /// without a backup.
    pub async fn start_over(&mut self) {
        self.stop().await;
        self.database = Some(Database::new().await);
        fs::remove_dir_all(self.data_dir()).expect("the data directory");
        self.start().await;
    }

    /// Stops the server in order and starts it again, in the same place.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// Stops the server, which must be a process, in order and starts it again by another clock.
    pub async fn restart_by(&mut self, clock: MachineClock) {
        assert!(self.setup.process, "the clock of a process");
        self.setup.machine_clock = clock;
        self.restart().await;
    }

    /// Puts another setting in force while the server, which must be in this process, runs.
    pub fn reload(&mut self, set: &str) {
        self.setup.sets.push(set.to_owned());
        let settings = self.settings();
        match self.server() {
            Server::InProcess(server) => server.reload(settings),
            Server::Process(_) => panic!("the server is a process of its own"),
        }
    }

    /// Kills the server, which must be a process.
    pub async fn kill(&mut self) {
        self.take_process().kill().await;
    }

    /// The server's process, which is the caller's to end.
    ///
    /// # Panics
    /// When the server is in this process.
    pub fn take_process(&mut self) -> Process {
        match self.server.take() {
            Some(Server::Process(server)) => server,
            _ => panic!("the server is no process of its own"),
        }
    }

    /// What the server is started with.
    pub fn settings(&self) -> Vec<String> {
        let (client, ops) = self.doors;
        let mut sets = vec![
            format!("server.domain={DOMAIN}"),
            format!("server.data_dir={}", self.data_dir().display()),
            "server.registration=open".to_owned(),
            "http.plain_http=true".to_owned(),
            format!("http.listen={client}"),
            format!("ops.listen={ops}"),
            "database.pool_size=6".to_owned(),
            "telemetry.log=warn".to_owned(),
        ];
        if let Some(database) = &self.database {
            sets.push(format!("database.url=\"{}\"", database.url()));
        }
        sets.extend(UNLIMITED.map(str::to_owned));
        sets.extend(self.setup.sets.iter().cloned());
        sets
    }

    /// The server's data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("groved")
    }

    /// A place for the files of somebody.
    pub fn home(&self, name: &str) -> PathBuf {
        let home = self.directory.path().join(name);
        fs::create_dir_all(&home).expect("a directory");
        home
    }

    /// The server.
    ///
    /// # Panics
    /// When it does not run.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("the server runs")
    }

    /// The server's process, for a world with one.
    pub fn process(&self) -> &Process {
        match self.server() {
            Server::Process(process) => process,
            Server::InProcess(_) => panic!("the server is in this process"),
        }
    }

    /// Base URL of the client door.
    pub fn url(&self) -> &str {
        self.server().url()
    }

    /// The client API without a client.
    pub fn api(&self) -> Api {
        Api::new(self.url())
    }

    /// A path at the operators' door.
    pub async fn ops(&self, path: &str) -> crate::Answer {
        Api::new(self.server().ops_url()).get(path).await
    }

    /// Waits until the server says that it is ready.
    pub async fn until_ready(&self) {
        eventually("the server is ready", async || {
            (self.ops("/ready").await.status == 200).then_some(())
        })
        .await;
    }

    /// What the server replies to the operator.
    pub async fn ask(&self, request: Request) -> Reply {
        let data_dir = self.data_dir();
        let asking = tokio::task::spawn_blocking(move || call(&data_dir, &request));
        let asked = soon("a reply", asking).await.expect("no panic");
        asked.expect("the server is there")
    }

    /// The sum of a counter's values in `/metrics`, over all its labels that contain `label`.
    pub async fn counter(&self, name: &str, label: &str) -> u64 {
        let metrics = self.ops("/metrics").await.ok().text();
        let value = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, labels) = series.split_once('{').unwrap_or((series, ""));
            (found == name && labels.contains(label))
                .then(|| value.parse::<f64>().expect("a number"))
        };
        // Counters are whole numbers.
        metrics.lines().filter_map(value).sum::<f64>().round() as u64
    }

    /// A connection to the server's database, to look with.
    pub async fn database(&self) -> Client {
        match &self.database {
            Some(database) => database.connect().await,
            None => {
                postgres::connect(
                    postgres::private_url(&self.data_dir())
                        .parse()
                        .expect("an own URL"),
                )
                .await
            }
        }
    }

    /// The number of rows of every table.
    pub async fn row_counts(&self) -> Vec<(String, i64)> {
        let database = self.database().await;
        let mut counts = Vec::new();
        for table in tables(&database).await {
            // Written in the background, whenever its turn comes.
            if table == "retention_clock" {
                continue;
            }
            let row = database
                .query_one(&format!("SELECT count(*) FROM {table}"), &[])
                .await
                .expect("a count");
            counts.push((table, row.get(0)));
        }
        counts
    }

    /// How many rows a statement that counts gives.
    pub async fn count(&self, sql: &str) -> i64 {
        self.database()
            .await
            .query_one(sql, &[])
            .await
            .expect("a count")
            .get(0)
    }

    /// Moves the clock of server and clients on.
    ///
    /// # Panics
    /// When the server is a process, whose clock nobody moves.
    pub fn pass(&self, duration: Duration) {
        self.hand
            .as_ref()
            .expect("a manual clock")
            .advance(duration);
    }

    /// The address of a user here.
    pub fn address(&self, name: &str) -> UserUri {
        UserUri::new(&Provider::parse(DOMAIN).expect("a domain"), name).expect("a name")
    }

    /// Registers a person with a client of their own.
    pub async fn user(&self, name: &str) -> User {
        User::register(self, name).await
    }

    /// Registers several.
    pub async fn users<const N: usize>(&self, names: [&str; N]) -> [User; N] {
        let mut users = Vec::new();
        for name in names {
            users.push(self.user(name).await);
        }
        users
            .try_into()
            .unwrap_or_else(|_| panic!("as many as names"))
    }

    /// Registers a device that does what it is told, with ten KeyPackages.
    pub async fn hand(&self, name: &str) -> Hand {
        Hand::register(self, name, 10).await
    }

    /// Registers several of them.
    pub async fn hands<const N: usize>(&self, names: [&str; N]) -> [Hand; N] {
        let mut hands = Vec::new();
        for name in names {
            hands.push(self.hand(name).await);
        }
        hands
            .try_into()
            .unwrap_or_else(|_| panic!("as many as names"))
    }
}

/// All tables, in order of their names.
pub async fn tables(database: &Client) -> Vec<String> {
    let sql =
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename";
    database
        .query(sql, &[])
        .await
        .expect("the tables")
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// A clock that starts now, because OpenMLS judges lifetimes by the machine's.
fn manual() -> (Clock, Option<ClockHand>) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let (clock, hand) = Clock::manual(u64::try_from(now.as_millis()).expect("not so far"));
    (clock, Some(hand))
}

fn address(url: &str) -> SocketAddr {
    let address = url.rsplit('/').next().expect("an address");
    address.parse().expect("an IP address and a port")
}
