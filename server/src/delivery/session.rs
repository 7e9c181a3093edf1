//! One reader's state: which rooms it reads, how far it was served, what comes next. No socket, no
//! SQL, no time.
//!
//! The driver (`reader.rs`) asks [`Session::next`] what to read, reads it, and reports what it
//! found. Buffered here are positions only, never messages: a reader too slow for its rooms just
//! has more to read when it asks again.

use std::collections::{HashMap, HashSet, VecDeque};

use grove_wire::api::events::ClientFrame;
use grove_wire::uri::RoomUri;

use crate::db::{CursorRow, RoomId};

/// Rooms read at once when many are behind.
const ROOMS_PER_READ: usize = 16;

/// The state.
#[derive(Debug, Default)]
pub(crate) struct Session {
    rooms: HashMap<RoomId, Reading>,
    by_uri: HashMap<RoomUri, RoomId>,
    /// Rooms to read, longest waiting first; each at most once ([`Reading::behind`]).
    behind: VecDeque<RoomId>,
    inbox: Inbox,
}

#[derive(Debug)]
struct Reading {
    uri: RoomUri,
    /// Last entry handed to the reader.
    sent: u64,
    /// Last entry the reader has for good.
    acked: u64,
    /// Last entry the device may read, once it is out of the room.
    until: Option<u64>,
    /// What comes next has outlived its time, and the reader was told.
    expired: bool,
    behind: bool,
}

#[derive(Debug, Default)]
struct Inbox {
    behind: bool,
    sent: u64,
    acked: u64,
}

/// What to read next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The inbox after this id. Always before rooms: a Welcome comes before what it lets one read.
    Inbox { after: u64 },
    /// These rooms after these positions.
    Rooms(Vec<Wanted>),
    /// Nothing until the next ring.
    Nothing,
}

/// A room to read on from a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) room: RoomId,
    pub(crate) after: u64,
    /// Nothing beyond this.
    pub(crate) until: Option<u64>,
}

/// Whether a read came to the end of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    End,
    Part,
}

/// How the set of rooms changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Rooms now read, with the newest entry known when they were looked up.
    pub(crate) opened: Vec<(RoomId, u64)>,
    /// Rooms no longer read.
    pub(crate) closed: Vec<RoomId>,
}

/// What a reader acknowledged, checked: new, and no more than it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Acked {
    pub(crate) positions: Vec<(RoomId, u64)>,
    pub(crate) inbox: Option<u64>,
}

impl Session {
    /// A session that has been sent nothing; `inbox_acked` is the last inbox entry the device has
    /// for good.
    pub(crate) fn new(inbox_acked: u64) -> Self {
        let inbox = Inbox {
            behind: true,
            sent: inbox_acked,
            acked: inbox_acked,
        };
        Self {
            inbox,
            ..Self::default()
        }
    }

    /// The state of a device that keeps no session here: it may have been sent all there is.
    pub(crate) fn all_sent(
        cursors: Vec<CursorRow>,
        inbox_acked: u64,
        newest_inbox_id: u64,
    ) -> Self {
        let mut session = Self::new(inbox_acked);
        session.inbox.sent = newest_inbox_id;
        let newest: Vec<(RoomId, u64)> = cursors
            .iter()
            .map(|cursor| (cursor.room, cursor.to_seq.unwrap_or(cursor.newest)))
            .collect();
        let _opened = session.refresh(cursors);
        for (room, seq) in newest {
            session.read(room, seq, Reached::End);
        }
        session
    }

    /// Takes in the device's cursors, all of them, as they are now.
    pub(crate) fn refresh(&mut self, cursors: Vec<CursorRow>) -> Changed {
        let mut changed = Changed::default();
        let named: HashSet<RoomId> = cursors.iter().map(|cursor| cursor.room).collect();
        for cursor in cursors {
            if let Some(reading) = self.rooms.get_mut(&cursor.room) {
                reading.follow(&cursor);
            } else {
                changed.opened.push((cursor.room, cursor.newest));
                self.by_uri.insert(cursor.uri.clone(), cursor.room);
                self.rooms.insert(cursor.room, Reading::from(&cursor));
            }
            if self
                .rooms
                .get(&cursor.room)
                .is_some_and(|reading| reading.misses(cursor.newest))
            {
                self.mark(cursor.room);
            }
        }
        let gone = self
            .rooms
            .keys()
            .filter(|room| !named.contains(room))
            .copied();
        changed.closed = gone.collect();
        changed.closed.iter().for_each(|room| self.drop_room(*room));
        changed
    }

    /// Marks a room as having something new, if it is one of this session's.
    pub(crate) fn mark(&mut self, room: RoomId) {
        if let Some(reading) = self.rooms.get_mut(&room)
            && !reading.behind
            && !reading.expired
            && !reading.is_finished()
        {
            reading.behind = true;
            self.behind.push_back(room);
        }
    }

    /// Marks the inbox as having something new.
    pub(crate) const fn mark_inbox(&mut self) {
        self.inbox.behind = true;
    }

    /// What to read next.
    pub(crate) fn next(&self) -> Next {
        if self.inbox.behind {
            return Next::Inbox {
                after: self.inbox.sent,
            };
        }
        let wanted = |room: &RoomId| {
            let Reading { sent, until, .. } = self.rooms.get(room)?;
            Some(Wanted {
                room: *room,
                after: *sent,
                until: *until,
            })
        };
        let rooms: Vec<Wanted> = self
            .behind
            .iter()
            .take(ROOMS_PER_READ)
            .filter_map(wanted)
            .collect();
        if rooms.is_empty() {
            Next::Nothing
        } else {
            Next::Rooms(rooms)
        }
    }

    /// Reports that `room` was read and handed on up to `sent`. A room read in part goes behind
    /// those that wait.
    pub(crate) fn read(&mut self, room: RoomId, sent: u64, reached: Reached) {
        self.behind.retain(|waiting| *waiting != room);
        let Some(reading) = self.rooms.get_mut(&room) else {
            return;
        };
        reading.sent = reading.sent.max(sent);
        reading.behind = false;
        if reached == Reached::Part {
            self.mark(room);
        }
    }

    /// Reports that the device is out of a room and may read no further than `until`.
    pub(crate) fn end_room(&mut self, room: RoomId, until: u64) {
        if let Some(reading) = self.rooms.get_mut(&room) {
            reading.until = Some(until);
        }
    }

    /// Reports that what comes next in a room is gone, up to `last`, and that the reader was told.
    /// The room is not read on until it acknowledges that, or until the device's cursor is opened
    /// anew.
    pub(crate) fn expire(&mut self, room: RoomId, last: u64) {
        self.behind.retain(|waiting| *waiting != room);
        if let Some(reading) = self.rooms.get_mut(&room) {
            reading.sent = reading.sent.max(last);
            reading.expired = true;
            reading.behind = false;
        }
    }

    /// Reports that the inbox was read and handed on up to `sent`.
    pub(crate) fn read_inbox(&mut self, sent: u64, reached: Reached) {
        self.inbox.sent = self.inbox.sent.max(sent);
        self.inbox.behind = reached == Reached::Part;
    }

    /// Takes what the device says. Rooms that are not read, and repeats, are ignored.
    pub(crate) fn on_client(&mut self, frame: &ClientFrame) -> Acked {
        let ClientFrame::Ack { positions, inbox } = frame;
        let mut acked = Acked::default();
        for (uri, seq) in positions {
            let Some(room) = self.by_uri.get(uri).copied() else {
                continue;
            };
            let Some(reading) = self.rooms.get_mut(&room) else {
                continue;
            };
            let seq = reading.sent.min(*seq);
            if seq > reading.acked {
                reading.acked = seq;
                acked.positions.push((room, seq));
            }
            if reading.expired && seq == reading.sent {
                reading.expired = false;
                self.mark(room);
            }
        }
        let inbox = inbox
            .map(|id| self.inbox.sent.min(id))
            .filter(|id| *id > self.inbox.acked);
        self.inbox.acked = inbox.unwrap_or(self.inbox.acked);
        acked.inbox = inbox;
        acked
    }

    /// The URI of a room that is read.
    pub(crate) fn uri(&self, room: RoomId) -> Option<&RoomUri> {
        Some(&self.rooms.get(&room)?.uri)
    }

    fn drop_room(&mut self, room: RoomId) {
        self.behind.retain(|waiting| *waiting != room);
        if let Some(reading) = self.rooms.remove(&room) {
            self.by_uri.remove(&reading.uri);
        }
    }
}

impl Reading {
    /// A device that was added again starts anew; its earlier part of the log is over.
    fn follow(&mut self, cursor: &CursorRow) {
        self.until = cursor.to_seq;
        // Only a new cursor stands beyond what was sent.
        self.expired &= cursor.position <= self.sent;
        self.sent = self.sent.max(cursor.position);
        self.acked = self.acked.max(cursor.position);
    }

    fn misses(&self, newest: u64) -> bool {
        self.sent < self.until.unwrap_or(newest).min(newest)
    }

    /// Everything the device may ever read was sent.
    fn is_finished(&self) -> bool {
        self.until.is_some_and(|until| self.sent >= until)
    }
}

impl From<&CursorRow> for Reading {
    fn from(cursor: &CursorRow) -> Self {
        let CursorRow {
            uri,
            position,
            to_seq,
            ..
        } = cursor;
        Self {
            uri: uri.clone(),
            sent: *position,
            acked: *position,
            until: *to_seq,
            expired: false,
            behind: false,
        }
    }
}

#[cfg(test)]
mod tests;
