//! The Lanczos iteration, a step at a time: the caller multiplies, this orthogonalises.
//!
//! ```text
//! w = H·vⱼ − βⱼ₋₁·vⱼ₋₁      αⱼ = w·vⱼ      w −= αⱼ·vⱼ   (w −= V·(Vᵀw) where the basis is kept)      βⱼ = ‖w‖      vⱼ₊₁ = w/βⱼ
//! ```
//!
//! With the basis kept (a vector a step, and one more), one blocked Gram–Schmidt sweep a step holds it orthogonal to rounding;
//! a second one only where the first took more than it left (Daniel, Gragg, Kaufman & Stewart 1976). [`restart`] makes it short
//! again (Wu & Simon 2000), and [`lock`] sets vectors apart, to which everything after stays orthogonal. Without (three
//! vectors), converged eigenvalues come up again as ghosts, which moves densities and traces of functions by next to nothing.
//!
//! [`restart`]: Lanczos::restart
//! [`lock`]: Lanczos::lock

use crate::backend::cpu::rows::Rows;
use crate::error::{Error, Result};
use crate::memory::AlignedVec;
use crate::projected::{Projected, Ritz};
use crate::{Level, Threads};

/// A second sweep where the first left less than this share of the norm.
const ENOUGH: f64 = 0.7;
/// What is left of a vector is rounding where its norm is below this share of the matrix's.
const NOTHING: f64 = 1e-6;

/// A run, of whatever length so far.
pub struct Lanczos {
    rows: Rows,
    /// What is locked; then vⱼ and the one before, or all of them where they are kept.
    basis: Vec<AlignedVec>,
    locked: usize,
    keep: bool,
    /// Memory of vectors that are no longer kept.
    spare: Vec<AlignedVec>,
    started: bool,
    /// A rotation is being written; still so afterwards where it was interrupted.
    torn: bool,
    projected: Projected,
    /// The largest element of any projected matrix so far: what is small beside it is rounding.
    scale: f64,
}

/// All that a run is at a moment between steps.
#[derive(Debug, Clone, PartialEq)]
pub struct State<V> {
    /// The basis.
    pub vectors: Vec<V>,
    /// How many of its vectors are locked.
    pub locked: usize,
    /// The projected matrix.
    pub projected: Projected,
    /// The largest element of any so far.
    pub scale: f64,
}

impl Lanczos {
    /// For an operator on `size` elements. `keep`: the basis stays, and stays orthogonal.
    pub fn new(size: usize, keep: bool, level: Level, threads: Threads) -> Result<Self> {
        let rows = Rows::new(size, level, threads)?;
        Ok(Self {
            rows,
            basis: Vec::new(),
            locked: 0,
            keep,
            spare: Vec::new(),
            started: false,
            torn: false,
            projected: Projected::default(),
            scale: 0.0,
        })
    }

    /// Bytes of the vectors held.
    pub fn bytes(&self) -> usize {
        self.basis.iter().chain(&self.spare).map(AlignedVec::bytes).sum()
    }

    /// The projected matrix.
    pub fn projected(&self) -> &Projected {
        &self.projected
    }

    /// Begins anew from a vector that is not a combination of those locked.
    pub fn start(&mut self, vector: &[f32]) -> Result<()> {
        self.check(vector)?;
        let mut first = self.vacant()?;
        first[..vector.len()].copy_from_slice(vector);
        first[vector.len()..].fill(0.0);
        let locked: Vec<&[f32]> = self.basis[..self.locked].iter().map(|row| &row[..]).collect();
        let before = self.rows.dots(&[&first], &first)[0].sqrt();
        let mut norm = before;
        for _ in 0..if locked.is_empty() { 0 } else { 2 } {
            norm = self.rows.sweep(&locked, &mut first).1.sqrt();
        }
        if !norm.is_finite() || norm <= NOTHING * before {
            self.spare.push(first);
            return Err(Error::Invalid(format!(
                "Expected a start of positive finite norm outside of what is locked, received {norm} of {before}."
            )));
        }
        self.rows.scale((1.0 / norm) as f32, &mut first);
        self.spare.extend(self.basis.drain(self.locked..));
        self.basis.push(first);
        self.projected = Projected::default();
        self.started = true;
        Ok(())
    }

    /// The vector to multiply next.
    pub fn vector(&self) -> Result<&[f32]> {
        self.whole()?;
        let current = self.basis.last().filter(|_| self.started).ok_or_else(unstarted)?;
        Ok(&current[..self.rows.size()])
    }

    /// Takes H times the vector; αⱼ and βⱼ. Changes nothing where it refuses.
    pub fn step(&mut self, hv: &[f32]) -> Result<(f64, f64)> {
        self.check(hv)?;
        if !self.started {
            return Err(unstarted());
        }
        if self.projected.betas.last() == Some(&0.0) {
            return Err(Error::State(
                "Expected no step after the last, received one: the space is spanned. Start anew.".into(),
            ));
        }
        let mut w = self.vacant()?;
        let outcome = self.orthogonalise(hv, &mut w);
        let Ok((alpha, square, leak)) = outcome else {
            self.spare.push(w);
            return outcome.map(|(alpha, square, _)| (alpha, square));
        };
        let scale = self.scale.max(alpha.abs());
        let norm = square.sqrt();
        let beta = if norm <= NOTHING * scale || self.basis.len() == self.rows.size() && self.keep {
            0.0
        } else {
            norm
        };
        if beta > 0.0 {
            self.rows.scale((1.0 / beta) as f32, &mut w);
            self.basis.push(w);
            if !self.keep && self.basis.len() > 2 {
                self.spare.push(self.basis.remove(0));
            }
        } else {
            self.spare.push(w);
        }
        // Last: whatever failed before has left no step behind.
        self.scale = scale.max(beta);
        self.projected.alphas.push(alpha);
        self.projected.betas.push(beta);
        self.projected.leaks.push(leak);
        Ok((alpha, beta))
    }

    /// w ← what is left of the product; α, ‖w‖², and the norm of what it had in locked directions.
    fn orthogonalise(&mut self, hv: &[f32], w: &mut AlignedVec) -> Result<(f64, f64, f64)> {
        let Self { rows, basis, keep, projected, locked, .. } = self;
        let (v, others) = basis.split_last().ok_or_else(unstarted)?;
        let before =
            projected.betas.last().and_then(|beta| others.last().map(|row| (&row[..], *beta as f32)));
        let alpha = rows.project(hv, before, v, w);
        let mut square = rows.subtract(&[v], &[alpha as f32], w);
        if !alpha.is_finite() || !square.is_finite() {
            return Err(Error::Invalid("Expected a finite product, received NaN or Infinity.".into()));
        }
        let all: Vec<&[f32]> = basis.iter().map(|row| &row[..]).collect();
        let mut leak = 0.0;
        for sweep in 0..if *keep { 2 } else { 0 } {
            let (dots, left) = rows.sweep(&all, w);
            if sweep == 0 {
                leak = dots[..*locked].iter().map(|dot| dot * dot).sum::<f64>().sqrt();
            }
            let enough = left >= ENOUGH * ENOUGH * square;
            square = left;
            if enough {
                break;
            }
        }
        Ok((alpha, square, leak))
    }

    /// Eigenpairs of the projected matrix, locked ones not among them.
    pub fn ritz(&self) -> Result<Ritz> {
        self.whole()?;
        self.projected.ritz()
    }

    /// Goes on from these Ritz vectors alone, by their places among the ascending values, and what is left of the last
    /// product. The basis is rotated in place.
    pub fn restart(&mut self, kept: &[usize]) -> Result<()> {
        let ritz = self.chosen(kept)?;
        if self.projected.rest() == 0.0 {
            let said =
                "Expected something left to go on from, received none: the space is spanned. Start anew.";
            return Err(Error::State(said.into()));
        }
        let left = self.basis.pop().ok_or_else(unstarted)?;
        self.rotate(&ritz, kept);
        self.basis.push(left);
        self.projected.restart(&ritz, kept);
        Ok(())
    }

    /// Sets these Ritz vectors apart, beside those of the locked ones that are to stay so; the rest of the basis goes. What
    /// follows is a start.
    pub fn lock(&mut self, stay: &[usize], kept: &[usize]) -> Result<()> {
        if stay.iter().any(|i| *i >= self.locked) || !ascending(stay) {
            let locked = self.locked;
            return Err(Error::Invalid(format!(
                "Expected ascending places below {locked} of what stays locked, received {stay:?}."
            )));
        }
        if kept.is_empty() {
            self.spare.extend(self.basis.drain(self.locked..));
        } else {
            let ritz = self.chosen(kept)?;
            // What is left of the last product; there is none at the end of a run.
            self.spare.extend(self.basis.drain(self.locked + self.projected.size()..));
            self.rotate(&ritz, kept);
        }
        for i in (0..self.locked).rev().filter(|i| !stay.contains(i)) {
            self.spare.push(self.basis.remove(i));
        }
        self.locked = self.basis.len();
        self.started = false;
        self.projected = Projected::default();
        Ok(())
    }

    /// What `restore` takes.
    pub fn state(&self) -> Result<State<&[f32]>> {
        self.whole()?;
        let vectors = self.basis.iter().map(|row| &row[..self.rows.size()]).collect();
        Ok(State { vectors, locked: self.locked, projected: self.projected.clone(), scale: self.scale })
    }

    /// Stands where a run of the same kind stood; it goes on to the bit.
    pub fn restore(&mut self, state: &State<&[f32]>) -> Result<()> {
        let State { vectors, locked, projected, scale } = state;
        for vector in vectors {
            self.check(vector)?;
        }
        let started = vectors.len() > *locked;
        let rows = projected.size() + usize::from(projected.rest() > 0.0 || projected.betas.is_empty());
        let held = if self.keep { rows } else { rows.min(2) };
        let lengths = projected.arrow.len() == projected.thetas.len()
            && projected.betas.len() == projected.alphas.len()
            && projected.leaks.len() == projected.size();
        let fits = *locked <= vectors.len() && (!started || vectors.len() == locked + held);
        let numbers =
            [&projected.thetas, &projected.arrow, &projected.alphas, &projected.betas, &projected.leaks];
        if !lengths || !fits || !scale.is_finite() || !numbers.into_iter().flatten().all(|x| x.is_finite()) {
            return Err(Error::Invalid("Expected a state that a run has given, received another.".into()));
        }
        let mut basis = Vec::new();
        for vector in vectors {
            let mut row = self.rows.vector()?;
            row[..vector.len()].copy_from_slice(vector);
            basis.push(row);
        }
        self.spare.clear();
        self.basis = basis;
        self.locked = *locked;
        self.projected = projected.clone();
        self.scale = *scale;
        (self.started, self.torn) = (started, false);
        Ok(())
    }

    /// The Ritz pairs, if these places are among them.
    fn chosen(&self, kept: &[usize]) -> Result<Ritz> {
        self.whole()?;
        let size = self.projected.size();
        if !self.keep {
            return Err(Error::State(
                "Expected a run that keeps its basis, received one that does not.".into(),
            ));
        }
        if kept.is_empty() || kept.iter().any(|i| *i >= size) || !ascending(kept) {
            return Err(Error::Invalid(format!(
                "Expected ascending places below {size} of Ritz values, received {kept:?}."
            )));
        }
        self.projected.ritz()
    }

    /// What lies behind the locked vectors ← these Ritz vectors.
    fn rotate(&mut self, ritz: &Ritz, kept: &[usize]) {
        let size = self.projected.size();
        let coefficients: Vec<f32> = kept
            .iter()
            .flat_map(|i| &ritz.eigen.vectors[i * size..(i + 1) * size])
            .map(|part| *part as f32)
            .collect();
        self.torn = true;
        self.rows.rotate(&mut self.basis[self.locked..], &coefficients);
        self.torn = false;
        self.spare.extend(self.basis.drain(self.locked + kept.len()..));
    }

    /// Memory for a vector, whatever is in it.
    fn vacant(&mut self) -> Result<AlignedVec> {
        self.spare.pop().map_or_else(|| self.rows.vector(), Ok)
    }

    fn whole(&self) -> Result<()> {
        if self.torn { Err(Error::Torn) } else { Ok(()) }
    }

    fn check(&self, vector: &[f32]) -> Result<()> {
        self.whole()?;
        let (expected, came) = (self.rows.size(), vector.len());
        if expected == came {
            Ok(())
        } else {
            Err(Error::Shape(format!("Expected {expected} elements, received {came}.")))
        }
    }
}

fn ascending(places: &[usize]) -> bool {
    places.windows(2).all(|pair| pair[0] < pair[1])
}

fn unstarted() -> Error {
    Error::State("Expected a start before the first step, received none.".into())
}
