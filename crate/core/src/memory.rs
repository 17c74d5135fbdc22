//! Zeroed f32 memory on a 64-byte boundary, with a failed allocation as an error and not an abort.

use crate::error::{Error, Result};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// What TensorFlow demands of memory it shares, and one cache line.
pub const ALIGNMENT: usize = 64;

/// A fixed-length vector of f32, 64-byte aligned.
#[derive(Debug)]
pub struct AlignedVec {
    pointer: NonNull<f32>,
    len: usize,
}

// SAFETY: the memory is owned, plain data without interior mutability.
unsafe impl Send for AlignedVec {}
// SAFETY: as above; shared references only read.
unsafe impl Sync for AlignedVec {}

impl AlignedVec {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> Result<Self> {
        let bytes = len.max(1).saturating_mul(4);
        let layout = Layout::from_size_align(bytes, ALIGNMENT).map_err(|_| Error::OutOfMemory { bytes })?;
        // SAFETY: the layout has a non-zero size.
        let pointer = unsafe { alloc_zeroed(layout) }.cast::<f32>();
        Ok(Self { pointer: NonNull::new(pointer).ok_or(Error::OutOfMemory { bytes })?, len })
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.len.max(1) * 4
    }
}

impl Drop for AlignedVec {
    fn drop(&mut self) {
        if let Ok(layout) = Layout::from_size_align(self.bytes(), ALIGNMENT) {
            // SAFETY: allocated in `zeroed` with this very layout.
            unsafe { dealloc(self.pointer.as_ptr().cast(), layout) };
        }
    }
}

impl Deref for AlignedVec {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `len` initialised elements, owned by self.
        unsafe { std::slice::from_raw_parts(self.pointer.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedVec {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: `len` initialised elements, borrowed exclusively through self.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.as_ptr(), self.len) }
    }
}
