//! Tensor sizes ↔ ranges of one flat f32 vector.
//!
//! Each tensor starts a new tile of 64 elements (256 bytes), so every range is 64-byte aligned, whole tiles of
//! owned vectors can be loaded without a mask, and no two tensors share a cache line between threads.

use crate::error::{Error, Result};
use crate::memory::with_capacity;

/// Elements of one noise tile: 16 Philox counters × 4 words.
pub const TILE: usize = 64;
/// Elements of one chunk: the unit of work and of summation.
pub const CHUNK: usize = 4096;
/// A tensor has fewer elements: the counter of the noise has as many places.
const TENSOR: usize = 1 << 31;
/// The most elements in all: 256 GiB a vector, beyond what a list of chunks is worth making for.
const TOTAL: usize = 1 << 36;

/// Up to [`CHUNK`] elements of one tensor.
#[derive(Debug, Clone, Copy)]
pub struct Chunk {
    /// Place of the tensor among all trainable weights.
    pub tensor: usize,
    /// First element, counted within the tensor.
    pub start: usize,
    /// Elements in this chunk.
    pub len: usize,
    /// First element, counted within the flat vector.
    pub flat: usize,
}

/// Where each tensor lies in the flat vectors, and how they are cut into chunks.
#[derive(Debug, Clone)]
pub struct Layout {
    sizes: Vec<usize>,
    offsets: Vec<usize>,
    total: usize,
    chunks: Vec<Chunk>,
    first_chunk: Vec<usize>,
}

impl Layout {
    /// Lays out tensors of these sizes, in order. Sizes may be zero; their sum may not. Sizes that no machine holds are
    /// refused before anything is made for them.
    pub fn new(sizes: &[usize]) -> Result<Self> {
        if let Some(size) = sizes.iter().find(|size| **size >= TENSOR) {
            let said = format!("Expected fewer than {TENSOR} elements a tensor, received {size}.");
            return Err(Error::Invalid(said));
        }
        let all = sizes.iter().try_fold(0usize, |all, size| all.checked_add(*size)).unwrap_or(usize::MAX);
        if all == 0 {
            return Err(Error::Invalid("Expected at least one element to train, received none.".into()));
        }
        if all > TOTAL {
            return Err(Error::Invalid(format!("Expected at most {TOTAL} elements in all, received {all}.")));
        }
        let (mut offsets, mut first_chunk, mut total) = (vec![], vec![], 0);
        let mut chunks = with_capacity(sizes.iter().map(|size| size.div_ceil(CHUNK)).sum())?;
        for (tensor, &size) in sizes.iter().enumerate() {
            offsets.push(total);
            first_chunk.push(chunks.len());
            for start in (0..size).step_by(CHUNK) {
                chunks.push(Chunk { tensor, start, len: CHUNK.min(size - start), flat: total + start });
            }
            total += size.next_multiple_of(TILE);
        }
        first_chunk.push(chunks.len());
        Ok(Self { sizes: sizes.to_vec(), offsets, total, chunks, first_chunk })
    }

    /// Elements of each tensor.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Length of a flat vector, padding included.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The range of one tensor in a flat vector.
    pub fn range(&self, tensor: usize) -> std::ops::Range<usize> {
        self.offsets[tensor]..self.offsets[tensor] + self.sizes[tensor]
    }

    /// All chunks, tensor by tensor.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The first chunk of a tensor; of the tensor after the last one, their number.
    pub fn first_chunk(&self, tensor: usize) -> usize {
        self.first_chunk[tensor]
    }

    /// The chunks of one tensor, as a range of [`Layout::chunks`].
    pub fn chunks_of(&self, tensor: usize) -> std::ops::Range<usize> {
        self.first_chunk[tensor]..self.first_chunk[tensor + 1]
    }
}

/// Sums the chunk sums of one tensor by neighbours: 2a with 2a + 1, an odd last one passes up. In place.
pub fn fold_chunks<const N: usize>(sums: &mut [[f64; N]]) -> [f64; N] {
    let mut len = sums.len();
    if len == 0 {
        return [0.0; N];
    }
    while len > 1 {
        for pair in 0..len / 2 {
            let (left, right) = (sums[2 * pair], sums[2 * pair + 1]);
            sums[pair] = std::array::from_fn(|i| left[i] + right[i]);
        }
        if len % 2 == 1 {
            sums[len / 2] = sums[len - 1];
        }
        len = len.div_ceil(2);
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_start_tiles_and_chunks_cover_them() {
        let layout = Layout::new(&[3, 0, 5000, 64]).unwrap();
        assert_eq!(layout.total(), 64 + 5056 + 64);
        assert_eq!(layout.range(2), 64..5064);
        assert_eq!(layout.chunks_of(1), 1..1);
        assert_eq!(layout.chunks_of(2).len(), 2);
        let covered: usize = layout.chunks().iter().map(|chunk| chunk.len).sum();
        assert_eq!(covered, 3 + 5000 + 64);
        assert!(layout.chunks().iter().all(|chunk| chunk.flat % 16 == 0));
    }

    #[test]
    fn nothing_to_train_is_refused() {
        assert_eq!(Layout::new(&[0, 0]).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
    }

    #[test]
    fn sizes_beyond_any_machine_are_refused_before_anything_is_made() {
        for sizes in [vec![1 << 31], vec![usize::MAX, 1], vec![1 << 40], vec![(1 << 31) - 1; 64]] {
            assert_eq!(Layout::new(&sizes).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
        }
    }

    #[test]
    fn chunk_sums_fold_by_neighbours() {
        let tiny = f64::EPSILON / 2.0; // lost when added to 1 alone, kept when added to its like first
        assert_eq!(fold_chunks(&mut [[1.0], [0.0], [tiny], [tiny]]), [1.0 + f64::EPSILON]);
        assert_eq!(fold_chunks(&mut [[1.0], [2.0], [3.0]]), [6.0]);
        assert_eq!(fold_chunks::<1>(&mut []), [0.0]);
    }
}
