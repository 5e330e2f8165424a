//! Runnel's own frames from a sensor: four bytes, then readings of one size, all little-endian.
//!
//! | offset | type | field |
//! |---|---|---|
//! | 0 | u8 | kind, 2 (1 is a server's batch) |
//! | 1 | u8 | bits 0 and 1: type of every feature, 0 i16, 1 i32, 2 f32, 3 f64; bit 2: readings begin with a time; bit 3: a class follows it; others 0 |
//! | 2 | u16 | features of a reading |
//!
//! A reading is: u64 time in µs since 1970, or since the device started (bit 2); u16 class, 65,535 if not known
//! (bit 3); the features. There are as many readings as the message has room for.

use std::sync::Arc;

use super::objects::Sink;
use super::reading::Reserved;
use super::time::RawTime;
use super::value::{Budget, Value};
use super::{SensorError, SensorFormat};
use crate::NumberType;
use crate::number_type::take;

/// First byte of a frame.
pub(super) const KIND: u8 = 2;

const HEADER_BYTES: usize = 4;
const HAS_TIME: u8 = 4;
const HAS_CLASS: u8 = 8;
const NO_TRUE_LABEL: u16 = u16::MAX;

/// Appends a frame's readings.
pub(super) fn read(message: &[u8], budget: &mut Budget, sink: &mut Sink<'_>) -> Result<(), SensorError> {
    let malformed = |at, reason| SensorError::MalformedBytes {
        format: SensorFormat::Native,
        at,
        reason,
    };
    let mut rest = message;
    let Some([_, flags, low, high]) = take::<HEADER_BYTES>(&mut rest) else {
        let n = message.len();
        return Err(malformed(
            n,
            format!("expected {HEADER_BYTES} bytes at least, got {n}"),
        ));
    };
    if flags > 15 {
        return Err(malformed(1, format!("expected flags of at most 15, got {flags}")));
    }
    let number_type = NumberType::ALL[usize::from(flags & 3)];
    let (has_time, has_class) = (flags & HAS_TIME != 0, flags & HAS_CLASS != 0);
    let n_features = usize::from(u16::from_le_bytes([low, high]));
    if n_features == 0 || n_features > sink.max_features {
        let max = sink.max_features;
        return Err(malformed(
            2,
            format!("expected 1 to {max} features, got {n_features}"),
        ));
    }
    let n_bytes = 8 * usize::from(has_time) + 2 * usize::from(has_class) + n_features * number_type.n_bytes();
    if rest.is_empty() || !rest.len().is_multiple_of(n_bytes) {
        let n = rest.len();
        return Err(malformed(
            HEADER_BYTES,
            format!("expected readings of {n_bytes} bytes each after the header, got {n} bytes"),
        ));
    }
    let names: Vec<Arc<str>> = (1..=n_features)
        .map(|feature| format!("f{feature}").into())
        .collect();
    for (idx, mut reading) in rest.chunks_exact(n_bytes).enumerate() {
        let mut drafting = sink.drafting();
        if has_time {
            let micros = take(&mut reading).map_or(0, u64::from_le_bytes);
            drafting.draft.time = RawTime::from_micros(micros);
        }
        if has_class {
            let class = take(&mut reading).map_or(NO_TRUE_LABEL, u16::from_le_bytes);
            if class != NO_TRUE_LABEL {
                drafting.reserved(Reserved::TrueLabel, "class", &Value::Integer(class.into()))?;
            }
        }
        for name in &names {
            budget.value()?;
            let value = number_type.take(&mut reading).unwrap_or(f64::NAN);
            let added = drafting.shared_feature(Arc::clone(name), value);
            added.map_err(|error| error.at_element(idx + 1))?;
        }
        let draft = drafting.finish()?;
        sink.drafts.push(draft);
    }
    Ok(())
}
