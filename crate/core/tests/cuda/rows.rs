//! Sweeps over a basis on the device against those of the CPU, to the bit.

use crate::fake::fake;
use crate::journey::noises;
use saltflat_core::backend::Space;
use saltflat_core::backend::cpu::{dispatch::fill, rows::Rows as CpuRows};
use saltflat_core::backend::cuda::Device;
use saltflat_core::backend::cuda::rows::{Rows, Vector};
use saltflat_core::memory::AlignedVec;
use saltflat_core::rng::ROUNDS;
use saltflat_core::{Distribution, Draw, Level, Threads};
use std::sync::Arc;

/// Around lanes, tiles and chunks.
const SIZES: [usize; 6] = [1, 63, 4096, 4097, 8191, 20_000];

fn on_cpu(rows: &CpuRows, place: u32) -> AlignedVec {
    let draw =
        Draw { key: [5, 6], step: 0, index: place, distribution: Distribution::Gaussian, rounds: ROUNDS };
    let mut vector = rows.vector().unwrap();
    let size = rows.size();
    fill(Level::Scalar, draw, 0, 0, &mut vector);
    vector[size..].fill(0.0);
    vector
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// All passes with so many rows on both sides.
fn same(size: usize, count: usize, device: &Arc<Device>) {
    let mut cpu = CpuRows::new(size, Level::best(), Threads::new(1)).unwrap();
    let mut cuda = Rows::new(size, device.clone()).unwrap();
    let mut vectors: Vec<AlignedVec> = (0..count as u32 + 3).map(|place| on_cpu(&cpu, place)).collect();
    let mut on_device: Vec<Vector> = vectors.iter().map(|vector| up(&mut cuda, &vector[..size])).collect();
    let (rows, others) = vectors.split_at(count);
    let (device_rows, device_others) = on_device.split_at(count);
    let (mut w, mut device_w) = (cpu.vector().unwrap(), cuda.vector().unwrap());
    for before in [None, Some(0.37f32)] {
        let expected =
            cpu.project(&others[0][..size], before.map(|beta| (&others[1][..], beta)), &others[2], &mut w);
        let beside = before.map(|beta| (&device_others[1], beta));
        let found = cuda.project(&others[0][..size], beside, &device_others[2], &mut device_w).unwrap();
        assert_eq!(found.to_bits(), expected.to_bits(), "project, {size}");
        assert_eq!(down(&mut cuda, &device_w), bits(&w[..size]), "project, {size}");
    }
    let plain: Vec<&[f32]> = rows.iter().map(|row| &row[..]).collect();
    let held: Vec<&Vector> = device_rows.iter().collect();
    let expected: Vec<u64> = cpu.dots(&plain, &w).iter().map(|x| x.to_bits()).collect();
    let found: Vec<u64> = cuda.dots(&held, &device_w).unwrap().iter().map(|x| x.to_bits()).collect();
    assert_eq!(found, expected, "dots, {size}, {count} rows");
    let coefficients: Vec<f32> = (0..count).map(|i| 0.1 - i as f32 * 0.01).collect();
    let expected = cpu.subtract(&plain, &coefficients, &mut w);
    let found = cuda.subtract(&held, &coefficients, &mut device_w).unwrap();
    assert_eq!(found.to_bits(), expected.to_bits(), "subtract, {size}, {count} rows");
    cpu.scale(0.7, &mut w);
    cuda.scale(0.7, &mut device_w).unwrap();
    assert_eq!(down(&mut cuda, &device_w), bits(&w[..size]), "scale, {size}");
    rounded(&mut cpu, &mut cuda, rows, (&mut w, &mut device_w), &coefficients);
    for outcomes in [1, count / 2, count].into_iter().filter(|outcomes| (1..=count).contains(outcomes)) {
        let coefficients: Vec<f32> = (0..outcomes * count).map(|i| (i as f32).sin()).collect();
        cpu.rotate(&mut vectors[..count].iter_mut().collect::<Vec<_>>(), &coefficients);
        cuda.rotate(&mut on_device[..count].iter_mut().collect::<Vec<_>>(), &coefficients).unwrap();
        for (row, expected) in on_device[..count].iter().zip(&vectors) {
            assert_eq!(
                down(&mut cuda, row),
                bits(&expected[..size]),
                "rotate, {size}, {outcomes} of {count}"
            );
        }
    }
}

/// The passes over rounded copies of the rows.
fn rounded(
    cpu: &mut CpuRows,
    cuda: &mut Rows,
    rows: &[AlignedVec],
    (w, device_w): (&mut AlignedVec, &mut Vector),
    coefficients: &[f32],
) {
    let size = cpu.size();
    let (mut copies, mut device_copies) = (vec![], vec![]);
    let (mut vectors, mut device_vectors) = (vec![], vec![]);
    for (place, row) in rows.iter().enumerate() {
        let (mut vector, mut copy) = (cpu.vector().unwrap(), cpu.room().unwrap());
        vector.copy_from_slice(row);
        // Zeros, and what counts as such, beside elements that are large.
        vector[..size.min(70)].fill(if place % 2 == 0 { 0.0 } else { 1e-33 });
        vector[size / 2] *= 1e4;
        let (mut device_vector, mut device_copy) = (up(cuda, &vector[..size]), cuda.room().unwrap());
        // Some rows have heavy tiles, one has nothing else.
        let factor = if place == 3 { 0.3 } else { 0.004 };
        cpu.round(factor, &mut vector, &mut copy);
        cuda.round(factor, &mut device_vector, &mut device_copy).unwrap();
        assert_eq!(down(cuda, &device_vector), bits(&vector[..size]), "round, {size}");
        copies.push(copy);
        vectors.push(vector);
        device_copies.push(device_copy);
        device_vectors.push(device_vector);
    }
    let copies: Vec<&[f32]> = copies.iter().map(|copy| &copy[..]).collect();
    let vectors: Vec<&[f32]> = vectors.iter().map(|vector| &vector[..]).collect();
    let device_copies: Vec<&Vector> = device_copies.iter().collect();
    let device_vectors: Vec<&Vector> = device_vectors.iter().collect();
    let expected: Vec<u64> = cpu.dots_rounded(&vectors, &copies, w).iter().map(|x| x.to_bits()).collect();
    let found = cuda.dots_rounded(&device_vectors, &device_copies, device_w).unwrap();
    let found: Vec<u64> = found.iter().map(|x| x.to_bits()).collect();
    assert_eq!(found, expected, "rounded dots, {size}, {} rows", rows.len());
    let expected = cpu.subtract_rounded(&copies, coefficients, w);
    let found = cuda.subtract_rounded(&device_copies, coefficients, device_w).unwrap();
    assert_eq!(found.to_bits(), expected.to_bits(), "rounded subtract, {size}, {} rows", rows.len());
    assert_eq!(down(cuda, device_w), bits(&w[..size]), "rounded subtract, {size}");
}

fn up(cuda: &mut Rows, values: &[f32]) -> Vector {
    let mut made = cuda.vector().unwrap();
    cuda.write(values, &mut made).unwrap();
    made
}

fn down(cuda: &mut Rows, vector: &Vector) -> Vec<u32> {
    bits(&cuda.taken(vector).unwrap())
}

#[test]
fn sweeps_give_the_bits_of_the_cpu() {
    let fake = fake();
    let device = Arc::new(Device::open().unwrap());
    for reverse in [0, 1] {
        fake.set("reverse", reverse);
        for size in SIZES {
            for count in [0, 1, 5, 70] {
                same(size, count, &device);
            }
        }
    }
    // So many rows that their strips are narrower than a tile.
    same(130, 400, &device);
    assert_eq!(fake.held(), 0);
}

#[test]
fn draws_give_the_bits_of_the_cpu() {
    let fake = fake();
    let device = Arc::new(Device::open().unwrap());
    for (name, distribution, rounds) in noises() {
        for size in SIZES {
            let draw = Draw { key: [5, 6], step: 7, index: 8, distribution, rounds };
            let mut expected = vec![0.0; size.next_multiple_of(64)];
            fill(Level::Scalar, draw, 0, 0, &mut expected);
            let mut cuda = Rows::new(size, device.clone()).unwrap();
            let mut found = cuda.vector().unwrap();
            cuda.draw(draw, &mut found).unwrap();
            assert_eq!(down(&mut cuda, &found), bits(&expected[..size]), "{name}, {rounds} rounds, {size}");
            // What is beyond the end is 0: it would count in sums.
            let square = cuda.square(&found).unwrap();
            let mut cpu = CpuRows::new(size, Level::best(), Threads::new(1)).unwrap();
            expected[size..].fill(0.0);
            assert_eq!(square.to_bits(), cpu.dots(&[&expected], &expected)[0].to_bits());
        }
    }
    assert_eq!(fake.held(), 0);
}

#[test]
fn vectors_of_many_pieces_come_and_go_whole() {
    let fake = fake();
    // Four pieces of 2¹⁸ floats are under way at once; here there are six, the last one short.
    let size = 5 * (1 << 18) + 77;
    let mut rows = Rows::new(size, Arc::new(Device::open().unwrap())).unwrap();
    let values: Vec<f32> = (0..size).map(|i| i as f32).collect();
    let vector = up(&mut rows, &values);
    let twice = up(&mut rows, &values);
    assert!(rows.taken(&vector).unwrap() == values && rows.taken(&twice).unwrap() == values);
    drop((rows, vector, twice));
    assert_eq!(fake.held(), 0);
}

#[test]
fn lengths_are_checked() {
    let _fake = fake();
    let mut rows = Rows::new(100, Arc::new(Device::open().unwrap())).unwrap();
    let mut vector = rows.vector().unwrap();
    assert_eq!(rows.write(&[0.0; 129], &mut vector).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(rows.subtract(&[], &[1.0], &mut vector).unwrap_err().code(), "ERR_SHAPE");
    for coefficients in [&[][..], &[1.0; 3]] {
        let mut two = [rows.vector().unwrap(), rows.vector().unwrap()];
        let mut two: Vec<&mut Vector> = two.iter_mut().take(coefficients.len()).collect();
        let error = rows.rotate(&mut two, coefficients).unwrap_err();
        assert_eq!(error.code(), "ERR_INVALID_ARGUMENT");
    }
}
