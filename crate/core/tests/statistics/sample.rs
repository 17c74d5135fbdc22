//! Where all numbers of these tests come from.

use saltflat_core::backend::cpu::dispatch::{fill, words};
use saltflat_core::{Distribution, Draw, Level, rng};

/// Rounds of the generator under test.
pub const ROUNDS: [u32; 2] = [rng::ROUNDS, rng::FEWEST_ROUNDS];

/// Elements drawn at a time: whole tiles that stay in the cache.
const BLOCK: usize = 1 << 16;

/// The draw that all others are variations of.
pub fn base(distribution: Distribution, rounds: u32) -> Draw {
    Draw { key: [0x5A17_F1A7, 0x0000_0001], step: 7, index: 3, distribution, rounds }
}

/// Runs a check for every distribution and number of rounds, with a name for messages.
pub fn every(mut check: impl FnMut(&str, Draw)) {
    for rounds in ROUNDS {
        for (name, distribution) in Distribution::ALL {
            check(&format!("{name}, {rounds} rounds"), base(distribution, rounds));
        }
    }
}

/// The first `n` elements of a tensor, block by block.
pub fn each_block(draw: Draw, tensor: u32, n: usize, mut see: impl FnMut(&[f32])) {
    let mut block = vec![0.0; BLOCK];
    for start in (0..n).step_by(BLOCK) {
        fill(Level::best(), draw, tensor, (start / 64) as u32, &mut block);
        see(&block[..BLOCK.min(n - start)]);
    }
}

/// The first `n` elements of a tensor.
pub fn sample(draw: Draw, tensor: u32, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; n.next_multiple_of(64)];
    fill(Level::best(), draw, tensor, 0, &mut out);
    out.truncate(n);
    out
}

/// The first `n` raw words of a tensor, in the order of elements.
pub fn sample_words(draw: Draw, tensor: u32, n: usize) -> Vec<u32> {
    let mut out = vec![0; n];
    words(draw, tensor, 0, &mut out);
    out
}
