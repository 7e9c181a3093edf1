//! The outside of MLS messages: where one ends, and what it shows without being opened (RFC 9420,
//! sections 6, 7, 10 and 12).
//!
//! The types here keep the exact bytes they were given, because those bytes are hashed, signed and
//! relayed. This module must not know keys, and nothing it accepts is thereby valid: it has the
//! right shape, nothing more.
//!
//! The surprise: reading never fails here after construction. Every type walks its bytes once, when
//! it is made; what is read from them later is infallible and allocates nothing.

mod commit;
mod cursor;
mod group_info;
mod message;
mod raw;
mod walk;
mod welcome;

use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use crate::codec::Opaque;
use crate::limits::MAX_EXTENSIONS_BYTES;

pub use group_info::{GroupInfo, GroupInfoHead};
pub use message::{ContentType, Framing, MlsMessage, Outside, SenderKind, WireFormat};
pub use raw::{KeyPackage, RatchetTree};
pub use welcome::{Welcome, WelcomeParts, WelcomeSecret};

/// The code point of the `ratchet_tree` extension (RFC 9420, section 17.3), which MIMI keeps out of
/// every `GroupInfo`.
pub const RATCHET_TREE_EXTENSION: u16 = 2;

/// An extension (RFC 9420, section 7.2).
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct Extension {
    /// Which extension.
    pub extension_type: u16,
    /// Its content.
    pub extension_data: Opaque<MAX_EXTENSIONS_BYTES>,
}

#[cfg(test)]
mod tests;
