//! A basis in the memory of the host.

use super::lanes::Lanes;
use super::pass::{Pass, SUMS};
use super::rows::{Rows, Shared};
use crate::backend::space::Space;
use crate::error::Result;
use crate::layout::{Chunk, TILE};
use crate::memory::AlignedVec;
use crate::noise::{Draw, Tiles};

/// w ← U
struct Fill {
    draw: Draw,
    w: Shared,
}

impl Pass for Fill {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let mut tiles = Tiles::new(self.draw, 0, (chunk.flat / TILE) as u32);
        // SAFETY: whole tiles of the padded vector, of which nobody else has this chunk.
        let out = unsafe {
            let first = self.w.0.add(chunk.flat);
            std::slice::from_raw_parts_mut(first, chunk.len.next_multiple_of(TILE))
        };
        V::fill(&mut tiles, &[], out);
        [0.0; SUMS]
    }
}

impl Space for Rows {
    type Vector = AlignedVec;

    fn size(&self) -> usize {
        Rows::size(self)
    }

    fn bytes(&self) -> usize {
        0
    }

    fn vector_bytes(vector: &AlignedVec) -> usize {
        vector.bytes()
    }

    fn vector(&self) -> Result<AlignedVec> {
        Rows::vector(self)
    }

    fn write(&mut self, values: &[f32], w: &mut AlignedVec) -> Result<()> {
        Rows::copy(self, values, w);
        w[values.len()..].fill(0.0);
        Ok(())
    }

    fn draw(&mut self, draw: Draw, w: &mut AlignedVec) -> Result<()> {
        assert!(w.len() >= Rows::size(self).next_multiple_of(TILE));
        self.run(&Fill { draw, w: Shared(w.as_mut_ptr()) }, 1);
        w[Rows::size(self)..].fill(0.0);
        Ok(())
    }

    fn read(&mut self, vector: &AlignedVec, values: &mut [f32]) -> Result<()> {
        Rows::copy(self, vector, values);
        Ok(())
    }

    fn project(
        &mut self,
        hv: &[f32],
        before: Option<(&AlignedVec, f32)>,
        v: &AlignedVec,
        w: &mut AlignedVec,
    ) -> Result<f64> {
        Ok(Rows::project(self, hv, before.map(|(row, beta)| (&row[..], beta)), v, w))
    }

    fn subtract(&mut self, rows: &[&AlignedVec], coefficients: &[f32], w: &mut AlignedVec) -> Result<f64> {
        Ok(Rows::subtract(self, &slices(rows), coefficients, w))
    }

    fn dots(&mut self, rows: &[&AlignedVec], w: &AlignedVec) -> Result<Vec<f64>> {
        Ok(Rows::dots(self, &slices(rows), w))
    }

    fn subtract_and_sweep(
        &mut self,
        (c, v): (f32, &AlignedVec),
        rows: &[&AlignedVec],
        copies: Option<&[&AlignedVec]>,
        w: &mut AlignedVec,
    ) -> Result<(f64, Vec<f64>, f64)> {
        let (before, dots) = match copies {
            Some(copies) => self.subtract_dots_rounded(v, c, &slices(rows), &slices(copies), w),
            None => self.subtract_dots(v, c, &slices(rows), w),
        };
        let left = self.take_out(&dots, rows, copies, w)?;
        Ok((before, dots, left))
    }

    fn scale(&mut self, factor: f32, w: &mut AlignedVec) -> Result<()> {
        Rows::scale(self, factor, w);
        Ok(())
    }

    fn room(&self) -> Result<AlignedVec> {
        Rows::room(self)
    }

    fn round(&mut self, factor: f32, w: &mut AlignedVec, copy: &mut AlignedVec) -> Result<()> {
        Rows::round(self, factor, w, copy);
        Ok(())
    }

    fn subtract_rounded(
        &mut self,
        copies: &[&AlignedVec],
        coefficients: &[f32],
        w: &mut AlignedVec,
    ) -> Result<f64> {
        Ok(Rows::subtract_rounded(self, &slices(copies), coefficients, w))
    }

    fn dots_rounded(
        &mut self,
        rows: &[&AlignedVec],
        copies: &[&AlignedVec],
        w: &AlignedVec,
    ) -> Result<Vec<f64>> {
        Ok(Rows::dots_rounded(self, &slices(rows), &slices(copies), w))
    }

    fn rotate(&mut self, rows: &mut [&mut AlignedVec], coefficients: &[f32]) -> Result<()> {
        Rows::rotate(self, rows, coefficients);
        Ok(())
    }
}

fn slices<'a>(rows: &[&'a AlignedVec]) -> Vec<&'a [f32]> {
    rows.iter().map(|row| &row[..]).collect()
}
