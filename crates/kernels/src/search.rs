//! The way of a query through the trees: depth first, the nearest child first.

use std::hint::black_box;

use crate::{Boxes, IS_LEAF, Leaves, Query, WIDTH};

/// Room for a query on its way.
#[derive(Debug)]
pub struct Path {
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
    /// Room for queries in `n_trees`.
    pub fn new(n_trees: usize) -> Self {
        Self {
            roots: Vec::with_capacity(n_trees),
            // Three siblings wait at each level, and each level is four times as wide as the one above: 16 at most.
            stack: Vec::with_capacity(64),
            n_visited: 0,
        }
    }

    /// Calls `look_at` with the number of every leaf that may matter. It answers with what is the limit from then on.
    /// `root_costs` holds what is to be added to all sums of a tree, the same number of terms for each. With `fetched`, the
    /// trees' leaves, nodes and leaves are asked from memory as soon as they wait for their turn.
    #[inline(never)]
    pub fn search(
        &mut self,
        boxes: &Boxes,
        root_costs: &[f32],
        query: Query<'_>,
        look_at: &mut dyn FnMut(usize) -> Limit,
        fetched: Option<&Leaves>,
    ) {
        let Boxes {
            sides,
            links,
            first_rows,
            roots,
        } = boxes;
        self.n_visited = 0;
        let n_trees = roots.len();
        let n_terms = root_costs.len() / n_trees;
        let costs = |tree: usize| &root_costs[tree * n_terms..][..n_terms];
        self.roots.clear();
        for nth in 0..n_trees.div_ceil(WIDTH) {
            let bounds = sides.of_roots(nth, query);
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
                let mut bounds = sides.of_children(number as usize, query);
                for cost in costs {
                    bounds = bounds.map(|bound| bound + cost);
                }
                let link = links[number as usize];
                let children = [0, 1, 2, 3].map(|lane| key(bounds[lane as usize], link.first + lane));
                let mut may_matter = [0, 1, 2, 3]
                    .map(|lane| (lane < link.n_children) & is_within(children[lane as usize], limit.sum));
                if limit.row != u64::MAX {
                    for (matters, &first) in may_matter.iter_mut().zip(&first_rows[number as usize]) {
                        *matters &= u64::from(first) < limit.row;
                    }
                }
                let n_waiting = self.stack.len();
                push_falling(&mut self.stack, children, may_matter);
                let Some(leaves) = fetched else { continue };
                // What comes next is fetched first.
                for &child in self.stack[n_waiting..].iter().rev() {
                    let number = child as u32;
                    if number & IS_LEAF != 0 {
                        leaves.fetch((number & !IS_LEAF) as usize);
                    } else {
                        black_box(links[number as usize].first);
                        sides.fetch(number as usize, query);
                    }
                }
            }
        }
    }
}

/// Pushes those of four keys that may matter, the smallest last. Without branches: which one is the smallest is anybody's
/// guess, and a wrong guess costs more than all of this.
fn push_falling(stack: &mut Vec<u64>, keys: [u64; WIDTH], may_matter: [bool; WIDTH]) {
    // The highest bit, which no lower bound has, puts those that matter before the others.
    let ranked = [0, 1, 2, 3].map(|lane| keys[lane] | u64::from(may_matter[lane]) << 63);
    let is_less = |a: usize, b: usize| usize::from(ranked[a] < ranked[b]);
    let ([ab, ac, ad], [bc, bd], cd) = (
        [is_less(0, 1), is_less(0, 2), is_less(0, 3)],
        [is_less(1, 2), is_less(1, 3)],
        is_less(2, 3),
    );
    // Of each, how many are larger; of equals the later ones count as smaller.
    let places = [ab + ac + ad, 1 - ab + bc + bd, 2 - ac - bc + cd, 3 - ad - bd - cd];
    let n_waiting = stack.len();
    stack.resize(n_waiting + WIDTH, 0);
    let top = &mut stack[n_waiting..];
    for lane in 0..WIDTH {
        // The remainder changes nothing, but saves a check.
        top[places[lane] % WIDTH] = keys[lane];
    }
    let n_pushed: usize = may_matter.iter().map(|matters| usize::from(*matters)).sum();
    stack.truncate(n_waiting + n_pushed);
}

#[cfg(test)]
mod tests {
    use super::push_falling;

    #[test]
    fn pushes_what_may_matter_the_smallest_last() {
        // Every order of four keys with ties among them, every choice of those that matter.
        for code in 0..4_u64.pow(4) {
            let keys = [0, 1, 2, 3].map(|lane| code / 4_u64.pow(lane) % 4);
            for choice in 0..16 {
                let may_matter = [0, 1, 2, 3].map(|lane| choice >> lane & 1 == 1);
                let mut stack = vec![7];
                push_falling(&mut stack, keys, may_matter);
                let mut expected: Vec<u64> = (0..4)
                    .filter(|&lane| may_matter[lane])
                    .map(|lane| keys[lane])
                    .collect();
                expected.sort_unstable_by(|a, b| b.cmp(a));
                expected.insert(0, 7);
                assert_eq!(stack, expected, "{keys:?} {may_matter:?}");
            }
        }
    }
}
