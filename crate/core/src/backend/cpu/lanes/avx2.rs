//! AVX2 and FMA: two registers of floats, four of 64-bit lanes (even and odd counters of each half).

use super::{LANES, Lanes};
use crate::noise::{self, Draw};
use std::arch::x86_64::*;

/// AVX2 with FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2;

#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn fill(draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]) {
    noise::fill::<Avx2>(draw, tensor, first_tile, out);
}

/// Applies an intrinsic to both halves.
macro_rules! wrap {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $out:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name($($arg: $kind),*) -> $out {
            // SAFETY: only reached through `dispatch`, which has found AVX2 and FMA on this CPU.
            unsafe { $body }
        }
    )*};
}

type F = [__m256; 2];
type U = [__m256i; 2];
type W = [__m256i; 4];

impl Lanes for Avx2 {
    type F = F;
    type U = U;
    type W = W;
    type D = [__m256d; 4];
    type M = [__m256; 2];

    #[inline(always)]
    fn fill(draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]) {
        // SAFETY: only reached through `dispatch`, which has found AVX2 and FMA on this CPU.
        unsafe { fill(draw, tensor, first_tile, out) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> F {
        // SAFETY: the caller promises 16 elements; AVX2 as in `wrap!`.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }
    #[inline(always)]
    unsafe fn write(to: *mut f32, value: F) {
        // SAFETY: the caller promises 16 elements; AVX2 as in `wrap!`.
        unsafe {
            _mm256_storeu_ps(to, value[0]);
            _mm256_storeu_ps(to.add(8), value[1]);
        }
    }

    wrap! {
        splat(value: f32) -> F = [_mm256_set1_ps(value); 2];
        add(a: F, b: F) -> F = [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])];
        sub(a: F, b: F) -> F = [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])];
        mul(a: F, b: F) -> F = [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])];
        div(a: F, b: F) -> F = [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])];
        fma(a: F, b: F, c: F) -> F = [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])];
        sqrt(a: F) -> F = [_mm256_sqrt_ps(a[0]), _mm256_sqrt_ps(a[1])];
        less(a: F, b: F) -> F =
            [_mm256_cmp_ps::<_CMP_LT_OQ>(a[0], b[0]), _mm256_cmp_ps::<_CMP_LT_OQ>(a[1], b[1])];
        and_mask(a: F, b: F) -> F = [_mm256_and_ps(a[0], b[0]), _mm256_and_ps(a[1], b[1])];
        select(mask: F, yes: F, no: F) -> F =
            [_mm256_blendv_ps(no[0], yes[0], mask[0]), _mm256_blendv_ps(no[1], yes[1], mask[1])];

        word(value: u32) -> U = [_mm256_set1_epi32(value as i32); 2];
        bits(a: F) -> U = [_mm256_castps_si256(a[0]), _mm256_castps_si256(a[1])];
        float_bits(a: U) -> F = [_mm256_castsi256_ps(a[0]), _mm256_castsi256_ps(a[1])];
        from_i32(a: U) -> F = [_mm256_cvtepi32_ps(a[0]), _mm256_cvtepi32_ps(a[1])];
        and(a: U, b: U) -> U = [_mm256_and_si256(a[0], b[0]), _mm256_and_si256(a[1], b[1])];
        or(a: U, b: U) -> U = [_mm256_or_si256(a[0], b[0]), _mm256_or_si256(a[1], b[1])];
        xor(a: U, b: U) -> U = [_mm256_xor_si256(a[0], b[0]), _mm256_xor_si256(a[1], b[1])];
        add_word(a: U, b: U) -> U = [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])];
        sub_word(a: U, b: U) -> U = [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])];
        shl(a: U, n: u32) -> U = {
            let n = _mm_cvtsi32_si128(n as i32);
            [_mm256_sll_epi32(a[0], n), _mm256_sll_epi32(a[1], n)]
        };
        sar(a: U, n: u32) -> U = {
            let n = _mm_cvtsi32_si128(n as i32);
            [_mm256_sra_epi32(a[0], n), _mm256_sra_epi32(a[1], n)]
        };

        counters(base: u32) -> W = {
            let base = _mm256_set1_epi64x(i64::from(base));
            [
                _mm256_add_epi64(base, _mm256_setr_epi64x(0, 2, 4, 6)),
                _mm256_add_epi64(base, _mm256_setr_epi64x(1, 3, 5, 7)),
                _mm256_add_epi64(base, _mm256_setr_epi64x(8, 10, 12, 14)),
                _mm256_add_epi64(base, _mm256_setr_epi64x(9, 11, 13, 15)),
            ]
        };
        wide(value: u32) -> W = [_mm256_set1_epi64x(i64::from(value)); 4];
        mul_wide(a: W, m: u32) -> W = {
            let m = _mm256_set1_epi64x(i64::from(m));
            [
                _mm256_mul_epu32(a[0], m),
                _mm256_mul_epu32(a[1], m),
                _mm256_mul_epu32(a[2], m),
                _mm256_mul_epu32(a[3], m),
            ]
        };
        high_xor(product: W, b: W, key: u32) -> W = {
            let key = _mm256_set1_epi64x(i64::from(key));
            let one = |p: __m256i, b: __m256i| {
                _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64::<32>(p), key), b)
            };
            [one(product[0], b[0]), one(product[1], b[1]), one(product[2], b[2]), one(product[3], b[3])]
        };
        narrow(a: W) -> U = [
            _mm256_blend_epi32::<0xAA>(a[0], _mm256_slli_epi64::<32>(a[1])),
            _mm256_blend_epi32::<0xAA>(a[2], _mm256_slli_epi64::<32>(a[3])),
        ];

        zero_sums() -> [__m256d; 4] = [_mm256_setzero_pd(); 4];
        add_products(sums: [__m256d; 4], a: F, b: F) -> [__m256d; 4] = {
            let low = |x: __m256| _mm256_cvtps_pd(_mm256_castps256_ps128(x));
            let high = |x: __m256| _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(x));
            [
                _mm256_fmadd_pd(low(a[0]), low(b[0]), sums[0]),
                _mm256_fmadd_pd(high(a[0]), high(b[0]), sums[1]),
                _mm256_fmadd_pd(low(a[1]), low(b[1]), sums[2]),
                _mm256_fmadd_pd(high(a[1]), high(b[1]), sums[3]),
            ]
        };
        sums(sums: [__m256d; 4]) -> [f64; LANES] = std::mem::transmute::<[__m256d; 4], [f64; LANES]>(sums);
    }
}
