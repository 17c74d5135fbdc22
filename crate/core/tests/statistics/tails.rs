//! How many draws lie far out, and how far out the farthest lie.

use crate::laws;
use crate::sample::{each_block, every};
use saltflat_core::{Distribution, Draw};

/// Probability below which a count is taken as wrong.
const UNLIKELY: f64 = 1e-7;

#[test]
fn tails_are_as_heavy_as_they_should_be() {
    every(|name, draw| check(name, draw, 1 << 23));
}

#[test]
#[ignore = "long: 2^30 draws of each kind"]
fn tails_of_many_draws() {
    every(|name, draw| check(name, draw, 1 << 30));
}

/// The largest size that the 32 bits of a word can give; a draw beyond it comes from an error of the transform.
fn largest(distribution: Distribution) -> f64 {
    match distribution {
        Distribution::Gaussian => (66.0 * 2f64.ln()).sqrt(), // 6.764: u = 2⁻³³, and all of the radius
        Distribution::Rademacher => 1.0,
        Distribution::Uniform => 3f64.sqrt(),
        Distribution::Laplace => 32.0 * 2f64.ln() / 2f64.sqrt(), // 15.68: u = 2⁻³²
    }
}

fn check(name: &str, draw: Draw, n: usize) {
    let edges = match draw.distribution {
        Distribution::Uniform => [1.0, 1.5, 1.7, 1.732, 3.0],
        _ => [3.0, 4.0, 5.0, 5.5, 6.0],
    };
    let mut above = [0u64; 5];
    let mut below = [0u64; 5];
    let mut farthest = 0f32;
    each_block(draw, 0, n, |block| {
        for (edge, (above, below)) in edges.iter().zip(above.iter_mut().zip(&mut below)) {
            let edge = *edge as f32;
            *above += u64::from(block.iter().map(|x| u32::from(*x > edge)).sum::<u32>());
            *below += u64::from(block.iter().map(|x| u32::from(*x < -edge)).sum::<u32>());
        }
        farthest = block.iter().fold(farthest, |most, x| most.max(x.abs()));
    });
    for (side, counts) in [("above", above), ("below -", below)] {
        for (edge, count) in edges.into_iter().zip(counts) {
            let expected = n as f64 * laws::upper(draw.distribution, f64::from(edge as f32));
            let likely = laws::poisson_tail(expected, count);
            assert!(likely > UNLIKELY, "{name}: {count} draws {side}{edge}, expected {expected:.1}");
        }
    }
    let bound = largest(draw.distribution) * (1.0 + 1e-6);
    assert!(f64::from(farthest) <= bound, "{name}: a draw of size {farthest}, at most {bound} is possible");
}
