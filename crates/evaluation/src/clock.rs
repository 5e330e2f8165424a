//! How far the server's clock is ahead of ours, from round trips with four time stamps.
//!
//! A round trip bounds the offset: whatever share of it each direction took, the true offset is within half of the round
//! trip (less the server's own time) of the midpoint; and with every second since, the clocks may have drifted apart a
//! little more. The sample for which both together are least says most. Samples age out; and a sample that contradicts the newest one (the intervals do not meet, as after a
//! laptop's sleep) is dropped at once. O(samples kept) per sample.
//!
//! Source: D. L. Mills, "Internet time synchronization: the network time protocol", IEEE Trans. Commun. 39(10), 1991
//! (clock filter); RFC 5905 sections 8 and 10 (dispersion: an uncertainty that grows with age).

use std::collections::VecDeque;

/// Most samples kept; at one a second more than [`MAX_AGE_MICROS`] holds.
const MAX_SAMPLES: usize = 64;

/// Samples older than this against the newest one are forgotten: 30 s, in which the largest drift makes 21 ms.
const MAX_AGE_MICROS: f64 = 30e6;

/// Drift that two clocks may show against each other: crystals are within 100 ppm of the truth each,
/// and an operating system slews its clock by up to 500 ppm (`adjtime`).
const MAX_DRIFT: f64 = 700e-6;

/// The offset as it is known now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockEstimate {
    /// Server's clock less ours.
    pub offset_micros: f64,
    /// The offset is within this of `offset_micros`, either way: half the best sample's round trip, and what the clocks
    /// may have drifted since.
    pub uncertainty_micros: f64,
    /// Samples that the best was chosen from.
    pub n: usize,
}

impl ClockEstimate {
    /// The server's time at our time `micros`.
    #[must_use]
    pub fn to_server(&self, micros: f64) -> f64 {
        micros + self.offset_micros
    }
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    received_micros: f64,
    offset_micros: f64,
    round_trip_micros: f64,
}

impl Sample {
    /// How far the offset at our time `now_micros` may be from the one measured.
    fn uncertainty_micros(&self, now_micros: f64) -> f64 {
        let age = (now_micros - self.received_micros).max(0.0);
        self.round_trip_micros / 2.0 + age * MAX_DRIFT
    }

    fn contradicts(&self, other: &Self) -> bool {
        let apart = (self.offset_micros - other.offset_micros).abs();
        let age = (self.received_micros - other.received_micros).abs();
        apart > (self.round_trip_micros + other.round_trip_micros) / 2.0 + age * MAX_DRIFT
    }
}

/// Estimates the offset between two clocks.
#[derive(Debug, Clone, Default)]
pub struct ClockOffset {
    /// Oldest first.
    samples: VecDeque<Sample>,
}

impl ClockOffset {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a round trip: we sent, the server received, the server answered, we received; the first and last on our
    /// clock, the two between on the server's.
    ///
    /// Returns whether it was of use: a number that is not finite, an answer before its question or a round trip shorter
    /// than the server's part in it is ignored.
    pub fn record(
        &mut self,
        sent_micros: f64,
        server_received_micros: f64,
        server_sent_micros: f64,
        received_micros: f64,
    ) -> bool {
        let out = server_received_micros - sent_micros;
        let back = server_sent_micros - received_micros;
        let server = server_sent_micros - server_received_micros;
        let round_trip_micros = received_micros - sent_micros - server;
        let sample = Sample {
            received_micros,
            offset_micros: (out + back) / 2.0,
            round_trip_micros,
        };
        let sane = sample.offset_micros.is_finite() && round_trip_micros.is_finite();
        if !sane || server < 0.0 || round_trip_micros < 0.0 {
            return false;
        }
        self.samples.retain(|old| {
            let age = received_micros - old.received_micros;
            (0.0..=MAX_AGE_MICROS).contains(&age) && !old.contradicts(&sample)
        });
        if self.samples.len() == MAX_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        true
    }

    /// The offset as of the newest sample, by the best of the last 30 s; `None` before the first.
    #[must_use]
    pub fn estimate(&self) -> Option<ClockEstimate> {
        self.estimate_at(self.samples.back()?.received_micros)
    }

    /// As [`ClockOffset::estimate`], at our time `now_micros`: the uncertainty grows for as long as no sample comes.
    #[must_use]
    pub fn estimate_at(&self, now_micros: f64) -> Option<ClockEstimate> {
        let uncertainty = |sample: &Sample| sample.uncertainty_micros(now_micros);
        // Newest first: of equally good samples the newest counts.
        let best = self
            .samples
            .iter()
            .rev()
            .min_by(|a, b| uncertainty(a).total_cmp(&uncertainty(b)))?;
        Some(ClockEstimate {
            offset_micros: best.offset_micros,
            uncertainty_micros: uncertainty(best),
            n: self.samples.len(),
        })
    }
}
