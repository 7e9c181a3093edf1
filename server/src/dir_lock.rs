//! A lock that keeps a second groved out of a directory; it must not know what is in there.
//!
//! The surprise: closing the file is not enough. A child that another thread has just forked shares
//! the open file until its exec, close-on-exec or not, and holds the lock with it. So the lock is
//! given back by name, and one whose holder was killed between a fork and its exec is waited for.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tracing::warn;

/// How long a forked child may take to its exec, on a machine that is busy with other work.
const FORK_PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether that is over.
const POLL: Duration = Duration::from_millis(20);

/// A lock that is held until it is dropped, or until the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct DirLock(File);

impl DirLock {
    /// Takes the lock of this file, which is made if it is not there; `None` if another process,
    /// or another part of this one, has it.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub(crate) async fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)?;
        let looks = FORK_PATIENCE.as_millis() / POLL.as_millis();
        for _ in 0..looks {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Self(file))),
                Err(Errno::WOULDBLOCK) => tokio::time::sleep(POLL).await,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        if let Err(error) = flock(&self.0, FlockOperation::Unlock) {
            warn!(%error, "a lock file could not be unlocked; it is free once this process has ended");
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_keeps_others_out_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = DirLock::take(&path).await.unwrap().unwrap();
        assert!(DirLock::take(&path).await.unwrap().is_none());
        drop(held);
        assert!(DirLock::take(&path).await.unwrap().is_some());
    }

    /// A duplicate of the file is what a forked child has of it before its exec.
    #[tokio::test]
    async fn a_child_that_was_forked_meanwhile_does_not_keep_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = DirLock::take(&path).await.unwrap().unwrap();
        let childs = held.0.try_clone().unwrap();
        drop(held);
        assert!(DirLock::take(&path).await.unwrap().is_some());
        drop(childs);
    }

    /// The control of the test above: a file that is only closed leaves the lock with the child.
    #[tokio::test]
    async fn a_file_that_is_only_closed_stays_locked_by_its_duplicate() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let file = File::create(&path).unwrap();
        flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        let childs = file.try_clone().unwrap();
        drop(file);
        assert!(DirLock::take(&path).await.unwrap().is_none());
        drop(childs);
        assert!(DirLock::take(&path).await.unwrap().is_some());
    }

    /// Who held it was killed between a fork and its exec: the child is gone a moment later.
    #[tokio::test]
    async fn a_lock_that_a_child_still_holds_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let childs = File::create(&path).unwrap();
        flock(&childs, FlockOperation::NonBlockingLockExclusive).unwrap();
        let exec = async {
            tokio::task::yield_now().await;
            drop(childs);
        };
        let (taken, ()) = futures_util::join!(DirLock::take(&path), exec);
        assert!(taken.unwrap().is_some());
    }
}
