//! The CUDA backend: vectors in the memory of a GPU, the same passes as kernels, the same bits.
//!
//! The driver is opened when it is first asked for and not linked, so one binary runs with and without. [`device`] opens
//! it and says why not, [`memory`] holds vectors, [`transfer`] moves those of a model and [`staging`] those of a basis,
//! [`args`] is what kernels are told, [`launch`] starts them, [`step`] are the passes of a training step, [`rows`] those over
//! a basis, [`batch`] makes many perturbed copies, [`measure`] says what it all costs here. `kernels/` has the kernels, and
//! `kernels/ptx/` what nvcc makes of them: `scripts/ptx.mjs` writes it anew.

mod args;
pub mod batch;
mod device;
mod launch;
pub mod measure;
mod memory;
pub mod rows;
mod staging;
mod step;
#[cfg(feature = "stopwatch")]
pub mod stopwatch;
mod transfer;

pub use device::{Device, Info, Reason};
pub use memory::held;

use crate::backend::ledger::Ledger;
use crate::backend::{Vectors, Which};
use crate::error::Result;
use crate::layout::Layout;
use args::Pull;
use launch::Folder;
use memory::Buffer;
use std::sync::Arc;
use transfer::Transfer;

/// W, G, P and the moments of one optimizer, on a GPU.
pub struct Cuda {
    ledger: Ledger,
    device: Arc<Device>,
    w: Buffer<f32>,
    sum: Option<Buffer<f32>>,
    pair: Option<Buffer<f32>>,
    bank: Option<Buffer<f32>>,
    origin: Option<Buffer<f32>>,
    moments: Vec<Buffer<f32>>,
    /// The gradient that came last, and what the model gets next.
    g: Buffer<f32>,
    out: Buffer<f32>,
    chunks: Buffer<args::Chunk>,
    scales: Buffer<f32>,
    pulls: Buffer<Pull>,
    folder: Folder,
    transfer: Transfer,
}

impl Cuda {
    /// Zeroed vectors for tensors of these sizes: W, and those asked for.
    pub fn new(sizes: &[usize], vectors: Vectors, device: Arc<Device>) -> Result<Self> {
        let layout = Layout::new(sizes)?;
        let vector = || Buffer::zeroed(&device, layout.total());
        let chunks: Vec<_> = layout.chunks().iter().map(args::Chunk::of).collect();
        let firsts: Vec<u64> = (0..=sizes.len()).map(|tensor| layout.first_chunk(tensor) as u64).collect();
        Ok(Self {
            w: vector()?,
            sum: (vectors.sums > 0).then(vector).transpose()?,
            pair: (vectors.sums > 1).then(vector).transpose()?,
            bank: vectors.bank.then(vector).transpose()?,
            origin: vectors.origin.then(vector).transpose()?,
            moments: (0..vectors.moments).map(|_| vector()).collect::<Result<_>>()?,
            g: vector()?,
            out: vector()?,
            chunks: Buffer::of(&device, &chunks)?,
            scales: Buffer::zeroed(&device, sizes.len())?,
            pulls: Buffer::zeroed(&device, sizes.len())?,
            folder: Folder::new(&device, &firsts, args::SUMS)?,
            transfer: Transfer::new(&device, &layout)?,
            ledger: Ledger::new(layout, vectors.origin),
            device,
        })
    }

    fn vector(&mut self, which: Which) -> Option<&mut Buffer<f32>> {
        match which {
            Which::Moment(moment) => self.moments.get_mut(moment),
            Which::Mean => self.sum.as_mut(),
            Which::Bank => self.bank.as_mut(),
            Which::Origin => self.origin.as_mut(),
        }
    }
}
