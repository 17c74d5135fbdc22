//! The fused passes between two gradients, each as what it does to a vector of elements. [`crate::backend::Backend`]
//! says what each is for; the one that ends a step is [`super::finish`].

use super::io::{Earlier, Flat, Inputs, Outputs};
use super::lanes::{LANES, Lanes};
use super::pass::{At, Extent, Pass, SUMS, Sums, vectors};
use crate::backend::{Direction, Keep, Metric, Noise};
use crate::layout::Chunk;
use crate::noise::Draw;

impl Noise<'_> {
    /// σ of this tensor, and the draw, if it is perturbed at all.
    #[inline(always)]
    pub(crate) fn of(&self, tensor: usize) -> (f32, Option<Draw>) {
        let scale = self.scales[tensor];
        (scale, (scale != 0.0).then_some(self.draw))
    }
}

/// w + σu; w itself, to the bit, where σ is 0.
#[inline(always)]
pub(crate) fn moved<V: Lanes>(scale: f32, u: V::F, w: V::F) -> V::F {
    if scale == 0.0 { w } else { V::fma(V::splat(scale), u, w) }
}

/// w − σu, as far from w as rounding let w + σu go, up to its own rounding.
#[inline(always)]
pub(crate) fn mirrored<V: Lanes>(plus: V::F, w: V::F) -> V::F {
    V::sub(w, V::sub(plus, w))
}

/// out ← W + σU
pub(crate) struct Perturb<'a> {
    pub noise: Noise<'a>,
    pub w: Flat<'a>,
    pub out: Outputs<'a>,
}

impl Pass for Perturb<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let (scale, draw) = self.noise.of(chunk.tensor);
        // SAFETY: passed on.
        unsafe {
            let (w, out) = (self.w.at(chunk), self.out.at(chunk));
            // Apart, so that no vector asks whether there is noise.
            if draw.is_none() {
                vectors!(V, chunk, at; draws []; ahead [w, out] => {
                    out.set::<V, _>(at, w.get::<V, _>(at));
                });
            } else {
                vectors!(V, chunk, at; draws [u = draw]; ahead [w, out] => {
                    out.set::<V, _>(at, moved::<V>(scale, u, w.get::<V, _>(at)));
                });
            }
        }
        [0.0; SUMS]
    }
}

/// P ← g · largest |g| · out ← W − σU
pub(crate) struct Flip<'a> {
    /// Whether P is too long to stay in a cache until it is read.
    pub past: bool,
    pub here: Earlier<'a>,
    pub w: Flat<'a>,
    pub g: Inputs<'a>,
    pub pair: Flat<'a>,
    pub out: Outputs<'a>,
}

impl Pass for Flip<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let (g, past) = (self.g.at(chunk), self.past);
        let mut extent = Extent::<V>::new();
        // SAFETY: passed on.
        unsafe {
            let (w, pair, out) = (self.w.at(chunk), self.pair.at(chunk), self.out.at(chunk));
            let here = self.here.at(chunk);
            vectors!(V, chunk, at; draws []; ahead [w, g, out] => {
                let (g, w) = (g.get::<V, _>(at), w.get::<V, _>(at));
                let offset = here.offset::<V, _>(at, w);
                if past {
                    pair.set_past::<V, _>(at, g);
                } else {
                    pair.set::<V, _>(at, g);
                }
                out.set::<V, _>(at, V::sub(w, offset));
                extent.add(g);
            });
        }
        if past {
            V::past();
        }
        [extent.total(), 0.0, 0.0]
    }
}

/// G += P + g · sum −σU·(g − P) · out ← W + σU of the next draw
pub(crate) struct Accumulate<'a> {
    pub here: Earlier<'a>,
    pub next: Noise<'a>,
    pub first: bool,
    pub w: Flat<'a>,
    pub g: Inputs<'a>,
    pub pair: Flat<'a>,
    pub sum: Flat<'a>,
    pub out: Outputs<'a>,
}

impl Pass for Accumulate<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let (scale, draw) = self.next.of(chunk.tensor);
        let (g, first) = (self.g.at(chunk), self.first);
        let mut sums = Sums::<V>::new();
        // SAFETY: passed on.
        unsafe {
            let (w, pair, sum) = (self.w.at(chunk), self.pair.at(chunk), self.sum.at(chunk));
            let (here, out) = (self.here.at(chunk), self.out.at(chunk));
            vectors!(V, chunk, at; draws [next = draw]; ahead [w, g, pair, sum, out] => {
                let (g, w) = (g.get::<V, _>(at), w.get::<V, _>(at));
                let offset = here.offset::<V, _>(at, w);
                let first_half = pair.get::<V, _>(at);
                let both = V::add(first_half, g);
                sum.set::<V, _>(at, if first { both } else { V::add(sum.get::<V, _>(at), both) });
                out.set::<V, _>(at, moved::<V>(scale, next, w));
                sums.add(0, at.part, offset, V::sub(g, first_half));
            });
        }
        sums.total()
    }
}

/// G += c·g · out ← W + σU of the next draw · sum g²
pub(crate) struct Collect<'a> {
    pub next: Noise<'a>,
    pub factor: f32,
    pub first: bool,
    pub w: Flat<'a>,
    pub g: Inputs<'a>,
    pub sum: Flat<'a>,
    pub out: Outputs<'a>,
}

impl Pass for Collect<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let (scale, draw) = self.next.of(chunk.tensor);
        let (g, factor, first) = (self.g.at(chunk), V::splat(self.factor), self.first);
        let mut sums = Sums::<V>::new();
        // SAFETY: passed on.
        unsafe {
            let (w, sum, out) = (self.w.at(chunk), self.sum.at(chunk), self.out.at(chunk));
            vectors!(V, chunk, at; draws [next = draw]; ahead [w, g, sum, out] => {
                let g = g.get::<V, _>(at);
                let scaled = V::mul(factor, g);
                sum.set::<V, _>(at, if first { scaled } else { V::add(sum.get::<V, _>(at), scaled) });
                out.set::<V, _>(at, moved::<V>(scale, next, w.get::<V, _>(at)));
                sums.add(0, at.part, g, g);
            });
        }
        sums.total()
    }
}

/// sums g·g, g·P, P·P: read only
pub(crate) struct Products<'a> {
    pub g: Inputs<'a>,
    pub pair: Option<Flat<'a>>,
}

impl Pass for Products<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let g = self.g.at(chunk);
        let mut sums = Sums::<V>::new();
        // SAFETY: passed on.
        unsafe {
            match self.pair {
                None => vectors!(V, chunk, at; draws []; ahead [] => {
                    let g = g.get::<V, _>(at);
                    sums.add(0, at.part, g, g);
                }),
                Some(pair) => {
                    let pair = pair.at(chunk);
                    vectors!(V, chunk, at; draws []; ahead [] => {
                        let (g, p) = (g.get::<V, _>(at), pair.get::<V, _>(at));
                        sums.add(0, at.part, g, g);
                        sums.add(1, at.part, g, p);
                        sums.add(2, at.part, p, p);
                    });
                }
            }
        }
        sums.total()
    }
}

/// sum x² of a direction x, in its metric: read only
pub(crate) struct Norm<'a> {
    pub direction: Direction,
    pub w: Flat<'a>,
    pub g: Inputs<'a>,
    pub pair: Option<Flat<'a>>,
}

impl Pass for Norm<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let (direction, g) = (self.direction, self.g.at(chunk));
        let mut sums = Sums::<V>::new();
        // SAFETY: passed on.
        unsafe {
            let (w, pair) = (self.w.at(chunk), self.pair.map(|pair| pair.at(chunk)));
            vectors!(V, chunk, at; draws []; ahead [] => {
                let p = pair.map_or(V::splat(0.0), |pair| pair.get::<V, _>(at));
                let mut x = mixed::<V>(direction, g.get::<V, _>(at), p);
                if direction.metric == Metric::Weights {
                    x = V::mul(w.get::<V, _>(at), x);
                }
                sums.add(0, at.part, x, x);
            });
        }
        sums.total()
    }
}

/// out ← W + c·x of a direction x (c·w²·x in the metric of the weights) · P ← kept·P + taken·g
pub(crate) struct Ascend<'a> {
    pub scales: &'a [f32],
    pub direction: Direction,
    pub keep: Option<Keep>,
    pub w: Flat<'a>,
    pub g: Inputs<'a>,
    pub pair: Option<Flat<'a>>,
    pub out: Outputs<'a>,
}

impl Pass for Ascend<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let (direction, keep, scale) = (self.direction, self.keep, self.scales[chunk.tensor]);
        let g = self.g.at(chunk);
        // SAFETY: passed on.
        unsafe {
            let (w, out) = (self.w.at(chunk), self.out.at(chunk));
            let pair = self.pair.map(|pair| pair.at(chunk));
            vectors!(V, chunk, at; draws []; ahead [] => {
                let (w, g) = (w.get::<V, _>(at), g.get::<V, _>(at));
                let p = pair.map_or(V::splat(0.0), |pair| pair.get::<V, _>(at));
                let mut x = mixed::<V>(direction, g, p);
                if direction.metric == Metric::Weights {
                    x = V::mul(V::mul(w, w), x);
                }
                out.set::<V, _>(at, moved::<V>(scale, x, w));
                if let (Some(keep), Some(pair)) = (keep, pair) {
                    let old = if keep.old == 0.0 { V::splat(0.0) } else { V::mul(V::splat(keep.old), p) };
                    pair.set::<V, _>(at, V::fma(V::splat(keep.new), g, old));
                }
            });
        }
        [0.0; SUMS]
    }
}

/// last·g + pair·P
#[inline(always)]
fn mixed<V: Lanes>(direction: Direction, g: V::F, p: V::F) -> V::F {
    let last = if direction.last == 1.0 { g } else { V::mul(V::splat(direction.last), g) };
    if direction.pair == 0.0 { last } else { V::fma(V::splat(direction.pair), p, last) }
}
