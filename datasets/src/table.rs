//! From a file's columns to a [`Dataset`]: which column is the label, which are times or row numbers, which are features.
//!
//! The rules, the same for CSV and Parquet:
//! - The label is the column asked for by name, else by position from 1, else the last column that is not a time.
//! - A column of dates with times is the time of its row, as is a date column with a time-of-day column beside it, or a
//!   column named as a time whose numbers count from 1970. The first such column is used, further ones are left out.
//! - A column that is named as a row number (`id`, `row`, `index`, no name at all, …) and counts up by one from row to
//!   row is left out, as is the index that pandas writes into Parquet files.
//! - Everything else is a feature. [`Report`] lists what was decided.

use std::fmt;

use crate::dataset::{Column, Dataset, FeatureInfo};
use crate::error::Problem;
use crate::labels::{Labels, TextLabels, labels_from_numbers};
use crate::time;

/// Whole numbers up to this are exact in f64.
pub(crate) const MAX_EXACT: u64 = 1 << 53;

/// What the reader decided about a file, for people to check: it reads as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// `CSV` or `Parquet`, with the separator and whether a header was found.
    pub format: String,
    /// The label column.
    pub label: String,
    /// The columns that give each row's time; empty if rows have none.
    pub times: Vec<String>,
    /// The columns that are neither feature nor label nor time, with the reason.
    pub left_out: Vec<(String, &'static str)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; label `{}`", self.format, self.label)?;
        if !self.times.is_empty() {
            write!(f, "; time from `{}`", self.times.join("` and `"))?;
        }
        for (name, reason) in &self.left_out {
            write!(f, "; left out `{name}` ({reason})")?;
        }
        Ok(())
    }
}

/// One column as read.
#[derive(Debug)]
pub(crate) struct RawColumn {
    pub(crate) name: String,
    pub(crate) values: Values,
}

/// The cells of one column as read. The label column may be any of the first three.
#[derive(Debug)]
pub(crate) enum Values {
    Integers(Vec<i32>),
    Numbers(Vec<f64>),
    Texts(TextLabels),
    /// µs since the epoch.
    DateTimes(Vec<i64>),
    /// µs since the epoch, at midnight.
    Dates(Vec<i64>),
    /// µs since midnight.
    TimesOfDay(Vec<i64>),
    /// Not wanted, and why.
    LeftOut(&'static str),
}

/// Position of the label column: by name, by position from 1, or the last for which `may_be_label` holds.
pub(crate) fn label_idx(
    names: &[String],
    asked_for: Option<&str>,
    may_be_label: impl Fn(usize) -> bool,
) -> Result<usize, Problem> {
    let Some(label) = asked_for else {
        return (0..names.len())
            .rev()
            .find(|&idx| may_be_label(idx))
            .ok_or(Problem::OneColumn);
    };
    let by_name = names.iter().position(|name| name == label);
    let by_position = || {
        label
            .parse()
            .ok()
            .filter(|position| (1..=names.len()).contains(position))
    };
    by_name
        .or_else(|| by_position().map(|position: usize| position - 1))
        .ok_or_else(|| Problem::UnknownLabel {
            label: label.to_owned(),
            columns: names.to_vec(),
        })
}

/// Refuses two columns of one name: a label or feature named so could be either. Columns may have no name.
pub(crate) fn check_names(names: &[String]) -> Result<(), Problem> {
    let mut first_with = std::collections::HashMap::new();
    for (idx, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(first) = first_with.insert(name, idx) {
            return Err(Problem::DuplicateColumn {
                column: name.clone(),
                first: first + 1,
                second: idx + 1,
            });
        }
    }
    Ok(())
}

/// Sorts the columns into features, label and time.
pub(crate) fn assemble(
    name: String,
    columns: Vec<RawColumn>,
    label_idx: usize,
    format: String,
) -> Result<(Dataset, Report), Problem> {
    let mut report = Report {
        format,
        label: columns[label_idx].name.clone(),
        times: vec![],
        left_out: vec![],
    };
    let mut labels = None;
    let mut times = Times::default();
    let (mut features, mut kept) = (vec![], vec![]);
    for (idx, RawColumn { name, values }) in columns.into_iter().enumerate() {
        if idx == label_idx {
            labels = Some(labels_from(values, &name)?);
            continue;
        }
        let column = match values {
            Values::Integers(values) => Column::narrowest_from_i32(values),
            Values::Numbers(values) => Column::narrowest(values),
            Values::DateTimes(values) => {
                times.date_times.push((name, values));
                continue;
            }
            Values::Dates(values) => {
                times.dates.push((name, values));
                continue;
            }
            Values::TimesOfDay(values) => {
                times.times_of_day.push((name, values));
                continue;
            }
            Values::LeftOut(reason) => {
                report.left_out.push((name, reason));
                continue;
            }
            Values::Texts(_) => unreachable!("readers keep texts for the label column alone"),
        };
        if let Some(values) = epoch_times(&name, &column) {
            times.date_times.push((name, values));
        } else if is_row_number(&name, &column) {
            report.left_out.push((name, "it numbers the rows"));
        } else {
            let name = if name.is_empty() {
                format!("column_{}", idx + 1)
            } else {
                name
            };
            features.push(FeatureInfo::unitless(name));
            kept.push(column);
        }
    }
    let times_micros = times.choose(&mut report)?;
    if kept.is_empty() {
        return Err(Problem::NoFeatures { label: report.label });
    }
    let (labels, classes) = labels.expect("label_idx is one of the columns");
    Ok((
        Dataset {
            name,
            features,
            columns: kept,
            labels,
            classes,
            times_micros,
        },
        report,
    ))
}

fn labels_from(values: Values, name: &str) -> Result<Labels, Problem> {
    match values {
        Values::Integers(values) => {
            labels_from_numbers(&values.into_iter().map(f64::from).collect::<Vec<_>>(), name)
        }
        Values::Numbers(values) => labels_from_numbers(&values, name),
        Values::Texts(texts) => Ok(texts.finish()),
        _ => unreachable!("readers read the label column as text or numbers"),
    }
}

/// Whether pandas wrote this column beside those of the table: the numbers of the rows, or what is left of them once rows
/// were chosen or sorted.
pub(crate) fn is_pandas_index(name: &str) -> bool {
    name.starts_with("__index_level_")
}

fn epoch_times(name: &str, column: &Column) -> Option<Vec<i64>> {
    time::is_time_name(name)
        .then(|| time::from_epoch_numbers(&column.values().collect::<Vec<_>>()))
        .flatten()
}

fn is_row_number(name: &str, column: &Column) -> bool {
    const NAMES: [&str; 9] = [
        "",
        "id",
        "row",
        "row id",
        "row_id",
        "rowid",
        "index",
        "no",
        "unnamed: 0",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
        && column
            .values()
            .zip(column.values().skip(1))
            .all(|(a, b)| a + 1.0 == b)
}

/// The columns that tell time, in file order.
#[derive(Debug, Default)]
struct Times {
    date_times: Vec<(String, Vec<i64>)>,
    dates: Vec<(String, Vec<i64>)>,
    times_of_day: Vec<(String, Vec<i64>)>,
}

impl Times {
    fn choose(self, report: &mut Report) -> Result<Option<Vec<i64>>, Problem> {
        let mut date_times = self.date_times.into_iter();
        let mut dates = self.dates.into_iter();
        let mut times_of_day = self.times_of_day.into_iter();
        let chosen = if let Some((name, times)) = date_times.next() {
            report.times.push(name);
            Some(times)
        } else if let Some((name, mut times)) = dates.next() {
            report.times.push(name);
            if let Some((name, since_midnight)) = times_of_day.next() {
                report.times.push(name);
                times
                    .iter_mut()
                    .zip(since_midnight)
                    .for_each(|(time, micros)| *time += micros);
            }
            Some(times)
        } else if let Some((column, _)) = times_of_day.next() {
            return Err(Problem::TimeWithoutDate { column });
        } else {
            None
        };
        let rest = date_times.chain(dates).chain(times_of_day);
        report
            .left_out
            .extend(rest.map(|(name, _)| (name, "another column gives the time")));
        Ok(chosen)
    }
}
