//! Messages of the standards: SenML, CBOR, CloudEvents; and Runnel's own frames.
#![cfg(feature = "sensor")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sensor_common;

use protocol::sensor::SensorFormat::{Cbor, CloudEvents, Native, SenmlCbor, SenmlJson};
use protocol::sensor::*;
use sensor_common::{ARRIVED, bytes, decoded, error_of, short};
use wasm_bindgen_test::wasm_bindgen_test;

fn decoded_bytes(hex: &str) -> (Option<SensorFormat>, String) {
    let mut decoder = SensorDecoder::default();
    let events = decoder.binary(&bytes(hex), ARRIVED);
    let events = events.unwrap_or_else(|error| panic!("{error}: {hex}"));
    (decoder.format(), short(&events))
}

fn error_of_bytes(hex: &str) -> String {
    match SensorDecoder::default().binary(&bytes(hex), ARRIVED) {
        Ok(events) => panic!("taken: {hex} as {}", short(&events)),
        Err(error) => error.to_string(),
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn senml_packs_are_readings_by_time() {
    let check = |message: &str, expected: &str| {
        assert_eq!(
            decoded(message),
            (Some(SenmlJson), expected.to_owned()),
            "{message}"
        );
    };
    // The examples of RFC 8428, section 5.1.
    check(
        r#"[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]"#,
        "urn:dev:ow:10e2073a01080063=23.1 Cel",
    );
    check(
        r#"[{"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","u":"V","v":120.1},{"n":"current","u":"A","v":1.2}]"#,
        "urn:dev:ow:10e2073a01080063:voltage=120.1 V, urn:dev:ow:10e2073a01080063:current=1.2 A",
    );
    check(
        r#"[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},
            {"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3},{"n":"current","v":1.7}]"#,
        "urn:dev:ow:10e2073a0108006:current=1.2 A, @1276020071001000 Seconds | \
         urn:dev:ow:10e2073a0108006:current=1.3 A, @1276020072001000 Seconds | \
         urn:dev:ow:10e2073a0108006:voltage=120.1 V, urn:dev:ow:10e2073a0108006:current=1.7 A, @1276020076001000 Seconds",
    );
    // Small times are relative to now.
    check(
        r#"[{"bn":"a:","n":"h","v":20,"t":-1.5},{"n":"h","v":21,"t":0},{"n":"h","v":22}]"#,
        "a:h=20, @1705314600500000 SinceArrival | a:h=21 | a:h=22",
    );
    // Booleans, sums, base values, texts and data; a label.
    check(
        r#"[{"bn":"d/","bv":20,"n":"temp","v":1.5},{"n":"open","vb":true},{"n":"energy","s":7},{"n":"note","vs":"x"},
            {"n":"blob","vd":"aGk"},{"n":"label","vs":"walking"}]"#,
        "d/temp=21.5, d/open=1, d/energy.sum=7, label walking",
    );
    check(
        r#"[{"bn":"a","bt":1705314600},{"v":1}]"#,
        "a=1, @1705314600000000 Seconds",
    );
    let check =
        |message: &str, expected: &str| assert_eq!(error_of(message).to_string(), expected, "{message}");
    check(
        r#"[{"n":"a","v":"x"}]"#,
        "element 1: not senml-json: expected a finite number in `v`, got the text `x`",
    );
    check(
        r#"[{"n":"a","v":1},{"n":"b"}]"#,
        "element 2: not senml-json: `b` has no value: expected v, vb, vs, vd or s",
    );
    check(
        r#"[{"n":"a","v":1,"x_":1}]"#,
        "element 1: not senml-json: `x_` has to be understood, and is not",
    );
    check(
        r#"[{"bver":11,"n":"a","v":1}]"#,
        "element 1: not senml-json: expected at most version 10, got 11",
    );
    check(
        r#"[{"n":"","v":1}]"#,
        "element 1: not senml-json: a record has no name: expected `n` or `bn`",
    );
    check(
        r#"[{"n":"a","vs":"x"}]"#,
        "expected at least one number to be a feature; the pack has no record with a number in `v`, `vb` or `s`",
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn cbor_items_are_readings() {
    let check = |hex: &str, format: SensorFormat, expected: &str| {
        assert_eq!(decoded_bytes(hex), (Some(format), expected.to_owned()), "{hex}");
    };
    // {"temp": 21.5, "hum": 55} with a half and an integer, then with a double; [1, -2, 3.5f]; and in a sequence.
    check("a2 6474656d70 f94d60 6368756d 1837", Cbor, "temp=21.5, hum=55");
    check("a1 6474656d70 fb4035800000000000", Cbor, "temp=21.5");
    check("83 01 21 fa40600000", Cbor, "f1=1, f2=-2, f3=3.5");
    check("8101 8102", Cbor, "f1=1 | f1=2");
    check("82 a1616101 a1616102", Cbor, "a=1 | a=2");
    // Indefinite lengths, null and undefined, booleans, nesting, an integer key, self-described CBOR.
    check(
        "bf 6161 9f 01 f5 ff 6162 f6 6163 f7 ff",
        Cbor,
        "a.0=1, a.1=1, b=?, c=?",
    );
    check("bf 7f 6161 6162 ff 01 ff", Cbor, "ab=1");
    check("a1 00 05", Cbor, "0=5");
    check("d9d9f7 a1 6161 01", Cbor, "a=1");
    // Halves of RFC 8949, appendix A; a NaN is a missing value.
    check(
        "85 f90001 f90400 f97bff f9c400 f97e00",
        Cbor,
        "f1=0.00000005960464477539063, f2=0.00006103515625, f3=65504, f4=-4, f5=?",
    );
    // A decimal fraction, 273.15, and the epoch time of tag 1; byte strings are no numbers.
    check(
        "a2 6161 c4 82 21 196ab3 6174 c1 1a65a50aa8",
        Cbor,
        "a=273.15, @1705314984000000 Seconds",
    );
    check("a2 6161 01 6162 43010203", Cbor, "a=1");
    // 2^64 - 1 and -2^64.
    check(
        "82 1bffffffffffffffff 3bffffffffffffffff",
        Cbor,
        "f1=18446744073709552000, f2=-18446744073709552000",
    );
    // RFC 8428, section 6: the pack of voltage and current above, its first records.
    check(
        "82 a6 21 781b 75726e3a6465763a6f773a3130653230373361303130383030363a 22 fb41d303a15b001062 23 6141 \
         20 05 00 67 766f6c74616765 02 fb405e066666666666 a3 00 67 63757272656e74 06 24 02 fb3ff3333333333333",
        SenmlCbor,
        "urn:dev:ow:10e2073a0108006:current=1.2 A, @1276020071001000 Seconds | \
         urn:dev:ow:10e2073a0108006:voltage=120.1 A, @1276020076001000 Seconds",
    );
    // Text in a binary message is text.
    check("7b2261223a317d", SensorFormat::JsonObject, "a=1");
    check("312c32", SensorFormat::Csv, "f1=1, f2=2");
}

#[wasm_bindgen_test(unsupported = test)]
fn cbor_bombs_are_refused() {
    let check = |hex: &str, expected: &str| assert_eq!(error_of_bytes(hex), expected, "{hex}");
    check(
        "9b ffffffffffffffff",
        "not cbor: the message ends in the middle (at byte 9)",
    );
    check(
        "bb 7fffffffffffffff 6161 01",
        "not cbor: the message ends in the middle (at byte 12)",
    );
    check(
        "a1 7b 000000007fffffff",
        "not cbor: the message ends in the middle (at byte 1)",
    );
    check(&"81".repeat(100_000), "expected at most 16 levels of nesting");
    check(&"9f".repeat(100_000), "expected at most 16 levels of nesting");
    check(
        &format!("81{}", "c1".repeat(100_000)),
        "expected at most 16 levels of nesting",
    );
    check(
        "a2 6161 01 6161 02",
        "`a` occurs twice; names have to differ, nested ones after they are joined by `.`",
    );
    check(
        "82 01 f97c00",
        "expected a finite number in `f2`, got inf; for a missing value send null, or nan in lines of text",
    );
    check(
        "a1 6161 c2 41ff",
        "not cbor: numbers of tag 2 are not read; send a float (at byte 3)",
    );
    check(
        "82 01 c4 01",
        "not cbor: expected a decimal fraction of two integers (at byte 2)",
    );
    check("81 01 81 ff", "not cbor: got an unexpected break (at byte 3)");
    check(
        "03",
        "expected text (JSON, CSV, `name:value`), CBOR or a Runnel frame, got byte 0x03 at byte 0; text has to be UTF-8",
    );
    check(
        "31ff",
        "expected text (JSON, CSV, `name:value`), CBOR or a Runnel frame, got byte 0xff at byte 1; text has to be UTF-8",
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn cloud_events_carry_readings() {
    let check = |message: &str, expected: &str| {
        assert_eq!(
            decoded(message),
            (Some(CloudEvents), expected.to_owned()),
            "{message}"
        );
    };
    check(
        r#"{"specversion":"1.0","type":"com.example.reading","source":"/roof","id":"A234-1234","time":"2024-01-15T10:30:00Z",
            "datacontenttype":"application/json","data":{"temp":21.5,"hum":40}}"#,
        "temp=21.5, hum=40, @1705314600000000 Iso8601, id A234-1234",
    );
    check(
        r#"{"specversion":"1.0","type":"r","source":"/","id":"1","time":"2024-01-15T10:30:00Z","data":{"a":1,"t":1705314601,"id":"own"}}"#,
        "a=1, @1705314601000000 Seconds, id own",
    );
    check(
        r#"[{"specversion":"1.0","type":"r","source":"/","id":"1","data":[1,2]},{"specversion":"1.0","type":"r","source":"/","id":"2","data":7}]"#,
        "f1=1, f2=2, id 1 | data=7, id 2",
    );
    check(
        r#"{"specversion":"1.0","type":"l","source":"/","id":"9","data":{"id":"1","label":"up"}}"#,
        "Id(\"1\") is up",
    );
    let check =
        |message: &str, expected: &str| assert_eq!(error_of(message).to_string(), expected, "{message}");
    check(
        r#"{"specversion":"0.3","data":{"a":1}}"#,
        "not cloud-events: expected `specversion` 1.0, got the text `0.3`",
    );
    check(
        r#"{"specversion":"1.0","id":"1","data_base64":"AQ=="}"#,
        "not cloud-events: expected the reading in `data` as JSON; `data_base64` is not read",
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn frames_are_readings() {
    let check = |hex: &str, expected: &str| {
        assert_eq!(decoded_bytes(hex), (Some(Native), expected.to_owned()), "{hex}");
    };
    check("02 00 0200 0100 feff", "f1=1, f2=-2");
    check("02 01 0100 90eefeff 01000000", "f1=-70000 | f1=1");
    check("02 02 0200 000000bf 0000c07f", "f1=-0.5, f2=?");
    check("02 03 0100 9a9999999999b93f", "f1=0.1");
    check(
        "02 0e 0100 40da614ec5600600 0100 000000bf",
        "f1=-0.5, @1795250400123456 Micros, label 1",
    );
    check("02 08 0100 ffff 0500", "f1=5");
    // 2 s and 3 s since the device started.
    check(
        "02 04 0100 80841e0000000000 0500 c0c62d0000000000 0600",
        "f1=5, @1705314601000000 SinceBoot | f1=6, @1705314602000000 SinceBoot",
    );
    let check = |hex: &str, expected: &str| assert_eq!(error_of_bytes(hex), expected, "{hex}");
    check(
        "02 00 01",
        "not native: expected 4 bytes at least, got 3 (at byte 3)",
    );
    check(
        "02 10 0100 0100",
        "not native: expected flags of at most 15, got 16 (at byte 1)",
    );
    check(
        "02 00 0000",
        "not native: expected 1 to 4096 features, got 0 (at byte 2)",
    );
    check(
        "02 00 ffff 0000",
        "not native: expected 1 to 4096 features, got 65535 (at byte 2)",
    );
    check(
        "02 00 0200",
        "not native: expected readings of 4 bytes each after the header, got 0 bytes (at byte 4)",
    );
    check(
        "02 00 0200 0100 0200 0300",
        "not native: expected readings of 4 bytes each after the header, got 6 bytes (at byte 4)",
    );
    check(
        "02 02 0100 0000807f",
        "element 1: expected a finite number in `f1`, got inf; for a missing value send null, or nan in lines of text",
    );
}
