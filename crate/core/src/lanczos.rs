//! The Lanczos iteration, a step at a time: the caller multiplies, this orthogonalises.
//!
//! ```text
//! w = H·vⱼ − βⱼ₋₁·vⱼ₋₁      αⱼ = w·vⱼ      w −= αⱼ·vⱼ   (w −= V·(Vᵀw) where the basis is kept)      βⱼ = ‖w‖      vⱼ₊₁ = w/βⱼ
//! ```
//!
//! With the basis kept (a vector a step, and one more), one blocked Gram–Schmidt sweep a step holds it orthogonal to rounding;
//! a second one only where the first took much of what was there. Of long vectors sweeps read rounded copies
//! ([`crate::rounded`]), half a vector more for each. [`restart`] makes the basis short again (Wu & Simon 2000), and [`lock`]
//! sets vectors apart, to which everything after stays orthogonal. Without (three vectors), converged eigenvalues come up
//! again as ghosts, which moves densities and traces of functions by next to nothing.
//!
//! [`restart`]: Lanczos::restart
//! [`lock`]: Lanczos::lock

mod state;

pub use state::State;

use crate::backend::Space;
use crate::backend::cpu::rows::Rows;
use crate::error::{Error, Result};
use crate::memory::filled;
use crate::noise::Draw;
use crate::projected::{Projected, Ritz};
use crate::rounded;
use crate::row::{Row, enough, subtract_and_sweep, sweep};
use crate::{Level, Threads};

/// What is left of a vector is rounding where its norm is below this share of the matrix's.
const NOTHING: f64 = 1e-6;

/// A run, of whatever length so far. An error of a call leaves it as it was.
pub struct Lanczos<S: Space = Rows> {
    space: S,
    /// What is locked; then vⱼ and the one before, or all of them where they are kept.
    basis: Vec<Row<S>>,
    locked: usize,
    keep: bool,
    /// Memory of vectors that are no longer kept.
    spare: Vec<Row<S>>,
    started: bool,
    /// A rotation is being written; still so afterwards where it was interrupted.
    torn: bool,
    projected: Projected,
    /// The largest element of any projected matrix so far: what is small beside it is rounding.
    scale: f64,
}

/// Where a run begins.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// Along this vector.
    Along(&'a [f32]),
    /// Along a draw.
    Drawn(Draw),
}

impl Lanczos {
    /// On the CPU, for an operator on `size` elements. `keep`: the basis stays, and stays orthogonal.
    pub fn new(size: usize, keep: bool, level: Level, threads: Threads) -> Result<Self> {
        Ok(Self::over(Rows::new(size, level, threads)?, keep))
    }
}

impl<S: Space> Lanczos<S> {
    /// With a basis that lies in this space.
    pub fn over(space: S, keep: bool) -> Self {
        Self {
            space,
            basis: Vec::new(),
            locked: 0,
            keep,
            spare: Vec::new(),
            started: false,
            torn: false,
            projected: Projected::default(),
            scale: 0.0,
        }
    }

    /// Bytes held: those of the vectors, and what lies beside them.
    pub fn bytes(&self) -> usize {
        self.space.bytes() + self.basis.iter().chain(&self.spare).map(Row::bytes).sum::<usize>()
    }

    /// Vectors that one of the basis takes in memory: 1, or about 1.5 with its rounded copy.
    pub fn vectors_a_row(&self) -> f64 {
        if self.keep && rounded::pays(self.space.size()) { 1.0 + rounded::SHARE } else { 1.0 }
    }

    /// The projected matrix.
    pub fn projected(&self) -> &Projected {
        &self.projected
    }

    /// Begins anew in a direction that is not a combination of those locked.
    pub fn start(&mut self, start: Start<'_>) -> Result<()> {
        self.whole()?;
        if let Start::Along(vector) = start {
            self.check(vector)?;
        }
        let mut first = self.vacant()?;
        if let Err(error) = self.begin(start, &mut first) {
            self.spare.push(first);
            return Err(error);
        }
        self.spare.extend(self.basis.drain(self.locked..));
        self.basis.push(first);
        self.projected = Projected::default();
        self.started = true;
        Ok(())
    }

    /// first ← the start, orthogonal to what is locked, of length 1.
    fn begin(&mut self, start: Start<'_>, first: &mut Row<S>) -> Result<()> {
        let Self { space, basis, locked, .. } = self;
        match start {
            Start::Along(vector) => space.write(vector, &mut first.vector)?,
            Start::Drawn(draw) => space.draw(draw, &mut first.vector)?,
        }
        let locked = &basis[..*locked];
        let before = space.square(&first.vector)?.sqrt();
        let mut norm = before;
        for _ in 0..if locked.is_empty() { 0 } else { 2 } {
            norm = sweep(space, locked, &mut first.vector)?.1.sqrt();
        }
        if !norm.is_finite() {
            return Err(Error::NotFiniteIn("start"));
        }
        if norm <= NOTHING * before || norm < f64::from(f32::MIN_POSITIVE) {
            return Err(Error::Invalid(format!(
                "Expected a start of positive norm outside of what is locked, 1.2e-38 at least, received {norm} of {before}."
            )));
        }
        first.settle((1.0 / norm) as f32, space)
    }

    /// A copy of the vector to multiply next.
    pub fn vector(&mut self) -> Result<Vec<f32>> {
        let mut values = filled(self.space.size(), 0.0)?;
        self.read(&mut values)?;
        Ok(values)
    }

    /// values ← the vector to multiply next.
    pub fn read(&mut self, values: &mut [f32]) -> Result<()> {
        self.check(values)?;
        let current = self.basis.last().filter(|_| self.started).ok_or_else(unstarted)?;
        self.space.read(&current.vector, values)
    }

    /// Takes H times the vector; αⱼ and βⱼ.
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
        let Step { alpha, beta, leak, scale } = match self.orthogonalise(hv, &mut w) {
            Ok(step) => step,
            Err(error) => {
                self.spare.push(w);
                return Err(error);
            }
        };
        if beta > 0.0 {
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

    /// w ← what is left of the product, of length 1 where that is something.
    fn orthogonalise(&mut self, hv: &[f32], row: &mut Row<S>) -> Result<Step> {
        let Self { space, basis, keep, projected, locked, scale, .. } = self;
        let (v, others) = basis.split_last().ok_or_else(unstarted)?;
        let (v, w) = (&v.vector, &mut row.vector);
        let before =
            projected.betas.last().and_then(|beta| others.last().map(|row| (&row.vector, *beta as f32)));
        let alpha = space.project(hv, before, v, w)?;
        let along = (alpha as f32, v);
        let (before, dots, mut square) = if *keep {
            subtract_and_sweep(space, along, basis, w)?
        } else {
            let left = space.subtract(&[v], &[alpha as f32], w)?;
            (left, vec![], left)
        };
        if !alpha.is_finite() || !before.is_finite() || !square.is_finite() {
            return Err(Error::NotFiniteIn("product"));
        }
        let leak = dots.iter().take(*locked).map(|dot| dot * dot).sum::<f64>().sqrt();
        if *keep && !enough(basis, square, before) {
            square = sweep(space, basis, w)?.1;
        }
        let scale = scale.max(alpha.abs());
        let norm = square.sqrt();
        let spanned = norm <= NOTHING * scale || basis.len() == space.size() && *keep;
        let beta = if spanned { 0.0 } else { norm };
        if beta > 0.0 {
            row.settle((1.0 / beta) as f32, space)?;
        }
        Ok(Step { alpha, beta, leak, scale })
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
        self.rotate(&ritz, kept)?;
        let end = self.locked + self.projected.size();
        self.spare.extend(self.basis.drain(self.locked + kept.len()..end));
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
        if !kept.is_empty() {
            let ritz = self.chosen(kept)?;
            self.rotate(&ritz, kept)?;
        }
        self.spare.extend(self.basis.drain(self.locked + kept.len()..));
        for i in (0..self.locked).rev().filter(|i| !stay.contains(i)) {
            self.spare.push(self.basis.remove(i));
        }
        self.locked = self.basis.len();
        self.started = false;
        self.projected = Projected::default();
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

    /// The first vectors behind the locked ones ← these Ritz vectors.
    fn rotate(&mut self, ritz: &Ritz, kept: &[usize]) -> Result<()> {
        let size = self.projected.size();
        let coefficients: Vec<f32> = kept
            .iter()
            .flat_map(|i| &ritz.eigen.vectors[i * size..(i + 1) * size])
            .map(|part| *part as f32)
            .collect();
        let rows = &mut self.basis[self.locked..self.locked + size];
        let mut vectors: Vec<&mut S::Vector> = rows.iter_mut().map(|row| &mut row.vector).collect();
        self.torn = true;
        if let Err(refused) = self.space.rotate(&mut vectors, &coefficients) {
            self.torn = false;
            return Err(refused);
        }
        for row in &mut rows[..kept.len()] {
            row.settle(1.0, &mut self.space)?;
        }
        self.torn = false;
        Ok(())
    }

    /// Memory for a vector, whatever is in it.
    fn vacant(&mut self) -> Result<Row<S>> {
        self.spare.pop().map_or_else(|| Row::new(&self.space, self.keep), Ok)
    }

    fn whole(&self) -> Result<()> {
        if self.torn { Err(Error::Torn) } else { Ok(()) }
    }

    fn check(&self, vector: &[f32]) -> Result<()> {
        self.whole()?;
        let (expected, came) = (self.space.size(), vector.len());
        if expected == came {
            Ok(())
        } else {
            Err(Error::Shape(format!("Expected {expected} elements, received {came}.")))
        }
    }
}

/// What a step has found: αⱼ, βⱼ, what the product had in locked directions, and the largest element by then but for βⱼ.
struct Step {
    alpha: f64,
    beta: f64,
    leak: f64,
    scale: f64,
}

fn ascending(places: &[usize]) -> bool {
    places.windows(2).all(|pair| pair[0] < pair[1])
}

fn unstarted() -> Error {
    Error::State("Expected a start before the first step, received none.".into())
}
