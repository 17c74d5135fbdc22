//! The passes of a training step on the GPU: gradients go up, one kernel, sums and what the model gets next come down.

use super::Cuda;
use super::args::{Pass, Pull, SUMS};
use super::memory::Buffer;
use crate::backend::ledger::{Ledger, check_scales, missing};
use crate::backend::plan::{Has, Plan, Slot};
use crate::backend::{Backend, Clip, Direction, Gradient, Half, Keep, Metric, Noise, Update, Which};
use crate::error::Result;
use crate::memory::filled;
use crate::noise::Draw;

/// W + σU and no other sign.
const PLUS: u32 = 1;

impl Cuda {
    /// What every pass is told.
    fn pass(&self) -> Pass {
        Pass {
            chunks: self.chunks.address(),
            scales: self.scales.address(),
            pulls: self.pulls.address(),
            w: self.w.address(),
            g: self.g.address(),
            out: self.out.address(),
            sums: self.folder.sums(),
            stride: self.w.len() as u64,
            count: self.ledger.layout.chunks().len() as u32,
            copies: 1,
            signs: PLUS,
            ..Pass::default()
        }
    }

    fn noisy(&mut self, noise: &Noise<'_>) -> Result<Pass> {
        self.scales.set(0, noise.scales)?;
        Ok(Pass { draw: noise.draw.into(), ..self.pass() })
    }

    fn launch(&self, kernel: &str, args: Pass) -> Result<()> {
        self.device.launch(kernel, args, self.ledger.layout.chunks().len())
    }

    /// Gradients → the device; zeros where there is none.
    fn upload(&mut self, g: &[Gradient<'_>]) -> Result<()> {
        self.transfer.send(&self.ledger.layout, g, &mut self.g)
    }

    /// What the model gets next.
    fn deliver(&mut self, out: &mut [&mut [f32]]) -> Result<()> {
        self.transfer.receive(&self.ledger.layout, &self.out, out)
    }

    /// The ledger's sums ← the first `which` of a pass, folded. Waits for all that was asked for.
    fn sums(&mut self, which: usize) -> Result<()> {
        let found = self.folder.fold(which)?;
        for (sums, found) in self.ledger.tensor_sums.iter_mut().zip(found.chunks_exact(SUMS)) {
            sums.copy_from_slice(found);
        }
        Ok(())
    }

    /// A pass with gradients in, sums and weights out; an error where a gradient was not finite.
    fn gradient_pass(
        &mut self,
        kernel: &str,
        args: Pass,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()> {
        self.upload(g)?;
        self.launch(kernel, args)?;
        self.sums(1)?;
        self.deliver(out)?;
        self.ledger.finite()
    }

    fn kept(&self, needed: bool) -> Result<u64> {
        match (needed, self.pair.as_ref().or(self.sum.as_ref())) {
            (false, _) => Ok(0),
            (true, Some(vector)) => Ok(vector.address()),
            (true, None) => Err(missing("a kept gradient")),
        }
    }
}

impl Backend for Cuda {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn device(&self) -> &'static str {
        "cuda"
    }

    fn bytes(&self) -> usize {
        self.transfer.bytes()
    }

    fn device_bytes(&self) -> usize {
        let optional = [&self.sum, &self.pair, &self.bank, &self.origin];
        let vectors =
            optional.into_iter().flatten().chain(&self.moments).chain([&self.w, &self.g, &self.out]);
        let tables = self.chunks.bytes() + self.scales.bytes() + self.pulls.bytes() + self.folder.bytes();
        vectors.map(Buffer::bytes).sum::<usize>() + tables
    }

    fn read(&mut self, which: Which, tensor: usize) -> Result<Option<Vec<f32>>> {
        let range = self.ledger.layout.range(tensor);
        let mut values = filled(range.len(), 0.0)?;
        let Some(vector) = self.vector(which) else {
            return Ok(None);
        };
        vector.get(range.start, &mut values)?;
        self.device.wait()?;
        Ok(Some(values))
    }

    fn write(&mut self, which: Which, tensor: usize, values: &[f32]) -> Result<bool> {
        let range = self.ledger.layout.range(tensor);
        self.ledger.loaded |= which == Which::Origin;
        let Some(vector) = self.vector(which) else {
            return Ok(false);
        };
        vector.set(range.start, values)?;
        self.device.wait()?;
        Ok(true)
    }

    fn load(&mut self, weights: &[&[f32]]) -> Result<()> {
        self.ledger.whole()?;
        self.ledger.check("weights", weights)?;
        let weights: Vec<_> = weights.iter().map(|values| Some(*values)).collect();
        self.transfer.send(&self.ledger.layout, &weights, &mut self.w)?;
        if let Some(origin) = self.origin.as_mut().filter(|_| !self.ledger.loaded) {
            origin.copy(&self.w)?;
        }
        self.device.wait()?;
        self.transfer.keep_sent();
        self.ledger.loaded = true;
        Ok(())
    }

    fn restore(&mut self, out: &mut [&mut [f32]]) -> Result<()> {
        self.ledger.check("outputs", out)?;
        self.transfer.restore(&self.ledger.layout, out);
        Ok(())
    }

    fn perturb(&mut self, noise: Noise<'_>, out: &mut [&mut [f32]]) -> Result<()> {
        self.ledger.whole()?;
        self.ledger.check("outputs", out)?;
        self.ledger.check_noise(&noise)?;
        let args = self.noisy(&noise)?;
        self.launch("perturb", args)?;
        self.deliver(out)
    }

    fn flip(&mut self, half: Half<'_>, g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()> {
        self.ledger.check("outputs", out)?;
        self.ledger.check_half(&half)?;
        self.ledger.check_gradients(g)?;
        let pair = self.pair.as_ref().or(self.sum.as_ref()).ok_or_else(|| missing("a pair"))?.address();
        self.scales.set(0, half.scales)?;
        self.gradient_pass("flip", Pass { pair, ..self.pass() }, g, out)
    }

    fn accumulate(
        &mut self,
        half: Half<'_>,
        next: Draw,
        first: bool,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()> {
        self.ledger.check("outputs", out)?;
        self.ledger.check_half(&half)?;
        self.ledger.check_gradients(g)?;
        let (Some(pair), Some(sum)) = (self.pair.as_ref(), self.sum.as_ref()) else {
            return Err(missing("a pair and one for a total"));
        };
        let (pair, sum) = (pair.address(), sum.address());
        let next = Noise { draw: next, scales: half.scales };
        let args = Pass { pair, sum, first: u32::from(first), ..self.noisy(&next)? };
        self.gradient_pass("accumulate", args, g, out)?;
        self.ledger.add_dots(half.scales);
        Ok(())
    }

    fn collect(
        &mut self,
        next: Noise<'_>,
        factor: f32,
        first: bool,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()> {
        self.ledger.check("outputs", out)?;
        self.ledger.check_noise(&next)?;
        self.ledger.check_gradients(g)?;
        let sum = self.sum.as_ref().ok_or_else(|| missing("a total"))?.address();
        let args = Pass { sum, factor, first: u32::from(first), ..self.noisy(&next)? };
        self.gradient_pass("collect", args, g, out)
    }

    fn finish(&mut self, update: Update<'_>, g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()> {
        self.ledger.check("outputs", out)?;
        if let Some(half) = &update.half {
            self.ledger.check_half(half)?;
        }
        self.ledger.check_gradients(g)?;
        let (sum, pair, bank) = (self.sum.is_some(), self.pair.is_some(), self.bank.is_some());
        let plan = Plan::new(&update, Has { sum, pair, bank, moments: self.moments.len() })?;
        self.upload(g)?;
        // Nothing is written before this: a sum of finite gradients may still overflow.
        self.launch("mean_norm", self.mean(&plan, &update))?;
        self.sums(1)?;
        self.ledger.finite()?;
        let plan = plan.measured(&update, &self.ledger);
        let mut args = self.mean(&plan, &update);
        if let Some(half) = &update.half {
            self.scales.set(0, half.scales)?;
            args.paired = 1;
        }
        match plan.target {
            Some(target) => {
                args.target = self.of(target);
                args.add = u32::from(plan.add);
                self.launch("store_mean", args)?;
                self.ledger.torn = plan.add;
            }
            None => {
                let each = self.ledger.penalties.iter().zip(&self.ledger.reached);
                let pulls: Vec<_> = each
                    .map(|(penalty, reached)| Pull::of(penalty, update.learning_rate, *reached))
                    .collect();
                self.pulls.set(0, &pulls)?;
                args.clip = if let Clip::Value(bound) = update.clip { bound } else { f32::INFINITY };
                args.rule = update.rule.coefficients();
                args.origin = self.origin.as_ref().map_or(0, Buffer::address);
                for (place, moment) in args.moments.iter_mut().zip(&self.moments) {
                    *place = moment.address();
                }
                self.launch(update.rule.kernel(), args)?;
                // What has been started may have been done in part; what was not started has not.
                self.ledger.torn = true;
            }
        }
        self.sums(1)?;
        self.deliver(out)?;
        self.transfer.keep_received();
        self.ledger.torn = false;
        if let Some(half) = update.half {
            self.ledger.add_dots(half.scales);
        }
        self.ledger.banked.copy_from_slice(&self.ledger.reached);
        Ok(())
    }

    fn products(&mut self, g: &[Gradient<'_>]) -> Result<&[[f64; SUMS]]> {
        self.ledger.check_gradients(g)?;
        let pair = self.pair.as_ref().or(self.sum.as_ref()).map_or(0, Buffer::address);
        self.upload(g)?;
        self.launch("products", Pass { pair, ..self.pass() })?;
        self.sums(if pair == 0 { 1 } else { SUMS })?;
        Ok(&self.ledger.tensor_sums)
    }

    fn norms(&mut self, direction: Direction, g: &[Gradient<'_>]) -> Result<&[[f64; SUMS]]> {
        self.ledger.check_gradients(g)?;
        let pair = self.kept(direction.pair != 0.0)?;
        self.upload(g)?;
        self.launch("length", along(direction, Pass { pair, ..self.pass() }))?;
        self.sums(1)?;
        Ok(&self.ledger.tensor_sums)
    }

    fn ascend(
        &mut self,
        scales: &[f32],
        direction: Direction,
        keep: Option<Keep>,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()> {
        self.ledger.check("outputs", out)?;
        self.ledger.check_gradients(g)?;
        check_scales(&self.ledger.layout, scales)?;
        let pair = self.kept(direction.pair != 0.0 || keep.is_some())?;
        self.scales.set(0, scales)?;
        self.upload(g)?;
        let mut args = along(direction, Pass { pair, ..self.pass() });
        if let Some(keep) = keep {
            (args.keeps, args.keep_old, args.keep_new) = (1, keep.old, keep.new);
        }
        self.launch("ascend", args)?;
        self.deliver(out)
    }
}

impl Cuda {
    fn of(&self, slot: Slot) -> u64 {
        let vector = match slot {
            Slot::Sum => &self.sum,
            Slot::Pair => &self.pair,
            Slot::Bank => &self.bank,
        };
        vector.as_ref().map_or(0, Buffer::address)
    }

    /// What a pass is told of the mean gradient.
    fn mean(&self, plan: &Plan, update: &Update<'_>) -> Pass {
        Pass {
            pair: plan.pair.map_or(0, |slot| self.of(slot)),
            sum: if plan.sum { self.of(Slot::Sum) } else { 0 },
            bank: if plan.rest.is_some() { self.of(Slot::Bank) } else { 0 },
            last: update.mix.last,
            pair_factor: update.mix.pair,
            sum_factor: update.mix.sum,
            scale: plan.scale,
            rest: plan.rest.unwrap_or(0.0),
            ..self.pass()
        }
    }
}

fn along(direction: Direction, args: Pass) -> Pass {
    let weighted = u32::from(direction.metric == Metric::Weights);
    Pass { last: direction.last, pair_factor: direction.pair, weighted, ..args }
}
