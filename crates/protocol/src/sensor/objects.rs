//! Which format a JSON or CBOR value is in, and the readings in it.

use std::sync::Arc;

use super::reading::{Draft, Drafting, Ignored, Likely, Reserved};
use super::value::Value;
use super::{SensorError, SensorFormat, senml};

/// Nanoseconds a second: what Android counts its sensor events in.
const ANDROID_PER_SEC: f64 = 1e9;

/// What the readings of one message are put into.
pub(super) struct Sink<'m> {
    pub(super) max_features: usize,
    pub(super) ignored: &'m mut Ignored,
    pub(super) drafts: &'m mut Vec<Draft>,
    /// Names of the features of the last reading before this message.
    pub(super) names: &'m [Arc<str>],
}

impl Sink<'_> {
    pub(super) fn drafting(&mut self) -> Drafting<'_> {
        let likely = match self.drafts.last() {
            Some(before) => Likely::Features(&before.features),
            None => Likely::Names(self.names),
        };
        Drafting::new(self.max_features, self.ignored, likely)
    }
}

/// The format of a JSON value; the first that matches. `None` for a value that is no object and no array.
pub(super) fn format_of(value: &Value<'_>) -> Option<SensorFormat> {
    match value {
        Value::Array(values) => Some(match values.first() {
            Some(first) if is_cloud_event(first) => SensorFormat::CloudEvents,
            Some(first) if first.is_object() && senml::is_pack(values) => SensorFormat::SenmlJson,
            Some(first) if first.is_object() => SensorFormat::JsonObject,
            _ => SensorFormat::JsonArray,
        }),
        Value::Object(_) if is_cloud_event(value) => Some(SensorFormat::CloudEvents),
        Value::Object(_) => Some(SensorFormat::JsonObject),
        _ => None,
    }
}

/// The format of a CBOR item. `None` for an item that is no map and no array.
pub(super) fn cbor_format_of(value: &Value<'_>) -> Option<SensorFormat> {
    match value {
        Value::Array(values) if senml::is_cbor_pack(values) => Some(SensorFormat::SenmlCbor),
        Value::Array(_) | Value::Object(_) => Some(SensorFormat::Cbor),
        _ => None,
    }
}

fn is_cloud_event(value: &Value<'_>) -> bool {
    value
        .get("specversion")
        .is_some_and(|version| version.as_text().is_some())
}

/// Appends the readings of a value of this format.
pub(super) fn read(value: Value<'_>, format: SensorFormat, sink: &mut Sink<'_>) -> Result<(), SensorError> {
    match (format, value) {
        (SensorFormat::SenmlJson, Value::Array(records)) => senml::read(&records, format, sink),
        (SensorFormat::SenmlCbor, Value::Array(mut records)) => {
            senml::name_labels(&mut records);
            senml::read(&records, format, sink)
        }
        (SensorFormat::Cbor, value) => {
            let is_positional = match &value {
                Value::Array(values) => !values.first().is_some_and(Value::is_object),
                _ => false,
            };
            let like = if is_positional {
                SensorFormat::JsonArray
            } else {
                SensorFormat::JsonObject
            };
            read(value, like, sink)
        }
        (SensorFormat::JsonObject | SensorFormat::CloudEvents, Value::Array(values))
            if values.first().is_some_and(Value::is_object) =>
        {
            each(values, format, sink)
        }
        (SensorFormat::JsonArray, Value::Array(values))
            if values
                .first()
                .is_some_and(|value| matches!(value, Value::Array(_))) =>
        {
            each(values, format, sink)
        }
        (_, value) => one(value, format, sink),
    }
}

fn each(values: Vec<Value<'_>>, format: SensorFormat, sink: &mut Sink<'_>) -> Result<(), SensorError> {
    for (idx, value) in values.into_iter().enumerate() {
        one(value, format, sink).map_err(|error| error.at_element(idx + 1))?;
    }
    Ok(())
}

/// Appends the one reading of an object or array.
fn one(value: Value<'_>, format: SensorFormat, sink: &mut Sink<'_>) -> Result<(), SensorError> {
    let mut drafting = sink.drafting();
    match (format, value) {
        (SensorFormat::JsonObject, mut value @ Value::Object(_)) => {
            // Node-RED with "send entire message": the reading is the payload, the rest is Node-RED's own.
            let is_node_red = value.get("_msgid").is_some();
            let payload = if is_node_red { value.take("payload") } else { None };
            match payload {
                Some(Value::Object(fields)) => drafting.object(&fields)?,
                Some(payload) => drafting.nested("payload", &payload)?,
                None => object(&mut drafting, &value)?,
            }
        }
        (SensorFormat::JsonArray, Value::Array(values)) => drafting.positions(&values)?,
        (SensorFormat::CloudEvents, mut event @ Value::Object(_)) => cloud_event(&mut drafting, &mut event)?,
        (_, value) => {
            return Err(SensorError::Malformed {
                format,
                reason: format!("got {}", value.describe()),
            });
        }
    }
    let draft = drafting.finish()?;
    sink.drafts.push(draft);
    Ok(())
}

fn object(drafting: &mut Drafting<'_>, value: &Value<'_>) -> Result<(), SensorError> {
    let Value::Object(fields) = value else {
        return Ok(());
    };
    drafting.object(fields)?;
    // SensorServer sends what Android gives it.
    let is_android = value.get("accuracy").is_some() && matches!(value.get("values"), Some(Value::Array(_)));
    if let Some(time) = drafting.draft.time.as_mut().filter(|_| is_android) {
        *time = time.since_boot(ANDROID_PER_SEC);
    }
    Ok(())
}

/// CloudEvents 1.0 in structured mode: the reading is `data`; the event's own time and id stand in where it has none.
fn cloud_event(drafting: &mut Drafting<'_>, event: &mut Value<'_>) -> Result<(), SensorError> {
    let malformed = |reason| SensorError::Malformed {
        format: SensorFormat::CloudEvents,
        reason,
    };
    match event.get("specversion") {
        Some(Value::Text(version)) if version.starts_with("1.") => {}
        other => {
            let actual = other.map_or_else(|| "none".to_owned(), Value::describe);
            return Err(malformed(format!("expected `specversion` 1.0, got {actual}")));
        }
    }
    let data = event.take("data").ok_or_else(|| {
        malformed("expected the reading in `data` as JSON; `data_base64` is not read".to_owned())
    })?;
    match &data {
        Value::Object(fields) => drafting.object(fields)?,
        Value::Array(values) => drafting.positions(values)?,
        other => drafting.nested("data", other)?,
    }
    // The event's id is not that of an earlier reading, so it does not make a late label of a label.
    if drafting.draft.features.is_empty() {
        return Ok(());
    }
    for (name, reserved) in [("time", Reserved::Time), ("id", Reserved::Id)] {
        let is_said = match reserved {
            Reserved::Time => drafting.draft.time.is_some(),
            _ => drafting.draft.id.is_some(),
        };
        if let Some(value) = event.get(name).filter(|_| !is_said) {
            drafting.reserved(reserved, name, value)?;
        }
    }
    Ok(())
}
