//! Lines of text, as sketches, shells and spreadsheets write them.
#![cfg(feature = "sensor")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sensor_common;

use protocol::sensor::SensorFormat::{Csv, LabelValue};
use protocol::sensor::*;
use sensor_common::{ARRIVED, decoded, error_of, short};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = test)]
fn rows_are_readings() {
    let check = |message: &str, expected: &str| {
        assert_eq!(decoded(message), (Some(Csv), expected.to_owned()), "{message}");
    };
    check("1023", "f1=1023");
    check("17334,2811\n", "f1=17334, f2=2811");
    check("1, -2.5, .5, 1e3\r\n", "f1=1, f2=-2.5, f3=0.5, f4=1000");
    check("1;2;3", "f1=1, f2=2, f3=3");
    check("1\t2\t3", "f1=1, f2=2, f3=3");
    check("  1   2 3", "f1=1, f2=2, f3=3");
    check("1,2,3,", "f1=1, f2=2, f3=3");
    check("1,,3", "f1=1, f2=?, f3=3");
    check("1,nan,NaN", "f1=1, f2=?, f3=?");
    check("1,2\n3,4\n\n5,6\n", "f1=1, f2=2 | f1=3, f2=4 | f1=5, f2=6");
    check("#\n1,2", "f1=1, f2=2");
    check("1,2,\n3,", "f1=1, f2=2 | f1=3, f2=?");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_header_counts_once_a_row_as_wide_follows() {
    let check = |message: &str, expected: &str| {
        assert_eq!(decoded(message), (Some(Csv), expected.to_owned()), "{message}");
    };
    check("temp,hum\n21.5,40\n22,\n", "temp=21.5, hum=40 | temp=22, hum=?");
    check("temp,hum,\n21.5,40,\n", "temp=21.5, hum=40");
    check("\"air temp\",\"a \"\"b\"\"\"\n1,2", "air temp=1, a \"b\"=2");
    check("# ax ay\n1 2", "ax=1, ay=2");
    check("x,y,z\n1,2,3", "x=1, y=2, z=3");
    check(
        "ts;ax;label;id\n1705314600.5;0.5;walking;a7\n1705314601;0.25;;",
        "ax=0.5, @1705314600500000 Seconds, label walking, id a7 | ax=0.25, @1705314601000000 Seconds",
    );
    check("time,a\n2024-01-15T10:30:00Z,1", "a=1, @1705314600000000 Iso8601");
    check("a,label\n1,\"sitting, still\"", "a=1, label sitting, still");
    check("id,label\na7,walking", "Id(\"a7\") is walking");
    // A header of another width, or none at all, is no header.
    check("hello\n1,2", "f1=1, f2=2");
    check("booting up now\ntemp,hum\n1,2", "temp=1, hum=2");
}

#[wasm_bindgen_test(unsupported = test)]
fn headers_last_from_message_to_message() {
    let mut decoder = SensorDecoder::default();
    let mut take = |message: &str| decoder.text(message, ARRIVED).map(|events| short(&events));
    assert_eq!(take("temp,hum"), Ok(String::new()));
    assert_eq!(take("1,2"), Ok("temp=1, hum=2".to_owned()));
    assert_eq!(take("3,4"), Ok("temp=3, hum=4".to_owned()));
    // The device starts again, or with other names.
    assert_eq!(take("temp,hum"), Ok(String::new()));
    assert_eq!(take("5,6"), Ok("temp=5, hum=6".to_owned()));
    let error = take("7,8,9").unwrap_err();
    assert_eq!(error.to_string(), "line 1: expected 2 columns as before, got 3");
    assert_eq!(take("a,b,c"), Ok(String::new()));
    assert_eq!(take("7,8,9"), Ok("a=7, b=8, c=9".to_owned()));
    // A line of text that no row follows is ignored, and counted.
    assert_eq!(take("watchdog reset"), Ok(String::new()));
    assert_eq!(take("7,8,9"), Ok("a=7, b=8, c=9".to_owned()));
    assert_eq!(decoder.ignored_texts(), (1, &["watchdog reset".to_owned()][..]));
}

#[wasm_bindgen_test(unsupported = test)]
fn pairs_are_readings() {
    let check = |message: &str, expected: &str| {
        assert_eq!(
            decoded(message),
            (Some(LabelValue), expected.to_owned()),
            "{message}"
        );
    };
    // Arduino's plotter, with each of its separators.
    check("a:512", "a=512");
    check("temp:21.5,hum:40\r\n", "temp=21.5, hum=40");
    check("temp:21.5\thum:40", "temp=21.5, hum=40");
    check("temp:21.5 hum:40", "temp=21.5, hum=40");
    check("temp: 21.5  hum: 40 ", "temp=21.5, hum=40");
    check("temp: 21.5, hum: nan,", "temp=21.5, hum=?");
    check(
        "Min:0,Max:1023,A0:512\nMin:0,Max:1023,A0:513",
        "Min=0, Max=1023, A0=512 | Min=0, Max=1023, A0=513",
    );
    check(
        "ax:1,t:1705314600123,label:walking",
        "ax=1, @1705314600123000 Millis, label walking",
    );
    check("x:1,y:2,z:3", "x=1, y=2, z=3");
    check("seq:650,y:walking", "Seq(650) is walking");
    // Teleplot's own examples, and values that belong together.
    check(">myValue:1234", "myValue=1234");
    check(">myValue:1234\n>other:12\n", "myValue=1234, other=12");
    check(
        ">myValue:1705314600000:1234",
        "myValue=1234, @1705314600000000 Millis",
    );
    check(
        ">a:1705314601000:1;1705314600000:2\n>b:1705314600000:3",
        "a=2, b=3, @1705314600000000 Millis | a=1, @1705314601000000 Millis",
    );
    check(">a:1;2;3", "a=1 | a=2 | a=3");
    check(
        ">temp:21.5§°C|g\n>:a line for the log\n>state:open|t",
        "temp=21.5 °C",
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn errors_of_lines_say_what_to_do() {
    let check =
        |message: &str, expected: &str| assert_eq!(error_of(message).to_string(), expected, "{message}");
    check(
        "1,2,walking",
        "line 1: expected a number in `f3`, got the text `walking`; numbers have a decimal point and no unit; \
         a column of texts is `label` in a header",
    );
    check(
        "21,5;40",
        "line 1: expected a number in `f1`, got the text `21,5`; numbers have a decimal point and no unit; \
         a column of texts is `label` in a header",
    );
    check("1,2\n1,2,3", "line 2: expected 2 columns as before, got 3");
    check(
        "1,inf",
        "line 1: expected a finite number in `f2`, got inf; for a missing value send null, or nan in lines of text",
    );
    check(
        "a,a\n1,2",
        "line 1: `a` occurs twice; names have to differ, nested ones after they are joined by `.`",
    );
    check(
        "temp:21.5C",
        "line 1: expected a number in `temp`, got the text `21.5C`; numbers have a decimal point and no unit",
    );
    check("a:1,2", "line 1: not label-value: expected name:value, got `2`");
    check(
        "a:1,a:2",
        "line 1: `a` occurs twice; names have to differ, nested ones after they are joined by `.`",
    );
    check(
        "a:1,:2",
        "line 1: not label-value: expected a name before `:`, got `:2`",
    );
    check(
        ">a",
        "line 1: not label-value: expected >name:value or >name:milliseconds:value, got `a`",
    );
    check(
        ">p:1:2:3|xy",
        "line 1: not label-value: expected >name:value or >name:milliseconds:value, got `p:1:2:3|xy`",
    );
    check(
        "label:walking",
        "line 1: expected at least one number to be a feature; a label for an earlier reading comes with that \
         reading's `id` or `seq`",
    );
    let wide = vec!["1"; 4097].join(",");
    check(&wide, "line 1: expected at most 4096 features a reading");
}
