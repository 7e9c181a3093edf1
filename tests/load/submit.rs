//! Handing messages in when they are due, whether or not the server keeps up.
//!
//! Arrivals are open-loop: a slow answer never delays the next message's due time, only its
//! sending, and that wait counts. The surprise: a thread keeps time, because timers of the runtime
//! are a millisecond coarse.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::http::Connection;

/// A message ready to be handed in.
pub(crate) struct Sealed {
    /// Index of its room.
    pub(crate) room: usize,
    /// The whole HTTP request.
    pub(crate) request: Vec<u8>,
}

/// When it is to be.
pub(crate) struct Order {
    pub(crate) sealed: Sealed,
    /// Microseconds since the epoch.
    pub(crate) due: u64,
}

/// A message that was accepted. Times in microseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    pub(crate) room: usize,
    pub(crate) seq: u64,
    pub(crate) due: u64,
    pub(crate) answered: u64,
}

/// What became of the messages.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) accepted: Vec<Accepted>,
    /// Refused ones by HTTP status.
    pub(crate) refused: BTreeMap<u16, u64>,
    /// Those that were not sent, because the time was up before a connection was free.
    pub(crate) unsent: u64,
    /// Why one of those without an answer has none.
    pub(crate) complaint: Option<String>,
}

/// Everything about one run that its tasks share.
pub(crate) struct Submission {
    authority: String,
    epoch: Instant,
    /// From then on nothing more is sent; in microseconds since the epoch.
    cutoff: u64,
    accepted: AtomicU64,
    outcome: Mutex<Outcome>,
    queue: tokio::sync::Mutex<mpsc::UnboundedReceiver<Order>>,
}

impl Submission {
    /// Starts to hand messages in, over so many connections. Orders are in the order of their due
    /// times.
    pub(crate) async fn start(
        authority: &str,
        epoch: Instant,
        connections: usize,
        orders: Vec<Order>,
        cutoff: u64,
    ) -> (Arc<Self>, JoinSet<()>) {
        let (sender, queue) = mpsc::unbounded_channel();
        let submission = Arc::new(Self {
            authority: authority.to_owned(),
            epoch,
            cutoff,
            accepted: AtomicU64::new(0),
            outcome: Mutex::default(),
            queue: queue.into(),
        });
        let mut tasks = JoinSet::new();
        for _ in 0..connections.min(orders.len()) {
            let connection = Connection::open(authority)
                .await
                .expect("the server takes connections");
            tasks.spawn(Arc::clone(&submission).hand_in(connection));
        }
        thread::spawn(move || pace(epoch, orders, &sender));
        (submission, tasks)
    }

    /// How many were accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// What became of them. Those still under way, and those whose connection broke, are not in it.
    pub(crate) fn take_outcome(&self) -> Outcome {
        std::mem::take(&mut *self.outcome.lock().expect("no panic"))
    }

    async fn hand_in(self: Arc<Self>, mut connection: Connection) {
        loop {
            let order = self.queue.lock().await.recv().await;
            let Some(Order { sealed, due }) = order else {
                return;
            };
            if self.now() >= self.cutoff {
                self.outcome.lock().expect("no panic").unsent += 1;
                continue;
            }
            let answer = connection.call(&sealed.request).await;
            let answered = self.now();
            match answer {
                Ok(response) => {
                    self.note(sealed.room, due, answered, response.status, response.seq)
                }
                Err(error) => {
                    self.outcome.lock().expect("no panic").complaint = Some(error.to_string());
                    // Whoever cannot come back leaves the rest to the others.
                    let Ok(another) = Connection::open(&self.authority).await else {
                        return;
                    };
                    connection = another;
                }
            }
        }
    }

    fn note(&self, room: usize, due: u64, answered: u64, status: u16, seq: Option<u64>) {
        let mut outcome = self.outcome.lock().expect("no panic");
        if let (200, Some(seq)) = (status, seq) {
            outcome.accepted.push(Accepted {
                room,
                seq,
                due,
                answered,
            });
            self.accepted.fetch_add(1, Ordering::Relaxed);
        } else {
            *outcome.refused.entry(status).or_default() += 1;
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).expect("not so long")
    }
}

/// Hands out each order when it is due.
fn pace(epoch: Instant, orders: Vec<Order>, queue: &mpsc::UnboundedSender<Order>) {
    for order in orders {
        let due = epoch + Duration::from_micros(order.due);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if queue.send(order).is_err() {
            return;
        }
    }
}
