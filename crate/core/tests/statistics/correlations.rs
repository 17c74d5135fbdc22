//! Draws that must have nothing to do with each other: of neighbouring steps, perturbations, tensors, streams and seeds,
//! and of one tensor at a distance.

use crate::laws::{self, SIGMAS};
use crate::sample::{every, sample};
use saltflat_core::{Distribution, Draw};

#[test]
fn other_draws_are_independent() {
    others(1 << 17);
}

#[test]
#[ignore = "long: 10^7 draws of 77 other places"]
fn many_other_draws_are_independent() {
    others(10_000_000);
}

#[test]
fn neighbours_are_independent() {
    neighbours(1 << 18);
}

#[test]
#[ignore = "long: 10^7 draws at 70 distances"]
fn neighbours_of_many_draws_are_independent() {
    neighbours(10_000_000);
}

fn others(n: usize) {
    every(|name, draw| {
        let plain = sample(draw, 2, n);
        let Draw { step, index, .. } = draw;
        let mut places = vec![
            ("the next step".to_string(), Draw { step: step + 1, ..draw }, 2),
            ("the step after the next".into(), Draw { step: step + 2, ..draw }, 2),
            ("a step 2^16 later".into(), Draw { step: step + (1 << 16), ..draw }, 2),
            ("the last step".into(), Draw { step: u32::MAX, ..draw }, 2),
            ("the next perturbation".into(), Draw { index: index + 1, ..draw }, 2),
            ("the perturbation after the next".into(), Draw { index: index + 2, ..draw }, 2),
            ("the next tensor".into(), draw, 3),
            ("the tensor after the next".into(), draw, 4),
            ("the next stream".into(), Draw { index: index + (1 << 24), ..draw }, 2),
            ("the last stream".into(), Draw { index: index | 0xFF00_0000, ..draw }, 2),
            // Sums of counter words would show here, not above.
            (
                "the next step, the perturbation before".into(),
                Draw { step: step + 1, index: index - 1, ..draw },
                2,
            ),
            ("the next step, the tensor before".into(), Draw { step: step + 1, ..draw }, 1),
            ("the next perturbation, the tensor before".into(), Draw { index: index + 1, ..draw }, 1),
        ];
        for bit in 0..64 {
            let mut key = draw.key;
            key[bit / 32] ^= 1 << (bit % 32);
            places.push((format!("the seed with bit {bit} turned"), Draw { key, ..draw }, 2));
        }
        for (what, other, tensor) in places {
            independent(draw.distribution, &plain, &sample(other, tensor, n), || format!("{name}: {what}"));
        }
    });
}

fn neighbours(n: usize) {
    every(|name, draw| {
        let drawn = sample(draw, 2, n);
        for lag in (1..=64).chain([128, 256, 512, 1024, 2048, 4096]) {
            independent(draw.distribution, &drawn, &drawn[lag..], || format!("{name}: distance {lag}"));
        }
    });
}

/// The mean of n products of independent draws of unit variance has the standard error 1/√n, and so has that of their
/// squares, less 1 and divided by their own spread.
fn independent(distribution: Distribution, a: &[f32], b: &[f32], what: impl Fn() -> String) {
    let (mut products, mut squares) = (0.0, 0.0);
    for (a, b) in a.chunks(4096).zip(b.chunks(4096)) {
        let (mut product, mut square) = ([0f64; 8], [0f64; 8]);
        for (a, b) in a.chunks(8).zip(b.chunks(8)) {
            for (lane, (a, b)) in a.iter().zip(b).enumerate() {
                let (a, b) = (f64::from(*a), f64::from(*b));
                product[lane] += a * b;
                square[lane] += (a * a - 1.0) * (b * b - 1.0);
            }
        }
        products += product.iter().sum::<f64>();
        squares += square.iter().sum::<f64>();
    }
    let n = a.len().min(b.len()) as f64;
    let bound = SIGMAS / n.sqrt();
    let correlation = products / n;
    assert!(correlation.abs() < bound, "{}: correlation {correlation:e}", what());
    let spread = laws::moments(distribution)[4] - 1.0;
    if spread > 0.0 {
        let correlation = squares / n / spread;
        assert!(correlation.abs() < bound, "{}: correlation of the squares {correlation:e}", what());
    }
}
