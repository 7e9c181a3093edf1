//! When devices were last seen, to about an hour: noted in memory whenever a session is shown,
//! written once a minute.
//!
//! Nothing is asked of the database on the way of a request. What is noted and not yet written is
//! lost when the server is killed, and noted again at the next request.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::warn;

use super::ClientAuth;
use crate::app::App;
use crate::clock::Timestamp;
use crate::db;

/// A device is noted, and written, at most this often.
const AT_MOST_EVERY: Duration = Duration::from_hours(1);
/// How often what was noted is written.
const WRITE_EVERY: Duration = Duration::from_mins(1);

/// Devices that were seen and are not written yet: at most one entry per device.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<HashMap<i64, Timestamp>>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes note that this session was shown just now.
pub(crate) fn note(app: &App, auth: &ClientAuth) {
    let now = app.clock.now();
    let before = Timestamp::from_ms(auth.seen_at.load(Ordering::Relaxed));
    // A time to come was noted by a clock that has been set back since.
    if now.since(before) >= AT_MOST_EVERY || before.since(now) >= AT_MOST_EVERY {
        auth.seen_at.store(now.ms(), Ordering::Relaxed);
        app.sessions.seen.lock().insert(auth.device_id, now);
    }
}

/// When a device was last seen: what is noted, or else what was written.
pub(crate) fn last_seen(
    app: &App,
    device_id: i64,
    written: Option<Timestamp>,
) -> Option<Timestamp> {
    let noted = app.sessions.seen.lock().get(&device_id).copied();
    noted.max(written)
}

/// Starts the task that writes what was noted.
pub(crate) fn keep(app: &Arc<App>) {
    let this = Arc::clone(app);
    let mut interval = app.tasks.interval(&app.clock, WRITE_EVERY);
    app.tasks.spawn("seen", async move {
        loop {
            let goes_on = interval.tick().await;
            if let Err(error) = write(&this).await {
                warn!(%error, "when devices were last seen was not written");
            }
            if !goes_on {
                return;
            }
        }
    });
}

async fn write(app: &App) -> Result<(), db::Error> {
    let noted: Vec<(i64, Timestamp)> = app
        .sessions
        .seen
        .lock()
        .iter()
        .map(|(device_id, at)| (*device_id, *at))
        .collect();
    if noted.is_empty() {
        return Ok(());
    }
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    tx.write_last_seen(&noted, AT_MOST_EVERY).await?;
    tx.commit().await?;
    let mut waiting = app.sessions.seen.lock();
    for (device_id, at) in noted {
        if waiting.get(&device_id) == Some(&at) {
            waiting.remove(&device_id);
        }
    }
    Ok(())
}
