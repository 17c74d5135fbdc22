//! AVX2 and FMA: eight lanes, the 64-bit ones as even and odd counters in two registers.

use super::Lanes;
use crate::noise::{self, Ahead, Tiles};
use std::arch::x86_64::*;

/// AVX2 with FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2;

#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn fill(tiles: &mut Tiles, ahead: Ahead<'_>, out: &mut [f32]) {
    noise::fill::<Avx2>(tiles, ahead, out);
}

/// Wraps intrinsics one to one.
macro_rules! wrap {
    ($($name:ident$(<const $count:ident>)?($($arg:ident: $kind:ty),*) -> $out:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name$(<const $count: i32>)?($($arg: $kind),*) -> $out {
            // SAFETY: only reached through `dispatch`, which has found AVX2 and FMA on this CPU.
            unsafe { $body }
        }
    )*};
}

type F = __m256;
type U = __m256i;
type W = [__m256i; 2];

impl Lanes for Avx2 {
    const N: usize = 8;
    type F = F;
    type U = U;
    type W = W;
    type K = __m256i;
    type D = [__m256d; 2];

    #[inline(always)]
    fn fill(tiles: &mut Tiles, ahead: Ahead<'_>, out: &mut [f32]) {
        // SAFETY: only reached through `dispatch`, which has found AVX2 and FMA on this CPU.
        unsafe { fill(tiles, ahead, out) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> F {
        // SAFETY: the caller promises 8 elements; AVX2 as in `wrap!`.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn write(to: *mut f32, value: F) {
        // SAFETY: the caller promises 8 elements; AVX2 as in `wrap!`.
        unsafe { _mm256_storeu_ps(to, value) }
    }
    #[inline(always)]
    unsafe fn write_past(to: *mut f32, value: F) {
        // SAFETY: as for `write`, aligned.
        unsafe { _mm256_stream_ps(to, value) }
    }
    #[inline(always)]
    fn past() {
        // SAFETY: SSE is part of x86-64.
        unsafe { _mm_sfence() }
    }
    #[inline(always)]
    unsafe fn load_short(from: *const i16) -> F {
        // SAFETY: the caller promises 8 integers; AVX2 as in `wrap!`.
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn write_short(to: *mut i16, value: F) {
        // SAFETY: as above.
        unsafe {
            let words = _mm256_cvtps_epi32(value);
            let (low, high) = (_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_storeu_si128(to.cast(), _mm_packs_epi32(low, high));
        }
    }
    #[inline(always)]
    fn sums(sums: [__m256d; 2], to: &mut [f64]) {
        let to: &mut [f64; 8] = to.first_chunk_mut().expect("room for eight sums");
        // SAFETY: eight places; AVX2 as in `wrap!`.
        unsafe {
            _mm256_storeu_pd(to.as_mut_ptr(), sums[0]);
            _mm256_storeu_pd(to.as_mut_ptr().add(4), sums[1]);
        }
    }

    wrap! {
        splat(value: f32) -> F = _mm256_set1_ps(value);
        add(a: F, b: F) -> F = _mm256_add_ps(a, b);
        sub(a: F, b: F) -> F = _mm256_sub_ps(a, b);
        mul(a: F, b: F) -> F = _mm256_mul_ps(a, b);
        div(a: F, b: F) -> F = _mm256_div_ps(a, b);
        fma(a: F, b: F, c: F) -> F = _mm256_fmadd_ps(a, b, c);
        sqrt(a: F) -> F = _mm256_sqrt_ps(a);
        min(a: F, b: F) -> F = _mm256_min_ps(a, b);
        max(a: F, b: F) -> F = _mm256_max_ps(a, b);
        where_negative(of: F, yes: F, no: F) -> F = _mm256_blendv_ps(no, yes, of);

        word(value: u32) -> U = _mm256_set1_epi32(value as i32);
        bits(a: F) -> U = _mm256_castps_si256(a);
        float_bits(a: U) -> F = _mm256_castsi256_ps(a);
        from_i32(a: U) -> F = _mm256_cvtepi32_ps(a);
        and(a: U, b: U) -> U = _mm256_and_si256(a, b);
        or(a: U, b: U) -> U = _mm256_or_si256(a, b);
        xor(a: U, b: U) -> U = _mm256_xor_si256(a, b);
        add_word(a: U, b: U) -> U = _mm256_add_epi32(a, b);
        sub_word(a: U, b: U) -> U = _mm256_sub_epi32(a, b);
        max_word(a: U, b: U) -> U = _mm256_max_epi32(a, b);
        shl<const COUNT>(a: U) -> U = _mm256_slli_epi32::<COUNT>(a);
        sar<const COUNT>(a: U) -> U = _mm256_srai_epi32::<COUNT>(a);
        shl_by(a: U, count: u32) -> U = _mm256_sll_epi32(a, _mm_cvtsi32_si128(count as i32));

        counters(base: u32) -> W = {
            let base = _mm256_set1_epi64x(i64::from(base));
            [
                _mm256_add_epi64(base, _mm256_setr_epi64x(0, 2, 4, 6)),
                _mm256_add_epi64(base, _mm256_setr_epi64x(1, 3, 5, 7)),
            ]
        };
        key(value: u64) -> __m256i = _mm256_set1_epi64x(value.cast_signed());
        mul_wide(a: W, word: __m256i) -> W = [_mm256_mul_epu32(a[0], word), _mm256_mul_epu32(a[1], word)];
        xor_key(a: W, key: __m256i) -> W = [_mm256_xor_si256(a[0], key), _mm256_xor_si256(a[1], key)];
        high_key(product: W, key: __m256i) -> W = [
            _mm256_xor_si256(_mm256_srli_epi64::<32>(product[0]), key),
            _mm256_xor_si256(_mm256_srli_epi64::<32>(product[1]), key),
        ];
        high_xor(product: W, b: W, key: __m256i) -> W = [
            _mm256_xor_si256(_mm256_srli_epi64::<32>(product[0]), _mm256_xor_si256(b[0], key)),
            _mm256_xor_si256(_mm256_srli_epi64::<32>(product[1]), _mm256_xor_si256(b[1], key)),
        ];
        narrow(a: W) -> U = _mm256_blend_epi32::<0xAA>(a[0], _mm256_slli_epi64::<32>(a[1]));
        narrow_high(a: W) -> U = _mm256_blend_epi32::<0xAA>(_mm256_srli_epi64::<32>(a[0]), a[1]);

        zero_sums() -> [__m256d; 2] = [_mm256_setzero_pd(); 2];
        add_products(sums: [__m256d; 2], a: F, b: F) -> [__m256d; 2] = {
            let low = |x: F| _mm256_cvtps_pd(_mm256_castps256_ps128(x));
            let high = |x: F| _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(x));
            [_mm256_fmadd_pd(low(a), low(b), sums[0]), _mm256_fmadd_pd(high(a), high(b), sums[1])]
        };
    }
}
