//! Loads a catalogued data set: built-in ones from the program, others from the folders of a [`Lookup`].

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::catalogue::{self, Entry};
use crate::checksum;
use crate::dataset::{Column, Dataset, FeatureInfo};
use crate::error::{Problem, ReadError};
use crate::file::read_bytes;
use crate::lookup::{Lookup, LookupError};

/// A catalogued set that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no such set, or its files are not here.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A file is not the published one.
    #[error(
        "{path} is not the published file (SHA-256 is {actual}, expected {expected}); fetch `{name}` again"
    )]
    Checksum {
        /// The set.
        name: &'static str,
        /// Its file.
        path: PathBuf,
        /// As published.
        expected: &'static str,
        /// As found.
        actual: String,
    },
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Loads a set by its name in the catalogue, with the catalogue's feature names, units and class names.
///
/// Built-in sets come from the program itself and touch no file. A fetched set is compared with its published checksum.
///
/// ```
/// let wine = datasets::load("wine", &datasets::Lookup::only(vec![]))?;
/// assert_eq!((wine.n_rows(), wine.n_features(), wine.classes.len()), (4_898, 11, 7));
/// # Ok::<(), datasets::LoadError>(())
/// ```
///
/// # Errors
///
/// [`LoadError::Lookup`] if there is no such set or it has not been fetched, [`LoadError::Checksum`] if a file is not the
/// published one, [`LoadError::Read`] if it cannot be read.
pub fn load(name: &str, lookup: &Lookup) -> Result<Dataset, LoadError> {
    let Some(entry) = catalogue::entry(name) else {
        return Err(LookupError::Unknown {
            name: name.to_owned(),
        }
        .into());
    };
    let parts = if entry.built_in {
        vec![read(
            entry,
            Path::new(entry.files[0].name),
            Bytes::from_static(embedded(entry)),
        )?]
    } else {
        let folder = lookup.path(name)?;
        let mut parts = vec![];
        for file in entry.files {
            let path = folder.join(file.name);
            let bytes = std::fs::read(&path).map_err(|source| ReadError::Open {
                path: path.clone(),
                source,
            })?;
            if let Err(actual) = checksum::check(&bytes, file.sha256) {
                return Err(LoadError::Checksum {
                    name: entry.name,
                    path,
                    expected: file.sha256,
                    actual,
                });
            }
            parts.push(read(entry, &path, bytes.into())?);
        }
        parts
    };
    Ok(named(entry, joined(parts)))
}

/// The file of a built-in set, as it lies in the program.
pub(crate) fn embedded(entry: &Entry) -> &'static [u8] {
    match entry.name {
        "covertype" => include_bytes!("../data/covertype.parquet"),
        "wine" => include_bytes!("../data/winequality-white.csv"),
        "elec" => include_bytes!("../data/elec.parquet"),
        "weather" => include_bytes!("../data/weather.parquet"),
        name => unreachable!("`{name}` is marked as built in but has no file here"),
    }
}

fn read(entry: &Entry, path: &Path, bytes: Bytes) -> Result<Dataset, ReadError> {
    let content_error = |problem: Problem| ReadError::Content {
        path: path.to_owned(),
        problem,
    };
    let (dataset, _) = read_bytes(bytes, entry.name.to_owned(), None).map_err(content_error)?;
    Ok(dataset)
}

/// The rows of all parts, one part after another. Parts of one set have the same columns and classes.
fn joined(mut parts: Vec<Dataset>) -> Dataset {
    let mut all = parts.remove(0);
    for part in parts {
        assert_eq!(
            all.classes, part.classes,
            "parts of `{}` have the same classes",
            all.name
        );
        all.columns = all
            .columns
            .iter()
            .zip(&part.columns)
            .map(|(a, b)| Column::narrowest(a.values().chain(b.values()).collect()))
            .collect();
        all.labels.extend(part.labels);
        if let (Some(times), Some(more)) = (&mut all.times_micros, part.times_micros) {
            times.extend(more);
        }
    }
    all
}

/// The catalogue knows better names than the files do.
fn named(entry: &Entry, dataset: Dataset) -> Dataset {
    assert_eq!(
        dataset.n_features(),
        entry.n_features,
        "features of `{}`",
        entry.name
    );
    assert_eq!(
        dataset.classes.len(),
        entry.classes.len(),
        "classes of `{}`",
        entry.name
    );
    let feature = |f: &catalogue::Feature| FeatureInfo {
        name: f.name.to_owned(),
        unit: f.unit.map(str::to_owned),
    };
    Dataset {
        features: entry.features.iter().map(feature).collect(),
        classes: entry.classes.iter().map(|&class| class.to_owned()).collect(),
        ..dataset
    }
}
