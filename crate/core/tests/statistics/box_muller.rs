//! The two normals that Box–Muller makes of one radius and one angle: elements 16 apart.

use crate::laws::{self, SIGMAS, chi_square};
use crate::sample::{ROUNDS, base, each_block};
use saltflat_core::Distribution;
use std::f64::consts::TAU;

#[test]
fn both_halves_of_a_pair_are_independent() {
    check(1 << 22);
}

#[test]
#[ignore = "long: 10^8 draws"]
fn both_halves_of_many_pairs_are_independent() {
    check(100_000_000);
}

fn check(n: usize) {
    for rounds in ROUNDS {
        for pair in 0..2 {
            let mut cells = vec![0; 32 * 32];
            let mut polar = vec![0; 64 * 32];
            let mut sums = [0.0; 6];
            let mut pairs = 0.0;
            each_block(base(Distribution::Gaussian, rounds), 0, n, |block| {
                for tile in block.chunks_exact(64) {
                    let (cos, sin) = tile[32 * pair..][..32].split_at(16);
                    for (x, y) in cos.iter().zip(sin) {
                        let (x, y) = (f64::from(*x), f64::from(*y));
                        let square = x * x + y * y;
                        cells[32 * cell(below(x), 32) + cell(below(y), 32)] += 1;
                        // The angle is uniform, and so is exp(−r²/2): each must be whatever the other is.
                        let turn = (y.atan2(x) / TAU).rem_euclid(1.0);
                        polar[32 * cell(turn, 64) + cell((-square / 2.0).exp(), 32)] += 1;
                        let (p, q) = (x * x - 1.0, y * y - 1.0);
                        // Each has the mean 0 and the variance that follows.
                        let terms = [x * y, p * q, x * q, p * y, x * x - y * y, x * y * (x * x - y * y)];
                        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
                        pairs += 1.0;
                    }
                }
            });
            // E x²y² = 1; E p²q² = 4; E x²q² = 2; Var(x² − y²) = 4; E x²y²(x⁴ − 2x²y² + y⁴) = 15 − 18 + 15.
            for (sum, variance) in sums.into_iter().zip([1.0, 4.0, 2.0, 2.0, 4.0, 12.0f64]) {
                let off = sum / (variance * pairs).sqrt();
                assert!(off.abs() < SIGMAS, "{rounds} rounds, pair {pair}: a mixed moment is off by {off}");
            }
            for (what, counts) in [("x and y", &cells), ("angle and radius", &polar)] {
                let off = chi_square(counts);
                assert!(off.abs() < SIGMAS, "{rounds} rounds, pair {pair}: {what} off by {off}");
            }
        }
    }
}

fn below(x: f64) -> f64 {
    laws::upper(Distribution::Gaussian, -x)
}

/// Which of so many equal parts of 0 … 1.
fn cell(unit: f64, parts: usize) -> usize {
    ((unit * parts as f64) as usize).min(parts - 1)
}
