//! A row of a Lanczos basis: a vector, and beside a long one the rounded copy that sweeps read in its place.

use crate::backend::Space;
use crate::error::Result;
use crate::rounded;

/// A second sweep where the first left less than this share of the norm (Daniel, Gragg, Kaufman & Stewart 1976).
const ENOUGH: f64 = 0.7;
/// The same with rounded copies: of more than 1.4 % of the norm they would leave too much.
const ENOUGH_ROUNDED: f64 = 0.9999;

/// A vector and its copy, which is that of the vector whenever a sweep reads it.
pub(crate) struct Row<S: Space> {
    pub vector: S::Vector,
    copy: Option<S::Vector>,
}

impl<S: Space> Row<S> {
    /// Zeros; `swept`: sweeps will read it.
    pub fn new(space: &S, swept: bool) -> Result<Self> {
        let copied = swept && rounded::pays(space.size());
        let copy = if copied { Some(space.room()?) } else { None };
        Ok(Self { vector: space.vector()?, copy })
    }

    pub fn bytes(&self) -> usize {
        S::vector_bytes(&self.vector) + self.copy.as_ref().map_or(0, S::vector_bytes)
    }

    /// The vector ← factor times itself, and its copy: what a vector ends with that a sweep is to read.
    pub fn settle(&mut self, factor: f32, space: &mut S) -> Result<()> {
        match &mut self.copy {
            Some(copy) => space.round(factor, &mut self.vector, copy),
            None if factor == 1.0 => Ok(()),
            None => space.scale(factor, &mut self.vector),
        }
    }
}

/// One sweep of Gram–Schmidt: w ← w − Σ (rowᵢ·w)·rowᵢ; the dot products, and w·w.
pub(crate) fn sweep<S: Space>(space: &mut S, rows: &[Row<S>], w: &mut S::Vector) -> Result<(Vec<f64>, f64)> {
    let (vectors, copies) = apart(rows);
    space.sweep(&vectors, copies.as_deref(), w)
}

/// w ← w − c·v, then a sweep; w·w in between, the dot products, and w·w.
pub(crate) fn subtract_and_sweep<S: Space>(
    space: &mut S,
    taken: (f32, &S::Vector),
    rows: &[Row<S>],
    w: &mut S::Vector,
) -> Result<(f64, Vec<f64>, f64)> {
    let (vectors, copies) = apart(rows);
    space.subtract_and_sweep(taken, &vectors, copies.as_deref(), w)
}

/// The vectors, and their copies where they have some.
fn apart<S: Space>(rows: &[Row<S>]) -> (Vec<&S::Vector>, Option<Vec<&S::Vector>>) {
    (rows.iter().map(|row| &row.vector).collect(), rows.iter().map(|row| row.copy.as_ref()).collect())
}

/// Whether a sweep of these rows that left so much of w·w has left nothing of them.
pub(crate) fn enough<S: Space>(rows: &[Row<S>], left: f64, before: f64) -> bool {
    let rounded = rows.iter().any(|row| row.copy.is_some());
    left >= if rounded { ENOUGH_ROUNDED } else { ENOUGH }.powi(2) * before
}
