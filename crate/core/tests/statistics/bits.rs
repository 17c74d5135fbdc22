//! The words themselves: every bit, every byte, pairs of neighbours, and what one bit of the input changes.

use crate::laws::{SIGMAS, chi_square};
use crate::sample::{ROUNDS, base, sample_words};
use saltflat_core::{Distribution, Draw};

#[test]
fn bits_and_pairs_are_even() {
    check(1 << 21);
}

#[test]
#[ignore = "long: 2^24 words"]
fn bits_and_pairs_of_many_words_are_even() {
    check(1 << 24);
}

#[test]
fn one_bit_of_the_input_turns_half_of_the_output() {
    avalanche(1 << 13);
}

#[test]
#[ignore = "long: 2^20 words for each bit of the input"]
fn one_bit_of_the_input_turns_half_of_many_words() {
    avalanche(1 << 20);
}

fn check(n: usize) {
    for rounds in ROUNDS {
        let draw = base(Distribution::Uniform, rounds);
        let words = sample_words(draw, 0, n);
        let next_step = sample_words(Draw { step: draw.step + 1, ..draw }, 0, n);

        for slot in 0..4 {
            let drawn =
                || words.iter().enumerate().filter(move |(i, _)| i % 64 / 16 == slot).map(|(_, word)| word);
            for bit in 0..32 {
                let ones: u32 = drawn().map(|word| word >> bit & 1).sum();
                let off = (f64::from(ones) - n as f64 / 8.0) / (n as f64 / 16.0).sqrt();
                assert!(off.abs() < SIGMAS, "{rounds} rounds: bit {bit} of word {slot} is off by {off}");
            }
            for byte in 0..4 {
                let off = uneven(drawn().map(|word| word >> (8 * byte) & 0xFF), 8);
                assert!(off.abs() < SIGMAS, "{rounds} rounds: byte {byte} of word {slot} is off by {off}");
            }
        }

        // Next lane, next word of the same counter, next tile, same place in the next step; both ends of each word.
        for (what, shift, other) in
            [("lane", 1, &words), ("word", 16, &words), ("tile", 64, &words), ("step", 0, &next_step)]
        {
            let pairs = || words.iter().zip(&other[shift..]);
            for (end, at) in [("high", 24), ("low", 0)] {
                let off = uneven(pairs().map(|(a, b)| (a >> at & 0xFF) << 8 | (b >> at & 0xFF)), 16);
                assert!(off.abs() < SIGMAS, "{rounds} rounds: {end} bytes with the next {what}: {off}");
            }
            // Equal bits of both are a coin each.
            let equal: u64 = pairs().map(|(a, b)| u64::from((a ^ b).count_zeros())).sum();
            let coins = 32.0 * (n - shift) as f64;
            let off = (equal as f64 - coins / 2.0) / (coins / 4.0).sqrt();
            assert!(off.abs() < SIGMAS, "{rounds} rounds: bits equal to the next {what}: {off}");
        }
        let off = uneven(words.iter().map(|word| (word >> 24) << 8 | word & 0xFF), 16);
        assert!(off.abs() < SIGMAS, "{rounds} rounds: both ends of a word: {off}");
    }
}

/// Standard errors of χ² for numbers of so many bits.
fn uneven(numbers: impl Iterator<Item = u32>, bits: u32) -> f64 {
    let mut counts = vec![0; 1 << bits];
    numbers.for_each(|number| counts[number as usize] += 1);
    chi_square(&counts)
}

/// Seed, tensor, step, and stream with perturbation: 160 bits, each turned alone.
fn avalanche(n: usize) {
    for rounds in ROUNDS {
        let draw = base(Distribution::Uniform, rounds);
        let plain = sample_words(draw, 0, n);
        for bit in 0..160 {
            let (mut other, mut tensor, mask) = (draw, 0, 1 << (bit % 32));
            let input = match bit / 32 {
                0 => &mut other.key[0],
                1 => &mut other.key[1],
                2 => &mut tensor,
                3 => &mut other.step,
                _ => &mut other.index,
            };
            *input ^= mask;
            let changed = sample_words(other, tensor, n);
            let mut turned = [0u32; 32];
            for word in plain.iter().zip(changed).map(|(a, b)| a ^ b) {
                turned.iter_mut().enumerate().for_each(|(at, count)| *count += word >> at & 1);
            }
            let error = (n as f64 / 4.0).sqrt();
            for (at, count) in turned.into_iter().enumerate() {
                let off = (f64::from(count) - n as f64 / 2.0) / error;
                assert!(
                    off.abs() < SIGMAS,
                    "{rounds} rounds: bit {bit} of the input, {at} of the output: {off}"
                );
            }
        }
    }
}
