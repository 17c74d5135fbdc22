//! Four words of the generator → four draws of mean 0 and unit variance.
//!
//! Written once over [`Lanes`], with explicit FMA and minimax polynomials of our own, so that every instruction set
//! gives the same bits. Coefficients: least maximum error, by Lawson's iteration, rounded to f32.

use crate::backend::cpu::lanes::{LANES, Lanes, MAX_PARTS};
use std::f32::consts::LN_2;

/// Vectors of 32 lanes in the narrowest set.
pub(crate) const MOST: usize = 2 * MAX_PARTS;

/// Words of 32 lanes, or what becomes of them; as many vectors count as [`count`] says. So many at a time, operation by
/// operation, because one chain of dependent operations alone would leave the processor waiting.
type Wide<T> = [T; MOST];

/// Vectors that make up 32 lanes.
pub(crate) const fn count<V: Lanes>() -> usize {
    2 * LANES / V::N
}

/// A trait and not a closure: closures do not take on the instruction set of the function that they are called in, and
/// would run on the narrowest one.
pub(crate) trait Transform {
    fn apply<V: Lanes>(words: [Wide<V::U>; 2]) -> [Wide<V::F>; 2];
}

/// Box–Muller: the first word for the radius, the second for the angle.
pub(crate) struct Gaussian;
/// A word an element, on ±√3.
pub(crate) struct Uniform;
/// A word an element: the top bit the sign, 31 bits the size.
pub(crate) struct Laplace;

impl Transform for Gaussian {
    #[inline(always)]
    fn apply<V: Lanes>([radius, angle]: [Wide<V::U>; 2]) -> [Wide<V::F>; 2] {
        let mut signed = [V::splat(0.0); MOST];
        for i in 0..count::<V>() {
            signed[i] = signed_unit::<V>(radius[i]);
        }
        let square = minus_two_ln::<V>(signed);
        let ([mut cos, mut sin], sign) = half_turn::<V>(angle);
        for i in 0..count::<V>() {
            let r = V::float_bits(V::xor(V::bits(V::sqrt(square[i])), sign[i]));
            cos[i] = V::mul(r, cos[i]);
            sin[i] = V::mul(r, sin[i]);
        }
        [cos, sin]
    }
}

impl Transform for Uniform {
    #[inline(always)]
    fn apply<V: Lanes>(words: [Wide<V::U>; 2]) -> [Wide<V::F>; 2] {
        let scale = V::splat((SQRT_12 / 4_294_967_296.0) as f32);
        let shift = V::splat((SQRT_12 / 8_589_934_592.0) as f32);
        let mut out = [[shift; MOST]; 2];
        for (out, words) in out.iter_mut().zip(words) {
            for i in 0..count::<V>() {
                out[i] = V::fma(V::from_i32(words[i]), scale, shift);
            }
        }
        out
    }
}

impl Transform for Laplace {
    /// ±(1/√2)·(−ln u), u = (v + ½)/2³¹ of the lower 31 bits v.
    #[inline(always)]
    fn apply<V: Lanes>(words: [Wide<V::U>; 2]) -> [Wide<V::F>; 2] {
        let unit = V::splat(TWO_POW_MINUS_32);
        let half = V::splat(std::f32::consts::FRAC_1_SQRT_2 / 2.0);
        let mut out = [[unit; MOST]; 2];
        for (out, words) in out.iter_mut().zip(words) {
            let mut signed = [unit; MOST];
            for i in 0..count::<V>() {
                signed[i] = V::fma(V::from_i32(V::shl::<1>(words[i])), unit, unit);
            }
            let log = minus_two_ln::<V>(signed);
            for i in 0..count::<V>() {
                let magnitude = V::bits(V::mul(log[i], half));
                out[i] = V::float_bits(V::or(magnitude, V::and(words[i], V::word(0x8000_0000))));
            }
        }
        out
    }
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

/// −2 ln u, u given as [`signed_unit`] gives it; worst relative error below 1e-6 over all 2³² words.
///
/// u = 2^e·m with m in [¾, 1½); −2 ln m = −2t + t²·Q(t), t = m − 1, relative error of Q 3e-8. Where u is at least ¾,
/// t = u − 1 is taken as it came, without the rounding of u near 1; e is 0 there.
#[inline(always)]
fn minus_two_ln<V: Lanes>(signed: Wide<V::F>) -> Wide<V::F> {
    let one = V::splat(1.0);
    let (mut t, mut linear, mut q) = (signed, signed, [V::splat(-0.108_264_99); MOST]);
    for i in 0..count::<V>() {
        let u = V::where_negative(signed[i], V::add(signed[i], one), signed[i]);
        let shifted = V::sub_word(V::bits(u), V::word(0x3F40_0000));
        let mantissa = V::add_word(V::and(shifted, V::word(0x007F_FFFF)), V::word(0x3F40_0000));
        // `shifted` is negative exactly where u < ¾.
        let rounded = V::sub(V::float_bits(mantissa), one);
        t[i] = V::where_negative(V::float_bits(shifted), rounded, signed[i]);
        let exponent = V::from_i32(V::sar::<23>(shifted));
        linear[i] = V::fma(exponent, V::splat(-2.0 * LN_2), V::mul(t[i], V::splat(-2.0)));
    }
    for coefficient in
        [0.241_347_39, -0.299_678_33, 0.336_456_24, -0.399_541_56, 0.499_868_84, -0.666_671, 1.000_001_2]
    {
        for i in 0..count::<V>() {
            q[i] = V::fma(q[i], t[i], V::splat(coefficient));
        }
    }
    for i in 0..count::<V>() {
        q[i] = V::fma(q[i], V::mul(t[i], t[i]), linear[i]);
    }
    q
}

/// (cos, sin) of 2π·word/2³², both up to a sign, which is third: the angle to the nearest half turn lies within ±π/2.
/// Absolute errors below 3e-7.
#[inline(always)]
fn half_turn<V: Lanes>(word: Wide<V::U>) -> ([Wide<V::F>; 2], Wide<V::U>) {
    const UNIT: f32 = (std::f64::consts::PI / 4_294_967_296.0) as f32;
    let (mut x, mut z, mut sign) = ([V::splat(0.0); MOST], [V::splat(0.0); MOST], word);
    for i in 0..count::<V>() {
        sign[i] = V::and(V::add_word(word[i], V::word(0x4000_0000)), V::word(0x8000_0000));
        x[i] = V::mul(V::from_i32(V::shl::<1>(word[i])), V::splat(UNIT));
        z[i] = V::mul(x[i], x[i]);
    }
    let mut s = [V::splat(2.600_054_8e-6); MOST];
    for coefficient in [-0.000_198_066_15, 0.008_333_017, -0.166_666_57] {
        for i in 0..count::<V>() {
            s[i] = V::fma(s[i], z[i], V::splat(coefficient));
        }
    }
    let mut c = [V::splat(2.319_438_7e-5); MOST];
    for coefficient in [-0.001_385_592_7, 0.041_663_99, -0.499_999_3, 1.0] {
        for i in 0..count::<V>() {
            c[i] = V::fma(c[i], z[i], V::splat(coefficient));
        }
    }
    for i in 0..count::<V>() {
        s[i] = V::fma(V::mul(s[i], z[i]), x[i], x[i]);
    }
    ([c, s], sign)
}
