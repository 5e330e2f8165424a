//! Which format a JSON or CBOR value is in, and the readings in it.

use super::reading::{Draft, Drafting, Ignored};
use super::value::Value;
use super::{SensorError, SensorFormat};

/// Nanoseconds a second: what Android counts its sensor events in.
const ANDROID_PER_SEC: f64 = 1e9;

/// What the readings of one message are put into.
pub(super) struct Sink<'m> {
    pub(super) max_features: usize,
    pub(super) ignored: &'m mut Ignored,
    pub(super) drafts: &'m mut Vec<Draft>,
}

impl Sink<'_> {
    pub(super) fn drafting(&mut self) -> Drafting<'_> {
        Drafting::new(self.max_features, self.ignored)
    }
}

/// The format of a JSON value; the first that matches. `None` for a value that is no object and no array.
pub(super) fn format_of(value: &Value<'_>) -> Option<SensorFormat> {
    match value {
        Value::Array(values) if values.first().is_some_and(Value::is_object) => {
            Some(SensorFormat::JsonObject)
        }
        Value::Array(_) => Some(SensorFormat::JsonArray),
        Value::Object(_) => Some(SensorFormat::JsonObject),
        _ => None,
    }
}

/// Appends the readings of a value of this format.
pub(super) fn read(value: Value<'_>, format: SensorFormat, sink: &mut Sink<'_>) -> Result<(), SensorError> {
    match (format, value) {
        (SensorFormat::JsonObject, Value::Array(values)) if values.first().is_some_and(Value::is_object) => {
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
