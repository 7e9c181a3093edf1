//! Background work, tracked so that a shutdown can wait for it.
//!
//! Every task runs on the runtime the server was started on, never on the runtime of an HTTP
//! worker: a worker that is busy or gone must not stall the others. A shutdown has two steps: at
//! `closing` the doors close (event sockets and long-polls end); at `stopping`, when no request is
//! left, the workers behind them finish.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{Instrument as _, error, error_span, warn};

use crate::clock::Clock;

/// The server's background tasks. Cloning is cheap; all clones are the same set.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    runtime: Handle,
    tracker: TaskTracker,
    requests: TaskTracker,
    closing: CancellationToken,
    stopping: CancellationToken,
    failed: CancellationToken,
}

impl Tasks {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            tracker: TaskTracker::new(),
            requests: TaskTracker::new(),
            closing: CancellationToken::new(),
            stopping: CancellationToken::new(),
            failed: CancellationToken::new(),
        }
    }

    /// Runs `task` in the background. It should end soon after [`Self::stopping`]; one that panics
    /// brings the server down in order, because half a server is worse than one that is started
    /// again.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let failed = self.failed.clone();
        let guarded = async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                error!(task = name, "a background task panicked; the server stops");
                failed.cancel();
            }
        };
        let _tracked = self
            .tracker
            .spawn_on(guarded.instrument(error_span!("task", name)), &self.runtime);
    }

    /// Rounds of a task that does something each `period`, until the server stops.
    pub(crate) fn interval(&self, clock: &Clock, period: Duration) -> Interval {
        Interval {
            clock: clock.clone(),
            period,
            next: Box::pin(clock.sleep(period)),
            stopping: self.stopping.clone(),
        }
    }

    /// Runs CPU-bound `work` on a thread of its own and returns what it returns.
    ///
    /// # Errors
    /// When the work panicked or the runtime is shutting down.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkLost> {
        self.runtime.spawn_blocking(work).await.map_err(WorkLost)
    }

    /// Cancelled when the server begins to shut down: sockets and long-polls end.
    pub(crate) const fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Cancelled when no request is left: workers finish what they hold and end.
    pub(crate) const fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Cancelled when a task panicked.
    pub(crate) const fn failed(&self) -> &CancellationToken {
        &self.failed
    }

    /// A request is under way until the token is dropped.
    pub(crate) fn request(&self) -> TaskTrackerToken {
        self.requests.token()
    }

    /// Waits until no request is under way, at most for `patience`.
    pub(crate) async fn requests_done(&self, patience: Duration) {
        self.requests.close();
        if tokio::time::timeout(patience, self.requests.wait())
            .await
            .is_err()
        {
            warn!(
                left = self.requests.len(),
                "requests did not finish in time and are cut off"
            );
        }
    }

    /// Asks every task to finish and waits for them, at most for `patience`.
    pub(crate) async fn finish(&self, patience: Duration) {
        self.closing.cancel();
        self.stopping.cancel();
        self.tracker.close();
        if tokio::time::timeout(patience, self.tracker.wait())
            .await
            .is_err()
        {
            error!(
                left = self.tracker.len(),
                "background tasks did not finish in time"
            );
        }
    }
}

/// When a task's next round is. The first period begins where the interval is made, not where its
/// task gets its turn; each further one where the round before it begins.
pub(crate) struct Interval {
    clock: Clock,
    period: Duration,
    next: Pin<Box<dyn Future<Output = ()> + Send>>,
    stopping: CancellationToken,
}

impl Interval {
    /// Returns when the next round is due; false if the server stops before that.
    pub(crate) async fn tick(&mut self) -> bool {
        let due = self.stopping.run_until_cancelled(self.next.as_mut()).await;
        self.next = Box::pin(self.clock.sleep(self.period));
        due.is_some()
    }
}

/// Work handed to [`Tasks::blocking`] did not come back.
#[derive(Debug, thiserror::Error)]
#[error("work on a blocking thread was lost")]
pub(crate) struct WorkLost(#[source] tokio::task::JoinError);
