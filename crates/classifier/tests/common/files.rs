//! A model file of every form, and ways to change one.
#![allow(dead_code, reason = "each test file uses its part")]

use classifier::{EngineKind, Knn, KnnOptions, ModelMetadata, Preparation};

use crate::common::{Random, Table, push_one_hot};

/// A model with every form of column, and its file.
pub(crate) fn model(preparation: Preparation) -> (Table, Knn, ModelMetadata, Vec<u8>) {
    let table = Table::random(&mut Random(7), 130, |random, row| {
        row.push(random.integer(0, 500));
        push_one_hot(random, row, 4);
        row.push(random.unit());
        row.push(f64::from(random.unit() as f32));
        row.push(3.25);
        row.push(random.integer(-99, 99) / 100.0);
    });
    let knn = table.fit(&KnnOptions {
        preparation,
        engine: EngineKind::Tree,
        ..KnnOptions::default()
    });
    let metadata = ModelMetadata {
        class_names: ["low", "ünïcode \"quoted\"", ""].map(str::to_owned).to_vec(),
        feature_names: (0..table.n_features)
            .map(|feature| format!("f{feature}"))
            .collect(),
        source: "made up\n".to_owned(),
    };
    let bytes = knn.to_bytes(&metadata);
    (table, knn, metadata, bytes)
}

/// CRC-32 bit by bit.
fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |state: u32, byte| {
        (0..8).fold(state ^ u32::from(byte), |state, _| {
            (state >> 1) ^ if state & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

/// The file with the checksum that its content has, if it still has a header and a place for one.
pub(crate) fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let reseal = |bytes: &mut [u8]| -> Option<()> {
        let length = usize::try_from(u64::from_le_bytes(*bytes.first_chunk()?)).ok()?;
        let end = length.checked_add(8)?;
        let header: serde_json::Value = serde_json::from_slice(bytes.get(8..end)?).ok()?;
        let metadata = header.get("__metadata__")?;
        let old = format!("\"crc32\":\"{}\"", metadata.get("crc32")?.as_str()?);
        let record = metadata.get("runnel")?.as_str()?.as_bytes();
        let new = crc32(record.iter().chain(&bytes[end..]).copied());
        let new = format!("\"crc32\":\"{new:08x}\"");
        let at = bytes
            .windows(old.len())
            .position(|window| window == old.as_bytes())?;
        if old.len() == new.len() {
            bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
        }
        Some(())
    };
    reseal(&mut bytes);
    bytes
}

/// The file with its JSON header rewritten, and the checksum.
pub(crate) fn with_header(bytes: &[u8], edit: impl FnOnce(&str) -> String) -> Vec<u8> {
    let length = u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes")) as usize;
    let header = edit(std::str::from_utf8(&bytes[8..8 + length]).expect("UTF-8"));
    let edited = [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        &bytes[8 + length..],
    ];
    resealed(edited.concat())
}

/// The file with `rows` as the order.
pub(crate) fn with_order(bytes: &[u8], rows: &[u32]) -> Vec<u8> {
    let file = safetensors::SafeTensors::deserialize(bytes).expect("safetensors");
    let order = file.tensor("order").expect("a tree").data();
    let start = order.as_ptr() as usize - bytes.as_ptr() as usize;
    let rows: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
    resealed([&bytes[..start], &rows, &bytes[start + order.len()..]].concat())
}

/// `bytes` with the record changed, as somebody else might have written it.
pub(crate) fn with_record(
    bytes: &[u8],
    edit: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>),
) -> Vec<u8> {
    with_header(bytes, |header| {
        let mut header: serde_json::Value = serde_json::from_str(header).expect("JSON");
        let record = header["__metadata__"]["runnel"].as_str().expect("a record");
        let mut record: serde_json::Value = serde_json::from_str(record).expect("JSON");
        edit(record.as_object_mut().expect("an object"));
        header["__metadata__"]["runnel"] = record.to_string().into();
        header.to_string()
    })
}
