//! Reads a labelled table from CSV text.
//!
//! Separator: tab, `;`, `|` or `,`, the first of these that splits every row looked at into the same number (two or
//! more) of cells; quotes (`"`) may enclose any cell. Header: the first row is one unless a cell of it is a number or a
//! time. A header one name shorter than the rows (as R writes it) means that the first cell is the row's name, which is
//! left out. Line ends, a byte-order mark, blanks around cells and empty lines do not matter.
//! `table` holds the rules for label, times and row numbers.

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::dataset::Dataset;
use crate::error::{Place, Problem, shortened};
use crate::labels::TextLabels;
use crate::table::{self, MAX_EXACT, RawColumn, Report, Values};
use crate::time::{self, Clock};

const SEPARATORS: [u8; 4] = [b'\t', b';', b'|', b','];
/// How much of a file the separator is judged by. Arbitrary, not tuned.
const SAMPLE_BYTES: usize = 64 * 1024;
const SAMPLE_ROWS: usize = 100;
/// Cells that mean "no value" in the files of common tools; not in the label column, where all but an empty one may be a
/// class. Compared without regard to case.
const MISSING: [&str; 8] = ["", "na", "n/a", "nan", "null", "none", "?", "-"];

pub(crate) fn read(bytes: &[u8], name: String, label: Option<&str>) -> Result<(Dataset, Report), Problem> {
    let text = text_from(bytes)?;
    let separator = separator_of(text);
    let mut rows = Rows::new(text, separator);
    if text.trim().is_empty() || !rows.next()? {
        return Err(Problem::Empty);
    }
    let first = rows.record.clone();
    let has_header = is_header(&first);
    if has_header && !rows.next()? {
        return Err(Problem::NoRows);
    }
    let n_columns = rows.record.len();
    // One cell more than names, unless it is only a separator too many at the row's end.
    let has_row_names = has_header && first.len() + 1 == n_columns && !rows.record[n_columns - 1].is_empty();
    if has_header && !has_row_names && first.len() != n_columns {
        return Err(Problem::Ragged {
            line: rows.line(),
            expected: first.len(),
            actual: n_columns,
        });
    }
    let names = names_of(&first, has_header, has_row_names);
    if n_columns < 2 {
        return Err(Problem::OneColumn);
    }
    table::check_names(&names)?;

    let first_row = &rows.record;
    let may_be_label = |idx: usize| time::parse(&first_row[idx]).is_none() && !(has_row_names && idx == 0);
    let label_idx = table::label_idx(&names, label, may_be_label)?;
    let mut columns: Vec<RawColumn> = names
        .into_iter()
        .enumerate()
        .map(|(idx, name)| RawColumn {
            values: kind_of(&first_row[idx], &name, idx == label_idx),
            name,
        })
        .collect();
    if has_row_names && label_idx != 0 {
        columns[0].values = Values::LeftOut("it names the rows");
    }

    loop {
        // A name in the header may be broken over lines; no number, class or time is.
        if rows.record.iter().any(|cell| cell.contains(['\n', '\r'])) {
            return Err(Problem::LineBreak { line: rows.line() });
        }
        if rows.record.len() != n_columns {
            return Err(Problem::Ragged {
                line: rows.line(),
                expected: n_columns,
                actual: rows.record.len(),
            });
        }
        for (cell, column) in rows.record.iter().zip(&mut columns) {
            push(cell, column, || Place::Line(rows.line()))?;
        }
        if !rows.next()? {
            break;
        }
    }

    let separator = if separator == b'\t' {
        "tab".to_owned()
    } else {
        format!("`{}`", char::from(separator))
    };
    let header = if has_header {
        "with header"
    } else {
        "without header"
    };
    table::assemble(
        name,
        columns,
        label_idx,
        format!("CSV separated by {separator}, {header}"),
    )
}

/// The records of a text, with the line on which each begins.
struct Rows<'a> {
    text: &'a str,
    reader: csv::Reader<&'a [u8]>,
    record: StringRecord,
    n_rows: u64,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str, separator: u8) -> Self {
        let reader = ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text.as_bytes());
        Self {
            text,
            reader,
            record: StringRecord::new(),
            n_rows: 0,
        }
    }

    fn next(&mut self) -> Result<bool, Problem> {
        // Neither UTF-8 nor row length nor I/O can fail: the text is in memory and the reader is flexible.
        let more = self
            .reader
            .read_record(&mut self.record)
            .expect("reading rows from a str");
        self.n_rows += u64::from(more);
        if self.n_rows > u64::from(u32::MAX) {
            Err(Problem::TooManyRows)
        } else {
            Ok(more)
        }
    }

    /// Counted anew for each error: the reader's own count is of where it stood before it skipped empty lines.
    fn line(&self) -> u64 {
        let position = self.record.position().map_or(0, csv::Position::byte) as usize;
        let rest = &self.text[position..];
        let begin = position + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        line_at(self.text.as_bytes(), begin)
    }
}

/// Line of a byte, from 1. Lines end with LF, CR LF or CR.
fn line_at(bytes: &[u8], position: usize) -> u64 {
    let is_end = |idx: &usize| match bytes[*idx] {
        b'\n' => true,
        b'\r' => bytes.get(idx + 1) != Some(&b'\n'),
        _ => false,
    };
    1 + (0..position).filter(is_end).count() as u64
}

fn text_from(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Problem::Utf16);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| Problem::NotUtf8 {
        line: line_at(bytes, error.valid_up_to()),
    })
}

/// The first separator under which all rows of the sample have the same number of cells; if there is none, the one that
/// splits most rows, so that the error names a ragged row rather than a lack of columns.
fn separator_of(text: &str) -> u8 {
    let mut end = text.len().min(SAMPLE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let is_cut = end < text.len();
    let lengths = |separator: u8| {
        let mut rows = Rows::new(&text[..end], separator);
        let mut lengths = vec![];
        while lengths.len() < SAMPLE_ROWS && rows.next().unwrap_or(false) {
            lengths.push(rows.record.len());
        }
        if is_cut && lengths.len() < SAMPLE_ROWS {
            lengths.pop(); // The sample ends within this row.
        }
        lengths
    };
    let is_even = |lengths: &[usize]| match lengths {
        [header, rest @ ..] => {
            let width = *rest.first().unwrap_or(header);
            width > 1 && (*header == width || header + 1 == width) && rest.iter().all(|&n| n == width)
        }
        [] => false,
    };
    let n_split = |separator: u8| lengths(separator).iter().filter(|&&n| n > 1).count();
    SEPARATORS
        .into_iter()
        .find(|&separator| is_even(&lengths(separator)))
        .unwrap_or_else(|| {
            SEPARATORS
                .into_iter()
                .max_by_key(|&separator| n_split(separator))
                .expect("not empty")
        })
}

fn is_header(row: &StringRecord) -> bool {
    !row.iter()
        .any(|cell| cell.parse::<f64>().is_ok_and(f64::is_finite) || time::parse(cell).is_some())
}

fn names_of(first: &StringRecord, has_header: bool, has_row_names: bool) -> Vec<String> {
    if !has_header {
        return (1..=first.len())
            .map(|number| format!("column_{number}"))
            .collect();
    }
    let row_name = has_row_names.then(|| "row name".to_owned());
    row_name
        .into_iter()
        .chain(first.iter().map(str::to_owned))
        .collect()
}

/// What a column holds, by its first cell.
fn kind_of(cell: &str, name: &str, is_label: bool) -> Values {
    match time::parse(cell) {
        _ if is_label => Values::Texts(TextLabels::default()),
        Some(Clock::DateTime(_)) => Values::DateTimes(vec![]),
        Some(Clock::Date(_)) => Values::Dates(vec![]),
        Some(Clock::TimeOfDay(_)) => Values::TimesOfDay(vec![]),
        None if time::is_time_name(name) && cell.parse::<f64>().is_err() => Values::DateTimes(vec![]),
        None => Values::Numbers(vec![]),
    }
}

fn push(cell: &str, column: &mut RawColumn, place: impl Fn() -> Place) -> Result<(), Problem> {
    let RawColumn { name, values } = column;
    // The commonest cell first: a number in a feature column.
    if let Values::Numbers(numbers) = values
        && let Ok(number) = cell.parse::<f64>()
        && number.is_finite()
    {
        // Nanoseconds since 1970 become microseconds, which are exact.
        if number.abs() >= MAX_EXACT as f64
            && !time::is_time_name(name)
            && let Ok(value) = cell.parse::<i128>()
            && value.unsigned_abs() > u128::from(MAX_EXACT)
        {
            return Err(Problem::TooLarge {
                place: place(),
                column: name.clone(),
                value,
            });
        }
        numbers.push(number);
        return Ok(());
    }
    let (place, column) = (|| place(), || name.clone());
    let is_missing = match values {
        Values::LeftOut(_) => false,
        Values::Texts(_) => cell.is_empty(),
        _ => MISSING.iter().any(|word| word.eq_ignore_ascii_case(cell)),
    };
    if is_missing {
        return Err(Problem::Missing {
            place: place(),
            column: column(),
            text: cell.to_owned(),
        });
    }
    match (values, time::parse(cell)) {
        (Values::LeftOut(_), _) => {}
        (Values::Texts(labels), _) => labels.push(cell, name)?,
        (Values::DateTimes(times), Some(Clock::DateTime(time) | Clock::Date(time))) => times.push(time),
        (Values::Dates(times), Some(Clock::Date(time))) => times.push(time),
        (Values::TimesOfDay(times), Some(Clock::TimeOfDay(time))) => times.push(time),
        (Values::DateTimes(_) | Values::Dates(_) | Values::TimesOfDay(_), _) => {
            return Err(Problem::NotATime {
                place: place(),
                column: column(),
                text: shortened(cell),
            });
        }
        (Values::Numbers(numbers), _) if cell.eq_ignore_ascii_case("true") => numbers.push(1.0),
        (Values::Numbers(numbers), _) if cell.eq_ignore_ascii_case("false") => numbers.push(0.0),
        (Values::Numbers(_) | Values::Integers(_), _) => {
            return Err(not_a_number(cell, column(), place()));
        }
    }
    Ok(())
}

fn not_a_number(cell: &str, column: String, place: Place) -> Problem {
    let text = shortened(cell);
    if cell.parse::<f64>().is_ok() {
        Problem::NotFinite { place, column, text }
    } else if cell.contains(',') && cell.replace(',', "").parse::<f64>().is_ok() {
        Problem::Comma { place, column, text }
    } else if time::looks_like_a_date(cell) {
        Problem::NotATime { place, column, text }
    } else {
        Problem::NotANumber { place, column, text }
    }
}
