//! What a compute backend owes the library: the fused passes of a training step over vectors it owns.
//!
//! ```text
//! for j in 1..k:  perturb  W' = W + σUⱼ                  → gⱼ⁺
//!                 flip     Pⱼ = gⱼ⁺ · W' = W − σUⱼ               → gⱼ⁻
//!                 accumulate  G += Pⱼ + gⱼ⁻ · d += Uⱼ·(Pⱼ − gⱼ⁻) · W' = W + σUⱼ₊₁
//! finish          the last accumulate fused with mean, clipping, penalties, base optimizer and the write of W
//! ```
//!
//! Each Uⱼ is drawn once, by the pass that adds it. The next two find ±σUⱼ as W' − W: what was really added, rounded as
//! the weights are. The two halves may differ in a last bit of W, so the trace takes U from one of them, and from the
//! gradients their difference: what they have in common must not show.
//!
//! Backends: [`cpu`], [`cuda`]; [`choice`] says which of them is the faster one, [`open`] makes it. A basis asks for less:
//! [`Space`].

pub mod choice;
pub mod cpu;
#[cfg(not(target_vendor = "apple"))]
pub mod cuda;
mod ledger;
pub mod open;
mod plan;
mod space;

pub use ledger::Ledger;
pub use space::Space;

use crate::error::Result;
use crate::layout::Layout;
use crate::noise::Draw;
use crate::optimizer::Rule;
use crate::penalty::Penalty;

/// A gradient of one tensor; `None` where the loss does not depend on it.
pub type Gradient<'a> = Option<&'a [f32]>;

/// Vectors that a backend owns besides W.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vectors {
    /// Moments of the base optimizer.
    pub moments: usize,
    /// Vectors for gradients. 0 where only the last gradient counts; 1 where a pair or a total is kept, or the mean is
    /// asked for; 2 where a pair and a total are kept apart (k > 1, or a mixed-in clean gradient).
    pub sums: usize,
    /// The gradients of earlier micro-batches.
    pub bank: bool,
    /// W₀, which `load` sets the first time.
    pub origin: bool,
}

/// How the gradient is put together: sum·G + (pair·P + last·g). A part of factor 0 is not read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    /// Factor of the gradient that came last.
    pub last: f32,
    /// Factor of P.
    pub pair: f32,
    /// Factor of G.
    pub sum: f32,
}

impl Mix {
    /// g
    pub const LAST: Mix = Mix { last: 1.0, pair: 0.0, sum: 0.0 };
    /// P + g
    pub const PAIR: Mix = Mix { last: 1.0, pair: 1.0, sum: 0.0 };
    /// G + g
    pub const SUM: Mix = Mix { last: 1.0, pair: 0.0, sum: 1.0 };
    /// G + (P + g)
    pub const SUM_AND_PAIR: Mix = Mix { last: 1.0, pair: 1.0, sum: 1.0 };
}

/// Bound of the mean gradient, before penalties are added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// None.
    Off,
    /// Every element within ±c.
    Value(f32),
    /// ‖G‖ over all tensors at most c: G·min(1, c/(‖G‖ + 1e-6)), the form of torch.
    Norm(f64),
}

/// Which of the micro-batches of an update a gradient is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Micro {
    /// The first one: what the bank held before is gone.
    pub first: bool,
    /// The number of them where this is the last one, which makes the update; 0 before.
    pub last_of: u32,
}

impl Micro {
    /// An update of one batch.
    pub const WHOLE: Micro = Micro { first: true, last_of: 1 };
}

/// What `finish` does with the gradients of a step.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// The parts.
    pub mix: Mix,
    /// Factor of them all.
    pub scale: f32,
    /// Where g was taken, if that is the second half of a pair, whose first is P: dots += U·(P − g).
    pub half: Option<Half<'a>>,
    /// Bound of the mean.
    pub clip: Clip,
    /// Place among micro-batches.
    pub micro: Micro,
    /// η, for decoupled decay.
    pub learning_rate: f64,
    /// The base optimizer.
    pub rule: &'a Rule,
}

/// A direction made of the last gradient and P: x = last·g + pair·P.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Direction {
    /// Factor of the gradient.
    pub last: f32,
    /// Factor of P; 0: P is not read.
    pub pair: f32,
    /// What its length is measured with.
    pub metric: Metric,
}

/// How long a direction is: Σx², or Σ(wx)² as in adaptive SAM (Kwon et al. 2021), whose ascent goes along w²x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Σx²
    Plain,
    /// Σ(wx)²
    Weights,
}

/// P ← old·P + new·g; `old` 0: P is not read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keep {
    /// Factor of what P holds.
    pub old: f32,
    /// Factor of the gradient.
    pub new: f32,
}

/// The perturbations of one step: U of perturbation `j` is `draw` with its index moved, times a scale a tensor.
#[derive(Debug, Clone, Copy)]
pub struct Noise<'a> {
    /// The draw of perturbation 0.
    pub draw: Draw,
    /// σ of each tensor; 0 draws nothing and leaves the tensor alone.
    pub scales: &'a [f32],
}

/// Half of a pair: W' = W ± σU, where the last gradient was taken.
#[derive(Debug, Clone, Copy)]
pub struct Half<'a> {
    /// σ of each tensor; where it is 0, W' is W and is not read.
    pub scales: &'a [f32],
    /// W' as the pass before left it, for tensors whose `out` is other memory now; `None`: `out` still holds it. A device has
    /// its own.
    pub before: Option<&'a [Option<&'a [f32]>]>,
}

impl<'a> Noise<'a> {
    /// Where it leads to, and as far the other way: W ± σU, in `out`.
    pub fn half(&self) -> Half<'a> {
        Half { scales: self.scales, before: None }
    }
}

/// An owned vector that is read and set from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// A moment of the base optimizer.
    Moment(usize),
    /// The mean gradient that [`crate::Rule::Mean`] left.
    Mean,
    /// The gradients of earlier micro-batches.
    Bank,
    /// Where the weights began.
    Origin,
}

/// Fused passes over W, G, P and the moments. Every pass reads `g` and writes `out`, one slice a tensor, in the order
/// of the layout.
pub trait Backend {
    /// What is kept on the host.
    fn ledger(&self) -> &Ledger;
    /// The same, to be changed.
    fn ledger_mut(&mut self) -> &mut Ledger;
    /// Its name.
    fn device(&self) -> &'static str {
        "cpu"
    }
    /// Bytes of the host's memory in all vectors.
    fn bytes(&self) -> usize;
    /// Bytes of a device's own memory.
    fn device_bytes(&self) -> usize {
        0
    }
    /// A copy of one tensor of an owned vector, if there is such a vector.
    fn read(&mut self, which: Which, tensor: usize) -> Result<Option<Vec<f32>>>;
    /// Sets it to as many values as the tensor has; false where there is no such vector.
    fn write(&mut self, which: Which, tensor: usize, values: &[f32]) -> Result<bool>;
    /// W ← weights. The first time also W₀, where it is kept.
    fn load(&mut self, weights: &[&[f32]]) -> Result<()>;
    /// out ← W, bit for bit.
    fn restore(&mut self, out: &mut [&mut [f32]]) -> Result<()>;
    /// out ← W + σU of this draw.
    fn perturb(&mut self, noise: Noise<'_>, out: &mut [&mut [f32]]) -> Result<()>;
    /// P ← g · out ← W − σU, the other half. A gradient that is not finite is refused after P and out were
    /// written.
    fn flip(&mut self, half: Half<'_>, g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()>;
    /// G += P + g (or ← where `first`) · dots += U·(P − g) · out ← W + σU of `next`. Refuses as `flip` does.
    fn accumulate(
        &mut self,
        half: Half<'_>,
        next: Draw,
        first: bool,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()>;
    /// G += c·g (or ← where `first`) · out ← W + σU of `next`. Refuses as `flip` does.
    fn collect(
        &mut self,
        next: Noise<'_>,
        factor: f32,
        first: bool,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()>;
    /// Checks that the mean gradient is finite, then W ← rule(W, mean) and out ← W; before the last micro-batch the mean
    /// goes to the bank instead. Writes nothing where it refuses.
    fn finish(&mut self, update: Update<'_>, g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()>;
    /// g·g, g·P and P·P of each tensor (the last two 0 where there is no P): one read-only pass. g·g is not finite
    /// exactly where g is not.
    fn products(&mut self, g: &[Gradient<'_>]) -> Result<&[[f64; 3]]>;
    /// Σx² or Σ(wx)² of a direction, in each tensor: one read-only pass.
    fn norms(&mut self, direction: Direction, g: &[Gradient<'_>]) -> Result<&[[f64; 3]]>;
    /// out ← W + scale·x (scale·w²x in the metric of the weights), a scale a tensor; then P ← `keep`: one pass.
    fn ascend(
        &mut self,
        scales: &[f32],
        direction: Direction,
        keep: Option<Keep>,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()>;

    /// Where each tensor lies in the flat vectors.
    fn layout(&self) -> &Layout {
        &self.ledger().layout
    }
    /// Refuses to go on with an update that a panic has cut short.
    fn whole(&self) -> Result<()> {
        self.ledger().whole()
    }
    /// What pulls on each tensor besides its gradient.
    fn set_penalties(&mut self, penalties: &[Penalty]) -> Result<()> {
        self.ledger_mut().set_penalties(penalties)
    }
    /// Which tensors the micro-batches in the bank have reached.
    fn banked(&self) -> &[bool] {
        &self.ledger().banked
    }
    /// Sets these, for a bank that was saved.
    fn set_banked(&mut self, reached: &[bool]) -> Result<()> {
        self.ledger_mut().set_banked(reached)
    }
    /// Σ U·(g⁺ − g⁻) of each tensor since [`Backend::clear`].
    fn dots(&self) -> &[f64] {
        &self.ledger().dots
    }
    /// dots ← 0; and only what the micro-batches that `finish` took have reached counts as reached by a gradient, with
    /// `all` nothing.
    fn clear(&mut self, all: bool) {
        self.ledger_mut().clear(all)
    }
}
