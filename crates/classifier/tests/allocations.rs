//! Queries allocate nothing: all room is taken at fit.
//!
//! Native only: in wasm there is one allocator for the test's machinery and the classifier.
#![cfg(not(target_arch = "wasm32"))]

mod common;
#[path = "common/measured.rs"]
mod measured;

use classifier::{EngineKind, Knn, KnnOptions, Metric, Preparation, Voting};
use common::{Random, Table, push_one_hot};
use measured::measured;

/// Asks everything that can be asked of each query.
fn ask(knn: &mut Knn, queries: &[Vec<f64>]) -> usize {
    let mut n_answers = 0;
    for query in queries {
        n_answers += usize::from(knn.neighbours(query).is_ok());
        n_answers += usize::from(knn.classify(query).is_ok());
        n_answers += usize::from(knn.predict(query).is_ok());
    }
    n_answers
}

fn check(name: &str, table: &Table, feature_weights: &[f64]) {
    let mut random = Random(43);
    // Rows, and rows with one number in them a little, far, absurdly far and too far off.
    let mut queries: Vec<Vec<f64>> = Vec::new();
    for by in [0.0, 1.0, 0.5, -3.0, 1e-9, 40_000.0, 1e9, 1e30, 1e300, f64::NAN] {
        for _ in 0..5 {
            let mut query = table.row(random.below(table.labels.len())).to_vec();
            let feature = random.below(query.len());
            query[feature] += by;
            queries.push(query);
        }
    }
    for engine in [EngineKind::Scan, EngineKind::Tree, EngineKind::Auto] {
        for metric in [Metric::Euclidean, Metric::Manhattan] {
            for preparation in [Preparation::Raw, Preparation::Standard, Preparation::MinMax] {
                for voting in [Voting::Uniform, Voting::Distance] {
                    let options = KnnOptions {
                        k: 1 + random.below(255),
                        metric,
                        preparation,
                        engine,
                        voting,
                        feature_weights: feature_weights.to_vec(),
                    };
                    let (mut knn, allocated) = measured(|| table.fit(&options));
                    assert!(allocated.count_total > 0, "nothing is counted");
                    let (n_answers, allocated) = measured(|| ask(&mut knn, &queries));
                    assert_eq!(allocated.count_total, 0, "{name}, {options:?}");
                    assert!(n_answers >= 3 * 40, "{name}, {options:?}");
                }
            }
        }
    }
}

#[test]
fn whole_numbers_and_groups() {
    let table = Table::random(&mut Random(47), 3000, |random, row| {
        row.extend((0..3).map(|_| random.integer(0, 500)));
        push_one_hot(random, row, 4);
        row.push(7.0);
        push_one_hot(random, row, 9);
    });
    check("whole numbers", &table, &[]);
    let mut weights = vec![1.0; table.n_features];
    weights[1] = 0.0;
    weights[5] = 3.0;
    check("weighted whole numbers", &table, &weights);
}

#[test]
fn numbers_of_every_form() {
    let table = Table::random(&mut Random(53), 2000, |random, row| {
        row.extend([
            random.unit(),
            f64::from(random.unit() as f32),
            random.integer(0, 99) / 100.0,
        ]);
        row.push(-2.5);
        push_one_hot(random, row, 5);
    });
    check("every form", &table, &[]);
    check(
        "every form, weighted",
        &table,
        &[0.5, 2.0, 0.0, 1.0, 1.0, 1.0, 4.0, 0.0, 1.0],
    );
}

/// Fewer rows than k, than a leaf, and one more than a leaf.
#[test]
fn small_sets() {
    for n_rows in [1, 2, 17] {
        let table = Table::random(&mut Random(59), n_rows, |random, row| row.push(random.unit()));
        check("small", &table, &[]);
    }
}
