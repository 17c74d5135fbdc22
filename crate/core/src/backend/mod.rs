//! What a compute backend owes the library: the fused passes of a training step over vectors it owns.
//!
//! ```text
//! for j in 1..k:  perturb  W' = W + σUⱼ                  → gⱼ⁺
//!                 flip     Pⱼ = gⱼ⁺ · d += Uⱼ·gⱼ⁺ · W' = W − σUⱼ  → gⱼ⁻
//!                 accumulate  G += Pⱼ + gⱼ⁻ · d −= Uⱼ·gⱼ⁻ · W' = W + σUⱼ₊₁
//! finish          the last accumulate fused with mean, base optimizer and the write of W
//! ```
//!
//! Backends: [`cpu`].

pub mod cpu;

use crate::error::Result;
use crate::layout::Layout;
use crate::noise::Draw;
use crate::optimizer::Rule;

/// A gradient of one tensor; `None` where the loss does not depend on it.
pub type Gradient<'a> = Option<&'a [f32]>;

/// Which stored parts enter the gradient beside the last one that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// g
    Last,
    /// P + g
    Pair,
    /// G + g
    Sum,
    /// G + (P + g)
    SumAndPair,
}

/// The perturbations of one step: U of perturbation `j` is `draw` with its index moved, times a scale a tensor.
#[derive(Debug, Clone, Copy)]
pub struct Noise<'a> {
    /// The draw of perturbation 0.
    pub draw: Draw,
    /// σ of each tensor; 0 draws nothing and leaves the tensor alone.
    pub scales: &'a [f32],
}

/// Fused passes over W, G, P and the moments. Every pass reads `g` and writes `out`, one slice a tensor, in the order
/// of the layout.
pub trait Backend {
    /// Where each tensor lies in the flat vectors.
    fn layout(&self) -> &Layout;
    /// W ← weights.
    fn load(&mut self, weights: &[&[f32]]) -> Result<()>;
    /// out ← W, bit for bit.
    fn restore(&mut self, out: &mut [&mut [f32]]) -> Result<()>;
    /// out ← W + σU of this draw.
    fn perturb(&mut self, noise: Noise<'_>, out: &mut [&mut [f32]]) -> Result<()>;
    /// P ← g · dots += U·g · out ← W − σU.
    fn flip(&mut self, noise: Noise<'_>, g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()>;
    /// G += P + g (or ← where `first`) · dots −= U·g · out ← W + σU of `next`.
    fn accumulate(
        &mut self,
        noise: Noise<'_>,
        next: Draw,
        first: bool,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()>;
    /// G += c·g (or ← where `first`) · out ← W + σU of `next`.
    fn collect(
        &mut self,
        next: Noise<'_>,
        factor: f32,
        first: bool,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()>;
    /// Checks that scale · parts is finite, then W ← rule(W, scale · parts) and out ← W. With `pair`, dots −= U·g of that noise.
    fn finish(
        &mut self,
        parts: Parts,
        scale: f32,
        pair: Option<Noise<'_>>,
        rule: &Rule,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()>;
    /// Σ g² of each tensor; not finite exactly where g is not.
    fn squared_norms(&mut self, g: &[Gradient<'_>]) -> Result<&[f64]>;
    /// out ← W + scale·g, a scale a tensor.
    fn ascend(&mut self, scales: &[f32], g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()>;
    /// Σ U·(g⁺ − g⁻) of each tensor since [`Backend::clear_dots`].
    fn dots(&self) -> &[f64];
    /// dots ← 0.
    fn clear_dots(&mut self);
}
