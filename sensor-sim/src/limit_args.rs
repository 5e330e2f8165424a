//! The arguments that bound what sensors and viewers may cost: [`LimitArgs`].

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::Args;

use crate::cli::parse_count;
use crate::config::defaults;
use crate::limits::Limits;

/// What sensors and viewers may cost.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Most readings a second of one source; one that sends more is slowed down
    #[arg(long, value_name = "N", default_value_t = defaults::SOURCE_RATE, value_parser = parse_count::<NonZeroU32>, allow_negative_numbers = true)]
    pub max_rate: NonZeroU32,
    /// Most sources at a time
    #[arg(long, value_name = "N", default_value_t = defaults::SOURCES, value_parser = parse_count::<NonZeroUsize>, allow_negative_numbers = true)]
    pub max_sources: NonZeroUsize,
    /// Most sensors connected at a time
    #[arg(long, value_name = "N", default_value_t = defaults::SENSORS, value_parser = parse_count::<NonZeroUsize>, allow_negative_numbers = true)]
    pub max_sensors: NonZeroUsize,
    /// Most viewers connected at a time
    #[arg(long, value_name = "N", default_value_t = defaults::VIEWERS, value_parser = parse_count::<NonZeroUsize>, allow_negative_numbers = true)]
    pub max_viewers: NonZeroUsize,
    /// Most features of a sensor's reading
    #[arg(long, value_name = "N", default_value_t = defaults::FEATURES, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub max_features: u32,
    /// Most KiB of a sensor's WebSocket message
    #[arg(long, value_name = "KIB", default_value_t = defaults::MESSAGE_KIB, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    pub max_message_kib: u32,
    /// Most KiB of a posted body
    #[arg(long, value_name = "KIB", default_value_t = defaults::POST_KIB, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub max_post_kib: u32,
    /// Seconds that a request's head, or a posted body, may take
    #[arg(long, value_name = "SECS", default_value_t = defaults::HANDSHAKE_SECS, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub handshake_secs: u64,
    /// Seconds after which a sensor that sends nothing, not even pongs, is cut
    #[arg(long, value_name = "SECS", default_value_t = defaults::SILENCE_SECS, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub silence_secs: u64,
    /// Seconds without readings or connections after which a source is forgotten
    #[arg(long, value_name = "SECS", default_value_t = defaults::FORGET_SECS, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub forget_secs: u64,
    /// Memory for the readings of each source that viewers may still ask for, in MiB
    #[arg(long, value_name = "MIB", default_value_t = defaults::SOURCE_HISTORY_MIB, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub source_history_mib: u32,
}

impl LimitArgs {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            message_bytes: self.max_message_kib as usize * 1024,
            post_bytes: self.max_post_kib as usize * 1024,
            features: self.max_features as usize,
            rate: self.max_rate,
            sources: self.max_sources,
            sensors: self.max_sensors,
            viewers: self.max_viewers,
            handshake: Duration::from_secs(self.handshake_secs),
            silence: Duration::from_secs(self.silence_secs),
            forget_after: Duration::from_secs(self.forget_secs),
            history_bytes: self.source_history_mib as usize * 1024 * 1024,
            ..Limits::default()
        }
    }
}
