//! The boxes above the leaves: what range each column has in each part of the tree, four parts to a node.
//!
//! Four children's bounds lie side by side, so that one pass over a node's columns gives four lower bounds. They are put
//! together here; crate `kernels` holds and searches them.
//!
//! # Why no neighbour is ever ruled out
//!
//! The lower bounds of crate `kernels` do to the nearest point of a box what its leaf kernels do to a row: the same
//! f32 operations on the same kind of numbers in the same order. Subtraction, product and sum round
//! monotonically, and a difference rounds to the same size whichever way round it is taken, so a row inside the box has an f32 sum of at least the box's, and the box may be passed over
//! whenever such a sum may be. The costs of groups come after the columns, for a row as for a box; a box adds those only that
//! its whole tree shares, and to leave out what is not negative makes no sum larger. Integer queries have exact
//! sums over the columns here, which are rounded once, and again with the cost of each group: the limit is widened by more
//! than that (`Tree::rounding`).
//!
//! Source: A. Guttman, "R-trees: a dynamic index structure for spatial searching", SIGMOD 1984; lower bounds as in
//! N. Roussopoulos, S. Kelley and F. Vincent, "Nearest neighbor queries", SIGMOD 1995.

use kernels::{AnySides, Bounds, Boxes, IS_LEAF, LEAF, Link, Sides, WIDTH};

use super::leaves::Leaves;
use crate::compact::Columns;
use crate::pace::Pace;

/// The box of one child: low and high of each column.
type Child = Vec<[f32; 2]>;

/// The boxes around `leaves`, the columns in the order shorts, singles, doubles.
pub(super) async fn around_leaves(columns: &Columns, leaves: &Leaves, pace: &Pace) -> Boxes {
    let n_columns = columns.shorts.len() + columns.singles.len() + columns.doubles.len();
    let none = if columns.singles.is_empty() && columns.doubles.is_empty() {
        AnySides::Short(Sides::default())
    } else {
        AnySides::Single(Sides::default())
    };
    let mut boxes = Boxes {
        sides: none,
        links: Vec::new(),
        first_rows: Vec::new(),
        roots: Vec::new(),
    };
    let mut root_boxes: Vec<Child> = Vec::new();
    for ends in leaves.starts.windows(2) {
        let mut first_child = ends[0] as u32 | IS_LEAF;
        let mut level: Vec<Child> = Vec::with_capacity(ends[1] - ends[0]);
        for leaf in ends[0]..ends[1] {
            level.push(of_leaf(leaves, leaf));
            pace.spend(LEAF * n_columns).await;
        }
        let first = |rows: &[u32]| rows.iter().copied().fold(u32::MAX, u32::min);
        let mut first_rows = Vec::with_capacity(level.len());
        for rows in &leaves.tiles.rows[ends[0]..ends[1]] {
            first_rows.push(first(rows));
        }
        while level.len() > 1 {
            let first_parent = boxes.links.len() as u32;
            for (nth, children) in level.chunks(WIDTH).enumerate() {
                let at = nth * WIDTH;
                let last = at + children.len() - 1;
                boxes.links.push(Link {
                    first: first_child + at as u32,
                    n_children: children.len() as u32,
                });
                let firsts = [0, 1, 2, 3].map(|lane| first_rows[last.min(at + lane)]);
                boxes.first_rows.push(firsts);
                match &mut boxes.sides {
                    AnySides::Short(sides) => push_bounds(&mut sides.nodes, children, short),
                    AnySides::Single(sides) => push_bounds(&mut sides.nodes, children, |value| value),
                }
                pace.spend(LEAF * n_columns).await;
            }
            // What is around the children takes the place of the first ones.
            let n_parents = level.len().div_ceil(WIDTH);
            for parent in 0..n_parents {
                let children = parent * WIDTH..level.len().min((parent + 1) * WIDTH);
                level[parent] = around(&level[children.clone()]);
                first_rows[parent] = first(&first_rows[children]);
            }
            level.truncate(n_parents);
            first_rows.truncate(n_parents);
            first_child = first_parent;
        }
        boxes.roots.push(first_child);
        root_boxes.append(&mut level);
    }
    for children in root_boxes.chunks(WIDTH) {
        match &mut boxes.sides {
            AnySides::Short(sides) => push_bounds(&mut sides.roots, children, short),
            AnySides::Single(sides) => push_bounds(&mut sides.roots, children, |value| value),
        }
    }
    boxes
}

/// A number of a short column again.
fn short(value: f32) -> i16 {
    debug_assert!(f32::from(value as i16) == value, "short columns hold these only");
    value as i16
}

fn of_leaf(leaves: &Leaves, leaf: usize) -> Child {
    let (shorts, floats) = (leaves.tiles.shorts.of(leaf), leaves.tiles.floats.of(leaf));
    let mut child = Vec::with_capacity(shorts.len() + floats.len());
    for values in shorts {
        child.push(ends(values));
    }
    for values in floats {
        child.push(ends(values));
    }
    child
}

fn ends<T: Copy + PartialOrd + Into<f32>>(values: &[T; LEAF]) -> [f32; 2] {
    let (mut low, mut high) = (values[0], values[0]);
    for &value in values {
        low = if value < low { value } else { low };
        high = if value > high { value } else { high };
    }
    [low.into(), high.into()]
}

fn around(children: &[Child]) -> Child {
    let mut all = children[0].clone();
    for child in &children[1..] {
        for ([low, high], other) in all.iter_mut().zip(child) {
            *low = if other[0] < *low { other[0] } else { *low };
            *high = if other[1] > *high { other[1] } else { *high };
        }
    }
    all
}

fn push_bounds<T>(bounds: &mut Vec<Bounds<T>>, children: &[Child], stored: fn(f32) -> T) {
    let last = children.len() - 1;
    let lanes = [0, 1, 2, 3].map(|lane: usize| &children[lane.min(last)]);
    for column in 0..children[0].len() {
        bounds.push([0, 1].map(|end| lanes.map(|child| stored(child[column][end]))));
    }
}
