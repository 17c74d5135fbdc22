//! The laws that the draws are held against, and the distance from them.

use libm::{erfc, lgamma};
use saltflat_core::Distribution;
use std::f64::consts::{SQRT_2, TAU};

/// Standard errors that a statistic may be away from its expectation.
pub const SIGMAS: f64 = 5.0;

/// E xᵏ for k = 0 … 8.
pub fn moments(distribution: Distribution) -> [f64; 9] {
    match distribution {
        Distribution::Gaussian => [1.0, 0.0, 1.0, 0.0, 3.0, 0.0, 15.0, 0.0, 105.0],
        Distribution::Rademacher => [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
        // 3^(k/2) / (k + 1)
        Distribution::Uniform => [1.0, 0.0, 1.0, 0.0, 9.0 / 5.0, 0.0, 27.0 / 7.0, 0.0, 9.0],
        // k! / 2^(k/2)
        Distribution::Laplace => [1.0, 0.0, 1.0, 0.0, 6.0, 0.0, 90.0, 0.0, 2520.0],
    }
}

/// P(X > x); by symmetry also P(X < −x). Keeps its relative precision in the upper tail.
pub fn upper(distribution: Distribution, x: f64) -> f64 {
    match distribution {
        Distribution::Gaussian => 0.5 * erfc(x / SQRT_2),
        Distribution::Rademacher => [1.0, 0.5, 0.0][usize::from(x >= -1.0) + usize::from(x >= 1.0)],
        Distribution::Uniform => (0.5 - x / 12f64.sqrt()).clamp(0.0, 1.0),
        Distribution::Laplace if x < 0.0 => 1.0 - upper(distribution, -x),
        Distribution::Laplace => 0.5 * (-SQRT_2 * x).exp(),
    }
}

/// How likely a Poisson count is to be this far or further from its mean, on the side where it lies. Counts of rare
/// events among many draws are Poisson; those of less rare ones spread less than that.
pub fn poisson_tail(mean: f64, count: u64) -> f64 {
    if mean == 0.0 {
        return if count == 0 { 1.0 } else { 0.0 };
    }
    let term = |k: u64| (k as f64 * mean.ln() - mean - lgamma(k as f64 + 1.0)).exp();
    let far = |k: &u64| term(*k) > 1e-30;
    if count as f64 >= mean {
        (count..).take_while(far).map(term).sum()
    } else {
        (0..=count).rev().take_while(far).map(term).sum()
    }
}

/// Standard errors by which χ² of equally likely cells is away from its expectation. A few rare cells would make that
/// a bad measure: so none may expect less than 10.
pub fn chi_square(counts: &[u32]) -> f64 {
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let expected = total / counts.len() as f64;
    assert!(expected >= 10.0, "{} cells are too many for {total} draws", counts.len());
    let square: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    let freedom = counts.len() as f64 - 1.0;
    (square - freedom) / (2.0 * freedom).sqrt()
}

#[test]
fn the_laws_agree_with_their_densities() {
    let density = |distribution, x: f64| match distribution {
        Distribution::Gaussian => (-x * x / 2.0).exp() / TAU.sqrt(),
        Distribution::Laplace => (-SQRT_2 * x.abs()).exp() / SQRT_2,
        _ => f64::from(x.abs() < 3f64.sqrt()) / 12f64.sqrt(),
    };
    for distribution in [Distribution::Gaussian, Distribution::Laplace, Distribution::Uniform] {
        // The trapezoidal rule over ±60; the step divides neither √3 nor any edge, hence the tolerance.
        let (step, range) = (1.0 / 1024.0, 60 * 1024);
        let points = (-range..=range).map(|i| f64::from(i) * step);
        let integral = |f: &dyn Fn(f64) -> f64| points.clone().map(|x| step * f(x)).sum::<f64>();
        for (k, expected) in moments(distribution).into_iter().enumerate() {
            let moment = integral(&|x| x.powi(k as i32) * density(distribution, x));
            assert!((moment - expected).abs() < 0.02 * (1.0 + expected), "{distribution:?} {k}: {moment}");
        }
        for edge in [-2.5, -1.0, 0.0, 0.3, 3.0, 5.5] {
            let beyond = integral(&|x| f64::from(x > edge) * density(distribution, x));
            assert!((beyond - upper(distribution, edge)).abs() < 1e-3, "{distribution:?} beyond {edge}");
        }
    }
    assert!((poisson_tail(2.0, 4) - 0.142_876_5).abs() < 1e-6);
    assert!((poisson_tail(2.0, 0) - (-2f64).exp()).abs() < 1e-12);
    assert!((poisson_tail(1e6, 1_000_000) - 0.5).abs() < 1e-3);
}
