//! An orthonormal basis that grows vector by vector: the range of a sketch, which Hutch++ takes out of its probes.
//!
//! ```text
//! w −= Q·(Qᵀw), again while that took more than it left      ‖w‖ ≈ 0: w depends on Q, else q = w/‖w‖ joins it
//! ```
//!
//! Two sweeps nearly always are enough (Daniel, Gragg, Kaufman & Stewart 1976); each reads the basis twice.

use crate::backend::cpu::rows::Rows;
use crate::error::{Error, Result};
use crate::memory::AlignedVec;
use crate::{Level, Threads};

/// Another sweep where the last left less than this share of the norm.
const ENOUGH: f64 = 0.7;
/// Sweeps at most.
const SWEEPS: usize = 3;
/// What is left of a vector is rounding below this share of its norm.
const NOTHING: f64 = 1e-6;

/// Orthonormal vectors of one length.
pub struct Basis {
    rows: Rows,
    vectors: Vec<AlignedVec>,
    w: AlignedVec,
}

impl Basis {
    /// An empty one, for vectors of `size` elements.
    pub fn new(size: usize, level: Level, threads: Threads) -> Result<Self> {
        let rows = Rows::new(size, level, threads)?;
        let w = rows.vector()?;
        Ok(Self { rows, vectors: Vec::new(), w })
    }

    /// Bytes of the vectors held.
    pub fn bytes(&self) -> usize {
        (self.vectors.len() + 1) * self.w.bytes()
    }

    /// Vectors in it.
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// One of its vectors.
    pub fn vector(&self, index: usize) -> Result<&[f32]> {
        let vector = self.vectors.get(index).ok_or_else(|| {
            Error::Invalid(format!("Expected a vector below {}, received {index}.", self.vectors.len()))
        })?;
        Ok(&vector[..self.rows.size()])
    }

    /// Takes up the direction of a vector that is new; false, and nothing changed, where there is none.
    pub fn add(&mut self, vector: &[f32]) -> Result<bool> {
        let before = self.load(vector)?;
        if self.vectors.len() == self.rows.size() || before == 0.0 {
            return Ok(false);
        }
        let norm = self.clear(before)?.sqrt();
        if norm <= NOTHING * before.sqrt() {
            return Ok(false);
        }
        let next = self.rows.vector()?;
        let mut w = std::mem::replace(&mut self.w, next);
        self.rows.scale((1.0 / norm) as f32, &mut w);
        self.vectors.push(w);
        Ok(true)
    }

    /// out ← what of a vector is orthogonal to the basis.
    pub fn remove(&mut self, vector: &[f32], out: &mut [f32]) -> Result<()> {
        self.check(out.len())?;
        let before = self.load(vector)?;
        self.clear(before)?;
        out.copy_from_slice(&self.w[..out.len()]);
        Ok(())
    }

    /// w ← vector; w·w.
    fn load(&mut self, vector: &[f32]) -> Result<f64> {
        self.check(vector.len())?;
        self.w[..vector.len()].copy_from_slice(vector);
        let square = self.rows.dots(&[&self.w], &self.w)[0];
        if square.is_finite() { Ok(square) } else { Err(not_finite()) }
    }

    /// w −= Q·(Qᵀw); w·w, which was `square` before.
    fn clear(&mut self, mut square: f64) -> Result<f64> {
        let Self { rows, vectors, w } = self;
        if vectors.is_empty() {
            return Ok(square);
        }
        let all: Vec<&[f32]> = vectors.iter().map(|row| &row[..]).collect();
        for _ in 0..SWEEPS {
            let coefficients: Vec<f32> = rows.dots(&all, w).into_iter().map(|dot| dot as f32).collect();
            let left = rows.subtract(&all, &coefficients, w);
            let enough = left >= ENOUGH * ENOUGH * square;
            square = left;
            if enough {
                break;
            }
        }
        if square.is_finite() { Ok(square) } else { Err(not_finite()) }
    }

    fn check(&self, came: usize) -> Result<()> {
        let expected = self.rows.size();
        if expected == came {
            Ok(())
        } else {
            Err(Error::Shape(format!("Expected {expected} elements, received {came}.")))
        }
    }
}

fn not_finite() -> Error {
    Error::Invalid("Expected a finite vector, received NaN or Infinity in it.".into())
}
