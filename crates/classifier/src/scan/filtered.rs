//! Any numbers: blocks and rows that the f32 filter rules out are passed over, distances to the rest are taken in f64.

use kernels::{BLOCK, Nearest, Window, add_shorts, add_singles, any_within, within};

use super::{Layout, Part, Question, Windowed, all_windows};
use crate::Metric;
use crate::filter::Filter;

impl Filter {
    /// Fills `nearest` for the query that was prepared.
    pub(super) fn scan(&self, question: &Question<'_>, layout: &Layout, nearest: &mut Nearest) {
        let (columns, windowed) = (question.columns, layout.windowed);
        let is_squared = question.measure.metric == Metric::Euclidean;
        let mut limit = f32::INFINITY;
        let mut windows = None;
        let mut next = 0;
        'blocks: while let Some(block) = layout.next_block(columns, windows.as_ref(), next) {
            next = block + 1;
            let mut sums = [0.0; BLOCK];
            for run in &layout.runs {
                let (parts, points) = (&layout.order[run.clone()], &self.points[run.clone()]);
                // Not by `map`, which is a call for each where the compiler saves bytes.
                let idx = |nth: usize| parts[nth.min(parts.len() - 1)].idx();
                match parts[0] {
                    Part::Short(_) => {
                        let of = |nth: usize| columns.shorts[idx(nth)].1.block(block);
                        add_shorts(&mut sums, [of(0), of(1), of(2), of(3)], points, is_squared);
                    }
                    Part::Single(_) => {
                        let of = |nth: usize| columns.singles[idx(nth)].block(block);
                        add_singles(&mut sums, [of(0), of(1), of(2), of(3)], points, is_squared);
                    }
                    Part::Double(_) => {
                        let of = |nth: usize| &layout.rounded[idx(nth)].as_chunks().0[block];
                        add_singles(&mut sums, [of(0), of(1), of(2), of(3)], points, is_squared);
                    }
                }
                if !any_within(&sums, limit) {
                    continue 'blocks;
                }
            }
            for lane in within(&sums, limit) {
                let row = block * BLOCK + lane;
                if row >= columns.n_rows {
                    continue;
                }
                let of_groups = columns.groups.iter().zip(&self.starts);
                let sum = of_groups.fold(sums[lane], |sum, (group, start)| {
                    sum + self.costs[start + usize::from(group.codes[row])] as f32
                });
                if sum <= limit && nearest.offer(question.distance(row), row as u64) && nearest.is_full() {
                    let bound = nearest.bound();
                    if bound == 0.0 {
                        return; // Nothing is nearer than that.
                    }
                    let radius = self.radius(bound, is_squared);
                    limit = self.limit(radius, is_squared);
                    let Some(windowed) = windowed else { continue };
                    windows = all_windows(windowed, |Windowed { idx, place }| {
                        let (value, reach) = self.reach(place, radius);
                        Window::around(value, reach, columns.shorts[idx].1.max)
                    });
                    if windows.is_none() {
                        return; // No row has such values.
                    }
                }
            }
        }
    }
}
