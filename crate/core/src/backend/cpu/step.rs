//! The passes of a training step on the CPU's vectors: checks, then one run over all chunks each.

use super::finish::{Mean, MeanNorm, Reach, Store, Update as UpdatePass};
use super::io::{Earlier, Flat, Inputs, Outputs};
use super::passes::{Accumulate, Ascend, Collect, Flip, Norm, Perturb, Products};
use super::{Cpu, dispatch, fold};
use crate::backend::ledger::{Ledger, SUMS, check_scales, missing};
use crate::backend::plan::{FAR, Has, Plan, Slot};
use crate::backend::{Backend, Clip, Direction, Gradient, Half, Keep, Noise, Update, Which};
use crate::error::Result;
use crate::memory::{AlignedVec, copied};
use crate::noise::Draw;
use crate::optimizer::{MOMENTS, Rule};

/// Elements of a P that is not read again before caches have lost it: 16 MiB.
const UNCACHED: usize = 1 << 22;

/// Runs a pass over every chunk. A macro and not a method, so that the pass may borrow the vectors.
macro_rules! run {
    ($self:ident, $pass:expr) => {{
        let pass = $pass;
        let (layout, level) = (&$self.ledger.layout, $self.level);
        let chunks = layout.chunks();
        $self.threads.each(layout.total(), &mut $self.chunk_sums, |i| {
            // SAFETY: the lengths of all slices were checked against this layout; each chunk is run once.
            unsafe { dispatch::run(level, &pass, &chunks[i]) }
        });
    }};
}

impl Backend for Cpu {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn bytes(&self) -> usize {
        let optional = [&self.sum, &self.pair, &self.bank, &self.origin];
        let all = optional.into_iter().flatten().chain(&self.moments);
        self.w.bytes() + all.map(AlignedVec::bytes).sum::<usize>()
    }

    fn read(&mut self, which: Which, tensor: usize) -> Result<Option<Vec<f32>>> {
        self.vector(which, tensor).map(copied).transpose()
    }

    fn write(&mut self, which: Which, tensor: usize, values: &[f32]) -> Result<bool> {
        let target = self.vector_mut(which, tensor);
        Ok(target.map(|target| target.copy_from_slice(values)).is_some())
    }

    fn load(&mut self, weights: &[&[f32]]) -> Result<()> {
        self.ledger.whole()?;
        self.ledger.check("weights", weights)?;
        let begins = !std::mem::replace(&mut self.ledger.loaded, true);
        for (tensor, values) in weights.iter().enumerate() {
            let range = self.ledger.layout.range(tensor);
            if let Some(origin) = self.origin.as_mut().filter(|_| begins) {
                origin[range.clone()].copy_from_slice(values);
            }
            self.w[range].copy_from_slice(values);
        }
        Ok(())
    }

    fn restore(&mut self, out: &mut [&mut [f32]]) -> Result<()> {
        self.ledger.check("outputs", out)?;
        for (tensor, target) in out.iter_mut().enumerate() {
            target.copy_from_slice(&self.w[self.ledger.layout.range(tensor)]);
        }
        Ok(())
    }

    fn perturb(&mut self, noise: Noise<'_>, out: &mut [&mut [f32]]) -> Result<()> {
        self.ledger.whole()?;
        self.ledger.check("outputs", out)?;
        self.ledger.check_noise(&noise)?;
        run!(self, Perturb { noise, w: Flat::new(&mut self.w), out: Outputs::new(out) });
        Ok(())
    }

    fn flip(&mut self, half: Half<'_>, g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()> {
        self.ledger.check("outputs", out)?;
        self.ledger.check_half(&half)?;
        self.ledger.check_gradients(g)?;
        let pair = self.pair.as_mut().or(self.sum.as_mut()).ok_or_else(|| missing("a pair"))?;
        let (pair, out) = (Flat::new(pair), Outputs::new(out));
        let here = Earlier::new(half, out);
        let past = self.ledger.layout.total() >= UNCACHED;
        self.reach = f64::INFINITY;
        run!(self, Flip { past, here, w: Flat::new(&mut self.w), g: Inputs(g), pair, out });
        self.finite_sums()?;
        self.reach = self.ledger.tensor_sums.iter().map(|sums| sums[0]).sum();
        Ok(())
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
        let (Some(pair), Some(sum)) = (self.pair.as_mut(), self.sum.as_mut()) else {
            return Err(missing("a pair and one for a total"));
        };
        let out = Outputs::new(out);
        run!(
            self,
            Accumulate {
                here: Earlier::new(half, out),
                next: Noise { draw: next, scales: half.scales },
                first,
                w: Flat::new(&mut self.w),
                g: Inputs(g),
                pair: Flat::new(pair),
                sum: Flat::new(sum),
                out,
            }
        );
        self.finite_sums()?;
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
        let sum = self.sum.as_mut().ok_or_else(|| missing("a total"))?;
        self.reach = f64::INFINITY;
        run!(
            self,
            Collect {
                next,
                factor,
                first,
                w: Flat::new(&mut self.w),
                g: Inputs(g),
                sum: Flat::new(sum),
                out: Outputs::new(out),
            }
        );
        self.finite_sums()
    }

    fn finish(&mut self, update: Update<'_>, g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()> {
        let Update { mix, half, rule, learning_rate, .. } = update;
        self.ledger.check("outputs", out)?;
        if let Some(half) = &half {
            self.ledger.check_half(half)?;
        }
        self.ledger.check_gradients(g)?;
        let (has_sum, has_pair, has_bank) = (self.sum.is_some(), self.pair.is_some(), self.bank.is_some());
        let has = Has { sum: has_sum, pair: has_pair, bank: has_bank, moments: self.moments.len() };
        let plan = Plan::new(&update, has)?;
        let (w, out) = (Flat::new(&mut self.w), Outputs::new(out));
        let here = half.map(|half| Earlier::new(half, out));
        let (sum, pair) = (self.sum.as_mut().map(Flat::new), self.pair.as_mut().map(Flat::new));
        let bank = self.bank.as_mut().map(Flat::new);
        let of = |slot| match slot {
            Slot::Sum => sum,
            Slot::Pair => pair,
            Slot::Bank => bank,
        };
        let mean = |plan: Plan| Mean {
            mix,
            scale: plan.scale,
            bank: bank.zip(plan.rest),
            g: Inputs(g),
            pair: plan.pair.and_then(of),
            sum: sum.filter(|_| plan.sum),
        };
        // Nothing is written before this: a sum of finite gradients may still overflow. Where P is far from it, so may g be,
        // and then half of the memory is enough to see it.
        let mut far = plan.is_far(&update, self.reach);
        if far {
            run!(self, Reach(Inputs(g)));
            fold(&self.ledger.layout, &mut self.chunk_sums, &mut self.ledger.tensor_sums);
            far = self.ledger.tensor_sums.iter().all(|sums| sums[0] <= FAR);
        }
        if !far {
            run!(self, MeanNorm(mean(plan)));
            fold(&self.ledger.layout, &mut self.chunk_sums, &mut self.ledger.tensor_sums);
            self.ledger.finite()?;
        }
        let plan = plan.measured(&update, &self.ledger);
        let mean = mean(plan);
        if let Some(target) = plan.target.and_then(of) {
            self.ledger.torn = plan.add;
            self.reach = f64::INFINITY;
            run!(self, Store { here, mean, target, add: plan.add, w, out });
        } else {
            self.ledger.torn = true;
            let clip = if let Clip::Value(bound) = update.clip { bound } else { f32::INFINITY };
            let origin = self.origin.as_mut().map(Flat::new);
            let mut vectors = self.moments.iter_mut().map(Flat::new);
            let moments: [_; MOMENTS] = std::array::from_fn(|_| vectors.next());
            let (penalties, reached) = (&self.ledger.penalties, &self.ledger.reached);
            macro_rules! with {
                ($rule:expr) => {
                    run!(
                        self,
                        UpdatePass {
                            here,
                            mean,
                            rule: $rule,
                            clip,
                            penalties,
                            learning_rate,
                            w,
                            origin,
                            moments,
                            reached,
                            out,
                        }
                    )
                };
            }
            match rule {
                Rule::Mean => unreachable!("stored above"),
                Rule::Sgd(rule) => with!(rule),
                Rule::Momentum(rule) => with!(rule),
                Rule::Nesterov(rule) => with!(rule),
                Rule::Adam(rule) => with!(rule),
                Rule::AmsGrad(rule) => with!(rule),
                Rule::RmsProp(rule) => with!(rule),
                Rule::RmsPropCentered(rule) => with!(rule),
                Rule::RmsPropMomentum(rule) => with!(rule),
                Rule::RmsPropCenteredMomentum(rule) => with!(rule),
                Rule::Lion(rule) => with!(rule),
            }
        }
        self.ledger.torn = false;
        self.fold();
        if let Some(half) = half {
            self.ledger.add_dots(half.scales);
        }
        self.ledger.banked.copy_from_slice(&self.ledger.reached);
        Ok(())
    }

    fn products(&mut self, g: &[Gradient<'_>]) -> Result<&[[f64; SUMS]]> {
        self.ledger.check_gradients(g)?;
        let pair = self.pair.as_mut().or(self.sum.as_mut()).map(Flat::new);
        run!(self, Products { g: Inputs(g), pair });
        self.fold();
        Ok(&self.ledger.tensor_sums)
    }

    fn norms(&mut self, direction: Direction, g: &[Gradient<'_>]) -> Result<&[[f64; SUMS]]> {
        self.ledger.check_gradients(g)?;
        let pair = kept(direction.pair != 0.0, &mut self.pair, &mut self.sum)?;
        run!(self, Norm { direction, w: Flat::new(&mut self.w), g: Inputs(g), pair });
        self.fold();
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
        let pair = kept(direction.pair != 0.0 || keep.is_some(), &mut self.pair, &mut self.sum)?;
        let (w, out) = (Flat::new(&mut self.w), Outputs::new(out));
        self.reach = f64::INFINITY;
        run!(self, Ascend { scales, direction, keep, w, g: Inputs(g), pair, out });
        Ok(())
    }
}

/// P, where a direction reads it.
fn kept<'a>(
    needed: bool,
    pair: &'a mut Option<AlignedVec>,
    sum: &'a mut Option<AlignedVec>,
) -> Result<Option<Flat<'a>>> {
    match (needed, pair.as_mut().or(sum.as_mut())) {
        (false, _) => Ok(None),
        (true, Some(vector)) => Ok(Some(Flat::new(vector))),
        (true, None) => Err(missing("a kept gradient")),
    }
}
