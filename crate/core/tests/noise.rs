//! The sampler against a reference built here from single counters, in f64, and against itself at every width.

use saltflat_core::backend::cpu::dispatch::{fill, words};
use saltflat_core::rng::{FEWEST_ROUNDS, ROUNDS, philox};
use saltflat_core::{Distribution, Draw, Level};

const KEY: [u32; 2] = [0x1234_5678, 0x9ABC_DEF0];

fn draw(distribution: Distribution, step: u32) -> Draw {
    Draw { key: KEY, step, index: 3, distribution, rounds: ROUNDS }
}

fn sample(level: Level, draw: Draw, tensor: u32, first_tile: u32, tiles: usize) -> Vec<f32> {
    let mut out = vec![f32::NAN; tiles * 64];
    fill(level, draw, tensor, first_tile, &mut out);
    out
}

/// Word of element `i` as the design states it, from one scalar counter.
fn word(draw: Draw, tensor: u32, i: usize, slot: usize) -> u32 {
    philox([(16 * (i / 64) + i % 16) as u32, tensor, draw.step, draw.index], draw.key, draw.rounds)[slot]
}

fn unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

/// The same draw in double precision with libm.
fn reference(draw: Draw, tensor: u32, i: usize) -> f64 {
    let slot = (i % 64) / 16;
    match draw.distribution {
        Distribution::Gaussian => {
            let pair = slot / 2 * 2;
            let radius = (-2.0 * unit(word(draw, tensor, i, pair)).ln()).sqrt();
            let angle = std::f64::consts::TAU * f64::from(word(draw, tensor, i, pair + 1)) / 4_294_967_296.0;
            radius * if slot.is_multiple_of(2) { angle.cos() } else { angle.sin() }
        }
        Distribution::Uniform => {
            12f64.sqrt() * {
                let signed = f64::from(word(draw, tensor, i, slot) as i32);
                (signed + 0.5) / 4_294_967_296.0
            }
        }
        Distribution::Laplace => {
            let word = word(draw, tensor, i, slot);
            let size = (f64::from(word & 0x7FFF_FFFF) + 0.5) / 2_147_483_648.0;
            -size.ln() / 2f64.sqrt() * if word >> 31 == 1 { -1.0 } else { 1.0 }
        }
        Distribution::Rademacher => {
            let counter = [(16 * (i / 2048) + i % 16) as u32, tensor, draw.step, draw.index];
            let bit = philox(counter, draw.key, draw.rounds)[slot] >> (i % 2048 / 64) & 1;
            if bit == 1 { 1.0 } else { -1.0 }
        }
    }
}

#[test]
fn every_element_is_its_own_counter() {
    for (name, distribution) in Distribution::ALL {
        for rounds in [FEWEST_ROUNDS, ROUNDS] {
            let draw = Draw { rounds, ..draw(distribution, 7) };
            let drawn = sample(Level::Scalar, draw, 5, 0, 80);
            for (i, value) in drawn.iter().enumerate() {
                let expected = reference(draw, 5, i);
                // An error of the angle is absolute, so it is measured against the radius, at most 6.8.
                assert!(
                    (f64::from(*value) - expected).abs() < 1.5e-6,
                    "{name} element {i}: {value} against {expected}"
                );
            }
        }
    }
}

#[test]
fn every_width_gives_the_same_bits() {
    for level in Level::available() {
        for (name, distribution) in Distribution::ALL {
            for (step, rounds, tiles) in [(0, ROUNDS, 8192), (1, FEWEST_ROUNDS, 101), (u32::MAX, ROUNDS, 3)] {
                let draw = Draw { rounds, ..draw(distribution, step) };
                let bits = |level| -> Vec<u32> {
                    sample(level, draw, 2, 1 << 20, tiles).iter().map(|x| x.to_bits()).collect()
                };
                assert!(bits(level) == bits(Level::Scalar), "{name} at {}", level.name());
            }
        }
    }
    if !Level::available().contains(&Level::Avx512) {
        eprintln!("SKIPPED: this CPU has no AVX-512; scalar and AVX2 were compared");
    }
}

#[test]
fn tiles_can_be_drawn_alone() {
    for (_, distribution) in Distribution::ALL {
        let whole = sample(Level::best(), draw(distribution, 1), 0, 0, 100);
        for tile in [0, 1, 31, 32, 33, 63, 64, 99] {
            let alone = sample(Level::best(), draw(distribution, 1), 0, tile, 1);
            assert_eq!(alone, whole[64 * tile as usize..][..64]);
        }
    }
}

#[test]
fn moments_to_order_four() {
    let n = 1 << 22;
    for (name, distribution) in Distribution::ALL {
        let drawn = sample(Level::best(), draw(distribution, 11), 0, 0, n / 64);
        let moment = |order: i32| drawn.iter().map(|x| f64::from(*x).powi(order)).sum::<f64>() / n as f64;
        let kurtosis = match distribution {
            Distribution::Gaussian => 3.0,
            Distribution::Rademacher => 1.0,
            Distribution::Uniform => 1.8,
            Distribution::Laplace => 6.0,
        };
        // Five standard errors; the widest are those of Laplace, whose eighth moment is 2520.
        let bound = |variance: f64| 5.0 * (variance / n as f64).sqrt();
        assert!(moment(1).abs() < bound(1.0), "{name} mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < bound(5.0) + 1e-6, "{name} variance {}", moment(2));
        assert!(moment(3).abs() < bound(90.0), "{name} third moment {}", moment(3));
        assert!((moment(4) - kurtosis).abs() < bound(2484.0) + 1e-6, "{name} fourth moment {}", moment(4));
    }
}

#[test]
fn logarithm_and_angle_over_the_whole_range() {
    // Element 0 of a tile shows r·cos of (word 0, word 1); the sum of squares of elements 0 and 16 shows r² alone.
    let drawn = sample(Level::best(), draw(Distribution::Gaussian, 3), 0, 0, 1 << 16);
    let mut worst: f64 = 0.0;
    for (tile, values) in drawn.chunks_exact(64).enumerate() {
        for lane in 0..16 {
            let i = 64 * tile + lane;
            let expected = (-2.0 * unit(word(draw(Distribution::Gaussian, 3), 0, i, 0)).ln()).sqrt();
            let radius = f64::from(values[lane]).hypot(f64::from(values[lane + 16]));
            worst = worst.max((radius - expected).abs() / expected);
        }
    }
    assert!(worst < 1e-6, "worst relative error of a radius: {worst:e}");
}

#[test]
fn words_are_the_generators_own() {
    let draw = draw(Distribution::Gaussian, 9);
    let mut out = vec![0; 130];
    words(draw, 0, 0, &mut out);
    for (i, value) in out.iter().enumerate() {
        assert_eq!(*value, word(draw, 0, i, i % 64 / 16));
    }
}
