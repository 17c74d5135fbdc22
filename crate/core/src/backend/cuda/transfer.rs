//! Between the tensors of the host and the vectors of the device: through page-locked memory, piece by piece, so that the
//! device copies one piece while the host copies the next.

use super::device::{Device, driver};
use super::memory::{Buffer, Pinned};
use crate::backend::Gradient;
use crate::error::Result;
use crate::layout::{Layout, TILE};
use cudarc::driver::{result::event, sys};
use std::sync::Arc;

/// Floats of a piece: 1 MiB, some 50 µs on a bus of 16 lanes, beside which the 5 µs to start a copy are little.
pub(super) const PIECE: usize = 1 << 18;

/// Page-locked memory for what goes up, and then for what comes down: on the stream the one is over before the other begins.
pub(super) struct Transfer {
    device: Arc<Device>,
    way: Pinned,
    /// W as it was loaded, or as the last whole update left it: what a lost device cannot take away.
    home: Pinned,
    /// One a piece: it has come down.
    landed: Vec<Event>,
}

impl Transfer {
    pub fn new(device: &Arc<Device>, layout: &Layout) -> Result<Self> {
        let pinned = || Pinned::zeroed(device, layout.total());
        let pieces = layout.total().div_ceil(PIECE);
        let landed = (0..pieces).map(|_| Event::new(device)).collect::<Result<_>>()?;
        Ok(Self { device: device.clone(), way: pinned()?, home: pinned()?, landed })
    }

    pub fn bytes(&self) -> usize {
        self.way.bytes() + self.home.bytes()
    }

    /// Tensors → the device, zeros where there is none; what follows on the stream finds them there.
    pub fn send(&mut self, layout: &Layout, values: &[Gradient<'_>], to: &mut Buffer<f32>) -> Result<()> {
        let mut sent = 0;
        for (tensor, values) in values.iter().enumerate() {
            let range = layout.range(tensor);
            for from in range.clone().step_by(PIECE) {
                let end = (from + PIECE).min(range.end);
                let place = &mut self.way[from..end];
                match values {
                    Some(values) => place.copy_from_slice(&values[from - range.start..end - range.start]),
                    None => place.fill(0.0),
                }
                if end - sent >= PIECE {
                    to.set(sent, &self.way[sent..end])?;
                    sent = end;
                }
            }
            // Padding came down with noise in it.
            self.way[range.end..range.end.next_multiple_of(TILE)].fill(0.0);
        }
        to.set(sent, &self.way[sent..layout.total()])
    }

    /// The device → tensors, which have it all when this returns.
    pub fn receive(&mut self, layout: &Layout, from: &Buffer<f32>, out: &mut [&mut [f32]]) -> Result<()> {
        let received = self.pieces(layout, from, out);
        if received.is_err() {
            // Nothing may come down among what goes up next.
            let _ = self.device.wait();
        }
        received
    }

    fn pieces(&mut self, layout: &Layout, from: &Buffer<f32>, out: &mut [&mut [f32]]) -> Result<()> {
        let total = layout.total();
        let piece = |index: usize| index * PIECE..((index + 1) * PIECE).min(total);
        for (index, landed) in self.landed.iter().enumerate() {
            from.get(index * PIECE, &mut self.way[piece(index)])?;
            landed.record()?;
        }
        let mut tensor = 0;
        for (index, landed) in self.landed.iter().enumerate() {
            landed.wait()?;
            let piece = piece(index);
            while tensor < out.len() {
                let range = layout.range(tensor);
                let (first, end) = (range.start.max(piece.start), range.end.min(piece.end));
                if first < end {
                    out[tensor][first - range.start..end - range.start]
                        .copy_from_slice(&self.way[first..end]);
                }
                if range.end > piece.end {
                    break;
                }
                tensor += 1;
            }
        }
        Ok(())
    }

    /// What was sent last is W.
    pub fn keep_sent(&mut self) {
        self.home.copy_from_slice(&self.way);
    }

    /// What was received last is W.
    pub fn keep_received(&mut self) {
        std::mem::swap(&mut self.home, &mut self.way);
    }

    /// out ← W, without the device.
    pub fn restore(&self, layout: &Layout, out: &mut [&mut [f32]]) {
        for (tensor, target) in out.iter_mut().enumerate() {
            target.copy_from_slice(&self.home[layout.range(tensor)]);
        }
    }
}

/// A moment on the stream.
pub(super) struct Event {
    device: Arc<Device>,
    event: sys::CUevent,
}

// SAFETY: a handle, which the driver lets any thread use.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    pub fn new(device: &Arc<Device>) -> Result<Self> {
        device.bind()?;
        let event = event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING);
        Ok(Self { device: device.clone(), event: event.map_err(|error| driver(error, 0))? })
    }

    /// It is when all is done that was asked for so far.
    pub fn record(&self) -> Result<()> {
        self.device.bind()?;
        // SAFETY: made by `new`, of the context that the stream is of.
        unsafe { event::record(self.event, self.device.stream.cu_stream()) }.map_err(|error| driver(error, 0))
    }

    pub fn wait(&self) -> Result<()> {
        self.device.bind()?;
        // SAFETY: made by `new`.
        unsafe { event::synchronize(self.event) }.map_err(|error| driver(error, 0))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let _ = self.device.bind();
        // SAFETY: made by `new`; the driver waits for it where it is still ahead.
        let _ = unsafe { event::destroy(self.event) };
    }
}
