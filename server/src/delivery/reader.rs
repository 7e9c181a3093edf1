//! A reader at work: asks its session what comes next, reads it, and hands out frames.
//!
//! Everything a device hears, over a socket or a poll, comes from [`Reader::next_frame`]. It must not know which of the
//! two it is, nor HTTP. The rule a newcomer would break: what was read from the tail is handed out only if the
//! device's own rooms did not change meanwhile, because a reader that was just removed must not read on.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use grove_wire::{
    api::events::{ClientFrame, InboxEntry, InboxItem, ServerFrame},
    codec,
    mls::Welcome,
    uri::RoomUri,
};

use super::{
    Entry, ReaderKind,
    bell::Ear,
    session::{Next, Reached, Session, Wanted},
    tail::Recall,
};
use crate::{
    app::App,
    db::{self, InboxRow, RoomId},
    rooms::Room,
};

/// About as large is a frame of several entries: small, because a socket queues a number of frames.
const FRAME_BYTES: usize = 32 << 10;
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

    /// Looks up the device's cursors. A room is listened to before it is looked at, so that no entry falls between.
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
        let frame = codec::encode(&ServerFrame::Inbox { entries })
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
            // What has no page has nothing to read; cut off by size it stays behind, and is asked for again.
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
        }
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

/// Waits until there is something for a device to read, at most `patience`, and returns frames back to back.
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

/// Frames of one room's log after a position, at most about `limit` entries, for a device that is in the room.
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
    let rows = pages.rooms.into_iter().flat_map(|page| page.entries);
    let entries: Vec<Arc<Entry>> = rows.map(|row| Arc::new(Entry::from(row))).collect();
    Ok(in_frames(&entries)
        .flat_map(|entries| frame(app, room.id, &room.uri, entries))
        .collect())
}

/// The frame with these entries, which follow one another. Whoever stands at the same place gets the same bytes.
fn frame(app: &App, room: RoomId, uri: &RoomUri, entries: &[Arc<Entry>]) -> Bytes {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Bytes::new();
    };
    let tail = &app.delivery.0.tail;
    if let Some(frame) = tail.frame(room, first.mark.seq, last.mark.seq) {
        return frame;
    }
    let receipt = last.receipt(&app.server_key, uri);
    let bodies: Vec<&[u8]> = entries.iter().map(|entry| entry.bytes.as_ref()).collect();
    let frame = Bytes::from(ServerFrame::write_log(
        uri,
        first.mark.seq,
        &bodies,
        &receipt,
    ));
    tail.keep_frame(room, first.mark.seq, last.mark.seq, &frame);
    frame
}

/// Cuts entries into runs of about [`FRAME_BYTES`], each of at least one entry.
fn in_frames(entries: &[Arc<Entry>]) -> impl Iterator<Item = &[Arc<Entry>]> {
    let mut bytes = 0_usize;
    entries.chunk_by(move |before, after| {
        bytes = bytes.saturating_add(before.bytes.len());
        let fits = bytes.saturating_add(after.bytes.len()) <= FRAME_BYTES;
        if !fits {
            bytes = 0;
        }
        fits
    })
}

fn inbox_entry(row: InboxRow) -> Result<InboxEntry, db::Error> {
    let InboxRow {
        id,
        room,
        seq,
        epoch,
        suite,
        secret,
        encrypted_group_info,
    } = row;
    let welcome = Welcome::join(suite, &secret, &encrypted_group_info)
        .map_err(|_malformed| db::Error::corrupt("Welcome"))?;
    Ok(InboxEntry {
        id,
        kind: InboxItem::Welcome {
            room,
            seq,
            epoch,
            welcome,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Mark;

    fn entry(seq: u64, size: usize) -> Arc<Entry> {
        Arc::new(Entry::new(
            Mark {
                seq,
                epoch: 0,
                time: 0,
                head: [0; 32],
            },
            Bytes::from(vec![0; size]),
        ))
    }

    #[test]
    fn frames_hold_what_fits_and_at_least_one_entry() {
        let sizes = [
            FRAME_BYTES / 2,
            FRAME_BYTES / 2,
            1,
            FRAME_BYTES,
            FRAME_BYTES * 3,
            10,
            10,
        ];
        let entries: Vec<Arc<Entry>> = (1..)
            .zip(sizes)
            .map(|(seq, size)| entry(seq, size))
            .collect();
        let frames: Vec<Vec<u64>> = in_frames(&entries)
            .map(|frame| frame.iter().map(|entry| entry.mark.seq).collect())
            .collect();
        assert_eq!(frames, [vec![1, 2], vec![3], vec![4], vec![5], vec![6, 7]]);
        assert_eq!(in_frames(&[]).count(), 0);
    }
}
