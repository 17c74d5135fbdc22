//! The shape of a fused pass, and the loop that runs one chunk of it.
//!
//! Draws are made a block at a time into L1 and consumed from there: drawing and consuming compete for different
//! execution ports, and the two phases together are faster than one interleaved loop.

use super::lanes::{LANES, Lanes, fold_lanes};
use crate::layout::{Chunk, TILE};
use crate::noise::Draw;

/// Elements drawn before they are consumed: 4 kB of L1 a draw.
const BLOCK: usize = 1024;

/// Where a vector of 16 lanes stands. `n` lanes count; a whole vector has `n == 16`.
#[derive(Clone, Copy)]
pub(crate) struct At {
    pub tensor: usize,
    /// First element, within the tensor.
    pub element: usize,
    /// First element, within the flat vectors (which are padded: always 16 lanes there).
    pub flat: usize,
    pub n: usize,
}

/// One pass over memory: what happens to 16 elements.
pub(crate) trait Pass: Sync {
    /// The draws this pass consumes in this tensor: none, U, or U and the next U.
    fn draws(&self, tensor: usize) -> [Option<Draw>; 2];
    /// Does it; `u` holds the draws, 0 where there is none. Returns the sums.
    ///
    /// # Safety
    /// `at` lies in the layout of the slices the pass was made from, and no other thread has the same place.
    unsafe fn vector<V: Lanes>(&self, at: At, u: [V::F; 2], sums: V::D) -> V::D;
}

#[inline(always)]
pub(crate) fn run_chunk<V: Lanes, P: Pass>(pass: &P, chunk: &Chunk) -> f64 {
    let draws = pass.draws(chunk.tensor);
    let mut drawn = [[0f32; BLOCK]; 2];
    let mut sums = V::zero_sums();
    let mut done = 0;
    while done < chunk.len {
        let len = BLOCK.min(chunk.len - done);
        let first_tile = ((chunk.start + done) / TILE) as u32;
        for (draw, block) in draws.iter().zip(drawn.iter_mut()) {
            if let Some(draw) = draw {
                V::fill(*draw, chunk.tensor as u32, first_tile, &mut block[..len.next_multiple_of(TILE)]);
            }
        }
        let mut i = 0;
        while i < len {
            let n = LANES.min(len - i);
            let at =
                At { tensor: chunk.tensor, element: chunk.start + done + i, flat: chunk.flat + done + i, n };
            // SAFETY: i + 16 <= BLOCK because i is a multiple of 16 below len; the chunk is the layout's own, and
            // each chunk is run by one thread.
            sums = unsafe {
                let u = [V::load(drawn[0].as_ptr().add(i)), V::load(drawn[1].as_ptr().add(i))];
                pass.vector::<V>(at, u, sums)
            };
            i += LANES;
        }
        done += len;
    }
    fold_lanes(V::sums(sums))
}
