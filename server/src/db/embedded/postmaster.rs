//! The process: started, watched, stopped; and the one a killed groved left behind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, io, thread};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{EmbeddedError, POLL};

/// The watching thread does nothing but wait.
const WATCHER_STACK_BYTES: usize = 64 * 1024;

/// How long the children of a killed postmaster may take to notice.
const CHILDREN_PATIENCE: Duration = Duration::from_secs(10);

/// How PostgreSQL is to stop.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shutdown {
    /// Roll back what is open, write everything, end.
    Fast,
    /// End at once; the next start recovers.
    Immediate,
}

impl Shutdown {
    const fn signal(self) -> Signal {
        match self {
            Self::Fast => Signal::INT,
            Self::Immediate => Signal::QUIT,
        }
    }
}

/// A PostgreSQL we started. Dropped, it is told to stop.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    ended: watch::Receiver<bool>,
}

impl Postmaster {
    /// Starts the command and a thread that waits for its end: a thread, not a task, so that no
    /// runtime owns it.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("a child without a process id"))?;
        let (tell, ended) = watch::channel(false);
        let _detached = thread::Builder::new()
            .name("postmaster".to_owned())
            .stack_size(WATCHER_STACK_BYTES)
            .spawn(move || {
                let _status = child.wait();
                tell.send_replace(true);
            })?;
        Ok(Self { pid, ended })
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    pub(super) async fn ended(&self) {
        // An error means that the watching thread is gone, and it goes only with the process.
        let mut ended = self.ended.clone();
        let _ended = ended.wait_for(|ended| *ended).await;
    }

    /// Tells it to stop. Its process id is ours until the watching thread has seen its end.
    pub(super) fn stop(&self, how: Shutdown) {
        if !self.has_ended() {
            signal(self.pid, how);
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.stop(Shutdown::Fast);
    }
}

/// Stops the PostgreSQL that a killed groved left running on this cluster, and clears a stale lock
/// file that would keep the next one from starting.
pub(super) async fn stop_left_behind(
    cluster: &Path,
    patience: Duration,
) -> Result<(), EmbeddedError> {
    let lock_file = cluster.join("postmaster.pid");
    let Some(pid) = read_pid(&lock_file) else {
        return Ok(());
    };
    if runs_here(pid, cluster) {
        info!("stopping the private database that an earlier groved left running");
        stop_and_wait(pid, cluster, patience).await;
    }
    until_deserted(cluster).await;
    // PostgreSQL removes its lock file when it stops. One that is still here is from a crash, and
    // if its process id has come to belong to another process since, PostgreSQL would refuse to
    // start.
    match fs::remove_file(&lock_file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(EmbeddedError::Io {
            path: lock_file,
            source,
        }),
        _ => Ok(()),
    }
}

async fn stop_and_wait(pid: Pid, cluster: &Path, patience: Duration) {
    let gone = async {
        while runs_here(pid, cluster) {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::pin!(gone);
    signal(pid, Shutdown::Fast);
    if tokio::time::timeout(patience, gone.as_mut()).await.is_err() {
        warn!(
            "the private database does not stop; it is stopped the hard way and recovers at the next start"
        );
        signal(pid, Shutdown::Immediate);
        gone.await;
    }
}

/// Waits for the children of a postmaster that was killed: they hold its shared memory until they
/// have noticed, and no new one starts as long as one of them does. One that does not end is left
/// to PostgreSQL, which says so.
async fn until_deserted(cluster: &Path) {
    let deserted = async {
        while anybody_runs_here(cluster) {
            tokio::time::sleep(POLL).await;
        }
    };
    if tokio::time::timeout(CHILDREN_PATIENCE, deserted)
        .await
        .is_err()
    {
        warn!("processes of a private database that was killed still run");
    }
}

fn signal(pid: Pid, how: Shutdown) {
    if let Err(error) = kill_process(pid, how.signal()) {
        warn!(%error, "PostgreSQL could not be told to stop");
    }
}

/// The first line of `postmaster.pid`; `None` if there is no such file or it is empty.
fn read_pid(lock_file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(lock_file).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    Pid::from_raw(pid.abs())
}

/// True if any process works in this cluster: the postmaster and all its children do.
fn anybody_runs_here(cluster: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else {
        return false;
    };
    let mut directories =
        processes.filter_map(|process| fs::read_link(process.ok()?.path().join("cwd")).ok());
    directories.any(|directory| directory == cluster)
}

/// True if a process of this id is the postmaster of this cluster. A postmaster works in its data
/// directory, which tells it from a process that got the same id later; where that cannot be seen,
/// being alive must do.
fn runs_here(pid: Pid, cluster: &Path) -> bool {
    match fs::read_link(PathBuf::from(format!("/proc/{}/cwd", pid.as_raw_nonzero()))) {
        Ok(directory) => directory == cluster,
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && Path::new("/proc/self").exists() =>
        {
            false
        }
        Err(_hidden) => test_kill_process(pid).is_ok(),
    }
}
