//! Prequential accuracy, kappas, confusion matrix, baselines and latency percentiles; pure computation.
//!
//! - [`Prequential`]: test-then-train scores of a stream, cumulative and windowed, beside two trivial baselines.
//! - [`LatencyHistogram`], [`RecentLatency`]: percentiles since the start, and over the last few seconds.
//! - [`ClockOffset`]: how far another machine's clock is from ours, NTP-style, with its uncertainty.
//! - [`RateMeter`]: events per second over about the last second.
//!
//! Nothing here reads a clock, touches a file or draws a random number: time comes in as microseconds in an `f64` on any
//! clock that the caller likes (2^53 µs are 285 years, so whole microseconds since the Unix epoch stay exact). The cost
//! of a reading does not grow with the number of classes or the length of the window.
#![forbid(unsafe_code)]

mod clock;
mod confusion;
mod latency;
mod prequential;
mod rate;
mod scores;

pub use clock::{ClockEstimate, ClockOffset};
pub use confusion::ConfusionMatrix;
pub use latency::{LatencyHistogram, LatencySummary, LogBins, RecentLatency};
pub use prequential::{Guesses, Prequential, ScoreError, StreamClassifier, run};
pub use rate::RateMeter;
pub use scores::{Scores, Z_95, wilson_interval};
