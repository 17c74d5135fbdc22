//! Eigenvalues and eigenvectors of a small dense symmetric matrix.
//!
//! Householder reflections make it tridiagonal (Golub & Van Loan, 8.3.1), [`crate::tridiagonal`] does the rest, in f64.

use crate::error::{Error, Result};
use crate::tridiagonal::{Eigen, diagonalise};

/// Decomposes the `n` × `n` matrix that has these rows, one after the other; only the lower triangle is read.
pub fn eigen(matrix: &[f64], n: usize) -> Result<Eigen> {
    if n == 0 || matrix.len() != n * n {
        let came = matrix.len();
        return Err(Error::Shape(format!("Expected {n} × {n} elements, one at least, received {came}.")));
    }
    if !matrix.iter().all(|value| value.is_finite()) {
        return Err(Error::Invalid("Expected a finite matrix, received NaN or Infinity.".into()));
    }
    let mut a: Vec<Vec<f64>> = matrix.chunks(n).map(<[f64]>::to_vec).collect();
    // Rows of Q, which the reflections below multiply from the right: A = Q·T·Qᵀ.
    let mut q: Vec<Vec<f64>> =
        (0..n).map(|row| (0..n).map(|i| f64::from(u8::from(i == row))).collect()).collect();
    for last in (2..n).rev() {
        reflect(&mut a, &mut q, last);
    }
    let diagonal = (0..n).map(|i| a[i][i]).collect();
    let off = (1..n).map(|i| a[i][i - 1]).collect();
    diagonalise(diagonal, off, q)
}

/// Clears row `last` but for its last element beside the diagonal.
fn reflect(a: &mut [Vec<f64>], q: &mut [Vec<f64>], last: usize) {
    let pivot = last - 1;
    let mut u = a[last][..last].to_vec();
    // What is zero already stays so exactly: parts of the matrix that are not coupled stay apart.
    if u[..pivot].iter().all(|x| *x == 0.0) {
        return;
    }
    let largest = u.iter().fold(0f64, |most, x| most.max(x.abs()));
    let norm = largest * u.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt();
    let image = -norm.copysign(u[pivot]);
    u[pivot] -= image;
    let length = u.iter().fold(0f64, |most, x| most.max(x.abs()));
    u.iter_mut().for_each(|x| *x /= length);
    let factor = 2.0 / u.iter().map(|x| x * x).sum::<f64>();
    // A ← A − u·vᵀ − v·uᵀ on what is left of the matrix, both triangles.
    let mut v: Vec<f64> = (0..last)
        .map(|i| factor * (0..last).map(|k| if k <= i { a[i][k] } else { a[k][i] } * u[k]).sum::<f64>())
        .collect();
    let half = 0.5 * factor * u.iter().zip(&v).map(|(x, y)| x * y).sum::<f64>();
    v.iter_mut().zip(&u).for_each(|(y, x)| *y -= half * x);
    for i in 0..last {
        for k in 0..=i {
            a[i][k] -= u[i] * v[k] + v[i] * u[k];
        }
    }
    a[last][..pivot].fill(0.0);
    a[last][pivot] = image;
    for row in q {
        let along = factor * row.iter().zip(&u).map(|(x, y)| x * y).sum::<f64>();
        row.iter_mut().zip(&u).for_each(|(x, y)| *x -= along * y);
    }
}
