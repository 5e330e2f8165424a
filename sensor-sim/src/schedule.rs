//! When each reading of a replay is due.
//!
//! Times are absolute: reading `i` is due at the anchor plus `i` intervals, so that late wake-ups never add up to drift.
//! After a stall the missed readings are made up for, but no more than [`MAX_CATCH_UP`] worth of them: the rest of the
//! delay moves the schedule, so that a laptop waking from sleep does not flood its viewers.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// Readings that fell due longer ago than this are not made up for; at 1,000 readings/s a burst is at most 250 readings.
pub const MAX_CATCH_UP: Duration = Duration::from_millis(250);

/// Fastest rate that may be asked for, in readings/s: above it only `max` makes sense.
pub const MAX_RATE: f64 = 10_000_000.0;

/// Slowest rate that may be asked for, in readings/s: about one a day.
pub const MIN_RATE: f64 = 1e-5;

/// Most times faster than started that a replay by time stamps may be made: a year of readings in half a minute.
const MAX_RECORDED_FACTOR: f64 = 1e6;

/// How fast a replay goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Pace {
    /// So many readings per second, `MIN_RATE..=MAX_RATE`.
    Rate(f64),
    /// By the data set's own time stamps.
    Recorded(RecordedTimes),
    /// As fast as viewers take the readings.
    Max,
}

/// The data set's time stamps in stream order, and how much faster than recorded they are replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedTimes {
    /// Microseconds from the first reading to each, then to the end of the pass; never falling.
    offsets_micros: Arc<[u64]>,
    /// 1 is as recorded.
    speed: f64,
}

/// Time stamps that advance too little to be a pace.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the recorded times span {secs} s in {n_readings} readings, which at speed {speed} is more than {MAX_RATE} readings/s; use --rate"
)]
pub struct TimesError {
    /// Readings of one pass.
    n_readings: usize,
    /// From the first to the last of them, as recorded.
    secs: f64,
    /// How much faster than recorded.
    speed: f64,
}

impl RecordedTimes {
    /// Takes time stamps in stream order. A step back in time counts as no time at all; after the last reading a pass
    /// lasts one mean interval more, so that a looping replay keeps its rhythm.
    ///
    /// # Errors
    ///
    /// [`TimesError`] if that means more than [`MAX_RATE`] on average, for instance because all times are equal.
    pub fn new(times_micros: impl IntoIterator<Item = i64>, speed: f64) -> Result<Self, TimesError> {
        let mut offsets = Vec::new();
        let (mut offset, mut previous) = (0_u64, None);
        for time in times_micros {
            let step = previous.map_or(0, |before: i64| time.saturating_sub(before).max(0));
            offset += step.unsigned_abs();
            offsets.push(offset);
            previous = Some(time);
        }
        let n_intervals = offsets.len().saturating_sub(1).max(1) as u64;
        offsets.push(offset + offset / n_intervals);
        let times = Self {
            offsets_micros: offsets.into(),
            speed,
        };
        if times.mean_rate() > MAX_RATE {
            return Err(TimesError {
                n_readings: times.offsets_micros.len() - 1,
                secs: offset as f64 * 1e-6,
                speed,
            });
        }
        Ok(times)
    }

    /// How many times faster than recorded.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Readings per second over a pass.
    fn mean_rate(&self) -> f64 {
        let (n_readings, micros) = match &*self.offsets_micros {
            [offsets @ .., end] => (offsets.len(), *end),
            [] => (0, 0),
        };
        n_readings as f64 * self.speed / (micros as f64 * 1e-6)
    }
}

/// The due times of one replay.
#[derive(Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    /// What viewers made of the speed; 1 is as started.
    factor: f64,
    /// `anchor_position` is due at `anchor`.
    anchor: Instant,
    anchor_position: u64,
}

impl Schedule {
    /// The reading at `position` is due now.
    pub(crate) fn new(pace: Pace, now: Instant, position: u64) -> Self {
        Self {
            pace,
            factor: 1.0,
            anchor: now,
            anchor_position: position,
        }
    }

    pub(crate) fn factor(&self) -> f64 {
        self.factor
    }

    pub(crate) fn is_max(&self) -> bool {
        self.pace == Pace::Max
    }

    /// The largest speed that may be asked for; `None` if there is no speed to change.
    pub(crate) fn max_factor(&self) -> Option<f64> {
        match &self.pace {
            Pace::Rate(rate) => Some(MAX_RATE / rate),
            Pace::Recorded(times) => Some(MAX_RECORDED_FACTOR.min(MAX_RATE / times.mean_rate())),
            Pace::Max => None,
        }
    }

    /// When the reading at `position` is due; `position` is not before the anchor. With [`Pace::Max`], at once.
    pub(crate) fn due(&self, position: u64) -> Instant {
        let wait = match &self.pace {
            Pace::Rate(rate) => (position - self.anchor_position) as f64 / (rate * self.factor),
            Pace::Recorded(times) => {
                let offset = |position: u64| times.offsets_micros[position as usize];
                (offset(position) - offset(self.anchor_position)) as f64 * 1e-6 / (times.speed * self.factor)
            }
            Pace::Max => 0.0,
        };
        // Durations beyond what an `Instant` can hold are as good as never.
        Duration::try_from_secs_f64(wait)
            .ok()
            .and_then(|wait| self.anchor.checked_add(wait))
            .unwrap_or_else(|| self.anchor + Duration::from_secs(86_400 * 365))
    }

    /// From now on, `position` is due at `at`.
    pub(crate) fn anchor(&mut self, at: Instant, position: u64) {
        self.anchor = at;
        self.anchor_position = position;
    }

    /// Moves the schedule if `position` fell due more than [`MAX_CATCH_UP`] ago. Returns the delay that is not made up for.
    pub(crate) fn forgive_stall(&mut self, now: Instant, position: u64) -> Duration {
        if self.is_max() {
            return Duration::ZERO;
        }
        let late = now.saturating_duration_since(self.due(position));
        let forgiven = late.saturating_sub(MAX_CATCH_UP);
        if !forgiven.is_zero() {
            self.anchor(now - MAX_CATCH_UP, position);
        }
        forgiven
    }

    /// Changes the speed. The next reading comes when it would have come, or sooner if the new interval ends sooner.
    pub(crate) fn set_factor(&mut self, factor: f64, now: Instant, next_position: u64) {
        let old_due = self.due(next_position);
        self.anchor(now, next_position.saturating_sub(1));
        self.factor = factor;
        let new_due = self.due(next_position);
        self.anchor(old_due.min(new_due), next_position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[tokio::test(start_paused = true)]
    async fn rates_are_absolute() {
        let start = Instant::now();
        let schedule = Schedule::new(Pace::Rate(1_000.0), start, 0);
        assert_eq!(schedule.due(0), start);
        assert_eq!(schedule.due(1), start + millis(1));
        assert_eq!(schedule.due(3_600_000), start + millis(3_600_000));
    }

    #[tokio::test(start_paused = true)]
    async fn recorded_time_stamps_are_kept_and_steps_back_take_no_time() {
        let start = Instant::now();
        let second = 1_000_000;
        let times = RecordedTimes::new([10 * second, 12 * second, 11 * second, 15 * second], 2.0).unwrap();
        let schedule = Schedule::new(Pace::Recorded(times), start, 0);
        let due = |position| (schedule.due(position) - start).as_millis();
        assert_eq!(
            [due(0), due(1), due(2), due(3), due(4)],
            [0, 1_000, 1_000, 3_000, 4_000]
        );
    }

    #[test]
    fn recorded_times_have_to_advance() {
        let error = RecordedTimes::new([5, 5, 5], 1.0).unwrap_err().to_string();
        assert!(error.contains("span 0 s in 3 readings"), "{error}");
        assert!(RecordedTimes::new([5], 1.0).is_err());
        assert!(RecordedTimes::new([9, 5, 1], 1.0).is_err(), "only backwards");
        // Two readings in 2 µs are a million a second.
        assert!(RecordedTimes::new([5, 6], 9.0).is_ok());
        assert!(RecordedTimes::new([5, 6], 11.0).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_stall_moves_the_schedule() {
        let start = Instant::now();
        let mut schedule = Schedule::new(Pace::Rate(1_000.0), start, 0);
        let woken = start + millis(10_000);
        assert_eq!(schedule.forgive_stall(woken, 100), millis(10_000 - 100 - 250));
        let n_due = (100..)
            .take_while(|&position| schedule.due(position) <= woken)
            .count();
        assert_eq!(n_due, 251);
        assert_eq!(schedule.forgive_stall(woken, 100), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_speed_neither_repeats_nor_delays_the_next_reading() {
        let start = Instant::now();
        let mut schedule = Schedule::new(Pace::Rate(1.0), start, 0);
        let now = start + millis(500);
        schedule.set_factor(10.0, now, 1);
        assert_eq!(schedule.due(1), now + millis(100));
        assert_eq!(schedule.due(2), now + millis(200));
        schedule.set_factor(0.001, now, 1);
        assert_eq!(schedule.due(1), now + millis(100));
        assert_eq!(schedule.factor(), 0.001);
    }
}
