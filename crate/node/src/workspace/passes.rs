//! The passes of a training step. What they write, and its gradients, are an array a tensor, or one array in which each
//! tensor begins a tile of 64 elements, as the vectors here lie.

use super::options::{DirectionOptions, KeepOptions, UpdateOptions};
use super::{Workspace, live};
use crate::error::{Result, coded, core, finite, given};
use crate::sample::draw;
use crate::view::{Views, arrays, elements};
use napi::bindgen_prelude::{Array, Unknown};
use napi_derive::napi;
use saltflat_core::{Half, Update};

#[napi]
impl Workspace {
    /// out ← W, bit for bit.
    #[napi(catch_unwind)]
    pub fn restore(
        &self,
        #[napi(ts_arg_type = "Array<Float32Array> | Float32Array")] out: Unknown<'_>,
    ) -> Result<()> {
        let out = arrays(&out)?;
        let inner = &mut *self.inner()?;
        let mut views = Views::default();
        let mut out = views.outputs(&out, &inner.sizes)?;
        views.check()?;
        inner.backend()?.restore(&mut out).map_err(core)
    }

    /// Sets the noise of a step: σ of each tensor (0: not perturbed), and what addresses the draws. Clears the dots;
    /// `first`: this is the first micro-batch of an update.
    #[allow(clippy::too_many_arguments, reason = "what addresses a draw, and a flag")]
    #[napi(catch_unwind)]
    pub fn begin(
        &self,
        seed: f64,
        distribution: String,
        rounds: f64,
        stream: f64,
        step: f64,
        #[napi(ts_arg_type = "Float32Array")] scales: Unknown<'_>,
        first: bool,
    ) -> Result<()> {
        let scales = Views::default().input("scales", &scales)?;
        let draw = draw(seed, &distribution, rounds, stream, step, 0.0)?;
        let inner = &mut *self.inner()?;
        if scales.len() != inner.scales.len() {
            let (expected, came) = (inner.scales.len(), scales.len());
            return Err(coded("ERR_SHAPE", format!("Expected {expected} scales, received {came}.")));
        }
        for scale in scales.iter() {
            finite("each scale", f64::from(*scale))?;
        }
        inner.draw = draw;
        inner.scales.copy_from_slice(scales);
        inner.backend()?.clear(first);
        Ok(())
    }

    /// out ← W + σU of perturbation `j`.
    #[napi(catch_unwind)]
    pub fn perturb(
        &self,
        j: f64,
        #[napi(ts_arg_type = "Array<Float32Array> | Float32Array")] out: Unknown<'_>,
    ) -> Result<()> {
        let out = arrays(&out)?;
        let inner = &mut *self.inner()?;
        let mut views = Views::default();
        let mut out = views.outputs(&out, &inner.sizes)?;
        views.check()?;
        let (backend, noise) = inner.with_noise(j)?;
        backend.perturb(noise, &mut out).map_err(core)
    }

    /// P ← g · out ← W − σU, where W + σU is what `perturb` or `accumulate` wrote, in `out` itself or `before`.
    #[napi(catch_unwind)]
    pub fn flip(
        &self,
        #[napi(ts_arg_type = "Array<Float32Array | number | null> | Float32Array")] g: Unknown<'_>,
        #[napi(ts_arg_type = "Array<Float32Array> | Float32Array")] out: Unknown<'_>,
        #[napi(ts_arg_type = "Array<Float32Array | null> | null")] before: Option<Array<'_>>,
    ) -> Result<()> {
        let (g, out, before) = (arrays(&g)?, arrays(&out)?, before.as_ref().map(elements).transpose()?);
        let inner = &mut *self.inner()?;
        let mut views = Views::default();
        let (mut out, g) = (views.outputs(&out, &inner.sizes)?, views.gradients(&g, &inner.sizes)?);
        let before = before.map(|before| views.inputs("values before", &before)).transpose()?;
        views.check()?;
        let half = Half { scales: &inner.scales, before: before.as_deref() };
        live(&mut inner.backend)?.flip(half, &g, &mut out).map_err(core)
    }

    /// G += P + g (← where `first`) · dots += U·(P − g) · out ← W + σU of perturbation `next`; W − σU of the one before as
    /// in `flip`.
    #[napi(catch_unwind)]
    pub fn accumulate(
        &self,
        next: f64,
        first: bool,
        #[napi(ts_arg_type = "Array<Float32Array | number | null> | Float32Array")] g: Unknown<'_>,
        #[napi(ts_arg_type = "Array<Float32Array> | Float32Array")] out: Unknown<'_>,
        #[napi(ts_arg_type = "Array<Float32Array | null> | null")] before: Option<Array<'_>>,
    ) -> Result<()> {
        let (g, out, before) = (arrays(&g)?, arrays(&out)?, before.as_ref().map(elements).transpose()?);
        let inner = &mut *self.inner()?;
        let mut views = Views::default();
        let (mut out, g) = (views.outputs(&out, &inner.sizes)?, views.gradients(&g, &inner.sizes)?);
        let before = before.map(|before| views.inputs("values before", &before)).transpose()?;
        views.check()?;
        let next = inner.at(next)?;
        let half = Half { scales: &inner.scales, before: before.as_deref() };
        live(&mut inner.backend)?.accumulate(half, next, first, &g, &mut out).map_err(core)
    }

    /// G += factor·g (← where `first`) · out ← W + σU of perturbation `next`.
    #[napi(catch_unwind)]
    pub fn collect(
        &self,
        next: f64,
        factor: f64,
        first: bool,
        #[napi(ts_arg_type = "Array<Float32Array | number | null> | Float32Array")] g: Unknown<'_>,
        #[napi(ts_arg_type = "Array<Float32Array> | Float32Array")] out: Unknown<'_>,
    ) -> Result<()> {
        let factor = finite("factor", factor)?;
        let (g, out) = (arrays(&g)?, arrays(&out)?);
        let inner = &mut *self.inner()?;
        let mut views = Views::default();
        let (mut out, g) = (views.outputs(&out, &inner.sizes)?, views.gradients(&g, &inner.sizes)?);
        views.check()?;
        let (backend, noise) = inner.with_noise(next)?;
        backend.collect(noise, factor as f32, first, &g, &mut out).map_err(core)
    }

    /// Checks that the mean gradient is finite, then W ← rule(W, mean), out ← W; before the last micro-batch the mean goes
    /// to the bank instead. `update` has the numbers of an update and then room for a dot a tensor: Σ U·(g⁺ − g⁻) of each
    /// since `begin`, where g is the second half of a pair (W − σU as in `flip`). An update and its dots come together or not
    /// at all.
    #[napi(catch_unwind)]
    pub fn finish(
        &self,
        #[napi(ts_arg_type = "Float64Array")] update: Unknown<'_>,
        #[napi(ts_arg_type = "Array<Float32Array | number | null> | Float32Array")] g: Unknown<'_>,
        #[napi(ts_arg_type = "Array<Float32Array> | Float32Array")] out: Unknown<'_>,
        #[napi(ts_arg_type = "Array<Float32Array | null> | null")] before: Option<Array<'_>>,
    ) -> Result<()> {
        let (g, out, before) = (arrays(&g)?, arrays(&out)?, before.as_ref().map(elements).transpose()?);
        let inner = &mut *self.inner()?;
        let mut views = Views::default();
        let (numbers, dots) = views.doubles("the update", &update, inner.sizes.len())?;
        let update = UpdateOptions::new(numbers);
        update.check()?;
        let rule = (self.rule)(update.hyper());
        let (clip, micro, paired) = (update.clip()?, update.micro()?, update.paired()?);
        let (mut out, g) = (views.outputs(&out, &inner.sizes)?, views.gradients(&g, &inner.sizes)?);
        let before = before.map(|before| views.inputs("values before", &before)).transpose()?;
        views.check()?;
        let half = paired.then_some(Half { scales: &inner.scales, before: before.as_deref() });
        let (scale, learning_rate) = (update.scale as f32, update.learning_rate);
        let update = Update { mix: update.mix(), scale, half, clip, micro, learning_rate, rule: &rule };
        let backend = live(&mut inner.backend)?;
        backend.finish(update, &g, &mut out).map_err(core)?;
        if paired {
            dots.write(backend.dots());
        }
        Ok(())
    }

    /// g·g, g·P and P·P of each tensor, one after the other.
    #[napi(catch_unwind)]
    pub fn products(
        &self,
        #[napi(ts_arg_type = "Array<Float32Array | number | null> | Float32Array")] g: Unknown<'_>,
    ) -> Result<Vec<f64>> {
        let g = arrays(&g)?;
        let inner = &mut *self.inner()?;
        let mut views = Views::default();
        let g = views.gradients(&g, &inner.sizes)?;
        Ok(inner.backend()?.products(&g).map_err(core)?.as_flattened().to_vec())
    }

    /// Σx² or Σ(wx)² of a direction, in each tensor; for the gradient itself not finite exactly where it is not.
    #[napi(catch_unwind)]
    pub fn norms(
        &self,
        #[napi(ts_arg_type = "DirectionOptions")] direction: Option<DirectionOptions>,
        #[napi(ts_arg_type = "Array<Float32Array | number | null> | Float32Array")] g: Unknown<'_>,
    ) -> Result<Vec<f64>> {
        let direction = given("the direction", direction)?.direction()?;
        let g = arrays(&g)?;
        let inner = &mut *self.inner()?;
        let mut views = Views::default();
        let g = views.gradients(&g, &inner.sizes)?;
        Ok(inner.backend()?.norms(direction, &g).map_err(core)?.iter().map(|sums| sums[0]).collect())
    }

    /// out ← W + scale·x of a direction (scale·w²x in the metric of the weights), a scale a tensor; then P ← `keep`.
    #[napi(catch_unwind)]
    pub fn ascend(
        &self,
        #[napi(ts_arg_type = "Float32Array")] scales: Unknown<'_>,
        #[napi(ts_arg_type = "DirectionOptions")] direction: Option<DirectionOptions>,
        keep: Option<KeepOptions>,
        #[napi(ts_arg_type = "Array<Float32Array | number | null> | Float32Array")] g: Unknown<'_>,
        #[napi(ts_arg_type = "Array<Float32Array> | Float32Array")] out: Unknown<'_>,
    ) -> Result<()> {
        let direction = given("the direction", direction)?.direction()?;
        let keep = keep.map(|keep| keep.keep()).transpose()?;
        let (g, out) = (arrays(&g)?, arrays(&out)?);
        let inner = &mut *self.inner()?;
        let mut views = Views::default();
        let (mut out, g) = (views.outputs(&out, &inner.sizes)?, views.gradients(&g, &inner.sizes)?);
        let scales = views.input("scales", &scales)?;
        views.check()?;
        inner.backend()?.ascend(scales, direction, keep, &g, &mut out).map_err(core)
    }
}
