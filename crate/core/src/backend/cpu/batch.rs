//! Many perturbed copies of some weights from one read of them.

use super::dispatch;
use super::io::{Outputs, PresentAt};
use super::lanes::{LANES, Lanes};
use super::pass::{At, Pass, SUMS, vectors};
use super::passes::{mirrored, moved};
use super::{Level, Threads, check_level};
use crate::backend::ledger::{check_lengths, check_scales};
use crate::error::{Error, Result};
use crate::layout::Chunk;
use crate::layout::Layout;
use crate::memory::filled;
use crate::noise::Draw;

/// Which halves of a pair are made, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// W + σU, then W − σU.
    Both,
    /// W + σU
    Plus,
    /// W − σU, as far from W as rounding lets W + σU go.
    Minus,
}

impl Signs {
    /// Copies made a perturbation.
    pub fn count(self) -> usize {
        if self == Signs::Both { 2 } else { 1 }
    }
}

struct Batch<'a> {
    draws: &'a [Draw],
    signs: Signs,
    scales: &'a [f32],
    /// Absent: in place, where the outputs hold the weights, and a single draw moves them by one of its signs.
    w: Option<&'a [&'a [f32]]>,
    tensors: usize,
    out: Outputs<'a>,
}

impl Pass for Batch<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let scale = self.scales[chunk.tensor];
        let w = match self.w {
            Some(weights) => PresentAt::new(weights[chunk.tensor], chunk),
            // SAFETY: passed on; each vector of lanes is read before it is written, by the same pointer.
            None => unsafe { self.out.at(chunk) }.present(),
        };
        for (place, draw) in self.draws.iter().enumerate() {
            let copy = place * self.signs.count();
            // SAFETY: passed on; the chunk's weights stay in L1 from one draw to the next.
            unsafe {
                let out = |copy| self.out.slice_at(copy * self.tensors + chunk.tensor, chunk);
                // Apart, so that no vector asks whether there is noise.
                if scale == 0.0 {
                    for out in (copy..copy + self.signs.count()).map(out) {
                        vectors!(V, chunk, at; draws []; ahead [w, out] => {
                            out.set::<V, _>(at, w.get::<V, _>(at));
                        });
                    }
                    continue;
                }
                let (draw, out, other) =
                    (Some(*draw), out(copy), out(copy + usize::from(self.signs == Signs::Both)));
                match self.signs {
                    Signs::Both => vectors!(V, chunk, at; draws [u = draw]; ahead [out, other] => {
                        let w = w.get::<V, _>(at);
                        let plus = moved::<V>(scale, u, w);
                        out.set::<V, _>(at, plus);
                        other.set::<V, _>(at, mirrored::<V>(plus, w));
                    }),
                    Signs::Plus => vectors!(V, chunk, at; draws [u = draw]; ahead [out] => {
                        out.set::<V, _>(at, moved::<V>(scale, u, w.get::<V, _>(at)));
                    }),
                    Signs::Minus => vectors!(V, chunk, at; draws [u = draw]; ahead [out] => {
                        let w = w.get::<V, _>(at);
                        out.set::<V, _>(at, mirrored::<V>(moved::<V>(scale, u, w), w));
                    }),
                }
            }
        }
        [0.0; SUMS]
    }
}

/// `out` ← W ± σU for each draw: draw by draw, in each the sign or signs, in each the tensors in order.
///
/// One read of W, one write of each copy; a pair of signs shares its draw.
pub fn perturb_batch(
    level: Level,
    threads: &Threads,
    weights: &[&[f32]],
    scales: &[f32],
    draws: &[Draw],
    signs: Signs,
    out: &mut [&mut [f32]],
) -> Result<()> {
    check_level(level)?;
    let layout = checked(weights, scales, draws.len() * signs.count(), out)?;
    run(
        level,
        threads,
        &layout,
        &Batch { draws, signs, scales, w: Some(weights), tensors: weights.len(), out: Outputs::new(out) },
    )
}

/// W ← W ± σU for a draw and one of its signs, in place.
///
/// One read of W and one write, of the same memory: a third less to move than to another place.
pub fn perturb_in_place(
    level: Level,
    threads: &Threads,
    scales: &[f32],
    draw: Draw,
    signs: Signs,
    weights: &mut [&mut [f32]],
) -> Result<()> {
    check_level(level)?;
    if signs == Signs::Both {
        let said = "Expected one of the signs in place, received both. Give arrays for the copies.";
        return Err(Error::Invalid(said.into()));
    }
    let sizes: Vec<usize> = weights.iter().map(|values| values.len()).collect();
    let layout = Layout::new(&sizes)?;
    check_scales(&layout, scales)?;
    run(
        level,
        threads,
        &layout,
        &Batch { draws: &[draw], signs, scales, w: None, tensors: sizes.len(), out: Outputs::new(weights) },
    )
}

fn run(level: Level, threads: &Threads, layout: &Layout, batch: &Batch<'_>) -> Result<()> {
    debug_assert!(batch.w.is_some() || (batch.draws.len() == 1 && batch.signs != Signs::Both));
    let (chunks, copies) = (layout.chunks(), batch.draws.len() * batch.signs.count());
    threads.each(layout.total() * copies, &mut filled(chunks.len(), [0.0; SUMS])?, |i| {
        // SAFETY: the lengths of all slices were checked against this layout; each chunk is run once.
        unsafe { dispatch::run(level, batch, &chunks[i]) }
    });
    Ok(())
}

/// The layout of the weights, where scales and outputs fit it.
pub(crate) fn checked(
    weights: &[&[f32]],
    scales: &[f32],
    copies: usize,
    out: &[&mut [f32]],
) -> Result<Layout> {
    let sizes: Vec<usize> = weights.iter().map(|values| values.len()).collect();
    let layout = Layout::new(&sizes)?;
    check_scales(&layout, scales)?;
    if out.len() != copies * sizes.len() {
        let expected = copies * sizes.len();
        return Err(Error::Shape(format!("Expected {expected} outputs, received {}.", out.len())));
    }
    for copy in out.chunks(sizes.len()) {
        check_lengths(&layout, "outputs", copy.iter().map(|slice| Some(slice.len())), copy.len())?;
    }
    Ok(layout)
}
