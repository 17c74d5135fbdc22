//! Raw views of the memory that a pass reads and writes, so that several threads can work on disjoint chunks of it; and
//! where they stand in one chunk, so that the inner loop follows plain pointers.

use super::lanes::Lanes;
use super::pass::At;
use crate::backend::{Gradient, Half};
use crate::layout::Chunk;
use crate::memory::AlignedVec;
use std::marker::PhantomData;

/// One of the flat vectors, written by many threads at disjoint places.
#[derive(Clone, Copy)]
pub(crate) struct Flat<'a>(*mut f32, PhantomData<&'a mut [f32]>);

// SAFETY: a pass touches each place from one thread only (see `Pass::run`).
unsafe impl Sync for Flat<'_> {}

impl<'a> Flat<'a> {
    pub fn new(vector: &'a mut AlignedVec) -> Self {
        Self(vector.as_mut_ptr(), PhantomData)
    }

    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn at(self, chunk: &Chunk) -> FlatAt {
        // SAFETY: the chunk is one of the layout that the vector was made for.
        FlatAt(unsafe { self.0.add(chunk.flat) })
    }
}

/// A flat vector from a chunk's first element on. It is padded to whole tiles, so nothing is cut when it is read; the padding
/// is never written and stays 0, so that sums may take it along.
#[derive(Clone, Copy)]
pub(crate) struct FlatAt(*mut f32);

impl FlatAt {
    /// Element `first`, to be fetched ahead.
    #[inline(always)]
    pub fn ahead(self, first: usize) -> *const f32 {
        self.0.wrapping_add(first)
    }

    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn get<V: Lanes, const CUT: bool>(self, at: At<CUT>) -> V::F {
        // SAFETY: within the chunk, or the padding behind it.
        unsafe { V::load(self.0.add(at.element)) }
    }

    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn set<V: Lanes, const CUT: bool>(self, at: At<CUT>, value: V::F) {
        // SAFETY: `at.n` elements are left of the chunk.
        unsafe {
            let to = self.0.add(at.element);
            if CUT { V::write_part(to, at.n, value) } else { V::write(to, value) }
        }
    }

    /// `set` past the caches; see [`Lanes::write_past`].
    ///
    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn set_past<V: Lanes, const CUT: bool>(self, at: At<CUT>, value: V::F) {
        // SAFETY: `at.n` elements are left of the chunk, which begins on a boundary, as each 16 lanes after it.
        unsafe {
            let to = self.0.add(at.element);
            if CUT { V::write_part(to, at.n, value) } else { V::write_past(to, value) }
        }
    }
}

/// Gradients, read only; a missing one reads as 0.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a>(pub &'a [Gradient<'a>]);

impl Inputs<'_> {
    #[inline(always)]
    pub fn at(self, chunk: &Chunk) -> InputAt {
        InputAt(self.0[chunk.tensor].map(|slice| PresentAt::new(slice, chunk)))
    }
}

/// One gradient from a chunk's first element on; `None` where it is missing.
#[derive(Clone, Copy)]
pub(crate) struct InputAt(Option<PresentAt>);

impl InputAt {
    /// Element `first`, to be fetched ahead.
    #[inline(always)]
    pub fn ahead(self, first: usize) -> *const f32 {
        self.0.map_or(std::ptr::null(), |values| values.ahead(first))
    }

    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn get<V: Lanes, const CUT: bool>(self, at: At<CUT>) -> V::F {
        match self.0 {
            // SAFETY: passed on.
            Some(values) => unsafe { values.get::<V, _>(at) },
            None => V::splat(0.0),
        }
    }
}

/// Values of one tensor that are there, from a chunk's first element on: a loop over them asks nothing a vector.
#[derive(Clone, Copy)]
pub(crate) struct PresentAt(*const f32);

impl PresentAt {
    #[inline(always)]
    pub fn new(slice: &[f32], chunk: &Chunk) -> Self {
        Self(slice[chunk.start..].as_ptr())
    }

    /// Element `first`, to be fetched ahead.
    #[inline(always)]
    pub fn ahead(self, first: usize) -> *const f32 {
        self.0.wrapping_add(first)
    }

    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn get<V: Lanes, const CUT: bool>(self, at: At<CUT>) -> V::F {
        // SAFETY: the slice has the tensor's length, and `at.n` elements are left of the chunk.
        unsafe {
            let from = self.0.add(at.element);
            if CUT { V::load_part(from, at.n) } else { V::load(from) }
        }
    }
}

/// W' as the pass before left it, in the outputs themselves or elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct Earlier<'a> {
    half: Half<'a>,
    out: Outputs<'a>,
}

impl<'a> Earlier<'a> {
    pub fn new(half: Half<'a>, out: Outputs<'a>) -> Self {
        Self { half, out }
    }

    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn at(self, chunk: &Chunk) -> EarlierAt {
        let elsewhere = self.half.before.and_then(|slices| slices[chunk.tensor]);
        EarlierAt((self.half.scales[chunk.tensor] != 0.0).then(|| match elsewhere {
            Some(slice) => PresentAt::new(slice, chunk),
            // SAFETY: passed on.
            None => unsafe { self.out.at(chunk) }.present(),
        }))
    }
}

/// The same in one chunk; `None` where it is W.
#[derive(Clone, Copy, Default)]
pub(crate) struct EarlierAt(Option<PresentAt>);

impl EarlierAt {
    /// ±σU, as it was added to w.
    ///
    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn offset<V: Lanes, const CUT: bool>(self, at: At<CUT>, w: V::F) -> V::F {
        // SAFETY: passed on.
        self.0.map_or(V::splat(0.0), |values| V::sub(unsafe { values.get::<V, _>(at) }, w))
    }
}

/// Where the model's values are written, one slice a tensor.
#[derive(Clone, Copy)]
pub(crate) struct Outputs<'a>(*const *mut [f32], PhantomData<&'a mut [&'a mut [f32]]>);

// SAFETY: a pass touches each place from one thread only (see `Pass::run`).
unsafe impl Sync for Outputs<'_> {}

impl<'a> Outputs<'a> {
    pub fn new(out: &'a mut [&mut [f32]]) -> Self {
        // `&mut [f32]` and `*mut [f32]` have the same layout.
        Self(out.as_mut_ptr().cast(), PhantomData)
    }

    /// Slice `slice` of them, from the chunk's first element on.
    ///
    /// # Safety
    /// As for [`super::pass::Pass::run`]; `slice` is one of the slices and has the length of the chunk's tensor.
    #[inline(always)]
    pub unsafe fn slice_at(self, slice: usize, chunk: &Chunk) -> OutputAt {
        // SAFETY: as the caller promises.
        OutputAt(unsafe { (*self.0.add(slice)).cast::<f32>().add(chunk.start) })
    }

    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn at(self, chunk: &Chunk) -> OutputAt {
        // SAFETY: one slice a tensor, of the tensor's length.
        unsafe { self.slice_at(chunk.tensor, chunk) }
    }
}

/// One tensor's values from a chunk's first element on.
#[derive(Clone, Copy)]
pub(crate) struct OutputAt(*mut f32);

impl OutputAt {
    /// What stands there now, to be read before it is written.
    #[inline(always)]
    pub fn present(self) -> PresentAt {
        PresentAt(self.0)
    }

    /// Element `first`, to be fetched ahead.
    #[inline(always)]
    pub fn ahead(self, first: usize) -> *const f32 {
        self.0.wrapping_add(first)
    }

    /// # Safety
    /// As for [`super::pass::Pass::run`].
    #[inline(always)]
    pub unsafe fn set<V: Lanes, const CUT: bool>(self, at: At<CUT>, value: V::F) {
        // SAFETY: `at.n` elements are left of the chunk.
        unsafe {
            let to = self.0.add(at.element);
            if CUT { V::write_part(to, at.n, value) } else { V::write(to, value) }
        }
    }
}
