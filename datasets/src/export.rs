//! Writes a data set with its split as CSV, so that other tools can use the very same rows.

use std::io::Write;

use crate::dataset::Dataset;
use crate::split::Split;

/// Writes one line a row: `part` (`training` or `stream`), `row` (its number in file order, from 0), the features, `label`
/// (the class name); first the training rows, then the streamed ones, each in the split's order.
///
/// Numbers are the shortest decimals that read back as the same f64.
///
/// # Errors
///
/// Whatever `writer` returns.
///
/// # Panics
///
/// If the split names a row that the data set does not have.
pub fn export_csv(dataset: &Dataset, split: &Split, writer: impl Write) -> std::io::Result<()> {
    let mut csv = csv::Writer::from_writer(writer);
    let names = dataset.features.iter().map(|feature| feature.name.as_str());
    csv.write_record(["part", "row"].into_iter().chain(names).chain(["label"]))?;
    for (part, rows) in [("training", &split.training), ("stream", &split.stream)] {
        for &row in rows {
            csv.write_field(part)?;
            csv.write_field(row.to_string())?;
            for column in &dataset.columns {
                csv.write_field(column.value(row as usize).to_string())?;
            }
            csv.write_field(&dataset.classes[dataset.labels[row as usize] as usize])?;
            csv.write_record(None::<&[u8]>)?;
        }
    }
    csv.flush()
}
