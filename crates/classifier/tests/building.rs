//! Chunks and slices leave no trace: the same rows make the same model, to the last byte.

mod common;

use classifier::{EngineKind, FitError, Knn, KnnBuilder, KnnOptions, ModelMetadata, Preparation, RowMajor};
use common::{Random, Table, by_sorting, push_one_hot};
use wasm_bindgen_test::wasm_bindgen_test;

fn bytes(knn: &Knn) -> Vec<u8> {
    knn.to_bytes(&ModelMetadata {
        class_names: vec!["c".to_owned(); knn.n_classes()],
        feature_names: vec!["f".to_owned(); knn.n_features()],
        source: String::new(),
    })
}

/// Pushes the rows in chunks of up to `max_rows`.
fn in_chunks(table: &Table, options: &KnnOptions, max_rows: usize, random: &mut Random) -> KnnBuilder {
    let mut builder = KnnBuilder::new(table.n_features, Table::N_CLASSES, options).expect("valid options");
    let mut start = 0;
    while start < table.labels.len() {
        let end = table.labels.len().min(start + random.below(max_rows + 1));
        let values = &table.values[start * table.n_features..end * table.n_features];
        let rows = RowMajor::new(values, table.n_features);
        builder
            .push(&rows, &table.labels[start..end])
            .expect("valid rows");
        start = end;
        assert_eq!(builder.n_rows(), end);
    }
    builder
}

/// Every form, and columns whose later rows need a wider one than the earlier rows: what is constant, 0 or 1, or an
/// integer at first is not for long.
fn widening(random: &mut Random, n_rows: usize) -> Table {
    let mut n = 0;
    Table::random(random, n_rows, |random, row| {
        n += 1;
        let is_late = n > n_rows / 2;
        let later = |early: f64, late: f64| if is_late { late } else { early };
        row.push(7.0);
        push_one_hot(random, row, 5);
        row.push(later(1.0, random.integer(0, 1)));
        row.push(later(random.integer(0, 1), random.integer(-3, 300)));
        row.push(later(random.integer(0, 300), random.integer(0, 999) / 100.0));
        row.push(later(random.integer(0, 9), random.integer(0, 40_000)));
        row.push(later(random.integer(0, 9), f64::from(random.unit() as f32)));
        row.push(later(f64::from(random.unit() as f32), random.unit()));
        row.push(later(-2.0, random.unit()));
        row.push(later(0.0, 1e12 / 3.0));
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn chunks_leave_no_trace() {
    for (seed, n_rows) in (0..).zip([1, 2, 1023, 1024, 1025, 2048, 5000]) {
        let mut random = Random(seed);
        let table = widening(&mut random, n_rows);
        for preparation in [Preparation::Raw, Preparation::MinMax] {
            let options = KnnOptions {
                preparation,
                ..KnnOptions::default()
            };
            let expected = bytes(&table.fit(&options));
            for max_rows in [1, 100, 3000] {
                let knn = in_chunks(&table, &options, max_rows, &mut random).finish();
                assert!(
                    bytes(&knn.expect("valid rows")) == expected,
                    "{n_rows} rows by {max_rows}"
                );
            }
        }
    }
}

/// Each column ends in the form that all of its rows need, and holds the very numbers that were pushed.
#[wasm_bindgen_test(unsupported = test)]
fn columns_are_as_narrow_as_all_their_rows_allow() {
    let mut random = Random(1);
    let table = widening(&mut random, 3000);
    for engine in [EngineKind::Scan, EngineKind::Tree] {
        let options = KnnOptions {
            engine,
            ..KnnOptions::default()
        };
        let mut knn = in_chunks(&table, &options, 700, &mut random)
            .finish()
            .expect("valid rows");
        let storage = knn.describe().storage;
        assert_eq!(storage.n_constant, 1);
        assert_eq!((storage.n_one_hot, storage.n_groups), (5, 1));
        // One of them is 0 or 1, but together with what is in the group.
        assert_eq!(storage.n_short, 3);
        assert_eq!((storage.n_single, storage.n_double), (2, 3));
        for _ in 0..50 {
            let query = table.row(random.below(3000));
            let found = knn.neighbours(query).expect("a valid query");
            let found: Vec<(u32, f64)> = found.iter().map(|n| (n.row, n.distance)).collect();
            assert_eq!(found, by_sorting(&table, query, &options));
        }
    }
}

/// Of wide rows fewer are kept together while they come in.
#[wasm_bindgen_test(unsupported = test)]
fn wide_rows_are_kept_as_they_are() {
    let mut random = Random(2);
    let mut n = 0;
    let table = Table::random(&mut random, 900, |random, row| {
        n += 1;
        for _ in 0..100 {
            push_one_hot(random, row, 5);
            row.push(if n > 450 { random.integer(0, 300) } else { 1.0 });
            row.push(random.integer(0, 999) / 100.0);
            row.push(random.unit());
        }
    });
    let options = KnnOptions::default();
    let mut knn = in_chunks(&table, &options, 70, &mut random)
        .finish()
        .expect("valid rows");
    assert!(bytes(&knn) == bytes(&table.fit(&options)));
    for _ in 0..20 {
        let query = table.row(random.below(900));
        let found = knn.neighbours(query).expect("a valid query");
        let found: Vec<(u32, f64)> = found.iter().map(|n| (n.row, n.distance)).collect();
        assert_eq!(found, by_sorting(&table, query, &options));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn slices_leave_no_trace_and_progress_never_falls() {
    let mut random = Random(3);
    let structured = Table::random(&mut random, 40_000, |random, row| {
        row.extend((0..6).map(|_| random.integer(0, 500)));
        push_one_hot(random, row, 4);
        row.extend([random.unit(), f64::from(random.unit() as f32)]);
    });
    for engine in [
        EngineKind::Auto,
        EngineKind::Tree,
        EngineKind::Scan,
        EngineKind::Textbook,
    ] {
        for preparation in [Preparation::Raw, Preparation::Standard] {
            let options = KnnOptions {
                engine,
                preparation,
                ..KnnOptions::default()
            };
            let builder = || in_chunks(&structured, &options, 10_000, &mut Random(4));
            let Ok(expected) = builder().finish() else {
                // A build without the textbook engine.
                assert_eq!(engine, EngineKind::Textbook);
                continue;
            };
            for n_steps in [1, 3, usize::MAX] {
                let mut build = builder().start().expect("rows");
                let mut progress = build.progress();
                assert_eq!(progress, 0.0);
                let mut n_slices = 1;
                let knn = loop {
                    if let Some(knn) = build.advance(n_steps).expect("valid rows") {
                        break knn;
                    }
                    n_slices += 1;
                    assert!(
                        (progress..1.0).contains(&build.progress()),
                        "{}",
                        build.progress()
                    );
                    progress = build.progress();
                };
                assert_eq!(build.progress(), 1.0);
                assert!(bytes(&knn) == bytes(&expected), "{options:?} by {n_steps}");
                assert_eq!(knn.describe(), expected.describe());
                if n_steps == 1 && engine == EngineKind::Tree {
                    assert!(n_slices > 5, "{n_slices} slices");
                    assert!(progress > 0.8, "the last slice began at {progress}");
                }
                assert!(n_steps < usize::MAX || n_slices == 1);
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_bad_chunk_is_refused_whole() {
    let options = KnnOptions::default();
    let new = || KnnBuilder::new(2, 2, &options).expect("valid options");
    let mut builder = new();
    builder
        .push(&RowMajor::new(&[1.0, 2.0, 3.0, 4.0], 2), &[0, 1])
        .expect("a valid chunk");
    let check = |builder: &mut KnnBuilder, values: &[f64], n_features, labels: &[u32], message: &str| {
        let error = builder
            .push(&RowMajor::new(values, n_features), labels)
            .expect_err(message);
        assert_eq!(error.to_string(), message);
        assert_eq!(builder.n_rows(), 2);
    };
    check(
        &mut builder,
        &[0.0; 3],
        3,
        &[0],
        "expected rows of 2 features, got 3",
    );
    check(
        &mut builder,
        &[0.0; 4],
        2,
        &[0],
        "expected 2 labels, one a row, got 1",
    );
    check(
        &mut builder,
        &[0.0; 4],
        2,
        &[0, 2],
        "label 2 of row 3 is outside 0..2",
    );
    check(
        &mut builder,
        &[0.0, 0.0, 1.0, f64::NAN, f64::INFINITY, 1.0],
        2,
        &[0, 0, 0],
        "expected a finite number in row 3, feature 1, got NaN",
    );
    let mut knn = builder.finish().expect("the first chunk");
    assert_eq!(knn.neighbours(&[0.0, 0.0]).map(<[_]>::len), Ok(2));

    assert_eq!(new().finish().map(|_| ()), Err(FitError::NoRows));
    assert_eq!(new().start().map(|_| ()), Err(FitError::NoRows));
    assert_eq!(
        KnnBuilder::new(
            2,
            2,
            &KnnOptions {
                k: 0,
                ..options.clone()
            }
        )
        .map(|_| ()),
        Err(FitError::KOutOfRange { k: 0 })
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn rows_that_cannot_fit_in_memory_are_refused_while_they_come() {
    let push = |engine, n_rows: usize, value: fn(f64) -> f64| {
        let options = KnnOptions {
            engine,
            ..KnnOptions::default()
        };
        let mut builder = KnnBuilder::new(1, 1, &options).expect("valid options");
        builder.expect_rows(n_rows);
        let values: Vec<f64> = (0..1024).map(|row| value(f64::from(row))).collect();
        for _ in 0..2 {
            builder.push(&RowMajor::new(&values, 1), &[0; 1024])?;
        }
        Ok(())
    };
    let integers = |row: f64| row;
    let singles = |row: f64| f64::from(row.sqrt() as f32);
    for (engine, value, bytes_per_row) in [
        (EngineKind::Scan, integers as fn(f64) -> f64, 1 + 2),
        (EngineKind::Auto, integers, 1 + 2 + 2 + 4),
        (EngineKind::Tree, singles, 1 + 4 + 4 + 4),
        (EngineKind::Auto, f64::sqrt, 1 + 8 + 8 + 4),
    ] {
        let n_rows = usize::MAX / bytes_per_row;
        assert_eq!(push(engine, n_rows, value), Ok(()));
        let n_rows = n_rows + 1;
        assert_eq!(push(engine, n_rows, value), Err(FitError::TooLarge { n_rows }));
    }
    // What is the same throughout takes no room, and zeros and ones next to none.
    assert_eq!(push(EngineKind::Scan, usize::MAX, |_| 7.5), Ok(()));
    assert_eq!(push(EngineKind::Scan, usize::MAX, |row| row % 2.0), Ok(()));
}

/// What can only be seen when all rows are in comes from the slice that sees it.
#[wasm_bindgen_test(unsupported = test)]
fn a_failed_build_says_why() {
    let options = KnnOptions {
        preparation: Preparation::MinMax,
        ..KnnOptions::default()
    };
    let mut builder = KnnBuilder::new(1, 1, &options).expect("valid options");
    builder
        .push(&RowMajor::new(&[1.7e308, -1.7e308], 1), &[0, 0])
        .expect("finite rows");
    let mut build = builder.start().expect("rows");
    let error = loop {
        match build.advance(1) {
            Ok(knn) => assert!(knn.is_none(), "the range is infinite"),
            Err(error) => break error,
        }
    };
    assert_eq!(error, FitError::Overflow { feature: 0 });
    assert_eq!(build.progress(), 1.0);
}
