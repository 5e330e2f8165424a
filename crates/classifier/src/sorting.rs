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

/// Brings the `n` smallest of `keys`, which are more than that and all different, to the front, in any order.
///
/// Quickselect, linear for most keys; whatever they are, 128 passes are enough, as after a poor one their range is halved.
pub(crate) fn smallest_first(mut keys: &mut [u64], mut n: usize) {
    let mut was_poor = false;
    while n > 0 {
        let pivot = if was_poor {
            let min = keys.iter().fold(u64::MAX, |min, key| min.min(*key));
            let max = keys.iter().fold(0, |max, key| max.max(*key));
            min + (max - min) / 2
        } else {
            let [a, b, c] = [0, keys.len() / 2, keys.len() - 1].map(|at| keys[at]);
            a.min(b).max(a.max(b).min(c))
        };
        let mut n_low = 0;
        for at in 0..keys.len() {
            let is_low = keys[at] <= pivot;
            keys.swap(at, n_low);
            n_low += usize::from(is_low);
        }
        let n_before = keys.len();
        if n < n_low {
            keys = &mut keys[..n_low];
        } else {
            keys = &mut keys[n_low..];
            n -= n_low;
        }
        was_poor = keys.len() > n_before / 4 * 3;
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
    fn the_smallest_come_first() {
        let mut random = Random(1);
        for length in 1..40 {
            // Different in the low bits; some spread as wide as can be.
            let shift = 8 + random.below(57) as u32;
            let keys = (0..length).map(|place| ((random.below(1 << 16) as u64) << (shift % 64)) | place);
            let mut keys: Vec<u64> = keys.collect();
            let mut expected = keys.clone();
            expected.sort_unstable();
            let n = random.below(length as usize);
            smallest_first(&mut keys, n);
            keys[..n].sort_unstable();
            keys[n..].sort_unstable();
            assert_eq!(keys, expected);
        }
        let mut ends = [u64::MAX, 0, 1];
        smallest_first(&mut ends, 2);
        assert_eq!(ends[2], u64::MAX);
    }

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
