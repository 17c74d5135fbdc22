//! The fused passes, each as what it does to 16 elements. [`crate::backend::Backend`] says what each is for.

use super::io::{Flat, Inputs, Outputs};
use super::lanes::Lanes;
use super::pass::{At, Pass};
use crate::backend::Noise;
use crate::noise::Draw;
use crate::optimizer::ElementRule;

impl Noise<'_> {
    /// The draw for this tensor, if it is perturbed at all.
    fn of(&self, tensor: usize) -> Option<Draw> {
        (self.scales[tensor] != 0.0).then_some(self.draw)
    }

    /// w + sign·σu; w itself, to the bit, where σ is 0.
    #[inline(always)]
    fn moved<V: Lanes>(&self, tensor: usize, sign: f32, u: V::F, w: V::F) -> V::F {
        match self.scales[tensor] {
            0.0 => w,
            scale => V::fma(V::splat(sign * scale), u, w),
        }
    }
}

/// out ← W + σU
pub(crate) struct Perturb<'a> {
    pub noise: Noise<'a>,
    pub w: Flat<'a>,
    pub out: Outputs<'a>,
}

impl Pass for Perturb<'_> {
    fn draws(&self, tensor: usize) -> [Option<Draw>; 2] {
        [self.noise.of(tensor), None]
    }
    #[inline(always)]
    unsafe fn vector<V: Lanes>(&self, at: At, [u, _]: [V::F; 2], sums: V::D) -> V::D {
        // SAFETY: passed on.
        unsafe { self.out.set::<V>(at, self.noise.moved::<V>(at.tensor, 1.0, u, self.w.get::<V>(at))) };
        sums
    }
}

/// P ← g · sum U·g · out ← W − σU
pub(crate) struct Flip<'a> {
    pub noise: Noise<'a>,
    pub w: Flat<'a>,
    pub g: Inputs<'a>,
    pub pair: Flat<'a>,
    pub out: Outputs<'a>,
}

impl Pass for Flip<'_> {
    fn draws(&self, tensor: usize) -> [Option<Draw>; 2] {
        [self.noise.of(tensor), None]
    }
    #[inline(always)]
    unsafe fn vector<V: Lanes>(&self, at: At, [u, _]: [V::F; 2], sums: V::D) -> V::D {
        // SAFETY: passed on.
        unsafe {
            let g = self.g.get::<V>(at);
            self.pair.set::<V>(at, g);
            self.out.set::<V>(at, self.noise.moved::<V>(at.tensor, -1.0, u, self.w.get::<V>(at)));
            V::add_products(sums, u, g)
        }
    }
}

/// G += P + g · sum U·g · out ← W + σU of the next draw
pub(crate) struct Accumulate<'a> {
    pub noise: Noise<'a>,
    pub next: Draw,
    pub first: bool,
    pub w: Flat<'a>,
    pub g: Inputs<'a>,
    pub pair: Flat<'a>,
    pub sum: Flat<'a>,
    pub out: Outputs<'a>,
}

impl Pass for Accumulate<'_> {
    fn draws(&self, tensor: usize) -> [Option<Draw>; 2] {
        let now = self.noise.of(tensor);
        [now, now.and(Some(self.next))]
    }
    #[inline(always)]
    unsafe fn vector<V: Lanes>(&self, at: At, [u, next]: [V::F; 2], sums: V::D) -> V::D {
        // SAFETY: passed on.
        unsafe {
            let g = self.g.get::<V>(at);
            let pair = V::add(self.pair.get::<V>(at), g);
            self.sum.set::<V>(at, if self.first { pair } else { V::add(self.sum.get::<V>(at), pair) });
            self.out.set::<V>(at, self.noise.moved::<V>(at.tensor, 1.0, next, self.w.get::<V>(at)));
            V::add_products(sums, u, g)
        }
    }
}

/// G += c·g · out ← W + σU of the next draw
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
    fn draws(&self, tensor: usize) -> [Option<Draw>; 2] {
        [self.next.of(tensor), None]
    }
    #[inline(always)]
    unsafe fn vector<V: Lanes>(&self, at: At, [next, _]: [V::F; 2], sums: V::D) -> V::D {
        // SAFETY: passed on.
        unsafe {
            let g = self.g.get::<V>(at);
            let scaled = V::mul(V::splat(self.factor), g);
            self.sum.set::<V>(at, if self.first { scaled } else { V::add(self.sum.get::<V>(at), scaled) });
            self.out.set::<V>(at, self.next.moved::<V>(at.tensor, 1.0, next, self.w.get::<V>(at)));
            V::add_products(sums, g, g)
        }
    }
}

/// W ← rule(W, scale·(G + (P + g))) · out ← W · sum U·g
pub(crate) struct Finish<'a, R> {
    pub noise: Option<Noise<'a>>,
    pub rule: &'a R,
    pub scale: f32,
    pub w: Flat<'a>,
    pub g: Inputs<'a>,
    pub pair: Option<Flat<'a>>,
    pub sum: Option<Flat<'a>>,
    pub moments: [Option<Flat<'a>>; 2],
    /// Tensors that any gradient of this step reached; the others stay as they are.
    pub reached: &'a [bool],
    pub out: Outputs<'a>,
}

impl<'a, R> Finish<'a, R> {
    /// The same pass with a base optimizer and its moments.
    pub fn with<S>(self, rule: &'a S, moments: [Option<Flat<'a>>; 2]) -> Finish<'a, S> {
        let Finish { noise, scale, w, g, pair, sum, reached, out, .. } = self;
        Finish { noise, rule, scale, w, g, pair, sum, moments, reached, out }
    }

    /// scale · (G + (P + g)), whichever parts there are.
    #[inline(always)]
    unsafe fn mean<V: Lanes>(&self, at: At, g: V::F) -> V::F {
        // SAFETY: passed on.
        unsafe {
            let pair = self.pair.map_or(g, |pair| V::add(pair.get::<V>(at), g));
            let total = self.sum.map_or(pair, |sum| V::add(sum.get::<V>(at), pair));
            V::mul(V::splat(self.scale), total)
        }
    }
}

impl<R: ElementRule> Pass for Finish<'_, R> {
    fn draws(&self, tensor: usize) -> [Option<Draw>; 2] {
        [self.noise.as_ref().and_then(|noise| noise.of(tensor)), None]
    }
    #[inline(always)]
    unsafe fn vector<V: Lanes>(&self, at: At, [u, _]: [V::F; 2], sums: V::D) -> V::D {
        // SAFETY: passed on.
        unsafe {
            let w = self.w.get::<V>(at);
            if !self.reached[at.tensor] {
                self.out.set::<V>(at, w);
                return sums;
            }
            let g = self.g.get::<V>(at);
            let mut moments = [g, g];
            for (slot, vector) in moments.iter_mut().zip(self.moments).take(R::MOMENTS) {
                *slot = vector.map_or(g, |vector| vector.get::<V>(at));
            }
            let (w, moments) = self.rule.update::<V>(w, self.mean::<V>(at, g), moments);
            for (value, vector) in moments.into_iter().zip(self.moments).take(R::MOMENTS) {
                if let Some(vector) = vector {
                    vector.set::<V>(at, value);
                }
            }
            self.w.set::<V>(at, w);
            self.out.set::<V>(at, w);
            V::add_products(sums, u, g)
        }
    }
}

/// G ← scale·(G + (P + g)) · out ← W · sum U·g: for base optimizers that live elsewhere
pub(crate) struct Mean<'a> {
    pub finish: Finish<'a, ()>,
    pub target: Flat<'a>,
}

impl Pass for Mean<'_> {
    fn draws(&self, tensor: usize) -> [Option<Draw>; 2] {
        [self.finish.noise.as_ref().and_then(|noise| noise.of(tensor)), None]
    }
    #[inline(always)]
    unsafe fn vector<V: Lanes>(&self, at: At, [u, _]: [V::F; 2], sums: V::D) -> V::D {
        // SAFETY: passed on.
        unsafe {
            let g = self.finish.g.get::<V>(at);
            self.target.set::<V>(at, self.finish.mean::<V>(at, g));
            self.finish.out.set::<V>(at, self.finish.w.get::<V>(at));
            V::add_products(sums, u, g)
        }
    }
}

/// sum (scale·(G + (P + g)))²: read only, and not finite exactly where the mean gradient is not
pub(crate) struct MeanNorm<'a, 'b>(pub &'b Finish<'a, ()>);

impl Pass for MeanNorm<'_, '_> {
    fn draws(&self, _: usize) -> [Option<Draw>; 2] {
        [None, None]
    }
    #[inline(always)]
    unsafe fn vector<V: Lanes>(&self, at: At, _: [V::F; 2], sums: V::D) -> V::D {
        // SAFETY: passed on.
        let mean = unsafe { self.0.mean::<V>(at, self.0.g.get::<V>(at)) };
        V::add_products(sums, mean, mean)
    }
}

/// sum g²
pub(crate) struct SquaredNorm<'a>(pub Inputs<'a>);

impl Pass for SquaredNorm<'_> {
    fn draws(&self, _: usize) -> [Option<Draw>; 2] {
        [None, None]
    }
    #[inline(always)]
    unsafe fn vector<V: Lanes>(&self, at: At, _: [V::F; 2], sums: V::D) -> V::D {
        // SAFETY: passed on.
        let g = unsafe { self.0.get::<V>(at) };
        V::add_products(sums, g, g)
    }
}

/// out ← W + scale·g
pub(crate) struct Ascend<'a> {
    pub scales: &'a [f32],
    pub w: Flat<'a>,
    pub g: Inputs<'a>,
    pub out: Outputs<'a>,
}

impl Pass for Ascend<'_> {
    fn draws(&self, _: usize) -> [Option<Draw>; 2] {
        [None, None]
    }
    #[inline(always)]
    unsafe fn vector<V: Lanes>(&self, at: At, _: [V::F; 2], sums: V::D) -> V::D {
        // SAFETY: passed on.
        unsafe {
            let w = self.w.get::<V>(at);
            let moved = match self.scales[at.tensor] {
                0.0 => w,
                scale => V::fma(V::splat(scale), self.g.get::<V>(at), w),
            };
            self.out.set::<V>(at, moved);
        }
        sums
    }
}
