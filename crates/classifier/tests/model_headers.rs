//! Headers of model files are judged as by the `safetensors` crate: none is taken that it refuses, and what it writes is taken.

mod common;
#[path = "common/files.rs"]
mod files;

use classifier::{Knn, ModelFileError, Preparation};
use common::Random;
use files::model;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use wasm_bindgen_test::wasm_bindgen_test;

/// Whether the container was found in order, whatever it holds.
fn is_container(bytes: &[u8]) -> bool {
    !matches!(Knn::from_bytes(bytes), Err(ModelFileError::Container { .. }))
}

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

const DTYPES: [Dtype; 22] = [
    Dtype::BOOL,
    Dtype::F4,
    Dtype::F6_E2M3,
    Dtype::F6_E3M2,
    Dtype::U8,
    Dtype::I8,
    Dtype::F8_E5M2,
    Dtype::F8_E4M3,
    Dtype::F8_E8M0,
    Dtype::F8_E4M3FNUZ,
    Dtype::F8_E5M2FNUZ,
    Dtype::I16,
    Dtype::U16,
    Dtype::F16,
    Dtype::BF16,
    Dtype::I32,
    Dtype::U32,
    Dtype::F32,
    Dtype::C64,
    Dtype::F64,
    Dtype::I64,
    Dtype::U64,
];

#[wasm_bindgen_test(unsupported = test)]
fn containers_of_every_type_are_taken() {
    let mut random = Random(41);
    for round in 0..300 {
        let tensors: Vec<(String, Dtype, Vec<usize>)> = (0..random.below(6))
            .map(|idx| {
                let dtype = DTYPES[if round < 22 {
                    round
                } else {
                    random.below(DTYPES.len())
                }];
                let mut shape: Vec<usize> = (0..random.below(4)).map(|_| random.below(4)).collect();
                // Whole bytes, whatever the type.
                shape.push(8);
                (format!("tensor \"{idx}\""), dtype, shape)
            })
            .collect();
        let bytes = vec![0; 64 * 27 * 8];
        let views = tensors.iter().map(|(name, dtype, shape)| {
            let n_bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            let view = TensorView::new(*dtype, shape.clone(), &bytes[..n_bytes]).expect("of that length");
            (name, view)
        });
        let metadata = [("by".to_owned(), "others".to_owned())].into();
        let written =
            safetensors::serialize(views, Some(metadata)).expect("tensors of the length that they say");
        assert!(is_container(&written), "{tensors:?}");
        assert!(
            !is_container(&written[..written.len() - 1]) && !is_container(&[&written[..], &[0]].concat())
        );
    }
}

/// What may stand in each place of a header.
const PIECES: [&str; 36] = [
    "\"U8\"",
    "\"F4\"",
    "\"C64\"",
    "\"U9\"",
    "\"labels\"",
    "\"short\"",
    "\"dtype\"",
    "\"shape\"",
    "\"data_offsets\"",
    "\"__metadata__\"",
    "\"runnel\"",
    "\"crc32\"",
    "0",
    "1",
    "2",
    "8",
    "130",
    "-1",
    "1.0",
    "4294967296",
    "18446744073709551615",
    "99999999999999999999",
    "null",
    "true",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "[0,0]",
    "[0,2,4]",
    "{}",
    "[]",
    "\"\\u0053\"",
    " ",
];

#[wasm_bindgen_test(unsupported = test)]
fn no_header_is_taken_that_safetensors_refuses() {
    let mut random = Random(43);
    let (_, _, _, written) = model(Preparation::Standard);
    let length = u64::from_le_bytes(*written.first_chunk().expect("eight bytes")) as usize;
    let (header, data) = written[8..].split_at(length);
    let header = std::str::from_utf8(header).expect("UTF-8");
    let small = r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"shape":[],"dtype":"U16","data_offsets":[2,4],"c":[{}]}}"#;
    let (mut n_taken, mut n_refused) = (0, 0);
    for round in 0..30_000 {
        let (header, data) = if round % 2 == 0 {
            (header, data)
        } else {
            (small, &[0; 4][..])
        };
        // Words and punctuation, each whole.
        let mut words: Vec<&str> = Vec::new();
        let mut rest = header;
        while !rest.is_empty() {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let n = match rest.strip_prefix('"') {
                Some(string) => 2 + string.find('"').unwrap_or(string.len() - 1),
                None => rest.find(|c| !is_word(c)).unwrap_or(rest.len()).max(1),
            };
            let (word, other) = rest.split_at_checked(n).unwrap_or((rest, ""));
            words.push(word);
            rest = other;
        }
        for _ in 0..1 + random.below(2) {
            let at = random.below(words.len());
            let piece = PIECES[random.below(PIECES.len())];
            match random.below(4) {
                0 => words[at] = piece,
                1 => words.insert(at, piece),
                2 => drop(words.remove(at)),
                _ => {
                    let other = random.below(words.len());
                    words.swap(at, other);
                }
            }
        }
        let bytes = file(&words.concat(), data);
        if is_container(&bytes) {
            n_taken += 1;
            let theirs = SafeTensors::deserialize(&bytes);
            assert!(theirs.is_ok(), "{:?} for {}", theirs.err(), words.concat());
        } else {
            n_refused += 1;
        }
    }
    assert!(
        n_taken > 500 && n_refused > 10_000,
        "{n_taken} taken, {n_refused} refused"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_wrong_with_a_header_is_said() {
    let check = |header: &str, data: &[u8], message: &str| {
        let error = Knn::from_bytes(&file(header, data))
            .expect_err(message)
            .to_string();
        assert!(
            error.starts_with("expected a safetensors file, but ") && error.contains(message),
            "{error}"
        );
    };
    let tensor = |name: &str, shape: &str, start: usize, end: usize| {
        format!(r#""{name}":{{"dtype":"U16","shape":{shape},"data_offsets":[{start},{end}]}}"#)
    };
    let object = |entries: &[String]| format!("{{{}}}", entries.join(","));
    check("", &[], "its JSON has no object at byte 0");
    check("{} {}", &[], "its JSON has no end at byte 3");
    check("{}", &[0], "its tensors take 0 bytes, and there are 1");
    check(
        r#"{"a":{"dtype":"X9","shape":[],"data_offsets":[0,2]}}"#,
        &[0; 2],
        "unknown type `X9`",
    );
    check(
        r#"{"a":{"dtype":"U16","shape":[]}}"#,
        &[0; 2],
        "tensor `a` has no type, shape or two offsets",
    );
    check(
        &object(&[tensor("a", "[1]", 0, 4)]),
        &[0; 4],
        "tensor `a` is not where or as long",
    );
    check(
        &object(&[tensor("a", "[1]", 2, 4)]),
        &[0; 4],
        "tensor `a` is not where or as long",
    );
    let huge = tensor("a", "[4294967295,4294967295,4294967295]", 0, 2);
    check(&object(&[huge]), &[0; 2], "tensor `a` is not where or as long");
    let twice = [tensor("a", "[1]", 0, 2), tensor("a", "[1]", 2, 4)];
    check(&object(&twice), &[0; 4], "it has two tensors `a`");
    let apart = [tensor("a", "[1]", 0, 2), tensor("b", "[1]", 4, 6)];
    check(&object(&apart), &[0; 6], "tensor `b` is not where or as long");
    let many: Vec<String> = (0..1001)
        .map(|idx| tensor(&idx.to_string(), "[0]", 0, 0))
        .collect();
    check(&object(&many), &[], "more than 1000 tensors");
    let long = tensor(&"a".repeat(257), "[0]", 0, 0);
    check(&object(&[long]), &[], "a tensor with a name of 257 bytes");
    check(
        r#"{"__metadata__":{"runnel":"","runnel":""}}"#,
        &[],
        "two entries `runnel`",
    );
    check(
        r#"{"__metadata__":{"by":1}}"#,
        &[],
        "its JSON has no string at byte 22",
    );
    let not_utf8 = [&2_u64.to_le_bytes()[..], b"\"\xff"].concat();
    let error = Knn::from_bytes(&not_utf8).expect_err("not UTF-8").to_string();
    assert_eq!(error, "expected a safetensors file, but its header is not UTF-8");
}
