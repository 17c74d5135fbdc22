//! A basis in the memory of the host.

use super::rows::Rows;
use super::{Level, dispatch};
use crate::backend::space::Space;
use crate::error::Result;
use crate::memory::AlignedVec;
use crate::noise::Draw;

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
        w[..values.len()].copy_from_slice(values);
        w[values.len()..].fill(0.0);
        Ok(())
    }

    fn draw(&mut self, draw: Draw, w: &mut AlignedVec) -> Result<()> {
        dispatch::fill(Level::best(), draw, 0, 0, w);
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
