//! The reader of CSV against random and damaged files: it returns, and what it accepts is a whole table.
//!
//! The same cases each time; for more and others: `cargo xtask fuzz data`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../crates/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use std::fs;
use std::path::Path;

use datasets::{Dataset, read_file};
use fuzzing::{Input, Random, mutated, n_cases};

/// Cases unless the environment says otherwise: each is a file that is written and read.
const N_CASES: u64 = 1_000;

const TOKENS: [&str; 16] = [
    ",",
    ";",
    "\t",
    "|",
    "\"",
    "\n",
    "\r\n",
    "nan",
    "-1e999",
    "0.1",
    "2015-02-04",
    "17:51:00",
    "label",
    "\u{feff}",
    "?",
    "e",
];

/// What holds of every table that is read.
fn check(dataset: &Dataset, what: &str) {
    let n_rows = dataset.n_rows();
    assert!(n_rows > 0 && dataset.n_features() > 0, "{what}");
    assert_eq!(dataset.features.len(), dataset.n_features(), "{what}");
    assert!(
        dataset.columns.iter().all(|column| column.len() == n_rows),
        "{what}"
    );
    assert!(
        dataset
            .labels
            .iter()
            .all(|&label| (label as usize) < dataset.classes.len()),
        "{what}"
    );
    let mut row = Vec::new();
    dataset.row_into(n_rows - 1, &mut row);
    assert_eq!(row.len(), dataset.n_features(), "{what}");
}

/// Reads `bytes` as the file of this name; `true` if it is a table.
fn read(folder: &Path, name: &str, bytes: Vec<u8>) -> bool {
    let input = Input(bytes);
    let path = folder.join(name);
    fs::write(&path, &*input).unwrap();
    match read_file(&path, None) {
        Ok(dataset) => {
            check(&dataset, name);
            true
        }
        Err(error) => {
            assert!(error.to_string().len() < 2_000, "{error}");
            false
        }
    }
}

#[test]
fn csv_files_survive_anything() {
    let folder = tempfile::tempdir().unwrap();
    let samples: Vec<Vec<u8>> = [
        "a,b,label\n1,2.5,x\n3,4,y\n5,6,x\n",
        "1;2;3\n4;5;6\n7;8;9\n",
        "date,time,a,k\n2015-02-04,17:51:00,5,x\n2015-02-04,17:52:00,6,y\n",
        "id,a,k\n7,5,x\n8,5,\"x, y\"\n9,nan,x\n",
        "\"a\",\"b\",\"k\"\n\"first\",5,6,x\n\"second\",5,6,y\n",
    ]
    .iter()
    .map(|sample| sample.as_bytes().to_vec())
    .collect();
    let mut random = Random(fuzzing::seed(1));
    let (n_cases, mut n_read) = (n_cases(N_CASES), 0);
    for _ in 0..n_cases {
        let bytes = match random.below(10) {
            0 => random.bytes(80),
            _ => mutated(&mut random, &samples, &TOKENS, 0),
        };
        n_read += u64::from(read(folder.path(), "fuzz.csv", bytes));
    }
    // Else the cases would only ever test the first check.
    assert!(n_read * 10 > n_cases, "{n_read} of {n_cases} were read");
}
