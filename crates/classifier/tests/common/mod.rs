//! Random tables and the shortest code that states the answers, shared by the test files.
#![allow(dead_code, reason = "each test file uses its part")]

mod random;

use classifier::{ClassId, EngineKind, Knn, KnnOptions, Metric, RowMajor, Rows as _, Scaling, Voting};
pub(crate) use random::Random;

/// Every engine that this build has.
pub(crate) const ENGINES: &[EngineKind] = &[
    EngineKind::Scan,
    EngineKind::Tree,
    EngineKind::Auto,
    #[cfg(feature = "textbook")]
    EngineKind::Textbook,
];

/// A row-major table with a label per row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) values: Vec<f64>,
    pub(crate) n_features: usize,
    pub(crate) labels: Vec<ClassId>,
}

impl Table {
    pub(crate) const N_CLASSES: usize = 3;

    pub(crate) fn rows(&self) -> RowMajor<'_> {
        RowMajor::new(&self.values, self.n_features)
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.n_features..][..self.n_features]
    }

    /// `n_rows` of what `row` writes, with random labels and every fifth row or so a copy of an earlier one.
    pub(crate) fn random(
        random: &mut Random,
        n_rows: usize,
        mut row: impl FnMut(&mut Random, &mut Vec<f64>),
    ) -> Self {
        let mut table = Self::default();
        for n in 0..n_rows {
            if n > 0 && random.below(5) == 0 {
                let copied = table.row(random.below(n)).to_vec();
                table.values.extend(copied);
            } else {
                row(random, &mut table.values);
                if n == 0 {
                    table.n_features = table.values.len();
                }
            }
            table.labels.push(random.below(Self::N_CLASSES) as u32);
        }
        table
    }

    pub(crate) fn fit(&self, options: &KnnOptions) -> Knn {
        Knn::fit(&self.rows(), &self.labels, Self::N_CLASSES, options).expect("a valid table")
    }
}

/// `size` zeros, one of them possibly a 1.
pub(crate) fn push_one_hot(random: &mut Random, row: &mut Vec<f64>, size: usize) {
    let one = random.below(size + 1);
    row.extend((0..size).map(|i| f64::from(u8::from(i == one))));
}

/// The definition: all distances, sorted by (distance, row), cut to k. Written apart from the crate's textbook engine.
pub(crate) fn by_sorting(table: &Table, query: &[f64], options: &KnnOptions) -> Vec<(u32, f64)> {
    let scaling = Scaling::fit(options.preparation, &table.rows());
    let rows = (0..table.rows().n_rows()).map(|row| (row as u32, table.row(row)));
    let (scaling, weights) = (scaling.as_ref(), &options.feature_weights);
    sorted(rows, query, scaling, weights, options.metric, options.k)
}

/// The same of rows with numbers of their own, and any scaling.
pub(crate) fn sorted<'a, R: Copy + PartialOrd>(
    rows: impl Iterator<Item = (R, &'a [f64])>,
    query: &[f64],
    scaling: Option<&Scaling>,
    feature_weights: &[f64],
    metric: Metric,
    k: usize,
) -> Vec<(R, f64)> {
    let weight = |feature: usize| feature_weights.get(feature).copied().unwrap_or(1.0);
    let prepare = |feature: usize, value: f64| {
        let (offset, scale) = match scaling {
            None => (0.0, 1.0),
            Some(scaling) => (scaling.offset[feature], scaling.scale[feature]),
        };
        (value - offset) / scale
    };
    let mut all: Vec<(f64, R)> = Vec::new();
    for (row, values) in rows {
        let mut sum = 0.0;
        for (feature, (a, b)) in values.iter().zip(query).enumerate() {
            if weight(feature) == 0.0 {
                continue;
            }
            let difference = prepare(feature, *a) - prepare(feature, *b);
            let part = match metric {
                Metric::Euclidean => difference * difference,
                Metric::Manhattan => difference.abs(),
            };
            sum += weight(feature) * part;
        }
        all.push((sum, row));
    }
    all.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
    all.truncate(k);
    let root = |sum: f64| match metric {
        Metric::Euclidean => sum.sqrt(),
        Metric::Manhattan => sum,
    };
    all.into_iter().map(|(sum, row)| (row, root(sum))).collect()
}

/// The class with most votes of neighbours with classes and distances, smallest if equal, and the shares of all `N`.
pub(crate) fn vote<const N: usize>(
    neighbours: impl Iterator<Item = (ClassId, f64)> + Clone,
    voting: Voting,
) -> (ClassId, [f64; N]) {
    let is_zero = |distance: f64| distance < 1e-305;
    let any_is_zero = neighbours.clone().any(|(_, distance)| is_zero(distance));
    let all_infinite = neighbours.clone().all(|(_, distance)| distance == f64::INFINITY);
    let mut votes = [0.0; N];
    for (class, distance) in neighbours {
        votes[class as usize] += match voting {
            Voting::Uniform => 1.0,
            Voting::Distance if any_is_zero => f64::from(u8::from(is_zero(distance))),
            Voting::Distance if all_infinite => 1.0,
            Voting::Distance => 1.0 / distance,
        };
    }
    let most = votes.into_iter().fold(0.0, f64::max);
    let class = votes.iter().position(|votes| *votes == most);
    let total: f64 = votes.iter().sum();
    (
        class.expect("one has most") as ClassId,
        votes.map(|votes| votes / total),
    )
}
