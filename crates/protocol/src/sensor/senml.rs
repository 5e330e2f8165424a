//! SenML packs, JSON and CBOR: C. Jennings et al., "Sensor Measurement Lists (SenML)", RFC 8428, 2018.
//!
//! The records of one time are one reading, and readings come in order of time. Base values hold within a pack,
//! as the RFC has it; a sum has no unit here, as it is in that of the record times seconds.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::error::quoted;
use super::groups::Groups;
use super::objects::Sink;
use super::reading::{MAX_NAME_BYTES, Reserved};
use super::time::RawTime;
use super::value::Value;
use super::{SensorError, SensorFormat};

/// Times below are relative to now, RFC 8428, 4.5.3.
const FIRST_ABSOLUTE_SECS: f64 = (1 << 28) as f64;

/// The latest version of SenML that this reads.
const VERSION: f64 = 10.0;

/// The integers that stand for the labels in CBOR, RFC 8428, table 4.
const CBOR_LABELS: [(&str, &str); 15] = [
    ("-1", "bver"),
    ("-2", "bn"),
    ("-3", "bt"),
    ("-4", "bu"),
    ("-5", "bv"),
    ("-6", "bs"),
    ("0", "n"),
    ("1", "u"),
    ("2", "v"),
    ("3", "vs"),
    ("4", "vb"),
    ("5", "s"),
    ("6", "t"),
    ("7", "ut"),
    ("8", "vd"),
];

/// Whether an array of objects is a pack: the first has a name, or a base name, and what SenML gives a value.
pub(super) fn is_pack(values: &[Value<'_>]) -> bool {
    let Some(first) = values.first() else { return false };
    let has = |key: &str| first.get(key).is_some();
    let has_text = |key: &str| first.get(key).is_some_and(|value| value.as_text().is_some());
    has_text("bn") || has_text("n") && ["v", "vs", "vb", "vd", "s"].into_iter().any(has)
}

/// Whether an array of CBOR maps is a pack, by the integers for name and base name.
pub(super) fn is_cbor_pack(values: &[Value<'_>]) -> bool {
    let is_text = |value: Option<&Value<'_>>| value.is_some_and(|value| value.as_text().is_some());
    values
        .first()
        .is_some_and(|first| is_text(first.get("-2")) || is_text(first.get("0")))
}

/// Gives the labels of a CBOR pack their names.
pub(super) fn name_labels(values: &mut [Value<'_>]) {
    for value in values {
        let Value::Object(fields) = value else { continue };
        for (label, _) in fields {
            if let Some((_, name)) = CBOR_LABELS.iter().find(|(number, _)| number == label) {
                *label = Cow::Borrowed(name);
            }
        }
    }
}

/// What records say for those after them.
#[derive(Default)]
struct Base {
    name: String,
    time: f64,
    value: f64,
    sum: f64,
    unit: Option<String>,
}

/// Name and text of the true label, by the bits of its time.
type Labels = BTreeMap<u64, (String, String)>;

/// One record, its base values added.
struct Resolved {
    name: String,
    time: f64,
    value: f64,
    unit: Option<String>,
}

/// Appends the readings of a pack.
pub(super) fn read(
    records: &[Value<'_>],
    format: SensorFormat,
    sink: &mut Sink<'_>,
) -> Result<(), SensorError> {
    let mut base = Base::default();
    let mut resolved = Vec::new();
    let mut labels = Labels::new();
    for (idx, value) in records.iter().enumerate() {
        record(value, &mut base, &mut resolved, &mut labels, sink)
            .map_err(|reason| match reason {
                Refused::Because(reason) => SensorError::Malformed { format, reason },
                Refused::As(error) => error,
            })
            .map_err(|error| error.at_element(idx + 1))?;
    }
    // A label of a time at which nothing was measured.
    let times: HashSet<u64> = resolved.iter().map(|record| record.time.to_bits()).collect();
    for (name, _) in labels
        .iter()
        .filter(|(time, _)| !times.contains(time))
        .map(|(_, label)| label)
    {
        sink.ignored.add(name);
    }
    let mut groups = Groups::default();
    for record in &resolved {
        groups.add(
            Some(record.time),
            &record.name,
            record.value,
            record.unit.as_deref(),
        );
    }
    for (time, features) in groups.into_sorted() {
        let time = time.unwrap_or(0.0);
        let mut drafting = sink.drafting();
        for (name, value, unit) in features {
            drafting.feature(name, value)?;
            drafting.unit(unit);
        }
        // No time at all is the time of arrival, which needs no saying.
        drafting.draft.time = match time {
            0.0 => None,
            secs if secs < FIRST_ABSOLUTE_SECS => Some(RawTime::SinceArrival { secs }),
            secs => Some(RawTime::from_secs(secs).ok_or_else(|| SensorError::BadTime {
                name: "bt + t".to_owned(),
                actual: secs.to_string(),
            })?),
        };
        if let Some((name, label)) = labels.get(&time.to_bits()) {
            let label = Value::Text(Cow::Borrowed(label));
            drafting.reserved(Reserved::TrueLabel, name, &label)?;
        }
        let draft = drafting.finish()?;
        sink.drafts.push(draft);
    }
    match resolved.is_empty() {
        true => Err(SensorError::NoFeatures {
            hint: "; the pack has no record with a number in `v`, `vb` or `s`",
        }),
        false => Ok(()),
    }
}

/// Why a record is refused.
enum Refused {
    Because(String),
    As(SensorError),
}

fn record(
    record: &Value<'_>,
    base: &mut Base,
    resolved: &mut Vec<Resolved>,
    labels: &mut Labels,
    sink: &mut Sink<'_>,
) -> Result<(), Refused> {
    let Value::Object(fields) = record else {
        return Err(Refused::Because(format!(
            "expected a record, got {}",
            record.describe()
        )));
    };
    if let Some((name, _)) = fields.iter().find(|(name, _)| name.ends_with('_')) {
        let name = quoted(name);
        return Err(Refused::Because(format!(
            "`{name}` has to be understood, and is not"
        )));
    }
    let number = |key: &str| match record.get(key) {
        None => Ok(None),
        Some(value) => match value.as_number().filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(Refused::Because(format!(
                "expected a finite number in `{key}`, got {}",
                value.describe()
            ))),
        },
    };
    let text = |key: &str| match record.get(key) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.as_ref())),
        Some(value) => Err(Refused::Because(format!(
            "expected a text in `{key}`, got {}",
            value.describe()
        ))),
    };
    if let Some(version) = number("bver")?.filter(|version| *version > VERSION) {
        return Err(Refused::Because(format!(
            "expected at most version {VERSION}, got {version}"
        )));
    }
    if let Some(name) = text("bn")? {
        name.clone_into(&mut base.name);
    }
    base.time = number("bt")?.unwrap_or(base.time);
    base.value = number("bv")?.unwrap_or(base.value);
    base.sum = number("bs")?.unwrap_or(base.sum);
    if let Some(unit) = text("bu")? {
        base.unit = Some(unit.to_owned());
    }

    let own_name = text("n")?.unwrap_or("");
    let mut name = format!("{}{own_name}", base.name);
    let time = base.time + number("t")?.unwrap_or(0.0);
    let (value, sum) = (number("v")?, number("s")?);
    let boolean = match record.get("vb") {
        None => None,
        Some(Value::Bool(value)) => Some(f64::from(u8::from(*value))),
        Some(value) => {
            let actual = value.describe();
            return Err(Refused::Because(format!(
                "expected true or false in `vb`, got {actual}"
            )));
        }
    };
    if name.len() > MAX_NAME_BYTES - 4 {
        return Err(Refused::As(SensorError::NameTooLong {
            max: MAX_NAME_BYTES - 4,
            name: quoted(&name),
        }));
    }
    // The word after base name and path: `urn:dev:mac:0024befffe804ff1:label`.
    let word = own_name.rsplit(['/', ':', '.']).next().unwrap_or("");
    if let Some(label) = text("vs")? {
        if Reserved::of(word, true) != Some(Reserved::TrueLabel) {
            sink.ignored.add(&name);
        } else if let Some((first, _)) = labels.insert(time.to_bits(), (name.clone(), label.to_owned())) {
            return Err(Refused::As(SensorError::ReservedTwice {
                what: "true label",
                first: quoted(&first),
                second: quoted(&name),
            }));
        }
        return Ok(());
    }
    if record.get("vd").is_some() {
        sink.ignored.add(&name);
        return Ok(());
    }
    let mut unit = text("u")?.map(str::to_owned).or_else(|| base.unit.clone());
    let value = match (value.map(|value| value + base.value).or(boolean), sum) {
        (Some(value), _) => value,
        (None, Some(sum)) => {
            name.push_str(".sum");
            unit = None;
            sum + base.sum
        }
        (None, None) if record.get("n").is_none() => return Ok(()), // Base values alone.
        (None, None) => {
            let name = quoted(&name);
            return Err(Refused::Because(format!(
                "`{name}` has no value: expected v, vb, vs, vd or s"
            )));
        }
    };
    if name.is_empty() {
        return Err(Refused::Because(
            "a record has no name: expected `n` or `bn`".to_owned(),
        ));
    }
    resolved.push(Resolved {
        name,
        time,
        value,
        unit,
    });
    Ok(())
}
