//! Events per second over about the last second.
//!
//! O(1) an event, 20 counters. The rate falls to zero by itself when nothing comes, since the caller says what time it is.

/// Counters that the span is cut into: a rate is over the last 19 of them and the part of the 20th that has passed.
const N_SLOTS: i64 = 20;

/// What the rate is taken over.
const SPAN_MICROS: f64 = 1e6;

const SLOT_MICROS: f64 = SPAN_MICROS / N_SLOTS as f64;

/// Counts events and says how many came per second lately.
#[derive(Debug, Clone, Default)]
pub struct RateMeter {
    /// Slot `s` is at position `s % N_SLOTS`.
    counts: [u64; N_SLOTS as usize],
    /// Time of the first event, from which the meter runs, and the newest slot that the caller's clock has reached.
    running: Option<(f64, i64)>,
}

impl RateMeter {
    /// No events yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts `n` events at the time `now_micros`. A time before the newest one given is taken as the newest; one that is
    /// not finite is ignored with its events.
    pub fn record(&mut self, now_micros: f64, n: u64) {
        if !now_micros.is_finite() {
            return;
        }
        let slot = slot_at(now_micros);
        let (_, newest) = *self.running.get_or_insert((now_micros, slot));
        self.advance(slot);
        self.counts[position(newest.max(slot))] += n;
    }

    /// Events per second at the time `now_micros`, over the last 0.95 to 1 s; over the time since the first event if that
    /// is shorter, but at least a twentieth of a second. 0 before the first event, and at a time that is not finite.
    pub fn per_sec(&mut self, now_micros: f64) -> f64 {
        if !now_micros.is_finite() {
            return 0.0;
        }
        self.advance(slot_at(now_micros));
        let Some((first_micros, newest)) = self.running else {
            return 0.0;
        };
        let oldest_micros = newest.saturating_sub(N_SLOTS - 1) as f64 * SLOT_MICROS;
        let covered_micros = (now_micros - oldest_micros.max(first_micros)).clamp(SLOT_MICROS, SPAN_MICROS);
        let n: u64 = self.counts.iter().sum();
        n as f64 * 1e6 / covered_micros
    }

    /// Empties the counters of the slots between the newest one and `slot`.
    fn advance(&mut self, slot: i64) {
        let Some((_, newest)) = &mut self.running else {
            return;
        };
        let n_passed = slot.saturating_sub(*newest).clamp(0, N_SLOTS);
        for passed in 0..n_passed {
            self.counts[position(slot - passed)] = 0;
        }
        *newest = slot.max(*newest);
    }
}

fn slot_at(micros: f64) -> i64 {
    (micros / SLOT_MICROS).floor() as i64
}

fn position(slot: i64) -> usize {
    slot.rem_euclid(N_SLOTS) as usize
}
