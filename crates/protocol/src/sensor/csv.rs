//! Rows of numbers as text, one reading a line.
//!
//! A line of names becomes the header if the next row of numbers is as wide; otherwise it is ignored and counted. Header
//! and rows may come in messages of their own.

use std::borrow::Cow;

use super::SensorError;
use super::error::quoted;
use super::objects::Sink;
use super::reading::{MAX_NAME_BYTES, Reserved};
use super::value::{Budget, Value, first_duplicate};

/// What earlier rows say about later ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    /// Columns of the rows so far.
    width: Option<usize>,
    /// Names of the columns, where there was a header.
    names: Option<Vec<String>>,
    /// A line of names that waits for a row as wide.
    candidate: Option<Vec<String>>,
}

/// Appends the reading of a line, if it is a row; `table` is only copied when a header changes it.
pub(super) fn read(
    line: &str,
    table: &mut Cow<'_, Table>,
    budget: &mut Budget,
    sink: &mut Sink<'_>,
) -> Result<(), SensorError> {
    // numpy's savetxt makes the header a comment.
    let line = line.trim_start_matches(['#', ' ']).trim();
    if line.is_empty() {
        return Ok(());
    }
    let mut fields = split(line);
    for _ in &fields {
        budget.value()?;
    }
    let expected = table.candidate.as_ref().map(Vec::len).or(table.width);
    // Sketches often print a separator after the last value too.
    let n_others = fields.len() - 1;
    if n_others > 0 && fields[n_others].is_empty() && expected.is_none_or(|expected| expected == n_others) {
        fields.pop();
    }
    if table.names.as_deref().is_some_and(|names| names == fields) {
        return Ok(()); // The device has started again.
    }
    if let Some(candidate) = &table.candidate {
        if fits(candidate, &fields) {
            let table = table.to_mut();
            table.names = table.candidate.take();
            table.width = Some(fields.len());
        } else {
            sink.ignored.add(&candidate.join(" "));
            table.to_mut().candidate = None;
        }
    }
    let is_row = table.names.as_ref().is_some_and(|names| fits(names, &fields));
    if !is_row
        && fields
            .iter()
            .all(|field| !field.is_empty() && number(field).is_none() && !has_decimal_comma(field))
    {
        table.to_mut().candidate = Some(header(&fields, sink.max_features)?);
        return Ok(());
    }
    match table.width {
        Some(expected) if expected != fields.len() => Err(SensorError::ColumnCount {
            expected,
            actual: fields.len(),
        }),
        Some(_) => row(&fields, table.names.as_deref(), sink),
        None => {
            row(&fields, None, sink)?;
            table.to_mut().width = Some(fields.len());
            Ok(())
        }
    }
}

/// A field as a number; NaN where it is empty or says so.
pub(super) fn number(field: &str) -> Option<f64> {
    match field {
        "" => Some(f64::NAN),
        field => field.parse().ok(),
    }
}

/// Whether a field would be a number with a point for its comma.
fn has_decimal_comma(field: &str) -> bool {
    field.contains(',') && field.replacen(',', ".", 1).parse::<f64>().is_ok()
}

/// A field of a reserved name.
pub(super) fn text_value(field: &str) -> Value<'_> {
    match field {
        "" => Value::Null,
        field => Value::Text(Cow::Borrowed(field)),
    }
}

/// The character between the values of a line; `None` for any number of spaces.
pub(super) fn separator(line: &str) -> Option<char> {
    ['\t', ';', ',']
        .into_iter()
        .find(|&separator| line.contains(separator))
}

/// At least one field, without the spaces and quotes around it.
fn split(line: &str) -> Vec<Cow<'_, str>> {
    let Some(separator) = separator(line) else {
        return line.split_whitespace().map(Cow::Borrowed).collect();
    };
    if !line.contains('"') {
        let fields = line.split(separator);
        return fields.map(|field| Cow::Borrowed(field.trim())).collect();
    }
    // Quotes as in RFC 4180; one that is not closed ends with the line.
    let mut fields = Vec::new();
    let (mut field, mut is_quoted) = (String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            _ if character == separator && !is_quoted => {
                fields.push(Cow::Owned(field.trim().to_owned()));
                field.clear();
            }
            _ => field.push(character),
        }
    }
    fields.push(Cow::Owned(field.trim().to_owned()));
    fields
}

/// Whether fields are a row under these names: as many, and numbers where names are not reserved.
fn fits(names: &[String], fields: &[Cow<'_, str>]) -> bool {
    let is_x_beside = names.iter().any(|name| name == "x");
    names.len() == fields.len()
        && names
            .iter()
            .zip(fields)
            .all(|(name, field)| Reserved::of(name, is_x_beside).is_some() || number(field).is_some())
}

fn header(fields: &[Cow<'_, str>], max_features: usize) -> Result<Vec<String>, SensorError> {
    if fields.len() > max_features {
        return Err(SensorError::TooManyFeatures { max: max_features });
    }
    let names: Vec<String> = fields.iter().map(|field| field.clone().into_owned()).collect();
    if let Some(name) = names.iter().find(|name| name.len() > MAX_NAME_BYTES) {
        return Err(SensorError::NameTooLong {
            max: MAX_NAME_BYTES,
            name: quoted(name),
        });
    }
    match first_duplicate(names.iter().map(String::as_str)) {
        Some(name) => Err(SensorError::DuplicateName { name: quoted(name) }),
        None => Ok(names),
    }
}

fn row(fields: &[Cow<'_, str>], names: Option<&[String]>, sink: &mut Sink<'_>) -> Result<(), SensorError> {
    let is_x_beside = names.is_some_and(|names| names.iter().any(|name| name == "x"));
    let mut drafting = sink.drafting();
    for (idx, field) in fields.iter().enumerate() {
        let name = match names {
            Some(names) => Cow::Borrowed(&*names[idx]),
            None => Cow::Owned(format!("f{}", idx + 1)),
        };
        match Reserved::of(&name, is_x_beside) {
            Some(reserved) if names.is_some() => drafting.reserved(reserved, &name, &text_value(field))?,
            _ => {
                let value = number(field).ok_or_else(|| SensorError::NotANumber {
                    name: quoted(&name),
                    actual: quoted(field),
                    hint: "numbers have a decimal point and no unit; a column of texts is `label` in a header",
                })?;
                drafting.feature(&name, value)?;
            }
        }
    }
    let draft = drafting.finish()?;
    sink.drafts.push(draft);
    Ok(())
}
