//! The bodies of draft-ietf-mimi-protocol-06, with the draft's names and field order.
//!
//! These are structs and their bytes. This module must not know what is allowed: a decoded body is
//! well-formed, nothing more.
//!
//! The surprise: most bodies begin with a [`Protocol`] byte, but `UpdateRequest` and
//! `FanoutMessage` do not, although the draft selects on it there; the literal structs are
//! followed.

pub mod franking;
pub mod group_info;
pub mod identifier_query;
pub mod key_material;
pub mod notify;
pub mod room;
pub mod submit_message;
pub mod update;

use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use crate::codec::{DecodeError, Opaque};
use crate::limits::MAX_CREDENTIAL_BYTES;

/// The media type of every binary body.
pub const CONTENT_TYPE: &str = "application/octet-stream";

/// The end-to-end protocol of a room (section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum Protocol {
    /// MLS 1.0.
    Mls10 = 1,
}

/// A credential (RFC 9420, section 5.3). Only basic ones are taken.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u16)]
pub enum Credential {
    /// A bare identity: in Grove's rooms a client URI, or a provider URI for a hub.
    #[tls_codec(discriminant = 1)]
    Basic(Opaque<MAX_CREDENTIAL_BYTES>),
}

/// Reads the leading protocol byte of a body.
fn expect_mls10<R: std::io::Read>(reader: &mut R) -> Result<(), tls_codec::Error> {
    match <u8 as tls_codec::Deserialize>::tls_deserialize(reader)? {
        1 => Ok(()),
        other => Err(DecodeError::unknown("protocol", other).into()),
    }
}

#[cfg(test)]
mod tests;
