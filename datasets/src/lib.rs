//! Real data files, their readers, splits and preprocessing.
//!
//! [`load`] gives a catalogued set by name: four are part of the program, others are fetched from the archive that
//! publishes them when somebody asks for it. [`read_file`] reads any labelled table of the user's, CSV or Parquet.
//! Both give a [`Dataset`], columns in the narrowest type that keeps every value. [`split`] says which rows train and which
//! stream. Covertype as a whole takes 60 MB and well under a second to load.
//!
//! What each set is, its licence and its source stand in [`catalogue`] and in this crate's README.

mod catalogue;
mod checksum;
mod csv_file;
mod dataset;
mod error;
mod export;
mod fetch;
mod file;
mod filter;
mod labels;
mod load;
mod lookup;
mod parquet_file;
mod split;
mod table;
mod time;

pub use catalogue::{ARCHIVE_BASE_URL, Archive, Entry, Feature, File, catalogue, entry, markdown_table};
pub use dataset::{Column, Dataset, FeatureInfo};
pub use error::{Place, Problem, ReadError};
pub use export::export_csv;
pub use fetch::{FetchError, Progress, fetch, fetch_entry};
pub use file::{read_file, read_file_reported};
pub use filter::{
    BinaryLabelError, binary_label, iqr_bounds, iqr_filter_split, iqr_filter_whole, rows_within,
};
pub use load::{LoadError, load};
pub use lookup::{DATA_DIR_VARIABLE, Lookup, LookupError, cache_dir};
pub use split::{Order, Split, SplitError, split};
pub use table::Report;
