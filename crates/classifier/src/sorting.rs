//! Sorting in little code: the standard library's sorts are fast for any length and kind, and each kind of element takes
//! kilobytes of what a page loads. What is sorted here is short, or is sorted once.

use std::collections::BinaryHeap;

/// Sorts up to some dozens, by insertion; equal ones stay in their order.
pub(crate) fn sort_few<T>(items: &mut [T], comes_before: impl Fn(&T, &T) -> bool) {
    for end in 1..items.len() {
        for at in (1..=end).rev() {
            if !comes_before(&items[at], &items[at - 1]) {
                break;
            }
            items.swap(at, at - 1);
        }
    }
}

/// The places of `values` from the largest to the smallest by [`f64::total_cmp`]; those of equal ones ascend.
pub(crate) fn falling(values: impl Iterator<Item = f64>) -> Vec<usize> {
    let key = |(place, value): (usize, f64)| {
        let bits = value.to_bits();
        // Orders as the numbers do: negative ones have all bits flipped, others the sign.
        let rising = bits ^ (((bits as i64 >> 63) as u64) | 1 << 63);
        (!rising, place)
    };
    let keys: BinaryHeap<(u64, usize)> = values.enumerate().map(key).collect();
    let sorted = keys.into_sorted_vec().into_iter();
    sorted.map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn both_sort_as_the_standard_library_does() {
        let mut random = Random(1);
        for length in 0..40 {
            // Few values, so that some are equal, of both signs.
            let values: Vec<f64> = (0..length).map(|_| random.below(9) as f64 / 2.0 - 2.0).collect();
            let mut expected: Vec<usize> = (0..length).collect();
            expected.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
            assert_eq!(falling(values.iter().copied()), expected);
            let mut few: Vec<usize> = (0..length).collect();
            sort_few(&mut few, |&a, &b| values[a] > values[b]);
            assert_eq!(few, expected);
        }
        let odd = [
            f64::NEG_INFINITY,
            -0.0,
            f64::NAN,
            0.0,
            f64::INFINITY,
            f64::MIN_POSITIVE,
        ];
        assert_eq!(falling(odd.into_iter()), [2, 4, 5, 3, 1, 0]);
    }
}
