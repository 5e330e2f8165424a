//! Chooses how features are prepared, by cross-validation on the training part alone.
//!
//! Each preparation is fitted on four fifths of a sample and scored on the last fifth, five times over. The folds are
//! blocks in the training order: for rows in file order a random fold would hold each row's neighbours in time, and flatter.

use std::num::NonZeroUsize;
use std::thread;

use classifier::{ClassId, EngineKind, FitError, Knn, KnnOptions, Metric, Preparation};

use crate::model::TrainingRows;

/// Rows looked at: enough to tell preparations apart by 1 %, few enough to take about a second.
const MAX_SAMPLE_ROWS: usize = 10_000;

/// Five is customary: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2nd ed., section 7.10.1.
const N_FOLDS: usize = 5;

/// The candidates, simplest first: the simplest wins a tie.
const CANDIDATES: [Preparation; 3] = [Preparation::Raw, Preparation::Standard, Preparation::MinMax];

/// How a preparation did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The preparation.
    pub preparation: Preparation,
    /// Rows of the sample that were classified correctly when they were held out.
    pub n_correct: usize,
    /// Rows of the sample.
    pub n_rows: usize,
}

impl Score {
    /// The share of held-out rows that were classified correctly.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.n_correct as f64 / self.n_rows as f64
    }
}

/// Scores every preparation, in the order in which ties are decided. Works on all cores.
///
/// # Errors
///
/// [`FitError`] if a fold cannot be fitted, e.g. because a value is not finite.
pub(crate) fn scores(
    rows: &TrainingRows<'_>,
    n_classes: usize,
    k: usize,
    metric: Metric,
) -> Result<Vec<Score>, FitError> {
    let stride = rows.rows.len().div_ceil(MAX_SAMPLE_ROWS).max(1);
    let sample: Vec<u32> = rows.rows.iter().copied().step_by(stride).collect();
    let folds: Vec<(Preparation, usize)> = CANDIDATES
        .into_iter()
        .flat_map(|preparation| (0..N_FOLDS.min(sample.len())).map(move |fold| (preparation, fold)))
        .collect();
    let n_threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let n_correct = |&(preparation, fold): &(Preparation, usize)| {
        let options = KnnOptions {
            k,
            metric,
            preparation,
            engine: EngineKind::Scan,
        };
        n_correct_of_fold(rows, &sample, fold, n_classes, &options).map(|n| (preparation, n))
    };
    let results: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..n_threads)
            .map(|worker| {
                let share = folds.iter().skip(worker).step_by(n_threads);
                scope.spawn(move || share.map(n_correct).collect::<Vec<_>>())
            })
            .collect();
        let join =
            |worker: thread::ScopedJoinHandle<'_, Vec<_>>| worker.join().expect("fitting does not panic");
        workers.into_iter().flat_map(join).collect()
    });
    let results = results.into_iter().collect::<Result<Vec<_>, _>>()?;
    let score = |preparation| Score {
        preparation,
        n_correct: results
            .iter()
            .filter(|(other, _)| *other == preparation)
            .map(|(_, n)| n)
            .sum(),
        n_rows: sample.len(),
    };
    Ok(CANDIDATES.into_iter().map(score).collect())
}

/// The best; of equals the first.
pub(crate) fn best(scores: &[Score]) -> Preparation {
    let mut best = scores[0];
    for score in scores {
        if score.n_correct > best.n_correct {
            best = *score;
        }
    }
    best.preparation
}

fn n_correct_of_fold(
    all: &TrainingRows<'_>,
    sample: &[u32],
    fold: usize,
    n_classes: usize,
    options: &KnnOptions,
) -> Result<usize, FitError> {
    let start = sample.len() * fold / N_FOLDS;
    let end = sample.len() * (fold + 1) / N_FOLDS;
    let training = [&sample[..start], &sample[end..]].concat();
    let labels: Vec<ClassId> = all.labels_of(&training);
    let training = TrainingRows {
        rows: &training,
        ..*all
    };
    let mut knn = Knn::fit(&training, &labels, n_classes, options)?;
    let mut query = Vec::new();
    let is_correct = |&&row: &&u32| {
        all.dataset.row_into(row as usize, &mut query);
        let predicted = knn
            .predict(&query)
            .expect("rows of one data set are alike and finite");
        predicted == all.dataset.labels[row as usize]
    };
    Ok(sample[start..end].iter().filter(is_correct).count())
}
