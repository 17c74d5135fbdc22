//! The passes of a training step.

use crate::journey::{self, difference, noises, uphill};
use crate::{Check, different};
use saltflat_core::backend::cuda::Device;
use saltflat_core::rng::ROUNDS;
use saltflat_core::{
    Backend, Clip, Cpu, Cuda, Distribution, Draw, Hyper, Level, Micro, Mix, Noise, Rule, Threads, Update,
    Vectors,
};
use std::sync::Arc;

/// One pass, given gradients and outputs.
type Run<'a> = dyn FnMut(&mut dyn Backend, &[Option<&[f32]>], &mut [&mut [f32]]) + 'a;

/// Every check of them, the long ones over so many elements.
pub fn checks(large: usize) -> Vec<(String, Check)> {
    let mut checks: Vec<(String, Check)> = vec![];
    for (name, distribution, rounds) in noises() {
        let draw = move |device: &Arc<Device>| draws(device, &[large], distribution, rounds);
        checks.push((format!("{large} draws, {name}, {rounds} rounds"), Box::new(draw)));
    }
    let many: Vec<usize> = (0..3000).map(|tensor| tensor * 37 % 211).collect();
    let draw = move |device: &Arc<Device>| draws(device, &many, Distribution::Gaussian, ROUNDS);
    checks.push(("draws of 3000 tensors".into(), Box::new(draw)));
    for (rule, _) in Rule::ALL {
        let check = move |device: &Arc<Device>| steps(device, rule, Distribution::Gaussian, ROUNDS);
        checks.push((format!("every pass of a step, {rule}"), Box::new(check)));
    }
    for (name, distribution, rounds) in noises() {
        let check = move |device: &Arc<Device>| steps(device, "sgd", distribution, rounds);
        checks.push((format!("every pass of a step, {name}, {rounds} rounds"), Box::new(check)));
    }
    for sums in [0, 1] {
        let check = move |device: &Arc<Device>| directions(device, sums);
        checks.push((format!("norms, products and ascents, {sums} vectors for gradients"), Box::new(check)));
    }
    // Sums of more chunks than a block folds, and a tensor that ends within a tile.
    let sizes = [large - large / 4 + 13, 1, 4097, large / 4 + 1];
    checks.push((
        format!("two steps of adam over {} elements", sizes.iter().sum::<usize>()),
        Box::new(move |device| training(device, &sizes)),
    ));
    checks
}

fn cpu(sizes: &[usize], vectors: Vectors) -> Cpu {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Cpu::new(sizes, vectors, Level::best(), Threads::new(threads)).unwrap()
}

fn both<T>(
    device: &Arc<Device>,
    sizes: &[usize],
    vectors: Vectors,
    run: impl Fn(&mut dyn Backend) -> T,
) -> [T; 2] {
    let found = run(&mut Cuda::new(sizes, vectors, device.clone()).unwrap());
    [found, run(&mut cpu(sizes, vectors))]
}

/// W + U of W = 0: the draws themselves.
fn draws(device: &Arc<Device>, sizes: &[usize], distribution: Distribution, rounds: u32) -> Option<String> {
    let draw = Draw { key: [0xffff_ffff, 7], step: 3, index: 5, distribution, rounds };
    let scales = vec![1.0; sizes.len()];
    let [found, expected] = both(device, sizes, Vectors::default(), |backend| {
        let mut out = vec![f32::NAN; sizes.iter().sum()];
        backend.perturb(Noise { draw, scales: &scales }, &mut split(&mut out, sizes)).unwrap();
        out
    });
    different(&found, &expected)
}

fn steps(device: &Arc<Device>, rule: &str, distribution: Distribution, rounds: u32) -> Option<String> {
    let run = |backend: &mut dyn Backend| journey::steps(backend, rule, distribution, rounds);
    let [found, expected] = both(device, &journey::SIZES, journey::vectors(rule), run);
    difference(&found, &expected)
}

fn directions(device: &Arc<Device>, sums: usize) -> Option<String> {
    let vectors = Vectors { sums, ..Vectors::default() };
    let [found, expected] = both(device, &journey::SIZES, vectors, |backend| uphill(backend, sums > 0));
    difference(&found, &expected)
}

/// Steps of k = 2 whose gradients are the weights that the model got: all that comes out, and the traces.
fn training(device: &Arc<Device>, sizes: &[usize]) -> Option<String> {
    let total: usize = sizes.iter().sum();
    let start: Vec<f32> = (0..total).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect();
    let scales = vec![0.01; sizes.len()];
    let vectors = Vectors { moments: 2, sums: 2, ..Vectors::default() };
    let [(found, dots), (expected, expected_dots)] = both(device, sizes, vectors, |backend| {
        let mut out = start.clone();
        backend.load(&parts(&start, sizes)).unwrap();
        let mut dots = vec![];
        for step in 1..=2 {
            let draw = |index| Draw {
                key: [1, 2],
                step,
                index,
                distribution: Distribution::Gaussian,
                rounds: ROUNDS,
            };
            let noise = |index| Noise { draw: draw(index), scales: &scales };
            let mut pass = |run: &mut Run<'_>| {
                let g = out.clone();
                let g: Vec<_> = parts(&g, sizes).into_iter().map(Some).collect();
                run(backend, &g, &mut split(&mut out, sizes));
            };
            pass(&mut |backend, _, out| {
                backend.clear(true);
                backend.perturb(noise(0), out).unwrap();
            });
            pass(&mut |backend, g, out| backend.flip(noise(0).half(), g, out).unwrap());
            pass(&mut |backend, g, out| backend.accumulate(noise(0).half(), draw(1), true, g, out).unwrap());
            pass(&mut |backend, g, out| backend.flip(noise(1).half(), g, out).unwrap());
            pass(&mut |backend, g, out| {
                let hyper = Hyper {
                    learning_rate: 1e-2,
                    beta1: 0.9,
                    beta2: 0.999,
                    epsilon: 1e-8,
                    step: f64::from(step),
                };
                let rule = Rule::new("adam", hyper).unwrap();
                let (half, clip, micro) = (Some(noise(1).half()), Clip::Norm(1.0), Micro::WHOLE);
                let (mix, scale) = (Mix::SUM_AND_PAIR, 0.25);
                let update = Update { mix, scale, half, clip, micro, learning_rate: 1e-2, rule: &rule };
                backend.finish(update, g, out).unwrap();
                dots.extend(backend.dots().iter().map(|dot| dot.to_bits()));
            });
        }
        (out, dots)
    });
    different(&found, &expected).or_else(|| (dots != expected_dots).then(|| "the dots differ".into()))
}

fn parts<'a>(values: &'a [f32], sizes: &[usize]) -> Vec<&'a [f32]> {
    let mut rest = values;
    let part = |size: &usize| rest.split_off(..*size).unwrap_or_default();
    sizes.iter().map(part).collect()
}

fn split<'a>(values: &'a mut [f32], sizes: &[usize]) -> Vec<&'a mut [f32]> {
    let mut rest = values;
    let part = |size: &usize| rest.split_off_mut(..*size).unwrap_or_default();
    sizes.iter().map(part).collect()
}
