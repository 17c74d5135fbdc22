//! The CPU backend: vectors in 64-byte-aligned memory, passes over SIMD lanes and a pool of threads.

pub mod dispatch;
mod io;
pub(crate) mod lanes;
mod pass;
mod passes;
mod threads;

pub use dispatch::Level;
pub use threads::Threads;

use crate::backend::{Backend, Gradient, Noise, Parts};
use crate::error::{Error, Result};
use crate::layout::{Layout, fold_chunks};
use crate::memory::AlignedVec;
use crate::noise::Draw;
use crate::optimizer::Rule;
use io::{Flat, Inputs, Outputs};
use passes::{Accumulate, Ascend, Collect, Finish, Flip, Mean, MeanNorm, Perturb, SquaredNorm};

/// W, G, P and the moments of one optimizer, on the CPU.
pub struct Cpu {
    layout: Layout,
    level: Level,
    threads: Threads,
    w: AlignedVec,
    sum: Option<AlignedVec>,
    pair: Option<AlignedVec>,
    moments: Vec<AlignedVec>,
    chunk_sums: Vec<f64>,
    tensor_sums: Vec<f64>,
    dots: Vec<f64>,
    reached: Vec<bool>,
}

impl Cpu {
    /// Zeroed vectors for tensors of these sizes: W, the moments, and `sums` vectors for gradients. 0 where only the
    /// last gradient counts; 1 where a pair or a total is kept, or the mean is asked for; 2 where a pair and a total
    /// are kept apart (k > 1, or a mixed-in clean gradient).
    pub fn new(sizes: &[usize], moments: usize, sums: usize, level: Level, threads: Threads) -> Result<Self> {
        let layout = Layout::new(sizes)?;
        if !Level::available().contains(&level) {
            return Err(Error::Invalid(format!(
                "Expected a CPU with {}, received one without.",
                level.name()
            )));
        }
        let vector = || AlignedVec::zeroed(layout.total());
        Ok(Self {
            w: vector()?,
            sum: (sums > 0).then(vector).transpose()?,
            pair: (sums > 1).then(vector).transpose()?,
            moments: (0..moments).map(|_| vector()).collect::<Result<_>>()?,
            chunk_sums: vec![0.0; layout.chunks().len()],
            tensor_sums: vec![0.0; sizes.len()],
            dots: vec![0.0; sizes.len()],
            reached: vec![false; sizes.len()],
            layout,
            level,
            threads,
        })
    }

    /// Bytes of all vectors.
    pub fn bytes(&self) -> usize {
        let sums = self.sum.iter().chain(&self.pair);
        self.w.bytes() + sums.chain(&self.moments).map(AlignedVec::bytes).sum::<usize>()
    }

    /// One tensor of the mean gradient that [`Rule::Mean`] left.
    pub fn mean(&self, tensor: usize) -> Result<&[f32]> {
        let sum = self.sum.as_ref().ok_or_else(|| vectors("a mean gradient"))?;
        Ok(&sum[self.layout.range(tensor)])
    }

    /// One tensor of a moment.
    pub fn moment(&self, moment: usize, tensor: usize) -> &[f32] {
        &self.moments[moment][self.layout.range(tensor)]
    }

    /// One tensor of a moment, to be set.
    pub fn moment_mut(&mut self, moment: usize, tensor: usize) -> &mut [f32] {
        &mut self.moments[moment][self.layout.range(tensor)]
    }

    fn check<T: AsRef<[f32]>>(&self, what: &str, slices: &[T]) -> Result<()> {
        check_lengths(&self.layout, what, slices.iter().map(|slice| Some(slice.as_ref().len())), slices.len())
    }

    fn check_gradients(&mut self, g: &[Gradient<'_>]) -> Result<()> {
        let lengths = g.iter().map(|slice| slice.map(<[f32]>::len));
        check_lengths(&self.layout, "gradients", lengths, g.len())?;
        for (reached, slice) in self.reached.iter_mut().zip(g) {
            *reached |= slice.is_some();
        }
        Ok(())
    }

    /// `tensor_sums` ← the sums that just came out of a pass; an error where one is not finite.
    fn finite_sums(&mut self) -> Result<()> {
        fold(&self.layout, &mut self.chunk_sums, &mut self.tensor_sums);
        finite(&self.tensor_sums)
    }

    fn add_dots(&mut self, sign: f64) {
        for (dot, sum) in self.dots.iter_mut().zip(&self.tensor_sums) {
            *dot += sign * sum;
        }
    }
}

fn check_lengths(
    layout: &Layout,
    what: &str,
    lengths: impl Iterator<Item = Option<usize>>,
    count: usize,
) -> Result<()> {
    let sizes = layout.sizes();
    if count != sizes.len() {
        return Err(Error::Shape(format!("Expected {} {what}, received {count}.", sizes.len())));
    }
    for (tensor, (len, size)) in lengths.zip(sizes).enumerate() {
        if len.is_some_and(|len| len != *size) {
            let len = len.unwrap_or(0);
            return Err(Error::Shape(format!(
                "Expected {size} elements in tensor {tensor} of the {what}, received {len}."
            )));
        }
    }
    Ok(())
}

fn fold(layout: &Layout, chunk_sums: &mut [f64], tensor_sums: &mut [f64]) {
    for (tensor, sum) in tensor_sums.iter_mut().enumerate() {
        *sum = fold_chunks(&mut chunk_sums[layout.chunks_of(tensor)]);
    }
}

fn finite(sums: &[f64]) -> Result<()> {
    match sums.iter().position(|sum| !sum.is_finite()) {
        Some(tensor) => Err(Error::NotFinite { tensor }),
        None => Ok(()),
    }
}

fn vectors(what: &str) -> Error {
    Error::State(format!("Expected a workspace made with a vector for {what}."))
}

fn check_noise(layout: &Layout, noise: &Noise<'_>) -> Result<()> {
    match noise.scales.len() == layout.sizes().len() && noise.scales.iter().all(|scale| scale.is_finite()) {
        true => Ok(()),
        false => Err(Error::Shape(format!("Expected {} finite scales.", layout.sizes().len()))),
    }
}

/// Runs a pass over every chunk. A macro and not a method, so that the pass may borrow the vectors.
macro_rules! run {
    ($self:ident, $pass:expr) => {{
        let pass = $pass;
        let (chunks, level) = ($self.layout.chunks(), $self.level);
        $self
            .threads
            .each($self.layout.total(), &mut $self.chunk_sums, |i| dispatch::run(level, &pass, &chunks[i]));
    }};
}

impl Backend for Cpu {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn load(&mut self, weights: &[&[f32]]) -> Result<()> {
        self.check("weights", weights)?;
        for (tensor, values) in weights.iter().enumerate() {
            self.w[self.layout.range(tensor)].copy_from_slice(values);
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
        self.check("outputs", out)?;
        check_noise(&self.layout, &noise)?;
        run!(self, Perturb { noise, w: Flat::new(&mut self.w), out: Outputs::new(out) });
        Ok(())
    }

    fn flip(&mut self, noise: Noise<'_>, g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()> {
        self.check("outputs", out)?;
        check_noise(&self.layout, &noise)?;
        self.check_gradients(g)?;
        let pair = self.pair.as_mut().or(self.sum.as_mut()).ok_or_else(|| vectors("a pair"))?;
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
            return Err(vectors("a pair and one for a total"));
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
        let sum = self.sum.as_mut().ok_or_else(|| vectors("a total"))?;
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

    fn finish(
        &mut self,
        parts: Parts,
        scale: f32,
        noise: Option<Noise<'_>>,
        rule: &Rule,
        g: &[Gradient<'_>],
        out: &mut [&mut [f32]],
    ) -> Result<()> {
        self.check("outputs", out)?;
        if let Some(noise) = &noise {
            check_noise(&self.layout, noise)?;
        }
        self.check_gradients(g)?;
        let sum = self.sum.as_mut().map(Flat::new);
        let both = self.pair.as_mut().map(Flat::new);
        let enough = match parts {
            Parts::Last => *rule != Rule::Mean || sum.is_some(),
            Parts::Pair | Parts::Sum => sum.is_some(),
            Parts::SumAndPair => both.is_some(),
        };
        if !enough {
            return Err(vectors("these parts"));
        }
        let finish = Finish {
            noise,
            rule: &(),
            scale,
            w: Flat::new(&mut self.w),
            g: Inputs(g),
            pair: match parts {
                Parts::Pair => both.or(sum),
                Parts::SumAndPair => both,
                Parts::Last | Parts::Sum => None,
            },
            sum: if matches!(parts, Parts::Sum | Parts::SumAndPair) { sum } else { None },
            moments: [None; 2],
            reached: &self.reached,
            out: Outputs::new(out),
        };
        // Nothing is written before this: a sum of finite gradients may still overflow.
        run!(self, MeanNorm(&finish));
        fold(&self.layout, &mut self.chunk_sums, &mut self.tensor_sums);
        finite(&self.tensor_sums)?;
        let mut moments = self.moments.iter_mut().map(Flat::new);
        let moments = [moments.next(), moments.next()];
        match rule {
            Rule::Mean => {
                if let Some(target) = sum {
                    run!(self, Mean { target, finish });
                }
            }
            Rule::Sgd(rule) => run!(self, finish.with(rule, moments)),
            Rule::Momentum(rule) => run!(self, finish.with(rule, moments)),
            Rule::Adam(rule) => run!(self, finish.with(rule, moments)),
        }
        fold(&self.layout, &mut self.chunk_sums, &mut self.tensor_sums);
        if noise.is_some() {
            self.add_dots(-1.0);
        }
        Ok(())
    }

    fn squared_norms(&mut self, g: &[Gradient<'_>]) -> Result<&[f64]> {
        self.check_gradients(g)?;
        run!(self, SquaredNorm(Inputs(g)));
        fold(&self.layout, &mut self.chunk_sums, &mut self.tensor_sums);
        Ok(&self.tensor_sums)
    }

    fn ascend(&mut self, scales: &[f32], g: &[Gradient<'_>], out: &mut [&mut [f32]]) -> Result<()> {
        self.check("outputs", out)?;
        self.check_gradients(g)?;
        if scales.len() != self.layout.sizes().len() {
            return Err(Error::Shape(format!("Expected {} scales.", self.layout.sizes().len())));
        }
        run!(self, Ascend { scales, w: Flat::new(&mut self.w), g: Inputs(g), out: Outputs::new(out) });
        Ok(())
    }

    fn dots(&self) -> &[f64] {
        &self.dots
    }

    fn clear_dots(&mut self) {
        self.dots.fill(0.0);
        self.reached.fill(false);
    }
}
