//! The passes of a training step on the CPU's vectors: checks, then one run over all chunks each.

use super::finish::{Mean, MeanNorm, Store, Update as UpdatePass};
use super::io::{Flat, Inputs, Outputs};
use super::passes::{Accumulate, Ascend, Collect, Flip, Norm, Perturb, Products};
use super::{Cpu, SUMS, check_noise, check_scales, dispatch, finite, fold, missing};
use crate::backend::{Backend, Clip, Direction, Gradient, Keep, Noise, Update};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::memory::AlignedVec;
use crate::noise::Draw;
use crate::optimizer::{MOMENTS, Rule};

/// Runs a pass over every chunk. A macro and not a method, so that the pass may borrow the vectors.
macro_rules! run {
    ($self:ident, $pass:expr) => {{
        let pass = $pass;
        let (chunks, level) = ($self.layout.chunks(), $self.level);
        $self.threads.each($self.layout.total(), &mut $self.chunk_sums, |i| {
            // SAFETY: the lengths of all slices were checked against this layout; each chunk is run once.
            unsafe { dispatch::run(level, &pass, &chunks[i]) }
        });
    }};
}

impl Backend for Cpu {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn load(&mut self, weights: &[&[f32]]) -> Result<()> {
        self.whole()?;
        self.check("weights", weights)?;
        let begins = !std::mem::replace(&mut self.loaded, true);
        for (tensor, values) in weights.iter().enumerate() {
            let range = self.layout.range(tensor);
            if let Some(origin) = self.origin.as_mut().filter(|_| begins) {
                origin[range.clone()].copy_from_slice(values);
            }
            self.w[range].copy_from_slice(values);
        }
        Ok(())
    }

    fn restore(&mut self, out: &mut [&mut [f32]]) -> Result<()> {
        self.check("outputs", out)?;
        for (tensor, target) in out.iter_mut().enumerate() {
            target.copy_from_slice(&self.w[self.layout.range(tensor)]);
        }
        Ok(())
    }

    fn perturb(&mut self, noise: Noise<'_>, out: &mut [&mut [f32]]) -> Result<()> {
        self.whole()?;
        self.check("outputs", out)?;
        check_noise(&self.layout, &noise)?;
        run!(self, Perturb { noise, w: Flat::new(&mut self.w), out: Outputs::new(out) });
        Ok(())
    }

    fn flip(&mut self, noise: Noise<'_>, g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()> {
        self.check("outputs", out)?;
        check_noise(&self.layout, &noise)?;
        self.check_gradients(g)?;
        let pair = self.pair.as_mut().or(self.sum.as_mut()).ok_or_else(|| missing("a pair"))?;
        let pair = Flat::new(pair);
        run!(self, Flip { noise, w: Flat::new(&mut self.w), g: Inputs(g), pair, out: Outputs::new(out) });
        self.finite_sums()?;
        self.add_dots(1.0);
        Ok(())
    }

    fn accumulate(
        &mut self,
        noise: Noise<'_>,
        next: Draw,
        first: bool,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()> {
        self.check("outputs", out)?;
        check_noise(&self.layout, &noise)?;
        self.check_gradients(g)?;
        let (Some(pair), Some(sum)) = (self.pair.as_mut(), self.sum.as_mut()) else {
            return Err(missing("a pair and one for a total"));
        };
        run!(
            self,
            Accumulate {
                noise,
                next,
                first,
                w: Flat::new(&mut self.w),
                g: Inputs(g),
                pair: Flat::new(pair),
                sum: Flat::new(sum),
                out: Outputs::new(out),
            }
        );
        self.finite_sums()?;
        self.add_dots(-1.0);
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
        self.check("outputs", out)?;
        check_noise(&self.layout, &next)?;
        self.check_gradients(g)?;
        let sum = self.sum.as_mut().ok_or_else(|| missing("a total"))?;
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
        let Update { mix, noise, micro, rule, learning_rate, .. } = update;
        self.check("outputs", out)?;
        if let Some(noise) = &noise {
            check_noise(&self.layout, noise)?;
        }
        self.check_gradients(g)?;
        let (w, out) = (Flat::new(&mut self.w), Outputs::new(out));
        let sum = self.sum.as_mut().map(Flat::new);
        let pair = self.pair.as_mut().map(Flat::new);
        let bank = self.bank.as_mut().map(Flat::new);
        // P shares the one vector that is there, unless G is wanted too.
        let pair = if mix.sum == 0.0 { pair.or(sum) } else { pair };
        let wanted = [
            (mix.pair != 0.0, pair.is_some(), "a pair"),
            (mix.sum != 0.0, sum.is_some(), "a total"),
            (*rule == Rule::Mean && micro.last_of > 0, sum.is_some(), "a mean gradient"),
            (micro.last_of != 1, bank.is_some(), "micro-batches"),
            (micro.last_of > 0, self.moments.len() >= rule.kept(), "each moment of the rule"),
        ];
        if let Some((_, _, what)) = wanted.iter().find(|(needed, there, _)| *needed && !*there) {
            return Err(missing(what));
        }
        // That pass stores the mean as it is.
        if let (Rule::Mean, Clip::Value(_), true) = (rule, update.clip, micro.last_of > 0) {
            return Err(Error::Invalid(
                "Expected a bound of the norm, or none, where the mean is stored, received one of its elements.".into(),
            ));
        }
        let mut mean = Mean {
            mix,
            scale: update.scale,
            // Before the last micro-batch only to see that the bank will not overflow.
            bank: bank.filter(|_| !micro.first).map(|bank| (bank, 1.0 / micro.last_of.max(1) as f32)),
            g: Inputs(g),
            pair: pair.filter(|_| mix.pair != 0.0),
            sum: sum.filter(|_| mix.sum != 0.0),
        };
        // Nothing is written before this: a sum of finite gradients may still overflow.
        run!(self, MeanNorm(mean));
        fold(&self.layout, &mut self.chunk_sums, &mut self.tensor_sums);
        finite(&self.tensor_sums)?;
        if micro.last_of == 0 {
            mean.bank = None;
        }
        if let (Clip::Norm(bound), true) = (update.clip, micro.last_of > 0) {
            let square: f64 = self.tensor_sums.iter().map(|sums| sums[0]).sum();
            let factor = (bound / (square.sqrt() + 1e-6)).min(1.0) as f32;
            match &mut mean.bank {
                Some((_, rest)) => *rest *= factor,
                None => mean.scale *= factor,
            }
        }
        let target = if micro.last_of == 0 { bank } else { sum.filter(|_| *rule == Rule::Mean) };
        if let Some(target) = target {
            let add = micro.last_of == 0 && !micro.first;
            self.torn = add;
            run!(self, Store { noise, mean, target, add, w, out });
        } else {
            self.torn = true;
            let clip = if let Clip::Value(bound) = update.clip { bound } else { f32::INFINITY };
            let origin = self.origin.as_mut().map(Flat::new);
            let mut vectors = self.moments.iter_mut().map(Flat::new);
            let moments: [_; MOMENTS] = std::array::from_fn(|_| vectors.next());
            let (penalties, reached) = (&self.penalties, &self.reached);
            macro_rules! with {
                ($rule:expr) => {
                    run!(
                        self,
                        UpdatePass {
                            noise,
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
        self.torn = false;
        fold(&self.layout, &mut self.chunk_sums, &mut self.tensor_sums);
        if noise.is_some() {
            self.add_dots(-1.0);
        }
        self.banked.copy_from_slice(&self.reached);
        Ok(())
    }

    fn products(&mut self, g: &[Gradient<'_>]) -> Result<&[[f64; SUMS]]> {
        self.check_gradients(g)?;
        let pair = self.pair.as_mut().or(self.sum.as_mut()).map(Flat::new);
        run!(self, Products { g: Inputs(g), pair });
        fold(&self.layout, &mut self.chunk_sums, &mut self.tensor_sums);
        Ok(&self.tensor_sums)
    }

    fn norms(&mut self, direction: Direction, g: &[Gradient<'_>]) -> Result<&[[f64; SUMS]]> {
        self.check_gradients(g)?;
        let pair = kept(direction.pair != 0.0, &mut self.pair, &mut self.sum)?;
        run!(self, Norm { direction, w: Flat::new(&mut self.w), g: Inputs(g), pair });
        fold(&self.layout, &mut self.chunk_sums, &mut self.tensor_sums);
        Ok(&self.tensor_sums)
    }

    fn ascend(
        &mut self,
        scales: &[f32],
        direction: Direction,
        keep: Option<Keep>,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()> {
        self.check("outputs", out)?;
        self.check_gradients(g)?;
        check_scales(&self.layout, scales)?;
        let pair = kept(direction.pair != 0.0 || keep.is_some(), &mut self.pair, &mut self.sum)?;
        let (w, out) = (Flat::new(&mut self.w), Outputs::new(out));
        run!(self, Ascend { scales, direction, keep, w, g: Inputs(g), pair, out });
        Ok(())
    }

    fn dots(&self) -> &[f64] {
        &self.dots
    }

    fn clear(&mut self, all: bool) {
        self.dots.fill(0.0);
        if all {
            self.banked.fill(false);
        }
        self.reached.copy_from_slice(&self.banked);
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
