//! Acknowledgements on their way to the database.
//!
//! Cursors move in memory at once and are written once a second, for all devices in one statement.
//! A position that is lost in a crash costs a reader a few entries it has seen before. Until a
//! position is written, whoever starts to read gets it from here ([`Mine::overlay`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::lock;
use super::session::Acked;
use crate::db::{self, CursorRow, Db, RoomId};

/// What waits to be written, by device. Cleared only after it was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acks(Arc<Mutex<HashMap<i64, Mine>>>);

/// What one device acknowledged and is not written yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mine {
    positions: HashMap<RoomId, u64>,
    inbox: Option<u64>,
}

impl Acks {
    /// Takes in what a session found acknowledged.
    pub(crate) fn take(&self, device_id: i64, acked: Acked) {
        if acked == Acked::default() {
            return;
        }
        let mut waiting = lock(&self.0);
        let mine = waiting.entry(device_id).or_default();
        for (room, seq) in acked.positions {
            let position = mine.positions.entry(room).or_default();
            *position = seq.max(*position);
        }
        mine.inbox = mine.inbox.max(acked.inbox);
    }

    /// What waits of one device. To be asked for before the database is: what is written in between
    /// is then merely known twice.
    pub(crate) fn of(&self, device_id: i64) -> Mine {
        lock(&self.0).get(&device_id).cloned().unwrap_or_default()
    }

    /// Writes what waits.
    pub(crate) async fn flush(&self, db: &Db) -> Result<(), db::Error> {
        let waiting = lock(&self.0).clone();
        if waiting.is_empty() {
            return Ok(());
        }
        let positions = waiting.iter().flat_map(|(device_id, mine)| {
            mine.positions
                .iter()
                .map(|(room, seq)| (*room, *device_id, *seq))
        });
        let positions: Vec<(RoomId, i64, u64)> = positions.collect();
        let inboxes = waiting
            .iter()
            .filter_map(|(device_id, mine)| Some((*device_id, mine.inbox?)));
        let inboxes: Vec<(i64, u64)> = inboxes.collect();
        let mut connection = db.connect().await?;
        let tx = connection.begin().await?;
        tx.advance_cursors(&positions).await?;
        if !inboxes.is_empty() {
            let spent = tx.remove_inbox(&inboxes).await?;
            tx.remove_spent_welcomes(&spent).await?;
        }
        tx.commit().await?;
        forget(&mut lock(&self.0), &waiting);
        Ok(())
    }
}

impl Mine {
    /// Brings cursors just read from the database up to date.
    pub(crate) fn overlay(&self, cursors: &mut Vec<CursorRow>) {
        for cursor in cursors.iter_mut() {
            let position = self
                .positions
                .get(&cursor.room)
                .copied()
                .unwrap_or_default();
            cursor.position = cursor.position.max(position);
        }
        cursors.retain(|cursor| cursor.to_seq.is_none_or(|to_seq| cursor.position < to_seq));
    }

    /// The position in one room, if it is not written yet.
    pub(crate) fn position(&self, room: RoomId) -> u64 {
        self.positions.get(&room).copied().unwrap_or_default()
    }

    /// The last inbox entry acknowledged, if it may still stand in the database; else 0.
    pub(crate) fn inbox(&self) -> u64 {
        self.inbox.unwrap_or_default()
    }
}

/// Forgets what was written, and keeps what moved on meanwhile.
fn forget(waiting: &mut HashMap<i64, Mine>, written: &HashMap<i64, Mine>) {
    waiting.retain(|device_id, mine| {
        let Some(written) = written.get(device_id) else {
            return true;
        };
        mine.positions
            .retain(|room, seq| written.positions.get(room) != Some(seq));
        mine.inbox = mine.inbox.filter(|id| written.inbox != Some(*id));
        *mine != Mine::default()
    });
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use grove_wire::uri::{Provider, RoomUri};

    use super::*;

    const ROOM: RoomId = RoomId(1);

    fn acked(seq: u64, inbox: Option<u64>) -> Acked {
        Acked {
            positions: vec![(ROOM, seq)],
            inbox,
        }
    }

    fn cursor(position: u64, to_seq: Option<u64>) -> CursorRow {
        let hub = Provider::parse("a.example").expect("a domain");
        CursorRow {
            room: ROOM,
            uri: RoomUri::new(&hub, &[1; 32]),
            position,
            to_seq,
            newest: 9,
        }
    }

    #[test]
    fn what_is_not_written_yet_counts_for_new_readers() {
        let acks = Acks::default();
        acks.take(5, acked(4, Some(7)));
        acks.take(5, acked(3, Some(6)));
        let mut cursors = vec![cursor(2, None)];
        acks.of(5).overlay(&mut cursors);
        assert_eq!(cursors, [cursor(4, None)]);
        assert_eq!((acks.of(5).inbox(), acks.of(5).position(ROOM)), (7, 4));

        let mut others = vec![cursor(2, None)];
        acks.of(6).overlay(&mut others);
        assert_eq!(
            (others, acks.of(6).inbox()),
            (vec![cursor(2, None)], 0),
            "another device"
        );
    }

    #[test]
    fn a_removed_device_that_has_all_reads_no_more() {
        let acks = Acks::default();
        acks.take(5, acked(4, None));
        let mut cursors = vec![cursor(2, Some(4))];
        acks.of(5).overlay(&mut cursors);
        assert_eq!(cursors, []);
    }

    #[test]
    fn only_what_was_written_is_forgotten() {
        let acks = Acks::default();
        acks.take(5, acked(4, Some(1)));
        acks.take(6, acked(1, None));
        let written = lock(&acks.0).clone();
        acks.take(5, acked(6, None));
        acks.take(7, acked(1, None));
        forget(&mut lock(&acks.0), &written);
        let moved_on = Mine {
            positions: HashMap::from([(ROOM, 6)]),
            inbox: None,
        };
        assert_eq!(acks.of(5), moved_on);
        assert_eq!(acks.of(6), Mine::default(), "all of it was written");
        assert_eq!(acks.of(7).position(ROOM), 1, "it came later");
        assert_eq!(lock(&acks.0).len(), 2, "nothing is kept for nobody");
    }
}
