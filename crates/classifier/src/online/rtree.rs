//! An R-tree of points: rows come and go one by one, at logarithmic cost.
//!
//! Rows lie in leaves of up to 15, boxes lie around leaves and around up to 15 boxes. A row goes down to the leaf whose
//! box grows least; a node that is full is split in two halves; a node that keeps fewer than [`MIN_ENTRIES`] is taken out
//! and what it held is given to its siblings under the same parent. So all leaves are at one depth, which is
//! logarithmic whatever the order of rows, and boxes are never larger than what is in them. Rows that are equal
//! in every feature are no special case: halves are halves.
//!
//! The alternatives have their rebuilds on the path of some message: a k-d tree has to be rebalanced part by part, and the
//! logarithmic method (J. Bentley and J. Saxe, 1980) merges static trees of 1, 2, 4, … rows.
//!
//! # Why no neighbour is ever passed over
//!
//! A row's distance is computed in f64 as the sum, in feature order, of `fl(w·fl(fl(x - q)²))` (Manhattan:
//! `fl(w·|fl(x - q)|)`).
//! [`kernels::lower_bounds`] does the same in the same order with the gap `g` between q and the box, which is
//! `fl(low - q)` if that is positive, `fl(q - high)` if that is, otherwise 0. The row is in the box, so `low <= x <= high`.
//! Rounding is monotone: if q < low, then `0 < low - q <= x - q`, hence `g <= |fl(x - q)|`; if q > high, the same with
//! `q - x`, as `fl(q - x) = -fl(x - q)`; otherwise g is 0. Squares, products and sums of numbers that are not
//! negative round monotonically as well, so by induction over the features each partial sum of the box is at most the row's. A box is
//! passed over only if its bound exceeds the k-th distance, or equals it while all rows within come after the k-th row:
//! no row within could be kept then. Overflow is infinity in both sums or in the row's alone and changes nothing.
//!
//! Source: A. Guttman, "R-trees: a dynamic index structure for spatial searching", SIGMOD 1984. Unlike there, sides
//! instead of volumes grow least, as a box of many features often has none; halves are those of one feature.

use kernels::Nearest;

use super::nodes::{Hull, NO_NODE, Nodes, WIDTH};
use super::table::Table;
use crate::measure::Measure;
use crate::sorting::sort_few;
use crate::{ClassId, Metric};

/// Nodes other than the root do not keep fewer entries. Not tuned: fewer let nodes be emptier, more have them taken out more
/// often.
const MIN_ENTRIES: usize = WIDTH / 4;

/// Rows with their classes.
#[derive(Debug)]
pub(super) struct RTree {
    leaves: Nodes<1>,
    inners: Nodes<2>,
    root: u32,
    /// The root's level: leaves are level 0.
    height: usize,
    rows: Table,
    /// What is inserted, and the hull of a node: room kept for the next time.
    entry: Hull,
    hull: Hull,
    /// Nodes that a query has still to look at, the nearest last.
    pending: Vec<Pending>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    bound: f64,
    first_row: u64,
    level: usize,
    node: u32,
}

impl RTree {
    /// `weight_roots` are those of [`Measure`].
    pub(super) fn new(weight_roots: &[f64]) -> Self {
        let mut leaves = Nodes::new(weight_roots);
        Self {
            root: leaves.create(),
            leaves,
            inners: Nodes::new(weight_roots),
            height: 0,
            rows: Table::default(),
            entry: Hull::default(),
            hull: Hull::default(),
            pending: Vec::with_capacity(WIDTH),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The class of a row, if it is there.
    pub(super) fn class(&self, row: u64) -> Option<ClassId> {
        self.rows.class(row)
    }

    /// The smallest row.
    pub(super) fn first_row(&self) -> Option<u64> {
        self.rows.first()
    }

    /// Memory held, without the table of rows.
    pub(super) fn n_bytes(&self) -> usize {
        self.leaves.n_bytes() + self.inners.n_bytes()
    }

    /// Inserts `row`, larger than any before; `point` has a finite number for each feature.
    pub(super) fn insert(&mut self, row: u64, point: &[f64], class: ClassId) {
        self.entry.first_row = row;
        self.entry.ends.clear();
        self.entry.ends.extend(point.iter().map(|&x| [x, x]));
        let mut node = self.root;
        for _ in 0..self.height {
            let lane = self.inners.choose(node, &self.entry);
            self.inners.extend(node, lane, &self.entry);
            node = self.inners.children(node)[lane];
        }
        self.rows.insert(row, node, class);
        self.add(0, node, NO_NODE);
    }

    /// Removes `row` and returns its class, if it is there.
    pub(super) fn remove(&mut self, row: u64) -> Option<ClassId> {
        let (leaf, class) = self.rows.remove(row)?;
        let lane = self
            .leaves
            .first_rows(leaf)
            .iter()
            .position(|other| *other == row);
        self.leaves.swap_remove(leaf, lane.expect("the table says so"));
        let (mut level, mut node) = (0, leaf);
        while level < self.height {
            let parent = self.parent(level, node);
            let lane = self
                .inners
                .children(parent)
                .iter()
                .position(|child| *child == node);
            let lane = lane.expect("a node is its parent's child");
            if self.n_entries(level, node) < MIN_ENTRIES {
                self.inners.swap_remove(parent, lane);
                self.dissolve(level, node, parent);
            } else {
                self.write_hull(level, node);
                self.inners.set(parent, lane, &self.hull);
            }
            (level, node) = (level + 1, parent);
        }
        while self.height > 0 && self.inners.len(self.root) == 1 {
            let child = self.inners.children(self.root)[0];
            self.inners.free(self.root);
            self.root = child;
            self.height -= 1;
            self.set_parent(self.height, child, NO_NODE);
        }
        Some(class)
    }

    /// Fills `nearest`, which is empty, with rows by (distance, row).
    pub(super) fn nearest(&mut self, query: &[f64], measure: &Measure, nearest: &mut Nearest) {
        let (weights, is_squared) = (&measure.weights[..], measure.metric == Metric::Euclidean);
        self.pending.push(Pending {
            bound: 0.0,
            first_row: 0,
            level: self.height,
            node: self.root,
        });
        while let Some(Pending {
            bound,
            first_row,
            level,
            node,
        }) = self.pending.pop()
        {
            if !nearest.admits(bound, first_row) {
                continue;
            }
            if level == 0 {
                let distances = kernels::distances(self.leaves.tiles(node), query, weights, is_squared);
                for (&distance, &row) in distances.iter().zip(self.leaves.first_rows(node)) {
                    nearest.offer(distance, row);
                }
                continue;
            }
            let bounds = kernels::lower_bounds(self.inners.tiles(node), query, weights, is_squared);
            let n_before = self.pending.len();
            let below = self
                .inners
                .first_rows(node)
                .iter()
                .zip(self.inners.children(node));
            for (&bound, (&first_row, &node)) in bounds.iter().zip(below) {
                if nearest.admits(bound, first_row) {
                    self.pending.push(Pending {
                        bound,
                        first_row,
                        level: level - 1,
                        node,
                    });
                }
            }
            sort_few(&mut self.pending[n_before..], |a, b| a.bound > b.bound);
        }
    }

    /// Adds what is in `self.entry` to a node of `level`, and splits it and those above while they are full.
    fn add(&mut self, mut level: usize, mut node: u32, mut child: u32) {
        loop {
            if level == 0 {
                self.leaves.push(node, &self.entry, NO_NODE);
                self.rows.set_leaf(self.entry.first_row, node);
            } else {
                self.inners.push(node, &self.entry, child);
                self.set_parent(level - 1, child, node);
            }
            if self.n_entries(level, node) < WIDTH {
                return;
            }
            if level == self.height {
                self.grow();
            }
            let parent = self.parent(level, node);
            child = self.split(level, node);
            let lane = self
                .inners
                .children(parent)
                .iter()
                .position(|other| *other == node);
            self.write_hull(level, node);
            self.inners
                .set(parent, lane.expect("a node is its parent's child"), &self.hull);
            self.write_hull(level, child);
            std::mem::swap(&mut self.entry, &mut self.hull);
            (level, node) = (level + 1, parent);
        }
    }

    /// Puts a new root above the old one.
    fn grow(&mut self) {
        let (old, level) = (self.root, self.height);
        self.root = self.inners.create();
        self.height += 1;
        self.write_hull(level, old);
        self.inners.push(self.root, &self.hull, old);
        self.set_parent(level, old, self.root);
        // At each level fifteen nodes wait at most, so that queries need not allocate.
        self.pending.reserve(WIDTH * (self.height + 1));
    }

    /// Moves half of the entries to a new node and returns it.
    fn split(&mut self, level: usize, node: u32) -> u32 {
        if level == 0 {
            let new = self.leaves.create();
            move_half(&mut self.leaves, node, new, &mut self.entry);
            for lane in 0..self.leaves.len(new) {
                self.rows.set_leaf(self.leaves.first_rows(new)[lane], new);
            }
            new
        } else {
            let new = self.inners.create();
            move_half(&mut self.inners, node, new, &mut self.entry);
            for lane in 0..self.inners.len(new) {
                self.set_parent(level - 1, self.inners.children(new)[lane], new);
            }
            new
        }
    }

    /// Frees a node that `parent` has no more and gives what it held to other children of `parent`.
    fn dissolve(&mut self, level: usize, node: u32, parent: u32) {
        for lane in 0..self.n_entries(level, node) {
            let child = if level == 0 {
                self.leaves.entry(node, lane, &mut self.entry);
                NO_NODE
            } else {
                self.inners.entry(node, lane, &mut self.entry);
                self.inners.children(node)[lane]
            };
            let chosen = self.inners.choose(parent, &self.entry);
            self.inners.extend(parent, chosen, &self.entry);
            self.add(level, self.inners.children(parent)[chosen], child);
        }
        if level == 0 {
            self.leaves.free(node);
        } else {
            self.inners.free(node);
        }
    }

    fn write_hull(&mut self, level: usize, node: u32) {
        if level == 0 {
            self.leaves.hull(node, &mut self.hull);
        } else {
            self.inners.hull(node, &mut self.hull);
        }
    }

    // Leaves and inner nodes are of two types, as a point has one number where a box has two: hence the choice by level.

    fn n_entries(&self, level: usize, node: u32) -> usize {
        if level == 0 {
            self.leaves.len(node)
        } else {
            self.inners.len(node)
        }
    }

    fn parent(&self, level: usize, node: u32) -> u32 {
        if level == 0 {
            self.leaves.parent(node)
        } else {
            self.inners.parent(node)
        }
    }

    fn set_parent(&mut self, level: usize, node: u32, parent: u32) {
        if level == 0 {
            self.leaves.set_parent(node, parent);
        } else {
            self.inners.set_parent(node, parent);
        }
    }
}

/// Moves the upper half of the entries of a full node to an empty one.
fn move_half<const SIDES: usize>(nodes: &mut Nodes<SIDES>, from: u32, to: u32, scratch: &mut Hull) {
    let upper: [usize; WIDTH / 2] = *nodes.split_order(from).last_chunk().expect("half of it");
    for &lane in &upper {
        nodes.entry(from, lane, scratch);
        // A leaf's entries have no node below.
        let child = nodes.children(from)[lane];
        nodes.push(to, scratch, child);
    }
    // From the last on, so that what takes an entry's place stays or has been moved.
    for lane in (0..WIDTH).rev().filter(|lane| upper.contains(lane)) {
        nodes.swap_remove(from, lane);
    }
}
