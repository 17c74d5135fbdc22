//! The native core of saltflat, free of Node. Reading order:
//!
//! [`rng`] counters to bits · [`noise`] which draw is which element · [`transform`] bits to draws · [`layout`] tensors to
//! one flat vector · [`optimizer`] base optimizers as element rules · [`penalty`] decay and distance · [`backend`] the
//! fused passes over memory · [`lanczos`] the iteration · [`projected`] its small matrix · [`symmetric`] and
//! [`tridiagonal`] that one's eigenvalues · [`rounded`] what it reads of long rows · [`basis`] the range of a sketch. [`memory`] is what vectors lie in,
//! [`fault`] what tests let fail.
//!
//! Everything here gives the same bits for every SIMD width and every number of threads.

pub mod backend;
pub mod basis;
pub mod error;
pub mod fault;
pub mod lanczos;
pub mod layout;
pub mod memory;
pub mod noise;
pub mod optimizer;
pub mod penalty;
pub mod projected;
pub mod rng;
pub mod rounded;
mod row;
pub mod symmetric;
pub mod transform;
pub mod tridiagonal;

pub use backend::cpu::{Cpu, Level, Threads};
#[cfg(not(target_vendor = "apple"))]
pub use backend::cuda::Cuda;
pub use backend::{Backend, Clip, Direction, Half, Keep, Metric, Micro, Mix, Noise, Update, Vectors, Which};
pub use basis::Basis;
pub use error::{Error, Result};
pub use lanczos::Lanczos;
pub use layout::Layout;
pub use noise::{Distribution, Draw};
pub use optimizer::{Hyper, Rule};
pub use penalty::Penalty;
