//! Eigenvectors of small symmetric matrices.
//!
//! Cyclic Jacobi: O(d³) a sweep, a handful of sweeps. Forty lines instead of a linear algebra crate, which would be
//! larger than the classifier; only arithmetic and square roots, so that every platform gets the same bits.
//!
//! Source: C. Jacobi's method as in G. Golub and C. Van Loan, "Matrix Computations", 4th edition, section 8.5.

use crate::sorting::falling;

/// Enough for any matrix; convergence is quadratic. What is not diagonal by then costs speed, not right answers.
const MAX_SWEEPS: usize = 30;

/// The eigenvectors of a symmetric matrix, one a row, by falling eigenvalue; and those.
///
/// `matrix` is row-major, `n` × `n`. With NaN in it, so are some of the vectors.
pub(super) fn eigenvectors(mut matrix: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; n * n];
    for i in 0..n {
        vectors[i * n + i] = 1.0;
    }
    for _ in 0..MAX_SWEEPS {
        let mut is_diagonal = true;
        for p in 0..n {
            for q in p + 1..n {
                let off = matrix[p * n + q];
                let scale = (matrix[p * n + p] * matrix[q * n + q]).abs().sqrt();
                if off.abs() <= f64::EPSILON * scale || off == 0.0 {
                    continue;
                }
                is_diagonal = false;
                // The smaller angle whose rotation makes the entry 0.
                let cot = (matrix[q * n + q] - matrix[p * n + p]) / (2.0 * off);
                let tan = 1.0_f64.copysign(cot) / (cot.abs() + (cot * cot + 1.0).sqrt());
                let cos = 1.0 / (tan * tan + 1.0).sqrt();
                let sin = tan * cos;
                for i in 0..n {
                    rotate(&mut matrix, i * n + p, i * n + q, cos, sin);
                }
                for i in 0..n {
                    rotate(&mut matrix, p * n + i, q * n + i, cos, sin);
                    rotate(&mut vectors, p * n + i, q * n + i, cos, sin);
                }
            }
        }
        if is_diagonal {
            break;
        }
    }
    let value = |i: usize| matrix[i * n + i];
    let order = falling((0..n).map(value));
    let mut sorted = Vec::with_capacity(n * n);
    for &i in &order {
        sorted.extend_from_slice(&vectors[i * n..][..n]);
    }
    (sorted, order.iter().map(|&i| value(i)).collect())
}

/// Turns the plane of two entries.
fn rotate(matrix: &mut [f64], p: usize, q: usize, cos: f64, sin: f64) {
    let (a, b) = (matrix[p], matrix[q]);
    matrix[p] = cos * a - sin * b;
    matrix[q] = sin * a + cos * b;
}
