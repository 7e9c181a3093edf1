//! The six digits that a person compares.

use std::fmt;

/// One more than the largest code.
const CODES: u64 = 1_000_000;

/// Six digits over the whole exchange: equal on both devices, or somebody stands between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(u32);

/// Not six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has six digits")]
pub struct CodeError;

impl Code {
    /// The first eight bytes of a hash, modulo a million.
    pub(super) fn of(hash: &[u8; 32]) -> Self {
        let first = hash.first_chunk::<8>().copied().unwrap_or_default();
        let number = u64::from_be_bytes(first) % CODES;
        Self(u32::try_from(number).unwrap_or_default())
    }

    /// Reads a code that a person typed; spaces do not matter.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let digits: String = text.split_whitespace().collect();
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CodeError);
        }
        digits.parse().map(Self).map_err(|_no_number| CodeError)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {:03}", self.0 / 1000, self.0 % 1000)
    }
}
