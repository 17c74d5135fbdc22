//! What a run is between two steps, so that another may go on from there.

use super::Lanczos;
use crate::backend::Space;
use crate::error::{Error, Result};
use crate::projected::Projected;
use crate::row::Row;

/// All that a run is at a moment between steps, besides the vectors of its basis.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Vectors in the basis.
    pub vectors: usize,
    /// How many of them are locked: the first.
    pub locked: usize,
    /// The projected matrix.
    pub projected: Projected,
    /// The largest element of any so far.
    pub scale: f64,
}

impl<S: Space> Lanczos<S> {
    /// What `restore` takes, beside the vectors of the basis.
    pub fn state(&self) -> Result<State> {
        self.whole()?;
        let (vectors, locked) = (self.basis.len(), self.locked);
        Ok(State { vectors, locked, projected: self.projected.clone(), scale: self.scale })
    }

    /// A copy of a vector of the basis, the locked ones first.
    pub fn basis(&mut self, place: usize) -> Result<Vec<f32>> {
        self.whole()?;
        let count = self.basis.len();
        let vector = self.basis.get(place).ok_or_else(|| {
            let said = format!("Expected a place below {count}, the vectors in the basis, received {place}.");
            Error::Invalid(said)
        })?;
        self.space.taken(&vector.vector)
    }

    /// Stands where a run of the same kind stood, wherever its basis lay; it goes on to the bit.
    pub fn restore(&mut self, state: &State, vectors: &[&[f32]]) -> Result<()> {
        let State { vectors: count, locked, projected, scale } = state;
        for vector in vectors {
            self.check(vector)?;
        }
        let started = vectors.len() > *locked;
        let rows = projected.size() + usize::from(projected.rest() > 0.0 || projected.betas.is_empty());
        let held = if self.keep { rows } else { rows.min(2) };
        let lengths = projected.arrow.len() == projected.thetas.len()
            && projected.betas.len() == projected.alphas.len()
            && projected.leaks.len() == projected.size();
        let fits = *count == vectors.len()
            && *locked <= vectors.len()
            && (!started || vectors.len() == locked + held);
        let numbers =
            [&projected.thetas, &projected.arrow, &projected.alphas, &projected.betas, &projected.leaks];
        if !lengths || !fits || !scale.is_finite() || !numbers.into_iter().flatten().all(|x| x.is_finite()) {
            return Err(Error::Invalid("Expected a state that a run has given, received another.".into()));
        }
        let mut basis = Vec::new();
        for vector in vectors {
            let mut row = Row::new(&self.space, self.keep)?;
            self.space.write(vector, &mut row.vector)?;
            row.settle(1.0, &mut self.space)?;
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
}
