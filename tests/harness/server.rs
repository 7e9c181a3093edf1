//! A server, inside this process or as the real program.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{io, iter, thread};

use grove_server::clock::Clock;
use grove_server::config::{Config, ConfigErrors, LoadOptions};
use grove_server::{Running, Server as Library, StartError};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::program::{self, Ended};
use crate::wait::{ASK_EVERY, PATIENCE, eventually, finish_in_drop, soon};
use crate::{MachineClock, postgres};

/// No rate limits to speak of: a test does in a moment, from one address, what people do in a day.
pub const UNLIMITED: [&str; 11] = [
    "rate_limits.address_links=100000/s burst 100000",
    "rate_limits.address_registrations=100000/s burst 100000",
    "rate_limits.address_sign_in=100000/s burst 100000",
    "rate_limits.device_claims=100000/s burst 100000",
    "rate_limits.device_changes=off",
    "rate_limits.device_messages=off",
    "rate_limits.device_reads=off",
    "rate_limits.user_claims=100000/s burst 100000",
    "rate_limits.user_changes=off",
    "rate_limits.user_messages=off",
    "rate_limits.user_reads=off",
];

/// A running server.
pub enum Server {
    /// Threads of this process; its clock may be moved.
    InProcess(InProcess),
    /// The program `groved`.
    Process(Process),
}

impl Server {
    /// Base URL of the client door.
    pub fn url(&self) -> &str {
        match self {
            Self::InProcess(server) => &server.url,
            Self::Process(server) => &server.url,
        }
    }

    /// Base URL of the operators' door.
    pub fn ops_url(&self) -> &str {
        match self {
            Self::InProcess(server) => &server.ops_url,
            Self::Process(server) => &server.ops_url,
        }
    }

    /// Stops it in order.
    pub async fn stop(self) {
        match self {
            Self::InProcess(server) => server.stop().await,
            Self::Process(server) => {
                let ended = server.terminate().await;
                assert_eq!(ended.code, 0, "{}", ended.stderr);
            }
        }
    }
}

/// A server in this process. Stopped when dropped.
pub struct InProcess {
    running: Option<Running>,
    url: String,
    ops_url: String,
}

impl InProcess {
    /// Starts it with these settings. A child that another test has just forked has the socket of a
    /// server that was stopped until its exec, and the address with it.
    pub async fn start(sets: Vec<String>, clock: Clock) -> Self {
        let config = load(sets).expect("a configuration");
        let running: Running = eventually("the server's address is free", async || {
            let started = Library::start(config.clone(), clock.clone()).await;
            match started {
                Ok(running) => Some(running),
                Err(error) if is_address_in_use(&error) => None,
                Err(error) => panic!("the server does not start: {error:?}"),
            }
        })
        .await;
        Self {
            url: running.client_url(),
            ops_url: running.ops_url(),
            running: Some(running),
        }
    }

    /// Puts other settings in force, as far as that goes without a restart.
    pub fn reload(&self, sets: Vec<String>) {
        self.running.as_ref().expect("it runs").reload(load(sets));
    }

    async fn stop(mut self) {
        if let Some(running) = self.running.take() {
            soon("the server drains", running.stop()).await;
        }
    }
}

fn load(sets: Vec<String>) -> Result<Config, ConfigErrors> {
    Config::load(LoadOptions {
        sets,
        ..LoadOptions::default()
    })
}

/// Whether this, or what it comes from, is that somebody else listens there.
fn is_address_in_use(error: &StartError) -> bool {
    let error: &(dyn Error + 'static) = error;
    iter::successors(Some(error), |&error| error.source())
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::AddrInUse)
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            finish_in_drop(running.stop());
        }
    }
}

/// A `groved` of its own. Stopped in order when dropped, so that it takes its private PostgreSQL
/// with it.
pub struct Process {
    child: Child,
    url: String,
    ops_url: String,
    stdout: BufReader<ChildStdout>,
    /// Reads what it logs all along: a full pipe would stop it.
    stderr: Option<JoinHandle<String>>,
    data_dir: PathBuf,
}

impl Process {
    /// Starts `groved serve` with these settings and waits until it is ready.
    pub async fn start(sets: &[String], data_dir: &Path, clock: MachineClock) -> Self {
        let mut command = Command::new(program::groved());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for set in sets {
            command.arg("--set").arg(set);
        }
        clock.before(&mut command);
        command.arg("serve").kill_on_drop(true);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("groved runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut stderr = child.stderr.take().expect("a pipe");
        let stderr = tokio::spawn(async move {
            let mut said = Vec::new();
            stderr.read_to_end(&mut said).await.expect("its log");
            String::from_utf8_lossy(&said).into_owned()
        });
        let mut line = String::new();
        soon("groved is ready", stdout.read_line(&mut line))
            .await
            .expect("its output");
        let Some((client, ops)) = line
            .trim()
            .strip_prefix("ready client=")
            .and_then(|rest| rest.split_once(" ops="))
        else {
            let complaint = soon("groved ends", stderr).await.expect("its complaint");
            panic!("groved did not get ready: {line}{complaint}");
        };
        let (url, ops_url) = (client.to_owned(), ops.to_owned());
        Self {
            child,
            url,
            ops_url,
            stdout,
            stderr: Some(stderr),
            data_dir: data_dir.to_owned(),
        }
    }

    /// Kills it: no destructor runs, nothing is written any more.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("groved can be killed");
    }

    /// Asks it to stop (SIGTERM), waits until it has and says how it ended.
    pub async fn terminate(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait().await
    }

    /// Waits until it has ended.
    pub async fn wait(mut self) -> Ended {
        let mut rest = String::new();
        let stderr = self.stderr.take().expect("it is waited for once");
        let ending = async {
            tokio::join!(
                self.stdout.read_to_string(&mut rest),
                stderr,
                self.child.wait()
            )
        };
        let (out, stderr, status) = soon("groved drains", ending).await;
        out.expect("its output");
        let code = status.expect("its end").code().unwrap_or(-1);
        Ended {
            code,
            stdout: rest,
            stderr: stderr.expect("its log"),
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("groved runs");
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid().as_raw_nonzero()))
                .expect("/proc");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("VmRSS");
        let kilobytes: u64 = line
            .trim()
            .trim_end_matches("kB")
            .trim()
            .parse()
            .expect("a number");
        kilobytes * 1024
    }

    /// Runs `groved admin` on it.
    pub async fn admin(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(program::groved());
        command
            .arg("admin")
            .args(arguments)
            .arg("--data-dir")
            .arg(&self.data_dir);
        program::run(command, "").await
    }

    fn pid(&self) -> Pid {
        self.find_pid().expect("groved runs")
    }

    /// Its process id, unless it was seen to end.
    fn find_pid(&self) -> Option<Pid> {
        self.child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
    }

    /// Looks until it has ended, where nothing can be awaited; false if it has not in time.
    fn ends(&mut self) -> bool {
        let looks = PATIENCE.as_millis() / ASK_EVERY.as_millis();
        (0..looks).any(|_| {
            let ended = !matches!(self.child.try_wait(), Ok(None));
            if !ended {
                thread::sleep(ASK_EVERY);
            }
            ended
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(pid) = self.find_pid() else { return };
        // It may have ended by itself.
        if kill_process(pid, Signal::TERM).is_err() || self.ends() {
            return;
        }
        eprintln!("groved did not stop within {PATIENCE:?}: it is killed, and its PostgreSQL too");
        // In this order: as long as it lives it starts its PostgreSQL again.
        if self.child.start_kill().is_ok() && self.ends() {
            postgres::kill_left_behind(&self.data_dir);
        }
    }
}
