//! Proof that a hub lied: two receipts of one key for one place in one log that contradict each
//! other, and the room's creation record, which names the key.
//!
//! It is a proof against whoever holds that key. Whose key it is does not follow from these bytes:
//! a record can be made by anybody, and say of any key that it is a certain hub's.
//!
//! Whoever has nothing but these bytes can verify it. Must not know who keeps it, or what a person
//! does about it.
//!
//! The surprise: entries prove nothing here. A hub does not sign them, so that a chain of entries
//! that does not fit a receipt may be of anybody's making.

use grove_wire::codec::{self, DecodeError, Opaque};
use grove_wire::limits::{MAX_RECEIPT_BYTES, MAX_RECORD_BYTES};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use super::keys::PublicKey;
use super::receipt::{ReceiptError, SignedReceipt};
use super::record::{RecordError, SignedCreationRecord};
use super::signed::append_opaque;

/// The only version of the format.
const VERSION: u8 = 1;

/// Why something is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// The two receipts say the same, or are of two places in the log: an honest hub signs both.
    #[error("the two receipts do not contradict each other")]
    Agree,
    /// The bytes do not have its form.
    #[error("malformed evidence: {0}")]
    Malformed(#[from] DecodeError),
    /// A receipt is of another room than the creation record's.
    #[error("a receipt is of another room")]
    OtherRoom,
    /// A receipt is malformed, or not signed by the hub's key in the creation record.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The creation record is refused.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Another version than this one of the format.
    #[error("unknown version {0} of the evidence")]
    Version(u8),
}

#[derive(TlsSize, TlsSerialize, TlsDeserialize)]
struct Wire {
    version: u8,
    record: Opaque<MAX_RECORD_BYTES>,
    one: Opaque<MAX_RECEIPT_BYTES>,
    other: Opaque<MAX_RECEIPT_BYTES>,
}

/// Two receipts that no honest hub signs both. Verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    record: SignedCreationRecord,
    receipts: [SignedReceipt; 2],
}

impl Evidence {
    /// Puts a proof together.
    ///
    /// # Errors
    /// Every [`EvidenceError`] but [`EvidenceError::Malformed`] and [`EvidenceError::Version`].
    pub fn new(
        record: SignedCreationRecord,
        receipts: [SignedReceipt; 2],
    ) -> Result<Self, EvidenceError> {
        let room = record.room_uri();
        for signed in &receipts {
            if signed.receipt().room != room {
                return Err(EvidenceError::OtherRoom);
            }
            signed.verify(&record.record().hub_key)?;
        }
        let [one, other] = &receipts;
        if !one.receipt().contradicts(other.receipt()) {
            return Err(EvidenceError::Agree);
        }
        Ok(Self { record, receipts })
    }

    /// Reads a proof and verifies all of it.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EvidenceError> {
        if let Some(version) = bytes.first().filter(|version| **version != VERSION) {
            return Err(EvidenceError::Version(*version));
        }
        let wire: Wire = codec::decode(bytes)?;
        let receipts = [
            SignedReceipt::decode(wire.one.as_bytes())?,
            SignedReceipt::decode(wire.other.as_bytes())?,
        ];
        Self::new(
            SignedCreationRecord::decode(wire.record.as_bytes())?,
            receipts,
        )
    }

    /// As it is kept and handed on.
    pub fn to_bytes(&self) -> Vec<u8> {
        let [one, other] = &self.receipts;
        let mut bytes = vec![VERSION];
        for part in [self.record.as_bytes(), one.as_bytes(), other.as_bytes()] {
            append_opaque(&mut bytes, part);
        }
        bytes
    }

    /// The key that signed both receipts: what is proven is that its holder did.
    pub fn key(&self) -> &PublicKey {
        &self.record.record().hub_key
    }

    /// The room's creation record. That it calls the key's holder by a domain is its maker's word.
    pub fn record(&self) -> &SignedCreationRecord {
        &self.record
    }

    /// The two receipts.
    pub fn receipts(&self) -> &[SignedReceipt; 2] {
        &self.receipts
    }
}
