//! The way of a query through the trees: depth first, the nearest child first.

use std::hint::black_box;

use crate::{Boxes, IS_LEAF, Leaves, Point, WIDTH};

/// A query on its way, and room for it.
#[derive(Debug)]
pub struct Path {
    /// The query point in the order of the boxes' columns.
    pub query: Vec<Point>,
    /// Trees with the lower bounds of their rows, as [`key`] packs them.
    roots: Vec<u64>,
    /// Nodes and leaves still to be looked at, the nearest last.
    stack: Vec<u64>,
    /// Leaves that the last query looked at.
    pub n_visited: usize,
}

/// Orders as (lower bound, number) does: sums are not negative, so their bits order as they do.
fn key(lower_bound: f32, number: u32) -> u64 {
    u64::from(lower_bound.to_bits()) << 32 | u64::from(number)
}

/// Whether the lower bound in a [`key`] is at most `limit`, which is not negative.
fn is_within(key: u64, limit: f32) -> bool {
    (key >> 32) as u32 <= limit.to_bits()
}

/// What can still be among the neighbours.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// What has a larger lower bound cannot.
    pub sum: f32,
    /// Nor can what holds only rows from this one on: there are k rows before it at no distance at all. Without
    /// this, many copies of a row would all be looked at.
    pub row: u64,
}

impl Limit {
    /// Nothing is known yet.
    const NONE: Self = Self {
        sum: f32::INFINITY,
        row: u64::MAX,
    };
}

impl Path {
    /// Room for queries of `n_columns` in `n_trees`.
    pub fn new(n_columns: usize, n_trees: usize) -> Self {
        Self {
            query: vec![Point::default(); n_columns],
            roots: Vec::with_capacity(n_trees),
            // Three siblings wait at each level, and each level is four times as wide as the one above: 16 at most.
            stack: Vec::with_capacity(64),
            n_visited: 0,
        }
    }

    /// Calls `look_at` with the number of every leaf that may matter. It answers with what is the limit from then on.
    /// `root_costs` holds what is to be added to all sums of a tree, the same number of terms for each. Of `fetched`
    /// those that wait for their turn are on their way from memory meanwhile; without it, neither they nor nodes are.
    #[inline(never)]
    pub fn search(
        &mut self,
        boxes: &Boxes,
        root_costs: &[f32],
        is_squared: bool,
        look_at: &mut dyn FnMut(usize) -> Limit,
        fetched: Option<&Leaves>,
    ) {
        let Boxes { sides, links, roots } = boxes;
        self.n_visited = 0;
        let n_trees = roots.len();
        let n_terms = root_costs.len() / n_trees;
        let costs = |tree: usize| &root_costs[tree * n_terms..][..n_terms];
        self.roots.clear();
        for nth in 0..n_trees.div_ceil(WIDTH) {
            let bounds = sides.of_roots(nth, &self.query, is_squared);
            for (lane, tree) in (nth * WIDTH..n_trees).take(WIDTH).enumerate() {
                // One after the other, as the leaf adds them to a row's sum.
                let bound = costs(tree).iter().fold(bounds[lane], |sum, cost| sum + cost);
                self.roots.push(key(bound, tree as u32));
            }
        }
        // Only the nearest tree is moved to the front: after it most others exceed the limit, and sorting all would cost more.
        if let Some(nearest) = (0..n_trees).min_by_key(|&at| self.roots[at]) {
            self.roots.swap(0, nearest);
        }
        let mut limit = Limit::NONE;
        for at in 0..n_trees {
            let root = self.roots[at];
            if !is_within(root, limit.sum) {
                continue;
            }
            let tree = root as u32 as usize;
            let costs = costs(tree);
            self.stack.clear();
            self.stack.push(root >> 32 << 32 | u64::from(roots[tree]));
            while let Some(next) = self.stack.pop() {
                if !is_within(next, limit.sum) {
                    continue;
                }
                let number = next as u32;
                if number & IS_LEAF != 0 {
                    self.n_visited += 1;
                    limit = look_at((number & !IS_LEAF) as usize);
                    continue;
                }
                let mut bounds = sides.of_children(number as usize, &self.query, is_squared);
                for cost in costs {
                    bounds = bounds.map(|bound| bound + cost);
                }
                let link = links[number as usize];
                let base = self.stack.len();
                for (lane, &bound) in bounds[..link.n_children as usize].iter().enumerate() {
                    let number = link.first + lane as u32;
                    let child = key(bound, number);
                    if is_within(child, limit.sum) && u64::from(link.first_rows[lane]) < limit.row {
                        if let Some(leaves) = fetched {
                            if number & IS_LEAF != 0 {
                                leaves.fetch((number & !IS_LEAF) as usize);
                            } else {
                                black_box(links[number as usize].first);
                                sides.fetch(number as usize, self.query.len());
                            }
                        }
                        push_sorted(&mut self.stack, base, child);
                    }
                }
            }
        }
    }
}

/// Pushes `key` and moves it to its place among those from `base` on, which fall; they are three at most.
fn push_sorted(stack: &mut Vec<u64>, base: usize, key: u64) {
    stack.push(key);
    let mut at = stack.len() - 1;
    while at > base && stack[at - 1] < key {
        stack[at] = stack[at - 1];
        at -= 1;
    }
    stack[at] = key;
}
