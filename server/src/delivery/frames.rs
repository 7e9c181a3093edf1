//! What readers are handed: log entries, inbox entries and bad news, as frames.
//!
//! Pure but for the tail, which keeps the frame made last for whoever stands at the same place.

use std::sync::Arc;

use bytes::Bytes;
use grove_wire::api::events::{InboxEntry, InboxItem, ServerFrame};
use grove_wire::codec::Skippable;
use grove_wire::mls::Welcome;
use grove_wire::uri::RoomUri;

use super::Entry;
use crate::app::App;
use crate::db::{self, InboxRow, RoomId};

/// About as large is a frame of several entries: small, because a socket queues a number of frames.
pub(super) const FRAME_BYTES: usize = 32 << 10;

/// The frame that says that entries before `first_seq` are gone.
pub(super) fn expired(uri: &RoomUri, first_seq: u64) -> Result<Bytes, db::Error> {
    let frame = ServerFrame::Expired {
        room: uri.clone(),
        first_seq,
    };
    frame
        .encode()
        .map(Bytes::from)
        .map_err(|_too_long| db::Error::corrupt("room URI"))
}

/// The frame with these entries, which follow one another. Whoever stands at the same place gets
/// the same bytes.
pub(super) fn frame(app: &App, room: RoomId, uri: &RoomUri, entries: &[Arc<Entry>]) -> Bytes {
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
pub(super) fn in_frames(entries: &[Arc<Entry>]) -> impl Iterator<Item = &[Arc<Entry>]> {
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

pub(super) fn inbox_entry(row: InboxRow) -> Result<InboxEntry, db::Error> {
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
        item: Skippable::Known(InboxItem::Welcome {
            room,
            seq,
            epoch,
            welcome,
        }),
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
