//! The CPU backend: vectors in 64-byte-aligned memory, passes over SIMD lanes and a pool of threads.

pub mod batch;
pub mod dispatch;
mod finish;
mod io;
pub(crate) mod lanes;
mod pass;
mod passes;
pub mod rows;
mod step;
mod threads;

pub use dispatch::Level;
pub use threads::Threads;

use crate::backend::{Gradient, Noise, Vectors};
use crate::error::{Error, Result};
use crate::layout::{Layout, fold_chunks};
use crate::memory::{AlignedVec, filled};
use crate::penalty::Penalty;
use pass::SUMS;

/// An owned vector that is read and set from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// A moment of the base optimizer.
    Moment(usize),
    /// The mean gradient that [`crate::Rule::Mean`] left.
    Mean,
    /// The gradients of earlier micro-batches.
    Bank,
    /// Where the weights began.
    Origin,
}

/// W, G, P and the moments of one optimizer, on the CPU.
pub struct Cpu {
    layout: Layout,
    level: Level,
    threads: Threads,
    w: AlignedVec,
    sum: Option<AlignedVec>,
    pair: Option<AlignedVec>,
    bank: Option<AlignedVec>,
    origin: Option<AlignedVec>,
    moments: Vec<AlignedVec>,
    penalties: Vec<Penalty>,
    loaded: bool,
    /// An update is being written; still so afterwards where it was interrupted.
    torn: bool,
    chunk_sums: Vec<[f64; SUMS]>,
    tensor_sums: Vec<[f64; SUMS]>,
    dots: Vec<f64>,
    /// Tensors that a gradient of this update has reached.
    reached: Vec<bool>,
    /// The same up to the last micro-batch that succeeded.
    banked: Vec<bool>,
}

impl Cpu {
    /// Zeroed vectors for tensors of these sizes: W, and those asked for.
    pub fn new(sizes: &[usize], vectors: Vectors, level: Level, threads: Threads) -> Result<Self> {
        let layout = Layout::new(sizes)?;
        check_level(level)?;
        let vector = || AlignedVec::zeroed(layout.total());
        Ok(Self {
            w: vector()?,
            sum: (vectors.sums > 0).then(vector).transpose()?,
            pair: (vectors.sums > 1).then(vector).transpose()?,
            bank: vectors.bank.then(vector).transpose()?,
            origin: vectors.origin.then(vector).transpose()?,
            moments: (0..vectors.moments).map(|_| vector()).collect::<Result<_>>()?,
            penalties: vec![Penalty::default(); sizes.len()],
            loaded: false,
            torn: false,
            chunk_sums: filled(layout.chunks().len(), [0.0; SUMS])?,
            tensor_sums: vec![[0.0; SUMS]; sizes.len()],
            dots: vec![0.0; sizes.len()],
            reached: vec![false; sizes.len()],
            banked: vec![false; sizes.len()],
            layout,
            level,
            threads,
        })
    }

    /// Bytes of all vectors.
    pub fn bytes(&self) -> usize {
        let optional = [&self.sum, &self.pair, &self.bank, &self.origin];
        let all = optional.into_iter().flatten().chain(&self.moments);
        self.w.bytes() + all.map(AlignedVec::bytes).sum::<usize>()
    }

    /// Refuses to go on with an update that a panic has cut short.
    pub fn whole(&self) -> Result<()> {
        if self.torn { Err(Error::Torn) } else { Ok(()) }
    }

    /// What pulls on each tensor besides its gradient.
    pub fn set_penalties(&mut self, penalties: &[Penalty]) -> Result<()> {
        if penalties.len() != self.penalties.len() {
            let (expected, came) = (self.penalties.len(), penalties.len());
            return Err(Error::Shape(format!("Expected {expected} penalties, received {came}.")));
        }
        if self.origin.is_none() && penalties.iter().any(|penalty| penalty.distance != 0.0) {
            return Err(missing("where the weights began"));
        }
        self.penalties.copy_from_slice(penalties);
        Ok(())
    }

    /// Which tensors the micro-batches in the bank have reached.
    pub fn banked(&self) -> &[bool] {
        &self.banked
    }

    /// Sets these, for a bank that was saved.
    pub fn set_banked(&mut self, reached: &[bool]) -> Result<()> {
        if reached.len() != self.banked.len() {
            let (expected, came) = (self.banked.len(), reached.len());
            return Err(Error::Shape(format!("Expected {expected} tensors, received {came}.")));
        }
        self.banked.copy_from_slice(reached);
        Ok(())
    }

    /// One tensor of an owned vector, if there is such a vector.
    pub fn vector(&self, which: Which, tensor: usize) -> Option<&[f32]> {
        let vector = match which {
            Which::Moment(moment) => self.moments.get(moment),
            Which::Mean => self.sum.as_ref(),
            Which::Bank => self.bank.as_ref(),
            Which::Origin => self.origin.as_ref(),
        };
        vector.map(|vector| &vector[self.layout.range(tensor)])
    }

    /// The same, to be set.
    pub fn vector_mut(&mut self, which: Which, tensor: usize) -> Option<&mut [f32]> {
        let vector = match which {
            Which::Moment(moment) => self.moments.get_mut(moment),
            Which::Mean => self.sum.as_mut(),
            Which::Bank => self.bank.as_mut(),
            Which::Origin => {
                self.loaded = true;
                self.origin.as_mut()
            }
        };
        vector.map(|vector| &mut vector[self.layout.range(tensor)])
    }

    fn check<T: AsRef<[f32]>>(&self, what: &str, slices: &[T]) -> Result<()> {
        check_lengths(&self.layout, what, slices.iter().map(|slice| Some(slice.as_ref().len())), slices.len())
    }

    fn check_gradients(&mut self, g: &[Gradient<'_>]) -> Result<()> {
        self.whole()?;
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
            *dot += sign * sum[0];
        }
    }
}

fn check_level(level: Level) -> Result<()> {
    match level.is_available() {
        true => Ok(()),
        false => Err(Error::Invalid(format!("Expected a CPU with {}, received one without.", level.name()))),
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

fn fold(layout: &Layout, chunk_sums: &mut [[f64; SUMS]], tensor_sums: &mut [[f64; SUMS]]) {
    for (tensor, sum) in tensor_sums.iter_mut().enumerate() {
        *sum = fold_chunks(&mut chunk_sums[layout.chunks_of(tensor)]);
    }
}

fn finite(sums: &[[f64; SUMS]]) -> Result<()> {
    match sums.iter().position(|sum| !sum[0].is_finite()) {
        Some(tensor) => Err(Error::NotFinite { tensor }),
        None => Ok(()),
    }
}

fn missing(what: &str) -> Error {
    Error::State(format!("Expected a workspace made with a vector for {what}, received one without."))
}

fn check_noise(layout: &Layout, noise: &Noise<'_>) -> Result<()> {
    check_scales(layout, noise.scales)
}

fn check_scales(layout: &Layout, scales: &[f32]) -> Result<()> {
    let expected = layout.sizes().len();
    if scales.len() != expected {
        return Err(Error::Shape(format!("Expected {expected} scales, received {}.", scales.len())));
    }
    match scales.iter().find(|scale| !scale.is_finite()) {
        Some(scale) => Err(Error::Invalid(format!("Expected finite scales, received {scale}."))),
        None => Ok(()),
    }
}
