//! The rows of the tree: leaf after leaf, each leaf column by column, in the forms of `compact.rs`.
//!
//! A leaf's numbers lie together (Covertype: 5 cache lines and one of categories), because a query meets each leaf
//! by surprise. The last leaf of a tree is filled up with copies of its last row, which have no row number.

use kernels::{BLOCK, LEAF, Tiles};

use super::order::{Order, segments};
use crate::compact::{Columns, Feature};
use crate::pace::Pace;

/// What it takes to bring a column into the order of the leaves, of a row.
pub(super) const TILE_UNITS: usize = 3;
/// Tiles that are cleared without giving way: some hundredths of a millisecond. Arbitrary, not tuned.
const TILES_AT_ONCE: usize = 1 << 12;
/// The row number of padding.
pub(super) const NO_ROW: u32 = u32::MAX;

/// Leaves in order.
#[derive(Debug)]
pub(super) struct Leaves {
    /// Row numbers, short columns, codes; each single column, then each double one less its origin and rounded: what the
    /// filter needs.
    pub(super) tiles: kernels::Leaves,
    /// Where each tree begins among the leaves, and where the last one ends.
    pub(super) starts: Vec<usize>,
    /// Of each leaf, each double column.
    doubles: Tiles<f64>,
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
        let mut shorts = Growing::new(&sources, columns.shorts.len());
        let mut codes = Growing::new(&sources, columns.groups.len());
        let mut floats = Growing::new(&sources, columns.singles.len() + columns.doubles.len());
        let mut doubles = Growing::new(&sources, columns.doubles.len());
        loop {
            let n_cleared = shorts.clear() + codes.clear() + floats.clear() + doubles.clear();
            if n_cleared == 0 {
                break;
            }
            pace.spend(LEAF * n_cleared).await;
        }
        for (_, column) in &columns.shorts {
            shorts.push(&sources, |row| column.values[row]);
            pace.spend(TILE_UNITS * columns.n_rows).await;
        }
        for group in &columns.groups {
            codes.push(&sources, |row| group.codes[row]);
            pace.spend(TILE_UNITS * columns.n_rows).await;
        }
        for column in &columns.singles {
            floats.push(&sources, |row| column.values[row]);
            pace.spend(TILE_UNITS * columns.n_rows).await;
        }
        for column in &columns.doubles {
            let origin = column.origin();
            floats.push(&sources, |row| (column.values[row] - origin) as f32);
            doubles.push(&sources, |row| column.values[row]);
            pace.spend(2 * TILE_UNITS * columns.n_rows).await;
        }
        Self {
            tiles: kernels::Leaves {
                rows,
                shorts: shorts.tiles,
                codes: codes.tiles,
                floats: floats.tiles,
            },
            starts,
            doubles: doubles.tiles,
        }
    }

    pub(super) fn n_leaves(&self) -> usize {
        self.tiles.rows.len()
    }

    /// Every row number with its leaf and lane.
    pub(super) fn row_numbers(&self) -> impl Iterator<Item = (u32, usize, usize)> + '_ {
        let lanes = |(leaf, rows): (usize, &[u32; LEAF])| {
            let rows = *rows;
            (0..LEAF).map(move |lane| (rows[lane], leaf, lane))
        };
        self.tiles
            .rows
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
            column.values = self.column(&self.tiles.shorts, idx, padded);
        }
        for (idx, group) in restored.groups.iter_mut().enumerate() {
            group.codes = self.column(&self.tiles.codes, idx, padded);
        }
        for (idx, column) in restored.singles.iter_mut().enumerate() {
            column.values = self.column(&self.tiles.floats, idx, padded);
        }
        for (idx, column) in restored.doubles.iter_mut().enumerate() {
            column.values = self.column(&self.doubles, idx, padded);
        }
        restored
    }

    /// One column of `tiles` in the order of rows.
    fn column<T: Copy + Default>(&self, tiles: &Tiles<T>, idx: usize, padded: usize) -> Vec<T> {
        let mut values = vec![T::default(); padded];
        for (row, leaf, lane) in self.row_numbers() {
            values[row as usize] = tiles.of(leaf)[idx][lane];
        }
        values
    }

    /// The very value of `feature` in a lane of a leaf. Part of the definition's loop, hence inlined.
    #[inline(always)]
    pub(super) fn value(&self, columns: &Columns, leaf: usize, lane: usize, feature: usize) -> f64 {
        match columns.features[feature] {
            Feature::Ignored => 0.0,
            Feature::Constant(value) => value,
            Feature::Short(idx) => {
                let u = self.tiles.shorts.of(leaf)[idx][lane];
                columns.shorts[idx].0.value(u)
            }
            Feature::Member { group, code } => {
                let actual = self.tiles.codes.of(leaf)[group][lane];
                f64::from(u8::from(actual == code))
            }
            Feature::Single(idx) => self.tiles.floats.of(leaf)[idx][lane].into(),
            Feature::Double(idx) => self.doubles.of(leaf)[idx][lane],
        }
    }

    /// Memory held.
    pub(super) fn n_bytes(&self) -> usize {
        self.tiles.n_bytes() + size_of_val(&self.starts[..]) + size_of_val(&self.doubles.all[..])
    }
}

/// Tiles that are filled column by column.
struct Growing<T> {
    tiles: Tiles<T>,
    /// How many there are once all are cleared.
    n_tiles: usize,
    /// Columns that are there.
    n_pushed: usize,
}

impl<T: Copy + Default> Growing<T> {
    /// Room for `n_columns`, of which nothing is there before it is cleared.
    fn new(leaves: &[[u32; LEAF]], n_columns: usize) -> Self {
        let n_tiles = leaves.len() * n_columns;
        Self {
            tiles: Tiles {
                n_columns,
                all: Vec::with_capacity(n_tiles),
            },
            n_tiles,
            n_pushed: 0,
        }
    }

    /// Clears some more tiles and says how many: 0 if all are.
    fn clear(&mut self) -> usize {
        let all = &mut self.tiles.all;
        let n = TILES_AT_ONCE.min(self.n_tiles - all.len());
        all.resize(all.len() + n, [T::default(); LEAF]);
        n
    }

    /// Adds a column of which `value` is what a row holds.
    fn push(&mut self, leaves: &[[u32; LEAF]], value: impl Fn(usize) -> T) {
        let Tiles { n_columns, all } = &mut self.tiles;
        let of_column = all.iter_mut().skip(self.n_pushed).step_by(*n_columns);
        for (tile, rows) in of_column.zip(leaves) {
            for (place, row) in tile.iter_mut().zip(rows) {
                *place = value(*row as usize);
            }
        }
        self.n_pushed += 1;
    }
}
