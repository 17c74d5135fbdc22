//! The native core of saltflat, free of Node. Reading order:
//!
//! [`rng`] counters to bits · [`noise`] bits to draws · [`layout`] tensors to one flat vector ·
//! [`optimizer`] base optimizers as element rules · [`backend`] the fused passes over memory.
//!
//! Everything here gives the same bits for every SIMD width and every number of threads.

pub mod backend;
pub mod error;
pub mod layout;
pub mod memory;
pub mod noise;
pub mod optimizer;
pub mod rng;

pub use backend::cpu::{Cpu, Level, Threads};
pub use backend::{Backend, Parts};
pub use error::{Error, Result};
pub use layout::Layout;
pub use noise::{Distribution, Draw};
pub use optimizer::{Hyper, Rule};
