//! The hub's word for what stands in a room's log, as a hash chain and signatures over its heads.
//!
//! Knows bytes and sequence numbers; must not know what an entry is.
//!
//! The surprise: a receipt is useful against its own signer. Two receipts that give one sequence
//! number two heads prove to anybody that the server lied.

use grove_wire::limits::MAX_RECEIPT_BYTES;
use grove_wire::uri::RoomUri;
use sha2::{Digest as _, Sha256};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use super::keys::{BadSignature, Label, PublicKey, ServerKey};
use super::signed::{Body, Envelope, SignedError};

/// What `head(0)` starts with.
const HEAD_LABEL: &[u8] = b"grove/v1/head";

/// Why a receipt is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not signed by the given server.
    #[error("the receipt is not signed by the hub")]
    BadSignature,
    /// The bytes do not have its form.
    #[error("malformed receipt: {0}")]
    Malformed(#[from] SignedError),
}

impl From<BadSignature> for ReceiptError {
    fn from(_: BadSignature) -> Self {
        Self::BadSignature
    }
}

/// The hash of a log up to one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head([u8; 32]);

impl Head {
    /// The head of an empty log: SHA-256 over `grove/v1/head` and the room's URI.
    pub fn start(room: &RoomUri) -> Self {
        Self(
            Sha256::new()
                .chain_update(HEAD_LABEL)
                .chain_update(room.as_str())
                .finalize()
                .into(),
        )
    }

    /// The head after the entry `seq`, which counts from 1: SHA-256 over this head, `seq`
    /// big-endian, and the entry's hash.
    #[must_use]
    pub fn next(&self, seq: u64, entry: &[u8]) -> Self {
        self.next_hashed(seq, &Sha256::digest(entry).into())
    }

    /// [`Self::next`] for an entry of which only the SHA-256 is kept.
    #[must_use]
    pub fn next_hashed(&self, seq: u64, entry_hash: &[u8; 32]) -> Self {
        Self(
            Sha256::new()
                .chain_update(self.0)
                .chain_update(seq.to_be_bytes())
                .chain_update(entry_hash)
                .finalize()
                .into(),
        )
    }

    /// A head that was kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct Receipt {
    /// The room.
    pub room: RoomUri,
    /// The entry's place in the log, from 1.
    pub seq: u64,
    /// The room's epoch after the entry.
    pub epoch: u64,
    /// The log's head after the entry ([`Head`]).
    pub head: [u8; 32],
    /// When the hub accepted it, in milliseconds since 1970.
    pub time: u64,
}

impl Receipt {
    /// Whether no honest hub signs both: one place in the log with two contents.
    pub fn contradicts(&self, other: &Self) -> bool {
        self.room == other.room
            && self.seq == other.seq
            && (self.head != other.head || self.epoch != other.epoch)
    }
}

impl Body for Receipt {
    const LABEL: Label = Label::Receipt;
    const MAX_BYTES: usize = MAX_RECEIPT_BYTES;
}

/// A signed receipt. Reading one does not verify it: the hub's key comes from the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedReceipt(Envelope<Receipt>);

impl SignedReceipt {
    /// Signs as the hub.
    pub fn sign(key: &ServerKey, receipt: Receipt) -> Self {
        Self(Envelope::sign(&key.0, receipt))
    }

    /// Reads a receipt; nothing is verified yet.
    ///
    /// # Errors
    /// [`ReceiptError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        Ok(Self(Envelope::decode(bytes)?))
    }

    /// Verifies the signature of the room's hub.
    ///
    /// # Errors
    /// [`ReceiptError::BadSignature`].
    pub fn verify(&self, hub: &PublicKey) -> Result<(), ReceiptError> {
        Ok(self.0.verify(hub)?)
    }

    /// What it says.
    pub fn receipt(&self) -> &Receipt {
        self.0.body()
    }

    /// As it travels and is kept as evidence.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
