//! The rows of the tree: leaf after leaf, each leaf column by column, in the forms of `compact.rs`.
//!
//! A leaf's numbers lie together (Covertype: 5 cache lines and one of categories), because a query meets each leaf
//! by surprise. The last leaf of a tree is filled up with copies of its last row, which have no row number.

use std::hint::black_box;

use super::order::{Order, segments};
use crate::compact::{BLOCK, Columns, Feature};
use crate::pace::Pace;

/// Rows of a leaf: four SIMD registers of sums. Half as many or twice as many make little difference.
pub(crate) const LEAF: usize = 16;
/// What it takes to bring a column into the order of the leaves, of a row.
pub(super) const TILE_UNITS: usize = 3;
/// Bytes that come from memory together, on most machines.
pub(super) const CACHE_LINE: usize = 64;
/// The row number of padding.
pub(super) const NO_ROW: u32 = u32::MAX;

/// Leaves in order.
#[derive(Debug)]
pub(super) struct Leaves {
    /// Row numbers.
    pub(super) rows: Vec<[u32; LEAF]>,
    /// Where each tree begins among the leaves, and where the last one ends.
    pub(super) starts: Vec<usize>,
    /// Of each leaf, each short column.
    pub(super) shorts: Vec<[i16; LEAF]>,
    /// Of each leaf, each group's codes.
    pub(super) codes: Vec<[u8; LEAF]>,
    /// Of each leaf, each single column, then each double one less its origin and rounded: what the filter needs.
    pub(super) floats: Vec<[f32; LEAF]>,
    /// Of each leaf, each double column.
    doubles: Vec<[f64; LEAF]>,
}

impl Leaves {
    /// Takes the rows of `order`, so that they need not be held while the leaves are filled.
    pub(super) async fn new(columns: &Columns, order: &mut Order, pace: &Pace) -> Self {
        let order_rows = std::mem::take(&mut order.rows);
        let mut starts = vec![0];
        // Of each lane the row whose values it holds, and the row that it is.
        let mut sources: Vec<[u32; LEAF]> = Vec::with_capacity(order_rows.len().div_ceil(LEAF));
        let mut rows = Vec::with_capacity(sources.capacity());
        let mut start = 0;
        for end in segments(columns, &order.categories, &order_rows) {
            for leaf in order_rows[start..end].chunks(LEAF) {
                let last = leaf[leaf.len() - 1];
                sources.push(std::array::from_fn(|lane| *leaf.get(lane).unwrap_or(&last)));
                rows.push(std::array::from_fn(|lane| *leaf.get(lane).unwrap_or(&NO_ROW)));
            }
            starts.push(rows.len());
            start = end;
        }
        pace.spend(order_rows.len()).await;
        drop(order_rows);
        let mut shorts = Tiles::new(&sources, columns.shorts.len());
        for (_, column) in &columns.shorts {
            shorts.push(&sources, |row| column.values[row]);
            pace.spend(TILE_UNITS * columns.n_rows).await;
        }
        let mut codes = Tiles::new(&sources, columns.groups.len());
        for group in &columns.groups {
            codes.push(&sources, |row| group.codes[row]);
            pace.spend(TILE_UNITS * columns.n_rows).await;
        }
        let mut floats = Tiles::new(&sources, columns.singles.len() + columns.doubles.len());
        for column in &columns.singles {
            floats.push(&sources, |row| column.values[row]);
            pace.spend(TILE_UNITS * columns.n_rows).await;
        }
        let mut doubles = Tiles::new(&sources, columns.doubles.len());
        for column in &columns.doubles {
            let origin = column.origin();
            floats.push(&sources, |row| (column.values[row] - origin) as f32);
            doubles.push(&sources, |row| column.values[row]);
            pace.spend(2 * TILE_UNITS * columns.n_rows).await;
        }
        Self {
            rows,
            starts,
            shorts: shorts.tiles,
            codes: codes.tiles,
            floats: floats.tiles,
            doubles: doubles.tiles,
        }
    }

    pub(super) fn n_leaves(&self) -> usize {
        self.rows.len()
    }

    /// The short columns of a leaf.
    pub(super) fn shorts_of(&self, leaf: usize, n_shorts: usize) -> &[[i16; LEAF]] {
        &self.shorts[leaf * n_shorts..][..n_shorts]
    }

    /// The single and the rounded double columns of a leaf.
    pub(super) fn floats_of(&self, leaf: usize, n_floats: usize) -> &[[f32; LEAF]] {
        &self.floats[leaf * n_floats..][..n_floats]
    }

    /// Has the cache lines of a leaf on their way while others are looked at: a load from each, which nothing waits for.
    ///
    /// In a large table most of a query's time goes by until leaves arrive from memory; so several come at a time. The
    /// values go nowhere: [`black_box`] only keeps the compiler from leaving the loads out.
    pub(super) fn fetch(&self, columns: &Columns, leaf: usize) {
        black_box(self.rows[leaf][0]);
        for codes in self
            .codes_of(leaf, columns.groups.len())
            .iter()
            .step_by(CACHE_LINE / LEAF)
        {
            black_box(codes[0]);
        }
        for values in self
            .shorts_of(leaf, columns.shorts.len())
            .iter()
            .step_by(CACHE_LINE / (2 * LEAF))
        {
            black_box(values[0]);
        }
        for values in self.floats_of(leaf, columns.singles.len() + columns.doubles.len()) {
            black_box(values[0]);
        }
    }

    /// The codes of a leaf's groups.
    pub(super) fn codes_of(&self, leaf: usize, n_groups: usize) -> &[[u8; LEAF]] {
        &self.codes[leaf * n_groups..][..n_groups]
    }

    /// Every row number with its leaf and lane.
    pub(super) fn row_numbers(&self) -> impl Iterator<Item = (u32, usize, usize)> + '_ {
        let lanes = |(leaf, rows): (usize, &[u32; LEAF])| {
            let rows = *rows;
            (0..LEAF).map(move |lane| (rows[lane], leaf, lane))
        };
        self.rows
            .iter()
            .enumerate()
            .flat_map(lanes)
            .filter(|(row, ..)| *row != NO_ROW)
    }

    /// `columns` with the values that are here, in the order of rows.
    pub(super) fn restore(&self, columns: &Columns) -> Columns {
        let mut restored = columns.clone();
        let padded = columns.n_rows.next_multiple_of(BLOCK);
        for (idx, (_, column)) in restored.shorts.iter_mut().enumerate() {
            column.values = self.column(&self.shorts, idx, padded);
        }
        for (idx, group) in restored.groups.iter_mut().enumerate() {
            group.codes = self.column(&self.codes, idx, padded);
        }
        for (idx, column) in restored.singles.iter_mut().enumerate() {
            column.values = self.column(&self.floats, idx, padded);
        }
        for (idx, column) in restored.doubles.iter_mut().enumerate() {
            column.values = self.column(&self.doubles, idx, padded);
        }
        restored
    }

    /// One column of `tiles` in the order of rows.
    fn column<T: Copy + Default>(&self, tiles: &[[T; LEAF]], idx: usize, padded: usize) -> Vec<T> {
        let n_columns = tiles.len() / self.n_leaves();
        let mut values = vec![T::default(); padded];
        for (row, leaf, lane) in self.row_numbers() {
            values[row as usize] = tiles[leaf * n_columns + idx][lane];
        }
        values
    }

    /// The very value of `feature` in a lane of a leaf.
    pub(super) fn value(&self, columns: &Columns, leaf: usize, lane: usize, feature: usize) -> f64 {
        match columns.features[feature] {
            Feature::Ignored => 0.0,
            Feature::Constant(value) => value,
            Feature::Short(idx) => {
                let u = self.shorts[leaf * columns.shorts.len() + idx][lane];
                columns.shorts[idx].0.value(u)
            }
            Feature::Member { group, code } => {
                let actual = self.codes[leaf * columns.groups.len() + group][lane];
                f64::from(u8::from(actual == code))
            }
            Feature::Single(idx) => {
                let n_floats = columns.singles.len() + columns.doubles.len();
                self.floats[leaf * n_floats + idx][lane].into()
            }
            Feature::Double(idx) => self.doubles[leaf * columns.doubles.len() + idx][lane],
        }
    }

    /// Memory held.
    pub(super) fn n_bytes(&self) -> usize {
        size_of_val(&self.rows[..])
            + size_of_val(&self.starts[..])
            + size_of_val(&self.shorts[..])
            + size_of_val(&self.codes[..])
            + size_of_val(&self.floats[..])
            + size_of_val(&self.doubles[..])
    }
}

/// Of each leaf, each column: filled column by column.
struct Tiles<T> {
    tiles: Vec<[T; LEAF]>,
    n_columns: usize,
    /// Columns that are there.
    n_pushed: usize,
}

impl<T: Copy + Default> Tiles<T> {
    fn new(leaves: &[[u32; LEAF]], n_columns: usize) -> Self {
        Self {
            tiles: vec![[T::default(); LEAF]; leaves.len() * n_columns],
            n_columns,
            n_pushed: 0,
        }
    }

    /// Adds a column of which `value` is what a row holds.
    fn push(&mut self, leaves: &[[u32; LEAF]], value: impl Fn(usize) -> T) {
        let of_column = self.tiles.iter_mut().skip(self.n_pushed).step_by(self.n_columns);
        for (tile, rows) in of_column.zip(leaves) {
            for (place, row) in tile.iter_mut().zip(rows) {
                *place = value(*row as usize);
            }
        }
        self.n_pushed += 1;
    }
}
