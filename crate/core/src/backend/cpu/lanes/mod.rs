//! Instruction sets as vectors of `N` lanes: plain arrays, AVX2, AVX-512, NEON.
//!
//! Every operation is exactly rounded or integer, so the sets agree bit for bit whatever is built from them. The
//! functions of a wide set must only run where the CPU has it: [`super::dispatch`] is the one place that decides.

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
#[cfg(target_arch = "aarch64")]
pub mod neon;
pub mod scalar;

use crate::noise::{Ahead, Tiles};

/// Lanes of the layouts of noise and sums; every set's own `N` divides it.
pub const LANES: usize = 16;
/// Vectors that make up [`LANES`] in the narrowest set.
pub const MAX_PARTS: usize = 4;

/// One instruction set.
pub trait Lanes: Copy + 'static {
    /// Lanes in a vector: 4, 8 or 16.
    const N: usize;
    /// N × f32.
    type F: Copy;
    /// N × u32, in lane order.
    type U: Copy;
    /// N × 64 bits, in whatever order multiplies fastest; only the low halves count.
    type W: Copy;
    /// One word in all lanes of a `W`.
    type K: Copy;
    /// N × f64 sums.
    type D: Copy;

    /// Fills whole tiles with the next draws; the set's own copy of [`crate::noise::fill`].
    fn fill(tiles: &mut Tiles, ahead: Ahead<'_>, out: &mut [f32]);

    /// The same number in every lane.
    fn splat(value: f32) -> Self::F;
    /// # Safety
    /// N readable elements at `from`.
    unsafe fn load(from: *const f32) -> Self::F;
    /// # Safety
    /// N writable elements at `to`.
    unsafe fn write(to: *mut f32, value: Self::F);
    /// `write` past the caches, without fetching what was there: for what is read much later.
    ///
    /// # Safety
    /// As `write`, on a 64-byte boundary; `past` must follow before anybody reads it.
    #[inline(always)]
    unsafe fn write_past(to: *mut f32, value: Self::F) {
        // SAFETY: as the caller promises.
        unsafe { Self::write(to, value) }
    }
    /// Waits for what `write_past` has under way.
    #[inline(always)]
    fn past() {}
    /// a + b
    fn add(a: Self::F, b: Self::F) -> Self::F;
    /// a − b
    fn sub(a: Self::F, b: Self::F) -> Self::F;
    /// a · b
    fn mul(a: Self::F, b: Self::F) -> Self::F;
    /// a / b
    fn div(a: Self::F, b: Self::F) -> Self::F;
    /// a · b + c, rounded once.
    fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// √a
    fn sqrt(a: Self::F) -> Self::F;
    /// The smaller of a and b, neither NaN.
    fn min(a: Self::F, b: Self::F) -> Self::F;
    /// The larger of a and b, neither NaN.
    fn max(a: Self::F, b: Self::F) -> Self::F;
    /// `yes` where the sign bit of `of` is set, else `no`.
    fn where_negative(of: Self::F, yes: Self::F, no: Self::F) -> Self::F;

    /// The same word in every lane.
    fn word(value: u32) -> Self::U;
    /// The bits of the floats.
    fn bits(a: Self::F) -> Self::U;
    /// The floats of these bits.
    fn float_bits(a: Self::U) -> Self::F;
    /// The words as signed integers, to the nearest float.
    fn from_i32(a: Self::U) -> Self::F;
    /// Reads N 16-bit integers, as floats.
    ///
    /// # Safety
    /// N readable integers at `from`.
    unsafe fn load_short(from: *const i16) -> Self::F;
    /// Writes the nearest integers, even ones where two are as near; within ±32,767.
    ///
    /// # Safety
    /// N writable integers at `to`.
    unsafe fn write_short(to: *mut i16, value: Self::F);
    /// a & b
    fn and(a: Self::U, b: Self::U) -> Self::U;
    /// a | b
    fn or(a: Self::U, b: Self::U) -> Self::U;
    /// a ^ b
    fn xor(a: Self::U, b: Self::U) -> Self::U;
    /// a + b, wrapping.
    fn add_word(a: Self::U, b: Self::U) -> Self::U;
    /// a − b, wrapping.
    fn sub_word(a: Self::U, b: Self::U) -> Self::U;
    /// The larger of two words below 2^31.
    fn max_word(a: Self::U, b: Self::U) -> Self::U;
    /// a << n
    fn shl<const COUNT: i32>(a: Self::U) -> Self::U;
    /// a >> n, copying the sign.
    fn sar<const COUNT: i32>(a: Self::U) -> Self::U;
    /// a << n for a count that is not known when compiling, 0 to 31.
    fn shl_by(a: Self::U, count: u32) -> Self::U;

    /// base, base + 1, … base + N − 1.
    fn counters(base: u32) -> Self::W;
    /// The same word in every lane. As wide as a lane of 64 bits, in which it lies low, so that it may be spread as it is
    /// loaded.
    fn key(value: u64) -> Self::K;
    /// The 64-bit products of the low halves with a word.
    fn mul_wide(a: Self::W, word: Self::K) -> Self::W;
    /// a ^ key
    fn xor_key(a: Self::W, key: Self::K) -> Self::W;
    /// The high half of a product ^ key.
    fn high_key(product: Self::W, key: Self::K) -> Self::W;
    /// The high half of a product ^ b ^ key.
    fn high_xor(product: Self::W, b: Self::W, key: Self::K) -> Self::W;
    /// The low halves, in lane order.
    fn narrow(a: Self::W) -> Self::U;
    /// The high halves, in lane order.
    fn narrow_high(a: Self::W) -> Self::U;

    /// Sums of 0.
    fn zero_sums() -> Self::D;
    /// sums + a·b, the products exact.
    fn add_products(sums: Self::D, a: Self::F, b: Self::F) -> Self::D;
    /// Writes the sums in lane order to the first N of `to`.
    fn sums(sums: Self::D, to: &mut [f64]);

    /// |a|
    #[inline(always)]
    fn abs(a: Self::F) -> Self::F {
        Self::float_bits(Self::and(Self::bits(a), Self::word(0x7FFF_FFFF)))
    }

    /// The largest lane, none NaN.
    #[inline(always)]
    fn largest(a: Self::F) -> f32 {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        Self::store(&mut lanes, a);
        lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// Reads N elements.
    #[inline(always)]
    fn read(from: &[f32]) -> Self::F {
        assert!(from.len() >= Self::N);
        // SAFETY: the length was just checked.
        unsafe { Self::load(from.as_ptr()) }
    }

    /// Writes N elements.
    #[inline(always)]
    fn store(to: &mut [f32], value: Self::F) {
        assert!(to.len() >= Self::N);
        // SAFETY: the length was just checked.
        unsafe { Self::write(to.as_mut_ptr(), value) }
    }

    /// Reads `n` ≤ N elements; the other lanes are 0.
    ///
    /// # Safety
    /// `n` readable elements at `from`.
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self::F {
        let mut lanes = [0f32; LANES];
        // SAFETY: n elements, as the caller promises; `lanes` has at least N.
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), n.min(Self::N));
            Self::load(lanes.as_ptr())
        }
    }

    /// Writes the first `n` ≤ N lanes.
    ///
    /// # Safety
    /// `n` writable elements at `to`.
    #[inline(always)]
    unsafe fn write_part(to: *mut f32, n: usize, value: Self::F) {
        let mut lanes = [0f32; LANES];
        Self::store(&mut lanes, value);
        // SAFETY: n elements, as the caller promises.
        unsafe { std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, n.min(Self::N)) }
    }
}

/// Folds 16 lane sums by halves: 8 + 8, 4 + 4, 2 + 2, 1 + 1.
pub fn fold_lanes(mut sums: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}
