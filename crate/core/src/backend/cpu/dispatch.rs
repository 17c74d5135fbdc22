//! Which instruction set runs: found once, or asked for.

use super::lanes::scalar::Scalar;
use super::lanes::{LANES, Lanes};
use super::pass::{Pass, SUMS};
use crate::layout::{Chunk, TILE};
use crate::noise::{Draw, Tiles};
use crate::rng::philox;

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust.
    Scalar,
    /// AVX2 with FMA.
    Avx2,
    /// AVX-512 F.
    Avx512,
    /// NEON, which every 64-bit ARM has.
    Neon,
}

impl Level {
    /// All sets, with their names.
    pub const ALL: [(&'static str, Level); 4] =
        [("scalar", Level::Scalar), ("avx2", Level::Avx2), ("avx512", Level::Avx512), ("neon", Level::Neon)];

    /// Sets this CPU has, narrowest first.
    pub fn available() -> Vec<Level> {
        Self::ALL.iter().map(|(_, level)| *level).filter(|level| level.is_available()).collect()
    }

    /// The widest set this CPU has.
    pub fn best() -> Level {
        Self::available().last().copied().unwrap_or(Level::Scalar)
    }

    /// The set's name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, level)| *level == self).map_or("scalar", |(name, _)| name)
    }

    /// The set of this name, if this CPU has it.
    pub fn named(name: &str) -> Option<Level> {
        Self::available().into_iter().find(|level| level.name() == name)
    }

    pub(crate) fn is_available(self) -> bool {
        match self {
            Level::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => Level::Avx2.is_available() && is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => true,
            _ => false,
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn with_avx512<P: Pass>(pass: &P, chunk: &Chunk) -> [f64; SUMS] {
    // SAFETY: passed on.
    unsafe { pass.run::<super::lanes::avx512::Avx512>(chunk) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn with_avx2<P: Pass>(pass: &P, chunk: &Chunk) -> [f64; SUMS] {
    // SAFETY: passed on.
    unsafe { pass.run::<super::lanes::avx2::Avx2>(chunk) }
}

/// Runs one chunk of a pass with this set, which the CPU must have; returns the pass's sums over the chunk.
///
/// # Safety
/// As for [`Pass::run`].
pub(crate) unsafe fn run<P: Pass>(level: Level, pass: &P, chunk: &Chunk) -> [f64; SUMS] {
    // SAFETY: the caller's promise is passed on; whoever makes passes takes only levels that this CPU has (`check_level`).
    unsafe {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => with_avx512(pass, chunk),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => with_avx2(pass, chunk),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => pass.run::<super::lanes::neon::Neon>(chunk),
            _ => pass.run::<Scalar>(chunk),
        }
    }
}

/// Draws whole tiles of one tensor with this set; see [`noise`].
pub fn fill(level: Level, draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]) {
    assert!(out.len().is_multiple_of(TILE) && level.is_available());
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => {
            super::lanes::avx512::Avx512::fill(&mut Tiles::new(draw, tensor, first_tile), &[], out)
        }
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => super::lanes::avx2::Avx2::fill(&mut Tiles::new(draw, tensor, first_tile), &[], out),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => super::lanes::neon::Neon::fill(&mut Tiles::new(draw, tensor, first_tile), &[], out),
        _ => Scalar::fill(&mut Tiles::new(draw, tensor, first_tile), &[], out),
    }
}

/// The raw words of whole tiles, for uniform integers: element `i` takes word `(i mod 64) div 16` of its counter.
pub fn words(draw: Draw, tensor: u32, first_tile: u32, out: &mut [u32]) {
    for (tile, target) in (first_tile..).zip(out.chunks_mut(TILE)) {
        let counters: [_; LANES] = std::array::from_fn(|lane| {
            philox([16 * tile + lane as u32, tensor, draw.step, draw.index], draw.key, draw.rounds)
        });
        for (element, word) in target.iter_mut().enumerate() {
            *word = counters[element % LANES][element / LANES];
        }
    }
}
