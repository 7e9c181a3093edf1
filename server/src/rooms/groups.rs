//! The groups of rooms that are in use, in memory, bounded in bytes; the least recently used leaves
//! first.
//!
//! Who needs a group [takes the seat](Groups::enter) of its room: one at a time, so handshakes of a
//! room queue here and not in the database. A group is loaded from a snapshot and the handshakes
//! since, never from GroupInfo and tree. The seat orders work within this process; what counts is
//! the compare-and-set in the log, so whoever has the seat first [follows](Seat::follow) the log to
//! its last handshake.

mod load;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use grove_mls::public::{HubGroup, ReplayError, SnapshotError};
use tokio::sync::OwnedMutexGuard;
use tracing::warn;

use crate::clock::{Clock, Timestamp};
use crate::db::{self, Db, NewSnapshot, RoomId};
use crate::tasks::{Tasks, WorkLost};

pub(super) use self::load::at_epoch;
use self::load::{load, replay_from};

/// No snapshot with handshakes behind it gets older while the server runs: the KeyPackages in old
/// handshakes expire, and are not taken in a replay either (`grove_mls::public`). What is left of
/// their time is for how long the server may be off.
const SNAPSHOT_AGE: Duration = Duration::from_hours(24);
/// How often old snapshots are looked for.
const SNAPSHOT_ROUND: Duration = Duration::from_hours(6);
/// Snapshots renewed in one round.
const SNAPSHOTS_PER_ROUND: i64 = 1000;

/// Why a group could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    /// What it would be rebuilt from has outlived its time.
    #[error("the handshakes that lead to this epoch are gone")]
    Gone,
    #[error(transparent)]
    Lost(#[from] WorkLost),
    /// There is no snapshot to begin with.
    #[error("the group of a room has no snapshot")]
    Missing,
    #[error("the log of a room does not follow from its snapshot")]
    Replay(#[from] ReplayError),
    #[error("the snapshot of a group could not be used")]
    Snapshot(#[from] SnapshotError),
}

/// All groups in memory. Cloning is cheap; all clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Groups(Arc<Mutex<Held>>);

#[derive(Debug)]
struct Held {
    places: HashMap<RoomId, Place>,
    bytes: usize,
    max_bytes: usize,
    /// Counts uses, to know which was last.
    uses: u64,
}

#[derive(Debug)]
struct Place {
    slot: Arc<tokio::sync::Mutex<Option<Live>>>,
    bytes: usize,
    used: u64,
}

/// A group, and the last handshake it has seen.
#[derive(Debug)]
struct Live {
    group: HubGroup,
    seq: u64,
}

/// The right to work on one room's group, until dropped.
#[derive(Debug)]
pub(super) struct Seat {
    groups: Groups,
    room: RoomId,
    live: OwnedMutexGuard<Option<Live>>,
}

impl Groups {
    /// No groups yet; at most about `max_bytes` of them later.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Held {
            places: HashMap::new(),
            bytes: 0,
            max_bytes,
            uses: 0,
        })))
    }

    /// Waits for a room's seat.
    pub(super) async fn enter(&self, room: RoomId) -> Seat {
        let slot = {
            let mut held = self.held();
            let place = held.places.entry(room).or_insert_with(Place::empty);
            Arc::clone(&place.slot)
        };
        Seat {
            groups: self.clone(),
            room,
            live: slot.lock_owned().await,
        }
    }

    /// Starts the task that renews snapshots before they are too old to be replayed from.
    pub(super) fn keep_snapshots_young(&self, db: &Db, clock: &Clock, tasks: &Tasks) {
        let (groups, db, clock, work) = (self.clone(), db.clone(), clock.clone(), tasks.clone());
        let mut interval = tasks.interval(&clock, SNAPSHOT_ROUND);
        tasks.spawn("snapshots", async move {
            // The first round at once: a server may never run for as long as it is to the next.
            loop {
                if let Err(error) = groups.renew_snapshots(&db, &work, clock.now()).await {
                    warn!(%error, "old snapshots were not renewed");
                }
                if !interval.tick().await {
                    return;
                }
            }
        });
    }

    async fn renew_snapshots(
        &self,
        db: &Db,
        tasks: &Tasks,
        now: Timestamp,
    ) -> Result<(), GroupError> {
        let mut connection = db.connect().await?;
        let tx = connection.begin().await?;
        let stale = tx
            .list_stale_snapshots(now.minus(SNAPSHOT_AGE), SNAPSHOTS_PER_ROUND)
            .await?;
        tx.commit().await?;
        drop(connection);
        for room in stale {
            let mut seat = self.enter(room).await;
            seat.follow(db, tasks).await?;
            seat.keep_snapshot(db, tasks, now).await?;
        }
        Ok(())
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Takes note of a room that was used, and makes room for it.
    fn settle(&mut self, room: RoomId, bytes: usize) {
        self.uses += 1;
        let Some(place) = self.places.get_mut(&room) else {
            return;
        };
        self.bytes = self.bytes - place.bytes + bytes;
        place.bytes = bytes;
        place.used = self.uses;
        // The map and the seat that settles hold an empty place, and nobody waits for it.
        if bytes == 0 && Arc::strong_count(&place.slot) <= 2 {
            self.places.remove(&room);
        }
        while self.bytes > self.max_bytes {
            // The room in hand stays, however large.
            let unused = self
                .places
                .iter()
                .filter(|(other, place)| **other != room && Arc::strong_count(&place.slot) == 1);
            let oldest = unused.min_by_key(|(_room, place)| place.used);
            let Some(oldest) = oldest.map(|(room, _place)| *room) else {
                return;
            };
            let gone = self.places.remove(&oldest);
            self.bytes -= gone.map_or(0, |place| place.bytes);
        }
    }
}

impl Place {
    fn empty() -> Self {
        Self {
            slot: Arc::default(),
            bytes: 0,
            used: 0,
        }
    }
}

impl Seat {
    /// The group as far as it was followed; none before the first [`Self::follow`].
    pub(super) fn group(&self) -> Option<&HubGroup> {
        self.live.as_ref().map(|live| &live.group)
    }

    /// The last handshake the group has seen.
    pub(super) fn seq(&self) -> Option<u64> {
        self.live.as_ref().map(|live| live.seq)
    }

    /// Loads the group, if it is not here, and brings it up to the last handshake of the log.
    pub(super) async fn follow(&mut self, db: &Db, tasks: &Tasks) -> Result<(), GroupError> {
        let mut connection = db.connect().await?;
        let tx = connection.begin().await?;
        let newest = tx.find_handshake_seq(self.room).await?;
        tx.commit().await?;
        drop(connection);
        if self.seq() == Some(newest) {
            return Ok(());
        }
        let held = self.live.take();
        let followed = match held {
            Some(live) => replay_from(db, tasks, self.room, live, u64::MAX).await,
            None => Err(GroupError::Missing),
        };
        let live = match followed {
            Ok(live) => live,
            // Not here, or out of step with the log, which is right.
            Err(_) => load(db, tasks, self.room, u64::MAX).await?,
        };
        *self.live = Some(live);
        Ok(())
    }

    /// Works on the group on a thread for such work. Work that is lost takes the group with it: it
    /// is loaded anew.
    pub(super) async fn run<T: Send + 'static>(
        &mut self,
        tasks: &Tasks,
        work: impl FnOnce(&mut HubGroup) -> T + Send + 'static,
    ) -> Result<T, GroupError> {
        let mut live = self.live.take().ok_or(GroupError::Missing)?;
        let (live, result) = tasks
            .blocking(move || {
                let result = work(&mut live.group);
                (live, result)
            })
            .await?;
        *self.live = Some(live);
        Ok(result)
    }

    /// Takes note that the group has merged the handshake `seq`.
    pub(super) fn merged(&mut self, seq: u64) {
        if let Some(live) = self.live.as_mut() {
            live.seq = seq;
        }
    }

    /// Drops the group: it did not merge what is in the log.
    pub(super) fn forget(&mut self) {
        *self.live = None;
    }

    /// Stores a snapshot of the group as it is.
    pub(super) async fn keep_snapshot(
        &mut self,
        db: &Db,
        tasks: &Tasks,
        now: Timestamp,
    ) -> Result<(), GroupError> {
        let (epoch, snapshot) = self
            .run(tasks, |group| (group.epoch(), group.snapshot()))
            .await?;
        let (bytes, seq) = (snapshot?, self.seq().ok_or(GroupError::Missing)?);
        let mut connection = db.connect().await?;
        let tx = connection.begin().await?;
        tx.add_snapshot(
            self.room,
            &NewSnapshot {
                seq,
                epoch,
                bytes: &bytes,
                made_at: now,
            },
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let bytes = self.group().map_or(0, HubGroup::size_bytes);
        self.groups.held().settle(self.room, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(groups: &Groups) -> Vec<i64> {
        let mut rooms: Vec<i64> = groups.held().places.keys().map(|room| room.0).collect();
        rooms.sort_unstable();
        rooms
    }

    /// Settles a room as a seat does that leaves a group of this size behind.
    fn used(groups: &Groups, room: i64, bytes: usize) {
        let mut held = groups.held();
        held.places.entry(RoomId(room)).or_insert_with(Place::empty);
        held.settle(RoomId(room), bytes);
    }

    #[tokio::test]
    async fn a_seat_is_taken_by_one_at_a_time() {
        let groups = Groups::new(1_000);
        let first = groups.enter(RoomId(1)).await;
        let mut second = std::pin::pin!(groups.enter(RoomId(1)));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(first);
        assert!(futures_util::poll!(second.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn an_empty_place_is_not_kept() {
        let groups = Groups::new(1_000);
        drop(groups.enter(RoomId(1)).await);
        assert!(rooms(&groups).is_empty());
    }

    #[test]
    fn the_least_recently_used_group_leaves_first() {
        let groups = Groups::new(1_000);
        for room in [1, 2, 3, 1, 4] {
            used(&groups, room, 300);
        }
        assert_eq!(rooms(&groups), [1, 3, 4]);
        assert_eq!(groups.held().bytes, 900);
        used(&groups, 5, 5_000);
        assert_eq!(
            rooms(&groups),
            [5],
            "what is larger than the bound stands alone"
        );
    }

    #[tokio::test]
    async fn a_group_in_use_does_not_leave() {
        let groups = Groups::new(1_000);
        used(&groups, 1, 300);
        let _seat = groups.enter(RoomId(1)).await;
        used(&groups, 2, 300);
        used(&groups, 3, 900);
        assert_eq!(rooms(&groups), [1, 3]);
    }
}
