//! An identity as 60 digits, for people who compare it by another way than this one.
//!
//! Must not know where it is shown or typed.
//!
//! The surprise: it is made of the recovery keys and of nothing else, so it stays the same when a
//! user renews the identity, or gets another device.

use std::fmt;

use grove_wire::uri::UserUri;
use sha2::{Digest as _, Sha512};

use super::continuity::Identity;
use super::keys::Label;

/// Groups of five digits. Each is made of so many bytes of the hash, whose 64 hold them.
const GROUPS: usize = 12;
const BYTES_PER_GROUP: usize = 5;

/// The text is not a safety number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a safety number has 60 digits")]
pub struct SafetyNumberError;

/// 60 digits, about 199 bits: nobody can make another identity with the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SafetyNumber([u32; GROUPS]);

impl Identity {
    /// The number people compare: of SHA-512 over the user and all recovery keys, the first 60
    /// bytes, five by five, modulo 100,000.
    pub fn safety_number(&self, user: &UserUri) -> SafetyNumber {
        let hash = Sha512::digest(Label::SafetyNumber.frame(&self.keys_of(user)));
        let mut groups = [0; GROUPS];
        for (group, bytes) in groups.iter_mut().zip(hash.chunks_exact(BYTES_PER_GROUP)) {
            let number = bytes
                .iter()
                .fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
            *group = u32::try_from(number % 100_000).unwrap_or_default();
        }
        SafetyNumber(groups)
    }
}

impl SafetyNumber {
    /// Reads 60 digits. White space does not matter.
    ///
    /// # Errors
    /// [`SafetyNumberError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, SafetyNumberError> {
        let digits: Vec<u32> = text
            .chars()
            .filter(|one| !one.is_whitespace())
            .map(|one| one.to_digit(10).ok_or(SafetyNumberError))
            .collect::<Result<_, _>>()?;
        let (fives, rest) = digits.as_chunks::<5>();
        if fives.len() != GROUPS || !rest.is_empty() {
            return Err(SafetyNumberError);
        }
        let mut groups = [0; GROUPS];
        for (group, five) in groups.iter_mut().zip(fives) {
            *group = five.iter().fold(0, |all, digit| all * 10 + digit);
        }
        Ok(Self(groups))
    }
}

impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, group) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{group:05}")?;
        }
        Ok(())
    }
}
