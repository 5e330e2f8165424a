//! serde_json is the oracle: what it takes is taken, with the same values, and what it refuses is refused.

use serde_json::Value;

use super::{MAX_DEPTH, Reader, Result, write_number, write_string};
use crate::random::Random;

/// What `value` makes of a text.
fn read<'a, T>(text: &'a str, value: impl Fn(&mut Reader<'a>) -> Result<T>) -> Result<T> {
    let mut result = None;
    Reader::read(text, &mut |reader| {
        result = Some(value(reader)?);
        Ok(())
    })?;
    Ok(result.expect("there was a value"))
}

/// Any bits that are a finite number, or one with few digits.
fn number(random: &mut Random) -> f64 {
    let number = match random.below(3) {
        0 => random.below(2000) as f64 - 1000.0,
        1 => (random.below(200_000) as f64 - 1e5) * 10_f64.powi(random.below(50) as i32 - 25),
        _ => f64::from_bits(random.next()),
    };
    if number.is_finite() { number } else { -0.0 }
}

fn value(reader: &mut Reader<'_>) -> Result<Value> {
    match reader.peek() {
        Some(b'{') => {
            let mut map = serde_json::Map::new();
            reader.object(&mut |reader, key| {
                map.insert(key.to_owned(), value(reader)?);
                Ok(())
            })?;
            Ok(map.into())
        }
        Some(b'[') => reader.list_of(value).map(Value::from),
        Some(b'"') => reader.string().map(Value::from),
        Some(b't' | b'f') => reader.boolean().map(Value::from),
        Some(b'n') => Ok(reader.option(Reader::number)?.into()),
        _ => reader.number().map(Value::from),
    }
}

/// Numbers as f64, as ours are.
fn as_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(as_floats).collect(),
        Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, item)| (key, as_floats(item)))
                .collect(),
        ),
        other => other,
    }
}

/// Says whether the text was taken.
fn check(text: &str) -> bool {
    let ours = read(text, value);
    let is_out_of_range = ours.as_ref().is_err_and(|reason| reason.contains("that fits"));
    let ours = ours.ok();
    let theirs = serde_json::from_str(text).ok().map(as_floats);
    // Down to the sign of a zero, which equality of numbers does not see.
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{text:?}");
    let skipped = read(text, Reader::skip);
    // A number that is passed over has no value that could be out of range.
    if !is_out_of_range {
        assert_eq!(skipped.is_ok(), ours.is_some(), "{text:?}: {skipped:?}");
    }
    ours.is_some()
}

/// A text that is valid.
fn valid(random: &mut Random, depth: usize) -> String {
    const STRINGS: [&str; 8] = [
        "\"\"",
        "\"a b\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u00e9\\ud83d\\ude00\\u0000\"",
        "\"ünï \u{7f}\u{2028}😀\"",
        "true",
        "false",
        "null",
    ];
    let n = random.below(4);
    let parts = |random: &mut Random, key: bool| {
        let parts: Vec<String> = (0..n)
            .map(|idx| {
                let value = valid(random, depth + 1);
                if key { format!("\"{idx}\" :{value}") } else { value }
            })
            .collect();
        parts.join(", ")
    };
    match random.below(if depth < 4 { 4 } else { 2 }) {
        0 => STRINGS[random.below(STRINGS.len())].to_owned(),
        1 if random.below(2) == 0 => format!("{:e}", number(random)),
        1 => {
            let mut text = String::new();
            write_number(&mut text, number(random));
            text
        }
        2 => format!("[{}]", parts(random, false)),
        _ => format!("{{\n{}\t}}", parts(random, true)),
    }
}

#[test]
fn texts_are_taken_and_refused_as_by_serde_json() {
    const PIECES: [&str; 40] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\"a\"",
        "0",
        "1",
        "-",
        "-0",
        "+",
        ".",
        "e",
        "E",
        "e5",
        "1E400",
        "1e-400",
        "0.5",
        "01",
        "9007199254740993",
        "18446744073709551616",
        "true",
        "nul",
        "null",
        " ",
        "\r\n",
        "\u{1}",
        "\u{b}",
        "é",
        "\\u00e9",
        "\\ud83d",
        "\\ude00",
        "\\ud83d\\ud83d",
        "\\u12",
        "\\x",
        "[]",
        "{}",
    ];
    let mut random = Random(1);
    let mut n_taken = 0;
    for _ in 0..20_000 {
        let text = valid(&mut random, 0);
        assert!(check(&text), "{text}");
        let characters: Vec<char> = text.chars().collect();
        let (at, n) = (random.below(characters.len()), random.below(3));
        let rest = characters.iter().skip(at + n);
        let piece = PIECES[random.below(PIECES.len())];
        let edited = characters[..at]
            .iter()
            .copied()
            .chain(piece.chars())
            .chain(rest.copied());
        n_taken += usize::from(check(&edited.collect::<String>()));
        let pieces: String = (0..random.below(6))
            .map(|_| PIECES[random.below(PIECES.len())])
            .collect();
        check(&pieces);
    }
    assert!((2_000..18_000).contains(&n_taken), "{n_taken}");
}

#[test]
fn nesting_has_an_end() {
    let nested = |n: usize| ["[".repeat(n), "]".repeat(n)].concat();
    assert!(check(&nested(MAX_DEPTH)));
    assert!(!check(&nested(MAX_DEPTH + 1)));
    assert!(!check(&"[".repeat(1_000_000)));
    assert!(!check(&"{\"\":".repeat(1_000_000)));
}

#[test]
fn numbers_that_are_passed_over_have_no_value() {
    assert_eq!(read("[1e999, -0.5E-999]", Reader::skip), Ok(()));
    assert!(read("1e999", Reader::number).is_err() && read("1e", Reader::skip).is_err());
}

#[test]
fn what_is_written_comes_back() {
    let mut random = Random(2);
    for _ in 0..50_000 {
        let number = number(&mut random);
        let mut text = String::new();
        write_number(&mut text, number);
        let theirs: f64 = serde_json::from_str(&text).expect("a number");
        assert_eq!(theirs.to_bits(), number.to_bits(), "{text}");
        let ours = read(&text, Reader::number).expect("a number");
        assert_eq!(ours.to_bits(), number.to_bits(), "{text}");
        assert_eq!(text, serde_json::to_string(&number).expect("finite"));
        assert!(text.contains(['.', 'e']), "{text} looks like an integer");

        let string: String = (0..random.below(9))
            .filter_map(|_| {
                let end = [0x80, 0x2_0000][random.below(2)];
                char::from_u32(random.below(end) as u32)
            })
            .collect();
        text.clear();
        write_string(&mut text, &string);
        assert_eq!(text, serde_json::to_string(&string).expect("a string"));
        assert_eq!(read(&text, Reader::string), Ok(string));
    }
}

#[test]
fn integers_are_digits_in_range() {
    for (text, integer) in [
        ("0", Some(0)),
        (" 17 ", Some(17)),
        ("4294967295", Some(4_294_967_295)),
    ] {
        assert_eq!(read(text, Reader::integer).ok(), integer);
    }
    for text in [
        "-1",
        "-0",
        "1.0",
        "1e2",
        "18446744073709551616",
        "",
        "\"1\"",
        "null",
    ] {
        assert!(read(text, Reader::integer).is_err(), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = |text| read(text, value).expect_err("not JSON");
    assert_eq!(error("[1, x]"), "its JSON has no value at byte 4");
    assert_eq!(error("{\"a\" 1}"), "its JSON has no colon at byte 5");
    assert_eq!(error("[1] 2"), "its JSON has no end at byte 4");
}
