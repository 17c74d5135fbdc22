//! NEON: four lanes, the 64-bit ones as two registers of two counters.

use super::Lanes;
use crate::noise::{self, Ahead, Tiles};
use std::arch::aarch64::*;

/// NEON, with the fused multiply-add that every 64-bit ARM has.
#[derive(Clone, Copy, Debug)]
pub struct Neon;

/// Wraps intrinsics one to one.
macro_rules! wrap {
    ($($name:ident$(<const $count:ident>)?($($arg:ident: $kind:ty),*) -> $out:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name$(<const $count: i32>)?($($arg: $kind),*) -> $out {
            // SAFETY: NEON is part of the target. Some of the intrinsics are safe there.
            #[allow(unused_unsafe)]
            unsafe { $body }
        }
    )*};
}

type F = float32x4_t;
type U = uint32x4_t;
type W = [uint64x2_t; 2];

impl Lanes for Neon {
    const N: usize = 4;
    type F = F;
    type U = U;
    type W = W;
    type K = u32;
    type D = [float64x2_t; 2];

    #[inline(never)]
    fn fill(tiles: &mut Tiles, ahead: Ahead<'_>, out: &mut [f32]) {
        noise::fill::<Self>(tiles, ahead, out);
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> F {
        // SAFETY: the caller promises four elements.
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn write(to: *mut f32, value: F) {
        // SAFETY: the caller promises four elements.
        unsafe { vst1q_f32(to, value) }
    }
    #[inline(always)]
    unsafe fn load_short(from: *const i16) -> F {
        // SAFETY: the caller promises four integers.
        unsafe { vcvtq_f32_s32(vmovl_s16(vld1_s16(from))) }
    }
    #[inline(always)]
    unsafe fn write_short(to: *mut i16, value: F) {
        // SAFETY: the caller promises four integers.
        unsafe { vst1_s16(to, vqmovn_s32(vcvtnq_s32_f32(value))) }
    }
    #[inline(always)]
    fn sums(sums: [float64x2_t; 2], to: &mut [f64]) {
        let to: &mut [f64; 4] = to.first_chunk_mut().expect("room for four sums");
        // SAFETY: four places; NEON as in `wrap!`.
        unsafe {
            vst1q_f64(to.as_mut_ptr(), sums[0]);
            vst1q_f64(to.as_mut_ptr().add(2), sums[1]);
        }
    }

    wrap! {
        splat(value: f32) -> F = vdupq_n_f32(value);
        add(a: F, b: F) -> F = vaddq_f32(a, b);
        sub(a: F, b: F) -> F = vsubq_f32(a, b);
        mul(a: F, b: F) -> F = vmulq_f32(a, b);
        div(a: F, b: F) -> F = vdivq_f32(a, b);
        fma(a: F, b: F, c: F) -> F = vfmaq_f32(c, a, b);
        sqrt(a: F) -> F = vsqrtq_f32(a);
        // Not vminq and vmaxq, which treat NaN and the two zeros in another way than the other sets.
        min(a: F, b: F) -> F = vbslq_f32(vcltq_f32(a, b), a, b);
        max(a: F, b: F) -> F = vbslq_f32(vcgtq_f32(a, b), a, b);
        where_negative(of: F, yes: F, no: F) -> F = vbslq_f32(vcltzq_s32(vreinterpretq_s32_f32(of)), yes, no);

        word(value: u32) -> U = vdupq_n_u32(value);
        bits(a: F) -> U = vreinterpretq_u32_f32(a);
        float_bits(a: U) -> F = vreinterpretq_f32_u32(a);
        from_i32(a: U) -> F = vcvtq_f32_s32(vreinterpretq_s32_u32(a));
        and(a: U, b: U) -> U = vandq_u32(a, b);
        or(a: U, b: U) -> U = vorrq_u32(a, b);
        xor(a: U, b: U) -> U = veorq_u32(a, b);
        add_word(a: U, b: U) -> U = vaddq_u32(a, b);
        sub_word(a: U, b: U) -> U = vsubq_u32(a, b);
        max_word(a: U, b: U) -> U = vmaxq_u32(a, b);
        shl<const COUNT>(a: U) -> U = vshlq_u32(a, vdupq_n_s32(COUNT));
        sar<const COUNT>(a: U) -> U =
            vreinterpretq_u32_s32(vshlq_s32(vreinterpretq_s32_u32(a), vdupq_n_s32(-COUNT)));
        shl_by(a: U, count: u32) -> U = vshlq_u32(a, vdupq_n_s32(count as i32));

        counters(base: u32) -> W = {
            let lanes = |first: u64| vcombine_u64(vcreate_u64(first), vcreate_u64(first + 1));
            [lanes(u64::from(base)), lanes(u64::from(base) + 2)]
        };
        key(value: u64) -> u32 = value as u32;
        mul_wide(a: W, word: u32) -> W =
            [vmull_u32(vmovn_u64(a[0]), vdup_n_u32(word)), vmull_u32(vmovn_u64(a[1]), vdup_n_u32(word))];
        xor_key(a: W, key: u32) -> W = {
            let key = vdupq_n_u64(u64::from(key));
            [veorq_u64(a[0], key), veorq_u64(a[1], key)]
        };
        high_key(product: W, key: u32) -> W = {
            let key = vdupq_n_u64(u64::from(key));
            [veorq_u64(vshrq_n_u64::<32>(product[0]), key), veorq_u64(vshrq_n_u64::<32>(product[1]), key)]
        };
        high_xor(product: W, b: W, key: u32) -> W = {
            let key = vdupq_n_u64(u64::from(key));
            [
                veorq_u64(vshrq_n_u64::<32>(product[0]), veorq_u64(b[0], key)),
                veorq_u64(vshrq_n_u64::<32>(product[1]), veorq_u64(b[1], key)),
            ]
        };
        narrow(a: W) -> U = vcombine_u32(vmovn_u64(a[0]), vmovn_u64(a[1]));
        narrow_high(a: W) -> U = vcombine_u32(vshrn_n_u64::<32>(a[0]), vshrn_n_u64::<32>(a[1]));

        zero_sums() -> [float64x2_t; 2] = [vdupq_n_f64(0.0); 2];
        add_products(sums: [float64x2_t; 2], a: F, b: F) -> [float64x2_t; 2] = [
            vfmaq_f64(sums[0], vcvt_f64_f32(vget_low_f32(a)), vcvt_f64_f32(vget_low_f32(b))),
            vfmaq_f64(sums[1], vcvt_high_f64_f32(a), vcvt_high_f64_f32(b)),
        ];
    }
}
