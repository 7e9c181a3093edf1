//! Appending application messages: one task, and one transaction for whatever waits (group commit).
//!
//! Nothing is delayed on purpose: when idle a message is a batch of one; under load the next batch
//! gathers while the database works on the last. A batch is two statements, whatever its size, its
//! rooms and their members: lock and look, then insert. What is accepted costs one row. This task
//! must not know MLS: what it appends was peeked at, not opened.

mod plan;

use std::sync::Arc;
use std::time::Duration;

use grove_wire::mls::MlsMessage;
use grove_wire::uri::UserUri;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::warn;

use self::plan::{Plan, Verdict, plan};
use super::Room;
use crate::clock::{Clock, Timestamp};
use crate::db::{self, Asking, Db, Mark, NewEntry};
use crate::delivery::{Delivery, Entry};
use crate::tasks::Tasks;

/// Messages in one batch: far more than gather while one is written, few enough that a batch stays
/// quick.
const MAX_BATCH: usize = 512;
/// Messages that may wait, and their bytes. Whoever comes later is told at once to come again: a
/// database that is away must not fill the memory.
const MAX_WAITING: usize = 4096;
const MAX_WAITING_BYTES: usize = 32 << 20;
/// How long the task stands back when the database fails, so that it does not spin.
const RETREAT: Duration = Duration::from_millis(100);

/// A message that asks to be appended.
#[derive(Clone, Debug)]
pub(super) struct Submission {
    pub(super) room: Arc<Room>,
    pub(super) device_id: i64,
    pub(super) user: UserUri,
    pub(super) epoch: u64,
    pub(super) message: MlsMessage,
    /// SHA-256 of the message.
    pub(super) hash: [u8; 32],
}

/// A message that is in the log.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) mark: Mark,
    /// The entry, unless this was a repeat of an earlier one.
    pub(crate) entry: Option<Arc<Entry>>,
}

/// Why a message is not in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AppendError {
    /// It was made in another epoch than the room is in.
    #[error("the room is in epoch {current}")]
    EpochTooOld { current: u64 },
    /// The participant's role may not send, or the device is leaving.
    #[error("this participant may not send")]
    NotAllowed,
    /// The device is not in the room.
    #[error("no such room, or not one of this device's")]
    NotFound,
    /// The database's disk is full.
    #[error("there is no space for the log to grow")]
    NoSpace,
    /// The database failed, too many wait for it, or the server is stopping. The same bytes may be
    /// handed in again.
    #[error("the log cannot be written at the moment")]
    Unavailable,
}

/// The way into the append task. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct Appender {
    queue: mpsc::Sender<Waiting>,
    /// One permit for each byte that may wait.
    space: Arc<Semaphore>,
}

#[derive(Debug)]
struct Waiting {
    submission: Submission,
    asker: Asker,
}

/// Whoever waits for a verdict.
#[derive(Debug)]
struct Asker {
    answer: oneshot::Sender<Result<Accepted, AppendError>>,
    /// Given back when nobody waits any more.
    _space: OwnedSemaphorePermit,
}

impl Asker {
    /// Whoever asked may be gone; what is in the log is there all the same.
    fn tell(self, verdict: Result<Accepted, AppendError>) {
        drop(self.answer.send(verdict));
    }
}

impl Appender {
    /// Starts the task. It ends when the server stops, after everything in the queue.
    pub(super) fn start(db: &Db, clock: &Clock, tasks: &Tasks, delivery: Delivery) -> Self {
        let (sender, queue) = mpsc::channel(MAX_WAITING);
        let writer = Writer {
            db: db.clone(),
            clock: clock.clone(),
            delivery,
        };
        tasks.spawn("append", writer.run(queue, tasks.clone()));
        Self {
            queue: sender,
            space: Arc::new(Semaphore::new(MAX_WAITING_BYTES)),
        }
    }

    /// Appends a message; returns once it is durable, or at once if too many wait.
    pub(super) async fn append(&self, submission: Submission) -> Result<Accepted, AppendError> {
        let bytes = u32::try_from(submission.message.as_bytes().len()).unwrap_or(u32::MAX);
        let space = Arc::clone(&self.space)
            .try_acquire_many_owned(bytes)
            .map_err(|_full| AppendError::Unavailable)?;
        let (answer, verdict) = oneshot::channel();
        let asker = Asker {
            answer,
            _space: space,
        };
        self.queue
            .try_send(Waiting { submission, asker })
            .map_err(|_full_or_stopped| AppendError::Unavailable)?;
        verdict.await.unwrap_or(Err(AppendError::Unavailable))
    }
}

struct Writer {
    db: Db,
    clock: Clock,
    delivery: Delivery,
}

impl Writer {
    async fn run(self, mut queue: mpsc::Receiver<Waiting>, tasks: Tasks) {
        let mut batch: Vec<Waiting> = Vec::with_capacity(MAX_BATCH);
        loop {
            if batch.is_empty() {
                tokio::select! {
                    taken = queue.recv_many(&mut batch, MAX_BATCH) => if taken == 0 { return },
                    () = tasks.stopping().cancelled(), if !queue.is_closed() => queue.close(),
                }
            } else {
                // Some are judged again: they do not wait for others, others may join them.
                while batch.len() < MAX_BATCH
                    && let Ok(waiting) = queue.try_recv()
                {
                    batch.push(waiting);
                }
            }
            batch = self.settle(batch).await;
        }
    }

    /// Writes a batch and answers. Returns those to be judged again.
    async fn settle(&self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let (submissions, askers): (Vec<Submission>, Vec<Asker>) = batch
            .into_iter()
            .map(|waiting| (waiting.submission, waiting.asker))
            .unzip();
        let plan = match self.write(&submissions).await {
            Ok(plan) => plan,
            Err(error) => {
                warn!(%error, messages = submissions.len(), "a batch of messages was not appended");
                let told = if error.is_full() {
                    AppendError::NoSpace
                } else {
                    AppendError::Unavailable
                };
                for asker in askers {
                    asker.tell(Err(told.clone()));
                }
                // The database goes by real time, whatever our clock does.
                tokio::time::sleep(RETREAT).await;
                return Vec::new();
            }
        };
        metrics::counter!("grove_accepted_total").increment(count(plan.entries.len()));
        let mut again = Vec::new();
        for ((submission, asker), verdict) in submissions.into_iter().zip(askers).zip(plan.verdicts)
        {
            match verdict {
                Verdict::Again => again.push(Waiting { submission, asker }),
                Verdict::Settled(verdict) => asker.tell(verdict),
            }
        }
        self.delivery.publish(
            plan.entries
                .iter()
                .map(|(room, _place, entry)| (*room, entry)),
        );
        again
    }

    async fn write(&self, batch: &[Submission]) -> Result<Plan, db::Error> {
        metrics::histogram!("grove_append_batch_size")
            .record(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
        let asking: Vec<Asking<'_>> = batch.iter().map(asking).collect();
        let mut connection = self.db.connect().await?;
        let tx = connection.begin().await?;
        let found = tx.lock_heads(&asking).await?;
        let plan = plan(batch, found, self.clock.now());
        if !plan.entries.is_empty() {
            let new: Vec<NewEntry<'_>> = plan
                .entries
                .iter()
                .filter_map(|(room, place, entry)| {
                    let message_hash = &batch.get(*place)?.hash;
                    Some(NewEntry {
                        room: *room,
                        mark: entry.mark,
                        message_hash,
                        entry: &entry.bytes,
                    })
                })
                .collect();
            tx.append_entries(&new).await?;
        }
        tx.commit().await?;
        Ok(plan)
    }
}

fn asking(submission: &Submission) -> Asking<'_> {
    let Submission {
        room,
        device_id,
        user,
        hash,
        ..
    } = submission;
    Asking {
        room: room.id,
        device_id: *device_id,
        user: user.as_str(),
        message_hash: hash,
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The time of the next entry: now, but always later than the last.
pub(super) fn next_time(last: u64, now: Timestamp) -> u64 {
    now.ms().max(last.saturating_add(1))
}
