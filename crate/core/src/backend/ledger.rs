//! What every backend keeps on the host: sizes, penalties, which tensors a gradient has reached, and the sums of the
//! passes. The checks of arguments are here too, so that all backends refuse the same calls with the same words.

use crate::backend::{Gradient, Half, Noise};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::penalty::Penalty;

/// Sums that a pass may take.
pub(crate) const SUMS: usize = 3;

/// The host's side of one optimizer.
pub struct Ledger {
    pub(crate) layout: Layout,
    pub(crate) penalties: Vec<Penalty>,
    keeps_origin: bool,
    pub(crate) loaded: bool,
    /// An update is being written; still so afterwards where it was interrupted.
    pub(crate) torn: bool,
    pub(crate) tensor_sums: Vec<[f64; SUMS]>,
    pub(crate) dots: Vec<f64>,
    /// Tensors that a gradient of this update has reached.
    pub(crate) reached: Vec<bool>,
    /// The same up to the last micro-batch that succeeded.
    pub(crate) banked: Vec<bool>,
}

impl Ledger {
    pub(crate) fn new(layout: Layout, keeps_origin: bool) -> Self {
        let tensors = layout.sizes().len();
        Self {
            penalties: vec![Penalty::default(); tensors],
            keeps_origin,
            loaded: false,
            torn: false,
            tensor_sums: vec![[0.0; SUMS]; tensors],
            dots: vec![0.0; tensors],
            reached: vec![false; tensors],
            banked: vec![false; tensors],
            layout,
        }
    }

    pub(crate) fn whole(&self) -> Result<()> {
        if self.torn { Err(Error::Torn) } else { Ok(()) }
    }

    pub(crate) fn set_penalties(&mut self, penalties: &[Penalty]) -> Result<()> {
        if penalties.len() != self.penalties.len() {
            let (expected, came) = (self.penalties.len(), penalties.len());
            return Err(Error::Shape(format!("Expected {expected} penalties, received {came}.")));
        }
        if !self.keeps_origin && penalties.iter().any(|penalty| penalty.distance != 0.0) {
            return Err(missing("where the weights began"));
        }
        self.penalties.copy_from_slice(penalties);
        Ok(())
    }

    pub(crate) fn set_banked(&mut self, reached: &[bool]) -> Result<()> {
        if reached.len() != self.banked.len() {
            let (expected, came) = (self.banked.len(), reached.len());
            return Err(Error::Shape(format!("Expected {expected} tensors, received {came}.")));
        }
        self.banked.copy_from_slice(reached);
        Ok(())
    }

    pub(crate) fn clear(&mut self, all: bool) {
        self.dots.fill(0.0);
        if all {
            self.banked.fill(false);
        }
        self.reached.copy_from_slice(&self.banked);
    }

    pub(crate) fn check<T: AsRef<[f32]>>(&self, what: &str, slices: &[T]) -> Result<()> {
        check_lengths(&self.layout, what, slices.iter().map(|slice| Some(slice.as_ref().len())), slices.len())
    }

    /// Also notes which tensors the gradients have reached.
    pub(crate) fn check_gradients(&mut self, g: &[Gradient<'_>]) -> Result<()> {
        self.whole()?;
        let lengths = g.iter().map(|slice| slice.map(<[f32]>::len));
        check_lengths(&self.layout, "gradients", lengths, g.len())?;
        for (reached, slice) in self.reached.iter_mut().zip(g) {
            *reached |= slice.is_some();
        }
        Ok(())
    }

    pub(crate) fn check_noise(&self, noise: &Noise<'_>) -> Result<()> {
        check_scales(&self.layout, noise.scales)
    }

    pub(crate) fn check_half(&self, half: &Half<'_>) -> Result<()> {
        check_scales(&self.layout, half.scales)?;
        let Some(before) = half.before else { return Ok(()) };
        let lengths = before.iter().map(|slice| slice.map(<[f32]>::len));
        check_lengths(&self.layout, "values before", lengths, before.len())
    }

    /// An error where the sums that came out of a pass are not finite.
    pub(crate) fn finite(&self) -> Result<()> {
        match self.tensor_sums.iter().position(|sum| !sum[0].is_finite()) {
            Some(tensor) => Err(Error::NotFinite { tensor }),
            None => Ok(()),
        }
    }

    /// dots += U·(P − g), of the sums −σU·(g − P) that came out of a pass.
    pub(crate) fn add_dots(&mut self, scales: &[f32]) {
        let drawn =
            self.dots.iter_mut().zip(&self.tensor_sums).zip(scales).filter(|(_, scale)| **scale != 0.0);
        for ((dot, sum), scale) in drawn {
            *dot += sum[0] / f64::from(*scale);
        }
    }
}

pub(crate) fn check_lengths(
    layout: &Layout,
    what: &str,
    lengths: impl Iterator<Item = Option<usize>>,
    count: usize,
) -> Result<()> {
    let sizes = layout.sizes();
    if count != sizes.len() {
        return Err(Error::Shape(format!("Expected {} {what}, received {count}.", sizes.len())));
    }
    for (tensor, (len, size)) in lengths.zip(sizes).enumerate() {
        if len.is_some_and(|len| len != *size) {
            let len = len.unwrap_or(0);
            return Err(Error::Shape(format!(
                "Expected {size} elements in tensor {tensor} of the {what}, received {len}."
            )));
        }
    }
    Ok(())
}

pub(crate) fn missing(what: &str) -> Error {
    Error::State(format!("Expected a workspace made with a vector for {what}, received one without."))
}

pub(crate) fn check_scales(layout: &Layout, scales: &[f32]) -> Result<()> {
    let expected = layout.sizes().len();
    if scales.len() != expected {
        return Err(Error::Shape(format!("Expected {expected} scales, received {}.", scales.len())));
    }
    match scales.iter().find(|scale| !scale.is_finite()) {
        Some(scale) => Err(Error::Invalid(format!("Expected finite scales, received {scale}."))),
        None => Ok(()),
    }
}
