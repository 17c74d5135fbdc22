//! Times on the device itself, between events of its stream: each kernel that is started while the watch runs is started
//! some times more, and those are timed. What it computes is then worth nothing.

use super::device::{Device, driver};
use super::memory::{Buffer, Pinned};
use crate::error::Result;
use cudarc::driver::{DriverError, result, sys};
use std::sync::{Arc, Mutex, PoisonError};

/// The median of some rounds, in seconds.
#[derive(Debug, Clone)]
pub struct Lap {
    /// The kernel.
    pub kernel: String,
    /// Seconds of one launch.
    pub seconds: f64,
}

/// Off at first.
#[derive(Default)]
pub struct Stopwatch(Mutex<Option<Vec<Lap>>>);

/// Rounds timed, and launches or copies of a round: their time is long beside that of an event.
const ROUNDS: usize = 9;
const EACH: usize = 4;

impl Stopwatch {
    /// Times whatever is started from now on.
    pub fn start(&self) {
        *self.laps() = Some(vec![]);
    }

    /// What was timed since.
    pub fn stop(&self) -> Vec<Lap> {
        self.laps().take().unwrap_or_default()
    }

    pub(super) fn lap(
        &self,
        device: &Device,
        kernel: &str,
        mut start: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        if self.laps().is_none() {
            return Ok(());
        }
        let seconds = timed(device, &mut start)?;
        if let Some(laps) = &mut *self.laps() {
            laps.push(Lap { kernel: kernel.into(), seconds });
        }
        Ok(())
    }

    fn laps(&self) -> std::sync::MutexGuard<'_, Option<Vec<Lap>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds of a copy of so many bytes.
#[derive(Debug, Clone, Copy)]
pub struct Copies {
    /// Within the device's memory.
    pub device: f64,
    /// From page-locked memory of the host to the device.
    pub up: f64,
    /// And back.
    pub down: f64,
}

/// Copies of so many floats.
pub fn copies(device: &Arc<Device>, len: usize) -> Result<Copies> {
    let (mut from, mut to) = (Buffer::<f32>::zeroed(device, len)?, Buffer::zeroed(device, len)?);
    let mut host = Pinned::zeroed(device, len)?;
    Ok(Copies {
        device: timed(device, &mut || to.copy(&from))?,
        up: timed(device, &mut || from.set(0, &host))?,
        down: timed(device, &mut || from.get(0, &mut host))?,
    })
}

/// The median of some rounds, in seconds a call.
fn timed(device: &Device, start: &mut dyn FnMut() -> Result<()>) -> Result<f64> {
    let (begin, end) = (Event::new()?, Event::new()?);
    let mut times = vec![];
    for _ in 0..ROUNDS {
        begin.record(device)?;
        for _ in 0..EACH {
            start()?;
        }
        end.record(device)?;
        device.wait()?;
        // SAFETY: both were recorded on one stream, and are over.
        let milliseconds = unsafe { result::event::elapsed(begin.0, end.0) }.map_err(failed)?;
        times.push(f64::from(milliseconds) / 1e3 / EACH as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[ROUNDS / 2])
}

struct Event(sys::CUevent);

impl Event {
    fn new() -> Result<Self> {
        result::event::create(sys::CUevent_flags::CU_EVENT_DEFAULT).map(Self).map_err(failed)
    }

    fn record(&self, device: &Device) -> Result<()> {
        // SAFETY: an event that is there, and the device's stream.
        unsafe { result::event::record(self.0, device.stream.cu_stream()) }.map_err(failed)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: created by `new`, destroyed once.
        let _ = unsafe { result::event::destroy(self.0) };
    }
}

fn failed(error: DriverError) -> crate::error::Error {
    driver(error, 0)
}
