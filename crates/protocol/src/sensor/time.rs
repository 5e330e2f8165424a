//! When a reading was taken: numbers told apart by magnitude, ISO 8601, and clocks that start with the device.

use super::value::Value;
use super::{SensorError, SensorTime, TimeKind};

/// A number is a time since 1970 if it is in this window around its arrival, in some unit. The window has to be narrow,
/// because clocks that start with the device run through all such numbers too: milliseconds since 20 days ago look like
/// seconds since 1970. It has room for what a logger sends after some weeks without a network.
const WINDOW_BEFORE_MICROS: f64 = 30.0 * 86_400e6;
const WINDOW_AFTER_MICROS: f64 = 86_400e6;

/// Units of numbers: how many make a second.
const UNITS: [(f64, TimeKind); 4] = [
    (1.0, TimeKind::Seconds),
    (1e3, TimeKind::Millis),
    (1e6, TimeKind::Micros),
    (1e9, TimeKind::Nanos),
];

/// A time as it was sent; what it means depends on when its message arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum RawTime {
    /// Microseconds since the Unix epoch, beyond doubt.
    Epoch { micros: u64, kind: TimeKind },
    /// A date and time without a zone, as microseconds since the epoch if it were in UTC.
    Zoneless { micros: i64 },
    /// A number, since 1970 or since the device started; finite, not negative.
    Number { value: f64 },
    /// Of a clock that started with the device, in a unit that the format says.
    SinceBoot { value: f64, per_sec: f64 },
    /// Seconds after (or, negative, before) the arrival of the message.
    SinceArrival { secs: f64 },
}

impl RawTime {
    /// A time under the key `name`; `None` for null.
    pub(super) fn from_value(name: &str, value: &Value<'_>) -> Result<Option<Self>, SensorError> {
        let time = match value {
            Value::Null => return Ok(None),
            Value::Text(text) => Self::from_text(text),
            value => value.as_number().and_then(Self::from_number),
        };
        time.map(Some).ok_or_else(|| SensorError::BadTime {
            name: super::error::quoted(name),
            actual: value.describe(),
        })
    }

    /// A time as text: ISO 8601 or a number.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        iso_8601(text).or_else(|| Self::from_number(text.parse().ok()?))
    }

    pub(super) fn from_number(value: f64) -> Option<Self> {
        // No clock counts beyond: 2^63 nanoseconds are 292 years.
        (0.0..9.3e18).contains(&value).then_some(Self::Number { value })
    }

    /// Seconds since the epoch, whenever that was.
    pub(super) fn from_secs(secs: f64) -> Option<Self> {
        let micros = (secs * 1e6).round();
        let kind = TimeKind::Seconds;
        (0.0..9.3e18).contains(&micros).then_some(Self::Epoch {
            micros: micros as u64,
            kind,
        })
    }

    /// Microseconds since the epoch, or since the device started if that would be before September 2001.
    pub(super) fn from_micros(micros: u64) -> Option<Self> {
        let kind = TimeKind::Micros;
        match micros < 1_000_000_000_000_000 {
            true => Some(Self::SinceBoot {
                value: micros as f64,
                per_sec: 1e6,
            }),
            false => Some(Self::Epoch { micros, kind }),
        }
    }

    /// The same time in a known unit since the device's start, if it is a number.
    pub(super) fn since_boot(self, per_sec: f64) -> Self {
        match self {
            Self::Number { value } => Self::SinceBoot { value, per_sec },
            other => other,
        }
    }
}

/// A number as microseconds since the epoch, if there is a unit in which it is near its arrival.
fn since_epoch(value: f64, arrived_micros: u64) -> Option<(u64, TimeKind)> {
    let arrived = arrived_micros as f64;
    UNITS.into_iter().find_map(|(per_sec, kind)| {
        // Divisor and factor are whole numbers, so this rounds once; nanoseconds become microseconds here.
        let micros = match per_sec > 1e6 {
            true => value / (per_sec / 1e6),
            false => value * (1e6 / per_sec),
        };
        let is_near = (arrived - WINDOW_BEFORE_MICROS..=arrived + WINDOW_AFTER_MICROS).contains(&micros);
        is_near.then_some((micros.round() as u64, kind))
    })
}

/// Date and time as RFC 3339 has it, also with a space for the `T`, a zone without colon, no seconds or no zone.
fn iso_8601(text: &str) -> Option<RawTime> {
    let bytes = text.as_bytes();
    // Year, then month, day, hour and minute with a separator before each.
    let year = two_digits(bytes.get(..2)?)? * 100 + two_digits(bytes.get(2..4)?)?;
    let mut fields = [0; 4];
    for (idx, separators) in ["-", "-", "Tt ", ":"].into_iter().enumerate() {
        let &[separator, tens, ones] = bytes.get(4 + 3 * idx..)?.first_chunk()?;
        if !separators.as_bytes().contains(&separator) {
            return None;
        }
        fields[idx] = two_digits(&[tens, ones])?;
    }
    let [month, day, hour, minute] = fields;
    let (mut rest, mut second, mut fraction_micros) = (&bytes[16..], 0, 0);
    if let [b':', after @ ..] = rest {
        second = two_digits(after.get(..2)?)?;
        rest = &after[2..];
        if let [b'.' | b',', after @ ..] = rest {
            let n_digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if n_digits == 0 {
                return None;
            }
            // Digits beyond microseconds are cut off.
            let digits = after[..n_digits].iter().chain([b'0'; 6].iter()).take(6);
            fraction_micros = digits.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
            rest = &after[n_digits..];
        }
    }
    let zone_minutes = match rest {
        [] => None,
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let (hours, minutes) = match zone {
                [_, _] => (zone, None),
                [_, _, b':', _, _] => (&zone[..2], Some(&zone[3..])),
                [_, _, _, _] => (&zone[..2], Some(&zone[2..])),
                _ => return None,
            };
            let (hours, minutes) = (two_digits(hours)?, minutes.map_or(Some(0), two_digits)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            Some((hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 })
        }
        _ => return None,
    };
    let days = days_since_epoch(year, month, day)?;
    // A leap second, `:60`, is the first second of the next minute, as POSIX has it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let local_minutes = (days * 24 + hour) * 60 + minute;
    let micros = |minutes: i64| (minutes * 60 + second) * 1_000_000 + fraction_micros;
    match zone_minutes {
        None => Some(RawTime::Zoneless {
            micros: micros(local_minutes),
        }),
        Some(zone) => Some(RawTime::Epoch {
            micros: u64::try_from(micros(local_minutes - zone)).ok()?,
            kind: TimeKind::Iso8601,
        }),
    }
}

fn two_digits(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(i64::from((tens - b'0') * 10 + (ones - b'0'))),
        _ => None,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; `None` if there is no such date, or it is before.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let n_days = *months.get(usize::try_from(month - 1).ok()?)?;
    if year < 1970 || !(1..=n_days).contains(&day) {
        return None;
    }
    let leap_days_until = |year: i64| year / 4 - year / 100 + year / 400;
    let before_year = (year - 1970) * 365 + leap_days_until(year - 1) - leap_days_until(1969);
    let before_month: i64 = months.iter().take(month as usize - 1).sum();
    Some(before_year + before_month + day - 1)
}

/// Relates a device's own clock, which starts with the device, to the time of arrival.
///
/// A [`SensorDecoder`](super::SensorDecoder) has one. Whoever decodes the messages of one device with several decoders, one after
/// the other, hands it on, so that times stay as far apart as they were on the device.
///
/// The unit is found by comparing how fast device and arrival advance; until 0.2 s have passed an integer counts as
/// milliseconds and a fraction as seconds. The offset is that of the fastest message so far: no reading is dated after
/// its arrival, and a message that waited on its way keeps its true time. A clock that goes back by more than a second
/// has started anew; one that leaps ahead of the arrivals is another device's, and is taken as if started anew.
#[derive(Debug, Clone, Copy, Default)]
pub struct BootClock {
    state: Option<Running>,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    first_value: f64,
    first_arrived: f64,
    last_value: f64,
    per_sec: f64,
    is_unit_known: bool,
    /// Time of arrival minus device time, in microseconds: the smallest seen.
    offset_micros: f64,
    /// Arrival of the message for which `offset_micros` was last brought up to date.
    offset_at: f64,
}

/// Arrivals closer together say too little about the speed of a clock: networks deliver in bursts.
const UNIT_AFTER_MICROS: f64 = 200_000.0;

/// How much slower than ours a device's clock may run: ten times what the crystals of common boards are rated for.
const DRIFT: f64 = 0.001;

impl BootClock {
    /// Takes the times of one message and says what they mean.
    pub(super) fn resolve(
        &mut self,
        times: &[Option<RawTime>],
        arrived_micros: u64,
    ) -> Vec<Option<SensorTime>> {
        let arrived = arrived_micros as f64;
        let since_boot = |time: RawTime| match time {
            RawTime::SinceBoot { value, per_sec } => Some((value, Some(per_sec))),
            RawTime::Number { value } => {
                let goes_on = self.state.is_some_and(|running| running.goes_on(value, arrived));
                let is_boot = goes_on || since_epoch(value, arrived_micros).is_none();
                is_boot.then_some((value, None))
            }
            _ => None,
        };
        let device_times: Vec<_> = times.iter().map(|time| time.and_then(since_boot)).collect();
        // Of a batch the last reading has just been taken, and the others were before.
        let newest = device_times
            .iter()
            .flatten()
            .copied()
            .reduce(|a, b| if b.0 > a.0 { b } else { a });
        let alignment = newest.map_or_else(Alignment::default, |(newest, unit)| {
            let running = match self.state {
                Some(running) if running.is_continued(newest, arrived) => running.advanced(newest, arrived),
                _ => Running::started(newest, unit, arrived),
            };
            self.state = Some(running);
            running.alignment()
        });
        let resolved = times.iter().zip(device_times).map(|(time, device_time)| {
            let (micros, kind) = match ((*time)?, device_time) {
                (_, Some((value, _))) => (alignment.micros(value), TimeKind::SinceBoot),
                (RawTime::Epoch { micros, kind }, _) => (micros, kind),
                (RawTime::Zoneless { micros }, _) => {
                    (in_nearest_zone(micros, arrived_micros), TimeKind::Iso8601)
                }
                (RawTime::SinceArrival { secs }, _) => {
                    ((arrived + secs * 1e6).round() as u64, TimeKind::SinceArrival)
                }
                (RawTime::Number { value } | RawTime::SinceBoot { value, .. }, None) => {
                    since_epoch(value, arrived_micros)?
                }
            };
            Some(SensorTime { micros, kind })
        });
        resolved.collect()
    }
}

/// Turns a device's time into microseconds since the epoch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alignment {
    micros_per_unit: f64,
    offset_micros: f64,
}

impl Alignment {
    fn micros(self, value: f64) -> u64 {
        // `as` saturates: a time before the epoch is the epoch.
        (value * self.micros_per_unit + self.offset_micros).round() as u64
    }
}

impl Running {
    fn started(value: f64, unit: Option<f64>, arrived: f64) -> Self {
        let guess = if value.fract() == 0.0 { 1_000.0 } else { 1.0 };
        let per_sec = unit.unwrap_or(guess);
        Self {
            first_value: value,
            first_arrived: arrived,
            last_value: value,
            per_sec,
            is_unit_known: unit.is_some(),
            offset_micros: arrived - value / per_sec * 1_000_000.0,
            offset_at: arrived,
        }
    }

    /// Whether a number is what this clock shows about now, so that it means no time since 1970.
    fn goes_on(self, value: f64, arrived: f64) -> bool {
        let passed_secs = (value - self.last_value) / self.per_sec;
        let elapsed_secs = (arrived - self.offset_at) / 1e6;
        (-1.0..=elapsed_secs * 2.0 + 60.0).contains(&passed_secs)
    }

    /// Whether the clock that showed `last_value` may show this now.
    fn is_continued(self, value: f64, arrived: f64) -> bool {
        if self.is_unit_known {
            return self.goes_on(value, arrived);
        }
        let is_back = (self.last_value - value) / self.per_sec > 1.0;
        // Arrivals are not even, but units are a factor of 1,000 apart.
        let is_unit = |thousands: f64| (thousands - thousands.round()).abs() <= 0.25;
        !is_back && self.thousands(value, arrived).is_none_or(is_unit)
    }

    /// How many times 1,000 makes the clock's unit of a second, as far as its speed can be told yet.
    fn thousands(self, value: f64, arrived: f64) -> Option<f64> {
        let (passed, elapsed) = (value - self.first_value, arrived - self.first_arrived);
        (elapsed >= UNIT_AFTER_MICROS && passed > 0.0).then(|| (passed / elapsed * 1_000_000.0).log10() / 3.0)
    }

    fn alignment(self) -> Alignment {
        Alignment {
            micros_per_unit: 1_000_000.0 / self.per_sec,
            offset_micros: self.offset_micros,
        }
    }

    fn advanced(mut self, value: f64, arrived: f64) -> Self {
        let offset_of = |value: f64, arrived: f64, per_sec: f64| arrived - value / per_sec * 1_000_000.0;
        if !self.is_unit_known
            && let Some(thousands) = self.thousands(value, arrived)
        {
            self.per_sec = 1_000_f64.powi(thousands.round().clamp(0.0, 3.0) as i32);
            self.is_unit_known = true;
            self.offset_micros = offset_of(self.first_value, self.first_arrived, self.per_sec);
            self.offset_at = self.first_arrived;
        }
        let drifted = self.offset_micros + DRIFT * (arrived - self.offset_at).max(0.0);
        self.offset_micros = drifted.min(offset_of(value, arrived, self.per_sec));
        self.offset_at = arrived;
        self.last_value = self.last_value.max(value);
        self
    }
}

/// A time without a zone is in the zone, of a whole number of quarters of an hour, in which it is nearest to its
/// arrival; one that is far from now in every zone is in UTC.
fn in_nearest_zone(local_micros: i64, arrived_micros: u64) -> u64 {
    const QUARTER_MICROS: i64 = 15 * 60 * 1_000_000;
    let ahead = local_micros.saturating_sub_unsigned(arrived_micros);
    let quarters = ahead
        .saturating_add(QUARTER_MICROS / 2)
        .div_euclid(QUARTER_MICROS);
    // Zones go from 12 hours behind to 14 hours ahead.
    let zone = if (-48..=56).contains(&quarters) {
        quarters
    } else {
        0
    };
    u64::try_from(local_micros - zone * QUARTER_MICROS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-01-15 10:30:00 in UTC, by `date -u -d … +%s`, as are the other seconds here.
    const NOON: u64 = 1_705_314_600_000_000;

    fn resolve(clock: &mut BootClock, time: RawTime, arrived_micros: u64) -> SensorTime {
        clock.resolve(&[Some(time)], arrived_micros)[0].expect("a time is a time")
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let check = |text: &str, expected: Option<u64>| {
            let expected = expected.map(|micros| RawTime::Epoch {
                micros,
                kind: TimeKind::Iso8601,
            });
            assert_eq!(RawTime::from_text(text), expected, "{text}");
        };
        check("1970-01-01T00:00:00Z", Some(0));
        check("2000-02-29T12:00:00Z", Some(951_825_600_000_000));
        check("2100-03-01T00:00:00Z", Some(4_107_542_400_000_000));
        check("2024-01-15T10:30:00.123456789Z", Some(1_705_314_600_123_456));
        check("2024-01-15 10:30:00.5z", Some(1_705_314_600_500_000));
        check("2024-01-15T11:30+01:00", Some(NOON));
        check("2024-01-15T05:00:00-0530", Some(NOON));
        check("2016-12-31T23:59:60Z", Some(1_483_228_800_000_000));
        for text in [
            "2023-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:61Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+1:00",
            "2024-01-01T00:00:00 UTC",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "2024-01-01",
            "12:30",
            "",
            "-5",
            "nan",
            "inf",
            "1e300",
            "99999999999999999999999",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn the_unit_of_a_number_is_told_by_its_magnitude() {
        let check = |value: f64, micros: u64, kind: TimeKind| {
            let time = resolve(&mut BootClock::default(), RawTime::Number { value }, NOON);
            assert_eq!(time, SensorTime { micros, kind }, "{value}");
        };
        check(1_705_314_600.0, NOON, TimeKind::Seconds);
        check(1_705_314_600.25, NOON + 250_000, TimeKind::Seconds);
        check(1_705_314_600_123.0, NOON + 123_000, TimeKind::Millis);
        check(1_705_314_600_123_456.0, NOON + 123_456, TimeKind::Micros);
        check(1_705_314_600_123_456_800.0, NOON + 123_457, TimeKind::Nanos);
        // A month ago, and tomorrow.
        check(1_702_800_000.0, 1_702_800_000_000_000, TimeKind::Seconds);
        check(1_705_400_000.0, 1_705_400_000_000_000, TimeKind::Seconds);
        // Milliseconds since 12 days ago are no seconds since 1970, and so on.
        for value in [1_036_800_000.0, 0.0, 21.5, 3_925_657_519_043_709.0] {
            check(value, NOON, TimeKind::SinceBoot);
        }
    }

    #[test]
    fn a_time_without_a_zone_is_near_its_arrival() {
        let utc = NOON as i64;
        let hours = |hours: f64| (hours * 3_600e6) as i64;
        let arrived = NOON + 2_000_000;
        for zone in [-12.0, -9.5, 0.0, 1.0, 5.75, 14.0] {
            assert_eq!(in_nearest_zone(utc + hours(zone), arrived), NOON, "{zone}");
        }
        // Yesterday's recording is not moved to today.
        assert_eq!(
            in_nearest_zone(utc - hours(20.0), arrived),
            (utc - hours(20.0)) as u64
        );
    }

    #[test]
    fn a_clock_since_boot_is_aligned_by_its_fastest_message() {
        for per_sec in [1.0, 1e3, 1e6, 1e9] {
            let mut clock = BootClock::default();
            let mut errors = Vec::new();
            // Ten readings a second, 5 ms on the way, but the third and fourth 300 ms.
            for n in 0..50_u64 {
                let taken = NOON + n * 100_000;
                let delay = if n == 2 || n == 3 { 300_000 } else { 5_000 };
                let value = (37.5 + n as f64 * 0.1) * per_sec;
                let time = resolve(&mut clock, RawTime::Number { value }, taken + delay);
                assert_eq!(time.kind, TimeKind::SinceBoot);
                errors.push(time.micros as i64 - taken as i64);
            }
            // The smallest delay cannot be known; half a second without a fast message leaves room for 0.5 ms of drift.
            let late = &errors[3..];
            assert!(
                late.iter().all(|error| (5_000..5_600).contains(error)),
                "{per_sec}: {errors:?}"
            );
        }
    }

    #[test]
    fn a_clock_since_boot_may_run_through_numbers_that_look_like_dates() {
        let mut clock = BootClock::default();
        // Milliseconds since 19.7 days ago; as seconds since 1970 they come to be less than 30 days ago.
        for n in 0..100_u64 {
            let value = 1_702_700_000.0 + n as f64 * 1_000.0;
            let arrived = NOON + n * 1_000_000;
            let time = resolve(&mut clock, RawTime::Number { value }, arrived);
            assert_eq!((time.micros, time.kind), (arrived, TimeKind::SinceBoot), "{n}");
        }
        // Then the device has asked for the time.
        let value = 1_705_314_700_000.0;
        let time = resolve(&mut clock, RawTime::Number { value }, NOON + 100_000_000);
        assert_eq!((time.micros, time.kind), (NOON + 100_000_000, TimeKind::Millis));
    }

    #[test]
    fn devices_that_share_a_clock_are_dated_at_their_arrival() {
        // Two devices, one reading a second each, which have been on for ten seconds and for two hours.
        let mut clock = BootClock::default();
        for n in 0..20_u64 {
            for (started, after) in [(10_000.0, 0), (7_200_000.0, 400_000)] {
                let value = started + n as f64 * 1_000.0;
                let arrived = NOON + n * 1_000_000 + after;
                let time = resolve(&mut clock, RawTime::Number { value }, arrived);
                assert_eq!((time.micros, time.kind), (arrived, TimeKind::SinceBoot));
            }
        }
    }

    #[test]
    fn a_restarted_device_is_aligned_anew_and_a_batch_ends_at_its_arrival() {
        let mut clock = BootClock::default();
        let mut micros = |values: &[f64], arrived| {
            let times: Vec<_> = values
                .iter()
                .map(|&value| {
                    Some(RawTime::SinceBoot {
                        value,
                        per_sec: 1_000.0,
                    })
                })
                .collect();
            let resolved = clock.resolve(&times, arrived).into_iter();
            resolved.flatten().map(|time| time.micros).collect::<Vec<_>>()
        };
        assert_eq!(micros(&[60_000.0, 60_500.0], NOON), [NOON - 500_000, NOON]);
        assert_eq!(micros(&[10.0], NOON + 5_000_000), [NOON + 5_000_000]);
    }
}
