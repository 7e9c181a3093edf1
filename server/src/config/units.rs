//! Sizes as people write them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes, written «512 MiB», «64KiB» or «4096».
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

/// Not a size.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a size such as 512 MiB (units: B, KiB, MiB, GiB, TiB)")]
pub struct InvalidByteSize(String);

impl ByteSize {
    /// A size in bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    fn from_str(text: &str) -> Result<Self, InvalidByteSize> {
        let invalid = || InvalidByteSize(text.to_owned());
        let digits = text
            .trim()
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.trim().len());
        let (number, unit) = text.trim().split_at_checked(digits).ok_or_else(invalid)?;
        let number: u64 = number.parse().map_err(|_invalid| invalid())?;
        let shift = match unit.trim() {
            "" | "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            "TiB" => 40,
            _ => return Err(invalid()),
        };
        number.checked_mul(1 << shift).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
            let one = 1_u64 << shift;
            if self.0 >= one && self.0.is_multiple_of(one) {
                return write!(f, "{} {unit}", self.0 / one);
            }
        }
        write!(f, "{} B", self.0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_written_and_nothing_else_is() {
        for (text, bytes) in [
            ("512 MiB", 512 << 20),
            ("64KiB", 65_536),
            ("0", 0),
            (" 7 B ", 7),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap().bytes(), bytes, "{text}");
        }
        for text in ["", "MiB", "1 MB", "-1", "1.5 GiB", "99999999 TiB", "5 ü"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn display_and_parse_are_inverse() {
        for bytes in [0, 1, 1023, 1024, 512 << 20, (1 << 40) + 1] {
            let size = ByteSize::new(bytes);
            assert_eq!(size.to_string().parse::<ByteSize>().unwrap(), size);
        }
    }
}
