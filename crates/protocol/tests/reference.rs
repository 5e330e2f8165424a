//! docs/protocol.md is true: its examples decode, its batch is the golden one, and no field, code or limit is left out.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;

use protocol::*;
use serde_json::Value;

const REFERENCE: &str = include_str!("../../../docs/protocol.md");

/// The lines of all fenced blocks with this info string.
fn block_lines(info: &str) -> Vec<&'static str> {
    let opening = format!("```{info}");
    let mut lines = Vec::new();
    let mut is_inside = false;
    for line in REFERENCE.lines() {
        if is_inside && line == "```" {
            is_inside = false;
        } else if is_inside {
            lines.push(line);
        } else {
            is_inside = line == opening;
        }
    }
    assert!(!is_inside, "an open {opening}");
    lines
}

#[test]
fn examples_decode_and_cover_every_op() {
    let mut ops = BTreeSet::new();
    for line in block_lines("json server") {
        let message = ServerMessage::from_json(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        ops.insert(message.op());
        // The examples are what is sent: no field that does not exist, none left out, in this order.
        assert_eq!(message.to_json(), line);
    }
    assert_eq!(ops, ServerMessage::OPS.iter().copied().collect());

    let mut ops = BTreeSet::new();
    for line in block_lines("json viewer") {
        let message = ViewerMessage::from_json(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        ops.insert(message.op());
    }
    assert_eq!(ops, ViewerMessage::OPS.iter().copied().collect());

    let mut ops = BTreeSet::new();
    for line in block_lines("json sensor") {
        let message: IngestMessage =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(message.to_json(), line);
        ops.insert(line.split('"').nth(3).unwrap());
    }
    assert_eq!(ops, BTreeSet::from(["hello", "format", "ack", "err"]));
}

#[test]
fn the_batch_is_the_golden_one() {
    let hex: String = block_lines("hex").concat().split_whitespace().collect();
    let golden: String = common::batch_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, golden);
}

/// Adds the names of all fields, at any depth; keys of `n_dropped` are causes, which are to be found here too.
fn collect_fields(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                fields.insert(name.clone());
                collect_fields(value, fields);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_fields(value, fields)),
        _ => {}
    }
}

#[test]
fn every_field_is_explained() {
    let mut fields = BTreeSet::new();
    let server = common::server_messages()
        .into_iter()
        .map(|(_, message)| message.to_json());
    let viewer = common::viewer_messages()
        .into_iter()
        .map(|(_, message)| message.to_json());
    for json in server.chain(viewer) {
        collect_fields(&serde_json::from_str(&json).unwrap(), &mut fields);
    }
    assert!(fields.len() > 40, "{fields:?}");
    for field in fields {
        assert!(
            REFERENCE.contains(&format!("`{field}`")),
            "`{field}` is not explained"
        );
    }
}

#[test]
fn names_and_limits_are_those_of_the_code() {
    let thousands = |n: usize| {
        let digits = n.to_string();
        let groups: Vec<&str> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| std::str::from_utf8(group).unwrap())
            .collect();
        groups.join(",")
    };
    for expected in [
        format!("`{SUBPROTOCOL}`"),
        format!("`version` {VERSION}"),
        format!("{} bytes", thousands(MAX_VIEWER_MESSAGE_BYTES)),
        format!("{} bytes", thousands(MAX_SERVER_MESSAGE_BYTES)),
    ] {
        assert!(REFERENCE.contains(&expected), "{expected}");
    }
    for text in ["", "{}", r#"{"op":"x"}"#, r#"{"op":"play"}"#] {
        let code = ViewerMessage::from_json(text).unwrap_err().code();
        assert!(REFERENCE.contains(&format!("| `{code}` |")), "{code}");
    }
}

#[test]
fn the_transcript_decodes() {
    let (_, rest) = REFERENCE.split_once("<!-- transcript:begin -->").unwrap();
    let (transcript, _) = rest.split_once("<!-- transcript:end -->").unwrap();
    for line in transcript.lines() {
        if let Some(json) = line.strip_prefix("< ").filter(|json| json.starts_with('{')) {
            ServerMessage::from_json(json).unwrap_or_else(|error| panic!("{error}: {line}"));
        } else if let Some(json) = line.strip_prefix("> ") {
            ViewerMessage::from_json(json).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}
