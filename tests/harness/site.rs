//! A machine with `groved` on it, as its operator has it: a configuration file that can be edited,
//! signals, and a log that can be read while the server runs.
//!
//! A [`crate::World`] is the other way to a server: it is for people, this for operators. The
//! surprise: what a [`Daemon`] says is read in order and once; [`Daemon::says`] goes on where the
//! last one stopped.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::postgres::Database;
use crate::program::{self, Ended};
use crate::wait::soon;
use crate::world::DOMAIN;
use crate::{Api, loopback};

/// Hands the shell's standard input on as systemd hands sockets over: as file 3, to the process
/// that is named.
const HAND_OVER: &str =
    r#"exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@""#;

/// A configuration file, a data directory that is not made yet, and a database. Nothing runs by
/// itself.
pub struct Site {
    keys: BTreeMap<String, Value>,
    directory: TempDir,
    /// Where the server listens, unless a test says otherwise.
    door: SocketAddr,
    /// Where the file says that everything is remembered, unless a test takes `database.url` out.
    pub database: Database,
}

impl Site {
    /// Plain HTTP on free ports of a loopback address of its own; anybody may register.
    pub async fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("grove-site-")
            .tempdir()
            .expect("a directory");
        let database = Database::new().await;
        let mut site = Self {
            keys: BTreeMap::new(),
            directory,
            door: loopback::own(),
            database,
        };
        let (data_dir, url) = (site.data_dir(), site.database.url());
        let door = site.door.to_string();
        site.set("server.domain", DOMAIN);
        site.set("server.data_dir", data_dir.to_str().expect("text"));
        site.set("server.registration", "open");
        site.set("http.plain_http", true);
        site.set("http.listen", door.as_str());
        site.set("ops.listen", door);
        site.set("database.url", url);
        site.set("database.pool_size", 4);
        site
    }

    /// Writes a key into the configuration file. With a certificate the server listens where
    /// `localhost` is, unless a test has said where.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let listen = self.keys.get("http.listen").and_then(Value::as_str);
        if key == "http.tls_certificate" && listen == Some(self.door.to_string().as_str()) {
            let localhost = loopback::localhost().to_string();
            self.keys.insert("http.listen".to_owned(), localhost.into());
        }
        self.keys.insert(key.to_owned(), value.into());
        self.write();
    }

    /// Takes a key out of the configuration file.
    pub fn unset(&mut self, key: &str) {
        self.keys.remove(key);
        self.write();
    }

    /// Writes the configuration file as it was last, after a test has written something else there.
    pub fn write(&self) {
        let (mut text, mut section) = (String::new(), "");
        for (key, value) in &self.keys {
            let (of, name) = key.split_once('.').expect("a section");
            if of != section {
                text.push_str(&format!("[{of}]\n"));
                section = of;
            }
            // A text, number, truth value or list looks the same in JSON and in TOML.
            text.push_str(&format!("{name} = {value}\n"));
        }
        fs::write(self.file(), text).expect("a file");
    }

    /// The configuration file.
    pub fn file(&self) -> PathBuf {
        self.path("grove.toml")
    }

    /// The data directory, which the first start makes.
    pub fn data_dir(&self) -> PathBuf {
        self.path("groved")
    }

    /// A file of the operator.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `groved` with this configuration, and nothing of the tester's environment but PATH.
    pub fn groved(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program::groved());
        clean(&mut command);
        command.arg("--config").arg(self.file()).args(arguments);
        command
    }

    /// Runs `groved` to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        program::run(self.groved(arguments), "").await
    }

    /// Starts the server.
    pub async fn serve(&self) -> Daemon {
        Daemon::start(self.groved(&["serve"])).await
    }

    /// Starts the server with a socket that is open already.
    pub async fn serve_on(&self, socket: &TcpListener) -> Daemon {
        let mut command = Command::new("sh");
        clean(&mut command);
        command.args(["-c", HAND_OVER]).arg(program::groved());
        command.arg("--config").arg(self.file()).arg("serve");
        let socket = socket.try_clone().expect("one more of it");
        command.stdin(Stdio::from(OwnedFd::from(socket)));
        Daemon::start(command).await
    }

    /// Writes the ports of a running server into the file, so that other commands find it, and the
    /// next start.
    pub fn keep_ports(&mut self, daemon: &Daemon) {
        let address = |url: &str| url.rsplit('/').next().expect("an address").to_owned();
        self.set("http.listen", address(&daemon.url));
        self.set("ops.listen", address(&daemon.ops_url));
    }
}

fn clean(command: &mut Command) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .stdin(Stdio::null())
        .kill_on_drop(true);
}

/// A running `groved serve`. Killed when dropped.
pub struct Daemon {
    child: Child,
    /// Base URL of the client door.
    pub url: String,
    /// Base URL of the operators' door.
    pub ops_url: String,
    stdout: BufReader<ChildStdout>,
    lines: UnboundedReceiver<String>,
    said: String,
}

impl Daemon {
    /// Starts it and waits until it is ready.
    pub async fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("groved runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut lines = lines(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        soon("groved is ready", stdout.read_line(&mut line))
            .await
            .expect("its output");
        let urls = line
            .trim()
            .strip_prefix("ready client=")
            .and_then(|rest| rest.split_once(" ops="));
        let Some((url, ops_url)) = urls else {
            let mut complaint = line.clone();
            while let Some(line) = lines.recv().await {
                complaint.push_str(&line);
                complaint.push('\n');
            }
            panic!("groved did not get ready: {complaint}");
        };
        Self {
            child,
            url: url.to_owned(),
            ops_url: ops_url.to_owned(),
            stdout,
            lines,
            said: String::new(),
        }
    }

    /// The client door.
    pub fn api(&self) -> Api {
        Api::new(&self.url)
    }

    /// The operators' door.
    pub fn ops(&self) -> Api {
        Api::new(&self.ops_url)
    }

    /// Waits for a line of its log with `part` in it, after those that were waited for before, and
    /// returns it.
    ///
    /// # Panics
    /// When it ends without such a line.
    pub async fn says(&mut self, part: &str) -> String {
        let what = format!("groved says {part:?}");
        loop {
            let Some(line) = soon(&what, self.lines.recv()).await else {
                panic!("groved ended, and never said {part:?}:\n{}", self.said);
            };
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Asks it to read everything again (SIGHUP).
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Asks it to stop (SIGTERM), waits until it has and says how it ended, with its whole log.
    pub async fn terminate(self) -> Ended {
        self.signal(Signal::TERM);
        let Self {
            mut child,
            mut stdout,
            mut lines,
            mut said,
            ..
        } = self;
        let mut rest = String::new();
        let logged = async {
            while let Some(line) = lines.recv().await {
                said.push_str(&line);
                said.push('\n');
            }
        };
        let ending = async { tokio::join!(stdout.read_to_string(&mut rest), logged, child.wait()) };
        let (out, (), status) = soon("groved drains", ending).await;
        out.expect("its output");
        Ended {
            code: status.expect("its end").code().unwrap_or(-1),
            stdout: rest,
            stderr: said,
        }
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("groved runs");
        let pid = Pid::from_raw(i32::try_from(id).expect("a process id")).expect("a process id");
        kill_process(pid, signal).expect("groved runs");
    }
}

/// Reads what it logs all along: a full pipe would stop it.
fn lines(stderr: ChildStderr) -> UnboundedReceiver<String> {
    let (tell, lines) = unbounded_channel();
    drop(tokio::spawn(async move {
        let mut log = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = log.next_line().await {
            if tell.send(line).is_err() {
                break;
            }
        }
    }));
    lines
}

/// Every file below a directory with its length, in order: whether something was changed there.
pub fn files(directory: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let metadata = entry.metadata().expect("its metadata");
        if metadata.is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path(), metadata.len()));
        }
    }
    found.sort();
    found
}
