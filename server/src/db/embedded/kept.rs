//! A private PostgreSQL that is kept running: when it ends by itself, it is started again.
//!
//! Meanwhile whoever asks the database is told that it is unavailable, and asks again; nothing is
//! lost that was acknowledged. It must not know who asks. The surprise: PostgreSQL's own children
//! outlive a killed postmaster for a moment, and no new one starts as long as one of them holds on
//! to its memory, so a first try may fail.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{Embedded, Options};
use crate::clock::Clock;

/// How long a pause between two tries is, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// One that ran for so long has not ended because of how it was started.
const STEADY: Duration = Duration::from_mins(1);
/// How long a start under way is waited for when it is to stop; a start cut off is stopped by the
/// next one.
const START_GRACE: Duration = Duration::from_secs(5);

/// A PostgreSQL that is kept running. Dropped without [`Kept::stop`] it runs as long as its
/// runtime.
#[derive(Debug)]
pub(crate) struct Kept {
    stop: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Kept {
    /// Keeps a PostgreSQL running that was started with `options` in `data_dir`.
    pub(crate) fn keep(
        embedded: Embedded,
        data_dir: &Path,
        options: Options,
        clock: &Clock,
        runtime: &Handle,
    ) -> Self {
        let stop = CancellationToken::new();
        let keeper = Keeper {
            data_dir: data_dir.to_owned(),
            options,
            clock: clock.clone(),
            stop: stop.clone(),
        };
        Self {
            stop,
            keeper: runtime.spawn(keeper.run(embedded)),
        }
    }

    /// Stops PostgreSQL in order and waits until it has ended.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.keeper.await {
            error!(%error, "what keeps the private database running was lost");
        }
    }
}

struct Keeper {
    data_dir: PathBuf,
    options: Options,
    clock: Clock,
    stop: CancellationToken,
}

impl Keeper {
    async fn run(self, mut embedded: Embedded) {
        let mut pause = Duration::ZERO;
        loop {
            let ran = self.clock.stopwatch();
            let ended = self.stop.run_until_cancelled(embedded.ended()).await;
            if ended.is_none() {
                return embedded.stop().await;
            }
            error!("the private database ended by itself; it is started again");
            metrics::counter!("grove_database_restarts_total").increment(1);
            // It holds the lock on the data directory.
            drop(embedded);
            if ran.elapsed() >= STEADY {
                pause = Duration::ZERO;
            }
            match self.start(&mut pause).await {
                Some(started) => embedded = started,
                None => return,
            }
            pause = longer(pause);
        }
    }

    /// Tries until it runs, or until it is to stop.
    async fn start(&self, pause: &mut Duration) -> Option<Embedded> {
        loop {
            let pausing = tokio::time::sleep(*pause);
            self.stop.run_until_cancelled(pausing).await?;
            let mut starting = Box::pin(Embedded::start_with(&self.data_dir, self.options.clone()));
            let Some(started) = self.stop.run_until_cancelled(starting.as_mut()).await else {
                if let Ok(Ok(late)) = tokio::time::timeout(START_GRACE, starting).await {
                    late.stop().await;
                }
                return None;
            };
            match started {
                Ok(embedded) => {
                    info!("the private database runs again");
                    return Some(embedded);
                }
                Err(error) => {
                    *pause = longer(*pause);
                    error!(%error, again_in = ?*pause, "the private database did not start again");
                }
            }
        }
    }
}

fn longer(pause: Duration) -> Duration {
    pause.saturating_mul(2).clamp(FIRST_PAUSE, LONGEST_PAUSE)
}
