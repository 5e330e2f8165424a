//! Model files: the layout others may rely on, and that whatever is wrong is said.

mod common;
#[path = "common/files.rs"]
mod files;

use classifier::{EngineKind, FitError, Knn, KnnOptions, ModelFileError, ModelMetadata, Preparation, Voting};
use common::{Random, Table};
use files::{model, with_header, with_order, with_record};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = test)]
fn a_file_is_read_back_as_it_was_written() {
    for preparation in [Preparation::Raw, Preparation::Standard, Preparation::MinMax] {
        let (table, mut knn, metadata, bytes) = model(preparation);
        let (mut loaded, read) = Knn::from_bytes(&bytes).expect("just written");
        assert_eq!(read, metadata);
        assert_eq!(loaded.to_bytes(&read), bytes);
        for row in 0..table.labels.len() {
            assert_eq!(loaded.label(row as u32), table.labels[row]);
            assert_eq!(loaded.neighbours(table.row(row)), knn.neighbours(table.row(row)));
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn tensors_are_columns_as_documented() {
    let (_, _, _, bytes) = model(Preparation::Raw);
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut shapes: Vec<String> = file
        .iter()
        .map(|(name, tensor)| format!("{name} {} {:?}", tensor.dtype(), tensor.shape()))
        .collect();
    shapes.sort();
    let expected = [
        "category U8 [1, 130]",
        "double F64 [1, 130]",
        "labels U8 [130]",
        "order U32 [130]",
        "short I16 [2, 130]",
        "single F32 [1, 130]",
    ];
    assert_eq!(shapes, expected);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_wrong_with_a_file_is_said() {
    let (_, _, _, bytes) = model(Preparation::Standard);
    let check = |from: &str, to: &str, message: &str| {
        let edited = with_header(&bytes, |header| {
            assert!(header.contains(from), "{from} is not in {header}");
            header.replacen(from, to, 1)
        });
        let error = Knn::from_bytes(&edited).expect_err(message).to_string();
        assert!(error.contains(message), "{from} -> {to}: {error}");
    };
    check(
        "\"runnel\"",
        "\"other\"",
        "expected a metadata record `runnel`, but there is none",
    );
    check(
        "version\\\":3",
        "version\\\":1",
        "expected format version 3, got 1",
    );
    check("\\\"k\\\":5", "\\\"k\\\":256", "k = 256 is outside 1..=255");
    check("euclidean", "cosine", "unknown variant `cosine`");
    check("\\\"f0\\\",", "", "feature names, got 8");
    check("[\\\"low\\\",", "[", "expected labels in 0..2, got 2");
    check("standard", "raw", "expected no scaling for raw features");
    check(
        "\\\"offset\\\":[",
        "\\\"offset\\\":[0.0,",
        "expected 9 offsets and scales",
    );
    check(
        "\\\"single\\\"",
        "\\\"double\\\"",
        "expected tensor `single` as F32 [0, 130]",
    );
    check(
        "\\\"group\\\":0",
        "\\\"group\\\":4000000000",
        "expected a group in 0..1, got 4000000000",
    );
    check(
        "\\\"divisor\\\":100.0",
        "\\\"divisor\\\":0.0",
        "a power of ten as divisor",
    );
    check(
        "visited_ppm\\\":null",
        "visited_ppm\\\":1000001",
        "expected `visited_ppm` up to 1000000, got 1000001",
    );
    check(
        "\"U32\"",
        "\"I32\"",
        "expected tensor `order` as U32 [130], got I32 [130]",
    );
    check(
        "\\\"categories\\\":[",
        "\\\"categories\\\":[1",
        "expected each row once in `order`",
    );
    check(
        "\"I16\"",
        "\"U16\"",
        "expected tensor `short` as I16 [2, 130], got U16 [2, 130]",
    );
    check(
        "[2,130]",
        "[130,2]",
        "expected tensor `short` as I16 [2, 130], got I16 [130, 2]",
    );
    for n in [0, 7, 8, 100, bytes.len() - 1] {
        let error = Knn::from_bytes(&bytes[..n]).expect_err("a truncated file");
        assert!(matches!(error, ModelFileError::Container { .. }), "{error}");
    }
    let huge = [&u64::MAX.to_le_bytes()[..], &bytes[8..]].concat();
    assert!(matches!(
        Knn::from_bytes(&huge),
        Err(ModelFileError::Container { .. })
    ));
}

/// Boxes are computed from the rows, so any order is a tree: a worse one at most.
#[wasm_bindgen_test(unsupported = test)]
fn any_order_that_has_each_row_once_gives_the_same_answers() {
    for preparation in [Preparation::Raw, Preparation::Standard] {
        let (table, mut knn, _, bytes) = model(preparation);
        let mut random = Random(17);
        let mut rows: Vec<u32> = (0..130).collect();
        for i in (1..rows.len()).rev() {
            rows.swap(i, random.below(i + 1));
        }
        let (mut shuffled, metadata) = Knn::from_bytes(&with_order(&bytes, &rows)).expect("each row once");
        for row in 0..table.labels.len() {
            assert_eq!(
                shuffled.neighbours(table.row(row)),
                knn.neighbours(table.row(row))
            );
        }
        let leaves_apart = |bytes: &[u8]| with_order(bytes, &[0; 130]);
        assert_eq!(
            leaves_apart(&shuffled.to_bytes(&metadata)),
            leaves_apart(&bytes),
            "the rows themselves are not moved"
        );
        for wrong in [0, 129, 130, u32::MAX] {
            let mut wrong_rows = rows.clone();
            let at = (0..130)
                .find(|&at| rows[at] != wrong)
                .expect("more rows than one");
            wrong_rows[at] = wrong;
            let error =
                Knn::from_bytes(&with_order(&bytes, &wrong_rows)).expect_err("a row twice or unknown");
            assert!(
                error.to_string().contains("expected each row once in `order`"),
                "{error}"
            );
        }
    }
}

/// Copies in any order: with k of them found, only a smaller row number counts, wherever it is.
#[wasm_bindgen_test(unsupported = test)]
fn copies_are_found_by_row_in_any_order() {
    let table = Table::random(&mut Random(7), 150, |_, row| row.push(3.0));
    let options = KnnOptions {
        engine: EngineKind::Tree,
        ..KnnOptions::default()
    };
    let metadata = ModelMetadata {
        class_names: vec![String::new(); Table::N_CLASSES],
        feature_names: vec![String::new(); 2],
        source: String::new(),
    };
    for offset in [0.0, 0.1] {
        let rows = table.values.iter().enumerate();
        let values: Vec<f64> = rows
            .flat_map(|(row, value)| [*value, f64::from(u8::from(row < 20)) + offset])
            .collect();
        let table = Table {
            values,
            n_features: 2,
            labels: table.labels.clone(),
        };
        let bytes = table.fit(&options).to_bytes(&metadata);
        let mut random = Random(23);
        for _ in 0..300 {
            let mut rows: Vec<u32> = (0..150).collect();
            for i in (1..rows.len()).rev() {
                rows.swap(i, random.below(i + 1));
            }
            let (mut knn, _) = Knn::from_bytes(&with_order(&bytes, &rows)).expect("each row once");
            for (second, expected) in [(offset, 20..25), (1.0 + offset, 0..5)] {
                let found = knn.neighbours(&[3.0, second]).expect("two features");
                assert!(found.iter().map(|n| n.row).eq(expected), "{found:?}");
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn other_writers_may_leave_things_out() {
    for preparation in [Preparation::Raw, Preparation::Standard] {
        let (table, mut knn, metadata, bytes) = model(preparation);
        let shorter = with_record(&bytes, |record| {
            for field in [
                "engine",
                "voting",
                "feature_weights",
                "categories",
                "is_turned",
                "visited_ppm",
            ] {
                record.remove(field).expect("written by us");
            }
        });
        let (mut loaded, read) = Knn::from_bytes(&shorter).expect("a file of others");
        assert_eq!(read, metadata);
        assert_eq!(loaded.describe(), knn.describe());
        for row in 0..table.labels.len() {
            assert_eq!(loaded.neighbours(table.row(row)), knn.neighbours(table.row(row)));
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_file_without_checksum_is_refused() {
    let (_, _, _, bytes) = model(Preparation::Raw);
    let unsealed = with_header(&bytes, |header| header.replace("\"crc32\"", "\"crc33\""));
    let error = Knn::from_bytes(&unsealed).expect_err("no checksum").to_string();
    assert!(error.contains("`crc32`") && error.contains("got none"), "{error}");
}

#[wasm_bindgen_test(unsupported = test)]
fn the_engine_is_the_one_that_the_file_says() {
    let (table, _, metadata, tree) = model(Preparation::Raw);
    let engine = |bytes: &[u8]| Knn::from_bytes(bytes).map(|(knn, _)| knn.describe().engine);
    let asking_for = |engine: &str| with_record(&tree, |record| record["engine"] = engine.into());
    assert_eq!(engine(&tree), Ok(EngineKind::Tree));
    for kind in [EngineKind::Scan, EngineKind::Tree] {
        let options = KnnOptions {
            engine: kind,
            ..KnnOptions::default()
        };
        assert_eq!(engine(&table.fit(&options).to_bytes(&metadata)), Ok(kind));
    }
    // Chosen anew: 130 rows of nine features are looked at nearly all.
    let (auto, _) = Knn::from_bytes(&asking_for("auto")).expect("a valid file");
    assert_eq!(
        auto.describe().engine,
        table.fit(&KnnOptions::default()).describe().engine
    );
    assert!(auto.describe().visited_ppm.is_some());
    let textbook = engine(&asking_for("textbook"));
    if cfg!(feature = "textbook") {
        assert_eq!(textbook, Ok(EngineKind::Textbook));
    } else {
        let error = textbook.expect_err("an engine that is not there").to_string();
        assert!(
            error.contains("the textbook engine is not part of this build"),
            "{error}"
        );
    }
}

/// Whoever writes a file may leave the sorting to the reader.
#[wasm_bindgen_test(unsupported = test)]
fn a_tree_without_an_order_sorts_for_itself() {
    let (_, _, metadata, bytes) = model(Preparation::Raw);
    let scan = with_record(&bytes, |record| record["engine"] = "scan".into());
    let (scan, _) = Knn::from_bytes(&scan).expect("an order that nobody needs does no harm");
    let unsorted = with_record(&scan.to_bytes(&metadata), |record| {
        record["engine"] = "tree".into()
    });
    let (sorted, _) = Knn::from_bytes(&unsorted).expect("a valid file");
    assert_eq!(sorted.to_bytes(&metadata), bytes);
}

#[wasm_bindgen_test(unsupported = test)]
fn votes_and_weights_are_kept() {
    let (table, ..) = model(Preparation::Raw);
    let options = KnnOptions {
        engine: EngineKind::Tree,
        voting: Voting::Distance,
        feature_weights: vec![2.0, 0.0, 1.0, 0.5, 0.0, 3.0, 1e-3, 1.0, 0.0],
        ..KnnOptions::default()
    };
    let mut knn = table.fit(&options);
    let metadata = ModelMetadata {
        class_names: vec![String::new(); Table::N_CLASSES],
        feature_names: vec![String::new(); 9],
        source: String::new(),
    };
    let bytes = knn.to_bytes(&metadata);
    let (mut loaded, _) = Knn::from_bytes(&bytes).expect("just written");
    assert_eq!(loaded.options(), &options);
    assert_eq!(loaded.describe(), knn.describe());
    let description = loaded.describe();
    assert_eq!((description.n_weighted, description.storage.n_ignored), (7, 3));
    for row in 0..table.labels.len() {
        assert_eq!(loaded.classify(table.row(row)), knn.classify(table.row(row)));
    }
    let check = |edit: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>), message: &str| {
        let error = Knn::from_bytes(&with_record(&bytes, edit))
            .expect_err(message)
            .to_string();
        assert!(error.contains(message), "{error}");
    };
    check(
        &|record| record["feature_weights"][1] = 1.0.into(),
        "Ignored of weight 1",
    );
    check(&|record| record["feature_weights"][7] = 0.0.into(), "of weight 0");
    check(
        &|record| record["feature_weights"][0] = (-2.0).into(),
        "finite and not negative for feature 0",
    );
    check(
        &|record| record["feature_weights"] = Vec::<f64>::new().into(),
        "Ignored of weight 1",
    );
    check(
        &|record| record["feature_weights"] = vec![1.0; 8].into(),
        "expected 9 feature weights or none",
    );
    check(
        &|record| record["voting"] = "loudest".into(),
        "unknown variant `loudest`",
    );
}

/// A header of nearly 100 MB was read, and writing the model panicked where its numbers take more than they did.
#[wasm_bindgen_test(unsupported = test)]
fn what_is_read_can_be_written() {
    let (_, knn, mut metadata, _) = model(Preparation::Standard);
    let n_names: usize = [&metadata.class_names, &metadata.feature_names]
        .into_iter()
        .flatten()
        .map(String::len)
        .sum();
    // What takes most as JSON within JSON.
    metadata.source = "\u{1}".repeat(7_000_000 - n_names);
    assert_eq!(metadata.check(), Ok(()));
    let bytes = knn.to_bytes(&metadata);
    let (loaded, loaded_metadata) = Knn::from_bytes(&bytes).expect("as written");
    assert_eq!(loaded_metadata, metadata);
    assert!(loaded.to_bytes(&metadata) == bytes, "the same bytes again");
    let longer = with_record(&bytes, |record| {
        let source = record["source"].as_str().expect("a string");
        record["source"] = format!("{source}!").into();
    });
    let error = Knn::from_bytes(&longer).expect_err("a byte more").to_string();
    assert!(
        error.contains("up to 7000000 bytes of names and source, got 7000001"),
        "{error}"
    );
    metadata.source.push('!');
    assert_eq!(
        metadata.check(),
        Err(FitError::TooMuchText { n_bytes: 7_000_001 })
    );
}

/// By which the bound of names and source is what it is.
#[wasm_bindgen_test(unsupported = test)]
fn a_feature_takes_up_to_150_bytes_of_the_header() {
    let n_features = 1000;
    let table = Table::random(&mut Random(29), 5, |random, row| {
        row.extend((0..n_features).map(|_| random.integer(0, 500)));
    });
    let options = KnnOptions {
        preparation: Preparation::Standard,
        feature_weights: vec![2.225_073_858_507_201_4e-308; n_features],
        ..KnnOptions::default()
    };
    let metadata = ModelMetadata {
        class_names: vec![String::new(); Table::N_CLASSES],
        feature_names: vec![String::new(); n_features],
        source: String::new(),
    };
    let written = table.fit(&options).to_bytes(&metadata);
    let longest = with_record(&written, |record| {
        record["scaling"]["offset"] = vec![-2.225_073_858_507_201_4e-308; n_features].into();
        record["scaling"]["scale"] = vec![1.797_693_134_862_315_7e308; n_features].into();
        for form in record["columns"].as_array_mut().expect("a list") {
            *form = serde_json::json!({"short": {"base": -1_099_511_627_776.0, "divisor": 1e9}});
        }
    });
    let (loaded, metadata) = Knn::from_bytes(&longest).expect("extreme and valid");
    let bytes = loaded.to_bytes(&metadata);
    let n_bytes = u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes"));
    assert!((130_000..152_000).contains(&n_bytes), "{n_bytes}");
}
