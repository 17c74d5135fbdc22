//! Memory of the device, and memory of the host that the device reads and writes by itself.

use super::args::{Address, Plain};
use super::device::{Device, driver};
use crate::error::{Error, Result};
use crate::memory::{give_back, take};
use cudarc::driver::result;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Bytes of device memory that this process holds now.
pub fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// A fixed number of values on the device.
pub(super) struct Buffer<T> {
    device: Arc<Device>,
    address: Address,
    len: usize,
    kind: PhantomData<T>,
}

impl<T: Plain> Buffer<T> {
    /// `len` zeros, and never nothing.
    pub fn zeroed(device: &Arc<Device>, len: usize) -> Result<Self> {
        let len = len.max(1);
        let bytes = len * size_of::<T>();
        device.bind()?;
        // SAFETY: more than 0 bytes, freed by `drop`.
        let address = unsafe { result::malloc_sync(bytes) }.map_err(|error| driver(error, bytes))?;
        HELD.fetch_add(bytes, Ordering::Relaxed);
        let buffer = Self { device: device.clone(), address, len, kind: PhantomData };
        // SAFETY: the memory was just allocated, of that length.
        unsafe { result::memset_d8_async(address, 0, bytes, device.stream.cu_stream()) }
            .map_err(|error| driver(error, 0))?;
        Ok(buffer)
    }

    /// These values.
    pub fn of(device: &Arc<Device>, values: &[T]) -> Result<Self> {
        let mut buffer = Self::zeroed(device, values.len())?;
        buffer.set(0, values)?;
        Ok(buffer)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn bytes(&self) -> usize {
        self.len * size_of::<T>()
    }

    pub fn address(&self) -> Address {
        self.address
    }

    /// values → the places from `first` on. The host's memory may be changed once the device has been waited for.
    pub fn set(&mut self, first: usize, values: &[T]) -> Result<()> {
        let at = self.place(first..first + values.len())?;
        if values.is_empty() {
            return Ok(());
        }
        self.device.bind()?;
        // SAFETY: the range was checked; both hold plain values.
        unsafe { result::memcpy_htod_async(at, values, self.device.stream.cu_stream()) }
            .map_err(|error| driver(error, 0))
    }

    /// The places from `first` on → values, which are there once the device has been waited for.
    pub fn get(&self, first: usize, values: &mut [T]) -> Result<()> {
        let at = self.place(first..first + values.len())?;
        if values.is_empty() {
            return Ok(());
        }
        self.device.bind()?;
        // SAFETY: the range was checked; both hold plain values, and any bits are one.
        unsafe { result::memcpy_dtoh_async(values, at, self.device.stream.cu_stream()) }
            .map_err(|error| driver(error, 0))
    }

    /// A copy of another one as long.
    pub fn copy(&mut self, from: &Self) -> Result<()> {
        if from.len != self.len {
            return Err(Error::Shape(format!("Expected {} values, received {}.", self.len, from.len)));
        }
        self.device.bind()?;
        // SAFETY: two allocations of one length.
        unsafe {
            result::memcpy_dtod_async(
                self.address,
                from.address,
                self.bytes(),
                self.device.stream.cu_stream(),
            )
        }
        .map_err(|error| driver(error, 0))
    }

    fn place(&self, range: Range<usize>) -> Result<Address> {
        if range.end > self.len {
            return Err(Error::Shape(format!(
                "Expected at most {} values, received {}.",
                self.len, range.end
            )));
        }
        Ok(self.address + (range.start * size_of::<T>()) as u64)
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        // Where the driver is lost there is nobody left to tell.
        let _ = self.device.bind();
        // SAFETY: allocated by `zeroed`; the driver waits for whoever still uses it.
        let _ = unsafe { result::free_sync(self.address) };
        HELD.fetch_sub(self.len * size_of::<T>(), Ordering::Relaxed);
    }
}

/// Floats of the host that the device copies by itself, at the full speed of the bus.
pub(super) struct Pinned {
    device: Arc<Device>,
    pointer: *mut f32,
    len: usize,
}

// SAFETY: owned memory without interior mutability.
unsafe impl Send for Pinned {}
// SAFETY: as above.
unsafe impl Sync for Pinned {}

impl Pinned {
    /// `len` zeros, and never nothing.
    pub fn zeroed(device: &Arc<Device>, len: usize) -> Result<Self> {
        let len = len.max(1);
        device.bind()?;
        // No flags: the memory that cudarc itself gives is fast to write only, and half of this is read.
        // SAFETY: more than 0 bytes, freed by `drop`.
        let pointer = unsafe { result::malloc_host(4 * len, 0) }.map_err(|error| driver(error, 4 * len))?;
        let pointer = pointer.cast::<f32>();
        // SAFETY: as many floats were just allocated.
        unsafe { pointer.write_bytes(0, len) };
        take(4 * len);
        Ok(Self { device: device.clone(), pointer, len })
    }

    pub fn bytes(&self) -> usize {
        4 * self.len
    }
}

impl Deref for Pinned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `len` initialised floats, owned by self.
        unsafe { std::slice::from_raw_parts(self.pointer, self.len) }
    }
}

impl DerefMut for Pinned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: `len` initialised floats, borrowed exclusively through self.
        unsafe { std::slice::from_raw_parts_mut(self.pointer, self.len) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // A copy may be under way still, where a pass was given up.
        let _ = self.device.bind().and_then(|()| self.device.wait());
        // SAFETY: allocated by `zeroed`.
        let _ = unsafe { result::free_host(self.pointer.cast()) };
        give_back(self.bytes());
    }
}
