//! The CUDA backend without a GPU: cudarc as it is, a libcuda of our own that runs the kernels on the host, and the CPU
//! backend to compare with, bit by bit.
// A static program, as emulators run, opens no library.
#![cfg(all(target_os = "linux", not(target_feature = "crt-static")))]

mod basis;
mod batch;
mod failures;
mod fake;
#[path = "../common/journey.rs"]
mod journey;
mod rows;
mod transfers;

use fake::fake;
use journey::{SIZES, difference, noises, numbers, steps, uphill, vectors};
use saltflat_core::backend::cuda::Device;
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

/// A step of k = 1; which of its calls failed, and how.
fn step(cuda: &mut Cuda, out: &mut [&mut [f32]]) -> Result<(), Error> {
    let draw = Draw { key: [1, 2], step: 3, index: 0, distribution: Distribution::Gaussian, rounds: ROUNDS };
    let noise = Noise { draw, scales: &[0.1; SIZES.len()] };
    let g = numbers(2);
    let g: Vec<Option<&[f32]>> = g.iter().map(|values| Some(values.as_slice())).collect();
    let rule = Rule::new("sgd", Hyper { learning_rate: 0.1, ..Hyper::default() }).unwrap();
    cuda.clear(true);
    cuda.perturb(noise, out)?;
    cuda.flip(noise.half(), &g, out)?;
    let (clip, micro) = (Clip::Off, Micro::WHOLE);
    let (mix, half) = (Mix::PAIR, Some(noise.half()));
    cuda.finish(Update { mix, scale: 0.5, half, clip, micro, learning_rate: 0.1, rule: &rule }, &g, out)
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
