//! Zeroed f32 memory on a 64-byte boundary; and whatever else grows with the weights: with a failed allocation as an
//! error and not an abort.

use crate::error::{Error, Result};
use crate::fault::{Place, strikes};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What TensorFlow demands of memory it shares, and one cache line.
pub const ALIGNMENT: usize = 64;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Bytes in all the vectors of this process now, page-locked ones included.
pub fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// Counts memory that somebody else gave.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn take(bytes: usize) {
    HELD.fetch_add(bytes, Ordering::Relaxed);
}

/// Counts it no more.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn give_back(bytes: usize) {
    HELD.fetch_sub(bytes, Ordering::Relaxed);
}

/// A Vec of `len` times `value`.
pub fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>> {
    let mut values = with_capacity(len)?;
    values.resize(len, value);
    Ok(values)
}

/// A copy of a slice.
pub fn copied<T: Clone>(slice: &[T]) -> Result<Vec<T>> {
    let mut values = with_capacity(slice.len())?;
    values.extend_from_slice(slice);
    Ok(values)
}

/// An empty Vec with room for so many.
pub fn with_capacity<T>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let failed = strikes(Place::Allocation) || values.try_reserve_exact(len).is_err();
    if failed { Err(Error::OutOfMemory { bytes: len.saturating_mul(size_of::<T>()) }) } else { Ok(values) }
}

/// A fixed-length vector of f32, 64-byte aligned.
#[derive(Debug)]
pub struct AlignedVec {
    /// What the allocator gave, in which the vector begins at the first boundary.
    block: NonNull<u8>,
    pointer: NonNull<f32>,
    len: usize,
}

// SAFETY: the memory is owned, plain data without interior mutability.
unsafe impl Send for AlignedVec {}
// SAFETY: as above; shared references only read.
unsafe impl Sync for AlignedVec {}

impl AlignedVec {
    /// `len` zeros. Of a long vector they are fresh pages that the first pass touches, with all its threads.
    pub fn zeroed(len: usize) -> Result<Self> {
        let bytes = len.max(1).saturating_mul(size_of::<f32>());
        let layout = block(bytes).ok_or(Error::OutOfMemory { bytes })?;
        if strikes(Place::Allocation) {
            return Err(Error::OutOfMemory { bytes });
        }
        // SAFETY: the layout has a non-zero size.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(Error::OutOfMemory { bytes })?;
        let ahead = block.addr().get().next_multiple_of(ALIGNMENT) - block.addr().get();
        // SAFETY: the block has as many bytes more than the vector.
        let pointer = unsafe { block.add(ahead) }.cast();
        HELD.fetch_add(bytes, Ordering::Relaxed);
        Ok(Self { block, pointer, len })
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.len.max(1) * size_of::<f32>()
    }
}

/// Room for so many bytes from some boundary on. Of memory that is to begin at one, the standard library writes the
/// zeros itself, on one thread; of this the system's allocator knows which are there.
fn block(bytes: usize) -> Option<Layout> {
    let align = align_of::<f32>();
    Layout::from_size_align(bytes.checked_add(ALIGNMENT - align)?, align).ok()
}

impl Drop for AlignedVec {
    fn drop(&mut self) {
        if let Some(layout) = block(self.bytes()) {
            // SAFETY: allocated in `zeroed` with this very layout.
            unsafe { dealloc(self.block.as_ptr(), layout) };
            HELD.fetch_sub(self.bytes(), Ordering::Relaxed);
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
