//! Vectors with their bounds, as values and as codecs of plain fields.

use std::fmt;
use std::io::{Read, Write};
use std::ops::Deref;

use tls_codec::{Deserialize, Serialize, Size};

use super::{
    DecodeError, EncodeError, opaque_size, read_bounded_length, read_opaque, write_length,
    write_opaque,
};

/// `opaque x<V>` of at most `MAX` bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Opaque<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Opaque<MAX> {
    /// Wraps bytes.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] above `MAX` bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, EncodeError> {
        let bytes = bytes.into();
        if bytes.len() > MAX {
            return Err(EncodeError::TooLong {
                limit: MAX,
                found: bytes.len(),
            });
        }
        Ok(Self(bytes))
    }

    /// The bytes, without a length prefix.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, without a length prefix.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> AsRef<[u8]> for Opaque<MAX> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> Deref for Opaque<MAX> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<Vec<u8>> for Opaque<MAX> {
    type Error = EncodeError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, EncodeError> {
        Self::new(bytes)
    }
}

impl<const MAX: usize> fmt::Debug for Opaque<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque({} bytes)", self.0.len())
    }
}

impl<const MAX: usize> Size for Opaque<MAX> {
    fn tls_serialized_len(&self) -> usize {
        opaque_size(self.0.len())
    }
}

impl<const MAX: usize> Serialize for Opaque<MAX> {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        write_opaque(writer, &self.0)
    }
}

impl<const MAX: usize> Deserialize for Opaque<MAX> {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        Ok(Self(read_opaque(reader, MAX)?))
    }
}

/// `T x<V>` of at most `MAX_BYTES` bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct List<T, const MAX_BYTES: usize>(Vec<T>);

impl<T, const MAX_BYTES: usize> List<T, MAX_BYTES> {
    /// The elements.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX_BYTES: usize> Default for List<T, MAX_BYTES> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX_BYTES: usize> From<Vec<T>> for List<T, MAX_BYTES> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<T, const MAX_BYTES: usize> Deref for List<T, MAX_BYTES> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Size, const MAX_BYTES: usize> Size for List<T, MAX_BYTES> {
    fn tls_serialized_len(&self) -> usize {
        Bounded::<MAX_BYTES>::tls_serialized_len(&self.0)
    }
}

impl<T: Serialize, const MAX_BYTES: usize> Serialize for List<T, MAX_BYTES> {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        Bounded::<MAX_BYTES>::tls_serialize(&self.0, writer)
    }
}

impl<T: Deserialize, const MAX_BYTES: usize> Deserialize for List<T, MAX_BYTES> {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        Ok(Self(Bounded::<MAX_BYTES>::tls_deserialize(reader)?))
    }
}

/// The codec of a `Vec<T>` field as `T x<V>` of at most `MAX_BYTES` bytes, for `#[tls_codec(with =
/// "Bounded::<LIMIT>")]`.
#[derive(Debug)]
pub struct Bounded<const MAX_BYTES: usize>;

impl<const MAX_BYTES: usize> Bounded<MAX_BYTES> {
    /// Bytes the list takes, with its length prefix.
    pub fn tls_serialized_len<T: Size>(items: &[T]) -> usize {
        opaque_size(content_size(items))
    }

    /// Writes the list.
    ///
    /// # Errors
    /// The writer's, an element's, or a list longer than `MAX_BYTES`.
    pub fn tls_serialize<T: Serialize, W: Write>(
        items: &[T],
        writer: &mut W,
    ) -> Result<usize, tls_codec::Error> {
        let content = content_size(items);
        if content > MAX_BYTES {
            return Err(EncodeError::TooLong {
                limit: MAX_BYTES,
                found: content,
            }
            .into());
        }
        let mut written = write_length(writer, content)?;
        for item in items {
            written += item.tls_serialize(writer)?;
        }
        Ok(written)
    }

    /// Reads the list. An element that takes no bytes is refused, so that a length cannot make the
    /// reader loop.
    ///
    /// # Errors
    /// What [`DecodeError`] lists.
    pub fn tls_deserialize<T: Deserialize, R: Read>(
        reader: &mut R,
    ) -> Result<Vec<T>, tls_codec::Error> {
        let length = read_bounded_length(reader, MAX_BYTES)?;
        let mut content = reader.take(u64::try_from(length).unwrap_or(u64::MAX));
        let mut items = Vec::new();
        while content.limit() > 0 {
            let before = content.limit();
            items.push(T::tls_deserialize(&mut content)?);
            if content.limit() == before {
                return Err(DecodeError::Malformed("an element takes no bytes".to_owned()).into());
            }
        }
        Ok(items)
    }
}

/// The codec of a `bool` field: one byte, 0 or 1, for `#[tls_codec(with = "flag")]`.
pub mod flag {
    use std::io::{Read, Write};

    use tls_codec::{Deserialize, Serialize};

    use crate::codec::DecodeError;

    /// Bytes a flag takes.
    pub fn tls_serialized_len(_flag: &bool) -> usize {
        1
    }

    /// Writes the flag.
    ///
    /// # Errors
    /// The writer's.
    pub fn tls_serialize<W: Write>(flag: &bool, writer: &mut W) -> Result<usize, tls_codec::Error> {
        u8::from(*flag).tls_serialize(writer)
    }

    /// Reads the flag.
    ///
    /// # Errors
    /// A byte other than 0 and 1, or none.
    pub fn tls_deserialize<R: Read>(reader: &mut R) -> Result<bool, tls_codec::Error> {
        match u8::tls_deserialize(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::unknown("flag", other).into()),
        }
    }
}

/// The codec of a `String` field as `opaque x<V>` of at most `MAX_BYTES` bytes of UTF-8, for
/// `#[tls_codec(with = "Text::<LIMIT>")]`.
#[derive(Debug)]
pub struct Text<const MAX_BYTES: usize>;

impl<const MAX_BYTES: usize> Text<MAX_BYTES> {
    /// Bytes the text takes, with its length prefix.
    pub fn tls_serialized_len(text: &str) -> usize {
        opaque_size(text.len())
    }

    /// Writes the text.
    ///
    /// # Errors
    /// The writer's, or a text longer than `MAX_BYTES`.
    pub fn tls_serialize<W: Write>(text: &str, writer: &mut W) -> Result<usize, tls_codec::Error> {
        if text.len() > MAX_BYTES {
            return Err(EncodeError::TooLong {
                limit: MAX_BYTES,
                found: text.len(),
            }
            .into());
        }
        write_opaque(writer, text.as_bytes())
    }

    /// Reads the text.
    ///
    /// # Errors
    /// What [`DecodeError`] lists; bytes that are not UTF-8 are malformed.
    pub fn tls_deserialize<R: Read>(reader: &mut R) -> Result<String, tls_codec::Error> {
        let bytes = read_opaque(reader, MAX_BYTES)?;
        String::from_utf8(bytes)
            .map_err(|_not_utf8| DecodeError::Malformed("text is not UTF-8".to_owned()).into())
    }
}

fn content_size<T: Size>(items: &[T]) -> usize {
    items.iter().fold(0, |sum: usize, item| {
        sum.saturating_add(item.tls_serialized_len())
    })
}
