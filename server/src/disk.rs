//! Free space: PostgreSQL stops when its log cannot grow, so writes are refused before that.
//!
//! Only the disk of a private database is ours to watch; for an external one there is nothing to
//! see here, and what PostgreSQL says when its disk is full has to do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::{error, info, warn};

use crate::app::App;
use crate::config::ByteSize;

/// How often free space is looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// Whether there is space to write.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// Some directory on it; none: a disk that is nobody's business.
    directory: Option<PathBuf>,
    low: AtomicBool,
}

impl Disk {
    /// The disk that holds `directory`, or one that is never low.
    pub(crate) fn holding(directory: Option<&Path>) -> Self {
        Self {
            directory: directory.map(Path::to_owned),
            ..Self::default()
        }
    }

    /// True while free space is below the reserve.
    pub(crate) fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    /// Looks how much is free.
    fn look(&self, reserve: ByteSize) {
        let Some(directory) = &self.directory else {
            return;
        };
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

/// Looks at the disk, and goes on looking.
pub(crate) fn watch(app: &Arc<App>) {
    let look = |app: &App| app.disk.look(app.live.now().limits.free_space_reserve);
    look(app);
    if app.disk.directory.is_none() {
        return;
    }
    let watching = Arc::clone(app);
    let mut interval = app.tasks.interval(&app.clock, INTERVAL);
    app.tasks.spawn("disk", async move {
        while interval.tick().await {
            look(&watching);
        }
    });
}

/// Free space for us on the disk that holds `directory`.
pub(crate) fn free_space(directory: &Path) -> Result<ByteSize, rustix::io::Errno> {
    let found = rustix::fs::statvfs(directory)?;
    Ok(ByteSize::new(found.f_bavail.saturating_mul(found.f_frsize)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const NOTHING: ByteSize = ByteSize::new(0);
    const MORE_THAN_THERE_IS: ByteSize = ByteSize::new(u64::MAX);

    #[test]
    fn a_disk_is_low_while_less_is_free_than_the_reserve() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::holding(Some(directory.path()));
        assert!(!disk.is_low(), "before anybody has looked");
        for (reserve, low) in [
            (NOTHING, false),
            (MORE_THAN_THERE_IS, true),
            (NOTHING, false),
        ] {
            disk.look(reserve);
            assert_eq!(disk.is_low(), low, "{reserve}");
        }
    }

    #[test]
    fn a_disk_that_cannot_be_looked_at_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::holding(Some(&directory.path().join("gone")));
        disk.look(MORE_THAN_THERE_IS);
        assert!(!disk.is_low());
    }

    #[test]
    fn a_disk_that_is_nobodys_business_is_never_low() {
        let disk = Disk::holding(None);
        disk.look(MORE_THAN_THERE_IS);
        assert!(!disk.is_low());
    }
}
