//! The shape of a fused pass, and the loop that runs one chunk of it.
//!
//! Draws are made a block at a time into L1 and consumed from there: drawing and consuming compete for different
//! execution ports, and the two phases together are faster than one interleaved loop.

use super::lanes::{LANES, Lanes, MAX_PARTS, fold_lanes};
use crate::layout::{Chunk, TILE};
use crate::noise::{Ahead, Draw, TileSigns, Tiles, Words};
use std::mem::MaybeUninit;

/// Elements drawn before they are consumed: 2 kB of L1 a draw.
pub(crate) const BLOCK: usize = 512;
pub(crate) use crate::backend::ledger::SUMS;

/// One pass over memory.
pub(crate) trait Pass: Sync {
    /// Does one chunk of it; returns its sums.
    ///
    /// # Safety
    /// The chunk is of the layout of the slices the pass was made from, and no other thread works on it.
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS];
}

/// One pass after another over each chunk, which the first leaves in L1 for the second; the sums of the first.
pub(crate) struct Then<A, B>(pub A, pub B);

impl<A: Pass, B: Pass> Pass for Then<A, B> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        // SAFETY: passed on.
        unsafe {
            let sums = self.0.run::<V>(chunk);
            self.1.run::<V>(chunk);
            sums
        }
    }
}

/// Where a vector of lanes stands. All lanes count, but in one that the end of the tensor cuts, where the first `n` do.
#[derive(Clone, Copy)]
pub(crate) struct At<const CUT: bool> {
    /// First element, within the chunk.
    pub element: usize,
    pub n: usize,
    /// Place of the vector among those that make up 16 lanes.
    pub part: usize,
}

/// Sums in f64, 16 lanes each; lane `i mod 16` takes element `i`.
pub(crate) struct Sums<V: Lanes>([[V::D; MAX_PARTS]; SUMS]);

impl<V: Lanes> Sums<V> {
    #[inline(always)]
    pub fn new() -> Self {
        Self([[V::zero_sums(); MAX_PARTS]; SUMS])
    }

    /// Sum number `which` += a·b.
    #[inline(always)]
    pub fn add(&mut self, which: usize, part: usize, a: V::F, b: V::F) {
        let sum = &mut self.0[which][part];
        *sum = V::add_products(*sum, a, b);
    }

    #[inline(always)]
    pub fn total(self) -> [f64; SUMS] {
        self.0.map(|parts| {
            let mut lanes = [0.0; LANES];
            for (part, sums) in parts.into_iter().enumerate().take(LANES / V::N) {
                V::sums(sums, &mut lanes[V::N * part..]);
            }
            fold_lanes(lanes)
        })
    }
}

/// The largest |x|, which is not finite exactly where an x is not: of the bits, where infinity comes after all numbers, and
/// NaN after infinity. A quarter of the work of [`Sums`].
pub(crate) struct Extent<V: Lanes>(V::U);

impl<V: Lanes> Extent<V> {
    #[inline(always)]
    pub fn new() -> Self {
        Self(V::word(0))
    }

    #[inline(always)]
    pub fn add(&mut self, x: V::F) {
        self.0 = V::max_word(self.0, V::bits(V::abs(x)));
    }

    #[inline(always)]
    pub fn total(self) -> f64 {
        let mut lanes = [0f32; LANES];
        V::store(&mut lanes, V::float_bits(self.0));
        let largest = lanes.into_iter().map(f32::to_bits).max().unwrap_or(0);
        f64::from(f32::from_bits(largest))
    }
}

/// Draws of one block, in L1, and where the next ones come from: nothing but zeros where there is no draw.
pub(crate) struct Block {
    /// Only the first tile has a value where signs are drawn: their words.
    draws: MaybeUninit<[f32; BLOCK]>,
    tiles: Option<Tiles>,
}

impl Block {
    /// Nothing yet. `begin` writes in place, for what is made elsewhere is moved, and a chunk of signs takes little longer than
    /// that.
    ///
    /// # Safety
    /// `begin` comes before anything else.
    #[inline(always)]
    pub unsafe fn empty() -> Self {
        Self { draws: MaybeUninit::uninit(), tiles: None }
    }

    /// The draws of a chunk.
    #[inline(always)]
    pub fn begin(&mut self, draw: Option<Draw>, chunk: &Chunk) {
        let first = (chunk.start / TILE) as u32;
        self.tiles = draw.map(|draw| Tiles::new(draw, chunk.tensor as u32, first));
        let signs = self.tiles.as_ref().is_some_and(Tiles::of_signs);
        let valued = if signs { TILE } else { BLOCK };
        // SAFETY: within the block.
        unsafe { self.draws.as_mut_ptr().cast::<f32>().write_bytes(0, valued) };
    }

    /// Draws the next `len` elements of the chunk. Signs are made later, of words that a whole block shares.
    #[inline(always)]
    pub fn fill<V: Lanes>(&mut self, len: usize, ahead: Ahead<'_>) {
        let Some(tiles) = &mut self.tiles else { return };
        if tiles.of_signs() {
            // SAFETY: `begin` has given the first tile a value.
            tiles.ready::<V>(unsafe { &mut *self.draws.as_mut_ptr().cast() });
        } else {
            // SAFETY: `begin` has given it a value.
            let draws = unsafe { self.draws.assume_init_mut() };
            V::fill(tiles, ahead, &mut draws[..len.next_multiple_of(TILE)]);
        }
    }

    /// The draws of the tile that begins at place `first` of the block.
    #[inline(always)]
    pub fn tile(&self, first: usize) -> Drawn<'_> {
        debug_assert!(first + TILE <= BLOCK);
        match &self.tiles {
            Some(tiles) if tiles.of_signs() => {
                // SAFETY: as in `fill`.
                let words = unsafe { &*self.draws.as_ptr().cast::<Words>() };
                Drawn::Signs(tiles.signs(words, first / TILE))
            }
            // SAFETY: within the block, all of which `begin` has given a value.
            _ => Drawn::Kept(unsafe { self.draws.as_ptr().cast::<f32>().add(first) }),
        }
    }

    /// After a block, before the next one.
    #[inline(always)]
    pub fn done(&mut self) {
        if let Some(tiles) = &mut self.tiles
            && tiles.of_signs()
        {
            tiles.skip(BLOCK / TILE);
        }
    }
}

/// The draws of one tile.
pub(crate) enum Drawn<'a> {
    Kept(*const f32),
    Signs(TileSigns<'a>),
}

impl Drawn<'_> {
    /// N of them, from element `i` of the tile on.
    #[inline(always)]
    pub fn get<V: Lanes>(&self, i: usize) -> V::F {
        debug_assert!(i + V::N <= TILE);
        match self {
            // SAFETY: `vectors!` counts in steps of N below a tile.
            Self::Kept(first) => unsafe { V::load(first.add(i)) },
            Self::Signs(signs) => signs.get::<V>(i),
        }
    }
}

/// Runs a body for each vector of a chunk: `vectors!(V, chunk, at; draws [u = draw]; ahead [w, out] => { body })`. `u` holds
/// the draw's elements, 0 where the draw is `None`; the memory named after `ahead` is fetched while they are drawn, and a
/// block early where the pass draws nothing. Signs, and no draws at all, leave no time to fetch in. A macro and not a function
/// that takes a closure, because closures do not take on the instruction set of the function that they are written in. The
/// body is expanded three times: for whole tiles where something is drawn, for whole vectors, and for those at a tensor's end.
macro_rules! vectors {
    ($V:ident, $chunk:expr, $at:ident; draws [$($u:ident = $draw:expr),*]; ahead [$($ahead:expr),*] => $body:block) => {{
        let chunk: &Chunk = $chunk;
        $(let mut $u = $crate::backend::cpu::pass::Block::empty();)*
        $($u.begin($draw, chunk);)*
        const DRAWN: &[&str] = &[$(stringify!($u)),*];
        let mut done = 0;
        while done < chunk.len {
            let len = $crate::backend::cpu::pass::BLOCK.min(chunk.len - done);
            let _ahead: &[*const f32] = &[$($ahead.ahead(done)),*];
            $($u.fill::<$V>(len, _ahead);)*
            let (tiles, whole) = (len - len % $crate::layout::TILE, len - len % LANES);
            let mut i = 0;
            // A tile at a time, for what its draws are of is found once then.
            while !DRAWN.is_empty() && i < tiles {
                $(let $u = $u.tile(i);)*
                for within in (0..$crate::layout::TILE).step_by($V::N) {
                    let $at = At::<false> { element: done + i + within, n: $V::N, part: within % LANES / $V::N };
                    $(let $u = $u.get::<$V>(within);)*
                    $body
                }
                i += $crate::layout::TILE;
            }
            while i < whole {
                if DRAWN.is_empty() {
                    $($crate::noise::hint($ahead.ahead(done + i + $crate::backend::cpu::pass::BLOCK));)*
                }
                for part in 0..LANES / $V::N {
                    let $at = At::<false> { element: done + i, n: $V::N, part };
                    $(let $u = $u.tile(i - i % $crate::layout::TILE).get::<$V>(i % $crate::layout::TILE);)*
                    $body
                    i += $V::N;
                }
            }
            let mut part = 0;
            while i < len {
                let $at = At::<true> { element: done + i, n: $V::N.min(len - i), part };
                $(let $u = $u.tile(i - i % $crate::layout::TILE).get::<$V>(i % $crate::layout::TILE);)*
                $body
                i += $V::N;
                part += 1;
            }
            $($u.done();)*
            done += len;
        }
    }};
}
pub(crate) use vectors;
