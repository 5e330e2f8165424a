//! The record as JSON: a field for each of [`Record`]'s, in their order.
//!
//! Fields that this code does not know are passed over; a field that is there twice is an error, and so is one of
//! another type.

use super::json::{
    Reader, Result, put, write_integer, write_integers, write_list, write_number, write_string,
};
use super::{Form, Record};
use crate::compact::Decimal;
use crate::{EngineKind, Metric, Preparation, Scaling, Voting};

const METRICS: [(&str, Metric); 2] = [("euclidean", Metric::Euclidean), ("manhattan", Metric::Manhattan)];
const VOTINGS: [(&str, Voting); 2] = [("uniform", Voting::Uniform), ("distance", Voting::Distance)];
const PREPARATIONS: [(&str, Preparation); 3] = [
    ("raw", Preparation::Raw),
    ("standard", Preparation::Standard),
    ("min-max", Preparation::MinMax),
];
const ENGINES: [(&str, EngineKind); 4] = [
    ("textbook", EngineKind::Textbook),
    ("scan", EngineKind::Scan),
    ("tree", EngineKind::Tree),
    ("auto", EngineKind::Auto),
];

/// A field that is read at most once.
struct Field<T>(Option<T>);

impl<T> Field<T> {
    const NONE: Self = Self(None);

    fn read(&mut self, key: &str, value: Result<T>) -> Result<()> {
        match self.0.replace(value?) {
            None => Ok(()),
            Some(_) => Err(format!("it has two fields `{key}`")),
        }
    }

    fn get(self, key: &str) -> Result<T> {
        self.0.ok_or_else(|| format!("it has no field `{key}`"))
    }
}

/// The version of a record, whatever else it says.
pub(super) fn version(json: &str) -> Result<u32> {
    let mut version = Field::NONE;
    Reader::read(json, |reader| {
        reader.object(&mut |reader, key| match key {
            "version" => version.read(key, read_u32(reader)),
            _ => reader.skip(),
        })
    })?;
    version.get("version")
}

impl Record {
    /// Reads a record of a known version.
    pub(super) fn from_json(json: &str) -> Result<Self> {
        let mut version = Field::NONE;
        let mut k = Field::NONE;
        let mut metric = Field::NONE;
        let mut voting = Field::NONE;
        let mut preparation = Field::NONE;
        let mut scaling = Field::NONE;
        let mut feature_weights = Field::NONE;
        let mut class_names = Field::NONE;
        let mut feature_names = Field::NONE;
        let mut source = Field::NONE;
        let mut columns = Field::NONE;
        let mut engine = Field::NONE;
        let mut categories = Field::NONE;
        let mut is_turned = Field::NONE;
        let mut visited_ppm = Field::NONE;
        Reader::read(json, |reader| {
            reader.object(&mut |reader, key| match key {
                "version" => version.read(key, read_u32(reader)),
                "k" => k.read(key, reader.integer()),
                "metric" => metric.read(key, one_of(reader, &METRICS)),
                "voting" => voting.read(key, one_of(reader, &VOTINGS)),
                "preparation" => preparation.read(key, one_of(reader, &PREPARATIONS)),
                "scaling" => scaling.read(key, reader.option(read_scaling)),
                "feature_weights" => feature_weights.read(key, reader.list_of(Reader::number)),
                "class_names" => class_names.read(key, reader.list_of(Reader::string)),
                "feature_names" => feature_names.read(key, reader.list_of(Reader::string)),
                "source" => source.read(key, reader.string()),
                "columns" => columns.read(key, reader.list_of(read_form)),
                "engine" => engine.read(key, reader.option(|reader| one_of(reader, &ENGINES))),
                "categories" => categories.read(key, reader.list_of(Reader::integer)),
                "is_turned" => is_turned.read(key, reader.boolean()),
                "visited_ppm" => visited_ppm.read(key, reader.option(read_u32)),
                _ => reader.skip(),
            })
        })?;
        Ok(Self {
            version: version.get("version")?,
            k: k.get("k")?,
            metric: metric.get("metric")?,
            voting: voting.0.unwrap_or_default(),
            preparation: preparation.get("preparation")?,
            scaling: scaling.0.flatten(),
            feature_weights: feature_weights.0.unwrap_or_default(),
            class_names: class_names.get("class_names")?,
            feature_names: feature_names.get("feature_names")?,
            source: source.get("source")?,
            columns: columns.get("columns")?,
            engine: engine.0.flatten(),
            categories: categories.0.unwrap_or_default(),
            is_turned: is_turned.0.unwrap_or_default(),
            visited_ppm: visited_ppm.0.flatten(),
        })
    }

    /// Writes the record.
    pub(super) fn to_json(&self) -> String {
        let mut json = String::from("{");
        key(&mut json, "version");
        write_integer(&mut json, self.version as usize);
        key(&mut json, "k");
        write_integer(&mut json, self.k);
        key(&mut json, "metric");
        write_string(&mut json, name_of(&METRICS, self.metric));
        key(&mut json, "voting");
        write_string(&mut json, name_of(&VOTINGS, self.voting));
        key(&mut json, "preparation");
        write_string(&mut json, name_of(&PREPARATIONS, self.preparation));
        key(&mut json, "scaling");
        match &self.scaling {
            None => put(&mut json, "null"),
            Some(Scaling { offset, scale }) => {
                put(&mut json, "{");
                key(&mut json, "offset");
                write_numbers(&mut json, offset);
                key(&mut json, "scale");
                write_numbers(&mut json, scale);
                put(&mut json, "}");
            }
        }
        key(&mut json, "feature_weights");
        write_numbers(&mut json, &self.feature_weights);
        key(&mut json, "class_names");
        write_strings(&mut json, &self.class_names);
        key(&mut json, "feature_names");
        write_strings(&mut json, &self.feature_names);
        key(&mut json, "source");
        write_string(&mut json, &self.source);
        key(&mut json, "columns");
        write_list(&mut json, self.columns.len(), &mut |json, at| {
            write_form(json, &self.columns[at]);
        });
        key(&mut json, "engine");
        match self.engine {
            None => put(&mut json, "null"),
            Some(engine) => write_string(&mut json, name_of(&ENGINES, engine)),
        }
        key(&mut json, "categories");
        write_integers(&mut json, &self.categories);
        key(&mut json, "is_turned");
        put(&mut json, if self.is_turned { "true" } else { "false" });
        key(&mut json, "visited_ppm");
        match self.visited_ppm {
            None => put(&mut json, "null"),
            Some(ppm) => write_integer(&mut json, ppm as usize),
        }
        put(&mut json, "}");
        json
    }
}

/// Writes a key, after a comma unless it is an object's first.
fn key(json: &mut String, key: &str) {
    if !json.ends_with('{') {
        put(json, ",");
    }
    write_string(json, key);
    put(json, ":");
}

fn write_numbers(json: &mut String, numbers: &[f64]) {
    write_list(json, numbers.len(), &mut |json, at| {
        write_number(json, numbers[at])
    });
}

fn write_strings(json: &mut String, strings: &[String]) {
    write_list(json, strings.len(), &mut |json, at| {
        write_string(json, &strings[at])
    });
}

fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    let found = names.iter().find(|(_, named)| *named == value);
    found.expect("every value has a name").0
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
    let (mut offset, mut scale) = (Field::NONE, Field::NONE);
    reader.object(&mut |reader, key| match key {
        "offset" => offset.read(key, reader.list_of(Reader::number)),
        "scale" => scale.read(key, reader.list_of(Reader::number)),
        _ => reader.skip(),
    })?;
    Ok(Scaling {
        offset: offset.get("offset")?,
        scale: scale.get("scale")?,
    })
}

fn read_decimal(reader: &mut Reader<'_>) -> Result<Decimal> {
    let (mut base, mut divisor) = (Field::NONE, Field::NONE);
    reader.object(&mut |reader, key| match key {
        "base" => base.read(key, reader.number()),
        "divisor" => divisor.read(key, reader.number()),
        _ => reader.skip(),
    })?;
    Ok(Decimal {
        base: base.get("base")?,
        divisor: divisor.get("divisor")?,
    })
}

fn read_group(reader: &mut Reader<'_>) -> Result<usize> {
    let mut group = Field::NONE;
    reader.object(&mut |reader, key| match key {
        "group" => group.read(key, reader.integer()),
        _ => reader.skip(),
    })?;
    group.get("group")
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
    let mut form = Field::NONE;
    reader.object(&mut |reader, name| {
        let parts = match name {
            "constant" => reader.number().map(Form::Constant),
            "short" => read_decimal(reader).map(Form::Short),
            "member" => read_group(reader).map(|group| Form::Member { group }),
            _ => Err(unknown(name)),
        };
        form.read(name, parts)
    })?;
    form.get("of a form")
}

fn write_form(json: &mut String, form: &Form) {
    let name = match form {
        Form::Ignored => return write_string(json, "ignored"),
        Form::Single => return write_string(json, "single"),
        Form::Double => return write_string(json, "double"),
        Form::Constant(_) => "constant",
        Form::Short(_) => "short",
        Form::Member { .. } => "member",
    };
    put(json, "{");
    key(json, name);
    match form {
        Form::Constant(value) => write_number(json, *value),
        Form::Short(Decimal { base, divisor }) => {
            put(json, "{");
            key(json, "base");
            write_number(json, *base);
            key(json, "divisor");
            write_number(json, *divisor);
            put(json, "}");
        }
        Form::Member { group } => {
            put(json, "{");
            key(json, "group");
            write_integer(json, *group);
            put(json, "}");
        }
        Form::Ignored | Form::Single | Form::Double => {}
    }
    put(json, "}");
}
