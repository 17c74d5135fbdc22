//! Native memory on a 64-byte boundary as a Float32Array: what TensorFlow can share without a copy.

use crate::error::{Result, core, node, whole};
use napi::Env;
use napi::bindgen_prelude::Float32ArraySlice;
use napi_derive::napi;
use saltflat_core::memory::AlignedVec;

/// Zeroed memory for `length` floats, 64-byte aligned, freed with the array. V8 counts it.
#[napi(catch_unwind)]
pub fn aligned_array(env: &Env, length: f64) -> Result<Float32ArraySlice<'_>> {
    let length = whole("length", length, f64::from(1u32 << 31))? as usize;
    let mut memory = AlignedVec::zeroed(length.max(1)).map_err(core)?;
    let pointer = memory.as_mut_ptr();
    // SAFETY: the memory moves into the finalizer, which V8 runs when the array is gone.
    unsafe { Float32ArraySlice::from_external(env, pointer, length, memory, |_, memory| drop(memory)) }
        .map_err(node)
}
