//! Words of the test's choice, given to the sampler as it is.
//!
//! Philox is a permutation: run backwards, it tells the counter that gives any four words, and all of a counter can be
//! asked for — tile and lane, tensor, step, stream with perturbation.

use saltflat_core::backend::cpu::dispatch::{fill, words};
use saltflat_core::rng::{M0, M1, ROUNDS, W0, W1};
use saltflat_core::{Distribution, Draw, Level};

const KEY: [u32; 2] = [0x0123_4567, 0x89AB_CDEF];

fn draw(distribution: Distribution, step: u32, index: u32) -> Draw {
    Draw { key: KEY, step, index, distribution, rounds: ROUNDS }
}

/// The counter whose words these are.
fn counter(mut words: [u32; 4], key: [u32; 2], rounds: u32) -> [u32; 4] {
    for round in (0..rounds).rev() {
        let k0 = key[0].wrapping_add(W0.wrapping_mul(round));
        let k1 = key[1].wrapping_add(W1.wrapping_mul(round));
        let c0 = words[3].wrapping_mul(inverse(M0));
        let c2 = words[1].wrapping_mul(inverse(M1));
        let high = |a: u32, b: u32| ((u64::from(a) * u64::from(b)) >> 32) as u32;
        words = [c0, high(M1, c2) ^ words[0] ^ k0, c2, high(M0, c0) ^ words[2] ^ k1];
    }
    words
}

/// 1/m modulo 2³², m odd, by Newton's method: every step doubles the right bits, of which m itself has three.
const fn inverse(m: u32) -> u32 {
    let mut x = m;
    let mut step = 0;
    while step < 4 {
        x = x.wrapping_mul(2u32.wrapping_sub(m.wrapping_mul(x)));
        step += 1;
    }
    x
}

/// What the sampler makes of these four words.
pub fn transform(level: Level, distribution: Distribution, words: [u32; 4]) -> [f32; 4] {
    let [c0, tensor, step, index] = counter(words, KEY, ROUNDS);
    let mut tile = [0.0; 64];
    fill(level, draw(distribution, step, index), tensor, c0 / 16, &mut tile);
    [0, 16, 32, 48].map(|slot| tile[slot + c0 as usize % 16])
}

#[test]
fn any_words_can_be_asked_for() {
    for wanted in [[0; 4], [u32::MAX; 4], [1, 2, 3, 4], [0xC000_0000, 0x8000_0001, 0x7FFF_FFFF, 0x2000_0000]]
    {
        let [c0, tensor, step, index] = counter(wanted, KEY, ROUNDS);
        let mut tile = [0; 64];
        words(draw(Distribution::Uniform, step, index), tensor, c0 / 16, &mut tile);
        assert_eq!([0, 16, 32, 48].map(|slot| tile[slot + c0 as usize % 16]), wanted);
    }
}

/// Random123's known answers, `philox4x32` with 7 and 10 rounds, backwards.
#[test]
fn backwards_from_known_answers() {
    let pi = ([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
    for ((start, key), seven, ten) in [
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
    ] {
        assert_eq!(counter(seven, key, 7), start);
        assert_eq!(counter(ten, key, 10), start);
    }
}
