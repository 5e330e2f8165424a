//! Random tables and the shortest code that states the answers, shared by the test files.
#![allow(dead_code, reason = "each test file uses its part")]

mod random;

use classifier::{
    ClassId, EngineKind, Knn, KnnOptions, Metric, Preparation, RowMajor, Rows as _, Scaling, Voting,
};
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

/// The definition: all (squared distance, row), sorted. Written apart from the crate's textbook engine.
pub(crate) fn by_sorting(table: &Table, query: &[f64], options: &KnnOptions) -> Vec<(u32, f64)> {
    let scaling = Scaling::fit(options.preparation, &table.rows());
    let weight = |feature: usize| options.feature_weights.get(feature).copied().unwrap_or(1.0);
    let prepare = |feature: usize, value: f64| {
        let (offset, scale) = match (options.preparation, &scaling) {
            (Preparation::Raw, _) | (_, None) => (0.0, 1.0),
            (_, Some(scaling)) => (scaling.offset[feature], scaling.scale[feature]),
        };
        let weight = weight(feature);
        let factor = if options.metric == Metric::Euclidean {
            weight.sqrt()
        } else {
            weight
        };
        (value - offset) / (scale / factor)
    };
    let mut all: Vec<(f64, u32)> = Vec::new();
    for row in 0..table.rows().n_rows() {
        let mut sum = 0.0;
        for (feature, (a, b)) in table.row(row).iter().zip(query).enumerate() {
            if weight(feature) == 0.0 {
                continue;
            }
            let difference = prepare(feature, *a) - prepare(feature, *b);
            sum += if options.metric == Metric::Euclidean {
                difference * difference
            } else {
                difference.abs()
            };
        }
        all.push((sum, row as u32));
    }
    all.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
    all.truncate(options.k);
    let root = |sum: f64| {
        if options.metric == Metric::Euclidean {
            sum.sqrt()
        } else {
            sum
        }
    };
    all.into_iter().map(|(sum, row)| (row, root(sum))).collect()
}

/// The class with most votes of `rows`, smallest if equal, and the shares of all.
pub(crate) fn vote(table: &Table, rows: &[(u32, f64)], voting: Voting) -> (ClassId, [f64; Table::N_CLASSES]) {
    let is_zero = |distance: f64| distance < 1e-305;
    let any_is_zero = rows.iter().any(|(_, distance)| is_zero(*distance));
    let all_infinite = rows.iter().all(|(_, distance)| *distance == f64::INFINITY);
    let mut votes = [0.0; Table::N_CLASSES];
    for &(row, distance) in rows {
        votes[table.labels[row as usize] as usize] += match voting {
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
