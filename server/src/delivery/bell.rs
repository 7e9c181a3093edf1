//! The bell: who is awake, and how they are told to look.
//!
//! A ring carries nothing but which room, or which device, has something new; what that is stands
//! in the log. So a ring may be lost (it costs latency) and rings may be merged. It must not know
//! SQL or sockets. For several server processes only this file would change.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::lock;
use crate::db::RoomId;

/// Locks are per shard, so that workers rarely meet.
const SHARDS: usize = 16;

/// All listeners. Cloning is cheap; all clones are the same bell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<Registry>);

#[derive(Debug, Default)]
struct Registry {
    rooms: [Mutex<HashMap<RoomId, Audience>>; SHARDS],
    devices: Mutex<HashMap<i64, Vec<Arc<Listener>>>>,
    next_id: AtomicU64,
}

/// Who listens to a room, and the newest entry they were rung for.
#[derive(Debug)]
struct Audience {
    seen: u64,
    listeners: HashMap<u64, Arc<Listener>>,
}

/// What a listener was rung for since it last asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Rooms with new entries.
    pub(crate) rooms: HashSet<RoomId>,
    /// The device joined or left a room, or has something in its inbox.
    pub(crate) device: bool,
    /// The device opened another socket.
    pub(crate) replaced: bool,
}

/// What kind of reader listens: a device has one socket, and any number of short polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReaderKind {
    Poll,
    Socket,
}

#[derive(Debug)]
struct Listener {
    id: u64,
    kind: ReaderKind,
    heard: Mutex<Heard>,
    wake: Notify,
}

/// One reader's end of the bell. Dropped, it is no longer rung.
#[derive(Debug)]
pub(crate) struct Ear {
    bell: Bell,
    device_id: i64,
    listener: Arc<Listener>,
    rooms: HashSet<RoomId>,
}

impl Bell {
    /// Tells everybody in `room` to look; `seq` is the newest durable entry.
    pub(crate) fn ring(&self, room: RoomId, seq: u64) {
        let mut rooms = lock(self.shard(room));
        let Some(audience) = rooms.get_mut(&room) else {
            return;
        };
        audience.seen = audience.seen.max(seq);
        audience
            .listeners
            .values()
            .for_each(|listener| listener.tell_room(room));
    }

    /// Tells every reader of a device that its rooms or its inbox changed.
    pub(crate) fn ring_device(&self, device_id: i64) {
        if let Some(readers) = lock(&self.0.devices).get(&device_id) {
            for listener in readers {
                listener.tell(|heard| heard.device = true);
            }
        }
    }

    /// Starts to listen for a device.
    pub(crate) fn listen(&self, device_id: i64, kind: ReaderKind) -> Ear {
        let listener = Arc::new(Listener {
            id: self.0.next_id.fetch_add(1, Ordering::Relaxed),
            kind,
            heard: Mutex::default(),
            wake: Notify::new(),
        });
        let mut devices = lock(&self.0.devices);
        let readers = devices.entry(device_id).or_default();
        readers.push(Arc::clone(&listener));
        connected().set(gauge(devices.len()));
        Ear {
            bell: self.clone(),
            device_id,
            listener,
            rooms: HashSet::new(),
        }
    }

    /// Whether a device listens by a socket.
    pub(crate) fn has_socket(&self, device_id: i64) -> bool {
        lock(&self.0.devices)
            .get(&device_id)
            .is_some_and(|readers| {
                readers
                    .iter()
                    .any(|reader| reader.kind == ReaderKind::Socket)
            })
    }

    /// How many devices listen by a socket.
    pub(crate) fn sockets(&self) -> usize {
        let is_socket = |reader: &Arc<Listener>| reader.kind == ReaderKind::Socket;
        lock(&self.0.devices)
            .values()
            .filter(|readers| readers.iter().any(is_socket))
            .count()
    }

    /// Rooms somebody listens to.
    pub(crate) fn rooms(&self) -> Vec<RoomId> {
        self.0
            .rooms
            .iter()
            .flat_map(|shard| lock(shard).keys().copied().collect::<Vec<_>>())
            .collect()
    }

    /// Rings `room` if its log ends beyond what was rung for: a ring was lost.
    pub(crate) fn ring_if_missed(&self, room: RoomId, seq: u64) {
        let missed = lock(self.shard(room))
            .get(&room)
            .is_some_and(|audience| audience.seen < seq);
        if missed {
            self.ring(room, seq);
        }
    }

    fn shard(&self, room: RoomId) -> &Mutex<HashMap<RoomId, Audience>> {
        let [first, rest @ ..] = &self.0.rooms;
        let index = usize::try_from(room.0.unsigned_abs()).unwrap_or_default() % SHARDS;
        index
            .checked_sub(1)
            .and_then(|index| rest.get(index))
            .unwrap_or(first)
    }
}

impl Listener {
    fn tell(&self, what: impl FnOnce(&mut Heard)) {
        what(&mut lock(&self.heard));
        self.wake.notify_one();
    }

    /// A room it was told of already needs no second waking.
    fn tell_room(&self, room: RoomId) {
        if lock(&self.heard).rooms.insert(room) {
            self.wake.notify_one();
        }
    }
}

impl Ear {
    /// Takes the place of the device's older socket, if this is a socket. To be called once it can
    /// be served: one that fails to open must not end the one that works.
    pub(crate) fn replace_older(&self) {
        let is_socket = |listener: &Listener| listener.kind == ReaderKind::Socket;
        if !is_socket(&self.listener) {
            return;
        }
        if let Some(readers) = lock(&self.bell.0.devices).get(&self.device_id) {
            readers
                .iter()
                .filter(|other| is_socket(other) && other.id < self.listener.id)
                .for_each(|older| older.tell(|heard| heard.replaced = true));
        }
    }

    /// Listens to a room as well; `newest` is the last entry the caller knows of.
    ///
    /// Rings before this call were not heard: whoever listens must look once afterwards.
    pub(crate) fn add_room(&mut self, room: RoomId, newest: u64) {
        if self.rooms.insert(room) {
            let mut rooms = lock(self.bell.shard(room));
            let audience = rooms.entry(room).or_insert_with(|| Audience {
                seen: newest,
                listeners: HashMap::new(),
            });
            audience
                .listeners
                .insert(self.listener.id, Arc::clone(&self.listener));
        }
    }

    /// No longer listens to a room.
    pub(crate) fn remove_room(&mut self, room: RoomId) {
        if self.rooms.remove(&room) {
            self.forget(room);
        }
    }

    /// What was rung for since the last call, without waiting.
    pub(crate) fn take(&self) -> Heard {
        std::mem::take(&mut *lock(&self.listener.heard))
    }

    /// Whether the device's own rooms or inbox changed since the last [`Self::take`].
    pub(crate) fn device_was_rung(&self) -> bool {
        lock(&self.listener.heard).device
    }

    /// Returns when there may be something to [`take`](Self::take).
    pub(crate) async fn rung(&self) {
        self.listener.wake.notified().await;
    }

    fn forget(&self, room: RoomId) {
        let mut rooms = lock(self.bell.shard(room));
        let Some(audience) = rooms.get_mut(&room) else {
            return;
        };
        audience.listeners.remove(&self.listener.id);
        if audience.listeners.is_empty() {
            rooms.remove(&room);
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        for room in &self.rooms {
            self.forget(*room);
        }
        let mut devices = lock(&self.bell.0.devices);
        if let Some(readers) = devices.get_mut(&self.device_id) {
            readers.retain(|listener| listener.id != self.listener.id);
            if readers.is_empty() {
                devices.remove(&self.device_id);
            }
        }
        connected().set(gauge(devices.len()));
    }
}

fn connected() -> metrics::Gauge {
    metrics::gauge!("grove_connected_devices")
}

fn gauge(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    const ROOM: RoomId = RoomId(1);

    #[tokio::test]
    async fn a_ring_wakes_who_listens_and_rings_merge() {
        let bell = Bell::default();
        let mut ear = bell.listen(5, ReaderKind::Socket);
        ear.add_room(ROOM, 0);
        {
            let rung = ear.rung();
            tokio::pin!(rung);
            assert!(poll!(rung.as_mut()).is_pending());
            bell.ring(RoomId(2), 1);
            assert!(
                poll!(rung.as_mut()).is_pending(),
                "not a room of this listener"
            );
            bell.ring(ROOM, 1);
            bell.ring(ROOM, 2);
            assert!(poll!(rung.as_mut()).is_ready());
        }
        assert_eq!(
            ear.take(),
            Heard {
                rooms: HashSet::from([ROOM]),
                ..Heard::default()
            }
        );
        assert_eq!(ear.take(), Heard::default());
    }

    #[tokio::test]
    async fn a_ring_before_the_wait_is_not_lost() {
        let bell = Bell::default();
        let mut ear = bell.listen(5, ReaderKind::Socket);
        ear.add_room(ROOM, 0);
        bell.ring(ROOM, 1);
        assert!(poll!(std::pin::pin!(ear.rung())).is_ready());
    }

    #[test]
    fn a_second_socket_replaces_the_first_once_it_works_and_polls_replace_nothing() {
        let bell = Bell::default();
        let (poll, first) = (
            bell.listen(5, ReaderKind::Poll),
            bell.listen(5, ReaderKind::Socket),
        );
        let (other, second) = (
            bell.listen(6, ReaderKind::Socket),
            bell.listen(5, ReaderKind::Socket),
        );
        let later = bell.listen(5, ReaderKind::Poll);
        assert!(!first.take().replaced, "the second may still fail");
        for ear in [&second, &first, &other, &later] {
            ear.replace_older();
        }
        assert!(first.take().replaced);
        for untouched in [&poll, &other, &second] {
            assert_eq!(untouched.take(), Heard::default());
        }
    }

    #[test]
    fn a_device_is_rung_by_its_own_id() {
        let bell = Bell::default();
        let (mine, other) = (
            bell.listen(5, ReaderKind::Socket),
            bell.listen(6, ReaderKind::Socket),
        );
        bell.ring_device(5);
        assert!(mine.device_was_rung() && !other.device_was_rung());
        assert!(mine.take().device);
        assert!(!mine.device_was_rung());
    }

    #[test]
    fn a_missed_ring_is_made_up_for() {
        let bell = Bell::default();
        let mut ear = bell.listen(5, ReaderKind::Socket);
        ear.add_room(ROOM, 3);
        bell.ring_if_missed(ROOM, 3);
        assert_eq!(ear.take(), Heard::default(), "nothing was missed");
        bell.ring_if_missed(ROOM, 4);
        assert!(ear.take().rooms.contains(&ROOM));
        bell.ring_if_missed(ROOM, 4);
        assert_eq!(ear.take(), Heard::default(), "made up for once");
    }

    #[test]
    fn nothing_is_left_when_everybody_is_gone() {
        let bell = Bell::default();
        let mut ears = [
            bell.listen(5, ReaderKind::Socket),
            bell.listen(6, ReaderKind::Socket),
        ];
        for ear in &mut ears {
            ear.add_room(ROOM, 0);
            ear.add_room(RoomId(2), 0);
        }
        assert_eq!((bell.rooms().len(), lock(&bell.0.devices).len()), (2, 2));
        for ear in &mut ears {
            ear.remove_room(ROOM);
        }
        assert_eq!(bell.rooms(), [RoomId(2)]);
        drop(ears);
        assert_eq!((bell.rooms().len(), lock(&bell.0.devices).len()), (0, 0));
    }
}
