//! Reads a labelled table from a Parquet file, column by column, without Arrow.
//!
//! Columns of numbers, truth values (0 and 1), text (the label only), dates and time stamps; no lists, decimals or
//! nested columns; no null. Compression: none, snappy, gzip or zstd. `table` holds the rules for label, times and row
//! numbers.
//!
//! The Parquet library panics on some damaged pages. Such a panic ends the reading of that file and becomes an error
//! ([`guarded`]); it is still told on stderr, so nothing that comes over a socket should be read with this.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, LogicalType, TimeUnit, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use crate::dataset::Dataset;
use crate::error::{Place, Problem, shortened};
use crate::labels::TextLabels;
use crate::table::{self, MAX_EXACT, RawColumn, Report, Values};
use crate::time;

/// The first four bytes of every Parquet file.
pub(crate) const MAGIC: &[u8] = b"PAR1";

const MICROS_PER_DAY: i64 = 86_400_000_000;

pub(crate) fn read(bytes: Bytes, name: String, label: Option<&str>) -> Result<(Dataset, Report), Problem> {
    guarded(|| read_unguarded(bytes, name, label))
}

/// Turns a panic of the Parquet library into an error. Nothing outlives `read` that the panic could have left half done.
fn guarded<T>(read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(Problem::Parquet {
            message: "a page is damaged".to_owned(),
        })
    })
}

fn read_unguarded(bytes: Bytes, name: String, label: Option<&str>) -> Result<(Dataset, Report), Problem> {
    let n_bytes = bytes.len() as u64;
    let file = SerializedFileReader::new(bytes)?;
    check_places(&file, n_bytes)?;
    check_compression(&file)?;
    let schema = file.metadata().file_metadata().schema_descr();
    if u32::try_from(file.metadata().file_metadata().num_rows()).is_err() {
        return Err(Problem::TooManyRows);
    }
    let names: Vec<String> = schema
        .columns()
        .iter()
        .map(|column| column.path().string())
        .collect();
    if names.len() < 2 {
        return Err(Problem::OneColumn);
    }
    table::check_names(&names)?;
    let kinds: Vec<Option<Kind>> = schema.columns().iter().map(|column| Kind::of(column)).collect();
    let label_idx = table::label_idx(&names, label, |idx| {
        kinds[idx].is_some_and(|kind| !kind.is_time()) && !table::is_pandas_index(&names[idx])
    })?;

    let mut columns = vec![];
    for (idx, name) in names.into_iter().enumerate() {
        let is_label = idx == label_idx;
        if !is_label && table::is_pandas_index(&name) {
            let values = Values::LeftOut("it is the index of a pandas table");
            columns.push(RawColumn { name, values });
            continue;
        }
        let kind = kinds[idx].filter(|kind| {
            if is_label {
                !kind.is_time()
            } else {
                *kind != Kind::Text
            }
        });
        let Some(kind) = kind else {
            return Err(refusal(&file, idx, name, kinds[idx]));
        };
        columns.push(RawColumn {
            values: read_column(&file, idx, kind, &name)?,
            name,
        });
    }
    if file.metadata().file_metadata().num_rows() == 0 {
        return Err(Problem::NoRows);
    }
    table::assemble(name, columns, label_idx, "Parquet".to_owned())
}

/// The Parquet reader takes it for granted that columns lie within the file and that row counts agree, and panics if not.
fn check_places(file: &SerializedFileReader<Bytes>, n_bytes: u64) -> Result<(), Problem> {
    let is_sound = |group: &RowGroupMetaData| {
        group.columns().iter().all(|column| {
            let begin = column
                .dictionary_page_offset()
                .unwrap_or(column.data_page_offset());
            let end = begin.checked_add(column.compressed_size());
            begin >= 0
                && column.compressed_size() >= 0
                && end.is_some_and(|end| end.unsigned_abs() <= n_bytes)
                && (column.num_values() == group.num_rows() || column.column_descr().max_rep_level() > 0)
        })
    };
    let metadata = file.metadata();
    let n_rows = metadata
        .row_groups()
        .iter()
        .try_fold(0_i64, |sum, group| sum.checked_add(group.num_rows()));
    if n_rows == Some(metadata.file_metadata().num_rows()) && metadata.row_groups().iter().all(is_sound) {
        Ok(())
    } else {
        Err(Problem::Parquet {
            message: "its table of contents contradicts itself".to_owned(),
        })
    }
}

/// Compression that other tools may be told to use; what they use by default can be read.
fn check_compression(file: &SerializedFileReader<Bytes>) -> Result<(), Problem> {
    let groups = file.metadata().row_groups().iter();
    let mut used = groups
        .flat_map(RowGroupMetaData::columns)
        .map(|column| column.compression());
    let is_read = |codec: &Compression| {
        matches!(
            codec,
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_)
        )
    };
    match used.find(|codec| !is_read(codec)) {
        Some(codec) => Err(Problem::Compression {
            codec: first_word(&codec.to_string()).to_ascii_lowercase(),
        }),
        None => Ok(()),
    }
}

/// `Decimal` of `Decimal(DecimalType { … })`.
fn first_word(text: &str) -> &str {
    text.split(['(', ' ']).next().unwrap_or_default()
}

/// What the cells of a column mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    UnsignedNumber,
    Truth,
    Text,
    /// Days since the epoch.
    Date,
    /// Time stamps: µs per unit as a numerator and a denominator.
    DateTime(i64, i64),
}

impl Kind {
    /// `None` for a type that cannot be used.
    fn of(column: &ColumnDescriptor) -> Option<Self> {
        if column.max_rep_level() > 0 || column.max_def_level() > 1 {
            return None;
        }
        if let Some(LogicalType::Timestamp(stamp)) = column.logical_type_ref() {
            return match stamp.unit {
                TimeUnit::MILLIS => Some(Self::DateTime(1_000, 1)),
                TimeUnit::MICROS => Some(Self::DateTime(1, 1)),
                TimeUnit::NANOS => Some(Self::DateTime(1, 1_000)),
            };
        }
        match (column.physical_type(), column.converted_type()) {
            (PhysicalType::BOOLEAN, _) => Some(Self::Truth),
            (PhysicalType::FLOAT | PhysicalType::DOUBLE, _) => Some(Self::Number),
            (PhysicalType::INT32, ConvertedType::DATE) => Some(Self::Date),
            (PhysicalType::INT64, ConvertedType::TIMESTAMP_MILLIS) => Some(Self::DateTime(1_000, 1)),
            (PhysicalType::INT64, ConvertedType::TIMESTAMP_MICROS) => Some(Self::DateTime(1, 1)),
            (PhysicalType::INT32 | PhysicalType::INT64, converted) => match converted {
                ConvertedType::NONE if column.logical_type_ref().is_none() => Some(Self::Number),
                ConvertedType::INT_8
                | ConvertedType::INT_16
                | ConvertedType::INT_32
                | ConvertedType::INT_64 => Some(Self::Number),
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64 => Some(Self::UnsignedNumber),
                _ => None,
            },
            (PhysicalType::BYTE_ARRAY, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::NONE) => {
                Some(Self::Text)
            }
            _ => None,
        }
    }

    fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::DateTime(..))
    }
}

/// A text column that is not the label: its first cell is shown, as for CSV. Any other column: its type.
fn refusal(file: &SerializedFileReader<Bytes>, idx: usize, column: String, kind: Option<Kind>) -> Problem {
    if kind == Some(Kind::Text)
        && let Ok(texts) = file
            .get_row_group(0)
            .and_then(|group| group.get_column_reader(idx))
            .map_err(Problem::from)
            .and_then(|reader| cells::<parquet::data_type::ByteArrayType>(typed(reader), &column, 0, 1))
        && let Some(text) = texts.first()
    {
        let text = shortened(&String::from_utf8_lossy(text.data()));
        return Problem::NotANumber {
            place: Place::Row(1),
            column,
            text,
        };
    }
    let descriptor = file.metadata().file_metadata().schema_descr().column(idx);
    let type_name = match descriptor.logical_type_ref() {
        _ if descriptor.max_rep_level() > 0 => "list".to_owned(),
        _ if descriptor.max_def_level() > 1 => "struct".to_owned(),
        Some(logical) => first_word(&format!("{logical:?}")).to_owned(),
        None => descriptor.physical_type().to_string(),
    };
    Problem::Unsupported { column, type_name }
}

fn typed<T: DataType>(reader: ColumnReader) -> ColumnReaderImpl<T> {
    parquet::column::reader::get_typed_column_reader(reader)
}

fn read_column(
    file: &SerializedFileReader<Bytes>,
    idx: usize,
    kind: Kind,
    name: &str,
) -> Result<Values, Problem> {
    let mut column = Collected::new(kind);
    let mut n_rows = 0;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        let n = usize::try_from(group.metadata().num_rows()).map_err(|_| Problem::TooManyRows)?;
        let reader = group.get_column_reader(idx)?;
        column.append(reader, name, n_rows, n)?;
        n_rows += n;
    }
    Ok(column.values)
}

/// The cells of one column chunk; none may be null.
fn cells<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    column: &str,
    n_rows_before: usize,
    n_rows: usize,
) -> Result<Vec<T::T>, Problem> {
    let (mut values, mut levels) = (vec![], vec![]);
    while levels.len().max(values.len()) < n_rows {
        let n_left = n_rows - levels.len().max(values.len());
        let (n_records, n_values, _) = reader.read_records(n_left, Some(&mut levels), None, &mut values)?;
        if n_records == 0 {
            return Err(Problem::Parquet {
                message: format!("column `{column}` ends before its row group"),
            });
        }
        if n_values < n_records {
            let null = levels.iter().position(|&level| level == 0).unwrap_or_default();
            let place = Place::Row((n_rows_before + null + 1) as u64);
            return Err(Problem::Missing {
                place,
                column: column.to_owned(),
                text: "null".to_owned(),
            });
        }
    }
    Ok(values)
}

/// A column being collected over the row groups.
struct Collected {
    kind: Kind,
    values: Values,
}

impl Collected {
    fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Number | Kind::UnsignedNumber => Values::Integers(vec![]),
            Kind::Truth => Values::Integers(vec![]),
            Kind::Text => Values::Texts(TextLabels::default()),
            Kind::Date => Values::Dates(vec![]),
            Kind::DateTime(..) => Values::DateTimes(vec![]),
        };
        Self { kind, values }
    }

    fn append(&mut self, reader: ColumnReader, name: &str, before: usize, n: usize) -> Result<(), Problem> {
        let place = |idx: usize| Place::Row((before + idx + 1) as u64);
        match reader {
            ColumnReader::BoolColumnReader(reader) => {
                self.push_integers(cells(reader, name, before, n)?.into_iter().map(i32::from));
            }
            ColumnReader::Int32ColumnReader(reader) => {
                let values = cells(reader, name, before, n)?;
                match (self.kind, &mut self.values) {
                    (Kind::Date, Values::Dates(times)) => {
                        times.extend(values.into_iter().map(|days| i64::from(days) * MICROS_PER_DAY));
                    }
                    (Kind::UnsignedNumber, _) => {
                        self.push_numbers(values.into_iter().map(|v| f64::from(v.cast_unsigned())));
                    }
                    _ => self.push_integers(values.into_iter()),
                }
            }
            ColumnReader::Int64ColumnReader(reader) => {
                let values = cells(reader, name, before, n)?;
                if let (Kind::DateTime(numerator, denominator), Values::DateTimes(times)) =
                    (self.kind, &mut self.values)
                {
                    times.extend(
                        values
                            .iter()
                            .map(|v| v.saturating_mul(numerator).div_euclid(denominator)),
                    );
                    return Ok(());
                }
                let wide = |v: i64| match self.kind {
                    Kind::UnsignedNumber => i128::from(v.cast_unsigned()),
                    _ => i128::from(v),
                };
                let is_exact = |&v: &i64| wide(v).unsigned_abs() <= u128::from(MAX_EXACT);
                // Nanoseconds since 1970 become microseconds, which are exact.
                if !time::is_time_name(name)
                    && let Some(idx) = values.iter().position(|v| !is_exact(v))
                {
                    let value = wide(values[idx]);
                    return Err(Problem::TooLarge {
                        place: place(idx),
                        column: name.to_owned(),
                        value,
                    });
                }
                self.push_numbers(values.into_iter().map(|v| v as f64));
            }
            ColumnReader::FloatColumnReader(reader) => {
                let values: Vec<f64> = cells(reader, name, before, n)?
                    .into_iter()
                    .map(f64::from)
                    .collect();
                check_finite(&values, name, place)?;
                self.push_numbers(values.into_iter());
            }
            ColumnReader::DoubleColumnReader(reader) => {
                let values = cells(reader, name, before, n)?;
                check_finite(&values, name, place)?;
                self.push_numbers(values.into_iter());
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                let values: Vec<ByteArray> = cells(reader, name, before, n)?;
                if let Values::Texts(labels) = &mut self.values {
                    for (idx, text) in values.iter().enumerate() {
                        if text.data().is_empty() {
                            return Err(Problem::Missing {
                                place: place(idx),
                                column: name.to_owned(),
                                text: String::new(),
                            });
                        }
                        labels.push(&String::from_utf8_lossy(text.data()), name)?;
                    }
                }
            }
            ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
                unreachable!("Kind::of refuses these types")
            }
        }
        Ok(())
    }

    fn push_integers(&mut self, new: impl Iterator<Item = i32>) {
        if let Values::Integers(values) = &mut self.values {
            values.extend(new);
        }
    }

    /// Turns an integer column that is still empty into one of floating-point numbers.
    fn push_numbers(&mut self, new: impl Iterator<Item = f64>) {
        if let Values::Integers(values) = &self.values {
            debug_assert!(
                values.is_empty(),
                "all row groups have the column's one physical type"
            );
            self.values = Values::Numbers(vec![]);
        }
        if let Values::Numbers(values) = &mut self.values {
            values.extend(new);
        }
    }
}

fn check_finite(values: &[f64], column: &str, place: impl Fn(usize) -> Place) -> Result<(), Problem> {
    let Some(idx) = values.iter().position(|v| !v.is_finite()) else {
        return Ok(());
    };
    let (place, column, text) = (place(idx), column.to_owned(), values[idx].to_string());
    Err(if values[idx].is_nan() {
        Problem::Missing { place, column, text }
    } else {
        Problem::NotFinite { place, column, text }
    })
}

impl From<ParquetError> for Problem {
    fn from(error: ParquetError) -> Self {
        Self::Parquet {
            message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArrayType, DoubleType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A column of numbers and one of texts, one row a text.
    fn file_with_labels(labels: &[&str]) -> Bytes {
        let schema = "message m { REQUIRED DOUBLE a; REQUIRED BYTE_ARRAY k (UTF8); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let numbers: Vec<f64> = (0..labels.len()).map(|i| i as f64).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<DoubleType>()
            .write_batch(&numbers, None, None)
            .unwrap();
        column.close().unwrap();
        let texts: Vec<ByteArray> = labels.iter().map(|&label| ByteArray::from(label)).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<ByteArrayType>()
            .write_batch(&texts, None, None)
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.into_inner().unwrap().into()
    }

    #[test]
    fn an_empty_label_is_refused_and_a_word_for_no_value_is_a_class() {
        let (dataset, _) = read(file_with_labels(&["none", "NA"]), "t".to_owned(), None).unwrap();
        assert_eq!(dataset.classes, ["NA", "none"]);
        let problem = read(file_with_labels(&["none", ""]), "t".to_owned(), None).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "row 2, column `k`: no value; fill it in or leave the row out"
        );
    }
}
