//! The newest entries of every room, in memory: what online readers are served from.
//!
//! A bounded window over all logs, the oldest entry of any room leaving first. It must not know
//! readers or SQL. What it holds of a room has no gaps; a writer that comes out of turn makes it
//! forget the room's older entries rather than show a hole, and a reader it cannot serve goes to
//! the log.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::{Entry, lock};
use crate::db::RoomId;

/// Locks are per shard, so that workers rarely meet.
const SHARDS: usize = 16;
/// What an entry costs beside its bytes.
const OVERHEAD_BYTES: usize = 192;

/// The window.
#[derive(Debug)]
pub(crate) struct Tail {
    shards: [Mutex<Shard>; SHARDS],
    /// Bound of one shard.
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Shard {
    rooms: HashMap<RoomId, Recent>,
    /// Every entry held, oldest first, with those a gap made the room forget.
    order: VecDeque<(RoomId, u64)>,
    bytes: usize,
}

/// What is held of one room: consecutive entries, never none.
#[derive(Debug, Default)]
struct Recent {
    entries: VecDeque<Arc<Entry>>,
    frame: Option<Frame>,
}

/// The frame made last for a room: most readers of a room are at the same place.
#[derive(Clone, Debug)]
struct Frame {
    first: u64,
    last: u64,
    bytes: Bytes,
}

/// What the window knows about the entries after a position.
#[derive(Debug)]
pub(crate) enum Recall {
    /// These come next, at least one.
    Entries(Vec<Arc<Entry>>),
    /// There is nothing newer.
    UpToDate,
    /// Not held any more, or never: the log knows.
    Unknown,
}

impl Tail {
    /// A window of at most about `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            max_bytes: max_bytes / SHARDS,
        }
    }

    /// Takes in a durable entry.
    pub(crate) fn push(&self, room: RoomId, entry: Arc<Entry>) {
        let mut shard = lock(self.shard(room));
        shard.push(room, entry);
        shard.shrink(self.max_bytes);
    }

    /// Forgets a room's entries up to one: they have outlived their time.
    pub(crate) fn forget(&self, room: RoomId, upto: u64) {
        lock(self.shard(room)).forget(room, upto);
    }

    /// What comes after `after`, up to about `max_bytes` but at least one entry.
    pub(crate) fn read(&self, room: RoomId, after: u64, max_bytes: usize) -> Recall {
        let shard = lock(self.shard(room));
        let Some(held) = shard.rooms.get(&room) else {
            return Recall::Unknown;
        };
        held.after(after, max_bytes)
    }

    /// The newest entry of a room, if it is held.
    pub(crate) fn newest(&self, room: RoomId) -> Option<u64> {
        lock(self.shard(room)).rooms.get(&room)?.newest()
    }

    /// The frame somebody already made of exactly these entries.
    pub(crate) fn frame(&self, room: RoomId, first: u64, last: u64) -> Option<Bytes> {
        let shard = lock(self.shard(room));
        let frame = shard.rooms.get(&room)?.frame.as_ref()?;
        (frame.first == first && frame.last == last).then(|| frame.bytes.clone())
    }

    /// Keeps a frame for the next reader, if it ends with the newest entry: others are asked for
    /// once.
    pub(crate) fn keep_frame(&self, room: RoomId, first: u64, last: u64, bytes: &Bytes) {
        let mut shard = lock(self.shard(room));
        let Some(held) = shard.rooms.get_mut(&room) else {
            return;
        };
        if held.newest() != Some(last) {
            return;
        }
        let before = held.frame_bytes();
        held.frame = Some(Frame {
            first,
            last,
            bytes: bytes.clone(),
        });
        shard.bytes = (shard.bytes + bytes.len()).saturating_sub(before);
        shard.shrink(self.max_bytes);
    }

    fn shard(&self, room: RoomId) -> &Mutex<Shard> {
        let [first, rest @ ..] = &self.shards;
        let index = usize::try_from(room.0.unsigned_abs()).unwrap_or_default() % SHARDS;
        index
            .checked_sub(1)
            .and_then(|index| rest.get(index))
            .unwrap_or(first)
    }
}

impl Shard {
    fn push(&mut self, room: RoomId, entry: Arc<Entry>) {
        let held = self.rooms.entry(room).or_default();
        match held.newest() {
            Some(newest) if entry.mark.seq <= newest => return,
            Some(newest) if entry.mark.seq > newest + 1 => {
                self.bytes -= held
                    .entries
                    .drain(..)
                    .map(|entry| cost(&entry))
                    .sum::<usize>();
            }
            _ => {}
        }
        self.bytes += cost(&entry);
        self.order.push_back((room, entry.mark.seq));
        held.entries.push_back(entry);
    }

    /// Their places in the order stay, as those of entries forgotten over a gap do.
    fn forget(&mut self, room: RoomId, upto: u64) {
        let Some(held) = self.rooms.get_mut(&room) else {
            return;
        };
        while let Some(oldest) = held.entries.front()
            && oldest.mark.seq <= upto
        {
            self.bytes -= held.entries.pop_front().map_or(0, |entry| cost(&entry));
        }
        if held.frame.as_ref().is_some_and(|frame| frame.first <= upto) {
            self.bytes -= held.frame_bytes();
            held.frame = None;
        }
        if held.entries.is_empty() {
            self.rooms.remove(&room);
        }
    }

    /// Every entry held costs more than the overhead, so a longer queue is one of forgotten
    /// entries.
    fn shrink(&mut self, max_bytes: usize) {
        while self.bytes > max_bytes || self.order.len() > max_bytes / OVERHEAD_BYTES {
            let Some((room, seq)) = self.order.pop_front() else {
                return;
            };
            let Some(held) = self.rooms.get_mut(&room) else {
                continue;
            };
            if held
                .entries
                .front()
                .is_none_or(|oldest| oldest.mark.seq != seq)
            {
                continue;
            }
            self.bytes -= held.entries.pop_front().map_or(0, |entry| cost(&entry));
            if held.entries.is_empty() {
                self.bytes -= held.frame_bytes();
                self.rooms.remove(&room);
            }
        }
    }
}

impl Recent {
    fn newest(&self) -> Option<u64> {
        self.entries.back().map(|entry| entry.mark.seq)
    }

    fn frame_bytes(&self) -> usize {
        self.frame.as_ref().map_or(0, |frame| frame.bytes.len())
    }

    fn after(&self, after: u64, max_bytes: usize) -> Recall {
        let (Some(oldest), Some(newest)) = (self.entries.front(), self.newest()) else {
            return Recall::Unknown;
        };
        if after >= newest {
            return Recall::UpToDate;
        }
        let Some(skipped) = (after + 1).checked_sub(oldest.mark.seq) else {
            return Recall::Unknown;
        };
        let mut bytes = 0_usize;
        let fits = |entry: &&Arc<Entry>| {
            let first = bytes == 0;
            bytes = bytes.saturating_add(entry.bytes.len());
            first || bytes <= max_bytes
        };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        Recall::Entries(
            self.entries
                .iter()
                .skip(skipped)
                .take_while(fits)
                .map(Arc::clone)
                .collect(),
        )
    }
}

fn cost(entry: &Entry) -> usize {
    entry.bytes.len() + OVERHEAD_BYTES
}

#[cfg(test)]
#[expect(clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use crate::db::Mark;

    const ROOM: RoomId = RoomId(7);

    fn entry(seq: u64, size: usize) -> Arc<Entry> {
        let mark = Mark {
            seq,
            epoch: 0,
            time: seq,
            head: [0; 32],
        };
        Arc::new(Entry::new(mark, Bytes::from(vec![0; size])))
    }

    fn read(tail: &Tail, room: RoomId, after: u64, max_bytes: usize) -> Vec<u64> {
        match tail.read(room, after, max_bytes) {
            Recall::Entries(entries) => entries.iter().map(|entry| entry.mark.seq).collect(),
            other => panic!("expected entries, found {other:?}"),
        }
    }

    #[test]
    fn a_reader_gets_what_follows_its_position() {
        let tail = Tail::new(1 << 20);
        (5..=9).for_each(|seq| tail.push(ROOM, entry(seq, 100)));
        assert_eq!(read(&tail, ROOM, 4, 10_000), [5, 6, 7, 8, 9]);
        assert_eq!(read(&tail, ROOM, 7, 10_000), [8, 9]);
        assert_eq!(read(&tail, ROOM, 4, 250), [5, 6]);
        assert_eq!(
            read(&tail, ROOM, 4, 1),
            [5],
            "a frame holds at least one entry"
        );
        assert!(matches!(tail.read(ROOM, 9, 10_000), Recall::UpToDate));
        assert!(
            matches!(tail.read(ROOM, 3, 10_000), Recall::Unknown),
            "4 was never held"
        );
        assert!(matches!(tail.read(RoomId(8), 9, 10_000), Recall::Unknown));
    }

    #[test]
    fn an_entry_out_of_turn_never_shows_as_a_hole() {
        let tail = Tail::new(1 << 20);
        tail.push(ROOM, entry(1, 10));
        tail.push(ROOM, entry(3, 10));
        assert!(
            matches!(tail.read(ROOM, 1, 1_000), Recall::Unknown),
            "2 is missing"
        );
        assert_eq!(read(&tail, ROOM, 2, 1_000), [3]);
        tail.push(ROOM, entry(2, 10));
        assert_eq!(tail.newest(ROOM), Some(3));
        tail.push(ROOM, entry(4, 10));
        assert_eq!(read(&tail, ROOM, 2, 1_000), [3, 4]);
    }

    #[test]
    fn the_oldest_entry_of_any_room_leaves_first() {
        let one = OVERHEAD_BYTES + 800;
        let tail = Tail::new(SHARDS * one * 3);
        let other = RoomId(ROOM.0 + i64::try_from(SHARDS).unwrap_or_default());
        tail.push(other, entry(1, 800));
        tail.push(ROOM, entry(1, 800));
        tail.push(ROOM, entry(2, 800));
        assert_eq!(tail.newest(other), Some(1));
        tail.push(ROOM, entry(3, 800));
        assert_eq!(
            tail.newest(other),
            None,
            "the room of the oldest entry is forgotten"
        );
        assert_eq!(read(&tail, ROOM, 0, 10_000), [1, 2, 3]);
        tail.push(ROOM, entry(4, 800));
        assert!(matches!(tail.read(ROOM, 0, 10_000), Recall::Unknown));
        assert_eq!(lock(tail.shard(ROOM)).bytes, one * 3);
    }

    #[test]
    fn forgetting_over_a_gap_keeps_the_count_right() {
        let tail = Tail::new(SHARDS * 10_000);
        for seq in 1..=200 {
            tail.push(ROOM, entry(seq * 2, 1_000));
        }
        let shard = lock(tail.shard(ROOM));
        assert_eq!(
            shard.bytes,
            1_000 + OVERHEAD_BYTES,
            "each gap leaves one entry"
        );
        assert!(
            shard.order.len() <= 10_000 / OVERHEAD_BYTES,
            "{} places are kept for one entry",
            shard.order.len()
        );
    }

    #[test]
    fn what_has_outlived_its_time_is_not_served_from_memory() {
        let tail = Tail::new(1 << 20);
        (1..=4).for_each(|seq| tail.push(ROOM, entry(seq, 100)));
        tail.keep_frame(ROOM, 2, 4, &Bytes::from_static(b"frame"));
        tail.forget(ROOM, 2);
        assert!(matches!(tail.read(ROOM, 1, 1_000), Recall::Unknown));
        assert_eq!(tail.frame(ROOM, 2, 4), None);
        assert_eq!(read(&tail, ROOM, 2, 1_000), [3, 4]);
        tail.forget(ROOM, 4);
        assert!(matches!(tail.read(ROOM, 4, 1_000), Recall::Unknown));
        assert_eq!(lock(tail.shard(ROOM)).bytes, 0);
        tail.push(ROOM, entry(5, 100));
        assert_eq!(read(&tail, ROOM, 4, 1_000), [5]);
    }

    #[test]
    fn a_frame_serves_whoever_stands_at_the_same_place() {
        let tail = Tail::new(1 << 20);
        tail.push(ROOM, entry(1, 10));
        tail.keep_frame(ROOM, 1, 1, &Bytes::from_static(b"frame"));
        assert_eq!(tail.frame(ROOM, 1, 1).as_deref(), Some(b"frame".as_slice()));
        assert_eq!(tail.frame(ROOM, 1, 2), None);
        tail.push(ROOM, entry(2, 10));
        tail.keep_frame(ROOM, 1, 1, &Bytes::from_static(b"other"));
        assert_eq!(
            tail.frame(ROOM, 1, 1).as_deref(),
            Some(b"frame".as_slice()),
            "not the newest"
        );
        tail.keep_frame(RoomId(9), 1, 1, &Bytes::from_static(b"frame"));
        assert_eq!(
            tail.frame(RoomId(9), 1, 1),
            None,
            "no frame without entries"
        );
        tail.keep_frame(ROOM, 1, 2, &Bytes::from(vec![0; 1 << 20]));
        assert_eq!(
            tail.frame(ROOM, 1, 2),
            None,
            "frames count towards the bound"
        );
        assert_eq!(lock(tail.shard(ROOM)).bytes, 0);
    }
}
