//! One log entry in memory: encoded once, shared by the sender's answer and by every reader.

use std::sync::OnceLock;

use bytes::Bytes;
use grove_mls::identity::{Receipt, ServerKey, SignedReceipt};
use grove_wire::uri::RoomUri;

use crate::db::{EntryRow, Mark};

/// A log entry.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) mark: Mark,
    /// The `FanoutMessage`.
    pub(crate) bytes: Bytes,
    receipt: OnceLock<Bytes>,
}

impl Entry {
    pub(crate) const fn new(mark: Mark, bytes: Bytes) -> Self {
        Self {
            mark,
            bytes,
            receipt: OnceLock::new(),
        }
    }

    /// The signed receipt; signed at most once while the entry is in memory.
    pub(crate) fn receipt(&self, key: &ServerKey, room: &RoomUri) -> Bytes {
        self.receipt
            .get_or_init(|| self.mark.sign(key, room))
            .clone()
    }
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        Self::new(row.mark, Bytes::from(row.entry))
    }
}

impl Mark {
    /// The signed receipt. The same mark always gives the same bytes.
    pub(crate) fn sign(&self, key: &ServerKey, room: &RoomUri) -> Bytes {
        let Self {
            seq,
            epoch,
            time,
            head,
        } = *self;
        let receipt = Receipt {
            room: room.clone(),
            seq,
            epoch,
            head,
            time,
        };
        Bytes::copy_from_slice(SignedReceipt::sign(key, receipt).as_bytes())
    }
}
