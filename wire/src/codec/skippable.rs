//! Things of several kinds, to which kinds are added later: a reader passes over those it does not
//! know, since each says how long it is.

use std::io::{Read, Write};

use tls_codec::{Deserialize, Serialize, Size};

use super::{DecodeError, opaque_size, read_opaque, write_opaque};

/// A type whose encoding begins with one byte that says of which kind it is.
pub trait Kinds {
    /// The kinds that are known.
    const KNOWN: &'static [u8];
    /// The longest that any kind may be, the known ones and those to come. Unit: bytes.
    const MAX_BYTES: usize;
}

/// `struct { uint8 kind; opaque body<V>; }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skippable<T> {
    /// Of a kind that is known.
    Known(T),
    /// Of a kind that is not known, to be passed over.
    Unknown {
        /// The kind.
        kind: u8,
        /// What it holds.
        body: Vec<u8>,
    },
}

impl<T> Skippable<T> {
    /// What it is, if its kind is known.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(known) => Some(known),
            Self::Unknown { .. } => None,
        }
    }
}

impl<T: Size> Size for Skippable<T> {
    fn tls_serialized_len(&self) -> usize {
        match self {
            // The kind stands before the length.
            Self::Known(known) => 1 + opaque_size(known.tls_serialized_len().saturating_sub(1)),
            Self::Unknown { body, .. } => 1 + opaque_size(body.len()),
        }
    }
}

impl<T: Serialize> Serialize for Skippable<T> {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        let mut bytes = Vec::with_capacity(self.tls_serialized_len());
        match self {
            Self::Known(known) => {
                known.tls_serialize(&mut bytes)?;
            }
            Self::Unknown { kind, body } => {
                bytes.push(*kind);
                bytes.extend_from_slice(body);
            }
        }
        let Some((kind, body)) = bytes.split_first() else {
            return Err(tls_codec::Error::InvalidInput);
        };
        writer.write_all(&[*kind])?;
        Ok(1 + write_opaque(writer, body)?)
    }
}

impl<T: Deserialize + Kinds> Deserialize for Skippable<T> {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        let kind = u8::tls_deserialize(reader)?;
        let body = read_opaque(reader, T::MAX_BYTES)?;
        if !T::KNOWN.contains(&kind) {
            return Ok(Self::Unknown { kind, body });
        }
        let mut rest = body.as_slice();
        let known = T::tls_deserialize(&mut [kind].as_slice().chain(&mut rest))?;
        match rest.len() {
            0 => Ok(Self::Known(known)),
            more => Err(DecodeError::Trailing(more).into()),
        }
    }
}
