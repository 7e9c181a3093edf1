//! `grove listen`: what arrives, as it arrives.
//!
//! The surprise: nothing is printed from the network. What arrives goes into the store, and what is
//! printed is the store's journal: so another `grove` on this profile may receive a message, and it
//! is printed here all the same, once.

use std::collections::BTreeSet;
use std::time::Duration;

use grove_core::{Event, Numbered, Trouble};
use grove_wire::uri::RoomUri;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::failures::{failed, troubled};
use crate::args::Listen;
use crate::backoff::Backoff;
use crate::clock;
use crate::events::{EventStream, EventsError};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{EventLine, Output};
use crate::session::Session;

/// How many events are read from the journal at a time.
const BATCH: usize = 256;
/// How often the journal is looked at for what other processes received.
const LOOK: Duration = Duration::from_secs(1);
/// How often the engine is asked whether something is due, unless it says when.
const CARE: Duration = Duration::from_secs(30);
/// How long the server may keep a poll.
const POLL: Duration = Duration::from_secs(25);
/// After so many polls a WebSocket is tried again: five minutes when nothing happens.
const POLLS: usize = 12;

pub(crate) async fn listen(
    session: &mut Session,
    wish: Listen,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    if wish.once {
        session.catch_up_if_possible(output).await?;
        let room = find(session, wish.room.as_deref())?;
        return Journal::new(session, room)?.print(session, output);
    }
    let room = match wish.room.as_deref() {
        Some(named) => Some(session.find_room(named).await?),
        None => None,
    };
    let mut listener = Listener {
        journal: Journal::new(session, room)?,
        ending: Ending::new()?,
        backoff: Backoff::new(),
        told: false,
        troubles: Troubles::default(),
    };
    listener.journal.print(session, output)?;
    listener.run(session, wish.poll, output).await
}

fn find(session: &mut Session, named: Option<&str>) -> Result<Option<RoomUri>, Failure> {
    named
        .map(|named| session.client.find_room(named))
        .transpose()
        .map_err(Failure::from)
}

/// How one connection ended.
enum End {
    /// The person, or the system, ended the program.
    Asked,
    /// It broke, or could not be made.
    Broken(Failure),
    /// Polled for long enough: perhaps a WebSocket gets through by now.
    Polled,
    /// The server was asked for a WebSocket, and answered with this status.
    NoWebSocket(u16),
}

/// How events come in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By polling, as the person wants it.
    Poll,
    /// By polling, so many times, because no WebSocket gets through.
    PollFor(usize),
    /// Over a WebSocket.
    Stream,
}

struct Listener {
    journal: Journal,
    ending: Ending,
    backoff: Backoff,
    /// Whether the person knows that the connection is broken.
    told: bool,
    troubles: Troubles,
}

impl Listener {
    async fn run(
        &mut self,
        session: &mut Session,
        poll: bool,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let mut way = if poll { Way::Poll } else { Way::Stream };
        loop {
            let end = match way {
                Way::Poll => self.poll(session, usize::MAX, output).await?,
                Way::PollFor(times) => self.poll(session, times, output).await?,
                Way::Stream => self.stream(session, output).await?,
            };
            let failure = match end {
                End::Asked => return Ok(()),
                End::Broken(failure) => failure,
                End::NoWebSocket(status) => {
                    output.note_once(&format!(
                        "no WebSocket gets through to the server (status {status}); polling instead"
                    ));
                    way = Way::PollFor(POLLS);
                    continue;
                }
                End::Polled => {
                    way = Way::Stream;
                    continue;
                }
            };
            if is_final(failure.exit) {
                return Err(failure);
            }
            if !self.told {
                output.note(format_args!("{}; trying again", failure.message));
                self.told = true;
            }
            if self.pause(session, output).await? {
                return Ok(());
            }
        }
    }

    /// One WebSocket, from its beginning to its end.
    async fn stream(
        &mut self,
        session: &mut Session,
        output: &mut Output<'_>,
    ) -> Result<End, Failure> {
        let connected = tokio::select! {
            () = self.ending.wait() => return Ok(End::Asked),
            connected = connect(session, &mut self.troubles, output) => connected,
        };
        let mut events = match connected {
            Ok(Connected::Stream(events)) => events,
            Ok(Connected::NoWebSocket(status)) => {
                self.connected(session, output)?;
                return Ok(End::NoWebSocket(status));
            }
            Err(failure) => return Ok(End::Broken(failure)),
        };
        self.connected(session, output)?;
        let mut looks = Looks::new();
        loop {
            // Dropping a step loses nothing: what was not acknowledged comes again.
            let served = tokio::select! {
                () = self.ending.wait() => {
                    events.close().await;
                    return Ok(End::Asked);
                }
                served = step(session, &mut events, &mut looks, &mut self.troubles, output) => served,
            };
            self.journal.print(session, output)?;
            if let Err(failure) = served {
                return Ok(End::Broken(failure));
            }
        }
    }

    /// Long polls, so many at most, until one fails.
    async fn poll(
        &mut self,
        session: &mut Session,
        times: usize,
        output: &mut Output<'_>,
    ) -> Result<End, Failure> {
        for _ in 0..times {
            let polled = tokio::select! {
                () = self.ending.wait() => return Ok(End::Asked),
                polled = session.client.sync(POLL) => polled,
            };
            self.journal.print(session, output)?;
            match polled {
                Ok(synced) => {
                    self.troubles.tell(session, &synced.troubles, output)?;
                    self.connected(session, output)?;
                }
                Err(error) => return Ok(End::Broken(failed(error))),
            }
        }
        Ok(End::Polled)
    }

    fn connected(&mut self, session: &mut Session, output: &mut Output<'_>) -> Result<(), Failure> {
        self.backoff.reset();
        if self.told {
            output.note("connected again");
            self.told = false;
        }
        self.journal.print(session, output)
    }

    /// Waits before the next attempt; other processes may go on receiving meanwhile. Returns
    /// whether the end was asked for.
    async fn pause(
        &mut self,
        session: &mut Session,
        output: &mut Output<'_>,
    ) -> Result<bool, Failure> {
        let mut random = [0; 4];
        clock::fill_random(&mut random).map_err(|error| Failure::caused(Exit::Failure, &error))?;
        let pause = tokio::time::sleep(self.backoff.delay(u32::from_be_bytes(random)));
        tokio::pin!(pause);
        let mut looks = Looks::new();
        loop {
            tokio::select! {
                () = self.ending.wait() => return Ok(true),
                () = &mut pause => return Ok(false),
                _due = looks.next() => self.journal.print(session, output)?,
            }
        }
    }
}

/// Whether nothing can come of trying again: a person has to do something first.
const fn is_final(exit: Exit) -> bool {
    matches!(exit, Exit::Identity | Exit::Profile | Exit::Storage)
}

/// What came of connecting.
enum Connected {
    /// The server answers, but with this status instead of a WebSocket.
    NoWebSocket(u16),
    Stream(Box<EventStream>),
}

/// Catches up, then opens the event stream; a session that ended is renewed once.
async fn connect(
    session: &mut Session,
    troubles: &mut Troubles,
    output: &mut Output<'_>,
) -> Result<Connected, Failure> {
    let synced = session.client.sync(Duration::ZERO).await.map_err(failed)?;
    troubles.tell(session, &synced.troubles, output)?;
    let token = session.client.session_token().await.map_err(failed)?;
    let mut opened = EventStream::connect(&session.transport, &token).await;
    if matches!(opened, Err(EventsError::Refused(401))) {
        let token = session.client.renew_session().await.map_err(failed)?;
        opened = EventStream::connect(&session.transport, &token).await;
    }
    match opened {
        Ok(events) => Ok(Connected::Stream(Box::new(events))),
        Err(EventsError::Refused(status)) => Ok(Connected::NoWebSocket(status)),
        Err(error) => Err(error.into()),
    }
}

/// The next frame, or what is due: stored first, then acknowledged, then what it asks for is done.
async fn step(
    session: &mut Session,
    events: &mut EventStream,
    looks: &mut Looks,
    troubles: &mut Troubles,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let unsettled = tokio::select! {
        due = looks.next() => due,
        frame = events.next() => {
            let received = session.client.receive(&frame?).map_err(failed)?;
            if let Some(acknowledgement) = received.ack {
                events.acknowledge(acknowledgement).await?;
            }
            received.unsettled
        }
    };
    if !unsettled {
        return Ok(());
    }
    let settled = session.client.settle().await.map_err(failed)?;
    looks.care_in(settled.again_in.unwrap_or(CARE));
    troubles.tell(session, &settled.troubles, output)
}

/// The trouble that the person knows of. Trouble in one room must not keep the others from being
/// heard; it is told when it begins, and not again while it lasts.
#[derive(Default)]
struct Troubles(BTreeSet<String>);

impl Troubles {
    fn tell(
        &mut self,
        session: &mut Session,
        troubles: &[Trouble],
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let rooms = session.room_names()?;
        let now: BTreeSet<String> = troubles
            .iter()
            .map(|trouble| troubled(trouble, &rooms).message)
            .collect();
        for text in now.difference(&self.0) {
            output.note(text);
        }
        self.0 = now;
        Ok(())
    }
}

/// What of the journal was printed.
struct Journal {
    room: Option<RoomUri>,
    printed: u64,
}

impl Journal {
    fn new(session: &mut Session, room: Option<RoomUri>) -> Result<Self, Failure> {
        Ok(Self {
            room,
            printed: session.client.listened()?,
        })
    }

    /// Prints what is new, and remembers that it was printed.
    fn print(&mut self, session: &mut Session, output: &mut Output<'_>) -> Result<(), Failure> {
        loop {
            let events = session.client.events_after(self.printed, BATCH)?;
            let Some(last) = events.last().map(|event| event.number) else {
                return Ok(());
            };
            let names = session.room_names()?;
            for event in events.iter().filter(|event| self.is_wanted(event)) {
                output.print(&EventLine {
                    event,
                    names: &names,
                })?;
            }
            self.printed = last;
            session.client.mark_listened(last)?;
        }
    }

    fn is_wanted(&self, event: &Numbered) -> bool {
        let Some(wanted) = &self.room else {
            return true;
        };
        match &event.event {
            Event::Message { message }
            | Event::MessageFailed { message }
            | Event::MessageSent { message } => message.room == *wanted,
            Event::Healed { room, .. }
            | Event::Missing { room, .. }
            | Event::RoomChanged { room, .. }
            | Event::RoomJoined { room }
            | Event::RoomLeft { room, .. } => room == wanted,
            Event::IdentityRenewed { .. } | Event::ThisDeviceRevoked => true,
            Event::Warning { room, .. } => room.as_ref().is_none_or(|room| room == wanted),
        }
    }
}

/// A look at the journal every second, and at the engine's duties when they are due.
struct Looks {
    interval: Interval,
    until_care: Duration,
}

impl Looks {
    fn new() -> Self {
        let mut interval = interval(LOOK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            interval,
            until_care: CARE,
        }
    }

    /// The engine wants to be asked again after so long.
    fn care_in(&mut self, duration: Duration) {
        self.until_care = duration.min(CARE);
    }

    /// The next look; true when the engine should be asked as well.
    async fn next(&mut self) -> bool {
        self.interval.tick().await;
        self.until_care = self.until_care.saturating_sub(LOOK);
        let due = self.until_care.is_zero();
        if due {
            self.until_care = CARE;
        }
        due
    }
}

/// Ctrl-C or the system's wish to end, which are no failures.
pub(super) struct Ending {
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    pub(super) fn new() -> Result<Self, Failure> {
        let watch = |kind| signal(kind).map_err(|error| Failure::caused(Exit::Failure, &error));
        Ok(Self {
            interrupt: watch(SignalKind::interrupt())?,
            terminate: watch(SignalKind::terminate())?,
        })
    }

    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
