//! `name:value` pairs: a line of them is a reading, as Arduino's serial plotter has it. Teleplot's lines,
//! `>name:value` or `>name:milliseconds:value`, hold one value each, and those of one time are a reading.

use super::csv::{number, separator, text_value};
use super::error::quoted;
use super::groups::Groups;
use super::objects::Sink;
use super::reading::{Drafting, MAX_NAME_BYTES, Reserved};
use super::time::RawTime;
use super::value::{Budget, first_duplicate};
use super::{SensorError, SensorFormat};

/// Whether a line is of this format: `>`, or a name and a colon before anything else.
pub(super) fn is_like(line: &str) -> bool {
    let line = line.trim_start();
    let first = line.split([',', ';', '\t', ' ']).next().unwrap_or("");
    let starts_a_name = line.starts_with(|c: char| c.is_alphabetic() || c == '_');
    line.starts_with('>') || (starts_a_name && first.contains(':'))
}

/// Appends the readings of a message's lines, which are given with their numbers.
pub(super) fn read<'l>(
    lines: impl Iterator<Item = (usize, &'l str)>,
    budget: &mut Budget,
    sink: &mut Sink<'_>,
) -> Result<(), SensorError> {
    let mut groups = Groups::default();
    for (number, line) in lines {
        let line = line.trim();
        let read = match line.strip_prefix('>') {
            Some(line) => teleplot(line, &mut groups, budget, sink),
            None => plotter(line, budget, sink),
        };
        read.map_err(|error| error.at_line(number))?;
    }
    for (time, features) in groups.into_sorted() {
        let mut drafting = sink.drafting();
        drafting.draft.time = time.and_then(RawTime::from_number);
        for (name, value, unit) in features {
            drafting.feature(name, value)?;
            drafting.unit(unit);
        }
        let draft = drafting.finish()?;
        sink.drafts.push(draft);
    }
    Ok(())
}

/// `name:value,name:value`, also with semicolons, tabs or spaces between.
fn plotter(line: &str, budget: &mut Budget, sink: &mut Sink<'_>) -> Result<(), SensorError> {
    let joined;
    let items: Vec<&str> = match separator(line) {
        Some(separator) => line.split(separator).collect(),
        // `a: 1 b: 2` has spaces between as well as within.
        None => {
            joined = line
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .replace(": ", ":");
            joined.split(' ').collect()
        }
    };
    let mut pairs = Vec::new();
    for item in items
        .iter()
        .map(|item| item.trim())
        .filter(|item| !item.is_empty())
    {
        budget.value()?;
        let (name, value) = item
            .split_once(':')
            .ok_or_else(|| malformed("name:value", item))?;
        pairs.push((checked(name.trim(), item)?, value.trim()));
    }
    if let Some(name) = first_duplicate(pairs.iter().map(|(name, _)| *name)) {
        let name = quoted(name);
        return Err(SensorError::DuplicateName { name });
    }
    let is_x_beside = pairs.iter().any(|(name, _)| *name == "x");
    let mut drafting = sink.drafting();
    for (name, value) in pairs {
        match Reserved::of(name, is_x_beside) {
            Some(reserved) => drafting.reserved(reserved, name, &text_value(value))?,
            None => feature(&mut drafting, name, value)?,
        }
    }
    let draft = drafting.finish()?;
    sink.drafts.push(draft);
    Ok(())
}

fn feature(drafting: &mut Drafting<'_>, name: &str, value: &str) -> Result<(), SensorError> {
    drafting.feature(name, parsed(name, value)?)
}

fn parsed(name: &str, value: &str) -> Result<f64, SensorError> {
    number(value).ok_or_else(|| SensorError::NotANumber {
        name: quoted(name),
        actual: quoted(value),
        hint: "numbers have a decimal point and no unit",
    })
}

/// `name:value`, `name:milliseconds:value`, several of these values with `;` between, `§unit` and `|flags` after them.
fn teleplot<'l>(
    line: &'l str,
    groups: &mut Groups<'l>,
    budget: &mut Budget,
    sink: &mut Sink<'_>,
) -> Result<(), SensorError> {
    const EXPECTED: &str = ">name:value or >name:milliseconds:value";
    let (name, values) = line.split_once(':').ok_or_else(|| malformed(EXPECTED, line))?;
    let (values, flags) = values.split_once('|').unwrap_or((values, ""));
    // An empty name is a line for the log, the flag `t` a text.
    if name.is_empty() || flags.split(',').any(|flag| flag == "t") {
        sink.ignored.add(name);
        return Ok(());
    }
    let name = checked(name.trim(), line)?;
    let (values, unit) = values.split_once('§').unwrap_or((values, ""));
    for point in values.split(';').map(str::trim).filter(|point| !point.is_empty()) {
        budget.value()?;
        let (time, value) = match point.split_once(':') {
            Some((time, value)) => (Some(parsed(name, time)?), value),
            None => (None, point),
        };
        if value.contains(':') {
            return Err(malformed(EXPECTED, line));
        }
        groups.add(time, name, parsed(name, value)?, Some(unit.trim()));
    }
    Ok(())
}

/// A name that is neither empty nor too long.
fn checked<'n>(name: &'n str, item: &str) -> Result<&'n str, SensorError> {
    if name.len() > MAX_NAME_BYTES {
        return Err(SensorError::NameTooLong {
            max: MAX_NAME_BYTES,
            name: quoted(name),
        });
    }
    match name {
        "" => Err(malformed("a name before `:`", item)),
        name => Ok(name),
    }
}

fn malformed(expected: &str, actual: &str) -> SensorError {
    SensorError::Malformed {
        format: SensorFormat::LabelValue,
        reason: format!("expected {expected}, got `{}`", quoted(actual)),
    }
}
