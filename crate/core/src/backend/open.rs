//! Vectors on the device that is asked for; where that is left open, on the one that is predicted to be faster.

use super::choice::{Costs, FLOOR};
#[cfg(not(target_vendor = "apple"))]
use super::cuda::{Cuda, Device};
use super::{Backend, Vectors};
use crate::backend::cpu::{Cpu, Level, Threads};
use crate::error::{Error, Result};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The faster one, and the CPU where there is no GPU that works.
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU of NVIDIA's, or an error.
    Cuda,
}

impl Wanted {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Wanted); 3] =
        [("auto", Wanted::Auto), ("cpu", Wanted::Cpu), ("cuda", Wanted::Cuda)];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, wanted)| wanted)
    }
}

/// Zeroed vectors for tensors of these sizes. `costs` is asked for only where they decide: below the floor no GPU is even
/// looked for.
pub fn open(
    wanted: Wanted,
    sizes: &[usize],
    vectors: Vectors,
    (level, threads): (Level, Threads),
    costs: impl FnOnce() -> Option<Costs>,
) -> Result<Box<dyn Backend>> {
    let weights = sizes.iter().fold(0, |sum: usize, size| sum.saturating_add(*size));
    let faster = || weights >= FLOOR && costs().is_some_and(|costs| costs.prefer_cuda(weights));
    let on_cpu = || Ok(Box::new(Cpu::new(sizes, vectors, level, threads)?) as Box<dyn Backend>);
    match wanted {
        Wanted::Cuda => on_gpu(sizes, vectors),
        // A GPU that is full, or fails, is none.
        Wanted::Auto if faster() => on_gpu(sizes, vectors).or_else(|_| on_cpu()),
        Wanted::Auto | Wanted::Cpu => on_cpu(),
    }
}

#[cfg(not(target_vendor = "apple"))]
fn on_gpu(sizes: &[usize], vectors: Vectors) -> Result<Box<dyn Backend>> {
    let device = Device::shared().map_err(Error::from)?;
    Ok(Box::new(Cuda::new(sizes, vectors, device)?))
}

#[cfg(target_vendor = "apple")]
fn on_gpu(_: &[usize], _: Vectors) -> Result<Box<dyn Backend>> {
    Err(Error::NoDevice("NVIDIA has no driver for this system. Take the device 'cpu' or 'auto'.".into()))
}
