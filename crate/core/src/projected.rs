//! The operator as a Lanczos basis sees it: a small symmetric matrix, tridiagonal but for the arrow that a restart leaves.
//!
//! ```text
//! θ₀       s₀                θ: Ritz values that a restart has kept
//!    θ₁    s₁                s: what couples them to the first vector after them
//! s₀ s₁ α₀ β₀
//!       β₀ α₁ …              the last β is the norm of what is left of H times the last vector
//! ```

use crate::error::{Error, Result};
use crate::symmetric;
use crate::tridiagonal::{self, Eigen, Rows};

/// The matrix, and how far from it the operator is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Projected {
    /// Ritz values that a restart has kept.
    pub thetas: Vec<f64>,
    /// Their couplings to the vector after them.
    pub arrow: Vec<f64>,
    /// The diagonal after them.
    pub alphas: Vec<f64>,
    /// Its neighbours, one a step; the last is the norm of what is left.
    pub betas: Vec<f64>,
    /// For each vector, the norm of what H times it has in directions that are locked.
    pub leaks: Vec<f64>,
}

/// Eigenpairs of the matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Ritz {
    /// Eigenvalues, ascending, and all of their vectors.
    pub eigen: Eigen,
    /// A bound on ‖Hx − θx‖ of each Ritz vector x.
    pub residuals: Vec<f64>,
}

impl Projected {
    /// Rows of the matrix.
    pub fn size(&self) -> usize {
        self.thetas.len() + self.alphas.len()
    }

    /// The norm of what is left after the last step; 0 where nothing is.
    pub fn rest(&self) -> f64 {
        self.betas.last().copied().unwrap_or(0.0)
    }

    /// The largest element.
    pub fn largest(&self) -> f64 {
        let all = [&self.thetas, &self.arrow, &self.alphas, &self.betas];
        all.into_iter().flatten().fold(0.0, |most, value| value.abs().max(most))
    }

    /// Its eigenpairs. Costs O(n³).
    pub fn ritz(&self) -> Result<Ritz> {
        let n = self.size();
        if n == 0 {
            return Err(Error::State("Expected a step before Ritz values, received none.".into()));
        }
        if self.alphas.is_empty() {
            // Just restarted: the matrix is diagonal, and what is left of each vector is its coupling.
            let eigen = tridiagonal::eigen(&self.thetas, &vec![0.0; n - 1], Rows::All)?;
            let left = |y: &[f64]| y.iter().zip(&self.arrow).map(|(part, one)| part * one).sum::<f64>();
            let residuals = eigen.vectors.chunks(n).map(|y| left(y).hypot(self.leak(y))).collect();
            return Ok(Ritz { eigen, residuals });
        }
        let eigen = if self.thetas.is_empty() {
            tridiagonal::eigen(&self.alphas, &self.betas[..n - 1], Rows::All)?
        } else {
            symmetric::eigen(&self.dense(), n)?
        };
        let rest = self.rest();
        let residuals = eigen.vectors.chunks(n).map(|y| (rest * y[n - 1]).hypot(self.leak(y))).collect();
        Ok(Ritz { eigen, residuals })
    }

    /// Keeps some Ritz pairs: from here on what is left of each lies along the vector after them.
    pub fn restart(&mut self, ritz: &Ritz, kept: &[usize]) {
        let (n, rest) = (self.size(), self.rest());
        let vector = |i: usize| &ritz.eigen.vectors[i * n..(i + 1) * n];
        *self = Self {
            thetas: kept.iter().map(|&i| ritz.eigen.values[i]).collect(),
            arrow: kept.iter().map(|&i| rest * vector(i)[n - 1]).collect(),
            leaks: kept.iter().map(|&i| self.leak(vector(i))).collect(),
            ..Self::default()
        };
    }

    fn leak(&self, y: &[f64]) -> f64 {
        y.iter().zip(&self.leaks).map(|(part, leak)| part.abs() * leak).sum()
    }

    fn dense(&self) -> Vec<f64> {
        let (n, kept) = (self.size(), self.thetas.len());
        let mut matrix = vec![0.0; n * n];
        for (i, (theta, coupling)) in self.thetas.iter().zip(&self.arrow).enumerate() {
            matrix[i * n + i] = *theta;
            matrix[kept * n + i] = *coupling;
        }
        for (j, alpha) in self.alphas.iter().enumerate() {
            let row = kept + j;
            matrix[row * n + row] = *alpha;
            if row + 1 < n {
                matrix[(row + 1) * n + row] = self.betas[j];
            }
        }
        matrix
    }
}
