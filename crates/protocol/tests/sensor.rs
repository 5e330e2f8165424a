//! What sensors send, message by message, natively, in Node and in a browser.
#![cfg(feature = "sensor")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sensor_common;

use protocol::sensor::*;
use sensor_common::{ARRIVED, decoded, error_of, short};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = test)]
fn json_objects_are_flattened() {
    let check = |message: &str, expected: &str| {
        assert_eq!(
            decoded(message),
            (Some(SensorFormat::JsonObject), expected.to_owned()),
            "{message}"
        );
    };
    check(r#"{"temp":21.5,"hum":55.2}"#, "temp=21.5, hum=55.2");
    check(r#" {"temp" : -0.0, "gust":1e3}  "#, "temp=-0, gust=1000");
    check(
        r#"{"a":{"b":[1,{"c":2}],"d":{}},"e":true,"f":false}"#,
        "a.b.0=1, a.b.1.c=2, e=1, f=0",
    );
    check(r#"{"temp":null,"hum":40}"#, "temp=?, hum=40");
    check(r#"{"temp":21,"unit":"°C","site":{"name":"roof"}}"#, "temp=21");
    check(r#"{"\u0074emp":1,"größe":2}"#, "temp=1, größe=2");
    // Tasmota's telemetry: a time without a zone, here one hour ahead of UTC.
    check(
        r#"{"Time":"2024-01-15T11:30:01","AM2301":{"Temperature":24.6,"Humidity":58.2,"DewPoint":15.8},"TempUnit":"C"}"#,
        "AM2301.Temperature=24.6, AM2301.Humidity=58.2, AM2301.DewPoint=15.8, @1705314601000000 Iso8601",
    );
    check(
        r#"{"Time":"2024-01-15T10:30:02","ENERGY":{"TotalStartTime":"2022-09-21T10:12:33","Total":112.541,"Power":[12,0],"Voltage":231}}"#,
        "ENERGY.Total=112.541, ENERGY.Power.0=12, ENERGY.Power.1=0, ENERGY.Voltage=231, @1705314602000000 Iso8601",
    );
    // Zigbee2MQTT.
    check(
        r#"{"battery":100,"humidity":47.33,"linkquality":112,"temperature":22.45,"update":{"installed_version":16777241,"state":"idle"},"update_available":false}"#,
        "battery=100, humidity=47.33, linkquality=112, temperature=22.45, update.installed_version=16777241, update_available=0",
    );
    // SensorServer: nanoseconds since the phone started.
    check(
        r#"{"accuracy":2,"timestamp":3925657519043709,"values":[0.31892395,-0.97802734,10.049896]}"#,
        "accuracy=2, values.0=0.31892395, values.1=-0.97802734, values.2=10.049896, @1705314602000000 SinceBoot",
    );
    // Node-RED, "send payload" and "send entire message".
    check(r#"{"temp":21.5,"hum":55.2}"#, "temp=21.5, hum=55.2");
    check(
        r#"{"_msgid":"f9a1c8e5d0b7","payload":{"temp":21.5,"ts":1705314601250},"topic":"roof","_session":{"type":"websocket","id":"x"}}"#,
        "temp=21.5, @1705314601250000 Millis",
    );
    check(
        r#"{"_msgid":"f9a1c8e5d0b7","payload":21.5,"topic":""}"#,
        "payload=21.5",
    );
    check(r#"{"payload":{"temp":21.5}}"#, "payload.temp=21.5");
    // Shelly's status over its own WebSocket.
    check(
        r#"{"id":0,"aenergy":{"total":25.1,"minute_ts":1705314600},"apower":9.4,"temperature":{"tC":41.2,"tF":106.2}}"#,
        "aenergy.total=25.1, aenergy.minute_ts=1705314600, apower=9.4, temperature.tC=41.2, temperature.tF=106.2, id 0",
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn several_readings_come_in_lines_or_in_an_array() {
    let check = |message: &str, format: SensorFormat, expected: &str| {
        assert_eq!(decoded(message), (Some(format), expected.to_owned()), "{message}");
    };
    use SensorFormat::{JsonArray, JsonObject};
    check(
        "{\"a\":1}\n{\"a\":2}\r\n\n{\"b\":3}\n",
        JsonObject,
        "a=1 | a=2 | b=3",
    );
    check("{\n  \"a\": 1,\n  \"b\": [2]\n}\n", JsonObject, "a=1, b.0=2");
    check(r#"[{"a":1},{"a":2}]"#, JsonObject, "a=1 | a=2");
    check("[{\"a\":1},\n {\"a\":2}]", JsonObject, "a=1 | a=2");
    check("[1,2.5,null]", JsonArray, "f1=1, f2=2.5, f3=?");
    check("[1,[2,3]]", JsonArray, "f1=1, f2.0=2, f2.1=3");
    check("[[1,2],[3,4]]", JsonArray, "f1=1, f2=2 | f1=3, f2=4");
    check("[1]\n[2]", JsonArray, "f1=1 | f1=2");
    check("\u{feff}[true]", JsonArray, "f1=1");
}

#[wasm_bindgen_test(unsupported = test)]
fn reserved_words_say_time_label_and_id() {
    let check = |message: &str, expected: &str| assert_eq!(decoded(message).1, expected, "{message}");
    check(r#"{"t":1705314600.5,"a":1}"#, "a=1, @1705314600500000 Seconds");
    check(r#"{"TS":1705314600123,"a":1}"#, "a=1, @1705314600123000 Millis");
    check(
        r#"{"timestamp":"2024-01-15T10:30:00+00:00","a":1}"#,
        "a=1, @1705314600000000 Iso8601",
    );
    check(r#"{"time":null,"a":1}"#, "a=1");
    check(r#"{"label":"walking","a":1}"#, "a=1, label walking");
    check(r#"{"Class":3,"a":1}"#, "a=1, label 3");
    check(r#"{"target":3.0,"a":1}"#, "a=1, label 3");
    check(r#"{"y":true,"a":1,"id":"a7"}"#, "a=1, label true, id a7");
    check(r#"{"label":"","a":1,"seq":17}"#, "a=1, id 17");
    check(r#"{"label":null,"a":1,"seq":17,"id":"b"}"#, "a=1, id b");
    // An accelerometer: `y` is an axis beside `x`. And T is a temperature.
    check(r#"{"x":0.1,"y":9.8,"z":0.2}"#, "x=0.1, y=9.8, z=0.2");
    check(r#"{"T":21.5,"Y":3}"#, "T=21.5, Y=3");
    // Only at the top, and only texts and numbers.
    check(r#"{"a":{"t":1,"y":2,"id":3}}"#, "a.t=1, a.y=2, a.id=3");
    check(
        r#"{"target":{"temp":21},"id":[1,2]}"#,
        "target.temp=21, id.0=1, id.1=2",
    );
    // Labels that come later.
    check(r#"{"op":"y","seq":650,"y":"walking"}"#, "Seq(650) is walking");
    check(r#"{"id":"a7","label":"walking"}"#, "Id(\"a7\") is walking");
    check(r#"{"op":"y","id":7,"y":2,"late_s":0.5}"#, "Id(\"7\") is 2");
    check(
        "{\"a\":1,\"id\":1}\n{\"id\":1,\"y\":\"up\"}",
        "a=1, id 1 | Id(\"1\") is up",
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn json_errors_say_what_to_do() {
    let check = |message: &str, code: &str, expected: &str| {
        let error = error_of(message);
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (code, expected),
            "{message}"
        );
    };
    check("", "malformed", "expected a reading, got an empty message");
    check(" \n", "malformed", "expected a reading, got an empty message");
    check(
        r#"{"temp":21.5"#,
        "malformed",
        "not JSON: EOF while parsing an object (line 1, column 12)",
    );
    check(
        r#"{"temp":NaN}"#,
        "malformed",
        "not JSON: JSON has no NaN or infinity; send null for a missing value (line 1, column 9)",
    );
    check(
        r#"{"a":-Infinity}"#,
        "malformed",
        "not JSON: JSON has no NaN or infinity; send null for a missing value (line 1, column 7)",
    );
    check(
        r#"{"a":1e999}"#,
        "malformed",
        "not JSON: number out of range (line 1, column 10)",
    );
    check(
        r#"{"a":1} x"#,
        "malformed",
        "not JSON: trailing characters (line 1, column 9)",
    );
    check(
        "{\"a\":1}\n{\"a\":}",
        "malformed",
        "line 2: not JSON: expected value (line 1, column 6)",
    );
    check(
        r#"{"temp":"21.5"}"#,
        "bad-value",
        "expected a number in `temp`, got the text `21.5`; send numbers without quotes, and put no digits alone into a text",
    );
    check(
        r#"{"a":1,"a":2}"#,
        "bad-value",
        "`a` occurs twice; names have to differ, nested ones after they are joined by `.`",
    );
    check(
        r#"{"a.b":1,"a":{"b":2}}"#,
        "bad-value",
        "`a.b` occurs twice; names have to differ, nested ones after they are joined by `.`",
    );
    check(
        r#"{"t":1,"time":2,"a":1}"#,
        "bad-value",
        "`t` and `time` both say the time; send one of them, or rename the one that is a measurement",
    );
    check(
        r#"{"y":1,"label":2,"a":1}"#,
        "bad-value",
        "`y` and `label` both say the true label; send one of them, or rename the one that is a measurement",
    );
    check(
        r#"{"time":"12:30","a":1}"#,
        "bad-value",
        "expected a time in `time` (seconds, milliseconds, microseconds or nanoseconds since 1970 or since the device \
         started, or ISO 8601), got the text `12:30`; rename it if it is no time",
    );
    check(
        r#"{"seq":-1,"a":1}"#,
        "bad-value",
        "expected a whole number from 0 on in `seq`, got -1",
    );
    check(
        &format!(r#"{{"id":"{}","a":1}}"#, "x".repeat(300)),
        "too-large",
        "expected at most 256 bytes in `id`, got 300",
    );
    check(
        "21,5;40,2\n21,6;40,1",
        "bad-value",
        "line 1: expected a number in `f1`, got the text `21,5`; numbers have a decimal point and no unit; a column of texts \
         is `label` in a header",
    );
    check(
        r#"{"y":5}"#,
        "bad-value",
        "expected at least one number to be a feature; a label for an earlier reading comes with that reading's `id` or `seq`",
    );
    check(
        r#"{"name":"roof"}"#,
        "bad-value",
        "expected at least one number to be a feature; texts, and what `t`, `y`, `id` and the like name, are none",
    );
    check(r#"[{"a":1},7]"#, "malformed", "element 2: not json-object: got 7");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_too_large_is_refused() {
    let check = |message: &str, code: &str, expected: &str| {
        let error = error_of(message);
        assert_eq!((error.code(), error.to_string().as_str()), (code, expected));
    };
    let nested = |n: usize| format!("{{\"a\":{}1{}}}", "[".repeat(n), "]".repeat(n));
    assert_eq!(decoded(&nested(15)).1, format!("a{}=1", ".0".repeat(15)));
    check(&nested(16), "too-large", "expected at most 16 levels of nesting");
    check(
        &"[".repeat(100_000),
        "too-large",
        "expected at most 16 levels of nesting",
    );
    let keys = |n: usize| {
        let fields: Vec<String> = (0..n).map(|n| format!("\"k{n}\":{n}")).collect();
        format!("{{{}}}", fields.join(","))
    };
    assert!(decoded(&keys(4096)).1.ends_with("k4095=4095"));
    check(
        &keys(4097),
        "too-large",
        "expected at most 4096 features a reading",
    );
    check(
        &keys(100_000),
        "too-large",
        "expected at most 1048576 bytes a message, got 1477781; send fewer readings at once, or names that are shorter",
    );
    let zeros = format!("[{}0]", "0,".repeat(300_000));
    check(
        &zeros,
        "too-large",
        "expected at most 262144 values a message; send fewer readings at once",
    );
    let lines = "[[0,0,0,0,0,0,0,0],[0,0,0,0,0,0,0,0]]\n".repeat(27_000);
    check(
        &lines,
        "too-large",
        "line 13798: expected at most 262144 values a message; send fewer readings at once",
    );
    // A long name is repeated in all the names within it.
    let long = format!("{{\"{}\":[1,2,3]}}", "n".repeat(255));
    let name = format!("{}…", "n".repeat(60));
    let expected =
        format!("expected a name of at most 256 bytes (nested names are joined by `.`), got `{name}`");
    check(&long, "too-large", &expected);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_format_is_pinned_after_three_messages() {
    let mut decoder = SensorDecoder::default();
    assert_eq!((decoder.format(), decoder.is_pinned()), (None, false));
    let mut take = |message: &str| {
        let result = decoder.text(message, ARRIVED).map(|events| short(&events));
        (result, decoder.format(), decoder.is_pinned())
    };
    use SensorFormat::{JsonArray, JsonObject};
    assert_eq!(take("[1]"), (Ok("f1=1".to_owned()), Some(JsonArray), false));
    assert_eq!(take("[1]"), (Ok("f1=1".to_owned()), Some(JsonArray), false));
    assert_eq!(take("{\"a\":1}"), (Ok("a=1".to_owned()), Some(JsonObject), false));
    assert!(!take("{\"a\":2}").2);
    assert!(take("{\"a\":").0.is_err());
    assert_eq!(take("{\"a\":3}"), (Ok("a=3".to_owned()), Some(JsonObject), true));
    let changed = SensorError::FormatChanged {
        expected: JsonObject,
        actual: JsonArray,
    };
    assert_eq!(
        changed.to_string(),
        "expected json-object as before, got json-array; open another connection, or another source, for another format"
    );
    assert_eq!(take("[1]"), (Err(changed), Some(JsonObject), true));
    assert_eq!(take("{\"a\":4}").0, Ok("a=4".to_owned()));

    let options = DecoderOptions {
        format: Some(JsonArray),
        ..DecoderOptions::default()
    };
    let mut declared = SensorDecoder::new(options);
    assert_eq!((declared.format(), declared.is_pinned()), (Some(JsonArray), true));
    assert!(declared.text("{\"a\":1}", ARRIVED).is_err());
    assert!(declared.text("[1]", ARRIVED).is_ok());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_message_counts_as_a_whole() {
    let mut decoder = SensorDecoder::default();
    decoder.text(r#"{"ms":1,"t":1000}"#, ARRIVED).unwrap();
    let mut refused = decoder.clone();
    let message = "{\"ms\":1,\"t\":900000,\"name\":\"x\"}\n{\"ms\":\"2\"}";
    let error = refused.text(message, ARRIVED + 1_000_000).unwrap_err();
    assert!(
        error.to_string().starts_with("line 2: expected a number in `ms`"),
        "{error}"
    );
    assert_eq!(
        format!("{refused:?}"),
        format!("{decoder:?}"),
        "an error leaves no trace"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn ignored_texts_are_counted() {
    let mut decoder = SensorDecoder::default();
    decoder
        .text(r#"{"a":1,"unit":"C","site":{"name":"roof"}}"#, ARRIVED)
        .unwrap();
    decoder.text(r#"{"a":1,"unit":"C"}"#, ARRIVED).unwrap();
    let names = ["unit".to_owned(), "site.name".to_owned()];
    assert_eq!(decoder.ignored_texts(), (3, &names[..]));
}

#[wasm_bindgen_test(unsupported = test)]
fn format_names_can_be_read_again() {
    for format in SensorFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "JSON".parse::<SensorFormat>().unwrap_err().to_string();
    for format in SensorFormat::ALL {
        assert!(error.contains(format.name()), "{error}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn late_labels_go_with_every_format() {
    let mut decoder = SensorDecoder::default();
    for _ in 0..3 {
        decoder.text("1,2", ARRIVED).unwrap();
    }
    let mut take = |message: &str| {
        let result = decoder.text(message, ARRIVED).map(|events| short(&events));
        (result, decoder.format())
    };
    let csv = Some(SensorFormat::Csv);
    let label = r#"{"seq":1,"y":"up"}"#;
    assert_eq!(take(label), (Ok("Seq(1) is up".to_owned()), csv));
    let changed = SensorError::FormatChanged {
        expected: SensorFormat::Csv,
        actual: SensorFormat::JsonObject,
    };
    assert_eq!(take(&format!("{label}\n{{\"a\":1}}")), (Err(changed), csv));
    assert_eq!(take("3,4"), (Ok("f1=3, f2=4".to_owned()), csv));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_declared_format_is_not_taken_for_a_special_case() {
    let message = r#"[{"n":"a","v":1}]"#;
    assert_eq!(
        decoded(message),
        (Some(SensorFormat::SenmlJson), "a=1".to_owned())
    );
    let options = DecoderOptions {
        format: Some(SensorFormat::JsonObject),
        ..DecoderOptions::default()
    };
    let events = SensorDecoder::new(options).text(message, ARRIVED).unwrap();
    assert_eq!(short(&events), "v=1");
}
