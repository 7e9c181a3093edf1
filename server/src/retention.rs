//! What has outlived its time goes: the bytes of old entries, and what nobody comes for any more.
//!
//! A sweep an hour, in small transactions, each room about once a day. What a sweep reads and
//! writes is what it removes and a few rows per room whose turn it is: it reads on from each room's
//! own marks. It must not know HTTP or MLS.
//!
//! The surprise: rows of the log stay. Place, hash and head of an entry are needed for ever, to
//! know repeats and to carry the chain; only its bytes go. And ages are counted in time in which
//! things could be fetched ([`ages`]).

mod ages;

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use self::ages::Ages;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::RetentionConfig;
use crate::db::{self, RoomId, TimeRow};

/// How often there is a sweep.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// How often a room is looked at, unless messages are kept for less.
const LOOK_EVERY: Duration = Duration::from_hours(24);
/// The smallest step of the clock.
const TICK: Duration = Duration::from_millis(1);
/// Rooms asked for at once.
const ROOMS_AT_ONCE: i64 = 100;
/// Entries that lose their bytes in one transaction.
const ENTRIES_AT_ONCE: i64 = 256;
/// A claimed KeyPackage whose commit has not come by then is not waited for.
const CLAIM_AGE: Duration = Duration::from_hours(7 * 24);
/// What has ended is removed so much later: were the clock wrong, it would not have ended.
const ENDED_FOR: Duration = Duration::from_hours(2 * 24);

/// Starts the task that sweeps.
pub(crate) fn keep(app: &Arc<App>) {
    let (sweeping, started) = (Arc::clone(app), app.clock.now());
    let mut interval = app.tasks.interval(&app.clock, SWEEP_EVERY);
    app.tasks.spawn("sweep", async move {
        if let Err(error) = watch_clock(&sweeping, started).await {
            warn!(%error, "the clock is watched from the first sweep on only");
        }
        while interval.tick().await {
            if let Err(error) = sweep(&sweeping).await {
                warn!(%error, "what has outlived its time was not all removed; the next sweep goes on");
            }
        }
    });
}

/// What is older than this goes.
#[derive(Clone, Copy, Debug)]
struct Cuts {
    /// Messages, once everybody has them.
    messages_min: Timestamp,
    /// Messages.
    messages_max: Timestamp,
    /// Handshakes that are not needed, and Welcomes.
    handshakes: Timestamp,
}

impl Cuts {
    fn new(ages: &Ages, retention: &RetentionConfig) -> Self {
        Self {
            messages_min: ages.before(retention.messages_min),
            messages_max: ages.before(retention.messages_max),
            handshakes: ages.before(retention.handshakes),
        }
    }

    /// Up to where messages may go, of entries that follow one another, if the slowest reader has
    /// all up to `least`.
    fn spare(&self, entries: &[TimeRow], least: u64) -> Option<u64> {
        let spare = |entry: &&TimeRow| {
            let time = Timestamp::from_ms(entry.time);
            time < self.messages_max || (time < self.messages_min && entry.seq <= least)
        };
        entries
            .iter()
            .take_while(spare)
            .last()
            .map(|entry| entry.seq)
    }

    /// Whether it depends on the readers how many of these may go.
    fn asks_for_readers(&self, entries: &[TimeRow]) -> bool {
        entries.iter().any(|entry| {
            (self.messages_max..self.messages_min).contains(&Timestamp::from_ms(entry.time))
        })
    }
}

/// What has to be told of the gaps between sweeps: as much as the longest of all ages.
fn longest(retention: &RetentionConfig) -> Duration {
    retention.handshakes.max(CLAIM_AGE).max(ENDED_FOR)
}

/// Notes the time on a database nobody swept before, so that a clock that is set before the first
/// sweep is noticed.
async fn watch_clock(app: &App, started: Timestamp) -> Result<(), db::Error> {
    let longest = longest(&app.live.now().retention);
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    if tx.find_retention_clock().await?.is_none() {
        let ages = Ages::at(started, None, longest);
        tx.write_retention_clock(ages.noted()).await?;
    }
    tx.commit().await
}

#[tracing::instrument(name = "retention.sweep", skip_all)]
async fn sweep(app: &App) -> Result<(), db::Error> {
    let retention = app.live.now().retention.clone();
    let now = app.clock.now();
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let noted = tx.find_retention_clock().await?;
    let ages = Ages::at(now, noted, longest(&retention));
    let ended = ages.before(ENDED_FOR);
    tx.remove_expired_sessions(ended).await?;
    tx.remove_expired_links(now).await?;
    tx.remove_stale_key_packages(ended).await?;
    tx.remove_old_claims(ages.before(CLAIM_AGE)).await?;
    tx.commit().await?;
    drop(connection);

    if !sweep_rooms(
        app,
        now,
        Cuts::new(&ages, &retention),
        retention.messages_min,
    )
    .await?
    {
        return Ok(());
    }
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    tx.write_retention_clock(ages.noted()).await?;
    tx.commit().await
}

/// Sweeps all rooms whose turn it is. False if the server stops before that is done.
async fn sweep_rooms(
    app: &App,
    now: Timestamp,
    cuts: Cuts,
    messages_min: Duration,
) -> Result<bool, db::Error> {
    // A turn comes at the earliest with the next tick of the clock, or the sweep would never end.
    let next = now.plus(LOOK_EVERY.min(messages_min).max(TICK));
    loop {
        let mut connection = app.db.connect().await?;
        let tx = connection.begin().await?;
        let rooms = tx
            .list_rooms_to_sweep(now, now.plus(LOOK_EVERY), ROOMS_AT_ONCE)
            .await?;
        tx.commit().await?;
        drop(connection);
        if rooms.is_empty() {
            return Ok(true);
        }
        for room in rooms {
            if app.tasks.stopping().is_cancelled() {
                return Ok(false);
            }
            match sweep_room(app, room, cuts).await {
                Err(error) if !error.is_unavailable() => {
                    warn!(%error, ?room, "a room could not be swept");
                }
                swept => swept?,
            }
            put_off(app, room, next).await?;
        }
    }
}

async fn put_off(app: &App, room: RoomId, next: Timestamp) -> Result<(), db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    tx.put_off_sweep(room, next).await?;
    tx.commit().await
}

async fn sweep_room(app: &App, room: RoomId, cuts: Cuts) -> Result<(), db::Error> {
    sweep_messages(app, room, cuts).await?;
    sweep_handshakes(app, room, cuts).await?;
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let swept = tx.find_swept(room).await?;
    let snapshots = tx.remove_old_snapshots(room, swept.handshakes).await?;
    let cursors = tx.remove_spent_cursors(room).await?;
    tx.remove_old_inbox_entries(room, cuts.handshakes).await?;
    let welcomes = tx.remove_old_welcomes(room, cuts.handshakes).await?;
    tx.commit().await?;
    count("snapshot", snapshots);
    count("cursor", cursors);
    count("welcome", welcomes);
    Ok(())
}

async fn sweep_messages(app: &App, room: RoomId, cuts: Cuts) -> Result<(), db::Error> {
    // Most rooms have nothing to give: one entry shows it.
    let mut limit = 1;
    // Asked for once: a reader only goes on, and a new one begins behind all that is here.
    let mut least = None;
    loop {
        let mut connection = app.db.connect().await?;
        let tx = connection.begin().await?;
        let swept = tx.find_swept(room).await?.messages;
        let entries = tx.list_times(room, swept, limit).await?;
        if least.is_none() && cuts.asks_for_readers(&entries) {
            least = Some(tx.find_least_position(room).await?.unwrap_or(u64::MAX));
        }
        let Some(upto) = cuts.spare(&entries, least.unwrap_or_default()) else {
            return tx.commit().await;
        };
        let gone = tx.expire_messages(room, swept, upto).await?;
        tx.commit().await?;
        drop(connection);
        app.delivery.forget(room, upto);
        count("message", gone);
        if entries.last().is_some_and(|last| upto < last.seq) {
            return Ok(());
        }
        limit = ENTRIES_AT_ONCE;
        tokio::task::yield_now().await;
    }
}

async fn sweep_handshakes(app: &App, room: RoomId, cuts: Cuts) -> Result<(), db::Error> {
    loop {
        let mut connection = app.db.connect().await?;
        let tx = connection.begin().await?;
        let swept = tx.find_swept(room).await?.handshakes;
        let spare = tx.find_spare_handshakes(room, cuts.handshakes).await?;
        if spare <= swept {
            return tx.commit().await;
        }
        let gone = tx
            .expire_handshakes(room, swept, spare, ENTRIES_AT_ONCE)
            .await?;
        tx.commit().await?;
        drop(connection);
        if gone == 0 {
            return Ok(());
        }
        count("handshake", gone);
        tokio::task::yield_now().await;
    }
}

fn count(what: &'static str, gone: u64) {
    if gone > 0 {
        metrics::counter!("grove_retention_removed_total", "what" => what).increment(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTS: Cuts = Cuts {
        messages_min: Timestamp::from_ms(700),
        messages_max: Timestamp::from_ms(300),
        handshakes: Timestamp::from_ms(100),
    };

    /// Entry 1 at 100, entry 2 at 200 and so on.
    fn entries(seqs: std::ops::RangeInclusive<u64>) -> Vec<TimeRow> {
        seqs.map(|seq| TimeRow {
            seq,
            time: seq * 100,
        })
        .collect()
    }

    #[test]
    fn messages_go_at_the_end_of_their_time_whoever_waits() {
        assert_eq!(CUTS.spare(&entries(1..=9), 0), Some(2));
        assert_eq!(CUTS.spare(&entries(3..=9), 0), None);
    }

    #[test]
    fn messages_that_all_have_go_earlier_but_not_at_once() {
        assert_eq!(CUTS.spare(&entries(1..=9), 5), Some(5));
        assert_eq!(CUTS.spare(&entries(1..=9), 100), Some(6));
        assert_eq!(CUTS.spare(&entries(7..=9), 100), None);
        assert_eq!(CUTS.spare(&[], 100), None);
    }

    #[test]
    fn gaps_are_known_for_as_long_as_anything_is_kept() {
        let kept = |handshakes| RetentionConfig {
            messages_min: Duration::from_secs(1),
            messages_max: Duration::from_secs(1),
            handshakes,
        };
        let short = longest(&kept(Duration::from_secs(1)));
        assert!(short >= CLAIM_AGE && short >= ENDED_FOR, "{short:?}");
        assert_eq!(longest(&kept(CLAIM_AGE * 10)), CLAIM_AGE * 10);
    }

    #[test]
    fn readers_are_asked_for_only_where_they_matter() {
        assert!(!CUTS.asks_for_readers(&entries(1..=2)));
        assert!(CUTS.asks_for_readers(&entries(1..=3)));
        assert!(!CUTS.asks_for_readers(&entries(7..=9)));
    }
}
