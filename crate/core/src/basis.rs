//! An orthonormal basis that grows vector by vector: the range of a sketch, which Hutch++ takes out of its probes.
//!
//! ```text
//! w −= Q·(Qᵀw), again while that took more than it left      ‖w‖ ≈ 0: w depends on Q, else q = w/‖w‖ joins it
//! ```
//!
//! Two sweeps nearly always are enough (Daniel, Gragg, Kaufman & Stewart 1976); each reads the basis twice.

use crate::backend::Space;
use crate::backend::cpu::rows::Rows;
use crate::error::{Error, Result};
use crate::noise::Draw;
use crate::{Level, Threads};

/// Another sweep where the last left less than this share of the norm.
const ENOUGH: f64 = 0.7;
/// Sweeps at most.
const SWEEPS: usize = 3;
/// What is left of a vector is rounding below this share of its norm.
const NOTHING: f64 = 1e-6;

/// Orthonormal vectors of one length.
pub struct Basis<S: Space = Rows> {
    space: S,
    vectors: Vec<S::Vector>,
    w: S::Vector,
}

impl Basis {
    /// An empty one on the CPU, for vectors of `size` elements.
    pub fn new(size: usize, level: Level, threads: Threads) -> Result<Self> {
        Self::over(Rows::new(size, level, threads)?)
    }
}

impl<S: Space> Basis<S> {
    /// An empty one in this space.
    pub fn over(space: S) -> Result<Self> {
        let w = space.vector()?;
        Ok(Self { space, vectors: Vec::new(), w })
    }

    /// Bytes held: those of the vectors, and what lies beside them.
    pub fn bytes(&self) -> usize {
        self.space.bytes() + (self.vectors.len() + 1) * S::vector_bytes(&self.w)
    }

    /// Vectors in it.
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// A copy of one of its vectors.
    pub fn vector(&mut self, index: usize) -> Result<Vec<f32>> {
        let vector = self.vectors.get(index).ok_or_else(|| {
            Error::Invalid(format!("Expected a vector below {}, received {index}.", self.vectors.len()))
        })?;
        self.space.taken(vector)
    }

    /// Takes up the direction of a vector that is new; false, and nothing changed, where there is none.
    pub fn add(&mut self, vector: &[f32]) -> Result<bool> {
        let before = self.load(vector)?;
        if self.vectors.len() == self.space.size() || before == 0.0 {
            return Ok(false);
        }
        let norm = self.clear(before)?.sqrt();
        if norm <= NOTHING * before.sqrt() {
            return Ok(false);
        }
        let next = self.space.vector()?;
        self.space.scale((1.0 / norm) as f32, &mut self.w)?;
        self.vectors.push(std::mem::replace(&mut self.w, next));
        Ok(true)
    }

    /// Takes a vector as it is: one of those that a basis like this one held, in their order.
    pub fn restore(&mut self, vector: &[f32]) -> Result<()> {
        self.load(vector)?;
        let next = self.space.vector()?;
        self.vectors.push(std::mem::replace(&mut self.w, next));
        Ok(())
    }

    /// What of a vector is orthogonal to the basis.
    pub fn remove(&mut self, vector: &[f32]) -> Result<Vec<f32>> {
        let before = self.load(vector)?;
        self.clear(before)?;
        self.space.taken(&self.w)
    }

    /// A draw; `clear`: what of it is orthogonal to the basis.
    pub fn draw(&mut self, draw: Draw, clear: bool) -> Result<Vec<f32>> {
        self.space.draw(draw, &mut self.w)?;
        if clear && !self.is_empty() {
            let before = self.space.square(&self.w)?;
            self.clear(before)?;
        }
        self.space.taken(&self.w)
    }

    /// w ← vector; w·w.
    fn load(&mut self, vector: &[f32]) -> Result<f64> {
        let (expected, came) = (self.space.size(), vector.len());
        if expected != came {
            return Err(Error::Shape(format!("Expected {expected} elements, received {came}.")));
        }
        self.space.write(vector, &mut self.w)?;
        let square = self.space.square(&self.w)?;
        if square.is_finite() { Ok(square) } else { Err(Error::NotFiniteIn("vector")) }
    }

    /// w −= Q·(Qᵀw); w·w, which was `square` before.
    fn clear(&mut self, mut square: f64) -> Result<f64> {
        let Self { space, vectors, w } = self;
        if vectors.is_empty() {
            return Ok(square);
        }
        let all: Vec<&S::Vector> = vectors.iter().collect();
        for _ in 0..SWEEPS {
            let left = space.sweep(&all, None, w)?.1;
            let enough = left >= ENOUGH * ENOUGH * square;
            square = left;
            if enough {
                break;
            }
        }
        if square.is_finite() { Ok(square) } else { Err(Error::NotFiniteIn("vector")) }
    }
}
