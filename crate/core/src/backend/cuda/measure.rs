//! What a step costs on this machine, transfers and all: measured once a process, for [`crate::backend::choice`].

use super::{Cuda, Device};
use crate::backend::choice::{Costs, Line};
use crate::backend::{Backend, Clip, Micro, Mix, Noise, Update, Vectors};
use crate::error::Result;
use crate::memory::filled;
use crate::noise::{Distribution, Draw};
use crate::optimizer::{Hyper, Rule};
use crate::rng::ROUNDS;
use crate::{Cpu, Level, Threads};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Weights that it is measured with: where starting counts, and where memory does (8 MB a vector).
const SIZES: [usize; 2] = [1 << 14, 1 << 21];
/// Steps of which the shortest counts, after one that warms up.
const REPEATS: usize = 3;
/// A pair, and no moments: what moves least on the device itself, so that the bus is given its full weight.
const VECTORS: Vectors = Vectors { moments: 0, sums: 1, bank: false, origin: false };

/// The costs here; nothing where there is no GPU, or where it fails. Some tens of milliseconds the first time.
pub fn costs() -> Option<Costs> {
    static MEASURED: OnceLock<Option<Costs>> = OnceLock::new();
    // Whoever comes meanwhile waits: two measurements at once would be of each other.
    *MEASURED.get_or_init(|| Device::shared().ok().and_then(|device| measure(&device).ok()))
}

/// The same, measured anew.
pub fn measure(device: &Arc<Device>) -> Result<Costs> {
    let cpu = |size| Ok(Box::new(Cpu::new(&[size], VECTORS, Level::best(), Threads::new(0))?) as _);
    let cuda = |size| Ok(Box::new(Cuda::new(&[size], VECTORS, device.clone())?) as _);
    Ok(Costs { cpu: line(cpu)?, cuda: line(cuda)? })
}

fn line(make: impl Fn(usize) -> Result<Box<dyn Backend>>) -> Result<Line> {
    let [few, many] = SIZES;
    let at = |size| -> Result<(usize, f64)> { Ok((size, shortest(make(size)?.as_mut(), size)?)) };
    Ok(Line::through(at(few)?, at(many)?))
}

fn shortest(backend: &mut dyn Backend, size: usize) -> Result<f64> {
    let (g, mut out) = (filled(size, 0.5f32)?, filled(size, 0.0f32)?);
    backend.load(&[&g])?;
    let mut best = f64::INFINITY;
    for repeat in 0..=REPEATS {
        let begun = Instant::now();
        step(backend, repeat as u32, &g, &mut out)?;
        if repeat > 0 {
            best = best.min(begun.elapsed().as_secs_f64());
        }
    }
    Ok(best)
}

/// The three passes of a step of `nso` with one perturbation.
fn step(backend: &mut dyn Backend, step: u32, g: &[f32], out: &mut [f32]) -> Result<()> {
    let draw = Draw { key: [0; 2], step, index: 0, distribution: Distribution::Gaussian, rounds: ROUNDS };
    let (noise, g, out) = (Noise { draw, scales: &[0.01] }, &[Some(g)], &mut [out]);
    let rule = Rule::new("sgd", Hyper { learning_rate: 0.01, ..Hyper::default() })
        .ok_or_else(|| crate::Error::State("Expected the rule sgd, found none.".into()))?;
    backend.clear(true);
    backend.perturb(noise, out)?;
    backend.flip(noise.half(), g, out)?;
    let (mix, clip, micro, half) = (Mix::PAIR, Clip::Off, Micro::WHOLE, Some(noise.half()));
    backend.finish(Update { mix, scale: 0.5, half, clip, micro, learning_rate: 0.01, rule: &rule }, g, out)
}
