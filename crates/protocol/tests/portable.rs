//! Tests that hold wherever the protocol runs: natively, in Node and in a browser.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use protocol::*;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = test)]
fn golden_batch_decodes_to_its_readings() {
    let bytes = include_bytes!("golden/batch.bin");
    let header = BatchHeader::decode(bytes).unwrap();
    let expected = BatchHeader {
        channel: 1,
        revision: 1,
        first_seq: 41,
        written_micros: 1_795_250_400_125_000,
        n_readings: 3,
    };
    assert_eq!(header, expected);
    assert_eq!(header.next_seq(), 44);

    let layout = RecordLayout::of_schema(&common::replay_schema());
    let batch = ReadingBatch::decode(bytes, &layout).unwrap();
    assert_eq!(
        (batch.len(), batch.is_empty(), batch.header()),
        (3, false, expected)
    );
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let mut features = Vec::new();
    for (idx, ((sent_micros, true_label, values), record)) in
        common::batch_rows().into_iter().zip(batch.readings()).enumerate()
    {
        let head = RecordHead {
            seq: 41 + idx as u64,
            sent_micros,
            sensor_micros: None,
            true_label,
        };
        assert_eq!(batch.read(idx, &mut features), head);
        assert_eq!(bits(&features), bits(&values));
        assert_eq!(record.read(&mut features), head);
        assert_eq!(bits(&features), bits(&values));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn reading_a_batch_reuses_the_buffer() {
    let layout = RecordLayout::of_schema(&common::replay_schema());
    let bytes = common::batch_bytes();
    let batch = ReadingBatch::decode(&bytes, &layout).unwrap();
    let mut features = Vec::with_capacity(layout.n_features());
    let buffer = features.as_ptr();
    for idx in 0..batch.len() {
        batch.read(idx, &mut features);
    }
    assert_eq!(features.as_ptr(), buffer);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_batch_that_is_cut_or_too_long_is_refused() {
    let layout = RecordLayout::of_schema(&common::replay_schema());
    let bytes = common::batch_bytes();
    for n in 0..bytes.len() {
        let error = ReadingBatch::decode(&bytes[..n], &layout).unwrap_err();
        let expected = match n {
            0..32 => BatchError::TooShort { actual: n },
            _ => BatchError::Length {
                expected: bytes.len() as u64,
                actual: n,
            },
        };
        assert_eq!(error, expected);
    }
    let mut longer = bytes.clone();
    longer.push(0);
    let expected = BatchError::Length {
        expected: bytes.len() as u64,
        actual: bytes.len() + 1,
    };
    assert_eq!(ReadingBatch::decode(&longer, &layout).unwrap_err(), expected);
}

#[wasm_bindgen_test(unsupported = test)]
fn announced_sizes_do_not_overflow() {
    let layout = RecordLayout::new(vec![NumberType::F64; 10_000]);
    let mut bytes = common::batch_bytes();
    bytes[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
    let expected = 32 + 80_010 * u64::from(u32::MAX);
    assert_eq!(
        ReadingBatch::decode(&bytes, &layout).unwrap_err(),
        BatchError::Length {
            expected,
            actual: bytes.len()
        }
    );
    bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(
        BatchHeader::decode(&bytes).unwrap_err(),
        BatchError::SequenceOverflow {
            first_seq: u64::MAX,
            n_readings: u32::MAX
        }
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn other_kinds_and_flags_are_refused() {
    let bytes = common::batch_bytes();
    let with = |position: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[position] = byte;
        BatchHeader::decode(&bytes)
    };
    assert_eq!(with(0, 2), Err(BatchError::UnknownKind { actual: 2 }));
    assert_eq!(with(1, 0x80), Err(BatchError::UnknownFlags { actual: 0x80 }));
    assert!(with(31, 9).is_ok(), "the last four bytes are for later");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_would_not_come_back_is_not_encoded() {
    let layout = RecordLayout::of_schema(&common::replay_schema());
    let check = |true_label, features: &[f64], expected: BatchError| {
        let mut out = vec![1, 2, 3];
        assert_eq!(
            layout.encode_record(0, true_label, features, &mut out),
            Err(expected)
        );
        assert_eq!(out, [1, 2, 3], "nothing is left of a record that failed");
    };
    check(
        None,
        &[0.0; 3],
        BatchError::FeatureCount {
            expected: 4,
            actual: 3,
        },
    );
    let misfit = |feature, value, number_type| BatchError::DoesNotFit {
        feature,
        value,
        number_type,
    };
    check(None, &[0.5, 0.0, 0.0, 0.0], misfit(0, 0.5, NumberType::I16));
    check(None, &[-0.0, 0.0, 0.0, 0.0], misfit(0, -0.0, NumberType::I16));
    check(
        None,
        &[0.0, 2_147_483_648.0, 0.0, 0.0],
        misfit(1, 2_147_483_648.0, NumberType::I32),
    );
    check(None, &[0.0, 0.0, 0.1, 0.0], misfit(2, 0.1, NumberType::F32));
    check(
        Some(65_535),
        &[0.0; 4],
        BatchError::ClassTooLarge { class: 65_535 },
    );
    check(
        Some(u32::MAX),
        &[0.0; 4],
        BatchError::ClassTooLarge { class: u32::MAX },
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn records_of_another_layout_are_not_taken() {
    let layout = RecordLayout::new(vec![NumberType::I16]);
    let mut batch = BatchWriter::with_capacity(&layout, 0, 1, u64::MAX - 1, 2);
    assert_eq!(
        batch.push(&[0; 11]),
        Err(BatchError::RecordLength {
            expected: 12,
            actual: 11
        })
    );
    assert_eq!(batch.push(&[0; 12]), Ok(()));
    // The sequence number after the last one has to exist too.
    let expected = BatchError::SequenceOverflow {
        first_seq: u64::MAX - 1,
        n_readings: 1,
    };
    assert_eq!(batch.push(&[0; 12]), Err(expected));
    assert_eq!((batch.n_readings(), batch.n_bytes()), (1, 44));
    assert!(ReadingBatch::decode(&batch.finish(0), &layout).is_ok());
}

#[wasm_bindgen_test(unsupported = test)]
fn the_largest_batch_keeps_to_the_message_limit() {
    let layout = RecordLayout::new(vec![NumberType::I16; 54]);
    let n_bytes = |n: usize| 32 + n * layout.record_bytes();
    assert!(n_bytes(layout.max_readings()) <= MAX_SERVER_MESSAGE_BYTES);
    assert!(n_bytes(layout.max_readings() + 1) > MAX_SERVER_MESSAGE_BYTES);
}

#[wasm_bindgen_test(unsupported = test)]
fn messages_come_back_as_they_were_sent() {
    for (name, message) in common::server_messages() {
        assert_eq!(
            ServerMessage::from_json(&message.to_json()).as_ref(),
            Ok(&message),
            "{name}"
        );
    }
    for (name, message) in common::viewer_messages() {
        assert_eq!(
            ViewerMessage::from_json(&message.to_json()).as_ref(),
            Ok(&message),
            "{name}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_viewer_can_tell_a_message_of_tomorrow_from_a_broken_one() {
    let code = |text: &str| ServerMessage::from_json(text).unwrap_err().code();
    assert_eq!(code(r#"{"op":"drift","channel":0}"#), "unknown-op");
    assert_eq!(code(r#"{"op":"gap","channel":0}"#), "bad-value");
    assert_eq!(
        code(r#"{"op":"gap","channel":0,"from":5,"until":5,"cause":"latest"}"#),
        "bad-value"
    );
    assert_eq!(code(r#"{"op":"gap""#), "malformed");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_missing_value_is_null_in_json() {
    let text = r#"{"op":"reading","channel":0,"seq":1,"sent_micros":2,"features":[1.5,null]}"#;
    let message = ServerMessage::from_json(text).unwrap();
    let ServerMessage::Reading(reading) = &message else {
        panic!("{message:?}")
    };
    assert!(reading.features[0] == 1.5 && reading.features[1].is_nan());
    assert_eq!(message.to_json(), text);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_batch_and_a_layout_agree_on_the_sensors_time() {
    let plain = RecordLayout::new(vec![NumberType::F64]);
    let timed = plain.clone().with_sensor_time();
    assert_eq!(timed.record_bytes(), plain.record_bytes() + 8);
    let write = |layout: &RecordLayout| {
        let mut record = Vec::new();
        layout
            .encode_timed_record(20, Some(10), None, &[0.5], &mut record)
            .unwrap();
        layout.relabel(&mut record, 3).unwrap();
        let mut batch = BatchWriter::new(layout, 1, 1, 0);
        batch.push(&record).unwrap();
        batch.finish(30)
    };
    let head = |layout: &RecordLayout| {
        let bytes = write(layout);
        let mut features = Vec::new();
        let head = ReadingBatch::decode(&bytes, layout)
            .unwrap()
            .read(0, &mut features);
        assert_eq!((features, head.true_label), (vec![0.5], Some(3)));
        head.sensor_micros
    };
    assert_eq!((head(&plain), head(&timed)), (None, Some(10)));
    let flags = |bytes: &[u8], layout: &RecordLayout| ReadingBatch::decode(bytes, layout).map(|_| ());
    assert_eq!(
        flags(&write(&timed), &plain),
        Err(BatchError::UnknownFlags { actual: 1 })
    );
    assert_eq!(
        flags(&write(&plain), &timed),
        Err(BatchError::UnknownFlags { actual: 0 })
    );
    assert!(timed.relabel(&mut [0; 3], 3).is_err());
}
