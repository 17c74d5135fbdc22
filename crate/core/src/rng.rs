//! Philox4x32: a counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
//!
//! Four words of output are a pure function of a key (the seed) and a counter, so any element of any stream can be
//! drawn alone, in any order, on any device. This file is the scalar reference; the SIMD form is
//! [`crate::noise`]'s and must equal it word for word.

/// Rounds of the published generator.
pub const ROUNDS: u32 = 10;
/// First multiplier.
pub const M0: u32 = 0xD251_1F53;
/// Second multiplier.
pub const M1: u32 = 0xCD9E_8D57;
/// First key increment: the golden ratio.
pub const W0: u32 = 0x9E37_79B9;
/// Second key increment: sqrt(3) − 1.
pub const W1: u32 = 0xBB67_AE85;

/// Four random words for a counter under a key.
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..ROUNDS {
        let p0 = u64::from(M0) * u64::from(counter[0]);
        let p1 = u64::from(M1) * u64::from(counter[2]);
        counter = [
            (p1 >> 32) as u32 ^ counter[1] ^ key[0],
            p1 as u32,
            (p0 >> 32) as u32 ^ counter[3] ^ key[1],
            p0 as u32,
        ];
        key = [key[0].wrapping_add(W0), key[1].wrapping_add(W1)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123's own `kat_vectors`, philox 4x32 with 10 rounds.
    #[test]
    fn random123_known_answers() {
        let cases: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox(counter, key), expected);
        }
    }
}
