//! How one number travels in a binary batch.

use crate::NumberType;

impl NumberType {
    /// Every type, narrowest first; where two are as wide, the one whose values are compared faster comes first.
    pub const ALL: [Self; 4] = [Self::I16, Self::I32, Self::F32, Self::F64];

    /// Bytes that one value takes.
    #[must_use]
    pub const fn n_bytes(self) -> usize {
        match self {
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The name that a schema uses: `i16`, `i32`, `f32` or `f64`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// Whether `value` comes back as the same number after travelling as this type.
    ///
    /// "The same" is meant bit for bit, so an integer type does not hold `-0.0`. A float type holds not-a-number,
    /// though not the payload that some processors keep in its unused bits.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        let returned = match self {
            // `as` saturates and takes NaN to 0, so the comparison below tells every value that does not fit.
            Self::I16 => f64::from(value as i16),
            Self::I32 => f64::from(value as i32),
            Self::F32 => f64::from(value as f32),
            Self::F64 => value,
        };
        let is_float = matches!(self, Self::F32 | Self::F64);
        returned.to_bits() == value.to_bits() || (is_float && value.is_nan())
    }

    /// Appends `value`, which this type has to hold.
    pub(crate) fn push(self, value: f64, out: &mut Vec<u8>) {
        debug_assert!(self.holds(value), "checked by the caller");
        match self {
            Self::I16 => out.extend_from_slice(&(value as i16).to_le_bytes()),
            Self::I32 => out.extend_from_slice(&(value as i32).to_le_bytes()),
            Self::F32 => out.extend_from_slice(&(value as f32).to_le_bytes()),
            Self::F64 => out.extend_from_slice(&value.to_le_bytes()),
        }
    }

    /// Takes one value off the front of `bytes`; `None` if there are too few.
    #[inline]
    pub(crate) fn take(self, bytes: &mut &[u8]) -> Option<f64> {
        Some(match self {
            Self::I16 => f64::from(i16::from_le_bytes(take(bytes)?)),
            Self::I32 => f64::from(i32::from_le_bytes(take(bytes)?)),
            Self::F32 => f64::from(f32::from_le_bytes(take(bytes)?)),
            Self::F64 => f64::from_le_bytes(take(bytes)?),
        })
    }
}

impl std::fmt::Display for NumberType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Takes `N` bytes off the front of `bytes`; `None`, and nothing taken, if there are too few.
#[inline]
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_holds_what_comes_back_bit_for_bit() {
        // Which of i16, i32, f32, f64, in this order.
        let check = |value: f64, expected: [bool; 4]| {
            assert_eq!(
                NumberType::ALL.map(|number_type| number_type.holds(value)),
                expected,
                "{value}"
            );
        };
        check(-32_768.0, [true, true, true, true]);
        check(32_768.0, [false, true, true, true]);
        check(f64::from(i32::MAX), [false, true, false, true]);
        check(2_147_483_648.0, [false, false, true, true]);
        check(-0.0, [false, false, true, true]);
        check(f64::NAN, [false, false, true, true]);
        check(0.5, [false, false, true, true]);
        check(0.1, [false, false, false, true]);
        // 2^24 + 1 fits i32 but not f32.
        check(16_777_217.0, [false, true, false, true]);
        check(1e-45_f32.into(), [false, false, true, true]);
        check(f64::MIN_POSITIVE, [false, false, false, true]);
    }
}
