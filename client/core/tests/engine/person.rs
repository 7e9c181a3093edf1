//! A person with a device: a client on an own database, and a line to the hub that can be cut.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use grove_core::store::Account;
use grove_core::{
    Client, Draft, Environment, Event, Message, Method, Numbered, Query, Registration, Request,
    Response, Sent, Store, StoreError, Transport, TransportError, Tx,
};
use grove_sqlite::{Key, SqliteStore};
use grove_wire::problem::ProblemType;
use grove_wire::uri::RoomUri;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::hub::{Hub, Problem};
use crate::rooms::user;

pub(crate) type Engine = Client<Disk, Line, Machine>;

/// Runs a future that never waits for anything outside.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("something waits for the network"),
    }
}

type Deed = Box<dyn FnOnce() + Send>;

/// A real database that can be told to fail.
pub(crate) struct Disk {
    store: SqliteStore,
    fate: Arc<Mutex<Fate>>,
}

/// What happens to a database.
#[derive(Default)]
struct Fate {
    /// So many transactions succeed; then none does any more. None: all do.
    lasts: Option<usize>,
    /// What another process does when so many transactions are over.
    deed: Option<(usize, Deed)>,
}

impl Fate {
    /// One more transaction. Gives whether it fails, and what comes before it.
    fn count(&mut self) -> (bool, Option<Deed>) {
        let fails = self.lasts == Some(0);
        self.lasts = self.lasts.map(|left| left.saturating_sub(1));
        match self.deed.take() {
            Some((0, deed)) => (fails, Some(deed)),
            later => {
                self.deed = later.map(|(left, deed)| (left - 1, deed));
                (fails, None)
            }
        }
    }
}

impl Store for Disk {
    fn transaction<R, E: From<StoreError>>(
        &mut self,
        run: impl FnOnce(&mut dyn Tx) -> Result<R, E>,
    ) -> Result<R, E> {
        let (fails, deed) = self.fate.lock().unwrap().count();
        if let Some(deed) = deed {
            deed();
        }
        self.store.transaction(|tx| {
            let result = run(tx)?;
            if fails {
                Err(StoreError::Full.into())
            } else {
                Ok(result)
            }
        })
    }

    fn generation(&self) -> Result<u64, StoreError> {
        self.store.generation()
    }
}

/// What happens on the line.
#[derive(Default)]
pub(crate) struct Trouble {
    /// Nothing gets through.
    pub(crate) cut: bool,
    /// So many requests are answered; then one is acted on without an answer, and the line is cut.
    pub(crate) lasts: Option<usize>,
    /// Requests to a path with this in it are refused.
    pub(crate) refuses: Option<&'static str>,
    /// The next request to a path with this in it is acted on, but its answer is lost.
    pub(crate) lose_answer_of: Option<&'static str>,
    /// What somebody on the way answers instead of the hub.
    pub(crate) intruder: Option<Intruder>,
    /// Done before the next request to a path with this in it.
    pub(crate) before: Option<(&'static str, Deed)>,
}

/// Somebody on the way who answers the requests to one endpoint, each in another way.
pub(crate) struct Intruder {
    /// None: all.
    pub(crate) method: Option<Method>,
    /// Paths with this in them.
    pub(crate) path: String,
    /// Whether the request comes to the hub all the same.
    pub(crate) passes_on: bool,
    pub(crate) answers: VecDeque<Result<Response, TransportError>>,
}

/// The line to the hub; clones are the same line.
#[derive(Clone)]
pub(crate) struct Line {
    hub: Hub,
    pub(crate) trouble: Arc<Mutex<Trouble>>,
}

impl Line {
    pub(crate) fn to(hub: &Hub) -> Self {
        Self {
            hub: hub.clone(),
            trouble: Arc::default(),
        }
    }

    /// The hub at its end.
    pub(crate) fn hub(&self) -> Hub {
        self.hub.clone()
    }
}

impl Line {
    fn intrude(&self, request: &Request) -> Option<Result<Response, TransportError>> {
        let (answer, passes_on) = {
            let mut trouble = self.trouble.lock().unwrap();
            let intruder = trouble.intruder.as_mut()?;
            let path = request.path.split('?').next().unwrap();
            let is_wanted = intruder
                .method
                .is_none_or(|method| method == request.method);
            if !is_wanted || !path.contains(&intruder.path) {
                return None;
            }
            (intruder.answers.pop_front()?, intruder.passes_on)
        };
        if passes_on {
            drop(self.hub.answer(request));
        }
        Some(answer)
    }
}

impl Transport for Line {
    async fn call(&self, request: Request) -> Result<Response, TransportError> {
        let deed = {
            let mut trouble = self.trouble.lock().unwrap();
            match trouble.before.take() {
                Some((path, deed)) if request.path.contains(path) => Some(deed),
                other => {
                    trouble.before = other;
                    None
                }
            }
        };
        if let Some(deed) = deed {
            deed();
        }
        if self.trouble.lock().unwrap().cut {
            return Err(TransportError::Unreachable("cut".to_owned()));
        }
        if let Some(answer) = self.intrude(&request) {
            return answer;
        }
        let refuses = self.trouble.lock().unwrap().refuses;
        if refuses.is_some_and(|path| request.path.contains(path)) {
            return Ok(Problem::new(ProblemType::NotAllowed, "not you").response());
        }
        let response = self.hub.answer(&request);
        let mut trouble = self.trouble.lock().unwrap();
        if trouble.lasts == Some(0) {
            trouble.cut = true;
            return Err(TransportError::Timeout);
        }
        trouble.lasts = trouble.lasts.map(|left| left - 1);
        if trouble
            .lose_answer_of
            .is_some_and(|path| request.path.contains(path))
        {
            trouble.lose_answer_of = None;
            return Err(TransportError::Timeout);
        }
        Ok(response)
    }
}

/// The hub's clock, or one that is off, and numbers that are different for each machine and each
/// time, and the same in each run: how long somebody waits for a turn must not depend on luck.
#[derive(Clone)]
pub(crate) struct Machine {
    hub: Hub,
    number: u64,
    drawn: Arc<Mutex<u64>>,
    /// How far its clock is ahead of the hub's, in milliseconds.
    off: Arc<Mutex<i64>>,
}

impl Machine {
    /// The next one at this hub.
    pub(crate) fn new(hub: &Hub) -> Self {
        let mut state = hub.state();
        state.machines += 1;
        Self {
            hub: hub.clone(),
            number: state.machines,
            drawn: Arc::default(),
            off: Arc::default(),
        }
    }
}

impl Machine {
    /// Sets its clock so many milliseconds ahead of the hub's; behind, if that is negative.
    pub(crate) fn sets_clock(&self, off: i64) {
        *self.off.lock().unwrap() = off;
    }
}

impl Environment for Machine {
    fn now(&self) -> u64 {
        let off = *self.off.lock().unwrap();
        self.hub.state().now.checked_add_signed(off).unwrap()
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut drawn = self.drawn.lock().unwrap();
        for chunk in bytes.chunks_mut(32) {
            *drawn += 1;
            let block = Sha256::new()
                .chain_update(self.number.to_be_bytes())
                .chain_update(drawn.to_be_bytes())
                .finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.hub.state().now += u64::try_from(duration.as_millis()).unwrap();
    }
}

pub(crate) struct Person {
    pub(crate) client: Engine,
    pub(crate) line: Line,
    /// The recovery words; empty on later devices.
    pub(crate) words: String,
    machine: Machine,
    fate: Arc<Mutex<Fate>>,
    path: PathBuf,
    directory: Arc<tempfile::TempDir>,
}

pub(crate) fn store(path: &std::path::Path) -> Disk {
    let store = SqliteStore::open(path, &Key::Raw(Zeroizing::new([1; 32]))).unwrap();
    Disk {
        store,
        fate: Arc::default(),
    }
}

impl Person {
    pub(crate) fn register(hub: &Hub, name: &str) -> Self {
        Self::register_by(hub, name, 0)
    }

    /// Registers with a clock that is so many milliseconds ahead of the hub's.
    pub(crate) fn register_by(hub: &Hub, name: &str, off: i64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grove.db");
        let line = Line::to(hub);
        let registration = Registration {
            user: user(name),
            invite: None,
        };
        let machine = Machine::new(hub);
        machine.sets_clock(off);
        let disk = store(&path);
        let fate = Arc::clone(&disk.fate);
        let (client, words) = now(Client::register(
            disk,
            line.clone(),
            machine.clone(),
            registration,
        ))
        .unwrap();
        assert_eq!(words.as_str().split(' ').count(), 24);
        Self {
            client,
            line,
            words: words.as_str().to_owned(),
            machine,
            fate,
            path,
            directory: Arc::new(directory),
        }
    }

    /// A device whose account is in place already.
    pub(crate) fn with_account(hub: &Hub, account: &Account) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let put =
            store(&directory.path().join("grove.db")).transaction(|tx| tx.put_account(account));
        put.unwrap();
        Self::in_directory(hub, directory)
    }

    /// The profile as it is on the disk now, in another place, with a line of its own.
    pub(crate) fn copy(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["grove.db", "grove.db-wal"] {
            let file = self.path.with_file_name(name);
            if file.exists() {
                std::fs::copy(file, directory.path().join(name)).unwrap();
            }
        }
        Self::in_directory(&self.line.hub, directory)
    }

    fn in_directory(hub: &Hub, directory: tempfile::TempDir) -> Self {
        let path = directory.path().join("grove.db");
        let line = Line::to(hub);
        let machine = Machine::new(hub);
        let disk = store(&path);
        let fate = Arc::clone(&disk.fate);
        let client = Client::open(disk, line.clone(), machine.clone()).unwrap();
        Self {
            client,
            line,
            words: String::new(),
            machine,
            fate,
            path,
            directory: Arc::new(directory),
        }
    }

    /// A second process on the same profile.
    pub(crate) fn second_process(&self) -> Self {
        let client =
            Client::open(store(&self.path), self.line.clone(), self.machine.clone()).unwrap();
        Self {
            client,
            line: self.line.clone(),
            words: self.words.clone(),
            machine: self.machine.clone(),
            fate: Arc::default(),
            path: self.path.clone(),
            directory: Arc::clone(&self.directory),
        }
    }

    /// The process is killed and started again.
    pub(crate) fn restart(&mut self) {
        let disk = store(&self.path);
        self.fate = Arc::clone(&disk.fate);
        self.client = Client::open(disk, self.line.clone(), self.machine.clone()).unwrap();
    }

    /// The process is killed at its transaction of this number, counted from now.
    pub(crate) fn dies_at_transaction(&self, number: usize) {
        self.fate.lock().unwrap().lasts = Some(number);
    }

    /// Another process does something right before the transaction of this number, counted from
    /// now.
    pub(crate) fn before_transaction(&self, number: usize, deed: impl FnOnce() + Send + 'static) {
        self.fate.lock().unwrap().deed = Some((number, Box::new(deed)));
    }

    /// Whether it has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.fate.lock().unwrap().lasts == Some(0)
    }

    /// The answer to the request of this number, counted from now, is lost, and the line with it.
    pub(crate) fn line_breaks_at(&self, number: usize) {
        self.line.trouble.lock().unwrap().lasts = Some(number);
    }

    /// Whether it has broken; it is whole again afterwards.
    pub(crate) fn line_broke(&self) -> bool {
        let mut trouble = self.line.trouble.lock().unwrap();
        trouble.lasts = None;
        std::mem::take(&mut trouble.cut)
    }

    pub(crate) fn makes_room(&mut self, name: &str, others: &[&mut Person]) -> RoomUri {
        let room = now(self.client.create_room(name, Some("a topic"))).unwrap();
        let users: Vec<_> = others
            .iter()
            .map(|other| other.client.whoami().user)
            .collect();
        now(self.client.invite(&room, &users)).unwrap();
        now(self.client.settle()).unwrap();
        room
    }

    pub(crate) fn says(&mut self, room: &RoomUri, text: &str) -> Sent {
        now(self.client.send(room, Draft::Text(text.to_owned()))).unwrap()
    }

    pub(crate) fn syncs(&mut self) -> Vec<Event> {
        let synced = now(self.client.sync(Duration::ZERO)).unwrap();
        synced
            .events
            .into_iter()
            .map(|Numbered { event, .. }| event)
            .collect()
    }

    /// The texts a person reads in a room.
    pub(crate) fn reads(&mut self, room: &RoomUri) -> Vec<String> {
        self.history(room)
            .into_iter()
            .map(|message| message.text)
            .collect()
    }

    pub(crate) fn history(&mut self, room: &RoomUri) -> Vec<Message> {
        self.client
            .history(
                room,
                Query {
                    limit: 1000,
                    before: None,
                },
            )
            .unwrap()
    }

    /// Acts on what is stored, past the client.
    pub(crate) fn on_disk<R>(&self, act: impl FnOnce(&mut dyn Tx) -> R) -> R {
        let acted = store(&self.path).transaction(|tx| Ok::<_, StoreError>(act(tx)));
        acted.unwrap()
    }

    /// Sets the person's clock so many milliseconds ahead of the hub's; behind, if that is
    /// negative.
    pub(crate) fn sets_clock(&self, off: i64) {
        self.machine.sets_clock(off);
    }

    pub(crate) fn machine(&self) -> Machine {
        self.machine.clone()
    }

    pub(crate) fn cuts_line(&self) {
        self.line.trouble.lock().unwrap().cut = true;
    }

    pub(crate) fn mends_line(&self) {
        self.line.trouble.lock().unwrap().cut = false;
    }

    pub(crate) fn loses_answer_of(&self, path: &'static str) {
        self.line.trouble.lock().unwrap().lose_answer_of = Some(path);
    }

    pub(crate) fn before(&self, path: &'static str, deed: impl FnOnce() + Send + 'static) {
        self.line.trouble.lock().unwrap().before = Some((path, Box::new(deed)));
    }
}

/// A hub whose clock stands at the real time, since KeyPackages are judged by it.
#[expect(
    clippy::disallowed_methods,
    reason = "OpenMLS judges lifetimes by the machine's clock"
)]
pub(crate) fn hub() -> Hub {
    let elapsed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Hub::new(u64::try_from(elapsed.as_millis()).unwrap())
}
