//! The part of the command line that serving, publishing and exporting share: which data, what is left out of them, and how
//! they are split.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use datasets::{Dataset, Lookup};
use tracing::info;

use crate::cli::UsageError;
use crate::config::defaults;
use crate::parts;

/// How rows are ordered and split.
#[derive(Debug, Clone, Copy, Args)]
pub struct SplitArgs {
    /// Order of the rows, before they are split [default: shuffled; file with --speed]
    #[arg(long, value_enum)]
    pub order: Option<OrderArg>,
    /// Seed of the shuffle
    #[arg(long, default_value_t = defaults::SEED)]
    pub seed: u64,
    /// Percentages of the rows that train the model and that stream
    #[arg(long, value_name = "TRAIN/STREAM", default_value = "80/20", value_parser = parse_split)]
    pub split: TrainingShare,
}

impl SplitArgs {
    /// The two parts of a data set to which `filters` were applied already; shuffled, unless said otherwise.
    pub(crate) fn parts(
        &self,
        dataset: &Dataset,
        filters: &Filters,
    ) -> Result<datasets::Split, parts::PartsError> {
        let order = self.order.unwrap_or(OrderArg::Shuffled).into();
        parts::split(dataset, self.split.0, order, self.seed, filters.by_training())
    }
}

/// Which rows say what an outlier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IqrScope {
    /// Those that train.
    Training,
    /// All, before the split.
    Whole,
}

/// What is left out of a data set, and how its classes are cut.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Filters {
    /// Leave out rows with a value further than 1.5 interquartile ranges outside the middle half of its feature: as it is
    /// in the training part, or in the whole set before it is split, which is the paper's way and lets the stream decide
    /// on the training rows [default if given: training]
    #[arg(
        long,
        value_enum,
        value_name = "training|whole",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "training",
        hide_possible_values = true
    )]
    pub filter_iqr: Option<IqrScope>,
    /// Make two classes of numeric ones: N or more, and below
    #[arg(long, value_name = "N")]
    pub binary_at_least: Option<f64>,
}

/// Where data sets are looked for.
#[derive(Debug, Clone, Default, Args)]
pub struct Folders {
    /// A folder with fetched data sets, looked in before RUNNEL_DATA_DIR and the cache folder; may be repeated
    #[arg(long = "data-dir", value_name = "DIR")]
    pub data_dirs: Vec<PathBuf>,
}

/// Share of the rows that trains the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingShare(pub f64);

/// `--order`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OrderArg {
    /// Shuffled by the seed: both parts are samples of the whole.
    Shuffled,
    /// As recorded: the first part trains, the rest streams.
    File,
}

impl fmt::Display for OrderArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shuffled => "shuffled",
            Self::File => "file",
        })
    }
}

impl From<OrderArg> for datasets::Order {
    fn from(order: OrderArg) -> Self {
        match order {
            OrderArg::Shuffled => Self::Shuffled,
            OrderArg::File => Self::File,
        }
    }
}

impl Filters {
    /// Whether outliers are to be left out after the split, by the training part.
    #[must_use]
    pub fn by_training(&self) -> bool {
        self.filter_iqr == Some(IqrScope::Training)
    }

    /// Applies what comes before the split.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if the classes cannot be cut as asked, or if no row is left.
    pub fn apply(&self, mut dataset: Dataset) -> Result<Dataset> {
        if self.filter_iqr == Some(IqrScope::Whole) {
            dataset = datasets::iqr_filter_whole(&dataset);
            if dataset.n_rows() == 0 {
                return Err(UsageError(format!("--filter-iqr leaves no row of {}", dataset.name)).into());
            }
        }
        if let Some(at_least) = self.binary_at_least {
            dataset = datasets::binary_label(&dataset, at_least)
                .map_err(|error| UsageError(format!("--binary-at-least: {error}")))?;
        }
        Ok(dataset)
    }
}

/// Loads a data set by name.
///
/// # Errors
///
/// [`UsageError`] for a name that means none, with the nearest one that does; otherwise what went wrong.
pub fn load(name: &str, folders: &Folders) -> Result<Dataset> {
    check_name(name)?;
    let lookup = Lookup::from_dirs(folders.data_dirs.clone());
    match datasets::load(name, &lookup) {
        Err(datasets::LoadError::Lookup(error @ datasets::LookupError::NotFetched { .. })) => {
            Err(error).with_context(|| format!("run `sensor-sim datasets fetch {name}` first"))
        }
        result => Ok(result?),
    }
}

/// Reads a file of the user's, and logs what was taken for its header, its label and its times: only they can tell whether
/// that is right.
///
/// # Errors
///
/// What is wrong with the file, and where.
pub fn read_file(path: &Path, label: Option<&str>) -> Result<Dataset> {
    let (dataset, report) = datasets::read_file_reported(path, label)?;
    info!("{} read: {report}", path.display());
    Ok(dataset)
}

/// Refuses a name that means no data set, and says which one may have been meant.
///
/// # Errors
///
/// [`UsageError`].
pub fn check_name(name: &str) -> Result<(), UsageError> {
    let names = || datasets::catalogue().iter().map(|entry| entry.name);
    if names().any(|known| known == name) {
        return Ok(());
    }
    let listed = names().collect::<Vec<_>>().join(", ");
    let closeness = |known: &&str| (strsim::jaro_winkler(known, name) * 1e6) as u64;
    let nearest = names()
        .max_by_key(closeness)
        .filter(|known| closeness(known) > 750_000);
    let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
    Err(UsageError(format!(
        "no data set is named {name:?}{hint} (known are {listed}; --data takes a file)"
    )))
}

fn parse_split(text: &str) -> Result<TrainingShare, String> {
    let expected = || "expected two percentages above 0 that add up to 100, e.g. 80/20".to_owned();
    let (training, stream) = text.split_once('/').ok_or_else(expected)?;
    let percentage = |text: &str| text.trim().parse::<f64>().ok().filter(|&share| share > 0.0);
    match (percentage(training), percentage(stream)) {
        (Some(training), Some(stream)) if (training + stream - 100.0).abs() < 1e-9 => {
            Ok(TrainingShare(training / 100.0))
        }
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_data_sets_get_the_nearest_name() {
        let check = |name: &str, part: &str| {
            let error = check_name(name).expect_err(name).to_string();
            assert!(error.contains(part) && error.contains("covertype"), "{error}");
        };
        check("covtype", "did you mean covertype?");
        check("whine", "did you mean wine?");
        check("zzz", "(known are");
        assert_eq!(check_name("wine"), Ok(()));
    }
}
