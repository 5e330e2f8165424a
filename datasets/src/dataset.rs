//! A labelled table in memory: [`Dataset`], stored by column in the narrowest type that loses nothing.

/// A labelled table: one row a reading, in the order of its file.
///
/// Every column and `labels` (and `times_micros`, where present) have the same length.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name in the catalogue, or the file's name without its extension.
    pub name: String,
    /// What each column measures, in column order.
    pub features: Vec<FeatureInfo>,
    /// One column a feature.
    pub columns: Vec<Column>,
    /// True class of each row: a position in `classes`.
    pub labels: Vec<u32>,
    /// Class names. Numeric labels are in numeric order, others in the order of their text, unless the catalogue
    /// gives an order of its own.
    pub classes: Vec<String>,
    /// When each row was recorded, in µs since the Unix epoch, if the file says so. A time without a zone counts as UTC.
    pub times_micros: Option<Vec<i64>>,
}

/// What one column measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureInfo {
    /// Name as in the file, or as in the catalogue.
    pub name: String,
    /// Unit, where it is known.
    pub unit: Option<String>,
}

impl FeatureInfo {
    /// A feature whose unit is not known.
    #[must_use]
    pub fn unitless(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: None,
        }
    }
}

impl Dataset {
    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.labels.len()
    }

    /// Number of features.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.columns.len()
    }

    /// One value, exactly as the file has it.
    ///
    /// # Panics
    ///
    /// If `row` or `feature` is out of range.
    #[must_use]
    pub fn value(&self, row: usize, feature: usize) -> f64 {
        self.columns[feature].value(row)
    }

    /// Replaces what `out` holds by the values of one row, in feature order.
    ///
    /// # Panics
    ///
    /// If `row` is out of range.
    pub fn row_into(&self, row: usize, out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.columns.iter().map(|column| column.value(row)));
    }

    /// The given rows, in the given order, with the same features and classes. A row may be named twice.
    ///
    /// # Panics
    ///
    /// If a row is out of range.
    #[must_use]
    pub fn select(&self, rows: &[u32]) -> Self {
        Self {
            name: self.name.clone(),
            features: self.features.clone(),
            columns: self.columns.iter().map(|column| column.select(rows)).collect(),
            labels: rows.iter().map(|&row| self.labels[row as usize]).collect(),
            classes: self.classes.clone(),
            times_micros: self
                .times_micros
                .as_ref()
                .map(|times| rows.iter().map(|&row| times[row as usize]).collect()),
        }
    }
}

/// The values of one feature, in the narrowest of four types that keeps every value to the bit.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Whole numbers from -32,768 to 32,767.
    I16(Vec<i16>),
    /// Whole numbers of 32 bits.
    I32(Vec<i32>),
    /// Numbers that single precision holds exactly.
    F32(Vec<f32>),
    /// Everything else.
    F64(Vec<f64>),
}

impl Column {
    /// Stores `values` in the narrowest type. A negative zero counts as a fraction: an integer would lose its sign.
    #[must_use]
    pub fn narrowest(values: Vec<f64>) -> Self {
        if values.iter().all(|&v| is_same(f64::from(v as i16), v)) {
            Self::I16(values.iter().map(|&v| v as i16).collect())
        } else if values.iter().all(|&v| is_same(f64::from(v as i32), v)) {
            Self::I32(values.iter().map(|&v| v as i32).collect())
        } else if values.iter().all(|&v| is_same(f64::from(v as f32), v)) {
            Self::F32(values.iter().map(|&v| v as f32).collect())
        } else {
            Self::F64(values)
        }
    }

    /// Stores whole numbers in the narrowest type.
    #[must_use]
    pub fn narrowest_from_i32(values: Vec<i32>) -> Self {
        if values.iter().all(|&v| i16::try_from(v).is_ok()) {
            Self::I16(values.iter().map(|&v| v as i16).collect())
        } else {
            Self::I32(values)
        }
    }

    /// One value.
    ///
    /// # Panics
    ///
    /// If `row` is out of range.
    #[must_use]
    pub fn value(&self, row: usize) -> f64 {
        match self {
            Self::I16(values) => f64::from(values[row]),
            Self::I32(values) => f64::from(values[row]),
            Self::F32(values) => f64::from(values[row]),
            Self::F64(values) => values[row],
        }
    }

    /// All values, in row order.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.len()).map(|row| self.value(row))
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::I16(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether the column has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Smallest and largest value; `None` without rows.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        self.values().fold(None, |range, v| match range {
            None => Some((v, v)),
            Some((low, high)) => Some((low.min(v), high.max(v))),
        })
    }

    /// `i16`, `i32`, `f32` or `f64`.
    #[must_use]
    pub fn number_type_name(&self) -> &'static str {
        match self {
            Self::I16(_) => "i16",
            Self::I32(_) => "i32",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
        }
    }

    fn select(&self, rows: &[u32]) -> Self {
        fn pick<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|&row| values[row as usize]).collect()
        }
        match self {
            Self::I16(values) => Self::I16(pick(values, rows)),
            Self::I32(values) => Self::I32(pick(values, rows)),
            Self::F32(values) => Self::F32(pick(values, rows)),
            Self::F64(values) => Self::F64(pick(values, rows)),
        }
    }
}

fn is_same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_take_the_narrowest_type_that_keeps_every_bit() {
        let check = |values: &[f64], expected: &str| {
            let column = Column::narrowest(values.to_vec());
            assert_eq!(column.number_type_name(), expected, "{values:?}");
            for (row, value) in values.iter().enumerate() {
                assert_eq!(column.value(row).to_bits(), value.to_bits());
            }
        };
        check(&[], "i16");
        check(&[-32_768.0, 32_767.0], "i16");
        check(&[0.0, 32_768.0], "i32");
        check(&[f64::from(i32::MIN), f64::from(i32::MAX)], "i32");
        check(&[0.0, 2_147_483_648.0], "f32");
        check(&[0.5, 3.0], "f32");
        check(&[0.0, -0.0], "f32");
        check(&[0.1], "f64");
        check(&[2_147_483_649.0], "f64");
        assert_eq!(Column::narrowest_from_i32(vec![1, -1]).number_type_name(), "i16");
        assert_eq!(
            Column::narrowest_from_i32(vec![1, 40_000]).number_type_name(),
            "i32"
        );
    }

    #[test]
    fn range_of_nothing_is_none() {
        assert_eq!(Column::I16(vec![]).range(), None);
        assert_eq!(Column::F64(vec![2.5, -1.0]).range(), Some((-1.0, 2.5)));
    }
}
