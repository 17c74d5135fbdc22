//! The reference: plain arrays, no intrinsics. What the other sets must equal.

use super::{LANES, Lanes};
use crate::noise::{self, Draw};
use std::array::from_fn;

/// Plain Rust.
#[derive(Clone, Copy, Debug)]
pub struct Scalar;

impl Lanes for Scalar {
    type F = [f32; LANES];
    type U = [u32; LANES];
    type W = [u64; LANES];
    type D = [f64; LANES];
    type M = [bool; LANES];

    #[inline(never)]
    fn fill(draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]) {
        noise::fill::<Self>(draw, tensor, first_tile, out);
    }

    #[inline(always)]
    fn splat(value: f32) -> Self::F {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        // SAFETY: the caller promises 16 elements; alignment is not assumed.
        unsafe { from.cast::<Self::F>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn write(to: *mut f32, value: Self::F) {
        // SAFETY: the caller promises 16 elements; alignment is not assumed.
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
    #[inline(always)]
    fn less(a: Self::F, b: Self::F) -> Self::M {
        from_fn(|i| a[i] < b[i])
    }
    #[inline(always)]
    fn and_mask(a: Self::M, b: Self::M) -> Self::M {
        from_fn(|i| a[i] && b[i])
    }
    #[inline(always)]
    fn select(mask: Self::M, yes: Self::F, no: Self::F) -> Self::F {
        from_fn(|i| if mask[i] { yes[i] } else { no[i] })
    }

    #[inline(always)]
    fn word(value: u32) -> Self::U {
        [value; LANES]
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
    fn shl(a: Self::U, n: u32) -> Self::U {
        a.map(|word| word << n)
    }
    #[inline(always)]
    fn sar(a: Self::U, n: u32) -> Self::U {
        a.map(|word| ((word as i32) >> n) as u32)
    }

    #[inline(always)]
    fn counters(base: u32) -> Self::W {
        from_fn(|lane| u64::from(base.wrapping_add(lane as u32)))
    }
    #[inline(always)]
    fn wide(value: u32) -> Self::W {
        [u64::from(value); LANES]
    }
    #[inline(always)]
    fn mul_wide(a: Self::W, m: u32) -> Self::W {
        a.map(|word| u64::from(word as u32) * u64::from(m))
    }
    #[inline(always)]
    fn high_xor(product: Self::W, b: Self::W, key: u32) -> Self::W {
        from_fn(|i| (product[i] >> 32) ^ b[i] ^ u64::from(key))
    }
    #[inline(always)]
    fn narrow(a: Self::W) -> Self::U {
        a.map(|word| word as u32)
    }

    #[inline(always)]
    fn zero_sums() -> Self::D {
        [0.0; LANES]
    }
    #[inline(always)]
    fn add_products(sums: Self::D, a: Self::F, b: Self::F) -> Self::D {
        // The product of two f32 is exact in f64, so this equals a fused multiply-add.
        from_fn(|i| sums[i] + f64::from(a[i]) * f64::from(b[i]))
    }
    #[inline(always)]
    fn sums(sums: Self::D) -> [f64; LANES] {
        sums
    }
}
