//! Writing a model file.

use safetensors::tensor::{Dtype, TensorInfo};

use super::checksum::crc32;
use super::{CHECKSUM_KEY, Form, LENGTH_BYTES, ModelMetadata, RECORD_KEY, Record, VERSION};
use crate::Knn;
use crate::compact::{Columns, Feature};
use crate::labels::Labels;

/// The format's own limit.
const MAX_HEADER_BYTES: usize = 100_000_000;

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
        assert_eq!(metadata.class_names.len(), self.n_classes, "one name per class");
        assert_eq!(
            metadata.feature_names.len(),
            self.n_features(),
            "one name per feature"
        );
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
        let record = serde_json::to_string(&record).expect("numbers, strings and lists become JSON");

        let n_rows = columns.n_rows;
        let mut tensors = Tensors::default();
        // The widest numbers first: then all are aligned, as the format asks of who writes.
        let doubles = columns.doubles.iter().flat_map(|column| &column.values[..n_rows]);
        let doubles = doubles.flat_map(|value| value.to_le_bytes());
        tensors.push("double", Dtype::F64, vec![columns.doubles.len(), n_rows], doubles);
        if let Labels::U32(labels) = &self.labels {
            let labels = labels.iter().flat_map(|label| label.to_le_bytes());
            tensors.push("labels", Dtype::U32, vec![n_rows], labels);
        }
        if let Some(order) = &order {
            let rows = order.rows.iter().flat_map(|row| row.to_le_bytes());
            tensors.push("order", Dtype::U32, vec![n_rows], rows);
        }
        let singles = columns.singles.iter().flat_map(|column| &column.values[..n_rows]);
        let singles = singles.flat_map(|value| value.to_le_bytes());
        tensors.push("single", Dtype::F32, vec![columns.singles.len(), n_rows], singles);
        if let Labels::U16(labels) = &self.labels {
            let labels = labels.iter().flat_map(|label| label.to_le_bytes());
            tensors.push("labels", Dtype::U16, vec![n_rows], labels);
        }
        let shorts = columns
            .shorts
            .iter()
            .flat_map(|(_, column)| &column.values[..n_rows]);
        let shorts = shorts.flat_map(|u| u.to_le_bytes());
        tensors.push("short", Dtype::I16, vec![columns.shorts.len(), n_rows], shorts);
        if let Labels::U8(labels) = &self.labels {
            tensors.push("labels", Dtype::U8, vec![n_rows], labels.iter().copied());
        }
        let codes = columns.groups.iter().flat_map(|group| &group.codes[..n_rows]);
        tensors.push(
            "category",
            Dtype::U8,
            vec![columns.groups.len(), n_rows],
            codes.copied(),
        );
        tensors.into_file(&record)
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

/// The file being written. `safetensors::serialize` would do, but for the entries of `__metadata__`, of which there are
/// two: it writes them in the order of a hash map, another one in each run.
#[derive(Default)]
struct Tensors {
    infos: Vec<(&'static str, TensorInfo)>,
    data: Vec<u8>,
}

impl Tensors {
    /// Adds a tensor, unless it has no rows in its first dimension.
    fn push(&mut self, name: &'static str, dtype: Dtype, shape: Vec<usize>, bytes: impl Iterator<Item = u8>) {
        if shape[0] == 0 {
            return;
        }
        let start = self.data.len();
        self.data
            .reserve(shape.iter().product::<usize>() * dtype.bitsize() / 8);
        self.data.extend(bytes);
        let info = TensorInfo {
            dtype,
            shape,
            data_offsets: (start, self.data.len()),
        };
        self.infos.push((name, info));
    }

    /// Length of the header, header, data.
    fn into_file(self, record: &str) -> Vec<u8> {
        let checksum = crc32(&[record.as_bytes(), &self.data]);
        let mut header = serde_json::Map::new();
        let metadata = serde_json::json!({ CHECKSUM_KEY: format!("{checksum:08x}"), RECORD_KEY: record });
        header.insert("__metadata__".to_owned(), metadata);
        for (name, info) in self.infos {
            header.insert(name.to_owned(), serde_json::json!(info));
        }
        let mut header = serde_json::to_vec(&header).expect("numbers, strings and lists become JSON");
        header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
        assert!(header.len() <= MAX_HEADER_BYTES, "names and source take too much");
        let mut file = Vec::with_capacity(LENGTH_BYTES + header.len() + self.data.len());
        file.extend((header.len() as u64).to_le_bytes());
        file.extend(header);
        file.extend(self.data);
        file
    }
}
