//! Writers that never give up, and an auditor who holds the server to what it told them.
//!
//! A writer says one thing after the other: it hands the same bytes in until there is a verdict,
//! and writes down every acknowledgement it gets. Afterwards the auditor compares these notes with
//! the log as a reader gets it. The surprise: what the writers send is sealed by nobody. The hub
//! cannot tell, and the auditor needs the bytes only.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use grove_mls::identity::{Head, PublicKey, SignedReceipt};
use grove_wire::api::Base64Url;
use grove_wire::codec;
use grove_wire::uri::{RoomUri, UserUri};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::about;
use crate::entries::{body_around, entries_of, private_message};
use crate::wait::{eventually, soon};
use crate::{Answer, Api, Hand};

/// Bytes of one message that are its writer's own.
const OWN_BYTES: u32 = 96;

/// An acknowledgement, as its writer noted it.
#[derive(Clone, Debug)]
pub struct Note {
    /// Which writer.
    pub writer: usize,
    /// Its how manieth message.
    pub counter: u64,
    /// SHA-256 of the MLSMessage.
    pub hash: [u8; 32],
    /// Where the server said it stands.
    pub seq: u64,
    /// The head of the hash chain there, as the server signed it.
    pub head: Head,
}

/// What the server did to somebody it had answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The log does not continue itself: an entry is missing, or the chain is another than the one
    /// receipts were given for.
    Broken {
        /// Where.
        seq: u64,
    },
    /// A message stands in the log more than once.
    Doubled {
        /// Where it stands the second time.
        seq: u64,
    },
    /// An acknowledged message is not in the log.
    Lost {
        /// Where it was said to be.
        seq: u64,
    },
    /// An acknowledged message stands elsewhere.
    Moved {
        /// Where it was said to be.
        seq: u64,
    },
    /// A writer's messages stand in another order than they were acknowledged in.
    Reordered {
        /// The one that stands too early.
        seq: u64,
    },
}

/// So many messages writers are ahead of what was waited for: at work when a kill comes, and never
/// so far that somebody who reads along cannot come to the end.
const LEAD: u64 = 200;

/// Writers at work in a room.
pub struct Writers {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    /// How many messages may be written.
    most: watch::Sender<u64>,
    tasks: Vec<JoinHandle<Vec<Note>>>,
}

impl Writers {
    /// Sets one writer to work for each of these members. Each message is handed in so many times,
    /// as after lost answers.
    pub async fn start(members: &[Hand], room: &RoomUri, times: u32) -> Self {
        let server_key = members.first().expect("a writer").api.server().await;
        let server_key =
            PublicKey::try_from(server_key.server_key.as_bytes()).expect("the server's key");
        let (stop, written) = (Arc::default(), Arc::default());
        let most = watch::Sender::new(LEAD);
        let tasks = members.iter().enumerate().map(|(number, member)| {
            let writer = Writer {
                number,
                api: member.api.clone().insisting(),
                user: member.user.clone(),
                room: room.clone(),
                epoch: member.group(room).epoch(),
                server_key,
                times,
            };
            tokio::spawn(writer.write(Arc::clone(&stop), Arc::clone(&written), most.subscribe()))
        });
        Self {
            tasks: tasks.collect(),
            stop,
            written,
            most,
        }
    }

    /// Waits until so many more messages were acknowledged.
    pub async fn progress(&self, more: u64) {
        let goal = self.written.load(Ordering::Relaxed) + more;
        self.most
            .send_modify(|most| *most = (*most).max(goal + LEAD));
        eventually("writers go on", async || {
            (self.written.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    }

    /// Lets everybody finish the message at hand; gives all notes.
    pub async fn finish(self) -> Vec<Note> {
        self.stop.store(true, Ordering::Relaxed);
        self.most.send_replace(u64::MAX);
        let mut notes = Vec::new();
        for task in self.tasks {
            notes.extend(soon("a writer ends", task).await.expect("a writer"));
        }
        notes
    }
}

struct Writer {
    number: usize,
    api: Api,
    user: UserUri,
    room: RoomUri,
    epoch: u64,
    server_key: PublicKey,
    times: u32,
}

impl Writer {
    async fn write(
        mut self,
        stop: Arc<AtomicBool>,
        written: Arc<AtomicU64>,
        mut most: watch::Receiver<u64>,
    ) -> Vec<Note> {
        let mut notes = Vec::new();
        for counter in 0.. {
            let may = most.wait_for(|most| written.load(Ordering::Relaxed) < *most);
            // Whoever set the writers to work is gone: so is what they were to show.
            if may.await.is_err() {
                break;
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
            notes.push(self.say(counter).await);
            written.fetch_add(1, Ordering::Relaxed);
        }
        notes
    }

    /// Says one thing until it is acknowledged; in a new epoch it is another message.
    async fn say(&mut self, counter: u64) -> Note {
        loop {
            let message = self.message(counter);
            let body = body_around(&message, &self.user);
            let path = about("submitMessage", &self.room);
            let mut answer = self.api.post(&path, body.clone()).await;
            for _again in 1..self.times {
                answer = self.api.post(&path, body.clone()).await;
            }
            match answer.status {
                200 => return self.note(counter, &message, &answer),
                409 => self.epoch = answer.problem().current_epoch.expect("the epoch"),
                _ => panic!("{}", answer.text()),
            }
        }
    }

    fn message(&self, counter: u64) -> Vec<u8> {
        let mut message = private_message(&self.room, self.epoch, 1, OWN_BYTES);
        let own = [
            u64::try_from(self.number).expect("a small number"),
            counter,
            self.epoch,
        ];
        let end = message.len();
        for (place, number) in own.into_iter().enumerate() {
            let at = end - 8 * (place + 1);
            message[at..at + 8].copy_from_slice(&number.to_be_bytes());
        }
        message
    }

    fn note(&self, counter: u64, message: &[u8], answer: &Answer) -> Note {
        let receipt = answer.header("Grove-Receipt").expect("a receipt");
        let receipt = Base64Url::decode(receipt).expect("base64url");
        let receipt = SignedReceipt::decode(receipt.as_bytes()).expect("a receipt");
        receipt.verify(&self.server_key).expect("a good receipt");
        let receipt = receipt.receipt();
        assert_eq!(
            (receipt.seq, &receipt.room),
            (answer.seq(), &self.room),
            "the receipt is of this message"
        );
        Note {
            writer: self.number,
            counter,
            hash: Sha256::digest(message).into(),
            seq: receipt.seq,
            head: Head::from_bytes(receipt.head),
        }
    }
}

/// One entry of a log, as a reader gets it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it stands.
    pub seq: u64,
    /// SHA-256 of its MLSMessage.
    pub message: [u8; 32],
    /// The hash chain up to it.
    pub head: Head,
}

/// The whole log of a room, from its first entry.
pub async fn read_log(reader: &Hand, room: &RoomUri) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut head = Head::start(room);
    loop {
        let after = found.last().map_or(0, |last| last.seq);
        let answer = reader.api.get(&crate::api::log_path(room, after)).await;
        let entries = entries_of(&answer.ok().body, room);
        if entries.is_empty() {
            return found;
        }
        for (seq, entry) in entries {
            let bytes = codec::encode(&entry).expect("an entry");
            head = head.next(seq, &bytes);
            found.push(Found {
                seq,
                message: Sha256::digest(entry.message.as_bytes()).into(),
                head,
            });
        }
    }
}

/// Everything that is wrong between what writers were told and what readers get.
pub fn audit(notes: &[Note], log: &[Found]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut places: HashMap<[u8; 32], u64> = HashMap::new();
    let mut heads = BTreeMap::new();
    for (expected, entry) in (1..).zip(log) {
        if entry.seq != expected {
            faults.push(Fault::Broken { seq: expected });
        }
        if places.insert(entry.message, entry.seq).is_some() {
            faults.push(Fault::Doubled { seq: entry.seq });
        }
        heads.insert(entry.seq, entry.head);
    }
    for note in notes {
        let seq = note.seq;
        match places.get(&note.hash) {
            None => faults.push(Fault::Lost { seq }),
            Some(place) if *place != seq => faults.push(Fault::Moved { seq }),
            Some(_) if heads.get(&seq) != Some(&note.head) => faults.push(Fault::Broken { seq }),
            Some(_) => {}
        }
    }
    let mut newest: HashMap<usize, u64> = HashMap::new();
    for note in notes {
        if newest
            .insert(note.writer, note.seq)
            .is_some_and(|before| before >= note.seq)
        {
            faults.push(Fault::Reordered { seq: note.seq });
        }
    }
    faults
}
