//! Passes over a basis: draws, projections, dot products, differences, norms, combinations; and batches of copies.

use crate::{Check, different};
use saltflat_core::backend::Space;
use saltflat_core::backend::cpu::batch::{Signs, perturb_batch as on_cpu};
use saltflat_core::backend::cpu::{dispatch::fill, rows::Rows as CpuRows};
use saltflat_core::backend::cuda::Device;
use saltflat_core::backend::cuda::batch::perturb_batch;
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
    let batch = Box::new(move |device: &Arc<Device>| batch(device, large / 10)) as Check;
    let batch = ("batches of copies".to_owned(), batch);
    sizes.into_iter().map(check).chain([batch]).collect()
}

fn draw(place: u32) -> Draw {
    Draw { key: [5, 6], step: 0, index: place, distribution: Distribution::Gaussian, rounds: ROUNDS }
}

fn drawn(rows: &CpuRows, place: u32) -> AlignedVec {
    let mut vector = rows.vector().unwrap();
    fill(Level::best(), draw(place), 0, 0, &mut vector);
    vector[rows.size()..].fill(0.0);
    vector
}

fn sweep(device: &Arc<Device>, size: usize, count: usize) -> Option<String> {
    let mut cpu = CpuRows::new(size, Level::best(), Threads::new(2)).unwrap();
    let mut gpu = Rows::new(size, device.clone()).unwrap();
    let vectors: Vec<AlignedVec> = (0..count as u32 + 3).map(|place| drawn(&cpu, place)).collect();
    let mut held: Vec<Vector> = vec![];
    for (place, vector) in vectors.iter().enumerate() {
        let mut made = gpu.vector().unwrap();
        // Drawn there or brought there, it is the same vector.
        match place % 2 {
            0 => gpu.draw(draw(place as u32), &mut made).unwrap(),
            _ => gpu.write(&vector[..size], &mut made).unwrap(),
        }
        held.push(made);
    }
    let (rows, others) = vectors.split_at(count);
    let (turned, beside) = held.split_at_mut(count);
    let (rows, held) =
        (rows.iter().map(|row| &row[..]).collect::<Vec<_>>(), turned.iter().collect::<Vec<_>>());
    let (mut w, mut on_gpu) = (cpu.vector().unwrap(), gpu.vector().unwrap());
    let mut sums = vec![];
    for beta in [None, Some(0.37)] {
        let expected = cpu.project(&others[0], beta.map(|beta| (&others[1][..], beta)), &others[2], &mut w);
        let before = beta.map(|beta| (&beside[1], beta));
        let hv = &others[0][..size];
        sums.push((gpu.project(hv, before, &beside[2], &mut on_gpu).unwrap(), expected));
    }
    let dots = cpu.dots(&rows, &w);
    sums.extend(gpu.dots(&held, &on_gpu).unwrap().into_iter().zip(dots.iter().copied()));
    let factors: Vec<f32> = dots.iter().map(|dot| *dot as f32 / size as f32).collect();
    sums.push((gpu.subtract(&held, &factors, &mut on_gpu).unwrap(), cpu.subtract(&rows, &factors, &mut w)));
    gpu.scale(0.7, &mut on_gpu).unwrap();
    cpu.scale(0.7, &mut w);
    let (mut copy, mut copy_there) = (cpu.room().unwrap(), gpu.room().unwrap());
    gpu.round(0.9, &mut on_gpu, &mut copy_there).unwrap();
    cpu.round(0.9, &mut w, &mut copy);
    let dots = cpu.dots_rounded(&[&w], &[&copy], &w);
    sums.push((gpu.dots_rounded(&[&on_gpu], &[&copy_there], &on_gpu).unwrap()[0], dots[0]));
    let left = gpu.subtract_rounded(&[&copy_there], &[0.4], &mut on_gpu).unwrap();
    sums.push((left, cpu.subtract_rounded(&[&copy], &[0.4], &mut w)));
    let found = gpu.taken(&on_gpu).unwrap();
    let wrong = sums.iter().position(|(found, expected)| found.to_bits() != expected.to_bits());
    let sum = wrong.map(|i| format!("sum {i}: {:e} for {:e}", sums[i].0, sums[i].1));
    sum.or_else(|| different(&found, &w[..size]))
        .or_else(|| rotated(&mut cpu, &mut gpu, vectors, turned, count))
}

/// Two combinations of the rows, in place.
fn rotated(
    cpu: &mut CpuRows,
    gpu: &mut Rows,
    mut vectors: Vec<AlignedVec>,
    held: &mut [Vector],
    count: usize,
) -> Option<String> {
    if count == 0 {
        return None;
    }
    let outcomes = count.min(2);
    let factors: Vec<f32> = (0..outcomes * count).map(|i| (i as f32 * 0.7).sin()).collect();
    cpu.rotate(&mut vectors[..count].iter_mut().collect::<Vec<_>>(), &factors);
    gpu.rotate(&mut held.iter_mut().collect::<Vec<_>>(), &factors).unwrap();
    let (size, pairs) = (cpu.size(), held.iter().zip(&vectors).take(outcomes));
    pairs.into_iter().find_map(|(found, expected)| different(&gpu.taken(found).unwrap(), &expected[..size]))
}

/// Many perturbed copies of two tensors, one of which is not perturbed.
fn batch(device: &Arc<Device>, size: usize) -> Option<String> {
    let weights = [size, 77, 1].map(|size| (0..size).map(|i| (i as f32).cos()).collect::<Vec<_>>());
    let slices = weights.each_ref().map(|one| &one[..]);
    let (scales, draws): ([f32; 3], Vec<Draw>) = ([0.1, 0.0, 2.0], (3..6).map(draw).collect());
    let made =
        || (0..6).flat_map(|_| weights.iter().map(|one| vec![f32::NAN; one.len()])).collect::<Vec<_>>();
    let (mut expected, mut found) = (made(), made());
    let mut out: Vec<&mut [f32]> = expected.iter_mut().map(|one| &mut one[..]).collect();
    on_cpu(Level::best(), &Threads::new(2), &slices, &scales, &draws, Signs::Both, &mut out).unwrap();
    let mut out: Vec<&mut [f32]> = found.iter_mut().map(|one| &mut one[..]).collect();
    perturb_batch(device, &slices, &scales, draws[0], draws.len(), Signs::Both, &mut out).unwrap();
    found.iter().zip(&expected).find_map(|(found, expected)| different(found, expected))
}
