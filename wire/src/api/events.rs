//! The frames between a device and its server: log entries and inbox entries down, acknowledgements
//! up.
//!
//! A frame is the same on a WebSocket (one per binary message) and in a long-poll body (several
//! back to back). Its entries are the exact bytes of the log; nothing is re-encoded on the way to a
//! reader.

use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use crate::codec::{self, Bounded, DecodeError, Opaque, append_length, append_opaque, opaque_size};
use crate::limits::{
    MAX_ENTRY_BYTES, MAX_FRAME_ENTRIES_BYTES, MAX_POSITIONS_BYTES, MAX_RECEIPT_BYTES,
    MAX_WELCOME_BYTES,
};
use crate::mls::Welcome;
use crate::uri::RoomUri;

/// Bytes of inbox entries in one frame: at least one Welcome, however large.
const MAX_INBOX_BYTES: usize = MAX_WELCOME_BYTES + 1024;
const LOG: u8 = 1;

/// From server to device.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum ServerFrame {
    /// Consecutive entries of one room's log.
    #[tls_codec(discriminant = 1)]
    Log {
        /// The room.
        room: RoomUri,
        /// Sequence number of the first entry; the others follow without a gap.
        first_seq: u64,
        /// Each the exact bytes of one `FanoutMessage`.
        #[tls_codec(with = "Bounded::<MAX_FRAME_ENTRIES_BYTES>")]
        entries: Vec<Opaque<MAX_ENTRY_BYTES>>,
        /// The signed receipt of the last entry; may be empty.
        receipt: Opaque<MAX_RECEIPT_BYTES>,
    },
    /// What is addressed to this device alone.
    #[tls_codec(discriminant = 2)]
    Inbox {
        /// Ascending by id.
        #[tls_codec(with = "Bounded::<MAX_INBOX_BYTES>")]
        entries: Vec<InboxEntry>,
    },
    /// Entries after the device's position are gone for their age. It reads on from `first_seq`
    /// when it has acknowledged the entry before that, or has joined anew.
    #[tls_codec(discriminant = 3)]
    Expired {
        /// The room.
        room: RoomUri,
        /// The first entry that can still be read; at most one beyond the end of the log.
        first_seq: u64,
    },
}

/// Something addressed to one device.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct InboxEntry {
    /// Ascends within the device's inbox.
    pub id: u64,
    /// What it is.
    pub kind: InboxItem,
}

/// What can be in an inbox.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum InboxItem {
    /// An invitation into a room, with this device's entry only.
    #[tls_codec(discriminant = 1)]
    Welcome {
        /// The room.
        room: RoomUri,
        /// Sequence number of the commit that added the device: reading starts behind it.
        seq: u64,
        /// The epoch that commit opened.
        epoch: u64,
        /// The Welcome.
        welcome: Welcome,
    },
}

/// From device to server.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum ClientFrame {
    /// What the device has stored. Cumulative: all up to and including these.
    #[tls_codec(discriminant = 1)]
    Ack {
        /// Rooms with the sequence number stored last.
        #[tls_codec(with = "Bounded::<MAX_POSITIONS_BYTES>")]
        positions: Vec<(RoomUri, u64)>,
        /// The inbox entry stored last.
        inbox: Option<u64>,
    },
}

impl ServerFrame {
    /// Decodes frames that stand back to back. No bytes are no frames.
    ///
    /// # Errors
    /// What [`DecodeError`] lists.
    pub fn decode_all(bytes: &[u8]) -> Result<Vec<Self>, DecodeError> {
        codec::decode_all(bytes)
    }

    /// Encodes a [`Self::Log`] frame in one allocation. The caller keeps the entries within
    /// [`MAX_FRAME_ENTRIES_BYTES`] and the receipt within [`MAX_RECEIPT_BYTES`].
    pub fn write_log<E: AsRef<[u8]>>(
        room: &RoomUri,
        first_seq: u64,
        entries: &[E],
        receipt: &[u8],
    ) -> Vec<u8> {
        let content = entries
            .iter()
            .map(|entry| opaque_size(entry.as_ref().len()))
            .sum();
        let room = room.as_str().as_bytes();
        let size =
            1 + opaque_size(room.len()) + 8 + opaque_size(content) + opaque_size(receipt.len());
        let mut out = Vec::with_capacity(size);
        out.push(LOG);
        append_opaque(&mut out, room);
        out.extend_from_slice(&first_seq.to_be_bytes());
        append_length(&mut out, content);
        for entry in entries {
            append_opaque(&mut out, entry.as_ref());
        }
        append_opaque(&mut out, receipt);
        out
    }
}
