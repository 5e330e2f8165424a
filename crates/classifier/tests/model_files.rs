//! Model files: the layout others may rely on, and that no bytes whatsoever make the reader panic or gorge.

mod common;

use classifier::{EngineKind, Knn, KnnOptions, ModelFileError, ModelMetadata, Preparation, Voting};
use common::{Random, Table, push_one_hot};
use wasm_bindgen_test::wasm_bindgen_test;

/// A model with every form of column, and its file.
fn model(preparation: Preparation) -> (Table, Knn, ModelMetadata, Vec<u8>) {
    let table = Table::random(&mut Random(7), 130, |random, row| {
        row.push(random.integer(0, 500));
        push_one_hot(random, row, 4);
        row.push(random.unit());
        row.push(f64::from(random.unit() as f32));
        row.push(3.25);
        row.push(random.integer(-99, 99) / 100.0);
    });
    let knn = table.fit(&KnnOptions {
        preparation,
        engine: EngineKind::Tree,
        ..KnnOptions::default()
    });
    let metadata = ModelMetadata {
        class_names: ["low", "ünïcode \"quoted\"", ""].map(str::to_owned).to_vec(),
        feature_names: (0..table.n_features)
            .map(|feature| format!("f{feature}"))
            .collect(),
        source: "made up\n".to_owned(),
    };
    let bytes = knn.to_bytes(&metadata);
    (table, knn, metadata, bytes)
}

/// CRC-32 bit by bit.
fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |state: u32, byte| {
        (0..8).fold(state ^ u32::from(byte), |state, _| {
            (state >> 1) ^ if state & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

/// The file with the checksum that its content has, if it still has a header and a place for one.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let reseal = |bytes: &mut [u8]| -> Option<()> {
        let length = usize::try_from(u64::from_le_bytes(*bytes.first_chunk()?)).ok()?;
        let end = length.checked_add(8)?;
        let header: serde_json::Value = serde_json::from_slice(bytes.get(8..end)?).ok()?;
        let metadata = header.get("__metadata__")?;
        let old = format!("\"crc32\":\"{}\"", metadata.get("crc32")?.as_str()?);
        let record = metadata.get("runnel")?.as_str()?.as_bytes();
        let new = crc32(record.iter().chain(&bytes[end..]).copied());
        let new = format!("\"crc32\":\"{new:08x}\"");
        let at = bytes
            .windows(old.len())
            .position(|window| window == old.as_bytes())?;
        if old.len() == new.len() {
            bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
        }
        Some(())
    };
    reseal(&mut bytes);
    bytes
}

/// The file with its JSON header rewritten, and the checksum.
fn with_header(bytes: &[u8], edit: impl FnOnce(&str) -> String) -> Vec<u8> {
    let length = u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes")) as usize;
    let header = edit(std::str::from_utf8(&bytes[8..8 + length]).expect("UTF-8"));
    let edited = [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        &bytes[8 + length..],
    ];
    resealed(edited.concat())
}

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
        "expected format version 3 or an older one that is still read, got 1",
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

/// The file with `rows` as the order.
fn with_order(bytes: &[u8], rows: &[u32]) -> Vec<u8> {
    let file = safetensors::SafeTensors::deserialize(bytes).expect("safetensors");
    let order = file.tensor("order").expect("a tree").data();
    let start = order.as_ptr() as usize - bytes.as_ptr() as usize;
    let rows: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
    resealed([&bytes[..start], &rows, &bytes[start + order.len()..]].concat())
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

/// Whatever is loaded from damaged bytes has to answer without a panic; most are refused.
fn read_and_ask(bytes: &[u8]) {
    if let Ok((mut knn, _)) = Knn::from_bytes(bytes) {
        let zeros = vec![0.0; knn.n_features()];
        knn.predict(&zeros).ok();
        knn.class_shares(&vec![1e6; zeros.len()]).ok();
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn random_bytes_never_panic() {
    let mut random = Random(11);
    for _ in 0..2000 {
        let n_bytes = random.below(300);
        let mut bytes: Vec<u8> = (0..n_bytes).map(|_| random.next() as u8).collect();
        // A plausible length lets half of them past the first check.
        if n_bytes >= 8 && random.below(2) == 0 {
            bytes[..8].copy_from_slice(&(random.below(n_bytes) as u64).to_le_bytes());
        }
        read_and_ask(&bytes);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn damaged_files_never_panic() {
    for preparation in [Preparation::Raw, Preparation::Standard] {
        let (_, _, _, bytes) = model(preparation);
        let mut random = Random(13);
        for _ in 0..3000 {
            let mut damaged = bytes.clone();
            match random.below(4) {
                // Bits flipped anywhere.
                0 => (0..=random.below(4)).for_each(|_| {
                    let at = random.below(damaged.len());
                    damaged[at] ^= 1 << random.below(8);
                }),
                1 => damaged.truncate(random.below(bytes.len())),
                // Digits of the header changed: lying lengths, shapes, offsets, codes and values.
                2 => {
                    damaged = with_header(&bytes, |header| {
                        let mut header = header.as_bytes().to_vec();
                        for _ in 0..=random.below(3) {
                            let digits: Vec<usize> = (0..header.len())
                                .filter(|&i| header[i].is_ascii_digit())
                                .collect();
                            header[random.choose(&digits)] = b'0' + random.below(10) as u8;
                        }
                        String::from_utf8(header).expect("ASCII digits keep it UTF-8")
                    })
                }
                // Extreme numbers in the tensors.
                _ => {
                    let at = bytes.len() - 1 - random.below(2000);
                    let n = 8.min(bytes.len() - at);
                    let extreme =
                        random.choose(&[u64::MAX, 0x7ff0_0000_0000_0000, 0xfff8_0000_0000_0000, 1 << 63]);
                    damaged[at..at + n].copy_from_slice(&extreme.to_le_bytes()[..n]);
                }
            }
            if random.below(2) == 0 {
                damaged = resealed(damaged);
            }
            read_and_ask(&damaged);
        }
    }
}

/// A flipped bit makes an error, or hits what does not matter: the word `crc32` itself, or blanks.
#[wasm_bindgen_test(unsupported = test)]
fn a_flipped_bit_is_noticed() {
    let (_, _, _, bytes) = model(Preparation::Standard);
    let mut n_by_checksum = 0;
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        match Knn::from_bytes(&damaged) {
            Ok((loaded, metadata)) => assert_eq!(loaded.to_bytes(&metadata), bytes, "byte {at}"),
            Err(ModelFileError::Checksum { .. }) => n_by_checksum += 1,
            Err(_) => {}
        }
    }
    // All of the tensors at the least: without the checksum most of those bits would go unnoticed.
    let n_header = 8 + u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes")) as usize;
    assert!(n_by_checksum >= bytes.len() - n_header, "{n_by_checksum}");
}

/// `bytes` with the record changed, as somebody else might have written it.
fn with_record(bytes: &[u8], edit: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> Vec<u8> {
    with_header(bytes, |header| {
        let mut header: serde_json::Value = serde_json::from_str(header).expect("JSON");
        let record = header["__metadata__"]["runnel"].as_str().expect("a record");
        let mut record: serde_json::Value = serde_json::from_str(record).expect("JSON");
        edit(record.as_object_mut().expect("an object"));
        header["__metadata__"]["runnel"] = record.to_string().into();
        header.to_string()
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn files_of_version_2_are_still_read() {
    for preparation in [Preparation::Raw, Preparation::Standard] {
        let (table, mut knn, metadata, bytes) = model(preparation);
        let old = with_record(&bytes, |record| {
            record["version"] = 2.into();
            for later in ["engine", "voting", "feature_weights"] {
                record.remove(later).expect("written by now");
            }
        });
        let old = with_header(&old, |header| {
            let at = header.find("\"crc32\"").expect("a checksum");
            let end = header[at..].find(',').expect("another entry") + at;
            [&header[..at], &header[end + 1..]].concat()
        });
        let (mut loaded, read) = Knn::from_bytes(&old).expect("a file of version 2");
        assert_eq!(read, metadata);
        assert_eq!(loaded.describe(), knn.describe());
        for row in 0..table.labels.len() {
            assert_eq!(loaded.neighbours(table.row(row)), knn.neighbours(table.row(row)));
        }
    }
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
