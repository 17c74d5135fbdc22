//! Sweeps over a basis on the device against those of the CPU, to the bit.

use crate::fake::fake;
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
    let vectors: Vec<AlignedVec> = (0..count as u32 + 3).map(|place| on_cpu(&cpu, place)).collect();
    let up = |cuda: &Rows, vector: &AlignedVec| -> Vector {
        let mut made = cuda.vector().unwrap();
        cuda.upload(&vector[..size], &mut made).unwrap();
        made
    };
    let on_device: Vec<Vector> = vectors.iter().map(|vector| up(&cuda, vector)).collect();
    let down = |cuda: &Rows, vector: &Vector| {
        let mut values = vec![f32::NAN; size];
        cuda.download(vector, &mut values).unwrap();
        bits(&values)
    };
    let (rows, others) = vectors.split_at(count);
    let (device_rows, device_others) = on_device.split_at(count);
    let (mut w, mut device_w) = (cpu.vector().unwrap(), cuda.vector().unwrap());
    for before in [None, Some(0.37f32)] {
        let expected = cpu.project(&others[0], before.map(|beta| (&others[1][..], beta)), &others[2], &mut w);
        let beside = before.map(|beta| (&device_others[1], beta));
        let found = cuda.project(&device_others[0], beside, &device_others[2], &mut device_w).unwrap();
        assert_eq!(found.to_bits(), expected.to_bits(), "project, {size}");
        assert_eq!(down(&cuda, &device_w), bits(&w[..size]), "project, {size}");
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
    assert_eq!(down(&cuda, &device_w), bits(&w[..size]), "scale, {size}");
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
    assert_eq!(fake.held(), 0);
}

#[test]
fn lengths_are_checked() {
    let _fake = fake();
    let mut rows = Rows::new(100, Arc::new(Device::open().unwrap())).unwrap();
    let mut vector = rows.vector().unwrap();
    assert_eq!(rows.upload(&[0.0; 99], &mut vector).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(rows.download(&vector, &mut [0.0; 101]).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(rows.subtract(&[], &[1.0], &mut vector).unwrap_err().code(), "ERR_SHAPE");
}
