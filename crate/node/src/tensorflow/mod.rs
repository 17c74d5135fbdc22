//! An op inside the running TensorFlow that tells where its inputs lie, so that gradients are read without a copy.

mod library;
mod op;
mod places;

use crate::error::{Result, coded};
use napi_derive::napi;
pub use places::{forget, place};

/// Registers the op, once a process. Its name, for a call with one list of float tensors as input and no output.
///
/// Throws `ERR_UNSUPPORTED` with the reason where there is no TensorFlow in this process, or it refuses.
#[napi(catch_unwind)]
pub fn tensorflow_op() -> Result<String> {
    op::register().map(str::to_owned).map_err(|reason| coded("ERR_UNSUPPORTED", reason))
}

/// After a call of the op with `count` tensors on this thread: a number that stands for the first, the next for the
/// second and so on, where a pass takes gradients. −1 where the call did not arrive here. One pass later they are void.
#[napi(catch_unwind)]
pub fn tensorflow_places(count: u32) -> f64 {
    places::first(count as usize).map_or(-1.0, |first| first as f64)
}
