//! Who must hear, and from where they are served.
//!
//! A durable entry goes into the [`tail`] and the [`bell`] rings; each reader ([`reader::Reader`])
//! then reads on from its own position, out of the tail if it is up to date, else out of the log.
//! It must not know sockets or what an entry means. Nothing here is needed for correctness after a
//! restart: positions are durable, rings are not.

mod acks;
mod bell;
mod entry;
mod frames;
mod reader;
mod session;
mod tail;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grove_wire::api::events::ClientFrame;
use tokio::sync::mpsc;
use tracing::warn;

use self::acks::Acks;
use self::bell::Bell;
use self::session::Session;
use self::tail::Tail;
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, Db, RoomId};
use crate::tasks::{Interval, Tasks};

pub(crate) use self::acks::Mine;
pub(crate) use self::bell::ReaderKind;
pub(crate) use self::entry::Entry;
pub(crate) use self::reader::{Reader, poll, read_log};

/// Rings merged into one round.
const MAX_RINGS: usize = 1024;
/// How often cursors are written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often somebody looks whether a ring was lost.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Everything readers share. Cloning is cheap; all clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Delivery(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    acks: Acks,
    bell: Bell,
    /// Rooms to be rung, with their newest entry.
    rings: mpsc::UnboundedSender<(RoomId, u64)>,
    tail: Tail,
}

impl Delivery {
    /// Starts the tasks behind delivery: ringing, writing cursors, and looking for lost rings.
    pub(crate) fn new(db: &Db, clock: &Clock, tasks: &Tasks, config: &Config) -> Self {
        let tail_bytes = usize::try_from(config.limits.log_cache.bytes()).unwrap_or(usize::MAX);
        let (rings, rung) = mpsc::unbounded_channel();
        let delivery = Self(Arc::new(Shared {
            acks: Acks::default(),
            bell: Bell::default(),
            rings,
            tail: Tail::new(tail_bytes),
        }));
        let (ringing, writing, looking) = (delivery.clone(), delivery.clone(), delivery.clone());
        tasks.spawn("bell", ringing.ring(rung, tasks.clone()));
        let flush = tasks.interval(clock, FLUSH_EVERY);
        tasks.spawn("acks", writing.write_acks(db.clone(), flush));
        let look = tasks.interval(clock, LOOK_EVERY);
        tasks.spawn("look", looking.look(db.clone(), look));
        delivery
    }

    /// Makes durable entries known: they go into the tail, in the order given, and their rooms are
    /// rung. Ringing is left to a task of its own, so that a room with ten thousand readers does
    /// not hold up the log.
    pub(crate) fn publish<'a>(&self, entries: impl IntoIterator<Item = (RoomId, &'a Arc<Entry>)>) {
        for (room, entry) in entries {
            self.0.tail.push(room, Arc::clone(entry));
            // The task is gone only when the server stops.
            let _stopping = self.0.rings.send((room, entry.mark.seq)).is_err();
        }
    }

    /// Tells the readers of these devices that their rooms or inboxes changed. To be called before
    /// the entry that did it is published, so that no reader reads beyond its removal.
    pub(crate) fn ring_devices(&self, devices: &[i64]) {
        for device_id in devices {
            self.0.bell.ring_device(*device_id);
        }
    }

    /// Forgets entries of a room up to one, after their bytes are gone from the log. Readers who
    /// want them are told there.
    pub(crate) fn forget(&self, room: RoomId, upto: u64) {
        self.0.tail.forget(room, upto);
    }

    /// Whether a device holds an event socket at this moment.
    pub(crate) fn has_socket(&self, device_id: i64) -> bool {
        self.0.bell.has_socket(device_id)
    }

    /// How many devices hold an event socket at this moment.
    pub(crate) fn sockets(&self) -> usize {
        self.0.bell.sockets()
    }

    /// What a device acknowledged and is not written yet; to be asked for before the database is.
    pub(crate) fn acked(&self, device_id: i64) -> Mine {
        self.0.acks.of(device_id)
    }

    async fn ring(self, mut rung: mpsc::UnboundedReceiver<(RoomId, u64)>, tasks: Tasks) {
        let mut waiting = Vec::with_capacity(MAX_RINGS);
        loop {
            tokio::select! {
                _taken = rung.recv_many(&mut waiting, MAX_RINGS) => {}
                () = tasks.stopping().cancelled() => return,
            }
            // What is later in the log is later here; one ring tells of all before it.
            let rooms: HashMap<RoomId, u64> = waiting.drain(..).collect();
            for (room, seq) in rooms {
                self.0.bell.ring(room, seq);
            }
        }
    }

    async fn write_acks(self, db: Db, mut interval: Interval) {
        loop {
            let goes_on = interval.tick().await;
            if let Err(error) = self.0.acks.flush(&db).await {
                warn!(%error, "cursors were not written; they wait");
            }
            if !goes_on {
                return;
            }
        }
    }

    async fn look(self, db: Db, mut interval: Interval) {
        while interval.tick().await {
            if let Err(error) = self.look_once(&db).await {
                warn!(%error, "rooms were not looked at; they wait");
            }
        }
    }

    async fn look_once(&self, db: &Db) -> Result<(), db::Error> {
        let rooms = self.0.bell.rooms();
        if rooms.is_empty() {
            return Ok(());
        }
        let mut connection = db.connect().await?;
        let tx = connection.begin().await?;
        let heads = tx.list_heads(&rooms).await?;
        tx.commit().await?;
        for (room, seq) in heads {
            self.0.bell.ring_if_missed(room, seq);
        }
        Ok(())
    }
}

/// Takes an acknowledgement of a device that has no session here: it may acknowledge all that
/// exists.
#[tracing::instrument(name = "delivery.acknowledge", skip_all)]
pub(crate) async fn acknowledge(
    app: &App,
    device_id: i64,
    frame: &ClientFrame,
) -> Result<(), db::Error> {
    let shared = &app.delivery.0;
    let mine = shared.acks.of(device_id);
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let mut cursors = tx.list_cursors(device_id).await?;
    let newest_inbox_id = tx.find_newest_inbox_id(device_id).await?;
    tx.commit().await?;
    mine.overlay(&mut cursors);
    let mut session = Session::all_sent(cursors, mine.inbox(), newest_inbox_id);
    shared.acks.take(device_id, session.on_client(frame));
    Ok(())
}

/// Nothing behind these locks can be left half-changed by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
