//! The sweeps of Lanczos over a basis: projections, dot products, differences, norms.

use crate::{Check, different};
use saltflat_core::backend::cpu::{dispatch::fill, rows::Rows as CpuRows};
use saltflat_core::backend::cuda::Device;
use saltflat_core::backend::cuda::rows::{Rows, Vector};
use saltflat_core::memory::AlignedVec;
use saltflat_core::rng::ROUNDS;
use saltflat_core::{Distribution, Draw, Level, Threads};
use std::sync::Arc;

/// Rows of so many elements, and how many of them.
pub fn checks(large: usize) -> Vec<(String, Check)> {
    let sizes = [(1, 0), (1, 3), (63, 1), (4097, 70), (20_000, 5), (large / 50 + 1, 100), (large + 5, 3)];
    let check = |(size, count)| {
        let check = move |device: &Arc<Device>| sweep(device, size, count);
        (format!("a sweep over {count} rows of {size}"), Box::new(check) as Check)
    };
    sizes.into_iter().map(check).collect()
}

fn drawn(rows: &CpuRows, place: u32) -> AlignedVec {
    let distribution = Distribution::Gaussian;
    let draw = Draw { key: [5, 6], step: 0, index: place, distribution, rounds: ROUNDS };
    let mut vector = rows.vector().unwrap();
    fill(Level::best(), draw, 0, 0, &mut vector);
    vector[rows.size()..].fill(0.0);
    vector
}

fn sweep(device: &Arc<Device>, size: usize, count: usize) -> Option<String> {
    let mut cpu = CpuRows::new(size, Level::best(), Threads::new(2)).unwrap();
    let mut gpu = Rows::new(size, device.clone()).unwrap();
    let vectors: Vec<AlignedVec> = (0..count as u32 + 3).map(|place| drawn(&cpu, place)).collect();
    let up = |vector: &AlignedVec| {
        let mut made = gpu.vector().unwrap();
        gpu.upload(&vector[..size], &mut made).unwrap();
        made
    };
    let held: Vec<Vector> = vectors.iter().map(up).collect();
    let (rows, others) = vectors.split_at(count);
    let (held, beside) = held.split_at(count);
    let (rows, held) = (rows.iter().map(|row| &row[..]).collect::<Vec<_>>(), held.iter().collect::<Vec<_>>());
    let (mut w, mut on_gpu) = (cpu.vector().unwrap(), gpu.vector().unwrap());
    let mut sums = vec![];
    for beta in [None, Some(0.37)] {
        let expected = cpu.project(&others[0], beta.map(|beta| (&others[1][..], beta)), &others[2], &mut w);
        let before = beta.map(|beta| (&beside[1], beta));
        sums.push((gpu.project(&beside[0], before, &beside[2], &mut on_gpu).unwrap(), expected));
    }
    let dots = cpu.dots(&rows, &w);
    sums.extend(gpu.dots(&held, &on_gpu).unwrap().into_iter().zip(dots.iter().copied()));
    let factors: Vec<f32> = dots.iter().map(|dot| *dot as f32 / size as f32).collect();
    sums.push((gpu.subtract(&held, &factors, &mut on_gpu).unwrap(), cpu.subtract(&rows, &factors, &mut w)));
    gpu.scale(0.7, &mut on_gpu).unwrap();
    cpu.scale(0.7, &mut w);
    let mut found = vec![f32::NAN; size];
    gpu.download(&on_gpu, &mut found).unwrap();
    let wrong = sums.iter().position(|(found, expected)| found.to_bits() != expected.to_bits());
    let sum = wrong.map(|i| format!("sum {i}: {:e} for {:e}", sums[i].0, sums[i].1));
    sum.or_else(|| different(&found, &w[..size]))
}
