//! Fitting from chunks and loading a file take less than three times the memory of the finished index, for sets of Covertype's
//! shape and of floats; queries of a set that grows take none.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::print_stdout, reason = "the ratios are worth reading")]

mod common;
#[path = "common/measured.rs"]
mod measured;

use classifier::{
    EngineKind, Knn, KnnBuilder, KnnOptions, ModelMetadata, OnlineKnn, OnlineOptions, Preparation, RowMajor,
    Voting,
};
use common::{Random, push_one_hot};
use measured::measured;

const N_ROWS: usize = 200_000;
const CHUNK: usize = 4096;

/// As wide as Covertype: ten integers around some centres, one-hot groups of 4 and 40.
fn covertype_shaped(random: &mut Random, row: &mut Vec<f64>) {
    let centre = random.integer(0, 39);
    for width in [2000, 360, 66, 1400, 770, 7100, 254, 254, 254, 7100] {
        row.push((centre * 37.0) % width as f64 + random.integer(0, width / 10));
    }
    push_one_hot(random, row, 4);
    push_one_hot(random, row, 40);
}

/// Too many independent columns for a tree, which is built all the same to find that out.
fn floats(random: &mut Random, row: &mut Vec<f64>) {
    row.extend((0..20).map(|_| random.unit()));
}

#[test]
fn online_queries_allocate_nothing() {
    let mut random = Random(2);
    let options = OnlineOptions {
        voting: Voting::Distance,
        ..OnlineOptions::default()
    };
    let mut online = OnlineKnn::new(3, 7, &options).expect("valid options");
    let mut point = || [random.integer(0, 50), random.integer(0, 50), random.unit()];
    for size in [1, 10, 100, 10_000] {
        while online.n_rows() < size {
            online.insert(&point(), 1).expect("a valid row");
        }
        let queries: Vec<[f64; 3]> = (0..100).map(|_| point()).collect();
        let (n_neighbours, allocated) = measured(|| {
            let answers = queries.iter().map(|query| match online.classify(query) {
                Ok(answer) => answer.neighbours.len(),
                Err(error) => panic!("{error}"),
            });
            answers.sum::<usize>()
        });
        assert_eq!(
            (n_neighbours, allocated.count_total),
            (100 * size.min(5), 0),
            "{size} rows"
        );
    }
}

#[test]
fn the_peak_stays_under_three_indexes() {
    type WriteRow = fn(&mut Random, &mut Vec<f64>);
    let sets: [(&str, WriteRow, EngineKind); 2] = [
        ("covertype-shaped", covertype_shaped, EngineKind::Tree),
        ("floats", floats, EngineKind::Scan),
    ];
    for (name, write_row, chosen) in sets {
        for preparation in [Preparation::Raw, Preparation::Standard] {
            let options = KnnOptions {
                preparation,
                ..KnnOptions::default()
            };
            let fit = || {
                let mut random = Random(1);
                let mut builder = None;
                let (mut values, mut labels) = (Vec::new(), Vec::new());
                for row in 0..N_ROWS {
                    write_row(&mut random, &mut values);
                    labels.push((row % 7) as u32);
                    if labels.len() == CHUNK || row + 1 == N_ROWS {
                        let n_features = values.len() / labels.len();
                        let builder = builder.get_or_insert_with(|| {
                            KnnBuilder::new(n_features, 7, &options).expect("valid options")
                        });
                        builder
                            .push(&RowMajor::new(&values, n_features), &labels)
                            .expect("valid rows");
                        values.clear();
                        labels.clear();
                    }
                }
                drop((values, labels));
                builder.expect("rows").finish().expect("valid rows")
            };
            let (knn, allocated) = measured(fit);
            let check = |what: &str, knn: &Knn, peak_bytes: u64| {
                let index_bytes = knn.describe().index_bytes;
                let ratio = peak_bytes as f64 / index_bytes as f64;
                println!("{name}, {preparation}, {what}: {ratio:.2} times the index of {index_bytes} bytes");
                assert!(ratio > 1.0, "the index itself was not counted");
                assert!(
                    ratio < 3.0,
                    "{name}, {preparation}, {what}: {ratio:.2} times the index"
                );
            };
            assert_eq!(knn.describe().engine, chosen);
            check("fitting", &knn, allocated.bytes_max);
            let file = knn.to_bytes(&ModelMetadata {
                class_names: vec![String::new(); 7],
                feature_names: vec![String::new(); knn.n_features()],
                source: String::new(),
            });
            drop(knn);
            let (loaded, allocated) = measured(|| Knn::from_bytes(&file).expect("just written").0);
            // The file is the caller's and has to be held as well.
            check("loading", &loaded, allocated.bytes_max + file.len() as u64);
        }
    }
}
