//! Many perturbed copies from the device against those of the CPU, to the bit.

use crate::fake::fake;
use crate::journey::{SIZES, noises, numbers};
use saltflat_core::backend::cpu::batch::{Signs, perturb_batch as on_cpu};
use saltflat_core::backend::cuda::{Device, batch::perturb_batch as on_gpu};
use saltflat_core::{Draw, Error, Level, Threads};
use std::sync::Arc;

fn slices(tensors: &[Vec<f32>]) -> Vec<&[f32]> {
    tensors.iter().map(Vec::as_slice).collect()
}

fn views(tensors: &mut [Vec<f32>]) -> Vec<&mut [f32]> {
    tensors.iter_mut().map(Vec::as_mut_slice).collect()
}

fn bits(tensors: &[Vec<f32>]) -> Vec<u32> {
    tensors.iter().flatten().map(|x| x.to_bits()).collect()
}

#[test]
fn copies_have_the_bits_of_the_cpu() {
    let fake = fake();
    let (device, w) = (Arc::new(Device::open().unwrap()), numbers(1));
    let mut scales = [0.1; SIZES.len()];
    scales[1] = 0.0;
    for (name, distribution, rounds) in noises() {
        for signs in [Signs::Both, Signs::Plus, Signs::Minus] {
            let first = Draw { key: [1, 2], step: 3, index: 40, distribution, rounds };
            let draws: Vec<Draw> = (0..3).map(|j| Draw { index: first.index + j, ..first }).collect();
            let blank: Vec<Vec<f32>> = (0..3 * signs.count()).flat_map(|_| numbers(9)).collect();
            let (mut expected, mut found) = (blank.clone(), blank);
            let out = &mut views(&mut expected);
            on_cpu(Level::best(), &Threads::new(1), &slices(&w), &scales, &draws, signs, out).unwrap();
            on_gpu(&device, &slices(&w), &scales, first, 3, signs, &mut views(&mut found)).unwrap();
            assert!(bits(&found) == bits(&expected), "{name}, {rounds} rounds, {signs:?}");
        }
    }
    assert_eq!(fake.held(), 0);
}

#[test]
fn what_does_not_fit_is_refused_and_leaks_nothing() {
    let fake = fake();
    let (device, w) = (Arc::new(Device::open().unwrap()), numbers(1));
    let (_, distribution, rounds) = noises().next().unwrap();
    let first = Draw { key: [1, 2], step: 3, index: 0, distribution, rounds };
    let mut out = numbers(9);
    let mut call = |scales: &[f32], perturbations| -> Result<(), Error> {
        on_gpu(&device, &slices(&w), scales, first, perturbations, Signs::Plus, &mut views(&mut out))
    };
    assert_eq!(call(&[0.1; SIZES.len()], 2).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(call(&[0.1], 1).unwrap_err().code(), "ERR_SHAPE");
    for failed in 0.. {
        fake.set("fail-alloc", failed);
        match call(&[0.1; SIZES.len()], 1) {
            Ok(()) => break,
            Err(error) => assert_eq!(error.code(), "ERR_OUT_OF_MEMORY"),
        }
        assert_eq!(fake.held(), 0);
    }
    assert_eq!(fake.held(), 0);
}
