//! Distributions: words of Philox → f32 draws, every one with mean 0 and unit variance.
//!
//! Written once over [`Lanes`], with explicit FMA and polynomials of our own, so that scalar, AVX2 and AVX-512 give
//! the same bits. Layout (counter word 0 = 16·tile + lane): element `i` of a tensor takes word `(i mod 64) div 16`
//! of the counter `16·(i div 64) + (i mod 16)`, so a tile of 64 elements is four vectors of 16 lanes, no transpose.

use crate::backend::cpu::lanes::Lanes;
use crate::layout::TILE;
use crate::rng::{M0, M1, ROUNDS, W0, W1};

/// Shapes of noise, each with mean 0 and unit variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Normal, by Box–Muller.
    Gaussian,
    /// ±1 with equal probability, one bit an element.
    Rademacher,
    /// Uniform on ±√3.
    Uniform,
    /// Double exponential of scale 1/√2.
    Laplace,
}

impl Distribution {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Distribution); 4] = [
        ("gaussian", Distribution::Gaussian),
        ("rademacher", Distribution::Rademacher),
        ("uniform", Distribution::Uniform),
        ("laplace", Distribution::Laplace),
    ];

    /// The distribution of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, distribution)| *distribution)
    }
}

/// Perturbations a stream can hold; the stream sits above them in counter word 3.
pub const MAX_PERTURBATIONS: u32 = 1 << 24;

/// One perturbation U of a whole model: everything but the tensor and the element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Seed, low word first.
    pub key: [u32; 2],
    /// Counter word 2: the training step.
    pub step: u32,
    /// Counter word 3: stream · 2²⁴ + perturbation.
    pub index: u32,
    /// Shape of the noise.
    pub distribution: Distribution,
}

/// Fills `out` with the draws of whole tiles `first_tile, first_tile + 1, …` of one tensor. `out.len()` is a
/// multiple of [`TILE`].
#[inline(always)]
pub(crate) fn fill<V: Lanes>(draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]) {
    debug_assert!(out.len().is_multiple_of(TILE));
    match draw.distribution {
        Distribution::Gaussian => each_tile::<V, Gaussian>(draw, tensor, first_tile, out),
        Distribution::Uniform => each_tile::<V, Uniform>(draw, tensor, first_tile, out),
        Distribution::Laplace => each_tile::<V, Laplace>(draw, tensor, first_tile, out),
        Distribution::Rademacher => rademacher::<V>(draw, tensor, first_tile, out),
    }
}

/// Four words of a counter to four draws. A trait and not a closure: closures do not take on the instruction set of the
/// function that they are called in, and would run on the narrowest one.
trait Transform {
    fn apply<V: Lanes>(words: [V::U; 4]) -> [V::F; 4];
}

struct Gaussian;
struct Uniform;
struct Laplace;

impl Transform for Gaussian {
    #[inline(always)]
    fn apply<V: Lanes>([a, b, c, d]: [V::U; 4]) -> [V::F; 4] {
        let (x, y) = box_muller::<V>(a, b);
        let (z, w) = box_muller::<V>(c, d);
        [x, y, z, w]
    }
}

impl Transform for Uniform {
    #[inline(always)]
    fn apply<V: Lanes>([a, b, c, d]: [V::U; 4]) -> [V::F; 4] {
        [uniform::<V>(a), uniform::<V>(b), uniform::<V>(c), uniform::<V>(d)]
    }
}

impl Transform for Laplace {
    #[inline(always)]
    fn apply<V: Lanes>([a, b, c, d]: [V::U; 4]) -> [V::F; 4] {
        [laplace::<V>(a), laplace::<V>(b), laplace::<V>(c), laplace::<V>(d)]
    }
}

#[inline(always)]
fn each_tile<V: Lanes, T: Transform>(draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]) {
    for (tile, target) in (first_tile..).zip(out.chunks_exact_mut(TILE)) {
        let [a, b, c, d] = T::apply::<V>(philox::<V>(draw, tensor, 16 * tile));
        V::store(&mut target[0..16], a);
        V::store(&mut target[16..32], b);
        V::store(&mut target[32..48], c);
        V::store(&mut target[48..64], d);
    }
}

/// One bit an element: word of the element's slot, counter block of 2,048 elements, bit of its tile in the block.
#[inline(always)]
fn rademacher<V: Lanes>(draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]) {
    let mut words = philox::<V>(draw, tensor, 16 * (first_tile / 32));
    for (tile, target) in (first_tile..).zip(out.chunks_exact_mut(TILE)) {
        if tile % 32 == 0 && tile != first_tile {
            words = philox::<V>(draw, tensor, 16 * (tile / 32));
        }
        for (slot, word) in words.into_iter().enumerate() {
            // Bit set means +1: move it to the sign position, inverted, and put the sign on a one.
            let sign = V::and(V::not(V::shl(word, 31 - tile % 32)), V::word(0x8000_0000));
            V::store(
                &mut target[16 * slot..16 * slot + 16],
                V::float_bits(V::or(sign, V::word(0x3F80_0000))),
            );
        }
    }
}

/// Sixteen Philox counters at once: `base + lane` in word 0.
#[inline(always)]
pub(crate) fn philox<V: Lanes>(draw: Draw, tensor: u32, base: u32) -> [V::U; 4] {
    let mut counter = [V::counters(base), V::wide(tensor), V::wide(draw.step), V::wide(draw.index)];
    let [mut k0, mut k1] = draw.key;
    for _ in 0..ROUNDS {
        let p0 = V::mul_wide(counter[0], M0);
        let p1 = V::mul_wide(counter[2], M1);
        counter = [V::high_xor(p1, counter[1], k0), p1, V::high_xor(p0, counter[3], k1), p0];
        k0 = k0.wrapping_add(W0);
        k1 = k1.wrapping_add(W1);
    }
    let [a, b, c, d] = counter;
    [V::narrow(a), V::narrow(b), V::narrow(c), V::narrow(d)]
}

const TWO_POW_MINUS_32: f32 = f32::from_bits((127 - 32) << 23);
const TWO_POW_MINUS_33: f32 = f32::from_bits((127 - 33) << 23);
const SQRT_12: f64 = 3.464_101_615_137_754_6;

/// (x + ½)/2³² as a signed number of (−½, ½): u for the lower half of the words, u − 1 for the upper half, so that
/// values of u near 1 keep all their bits ("integer complement").
#[inline(always)]
fn signed_unit<V: Lanes>(word: V::U) -> V::F {
    V::fma(V::from_i32(word), V::splat(TWO_POW_MINUS_32), V::splat(TWO_POW_MINUS_33))
}

#[inline(always)]
fn uniform<V: Lanes>(word: V::U) -> V::F {
    let scale = V::splat((SQRT_12 / 4_294_967_296.0) as f32);
    V::fma(V::from_i32(word), scale, V::splat((SQRT_12 / 8_589_934_592.0) as f32))
}

/// Top bit the sign, 31 bits the size: ±(1/√2)·(−ln u), u = (v + ½)/2³¹.
#[inline(always)]
fn laplace<V: Lanes>(word: V::U) -> V::F {
    let size = V::shl(word, 1);
    let unit = V::fma(V::from_i32(size), V::splat(TWO_POW_MINUS_32), V::splat(TWO_POW_MINUS_32));
    let magnitude = V::mul(minus_ln::<V>(unit), V::splat(std::f32::consts::FRAC_1_SQRT_2));
    V::float_bits(V::or(V::bits(magnitude), V::and(word, V::word(0x8000_0000))))
}

/// Two normals from two words: the first gives the radius, the second the angle.
#[inline(always)]
fn box_muller<V: Lanes>(radius: V::U, angle: V::U) -> (V::F, V::F) {
    let log = minus_ln::<V>(signed_unit::<V>(radius));
    let r = V::sqrt(V::add(log, log));
    let (cos, sin) = cos_sin::<V>(angle);
    (V::mul(r, cos), V::mul(r, sin))
}

/// −ln u, u given as [`signed_unit`] gives it; worst relative error below 1e-6 over all 2³² words.
///
/// u = 2^e·m with m in [¾, 1½); ln m = t − t²/2 + t³·P(t), t = m − 1, P by minimax (relative error 4e-8). Where u is
/// at least ¾, t = u − 1 is taken as it came, without the rounding of u near 1.
#[inline(always)]
fn minus_ln<V: Lanes>(signed: V::F) -> V::F {
    const LN_2: f32 = std::f32::consts::LN_2;
    let (zero, one) = (V::splat(0.0), V::splat(1.0));
    let upper = V::less(signed, zero);
    let u = V::select(upper, V::add(signed, one), signed);
    let shifted = V::sub_word(V::bits(u), V::word(0x3F40_0000));
    let exponent = V::from_i32(V::sar(shifted, 23));
    let mantissa = V::add_word(V::and(shifted, V::word(0x007F_FFFF)), V::word(0x3F40_0000));
    // u >= 3/4 exactly when signed, a negative number then, is above -1/4: the mantissa would be u itself.
    let exact = V::and_mask(upper, V::less(V::splat(-0.25), signed));
    let t = V::select(exact, signed, V::sub(V::float_bits(mantissa), one));
    let exponent = V::select(exact, zero, exponent);
    let mut tail = V::splat(0.055_597_257);
    for coefficient in [-0.121_141_374, 0.149_044_41, -0.167_888_18, 0.199_823_2, -0.249_963_61, 0.333_334_7]
    {
        tail = V::fma(tail, t, V::splat(coefficient));
    }
    let square = V::mul(t, t);
    let cubic = V::mul(V::mul(square, t), tail);
    let log = V::add(t, V::fma(V::splat(-0.5), square, cubic));
    V::sub(zero, V::fma(exponent, V::splat(LN_2), log))
}

/// (cos, sin) of 2π·word/2³²: the quadrant is an integer, the rest lies within ±π/4.
#[inline(always)]
fn cos_sin<V: Lanes>(word: V::U) -> (V::F, V::F) {
    const UNIT: f32 = (std::f64::consts::TAU / 4_294_967_296.0) as f32;
    let rounded = V::add_word(word, V::word(0x2000_0000));
    let rest = V::sar(V::shl(word, 2), 2);
    let x = V::mul(V::from_i32(rest), V::splat(UNIT));
    let z = V::mul(x, x);
    let mut s = V::splat(-0.000_195_173);
    for coefficient in [0.008_332_178, -0.166_666_55] {
        s = V::fma(s, z, V::splat(coefficient));
    }
    let sin = V::fma(V::mul(s, z), x, x);
    let mut c = V::splat(2.443_845_2e-5);
    for coefficient in [-0.001_388_736_8, 0.041_666_646] {
        c = V::fma(c, z, V::splat(coefficient));
    }
    let cos = V::fma(V::mul(c, z), z, V::fma(V::splat(-0.5), z, V::splat(1.0)));
    // The quadrant q = bits 31..30 of `rounded`: odd swaps; the cosine is negative in 1 and 2, the sine in 2 and 3.
    let sign = V::word(0x8000_0000);
    let odd = V::or(V::and(V::shl(rounded, 1), sign), V::word(0x3F80_0000)); // -1 or 1
    let swap = V::less(V::float_bits(odd), V::splat(0.0));
    let cos_sign = V::and(V::xor(rounded, V::shl(rounded, 1)), sign);
    let sin_sign = V::and(rounded, sign);
    let first = V::select(swap, sin, cos);
    let second = V::select(swap, cos, sin);
    (V::float_bits(V::xor(V::bits(first), cos_sign)), V::float_bits(V::xor(V::bits(second), sin_sign)))
}
