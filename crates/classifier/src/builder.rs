//! Fitting by chunks and in slices: rows come in as they are read, and the index is built a few milliseconds at a time.
//!
//! While rows come in they are kept about as narrow as in the finished index (`growing.rs`), so that at most about three
//! times the index is held. Beside it, while they last: 8 bytes a row while a feature is scaled, an eighth of a byte for each
//! zero or one, up to 8 kB a feature for rows that wait to be 1024, or fewer where they are wide, and up to 15 MB while small sets are tried along their
//! principal axes. The caller needs no more of the rows than one chunk. Neither chunks nor slices leave a trace: the same rows make the same model,
//! to the last byte. [`Knn::fit`] is one chunk and one slice.

use std::fmt;
use std::pin::Pin;

use crate::compact::Columns;
use crate::growing::Growing;
use crate::labels::Labels;
use crate::pace::Pace;
use crate::preparation::SCALING_UNITS;
use crate::{ClassId, EngineKind, FitError, Knn, KnnOptions, Preparation, Rows, Scaling};

/// Units of [`Pace`] in a step.
const STEP: u64 = 1 << 20;

/// Bounds of what memory is taken for before there is a row, and of what a model file may have to hold. Arbitrary.
pub(crate) const MAX_FEATURES: usize = 1 << 18;
pub(crate) const MAX_CLASSES: usize = 1 << 20;

/// Whether there may be so many features and classes.
pub(crate) fn check_counts(n_features: usize, n_classes: usize) -> Result<(), FitError> {
    if n_features > MAX_FEATURES {
        return Err(FitError::TooManyFeatures { n_features });
    }
    if n_classes > MAX_CLASSES {
        return Err(FitError::TooManyClasses { n_classes });
    }
    Ok(())
}

/// Takes training rows chunk by chunk.
///
/// ```
/// use classifier::{Knn, KnnBuilder, KnnOptions, RowMajor};
///
/// let options = KnnOptions { k: 1, ..KnnOptions::default() };
/// let mut builder = KnnBuilder::new(2, 2, &options)?;
/// builder.push(&RowMajor::new(&[0.0, 0.0, 1.0, 0.0], 2), &[0, 0])?;
/// builder.push(&RowMajor::new(&[8.0, 9.0], 2), &[1])?;
/// let mut build = builder.start()?;
/// let mut knn = loop {
///     // Here a page or a server does what else it has to do.
///     if let Some(knn) = build.advance(1)? {
///         break knn;
///     }
///     assert!(build.progress() < 1.0);
/// };
/// assert_eq!(knn.predict(&[7.0, 7.0])?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct KnnBuilder {
    rows: Growing,
    labels: Labels,
    n_classes: usize,
    options: KnnOptions,
    /// 0 if that was not said.
    n_rows_expected: usize,
}

impl KnnBuilder {
    /// Expects rows of `n_features` with labels below `n_classes`.
    ///
    /// # Errors
    ///
    /// [`FitError::TooManyFeatures`] above 2^18, [`FitError::TooManyClasses`] above 2^20, [`FitError::KOutOfRange`] unless
    /// `1 <= k <= 255`, [`FitError::FeatureWeightCount`], [`FitError::FeatureWeightOutOfRange`],
    /// [`FitError::NoFeatureWeighs`].
    pub fn new(n_features: usize, n_classes: usize, options: &KnnOptions) -> Result<Self, FitError> {
        check_counts(n_features, n_classes)?;
        KnnOptions::check(options.k, &options.feature_weights, n_features)?;
        Ok(Self {
            rows: Growing::new(n_features, &options.feature_weights),
            labels: Labels::new(n_classes),
            n_classes,
            options: options.clone(),
            n_rows_expected: 0,
        })
    }

    /// Says how many rows there will be, so that [`KnnBuilder::push`] refuses what cannot fit in memory as soon as that is
    /// known, and not when all of it is used up.
    pub fn expect_rows(&mut self, n_rows: usize) {
        self.n_rows_expected = n_rows;
    }

    /// Takes a chunk of rows, of any number, with one label each. If there is an error, nothing of it is taken.
    ///
    /// # Errors
    ///
    /// [`FitError::FeatureCount`], [`FitError::TooManyRows`], [`FitError::LabelCount`] of the chunk,
    /// [`FitError::LabelOutOfRange`] and [`FitError::NotFinite`] with the first such row, counted from the first chunk,
    /// [`FitError::TooLarge`] if the rows that came before show that those [expected](KnnBuilder::expect_rows) are.
    pub fn push(&mut self, rows: &impl Rows, labels: &[ClassId]) -> Result<(), FitError> {
        if rows.n_rows() != labels.len() {
            return Err(FitError::LabelCount {
                expected: rows.n_rows(),
                actual: labels.len(),
            });
        }
        let n_classes = self.n_classes;
        if let Some(row) = labels.iter().position(|&label| label as usize >= n_classes) {
            return Err(FitError::LabelOutOfRange {
                row: self.n_rows() + row,
                label: labels[row],
                n_classes,
            });
        }
        self.check_room()?;
        self.rows.push(rows)?;
        self.labels.extend(labels);
        Ok(())
    }

    /// Whether the rows expected may fit in memory, by what is known of their columns.
    fn check_room(&self) -> Result<(), FitError> {
        let of_columns = self.rows.min_bytes_per_row();
        let of_label = 1;
        let bytes_per_row = match self.options.engine {
            EngineKind::Textbook | EngineKind::Scan => of_label + of_columns,
            // Leaves are filled from columns, and hold the rows' numbers.
            EngineKind::Tree | EngineKind::Auto => of_label + 2 * of_columns + size_of::<u32>(),
        };
        let n_rows = self.n_rows_expected;
        match n_rows.checked_mul(bytes_per_row) {
            Some(_) => Ok(()),
            None => Err(FitError::TooLarge { n_rows }),
        }
    }

    /// How many rows were taken.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.rows.n_rows()
    }

    /// Builds the model at once.
    ///
    /// # Errors
    ///
    /// [`FitError::NoRows`], [`FitError::Overflow`] where preparation leaves the range of f64,
    /// [`FitError::TextbookMissing`].
    pub fn finish(self) -> Result<Knn, FitError> {
        self.check()?;
        Pace::run(|pace| self.build(pace))
    }

    /// Has the model built step by step. Nothing is done before the first [`Build::advance`].
    ///
    /// # Errors
    ///
    /// [`FitError::NoRows`]; the others of [`KnnBuilder::finish`] come from [`Build::advance`].
    pub fn start(self) -> Result<Build, FitError> {
        self.check()?;
        let pace = Pace::new();
        let work = Box::pin(self.build(pace.clone()));
        Ok(Build {
            pace,
            work: Some(work),
        })
    }

    fn check(&self) -> Result<(), FitError> {
        if self.n_rows() == 0 {
            return Err(FitError::NoRows);
        }
        Ok(())
    }

    async fn build(mut self, pace: Pace) -> Result<Knn, FitError> {
        self.labels.shrink_to_fit();
        // In u64: a usize of 32 bits has room for the values, but not for all that is done with them.
        let n_values = self.n_rows() as u64 * self.rows.n_features() as u64;
        let of_preparation = match self.options.preparation {
            Preparation::Raw => 0,
            Preparation::Standard | Preparation::MinMax => n_values * SCALING_UNITS as u64,
        };
        // As if no feature were in a group, until that is known.
        let of_engine = Knn::n_units(self.options.engine, self.n_rows(), self.rows.n_features());
        pace.expect(n_values + of_preparation + of_engine);
        let columns = Columns::new(self.rows, &pace).await;
        let preparation = Scaling::fit_at_pace(self.options.preparation, &columns, &pace).await;
        Knn::assemble(
            columns,
            self.labels,
            self.n_classes,
            self.options,
            preparation,
            None,
            &pace,
        )
        .await
    }
}

/// A model that is being built, from [`KnnBuilder::start`].
pub struct Build {
    pace: Pace,
    /// `None` when it is finished or has failed.
    work: Option<Work>,
}

type Work = Pin<Box<dyn Future<Output = Result<Knn, FitError>> + Send>>;

impl fmt::Debug for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Build")
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

impl Build {
    /// Does `n_steps` of the work, at least one, and returns the model when it is finished.
    ///
    /// A step is about a million elementary operations, which take about a millisecond. It is exceeded where a pass over one
    /// column, the selection of a median, a query that looks at all rows (to see whether a tree pays) or finding the axes of
    /// many features takes longer: with Covertype's 464,809 rows a step takes a few milliseconds. The table of the textbook
    /// engine is made in one step.
    ///
    /// # Errors
    ///
    /// [`FitError::Overflow`] where preparation leaves the range of f64, [`FitError::TextbookMissing`].
    ///
    /// # Panics
    ///
    /// If it has returned the model or an error before.
    pub fn advance(&mut self, n_steps: usize) -> Result<Option<Knn>, FitError> {
        let work = self
            .work
            .as_mut()
            .expect("advance is called until it returns a model or an error");
        let result = self
            .pace
            .advance(work.as_mut(), STEP.saturating_mul(n_steps as u64));
        if result.is_some() {
            self.work = None;
        }
        result.transpose()
    }

    /// The share of the work that is done, `0..=1`: never falls, and is 1 only when [`Build::advance`] has returned the
    /// model or an error. An estimate: how long the rest takes depends on the rows.
    #[must_use]
    pub fn progress(&self) -> f64 {
        if self.work.is_none() {
            return 1.0;
        }
        self.pace.progress().min(1.0 - f64::EPSILON)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RowMajor;
    use crate::random::Random;

    /// The most units between two chances to give way, and all of them.
    fn units_of_building(n_rows: usize, n_features: usize, options: &KnnOptions) -> (u64, u64) {
        let mut random = Random(1);
        // Of a sine, which no narrow form holds.
        let value = |_| (random.below(1 << 20) as f64).sin();
        let values: Vec<f64> = (0..n_rows * n_features).map(value).collect();
        let mut builder = KnnBuilder::new(n_features, 1, options).expect("valid options");
        let rows = RowMajor::new(&values, n_features);
        builder.push(&rows, &vec![0; n_rows]).expect("valid rows");
        let Build { pace, work } = builder.start().expect("rows");
        let mut work = work.expect("it is not finished");
        let (mut longest, mut spent) = (0, 0);
        loop {
            // A slice so short ends with the next work that is counted.
            let result = pace.advance(work.as_mut(), 1);
            longest = longest.max(pace.spent() - spent);
            spent = pace.spent();
            if result.is_some() {
                return (longest, spent);
            }
        }
    }

    /// What splits look at was not counted, nor the clearing of what the leaves will be in: all splits of wide rows came in
    /// one slice.
    #[test]
    fn wide_rows_give_way_as_often_as_others() {
        for preparation in [Preparation::Raw, Preparation::Standard] {
            let options = KnnOptions {
                engine: EngineKind::Tree,
                preparation,
                ..KnnOptions::default()
            };
            for (n_rows, n_features) in [(2000, 100), (400, 1000), (200, 4000)] {
                let (longest, spent) = units_of_building(n_rows, n_features, &options);
                assert!(longest < STEP / 4, "{longest} units at once");
                let of_value = spent / (n_rows * n_features) as u64;
                assert!(of_value >= 30, "{of_value} units of a value");
            }
        }
    }
}
