//! Many perturbed copies of some weights from one read of them, on the GPU: what [`crate::backend::cpu::batch`] is on the
//! CPU. A launch makes as many as fit into its memory; they come down one after the other.

use super::args::{Chunk, Pass};
use super::device::Device;
use super::memory::Buffer;
use super::staging::Staging;
use crate::backend::cpu::batch::{Signs, checked};
use crate::error::Result;
use crate::layout::Layout;
use crate::noise::Draw;
use std::sync::Arc;

/// Floats of the copies that one launch makes, where a single pair does not take more.
const ROOM: usize = 1 << 26;

/// `out` ← W ± σU for `perturbations` draws, of which `first` is the first: draw by draw, in each the sign or signs, in each
/// the tensors in order.
pub fn perturb_batch(
    device: &Arc<Device>,
    weights: &[&[f32]],
    scales: &[f32],
    first: Draw,
    perturbations: usize,
    signs: Signs,
    out: &mut [&mut [f32]],
) -> Result<()> {
    let layout = checked(weights, scales, perturbations * signs.count(), out)?;
    let (total, each) = (layout.total(), layout.total() * signs.count());
    let together = (ROOM / each).clamp(1, perturbations.max(1));
    let mut staging = Staging::new(device, total)?;
    let mut w = Buffer::zeroed(device, total)?;
    let made = Buffer::zeroed(device, together * each)?;
    let chunks: Vec<_> = layout.chunks().iter().map(Chunk::of).collect();
    let chunks = Buffer::of(device, &chunks)?;
    let scales = Buffer::of(device, scales)?;
    for (tensor, values) in weights.iter().enumerate() {
        staging.upload(values, &mut w, layout.range(tensor).start)?;
    }
    let pass = Pass {
        chunks: chunks.address(),
        scales: scales.address(),
        w: w.address(),
        out: made.address(),
        stride: total as u64,
        count: layout.chunks().len() as u32,
        signs: match signs {
            Signs::Plus => 1,
            Signs::Minus => 2,
            Signs::Both => 3,
        },
        ..Pass::default()
    };
    let mut copies = out.chunks_mut(weights.len());
    for begin in (0..perturbations).step_by(together) {
        let count = together.min(perturbations - begin);
        let draw = Draw { index: first.index + begin as u32, ..first };
        let pass = Pass { draw: draw.into(), copies: count as u32, ..pass };
        device.launch("perturb", pass, layout.chunks().len())?;
        for (place, copy) in copies.by_ref().take(count * signs.count()).enumerate() {
            let places = place * total..(place + 1) * total;
            staging.download(&made, places, |from, piece| scatter(&layout, copy, from, piece))?;
        }
    }
    device.wait()
}

/// The parts of each tensor that lie in a piece of a flat vector → the tensors.
fn scatter(layout: &Layout, copy: &mut [&mut [f32]], from: usize, piece: &[f32]) {
    let to = from + piece.len();
    for (tensor, target) in copy.iter_mut().enumerate() {
        let range = layout.range(tensor);
        let (first, last) = (range.start.max(from), range.end.min(to));
        if first < last {
            target[first - range.start..last - range.start]
                .copy_from_slice(&piece[first - from..last - from]);
        }
    }
}
