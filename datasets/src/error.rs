//! What can be wrong with a file: [`ReadError`] says where, [`Problem`] says what and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// A file that could not be read as a data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("cannot read {path}")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file's content is not a labelled table of numbers.
    #[error("{problem} ({path})")]
    Content {
        /// Which file, or the name of a built-in set.
        path: PathBuf,
        /// What is wrong, and where.
        problem: Problem,
    },
}

/// Where in a file: CSV has lines, Parquet has rows. Both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Line of a text file, the header being a line too.
    Line(u64),
    /// Row of a table, without header.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// What is wrong with a file's content.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No byte, or only blanks.
    #[error("the file is empty")]
    Empty,
    /// A header and nothing below it.
    #[error("the file has a header but no rows")]
    NoRows,
    /// Neither text nor Parquet, but known.
    #[error("this is {format}: {remedy}")]
    OtherFormat {
        /// What it is, such as `a gzip file`.
        format: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Bytes that are not UTF-8.
    #[error("line {line}: this is not UTF-8 text; save the file as UTF-8")]
    NotUtf8 {
        /// Line of the first bad byte.
        line: u64,
    },
    /// UTF-16, as some spreadsheets write it.
    #[error("this is UTF-16 text; save the file as UTF-8")]
    Utf16,
    /// Fewer than two columns under every separator tried.
    #[error(
        "only one column found, where features and a label are needed; columns are separated by comma, semicolon, tab or |"
    )]
    OneColumn,
    /// A row that is longer or shorter than the others.
    #[error("line {line}: expected {expected} columns, got {actual}")]
    Ragged {
        /// Line where the row begins.
        line: u64,
        /// Columns of the header, or of the first row.
        expected: usize,
        /// Columns of this row.
        actual: usize,
    },
    /// A cell with a line break in it.
    #[error(
        "line {line}: a cell of this row goes on over the end of the line; is there a quote (\") that nothing closes?"
    )]
    LineBreak {
        /// Line where the row begins.
        line: u64,
    },
    /// Two columns of the same name.
    #[error("columns {first} and {second} are both named `{column}`; rename one")]
    DuplicateColumn {
        /// The name.
        column: String,
        /// Position of the first, from 1.
        first: usize,
        /// Position of the second, from 1.
        second: usize,
    },
    /// An empty cell, a null, or a word that stands for one.
    #[error("{place}, column `{column}`: no value{}; fill it in or leave the row out", quoted(.text))]
    Missing {
        /// Where.
        place: Place,
        /// Column name.
        column: String,
        /// What stands there, such as `NA`; empty for an empty cell.
        text: String,
    },
    /// A text where a number belongs.
    #[error(
        "{place}, column `{column}`: `{text}` is not a number; leave the column out, or name it as the label column if it holds the classes"
    )]
    NotANumber {
        /// Where.
        place: Place,
        /// Column name.
        column: String,
        /// The text found, shortened if long.
        text: String,
    },
    /// A number with commas: before its decimals, or between its thousands.
    #[error(
        "{place}, column `{column}`: `{text}` has a comma; write a decimal point, and nothing between thousands"
    )]
    Comma {
        /// Where.
        place: Place,
        /// Column name.
        column: String,
        /// The text found.
        text: String,
    },
    /// Infinity, or a number too large for f64.
    #[error("{place}, column `{column}`: `{text}` is not a finite number")]
    NotFinite {
        /// Where.
        place: Place,
        /// Column name.
        column: String,
        /// The text found.
        text: String,
    },
    /// A whole number that f64 would round.
    #[error("{place}, column `{column}`: {value} is beyond 2^53 and would lose digits; leave the column out")]
    TooLarge {
        /// Where.
        place: Place,
        /// Column name.
        column: String,
        /// The number.
        value: i128,
    },
    /// A column of times with something else in it.
    #[error("{place}, column `{column}`: `{text}` is not a time; write it like 2015-02-04 17:51:00")]
    NotATime {
        /// Where.
        place: Place,
        /// Column name.
        column: String,
        /// The text found, shortened if long.
        text: String,
    },
    /// Times of day without a date beside them.
    #[error(
        "column `{column}` has times of day but no column has their date; add the date or leave the column out"
    )]
    TimeWithoutDate {
        /// Column name.
        column: String,
    },
    /// The label column asked for does not exist.
    #[error("no column is named `{label}`; the columns are {}", listed(.columns))]
    UnknownLabel {
        /// What was asked for.
        label: String,
        /// What there is.
        columns: Vec<String>,
    },
    /// A label column that holds measurements rather than classes.
    #[error(
        "column `{column}` has more than {limit} different values and does not look like a class; name another label column"
    )]
    TooManyClasses {
        /// Column name.
        column: String,
        /// The most that are taken.
        limit: usize,
    },
    /// Nothing is left to classify by.
    #[error("no column is left as a feature beside the label `{label}`")]
    NoFeatures {
        /// The label column.
        label: String,
    },
    /// More rows than a `u32` counts.
    #[error("the file has more than 4,294,967,295 rows")]
    TooManyRows,
    /// A Parquet column of a type that is not a number, text, truth value or time.
    #[error(
        "column `{column}` is of type {type_name}, which is neither number, text, truth value nor time; convert it, or leave it out"
    )]
    Unsupported {
        /// Column name.
        column: String,
        /// Its type in the file.
        type_name: String,
    },
    /// A Parquet file compressed as few are.
    #[error("compressed by {codec}; write the file with snappy, gzip or zstd, or uncompressed")]
    Compression {
        /// Name of the compression.
        codec: String,
    },
    /// The Parquet reader refused the file.
    #[error("not readable as Parquet: {message}")]
    Parquet {
        /// What the reader said.
        message: String,
    },
}

fn quoted(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" (`{text}`)")
    }
}

/// At most 30 names: a message is for reading.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 30;
    let mut list = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        list.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    list
}

/// A text as an error message shows it: at most 40 characters.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
