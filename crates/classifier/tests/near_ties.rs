//! Rows that f32 puts in the wrong order: the filter has to let them through, and f64 to sort them out.
//!
//! For each table the test first makes sure that f32 alone does get it wrong. The bound behind the filter is tested apart,
//! in `src/scan/filtered/tests.rs`.

mod common;

use classifier::{KnnOptions, Metric, Preparation, Scaling, Voting};
use common::{ENGINES, Random, Table, by_sorting};
use wasm_bindgen_test::wasm_bindgen_test;

const K: usize = 5;

/// The nearest rows by f32 sums of f32 differences, the best that a filter without f64 could do.
fn by_f32(table: &Table, query: &[f64], options: &KnnOptions) -> Vec<u32> {
    let scaling = Scaling::fit(options.preparation, &table.rows());
    let sum = |row: usize| {
        let mut sum = 0_f32;
        for (feature, (a, b)) in table.row(row).iter().zip(query).enumerate() {
            let scale = scaling.as_ref().map_or(1.0, |scaling| scaling.scale[feature]);
            let weight = options.feature_weights.get(feature).copied().unwrap_or(1.0);
            let factor = if options.metric == Metric::Euclidean {
                weight.sqrt()
            } else {
                weight
            };
            let difference = (*a as f32 - *b as f32) * (factor / scale) as f32;
            sum += if options.metric == Metric::Euclidean {
                difference * difference
            } else {
                difference.abs()
            };
        }
        sum
    };
    let mut rows: Vec<(f32, u32)> = (0..table.labels.len())
        .map(|row| (sum(row), row as u32))
        .collect();
    rows.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
    rows.iter().take(options.k).map(|(_, row)| *row).collect()
}

/// Asks all engines, by every metric and preparation, with and without weights; f32 has to be wrong in a third of the cases.
fn check(name: &str, tables: impl Fn(&mut Random) -> (Table, Vec<f64>)) {
    let (mut n_cases, mut n_wrong) = (0, 0);
    for seed in 0..40 {
        let mut random = Random(seed);
        let (table, query) = tables(&mut random);
        for metric in [Metric::Euclidean, Metric::Manhattan] {
            for preparation in [Preparation::Raw, Preparation::Standard, Preparation::MinMax] {
                for is_weighted in [false, true] {
                    let weight = |_| 0.5 + random.unit();
                    let feature_weights = if is_weighted {
                        (0..table.n_features).map(weight).collect()
                    } else {
                        Vec::new()
                    };
                    let options = KnnOptions {
                        k: K,
                        metric,
                        preparation,
                        voting: Voting::Distance,
                        feature_weights,
                        ..KnnOptions::default()
                    };
                    n_cases += 1;
                    n_wrong += usize::from(is_wrong_in_f32(&table, &query, &options));
                    check_engines(name, seed, &table, &query, &options);
                }
            }
        }
    }
    assert!(
        3 * n_wrong > n_cases,
        "{name}: f32 is wrong in {n_wrong} cases of {n_cases} only"
    );
}

fn is_wrong_in_f32(table: &Table, query: &[f64], options: &KnnOptions) -> bool {
    let right = by_sorting(table, query, options);
    !by_f32(table, query, options)
        .iter()
        .eq(right.iter().map(|(row, _)| row))
}

fn check_engines(name: &str, seed: u64, table: &Table, query: &[f64], options: &KnnOptions) {
    let expected = by_sorting(table, query, options);
    for &engine in ENGINES {
        let options = KnnOptions {
            engine,
            ..options.clone()
        };
        let mut knn = table.fit(&options);
        let found = knn.neighbours(query).expect("a valid query");
        let found: Vec<(u32, f64)> = found.iter().map(|n| (n.row, n.distance)).collect();
        assert_eq!(found, expected, "{name}, seed {seed}, {options:?}");
    }
}

/// Rows around one point that differ in the tenth digit, seen from far off: nearly one distance, whatever the metric and
/// the scales.
fn cluster(random: &mut Random, centre: f64, n_features: usize) -> (Table, Vec<f64>) {
    let query: Vec<f64> = (0..n_features).map(|_| centre + random.unit()).collect();
    let far: Vec<f64> = query.iter().map(|x| x + random.unit() - 0.5).collect();
    let table = Table::random(random, 400, |random, row| {
        row.extend(
            far.iter()
                .map(|x| x + 1e-10 * centre.abs().max(1.0) * random.unit()),
        );
    });
    (table, query)
}

#[wasm_bindgen_test(unsupported = test)]
fn doubles_at_nearly_one_distance() {
    check("cluster", |random| {
        let n_features = 1 + random.below(7);
        cluster(random, 0.0, n_features)
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn doubles_far_from_zero_at_nearly_one_distance() {
    check("far cluster", |random| {
        let n_features = 1 + random.below(7);
        let centre = random.choose(&[1e3, -1e5, 1e7]);
        cluster(random, centre, n_features)
    });
}

/// Directions at random, one distance but for the tenth digit.
#[wasm_bindgen_test(unsupported = test)]
fn doubles_on_a_shell() {
    let options = KnnOptions::default();
    for seed in 0..40 {
        let mut random = Random(seed);
        let n_features = 2 + random.below(6);
        let query: Vec<f64> = (0..n_features).map(|_| random.unit()).collect();
        let table = Table::random(&mut random, 400, |random, row| {
            let direction: Vec<f64> = (0..n_features).map(|_| random.unit() - 0.5).collect();
            let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
            let radius = 1.0 + 1e-10 * random.unit();
            row.extend(direction.iter().zip(&query).map(|(x, q)| q + x / length * radius));
        });
        assert!(is_wrong_in_f32(&table, &query, &options), "seed {seed}");
        check_engines("shell", seed, &table, &query, &options);
    }
}

/// Rows are exact in f32; the query is a little off the middle of two, by less than f32 can tell.
#[wasm_bindgen_test(unsupported = test)]
fn singles_to_either_side_of_the_query() {
    check("either side", |random| {
        let n_features = 1 + random.below(3);
        let centre = random.choose(&[1e3, 65_536.0]);
        let step = 2_f64.powi(-8);
        let query = vec![centre + step * (0.5 - 1e-6); n_features];
        let table = Table::random(random, 300, |random, row| {
            row.extend((0..n_features).map(|_| centre + step * random.integer(-40, 41)));
        });
        (table, query)
    });
}

/// Decimals in 16 bits, far from zero, where the query is not one of them.
#[wasm_bindgen_test(unsupported = test)]
fn decimals_to_either_side_of_the_query() {
    check("decimals", |random| {
        let n_features = 1 + random.below(3);
        let query = (0..n_features)
            .map(|_| 50_000.005 + 1e-8 * random.unit())
            .collect();
        let table = Table::random(random, 300, |random, row| {
            row.extend((0..n_features).map(|_| 50_000.0 + random.integer(-50, 51) / 100.0));
        });
        (table, query)
    });
}
