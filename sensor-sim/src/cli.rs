//! The command line: what may be said, and the checked values that it turns into.

use std::num::{NonZeroU8, NonZeroU32};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use classifier::{Metric, Preparation, Voting};
use datasets::Dataset;

use crate::access_args::AccessArgs;
use crate::bridge_args::BridgeArgs;
use crate::config::{Config, Start, defaults};
use crate::data_args::{Filters, Folders, IqrScope, OrderArg, SplitArgs, load, read_file};
use crate::limit_args::LimitArgs;
use crate::parts;
use crate::publish::PublishArgs;
use crate::schedule::{MAX_RATE, MIN_RATE, Pace, RecordedTimes};

/// Something asked for that makes no sense: the program ends with code 2, as it does for arguments that clap refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Replays a data set as a live stream of sensor readings, and serves a page that labels every one of them.
///
/// The address is printed to stdout as soon as the server is ready; everything else goes to stderr (RUST_LOG sets how
/// much, e.g. RUST_LOG=debug). Ctrl-C ends the server with a summary.
#[derive(Debug, Parser)]
#[command(
    name = "sensor-sim",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 110
)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists, fetches and exports data sets
    Datasets {
        /// What to do with them.
        #[command(subcommand)]
        command: DatasetsCommand,
    },
    /// Acts as a sensor: sends lines from stdin, or rows of a data set, to a server
    Publish(Box<PublishArgs>),
}

/// What to do with data sets.
#[derive(Debug, Subcommand)]
pub enum DatasetsCommand {
    /// Lists the data sets that have a name
    List {
        /// As a Markdown table
        #[arg(long)]
        markdown: bool,
    },
    /// Downloads a data set from its own archive into the cache folder
    Fetch {
        /// The data set
        name: String,
    },
    /// Prints the folder that holds a fetched data set
    Path {
        /// The data set
        name: String,
        /// Where to look.
        #[command(flatten)]
        folders: Folders,
    },
    /// Writes a data set as CSV: part (training or stream), row, features, label, in the order used
    Export {
        /// The data set
        name: String,
        /// Where to write; stdout if absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// How it is split.
        #[command(flatten)]
        split: SplitArgs,
        /// What is left out or renamed first.
        #[command(flatten)]
        filters: Filters,
        /// Where to look.
        #[command(flatten)]
        folders: Folders,
    },
}

/// How to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Name of the data set to replay (`sensor-sim datasets list` shows them) [default: covertype]
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub dataset: Option<String>,
    /// A CSV or Parquet file to replay instead
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Replay nothing: serve what sensors send to /ingest/NAME alone
    #[arg(long, conflicts_with_all = ["dataset", "data", "rate", "speed", "looping"])]
    pub no_replay: bool,
    /// A model (safetensors, as this program or the package saves it) for every source that has its features
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The column of FILE that holds the true class [default: the last]
    #[arg(long, value_name = "COLUMN", requires = "data")]
    pub label: Option<String>,
    /// Readings per second, or `max`: as fast as the slowest viewer takes them [default: 1000]
    #[arg(long, value_name = "N|max", value_parser = parse_rate, allow_negative_numbers = true, conflicts_with = "speed")]
    pub rate: Option<Rate>,
    /// Replay by the data's own time stamps, X times as fast as recorded; in file order
    #[arg(long, value_name = "X", value_parser = parse_speed, allow_negative_numbers = true)]
    pub speed: Option<f64>,
    /// Start again at the end
    #[arg(long = "loop")]
    pub looping: bool,
    /// When to send the first reading
    #[arg(long, value_enum, default_value_t)]
    pub start: Start,
    /// How the rows are split.
    #[command(flatten)]
    pub split: SplitArgs,
    /// What is left out or renamed first.
    #[command(flatten)]
    pub filters: Filters,
    /// How features are prepared before distances are taken; auto: the best by cross-validation on the training part
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub prepare: Prepare,
    /// Neighbours that vote
    #[arg(long, default_value_t = defaults::K, value_parser = parse_k, allow_negative_numbers = true)]
    pub k: NonZeroU8,
    /// Distance between prepared features
    #[arg(long, value_enum, default_value_t)]
    pub metric: MetricArg,
    /// What a neighbour's vote is worth
    #[arg(long, value_enum, default_value_t)]
    pub voting: VotingArg,
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = defaults::PORT)]
    pub port: u16,
    /// Memory for readings that viewers may still ask for, in MiB
    #[arg(long, value_name = "MIB", default_value_t = defaults::HISTORY_MIB, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub history_mib: u32,
    /// Most readings that wait for a viewer which names no number of its own
    #[arg(long, value_name = "N", default_value_t = defaults::QUEUE, value_parser = parse_count::<NonZeroU32>)]
    pub queue: NonZeroU32,
    /// Who may reach the server.
    #[command(flatten)]
    pub access: AccessArgs,
    /// What to fetch readings from.
    #[command(flatten)]
    pub bridges: BridgeArgs,
    /// What sensors and viewers may cost.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Where to look.
    #[command(flatten)]
    pub folders: Folders,
}

/// A rate as said on the command line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Readings per second.
    PerSecond(f64),
    /// As fast as viewers take them.
    Max,
}

/// `--prepare`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Prepare {
    /// As they are.
    Raw,
    /// Minus the mean, divided by the standard deviation.
    Standard,
    /// Scaled to 0..1.
    MinMax,
    /// The best of these by cross-validation.
    #[default]
    Auto,
}

/// `--voting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum VotingArg {
    /// One vote each.
    #[default]
    Uniform,
    /// The inverse of its distance.
    Distance,
}

/// `--metric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MetricArg {
    /// Root of the sum of squared differences.
    #[default]
    Euclidean,
    /// Sum of absolute differences.
    Manhattan,
}

impl ServeArgs {
    /// Loads the data and checks what only they can tell. Takes seconds for large data: not for a tokio worker. Who may
    /// reach the server is for [`AccessArgs::access`] to say, before a port is opened.
    ///
    /// # Errors
    ///
    /// [`UsageError`] for what makes no sense together, otherwise what went wrong with the data.
    pub fn config(&self) -> Result<Config> {
        let common = self.common()?;
        if self.no_replay {
            return Ok(common);
        }
        let dataset = self.dataset()?;
        let order = self.order()?;
        let pace = self.pace(&dataset, order)?;
        Ok(Config {
            dataset: Some(Arc::new(dataset)),
            data_arguments: self.data_arguments(),
            order,
            pace,
            ..common
        })
    }

    /// What does not depend on the data.
    fn common(&self) -> Result<Config> {
        Ok(Config {
            bridges: self.bridges.bridges()?,
            filter_iqr: self.filters.by_training(),
            seed: self.split.seed,
            training_share: self.split.split.0,
            preparation: match self.prepare {
                Prepare::Raw => Some(Preparation::Raw),
                Prepare::Standard => Some(Preparation::Standard),
                Prepare::MinMax => Some(Preparation::MinMax),
                Prepare::Auto => None,
            },
            k: self.k,
            metric: match self.metric {
                MetricArg::Euclidean => Metric::Euclidean,
                MetricArg::Manhattan => Metric::Manhattan,
            },
            voting: match self.voting {
                VotingArg::Uniform => Voting::Uniform,
                VotingArg::Distance => Voting::Distance,
            },
            looping: self.looping,
            start: self.start,
            history_bytes: self.history_mib as usize * 1024 * 1024,
            queue: self.queue,
            model: self.model.clone(),
            limits: self.limits.limits(),
            ..Config::without_replay()
        })
    }

    fn dataset(&self) -> Result<Dataset> {
        let dataset = match &self.data {
            Some(path) => read_file(path, self.label.as_deref())?,
            None => load(self.dataset.as_deref().unwrap_or(DEFAULT_DATASET), &self.folders)?,
        };
        self.filters.apply(dataset)
    }

    /// The arguments that name the data and what is done to them before the split.
    fn data_arguments(&self) -> Vec<String> {
        let mut arguments = match &self.data {
            Some(path) => vec!["--data".to_owned(), path.display().to_string()],
            None => {
                let name = self.dataset.as_deref().unwrap_or(DEFAULT_DATASET);
                vec!["--dataset".to_owned(), name.to_owned()]
            }
        };
        if let Some(label) = &self.label {
            arguments.extend(["--label".to_owned(), label.clone()]);
        }
        if self.filters.filter_iqr == Some(IqrScope::Whole) {
            arguments.push("--filter-iqr=whole".to_owned());
        }
        if let Some(at_least) = self.filters.binary_at_least {
            arguments.push(format!("--binary-at-least={at_least}"));
        }
        arguments
    }

    fn order(&self) -> Result<datasets::Order, UsageError> {
        match (self.split.order, self.speed) {
            (Some(OrderArg::Shuffled), Some(_)) => Err(UsageError(
                "--speed replays by time stamps, which needs --order file".to_owned(),
            )),
            (None, Some(_)) => Ok(datasets::Order::File),
            (order, _) => Ok(order.unwrap_or(OrderArg::Shuffled).into()),
        }
    }

    fn pace(&self, dataset: &Dataset, order: datasets::Order) -> Result<Pace> {
        let Some(speed) = self.speed else {
            return Ok(match self.rate {
                Some(Rate::Max) => Pace::Max,
                Some(Rate::PerSecond(rate)) => Pace::Rate(rate),
                None => Pace::Rate(defaults::RATE),
            });
        };
        let Some(times) = &dataset.times_micros else {
            let message = format!(
                "--speed needs time stamps, which {} does not have; use --rate",
                dataset.name
            );
            return Err(UsageError(message).into());
        };
        let split = parts::split(
            dataset,
            self.split.split.0,
            order,
            self.split.seed,
            self.filters.by_training(),
        )?;
        let in_stream_order = split.stream.iter().map(|&row| times[row as usize]);
        let times =
            RecordedTimes::new(in_stream_order, speed).map_err(|error| UsageError(error.to_string()))?;
        Ok(Pace::Recorded(times))
    }
}

/// What is replayed if nothing is named.
const DEFAULT_DATASET: &str = "covertype";

/// For counts that may be as large as they like, but not 0.
pub(crate) fn parse_count<N: TryFrom<NonZeroU32>>(text: &str) -> Result<N, String> {
    let count: Option<NonZeroU32> = text.parse().ok();
    count
        .and_then(|count| count.try_into().ok())
        .ok_or_else(|| format!("expected a whole number from 1 to {}", u32::MAX))
}

fn parse_k(text: &str) -> Result<NonZeroU8, String> {
    text.parse()
        .map_err(|_| "expected a whole number from 1 to 255".to_owned())
}

pub(crate) fn parse_rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    let expected =
        || format!("expected max or a number from {MIN_RATE} to {MAX_RATE}, in readings per second");
    let rate = text.parse().map_err(|_| expected())?;
    if (MIN_RATE..=MAX_RATE).contains(&rate) {
        Ok(Rate::PerSecond(rate))
    } else {
        Err(expected())
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let expected = "expected a number above 0, 1 being as recorded";
    let speed = text.parse().map_err(|_| expected.to_owned())?;
    if f64::is_finite(speed) && speed > 0.0 {
        Ok(speed)
    } else {
        Err(expected.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(args: &str) -> Result<Cli, String> {
        let args = ["sensor-sim"].into_iter().chain(args.split_whitespace());
        Cli::try_parse_from(args).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn bad_values_are_refused_with_what_was_expected() {
        let check = |args: &str, part: &str| {
            let error = parse(args).expect_err(args);
            assert!(error.contains(part), "{args}: {error}");
        };
        check("--rate fast", "expected max or a number");
        check("--rate 0", "expected max or a number");
        check("--rate -5", "expected max or a number");
        check("--rate NaN", "expected max or a number");
        check("--speed 0", "expected a number above 0");
        check("--rate 10 --speed 2", "cannot be used with");
        check("--split 80", "80/20");
        check("--split 80/30", "80/20");
        check("--split 100/0", "80/20");
        check("--k 0", "--k");
        check("--k 256", "--k");
        check("--label y", "--data");
        check("--dataset wine --data x.csv", "cannot be used with");
        check("--history-mib 0", "history-mib");
        check("--queue 0", "expected a whole number from 1 to");
        check("--max-sources -1", "expected a whole number from 1 to");
        check("--bind foo", "expected an IP address");
    }

    #[test]
    fn speed_needs_time_stamps_and_file_order() {
        let check = |args: &str, part: &str| {
            let error = parse(args).unwrap().serve.config().expect_err(args).to_string();
            assert!(error.contains(part), "{args}: {error}");
        };
        check("--dataset wine --speed 10", "time stamps");
        check("--dataset wine --speed 10 --order shuffled", "--order file");
    }
}
