//! AVX-512: one register of floats, two of 64-bit lanes (even counters in one, odd in the other).

use super::{LANES, Lanes};
use crate::noise::{self, Ahead, Tiles};
use std::arch::x86_64::*;

/// AVX-512 F.
#[derive(Clone, Copy, Debug)]
pub struct Avx512;

#[target_feature(enable = "avx512f,avx2,fma")]
#[inline(never)]
fn fill(tiles: &mut Tiles, ahead: Ahead<'_>, out: &mut [f32]) {
    noise::fill::<Avx512>(tiles, ahead, out);
}

/// Wraps intrinsics one to one.
macro_rules! wrap {
    ($($name:ident$(<const $count:ident>)?($($arg:ident: $kind:ty),*) -> $out:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name$(<const $count: i32>)?($($arg: $kind),*) -> $out {
            // SAFETY: only reached through `dispatch`, which has found AVX-512 on this CPU.
            unsafe { $body }
        }
    )*};
}

impl Lanes for Avx512 {
    const N: usize = LANES;
    type F = __m512;
    type U = __m512i;
    type W = [__m512i; 2];
    type K = __m512i;
    type D = [__m512d; 2];

    #[inline(always)]
    fn fill(tiles: &mut Tiles, ahead: Ahead<'_>, out: &mut [f32]) {
        // SAFETY: only reached through `dispatch`, which has found AVX-512 on this CPU.
        unsafe { fill(tiles, ahead, out) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: the caller promises 16 elements; AVX-512 as in `wrap!`.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn write(to: *mut f32, value: __m512) {
        // SAFETY: the caller promises 16 elements; AVX-512 as in `wrap!`.
        unsafe { _mm512_storeu_ps(to, value) }
    }
    #[inline(always)]
    unsafe fn write_past(to: *mut f32, value: __m512) {
        // SAFETY: as for `write`, aligned.
        unsafe { _mm512_stream_ps(to, value) }
    }
    #[inline(always)]
    fn past() {
        // SAFETY: SSE is part of x86-64.
        unsafe { _mm_sfence() }
    }
    #[inline(always)]
    unsafe fn load_short(from: *const i16) -> __m512 {
        // SAFETY: the caller promises 16 integers; AVX-512 as in `wrap!`.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_loadu_si256(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn write_short(to: *mut i16, value: __m512) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_si256(to.cast(), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(value))) }
    }
    #[inline(always)]
    fn sums(sums: [__m512d; 2], to: &mut [f64]) {
        let to: &mut [f64; LANES] = to.first_chunk_mut().expect("room for sixteen sums");
        // SAFETY: sixteen places; AVX-512 as in `wrap!`.
        unsafe {
            _mm512_storeu_pd(to.as_mut_ptr(), sums[0]);
            _mm512_storeu_pd(to.as_mut_ptr().add(8), sums[1]);
        }
    }

    wrap! {
        splat(value: f32) -> __m512 = _mm512_set1_ps(value);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        fma(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a);
        min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        where_negative(of: __m512, yes: __m512, no: __m512) -> __m512 = {
            let negative = _mm512_cmplt_epi32_mask(_mm512_castps_si512(of), _mm512_setzero_si512());
            _mm512_mask_blend_ps(negative, no, yes)
        };

        word(value: u32) -> __m512i = _mm512_set1_epi32(value as i32);
        bits(a: __m512) -> __m512i = _mm512_castps_si512(a);
        float_bits(a: __m512i) -> __m512 = _mm512_castsi512_ps(a);
        from_i32(a: __m512i) -> __m512 = _mm512_cvtepi32_ps(a);
        and(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        or(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
        xor(a: __m512i, b: __m512i) -> __m512i = _mm512_xor_si512(a, b);
        add_word(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        sub_word(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi32(a, b);
        max_word(a: __m512i, b: __m512i) -> __m512i = _mm512_max_epi32(a, b);
        shl<const COUNT>(a: __m512i) -> __m512i = _mm512_sll_epi32(a, _mm_cvtsi32_si128(COUNT));
        sar<const COUNT>(a: __m512i) -> __m512i = _mm512_sra_epi32(a, _mm_cvtsi32_si128(COUNT));
        shl_by(a: __m512i, count: u32) -> __m512i = _mm512_sll_epi32(a, _mm_cvtsi32_si128(count as i32));

        counters(base: u32) -> [__m512i; 2] = {
            let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
            let base = _mm512_set1_epi64(i64::from(base));
            [_mm512_add_epi64(base, even), _mm512_add_epi64(base, _mm512_add_epi64(even, _mm512_set1_epi64(1)))]
        };
        key(value: u64) -> __m512i = _mm512_set1_epi64(value.cast_signed());
        mul_wide(a: [__m512i; 2], word: __m512i) -> [__m512i; 2] =
            [_mm512_mul_epu32(a[0], word), _mm512_mul_epu32(a[1], word)];
        xor_key(a: [__m512i; 2], key: __m512i) -> [__m512i; 2] =
            [_mm512_xor_si512(a[0], key), _mm512_xor_si512(a[1], key)];
        high_key(product: [__m512i; 2], key: __m512i) -> [__m512i; 2] = [
            _mm512_xor_si512(_mm512_srli_epi64::<32>(product[0]), key),
            _mm512_xor_si512(_mm512_srli_epi64::<32>(product[1]), key),
        ];
        high_xor(product: [__m512i; 2], b: [__m512i; 2], key: __m512i) -> [__m512i; 2] = [
            _mm512_ternarylogic_epi64::<0x96>(_mm512_srli_epi64::<32>(product[0]), b[0], key),
            _mm512_ternarylogic_epi64::<0x96>(_mm512_srli_epi64::<32>(product[1]), b[1], key),
        ];
        // Words 0 and 2 of four in the odd places; words 1 and 3 in the even ones.
        narrow(a: [__m512i; 2]) -> __m512i = _mm512_mask_shuffle_epi32::<0b10_10_00_00>(a[0], 0xAAAA, a[1]);
        narrow_high(a: [__m512i; 2]) -> __m512i = _mm512_mask_shuffle_epi32::<0b11_11_01_01>(a[1], 0x5555, a[0]);

        zero_sums() -> [__m512d; 2] = [_mm512_setzero_pd(); 2];
        add_products(sums: [__m512d; 2], a: __m512, b: __m512) -> [__m512d; 2] = {
            let upper = |x: __m512| _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(x)));
            let low = |x: __m512| _mm512_cvtps_pd(_mm512_castps512_ps256(x));
            let high = |x: __m512| _mm512_cvtps_pd(upper(x));
            [_mm512_fmadd_pd(low(a), low(b), sums[0]), _mm512_fmadd_pd(high(a), high(b), sums[1])]
        };
    }
}
