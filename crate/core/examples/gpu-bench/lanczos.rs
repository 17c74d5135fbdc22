//! The sweeps of Lanczos with the basis kept orthogonal: step j reads the basis of j rows twice.

use saltflat_core::backend::Space;
use saltflat_core::backend::cuda::Device;
use saltflat_core::backend::cuda::rows::{Rows, Vector};
use saltflat_core::rng::ROUNDS;
use saltflat_core::{Distribution, Draw};
use std::sync::Arc;
use std::time::Instant;

/// What all steps moved, and how long they took: the kernels, and all of it with launches, products that go up and sums that come back.
pub struct Found {
    pub bytes: f64,
    pub kernels: f64,
    pub clock: f64,
}

pub fn timed(device: &Arc<Device>, size: usize, steps: usize) -> Found {
    let mut rows = Rows::new(size, device.clone()).unwrap();
    let vectors: Vec<Vector> = (0..steps as u32).map(|place| unit(&mut rows, place)).collect();
    let hv = vec![1e-3; size];
    let mut w = rows.vector().unwrap();
    let mut walk = || {
        for step in 0..steps {
            let before = step.checked_sub(1).map(|before| (&vectors[before], 0.5));
            rows.project(&hv, before, &vectors[step], &mut w).unwrap();
            let basis: Vec<&Vector> = vectors[..=step].iter().collect();
            let dots = rows.dots(&basis, &w).unwrap();
            let factors: Vec<f32> = dots.iter().map(|dot| *dot as f32).collect();
            let left = rows.subtract(&basis, &factors, &mut w).unwrap();
            rows.scale((1.0 / left.sqrt().max(1e-30)) as f32, &mut w).unwrap();
        }
    };
    walk();
    let begun = Instant::now();
    walk();
    let clock = begun.elapsed().as_secs_f64();
    device.stopwatch.start();
    walk();
    let kernels = device.stopwatch.stop().iter().map(|lap| lap.seconds).sum();
    // Project reads two or three and writes one; dots read w and the rows; differences read both and write w; then a scale.
    let moved = |step: usize| (if step > 0 { 4 } else { 3 }) + (step + 2) + (step + 3) + 2;
    let bytes = (0..steps).map(moved).sum::<usize>() as f64 * 4.0 * size as f64;
    Found { bytes, kernels, clock }
}

/// A random vector of length about 1: a few of them are nearly orthogonal.
fn unit(rows: &mut Rows, place: u32) -> Vector {
    let distribution = Distribution::Rademacher;
    let mut vector = rows.vector().unwrap();
    rows.draw(Draw { key: [5, 6], step: 0, index: place, distribution, rounds: ROUNDS }, &mut vector)
        .unwrap();
    rows.scale((rows.size() as f32).sqrt().recip(), &mut vector).unwrap();
    vector
}
