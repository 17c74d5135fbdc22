//! The sweeps of Lanczos with the basis kept orthogonal: step j reads the rounded copies of j rows twice.

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
    let basis: Vec<(Vector, Vector)> = (0..steps as u32).map(|place| unit(&mut rows, place)).collect();
    let hv = vec![1e-3; size];
    let (mut w, mut next) = (rows.vector().unwrap(), rows.room().unwrap());
    let mut walk = || {
        for step in 0..steps {
            let before = step.checked_sub(1).map(|before| (&basis[before].0, 0.5));
            rows.project(&hv, before, &basis[step].0, &mut w).unwrap();
            let copies: Vec<&Vector> = basis[..=step].iter().map(|(_, copy)| copy).collect();
            let vectors: Vec<&Vector> = basis[..=step].iter().map(|(vector, _)| vector).collect();
            let dots = rows.dots_rounded(&vectors, &copies, &w).unwrap();
            let factors: Vec<f32> = dots.iter().map(|dot| *dot as f32).collect();
            let left = rows.subtract_rounded(&copies, &factors, &mut w).unwrap();
            rows.round((1.0 / left.sqrt().max(1e-30)) as f32, &mut w, &mut next).unwrap();
        }
    };
    walk();
    let begun = Instant::now();
    walk();
    let clock = begun.elapsed().as_secs_f64();
    device.stopwatch.start();
    walk();
    let kernels = device.stopwatch.stop().iter().map(|lap| lap.seconds).sum();
    // Project reads two or three and writes one; dots read w and the copies; differences read both and write w; then w is
    // scaled, and its copy written. A copy has 132 bytes for 64 elements.
    let vectors = |step: usize| (if step > 0 { 4 } else { 3 }) + 1 + 2 + 2;
    let copies = |step: usize| 2 * (step + 1) + 1;
    let moved = |step: usize| 4.0 * vectors(step) as f64 + 132.0 / 64.0 * copies(step) as f64;
    let bytes = (0..steps).map(moved).sum::<f64>() * size as f64;
    Found { bytes, kernels, clock }
}

/// A random vector of length about 1, and its copy: a few of them are nearly orthogonal.
fn unit(rows: &mut Rows, place: u32) -> (Vector, Vector) {
    let distribution = Distribution::Rademacher;
    let (mut vector, mut copy) = (rows.vector().unwrap(), rows.room().unwrap());
    rows.draw(Draw { key: [5, 6], step: 0, index: place, distribution, rounds: ROUNDS }, &mut vector)
        .unwrap();
    rows.round((rows.size() as f32).sqrt().recip(), &mut vector, &mut copy).unwrap();
    (vector, copy)
}
