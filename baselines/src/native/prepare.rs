//! `baselines prepare`: the data sets by the server's own split, and tables of uniform random numbers.

use std::path::Path;

use anyhow::Result;
use datasets::{Dataset, Lookup, Order, binary_label, iqr_filter_whole, load};
use serde_json::{Value, json};

use super::case::{Case, Part};

/// As `sensor-sim` splits when nothing else is asked for.
const TRAINING_SHARE: f64 = 0.8;
const SEED: u64 = 42;
/// The paper's cut of Wine's quality into two classes.
const GOOD_WINE: f64 = 6.0;
/// What indexes that take minutes to build are given of Covertype.
const N_SUBSET: usize = 20_000;
/// Size of the uniform tables.
const N_UNIFORM: usize = 20_000;
const N_UNIFORM_QUERIES: usize = 2_000;
const UNIFORM_FEATURES: [usize; 6] = [2, 4, 8, 16, 32, 64];

/// Writes all cases; returns their descriptions.
pub(super) fn run(folder: &Path, max_truth: usize) -> Result<Value> {
    let (wine, filtered_wine) = wines()?;
    let covertype = load("covertype", &Lookup::from_dirs(Vec::new()))?;
    let covertype = split("covertype", &covertype, SEED)?;
    let mut described = vec![
        split("wine", &wine, SEED)?.write(folder, usize::MAX)?,
        split("wine-binary", &filtered_wine, SEED)?.write(folder, usize::MAX)?,
        covertype.write(folder, max_truth)?,
        first_rows(&covertype, N_SUBSET).write(folder, max_truth.min(N_UNIFORM_QUERIES))?,
    ];
    for n_features in UNIFORM_FEATURES {
        described.push(uniform(n_features).write(folder, N_UNIFORM_QUERIES)?);
    }
    Ok(json!(described))
}

/// Wine as published, and preprocessed as the paper does it: outliers of the whole table out, two classes.
pub(super) fn wines() -> Result<(Dataset, Dataset)> {
    let wine = load("wine", &Lookup::from_dirs(Vec::new()))?;
    let filtered = binary_label(&iqr_filter_whole(&wine), GOOD_WINE)?;
    Ok((wine, filtered))
}

/// The server's split of a data set.
pub(super) fn split(name: &str, dataset: &Dataset, seed: u64) -> Result<Case> {
    let split = datasets::split(dataset.n_rows(), TRAINING_SHARE, Order::Shuffled, seed)?;
    let part = |rows: &[u32]| {
        let mut part = Part::default();
        let mut values = Vec::new();
        for &row in rows {
            dataset.row_into(row as usize, &mut values);
            part.values.extend_from_slice(&values);
            part.labels.push(dataset.labels[row as usize]);
        }
        part
    };
    Ok(Case {
        name: name.to_owned(),
        n_features: dataset.n_features(),
        n_classes: dataset.classes.len(),
        training: part(&split.training),
        queries: part(&split.stream),
    })
}

/// The case with only its first training rows, which are a sample: they were shuffled.
fn first_rows(case: &Case, n_rows: usize) -> Case {
    let training = Part {
        values: case.training.values[..n_rows * case.n_features].to_vec(),
        labels: case.training.labels[..n_rows].to_vec(),
    };
    Case {
        name: format!("{}-{}k", case.name, n_rows / 1000),
        training,
        ..case.clone()
    }
}

/// Independent features, uniform in 0..1; two classes by the first feature.
fn uniform(n_features: usize) -> Case {
    let mut random = SplitMix64(SEED + n_features as u64);
    let mut part = |n_rows: usize| {
        let values: Vec<f64> = (0..n_rows * n_features).map(|_| random.unit()).collect();
        let labels = values
            .iter()
            .step_by(n_features)
            .map(|&value| u32::from(value >= 0.5));
        Part {
            labels: labels.collect(),
            values,
        }
    };
    Case {
        name: format!("uniform-{n_features}"),
        n_features,
        n_classes: 2,
        training: part(N_UNIFORM),
        queries: part(N_UNIFORM_QUERIES),
    }
}

/// G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
struct SplitMix64(u64);

impl SplitMix64 {
    /// Uniform in 0..1, 53 bits.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
