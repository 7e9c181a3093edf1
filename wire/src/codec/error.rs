//! What can be wrong with bytes, and how that passes through `tls_codec`.
//!
//! `tls_codec` has one fixed error enum between our decoders and their caller. It has no room for a
//! limit or for what was unknown, so these two travel through its text and are read back here: the
//! text is made and read in this file only.

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The structure is broken; the text says where.
    #[error("malformed: {0}")]
    Malformed(String),
    /// A length prefix is longer than needed (RFC 9420, section 2.1.2).
    #[error("a length prefix is not in its shortest form")]
    NotMinimal,
    /// A vector is longer than its bound. Units: bytes.
    #[error("a vector of {found} bytes exceeds its limit of {limit}")]
    TooLong {
        /// The bound.
        limit: usize,
        /// The length that was claimed.
        found: usize,
    },
    /// So many bytes stand behind the value.
    #[error("{0} bytes stand behind the end")]
    Trailing(usize),
    /// The bytes end within the value.
    #[error("the bytes end too early")]
    Truncated,
    /// A code point this version does not know.
    #[error("unknown {what} {value}")]
    Unknown {
        /// What the value should name.
        what: String,
        /// The value found.
        value: u64,
    },
}

impl DecodeError {
    /// [`Self::Unknown`] of a code point that should name a `what`.
    pub fn unknown(what: &str, value: impl Into<u64>) -> Self {
        Self::Unknown {
            what: what.to_owned(),
            value: value.into(),
        }
    }

    /// [`Self::Malformed`] with where.
    pub fn malformed(what: &str) -> Self {
        Self::Malformed(what.to_owned())
    }
}

/// Why a value cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The value contradicts itself; the text says how.
    #[error("cannot be encoded: {0}")]
    Malformed(String),
    /// A vector is longer than its bound. Units: bytes.
    #[error("a vector of {found} bytes exceeds its limit of {limit}")]
    TooLong {
        /// The bound.
        limit: usize,
        /// The length it has.
        found: usize,
    },
}

const TOO_LONG: &str = "too long: ";
const UNKNOWN: &str = "unknown: ";

impl From<DecodeError> for tls_codec::Error {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed(what) => Self::DecodingError(what),
            DecodeError::NotMinimal => Self::InvalidVectorLength,
            DecodeError::TooLong { limit, found } => {
                Self::DecodingError(format!("{TOO_LONG}{limit} {found}"))
            }
            DecodeError::Trailing(_) => Self::TrailingData,
            DecodeError::Truncated => Self::EndOfStream,
            DecodeError::Unknown { what, value } => {
                Self::DecodingError(format!("{UNKNOWN}{value} {what}"))
            }
        }
    }
}

impl From<tls_codec::Error> for DecodeError {
    fn from(error: tls_codec::Error) -> Self {
        use tls_codec::Error as Tls;
        match error {
            Tls::DecodingError(text) => too_long(&text)
                .map(|(limit, found)| Self::TooLong { limit, found })
                .or_else(|| unknown(&text))
                .unwrap_or(Self::Malformed(text)),
            Tls::EndOfStream => Self::Truncated,
            Tls::InvalidVectorLength => Self::NotMinimal,
            Tls::TrailingData => Self::Malformed("bytes stand behind the end".to_owned()),
            Tls::UnknownValue(value) => Self::unknown("value", value),
            other => Self::Malformed(other.to_string()),
        }
    }
}

impl From<EncodeError> for tls_codec::Error {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Malformed(what) => Self::EncodingError(what),
            EncodeError::TooLong { limit, found } => {
                Self::EncodingError(format!("{TOO_LONG}{limit} {found}"))
            }
        }
    }
}

impl From<tls_codec::Error> for EncodeError {
    fn from(error: tls_codec::Error) -> Self {
        match error {
            tls_codec::Error::EncodingError(text) => match too_long(&text) {
                Some((limit, found)) => Self::TooLong { limit, found },
                None => Self::Malformed(text),
            },
            other => Self::Malformed(other.to_string()),
        }
    }
}

fn too_long(text: &str) -> Option<(usize, usize)> {
    let (limit, found) = text.strip_prefix(TOO_LONG)?.split_once(' ')?;
    Some((limit.parse().ok()?, found.parse().ok()?))
}

fn unknown(text: &str) -> Option<DecodeError> {
    let (value, what) = text.strip_prefix(UNKNOWN)?.split_once(' ')?;
    Some(DecodeError::Unknown {
        what: what.to_owned(),
        value: value.parse().ok()?,
    })
}
