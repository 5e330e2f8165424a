//! Reads a file of the user's: CSV or Parquet, told apart by content.

use std::path::Path;

use crate::csv_file;
use crate::dataset::Dataset;
use crate::error::{Problem, ReadError};
use crate::parquet_file;
use crate::table::Report;

/// Reads a CSV or Parquet file. `label` is the label column's name, or its position from 1; `None` takes the last column
/// that is not a time.
///
/// See [`read_file_reported`] for what the reader decides by itself.
///
/// # Errors
///
/// [`ReadError::Open`] if the file cannot be read, [`ReadError::Content`] with line and column if its content cannot be
/// used.
pub fn read_file(path: &Path, label: Option<&str>) -> Result<Dataset, ReadError> {
    read_file_reported(path, label).map(|(dataset, _)| dataset)
}

/// As [`read_file`], and tells what was decided.
///
/// CSV: the separator is tab, `;`, `|` or `,`, the first of these that splits all of the first rows into the same number
/// of cells. The first row is a header unless one of its cells is a number or a time. A header that is one name short (as
/// R writes it) means that the first cell names the row.
///
/// Both formats: a column of ISO times (`2015-02-04 17:51:00`), of dates with a column of times of day beside it, or one
/// named `time`, `date`, `timestamp` and the like whose numbers count from 1970, becomes
/// [`times_micros`](Dataset::times_micros) instead of a feature. A column named `id`, `row`, `index` and the like, or not
/// named at all, that counts up by one from row to row is left out. Every other column but the label has to be numeric,
/// without a gap.
///
/// # Errors
///
/// As [`read_file`].
pub fn read_file_reported(path: &Path, label: Option<&str>) -> Result<(Dataset, Report), ReadError> {
    let bytes = std::fs::read(path).map_err(|source| ReadError::Open {
        path: path.to_owned(),
        source,
    })?;
    let name = path
        .file_stem()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    read_bytes(bytes.into(), name, label).map_err(|problem| ReadError::Content {
        path: path.to_owned(),
        problem,
    })
}

pub(crate) fn read_bytes(
    bytes: bytes::Bytes,
    name: String,
    label: Option<&str>,
) -> Result<(Dataset, Report), Problem> {
    if bytes.starts_with(parquet_file::MAGIC) {
        parquet_file::read(bytes, name, label)
    } else if let Some((format, remedy)) = other_format(&bytes) {
        Err(Problem::OtherFormat { format, remedy })
    } else {
        csv_file::read(&bytes, name, label)
    }
}

/// What else tables are kept in, by first bytes, and what to do with it.
fn other_format(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let holds = |text: &[u8]| {
        bytes[..bytes.len().min(4096)]
            .windows(text.len())
            .any(|part| part == text)
    };
    let mut letters = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    let first_letters = [letters.next(), letters.next()].map(|letter| letter.copied().unwrap_or_default());
    match bytes {
        [0x1f, 0x8b, ..] => Some(("a gzip file", "unpack it first")),
        [b'P', b'K', 3, 4, ..] if holds(b"[Content_Types].xml") || holds(b"opendocument.spreadsheet") => {
            Some(("a spreadsheet", "save it as CSV"))
        }
        [b'P', b'K', 3, 4, ..] => Some(("a zip file", "unpack it first")),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some(("an Arrow file", "write it as Parquet")),
        _ if matches!(&first_letters, b"{\"" | b"[{" | b"[[") => Some(("JSON", "write it as CSV or Parquet")),
        _ => None,
    }
}
