//! Starts kernels: one block a chunk, as many blocks as the GPU holds at once, each going on to further chunks.

use super::args::{Address, Args, Fold};
use super::device::{Device, driver};
use super::memory::Buffer;
use crate::error::Result;
use cudarc::driver::result;
use std::ffi::c_void;
use std::sync::Arc;

/// Threads of a block; `THREADS` in `kernels/args.cuh`.
pub(super) const THREADS: u32 = 256;
/// Sums that a block folds; `GROUP` in `kernels/args.cuh`. A power of two, so that groups are whole branches of the tree.
const GROUP: u64 = 512;

/// Blocks for so many pieces of work, where so many blocks fit: all of them take as many pieces, or one less.
fn blocks(pieces: usize, fit: usize) -> usize {
    pieces.div_ceil(pieces.div_ceil(fit).max(1))
}

impl Device {
    /// Starts a kernel over so many pieces of work.
    pub(super) fn launch<A: Args>(&self, kernel: &str, args: A, pieces: usize) -> Result<()> {
        let function = self.function(kernel)?;
        let blocks = blocks(pieces, function.resident) as u32;
        if blocks == 0 {
            return Ok(());
        }
        self.bind()?;
        let mut parameters = [(&raw const args).cast::<c_void>().cast_mut()];
        let mut start = || {
            // SAFETY: the kernel takes one struct, of which `A` is the twin; whoever fills it in vouches for its
            // addresses.
            unsafe {
                result::launch_kernel(
                    function.function.cu_function(),
                    (blocks, 1, 1),
                    (THREADS, 1, 1),
                    0,
                    self.stream.cu_stream(),
                    &mut parameters,
                )
            }
            .map_err(|error| driver(error, 0))
        };
        start()?;
        #[cfg(feature = "stopwatch")]
        self.stopwatch.lap(self, kernel, start)?;
        Ok(())
    }
}

/// One step of a fold: segments of sums, each of which becomes one sum.
struct Step {
    firsts: Buffer<u64>,
    /// Where those of each of the folder's segments begin.
    until: Vec<u64>,
    totals: Buffer<f64>,
}

/// Sums of chunks, and of what they add up to.
pub(super) struct Folder {
    device: Arc<Device>,
    sums: Buffer<f64>,
    /// Groups of each segment, groups of those, and at last the segments: mostly this alone.
    steps: Vec<Step>,
    segments: usize,
    width: usize,
    found: Vec<f64>,
}

/// Where the groups of segments begin, and where the segments then begin among the groups.
fn grouped(firsts: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let (mut groups, mut segments) = (vec![], vec![]);
    for pair in firsts.windows(2) {
        segments.push(groups.len() as u64);
        groups.push(pair[0]);
        groups.extend((pair[0] + GROUP..pair[1]).step_by(GROUP as usize));
    }
    segments.push(groups.len() as u64);
    groups.extend(firsts.last());
    (groups, segments)
}

impl Folder {
    /// For segments that begin at these chunks, the last of which is the end, and so many sums a chunk.
    pub fn new(device: &Arc<Device>, firsts: &[u64], width: usize) -> Result<Self> {
        let (segments, chunks) = (firsts.len() - 1, firsts[firsts.len() - 1] as usize);
        let sums = Buffer::zeroed(device, chunks * width)?;
        let (mut steps, mut firsts) = (vec![], firsts.to_vec());
        loop {
            let (groups, until) = grouped(&firsts);
            let count = groups.len() - 1;
            let totals = Buffer::zeroed(device, count * width)?;
            steps.push(Step { firsts: Buffer::of(device, &groups)?, until: until.clone(), totals });
            if count == segments {
                break;
            }
            firsts = until;
        }
        let found = vec![0.0; segments * width];
        Ok(Self { device: device.clone(), sums, steps, segments, width, found })
    }

    pub fn bytes(&self) -> usize {
        let step = |step: &Step| step.firsts.bytes() + step.totals.bytes();
        self.sums.bytes() + self.steps.iter().map(step).sum::<usize>()
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
        let mut sums = &self.sums;
        for step in &self.steps {
            let groups = step.until[segments] as usize;
            let args = Fold {
                sums: sums.address(),
                totals: step.totals.address(),
                firsts: step.firsts.address(),
                segments: groups as u32,
                width: self.width as u32,
                which: which as u32,
                unused: 0,
            };
            self.device.launch("fold", args, groups * which)?;
            sums = &step.totals;
        }
        let found = &mut self.found[..segments * self.width];
        sums.get(0, found)?;
        self.device.wait()?;
        for sums in found.chunks_mut(self.width) {
            sums[which..].fill(0.0);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_share_the_pieces_evenly() {
        assert_eq!([blocks(0, 528), blocks(3, 528), blocks(528, 528)], [0, 3, 528]);
        assert_eq!(blocks(529, 528), 265);
        assert_eq!(blocks(24_415, 528), 520);
    }

    #[test]
    fn groups_are_of_one_segment_and_as_many_sums_as_a_block_folds() {
        assert_eq!(grouped(&[0, 3, 3, 5]), (vec![0, 3, 3, 5], vec![0, 1, 2, 3]));
        assert_eq!(grouped(&[0, 513, 1537]), (vec![0, 512, 513, 1025, 1537], vec![0, 2, 4]));
    }
}
