//! Where each row is, and its class, by the row's number.
//!
//! Numbers only grow, so that a list in the order of insertion is sorted. A row that leaves is marked, and forgotten once it is the
//! oldest, or once more rows are marked than are there. So an insertion or a removal costs O(1) on average, and the list
//! is at most twice as long as there are rows. Of a window, where always the oldest leaves, nothing is ever marked, and a number
//! says where its row is; otherwise it is searched for. The standard library's map takes 3 kB more of what a page loads, gzipped.

use std::collections::VecDeque;

use super::nodes::NO_NODE;
use crate::ClassId;

/// A row that is there or was.
#[derive(Debug, Clone, Copy)]
struct Row {
    number: u64,
    /// [`NO_NODE`] once it has left.
    leaf: u32,
    class: ClassId,
}

/// All rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// By number. The first one has not left.
    rows: VecDeque<Row>,
    n_left: usize,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.rows.len() - self.n_left
    }

    /// The smallest number.
    pub(super) fn first(&self) -> Option<u64> {
        self.rows.front().map(|row| row.number)
    }

    /// The class of a row, if it is there.
    pub(super) fn class(&self, number: u64) -> Option<ClassId> {
        Some(self.rows[self.place(number)?].class)
    }

    /// Adds a row with a larger number than any before.
    pub(super) fn insert(&mut self, number: u64, leaf: u32, class: ClassId) {
        self.rows.push_back(Row { number, leaf, class });
    }

    /// Notes that a row, which is there, has moved.
    pub(super) fn set_leaf(&mut self, number: u64, leaf: u32) {
        let place = self.place(number).expect("leaves hold rows of the table");
        self.rows[place].leaf = leaf;
    }

    /// Takes a row out, and says in which leaf it is and its class.
    pub(super) fn remove(&mut self, number: u64) -> Option<(u32, ClassId)> {
        let place = self.place(number)?;
        let row = &mut self.rows[place];
        let removed = (row.leaf, row.class);
        row.leaf = NO_NODE;
        self.n_left += 1;
        while self.rows.front().is_some_and(|row| row.leaf == NO_NODE) {
            self.rows.pop_front();
            self.n_left -= 1;
        }
        if self.n_left > self.len() {
            self.rows.retain(|row| row.leaf != NO_NODE);
            self.n_left = 0;
        }
        Some(removed)
    }

    /// The place of a row that has not left.
    fn place(&self, number: u64) -> Option<usize> {
        let is_it = |place: &usize| {
            let row = self.rows.get(*place);
            row.is_some_and(|row| row.number == number && row.leaf != NO_NODE)
        };
        // Its place if nothing was forgotten from between.
        let place = usize::try_from(number.checked_sub(self.first()?)?).ok();
        place.filter(is_it).or_else(|| {
            let place = self.rows.partition_point(|row| row.number < number);
            Some(place).filter(is_it)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::Random;

    /// Inserts and removes at random, `n_kept` rows being there on average, the oldest first if `is_window`.
    fn agrees_with_a_map(n_kept: usize, is_window: bool) {
        let mut random = Random(1);
        let (mut table, mut map) = (Table::default(), BTreeMap::new());
        for number in 0..3000 {
            let (leaf, class) = (random.below(100) as u32, random.below(9) as u32);
            table.insert(number, leaf, class);
            map.insert(number, (leaf, class));
            let moved = random.below(number as usize + 1) as u64;
            if let Some((place, _)) = map.get_mut(&moved) {
                *place = leaf;
                table.set_leaf(moved, leaf);
            }
            while map.len() > random.below(2 * n_kept) {
                let any = random.below(number as usize + 2) as u64;
                let removed = if is_window {
                    *map.keys().next().unwrap()
                } else {
                    any
                };
                assert_eq!(table.remove(removed), map.remove(&removed));
                assert!(table.rows.len() <= 2 * map.len());
            }
            assert_eq!(table.len(), map.len());
            assert_eq!(table.first(), map.keys().next().copied());
            let asked = random.below(number as usize + 2) as u64;
            assert_eq!(table.class(asked), map.get(&asked).map(|(_, class)| *class));
        }
    }

    #[test]
    fn it_is_a_map_whatever_the_order_in_which_rows_leave() {
        for n_kept in [1, 2, 10, 100] {
            agrees_with_a_map(n_kept, false);
            agrees_with_a_map(n_kept, true);
        }
    }
}
