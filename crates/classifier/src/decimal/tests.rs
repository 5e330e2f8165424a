//! The standard library is the oracle.

use super::{Plain, digits, parse};
use crate::random::Random;

fn check_parse(text: &str) {
    let expected: f64 = text.parse().expect("a number");
    assert_eq!(parse(text).to_bits(), expected.to_bits(), "{text}");
}

/// The text half-way between two positive numbers, exactly.
fn half_way(a: f64, b: f64) -> String {
    // No number has more decimals than 1074.
    let (a, b) = (format!("{a:.1080}"), format!("{b:.1080}"));
    let n = a.len().max(b.len());
    let (a, b) = (format!("{a:0>n$}"), format!("{b:0>n$}"));
    let mut carry = 0;
    let mut sum = Vec::new();
    for (a, b) in a.bytes().rev().zip(b.bytes().rev()) {
        if a != b'.' {
            carry += a - b'0' + b - b'0';
            sum.push(carry % 10);
            carry /= 10;
        }
    }
    sum.push(carry);
    let mut rest = 0;
    let halves = sum.iter().rev().map(|digit| {
        let half = (10 * rest + digit) / 2;
        rest = digit % 2;
        char::from(b'0' + half)
    });
    let mut halves: String = halves.collect();
    halves.insert(halves.len() - 1080, '.');
    halves
}

fn check(number: f64) {
    if !number.is_finite() || number == 0.0 {
        return;
    }
    let (shortest, point) = digits(number);
    let sign = if number < 0.0 { "-" } else { "" };
    let text = format!("{sign}0.{shortest}e{point}");
    assert_eq!(
        text.parse::<f64>().map(f64::to_bits),
        Ok(number.to_bits()),
        "{text}"
    );
    check_parse(&text);
    check_parse(&number.to_string());
    let theirs = format!("{:e}", number.abs());
    let theirs = theirs.split('e').next().expect("digits").replace('.', "");
    assert_eq!(shortest.len(), theirs.len(), "{text} and {theirs}");
    if shortest == theirs {
        assert_eq!(Plain(number).to_string(), number.to_string());
    } else {
        // Two of them are equally near: the even one is taken.
        let all = format!("{:.1100e}", number.abs()).replace('.', "");
        let rest = all[shortest.len()..].split('e').next().expect("digits");
        assert!(rest.trim_end_matches('0') == "5", "{text} and {theirs}");
    }
}

/// All that is hard to read near a number.
fn check_around(number: f64) {
    let number = number.abs();
    let next = f64::from_bits(number.to_bits() + 1);
    if !next.is_finite() {
        return;
    }
    check_parse(&format!("{number:.1100e}"));
    check_parse(&format!("{number:.20e}"));
    let half = half_way(number, next);
    check_parse(&half);
    check_parse(&format!("{half}1"));
    check_parse(&format!("{half}{}1", "0".repeat(900)));
    check_parse(&format!(
        "{}4999",
        half.trim_end_matches('0').strip_suffix('5').unwrap_or(&half)
    ));
}

#[test]
fn numbers_are_written_and_read_as_by_the_standard_library() {
    let mut random = Random(1);
    for round in 0..40_000 {
        let bits = match round % 4 {
            0 => random.next(),
            1 => (random.below(2_000_000) as f64 / 1000.0 - 1000.0).to_bits(),
            // Powers of two and their neighbours, and the smallest numbers.
            2 => ((random.below(2047) as u64) << 52)
                .wrapping_add(random.below(5) as u64)
                .wrapping_sub(2),
            _ => random.next() >> (12 + random.below(52)),
        };
        let number = f64::from_bits(bits);
        check(number);
        if number.is_finite() && round % 40 < 4 {
            check_around(number);
        }
    }
    let ends = [
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::MIN,
        f64::EPSILON,
        5e-324,
        1e16,
        1e22,
        1e23,
        9.007_199_254_740_993e15,
    ];
    for number in ends
        .into_iter()
        .chain((-320..309).map(|power| 10_f64.powi(power)))
    {
        check(number);
        check_around(number);
    }
}

#[test]
fn texts_are_read_as_by_the_standard_library() {
    for text in [
        "0",
        "-0",
        "0.0e99999999999",
        "1e309",
        "-1e309",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "179769313486231580793e289",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-400",
        "1e-99999999999999999999",
        "1e99999999999999999999",
        "0e1",
        "00012.50",
        "1E+2",
        "1E-2",
        "9007199254740993",
        "9007199254740992.5",
        "18446744073709551616",
        "0.000000000000000000000000000001e30",
    ] {
        check_parse(text);
    }
    check_parse(&format!("{}e-400", "1".repeat(500)));
    check_parse(&format!("0.{}1e500", "0".repeat(500)));
    check_parse(&format!("{}.5e-2000", "9".repeat(2000)));
    let mut random = Random(2);
    for _ in 0..60_000 {
        let digits = random.next() >> random.below(64);
        check_parse(&format!("{digits}e{}", random.below(700) as i64 - 370));
        check_parse(&format!("{}.{digits}", random.below(1000)));
    }
}

#[test]
fn numbers_are_shown_as_by_the_standard_library() {
    for number in [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        1e300,
        -1e-300,
        123_456.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        assert_eq!(Plain(number).to_string(), number.to_string());
    }
}
