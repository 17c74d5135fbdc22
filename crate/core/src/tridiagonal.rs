//! Eigenvalues of a symmetric tridiagonal matrix, with whatever rows of its eigenvectors are wanted.
//!
//! Implicit QL with Wilkinson's shift (Golub & Welsch 1969; the QL of EISPACK's `tql2`), in f64. With the first row alone
//! it is O(m²): its squares are the weights of Gauss quadrature.

use crate::error::{Error, Result};

/// Sweeps that one eigenvalue may take; more than twice what has ever been seen.
const SWEEPS: usize = 60;

/// Rows of the eigenvector matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The first one.
    First,
    /// The first and the last one.
    Ends,
    /// All.
    All,
}

/// Eigenvalues in ascending order, and for each of them its column of the rows asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// The eigenvalues.
    pub values: Vec<f64>,
    /// `rows` entries an eigenvalue: entry r of eigenvector i is `vectors[i * rows + r]`.
    pub vectors: Vec<f64>,
    /// Entries an eigenvalue.
    pub rows: usize,
}

/// Decomposes the matrix with this diagonal and, between neighbours, these off-diagonal elements.
pub fn eigen(diagonal: &[f64], off: &[f64], rows: Rows) -> Result<Eigen> {
    let n = diagonal.len();
    if n == 0 || off.len() + 1 != n {
        return Err(Error::Shape(format!(
            "Expected {} elements beside a diagonal of {n}, received {}.",
            n.saturating_sub(1),
            off.len()
        )));
    }
    if !diagonal.iter().chain(off).all(|value| value.is_finite()) {
        return Err(Error::Invalid("Expected a finite matrix, received NaN or Infinity.".into()));
    }
    let picked: Vec<usize> = match rows {
        Rows::First => vec![0],
        Rows::Ends => vec![0, n - 1],
        Rows::All => (0..n).collect(),
    };
    let unit = |&row: &usize| (0..n).map(|i| f64::from(u8::from(i == row))).collect();
    diagonalise(diagonal.to_vec(), off.to_vec(), picked.iter().map(unit).collect())
}

/// The same; the rotations turn the rows `z` of some orthogonal matrix, of the identity for the eigenvectors themselves.
pub(crate) fn diagonalise(mut d: Vec<f64>, off: Vec<f64>, mut z: Vec<Vec<f64>>) -> Result<Eigen> {
    let n = d.len();
    let mut e = off;
    e.push(0.0);
    for l in 0..n {
        let mut sweeps = 0;
        while let Some(m) = unsplit(&d, &e, l) {
            sweeps += 1;
            if sweeps > SWEEPS {
                return Err(Error::State(format!("Eigenvalue {l} did not converge in {SWEEPS} sweeps.")));
            }
            sweep(&mut d, &mut e, &mut z, l, m);
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| d[a].total_cmp(&d[b]));
    Ok(Eigen {
        values: order.iter().map(|&i| d[i]).collect(),
        vectors: order.iter().flat_map(|&i| z.iter().map(move |row| row[i])).collect(),
        rows: z.len(),
    })
}

/// The end of the block that begins at `l`; nothing where `l` stands alone.
fn unsplit(d: &[f64], e: &[f64], l: usize) -> Option<usize> {
    let small = |m: &usize| e[*m].abs() <= f64::EPSILON * (d[*m].abs() + d[*m + 1].abs());
    let m = (l..d.len() - 1).find(small).unwrap_or(d.len() - 1);
    (m > l).then_some(m)
}

/// One implicit QL sweep over l..=m.
fn sweep(d: &mut [f64], e: &mut [f64], z: &mut [Vec<f64>], l: usize, m: usize) {
    let mut g = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let r = g.hypot(1.0);
    g = d[m] - d[l] + e[l] / (g + r.copysign(g));
    let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let (f, b) = (s * e[i], c * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == 0.0 {
            // The block has split on the way.
            d[i + 1] -= p;
            e[m] = 0.0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        let t = (d[i] - g) * s + 2.0 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        for row in z.iter_mut() {
            let f = row[i + 1];
            row[i + 1] = s * row[i] + c * f;
            row[i] = c * row[i] - s * f;
        }
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0.0;
}
