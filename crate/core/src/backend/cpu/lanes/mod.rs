//! Sixteen lanes of f32 and u32, three times: plain arrays, AVX2, AVX-512.
//!
//! Every operation is exactly rounded or integer, so the three agree bit for bit whatever is built from them. The
//! functions of a wide set must only run where the CPU has it: [`super::dispatch`] is the one place that decides.

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
pub mod scalar;

use crate::noise::Draw;

/// Lanes in a vector.
pub const LANES: usize = 16;

/// One instruction set, seen as 16 lanes.
pub trait Lanes: Copy + 'static {
    /// 16 × f32.
    type F: Copy;
    /// 16 × u32, in lane order.
    type U: Copy;
    /// 16 × 64 bits, in whatever order multiplies fastest; only the low halves count.
    type W: Copy;
    /// 16 × f64 sums.
    type D: Copy;
    /// 16 truth values.
    type M: Copy;

    /// Fills whole tiles with draws; the set's own copy of [`crate::noise::fill`].
    fn fill(draw: Draw, tensor: u32, first_tile: u32, out: &mut [f32]);

    /// The same number in every lane.
    fn splat(value: f32) -> Self::F;
    /// # Safety
    /// 16 readable elements at `from`.
    unsafe fn load(from: *const f32) -> Self::F;
    /// # Safety
    /// 16 writable elements at `to`.
    unsafe fn write(to: *mut f32, value: Self::F);
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
    /// a < b
    fn less(a: Self::F, b: Self::F) -> Self::M;
    /// Both.
    fn and_mask(a: Self::M, b: Self::M) -> Self::M;
    /// Where the mask holds `yes`, else `no`.
    fn select(mask: Self::M, yes: Self::F, no: Self::F) -> Self::F;

    /// The same word in every lane.
    fn word(value: u32) -> Self::U;
    /// The bits of the floats.
    fn bits(a: Self::F) -> Self::U;
    /// The floats of these bits.
    fn float_bits(a: Self::U) -> Self::F;
    /// The words as signed integers, to the nearest float.
    fn from_i32(a: Self::U) -> Self::F;
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
    /// a << n
    fn shl(a: Self::U, n: u32) -> Self::U;
    /// a >> n, copying the sign.
    fn sar(a: Self::U, n: u32) -> Self::U;

    /// base, base + 1, … base + 15.
    fn counters(base: u32) -> Self::W;
    /// The same word in every lane.
    fn wide(value: u32) -> Self::W;
    /// The 64-bit products of the low halves with m.
    fn mul_wide(a: Self::W, m: u32) -> Self::W;
    /// High half of `product` ^ b ^ key.
    fn high_xor(product: Self::W, b: Self::W, key: u32) -> Self::W;
    /// The low halves, in lane order.
    fn narrow(a: Self::W) -> Self::U;

    /// Sixteen sums of 0.
    fn zero_sums() -> Self::D;
    /// sums + a·b, the products exact.
    fn add_products(sums: Self::D, a: Self::F, b: Self::F) -> Self::D;
    /// The sums in lane order.
    fn sums(sums: Self::D) -> [f64; LANES];

    /// a with every bit turned.
    #[inline(always)]
    fn not(a: Self::U) -> Self::U {
        Self::xor(a, Self::word(u32::MAX))
    }

    /// Writes 16 elements.
    #[inline(always)]
    fn store(to: &mut [f32], value: Self::F) {
        assert!(to.len() >= LANES);
        // SAFETY: the length was just checked.
        unsafe { Self::write(to.as_mut_ptr(), value) }
    }

    /// Reads `n` ≤ 16 elements; the other lanes are 0.
    ///
    /// # Safety
    /// `n` readable elements at `from`.
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self::F {
        let mut lanes = [0f32; LANES];
        // SAFETY: n <= 16 elements, as the caller promises.
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), n.min(LANES));
            Self::load(lanes.as_ptr())
        }
    }

    /// Writes the first `n` ≤ 16 lanes.
    ///
    /// # Safety
    /// `n` writable elements at `to`.
    #[inline(always)]
    unsafe fn write_part(to: *mut f32, n: usize, value: Self::F) {
        let mut lanes = [0f32; LANES];
        Self::store(&mut lanes, value);
        // SAFETY: n <= 16 elements, as the caller promises.
        unsafe { std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, n.min(LANES)) }
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
