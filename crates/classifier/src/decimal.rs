//! f64 to decimal text and back, exactly, in little code.
//!
//! The text is the shortest that brings the number back, and of the shortest the nearest; what is read is the nearest
//! number, the even one of two that are equally near. Both by whole numbers of any length, which is slow (microseconds)
//! and short: the standard library's ways are fast, and take 20 kB of tables and code of what a page loads, gzipped.
//! Here they are read and written by the dozen: scales and weights of a model file, a number in an error.
//!
//! Source: G. Steele and J. White, "How to print floating-point numbers accurately", PLDI 1990 (the digits); W. Clinger,
//! "How to read floating point numbers accurately", PLDI 1990 (when a product or quotient of two f64 is enough).

use std::cmp::Ordering;
use std::fmt;

/// Bits of an f64's fraction.
const FRACTION_BITS: u32 = 52;
/// The exponent of the smallest number, which is 2 to this power.
const MIN_EXPONENT: i32 = -1074;
/// What the exponent bits of the largest numbers are, less one.
const MAX_EXPONENTS: u64 = 0x7fd;
/// Digits that are looked at: no number half-way between two f64 has more than 767. Of those that follow it only matters
/// whether any is not 0.
const MAX_DIGITS: usize = 770;
/// Whole numbers below this are all f64, and so are the powers of ten up to 10^22.
const MAX_EXACT: u64 = 1 << 53;
const MAX_EXACT_POWER: i32 = 22;
/// 5^13 fits a word, and so do 9 digits.
const MAX_POWER_OF_FIVE: u32 = 13;
const DIGITS_OF_WORD: u32 = 9;

/// A whole number, 32 bits a word, the lowest first and the highest not 0.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whole(Vec<u32>);

impl Whole {
    fn new(number: u64) -> Self {
        let mut whole = Self(vec![number as u32, (number >> 32) as u32]);
        whole.trim();
        whole
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    /// `self * factor + term`.
    fn multiply(&mut self, factor: u32, term: u32) {
        let mut carry = u64::from(term);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn multiply_by_power_of_five(&mut self, mut power: u32) {
        while power > 0 {
            let part = power.min(MAX_POWER_OF_FIVE);
            self.multiply(5_u32.pow(part), 0);
            power -= part;
        }
    }

    fn shift_left(&mut self, n_bits: u32) {
        self.multiply(1 << (n_bits % 32), 0);
        if !self.0.is_empty() {
            let mut words = vec![0; (n_bits / 32) as usize];
            words.append(&mut self.0);
            self.0 = words;
        }
    }

    fn n_bits(&self) -> u32 {
        let of_last = self.0.last().map_or(0, |word| 32 - word.leading_zeros());
        of_last + 32 * (self.0.len() as u32).saturating_sub(1)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let by_words = self.0.iter().rev().cmp(other.0.iter().rev());
        self.0.len().cmp(&other.0.len()).then(by_words)
    }

    /// Subtracts `other` if it is not larger; says whether it was not.
    fn subtract(&mut self, other: &Self) -> bool {
        if self.compare(other).is_lt() {
            return false;
        }
        let mut borrow = false;
        for (at, word) in self.0.iter_mut().enumerate() {
            let (less, below) = word.overflowing_sub(other.0.get(at).copied().unwrap_or(0));
            let (less, again) = less.overflowing_sub(borrow.into());
            *word = less;
            borrow = below || again;
        }
        self.trim();
        true
    }

    /// Takes as many times `divisor` away as it can, and says how many: fewer than 2^32 by what the caller knows. The highest
    /// bit of the divisor's highest word is set.
    fn divide(&mut self, divisor: &Self) -> u32 {
        let Some((highest, rest)) = divisor.0.split_last() else {
            return 0;
        };
        let word = |at: usize| u64::from(self.0.get(at).copied().unwrap_or(0));
        let high_words = word(rest.len() + 1) << 32 | word(rest.len());
        // A few too small at most, as the divisor's lower words are rounded up and ours down.
        let mut quotient = (high_words / (u64::from(*highest) + 1)) as u32;
        let mut product = divisor.clone();
        product.multiply(quotient, 0);
        product.trim();
        self.subtract(&product);
        while self.subtract(divisor) {
            quotient += 1;
        }
        quotient
    }

    fn sum(&self, other: &Self) -> Self {
        let mut words = Vec::with_capacity(self.0.len().max(other.0.len()) + 1);
        let mut carry = 0;
        for at in 0..words.capacity() {
            let of = |whole: &Self| u64::from(whole.0.get(at).copied().unwrap_or(0));
            carry += of(self) + of(other);
            words.push(carry as u32);
            carry >>= 32;
        }
        let mut sum = Self(words);
        sum.trim();
        sum
    }
}

/// The digits of a finite number but 0 without its sign, as ASCII, and how many of them are before the point.
pub(crate) fn digits(number: f64) -> (String, i32) {
    let bits = number.to_bits() & (u64::MAX >> 1);
    let (fraction, biased) = (bits & ((1 << FRACTION_BITS) - 1), (bits >> FRACTION_BITS) as i32);
    let (mantissa, exponent) = match biased {
        0 => (fraction, MIN_EXPONENT),
        _ => (fraction | 1 << FRACTION_BITS, MIN_EXPONENT + biased - 1),
    };
    // The number is rest / unit. It is what is read from anything nearer than half the way to the next number: above/unit
    // and below/unit, the latter half as far under a power of two. At half the way the even one is read.
    let mut rest = Whole::new(mantissa);
    let (mut unit, mut above, mut below) = (Whole::new(1), Whole::new(1), Whole::new(1));
    let is_power_of_two = fraction == 0 && biased > 1;
    let extra = if is_power_of_two { 2 } else { 1 };
    let up = exponent.max(0).unsigned_abs();
    rest.shift_left(up + extra);
    unit.shift_left((-exponent).max(0).unsigned_abs() + extra);
    above.shift_left(up + extra - 1);
    below.shift_left(up);
    let is_even = mantissa % 2 == 0;
    let reaches = |sum: Ordering| sum.is_gt() || (is_even && sum.is_eq());

    let mut point = 0;
    while reaches(rest.sum(&above).compare(&unit)) {
        unit.multiply(10, 0);
        point += 1;
    }
    let mut digits = String::new();
    loop {
        for whole in [&mut rest, &mut above, &mut below] {
            whole.multiply(10, 0);
        }
        let mut digit = 0;
        while rest.subtract(&unit) {
            digit += 1;
        }
        let may_stay = reaches(below.compare(&rest));
        let may_grow = reaches(rest.sum(&above).compare(&unit));
        if !may_stay && !may_grow {
            if digits.is_empty() && digit == 0 {
                point -= 1;
            } else {
                digits.push(char::from(b'0' + digit));
            }
            continue;
        }
        let half = rest.sum(&rest).compare(&unit);
        let is_nearer_up = half.is_gt() || (half.is_eq() && digit % 2 == 1);
        let grows = may_grow && (!may_stay || is_nearer_up);
        digits.push(char::from(b'0' + digit + u8::from(grows)));
        return (digits, point);
    }
}

/// The first `n` of some digits, and the rest. `str::split_at` would bring the words in which it complains, 2 kB of them.
pub(crate) fn split(digits: &str, n: usize) -> (&str, &str) {
    digits.split_at_checked(n).unwrap_or((digits, ""))
}

/// The number of a text that is digits with at most one point among them, maybe after a minus, maybe before an `e` or `E`
/// and a whole number with or without sign. Too large ones are infinite.
pub(crate) fn parse(text: &str) -> f64 {
    let (text, is_negative) = match text.strip_prefix('-') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (decimal, exponent) = text.split_once(['e', 'E']).unwrap_or((text, ""));
    let mut power = 0_i32;
    for byte in exponent.bytes().filter(u8::is_ascii_digit) {
        // Far beyond what digits of any text could make up for.
        power = power.saturating_mul(10).saturating_add(i32::from(byte - b'0'));
    }
    let mut power = i64::from(if exponent.starts_with('-') { -power } else { power });

    let mut number = Whole(Vec::new());
    let (mut n_digits, mut is_after_point, mut is_more) = (0, false, false);
    // Digits that are not in the number yet, and ten to the power of how many they are.
    let (mut word, mut ten_to_n) = (0, 1);
    for byte in decimal.bytes() {
        if byte == b'.' {
            is_after_point = true;
            continue;
        }
        power -= i64::from(is_after_point);
        n_digits += usize::from(n_digits > 0 || byte != b'0');
        if n_digits <= MAX_DIGITS {
            word = 10 * word + u32::from(byte - b'0');
            ten_to_n *= 10;
            if ten_to_n == 10_u32.pow(DIGITS_OF_WORD) {
                number.multiply(ten_to_n, word);
                (word, ten_to_n) = (0, 1);
            }
        } else {
            is_more |= byte != b'0';
            power += 1;
        }
    }
    number.multiply(ten_to_n, word);
    // One digit for all that were left out.
    if is_more {
        number.multiply(10, 1);
        power -= 1;
    }
    let n_whole_digits = n_digits.min(MAX_DIGITS + 1) as i64 + power;
    let magnitude = if number.0.is_empty() || n_whole_digits < -400 {
        0.0
    } else if n_whole_digits > 400 {
        f64::INFINITY
    } else {
        scaled(number, power as i32)
    };
    if is_negative { -magnitude } else { magnitude }
}

/// The f64 nearest to `number * 10^power`.
fn scaled(mut number: Whole, power: i32) -> f64 {
    if let [low, ref high @ ..] = number.0[..]
        && high.len() < 2
        && power.abs() <= MAX_EXACT_POWER
    {
        let exact = u64::from(high.first().copied().unwrap_or(0)) << 32 | u64::from(low);
        if exact < MAX_EXACT {
            let mut ten = 1.0;
            (0..power.abs()).for_each(|_| ten *= 10.0);
            return if power < 0 {
                exact as f64 / ten
            } else {
                exact as f64 * ten
            };
        }
    }
    // Ten is five times two, and powers of two only shift.
    let mut divisor = Whole::new(1);
    number.multiply_by_power_of_five(power.max(0).unsigned_abs());
    divisor.multiply_by_power_of_five((-power).max(0).unsigned_abs());
    // number / divisor * 2^shift is between 2^62 and 2^64: a quotient of 64 bits, taken in two words.
    let shift = 63 - (number.n_bits() as i32 - divisor.n_bits() as i32);
    let (up, down) = ((shift - 32).max(0) as u32, (32 - shift).max(0) as u32);
    // Both go up further, until the divisor fills its highest word.
    let to_word = (divisor.n_bits() + down).wrapping_neg() % 32;
    number.shift_left(up + to_word);
    divisor.shift_left(down + to_word);
    let mut quotient = u64::from(number.divide(&divisor)) << 32;
    number.shift_left(32);
    quotient |= u64::from(number.divide(&divisor));
    let n_bits = 64 - quotient.leading_zeros() as i32;
    let exponent = n_bits - 1 - shift + power;
    // Bits to be kept: fewer and fewer among the smallest numbers.
    let n_kept = (exponent - MIN_EXPONENT + 1).min(FRACTION_BITS as i32 + 1);
    if n_kept < 0 {
        return 0.0;
    }
    let n_dropped = (n_bits - n_kept) as u32;
    let wide = u128::from(quotient);
    let kept = (wide >> n_dropped) as u64;
    let dropped = wide & ((1 << n_dropped) - 1);
    let is_up = match dropped.cmp(&(1 << (n_dropped - 1))) {
        Ordering::Less => false,
        Ordering::Equal => !number.0.is_empty() || kept % 2 == 1,
        Ordering::Greater => true,
    };
    // What is carried goes into the exponent, up to that of infinity.
    let exponents = (exponent - MIN_EXPONENT - FRACTION_BITS as i32).max(0) as u64;
    let fraction = kept + u64::from(is_up);
    if exponents > MAX_EXPONENTS {
        return f64::INFINITY;
    }
    f64::from_bits((exponents << FRACTION_BITS) + fraction)
}

/// Shows a number as [`f64`] itself does: all its digits and no exponent.
pub(crate) struct Plain(pub(crate) f64);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0;
        if number.is_nan() {
            return f.write_str("NaN");
        }
        if number.is_sign_negative() {
            f.write_str("-")?;
        }
        if number.is_infinite() {
            return f.write_str("inf");
        }
        if number == 0.0 {
            return f.write_str("0");
        }
        let (digits, point) = digits(number);
        let zeros = |f: &mut fmt::Formatter<'_>, n: i32| (0..n).try_for_each(|_| f.write_str("0"));
        let n_whole = (point.max(0) as usize).min(digits.len());
        let (whole, rest) = split(&digits, n_whole);
        f.write_str(if whole.is_empty() { "0" } else { whole })?;
        zeros(f, point - digits.len() as i32)?;
        if !rest.is_empty() {
            f.write_str(".")?;
            zeros(f, -point)?;
            f.write_str(rest)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
