//! Rows of numbers that get further columns: [`widened`].

/// The `n_rows` × `n_before` values of `rows`, each row with zeros behind it up to `n_after`.
///
/// # Panics
///
/// If there are fewer values than that, or `n_after` is less than `n_before`.
pub(crate) fn widened<T: Copy + Default>(
    rows: &[T],
    n_rows: usize,
    n_before: usize,
    n_after: usize,
) -> Box<[T]> {
    let mut wide = vec![T::default(); n_rows * n_after];
    for row in 0..n_rows {
        wide[row * n_after..][..n_before].copy_from_slice(&rows[row * n_before..][..n_before]);
    }
    wide.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::widened;

    #[test]
    fn rows_keep_their_values_and_end_in_zeros() {
        assert_eq!(*widened(&[1, 2, 3, 4], 2, 2, 3), [1, 2, 0, 3, 4, 0]);
        assert_eq!(*widened::<u32>(&[], 2, 0, 2), [0; 4]);
    }
}
