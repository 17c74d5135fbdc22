//! Raw views of the slices a pass reads and writes, so that several threads can work on disjoint chunks of them.

use super::lanes::{LANES, Lanes};
use super::pass::At;
use crate::backend::Gradient;
use crate::memory::AlignedVec;
use std::marker::PhantomData;

/// One of the flat vectors, written by many threads at disjoint places.
#[derive(Clone, Copy)]
pub(crate) struct Flat<'a>(*mut f32, PhantomData<&'a mut [f32]>);

// SAFETY: a pass touches each place from one thread only (see `Pass::vector`).
unsafe impl Sync for Flat<'_> {}

impl<'a> Flat<'a> {
    pub fn new(vector: &'a mut AlignedVec) -> Self {
        Self(vector.as_mut_ptr(), PhantomData)
    }

    /// # Safety
    /// As for [`super::pass::Pass::vector`].
    #[inline(always)]
    pub unsafe fn get<V: Lanes>(self, at: At) -> V::F {
        // SAFETY: flat vectors are padded to whole tiles.
        unsafe { V::load(self.0.add(at.flat)) }
    }

    /// # Safety
    /// As for [`super::pass::Pass::vector`].
    #[inline(always)]
    pub unsafe fn set<V: Lanes>(self, at: At, value: V::F) {
        // SAFETY: flat vectors are padded to whole tiles.
        unsafe { V::write(self.0.add(at.flat), value) }
    }
}

/// Gradients, read only; a missing one reads as 0.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a>(pub &'a [Gradient<'a>]);

impl Inputs<'_> {
    /// # Safety
    /// As for [`super::pass::Pass::vector`].
    #[inline(always)]
    pub unsafe fn get<V: Lanes>(self, at: At) -> V::F {
        match self.0[at.tensor] {
            None => V::splat(0.0),
            Some(slice) => {
                let from = slice[at.element..].as_ptr();
                // SAFETY: the slice has the tensor's length, and `at.n` elements are left of it.
                unsafe { if at.n == LANES { V::load(from) } else { V::load_part(from, at.n) } }
            }
        }
    }
}

/// Where the model's values are written, one slice a tensor.
#[derive(Clone, Copy)]
pub(crate) struct Outputs<'a>(*const *mut [f32], PhantomData<&'a mut [&'a mut [f32]]>);

// SAFETY: a pass touches each place from one thread only (see `Pass::vector`).
unsafe impl Sync for Outputs<'_> {}

impl<'a> Outputs<'a> {
    pub fn new(out: &'a mut [&mut [f32]]) -> Self {
        // `&mut [f32]` and `*mut [f32]` have the same layout.
        Self(out.as_mut_ptr().cast(), PhantomData)
    }

    /// # Safety
    /// As for [`super::pass::Pass::vector`].
    #[inline(always)]
    pub unsafe fn set<V: Lanes>(self, at: At, value: V::F) {
        // SAFETY: one slice a tensor, of the tensor's length, of which `at.n` elements are left.
        unsafe {
            let to = (*self.0.add(at.tensor)).cast::<f32>().add(at.element);
            if at.n == LANES { V::write(to, value) } else { V::write_part(to, at.n, value) }
        }
    }
}
