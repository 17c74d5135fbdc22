//! The CPU backend: vectors in 64-byte-aligned memory, passes over SIMD lanes and a pool of threads.

pub mod batch;
pub mod dispatch;
mod finish;
mod io;
pub(crate) mod lanes;
mod pass;
mod passes;
mod rhythm;
mod rounded;
pub mod rows;
mod space;
mod step;
mod threads;

pub use dispatch::Level;
pub use threads::Threads;

use crate::backend::ledger::{Ledger, SUMS};
use crate::backend::{Vectors, Which};
use crate::error::{Error, Result};
use crate::layout::{Layout, fold_chunks};
use crate::memory::{AlignedVec, filled};

/// W, G, P and the moments of one optimizer, on the CPU.
pub struct Cpu {
    ledger: Ledger,
    level: Level,
    threads: Threads,
    w: AlignedVec,
    sum: Option<AlignedVec>,
    pair: Option<AlignedVec>,
    bank: Option<AlignedVec>,
    origin: Option<AlignedVec>,
    moments: Vec<AlignedVec>,
    chunk_sums: Vec<[f64; SUMS]>,
    /// At least the largest |element| of P; infinite where that is not known.
    reach: f64,
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
            chunk_sums: filled(layout.chunks().len(), [0.0; SUMS])?,
            reach: f64::INFINITY,
            ledger: Ledger::new(layout, vectors.origin),
            level,
            threads,
        })
    }

    /// One tensor of an owned vector, if there is such a vector.
    pub fn vector(&self, which: Which, tensor: usize) -> Option<&[f32]> {
        let vector = match which {
            Which::Moment(moment) => self.moments.get(moment),
            Which::Mean => self.sum.as_ref(),
            Which::Bank => self.bank.as_ref(),
            Which::Origin => self.origin.as_ref(),
        };
        vector.map(|vector| &vector[self.ledger.layout.range(tensor)])
    }

    /// The same, to be set.
    pub fn vector_mut(&mut self, which: Which, tensor: usize) -> Option<&mut [f32]> {
        self.reach = f64::INFINITY;
        let vector = match which {
            Which::Moment(moment) => self.moments.get_mut(moment),
            Which::Mean => self.sum.as_mut(),
            Which::Bank => self.bank.as_mut(),
            Which::Origin => {
                self.ledger.loaded = true;
                self.origin.as_mut()
            }
        };
        vector.map(|vector| &mut vector[self.ledger.layout.range(tensor)])
    }

    /// The ledger's sums ← those that just came out of a pass.
    fn fold(&mut self) {
        fold(&self.ledger.layout, &mut self.chunk_sums, &mut self.ledger.tensor_sums);
    }

    /// The same; an error where one is not finite.
    fn finite_sums(&mut self) -> Result<()> {
        self.fold();
        self.ledger.finite()
    }
}

fn check_level(level: Level) -> Result<()> {
    match level.is_available() {
        true => Ok(()),
        false => Err(Error::Invalid(format!("Expected a CPU with {}, received one without.", level.name()))),
    }
}

fn fold(layout: &Layout, chunk_sums: &mut [[f64; SUMS]], tensor_sums: &mut [[f64; SUMS]]) {
    for (tensor, sum) in tensor_sums.iter_mut().enumerate() {
        *sum = fold_chunks(&mut chunk_sums[layout.chunks_of(tensor)]);
    }
}
