//! Writing a model file.

use super::checksum::crc32;
use super::container::Writer;
use super::{Form, ModelMetadata, Record, VERSION};
use crate::Knn;
use crate::compact::{Columns, Feature};
use crate::labels::Labels;

impl Knn {
    /// The model as a safetensors file. Of the engine it holds which one that is and, of a tree, the order of the rows.
    ///
    /// The same model and metadata give the same bytes.
    ///
    /// # Panics
    ///
    /// Unless `metadata` names each class and each feature once, or if names and source take more than 100 MB.
    #[must_use]
    pub fn to_bytes(&self, metadata: &ModelMetadata) -> Vec<u8> {
        let [n_class_names, n_feature_names] = [&metadata.class_names, &metadata.feature_names].map(Vec::len);
        assert!(n_class_names == self.n_classes, "one name per class");
        assert!(n_feature_names == self.n_features(), "one name per feature");
        let columns = &*self.columns();
        let order = self.order();
        let form = |feature: &Feature| form(columns, *feature);
        let record = Record {
            version: VERSION,
            k: self.options.k,
            metric: self.options.metric,
            voting: self.options.voting,
            preparation: self.options.preparation,
            scaling: self.preparation.clone(),
            feature_weights: self.options.feature_weights.clone(),
            class_names: metadata.class_names.clone(),
            feature_names: metadata.feature_names.clone(),
            source: metadata.source.clone(),
            columns: columns.features.iter().map(form).collect(),
            engine: Some(self.describe().engine),
            categories: order
                .as_ref()
                .map_or(Vec::new(), |order| order.categories.clone()),
            is_turned: order.as_ref().is_some_and(|order| order.is_turned),
            visited_ppm: self.visited_ppm,
        };
        let n_rows = columns.n_rows;
        let mut tensors = Writer::default();
        // The widest numbers first: then all are aligned, as the format asks of who writes.
        tensors.push("double", "F64", &[columns.doubles.len(), n_rows], &mut |bytes| {
            for column in &columns.doubles {
                write(bytes, &column.values[..n_rows], f64::to_le_bytes);
            }
        });
        if let Labels::U32(labels) = &self.labels {
            tensors.push("labels", "U32", &[n_rows], &mut |bytes| {
                write(bytes, labels, u32::to_le_bytes);
            });
        }
        if let Some(order) = &order {
            tensors.push("order", "U32", &[n_rows], &mut |bytes| {
                write(bytes, &order.rows, u32::to_le_bytes);
            });
        }
        tensors.push("single", "F32", &[columns.singles.len(), n_rows], &mut |bytes| {
            for column in &columns.singles {
                write(bytes, &column.values[..n_rows], f32::to_le_bytes);
            }
        });
        if let Labels::U16(labels) = &self.labels {
            tensors.push("labels", "U16", &[n_rows], &mut |bytes| {
                write(bytes, labels, u16::to_le_bytes);
            });
        }
        tensors.push("short", "I16", &[columns.shorts.len(), n_rows], &mut |bytes| {
            for (_, column) in &columns.shorts {
                write(bytes, &column.values[..n_rows], i16::to_le_bytes);
            }
        });
        if let Labels::U8(labels) = &self.labels {
            tensors.push("labels", "U8", &[n_rows], &mut |bytes| bytes.extend(labels));
        }
        tensors.push("category", "U8", &[columns.groups.len(), n_rows], &mut |bytes| {
            for group in &columns.groups {
                bytes.extend(&group.codes[..n_rows]);
            }
        });
        let record = record.to_json();
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

/// A feature's entry in the record.
fn form(columns: &Columns, feature: Feature) -> Form {
    match feature {
        Feature::Ignored => Form::Ignored,
        Feature::Constant(value) => Form::Constant(value),
        Feature::Short(idx) => Form::Short(columns.shorts[idx].0),
        Feature::Member { group, .. } => Form::Member { group },
        Feature::Single(_) => Form::Single,
        Feature::Double(_) => Form::Double,
    }
}
