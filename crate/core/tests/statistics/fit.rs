//! The whole distribution at once: Kolmogorov–Smirnov, which looks at the middle, and Anderson–Darling, which looks at
//! the tails.

use crate::laws;
use crate::sample::{every, sample};
use libm::erfc;
use saltflat_core::Distribution;

/// Probability below which a distance is taken as wrong.
const UNLIKELY: f64 = 1e-4;

#[test]
fn draws_follow_their_distribution() {
    check(1_000_000);
}

#[test]
#[ignore = "long: sorts 10^7 draws of each kind"]
fn many_draws_follow_their_distribution() {
    check(10_000_000);
}

fn check(n: usize) {
    // A Rademacher draw has two values only: its moments say all about it.
    every(|name, draw| {
        if draw.distribution == Distribution::Rademacher {
            return;
        }
        let mut drawn = sample(draw, 0, n);
        drawn.sort_unstable_by(f32::total_cmp);
        let above = |i: usize| laws::upper(draw.distribution, f64::from(drawn[i]));
        let below = |i: usize| laws::upper(draw.distribution, -f64::from(drawn[i]));
        let size = n as f64;

        let distance = (0..n).fold(0f64, |most, i| {
            let probability = below(i);
            most.max((i as f64 + 1.0) / size - probability).max(probability - i as f64 / size)
        });
        let smirnov = 2.0 * (-2.0 * size * distance * distance).exp();
        assert!(
            smirnov > UNLIKELY,
            "{name}: Kolmogorov–Smirnov distance {distance:e}, probability {smirnov:e}"
        );

        let sum: f64 = (0..n).map(|i| (2 * i + 1) as f64 * (below(i).ln() + above(n - 1 - i).ln())).sum();
        let square = -size - sum / size;
        // The law of A² is that of Σ Z²/(j(j + 1)); far out the first term rules: P(A² > z) → √3·erfc(√z).
        let darling = 3f64.sqrt() * erfc(square.max(0.0).sqrt());
        assert!(darling > UNLIKELY, "{name}: Anderson–Darling {square}, probability {darling:e}");
    });
}
