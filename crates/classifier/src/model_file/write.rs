//! Writing a model file.

use super::checksum::crc32;
use super::container::Writer;
use super::json::{put, write_integer, write_integers, write_list, write_number, write_string};
use super::record::{ENGINES, METRICS, PREPARATIONS, VOTINGS};
use super::{ModelMetadata, VERSION};
use crate::compact::{Columns, Decimal, Feature};
use crate::labels::Labels;
use crate::tree::Order;
use crate::{Knn, Scaling};

impl Knn {
    /// The model as a safetensors file. Of the engine it holds which one that is and, of a tree, the order of the rows.
    ///
    /// The same model and metadata give the same bytes.
    ///
    /// # Panics
    ///
    /// Unless `metadata` names each class and each feature once and [`ModelMetadata::check`] accepts it.
    #[must_use]
    pub fn to_bytes(&self, metadata: &ModelMetadata) -> Vec<u8> {
        let [n_class_names, n_feature_names] = [&metadata.class_names, &metadata.feature_names].map(Vec::len);
        assert!(n_class_names == self.n_classes, "one name per class");
        assert!(n_feature_names == self.n_features(), "one name per feature");
        assert!(metadata.check().is_ok(), "names and source up to 7 MB");
        let columns = &*self.columns();
        let order = self.order();
        let n_rows = columns.n_rows;
        let mut tensors = Writer::default();
        // The widest numbers first: then all are aligned, as the format asks of who writes.
        let bytes = tensors.push("double", "F64", &[columns.doubles.len(), n_rows]);
        for column in &columns.doubles {
            write(bytes, &column.values[..n_rows], f64::to_le_bytes);
        }
        if let Labels::U32(labels) = &self.labels {
            write(tensors.push("labels", "U32", &[n_rows]), labels, u32::to_le_bytes);
        }
        if let Some(order) = &order {
            write(
                tensors.push("order", "U32", &[n_rows]),
                &order.rows,
                u32::to_le_bytes,
            );
        }
        let bytes = tensors.push("single", "F32", &[columns.singles.len(), n_rows]);
        for column in &columns.singles {
            write(bytes, &column.values[..n_rows], f32::to_le_bytes);
        }
        if let Labels::U16(labels) = &self.labels {
            write(tensors.push("labels", "U16", &[n_rows]), labels, u16::to_le_bytes);
        }
        let bytes = tensors.push("short", "I16", &[columns.shorts.len(), n_rows]);
        for (_, column) in &columns.shorts {
            write(bytes, &column.values[..n_rows], i16::to_le_bytes);
        }
        if let Labels::U8(labels) = &self.labels {
            tensors.push("labels", "U8", &[n_rows]).extend_from_slice(labels);
        }
        let bytes = tensors.push("category", "U8", &[columns.groups.len(), n_rows]);
        for group in &columns.groups {
            bytes.extend_from_slice(&group.codes[..n_rows]);
        }
        let record = record(self, metadata, columns, order.as_ref());
        let checksum = crc32(&[record.as_bytes(), tensors.data()]);
        tensors.into_file(&format!("{checksum:08x}"), &record)
    }
}

/// Adds `numbers` as `to_le_bytes` has them.
fn write<T: Copy, const N: usize>(bytes: &mut Vec<u8>, numbers: &[T], to_le_bytes: fn(T) -> [u8; N]) {
    for number in numbers {
        bytes.extend_from_slice(&to_le_bytes(*number));
    }
}

/// The record, with all fields.
fn record(knn: &Knn, metadata: &ModelMetadata, columns: &Columns, order: Option<&Order>) -> String {
    let mut text = String::from("{");
    let json = &mut text;
    let options = &knn.options;
    key(json, "version");
    write_integer(json, VERSION as usize);
    key(json, "k");
    write_integer(json, options.k);
    key(json, "metric");
    write_string(json, name_of(&METRICS, options.metric));
    key(json, "voting");
    write_string(json, name_of(&VOTINGS, options.voting));
    key(json, "preparation");
    write_string(json, name_of(&PREPARATIONS, options.preparation));
    key(json, "scaling");
    match &knn.preparation {
        None => put(json, "null"),
        Some(Scaling { offset, scale }) => {
            put(json, "{");
            key(json, "offset");
            write_numbers(json, offset);
            key(json, "scale");
            write_numbers(json, scale);
            put(json, "}");
        }
    }
    key(json, "feature_weights");
    write_numbers(json, &options.feature_weights);
    key(json, "class_names");
    write_strings(json, &metadata.class_names);
    key(json, "feature_names");
    write_strings(json, &metadata.feature_names);
    key(json, "source");
    write_string(json, &metadata.source);
    key(json, "columns");
    write_list(json, columns.features.len(), &mut |json, feature| {
        write_form(json, columns, columns.features[feature]);
    });
    key(json, "engine");
    write_string(json, name_of(&ENGINES, knn.describe().engine));
    key(json, "categories");
    write_integers(json, order.map_or(&[], |order| &order.categories));
    key(json, "is_turned");
    put(
        json,
        if order.is_some_and(|order| order.is_turned) {
            "true"
        } else {
            "false"
        },
    );
    key(json, "visited_ppm");
    match knn.visited_ppm {
        None => put(json, "null"),
        Some(ppm) => write_integer(json, ppm as usize),
    }
    put(json, "}");
    text
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

/// A feature's form: its name, or an object with its name as the only key.
fn write_form(json: &mut String, columns: &Columns, feature: Feature) {
    match feature {
        Feature::Ignored => write_string(json, "ignored"),
        Feature::Single(_) => write_string(json, "single"),
        Feature::Double(_) => write_string(json, "double"),
        Feature::Constant(value) => {
            put(json, "{\"constant\":");
            write_number(json, value);
            put(json, "}");
        }
        Feature::Short(idx) => {
            let Decimal { base, divisor } = columns.shorts[idx].0;
            put(json, "{\"short\":{\"base\":");
            write_number(json, base);
            put(json, ",\"divisor\":");
            write_number(json, divisor);
            put(json, "}}");
        }
        Feature::Member { group, .. } => {
            put(json, "{\"member\":{\"group\":");
            write_integer(json, group);
            put(json, "}}");
        }
    }
}
