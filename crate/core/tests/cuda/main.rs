//! The CUDA backend without a GPU: cudarc as it is, a libcuda of our own that runs the kernels on the host, and the CPU
//! backend to compare with, bit by bit.
// A static program, as emulators run, opens no library.
#![cfg(all(target_os = "linux", not(target_feature = "crt-static")))]

mod fake;
#[path = "../common/journey.rs"]
mod journey;
mod rows;

use fake::fake;
use journey::{SIZES, difference, noises, numbers, steps, uphill, vectors};
use saltflat_core::backend::cuda::{Device, Reason};
use saltflat_core::rng::ROUNDS;
use saltflat_core::{
    Backend, Clip, Cpu, Cuda, Distribution, Draw, Error, Hyper, Level, Micro, Mix, Noise, Rule, Threads,
    Update, Vectors,
};
use std::sync::Arc;

fn cuda(vectors: Vectors) -> Cuda {
    Cuda::new(&SIZES, vectors, Arc::new(Device::open().unwrap())).unwrap()
}

fn cpu(vectors: Vectors) -> Cpu {
    Cpu::new(&SIZES, vectors, Level::best(), Threads::new(1)).unwrap()
}

#[test]
fn every_rule_and_pass_gives_the_bits_of_the_cpu() {
    let fake = fake();
    for (rule, _) in Rule::ALL {
        let expected = steps(&mut cpu(vectors(rule)), rule, Distribution::Gaussian, ROUNDS);
        for reverse in [0, 1] {
            fake.set("reverse", reverse);
            let found = steps(&mut cuda(vectors(rule)), rule, Distribution::Gaussian, ROUNDS);
            assert_eq!(difference(&found, &expected), None, "{rule}, reverse {reverse}");
        }
    }
    assert_eq!(fake.held(), 0);
}

#[test]
fn every_distribution_gives_the_bits_of_the_cpu() {
    let _fake = fake();
    for (name, distribution, rounds) in noises() {
        let expected = steps(&mut cpu(vectors("sgd")), "sgd", distribution, rounds);
        let found = steps(&mut cuda(vectors("sgd")), "sgd", distribution, rounds);
        assert_eq!(difference(&found, &expected), None, "{name}, {rounds} rounds");
    }
}

#[test]
fn directions_give_the_bits_of_the_cpu() {
    let fake = fake();
    for sums in [0, 1] {
        let vectors = Vectors { sums, ..Vectors::default() };
        let expected = uphill(&mut cpu(vectors), sums > 0);
        for reverse in [0, 1] {
            fake.set("reverse", reverse);
            assert_eq!(difference(&uphill(&mut cuda(vectors), sums > 0), &expected), None, "{sums}");
        }
    }
}

#[test]
fn why_there_is_no_gpu() {
    let fake = fake();
    let reason = || Device::open().err();
    fake.set("devices", 0);
    assert_eq!(reason(), Some(Reason::NoDevice));
    fake.set("devices", 1);
    fake.set("version", 11_080);
    assert_eq!(reason(), Some(Reason::OldDriver(11_080)));
    assert!(reason().unwrap().to_string().contains("11.8"));
    fake.set("version", 12_000);
    fake.set("fail-module", 222);
    assert_eq!(reason().map(|reason| reason.code()), Some("failed"));
    fake.set("fail-module", 0);
    assert_eq!(reason(), None);
    assert_eq!(fake.held(), 0);
}

#[test]
fn every_allocation_that_fails_is_out_of_memory_and_leaks_nothing() {
    let fake = fake();
    let device = Arc::new(Device::open().unwrap());
    let mut failed = 0;
    loop {
        fake.set("fail-alloc", failed);
        match Cuda::new(&SIZES, vectors("amsgrad"), device.clone()) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.code(), "ERR_OUT_OF_MEMORY"),
        }
        assert_eq!(fake.held(), 0);
        failed += 1;
    }
    // W, G, P, bank, W₀, three moments, g and out, four tables, three of sums, two pinned.
    assert_eq!(failed, 18);
    fake.set("fail-alloc", -1);
    assert_eq!(fake.held(), 0);
}

/// A step of k = 1; which of its calls failed, and how.
fn step(cuda: &mut Cuda, out: &mut [&mut [f32]]) -> Result<(), Error> {
    let draw = Draw { key: [1, 2], step: 3, index: 0, distribution: Distribution::Gaussian, rounds: ROUNDS };
    let noise = Noise { draw, scales: &[0.1; SIZES.len()] };
    let g = numbers(2);
    let g: Vec<Option<&[f32]>> = g.iter().map(|values| Some(values.as_slice())).collect();
    let rule = Rule::new("sgd", Hyper { learning_rate: 0.1, ..Hyper::default() }).unwrap();
    cuda.clear(true);
    cuda.perturb(noise, out)?;
    cuda.flip(noise, &g, out)?;
    let (clip, micro) = (Clip::Off, Micro::WHOLE);
    let (mix, noise) = (Mix::PAIR, Some(noise));
    cuda.finish(Update { mix, scale: 0.5, noise, clip, micro, learning_rate: 0.1, rule: &rule }, &g, out)
}

#[test]
fn a_kernel_that_does_not_start_leaves_the_weights_as_they_were() {
    let fake = fake();
    // perturb; flip and its fold; the check of the mean and its fold; then the update.
    for launch in 0..6 {
        let mut cuda = cuda(Vectors { sums: 1, ..Vectors::default() });
        let w = numbers(1);
        cuda.load(&w.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        let mut out = numbers(9);
        let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        fake.set("fail-launch", launch);
        let error = step(&mut cuda, &mut views).unwrap_err();
        assert_eq!(error.code(), "ERR_CUDA", "{error}");
        assert!(error.to_string().contains("an error on purpose"));
        cuda.whole().unwrap();
        cuda.restore(&mut views).unwrap();
        assert_eq!(out, w, "launch {launch}");
        let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        step(&mut cuda, &mut views).unwrap();
    }
    assert_eq!(fake.held(), 0);
}

#[test]
fn an_update_of_which_nobody_knows_the_end_is_torn() {
    let fake = fake();
    // The waits of a step: load, perturb, flip, the check of the mean; then the update.
    let mut torn = vec![];
    for wait in 0..4 {
        let mut cuda = cuda(Vectors { sums: 1, ..Vectors::default() });
        cuda.load(&numbers(1).iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        let mut out = numbers(9);
        let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        fake.set("fail-sync", wait);
        assert_eq!(step(&mut cuda, &mut views).unwrap_err().code(), "ERR_CUDA");
        torn.push(cuda.whole() == Err(Error::Torn));
    }
    assert_eq!(torn, [false, false, false, true]);
    assert_eq!(fake.held(), 0);
}

#[test]
fn each_pass_is_one_launch_and_each_of_its_sums_one_fold() {
    let fake = fake();
    let mut cuda = cuda(Vectors { sums: 1, ..Vectors::default() });
    cuda.load(&numbers(1).iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    let mut out = numbers(9);
    let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
    let before = fake.launches();
    step(&mut cuda, &mut views).unwrap();
    assert_eq!(fake.launches() - before, 1 + 2 + 2 + 2);
}
