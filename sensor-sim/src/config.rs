//! What a server is told to do, in checked values; the command line makes one of these, and so do tests.

use std::num::{NonZeroU8, NonZeroU32};
use std::path::PathBuf;
use std::sync::Arc;

use classifier::{Metric, Preparation, Voting};
use datasets::{Dataset, Order};

use crate::access::Access;
use crate::bridges::Bridge;
use crate::limits::Limits;
use crate::schedule::Pace;

/// What to replay, how fast, and which model to serve with it; and what sensors may do.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data: one part trains the model, the rest streams. `None`: no replay, the server is there for sensors alone.
    pub dataset: Option<Arc<Dataset>>,
    /// The arguments that name the data and what was done to them before the split, for the command line that gives the
    /// same stream again; empty if none does.
    pub data_arguments: Vec<String>,
    /// Order of the rows, before the split and in the stream.
    pub order: Order,
    /// Seed of the shuffle.
    pub seed: u64,
    /// Share of the rows that trains the model, between 0 and 1.
    pub training_share: f64,
    /// Whether outliers of the training part's quartiles are left out of both parts.
    pub filter_iqr: bool,
    /// How features are prepared; `None`: the best by cross-validation on the training part.
    pub preparation: Option<Preparation>,
    /// Neighbours that vote.
    pub k: NonZeroU8,
    /// Distance between prepared features.
    pub metric: Metric,
    /// What a neighbour's vote is worth.
    pub voting: Voting,
    /// How fast readings come.
    pub pace: Pace,
    /// Whether the stream starts again at its end.
    pub looping: bool,
    /// When the first reading is sent.
    pub start: Start,
    /// Bytes of readings kept for viewers that resume or are slow.
    pub history_bytes: usize,
    /// Most readings that wait for a viewer which asks for no other number.
    pub queue: NonZeroU32,
    /// A model file for the sources that have its features.
    pub model: Option<PathBuf>,
    /// What sensors and viewers may cost.
    pub limits: Limits,
    /// Who may reach the server, and what they have to show.
    pub access: Access,
    /// Brokers and devices to fetch readings from.
    pub bridges: Vec<Bridge>,
}

/// When a replay starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Start {
    /// When the first viewer subscribes.
    #[default]
    OnViewer,
    /// As soon as the server is ready.
    Now,
}

impl Config {
    /// The defaults of the command line for this data.
    #[must_use]
    pub fn new(dataset: Arc<Dataset>) -> Self {
        Self {
            dataset: Some(dataset),
            ..Self::without_replay()
        }
    }

    /// The defaults of the command line for sensors alone.
    #[must_use]
    pub fn without_replay() -> Self {
        Self {
            dataset: None,
            data_arguments: Vec::new(),
            order: Order::Shuffled,
            seed: defaults::SEED,
            training_share: defaults::TRAINING_SHARE,
            filter_iqr: false,
            preparation: None,
            k: defaults::K,
            metric: Metric::default(),
            voting: Voting::default(),
            pace: Pace::Rate(defaults::RATE),
            looping: false,
            start: Start::OnViewer,
            history_bytes: defaults::HISTORY_MIB as usize * 1024 * 1024,
            queue: defaults::QUEUE,
            model: None,
            limits: Limits::default(),
            access: Access::default(),
            bridges: Vec::new(),
        }
    }
}

/// What holds where nothing else is asked for.
pub mod defaults {
    use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};

    /// Seed of the shuffle; arbitrary, and the one that the reference predictions were made with.
    pub const SEED: u64 = 42;
    /// The paper's 80/20 split.
    pub const TRAINING_SHARE: f64 = 0.8;
    /// The paper's number of neighbours.
    pub const K: NonZeroU8 = NonZeroU8::new(5).expect("5 is not 0");
    /// Readings per second.
    pub const RATE: f64 = 1_000.0;
    /// About five minutes of Covertype at 1,000 readings/s.
    pub const HISTORY_MIB: u32 = 64;
    /// About one second at 1,000 readings/s.
    pub const QUEUE: NonZeroU32 = NonZeroU32::new(1_024).expect("1024 is not 0");
    /// The port.
    pub const PORT: u16 = 9_001;
    /// KiB of a sensor's message, as much as of a viewer's.
    pub const MESSAGE_KIB: u32 = 64;
    /// KiB of a posted body: some ten thousand lines.
    pub const POST_KIB: u32 = 1_024;
    /// Features of a reading: what the page takes.
    pub const FEATURES: u32 = 4_096;
    /// Readings a second of one source: what one page labels of Covertype, and more than most sensors ever send.
    pub const SOURCE_RATE: NonZeroU32 = NonZeroU32::new(20_000).expect("20000 is not 0");
    /// Sources at a time; with it their memory is bounded.
    pub const SOURCES: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");
    /// Sensors connected at a time.
    pub const SENSORS: NonZeroUsize = NonZeroUsize::new(1_024).expect("1024 is not 0");
    /// Viewers connected at a time.
    pub const VIEWERS: NonZeroUsize = NonZeroUsize::new(1_024).expect("1024 is not 0");
    /// Connections that speak plain HTTP at a time. Not tuned: a browser opens six.
    pub const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(1_024).expect("1024 is not 0");
    /// WebSockets that have still to show their token at a time. Not tuned: a page waits for one round trip.
    pub const STRANGERS: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not 0");
    /// Seconds for a request's head or body.
    pub const HANDSHAKE_SECS: u64 = 10;
    /// Seconds without a word from a sensor; as for viewers.
    pub const SILENCE_SECS: u64 = 45;
    /// Seconds until an abandoned source is forgotten: an hour.
    pub const FORGET_SECS: u64 = 3_600;
    /// MiB of readings kept for viewers, for each source.
    pub const SOURCE_HISTORY_MIB: u32 = 4;
}
