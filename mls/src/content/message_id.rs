//! The name of a message, which only those who read it can compute.
//!
//! Must not know what the message says.
//!
//! The surprise: the hash is SHA-256 whatever the room's cipher suite is, and its last byte gives
//! way to an algorithm number in front.
//!
//! Source: draft-ietf-mimi-content-09, message id.

use std::fmt;

use data_encoding::HEXLOWER;
use grove_wire::uri::{RoomUri, UserUri};
use sha2::{Digest as _, Sha256};

/// IANA's number of SHA-256 among the named information hashes.
const SHA_256: u8 = 1;

/// The id of a message: 0x01 and 31 bytes of a hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId([u8; 32]);

impl MessageId {
    /// The id of a message with these bytes, by this sender, in this room.
    pub fn of(sender: &UserUri, room: &RoomUri, cbor: &[u8], salt: &[u8; 16]) -> Self {
        Self::of_texts(sender.as_str(), room.as_str(), cbor, salt)
    }

    pub(super) fn of_texts(sender: &str, room: &str, cbor: &[u8], salt: &[u8; 16]) -> Self {
        let mut hash = Sha256::new();
        for uri in [sender, room] {
            // A URI has at most 512 bytes.
            hash.update(u16::try_from(uri.len()).unwrap_or(u16::MAX).to_be_bytes());
            hash.update(uri);
        }
        hash.update(cbor);
        hash.update(salt);
        let digest: [u8; 32] = hash.finalize().into();
        let mut id = [SHA_256; 32];
        for (to, from) in id.iter_mut().skip(1).zip(digest) {
            *to = from;
        }
        Self(id)
    }

    /// An id that was received or kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "message:{}",
            HEXLOWER.encode(self.0.get(1..5).unwrap_or_default())
        )
    }
}
