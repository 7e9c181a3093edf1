//! The server under load: a `groved` of our own, or one that runs already.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use harness::postgres::find_postmaster;
use harness::server::UNLIMITED;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::args::Args;
use crate::http;
use crate::processes::{self, Usage};

/// How long a start may take, `initdb` included.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// How long a stop may take before it is a kill.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// What is put under load.
pub(crate) struct Target {
    /// Base URL of the client door.
    pub(crate) url: String,
    /// Base URL of the operators' door, if it is known.
    pub(crate) ops_url: Option<String>,
    own: Option<Groved>,
}

impl Target {
    /// Starts a new groved, or takes the one that was named.
    pub(crate) fn open(args: &Args) -> Result<Self, String> {
        if let Some(url) = &args.server {
            http::authority(url)?;
            return Ok(Self {
                url: url.trim_end_matches('/').to_owned(),
                ops_url: args.ops.clone(),
                own: None,
            });
        }
        let groved = Groved::start(args, &DataDir::new(&args.data_in)?)?;
        Ok(Self {
            url: groved.url.clone(),
            ops_url: Some(groved.ops_url.clone()),
            own: Some(groved),
        })
    }

    /// What groved used so far, if it is ours.
    pub(crate) fn groved_usage(&self) -> Option<Usage> {
        self.own.as_ref()?.usage()
    }

    /// What its private PostgreSQL used so far.
    pub(crate) fn postgres_usage(&self) -> Option<Usage> {
        self.own.as_ref()?.postgres_usage()
    }

    /// Major version of the private PostgreSQL.
    pub(crate) fn postgres_version(&self) -> Option<String> {
        let file = self
            .own
            .as_ref()?
            .data_dir
            .path()
            .join("postgres/PG_VERSION");
        Some(fs::read_to_string(file).ok()?.trim().to_owned())
    }
}

/// A data directory that is removed with its last user.
#[derive(Clone)]
pub(crate) struct DataDir(std::sync::Arc<TempDir>);

impl DataDir {
    /// Makes one in this directory.
    pub(crate) fn new(within: &Path) -> Result<Self, String> {
        let failed = |error| format!("{}: {error}", within.display());
        let directory = tempfile::Builder::new()
            .prefix("grove-load-")
            .tempdir_in(within)
            .map_err(failed)?;
        // PostgreSQL runs as another user when groved is root, and must be able to pass through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).map_err(failed)?;
        Ok(Self(directory.into()))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("groved")
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("groved.log")
    }
}

/// A groved. Dropped, it is asked to stop and waited for.
pub(crate) struct Groved {
    child: Child,
    pub(crate) url: String,
    pub(crate) ops_url: String,
    /// From the start of the program to its word that it serves.
    pub(crate) ready_after: Duration,
    // Removed after the process has ended.
    pub(crate) data_dir: DataDir,
}

impl Groved {
    /// Starts the program with its default configuration on ports of its own and waits until it
    /// serves.
    pub(crate) fn start(args: &Args, data_dir: &DataDir) -> Result<Self, String> {
        let program = args.groved.clone().map_or_else(beside, Ok)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(data_dir.log());
        let log = log.map_err(|error| format!("{}: {error}", data_dir.log().display()))?;
        let mut command = Command::new(&program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let sets = Self::sets(data_dir);
        let sets = sets.iter().map(String::as_str).chain(UNLIMITED);
        for set in sets.chain(args.set.iter().map(String::as_str)) {
            command.arg("--set").arg(set);
        }
        command
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let started = Instant::now();
        let mut child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let line = first_line(&mut child);
        let ready_after = started.elapsed();
        // From here on it is stopped whatever happens.
        let mut groved = Self {
            child,
            url: String::new(),
            ops_url: String::new(),
            ready_after,
            data_dir: data_dir.clone(),
        };
        let urls = line
            .trim()
            .strip_prefix("ready client=")
            .and_then(|rest| rest.split_once(" ops="));
        let (url, ops_url) = urls.ok_or_else(|| groved.complaint())?;
        groved.url.push_str(url);
        groved.ops_url.push_str(ops_url);
        Ok(groved)
    }

    fn sets(data_dir: &DataDir) -> [String; 6] {
        [
            "server.domain=load.example".to_owned(),
            format!("server.data_dir={}", data_dir.path().display()),
            "server.registration=open".to_owned(),
            "http.plain_http=true".to_owned(),
            "http.listen=127.0.0.1:0".to_owned(),
            "ops.listen=127.0.0.1:0".to_owned(),
        ]
    }

    /// What it uses.
    pub(crate) fn usage(&self) -> Option<Usage> {
        processes::of_process(self.child.id())
    }

    /// What its PostgreSQL uses.
    pub(crate) fn postgres_usage(&self) -> Option<Usage> {
        processes::of_postgres(&self.data_dir.path())
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Ends the first process of its PostgreSQL at once.
    pub(crate) fn kill_postgres(&self) -> Result<(), String> {
        let first = find_postmaster(&self.data_dir.path());
        let first = first.ok_or("there is no PostgreSQL of groved's to be seen")?;
        kill_process(first, Signal::KILL).map_err(|error| error.to_string())
    }

    fn complaint(&self) -> String {
        let log = fs::read_to_string(self.data_dir.log()).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        format!(
            "groved did not start; it said: {}",
            last.into_iter().rev().collect::<Vec<_>>().join("\n")
        )
    }
}

impl Drop for Groved {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // An error means that it has ended.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + STOP_PATIENCE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!(
            "groved did not stop within {} s and is killed",
            STOP_PATIENCE.as_secs()
        );
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The groved that was built together with this program.
fn beside() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let found = own.with_file_name("groved");
    if found.is_file() {
        return Ok(found);
    }
    Err(format!(
        "there is no {}: build it in the same profile (cargo build -p grove-server), or name one with --groved",
        found.display()
    ))
}

/// Reads what the program prints; a thread does, so that one which prints nothing is not waited for
/// without end.
fn first_line(child: &mut Child) -> String {
    let stdout = child.stdout.take().expect("a pipe");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Later lines are read too, so that nobody waits for a full pipe.
            drop(tell.send(line));
        }
    });
    told.recv_timeout(START_PATIENCE).unwrap_or_default()
}
