//! Passes over a basis of long rows: what Lanczos spends its time in. A chunk of the vector stays in L1 while all rows go
//! by, so each pass reads the basis once. One pass goes through the chunks forwards and the next backwards: it begins with
//! what the caches still hold, where going forwards again would find that overwritten.

use super::lanes::{LANES, Lanes, MAX_PARTS, fold_lanes};
use super::pass::{Pass, SUMS, Then};
use super::{Level, Threads, dispatch};
use crate::error::Result;
use crate::layout::{Chunk, Layout, fold_chunks};
use crate::memory::AlignedVec;

/// Rows that one loop takes along: more of them do not fit into registers with their sums.
const TOGETHER: usize = 2;

/// Who does the passes, over vectors of one length.
pub struct Rows {
    layout: Layout,
    level: Level,
    threads: Threads,
    /// Sums of each chunk, of one row after the other.
    sums: Vec<f64>,
    chunk_sums: Vec<[f64; SUMS]>,
    /// The direction of the next pass.
    backwards: bool,
}

/// A pointer that threads may share: each works on its own chunk.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub(super) *mut f32);
// SAFETY: chunks are disjoint and each is run once.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// Of a vector that a pass does not write.
pub(super) fn read(vector: &[f32]) -> Shared {
    Shared(vector.as_ptr().cast_mut())
}

#[derive(Clone, Copy)]
pub(super) struct SharedSums(pub(super) *mut f64);
// SAFETY: each chunk has sums of its own.
unsafe impl Sync for SharedSums {}

/// w ← hv − β·before; sum of w·v.
struct Project<'a> {
    hv: &'a [f32],
    before: Option<(&'a [f32], f32)>,
    v: &'a [f32],
    w: Shared,
}

/// w ← w − c·x for each row, in order; sum of w·w.
pub(super) struct Subtract<'a> {
    pub(super) rows: &'a [&'a [f32]],
    pub(super) coefficients: &'a [f32],
    pub(super) w: Shared,
}

/// Dot products of w with each row.
struct Dots<'a> {
    rows: &'a [&'a [f32]],
    w: Shared,
    out: SharedSums,
}

/// The first rows ← combinations of all of them; the others are not written.
struct Rotate<'a> {
    rows: &'a [Shared],
    /// A coefficient a row, for one row of the outcome after the other.
    coefficients: &'a [f32],
}

/// w ← factor·w
struct Scale {
    factor: f32,
    w: Shared,
}

/// to ← from
struct Copy<'a> {
    from: &'a [f32],
    to: Shared,
}

/// Elements of each row that a rotation takes to itself before it writes: all rows of them fit into L2.
const STRIP: usize = 64;
/// Rows of the outcome that one loop sums up.
const OUTCOMES: usize = 4;

/// The whole lanes that a chunk covers: vectors are padded with zeros to whole tiles.
fn whole(chunk: &Chunk) -> std::ops::Range<usize> {
    chunk.flat..chunk.flat + chunk.len.next_multiple_of(LANES)
}

impl Pass for Project<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let mut sums = [V::zero_sums(); MAX_PARTS];
        let (before, beta) =
            self.before.map_or((self.hv, V::splat(0.0)), |(row, beta)| (row, V::splat(-beta)));
        let mut i = chunk.flat;
        while i < whole(chunk).end {
            for sum in sums.iter_mut().take(LANES / V::N) {
                // SAFETY: within the padded vectors, all of one length; hv has no padding.
                unsafe {
                    let hv = match self.hv.len().saturating_sub(i) {
                        left if left < V::N => V::load_part(self.hv.as_ptr().wrapping_add(i), left),
                        _ => V::load(self.hv.as_ptr().add(i)),
                    };
                    let w = if self.before.is_some() {
                        V::fma(beta, V::load(before.as_ptr().add(i)), hv)
                    } else {
                        hv
                    };
                    V::write(self.w.0.add(i), w);
                    *sum = V::add_products(*sum, w, V::load(self.v.as_ptr().add(i)));
                }
                i += V::N;
            }
        }
        [total::<V>(sums), 0.0, 0.0]
    }
}

impl Pass for Subtract<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let mut first = 0;
        while first < self.rows.len() {
            let last = (first + 4).min(self.rows.len());
            let mut i = chunk.flat;
            while i < whole(chunk).end {
                // SAFETY: within the padded vectors, all of one length.
                unsafe {
                    let mut w = V::load(self.w.0.add(i));
                    for row in first..last {
                        let x = V::load(self.rows[row].as_ptr().add(i));
                        w = V::fma(V::splat(-self.coefficients[row]), x, w);
                    }
                    V::write(self.w.0.add(i), w);
                }
                i += V::N;
            }
            first = last;
        }
        // SAFETY: as above.
        [unsafe { squares::<V>(self.w.0, chunk) }, 0.0, 0.0]
    }
}

impl Pass for Dots<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let place = chunk.flat / crate::layout::CHUNK * self.rows.len();
        let mut row = 0;
        while row < self.rows.len() {
            let count = TOGETHER.min(self.rows.len() - row);
            let second = self.rows[row + count - 1];
            let (mut sums, mut others) = ([V::zero_sums(); MAX_PARTS], [V::zero_sums(); MAX_PARTS]);
            let mut i = chunk.flat;
            while i < whole(chunk).end {
                for (sum, other) in sums.iter_mut().zip(&mut others).take(LANES / V::N) {
                    // SAFETY: within the padded vectors, all of one length.
                    unsafe {
                        let w = V::load(self.w.0.add(i));
                        *sum = V::add_products(*sum, V::load(self.rows[row].as_ptr().add(i)), w);
                        *other = V::add_products(*other, V::load(second.as_ptr().add(i)), w);
                    }
                    i += V::N;
                }
            }
            for (which, parts) in [sums, others].into_iter().enumerate().take(count) {
                // SAFETY: this chunk's sums, which nobody else writes.
                unsafe { *self.out.0.add(place + row + which) = total::<V>(parts) };
            }
            row += count;
        }
        [0.0; SUMS]
    }
}

impl Pass for Rotate<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let all = self.rows.len();
        let outcomes = self.coefficients.len() / all;
        let mut strip = vec![0f32; all * STRIP];
        let mut first = chunk.flat;
        while first < whole(chunk).end {
            // SAFETY: within the padded vectors, which are whole tiles; nobody else has this chunk.
            unsafe {
                for (row, to) in self.rows.iter().zip(strip.chunks_exact_mut(STRIP)) {
                    std::ptr::copy_nonoverlapping(row.0.add(first), to.as_mut_ptr(), STRIP);
                }
                let mut outcome = 0;
                while outcome < outcomes {
                    let count = OUTCOMES.min(outcomes - outcome);
                    let mut i = 0;
                    while i < STRIP {
                        let mut sums = [V::splat(0.0); OUTCOMES];
                        for row in 0..all {
                            let x = V::load(strip.as_ptr().add(row * STRIP + i));
                            for (which, sum) in sums.iter_mut().enumerate() {
                                // Past the last outcome the last one is summed up again, and dropped.
                                let place = (outcome + which.min(count - 1)) * all + row;
                                *sum = V::fma(V::splat(*self.coefficients.get_unchecked(place)), x, *sum);
                            }
                        }
                        for (which, sum) in sums.into_iter().enumerate().take(count) {
                            V::write(self.rows[outcome + which].0.add(first + i), sum);
                        }
                        i += V::N;
                    }
                    outcome += count;
                }
            }
            first += STRIP;
        }
        [0.0; SUMS]
    }
}

impl Pass for Scale {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let mut i = chunk.flat;
        while i < whole(chunk).end {
            // SAFETY: within the padded vector.
            unsafe { V::write(self.w.0.add(i), V::mul(V::splat(self.factor), V::load(self.w.0.add(i)))) };
            i += V::N;
        }
        [0.0; SUMS]
    }
}

/// The sum of w·w.
///
/// # Safety
/// A padded vector that has this chunk.
#[inline(always)]
pub(super) unsafe fn squares<V: Lanes>(w: *const f32, chunk: &Chunk) -> f64 {
    let mut sums = [V::zero_sums(); MAX_PARTS];
    let mut i = chunk.flat;
    while i < whole(chunk).end {
        for sum in sums.iter_mut().take(LANES / V::N) {
            // SAFETY: as the caller promises.
            unsafe {
                let w = V::load(w.add(i));
                *sum = V::add_products(*sum, w, w);
            }
            i += V::N;
        }
    }
    total::<V>(sums)
}

#[inline(always)]
pub(super) fn total<V: Lanes>(parts: [V::D; MAX_PARTS]) -> f64 {
    let mut lanes = [0.0; LANES];
    for (part, sums) in parts.into_iter().enumerate().take(LANES / V::N) {
        V::sums(sums, &mut lanes[V::N * part..]);
    }
    fold_lanes(lanes)
}

impl Pass for Copy<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        // SAFETY: both have this chunk's elements.
        unsafe {
            let from = self.from.as_ptr().add(chunk.flat);
            std::ptr::copy_nonoverlapping(from, self.to.0.add(chunk.flat), chunk.len);
        }
        [0.0; SUMS]
    }
}

impl Rows {
    /// For vectors of `size` elements.
    pub fn new(size: usize, level: Level, threads: Threads) -> Result<Self> {
        super::check_level(level)?;
        let layout = Layout::new(&[size])?;
        let chunk_sums = vec![[0.0; SUMS]; layout.chunks().len()];
        Ok(Self { layout, level, threads, sums: Vec::new(), chunk_sums, backwards: false })
    }

    /// Elements of a vector, without padding.
    pub fn size(&self) -> usize {
        self.layout.sizes()[0]
    }

    /// A vector of zeros, padded to whole tiles.
    pub fn vector(&self) -> Result<AlignedVec> {
        AlignedVec::zeroed(self.layout.total())
    }

    /// Memory for the rounded copy of a vector.
    pub fn room(&self) -> Result<AlignedVec> {
        AlignedVec::zeroed(crate::rounded::room(self.layout.total()))
    }

    /// w ← hv − β·before, where there is one before; w·v. hv is not padded.
    pub fn project(&mut self, hv: &[f32], before: Option<(&[f32], f32)>, v: &[f32], w: &mut [f32]) -> f64 {
        let pass = Project { hv, before, v, w: Shared(w.as_mut_ptr()) };
        self.run(&pass, 3)
    }

    /// w ← w − Σ cᵢ·rowᵢ; w·w.
    pub fn subtract(&mut self, rows: &[&[f32]], coefficients: &[f32], w: &mut [f32]) -> f64 {
        let pass = Subtract { rows, coefficients, w: Shared(w.as_mut_ptr()) };
        self.run(&pass, rows.len() + 1)
    }

    /// rowᵢ·w of each row.
    pub fn dots(&mut self, rows: &[&[f32]], w: &[f32]) -> Vec<f64> {
        self.sums_of_rows(rows.len(), |out| Dots { rows, w: read(w), out }).1
    }

    /// w ← w − c·v; w·w, and rowᵢ·w of each row, in one pass.
    pub fn subtract_dots(&mut self, v: &[f32], c: f32, rows: &[&[f32]], w: &mut [f32]) -> (f64, Vec<f64>) {
        let w = Shared(w.as_mut_ptr());
        let subtract = Subtract { rows: &[v], coefficients: &[c], w };
        self.sums_of_rows(rows.len(), |out| Then(subtract, Dots { rows, w, out }))
    }

    /// Runs a pass that leaves sums of so many rows in each chunk; its first sum, and those of all chunks.
    pub(super) fn sums_of_rows<P: Pass>(
        &mut self,
        rows: usize,
        pass: impl FnOnce(SharedSums) -> P,
    ) -> (f64, Vec<f64>) {
        let chunks = self.layout.chunks().len();
        let mut sums = std::mem::take(&mut self.sums);
        sums.clear();
        sums.resize(chunks * rows, 0.0);
        let first = self.run(&pass(SharedSums(sums.as_mut_ptr())), rows);
        let mut column = vec![[0.0]; chunks];
        let found = (0..rows)
            .map(|row| {
                for (chunk, sum) in column.iter_mut().enumerate() {
                    sum[0] = sums[chunk * rows + row];
                }
                fold_chunks(&mut column)[0]
            })
            .collect();
        self.sums = sums;
        (first, found)
    }

    /// The first rows ← combinations of all rows, in place: as many as there are coefficients for, a row of them each.
    pub fn rotate(&mut self, rows: &mut [&mut AlignedVec], coefficients: &[f32]) {
        debug_assert!(
            coefficients.len().is_multiple_of(rows.len()) && coefficients.len() <= rows.len().pow(2)
        );
        let shared: Vec<Shared> = rows.iter_mut().map(|row| Shared(row.as_mut_ptr())).collect();
        self.run(&Rotate { rows: &shared, coefficients }, 2 * rows.len());
    }

    /// w ← factor·w
    pub fn scale(&mut self, factor: f32, w: &mut [f32]) {
        self.run(&Scale { factor, w: Shared(w.as_mut_ptr()) }, 1);
    }

    /// to ← from; neither need be padded.
    pub fn copy(&mut self, from: &[f32], to: &mut [f32]) {
        assert!(from.len() >= self.size() && to.len() >= self.size());
        self.run(&Copy { from, to: Shared(to.as_mut_ptr()) }, 1);
    }

    /// Runs a pass over all chunks; its first sum.
    pub(super) fn run(&mut self, pass: &impl Pass, rows: usize) -> f64 {
        let (chunks, level, backwards) = (self.layout.chunks(), self.level, self.backwards);
        self.threads.each(self.layout.total() * rows.max(1), &mut self.chunk_sums, |i| {
            let chunk = &chunks[if backwards { chunks.len() - 1 - i } else { i }];
            // SAFETY: all vectors have the padded length of this layout, and each chunk is run once.
            unsafe { dispatch::run(level, pass, chunk) }
        });
        // Sums are folded in the order of the chunks, whichever way the pass went.
        if backwards {
            self.chunk_sums.reverse();
        }
        self.backwards = !backwards;
        fold_chunks(&mut self.chunk_sums)[0]
    }
}
