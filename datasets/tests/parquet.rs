//! Parquet files of the user's, as pyarrow writes them (`tests/files/make_files.py`).

use std::path::{Path, PathBuf};

use datasets::{Dataset, read_file, read_file_reported};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/files")
        .join(name)
}

fn feature_names(dataset: &Dataset) -> Vec<&str> {
    dataset
        .features
        .iter()
        .map(|feature| feature.name.as_str())
        .collect()
}

#[test]
fn numbers_truth_values_times_and_text_labels_are_read_whatever_the_packing() {
    for file in [
        "sensors-snappy.parquet",
        "sensors-gzip.parquet",
        "sensors-zstd.parquet",
    ] {
        let (dataset, report) = read_file_reported(&path(file), None).unwrap();
        assert_eq!(
            feature_names(&dataset),
            ["temperature", "co2", "door open", "ticks", "pressure"],
            "{file}"
        );
        let types: Vec<_> = dataset
            .columns
            .iter()
            .map(|column| column.number_type_name())
            .collect();
        assert_eq!(types, ["f32", "i32", "i16", "f32", "f64"], "{file}");
        let mut row = vec![];
        dataset.row_into(4, &mut row);
        assert_eq!(row, [21.5, 40_000.0, 1.0, 4e9, 1013.5], "{file}");
        assert_eq!(dataset.classes, ["away", "busy", "idle"]);
        assert_eq!(dataset.labels, [2, 1, 2, 2, 0]);
        let times = dataset.times_micros.unwrap();
        assert_eq!(
            (times[0], times[4] - times[0]),
            (1_423_072_260_000_000, 120_000_000),
            "{file}"
        );
        let expected = "Parquet; label `state`; time from `at`; left out `__index_level_0__` (it is the index of a pandas table)";
        assert_eq!(report.to_string(), expected);
    }
}

#[test]
fn a_numeric_column_can_be_the_label() {
    let file = path("null.parquet");
    assert!(
        read_file(&file, Some("temperature")).is_err(),
        "`state` is text and cannot be a feature"
    );
    let dataset = read_file(&path("sensors-snappy.parquet"), Some("8")).unwrap();
    assert_eq!(dataset.classes, ["away", "busy", "idle"]);
}

#[test]
fn what_cannot_be_used_is_named_with_row_and_column() {
    let check = |file: &str, label: Option<&str>, expected: &str| {
        let message = read_file(&path(file), label).unwrap_err().to_string();
        assert_eq!(message, format!("{expected} ({})", path(file).display()));
    };
    check(
        "null.parquet",
        None,
        "row 4, column `level`: no value (`null`); fill it in or leave the row out",
    );
    check(
        "nan.parquet",
        None,
        "row 3, column `level`: no value (`NaN`); fill it in or leave the row out",
    );
    check(
        "list.parquet",
        None,
        "column `level.list.element` is of type list, which is neither number, text, truth value nor time; convert it, or leave it out",
    );
    check(
        "struct.parquet",
        None,
        "column `level.high` is of type struct, which is neither number, text, truth value nor time; convert it, or leave it out",
    );
    check(
        "decimal.parquet",
        None,
        "column `level` is of type Decimal, which is neither number, text, truth value nor time; convert it, or leave it out",
    );
    check(
        "brotli.parquet",
        None,
        "compressed by brotli; write the file with snappy, gzip or zstd, or uncompressed",
    );
    check(
        "large.parquet",
        None,
        "row 5, column `level`: 9007199254740993 is beyond 2^53 and would lose digits; leave the column out",
    );
    check(
        "text.parquet",
        None,
        "row 1, column `state`: `idle` is not a number; leave the column out, or name it as the label column if it holds the classes",
    );
    check(
        "text.parquet",
        Some("kind"),
        "no column is named `kind`; the columns are `state`, `temperature`",
    );
    check("no-rows.parquet", None, "the file has a header but no rows");
}

/// pandas writes the index of a table of which rows were chosen as its last column.
#[test]
fn the_index_of_a_pandas_table_is_neither_label_nor_feature() {
    let (dataset, report) = read_file_reported(&path("index.parquet"), None).unwrap();
    assert_eq!(
        report.to_string(),
        "Parquet; label `state`; left out `__index_level_0__` (it is the index of a pandas table)"
    );
    assert_eq!(feature_names(&dataset), ["temperature"]);
}

#[test]
fn a_broken_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(path("sensors-snappy.parquet")).unwrap();
    for n in [4, 12, whole.len() / 2, whole.len() - 1] {
        let file = folder.path().join(format!("first-{n}.parquet"));
        std::fs::write(&file, &whole[..n]).unwrap();
        let message = read_file(&file, None).unwrap_err().to_string();
        assert!(message.starts_with("not readable as Parquet: "), "{message}");
    }
}

#[test]
fn a_column_outside_the_file_is_an_error() {
    let mut bytes = std::fs::read(path("sensors-zstd.parquet")).unwrap();
    bytes[1362] = 151; // Within the table of contents: a column now begins before the file does.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("damaged.parquet");
    std::fs::write(&file, bytes).unwrap();
    let message = read_file(&file, None).unwrap_err().to_string();
    assert!(
        message.starts_with("not readable as Parquet: its table of contents contradicts itself"),
        "{message}"
    );
}

#[test]
fn no_damaged_byte_ends_the_program() {
    let whole = std::fs::read(path("sensors-snappy.parquet")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("damaged.parquet");
    let mut n_refused = 0;
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xFF;
        std::fs::write(&file, bytes).unwrap();
        n_refused += u32::from(read_file(&file, None).is_err());
    }
    assert!(n_refused > 100, "{n_refused} of {} refused", whole.len());
}
