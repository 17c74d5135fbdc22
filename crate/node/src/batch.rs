//! Many perturbed copies of some weights from one read of them.

use crate::device::wanted;
use crate::error::{Result, coded, core, given, whole};
use crate::sample::draw;
use crate::view::{Views, elements};
use crate::workspace::{WorkspaceOptions, compute};
use napi::bindgen_prelude::{Array, Unknown};
use napi_derive::napi;
use saltflat_core::Draw;
use saltflat_core::backend::cpu::batch::{Signs, perturb_batch as fill, perturb_in_place as fill_in_place};
use saltflat_core::backend::open::Wanted;
use saltflat_core::memory::filled;
use saltflat_core::noise::MAX_PERTURBATIONS;

/// The draws of a batch.
#[napi(object)]
pub struct BatchNoise {
    /// Seed of the generator.
    pub seed: f64,
    /// Shape of the noise.
    pub distribution: String,
    /// Rounds of the generator, 7 or 10.
    pub rounds: f64,
    /// Stream of the noise.
    pub stream: f64,
    /// Step of the noise.
    pub step: f64,
    /// First perturbation.
    pub from: f64,
    /// The perturbation after the last one.
    pub to: f64,
    /// 'both', 'plus' or 'minus'.
    pub signs: String,
}

/// out ← W ± σU for the perturbations `from` … `to` − 1: one after the other, in each the sign or signs, in each the
/// tensors in order. One read of W.
#[napi(catch_unwind)]
pub fn perturb_batch(
    #[napi(ts_arg_type = "Array<Float32Array>")] weights: Array<'_>,
    #[napi(ts_arg_type = "Float32Array")] scales: Unknown<'_>,
    #[napi(ts_arg_type = "BatchNoise")] noise: Option<BatchNoise>,
    #[napi(ts_arg_type = "Array<Float32Array>")] out: Array<'_>,
    options: Option<WorkspaceOptions>,
) -> Result<()> {
    let wanted = wanted(options.as_ref())?;
    let (level, threads) = compute(options)?;
    let batch = Batch::of(given("the noise", noise)?)?;
    // Before a list of draws is made that nobody takes.
    let expected = batch.copies() * weights.len() as usize;
    if out.len() as usize != expected {
        let said = format!("Expected {expected} outputs, received {}.", out.len());
        return Err(coded("ERR_SHAPE", said));
    }
    let (signs, draws) = (batch.signs, batch.draws());
    let mut views = Views::default();
    let (weights, out) = (elements(&weights)?, elements(&out)?);
    let weights: Option<Vec<&[f32]>> = views.inputs("weights", &weights)?.into_iter().collect();
    let weights =
        weights.ok_or_else(|| coded("ERR_INVALID_ARGUMENT", "Expected every weight, received a gap."))?;
    let mut out = views.apart("outputs", &out)?;
    let scales = views.input("scales", &scales)?;
    views.check()?;
    match wanted {
        Wanted::Cuda => on_gpu(&weights, scales, &draws, signs, &mut out).map_err(core),
        // Every copy comes down over the bus, which takes longer than the CPU takes to make it.
        Wanted::Auto | Wanted::Cpu => {
            fill(level, &threads, &weights, scales, &draws, signs, &mut out).map_err(core)
        }
    }
}

/// W ← W ± σU in place, for a single perturbation and one of its signs.
#[napi(catch_unwind)]
pub fn perturb_in_place(
    #[napi(ts_arg_type = "Array<Float32Array>")] weights: Array<'_>,
    #[napi(ts_arg_type = "Float32Array")] scales: Unknown<'_>,
    #[napi(ts_arg_type = "BatchNoise")] noise: Option<BatchNoise>,
    options: Option<WorkspaceOptions>,
) -> Result<()> {
    let wanted = wanted(options.as_ref())?;
    let (level, threads) = compute(options)?;
    let batch = Batch::of(given("the noise", noise)?)?;
    if batch.copies() != 1 {
        let said = format!("Expected noise for one copy in place, received {}.", batch.copies());
        return Err(coded("ERR_INVALID_ARGUMENT", said));
    }
    let (signs, draws) = (batch.signs, batch.draws());
    let mut views = Views::default();
    let mut weights = views.apart("weights", &elements(&weights)?)?;
    let scales = views.input("scales", &scales)?;
    views.check()?;
    match wanted {
        Wanted::Cuda => on_gpu_in_place(scales, &draws, signs, &mut weights).map_err(core),
        Wanted::Auto | Wanted::Cpu => {
            fill_in_place(level, &threads, scales, draws[0], signs, &mut weights).map_err(core)
        }
    }
}

/// What a batch's noise says, checked.
struct Batch {
    base: Draw,
    from: u32,
    to: u32,
    signs: Signs,
}

impl Batch {
    fn of(noise: BatchNoise) -> Result<Self> {
        let signs = match noise.signs.as_str() {
            "both" => Signs::Both,
            "plus" => Signs::Plus,
            "minus" => Signs::Minus,
            other => {
                let said = format!("Expected signs of both, plus, minus, received '{other}'.");
                return Err(coded("ERR_INVALID_ARGUMENT", said));
            }
        };
        let base = draw(noise.seed, &noise.distribution, noise.rounds, noise.stream, noise.step, 0.0)?;
        let to = whole("to", noise.to, f64::from(MAX_PERTURBATIONS))? as u32;
        let from = whole("from", noise.from, f64::from(to))? as u32;
        Ok(Self { base, from, to, signs })
    }

    fn copies(&self) -> usize {
        (self.to - self.from) as usize * self.signs.count()
    }

    fn draws(&self) -> Vec<Draw> {
        (self.from..self.to).map(|j| Draw { index: self.base.index + j, ..self.base }).collect()
    }
}

/// By way of a copy, so that the weights stay as they are where the GPU fails.
fn on_gpu_in_place(
    scales: &[f32],
    draws: &[Draw],
    signs: Signs,
    weights: &mut [&mut [f32]],
) -> saltflat_core::Result<()> {
    let mut moved =
        weights.iter().map(|values| filled(values.len(), 0f32)).collect::<saltflat_core::Result<Vec<_>>>()?;
    let held: Vec<&[f32]> = weights.iter().map(|values| &**values).collect();
    let mut out: Vec<&mut [f32]> = moved.iter_mut().map(Vec::as_mut_slice).collect();
    on_gpu(&held, scales, draws, signs, &mut out)?;
    for (values, moved) in weights.iter_mut().zip(&moved) {
        values.copy_from_slice(moved);
    }
    Ok(())
}

#[cfg(not(target_vendor = "apple"))]
fn on_gpu(
    weights: &[&[f32]],
    scales: &[f32],
    draws: &[Draw],
    signs: Signs,
    out: &mut [&mut [f32]],
) -> saltflat_core::Result<()> {
    let Some(first) = draws.first() else { return Ok(()) };
    let gpu = crate::device::gpu()?;
    saltflat_core::backend::cuda::batch::perturb_batch(&gpu, weights, scales, *first, draws.len(), signs, out)
}

#[cfg(target_vendor = "apple")]
fn on_gpu(_: &[&[f32]], _: &[f32], _: &[Draw], _: Signs, _: &mut [&mut [f32]]) -> saltflat_core::Result<()> {
    Err(saltflat_core::Error::NoDevice(
        "NVIDIA has no driver for this system. Take the device 'cpu' or 'auto'.".into(),
    ))
}
