//! Philox4x32: a counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
//!
//! Four words of output are a pure function of a key (the seed) and a counter, so any element of any stream can be
//! drawn alone, in any order, on any device. [`philox`] is the scalar reference; [`Philox`] draws a vector of counters
//! at a time and must equal it word for word.

use crate::backend::cpu::lanes::{LANES, Lanes};

/// Rounds of the published generator.
pub const ROUNDS: u32 = 10;
/// The fewest rounds that pass every test of TestU01's BigCrush (Salmon et al., table 2), and the option offered.
pub const FEWEST_ROUNDS: u32 = 7;
/// First multiplier.
pub const M0: u32 = 0xD251_1F53;
/// Second multiplier.
pub const M1: u32 = 0xCD9E_8D57;
/// First key increment: the golden ratio.
pub const W0: u32 = 0x9E37_79B9;
/// Second key increment: sqrt(3) − 1.
pub const W1: u32 = 0xBB67_AE85;

/// Four random words for a counter under a key.
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2], rounds: u32) -> [u32; 4] {
    for _ in 0..rounds {
        let (p0, p1) = products(counter[0], counter[2]);
        counter = [
            (p1 >> 32) as u32 ^ counter[1] ^ key[0],
            p1 as u32,
            (p0 >> 32) as u32 ^ counter[3] ^ key[1],
            p0 as u32,
        ];
        key = next(key);
    }
    counter
}

fn products(word0: u32, word2: u32) -> (u64, u64) {
    (u64::from(M0) * u64::from(word0), u64::from(M1) * u64::from(word2))
}

fn next(key: [u32; 2]) -> [u32; 2] {
    [key[0].wrapping_add(W0), key[1].wrapping_add(W1)]
}

/// Counters that differ in their word 0 only, ready to be drawn: the keys of all rounds, and what the first three rounds make
/// of the three constant words worked out once. Few bytes, for one is made a chunk.
pub(crate) struct Philox {
    /// Keys of the rounds; the constant words are in those of rounds 0 to 2.
    keys: [[u64; 2]; ROUNDS as usize],
    rounds: usize,
}

impl Philox {
    #[inline(always)]
    pub fn new(key: [u32; 2], [word1, word2, word3]: [u32; 3], rounds: u32) -> Self {
        let mut keys = [[0; 2]; ROUNDS as usize];
        let mut scalar = key;
        for wide in &mut keys {
            *wide = [u64::from(scalar[0]), u64::from(scalar[1])];
            scalar = next(scalar);
        }
        // Round 0 turns the constants word1 and word2 into new words 0 and 1, round 1 its word 0 into word 3.
        let (_, p1) = products(0, word2);
        let second0 = (p1 >> 32) as u32 ^ word1 ^ key[0];
        let (p0, _) = products(second0, 0);
        let low = |product: u64| u64::from(product as u32);
        keys[0][1] ^= u64::from(word3);
        keys[1] = [keys[1][0] ^ low(p1), keys[1][1] ^ (p0 >> 32)];
        keys[2][1] ^= low(p0);
        Self { keys, rounds: rounds as usize }
    }

    /// The words of counters `base`, `base + 1`, …, one a lane.
    #[inline(always)]
    pub fn words<V: Lanes>(&self, base: u32) -> [V::U; 4] {
        let [words] = self.abreast::<V, 1>(base);
        words
    }

    /// Those of `base`, `base + 16`, …: `T` chains of dependent operations at a time.
    #[inline(always)]
    pub fn abreast<V: Lanes, const T: usize>(&self, base: u32) -> [[V::U; 4]; T] {
        let [m0, m1] = [M0, M1].map(|word| V::key(u64::from(word)));
        let mut words = [[V::counters(base); 4]; T];
        for (chain, words) in words.iter_mut().enumerate() {
            *words = self.first_rounds::<V>(base + (chain * LANES) as u32);
        }
        let (last, rounds) = self.keys[..self.rounds].split_last().expect("seven rounds or more");
        for [key0, key1] in &rounds[3..] {
            for words in &mut words {
                let (p0, p1) = (V::mul_wide(words[0], m0), V::mul_wide(words[2], m1));
                let zero = V::high_xor(p1, words[1], V::key(*key0));
                *words = [zero, p1, V::high_xor(p0, words[3], V::key(*key1)), p0];
            }
        }
        // The last round in lane order: its products come there in one operation each, where finished words would take two.
        let [key0, key1] = last.map(|key| V::word(key as u32));
        let mut drawn = [[key0; 4]; T];
        for (words, drawn) in words.iter().zip(&mut drawn) {
            let (p0, p1) = (V::mul_wide(words[0], m0), V::mul_wide(words[2], m1));
            let (one, three) = (V::narrow(words[1]), V::narrow(words[3]));
            let zero = V::xor(V::xor(V::narrow_high(p1), one), key0);
            let two = V::xor(V::xor(V::narrow_high(p0), three), key1);
            *drawn = [zero, V::narrow(p1), two, V::narrow(p0)];
        }
        drawn
    }

    /// What rounds 0 to 2 make of counters `base`, `base + 1`, ….
    #[inline(always)]
    fn first_rounds<V: Lanes>(&self, base: u32) -> [V::W; 4] {
        let [m0, m1] = [M0, M1].map(|word| V::key(u64::from(word)));
        let key = |round: usize, word: usize| V::key(self.keys[round][word]);
        let p0 = V::mul_wide(V::counters(base), m0);
        let (two, three) = (V::high_key(p0, key(0, 1)), p0);
        let p1 = V::mul_wide(two, m1);
        let (zero, one, two) = (V::high_key(p1, key(1, 0)), p1, V::xor_key(three, key(1, 1)));
        let (p0, p1) = (V::mul_wide(zero, m0), V::mul_wide(two, m1));
        [V::high_xor(p1, one, key(2, 0)), p1, V::high_key(p0, key(2, 1)), p0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123's own `kat_vectors`, philox 4x32 with 7 and 10 rounds.
    #[test]
    fn random123_known_answers() {
        let pi = ([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
        let cases = [
            (
                ([0; 4], [0; 2]),
                [0x5f6f_b709, 0x0d89_3f64, 0x4f12_1f81, 0x4f73_0a48],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                ([u32::MAX; 4], [u32::MAX; 2]),
                [0x5207_ddc2, 0x4516_5e59, 0x4d8e_e751, 0x8c52_f662],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                pi,
                [0x4dfc_caba, 0x190a_87f0, 0xc473_62ba, 0xb6b5_242a],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for ((counter, key), seven, ten) in cases {
            assert_eq!(philox(counter, key, FEWEST_ROUNDS), seven);
            assert_eq!(philox(counter, key, ROUNDS), ten);
        }
    }
}
