//! Host memory between the caller's and the device's: it is filled and emptied piece by piece, so that the bus is busy
//! while the processor copies.

use super::device::Device;
use super::memory::{Buffer, Pinned};
use super::transfer::{Event, PIECE};
use crate::error::Result;
use std::ops::Range;
use std::sync::Arc;

/// Pieces on their way at once.
const SLOTS: usize = 4;

/// A few pinned pieces, which copies in both directions take turns in.
pub(super) struct Staging {
    pinned: Pinned,
    piece: usize,
    /// That of a slot comes to pass when the device is done with it.
    done: Vec<Event>,
}

impl Staging {
    /// For vectors of so many floats.
    pub fn new(device: &Arc<Device>, len: usize) -> Result<Self> {
        let piece = PIECE.min(len.div_ceil(SLOTS).max(1));
        let pinned = Pinned::zeroed(device, SLOTS * piece)?;
        let done = (0..SLOTS).map(|_| Event::new(device)).collect::<Result<_>>()?;
        Ok(Self { pinned, piece, done })
    }

    pub fn bytes(&self) -> usize {
        self.pinned.bytes()
    }

    /// The places of a vector from `first` on ← values, which may be changed at once; the copy may last longer.
    pub fn upload(&mut self, values: &[f32], to: &mut Buffer<f32>, first: usize) -> Result<()> {
        for (place, piece) in values.chunks(self.piece).enumerate() {
            let slot = self.slot(place, piece.len());
            self.done[place % SLOTS].wait()?;
            self.pinned[slot.clone()].copy_from_slice(piece);
            to.set(first + place * self.piece, &self.pinned[slot])?;
            self.done[place % SLOTS].record()?;
        }
        Ok(())
    }

    /// Hands out these places of a vector, piece by piece, each with how many came before it.
    pub fn download(
        &mut self,
        from: &Buffer<f32>,
        places: Range<usize>,
        mut take: impl FnMut(usize, &[f32]),
    ) -> Result<()> {
        let pieces = places.len().div_ceil(self.piece);
        for place in 0..SLOTS.min(pieces) {
            self.ask(from, &places, place)?;
        }
        for place in 0..pieces {
            self.done[place % SLOTS].wait()?;
            let first = place * self.piece;
            take(first, &self.pinned[self.slot(place, places.len() - first)]);
            if place + SLOTS < pieces {
                self.ask(from, &places, place + SLOTS)?;
            }
        }
        Ok(())
    }

    /// Starts the copy of a piece to the host, in the slot that it takes.
    fn ask(&mut self, from: &Buffer<f32>, places: &Range<usize>, place: usize) -> Result<()> {
        let first = place * self.piece;
        let slot = self.slot(place, places.len() - first);
        from.get(places.start + first, &mut self.pinned[slot])?;
        self.done[place % SLOTS].record()
    }

    /// Where a piece lies on its way, of so many floats that are left.
    fn slot(&self, place: usize, left: usize) -> Range<usize> {
        let first = place % SLOTS * self.piece;
        first..first + left.min(self.piece)
    }
}
