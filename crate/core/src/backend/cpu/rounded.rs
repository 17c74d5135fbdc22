//! Passes over rounded copies of rows ([`crate::rounded`]): half of the bytes that [`super::rows`] reads of the rows themselves.

use super::lanes::{LANES, Lanes, MAX_PARTS};
use super::pass::{Pass, SUMS, Then};
use super::rows::{self, Rows, Shared, SharedSums, read, squares, total};
use crate::layout::{CHUNK, Chunk, TILE};
use crate::noise::hint;
use crate::rounded::{HEAVY, place, scale};

/// Rows that one loop takes along: in dot products two, or four where a vector holds all lanes and their sums fit into
/// registers; in differences four.
const TOGETHER: usize = 4;

/// w ← factor·w; its copy.
struct Round {
    factor: f32,
    w: Shared,
    copy: Shared,
}

/// w ← w − c·row for each row, in order; sum of w·w.
struct Subtract<'a> {
    copies: &'a [&'a [f32]],
    coefficients: &'a [f32],
    w: Shared,
}

/// Dot products of w with each row.
struct Dots<'a> {
    rows: &'a [&'a [f32]],
    copies: &'a [&'a [f32]],
    w: Shared,
    out: SharedSums,
}

/// A chunk of a copy.
#[derive(Clone, Copy)]
struct Part {
    integers: *const i16,
    scales: *const f32,
}

impl Part {
    /// # Safety
    /// A copy of a vector that has this chunk.
    #[inline(always)]
    unsafe fn of(copy: *const f32, chunk: &Chunk) -> Self {
        // SAFETY: as the caller promises.
        unsafe {
            let first = copy.add(place(chunk.flat));
            Self { integers: first.cast(), scales: first.add(tiles(chunk) * TILE / 2) }
        }
    }
}

/// Asks for this tile of these copies. A chunk of a row is too short for the processor to see what is read next, so one
/// group of rows asks for the group after it.
#[inline(always)]
fn fetch(copies: &[&[f32]], chunk: &Chunk, tile: usize) {
    for copy in copies {
        // Lines of 32 integers, which are 16 places.
        for line in 0..TILE / 32 {
            hint(copy.as_ptr().wrapping_add(place(chunk.flat) + tile * TILE / 2 + 16 * line));
        }
    }
}

/// The group of at most so many after this place.
#[inline(always)]
fn group<'a, 'b>(copies: &'a [&'b [f32]], first: usize, most: usize) -> &'a [&'b [f32]] {
    let first = first.min(copies.len());
    &copies[first..copies.len().min(first + most)]
}

fn tiles(chunk: &Chunk) -> usize {
    chunk.len.div_ceil(TILE)
}

impl Pass for Round {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        // SAFETY: within the padded vector and its copy, of which nobody else has this chunk.
        unsafe {
            let Part { integers, scales } = Part::of(self.copy.0, chunk);
            for tile in 0..tiles(chunk) {
                let w = self.w.0.add(chunk.flat + tile * TILE);
                let mut largest = V::splat(0.0);
                let mut i = 0;
                while i < TILE {
                    let x = V::mul(V::splat(self.factor), V::load(w.add(i)));
                    V::write(w.add(i), x);
                    largest = V::max(largest, V::abs(x));
                    i += V::N;
                }
                let (scale, inverse) = scale(V::largest(largest));
                *scales.cast_mut().add(tile) = scale;
                let to = integers.cast_mut().add(tile * TILE);
                i = 0;
                while i < TILE {
                    V::write_short(to.add(i), V::mul(V::splat(inverse), V::load(w.add(i))));
                    i += V::N;
                }
            }
        }
        [0.0; SUMS]
    }
}

impl Pass for Subtract<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let mut first = 0;
        while first < self.copies.len() {
            let count = TOGETHER.min(self.copies.len() - first);
            let after = group(self.copies, first + count, TOGETHER);
            // SAFETY: within the padded vectors and their copies, all of one length.
            unsafe {
                let mut parts = [Part::of(self.copies[first].as_ptr(), chunk); TOGETHER];
                for (row, part) in parts.iter_mut().enumerate().take(count) {
                    *part = Part::of(self.copies[first + row].as_ptr(), chunk);
                }
                for tile in 0..tiles(chunk) {
                    fetch(after, chunk, tile);
                    let mut factors = [V::splat(0.0); TOGETHER];
                    for row in 0..count {
                        factors[row] =
                            V::splat(-(self.coefficients[first + row] * *parts[row].scales.add(tile)));
                    }
                    let to = self.w.0.add(chunk.flat + tile * TILE);
                    let mut i = 0;
                    while i < TILE {
                        let mut w = V::load(to.add(i));
                        for row in 0..count {
                            let x = V::load_short(parts[row].integers.add(tile * TILE + i));
                            w = V::fma(factors[row], x, w);
                        }
                        V::write(to.add(i), w);
                        i += V::N;
                    }
                }
            }
            first += count;
        }
        // SAFETY: as above.
        [unsafe { squares::<V>(self.w.0, chunk) }, 0.0, 0.0]
    }
}

impl Pass for Dots<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let to = chunk.flat / CHUNK * self.copies.len();
        let mut first = 0;
        while first < self.copies.len() {
            let together = if V::N == LANES { TOGETHER } else { TOGETHER / 2 };
            let count = together.min(self.copies.len() - first);
            let after = group(self.copies, first + count, together);
            let mut sums = [[V::zero_sums(); MAX_PARTS]; TOGETHER];
            // SAFETY: within the padded vectors and their copies, all of one length; these sums are this chunk's own.
            unsafe {
                for tile in 0..tiles(chunk) {
                    fetch(after, chunk, tile);
                    let w = self.w.0.add(chunk.flat + tile * TILE);
                    for (row, sums) in sums.iter_mut().enumerate().take(count) {
                        let copy = Part::of(self.copies[first + row].as_ptr(), chunk);
                        let scale = *copy.scales.add(tile);
                        if scale < HEAVY {
                            add_light::<V>(sums, copy.integers.add(tile * TILE), scale, w);
                        } else {
                            add_heavy::<V>(
                                sums,
                                self.rows[first + row].as_ptr().add(chunk.flat + tile * TILE),
                                w,
                            );
                        }
                    }
                }
                for (row, parts) in sums.into_iter().enumerate().take(count) {
                    *self.out.0.add(to + first + row) = total::<V>(parts);
                }
            }
            first += count;
        }
        [0.0; SUMS]
    }
}

/// sums + x·w of a tile: four products a lane in f32, their sum times the scale in f64.
///
/// # Safety
/// A tile at each pointer.
#[inline(always)]
unsafe fn add_light<V: Lanes>(sums: &mut [V::D; MAX_PARTS], x: *const i16, scale: f32, w: *const f32) {
    for (part, sum) in sums.iter_mut().enumerate().take(LANES / V::N) {
        let lane = part * V::N;
        // SAFETY: as the caller promises.
        unsafe {
            let mut four = V::mul(V::load_short(x.add(lane)), V::load(w.add(lane)));
            let mut i = lane + LANES;
            while i < TILE {
                four = V::fma(V::load_short(x.add(i)), V::load(w.add(i)), four);
                i += LANES;
            }
            *sum = V::add_products(*sum, four, V::splat(scale));
        }
    }
}

/// sums + x·w of a tile, all in f64.
///
/// # Safety
/// A tile at each pointer.
#[inline(always)]
unsafe fn add_heavy<V: Lanes>(sums: &mut [V::D; MAX_PARTS], x: *const f32, w: *const f32) {
    let mut i = 0;
    while i < TILE {
        for sum in sums.iter_mut().take(LANES / V::N) {
            // SAFETY: as the caller promises.
            *sum = unsafe { V::add_products(*sum, V::load(x.add(i)), V::load(w.add(i))) };
            i += V::N;
        }
    }
}

impl Rows {
    /// w ← factor·w; its copy.
    pub fn round(&mut self, factor: f32, w: &mut [f32], copy: &mut [f32]) {
        let pass = Round { factor, w: Shared(w.as_mut_ptr()), copy: Shared(copy.as_mut_ptr()) };
        self.run(&pass, 1);
    }

    /// w ← w − Σ cᵢ·rowᵢ, of whose rows these are copies; w·w.
    pub fn subtract_rounded(&mut self, copies: &[&[f32]], coefficients: &[f32], w: &mut [f32]) -> f64 {
        let pass = Subtract { copies, coefficients, w: Shared(w.as_mut_ptr()) };
        self.run(&pass, copies.len() + 1)
    }

    /// rowᵢ·w of each row, which has this copy.
    pub fn dots_rounded(&mut self, rows: &[&[f32]], copies: &[&[f32]], w: &[f32]) -> Vec<f64> {
        debug_assert!(rows.len() == copies.len());
        self.sums_of_rows(rows.len(), |out| Dots { rows, copies, w: read(w), out }).1
    }

    /// w ← w − c·v; w·w, and rowᵢ·w of each row, which has this copy, in one pass.
    pub fn subtract_dots_rounded(
        &mut self,
        v: &[f32],
        c: f32,
        rows: &[&[f32]],
        copies: &[&[f32]],
        w: &mut [f32],
    ) -> (f64, Vec<f64>) {
        debug_assert!(rows.len() == copies.len());
        let w = Shared(w.as_mut_ptr());
        let subtract = rows::Subtract { rows: &[v], coefficients: &[c], w };
        self.sums_of_rows(rows.len(), |out| Then(subtract, Dots { rows, copies, w, out }))
    }
}
