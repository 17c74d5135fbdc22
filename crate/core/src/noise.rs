//! Which draw is which element, and how tiles of them are filled.
//!
//! Layout (counter word 0 = 16·tile + lane): element `i` of a tensor takes word `(i mod 64) div 16` of the counter
//! `16·(i div 64) + (i mod 16)`, so a tile of 64 elements is sixteen counters side by side, no transpose.

use crate::backend::cpu::lanes::{LANES, Lanes};
use crate::layout::TILE;
use crate::rng::Philox;
use crate::transform::{Gaussian, Laplace, MOST, Transform, Uniform, count};

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

/// Draws of one tensor in one perturbation, tile after tile.
pub struct Tiles {
    philox: Philox,
    distribution: Distribution,
    /// The next tile.
    tile: u32,
    /// Of signs: the block of [`BITS`] tiles whose words have been drawn.
    block: u32,
}

/// Tiles whose signs are bits of the same words.
const BITS: u32 = 32;

/// The words of a block of signs, each where the elements are in a tile that it has a bit of.
pub(crate) type Words = [f32; TILE];

impl Tiles {
    /// From tile `first` of a tensor on.
    #[inline(always)]
    pub(crate) fn new(draw: Draw, tensor: u32, first: u32) -> Self {
        Self {
            philox: Philox::new(draw.key, [tensor, draw.step, draw.index], draw.rounds),
            distribution: draw.distribution,
            tile: first,
            block: u32::MAX,
        }
    }

    /// Whether its draws are signs, which [`TileSigns`] makes of bits in less time than it takes to store them.
    #[inline(always)]
    pub(crate) fn of_signs(&self) -> bool {
        self.distribution == Distribution::Rademacher
    }

    /// The signs of the tile `ahead` after the next one, which shares its words: those that [`Tiles::ready`] has drawn.
    #[inline(always)]
    pub(crate) fn signs<'a>(&self, words: &'a Words, ahead: usize) -> TileSigns<'a> {
        let tile = self.tile + ahead as u32;
        debug_assert_eq!(tile / BITS, self.block);
        TileSigns { words, up: BITS - 1 - tile % BITS }
    }

    /// Draws the words of the next tile's signs, where they are not there.
    #[inline(always)]
    pub(crate) fn ready<V: Lanes>(&mut self, words: &mut Words) {
        let block = self.tile / BITS;
        if block == self.block {
            return;
        }
        for lane in (0..LANES).step_by(V::N) {
            for (slot, word) in self.philox.words::<V>(16 * block + lane as u32).into_iter().enumerate() {
                // Bit set means +1: inverted, it is the sign of a one.
                let inverted = V::float_bits(V::xor(word, V::word(u32::MAX)));
                V::store(&mut words[LANES * slot + lane..], inverted);
            }
        }
        self.block = block;
    }

    /// Goes on by so many tiles.
    #[inline(always)]
    pub(crate) fn skip(&mut self, tiles: usize) {
        self.tile += tiles as u32;
    }
}

/// The signs of one tile.
pub(crate) struct TileSigns<'a> {
    words: &'a Words,
    /// How far the bit of this tile is from the top.
    up: u32,
}

impl TileSigns<'_> {
    /// N of them, from element `i` of the tile on.
    #[inline(always)]
    pub fn get<V: Lanes>(&self, i: usize) -> V::F {
        let bit = V::shl_by(V::bits(V::read(&self.words[i..])), self.up);
        V::float_bits(V::or(V::and(bit, V::word(1 << 31)), V::word(1f32.to_bits())))
    }
}

/// Where the memory begins that whoever asked for draws will touch next, as many elements as draws. It is fetched
/// meanwhile: drawing leaves the memory idle, and consuming the processor.
pub type Ahead<'a> = &'a [*const f32];

/// Fills `out` with the next draws. `out.len()` is a multiple of [`TILE`].
#[inline(always)]
pub(crate) fn fill<V: Lanes>(tiles: &mut Tiles, ahead: Ahead<'_>, out: &mut [f32]) {
    debug_assert!(out.len().is_multiple_of(TILE));
    match tiles.distribution {
        Distribution::Gaussian => each_tile::<V, Gaussian>(tiles, ahead, out),
        Distribution::Uniform => each_tile::<V, Uniform>(tiles, ahead, out),
        Distribution::Laplace => each_tile::<V, Laplace>(tiles, ahead, out),
        Distribution::Rademacher => rademacher::<V>(tiles, out),
    }
}

/// Words of the whole span first, then their transforms in place: each of the two loops has its own long chains of
/// dependent operations, and one after the other leaves the processor more of them to overlap.
#[allow(clippy::needless_range_loop, reason = "a vector is a place in the tile and in two arrays")]
#[inline(always)]
fn each_tile<V: Lanes, T: Transform>(tiles: &mut Tiles, ahead: Ahead<'_>, out: &mut [f32]) {
    for span in out.chunks_mut(2 * TILE) {
        if V::N == LANES && span.len() == 2 * TILE {
            raw::<V, 2>(tiles, span);
        } else {
            for tile in span.chunks_exact_mut(TILE) {
                raw::<V, 1>(tiles, tile);
            }
        }
    }
    for (tile, target) in out.chunks_exact_mut(TILE).enumerate() {
        fetch(ahead, tile);
        let mut words = [[V::word(0); MOST]; 2];
        for i in 0..count::<V>() {
            let at = place::<V>(i);
            words[0][i] = V::bits(V::read(&target[at..]));
            words[1][i] = V::bits(V::read(&target[LANES + at..]));
        }
        let [first, second] = T::apply::<V>(words);
        for i in 0..count::<V>() {
            let at = place::<V>(i);
            V::store(&mut target[at..], first[i]);
            V::store(&mut target[LANES + at..], second[i]);
        }
    }
}

/// Words of the next `T` tiles. Two abreast where the set has the registers for it: of a tile's twelve operations a round,
/// which take six cycles at the least, one chain alone makes eight cycles on a Zen 4 and two make seven.
#[inline(always)]
fn raw<V: Lanes, const T: usize>(tiles: &mut Tiles, out: &mut [f32]) {
    for lane in (0..LANES).step_by(V::N) {
        let abreast = tiles.philox.abreast::<V, T>(16 * tiles.tile + lane as u32);
        for (target, words) in out.chunks_exact_mut(TILE).zip(abreast) {
            for (slot, word) in words.into_iter().enumerate() {
                V::store(&mut target[LANES * slot + lane..], V::float_bits(word));
            }
        }
    }
    tiles.tile += T as u32;
}

/// Where the first words of pairs stand in a tile, vector by vector: slots 0 and 2. The second ones are a slot further.
#[inline(always)]
const fn place<V: Lanes>(vector: usize) -> usize {
    let lane = V::N * vector;
    lane % LANES + lane / LANES * 2 * LANES
}

/// One bit an element: word of the element's slot, counter block of 2,048 elements, bit of its tile in the block.
#[inline(always)]
fn rademacher<V: Lanes>(tiles: &mut Tiles, out: &mut [f32]) {
    // Nobody else's, so they are drawn here, whatever was before.
    let mut words = [0.0; TILE];
    tiles.block = u32::MAX;
    for target in out.chunks_exact_mut(TILE) {
        tiles.ready::<V>(&mut words);
        for i in (0..TILE).step_by(V::N) {
            V::store(&mut target[i..], tiles.signs(&words, 0).get::<V>(i));
        }
        tiles.skip(1);
    }
}

/// Asks for the lines of one tile.
#[inline(always)]
fn fetch(ahead: Ahead<'_>, tile: usize) {
    for from in ahead {
        for line in 0..TILE / 16 {
            hint(from.wrapping_add(tile * TILE + 16 * line));
        }
    }
}

/// Asks for the line of an address, which need not be valid.
#[inline(always)]
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(unused_variables, reason = "there is no such hint in stable Rust")
)]
pub(crate) fn hint(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(address.cast());
    }
}
