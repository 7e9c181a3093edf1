//! The TLS presentation language (RFC 8446, section 3, with the lengths of RFC 9420, section
//! 2.1.2), every vector bounded.
//!
//! Types implement `tls_codec`'s reader form, so that its derive works on structs here and in other
//! crates. This module must not know any message.
//!
//! The surprise: `tls_codec`'s own `VLBytes` and the `*_bytes` form are not used. They bound
//! nothing, accept longer length prefixes than needed unless a feature is on, and panic on short
//! input in debug builds. Vectors are [`Opaque`], [`List`] or a field marked `#[tls_codec(with =
//! "Bounded::<LIMIT>")]`.

use std::io::{Read, Write};

use tls_codec::Serialize;

mod error;
mod skippable;
mod vector;

pub use tls_codec::Deserialize;

pub use error::{DecodeError, EncodeError};
pub use skippable::{Kinds, Skippable};
pub use vector::{Bounded, List, Opaque, Text, flag};

/// The largest length a vector can have (RFC 9420, section 2.1.2: 30 bits).
pub const MAX_LENGTH: usize = (1 << 30) - 1;

/// Decodes exactly one `T`; bytes behind it are refused.
///
/// # Errors
/// What [`DecodeError`] lists.
pub fn decode<T: Deserialize>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut rest = bytes;
    let value = T::tls_deserialize(&mut rest)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Trailing(rest.len()))
    }
}

/// Decodes `T`s that stand back to back until the bytes end. No bytes are no values.
///
/// # Errors
/// What [`DecodeError`] lists.
pub fn decode_all<T: Deserialize>(bytes: &[u8]) -> Result<Vec<T>, DecodeError> {
    let mut rest = bytes;
    let mut values = Vec::new();
    while !rest.is_empty() {
        let before = rest.len();
        values.push(T::tls_deserialize(&mut rest)?);
        if rest.len() == before {
            return Err(DecodeError::Malformed(
                "an element takes no bytes".to_owned(),
            ));
        }
    }
    Ok(values)
}

/// Encodes one value.
///
/// # Errors
/// [`EncodeError::TooLong`] when a vector exceeds its bound.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(value.tls_serialized_len());
    value.tls_serialize(&mut bytes)?;
    Ok(bytes)
}

/// Reads `opaque x<V>` of at most `max` bytes. Memory grows with the bytes that arrive, never with
/// the length that is claimed.
///
/// # Errors
/// What [`DecodeError`] lists.
pub fn read_opaque<R: Read>(reader: &mut R, max: usize) -> Result<Vec<u8>, tls_codec::Error> {
    let length = read_bounded_length(reader, max)?;
    let mut bytes = Vec::new();
    read_into(reader, length, &mut bytes)?;
    Ok(bytes)
}

/// Writes `opaque x<V>`.
///
/// # Errors
/// The writer's, or more than [`MAX_LENGTH`] bytes.
pub fn write_opaque<W: Write>(writer: &mut W, bytes: &[u8]) -> Result<usize, tls_codec::Error> {
    let written = write_length(writer, bytes.len())?;
    writer.write_all(bytes)?;
    Ok(written + bytes.len())
}

/// Reads the length prefix of a vector in its shortest form (RFC 9420, section 2.1.2).
///
/// # Errors
/// [`DecodeError::NotMinimal`] for a longer form than needed, [`DecodeError::Truncated`] at the end
/// of the bytes.
pub fn read_length<R: Read>(reader: &mut R) -> Result<usize, tls_codec::Error> {
    length_from(|| u8::tls_deserialize(reader))
}

/// The length that the next bytes encode.
pub(crate) fn length_from<E: From<DecodeError>>(
    mut next: impl FnMut() -> Result<u8, E>,
) -> Result<usize, E> {
    let first = next()?;
    let (more, smallest) = match first >> 6 {
        0 => (0, 0),
        1 => (1, 1 << 6),
        2 => (3, 1 << 14),
        _ => return Err(DecodeError::malformed("a length has 1, 2 or 4 bytes").into()),
    };
    let mut length = usize::from(first & 0x3f);
    for _ in 0..more {
        length = (length << 8) | usize::from(next()?);
    }
    if length < smallest {
        Err(DecodeError::NotMinimal.into())
    } else {
        Ok(length)
    }
}

/// Writes the length prefix of a vector.
///
/// # Errors
/// The writer's, or a length above [`MAX_LENGTH`].
pub fn write_length<W: Write>(writer: &mut W, length: usize) -> Result<usize, tls_codec::Error> {
    if length > MAX_LENGTH {
        return Err(EncodeError::TooLong {
            limit: MAX_LENGTH,
            found: length,
        }
        .into());
    }
    let mut prefix = Vec::with_capacity(4);
    append_length(&mut prefix, length);
    writer.write_all(&prefix)?;
    Ok(prefix.len())
}

/// Bytes of a vector with `length` bytes of content.
pub fn opaque_size(length: usize) -> usize {
    let prefix = match length {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        _ => 4,
    };
    length.saturating_add(prefix)
}

/// Appends `opaque x<V>` to a buffer, for encoders that build in one allocation from parts already
/// bounded.
pub(crate) fn append_opaque(out: &mut Vec<u8>, bytes: &[u8]) {
    append_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends a length prefix. A length above [`MAX_LENGTH`] is written as that, which every decoder
/// refuses as truncated or trailing; callers bound their parts long before.
pub(crate) fn append_length(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length.min(MAX_LENGTH)).unwrap_or(u32::MAX >> 2);
    let [a, b, c, d] = length.to_be_bytes();
    match length {
        0..0x40 => out.push(d),
        0x40..0x4000 => out.extend_from_slice(&[0x40 | c, d]),
        _ => out.extend_from_slice(&[0x80 | a, b, c, d]),
    }
}

/// Reads exactly `length` bytes onto the end of `out`. Grows with what arrives: a claimed length
/// allocates nothing.
pub(crate) fn read_into<R: Read>(
    reader: &mut R,
    length: usize,
    out: &mut Vec<u8>,
) -> Result<(), tls_codec::Error> {
    let read = reader
        .take(u64::try_from(length).unwrap_or(u64::MAX))
        .read_to_end(out)?;
    if read == length {
        Ok(())
    } else {
        Err(tls_codec::Error::EndOfStream)
    }
}

/// Implements `Size` by encoding into a counter, for types whose encoding is written by hand.
macro_rules! size_by_counting {
    ($($name:ty),+ $(,)?) => { $(
        impl tls_codec::Size for $name {
            fn tls_serialized_len(&self) -> usize {
                $crate::codec::count(self)
            }
        }
    )+ };
}
pub(crate) use size_by_counting;

/// Bytes a value writes; those before the fault if it cannot be encoded.
pub(crate) fn count<T: Serialize>(value: &T) -> usize {
    let mut counter = Counter(0);
    match value.tls_serialize(&mut counter) {
        Ok(_) | Err(_) => counter.0,
    }
}

/// A writer that only counts.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn read_bounded_length<R: Read>(reader: &mut R, max: usize) -> Result<usize, tls_codec::Error> {
    let length = read_length(reader)?;
    if length > max {
        Err(DecodeError::TooLong {
            limit: max,
            found: length,
        }
        .into())
    } else {
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
