//! The pass that ends a step: mean gradient, clipping, penalties, base optimizer and the write of W in one.

use super::io::{Earlier, EarlierAt, Flat, FlatAt, InputAt, Inputs, Outputs};
use super::lanes::{LANES, Lanes};
use super::pass::{At, Extent, Pass, SUMS, Sums, vectors};
use crate::backend::Mix;
use crate::layout::Chunk;
use crate::optimizer::{ElementRule, MOMENTS, kept};
use crate::penalty::Penalty;

/// The mean gradient of a step, from its parts: rest·(bank + scale·(sum·G + (pair·P + last·g))).
#[derive(Clone, Copy)]
pub(crate) struct Mean<'a> {
    pub mix: Mix,
    pub scale: f32,
    /// Gradients of earlier micro-batches, and what their total is multiplied with.
    pub bank: Option<(Flat<'a>, f32)>,
    pub g: Inputs<'a>,
    pub pair: Option<Flat<'a>>,
    pub sum: Option<Flat<'a>>,
}

/// The same in one chunk.
#[derive(Clone, Copy)]
struct MeanAt {
    mix: Mix,
    scale: f32,
    bank: Option<(FlatAt, f32)>,
    g: InputAt,
    pair: Option<FlatAt>,
    sum: Option<FlatAt>,
}

impl Mean<'_> {
    #[inline(always)]
    unsafe fn at(&self, chunk: &Chunk) -> MeanAt {
        // SAFETY: passed on.
        unsafe {
            MeanAt {
                mix: self.mix,
                scale: self.scale,
                bank: self.bank.map(|(bank, rest)| (bank.at(chunk), rest)),
                g: self.g.at(chunk),
                pair: self.pair.map(|pair| pair.at(chunk)),
                sum: self.sum.map(|sum| sum.at(chunk)),
            }
        }
    }
}

impl MeanAt {
    /// g − P, from one half of a pair to the other: what they have in common must be gone before it is multiplied.
    #[inline(always)]
    unsafe fn change<V: Lanes, const CUT: bool>(&self, at: At<CUT>, g: V::F) -> V::F {
        // SAFETY: passed on.
        self.pair.map_or(g, |pair| V::sub(g, unsafe { pair.get::<V, _>(at) }))
    }

    /// The mean gradient, given the last one.
    #[inline(always)]
    unsafe fn get<V: Lanes, const CUT: bool>(&self, at: At<CUT>, g: V::F) -> V::F {
        // SAFETY: passed on.
        unsafe {
            let mut total = if self.mix.last == 1.0 { g } else { V::mul(V::splat(self.mix.last), g) };
            if let Some(pair) = self.pair {
                total = V::fma(V::splat(self.mix.pair), pair.get::<V, _>(at), total);
            }
            if let Some(sum) = self.sum {
                total = V::fma(V::splat(self.mix.sum), sum.get::<V, _>(at), total);
            }
            let mean = V::mul(V::splat(self.scale), total);
            match self.bank {
                None => mean,
                Some((bank, rest)) => V::mul(V::splat(rest), V::add(bank.get::<V, _>(at), mean)),
            }
        }
    }
}

/// sum mean²: read only, and not finite exactly where the mean gradient is not
pub(crate) struct MeanNorm<'a>(pub Mean<'a>);

impl Pass for MeanNorm<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let mut sums = Sums::<V>::new();
        // SAFETY: passed on.
        unsafe {
            let mean = self.0.at(chunk);
            vectors!(V, chunk, at; draws []; ahead [mean.g] => {
                let mean = mean.get::<V, _>(at, mean.g.get::<V, _>(at));
                sums.add(0, at.part, mean, mean);
            });
        }
        sums.total()
    }
}

/// largest |g|: read only
pub(crate) struct Reach<'a>(pub Inputs<'a>);

impl Pass for Reach<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let mut extent = Extent::<V>::new();
        let g = self.0.at(chunk);
        // SAFETY: passed on.
        unsafe {
            vectors!(V, chunk, at; draws []; ahead [g] => {
                extent.add(g.get::<V, _>(at));
            });
        }
        [extent.total(), 0.0, 0.0]
    }
}

/// target ← mean (+= with `add`) · out ← W · sum −σU·(g − P): for base optimizers that live elsewhere, and for micro-batches
pub(crate) struct Store<'a> {
    pub here: Option<Earlier<'a>>,
    pub mean: Mean<'a>,
    pub target: Flat<'a>,
    pub add: bool,
    pub w: Flat<'a>,
    pub out: Outputs<'a>,
}

impl Pass for Store<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let add = self.add;
        let mut sums = Sums::<V>::new();
        // SAFETY: passed on.
        unsafe {
            let (mean, target) = (self.mean.at(chunk), self.target.at(chunk));
            let (w, out) = (self.w.at(chunk), self.out.at(chunk));
            let here = self.here.map_or(EarlierAt::default(), |here| here.at(chunk));
            vectors!(V, chunk, at; draws []; ahead [target, w, out] => {
                let (g, w) = (mean.g.get::<V, _>(at), w.get::<V, _>(at));
                let value = mean.get::<V, _>(at, g);
                sums.add(0, at.part, here.offset::<V, _>(at, w), mean.change::<V, _>(at, g));
                target.set::<V, _>(at, if add { V::add(target.get::<V, _>(at), value) } else { value });
                out.set::<V, _>(at, w);
            });
        }
        sums.total()
    }
}

/// W ← rule(W, mean) · out ← W · sum −σU·(g − P)
pub(crate) struct Update<'a, R> {
    pub here: Option<Earlier<'a>>,
    pub mean: Mean<'a>,
    pub rule: &'a R,
    /// Bound of each element of the mean gradient; infinite for none.
    pub clip: f32,
    /// One a tensor.
    pub penalties: &'a [Penalty],
    /// η, for decoupled decay.
    pub learning_rate: f64,
    pub w: Flat<'a>,
    pub origin: Option<Flat<'a>>,
    pub moments: [Option<Flat<'a>>; MOMENTS],
    /// Tensors that any gradient of this step reached; the others stay as they are.
    pub reached: &'a [bool],
    pub out: Outputs<'a>,
}

impl<R: ElementRule> Pass for Update<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Lanes>(&self, chunk: &Chunk) -> [f64; SUMS] {
        // SAFETY: passed on.
        unsafe {
            if !self.reached[chunk.tensor] {
                let (w, out) = (self.w.at(chunk), self.out.at(chunk));
                vectors!(V, chunk, at; draws []; ahead [] => {
                    out.set::<V, _>(at, w.get::<V, _>(at));
                });
                return [0.0; SUMS];
            }
            // Most steps have none of these, and then a loop without their branches.
            if self.clip.is_finite() || self.penalties[chunk.tensor].pulls() {
                self.update::<V, true>(chunk)
            } else {
                self.update::<V, false>(chunk)
            }
        }
    }
}

impl<R: ElementRule> Update<'_, R> {
    /// The chunk of a tensor that a gradient reached; `SHAPED`: the mean gradient is clipped, or a penalty added.
    ///
    /// # Safety
    /// As for [`Pass::run`].
    #[inline(always)]
    unsafe fn update<V: Lanes, const SHAPED: bool>(&self, chunk: &Chunk) -> [f64; SUMS] {
        let penalty = self.penalties[chunk.tensor];
        let (rule, clip, keep) = (self.rule, self.clip, V::splat(penalty.keep(self.learning_rate)));
        let mut sums = Sums::<V>::new();
        // SAFETY: passed on.
        unsafe {
            let (w, out, mean) = (self.w.at(chunk), self.out.at(chunk), self.mean.at(chunk));
            let origin = self.origin.filter(|_| penalty.distance != 0.0).map(|origin| origin.at(chunk));
            let mut vectors = [w; MOMENTS];
            for (slot, vector) in vectors.iter_mut().zip(self.moments) {
                *slot = vector.map_or(w, |vector| vector.at(chunk));
            }
            let here = self.here.map_or(EarlierAt::default(), |here| here.at(chunk));
            // Besides: P, or W again where there is none, which is harmless.
            let pair = mean.pair.unwrap_or(w);
            vectors!(V, chunk, at; draws []; ahead [w, out, mean.g, vectors[0], pair] => {
                let g = mean.g.get::<V, _>(at);
                let weight = w.get::<V, _>(at);
                sums.add(0, at.part, here.offset::<V, _>(at, weight), mean.change::<V, _>(at, g));
                let mut gradient = mean.get::<V, _>(at, g);
                if SHAPED {
                    if clip.is_finite() {
                        gradient = V::max(V::min(gradient, V::splat(clip)), V::splat(-clip));
                    }
                    gradient = V::fma(V::splat(penalty.l2), weight, gradient);
                    if let Some(origin) = origin {
                        let from = V::sub(weight, origin.get::<V, _>(at));
                        gradient = V::fma(V::splat(penalty.distance), from, gradient);
                    }
                }
                let mut moments = [g; MOMENTS];
                for i in 0..R::MOMENTS {
                    moments[i] = vectors[i].get::<V, _>(at);
                }
                let (weight, moments) = rule.update::<V>(V::mul(keep, weight), gradient, moments);
                for i in 0..R::MOMENTS {
                    vectors[i].set::<V, _>(at, kept::<V>(moments[i]));
                }
                w.set::<V, _>(at, weight);
                out.set::<V, _>(at, weight);
            });
        }
        sums.total()
    }
}
