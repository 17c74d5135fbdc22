//! The reference: plain arrays, no intrinsics. What the other sets must equal.

use super::Lanes;
use crate::noise::{self, Ahead, Tiles};
use std::array::from_fn;

/// Plain Rust, four lanes.
#[derive(Clone, Copy, Debug)]
pub struct Scalar;

const N: usize = 4;

impl Lanes for Scalar {
    const N: usize = N;
    type F = [f32; N];
    type U = [u32; N];
    type W = [u64; N];
    type K = u32;
    type D = [f64; N];

    #[inline(never)]
    fn fill(tiles: &mut Tiles, ahead: Ahead<'_>, out: &mut [f32]) {
        noise::fill::<Self>(tiles, ahead, out);
    }

    #[inline(always)]
    fn splat(value: f32) -> Self::F {
        [value; N]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        // SAFETY: the caller promises N elements; alignment is not assumed.
        unsafe { from.cast::<Self::F>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn write(to: *mut f32, value: Self::F) {
        // SAFETY: the caller promises N elements; alignment is not assumed.
        unsafe { to.cast::<Self::F>().write_unaligned(value) }
    }
    #[inline(always)]
    fn add(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn div(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| a[i] / b[i])
    }
    #[inline(always)]
    fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        from_fn(|i| a[i].mul_add(b[i], c[i]))
    }
    #[inline(always)]
    fn sqrt(a: Self::F) -> Self::F {
        a.map(f32::sqrt)
    }
    // As the vector instructions have it: the second operand where both are equal (0 and −0).
    #[inline(always)]
    fn min(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn max(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn where_negative(of: Self::F, yes: Self::F, no: Self::F) -> Self::F {
        from_fn(|i| if of[i].is_sign_negative() { yes[i] } else { no[i] })
    }

    #[inline(always)]
    fn word(value: u32) -> Self::U {
        [value; N]
    }
    #[inline(always)]
    fn bits(a: Self::F) -> Self::U {
        a.map(f32::to_bits)
    }
    #[inline(always)]
    fn float_bits(a: Self::U) -> Self::F {
        a.map(f32::from_bits)
    }
    #[inline(always)]
    fn from_i32(a: Self::U) -> Self::F {
        a.map(|word| word as i32 as f32)
    }
    #[inline(always)]
    unsafe fn load_short(from: *const i16) -> Self::F {
        // SAFETY: the caller promises N integers; alignment is not assumed.
        unsafe { from.cast::<[i16; N]>().read_unaligned() }.map(f32::from)
    }
    #[inline(always)]
    unsafe fn write_short(to: *mut i16, value: Self::F) {
        // SAFETY: the caller promises N integers; alignment is not assumed.
        unsafe { to.cast::<[i16; N]>().write_unaligned(value.map(|x| x.round_ties_even() as i16)) }
    }
    #[inline(always)]
    fn and(a: Self::U, b: Self::U) -> Self::U {
        from_fn(|i| a[i] & b[i])
    }
    #[inline(always)]
    fn or(a: Self::U, b: Self::U) -> Self::U {
        from_fn(|i| a[i] | b[i])
    }
    #[inline(always)]
    fn xor(a: Self::U, b: Self::U) -> Self::U {
        from_fn(|i| a[i] ^ b[i])
    }
    #[inline(always)]
    fn add_word(a: Self::U, b: Self::U) -> Self::U {
        from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn sub_word(a: Self::U, b: Self::U) -> Self::U {
        from_fn(|i| a[i].wrapping_sub(b[i]))
    }
    #[inline(always)]
    fn max_word(a: Self::U, b: Self::U) -> Self::U {
        from_fn(|i| a[i].max(b[i]))
    }
    #[inline(always)]
    fn shl<const COUNT: i32>(a: Self::U) -> Self::U {
        a.map(|word| word << COUNT)
    }
    #[inline(always)]
    fn sar<const COUNT: i32>(a: Self::U) -> Self::U {
        a.map(|word| ((word as i32) >> COUNT) as u32)
    }
    #[inline(always)]
    fn shl_by(a: Self::U, count: u32) -> Self::U {
        a.map(|word| word << count)
    }

    #[inline(always)]
    fn counters(base: u32) -> Self::W {
        from_fn(|lane| u64::from(base) + lane as u64)
    }
    #[inline(always)]
    fn key(value: u64) -> u32 {
        value as u32
    }
    #[inline(always)]
    fn mul_wide(a: Self::W, word: u32) -> Self::W {
        a.map(|lane| u64::from(lane as u32) * u64::from(word))
    }
    #[inline(always)]
    fn xor_key(a: Self::W, key: u32) -> Self::W {
        a.map(|lane| lane ^ u64::from(key))
    }
    #[inline(always)]
    fn high_key(product: Self::W, key: u32) -> Self::W {
        product.map(|lane| (lane >> 32) ^ u64::from(key))
    }
    #[inline(always)]
    fn high_xor(product: Self::W, b: Self::W, key: u32) -> Self::W {
        from_fn(|i| (product[i] >> 32) ^ b[i] ^ u64::from(key))
    }
    #[inline(always)]
    fn narrow(a: Self::W) -> Self::U {
        a.map(|lane| lane as u32)
    }
    #[inline(always)]
    fn narrow_high(a: Self::W) -> Self::U {
        a.map(|lane| (lane >> 32) as u32)
    }

    #[inline(always)]
    fn zero_sums() -> Self::D {
        [0.0; N]
    }
    #[inline(always)]
    fn add_products(sums: Self::D, a: Self::F, b: Self::F) -> Self::D {
        // The product of two f32 is exact in f64, so this equals a fused multiply-add.
        from_fn(|i| sums[i] + f64::from(a[i]) * f64::from(b[i]))
    }
    #[inline(always)]
    fn sums(sums: Self::D, to: &mut [f64]) {
        to[..N].copy_from_slice(&sums);
    }
}
