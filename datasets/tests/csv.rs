//! CSV files of the user's: what is detected, and what each fault says.

use std::error::Error as _;
use std::path::Path;

use datasets::{Dataset, Problem, ReadError, Report, read_file, read_file_reported};
use proptest::prelude::*;

fn read_labelled(text: impl AsRef<[u8]>, label: Option<&str>) -> Result<(Dataset, Report), Problem> {
    let folder = tempfile::tempdir().expect("a folder for the file");
    let path = folder.path().join("my.csv");
    std::fs::write(&path, text).expect("writing the file");
    read_file_reported(&path, label).map_err(|error| match error {
        ReadError::Content { problem, .. } => problem,
        other => panic!("{other}"),
    })
}

fn read(text: impl AsRef<[u8]>) -> Dataset {
    read_labelled(text, None).expect("a readable file").0
}

fn check_error(text: impl AsRef<[u8]>, label: Option<&str>, expected: &str) {
    let text = text.as_ref();
    let message = read_labelled(text, label)
        .expect_err("a fault in the file")
        .to_string();
    assert_eq!(message, expected, "{}", String::from_utf8_lossy(text));
}

fn feature_names(dataset: &Dataset) -> Vec<&str> {
    dataset
        .features
        .iter()
        .map(|feature| feature.name.as_str())
        .collect()
}

fn rows(dataset: &Dataset) -> Vec<Vec<f64>> {
    let row = |row| {
        (0..dataset.n_features())
            .map(|feature| dataset.value(row, feature))
            .collect()
    };
    (0..dataset.n_rows()).map(row).collect()
}

#[test]
fn separators_line_ends_marks_and_quotes_do_not_matter() {
    let expected = read("a,b,kind\n1,2.5,x\n3,4,y\n");
    assert_eq!(expected.name, "my");
    assert_eq!(feature_names(&expected), ["a", "b"]);
    assert_eq!(rows(&expected), [[1.0, 2.5], [3.0, 4.0]]);
    assert_eq!(
        (expected.labels.as_slice(), expected.classes.as_slice()),
        (&[0, 1][..], &["x".into(), "y".into()][..])
    );
    for text in [
        "a;b;kind\n1;2.5;x\n3;4;y\n",
        "a\tb\tkind\n1\t2.5\tx\n3\t4\ty\n",
        "a|b|kind\n1|2.5|x\n3|4|y",
        "a,b,kind\r\n1,2.5,x\r\n3,4,y\r\n",
        "a,b,kind\r1,2.5,x\r3,4,y\r",
        "\u{feff}a,b,kind\n1,2.5,x\n3,4,y\n",
        "\"a\",\"b\",\"kind\"\n\"1\",2.5,\"x\"\n3,\"4\",y\n",
        " a , b , kind \n 1 , 2.5 , x \n 3 , 4 , y \n",
        "\na,b,kind\n\n1,2.5,x\n\n\n3,4,y\n\n",
        "a,b,kind\n1e0,+2.5,x\n3.0,4.,y\n",
    ] {
        assert_eq!(read(text), expected, "{text:?}");
    }
}

#[test]
fn a_header_is_a_first_row_without_numbers_and_times() {
    let without = read("1,2,x\n3,4,y\n");
    assert_eq!(feature_names(&without), ["column_1", "column_2"]);
    assert_eq!(without.n_rows(), 2);
    assert_eq!(read("a,b,x\n3,4,y\n").n_rows(), 1);
    // The separator that is in every row wins over the comma inside quotes.
    let quoted = read("name;\"size, in m\";kind\n1;2;\"a, b\"\n");
    assert_eq!(feature_names(&quoted), ["name", "size, in m"]);
    assert_eq!(quoted.classes, ["a, b"]);
    // Cells may hold line ends when quoted.
    assert_eq!(
        feature_names(&read("\"two\nlines\",b,kind\n1,2,x\n")),
        ["two\nlines", "b"]
    );
}

#[test]
fn the_label_is_found_by_name_by_position_or_last() {
    let text = "1st,kind,b\n1,10,5\n2,9,5\n3,10,6\n";
    assert_eq!(read(text).classes, ["5", "6"]);
    for label in ["kind", "2"] {
        let (dataset, report) = read_labelled(text, Some(label)).unwrap();
        assert_eq!(feature_names(&dataset), ["1st", "b"]);
        assert_eq!(
            (dataset.classes, dataset.labels),
            (vec!["9".to_owned(), "10".to_owned()], vec![1, 0, 1])
        );
        assert_eq!(
            report.to_string(),
            "CSV separated by `,`, with header; label `kind`"
        );
    }
    // A name that is a number wins over the position.
    assert_eq!(
        read_labelled("x;'2';y\n1;2;3\n", Some("'2'")).unwrap().1.label,
        "'2'"
    );
    check_error(
        text,
        Some("Kind"),
        "no column is named `Kind`; the columns are `1st`, `kind`, `b`",
    );
    check_error(
        text,
        Some("4"),
        "no column is named `4`; the columns are `1st`, `kind`, `b`",
    );
    check_error(
        text,
        Some("0"),
        "no column is named `0`; the columns are `1st`, `kind`, `b`",
    );
}

#[test]
fn times_are_not_features() {
    let check = |text: &str, features: &[&str], times: Option<&[i64]>| {
        let dataset = read(text);
        assert_eq!(feature_names(&dataset), features, "{text:?}");
        assert_eq!(dataset.times_micros.as_deref(), times, "{text:?}");
    };
    let feb_4 = 1_423_008_000_000_000;
    check(
        "when,a,k\n2015-02-04 00:00:01,5,x\n",
        &["a"],
        Some(&[feb_4 + 1_000_000]),
    );
    check(
        "when,a,k\n2015-02-04T00:00:01.5+00:00,5,x\n",
        &["a"],
        Some(&[feb_4 + 1_500_000]),
    );
    check("when,a,k\n2015-02-04,5,x\n", &["a"], Some(&[feb_4]));
    check(
        "d,t,a,k\n2015/02/04,00:01:00,5,x\n",
        &["a"],
        Some(&[feb_4 + 60_000_000]),
    );
    check("5,x,2015-02-04T00:00:00Z\n", &["column_1"], Some(&[feb_4]));
    check(
        "Timestamp,a,k\n1423008000,5,x\n1423008001,5,x\n",
        &["a"],
        Some(&[feb_4, feb_4 + 1_000_000]),
    );
    check("ts,a,k\n1423008000123,5,x\n", &["a"], Some(&[feb_4 + 123_000]));
    check(
        "ts,a,k\n1423008000123456000,5,x\n",
        &["a"],
        Some(&[feb_4 + 123_456]),
    );
    // A number that is no date is a measurement, whatever its name; so is a date without a name for it.
    check("time,a,k\n0.5,5,x\n1.5,5,x\n", &["time", "a"], None);
    check("n,a,k\n1423008000,5,x\n", &["n", "a"], None);
    let (_, report) = read_labelled("start,end,a,k\n2015-02-04,2015-02-05,5,x\n", None).unwrap();
    assert_eq!(report.times, ["start"]);
    assert_eq!(
        report.left_out,
        [("end".to_owned(), "another column gives the time")]
    );

    check_error(
        "when,a,k\n2015-02-04,5,x\n04.02.2015,5,x\n",
        None,
        "line 3, column `when`: `04.02.2015` is not a time; write it like 2015-02-04 17:51:00",
    );
    check_error(
        "date,a,k\n04.02.2015,5,x\n",
        None,
        "line 2, column `date`: `04.02.2015` is not a time; write it like 2015-02-04 17:51:00",
    );
    check_error(
        "t,a,k\n17:51:00,5,x\n",
        None,
        "column `t` has times of day but no column has their date; add the date or leave the column out",
    );
}

#[test]
fn row_numbers_are_left_out_and_only_they() {
    let check = |text: &str, features: &[&str]| assert_eq!(feature_names(&read(text)), features, "{text:?}");
    check("id,a,k\n7,5,x\n8,5,x\n9,5,x\n", &["a"]);
    check(",a,k\n0,5,x\n1,5,x\n", &["a"]);
    check("id,a,k\n7,5,x\n9,5,x\n", &["id", "a"]);
    check(",a,k\n0,5,x\n7,5,x\n", &["column_1", "a"]);
    check("n,a,k\n1,5,x\n2,5,x\n", &["n", "a"]);
    // R writes no name for the column of row names, and quotes them.
    check("a,b,k\n\"first\",5,6,x\n\"second\",5,6,y\n", &["a", "b"]);
}

#[test]
fn truth_values_are_one_and_zero_and_whole_numbers_exact_to_2_to_the_53() {
    let dataset = read("on,n,k\nTrue,9007199254740992,yes\nfalse,-9007199254740992,no\n1,1e300,no\n");
    let largest = 9_007_199_254_740_992.0;
    assert_eq!(rows(&dataset), [[1.0, largest], [0.0, -largest], [1.0, 1e300]]);
}

#[test]
fn words_for_no_value_are_classes_in_the_label_column() {
    let dataset = read("a,k\n1,none\n2,NA\n3,null\n4,-\n5,none\n");
    assert_eq!(dataset.classes, ["-", "NA", "none", "null"]);
    assert_eq!(dataset.labels, [2, 1, 3, 0, 2]);
}

#[test]
fn a_fault_is_named_with_line_column_and_remedy() {
    check_error("", None, "the file is empty");
    check_error(" \n\n", None, "the file is empty");
    check_error("a,b,kind\n", None, "the file has a header but no rows");
    check_error(
        "a\n1\n2\n",
        None,
        "only one column found, where features and a label are needed; columns are separated by comma, semicolon, tab or |",
    );
    check_error("a,b,k\n1,2,x\n\n1,2\n", None, "line 4: expected 3 columns, got 2");
    check_error(
        "a,b,k\r\n1,2,x\r\n1,2,3,x\r\n",
        None,
        "line 3: expected 3 columns, got 4",
    );
    check_error(
        "a,b,k\n1,2,x,\n1,2,x,\n",
        None,
        "line 2: expected 3 columns, got 4",
    );
    check_error(
        "a,k\n1,2,3,x\n1,2,3,x\n",
        None,
        "line 2: expected 2 columns, got 4",
    );
    check_error(
        "a,b,k\n1,,x\n",
        None,
        "line 2, column `b`: no value; fill it in or leave the row out",
    );
    check_error(
        "a,b,k\n1,2,x\n1,NA,x\n",
        None,
        "line 3, column `b`: no value (`NA`); fill it in or leave the row out",
    );
    check_error(
        "a,b,k\n1,2,x\n1,2,\n",
        None,
        "line 3, column `k`: no value; fill it in or leave the row out",
    );
    check_error(
        "a,b,k\n1,2,x\n1,warm,x\n",
        None,
        "line 3, column `b`: `warm` is not a number; leave the column out, or name it as the label column if it holds the classes",
    );
    check_error(
        "a;k\n1,5;x\n",
        None,
        "line 2, column `a`: `1,5` has a comma; write a decimal point, and nothing between thousands",
    );
    check_error(
        "a;k\n1,234,567.5;x\n",
        None,
        "line 2, column `a`: `1,234,567.5` has a comma; write a decimal point, and nothing between thousands",
    );
    check_error(
        "a,k\n1,x\ninf,x\n",
        None,
        "line 3, column `a`: `inf` is not a finite number",
    );
    check_error(
        "a,k\n1,x\n1e999,x\n",
        None,
        "line 3, column `a`: `1e999` is not a finite number",
    );
    check_error(
        "a,b,a\n1,2,x\n",
        None,
        "columns 1 and 3 are both named `a`; rename one",
    );
    check_error(
        "when,k\n2015-02-04,x\n",
        None,
        "no column is left as a feature beside the label `k`",
    );
    check_error(
        b"a,k\n1,x\n2,\xff\n",
        None,
        "line 3: this is not UTF-8 text; save the file as UTF-8",
    );
    check_error(
        b"\xff\xfea\0,\0",
        None,
        "this is UTF-16 text; save the file as UTF-8",
    );
    check_error(b"\x1f\x8b\x08", None, "this is a gzip file: unpack it first");
    check_error(b"PK\x03\x04", None, "this is a zip file: unpack it first");
    check_error(
        b"PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml",
        None,
        "this is a spreadsheet: save it as CSV",
    );
    check_error(b"ARROW1\0\0", None, "this is an Arrow file: write it as Parquet");
    for json in [
        "{\"a\":1,\"k\":2}\n{\"a\":1,\"k\":2}\n",
        "[{\"a\":1}]",
        " [\n [1,2], [3,4]]",
    ] {
        check_error(json, None, "this is JSON: write it as CSV or Parquet");
    }
    check_error(
        "a,k\n1,x\n9007199254740993,x\n",
        None,
        "line 3, column `a`: 9007199254740993 is beyond 2^53 and would lose digits; leave the column out",
    );
    check_error(
        "day,a,k\n31.12.2024,1,x\n",
        None,
        "line 2, column `day`: `31.12.2024` is not a time; write it like 2015-02-04 17:51:00",
    );
    let measured: String = (0..2_000).map(|i| format!("1,{i}\n")).collect();
    check_error(
        measured,
        None,
        "column `column_2` has more than 1000 different values and does not look like a class; name another label column",
    );
    check_error(
        "a,b,k\n1,2,x\n1,2,\"y\n1,2,x\n",
        None,
        "line 3: a cell of this row goes on over the end of the line; is there a quote (\") that nothing closes?",
    );
    let long = format!("a,k\n{},x\n", "long ".repeat(100));
    let message = read_labelled(long, None).unwrap_err().to_string();
    assert!(message.len() < 250 && message.contains("long …`"), "{message}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = read_file(Path::new("nowhere/my.csv"), None).unwrap_err();
    assert_eq!(error.to_string(), "cannot read nowhere/my.csv");
    assert!(error.source().is_some());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[0-9a-c,;\"\n\r .:/?|\t-]{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = read_labelled(text, None);
        let _ = read_labelled(bytes, Some("2"));
    }

    #[test]
    fn numbers_come_back_as_written(values in prop::collection::vec(-1e9_f64..1e9, 1..20)) {
        let text: String = values.iter().map(|v| format!("{v};c\n")).collect();
        let dataset = read(text);
        prop_assert_eq!(dataset.columns[0].values().collect::<Vec<_>>(), values);
    }
}
