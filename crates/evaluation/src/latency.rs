//! Latencies in a high-dynamic-range histogram, from 1 µs to 10 minutes in three significant digits.
//!
//! Recording is O(1). A histogram takes 172 kB, [`RecentLatency`] up to 520 kB, whatever the number of latencies.
//! Percentiles are right to 0.1 % and never below the true one; a mean is left out on purpose.
//!
//! Source: G. Tene, HdrHistogram, <http://hdrhistogram.org>.

use std::collections::VecDeque;

use hdrhistogram::{Counter, Histogram};

/// Longer latencies are counted as this: 10 minutes.
const MAX_MICROS: u64 = 600_000_000;

/// Digits that are kept of a latency.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Parts of the time that [`RecentLatency`] looks back; the oldest part is forgotten as a whole. Arbitrary, not tuned.
const N_SLOTS: i64 = 5;

/// Percentiles of a set of latencies, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencySummary {
    /// Latencies recorded.
    pub n: u64,
    /// The median.
    pub p50: u64,
    /// 95 of 100 were at most this.
    pub p95: u64,
    /// 99 of 100 were at most this.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// Counts of latencies in bins that are equally wide on a logarithmic axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogBins {
    /// Upper end of each bin, belonging to it; the bin starts where the one before ends, the first at 0.
    pub upper_micros: Vec<f64>,
    /// Latencies in each bin.
    pub counts: Vec<u64>,
}

/// All latencies since the start.
#[derive(Debug, Clone)]
pub struct LatencyHistogram {
    histogram: Histogram<u64>,
}

impl LatencyHistogram {
    /// No latencies yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            histogram: new_histogram(),
        }
    }

    /// Counts a latency. One below zero, as an estimated clock offset can make it, counts as 0, one above 10 minutes as
    /// 10 minutes; NaN is not counted.
    pub fn record(&mut self, micros: f64) {
        if let Some(micros) = whole_micros(micros) {
            self.histogram.saturating_record(micros);
        }
    }

    /// Latencies recorded.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.histogram.len()
    }

    /// The percentiles; `None` before the first latency.
    #[must_use]
    pub fn summary(&self) -> Option<LatencySummary> {
        summary(&self.histogram)
    }

    /// The latency that a share `quantile` (0 to 1) of all were at most; `None` before the first.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        (!self.histogram.is_empty()).then(|| self.histogram.value_at_quantile(quantile))
    }

    /// The histogram for drawing: `n_per_decade` bins (1 to 100) for every factor of ten, from 1 µs to 10 minutes.
    ///
    /// The bins are the same whatever was recorded. O(bins of the underlying histogram): for once a frame, not once a
    /// reading.
    #[must_use]
    pub fn log_bins(&self, n_per_decade: u32) -> LogBins {
        let n_per_decade = n_per_decade.clamp(1, 100) as usize;
        // Whole powers of ten are exact, so that round latencies fall into the same bin on every platform.
        let upper = |idx: usize| {
            let (decade, step) = (idx / n_per_decade, idx % n_per_decade);
            10_f64.powi(decade as i32) * 10_f64.powf(step as f64 / n_per_decade as f64)
        };
        let n_bins = ((MAX_MICROS as f64).log10() * n_per_decade as f64).ceil() as usize + 1;
        let upper_micros: Vec<f64> = (0..n_bins).map(upper).collect();
        let mut counts = vec![0; n_bins];
        let mut bin = 0;
        for step in self.histogram.iter_recorded() {
            // The lowest value that the step stands for: exact where a step is one microsecond wide.
            let micros = self.histogram.lowest_equivalent(step.value_iterated_to()) as f64;
            while bin + 1 < n_bins && upper_micros[bin] < micros {
                bin += 1;
            }
            counts[bin] += step.count_at_value();
        }
        LogBins { upper_micros, counts }
    }
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

/// The latencies of the last few seconds.
///
/// Time is cut into slots, a fifth of the span each; the sum of the slots is kept, without those that have passed out of
/// the span. So the latencies looked at are those of the last four to five fifths of the span.
#[derive(Debug, Clone)]
pub struct RecentLatency {
    slot_micros: f64,
    /// Slot numbers that hold latencies, ascending, with their histograms. No older than [`N_SLOTS`] slots.
    slots: VecDeque<(i64, Histogram<u32>)>,
    /// Sum of `slots`.
    total: Histogram<u32>,
    /// An empty histogram to use for the next slot, so that a running stream allocates nothing.
    spare: Option<Histogram<u32>>,
    /// The newest slot that the caller's clock has reached.
    newest: i64,
}

impl RecentLatency {
    /// Looks back `span_micros`, which is above zero, e.g. 5,000,000.
    ///
    /// # Panics
    ///
    /// Unless `span_micros` is finite and above zero.
    #[must_use]
    pub fn new(span_micros: f64) -> Self {
        assert!(
            span_micros.is_finite() && span_micros > 0.0,
            "the span is a time above zero"
        );
        Self {
            slot_micros: span_micros / N_SLOTS as f64,
            slots: VecDeque::new(),
            total: new_histogram(),
            spare: None,
            newest: i64::MIN,
        }
    }

    /// Counts a latency at the time `now_micros`, under the rules of [`LatencyHistogram::record`].
    ///
    /// A time before the newest one given, or not finite, is taken as the newest.
    pub fn record(&mut self, now_micros: f64, micros: f64) {
        self.advance(now_micros);
        let Some(micros) = whole_micros(micros) else {
            return;
        };
        if self.slots.back().is_none_or(|&(slot, _)| slot != self.newest) {
            let empty = self.spare.take().unwrap_or_else(new_histogram);
            self.slots.push_back((self.newest, empty));
        }
        if let Some((_, histogram)) = self.slots.back_mut() {
            histogram.saturating_record(micros);
            self.total.saturating_record(micros);
        }
    }

    /// The percentiles at the time `now_micros`; `None` if nothing was recorded within the span.
    pub fn summary(&mut self, now_micros: f64) -> Option<LatencySummary> {
        self.advance(now_micros);
        summary(&self.total)
    }

    fn advance(&mut self, now_micros: f64) {
        if !now_micros.is_finite() {
            return;
        }
        let slot = (now_micros / self.slot_micros).floor() as i64;
        self.newest = self.newest.max(slot);
        while let Some(&(slot, _)) = self.slots.front()
            && slot <= self.newest.saturating_sub(N_SLOTS)
            && let Some((_, mut passed)) = self.slots.pop_front()
        {
            if self.slots.is_empty() {
                self.total.reset();
            } else {
                self.total
                    .subtract(&passed)
                    .expect("every count of a slot is in the total");
            }
            passed.reset();
            self.spare = Some(passed);
        }
    }
}

fn new_histogram<C: Counter>() -> Histogram<C> {
    Histogram::new_with_bounds(1, MAX_MICROS, SIGNIFICANT_DIGITS).expect("the bounds are constants that fit")
}

fn whole_micros(micros: f64) -> Option<u64> {
    // `as` saturates at both ends.
    (!micros.is_nan()).then(|| (micros.round() as u64).min(MAX_MICROS))
}

fn summary<C: Counter>(histogram: &Histogram<C>) -> Option<LatencySummary> {
    (!histogram.is_empty()).then(|| LatencySummary {
        n: histogram.len(),
        p50: histogram.value_at_quantile(0.50),
        p95: histogram.value_at_quantile(0.95),
        p99: histogram.value_at_quantile(0.99),
        max: histogram.max(),
    })
}
