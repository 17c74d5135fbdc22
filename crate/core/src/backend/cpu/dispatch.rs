//! Which instruction set runs: found once, or asked for.

use super::lanes::Lanes;
use super::lanes::scalar::Scalar;
use super::pass::{Pass, run_chunk};
use crate::layout::Chunk;
use crate::noise::{self, Draw};

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust.
    Scalar,
    /// AVX2 with FMA.
    Avx2,
    /// AVX-512 F.
    Avx512,
}

impl Level {
    /// All sets, with their names.
    pub const ALL: [(&'static str, Level); 3] =
        [("scalar", Level::Scalar), ("avx2", Level::Avx2), ("avx512", Level::Avx512)];

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

    fn is_available(self) -> bool {
        match self {
            Level::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => Level::Avx2.is_available() && is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn with_avx512<P: Pass>(pass: &P, chunk: &Chunk) -> f64 {
    run_chunk::<super::lanes::avx512::Avx512, P>(pass, chunk)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<P: Pass>(pass: &P, chunk: &Chunk) -> f64 {
    run_chunk::<super::lanes::avx2::Avx2, P>(pass, chunk)
}

/// Runs one chunk of a pass with this set; returns the pass's sum over the chunk.
pub(crate) fn run<P: Pass>(level: Level, pass: &P, chunk: &Chunk) -> f64 {
    match level {
        // SAFETY: `Cpu::new` takes only levels that this CPU has.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { with_avx512(pass, chunk) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { with_avx2(pass, chunk) },
        _ => run_chunk::<Scalar, P>(pass, chunk),
    }
}

/// Draws whole tiles of one tensor with this set; see [`noise`].
pub fn fill(level: Level, draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]) {
    assert!(out.len().is_multiple_of(crate::layout::TILE) && level.is_available());
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => super::lanes::avx512::Avx512::fill(draw, tensor, first_tile, out),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => super::lanes::avx2::Avx2::fill(draw, tensor, first_tile, out),
        _ => Scalar::fill(draw, tensor, first_tile, out),
    }
}

/// The raw words of whole tiles, for uniform integers: element `i` takes word `(i mod 64) div 16` of its counter.
pub fn words(draw: Draw, tensor: u32, first_tile: u32, out: &mut [u32]) {
    for (tile, target) in (first_tile..).zip(out.chunks_mut(crate::layout::TILE)) {
        let drawn = noise::philox::<Scalar>(draw, tensor, 16 * tile);
        for (element, word) in target.iter_mut().enumerate() {
            *word = drawn[element / 16][element % 16];
        }
    }
}
