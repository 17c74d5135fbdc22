//! What kernels are told: twins of the structs in `kernels/args.cuh`, field by field. Addresses are of the device.

use crate::layout;
use crate::noise::{Distribution, Draw as Drawn};
use crate::penalty::Penalty;

/// Sums that a chunk has room for.
pub(super) const SUMS: usize = crate::backend::ledger::SUMS;

/// Floats of a block's shared memory; `STRIP` in `kernels/args.cuh`.
pub(super) const STRIP: usize = 12_288;

/// An address on the device; 0 for none.
pub(super) type Address = u64;

/// A struct without padding that goes to the device as it is.
///
/// # Safety
/// `repr(C)`, plain numbers only, all bits initialised.
pub(super) unsafe trait Plain: Copy + 'static {}

// SAFETY: a number.
unsafe impl Plain for f32 {}
// SAFETY: a number.
unsafe impl Plain for f64 {}
// SAFETY: a number.
unsafe impl Plain for u64 {}

/// The arguments of a kernel.
///
/// # Safety
/// The twin of the struct that the kernels of `MODULE` that take it are declared with.
pub(super) unsafe trait Args: Plain {}

macro_rules! plain {
    ($($name:ident)*) => {$(
        // SAFETY: `repr(C)` numbers; that nothing is padded is asserted below.
        unsafe impl Plain for $name {}
    )*};
}
plain!(Draw Chunk Pull Pass Sweep Fold);

// SAFETY: twin of `Pass` in args.cuh.
unsafe impl Args for Pass {}
// SAFETY: twin of `Sweep` in args.cuh.
unsafe impl Args for Sweep {}
// SAFETY: twin of `Fold` in args.cuh.
unsafe impl Args for Fold {}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Draw {
    pub key: [u32; 2],
    pub step: u32,
    pub index: u32,
    pub distribution: u32,
    pub rounds: u32,
}

impl From<Drawn> for Draw {
    fn from(draw: Drawn) -> Self {
        let distribution = match draw.distribution {
            Distribution::Gaussian => 0,
            Distribution::Rademacher => 1,
            Distribution::Uniform => 2,
            Distribution::Laplace => 3,
        };
        let Drawn { key, step, index, rounds, .. } = draw;
        Self { key, step, index, distribution, rounds }
    }
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Chunk {
    pub flat: u64,
    pub tensor: u32,
    pub start: u32,
    pub len: u32,
    pub unused: u32,
}

impl Chunk {
    pub fn of(chunk: &layout::Chunk) -> Self {
        let (tensor, start, len) = (chunk.tensor as u32, chunk.start as u32, chunk.len as u32);
        Self { flat: chunk.flat as u64, tensor, start, len, unused: 0 }
    }
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Pull {
    pub l2: f32,
    pub keep: f32,
    pub distance: f32,
    pub reached: u32,
}

impl Pull {
    pub fn of(penalty: &Penalty, learning_rate: f64, reached: bool) -> Self {
        let Penalty { l2, distance, .. } = *penalty;
        Self { l2, keep: penalty.keep(learning_rate), distance, reached: u32::from(reached) }
    }
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Pass {
    pub chunks: Address,
    pub scales: Address,
    pub pulls: Address,
    pub w: Address,
    pub g: Address,
    pub pair: Address,
    pub sum: Address,
    pub bank: Address,
    pub origin: Address,
    pub moments: [Address; 3],
    pub target: Address,
    pub out: Address,
    pub sums: Address,
    pub stride: u64,
    pub count: u32,
    pub copies: u32,
    pub signs: u32,
    pub first: u32,
    pub paired: u32,
    pub weighted: u32,
    pub keeps: u32,
    pub add: u32,
    pub draw: Draw,
    pub factor: f32,
    pub last: f32,
    pub pair_factor: f32,
    pub sum_factor: f32,
    pub scale: f32,
    pub rest: f32,
    pub clip: f32,
    pub keep_old: f32,
    pub keep_new: f32,
    pub rule: [f32; 7],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Sweep {
    pub rows: Address,
    pub coefficients: Address,
    pub hv: Address,
    pub before: Address,
    pub v: Address,
    pub w: Address,
    pub copy: Address,
    pub sums: Address,
    pub size: u64,
    pub count: u32,
    pub row_count: u32,
    pub factor: f32,
    pub outcomes: u32,
    pub draw: Draw,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct Fold {
    pub sums: Address,
    pub totals: Address,
    pub firsts: Address,
    pub segments: u32,
    pub width: u32,
    pub which: u32,
    pub unused: u32,
}

const _: () = assert!(size_of::<Pass>() == 16 * 8 + 8 * 4 + 24 + 16 * 4);
const _: () = assert!(size_of::<Sweep>() == 9 * 8 + 4 * 4 + 24);
const _: () = assert!(size_of::<Fold>() == 3 * 8 + 4 * 4);
const _: () = assert!(size_of::<Chunk>() == 24 && size_of::<Pull>() == 16 && size_of::<Draw>() == 24);

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes that nvcc saw: `.param .align 8 .b8 NAME_param_0[SIZE]`.
    #[test]
    fn structs_are_as_long_as_the_kernels_parameters() {
        let mut seen = 0;
        for (module, text) in super::super::device::MODULES {
            for line in text.lines().filter(|line| line.contains("_param_0[")) {
                let size: usize = line.split(['[', ']']).nth(1).unwrap().parse().unwrap();
                let name = line.trim().trim_start_matches(".param .align 8 .b8 ");
                let expected = match (module, name) {
                    ("rows", name) if name.starts_with("fold_") => size_of::<Fold>(),
                    ("rows" | "rounded", _) => size_of::<Sweep>(),
                    _ => size_of::<Pass>(),
                };
                assert_eq!(size, expected, "{line}");
                seen += 1;
            }
        }
        assert_eq!(seen, super::super::device::KERNELS.len());
    }
}
