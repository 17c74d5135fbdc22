//! The passes of a training step: bytes that each must move, and seconds on the device, with the folds of its sums.

use saltflat_core::backend::cuda::Device;
use saltflat_core::rng::ROUNDS;
use saltflat_core::{
    Backend, Clip, Cuda, Distribution, Draw, Hyper, Micro, Mix, Noise, Rule, Update, Vectors,
};
use std::sync::Arc;

/// The pass that stock libraries have too.
pub const NOISE: &str = "W + σU, gaussian";

/// Passes over so many weights: name, bytes, seconds.
pub fn timed(device: &Arc<Device>, size: usize) -> Vec<(String, usize, f64)> {
    let mut found: Vec<(String, usize, f64)> = vec![];
    let w: Vec<f32> = (0..size).map(|i| (i % 1009) as f32 / 1009.0 - 0.5).collect();
    let g: Vec<f32> = w.iter().map(|x| 0.1 - x).collect();
    let mut out = w.clone();
    let draw = |distribution| Draw { key: [1, 2], step: 3, index: 0, distribution, rounds: ROUNDS };
    let gaussian = Noise { draw: draw(Distribution::Gaussian), scales: &[0.01] };
    let mut watch = |name: &str, bytes: usize, run: &mut dyn FnMut(&mut [&mut [f32]])| {
        device.stopwatch.start();
        run(&mut [&mut out]);
        let mut laps = device.stopwatch.stop().into_iter().peekable();
        while let Some(lap) = laps.next() {
            let folds = std::iter::from_fn(|| laps.next_if(|lap| lap.kernel == "fold"));
            let seconds = lap.seconds + folds.map(|lap| lap.seconds).sum::<f64>();
            // `finish` is two: the check of the mean, which reads g and P, and the update.
            let check = lap.kernel == "mean_norm";
            let (name, bytes) = if check { ("check of the mean", 8) } else { (name, bytes) };
            if !found.iter().any(|(known, ..)| known == name) {
                found.push((name.to_owned(), bytes * size, seconds));
            }
        }
    };
    for (name, distribution) in
        [(NOISE, Distribution::Gaussian), ("W + σU, rademacher", Distribution::Rademacher)]
    {
        let mut cuda = Cuda::new(&[size], Vectors::default(), device.clone()).unwrap();
        cuda.load(&[&w]).unwrap();
        let noise = Noise { draw: draw(distribution), scales: &[0.01] };
        watch(name, 8, &mut |out| cuda.perturb(noise, out).unwrap());
    }
    {
        let mut cuda = Cuda::new(&[size], Vectors { sums: 2, ..Vectors::default() }, device.clone()).unwrap();
        cuda.load(&[&w]).unwrap();
        cuda.clear(true);
        watch("flip", 20, &mut |out| cuda.flip(gaussian.half(), &[Some(&g)], out).unwrap());
        let next = Draw { index: 1, ..gaussian.draw };
        watch("accumulate", 28, &mut |out| {
            cuda.accumulate(gaussian.half(), next, false, &[Some(&g)], out).unwrap()
        });
        watch("collect", 20, &mut |out| cuda.collect(gaussian, 1.0, false, &[Some(&g)], out).unwrap());
    }
    for (name, moments) in Rule::ALL.into_iter().filter(|(name, _)| *name != "mean") {
        let vectors = Vectors { sums: 1, moments, ..Vectors::default() };
        let mut cuda = Cuda::new(&[size], vectors, device.clone()).unwrap();
        cuda.load(&[&w]).unwrap();
        cuda.clear(true);
        cuda.flip(gaussian.half(), &[Some(&g)], &mut [&mut g.clone()]).unwrap();
        let hyper = Hyper { learning_rate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: 1.0 };
        let rule = Rule::new(name, hyper).unwrap();
        let (half, micro) = (Some(gaussian.half()), Micro::WHOLE);
        let (mix, clip, learning_rate) = (Mix::PAIR, Clip::Off, 1e-4);
        let update = Update { mix, scale: 0.5, half, clip, micro, learning_rate, rule: &rule };
        let bytes = 24 + 8 * moments;
        watch(&format!("update, {name}"), bytes, &mut |out| cuda.finish(update, &[Some(&g)], out).unwrap());
    }
    found
}
