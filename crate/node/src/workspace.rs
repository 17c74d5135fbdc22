//! The vectors an optimizer owns and the passes over them, as a class.

use crate::error::{Coded, Result, coded, core, node, whole};
use crate::sample::draw;
use crate::view::{Views, elements};
use napi::Env;
use napi::bindgen_prelude::{Array, Float32Array, ObjectFinalize};
use napi_derive::napi;
use saltflat_core::backend::Noise;
use saltflat_core::noise::MAX_PERTURBATIONS;
use saltflat_core::{Backend, Cpu, Draw, Hyper, Level, Parts, Rule, Threads};

/// Hyperparameters of one update; see the base optimizer's own page for ranges and defaults.
#[napi(object)]
pub struct Hyperparameters {
    /// η
    pub learning_rate: f64,
    /// Momentum, or β₁.
    pub beta1: f64,
    /// β₂
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Updates made, this one included.
    pub step: f64,
}

/// How a workspace computes. Neither shows in its results.
#[napi(object)]
pub struct WorkspaceOptions {
    /// Threads a pass uses; 0 or absent: one a processor.
    pub threads: Option<f64>,
    /// Instruction set; absent: the widest.
    pub simd: Option<String>,
}

/// W, G, P and the moments of one optimizer in native memory, with the fused passes of a training step.
#[napi(custom_finalize)]
pub struct Workspace {
    cpu: Option<Cpu>,
    rule: String,
    draw: Draw,
    scales: Vec<f32>,
    bytes: i64,
}

impl ObjectFinalize for Workspace {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-self.bytes).map(|_| ())
    }
}

#[napi]
impl Workspace {
    /// Zeroed vectors for tensors of these sizes. `sums`: 0 where only the last gradient counts, 1 for a pair, a total or
    /// a mean, 2 for a pair and a total.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: &Env,
        sizes: Vec<f64>,
        rule: String,
        sums: f64,
        options: Option<WorkspaceOptions>,
    ) -> Result<Self> {
        let sizes: Vec<usize> = sizes
            .into_iter()
            .map(|size| whole("a tensor's size", size, f64::from(i32::MAX)).map(|size| size as usize))
            .collect::<Result<_>>()?;
        let moments = Rule::moments(&rule).ok_or_else(|| {
            let names = Rule::ALL.map(|(name, _)| name).join(", ");
            coded("ERR_INVALID_ARGUMENT", format!("Expected a base optimizer of {names}, received '{rule}'."))
        })?;
        let options = options.unwrap_or(WorkspaceOptions { threads: None, simd: None });
        let threads = Threads::new(whole("threads", options.threads.unwrap_or(0.0), 256.0)? as usize);
        let level = options.simd.map_or(Ok(Level::best()), |name| {
            Level::named(&name).ok_or_else(|| {
                let names: Vec<_> = Level::available().iter().map(|level| level.name()).collect();
                let names = names.join(", ");
                coded(
                    "ERR_UNSUPPORTED",
                    format!("Expected an instruction set of {names}, received '{name}'."),
                )
            })
        })?;
        let cpu =
            Cpu::new(&sizes, moments, whole("sums", sums, 2.0)? as usize, level, threads).map_err(core)?;
        let bytes = cpu.bytes() as i64;
        env.adjust_external_memory(bytes).map_err(node)?;
        let none = draw(0.0, "gaussian", 0.0, 0.0, 0.0)?;
        Ok(Self { cpu: Some(cpu), rule, draw: none, scales: vec![0.0; sizes.len()], bytes })
    }

    /// Bytes of native memory held.
    #[napi(getter)]
    pub fn bytes(&self) -> f64 {
        self.bytes as f64
    }

    /// Moment vectors that the base optimizer keeps.
    #[napi(getter)]
    pub fn moments(&self) -> u32 {
        Rule::moments(&self.rule).unwrap_or(0) as u32
    }

    /// Frees the memory now. Twice is harmless.
    #[napi(catch_unwind)]
    pub fn dispose(&mut self, env: &Env) -> Result<()> {
        self.cpu = None;
        env.adjust_external_memory(-std::mem::take(&mut self.bytes)).map_err(node)?;
        Ok(())
    }

    /// W ← weights.
    #[napi(catch_unwind)]
    pub fn load(&mut self, #[napi(ts_arg_type = "Array<Float32Array>")] weights: Array<'_>) -> Result<()> {
        let mut views = Views::default();
        let weights: Option<Vec<&[f32]>> =
            views.inputs("weights", &elements(&weights))?.into_iter().collect();
        let weights =
            weights.ok_or_else(|| coded("ERR_INVALID_ARGUMENT", "Expected every weight, received a gap."))?;
        self.cpu()?.load(&weights).map_err(core)
    }

    /// out ← W, bit for bit.
    #[napi(catch_unwind)]
    pub fn restore(&mut self, #[napi(ts_arg_type = "Array<Float32Array>")] out: Array<'_>) -> Result<()> {
        let mut views = Views::default();
        let out = elements(&out);
        let mut out = views.outputs("outputs", &out)?;
        views.check()?;
        self.cpu()?.restore(&mut out).map_err(core)
    }

    /// Sets the noise of a step: σ of each tensor (0: not perturbed), and what addresses the draws. Clears the dots.
    #[napi(catch_unwind)]
    pub fn begin(
        &mut self,
        seed: f64,
        distribution: String,
        stream: f64,
        step: f64,
        scales: Float32Array,
    ) -> Result<()> {
        self.draw = draw(seed, &distribution, stream, step, 0.0)?;
        if scales.len() != self.scales.len() {
            let (expected, came) = (self.scales.len(), scales.len());
            return Err(coded("ERR_SHAPE", format!("Expected {expected} scales, received {came}.")));
        }
        self.scales.copy_from_slice(&scales);
        self.cpu()?.clear_dots();
        Ok(())
    }

    /// out ← W + σU of perturbation `j`.
    #[napi(catch_unwind)]
    pub fn perturb(
        &mut self,
        j: f64,
        #[napi(ts_arg_type = "Array<Float32Array>")] out: Array<'_>,
    ) -> Result<()> {
        let mut views = Views::default();
        let out = elements(&out);
        let mut out = views.outputs("outputs", &out)?;
        views.check()?;
        let (cpu, noise) = self.with_noise(j)?;
        cpu.perturb(noise, &mut out).map_err(core)
    }

    /// P ← g · dots += U·g · out ← W − σU.
    #[napi(catch_unwind)]
    pub fn flip(
        &mut self,
        j: f64,
        #[napi(ts_arg_type = "Array<Float32Array | null>")] g: Array<'_>,
        #[napi(ts_arg_type = "Array<Float32Array>")] out: Array<'_>,
    ) -> Result<()> {
        let mut views = Views::default();
        let (g, out) = (elements(&g), elements(&out));
        let (g, mut out) = (views.inputs("gradients", &g)?, views.outputs("outputs", &out)?);
        views.check()?;
        let (cpu, noise) = self.with_noise(j)?;
        cpu.flip(noise, &g, &mut out).map_err(core)
    }

    /// G += P + g (← where `first`) · dots −= U·g · out ← W + σU of perturbation `j + 1`.
    #[napi(catch_unwind)]
    pub fn accumulate(
        &mut self,
        j: f64,
        first: bool,
        #[napi(ts_arg_type = "Array<Float32Array | null>")] g: Array<'_>,
        #[napi(ts_arg_type = "Array<Float32Array>")] out: Array<'_>,
    ) -> Result<()> {
        let mut views = Views::default();
        let (g, out) = (elements(&g), elements(&out));
        let (g, mut out) = (views.inputs("gradients", &g)?, views.outputs("outputs", &out)?);
        views.check()?;
        let next = self.at(j + 1.0)?;
        let (cpu, noise) = self.with_noise(j)?;
        cpu.accumulate(noise, next, first, &g, &mut out).map_err(core)
    }

    /// G += factor·g (← where `first`) · out ← W + σU of perturbation `next`.
    #[napi(catch_unwind)]
    pub fn collect(
        &mut self,
        next: f64,
        factor: f64,
        first: bool,
        #[napi(ts_arg_type = "Array<Float32Array | null>")] g: Array<'_>,
        #[napi(ts_arg_type = "Array<Float32Array>")] out: Array<'_>,
    ) -> Result<()> {
        let mut views = Views::default();
        let (g, out) = (elements(&g), elements(&out));
        let (g, mut out) = (views.inputs("gradients", &g)?, views.outputs("outputs", &out)?);
        views.check()?;
        let (cpu, noise) = self.with_noise(next)?;
        cpu.collect(noise, factor as f32, first, &g, &mut out).map_err(core)
    }

    /// Checks g, then W ← rule(W, scale · parts), out ← W. `parts`: 'last' g, 'pair' P + g, 'sum' G + g,
    /// 'sum-and-pair' G + (P + g). `j` ≥ 0 takes U·g of that perturbation off the dots.
    #[napi(catch_unwind)]
    pub fn finish(
        &mut self,
        parts: String,
        scale: f64,
        j: f64,
        hyper: Hyperparameters,
        #[napi(ts_arg_type = "Array<Float32Array | null>")] g: Array<'_>,
        #[napi(ts_arg_type = "Array<Float32Array>")] out: Array<'_>,
    ) -> Result<()> {
        let parts = match parts.as_str() {
            "last" => Parts::Last,
            "pair" => Parts::Pair,
            "sum" => Parts::Sum,
            "sum-and-pair" => Parts::SumAndPair,
            _ => {
                return Err(coded(
                    "ERR_INVALID_ARGUMENT",
                    format!("Expected known parts, received '{parts}'."),
                ));
            }
        };
        let hyper = Hyper {
            learning_rate: hyper.learning_rate,
            beta1: hyper.beta1,
            beta2: hyper.beta2,
            epsilon: hyper.epsilon,
            weight_decay: hyper.weight_decay,
            step: hyper.step,
        };
        let rule =
            Rule::new(&self.rule, hyper).ok_or_else(|| coded("ERR_STATE", "Expected a known rule."))?;
        let mut views = Views::default();
        let (g, out) = (elements(&g), elements(&out));
        let (g, mut out) = (views.inputs("gradients", &g)?, views.outputs("outputs", &out)?);
        views.check()?;
        if j < 0.0 {
            return self.cpu()?.finish(parts, scale as f32, None, &rule, &g, &mut out).map_err(core);
        }
        let (cpu, noise) = self.with_noise(j)?;
        cpu.finish(parts, scale as f32, Some(noise), &rule, &g, &mut out).map_err(core)
    }

    /// Σ g² of each tensor.
    #[napi(catch_unwind)]
    pub fn squared_norms(
        &mut self,
        #[napi(ts_arg_type = "Array<Float32Array | null>")] g: Array<'_>,
    ) -> Result<Vec<f64>> {
        let g = Views::default().inputs("gradients", &elements(&g))?;
        Ok(self.cpu()?.squared_norms(&g).map_err(core)?.to_vec())
    }

    /// out ← W + scale·g, a scale a tensor.
    #[napi(catch_unwind)]
    pub fn ascend(
        &mut self,
        scales: Float32Array,
        #[napi(ts_arg_type = "Array<Float32Array | null>")] g: Array<'_>,
        #[napi(ts_arg_type = "Array<Float32Array>")] out: Array<'_>,
    ) -> Result<()> {
        let mut views = Views::default();
        let (g, out) = (elements(&g), elements(&out));
        let (g, mut out) = (views.inputs("gradients", &g)?, views.outputs("outputs", &out)?);
        views.check()?;
        self.cpu()?.ascend(&scales, &g, &mut out).map_err(core)
    }

    /// Σ U·(g⁺ − g⁻) of each tensor since `begin`.
    #[napi(catch_unwind)]
    pub fn dots(&mut self) -> Result<Vec<f64>> {
        Ok(self.cpu()?.dots().to_vec())
    }

    /// A copy of the mean gradient that rule 'mean' left for one tensor.
    #[napi(catch_unwind)]
    pub fn mean(&mut self, tensor: f64) -> Result<Float32Array> {
        let tensor = self.tensor(tensor)?;
        Ok(Float32Array::new(self.cpu()?.mean(tensor).map_err(core)?.to_vec()))
    }

    /// A copy of one tensor of a moment.
    #[napi(catch_unwind)]
    pub fn moment(&mut self, moment: f64, tensor: f64) -> Result<Float32Array> {
        let (moment, tensor) = (self.moment_index(moment)?, self.tensor(tensor)?);
        Ok(Float32Array::new(self.cpu()?.moment(moment, tensor).to_vec()))
    }

    /// Sets one tensor of a moment.
    #[napi(catch_unwind)]
    pub fn set_moment(&mut self, moment: f64, tensor: f64, values: Float32Array) -> Result<()> {
        let (moment, tensor) = (self.moment_index(moment)?, self.tensor(tensor)?);
        let target = self.cpu()?.moment_mut(moment, tensor);
        if target.len() != values.len() {
            let (expected, came) = (target.len(), values.len());
            return Err(coded("ERR_SHAPE", format!("Expected {expected} elements, received {came}.")));
        }
        target.copy_from_slice(&values);
        Ok(())
    }

    fn cpu(&mut self) -> Result<&mut Cpu> {
        self.cpu.as_mut().ok_or_else(gone)
    }

    fn at(&self, j: f64) -> Result<Draw> {
        let j = whole("perturbation", j, f64::from(MAX_PERTURBATIONS - 1))? as u32;
        Ok(Draw { index: self.draw.index + j, ..self.draw })
    }

    fn with_noise(&mut self, j: f64) -> Result<(&mut Cpu, Noise<'_>)> {
        let draw = self.at(j)?;
        let cpu = self.cpu.as_mut().ok_or_else(gone)?;
        Ok((cpu, Noise { draw, scales: &self.scales }))
    }

    fn tensor(&self, tensor: f64) -> Result<usize> {
        Ok(whole("tensor", tensor, self.scales.len() as f64 - 1.0)? as usize)
    }

    fn moment_index(&self, moment: f64) -> Result<usize> {
        let moments = Rule::moments(&self.rule).unwrap_or(0);
        Ok(whole("moment", moment, moments as f64 - 1.0)? as usize)
    }
}

fn gone() -> Coded {
    coded("ERR_DISPOSED", "Expected a live workspace, received one that was disposed.")
}
