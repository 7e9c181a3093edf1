//! Judging a batch: who is accepted, as which entry. Pure: the database was asked before, and is
//! told afterwards.

use std::collections::{HashMap, hash_map};
use std::sync::Arc;

use bytes::Bytes;
use grove_mls::identity::Head;
use grove_wire::mimi::notify::FanoutMessage;

use super::{Accepted, AppendError, Submission, next_time};
use crate::clock::Timestamp;
use crate::db::{FoundRow, Mark, ReaderState, RoomId};
use crate::delivery::Entry;

/// What becomes of a batch.
#[derive(Debug)]
pub(super) struct Plan {
    /// One per submission, in order.
    pub(super) verdicts: Vec<Verdict>,
    /// What is to be inserted, with the index of its submission; ascending within each room.
    pub(super) entries: Vec<(RoomId, usize, Arc<Entry>)>,
}

#[derive(Debug)]
pub(super) enum Verdict {
    /// What was found may be out of date: to be judged again in the next batch.
    Again,
    Settled(Result<Accepted, AppendError>),
}

/// Judges a batch by what was found for it, in the order in which it came.
pub(super) fn plan(batch: &[Submission], found: Vec<FoundRow>, now: Timestamp) -> Plan {
    let mut rows: Vec<Option<FoundRow>> = batch.iter().map(|_submission| None).collect();
    for row in found {
        if let Some(slot) = rows.get_mut(row.place) {
            *slot = Some(row);
        }
    }
    let mut desk = Desk {
        ends: HashMap::new(),
        fresh: HashMap::new(),
        entries: Vec::new(),
        now,
    };
    let judged = batch.iter().zip(rows).enumerate();
    let verdicts = judged
        .map(|(place, (submission, row))| desk.judge(place, submission, row))
        .collect();
    Plan {
        verdicts,
        entries: desk.entries,
    }
}

struct Desk<'a> {
    /// Where each room's log ends by now.
    ends: HashMap<RoomId, Mark>,
    /// What this batch has accepted.
    fresh: HashMap<(RoomId, &'a [u8; 32]), Arc<Entry>>,
    entries: Vec<(RoomId, usize, Arc<Entry>)>,
    now: Timestamp,
}

impl<'a> Desk<'a> {
    fn judge(
        &mut self,
        place: usize,
        submission: &'a Submission,
        row: Option<FoundRow>,
    ) -> Verdict {
        let Some(row) = row else {
            return Verdict::Settled(Err(AppendError::NotFound));
        };
        if row.seen_seq != row.seq {
            return Verdict::Again;
        }
        Verdict::Settled(self.accept(place, submission, &row))
    }

    /// The order matters: strangers learn nothing; then a repeat is a repeat, whatever happened
    /// since.
    fn accept(
        &mut self,
        place: usize,
        submission: &'a Submission,
        row: &FoundRow,
    ) -> Result<Accepted, AppendError> {
        let reader = row.reader.ok_or(AppendError::NotFound)?;
        if let Some(mark) = row.repeat {
            return Ok(Accepted { mark, entry: None });
        }
        match reader {
            ReaderState::Former => return Err(AppendError::NotFound),
            ReaderState::Leaving => return Err(AppendError::NotAllowed),
            ReaderState::Member if !row.may_send => return Err(AppendError::NotAllowed),
            ReaderState::Member => {}
        }
        if submission.epoch != row.epoch {
            return Err(AppendError::EpochTooOld { current: row.epoch });
        }
        let room = submission.room.id;
        let entry = match self.fresh.entry((room, &submission.hash)) {
            hash_map::Entry::Occupied(repeat) => Arc::clone(repeat.get()),
            hash_map::Entry::Vacant(fresh) => {
                let end = self.ends.entry(room).or_insert_with(|| end_of(row));
                let entry = Arc::new(follow(end, submission, self.now));
                *end = entry.mark;
                self.entries.push((room, place, Arc::clone(&entry)));
                Arc::clone(fresh.insert(entry))
            }
        };
        Ok(Accepted {
            mark: entry.mark,
            entry: Some(entry),
        })
    }
}

fn end_of(row: &FoundRow) -> Mark {
    Mark {
        seq: row.seq,
        epoch: row.epoch,
        time: row.last_time,
        head: row.head,
    }
}

/// The entry after `end`.
fn follow(end: &Mark, submission: &Submission, now: Timestamp) -> Entry {
    let seq = end.seq + 1;
    let time = next_time(end.time, now);
    let bytes = Bytes::from(FanoutMessage::write_application(
        time,
        &submission.message,
        None,
    ));
    let head = *Head::from_bytes(end.head).next(seq, &bytes).as_bytes();
    Entry::new(
        Mark {
            seq,
            epoch: end.epoch,
            time,
            head,
        },
        bytes,
    )
}

#[cfg(test)]
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
mod tests {
    use grove_wire::mls::MlsMessage;
    use grove_wire::uri::{Provider, RoomUri, UserUri};
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::rooms::Room;

    const NOW: Timestamp = Timestamp::from_ms(1_000);

    fn room(id: i64) -> Arc<Room> {
        let hub = Provider::parse("a.example").expect("a domain");
        let uri = RoomUri::new(&hub, &[u8::try_from(id).expect("small"); 32]);
        Arc::new(Room {
            id: RoomId(id),
            uri,
        })
    }

    /// A `PrivateMessage` with application content and `byte` as its ciphertext.
    fn message(byte: u8) -> MlsMessage {
        let mut bytes = vec![0, 1, 0, 2, 1, 7];
        bytes.extend_from_slice(&5_u64.to_be_bytes());
        bytes.extend_from_slice(&[1, 0, 1, byte, 1, byte]);
        MlsMessage::from_bytes(bytes).expect("a message")
    }

    fn submission(room_id: i64, byte: u8) -> Submission {
        let message = message(byte);
        Submission {
            room: room(room_id),
            device_id: 1,
            user: UserUri::parse("alice@a.example").expect("an address"),
            epoch: 5,
            hash: Sha256::digest(message.as_bytes()).into(),
            message,
        }
    }

    fn row(place: usize) -> FoundRow {
        FoundRow {
            place,
            epoch: 5,
            seq: 10,
            head: [3; 32],
            last_time: 900,
            seen_seq: 10,
            reader: Some(ReaderState::Member),
            may_send: true,
            repeat: None,
        }
    }

    fn settled(verdict: &Verdict) -> Result<Mark, AppendError> {
        match verdict {
            Verdict::Again => panic!("expected a verdict"),
            Verdict::Settled(verdict) => verdict.clone().map(|accepted| accepted.mark),
        }
    }

    fn accepted(verdict: &Verdict) -> Mark {
        settled(verdict).expect("accepted")
    }

    /// The verdict over one message for which `row` was found.
    fn verdict(row: FoundRow) -> Verdict {
        plan(&[submission(1, 1)], vec![row], NOW).verdicts.remove(0)
    }

    #[test]
    fn entries_follow_one_another_without_gaps_in_each_room() {
        let batch = [
            submission(1, 1),
            submission(2, 1),
            submission(1, 2),
            submission(1, 3),
        ];
        let other = FoundRow {
            seq: 0,
            seen_seq: 0,
            last_time: 5_000,
            ..row(1)
        };
        let plan = plan(&batch, vec![row(2), row(0), other, row(3)], NOW);
        let marks: Vec<Mark> = plan.verdicts.iter().map(accepted).collect();
        assert_eq!(
            marks.iter().map(|mark| mark.seq).collect::<Vec<_>>(),
            [11, 1, 12, 13]
        );
        assert_eq!(
            marks.iter().map(|mark| mark.time).collect::<Vec<_>>(),
            [1_000, 5_001, 1_001, 1_002],
            "strictly increasing, also where the clock stands behind the log"
        );
        assert!(marks.iter().all(|mark| mark.epoch == 5));
        assert_eq!(
            plan.entries
                .iter()
                .map(|(_, place, _)| *place)
                .collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn heads_chain_over_the_exact_bytes_of_the_entries() {
        let batch = [submission(1, 1), submission(1, 2)];
        let plan = plan(&batch, vec![row(0), row(1)], NOW);
        let mut head = Head::from_bytes([3; 32]);
        for (_, place, entry) in &plan.entries {
            head = head.next(entry.mark.seq, &entry.bytes);
            assert_eq!(entry.mark.head, *head.as_bytes());
            let [decoded] = &*FanoutMessage::decode_all(&entry.bytes).expect("an entry") else {
                panic!("one")
            };
            assert_eq!(
                (decoded.timestamp, &decoded.message),
                (entry.mark.time, &batch[*place].message)
            );
        }
    }

    #[test]
    fn a_repeat_within_the_batch_is_the_same_entry() {
        let batch = [submission(1, 1), submission(1, 1), submission(2, 1)];
        let plan = plan(&batch, vec![row(0), row(1), row(2)], NOW);
        assert_eq!(accepted(&plan.verdicts[0]), accepted(&plan.verdicts[1]));
        assert_eq!(plan.entries.len(), 2, "another room is no repeat");
    }

    #[test]
    fn a_repeat_of_an_earlier_entry_is_found_before_the_epoch_is_looked_at() {
        let mark = Mark {
            seq: 4,
            epoch: 3,
            time: 7,
            head: [9; 32],
        };
        let repeat = FoundRow {
            repeat: Some(mark),
            epoch: 8,
            ..row(0)
        };
        for reader in [
            ReaderState::Member,
            ReaderState::Leaving,
            ReaderState::Former,
        ] {
            assert_eq!(
                settled(&verdict(FoundRow {
                    reader: Some(reader),
                    ..repeat.clone()
                })),
                Ok(mark)
            );
        }
        let stranger = FoundRow {
            reader: None,
            ..repeat
        };
        assert_eq!(settled(&verdict(stranger)), Err(AppendError::NotFound));
    }

    #[test]
    fn each_refusal_has_its_reason_and_strangers_learn_none() {
        let refused = |row| settled(&verdict(row)).expect_err("refused");
        assert_eq!(
            refused(FoundRow { epoch: 6, ..row(0) }),
            AppendError::EpochTooOld { current: 6 }
        );
        assert_eq!(
            refused(FoundRow { epoch: 4, ..row(0) }),
            AppendError::EpochTooOld { current: 4 }
        );
        assert_eq!(
            refused(FoundRow {
                may_send: false,
                ..row(0)
            }),
            AppendError::NotAllowed
        );
        let reader = |reader| FoundRow {
            reader,
            epoch: 6,
            may_send: false,
            ..row(0)
        };
        assert_eq!(
            refused(reader(Some(ReaderState::Leaving))),
            AppendError::NotAllowed
        );
        assert_eq!(
            refused(reader(Some(ReaderState::Former))),
            AppendError::NotFound
        );
        assert_eq!(refused(reader(None)), AppendError::NotFound);
        let unknown = plan(&[submission(1, 1)], vec![], NOW);
        assert_eq!(settled(&unknown.verdicts[0]), Err(AppendError::NotFound));
        assert!(unknown.entries.is_empty());
    }

    #[test]
    fn what_was_read_before_somebody_else_wrote_is_judged_again() {
        let plan = plan(
            &[submission(1, 1), submission(2, 1)],
            vec![
                FoundRow {
                    seen_seq: 9,
                    epoch: 6,
                    ..row(0)
                },
                row(1),
            ],
            NOW,
        );
        assert!(matches!(plan.verdicts[0], Verdict::Again));
        assert_eq!(accepted(&plan.verdicts[1]).seq, 11);
        assert_eq!(plan.entries.len(), 1);
    }
}
