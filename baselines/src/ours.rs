//! The product behind the same three methods as what it is compared with.

use classifier::{Knn, KnnBuilder, KnnOptions, ModelMetadata, Preparation, RowMajor};
use wasm_bindgen::prelude::*;

/// The classifier of `crates/classifier`. It is given rows and queries as recorded, and prepares them itself.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Ours {
    knn: Knn,
    rows: Vec<u32>,
}

impl Ours {
    /// Fits to row-major `values` in one go, standardised by the fit if `is_standard`.
    ///
    /// # Errors
    ///
    /// What the classifier says of such rows.
    pub fn fit(
        values: &[f64],
        labels: &[u32],
        n_features: usize,
        n_classes: usize,
        k: usize,
        is_standard: bool,
    ) -> Result<Self, String> {
        let mut builder = OursBuilder::new(n_features, n_classes, k, is_standard)?;
        builder.push(values, labels)?;
        builder.finish()
    }
}

#[wasm_bindgen]
impl Ours {
    /// Reads a model file.
    ///
    /// # Errors
    ///
    /// What the classifier says of such a file.
    pub fn load(bytes: &[u8]) -> Result<Self, String> {
        let (knn, _) = Knn::from_bytes(bytes).map_err(|error| error.to_string())?;
        let rows = Vec::with_capacity(knn.options().k);
        Ok(Self { knn, rows })
    }

    /// The bytes of a model file.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let names = |n: usize| (0..n).map(|idx| idx.to_string()).collect();
        self.knn.to_bytes(&ModelMetadata {
            class_names: names(self.knn.n_classes()),
            feature_names: names(self.knn.n_features()),
            ..ModelMetadata::default()
        })
    }

    /// The class of a query as recorded.
    ///
    /// # Panics
    ///
    /// If the query has not as many finite numbers as the rows have features.
    pub fn predict(&mut self, query: &[f64]) -> u32 {
        let result = self.knn.classify(query).expect("queries come from the data set");
        self.rows.clear();
        self.rows
            .extend(result.neighbours.iter().map(|neighbour| neighbour.row));
        result.class
    }

    /// The neighbours of the last query, nearest first.
    #[must_use]
    pub fn rows(&self) -> Vec<u32> {
        self.rows.clone()
    }

    /// Bytes held for the training rows and their labels.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.knn.describe().index_bytes
    }

    /// What was fitted, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        self.knn.describe().to_string()
    }
}

/// Takes the rows in chunks, so that a WebAssembly instance never holds the table as the caller has it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct OursBuilder {
    builder: KnnBuilder,
    n_features: usize,
    k: usize,
}

#[wasm_bindgen]
impl OursBuilder {
    /// Expects rows of `n_features`, to be standardised if `is_standard`.
    ///
    /// # Errors
    ///
    /// What the classifier says of such options.
    #[wasm_bindgen(constructor)]
    pub fn new(n_features: usize, n_classes: usize, k: usize, is_standard: bool) -> Result<Self, String> {
        let preparation = if is_standard {
            Preparation::Standard
        } else {
            Preparation::Raw
        };
        let options = KnnOptions {
            k,
            preparation,
            ..KnnOptions::default()
        };
        let builder = KnnBuilder::new(n_features, n_classes, &options).map_err(|error| error.to_string())?;
        Ok(Self {
            builder,
            n_features,
            k,
        })
    }

    /// Takes rows, row-major, as recorded, with one label each.
    ///
    /// # Errors
    ///
    /// What the classifier says of such rows.
    pub fn push(&mut self, values: &[f64], labels: &[u32]) -> Result<(), String> {
        let rows = RowMajor::new(values, self.n_features);
        self.builder
            .push(&rows, labels)
            .map_err(|error| error.to_string())
    }

    /// The fitted classifier.
    ///
    /// # Errors
    ///
    /// What the classifier says of all rows together.
    pub fn finish(self) -> Result<Ours, String> {
        let knn = self.builder.finish().map_err(|error| error.to_string())?;
        let rows = Vec::with_capacity(self.k);
        Ok(Ours { knn, rows })
    }
}
