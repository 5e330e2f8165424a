//! Trees over principal axes: when they are chosen, and that they answer by the definition, to the last bit.
//!
//! Features that depend on each other, so that few axes stand in for them; each test asserts that they do.

mod common;

use classifier::{EngineKind, Knn, KnnOptions, Metric, ModelMetadata, Preparation};
use common::{Random, Table, by_sorting};
use wasm_bindgen_test::wasm_bindgen_test;

/// Compares a tree, and what a file makes of it, with sorting; says how many axes it has.
fn check(name: &str, seed: u64, table: &Table, options: &KnnOptions, queries: &[Vec<f64>]) -> Option<usize> {
    let options = KnnOptions {
        engine: EngineKind::Tree,
        ..options.clone()
    };
    let mut tree = table.fit(&options);
    let metadata = ModelMetadata {
        class_names: vec!["a".to_owned(); Table::N_CLASSES],
        feature_names: vec!["f".to_owned(); table.n_features],
        source: "random".to_owned(),
    };
    let bytes = tree.to_bytes(&metadata);
    let (mut loaded, _) = Knn::from_bytes(&bytes).expect("just written");
    assert_eq!(loaded.describe(), tree.describe());
    assert_eq!(loaded.to_bytes(&metadata), bytes);
    for query in queries {
        let expected = by_sorting(table, query, &options);
        for knn in [&mut tree, &mut loaded] {
            let found = knn.neighbours(query).expect("as many features").iter();
            let found: Vec<(u32, f64)> = found.map(|n| (n.row, n.distance)).collect();
            assert_eq!(
                found, expected,
                "{name}, seed {seed}, {options:?}, query {query:?}"
            );
        }
    }
    tree.describe().n_axes
}

/// As many features as `mixtures`, all mixtures of two numbers.
fn mix(mixtures: &[[f64; 2]], numbers: [f64; 2]) -> impl Iterator<Item = f64> + '_ {
    let [a, b] = numbers;
    mixtures.iter().map(move |[of_a, of_b]| of_a * a + of_b * b)
}

const MIXTURES: [[f64; 2]; 6] = [
    [0.5, 0.25],
    [1.25, -0.5],
    [-0.25, 0.75],
    [0.5, 0.5],
    [1.5, 1.25],
    [-0.75, 2.0],
];

/// Some rows, rows moved along a feature by little and by much, and the middle of all.
fn queries(random: &mut Random, table: &Table) -> Vec<Vec<f64>> {
    let mut queries = vec![vec![0.0; table.n_features]];
    for by in [0.0, 0.0, 0.25, -1.0, 1e-9, 1e4, 1e9, 1e16, 1e17, 1e18, 1e30] {
        let mut query = table.row(random.below(table.labels.len())).to_vec();
        let feature = random.below(query.len());
        query[feature] += by;
        queries.push(query);
    }
    queries
}

fn options(k: usize, preparation: Preparation) -> KnnOptions {
    KnnOptions {
        k,
        preparation,
        ..KnnOptions::default()
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn ties_and_duplicates_among_features_of_lower_rank() {
    for seed in 0..12 {
        let mut random = Random(seed);
        let n_rows = random.choose(&[3, 40, 700]);
        let table = Table::random(&mut random, n_rows, |random, row| {
            let numbers = [random.integer(-4, 4), random.integer(-4, 4)];
            row.extend(mix(&MIXTURES[..3], numbers));
            row.push(2.5); // A constant in between, of which the sum has its part in turn.
            row.extend(mix(&MIXTURES[3..], numbers));
        });
        let queries = queries(&mut random, &table);
        for preparation in [Preparation::Raw, Preparation::Standard, Preparation::MinMax] {
            for k in [1, 5, 60] {
                let n_axes = check("lower rank", seed, &table, &options(k, preparation), &queries);
                assert!(n_rows < 40 || n_axes == Some(2), "{n_axes:?} of {n_rows} rows");
            }
        }
    }
}

/// Distances that differ by less than an f32 can tell, near the centre and far from it.
#[wasm_bindgen_test(unsupported = test)]
fn near_ties_below_the_resolution_of_f32() {
    let mut n_turned = 0;
    for seed in 0..40 {
        let mut random = Random(seed);
        let centre = random.choose(&[0.0, 1.0, 1e3, 1e6, 1e12]);
        let step = random.choose(&[2_f64.powi(-18), 2_f64.powi(-24), 2_f64.powi(-30), 2_f64.powi(-45)]);
        let table = Table::random(&mut random, 400, |random, row| {
            // On a circle about the centre, or next to it.
            let angle = random.unit() * std::f64::consts::TAU;
            let radius = 1.0 + step * random.integer(-2, 2);
            let numbers = [radius * angle.cos(), radius * angle.sin()];
            // Perpendicular mixtures of equal length, so that the circle stays one.
            let mixtures = [[0.5, 0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]];
            row.extend(mix(&mixtures, numbers).map(|value| centre + value));
        });
        let mut queries = queries(&mut random, &table);
        queries.push(vec![centre; 4]);
        n_turned += usize::from(check("near ties", seed, &table, &KnnOptions::default(), &queries).is_some());
    }
    assert!(n_turned > 20, "{n_turned}");
}

#[wasm_bindgen_test(unsupported = test)]
fn weights_stretch_the_axes() {
    let mut n_turned = 0;
    for seed in 0..12 {
        let mut random = Random(seed);
        let table = Table::random(&mut random, 500, |random, row| {
            let numbers = [random.unit(), random.integer(0, 9)];
            row.extend(mix(&MIXTURES, numbers).map(|value| 0.1 * value));
        });
        let queries = queries(&mut random, &table);
        let mut feature_weights = vec![0.0, 1.0, 0.5];
        feature_weights.extend((0..3).map(|_| random.choose(&[0.0, 5e-324, 0.5, 1.0, 4.0, 1e6, 1e150])));
        let options = KnnOptions {
            feature_weights,
            ..options(7, random.choose(&[Preparation::Raw, Preparation::Standard]))
        };
        let n_axes = check("weights", seed, &table, &options, &queries);
        n_turned += usize::from(n_axes.is_some());
    }
    assert!(n_turned > 6, "{n_turned}");
}

/// From squares that underflow an f32, and an f64, to squares that overflow them.
#[wasm_bindgen_test(unsupported = test)]
fn magnitudes_and_offsets() {
    let mut n_turned = 0;
    for (seed, magnitude) in (0..).zip([
        1e-320, 1e-170, 1e-40, 1e-22, 1e-3, 1.0, 1e9, 1e15, 1e17, 1e19, 1e40, 1e160,
    ]) {
        for offset in [0.0, 1.0, 1e7, 1e12] {
            let mut random = Random(seed);
            let table = Table::random(&mut random, 300, |random, row| {
                let numbers = [random.unit(), random.unit()];
                row.extend(mix(&MIXTURES, numbers).map(|value| magnitude * (value + offset)));
            });
            let queries = queries(&mut random, &table);
            let n_axes = check("magnitudes", seed, &table, &KnnOptions::default(), &queries);
            n_turned += usize::from(n_axes.is_some());
        }
    }
    assert!(n_turned > 20, "{n_turned}");
}

/// Rotations only keep Euclidean distances, sums of integers are exact already, and independent features have no axes.
#[wasm_bindgen_test(unsupported = test)]
fn axes_are_left_alone_where_they_are_of_no_use() {
    let mut random = Random(1);
    let mixed = Table::random(&mut random, 2000, |random, row| {
        let numbers = [random.integer(0, 300), random.integer(0, 300)];
        row.extend(mix(&MIXTURES, numbers));
    });
    let whole = Table::random(&mut random, 2000, |random, row| {
        let numbers = [random.integer(0, 300), random.integer(0, 300)];
        row.extend(mix(&[[1.0, 2.0], [3.0, -1.0], [1.0, 1.0]], numbers));
    });
    let independent = Table::random(&mut random, 2000, |random, row| {
        row.extend((0..3).map(|_| random.unit()));
    });
    let n_axes = |table: &Table, metric| {
        let options = KnnOptions {
            metric,
            ..KnnOptions::default()
        };
        let description = table.fit(&options).describe();
        let says_so = description.to_string().contains("principal axes");
        assert_eq!(says_so, description.n_axes.is_some(), "{description}");
        description.n_axes
    };
    assert_eq!(n_axes(&mixed, Metric::Euclidean), Some(2));
    assert_eq!(n_axes(&mixed, Metric::Manhattan), None);
    assert_eq!(n_axes(&whole, Metric::Euclidean), None);
    assert_eq!(n_axes(&independent, Metric::Euclidean), None);
}
