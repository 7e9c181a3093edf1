//! The frames between a device and its server: log entries and inbox entries down, acknowledgements
//! up.
//!
//! A frame is the same on a WebSocket (one per binary message) and in a long-poll body (several
//! back to back). Its entries are the exact bytes of the log; nothing is re-encoded on the way to a
//! reader.
//!
//! Frames and inbox items say their kind and their length, so that a client passes over those of a
//! later version.

use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use crate::codec::{
    self, Bounded, DecodeError, EncodeError, Kinds, Opaque, Skippable, append_length,
    append_opaque, opaque_size,
};
use crate::limits::{
    MAX_ENTRY_BYTES, MAX_FRAME_ENTRIES_BYTES, MAX_POSITIONS_BYTES, MAX_RECEIPT_BYTES,
    MAX_WELCOME_BYTES,
};
use crate::mls::Welcome;
use crate::uri::RoomUri;

/// Bytes of inbox entries in one frame: at least one Welcome, however large.
const MAX_INBOX_BYTES: usize = MAX_WELCOME_BYTES + 1024;
const LOG: u8 = 1;

/// From server to device. On the wire it stands as a [`Skippable`].
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
    pub item: Skippable<InboxItem>,
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

impl Kinds for ServerFrame {
    const KNOWN: &'static [u8] = &[LOG, 2, 3];
    const MAX_BYTES: usize = MAX_FRAME_ENTRIES_BYTES + MAX_INBOX_BYTES;
}

impl Kinds for InboxItem {
    const KNOWN: &'static [u8] = &[1];
    const MAX_BYTES: usize = MAX_INBOX_BYTES;
}

/// Frames that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    /// Those of kinds that are known, in order.
    pub known: Vec<ServerFrame>,
    /// How many others there were.
    pub unknown: usize,
}

impl ServerFrame {
    /// Decodes frames that stand back to back. No bytes are no frames.
    ///
    /// # Errors
    /// What [`DecodeError`] lists.
    pub fn decode_all(bytes: &[u8]) -> Result<Frames, DecodeError> {
        let all = codec::decode_all::<Skippable<Self>>(bytes)?;
        let count = all.len();
        let known: Vec<_> = all.into_iter().filter_map(Skippable::known).collect();
        let unknown = count - known.len();
        Ok(Frames { known, unknown })
    }

    /// Encodes the frame as it stands on the wire.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] when a vector exceeds its bound.
    pub fn encode(self) -> Result<Vec<u8>, EncodeError> {
        codec::encode(&Skippable::Known(self))
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
        let body = opaque_size(room.len()) + 8 + opaque_size(content) + opaque_size(receipt.len());
        let mut out = Vec::with_capacity(1 + opaque_size(body));
        out.push(LOG);
        append_length(&mut out, body);
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
