//! Times as data files write them, as µs since the Unix epoch.
//!
//! Dates are year first (`2015-02-04` or `2015/02/04`): day and month cannot be told apart in other orders. A time
//! without a zone counts as UTC.

use jiff::{Timestamp, civil};

const MICROS_PER_SEC: i64 = 1_000_000;

/// How a cell tells time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Date and time of day, as µs since the epoch.
    DateTime(i64),
    /// A date alone, as µs since the epoch at its midnight.
    Date(i64),
    /// A time of day alone, as µs since midnight.
    TimeOfDay(i64),
}

/// `None` if the text is not a time.
pub(crate) fn parse(text: &str) -> Option<Clock> {
    let bytes = text.as_bytes();
    if bytes.len() >= 10 && bytes[..4].iter().all(u8::is_ascii_digit) && matches!(bytes[4], b'-' | b'/') {
        parse_dated(text)
    } else if bytes.len() >= 4 && (bytes[1] == b':' || bytes[2] == b':') {
        // `9:05:00` is `09:05:00`.
        let padded = if bytes[1] == b':' {
            format!("0{text}")
        } else {
            text.to_owned()
        };
        let time: civil::Time = padded.parse().ok()?;
        Some(Clock::TimeOfDay(micros(
            civil::date(1970, 1, 1).to_datetime(time),
        )?))
    } else {
        None
    }
}

fn parse_dated(text: &str) -> Option<Clock> {
    // Only the date has slashes; a zone's name may have one too, and is not understood.
    let (date, rest) = text.split_at_checked(10)?;
    let date = date.replace('/', "-");
    if rest.is_empty() {
        let date: civil::Date = date.parse().ok()?;
        return Some(Clock::Date(micros(date.to_datetime(civil::Time::midnight()))?));
    }
    let text = format!("{date}{rest}");
    let instant = text.parse::<Timestamp>().map(|instant| instant.as_microsecond());
    instant
        .ok()
        .or_else(|| micros(text.parse::<civil::DateTime>().ok()?))
        .map(Clock::DateTime)
}

fn micros(time: civil::DateTime) -> Option<i64> {
    jiff::tz::TimeZone::UTC
        .to_timestamp(time)
        .ok()
        .map(|instant| instant.as_microsecond())
}

/// Numbers in a column that is named as a time: s, ms, µs or ns since the epoch by the size of the largest.
///
/// `None` if the numbers are too small to be counted from 1970 in any unit (before March 1973 in seconds): such a
/// column is a measurement like any other.
pub(crate) fn from_epoch_numbers(values: &[f64]) -> Option<Vec<i64>> {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let micros_per_unit = match largest {
        1e8..1e11 => MICROS_PER_SEC as f64,
        1e11..1e14 => 1e3,
        1e14..1e17 => 1.0,
        1e17..1e20 => 1e-3,
        _ => return None,
    };
    (smallest >= 0.0).then(|| {
        values
            .iter()
            .map(|v| (v * micros_per_unit).round() as i64)
            .collect()
    })
}

/// Whether people would read this as a date, though [`parse`] does not: `31.12.2024`, `12/31/2024 10:00`.
pub(crate) fn looks_like_a_date(text: &str) -> bool {
    let date = text.split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split(['.', '/', '-']).collect();
    let n_digits = |part: &&str| {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            part.len()
        } else {
            0
        }
    };
    let is_year = |part: &&&str| n_digits(part) == 4;
    parts.len() == 3
        && parts.iter().filter(is_year).count() == 1
        && parts.iter().all(|part| matches!(n_digits(part), 1 | 2 | 4))
}

/// Whether a column of this name may be a time even if its cells are plain numbers.
pub(crate) fn is_time_name(name: &str) -> bool {
    ["date", "time", "timestamp", "datetime", "date_time", "ts"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_times_are_understood_and_nothing_else() {
        let check = |text: &str, expected: Option<Clock>| assert_eq!(parse(text), expected, "{text}");
        let feb_4 = 1_423_008_000 * MICROS_PER_SEC;
        let at = |secs: i64| Some(Clock::DateTime(feb_4 + secs * MICROS_PER_SEC));
        check("2015-02-04", Some(Clock::Date(feb_4)));
        check("2015/02/04", Some(Clock::Date(feb_4)));
        check("2015-02-04 17:51:00", at(64_260));
        check(
            "2015-02-04T17:51:00.25Z",
            Some(Clock::DateTime(feb_4 + 64_260_250_000)),
        );
        check("2015/02/04 17:51:00", at(64_260));
        check("2015-02-04T17:51:00+01:00", at(60_660));
        check("00:00:01", Some(Clock::TimeOfDay(MICROS_PER_SEC)));
        check("9:05:00", Some(Clock::TimeOfDay(32_700 * MICROS_PER_SEC)));
        for text in [
            "",
            "2015",
            "20150204",
            "1e-5",
            "04.02.2015",
            "2015-13-01",
            "2015-02-30 00:00:00",
            "25:00:00",
            "a:b",
            "12:",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn dates_in_other_orders_are_told_from_other_texts() {
        for text in ["31.12.2024", "12/31/2024", "1-2-2024 10:00", "2024-13-01T00:00"] {
            assert!(parse(text).is_none() && looks_like_a_date(text), "{text}");
        }
        for text in [
            "",
            "1.2.3",
            "192.168.1.1",
            "2024",
            "red",
            "31.12.",
            "1.2024.2024",
            "a.b.2024",
        ] {
            assert!(!looks_like_a_date(text), "{text}");
        }
    }

    #[test]
    fn epoch_numbers_are_scaled_by_their_size() {
        let at = 1_423_072_260_i64 * MICROS_PER_SEC;
        for unit in [1.0, 1e3, 1e6, 1e9] {
            assert_eq!(from_epoch_numbers(&[1_423_072_260.0 * unit]), Some(vec![at]));
        }
        assert_eq!(from_epoch_numbers(&[0.0, 12.5, 7_200.0]), None);
        assert_eq!(from_epoch_numbers(&[-1.0, 1.5e9]), None);
        assert_eq!(from_epoch_numbers(&[]), None);
    }
}
