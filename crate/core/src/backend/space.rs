//! What a basis owes to where it lies: vectors of one length, and the passes over them. On the CPU [`cpu::rows`], on a GPU
//! [`cuda::rows`]; both give the same bits.
//!
//! [`cpu::rows`]: crate::backend::cpu::rows
//! [`cuda::rows`]: crate::backend

use crate::error::Result;
use crate::memory::filled;
use crate::noise::Draw;

/// Vectors of one length, and who does the passes over them. An error of a pass leaves only `w` in doubt.
pub trait Space {
    /// One of its vectors.
    type Vector;

    /// Elements of a vector.
    fn size(&self) -> usize;

    /// Bytes held besides vectors.
    fn bytes(&self) -> usize;

    /// Bytes of a vector.
    fn vector_bytes(vector: &Self::Vector) -> usize;

    /// A vector of zeros.
    fn vector(&self) -> Result<Self::Vector>;

    /// w ← values
    fn write(&mut self, values: &[f32], w: &mut Self::Vector) -> Result<()>;

    /// w ← U, the elements of tensor 0.
    fn draw(&mut self, draw: Draw, w: &mut Self::Vector) -> Result<()>;

    /// values ← vector
    fn read(&mut self, vector: &Self::Vector, values: &mut [f32]) -> Result<()>;

    /// A copy of a vector for the caller.
    fn taken(&mut self, vector: &Self::Vector) -> Result<Vec<f32>> {
        let mut values = filled(self.size(), 0.0)?;
        self.read(vector, &mut values)?;
        Ok(values)
    }

    /// w ← hv − β·before, where there is one before; w·v.
    fn project(
        &mut self,
        hv: &[f32],
        before: Option<(&Self::Vector, f32)>,
        v: &Self::Vector,
        w: &mut Self::Vector,
    ) -> Result<f64>;

    /// w ← w − Σ cᵢ·rowᵢ; w·w.
    fn subtract(&mut self, rows: &[&Self::Vector], coefficients: &[f32], w: &mut Self::Vector)
    -> Result<f64>;

    /// rowᵢ·w of each row.
    fn dots(&mut self, rows: &[&Self::Vector], w: &Self::Vector) -> Result<Vec<f64>>;

    /// One sweep of Gram–Schmidt: w ← w − Σ (rowᵢ·w)·rowᵢ; the dot products, and w·w. With rounded copies of the rows it
    /// reads half as much, and leaves up to 1.2e-4 of what it takes out.
    fn sweep(
        &mut self,
        rows: &[&Self::Vector],
        copies: Option<&[&Self::Vector]>,
        w: &mut Self::Vector,
    ) -> Result<(Vec<f64>, f64)> {
        let dots = match copies {
            Some(copies) => self.dots_rounded(rows, copies, w)?,
            None => self.dots(rows, w)?,
        };
        let left = self.take_out(&dots, rows, copies, w)?;
        Ok((dots, left))
    }

    /// The second half of a sweep, with the dot products of the first; w·w.
    fn take_out(
        &mut self,
        dots: &[f64],
        rows: &[&Self::Vector],
        copies: Option<&[&Self::Vector]>,
        w: &mut Self::Vector,
    ) -> Result<f64> {
        let coefficients: Vec<f32> = dots.iter().map(|dot| *dot as f32).collect();
        match copies {
            Some(copies) => self.subtract_rounded(copies, &coefficients, w),
            None => self.subtract(rows, &coefficients, w),
        }
    }

    /// w ← w − c·v; w·w; then a sweep. Where it lies in caches a chunk at a time, v goes while the sweep has w in hand.
    fn subtract_and_sweep(
        &mut self,
        (c, v): (f32, &Self::Vector),
        rows: &[&Self::Vector],
        copies: Option<&[&Self::Vector]>,
        w: &mut Self::Vector,
    ) -> Result<(f64, Vec<f64>, f64)> {
        let before = self.subtract(&[v], &[c], w)?;
        let (dots, left) = self.sweep(rows, copies, w)?;
        Ok((before, dots, left))
    }

    /// Memory for the rounded copy of a vector: [`crate::rounded`].
    fn room(&self) -> Result<Self::Vector>;

    /// w ← factor·w; its rounded copy.
    fn round(&mut self, factor: f32, w: &mut Self::Vector, copy: &mut Self::Vector) -> Result<()>;

    /// As [`Space::subtract`], of rows of which these are rounded copies.
    fn subtract_rounded(
        &mut self,
        copies: &[&Self::Vector],
        coefficients: &[f32],
        w: &mut Self::Vector,
    ) -> Result<f64>;

    /// As [`Space::dots`], of rows that have these rounded copies.
    fn dots_rounded(
        &mut self,
        rows: &[&Self::Vector],
        copies: &[&Self::Vector],
        w: &Self::Vector,
    ) -> Result<Vec<f64>>;

    /// w·w
    fn square(&mut self, w: &Self::Vector) -> Result<f64> {
        Ok(self.dots(&[w], w)?.iter().sum())
    }

    /// w ← factor·w
    fn scale(&mut self, factor: f32, w: &mut Self::Vector) -> Result<()>;

    /// The first rows ← combinations of all of them, in place: as many as there are coefficients for, a row of them each.
    /// Where it is refused, no row has been written.
    fn rotate(&mut self, rows: &mut [&mut Self::Vector], coefficients: &[f32]) -> Result<()>;
}
