//! Training rows stored column by column, each column in the narrowest form that loses nothing.
//!
//! Six forms, tried in this order for every feature (all comparisons are of the very f64 values, so
//! [`Columns::value`] gives back what came in; only the sign of a zero is not kept, nor are features of no weight):
//!
//! | form | when | bytes a row |
//! |---|---|---|
//! | ignored | its weight is 0: no distance depends on it | 0 |
//! | constant | one value throughout | 0 |
//! | one-hot group | 0 or 1; such features are taken in order, whatever lies between, until a row would set two; at least three | 1 for the whole group |
//! | short | `(base + u) / divisor` with a power of ten as divisor and `0 <= u <= 32767`: integers and decimals | 2 |
//! | single | every value is exactly an f32 | 4 |
//! | double | anything else | 8, and 4 beside it for the filters of the engines |
//!
//! Decimals survive because both `base + u` and the divisor are exact in f64 and IEEE division rounds correctly,
//! as does reading "0.27": both are the f64 nearest to 27/100. It is checked all the same, value by value, while rows
//! come in (`growing.rs`).

use kernels::BLOCK;

use crate::Rows;
use crate::growing::{Growing, GrowingColumn, Piece};
use crate::pace::Pace;

/// Largest power of ten that is tried as a divisor.
pub(crate) const MAX_DECIMALS: usize = 9;
pub(crate) const POWERS_OF_TEN: [f64; MAX_DECIMALS + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Scaled decimals stay below this, so that they and the rounding of `value * divisor` are exact enough:
/// 2^40 * 2^-52 is far below the half that would make a wrong integer.
const MAX_SCALED: f64 = (1_u64 << 40) as f64;
/// A group of two would take 1 byte a row instead of the 4 of two short columns, but both engines handle shorts in pairs and
/// look up each code in a table. Not measured.
const MIN_MEMBERS: usize = 3;
/// Codes are u8 and 0 says "none of them".
const MAX_MEMBERS: usize = 255;

/// Where a feature's values are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Feature {
    /// Nowhere: its weight is 0, and it counts as 0 everywhere.
    Ignored,
    /// The same everywhere.
    Constant(f64),
    /// Index into [`Columns::shorts`].
    Short(usize),
    /// 1 where the group's code is `code`, 0 elsewhere.
    Member { group: usize, code: u8 },
    /// Index into [`Columns::singles`].
    Single(usize),
    /// Index into [`Columns::doubles`].
    Double(usize),
}

/// How a short column's integers become values: `(base + u) / divisor`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decimal {
    /// Smallest value times the divisor; an integer.
    pub(crate) base: f64,
    /// A power of ten; 1 for integers.
    pub(crate) divisor: f64,
}

impl Decimal {
    pub(crate) fn value(self, u: i16) -> f64 {
        (self.base + f64::from(u)) / self.divisor
    }

    /// The integer of a value that is one of these decimals.
    pub(crate) fn short(self, value: f64) -> i16 {
        let scaled = scaled_exactly(value, self.divisor);
        let u = scaled.expect("a decimal of this power") - self.base;
        debug_assert!((0.0..=f64::from(i16::MAX)).contains(&u), "in the range seen");
        u as i16
    }

    /// Whether arithmetic with it is what the documentation says; for what comes from a file.
    pub(crate) fn is_valid(self) -> bool {
        self.base.abs() <= MAX_SCALED && self.base.fract() == 0.0 && POWERS_OF_TEN.contains(&self.divisor)
    }
}

/// Values of one feature, padded with zeros to whole blocks, and the range of the true ones.
#[derive(Debug, Clone)]
pub(crate) struct Column<T> {
    pub(crate) feature: usize,
    pub(crate) values: Vec<T>,
    pub(crate) min: T,
    pub(crate) max: T,
}

impl<T: Copy + PartialOrd + Default> Column<T> {
    /// Keeps `values`, of which there is at least one.
    pub(crate) fn new(feature: usize, mut values: Vec<T>) -> Self {
        let (mut min, mut max) = (values[0], values[0]);
        for &value in &values {
            min = if value < min { value } else { min };
            max = if value > max { value } else { max };
        }
        values.resize(values.len().next_multiple_of(BLOCK), T::default());
        Self {
            feature,
            values,
            min,
            max,
        }
    }

    /// The rows of one block.
    pub(crate) fn block(&self, block: usize) -> &[T; BLOCK] {
        &self.values.as_chunks().0[block]
    }
}

impl Column<f64> {
    /// The middle of the range. Less this, values lose least when they are rounded to f32.
    pub(crate) fn origin(&self) -> f64 {
        self.min / 2.0 + self.max / 2.0
    }
}

/// Features of which at most one is 1 in each row.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Member features; the one at `i` has code `i + 1`.
    pub(crate) members: Vec<usize>,
    /// The code of each row, 0 for none; padded.
    pub(crate) codes: Vec<u8>,
}

/// The compacted training rows.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) n_rows: usize,
    /// One entry a feature, in order.
    pub(crate) features: Vec<Feature>,
    pub(crate) shorts: Vec<(Decimal, Column<i16>)>,
    pub(crate) groups: Vec<Group>,
    pub(crate) singles: Vec<Column<f32>>,
    pub(crate) doubles: Vec<Column<f64>>,
}

impl Rows for Columns {
    fn n_rows(&self) -> usize {
        self.n_rows
    }

    fn n_features(&self) -> usize {
        self.features.len()
    }

    fn value(&self, row: usize, feature: usize) -> f64 {
        match self.features[feature] {
            Feature::Ignored => 0.0,
            Feature::Constant(value) => value,
            Feature::Short(idx) => {
                let (decimal, column) = &self.shorts[idx];
                decimal.value(column.values[row])
            }
            Feature::Member { group, code } => f64::from(u8::from(self.groups[group].codes[row] == code)),
            Feature::Single(idx) => self.singles[idx].values[row].into(),
            Feature::Double(idx) => self.doubles[idx].values[row],
        }
    }
}

impl Columns {
    /// Picks a form for each column of `rows`, which are all in and at least one.
    pub(crate) async fn new(rows: Growing, pace: &Pace) -> Self {
        let mut columns = Self {
            n_rows: rows.n_rows(),
            features: Vec::with_capacity(rows.n_features()),
            shorts: Vec::new(),
            groups: Vec::new(),
            singles: Vec::new(),
            doubles: Vec::new(),
        };
        for column in rows.into_columns() {
            match column {
                Some(column) => columns.push(&column),
                None => columns.features.push(Feature::Ignored),
            }
            pace.spend(columns.n_rows).await;
        }
        columns.dissolve_small_groups(pace).await;
        columns
    }

    /// The smallest and the largest value of `feature`.
    pub(crate) fn range(&self, feature: usize) -> (f64, f64) {
        match self.features[feature] {
            Feature::Ignored => (0.0, 0.0),
            Feature::Constant(value) => (value, value),
            Feature::Short(idx) => {
                let (decimal, column) = &self.shorts[idx];
                (decimal.value(column.min), decimal.value(column.max))
            }
            Feature::Member { .. } => (0.0, 1.0),
            Feature::Single(idx) => (self.singles[idx].min.into(), self.singles[idx].max.into()),
            Feature::Double(idx) => (self.doubles[idx].min, self.doubles[idx].max),
        }
    }

    /// The constant features with their values.
    pub(crate) fn constants(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let features = self.features.iter().enumerate();
        features.filter_map(|(feature, form)| match form {
            Feature::Constant(value) => Some((feature, *value)),
            _ => None,
        })
    }

    /// Where each group's costs begin in one table for all, and how long that is; `n + 1` codes for `n` members.
    pub(crate) fn cost_starts(&self) -> (Vec<usize>, usize) {
        let (mut starts, mut end) = (Vec::with_capacity(self.groups.len()), 0);
        for group in &self.groups {
            starts.push(end);
            end += group.members.len() + 1;
        }
        (starts, end)
    }

    /// Forgets the values; ranges and forms stay. For when a tree holds them.
    pub(crate) fn release(&mut self) {
        self.shorts
            .iter_mut()
            .for_each(|(_, column)| column.values = Vec::new());
        self.groups.iter_mut().for_each(|group| group.codes = Vec::new());
        self.singles
            .iter_mut()
            .for_each(|column| column.values = Vec::new());
        self.doubles
            .iter_mut()
            .for_each(|column| column.values = Vec::new());
    }

    /// Memory held by the values.
    pub(crate) fn n_bytes(&self) -> usize {
        let shorts: usize = self
            .shorts
            .iter()
            .map(|(_, column)| size_of_val(&column.values[..]))
            .sum();
        let codes: usize = self.groups.iter().map(|group| group.codes.len()).sum();
        let singles: usize = self
            .singles
            .iter()
            .map(|column| size_of_val(&column.values[..]))
            .sum();
        let doubles: usize = self
            .doubles
            .iter()
            .map(|column| size_of_val(&column.values[..]))
            .sum();
        shorts + codes + singles + doubles
    }

    /// Adds the next feature.
    fn push(&mut self, column: &GrowingColumn) {
        let feature = self.features.len();
        let facts = column.facts.expect("there is a row");
        let form = if facts.min == facts.max {
            Feature::Constant(facts.min)
        } else if facts.is_binary {
            self.push_member(feature, column)
        } else if let Some(decimal) = facts.decimal() {
            let extend = |piece: &Piece, to: &mut Vec<i16>| piece.extend_shorts(to, decimal);
            let shorts = self.collect(column, extend, |value| decimal.short(value));
            self.shorts.push((decimal, Column::new(feature, shorts)));
            Feature::Short(self.shorts.len() - 1)
        } else if facts.is_single {
            let singles = self.collect(column, |_, _| false, |value| value as f32);
            self.singles.push(Column::new(feature, singles));
            Feature::Single(self.singles.len() - 1)
        } else {
            let doubles = self.collect(column, |_, _| false, |value| value);
            self.doubles.push(Column::new(feature, doubles));
            Feature::Double(self.doubles.len() - 1)
        };
        self.features.push(form);
    }

    /// The values of all pieces, of each either as `extend` adds them or, where that says no, each by `convert`.
    fn collect<T>(
        &self,
        column: &GrowingColumn,
        extend: impl Fn(&Piece, &mut Vec<T>) -> bool,
        convert: impl Fn(f64) -> T,
    ) -> Vec<T> {
        let mut all = Vec::with_capacity(self.n_rows.next_multiple_of(BLOCK));
        let mut values = Vec::with_capacity(column.piece);
        for piece in &column.pieces {
            if !extend(piece, &mut all) {
                piece.write(&mut values, column.piece.min(self.n_rows - all.len()));
                all.extend(values.iter().map(|value| convert(*value)));
            }
        }
        all
    }

    /// Adds zeros and ones to the newest group, or to a new one where a row is already taken.
    fn push_member(&mut self, feature: usize, column: &GrowingColumn) -> Feature {
        let n_rows = self.n_rows;
        let all_ones = |is_fine: &mut dyn FnMut(usize) -> bool| {
            let mut start = 0;
            column.pieces.iter().all(|piece| {
                let rows = start..n_rows.min(start + column.piece);
                start = rows.end;
                piece.all_ones(rows, is_fine)
            })
        };
        let fits = self.groups.last().is_some_and(|group| {
            group.members.len() < MAX_MEMBERS && all_ones(&mut |row| group.codes[row] == 0)
        });
        let mut group = if fits { self.groups.pop() } else { None }.unwrap_or_else(|| Group {
            members: Vec::new(),
            codes: vec![0; self.n_rows.next_multiple_of(BLOCK)],
        });
        group.members.push(feature);
        let code = group.members.len() as u8;
        all_ones(&mut |row| {
            group.codes[row] = code;
            true
        });
        self.groups.push(group);
        Feature::Member {
            group: self.groups.len() - 1,
            code,
        }
    }

    /// Turns the members of groups that are too small to pay into short columns.
    async fn dissolve_small_groups(&mut self, pace: &Pace) {
        let groups = std::mem::take(&mut self.groups);
        for group in groups {
            if group.members.len() >= MIN_MEMBERS {
                for (code, &feature) in (1..).zip(&group.members) {
                    self.features[feature] = Feature::Member {
                        group: self.groups.len(),
                        code,
                    };
                }
                self.groups.push(group);
            } else {
                for (code, &feature) in (1..).zip(&group.members) {
                    let bits = group.codes[..self.n_rows]
                        .iter()
                        .map(|c| i16::from(*c == code))
                        .collect();
                    let whole = Decimal {
                        base: 0.0,
                        divisor: 1.0,
                    };
                    self.shorts.push((whole, Column::new(feature, bits)));
                    pace.spend(self.n_rows).await;
                }
            }
        }
        // Model files name a short column by its place among them, which is in feature order.
        let mut of_features = Vec::new();
        of_features.resize_with(self.features.len(), || None);
        for short in std::mem::take(&mut self.shorts) {
            let feature = short.1.feature;
            of_features[feature] = Some(short);
        }
        self.shorts.extend(of_features.into_iter().flatten());
        for (idx, (_, column)) in self.shorts.iter().enumerate() {
            self.features[column.feature] = Feature::Short(idx);
        }
    }
}

/// The integer that, divided by `divisor`, is `value` to the last bit.
pub(crate) fn scaled_exactly(value: f64, divisor: f64) -> Option<f64> {
    let scaled = value * divisor;
    // A cast instead of `round`, which is a function call per value where SSE4.1 is not assumed.
    let rounded = (scaled + 0.5_f64.copysign(scaled)) as i64 as f64;
    (rounded / divisor == value && rounded.abs() <= MAX_SCALED).then_some(rounded)
}
