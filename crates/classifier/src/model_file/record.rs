//! Reading the record, which is JSON with a field for each of [`Record`]'s.
//!
//! Fields that this code does not know are passed over; a field that is there twice is an error, and so is one of
//! another type.

use super::json::{Reader, Result};
use super::{Form, Record};
use crate::compact::Decimal;
use crate::{EngineKind, Metric, Preparation, Scaling, Voting};

pub(super) const METRICS: [(&str, Metric); 2] =
    [("euclidean", Metric::Euclidean), ("manhattan", Metric::Manhattan)];
pub(super) const VOTINGS: [(&str, Voting); 2] =
    [("uniform", Voting::Uniform), ("distance", Voting::Distance)];
pub(super) const PREPARATIONS: [(&str, Preparation); 3] = [
    ("raw", Preparation::Raw),
    ("standard", Preparation::Standard),
    ("min-max", Preparation::MinMax),
];
pub(super) const ENGINES: [(&str, EngineKind); 4] = [
    ("textbook", EngineKind::Textbook),
    ("scan", EngineKind::Scan),
    ("tree", EngineKind::Tree),
    ("auto", EngineKind::Auto),
];

/// Has `read` take the fields of an object by their names, each at most once, and asks for those that are `needed`. What
/// `read` says that it does not know is passed over.
fn fields(
    reader: &mut Reader<'_>,
    needed: &[&str],
    read: &mut dyn FnMut(&mut Reader<'_>, &str) -> Result<bool>,
) -> Result<()> {
    let mut seen: Vec<String> = Vec::new();
    let is_seen = |seen: &[String], name: &str| seen.iter().any(|other| other == name);
    reader.object(&mut |reader, name| {
        if !read(reader, name)? {
            return reader.skip();
        }
        if is_seen(&seen, name) {
            return Err(format!("it has two fields `{name}`"));
        }
        seen.push(name.to_owned());
        Ok(())
    })?;
    match needed.iter().find(|name| !is_seen(&seen, name)) {
        None => Ok(()),
        Some(name) => Err(format!("it has no field `{name}`")),
    }
}

/// The version of a record, whatever follows it.
pub(super) fn version(json: &str) -> Result<u32> {
    let mut version = None;
    let mut read = |reader: &mut Reader<'_>, name: &str| {
        if name != "version" {
            return reader.skip();
        }
        version = Some(read_u32(reader)?);
        Err("that is all of interest".to_owned())
    };
    let end = Reader::read(json, &mut |reader| reader.object(&mut read));
    match (version, end) {
        (Some(version), _) => Ok(version),
        (None, Err(reason)) => Err(reason),
        (None, Ok(())) => Err("it has no field `version`".to_owned()),
    }
}

/// What a record has to have. The others came with later code.
const NEEDED: [&str; 8] = [
    "version",
    "k",
    "metric",
    "preparation",
    "class_names",
    "feature_names",
    "source",
    "columns",
];

impl Record {
    /// Reads a record of a known version.
    pub(super) fn from_json(json: &str) -> Result<Self> {
        let mut record = Self::default();
        let mut read = |reader: &mut Reader<'_>, name: &str| {
            match name {
                "version" => record.version = read_u32(reader)?,
                "k" => record.k = reader.integer()?,
                "metric" => record.metric = one_of(reader, &METRICS)?,
                "voting" => record.voting = one_of(reader, &VOTINGS)?,
                "preparation" => record.preparation = one_of(reader, &PREPARATIONS)?,
                "scaling" => record.scaling = reader.option(read_scaling)?,
                "feature_weights" => record.feature_weights = reader.list_of(Reader::number)?,
                "class_names" => record.class_names = reader.list_of(Reader::string)?,
                "feature_names" => record.feature_names = reader.list_of(Reader::string)?,
                "source" => record.source = reader.string()?,
                "columns" => record.columns = reader.list_of(read_form)?,
                "engine" => record.engine = reader.option(|reader| one_of(reader, &ENGINES))?,
                "categories" => record.categories = reader.list_of(Reader::integer)?,
                "is_turned" => record.is_turned = reader.boolean()?,
                "visited_ppm" => record.visited_ppm = reader.option(read_u32)?,
                _ => return Ok(false),
            }
            Ok(true)
        };
        Reader::read(json, &mut |reader| fields(reader, &NEEDED, &mut read))?;
        Ok(record)
    }
}

fn one_of<T: Copy>(reader: &mut Reader<'_>, names: &[(&'static str, T)]) -> Result<T> {
    let name = reader.string()?;
    let found = names.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| format!("it has an unknown variant `{name}`"))
}

fn read_u32(reader: &mut Reader<'_>) -> Result<u32> {
    u32::try_from(reader.integer()?).map_err(|_| reader.expected("whole number in range"))
}

fn read_scaling(reader: &mut Reader<'_>) -> Result<Scaling> {
    let (mut offset, mut scale) = (Vec::new(), Vec::new());
    let mut read = |reader: &mut Reader<'_>, name: &str| {
        match name {
            "offset" => offset = reader.list_of(Reader::number)?,
            "scale" => scale = reader.list_of(Reader::number)?,
            _ => return Ok(false),
        }
        Ok(true)
    };
    fields(reader, &["offset", "scale"], &mut read)?;
    Ok(Scaling { offset, scale })
}

fn read_decimal(reader: &mut Reader<'_>) -> Result<Decimal> {
    let (mut base, mut divisor) = (0.0, 0.0);
    let mut read = |reader: &mut Reader<'_>, name: &str| {
        match name {
            "base" => base = reader.number()?,
            "divisor" => divisor = reader.number()?,
            _ => return Ok(false),
        }
        Ok(true)
    };
    fields(reader, &["base", "divisor"], &mut read)?;
    Ok(Decimal { base, divisor })
}

fn read_group(reader: &mut Reader<'_>) -> Result<usize> {
    let mut group = 0;
    let mut read = |reader: &mut Reader<'_>, name: &str| {
        if name == "group" {
            group = reader.integer()?;
        }
        Ok(name == "group")
    };
    fields(reader, &["group"], &mut read)?;
    Ok(group)
}

/// A form without parts is its name, one with parts an object with its name as the only key.
fn read_form(reader: &mut Reader<'_>) -> Result<Form> {
    let unknown = |name: &str| format!("it has an unknown variant `{name}`");
    if reader.peek() != Some(b'{') {
        let name = reader.string()?;
        return match &name[..] {
            "ignored" => Ok(Form::Ignored),
            "single" => Ok(Form::Single),
            "double" => Ok(Form::Double),
            _ => Err(unknown(&name)),
        };
    }
    let mut form = None;
    reader.object(&mut |reader, name| {
        let parts = match name {
            "constant" => reader.number().map(Form::Constant),
            "short" => read_decimal(reader).map(Form::Short),
            "member" => read_group(reader).map(|group| Form::Member { group }),
            _ => Err(unknown(name)),
        };
        match form.replace(parts?) {
            None => Ok(()),
            Some(_) => Err(format!("it has two fields `{name}`")),
        }
    })?;
    form.ok_or_else(|| "it has an empty form".to_owned())
}
