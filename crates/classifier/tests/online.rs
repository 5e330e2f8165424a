//! Rows that come and go: at any time the answers are those of sorting the rows that are there.
//!
//! The same tests run natively, in Node and in a browser.

mod common;

use std::num::NonZeroUsize;

use classifier::{
    ClassId, FitError, InsertError, Knn, KnnOptions, Metric, OnlineKnn, OnlineOptions, Preparation,
    QueryError, RowMajor, Scaling, Voting,
};
use common::{Random, sorted, vote};
use wasm_bindgen_test::wasm_bindgen_test;

const N_CLASSES: usize = 4;
const METRICS: [Metric; 2] = [Metric::Euclidean, Metric::Manhattan];

/// Rows in a list, in the order in which they came.
#[derive(Default)]
struct Plain {
    rows: Vec<(u64, Vec<f64>, ClassId)>,
}

impl Plain {
    /// The k nearest rows with their distances, and their classes.
    fn nearest(&self, query: &[f64], options: &OnlineOptions) -> Vec<((u64, ClassId), f64)> {
        let rows = self
            .rows
            .iter()
            .map(|(row, features, class)| ((*row, *class), &features[..]));
        let (scaling, weights) = (options.scaling.as_ref(), &options.feature_weights);
        sorted(rows, query, scaling, weights, options.metric, options.k)
    }
}

/// Both sides of a comparison, changed together.
struct Pair {
    knn: OnlineKnn,
    plain: Plain,
}

impl Pair {
    fn new(n_features: usize, options: &OnlineOptions) -> Self {
        Self {
            knn: OnlineKnn::new(n_features, N_CLASSES, options).expect("valid options"),
            plain: Plain::default(),
        }
    }

    fn insert(&mut self, features: Vec<f64>, class: ClassId) -> u64 {
        let row = self.knn.insert(&features, class).expect("a valid row");
        let window = self.knn.options().window.map_or(usize::MAX, NonZeroUsize::get);
        if self.plain.rows.len() == window {
            self.plain.rows.remove(0);
        }
        self.plain.rows.push((row, features, class));
        row
    }

    /// Removes the row at some place of the list.
    fn remove(&mut self, at: usize) {
        let (row, _, class) = self.plain.rows.remove(at);
        assert_eq!(self.knn.label(row), Some(class));
        assert_eq!(self.knn.remove(row), Some(class));
        assert_eq!(self.knn.remove(row), None, "it has left");
        assert_eq!(self.knn.label(row), None);
    }

    fn check(&mut self, query: &[f64], case: &str) {
        let Self { knn, plain } = self;
        let options = knn.options().clone();
        assert_eq!(knn.n_rows(), plain.rows.len(), "{case}");
        assert_eq!(knn.oldest(), plain.rows.first().map(|row| row.0), "{case}");
        let expected = plain.nearest(query, &options);
        let found = knn.neighbours(query).expect("a valid query");
        let found: Vec<(u64, f64)> = found.iter().map(|n| (n.row, n.distance)).collect();
        let rows: Vec<(u64, f64)> = expected
            .iter()
            .map(|&((row, _), distance)| (row, distance))
            .collect();
        assert_eq!(found, rows, "{case}, {options:?}, query {query:?}");
        if expected.is_empty() {
            assert_eq!(knn.predict(query), Err(QueryError::NoRows), "{case}");
            return;
        }
        let votes = expected.iter().map(|&((_, class), distance)| (class, distance));
        let (class, shares) = vote::<N_CLASSES>(votes, options.voting);
        assert_eq!(
            knn.predict(query),
            Ok(class),
            "{case}, {options:?}, query {query:?}"
        );
        let classification = knn.classify(query).expect("just answered");
        assert_eq!(classification.class, class);
        assert_eq!(classification.neighbours.len(), expected.len());
        assert_eq!(classification.shares, shares, "{case}");
    }
}

/// Inserts, removals and queries at random, from rows that `features` makes; sometimes all rows are removed.
fn check_sequences(
    name: &str,
    n_seeds: u64,
    n_changes: usize,
    features: impl Fn(&mut Random, usize) -> Vec<f64>,
) {
    for seed in 0..n_seeds {
        let mut random = Random(seed);
        let n_features = random.choose(&[1, 2, 3, 7]);
        let n_given = |random: &mut Random, n| if random.below(2) == 0 { 0 } else { n };
        let options = OnlineOptions {
            k: random.choose(&[1, 2, 5, 17, 255]),
            metric: random.choose(&METRICS),
            voting: random.choose(&[Voting::Uniform, Voting::Distance]),
            feature_weights: (0..n_given(&mut random, n_features))
                .map(|feature| {
                    if feature == 0 {
                        1.0
                    } else {
                        random.choose(&[0.0, 1.0, 0.25, 3.0])
                    }
                })
                .collect(),
            scaling: (random.below(2) == 0).then(|| Scaling {
                offset: vec![1.0; n_features],
                scale: vec![random.choose(&[0.5, 3.0]); n_features],
            }),
            window: NonZeroUsize::new(random.choose(&[0, 0, 1, 40, 300])),
        };
        let case = format!("{name}, seed {seed}");
        let mut pair = Pair::new(n_features, &options);
        for change in 0..n_changes {
            let n_rows = pair.plain.rows.len();
            // Grows at first, then comes and goes, then shrinks to nothing and begins anew.
            let share_removed = [1, 5, 9][3 * change / n_changes];
            if n_rows > 0 && random.below(10) < share_removed {
                pair.remove(random.below(n_rows));
            } else {
                let features = features(&mut random, n_features);
                let class = random.below(N_CLASSES) as ClassId;
                pair.insert(features, class);
            }
            if random.below(8) == 0 {
                let query = features(&mut random, n_features);
                pair.check(&query, &case);
            }
        }
        while !pair.plain.rows.is_empty() {
            pair.remove(pair.plain.rows.len() / 2);
        }
        pair.check(&vec![0.0; n_features], &case);
        for _ in 0..50 {
            let features = features(&mut random, n_features);
            pair.insert(features.clone(), 1);
            pair.check(&features, &case);
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn ties_everywhere_on_a_small_grid() {
    check_sequences("grid", 40, 1500, |random, n| {
        (0..n).map(|_| random.integer(0, 3)).collect()
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn numbers_of_any_kind() {
    check_sequences("floats", 20, 1500, |random, n| {
        (0..n)
            .map(|_| random.choose(&[1e-9, 1.0, 1e9]) * (random.unit() - 0.5))
            .collect()
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn copies_of_one_row() {
    check_sequences("copies", 10, 600, |_, n| vec![2.5; n]);
}

/// Squares that overflow: infinitely far rows tie, and go by their number.
#[wasm_bindgen_test(unsupported = test)]
fn distances_that_overflow() {
    check_sequences("overflow", 10, 400, |random, n| {
        (0..n).map(|_| random.integer(-1, 1) * 1e200).collect()
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn rows_in_sorted_order() {
    for metric in METRICS {
        let options = OnlineOptions {
            metric,
            ..OnlineOptions::default()
        };
        let mut pair = Pair::new(2, &options);
        for i in 0..3000 {
            pair.insert(vec![f64::from(i), f64::from(i / 7)], (i % 4) as ClassId);
        }
        for i in 0..60 {
            pair.check(&[f64::from(i * 50) + 0.5, f64::from(i)], "ascending");
        }
        // From the oldest on, so that one side of the tree empties.
        for i in 0..2990 {
            pair.remove(0);
            if i % 100 == 0 {
                pair.check(&[f64::from(i), 0.0], "emptied from below");
            }
        }
        pair.check(&[0.0, 0.0], "ten left");
    }
}

/// Large enough for three levels of boxes, and cheap enough to search for boxes to be passed over.
#[wasm_bindgen_test(unsupported = test)]
fn a_window_slides_for_long_and_its_memory_does_not_grow() {
    let options = OnlineOptions {
        window: NonZeroUsize::new(2000),
        ..OnlineOptions::default()
    };
    let mut random = Random(5);
    let mut pair = Pair::new(3, &options);
    let mut bytes_when_full = 0;
    for i in 0..20_000_u32 {
        // The rows wander, so that boxes that held the old ones have to go.
        let features = (0..3)
            .map(|_| f64::from(i / 100) + random.integer(0, 30))
            .collect();
        let row = pair.insert(features, i % 4);
        assert_eq!(row, u64::from(i));
        if i % 500 == 0 {
            let query: Vec<f64> = (0..3)
                .map(|_| f64::from(i / 100) + random.integer(-5, 35))
                .collect();
            pair.check(&query, "window");
        }
        if i == 4000 {
            bytes_when_full = pair.knn.index_bytes();
        }
    }
    assert_eq!(pair.knn.n_rows(), 2000);
    let bytes = pair.knn.index_bytes();
    assert!(
        bytes < 2 * bytes_when_full,
        "{bytes_when_full} bytes became {bytes}"
    );
}

/// With the scaling that a fit found, the answers are the fitted classifier's.
#[wasm_bindgen_test(unsupported = test)]
fn answers_are_those_of_a_fit_to_the_same_rows() {
    let mut random = Random(6);
    let values: Vec<f64> = (0..500 * 4).map(|_| random.integer(0, 9)).collect();
    let labels: Vec<ClassId> = (0..500).map(|_| random.below(N_CLASSES) as ClassId).collect();
    let rows = RowMajor::new(&values, 4);
    for preparation in [Preparation::Raw, Preparation::Standard, Preparation::MinMax] {
        for metric in METRICS {
            let feature_weights = vec![1.0, 0.5, 0.0, 2.0];
            let fitted = KnnOptions {
                preparation,
                metric,
                feature_weights: feature_weights.clone(),
                voting: Voting::Distance,
                ..KnnOptions::default()
            };
            let mut knn = Knn::fit(&rows, &labels, N_CLASSES, &fitted).expect("valid rows");
            let options = OnlineOptions {
                metric,
                feature_weights,
                voting: Voting::Distance,
                scaling: Scaling::fit(preparation, &rows),
                ..OnlineOptions::default()
            };
            let mut online = OnlineKnn::new(4, N_CLASSES, &options).expect("valid options");
            for (features, label) in values.chunks(4).zip(&labels) {
                online.insert(features, *label).expect("a valid row");
            }
            for _ in 0..100 {
                let query: Vec<f64> = (0..4).map(|_| random.integer(-1, 10)).collect();
                let expected = knn.classify(&query).expect("a valid query");
                let found = online.classify(&query).expect("a valid query");
                assert_eq!((found.class, found.shares), (expected.class, expected.shares));
                let pairs = expected.neighbours.iter().map(|n| (u64::from(n.row), n.distance));
                assert!(found.neighbours.iter().map(|n| (n.row, n.distance)).eq(pairs));
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn rows_without_features_are_all_equally_near() {
    let mut pair = Pair::new(0, &OnlineOptions::default());
    for i in 0..100 {
        pair.insert(Vec::new(), i % 4);
        pair.check(&[], "featureless");
    }
    while !pair.plain.rows.is_empty() {
        pair.remove(0);
        pair.check(&[], "featureless");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_wrong_is_said_and_changes_nothing() {
    let options = OnlineOptions {
        k: 1,
        window: NonZeroUsize::new(1),
        ..OnlineOptions::default()
    };
    let mut knn = OnlineKnn::new(2, 2, &options).expect("valid options");
    assert_eq!(knn.predict(&[0.0, 0.0]), Err(QueryError::NoRows));
    assert_eq!(knn.neighbours(&[0.0, 0.0]), Ok(&[][..]));
    assert_eq!(knn.remove_oldest(), None);
    assert_eq!(knn.insert(&[1.0, 2.0], 1), Ok(0));
    let check = |result: Result<u64, InsertError>, message: &str| {
        assert_eq!(result.expect_err(message).to_string(), message);
    };
    check(knn.insert(&[1.0], 0), "expected 2 features, got 1");
    check(
        knn.insert(&[1.0, f64::NAN], 0),
        "expected a finite number in feature 1, got NaN",
    );
    check(
        knn.insert(&[f64::INFINITY, 0.0], 0),
        "expected a finite number in feature 0, got inf",
    );
    check(knn.insert(&[1.0, 2.0], 2), "label 2 is outside 0..2");
    assert_eq!((knn.n_rows(), knn.oldest()), (1, Some(0)));
    assert!(matches!(
        knn.predict(&[0.0]),
        Err(QueryError::FeatureCount {
            expected: 2,
            actual: 1
        })
    ));
    assert!(matches!(
        knn.predict(&[f64::NAN, 0.0]),
        Err(QueryError::NotFinite { feature: 0, .. })
    ));
    assert_eq!(knn.remove(7), None);
    assert_eq!(knn.insert(&[3.0, 4.0], 0), Ok(1));
    assert_eq!((knn.n_rows(), knn.remove(0)), (1, None));

    let refused = |options: &OnlineOptions| {
        OnlineKnn::new(2, 2, options)
            .map(|_| ())
            .expect_err("bad options")
    };
    assert_eq!(
        refused(&OnlineOptions {
            k: 0,
            ..options.clone()
        }),
        FitError::KOutOfRange { k: 0 }
    );
    let weights = |feature_weights: Vec<f64>| OnlineOptions {
        feature_weights,
        ..options.clone()
    };
    assert!(matches!(
        refused(&weights(vec![1.0])),
        FitError::FeatureWeightCount { .. }
    ));
    assert_eq!(refused(&weights(vec![0.0, 0.0])), FitError::NoFeatureWeighs);
    for (offset, scale) in [
        (vec![0.0], vec![1.0, 1.0]),
        (vec![0.0, f64::NAN], vec![1.0, 1.0]),
        (vec![0.0, 0.0], vec![1.0, 0.0]),
        (vec![0.0, 0.0], vec![f64::INFINITY, 1.0]),
    ] {
        let scaling = Some(Scaling { offset, scale });
        let options = OnlineOptions {
            scaling,
            ..options.clone()
        };
        assert_eq!(refused(&options), FitError::Scaling { n_features: 2 });
    }
}
