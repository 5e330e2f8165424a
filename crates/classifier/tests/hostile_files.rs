//! No bytes whatsoever make the reader of model files panic, or take memory out of proportion to them.
//!
//! The cases are many but the same in each run; for more and others: `cargo xtask fuzz model`. Where the checksum would end them all early, it is put right first.

mod common;
#[path = "common/files.rs"]
mod files;
#[path = "../../protocol/tests/fuzzing/mod.rs"]
#[allow(dead_code, reason = "samples are damaged by hand here")]
mod fuzzing;
#[cfg(not(target_arch = "wasm32"))]
#[path = "common/measured.rs"]
mod measured;

use classifier::{EngineKind, Knn, KnnOptions, ModelFileError, ModelMetadata, Preparation, Voting};
use common::{Random, Table};
use files::{model, resealed, with_header, with_record};
use wasm_bindgen_test::wasm_bindgen_test;

/// Reads what may be a model file, within bounds of memory.
fn read(bytes: &[u8]) -> Result<Knn, ModelFileError> {
    let read = || Knn::from_bytes(bytes).map(|(knn, _)| knn);
    #[cfg(target_arch = "wasm32")]
    return read();
    #[cfg(not(target_arch = "wasm32"))]
    {
        // What a file may take to be read, in multiples of its size: much only where a few rows are padded to whole blocks,
        // and what it may take whatever its size, tables of the checksum above all.
        const MAX_MULTIPLE: usize = 64;
        const MAX_CONSTANT: usize = 64 << 10;
        let (result, allocated) = measured::measured(read);
        let (peak, n) = (allocated.bytes_max as usize, bytes.len());
        assert!(
            peak <= MAX_MULTIPLE * n + MAX_CONSTANT,
            "{peak} bytes to read {n}"
        );
        result
    }
}

/// Whatever is loaded from damaged bytes has to answer without a panic; most are refused. Says whether this one was not.
fn read_and_ask(bytes: &[u8]) -> bool {
    let Ok(mut knn) = read(bytes) else { return false };
    let zeros = vec![0.0; knn.n_features()];
    knn.predict(&zeros).ok();
    knn.classify(&vec![1e6; zeros.len()]).ok();
    knn.neighbours(&vec![-1e300; zeros.len()]).ok();
    true
}

/// The file of a model of `table`.
fn written(table: &Table, preparation: Preparation, engine: EngineKind) -> Vec<u8> {
    let options = KnnOptions {
        preparation,
        engine,
        ..KnnOptions::default()
    };
    table.fit(&options).to_bytes(&ModelMetadata {
        class_names: vec![String::new(); Table::N_CLASSES],
        feature_names: vec![String::new(); table.n_features],
        source: String::new(),
    })
}

/// Files of all engines: every form of column, weights, two rows of many features, many rows of two.
fn files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = [Preparation::Raw, Preparation::Standard]
        .map(|preparation| model(preparation).3)
        .to_vec();
    let (table, _, metadata, _) = model(Preparation::Raw);
    let options = KnnOptions {
        engine: EngineKind::Scan,
        voting: Voting::Distance,
        feature_weights: vec![2.0, 0.0, 1.0, 0.5, 0.0, 3.0, 1e-3, 1.0, 0.0],
        ..KnnOptions::default()
    };
    files.push(table.fit(&options).to_bytes(&metadata));
    let wide = Table::random(&mut Random(3), 2, |random, row| {
        row.extend((0..1000).map(|_| random.unit()))
    });
    let long = Table::random(&mut Random(5), 2000, |random, row| {
        row.extend([random.integer(0, 99), random.unit()]);
    });
    for table in [wide, long] {
        for &engine in common::ENGINES {
            files.push(written(&table, Preparation::Raw, engine));
        }
    }
    files
}

#[wasm_bindgen_test(unsupported = test)]
fn files_as_written_take_no_more_than_they_may() {
    assert!(files().iter().all(|file| read_and_ask(file)));
}

/// A few bytes of constants would be many numbers where the textbook engine spreads them out.
#[cfg(feature = "textbook")]
#[wasm_bindgen_test(unsupported = test)]
fn numbers_that_are_not_in_the_file_are_not_spread_out() {
    let table = Table::random(&mut Random(7), 5000, |_, row| row.extend([3.0; 500]));
    assert!(read_and_ask(&written(&table, Preparation::Raw, EngineKind::Scan)));
    let textbook = written(&table, Preparation::Raw, EngineKind::Textbook);
    let error = read(&textbook).expect_err("20 MB of numbers in 20 kB");
    assert!(
        error
            .to_string()
            .contains("8 numbers a byte for the textbook engine"),
        "{error}"
    );
}

/// The query by which an engine is chosen looked at every feature of every row, which a file need not have bytes for.
#[wasm_bindgen_test(unsupported = test)]
fn an_engine_is_not_chosen_by_numbers_that_are_not_in_the_file() {
    let table = Table::random(&mut Random(23), 100_000, |_, row| row.push(3.0));
    let scan = written(&table, Preparation::Raw, EngineKind::Scan);
    let with_constants = |n: usize, engine: &str| {
        with_record(&scan, |record| {
            record["columns"] = vec![serde_json::json!({"constant": 3.0}); n].into();
            record["feature_names"] = vec![""; n].into();
            record["engine"] = engine.into();
        })
    };
    assert!(read_and_ask(&with_constants(200, "auto")));
    assert!(read_and_ask(&with_constants(2000, "scan")));
    let error = read(&with_constants(2000, "auto")).expect_err("200 million numbers in 150 kB");
    assert!(
        error
            .to_string()
            .contains("256 numbers a byte for the auto engine"),
        "{error}"
    );
}

/// Each number of a list that is kept takes longer to read than its bytes say.
#[wasm_bindgen_test(unsupported = test)]
fn lists_have_an_end() {
    let (_, _, _, bytes) = model(Preparation::Raw);
    let with_weights = |n: usize| with_record(&bytes, |record| record["feature_weights"] = vec![1; n].into());
    let error = |n: usize| read(&with_weights(n)).expect_err("too many weights").to_string();
    assert!(error(1 << 20).contains("feature weights or none, got 1048576"));
    assert!(error((1 << 20) + 1).contains("a list of more than 1048576 items"));
}

/// A row with one constant feature, and a million groups without members.
#[wasm_bindgen_test(unsupported = test)]
fn groups_of_nothing_are_refused() {
    let table = Table::random(&mut Random(17), 1, |_, row| row.push(3.0));
    let mut bytes = written(&table, Preparation::Raw, EngineKind::Scan);
    bytes.extend(vec![0; 1_000_000]);
    let bytes = with_header(&bytes, |header| {
        let category = "\"category\":{\"dtype\":\"U8\",\"shape\":[1000000,1],\"data_offsets\":[1,1000001]}";
        header.replacen("\"labels\":", &format!("{category},\"labels\":"), 1)
    });
    let error = read(&bytes).expect_err("groups of nothing").to_string();
    assert!(
        error.contains("groups as there are members, 0, got 1000000"),
        "{error}"
    );
}

/// Rows along principal axes are kept with all features, constant ones too.
#[wasm_bindgen_test(unsupported = test)]
fn constants_are_not_spread_out_along_axes() {
    let table = Table::random(&mut Random(19), 8192, |random, row| {
        let (many, few) = (random.integer(0, 9999), random.integer(0, 99));
        row.extend([many / 100.0, (many + few) / 100.0]);
        row.extend([2.5; 62]);
    });
    let scan = written(&table, Preparation::Standard, EngineKind::Scan);
    for engine in ["auto", "tree"] {
        let bytes = with_record(&scan, |record| record["engine"] = engine.into());
        assert!(read_and_ask(&bytes), "{engine}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn random_bytes_never_panic() {
    let mut random = Random(fuzzing::seed(11));
    for _ in 0..fuzzing::n_cases(2000) {
        let n_bytes = random.below(300);
        let mut bytes: Vec<u8> = (0..n_bytes).map(|_| random.next() as u8).collect();
        // A plausible length lets half of them past the first check.
        if n_bytes >= 8 && random.below(2) == 0 {
            bytes[..8].copy_from_slice(&(random.below(n_bytes) as u64).to_le_bytes());
        }
        read_and_ask(&fuzzing::Input(bytes));
    }
}

/// Words of a header and what may stand in their place: other types and forms, huge numbers, numbers that are none.
const WORDS: [&str; 32] = [
    "\"U8\"",
    "\"U16\"",
    "\"U32\"",
    "\"I16\"",
    "\"F32\"",
    "\"F64\"",
    "\"I64\"",
    "\"BOOL\"",
    "labels",
    "short",
    "single",
    "double",
    "category",
    "order",
    "ignored",
    "member",
    "constant",
    "tree",
    "scan",
    "auto",
    "textbook",
    "raw",
    "standard",
    "min-max",
    "euclidean",
    "manhattan",
    "distance",
    "18446744073709551615",
    "4294967295",
    "1e400",
    "-1",
    "null",
];

/// One change at random.
fn damage(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    let n_header = 8 + u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes")) as usize;
    match random.below(6) {
        // Bits flipped anywhere.
        0 => (0..=random.below(4)).for_each(|_| {
            let at = random.below(damaged.len());
            damaged[at] ^= 1 << random.below(8);
        }),
        // Cut off, or gone on for too long.
        1 => {
            let n_bytes = random.below(2 * bytes.len());
            damaged.resize(n_bytes, 0);
        }
        // Digits of the header changed: lying lengths, shapes, offsets, codes and values.
        2 => {
            damaged = with_header(bytes, |header| {
                let mut header = header.as_bytes().to_vec();
                let digits: Vec<usize> = (0..header.len())
                    .filter(|&i| header[i].is_ascii_digit())
                    .collect();
                for _ in 0..=random.below(3) {
                    header[random.choose(&digits)] = b'0' + random.below(10) as u8;
                }
                String::from_utf8(header).expect("ASCII digits keep it UTF-8")
            });
        }
        // A word of the header in the place of another, or a huge number in the place of a number.
        3 => {
            let (old, new) = (random.choose(&WORDS), random.choose(&WORDS));
            let number = bytes[8..n_header]
                .iter()
                .filter(|byte| byte.is_ascii_digit())
                .count();
            let number = random.below(number);
            damaged = with_header(bytes, |header| {
                if header.contains(old) {
                    return header.replacen(old, new, 1 + random.below(3));
                }
                let mut digits = header.char_indices().filter(|(_, c)| c.is_ascii_digit());
                let at = digits.nth(number).expect("counted").0;
                [&header[..at], new, &header[at + 1..]].concat()
            });
        }
        // Parts of the tensors in each other's place: rows twice, codes too large, labels of no class.
        4 => {
            let n = 1 + random.below(64.min(bytes.len() - n_header));
            let mut start = || n_header + random.below(bytes.len() - n_header - n + 1);
            let (from, to) = (start(), start());
            damaged.copy_within(from..from + n, to);
        }
        // Extreme numbers in the tensors.
        _ => {
            let at = n_header + random.below(bytes.len() - n_header);
            let n = 8.min(bytes.len() - at);
            let extremes = [u64::MAX, 0x7ff0_0000_0000_0000, 0xfff8_0000_0000_0000, 1 << 63];
            damaged[at..at + n].copy_from_slice(&random.choose(&extremes).to_le_bytes()[..n]);
        }
    }
    damaged
}

#[wasm_bindgen_test(unsupported = test)]
fn damaged_files_never_panic() {
    let mut random = Random(fuzzing::seed(13));
    let (mut n_loaded, mut n_refused) = (0, 0);
    let (files, n_cases) = (files(), fuzzing::n_cases(1000));
    for bytes in &files {
        for _ in 0..n_cases {
            let mut damaged = damage(&mut random, bytes);
            if random.below(4) != 0 {
                damaged = resealed(damaged);
            }
            if read_and_ask(&fuzzing::Input(damaged)) {
                n_loaded += 1;
            } else {
                n_refused += 1;
            }
        }
    }
    // Neither all stopped at the first check, nor was anything let through.
    assert!(
        n_loaded > n_cases && n_refused > 5 * n_cases,
        "{n_loaded} loaded, {n_refused} refused"
    );
}

/// A flipped bit makes an error, or hits what does not matter: the name of the order, which is then found anew.
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

/// A version was looked for through all of the record, and what stands after it blamed for another version.
#[wasm_bindgen_test(unsupported = test)]
fn nothing_after_the_version_matters_in_a_file_of_another() {
    let (_, _, _, bytes) = model(Preparation::Raw);
    let bytes = with_header(&bytes, |header| {
        header.replacen("\\\"version\\\":3,", "\\\"version\\\":4,#", 1)
    });
    let (expected, actual) = (3, 4);
    assert_eq!(
        read(&bytes).err(),
        Some(ModelFileError::Version { expected, actual })
    );
}
