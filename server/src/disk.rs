//! Free space: PostgreSQL stops when its log cannot grow, so writes are refused before that.
//!
//! Only the disk of a private database is ours to watch; for an external one there is nothing to see here.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracing::{error, info, warn};

use crate::{clock::Clock, config::ByteSize, tasks::Tasks};

/// How often free space is looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// Whether there is space to write. Cloning is cheap; all clones see the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    low: Arc<AtomicBool>,
}

impl Disk {
    /// A disk that is nobody's business.
    pub(crate) fn unwatched() -> Self {
        Self::default()
    }

    /// Watches the disk that holds `directory`.
    pub(crate) fn watch(directory: &Path, reserve: ByteSize, clock: &Clock, tasks: &Tasks) -> Self {
        let disk = Self::default();
        disk.look(directory, reserve);
        let (watching, directory) = (disk.clone(), directory.to_owned());
        let (clock, stopping) = (clock.clone(), tasks.stopping().clone());
        tasks.spawn("disk", async move {
            while stopping
                .run_until_cancelled(clock.sleep(INTERVAL))
                .await
                .is_some()
            {
                watching.look(&directory, reserve);
            }
        });
        disk
    }

    /// True while free space is below the reserve.
    pub(crate) fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    fn look(&self, directory: &Path, reserve: ByteSize) {
        let free = match free_space(directory) {
            Ok(free) => free,
            Err(error) => {
                warn!(%error, "free space could not be determined");
                return;
            }
        };
        let low = free < reserve;
        let was_low = self.low.swap(low, Ordering::Relaxed);
        metrics::gauge!("grove_disk_low").set(if low { 1.0 } else { 0.0 });
        match (was_low, low) {
            (false, true) => {
                error!(%free, %reserve, "free space is below the reserve: writes are refused");
            }
            (true, false) => info!(%free, "there is space again: writes are served"),
            _ => {}
        }
    }
}

fn free_space(directory: &Path) -> Result<ByteSize, rustix::io::Errno> {
    let directory: PathBuf = directory.to_owned();
    let found = rustix::fs::statvfs(&directory)?;
    Ok(ByteSize::new(found.f_bavail.saturating_mul(found.f_frsize)))
}
