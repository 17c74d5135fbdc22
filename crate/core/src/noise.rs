//! Which draw is which element, and how tiles of them are filled.
//!
//! Layout (counter word 0 = 16·tile + lane): element `i` of a tensor takes word `(i mod 64) div 16` of the counter
//! `16·(i div 64) + (i mod 16)`, so a tile of 64 elements is sixteen counters side by side, no transpose.

use crate::backend::cpu::lanes::{LANES, Lanes, MAX_PARTS};
use crate::layout::TILE;
use crate::rng::Philox;
use crate::transform::{Gaussian, Laplace, Transform, Uniform};

/// Shapes of noise, each with mean 0 and unit variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Normal, by Box–Muller.
    Gaussian,
    /// ±1 with equal probability, one bit an element.
    Rademacher,
    /// Uniform on ±√3.
    Uniform,
    /// Double exponential of scale 1/√2.
    Laplace,
}

impl Distribution {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Distribution); 4] = [
        ("gaussian", Distribution::Gaussian),
        ("rademacher", Distribution::Rademacher),
        ("uniform", Distribution::Uniform),
        ("laplace", Distribution::Laplace),
    ];

    /// The distribution of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, distribution)| *distribution)
    }
}

/// Perturbations a stream can hold; the stream sits above them in counter word 3.
pub const MAX_PERTURBATIONS: u32 = 1 << 24;

/// One perturbation U of a whole model: everything but the tensor and the element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Seed, low word first.
    pub key: [u32; 2],
    /// Counter word 2: the training step.
    pub step: u32,
    /// Counter word 3: stream · 2²⁴ + perturbation.
    pub index: u32,
    /// Shape of the noise.
    pub distribution: Distribution,
    /// Rounds of the generator: [`crate::rng::ROUNDS`], or [`crate::rng::FEWEST_ROUNDS`].
    pub rounds: u32,
}

/// Fills `out` with the draws of whole tiles `first_tile, first_tile + 1, …` of one tensor. `out.len()` is a
/// multiple of [`TILE`].
#[inline(always)]
pub(crate) fn fill<V: Lanes>(draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]) {
    debug_assert!(out.len().is_multiple_of(TILE));
    let philox = Philox::<V>::new(draw.key, [tensor, draw.step, draw.index], draw.rounds);
    match draw.distribution {
        Distribution::Gaussian => each_tile::<V, Gaussian>(&philox, first_tile, out),
        Distribution::Uniform => each_tile::<V, Uniform>(&philox, first_tile, out),
        Distribution::Laplace => each_tile::<V, Laplace>(&philox, first_tile, out),
        Distribution::Rademacher => rademacher::<V>(&philox, first_tile, out),
    }
}

/// Words of the whole span first, then their transforms in place: each of the two loops has its own long chains of
/// dependent operations, and one after the other leaves the processor more of them to overlap.
#[inline(always)]
fn each_tile<V: Lanes, T: Transform>(philox: &Philox<V>, first_tile: u32, out: &mut [f32]) {
    for (tile, target) in (first_tile..).zip(out.chunks_exact_mut(TILE)) {
        for lane in (0..LANES).step_by(V::N) {
            for (slot, word) in philox.words(16 * tile + lane as u32).into_iter().enumerate() {
                V::store(&mut target[LANES * slot + lane..], V::float_bits(word));
            }
        }
    }
    for target in out.chunks_exact_mut(TILE) {
        // Two halves of a tile: slots 0 and 1, slots 2 and 3.
        for half in target.chunks_exact_mut(2 * LANES) {
            let mut words = [[V::word(0); MAX_PARTS]; 2];
            for part in 0..LANES / V::N {
                words[0][part] = V::bits(V::read(&half[V::N * part..]));
                words[1][part] = V::bits(V::read(&half[LANES + V::N * part..]));
            }
            let [a, b] = T::apply::<V>(words);
            for part in 0..LANES / V::N {
                V::store(&mut half[V::N * part..], a[part]);
                V::store(&mut half[LANES + V::N * part..], b[part]);
            }
        }
    }
}

/// One bit an element: word of the element's slot, counter block of 2,048 elements, bit of its tile in the block.
#[inline(always)]
fn rademacher<V: Lanes>(philox: &Philox<V>, first_tile: u32, out: &mut [f32]) {
    let mut left = out;
    let mut tile = first_tile;
    while !left.is_empty() {
        let (block, rest) = left.split_at_mut(left.len().min((32 - tile as usize % 32) * TILE));
        left = rest;
        // Bit set means +1: inverted and moved to the sign position, it is the sign of a one.
        let mut words = [[V::word(0); 4]; MAX_PARTS];
        for (part, words) in words.iter_mut().enumerate().take(LANES / V::N) {
            let drawn = philox.words(16 * (tile / 32) + (V::N * part) as u32);
            *words = drawn.map(|word| V::shr_by(V::xor(word, V::word(u32::MAX)), tile % 32));
        }
        for target in block.chunks_exact_mut(TILE) {
            for (part, words) in words.iter_mut().enumerate().take(LANES / V::N) {
                for (slot, word) in words.iter_mut().enumerate() {
                    let signed = V::or(V::shl::<31>(*word), V::word(1f32.to_bits()));
                    V::store(&mut target[16 * slot + V::N * part..], V::float_bits(signed));
                    *word = V::shr::<1>(*word);
                }
            }
            tile += 1;
        }
    }
}
