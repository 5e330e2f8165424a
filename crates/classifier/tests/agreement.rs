//! All engines, and models that went through a file, give the very answers of the definition.
//!
//! The same tests run natively, in Node and in a browser.

mod common;

use classifier::{EngineKind, Knn, KnnOptions, Metric, ModelMetadata, Preparation, Voting};
use common::{ENGINES, Random, Table, by_sorting, push_one_hot, vote};
use wasm_bindgen_test::wasm_bindgen_test;

const METRICS: [Metric; 2] = [Metric::Euclidean, Metric::Manhattan];
const PREPARATIONS: [Preparation; 3] = [Preparation::Raw, Preparation::Standard, Preparation::MinMax];

/// One weight a feature, or none in half the cases: whole ones, for which ties of whole numbers stay ties, others, 0, and
/// now and then one beyond reason.
fn weights(random: &mut Random, n_features: usize) -> Vec<f64> {
    if random.below(2) == 0 {
        return Vec::new();
    }
    let mut weights: Vec<f64> = (0..n_features)
        .map(|_| random.choose(&[1.0, 1.0, 2.0, 0.25, 3.0, 1e-3, 100.0, 0.0]))
        .collect();
    let positive = random.below(n_features);
    weights[positive] = weights[positive].max(0.5);
    if random.below(8) == 0 {
        weights[random.below(n_features)] =
            random.choose(&[f64::from_bits(1), 1e-300, 1e150, 1e250, f64::MAX]);
    }
    weights
}

/// Compares engines with sorting on one table: every metric and preparation, some k, votes and weights, some queries.
fn check(name: &str, seed: u64, table: &Table, queries: &[Vec<f64>]) {
    let mut random = Random(seed);
    let n_rows = table.labels.len();
    for metric in METRICS {
        for preparation in PREPARATIONS {
            let k = random.choose(&[1, 2, 5, 17, 255, n_rows.min(255)]);
            let options = KnnOptions {
                k,
                metric,
                preparation,
                voting: random.choose(&[Voting::Uniform, Voting::Distance]),
                feature_weights: weights(&mut random, table.n_features),
                ..KnnOptions::default()
            };
            if magnitude_overflows(table, &options) {
                continue;
            }
            let metadata = ModelMetadata {
                class_names: vec!["a".to_owned(); Table::N_CLASSES],
                feature_names: vec!["f".to_owned(); table.n_features],
                source: "random".to_owned(),
            };
            let reload = |knn: &Knn| {
                let (loaded, read) = Knn::from_bytes(&knn.to_bytes(&metadata)).expect("just written");
                assert_eq!(read, metadata);
                assert_eq!(loaded.describe(), knn.describe());
                assert_eq!(loaded.to_bytes(&metadata), knn.to_bytes(&metadata));
                loaded
            };
            let by_engine = |&engine: &EngineKind| {
                table.fit(&KnnOptions {
                    engine,
                    ..options.clone()
                })
            };
            let mut models: Vec<Knn> = ENGINES.iter().map(by_engine).collect();
            let loaded: Vec<Knn> = models.iter().map(reload).collect();
            models.extend(loaded);
            for query in queries {
                let case = || format!("{name}, seed {seed}, {options:?}, {n_rows} rows, query {query:?}");
                let expected = by_sorting(table, query, &options);
                for knn in &mut models {
                    let votes = expected
                        .iter()
                        .map(|&(row, distance)| (table.labels[row as usize], distance));
                    let (class, shares) = vote::<{ Table::N_CLASSES }>(votes, options.voting);
                    let found = match knn.classify(query) {
                        Ok(found) => found,
                        Err(error) => panic!("{}: {error}", case()),
                    };
                    let neighbours: Vec<(u32, f64)> =
                        found.neighbours.iter().map(|n| (n.row, n.distance)).collect();
                    assert_eq!(neighbours, expected, "{}", case());
                    assert_eq!((found.class, found.shares), (class, &shares[..]), "{}", case());
                }
            }
        }
    }
}

/// Squares of 1e160 have no place in f64: no standard deviation, which `tests/errors.rs` is about.
fn magnitude_overflows(table: &Table, options: &KnnOptions) -> bool {
    let largest = table.values.iter().copied().map(f64::abs).fold(0.0, f64::max);
    options.preparation == Preparation::Standard && largest > 1e154
}

/// Some rows, some rows changed a little, a lot and beyond reason, and one between the rows.
fn queries(random: &mut Random, table: &Table) -> Vec<Vec<f64>> {
    let mut queries = Vec::new();
    for by in [0.0, 1.0, 0.5, -3.0, 1e-9, 100.0, 40_000.0, 1e9, 1e30] {
        let mut query = table.row(random.below(table.labels.len())).to_vec();
        let feature = random.below(query.len());
        query[feature] += by;
        queries.push(query);
    }
    let other = table.row(random.below(table.labels.len())).to_vec();
    queries.push(
        table
            .row(0)
            .iter()
            .zip(&other)
            .map(|(a, b)| (a + b) / 2.0)
            .collect(),
    );
    queries
}

/// `n_tables` random tables of up to `max_rows`, whose rows `row` writes.
fn check_tables(name: &str, n_tables: u64, max_rows: usize, row: impl Fn(&mut Random, &mut Vec<f64>, usize)) {
    for seed in 0..n_tables {
        let mut random = Random(seed);
        let n_rows = 1 + random.below(max_rows);
        let n_features = 1 + random.below(8);
        let table = Table::random(&mut random, n_rows, |random, values| {
            row(random, values, n_features)
        });
        let queries = queries(&mut random, &table);
        check(name, seed, &table, &queries);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn ties_everywhere_on_a_small_grid() {
    check_tables("grid", 60, 300, |random, row, n| {
        row.extend((0..n).map(|_| random.integer(0, 3)))
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn integers_of_every_width() {
    check_tables("integers", 60, 400, |random, row, n| {
        row.extend((0..n).map(|i| random.integer(-10, 10_i64.pow(1 + (i % 6) as u32)) - 500.0));
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn one_hot_groups_integers_and_a_constant() {
    check_tables("one-hot", 60, 500, |random, row, n| {
        row.extend((0..n).map(|_| random.integer(0, 60)));
        push_one_hot(random, row, 4);
        row.push(7.0);
        push_one_hot(random, row, 12);
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn decimals_as_they_are_read_from_text() {
    check_tables("decimals", 60, 400, |random, row, n| {
        row.extend((0..n).map(|i| random.integer(0, 3000) / [1.0, 10.0, 100.0, 100_000.0][i % 4]));
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn floats_of_both_widths() {
    check_tables("floats", 60, 400, |random, row, n| {
        row.extend((0..n).map(|i| {
            let value = (random.unit() - 0.5) * 10_f64.powi(i as i32 - 3);
            if i % 2 == 0 {
                value
            } else {
                f64::from(value as f32)
            }
        }));
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn every_form_in_one_table() {
    check_tables("mixed", 60, 400, |random, row, _| {
        row.push(random.integer(0, 9));
        push_one_hot(random, row, 5);
        row.push(random.unit());
        row.push(-2.5);
        row.push(f64::from(random.unit() as f32));
        row.push(random.integer(0, 1));
        row.push(random.integer(0, 99) / 100.0);
        row.push(random.integer(0, 1));
    });
}

/// Distances that differ by less than an f32 can tell, around a centre far from zero.
#[wasm_bindgen_test(unsupported = test)]
fn near_ties_below_the_resolution_of_f32() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let centre = random.choose(&[0.0, 1.0, 1e3, 1e6, 1e12]);
        let step = random.choose(&[2_f64.powi(-20), 2_f64.powi(-30), 2_f64.powi(-45)]);
        let n_features = 1 + random.below(6);
        let table = Table::random(&mut random, 300, |random, row| {
            // On a sphere of radius 1 along an axis, or next to it.
            let axis = random.below(n_features);
            row.extend((0..n_features).map(|feature| {
                let side = if feature == axis {
                    random.choose(&[-1.0, 1.0])
                } else {
                    0.0
                };
                centre + side + step * random.integer(-2, 2)
            }));
        });
        let mut queries = queries(&mut random, &table);
        queries.push(vec![centre; n_features]);
        check("near ties", seed, &table, &queries);
    }
}

/// Values exact in f32 but far from zero, and queries that f32 can only round by as much as neighbours differ.
#[wasm_bindgen_test(unsupported = test)]
fn queries_between_the_numbers_of_f32() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let n_features = 1 + random.below(4);
        let table = Table::random(&mut random, 300, |random, row| {
            row.extend((0..n_features).map(|_| 1e6 + random.integer(-80, 80) / 16.0));
        });
        let queries: Vec<Vec<f64>> = (0..12)
            .map(|_| {
                (0..n_features)
                    .map(|_| 1e6 + (random.unit() - 0.5) * 4.0)
                    .collect()
            })
            .collect();
        check("between f32", seed, &table, &queries);
    }
}

/// Squares that underflow, overflow f32, or overflow f64 to infinity.
#[wasm_bindgen_test(unsupported = test)]
fn magnitudes_at_the_ends_of_the_range() {
    for (seed, magnitude) in (0..).zip([1e-320, 1e-170, 1e-40, 1e-25, 1e15, 1e19, 1e25, 1e40, 1e160]) {
        let mut random = Random(seed);
        let table = Table::random(&mut random, 150, |random, row| {
            row.extend([
                random.unit() * magnitude,
                random.integer(-3, 3) * magnitude,
                random.unit(),
            ]);
        });
        let queries = queries(&mut random, &table);
        check("magnitudes", seed, &table, &queries);
    }
}

/// A constant feature that the query misses by so much that all else is lost in rounding.
#[wasm_bindgen_test(unsupported = test)]
fn constants_that_drown_the_rest() {
    let mut random = Random(1);
    let table = Table::random(&mut random, 200, |random, row| {
        row.extend([5.0, random.integer(0, 5), random.integer(0, 50) / 10.0]);
    });
    let integers = Table::random(&mut random, 200, |random, row| {
        row.extend([5.0, random.integer(0, 5)])
    });
    for by in [0.0, 1.0, 1e3, 1e6, 94_906_265.0, 94_906_266.0, 1e8, 1e12, 1e150] {
        check("drowned", 1, &table, &[vec![5.0 + by, 2.0, 0.7]]);
        check("drowned integers", 1, &integers, &[vec![5.0 + by, 2.0]]);
    }
}

/// Queries that set two members of a group, none, or something else altogether.
#[wasm_bindgen_test(unsupported = test)]
fn queries_that_break_a_one_hot_group() {
    let mut random = Random(2);
    // Enough that each category has a tree of its own when they are scaled.
    let table = Table::random(&mut random, 1000, |random, row| {
        row.push(random.integer(0, 20));
        push_one_hot(random, row, 6);
    });
    let groups = [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [0.5, 0.5, 0.0, 0.0, 0.0, 0.0],
        [-3.0, 2.0, 0.0, 0.0, 0.0, 100.0],
        [60_000.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 1e200, 0.0, 0.0, 0.0, 0.0],
    ];
    let queries: Vec<Vec<f64>> = groups
        .iter()
        .map(|group| [&[10.0], &group[..]].concat())
        .collect();
    check("broken group", 2, &table, &queries);
}

/// Squared distances beyond an i32, and differences beyond an i16, leave the integer arithmetic.
#[wasm_bindgen_test(unsupported = test)]
fn integers_at_the_edge_of_integer_arithmetic() {
    for seed in 0..5 {
        let mut random = Random(seed);
        let table = Table::random(&mut random, 200, |random, row| {
            row.extend((0..4).map(|_| random.choose(&[-16_384.0, -16_383.0, 0.0, 1.0, 16_382.0, 16_383.0])));
        });
        let ends = [-16_384.0, 0.0, 16_383.0, 16_384.0, -16_385.0, 32_767.0, 65_536.0];
        let queries: Vec<Vec<f64>> = (0..12)
            .map(|_| (0..4).map(|_| random.choose(&ends)).collect())
            .collect();
        check("edges", seed, &table, &queries);
        let two = Table::random(&mut random, 200, |random, row| {
            row.extend((0..2).map(|_| random.choose(&[-16_384.0, 0.0, 16_383.0])));
        });
        let queries: Vec<Vec<f64>> = queries.iter().map(|query| query[..2].to_vec()).collect();
        check("edges of two", seed, &two, &queries);
    }
}

/// Enough rows that most blocks are passed over.
#[wasm_bindgen_test(unsupported = test)]
fn many_rows() {
    let mut random = Random(3);
    let table = Table::random(&mut random, 20_000, |random, row| {
        row.extend([
            random.integer(0, 2000),
            random.integer(0, 7000),
            random.integer(-200, 500),
        ]);
        push_one_hot(random, row, 4);
        row.push(random.integer(0, 254));
    });
    let queries = queries(&mut random, &table);
    check("many rows", 3, &table, &queries[..6]);
}

/// Trees of several levels over numbers that boxes hold in f32.
#[wasm_bindgen_test(unsupported = test)]
fn many_rows_of_floats() {
    for seed in 0..4 {
        let mut random = Random(seed);
        let centre = random.choose(&[0.0, 1000.0, -1e7]);
        let table = Table::random(&mut random, 3000, |random, row| {
            let near = random.integer(0, 20);
            row.extend([
                centre + near + random.unit() / 8.0,
                f64::from((centre + near * random.unit()) as f32),
                near / 3.0,
                random.integer(0, 400) / 100.0,
            ]);
        });
        let queries = queries(&mut random, &table);
        check("many floats", seed, &table, &queries);
    }
}

/// Neighbours at no distance, or at one distance, in far more leaves than it takes to find k of them.
#[wasm_bindgen_test(unsupported = test)]
fn many_copies_of_a_few_rows() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let scale = random.choose(&[1.0, 0.3]);
        let table = Table::random(&mut random, 3000, |random, row| {
            row.extend((0..3).map(|_| random.integer(0, 2) * scale));
        });
        let mut queries = queries(&mut random, &table);
        queries.push(vec![scale; 3]);
        check("copies", seed, &table, &queries);
    }
}

/// Combinations of categories with trees of their own, of sizes from a leaf's to most of the rows.
#[wasm_bindgen_test(unsupported = test)]
fn trees_of_categories() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let n_numbers = random.below(3);
        let table = Table::random(&mut random, 2500, |random, row| {
            let rare = if random.below(4) == 0 { 6 } else { 1 };
            row.extend((0..n_numbers).map(|_| random.integer(0, 9)));
            let one = random.below(rare);
            row.extend((0..6).map(|i| f64::from(u8::from(i == one))));
            row.push(random.unit());
            push_one_hot(random, row, 3);
        });
        let mut queries = queries(&mut random, &table);
        // Two categories at once, and none.
        for value in [1.0, 0.0, 0.5, -2.0] {
            let mut query = table.row(0).to_vec();
            query[n_numbers..n_numbers + 2].fill(value);
            query[n_numbers + 7..].fill(value);
            queries.push(query);
        }
        check("categories", seed, &table, &queries);
    }
}
