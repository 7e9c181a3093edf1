//! Bytes with a known structure: the types that are walked once and then kept as they came.

use super::cursor::Cursor;
use crate::limits::{MAX_KEY_PACKAGE_BYTES, MAX_TREE_BYTES};

/// Declares a type over the exact bytes of one structure.
macro_rules! raw {
    ($(#[$doc:meta])* $name:ident, $walk:ident, $limit:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Takes bytes that are exactly one of these.
            ///
            /// # Errors
            /// What [`DecodeError`](crate::codec::DecodeError) lists.
            pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, $crate::codec::DecodeError> {
                $crate::mls::walk::exactly(&bytes, $limit, $crate::mls::walk::Walk::$walk)?;
                Ok(Self(bytes))
            }

            /// The exact bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The exact bytes.
            pub fn into_bytes(self) -> Vec<u8> {
                self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({} bytes)", stringify!($name), self.0.len())
            }
        }

        impl tls_codec::Size for $name {
            fn tls_serialized_len(&self) -> usize {
                self.0.len()
            }
        }

        impl tls_codec::Serialize for $name {
            fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
                writer.write_all(&self.0)?;
                Ok(self.0.len())
            }
        }

        impl tls_codec::Deserialize for $name {
            fn tls_deserialize<R: std::io::Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
                Ok(Self($crate::mls::walk::keep(reader, $limit, $crate::mls::walk::Walk::$walk)?))
            }
        }
    };
}
pub(super) use raw;

raw! {
    /// A `KeyPackage` (RFC 9420, section 10).
    KeyPackage, key_package, MAX_KEY_PACKAGE_BYTES
}
raw! {
    /// A ratchet tree, `optional<Node> ratchet_tree<V>` (RFC 9420, section 12.4.3.3), with its
    /// length prefix.
    RatchetTree, ratchet_tree, MAX_TREE_BYTES
}

impl KeyPackage {
    /// Takes bytes that a walk around them has covered already.
    pub(super) fn walked(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The suite it is for.
    pub fn cipher_suite(&self) -> u16 {
        let mut cursor = Cursor::new(&self.0);
        cursor.u16(); // version
        cursor.u16()
    }
}
