//! The Lanczos iteration, a step at a time: the caller multiplies, this orthogonalises.
//!
//! ```text
//! w = H·vⱼ − βⱼ₋₁·vⱼ₋₁      αⱼ = w·vⱼ      w −= αⱼ·vⱼ   (w −= V·(Vᵀw) where the basis is kept)      βⱼ = ‖w‖      vⱼ₊₁ = w/βⱼ
//! ```
//!
//! With the basis kept (m + 2 vectors), one blocked Gram–Schmidt sweep a step holds it orthogonal to rounding; a second one
//! only where the first took more than it left (Daniel, Gragg, Kaufman & Stewart 1976). Without (three vectors), converged
//! eigenvalues come up again as ghosts, which moves densities and traces of functions by next to nothing.

use crate::backend::cpu::rows::Rows;
use crate::error::{Error, Result};
use crate::memory::AlignedVec;
use crate::{Level, Threads};

/// A second sweep where the first left less than this share of the norm.
const ENOUGH: f64 = 0.7;
/// What is left of a vector is rounding where its norm is below this share of the matrix's.
const NOTHING: f64 = 1e-6;

/// A run, of whatever length so far.
pub struct Lanczos {
    rows: Rows,
    /// vⱼ and the one before; all of them where they are kept.
    basis: Vec<AlignedVec>,
    keep: bool,
    w: AlignedVec,
    /// Memory of a vector that is no longer kept.
    spare: Option<AlignedVec>,
    started: bool,
    alphas: Vec<f64>,
    betas: Vec<f64>,
}

impl Lanczos {
    /// For an operator on `size` elements. `keep`: the basis stays, and stays orthogonal.
    pub fn new(size: usize, keep: bool, level: Level, threads: Threads) -> Result<Self> {
        let rows = Rows::new(size, level, threads)?;
        let w = rows.vector()?;
        Ok(Self {
            rows,
            basis: Vec::new(),
            keep,
            w,
            spare: None,
            started: false,
            alphas: Vec::new(),
            betas: Vec::new(),
        })
    }

    /// Bytes of the vectors held.
    pub fn bytes(&self) -> usize {
        (self.basis.len() + 1 + usize::from(self.spare.is_some())) * self.w.bytes()
    }

    /// Diagonal of the projected matrix.
    pub fn alphas(&self) -> &[f64] {
        &self.alphas
    }

    /// Its off-diagonal, and last the norm of what is left: 0 where nothing is, and the run has come to its end.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }

    /// Begins anew from a vector of any length but 0.
    pub fn start(&mut self, vector: &[f32]) -> Result<()> {
        self.check(vector)?;
        let mut first = self.rows.vector()?;
        first[..vector.len()].copy_from_slice(vector);
        let norm = self.rows.dots(&[&first], &first)[0].sqrt();
        if !norm.is_finite() || norm == 0.0 {
            return Err(Error::Invalid(format!(
                "Expected a start of positive finite norm, received {norm}."
            )));
        }
        self.rows.scale((1.0 / norm) as f32, &mut first);
        self.basis = vec![first];
        self.alphas.clear();
        self.betas.clear();
        self.started = true;
        Ok(())
    }

    /// The vector to multiply next.
    pub fn vector(&self) -> Result<&[f32]> {
        let current = self.basis.last().filter(|_| self.started).ok_or_else(unstarted)?;
        Ok(&current[..self.rows.size()])
    }

    /// Takes H times the vector; αⱼ and βⱼ. Changes nothing where it refuses.
    pub fn step(&mut self, hv: &[f32]) -> Result<(f64, f64)> {
        self.check(hv)?;
        if !self.started {
            return Err(unstarted());
        }
        if self.betas.last() == Some(&0.0) {
            return Err(Error::State(
                "Expected no step after the last, received one: the space is spanned. Start anew.".into(),
            ));
        }
        let mut padded = match self.spare.take() {
            Some(spare) => spare,
            None => self.rows.vector()?,
        };
        padded[..hv.len()].copy_from_slice(hv);
        let outcome = self.orthogonalise(&padded);
        let Ok((alpha, square)) = outcome else {
            self.spare = Some(padded);
            return outcome;
        };
        let largest = self.alphas.iter().map(|alpha| alpha.abs()).chain(self.betas.iter().copied());
        let scale = largest.fold(alpha.abs(), f64::max);
        let norm = square.sqrt();
        let beta = if norm <= NOTHING * scale || self.basis.len() == self.rows.size() && self.keep {
            0.0
        } else {
            norm
        };
        if beta > 0.0 {
            self.rows.scale((1.0 / beta) as f32, &mut self.w);
            // The product's memory takes the next w.
            self.basis.push(std::mem::replace(&mut self.w, padded));
            if !self.keep && self.basis.len() > 2 {
                self.spare = Some(self.basis.remove(0));
            }
        } else {
            self.spare = Some(padded);
        }
        // Last: whatever failed before has left no step behind.
        self.alphas.push(alpha);
        self.betas.push(beta);
        Ok((alpha, beta))
    }

    /// w ← what is left of the product; α and ‖w‖².
    fn orthogonalise(&mut self, hv: &AlignedVec) -> Result<(f64, f64)> {
        let Self { rows, basis, keep, w, betas, .. } = self;
        let (v, others) = basis.split_last().ok_or_else(unstarted)?;
        let before = betas.last().and_then(|beta| others.last().map(|row| (&row[..], *beta as f32)));
        let alpha = rows.project(hv, before, v, w);
        let mut square = rows.subtract(&[v], &[alpha as f32], w);
        if !alpha.is_finite() || !square.is_finite() {
            return Err(Error::Invalid("Expected a finite product, received NaN or Infinity.".into()));
        }
        let all: Vec<&[f32]> = basis.iter().map(|row| &row[..]).collect();
        for _ in 0..if *keep { 2 } else { 0 } {
            let coefficients: Vec<f32> = rows.dots(&all, w).into_iter().map(|dot| dot as f32).collect();
            let left = rows.subtract(&all, &coefficients, w);
            let enough = left >= ENOUGH * ENOUGH * square;
            square = left;
            if enough {
                break;
            }
        }
        Ok((alpha, square))
    }

    /// out ← Σ cᵢ·vᵢ over the kept basis: a Ritz vector, from an eigenvector of the projected matrix.
    pub fn combine(&mut self, coefficients: &[f64], out: &mut [f32]) -> Result<()> {
        if !self.keep || coefficients.len() > self.basis.len() {
            let held = if self.keep { self.basis.len() } else { 0 };
            let count = coefficients.len();
            return Err(Error::State(format!(
                "Expected at most {held} coefficients, one a kept vector, received {count}."
            )));
        }
        if !coefficients.iter().all(|one| one.is_finite()) {
            return Err(Error::Invalid("Expected finite coefficients, received NaN or Infinity.".into()));
        }
        self.check(out)?;
        let mut sum = self.rows.vector()?;
        let rows: Vec<&[f32]> = self.basis[..coefficients.len()].iter().map(|row| &row[..]).collect();
        let negative: Vec<f32> = coefficients.iter().map(|c| -c as f32).collect();
        self.rows.subtract(&rows, &negative, &mut sum);
        out.copy_from_slice(&sum[..out.len()]);
        Ok(())
    }

    fn check(&self, vector: &[f32]) -> Result<()> {
        let (expected, came) = (self.rows.size(), vector.len());
        if expected == came {
            Ok(())
        } else {
            Err(Error::Shape(format!("Expected {expected} elements, received {came}.")))
        }
    }
}

fn unstarted() -> Error {
    Error::State("Expected a start before the first step, received none.".into())
}
