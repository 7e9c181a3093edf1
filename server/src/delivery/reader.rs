//! A reader at work: asks its session what comes next, reads it, and hands out frames.
//!
//! Everything a device hears, over a socket or a poll, comes from [`Reader::next_frame`]. It must
//! not know which of the two it is, nor HTTP. The rule a newcomer would break: what was read from
//! the tail is handed out only if the device's own rooms did not change meanwhile, because a reader
//! that was just removed must not read on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use grove_wire::api::events::{ClientFrame, ServerFrame};

use super::bell::Ear;
use super::frames::{FRAME_BYTES, expired, frame, in_frames, inbox_entry};
use super::session::{Next, Reached, Session, Wanted};
use super::tail::Recall;
use super::{Entry, ReaderKind};
use crate::app::App;
use crate::db::{self, RoomId};
use crate::rooms::Room;

/// About as much is read at once.
const PAGE_BYTES: usize = 256 << 10;
/// Entries of one room, or of the inbox, read at once.
const PAGE_ENTRIES: usize = 256;
/// About as large is the answer to a poll.
const POLL_BYTES: usize = 1 << 20;

/// A reader of all that one device may read.
#[derive(Debug)]
pub(crate) struct Reader {
    device_id: i64,
    ear: Ear,
    session: Session,
    /// Frames read and not yet handed out; about [`PAGE_BYTES`].
    ready: VecDeque<Bytes>,
    replaced: bool,
}

impl Reader {
    /// Starts to read where the device's cursors stand.
    pub(crate) async fn open(
        app: &App,
        device_id: i64,
        kind: ReaderKind,
    ) -> Result<Self, db::Error> {
        let ear = app.delivery.0.bell.listen(device_id, kind);
        let session = Session::new(app.delivery.0.acks.of(device_id).inbox());
        let mut reader = Self {
            device_id,
            ear,
            session,
            ready: VecDeque::new(),
            replaced: false,
        };
        reader.refresh(app).await?;
        reader.ear.replace_older();
        Ok(reader)
    }

    /// The next frame, or none if the device has been handed all there is.
    pub(crate) async fn next_frame(&mut self, app: &App) -> Result<Option<Bytes>, db::Error> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            self.hear(app).await?;
            match self.session.next() {
                Next::Inbox { after } => self.read_inbox(app, after).await?,
                Next::Nothing => return Ok(None),
                Next::Rooms(wanted) => self.read_rooms(app, &wanted).await?,
            }
        }
    }

    /// Returns when there may be a next frame.
    pub(crate) async fn rung(&self) {
        self.ear.rung().await;
    }

    /// True once the device has opened another socket.
    pub(crate) const fn is_replaced(&self) -> bool {
        self.replaced
    }

    /// Takes what the device says.
    pub(crate) fn on_client(&mut self, app: &App, frame: &ClientFrame) {
        let acked = self.session.on_client(frame);
        app.delivery.0.acks.take(self.device_id, acked);
    }

    async fn hear(&mut self, app: &App) -> Result<(), db::Error> {
        let heard = self.ear.take();
        self.replaced |= heard.replaced;
        heard
            .rooms
            .into_iter()
            .for_each(|room| self.session.mark(room));
        if heard.device {
            self.session.mark_inbox();
            self.refresh(app).await?;
        }
        Ok(())
    }

    /// Looks up the device's cursors. A room is listened to before it is looked at, so that no
    /// entry falls between.
    async fn refresh(&mut self, app: &App) -> Result<(), db::Error> {
        let shared = &app.delivery.0;
        let mine = shared.acks.of(self.device_id);
        let mut connection = app.db.connect().await?;
        let tx = connection.begin().await?;
        let mut cursors = tx.list_cursors(self.device_id).await?;
        tx.commit().await?;
        mine.overlay(&mut cursors);
        let changed = self.session.refresh(cursors);
        changed
            .closed
            .into_iter()
            .for_each(|room| self.ear.remove_room(room));
        for (room, newest) in changed.opened {
            self.ear.add_room(room, newest);
            if shared.tail.newest(room).is_some_and(|seq| seq > newest) {
                self.session.mark(room);
            }
        }
        Ok(())
    }

    async fn read_inbox(&mut self, app: &App, after: u64) -> Result<(), db::Error> {
        let mut connection = app.db.connect().await?;
        let tx = connection.begin().await?;
        let rows = tx
            .list_inbox(self.device_id, after, PAGE_ENTRIES, PAGE_BYTES)
            .await?;
        tx.commit().await?;
        let Some(last) = rows.last().map(|row| row.id) else {
            self.session.read_inbox(after, Reached::End);
            return Ok(());
        };
        let entries = rows
            .into_iter()
            .map(inbox_entry)
            .collect::<Result<Vec<_>, _>>()?;
        let frame = ServerFrame::Inbox { entries }
            .encode()
            .map_err(|_too_long| db::Error::corrupt("inbox entry"))?;
        self.ready.push_back(Bytes::from(frame));
        // Only an empty page shows that the inbox ends here.
        self.session.read_inbox(last, Reached::Part);
        Ok(())
    }

    async fn read_rooms(&mut self, app: &App, wanted: &[Wanted]) -> Result<(), db::Error> {
        let mut older = Vec::new();
        let mut bytes = 0;
        for one in wanted {
            if bytes >= PAGE_BYTES {
                return Ok(());
            }
            match app.delivery.0.tail.read(one.room, one.after, FRAME_BYTES) {
                Recall::Entries(_) if self.ear.device_was_rung() => return Ok(()),
                Recall::Entries(entries) => {
                    bytes += self.hand_out(app, one, &entries, Reached::Part);
                }
                Recall::UpToDate => self.session.read(one.room, one.after, Reached::End),
                Recall::Unknown => older.push(*one),
            }
        }
        if older.is_empty() {
            Ok(())
        } else {
            self.read_log(app, &older).await
        }
    }

    async fn read_log(&mut self, app: &App, wanted: &[Wanted]) -> Result<(), db::Error> {
        let positions: Vec<(RoomId, u64)> =
            wanted.iter().map(|one| (one.room, one.after)).collect();
        let mut connection = app.db.connect().await?;
        let tx = connection.begin().await?;
        let pages = tx
            .list_entries(self.device_id, &positions, PAGE_ENTRIES, PAGE_BYTES)
            .await?;
        tx.commit().await?;
        if !pages.cut {
            // What has no page has nothing to read; cut off by size it stays behind, and is asked
            // for again.
            for one in wanted {
                self.session.read(one.room, one.after, Reached::End);
            }
        }
        for page in pages.rooms {
            if let Some(to_seq) = page.to_seq {
                self.session.end_room(page.room, to_seq);
            }
            let entries: Vec<Arc<Entry>> = page
                .entries
                .into_iter()
                .map(|row| Arc::new(Entry::from(row)))
                .collect();
            let wanted = Wanted {
                room: page.room,
                after: 0,
                until: page.to_seq,
            };
            let reached = if pages.cut || entries.len() == PAGE_ENTRIES {
                Reached::Part
            } else {
                Reached::End
            };
            for frame in in_frames(&entries) {
                let _bytes = self.hand_out(app, &wanted, frame, reached);
            }
            if let Some(first_seq) = page.readable_from {
                self.tell_expired(page.room, first_seq)?;
            }
        }
        Ok(())
    }

    /// Says that what comes next in a room is gone; until the device acknowledges that, or joins
    /// anew, there is nothing more to say of it.
    fn tell_expired(&mut self, room: RoomId, first_seq: u64) -> Result<(), db::Error> {
        if let Some(uri) = self.session.uri(room) {
            self.ready.push_back(expired(uri, first_seq)?);
            metrics::counter!("grove_expired_readers_total").increment(1);
        }
        self.session.expire(room, first_seq.saturating_sub(1));
        Ok(())
    }

    /// Puts consecutive entries of a room into the next frame. Returns its size.
    fn hand_out(
        &mut self,
        app: &App,
        wanted: &Wanted,
        entries: &[Arc<Entry>],
        reached: Reached,
    ) -> usize {
        let may_read = entries
            .iter()
            .take_while(|entry| wanted.until.is_none_or(|until| entry.mark.seq <= until));
        let entries = entries.get(..may_read.count()).unwrap_or_default();
        let (Some(last), Some(uri)) = (entries.last(), self.session.uri(wanted.room)) else {
            self.session.read(wanted.room, wanted.after, Reached::End);
            return 0;
        };
        let frame = frame(app, wanted.room, uri, entries);
        metrics::counter!("grove_delivered_total")
            .increment(u64::try_from(entries.len()).unwrap_or_default());
        let size = frame.len();
        self.ready.push_back(frame);
        self.session.read(wanted.room, last.mark.seq, reached);
        size
    }
}

/// Waits until there is something for a device to read, at most `patience`, and returns frames back
/// to back.
#[tracing::instrument(name = "delivery.poll", skip_all)]
pub(crate) async fn poll(
    app: &App,
    device_id: i64,
    patience: Duration,
) -> Result<Vec<u8>, db::Error> {
    let mut reader = Reader::open(app, device_id, ReaderKind::Poll).await?;
    let mut timeout = std::pin::pin!(app.clock.sleep(patience));
    let mut body = Vec::new();
    loop {
        while body.len() < POLL_BYTES
            && let Some(frame) = reader.next_frame(app).await?
        {
            body.extend_from_slice(&frame);
        }
        if !body.is_empty() {
            return Ok(body);
        }
        tokio::select! {
            () = reader.rung() => {}
            () = &mut timeout => return Ok(body),
            () = app.tasks.closing().cancelled() => return Ok(body),
        }
    }
}

/// Frames of one room's log after a position, at most about `limit` entries, for a device that is
/// in the room. One that says so, if what comes next is gone.
pub(crate) async fn read_log(
    app: &App,
    device_id: i64,
    room: &Room,
    after: u64,
    limit: usize,
) -> Result<Vec<u8>, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let pages = tx
        .list_entries(device_id, &[(room.id, after)], limit, POLL_BYTES)
        .await?;
    tx.commit().await?;
    let Some(page) = pages.rooms.into_iter().next() else {
        return Ok(Vec::new());
    };
    let rows = page.entries.into_iter();
    let entries: Vec<Arc<Entry>> = rows.map(|row| Arc::new(Entry::from(row))).collect();
    // What can still be read before a gap is given first; whoever then asks again is told of the
    // gap.
    match page.readable_from {
        Some(first_seq) if entries.is_empty() => Ok(expired(&room.uri, first_seq)?.to_vec()),
        _ => Ok(in_frames(&entries)
            .flat_map(|entries| frame(app, room.id, &room.uri, entries))
            .collect()),
    }
}
