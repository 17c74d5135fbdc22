//! Moments to order four.

use crate::laws::{self, SIGMAS};
use crate::sample::{each_block, every};
use saltflat_core::Distribution;

#[test]
fn moments_to_order_four() {
    check(1 << 22);
}

#[test]
#[ignore = "long: 10^8 draws of each kind"]
fn moments_of_many_draws() {
    check(100_000_000);
}

fn check(n: usize) {
    every(|name, draw| {
        let mut sums = [0.0; 5];
        each_block(draw, 0, n, |block| {
            let mut part = [0.0; 5];
            for x in block.iter().map(|x| f64::from(*x)) {
                let powers = [1.0, x, x * x, x * x * x, x * x * x * x];
                part.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
            }
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        });
        let law = laws::moments(draw.distribution);
        for k in 1..=4 {
            let moment = sums[k] / n as f64;
            // The mean of n values xᵏ has the variance (E x²ᵏ − (E xᵏ)²) / n. Single precision adds 4·2⁻²⁴ at most.
            let error = ((law[2 * k] - law[k] * law[k]) / n as f64).sqrt();
            let bound = SIGMAS * error + 3e-7 * law[k];
            assert!((moment - law[k]).abs() <= bound, "{name}: moment {k} is {moment}, not {}", law[k]);
            if draw.distribution == Distribution::Rademacher && k % 2 == 0 {
                assert_eq!(moment, 1.0);
            }
        }
    });
}
