//! The bytes of version 1, one golden file per message: what is on the wire may only change with the version.
//!
//! After a deliberate change write them anew with `RUNNEL_REGENERATE=1 cargo test -p protocol --test golden` and read the
//! difference before committing it.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::{Path, PathBuf};

use protocol::{ServerMessage, ViewerMessage};

fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Compares with the file of that name, or writes it where asked to.
fn check(file_name: &str, bytes: &[u8]) {
    let path = golden_dir().join(file_name);
    if std::env::var_os("RUNNEL_REGENERATE").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let expected = std::fs::read(&path).unwrap_or_else(|error| panic!("{error}: {}", path.display()));
    assert_eq!(
        String::from_utf8_lossy(bytes),
        String::from_utf8_lossy(&expected),
        "{} differs",
        path.display()
    );
    assert_eq!(bytes, expected, "{} differs", path.display());
}

#[test]
fn messages_are_the_golden_bytes() {
    for (name, message) in common::server_messages() {
        let json = message.to_json();
        check(&format!("server-{name}.json"), json.as_bytes());
        assert_eq!(ServerMessage::from_json(&json), Ok(message), "{name}");
    }
    for (name, message) in common::viewer_messages() {
        let json = message.to_json();
        check(&format!("viewer-{name}.json"), json.as_bytes());
        assert_eq!(ViewerMessage::from_json(&json), Ok(message), "{name}");
    }
}

#[test]
fn a_batch_is_the_golden_bytes() {
    check("batch.bin", &common::batch_bytes());
}

#[test]
fn every_op_has_a_golden_file_and_every_file_a_message() {
    let server = common::server_messages();
    let viewer = common::viewer_messages();
    for op in ServerMessage::OPS {
        assert!(server.iter().any(|(_, message)| message.op() == *op), "{op}");
    }
    for op in ViewerMessage::OPS {
        assert!(viewer.iter().any(|(_, message)| message.op() == *op), "{op}");
    }
    let mut expected: Vec<String> = vec!["batch.bin".to_owned()];
    expected.extend(server.iter().map(|(name, _)| format!("server-{name}.json")));
    expected.extend(viewer.iter().map(|(name, _)| format!("viewer-{name}.json")));
    expected.sort();
    let mut found: Vec<String> = std::fs::read_dir(golden_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, expected);
}
