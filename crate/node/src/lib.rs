//! The core for Node: checks, conversions, calls; no arithmetic.
//!
//! Every exported function catches panics, and an error's `code` is one of the stable strings of the TypeScript layer.

pub mod basis;
pub mod batch;
pub mod buffer;
pub mod device;
mod error;
#[cfg(feature = "faults")]
pub mod fault;
pub mod info;
pub mod lanczos;
mod placed;
pub mod sample;
pub mod tensorflow;
mod view;
pub mod workspace;
