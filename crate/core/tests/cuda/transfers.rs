//! What is moved in pieces arrives whole; and what a step costs is measured.

use crate::fake::fake;
use saltflat_core::backend::cuda::{Device, held, measure::measure};
use saltflat_core::rng::ROUNDS;
use saltflat_core::{
    Backend, Clip, Cpu, Cuda, Distribution, Draw, Hyper, Level, Micro, Mix, Noise, Rule, Threads, Update,
    Vectors, memory,
};
use std::sync::Arc;

/// One tensor that ends with a piece of 2^18 floats, one that spans several, small ones between, the last within a piece.
const SIZES: [usize; 7] = [1 << 18, 3, 700_001, 0, 64, 1, 130_000];
const SCALES: [f32; 7] = [0.1, 0.2, 0.3, 0.1, 0.0, 0.5, 0.01];

fn values(seed: u32) -> Vec<Vec<f32>> {
    let value = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) ^ seed) as f32 / 4e9 - 0.5;
    SIZES.iter().map(|size| (0..*size).map(value).collect()).collect()
}

fn outs(out: &mut [Vec<f32>]) -> Vec<&mut [f32]> {
    out.iter_mut().map(Vec::as_mut_slice).collect()
}

/// All that reaches the model in a step, as bits.
fn step(backend: &mut dyn Backend) -> Vec<u32> {
    let draw = Draw { key: [5, 6], step: 1, index: 0, distribution: Distribution::Gaussian, rounds: ROUNDS };
    let noise = Noise { draw, scales: &SCALES };
    let (w, g, mut out) = (values(1), values(2), values(3));
    let g: Vec<_> = g.iter().enumerate().map(|(i, g)| (i != 4).then_some(g.as_slice())).collect();
    let rule = Rule::new("sgd", Hyper { learning_rate: 0.1, ..Hyper::default() }).unwrap();
    let mut seen = vec![];
    let mut see = |out: &[Vec<f32>]| seen.extend(out.iter().flatten().map(|value| value.to_bits()));
    backend.load(&w.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    backend.clear(true);
    backend.perturb(noise, &mut outs(&mut out)).unwrap();
    see(&out);
    backend.flip(noise.half(), &g, &mut outs(&mut out)).unwrap();
    see(&out);
    let (mix, clip, micro, half) = (Mix::PAIR, Clip::Off, Micro::WHOLE, Some(noise.half()));
    let update = Update { mix, scale: 0.5, half, clip, micro, learning_rate: 0.1, rule: &rule };
    backend.finish(update, &g, &mut outs(&mut out)).unwrap();
    see(&out);
    out.iter_mut().for_each(|values| values.fill(0.0));
    backend.restore(&mut outs(&mut out)).unwrap();
    see(&out);
    seen
}

#[test]
fn what_goes_in_pieces_arrives_whole() {
    let fake = fake();
    let vectors = Vectors { sums: 1, ..Vectors::default() };
    let expected = step(&mut Cpu::new(&SIZES, vectors, Level::best(), Threads::new(1)).unwrap());
    let mut cuda = Cuda::new(&SIZES, vectors, Arc::new(Device::open().unwrap())).unwrap();
    assert!(step(&mut cuda) == expected, "bits differ");
    // W, P, the gradient and W' on the device at least; W, and what is on its way, beside it.
    let bytes = 4 * SIZES.iter().sum::<usize>();
    assert!(cuda.device_bytes() > 4 * bytes && cuda.bytes() >= 2 * bytes && cuda.bytes() < 3 * bytes);
    assert_eq!((held(), memory::held()), (cuda.device_bytes(), cuda.bytes()));
    assert!(fake.held() >= held() + memory::held());
    drop(cuda);
    assert_eq!((held(), memory::held(), fake.held()), (0, 0, 0));
}

#[test]
fn what_a_step_costs_is_measured_and_leaves_nothing_behind() {
    let fake = fake();
    let costs = measure(&Arc::new(Device::open().unwrap())).unwrap();
    for line in [costs.cpu, costs.cuda] {
        assert!(
            line.fixed >= 0.0 && line.fixed.is_finite() && line.each > 0.0 && line.each < 1e-3,
            "{line:?}"
        );
    }
    // A GPU of fibers is slower than the CPU that plays it.
    assert_eq!(costs.cuda_from(), None);
    assert_eq!((held(), memory::held(), fake.held()), (0, 0, 0));
    fake.set("fail-alloc", 3);
    assert_eq!(measure(&Arc::new(Device::open().unwrap())).unwrap_err().code(), "ERR_OUT_OF_MEMORY");
    assert_eq!((held(), memory::held(), fake.held()), (0, 0, 0));
}
