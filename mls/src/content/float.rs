//! Floating-point numbers in their shortest exact form, which deterministic CBOR asks for.
//!
//! Pure arithmetic on bits (IEEE 754). Must not know CBOR.
//!
//! The surprise: numbers are kept and compared as the bits of an `f64`, so that 0.0 and -0.0 stay
//! two values and a value that is not a number equals itself.

/// The one form of a value that is not a number.
pub(super) const NOT_A_NUMBER: u64 = 0x7ff8_0000_0000_0000;

/// Bits of exponent and of fraction.
#[derive(Clone, Copy)]
pub(super) struct Format {
    exponent: u32,
    fraction: u32,
}

/// `binary16`.
pub(super) const HALF: Format = Format {
    exponent: 5,
    fraction: 10,
};
/// `binary32`.
pub(super) const SINGLE: Format = Format {
    exponent: 8,
    fraction: 23,
};

const DOUBLE_FRACTION: u32 = 52;
const DOUBLE_BIAS: i32 = 1023;

impl Format {
    fn bias(self) -> i32 {
        (1 << (self.exponent - 1)) - 1
    }

    /// The bits of the `f64` with this format's value.
    pub(super) fn widen(self, bits: u64) -> u64 {
        let sign = (bits >> (self.exponent + self.fraction)) << 63;
        let fraction = bits & ((1 << self.fraction) - 1);
        let exponent = (bits >> self.fraction) & ((1 << self.exponent) - 1);
        let shift = DOUBLE_FRACTION - self.fraction;
        if exponent == (1 << self.exponent) - 1 {
            return if fraction == 0 {
                sign | (0x7ff << DOUBLE_FRACTION)
            } else {
                NOT_A_NUMBER
            };
        }
        if exponent > 0 {
            return sign
                | (rebias(exponent, DOUBLE_BIAS - self.bias()) << DOUBLE_FRACTION)
                | (fraction << shift);
        }
        if fraction == 0 {
            return sign;
        }
        // A subnormal of the small format is normal in the large one: shift its highest bit to the
        // hidden place.
        let up = fraction.leading_zeros() - (63 - self.fraction);
        let exponent = DOUBLE_BIAS - self.bias() + 1 - i32::try_from(up).unwrap_or_default();
        let normal = (fraction << up) & ((1 << self.fraction) - 1);
        sign | (rebias(0, exponent) << DOUBLE_FRACTION) | (normal << shift)
    }

    /// The bits in this format, if it holds the value exactly.
    pub(super) fn narrow(self, double: u64) -> Option<u64> {
        let sign = (double >> 63) << (self.exponent + self.fraction);
        let highest = ((1_u64 << self.exponent) - 1) << self.fraction;
        let fraction = double & ((1 << DOUBLE_FRACTION) - 1);
        let exponent = (double >> DOUBLE_FRACTION) & 0x7ff;
        let shift = DOUBLE_FRACTION - self.fraction;
        match (exponent, fraction) {
            (0x7ff, 0) => return Some(sign | highest),
            (0x7ff, _) => return Some(highest | (1 << (self.fraction - 1))),
            (0, 0) => return Some(sign),
            (0, _) => return None,
            _ => {}
        }
        let exponent = i32::try_from(exponent).ok()? - DOUBLE_BIAS + self.bias();
        if exponent >= (1 << self.exponent) - 1 {
            return None;
        }
        if exponent > 0 {
            return exact_shift(fraction, shift)
                .map(|fraction| sign | (rebias(0, exponent) << self.fraction) | fraction);
        }
        let down = shift.checked_add(u32::try_from(1 - exponent).ok()?)?;
        exact_shift(fraction | (1 << DOUBLE_FRACTION), down)
            .filter(|fraction| *fraction > 0)
            .map(|fraction| sign | fraction)
    }
}

fn rebias(exponent: u64, by: i32) -> u64 {
    exponent.saturating_add_signed(i64::from(by))
}

/// Shifts right if no bit is lost.
fn exact_shift(value: u64, by: u32) -> Option<u64> {
    let shifted = value.checked_shr(by)?;
    (shifted.checked_shl(by)? == value).then_some(shifted)
}

#[cfg(test)]
mod tests {
    use super::{HALF, NOT_A_NUMBER, SINGLE};

    #[test]
    fn known_values_of_rfc_8949() {
        for (value, half) in [
            (0.0_f64, 0x0000),
            (-0.0, 0x8000),
            (1.0, 0x3c00),
            (1.5, 0x3e00),
            (65504.0, 0x7bff),
            (5.960_464_477_539_063e-8, 0x0001),
            (0.000_061_035_156_25, 0x0400),
            (-4.0, 0xc400),
            (f64::INFINITY, 0x7c00),
            (f64::NEG_INFINITY, 0xfc00),
        ] {
            assert_eq!(HALF.narrow(value.to_bits()), Some(half), "{value}");
            assert_eq!(HALF.widen(half), value.to_bits(), "{value}");
        }
        assert_eq!(HALF.narrow(NOT_A_NUMBER), Some(0x7e00));
        assert_eq!(HALF.widen(0x7e01), NOT_A_NUMBER);
        for value in [100_000.0_f64, 3.402_823_466_385_288_6e38] {
            assert_eq!(HALF.narrow(value.to_bits()), None, "{value}");
            assert!(SINGLE.narrow(value.to_bits()).is_some(), "{value}");
        }
        for value in [1.1_f64, 1.0e300, -4.1, 5e-324] {
            assert_eq!(SINGLE.narrow(value.to_bits()), None, "{value}");
        }
    }

    #[test]
    fn singles_agree_with_the_processor() {
        for bits in [
            1_u32,
            0x007f_ffff,
            0x0080_0000,
            0x3f80_0001,
            0x7f7f_ffff,
            0x8000_0001,
            0xc2ff_0000,
            0x7f80_0000,
        ] {
            let value = f64::from(f32::from_bits(bits));
            assert_eq!(SINGLE.widen(u64::from(bits)), value.to_bits(), "{bits:#x}");
            assert_eq!(
                SINGLE.narrow(value.to_bits()),
                Some(u64::from(bits)),
                "{bits:#x}"
            );
        }
    }
}
