//! Starts kernels: one block a chunk, as many blocks as the GPU holds at once, each going on to further chunks.

use super::args::{Address, Args, Fold};
use super::device::{Device, driver};
use super::memory::Buffer;
use crate::error::Result;
use cudarc::driver::result;
use std::ffi::c_void;
use std::sync::Arc;

/// Threads of a block; `THREADS` in `kernels/args.cuh`.
const THREADS: u32 = 256;
/// Blocks that a multiprocessor can hold at once, at most.
const RESIDENT: usize = 8;

impl Device {
    /// Starts a kernel over so many pieces of work.
    pub(super) fn launch<A: Args>(&self, kernel: &str, args: A, pieces: usize) -> Result<()> {
        let function = self.function(kernel)?;
        let blocks = pieces.min(RESIDENT * self.info().multiprocessors) as u32;
        if blocks == 0 {
            return Ok(());
        }
        self.bind()?;
        let mut parameters = [(&raw const args).cast::<c_void>().cast_mut()];
        // SAFETY: the kernel takes one struct, of which `A` is the twin; whoever fills it in vouches for its addresses.
        unsafe {
            result::launch_kernel(
                function.cu_function(),
                (blocks, 1, 1),
                (THREADS, 1, 1),
                0,
                self.stream.cu_stream(),
                &mut parameters,
            )
        }
        .map_err(|error| driver(error, 0))
    }
}

/// Sums of chunks, and of what they add up to.
pub(super) struct Folder {
    device: Arc<Device>,
    sums: Buffer<f64>,
    totals: Buffer<f64>,
    firsts: Buffer<u64>,
    segments: usize,
    width: usize,
    found: Vec<f64>,
}

impl Folder {
    /// For segments that begin at these chunks, the last of which is the end, and so many sums a chunk.
    pub fn new(device: &Arc<Device>, firsts: &[u64], width: usize) -> Result<Self> {
        let (segments, chunks) = (firsts.len() - 1, firsts[firsts.len() - 1] as usize);
        Ok(Self {
            device: device.clone(),
            sums: Buffer::zeroed(device, chunks * width)?,
            totals: Buffer::zeroed(device, segments * width)?,
            firsts: Buffer::of(device, firsts)?,
            segments,
            width,
            found: vec![0.0; segments * width],
        })
    }

    pub fn bytes(&self) -> usize {
        self.sums.bytes() + self.totals.bytes() + self.firsts.bytes()
    }

    /// Where a pass writes its sums.
    pub fn sums(&self) -> Address {
        self.sums.address()
    }

    /// Folds the first `which` sums of each chunk, and fetches what comes out; the others are 0.
    pub fn fold(&mut self, which: usize) -> Result<&[f64]> {
        self.fold_first(self.segments, which)
    }

    /// The same of the first segments alone.
    pub fn fold_first(&mut self, segments: usize, which: usize) -> Result<&[f64]> {
        let found = &mut self.found[..segments * self.width];
        let args = Fold {
            sums: self.sums.address(),
            totals: self.totals.address(),
            firsts: self.firsts.address(),
            segments: segments as u32,
            width: self.width as u32,
            which: which as u32,
            unused: 0,
        };
        self.device.launch("fold", args, segments * which)?;
        self.totals.get(0, found)?;
        self.device.wait()?;
        for sums in found.chunks_mut(self.width) {
            sums[which..].fill(0.0);
        }
        Ok(found)
    }
}
