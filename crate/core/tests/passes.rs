//! Every pass against plain f64/f32 arithmetic written here, and against itself at every width and thread count.

mod common;

use common::{Placed, bits, gradient, numbers_of, outputs, slices};
use saltflat_core::backend::cpu::dispatch::fill;
use saltflat_core::rng::ROUNDS;
use saltflat_core::{
    Backend, Clip, Cpu, Distribution, Draw, Error, Half, Hyper, Level, Micro, Mix, Noise, Penalty, Rule,
    Threads, Update, Vectors, Which,
};

const SIZES: [usize; 7] = [1, 63, 64, 0, 65, 4097, 70_001];
const SCALES: [f32; 7] = [0.1, 0.0, 0.25, 0.1, 0.3, 0.1, 0.07];

fn draw(index: u32) -> Draw {
    Draw { key: [1, 2], step: 4, index, distribution: Distribution::Gaussian, rounds: ROUNDS }
}

fn noise(index: u32) -> Noise<'static> {
    Noise { draw: draw(index), scales: &SCALES }
}

fn numbers(seed: u32) -> Vec<Vec<f32>> {
    numbers_of(&SIZES, seed)
}

fn empty() -> Vec<Vec<f32>> {
    SIZES.iter().map(|size| vec![f32::NAN; *size]).collect()
}

fn cpu(moments: usize, level: Level, threads: usize) -> Cpu {
    let vectors = Vectors { moments, sums: 2, ..Vectors::default() };
    let mut cpu = Cpu::new(&SIZES, vectors, level, Threads::new(threads)).unwrap();
    cpu.set_penalties(&[Penalty { decay: DECAY, ..Penalty::default() }; SIZES.len()]).unwrap();
    cpu.load(&slices(&numbers(1))).unwrap();
    cpu
}

const DECAY: f64 = 0.1;

fn adamw(step: f64) -> Rule {
    Rule::new("adam", Hyper { learning_rate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step }).unwrap()
}

fn update<'a>(mix: Mix, scale: f32, half: Option<Half<'a>>, rule: &'a Rule) -> Update<'a> {
    Update { mix, scale, half, clip: Clip::Off, micro: Micro::WHOLE, learning_rate: 1e-2, rule }
}

/// Two steps of k = 2 with everything that a pass can do; returns all it wrote.
fn two_steps(level: Level, threads: usize, offset: usize) -> (Vec<Vec<Vec<u32>>>, Vec<u64>) {
    let mut cpu = cpu(2, level, threads);
    let (mut written, mut dots) = (vec![], vec![]);
    let g = |seed| Placed::new(&numbers(seed), offset);
    for step in 1..=2 {
        let mut out = Placed::new(&empty(), offset);
        cpu.clear(true);
        cpu.perturb(noise(0), &mut out.outputs()).unwrap();
        written.push(out.bits());
        cpu.flip(noise(0).half(), &g(2).gradient(), &mut out.outputs()).unwrap();
        written.push(out.bits());
        cpu.accumulate(noise(0).half(), draw(1), true, &g(3).gradient(), &mut out.outputs()).unwrap();
        cpu.flip(noise(1).half(), &g(4).gradient(), &mut out.outputs()).unwrap();
        let (rule, last) = (adamw(f64::from(step)), g(5));
        let update = update(Mix::SUM_AND_PAIR, 0.25, Some(noise(1).half()), &rule);
        cpu.finish(update, &last.gradient(), &mut out.outputs()).unwrap();
        written.push(out.bits());
        dots.extend(cpu.dots().iter().map(|dot| dot.to_bits()));
        dots.extend(cpu.products(&last.gradient()).unwrap().as_flattened().iter().map(|x| x.to_bits()));
    }
    (written, dots)
}

#[test]
fn same_bits_from_every_width_thread_count_and_place_in_memory() {
    let expected = two_steps(Level::Scalar, 1, 0);
    let places = (1..=8).map(|threads| (threads, 0)).chain([(2, 1), (1, 3), (3, 4), (2, 8), (4, 15)]);
    for level in Level::available() {
        for (threads, offset) in places.clone() {
            let same = two_steps(level, threads, offset) == expected;
            assert!(same, "{} with {threads} threads, {offset} floats off", level.name());
        }
    }
}

#[test]
fn perturb_and_flip_are_a_pair_around_w() {
    let (w, g, last) = (numbers(1), numbers(2), numbers(3));
    let mut cpu = cpu(0, Level::best(), 2);
    let (mut plus, mut minus, mut out) = (empty(), empty(), empty());
    cpu.perturb(noise(0), &mut outputs(&mut plus)).unwrap();
    let before = gradient(&plus);
    cpu.flip(elsewhere(&before), &gradient(&g), &mut outputs(&mut minus)).unwrap();
    let before = gradient(&minus);
    let rule = Rule::new("sgd", Hyper::default()).unwrap();
    let update = update(Mix::PAIR, 0.5, Some(elsewhere(&before)), &rule);
    cpu.finish(update, &gradient(&last), &mut outputs(&mut out)).unwrap();
    for tensor in 0..SIZES.len() {
        let mut u = vec![0.0; SIZES[tensor].next_multiple_of(64)];
        fill(Level::Scalar, draw(0), tensor as u32, 0, &mut u);
        let mut dot = 0.0;
        for i in 0..SIZES[tensor] {
            let (w, s) = (w[tensor][i], SCALES[tensor]);
            // As far the other way as rounding let the first half go.
            let up = if s == 0.0 { w } else { s.mul_add(u[i], w) };
            let offset = up - w;
            assert_eq!(
                (plus[tensor][i].to_bits(), minus[tensor][i].to_bits()),
                (up.to_bits(), (w - offset).to_bits())
            );
            assert!((offset - s * u[i]).abs() <= f32::EPSILON * (w.abs() + offset.abs()));
            // U·(g⁺ − g⁻), the U of the second half.
            let change = f64::from(last[tensor][i] - g[tensor][i]);
            dot += if s == 0.0 { 0.0 } else { f64::from(minus[tensor][i] - w) * change / f64::from(s) };
        }
        assert!((cpu.dots()[tensor] - dot).abs() <= 1e-9 * (1.0 + dot.abs()), "dot of tensor {tensor}");
    }
}

fn elsewhere<'a>(before: &'a [Option<&'a [f32]>]) -> Half<'a> {
    Half { scales: &SCALES, before: Some(before) }
}

#[test]
fn what_both_gradients_of_a_pair_have_in_common_is_in_no_dot() {
    for level in Level::available() {
        let (mut cpu, g) = (cpu(2, level, 2), numbers(2));
        let mut out = empty();
        cpu.clear(true);
        cpu.perturb(noise(0), &mut outputs(&mut out)).unwrap();
        cpu.flip(noise(0).half(), &gradient(&g), &mut outputs(&mut out)).unwrap();
        cpu.accumulate(noise(0).half(), draw(1), true, &gradient(&g), &mut outputs(&mut out)).unwrap();
        cpu.flip(noise(1).half(), &gradient(&g), &mut outputs(&mut out)).unwrap();
        let rule = adamw(1.0);
        let update = update(Mix::SUM_AND_PAIR, 0.25, Some(noise(1).half()), &rule);
        cpu.finish(update, &gradient(&g), &mut outputs(&mut out)).unwrap();
        assert!(cpu.dots().iter().all(|dot| *dot == 0.0), "{:?}", cpu.dots());
    }
}

#[test]
fn a_pair_whose_first_half_was_refused_is_refused() {
    let mut cpu = cpu(2, Level::best(), 2);
    let (g, mut bad) = (numbers(2), numbers(2));
    bad[5][7] = f32::NAN;
    let mut out = empty();
    let rule = adamw(1.0);
    let update = update(Mix::PAIR, 0.5, Some(noise(0).half()), &rule);
    for first in [&g, &bad] {
        cpu.clear(true);
        cpu.perturb(noise(0), &mut outputs(&mut out)).unwrap();
        let flipped = cpu.flip(noise(0).half(), &gradient(first), &mut outputs(&mut out));
        let finished = cpu.finish(update, &gradient(&g), &mut outputs(&mut out));
        assert_eq!((flipped.is_ok(), finished.is_ok()), (first == &g, first == &g));
    }
}

#[test]
fn values_before_give_the_same_bits_from_the_outputs_and_from_elsewhere() {
    let run = |level, place: &dyn Fn(usize) -> bool| {
        let mut cpu = cpu(2, level, 2);
        let rule = adamw(1.0);
        let mut bit = vec![];
        let mut at = empty();
        cpu.clear(true);
        cpu.perturb(noise(0), &mut outputs(&mut at)).unwrap();
        for pass in 0..4 {
            let g = numbers(2 + pass);
            let last = std::mem::replace(&mut at, empty());
            let elsewhere: Vec<_> =
                (0..SIZES.len()).map(|tensor| place(tensor).then_some(&*last[tensor])).collect();
            for tensor in (0..SIZES.len()).filter(|tensor| !place(*tensor)) {
                at[tensor].copy_from_slice(&last[tensor]);
            }
            let half = self::elsewhere(&elsewhere);
            let mut out = outputs(&mut at);
            match pass {
                0 | 2 => cpu.flip(half, &gradient(&g), &mut out).unwrap(),
                1 => cpu.accumulate(half, draw(1), true, &gradient(&g), &mut out).unwrap(),
                _ => {
                    let update = update(Mix::SUM_AND_PAIR, 0.25, Some(half), &rule);
                    cpu.finish(update, &gradient(&g), &mut out).unwrap();
                }
            }
            bit.push(bits(&at));
        }
        (bit, cpu.dots().iter().map(|dot| dot.to_bits()).collect::<Vec<_>>())
    };
    for level in Level::available() {
        let expected = run(level, &|_| false);
        assert!(run(level, &|_| true) == expected && run(level, &|tensor| tensor % 2 == 0) == expected);
    }
}

#[test]
fn a_short_array_of_values_before_is_refused() {
    let mut cpu = cpu(0, Level::best(), 1);
    let (g, mut before) = (numbers(2), numbers(1));
    before[5].pop();
    let before = gradient(&before);
    let refused = cpu.flip(elsewhere(&before), &gradient(&g), &mut outputs(&mut empty())).unwrap_err();
    assert_eq!(refused.code(), "ERR_SHAPE");
}

#[test]
fn adamw_equals_its_formula() {
    let (w, g) = (numbers(1), numbers(2));
    let mut cpu = cpu(2, Level::best(), 1);
    let mut out = empty();
    for step in 1..=3 {
        cpu.clear(true);
        let rule = adamw(f64::from(step));
        cpu.finish(update(Mix::LAST, 1.0, None, &rule), &gradient(&g), &mut outputs(&mut out)).unwrap();
    }
    for tensor in 0..SIZES.len() {
        for i in 0..SIZES[tensor] {
            let g = f64::from(g[tensor][i]);
            let (mut weight, mut m, mut v) = (f64::from(w[tensor][i]), 0.0, 0.0);
            for step in 1..=3 {
                m = 0.9 * m + 0.1 * g;
                v = 0.999 * v + 0.001 * g * g;
                weight -= 1e-2 * 0.1 * weight;
                weight -= 1e-2 * (m / (1.0 - 0.9f64.powi(step)))
                    / ((v / (1.0 - 0.999f64.powi(step))).sqrt() + 1e-8);
            }
            assert!((f64::from(out[tensor][i]) - weight).abs() < 1e-6);
        }
    }
}

#[test]
fn collected_gradients_are_averaged_from_left_to_right() {
    let (w, a, b, c) = (numbers(1), numbers(2), numbers(3), numbers(4));
    let mut cpu = cpu(0, Level::best(), 1);
    let mut out = empty();
    cpu.clear(true);
    cpu.collect(noise(0), 2.0, true, &gradient(&a), &mut outputs(&mut out)).unwrap();
    cpu.collect(noise(1), 1.0, false, &gradient(&b), &mut outputs(&mut out)).unwrap();
    let rule = Rule::new("sgd", Hyper { learning_rate: 0.5, ..Hyper::default() }).unwrap();
    cpu.set_penalties(&[Penalty::default(); SIZES.len()]).unwrap();
    cpu.finish(update(Mix::SUM, 0.5, None, &rule), &gradient(&c), &mut outputs(&mut out)).unwrap();
    for tensor in 0..SIZES.len() {
        for i in 0..SIZES[tensor] {
            let mean = (2.0 * a[tensor][i] + b[tensor][i] + c[tensor][i]) * 0.5;
            assert_eq!(out[tensor][i].to_bits(), (-0.5f32).mul_add(mean, w[tensor][i]).to_bits());
        }
    }
}

#[test]
fn a_gradient_that_is_not_finite_names_its_tensor_and_changes_nothing() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (tensor, i) in [(0, 0), (1, 5), (6, 70_000)] {
            let mut cpu = cpu(2, Level::best(), 2);
            let mut g = numbers(2);
            g[tensor][i] = bad;
            let mut out = empty();
            let rule = adamw(1.0);
            cpu.perturb(noise(0), &mut outputs(&mut out)).unwrap();
            let refused = [
                cpu.flip(noise(0).half(), &gradient(&g), &mut outputs(&mut out)).unwrap_err(),
                cpu.finish(update(Mix::LAST, 1.0, None, &rule), &gradient(&g), &mut outputs(&mut out))
                    .unwrap_err(),
            ];
            assert_eq!(refused, [Error::NotFinite { tensor }, Error::NotFinite { tensor }]);
            cpu.restore(&mut outputs(&mut out)).unwrap();
            assert_eq!(bits(&out), bits(&numbers(1)));
            assert!(
                (0..SIZES.len()).all(|tensor| cpu
                    .vector(Which::Moment(1), tensor)
                    .unwrap()
                    .iter()
                    .all(|v| *v == 0.0))
            );
        }
    }
}

#[test]
fn a_tensor_that_no_gradient_reached_stays_as_it_is() {
    let mut cpu = cpu(2, Level::best(), 1);
    let g = numbers(2);
    let mut partial = gradient(&g);
    partial[4] = None;
    let mut out = empty();
    cpu.clear(true);
    cpu.finish(update(Mix::LAST, 1.0, None, &adamw(1.0)), &partial, &mut outputs(&mut out)).unwrap();
    assert_eq!(bits(&out)[4], bits(&numbers(1))[4]);
    assert_ne!(bits(&out)[5], bits(&numbers(1))[5]);
}

#[test]
fn lengths_are_checked_before_anything_is_written() {
    let mut cpu = cpu(0, Level::best(), 1);
    let mut out = empty();
    out[5].pop();
    let refused = cpu.perturb(noise(0), &mut outputs(&mut out)).unwrap_err();
    assert_eq!(refused.code(), "ERR_SHAPE");
    assert!(out.iter().flatten().all(|x| x.is_nan()));
}

#[test]
fn a_sum_that_overflows_is_refused_like_a_gradient_that_is_not_finite() {
    let mut cpu = cpu(2, Level::best(), 1);
    let mut g = numbers(2);
    g[5][7] = 2e38;
    let mut out = empty();
    cpu.clear(true);
    cpu.perturb(noise(0), &mut outputs(&mut out)).unwrap();
    cpu.flip(noise(0).half(), &gradient(&g), &mut outputs(&mut out)).unwrap();
    let refused = cpu.finish(
        update(Mix::PAIR, 0.5, Some(noise(0).half()), &adamw(1.0)),
        &gradient(&g),
        &mut outputs(&mut out),
    );
    assert_eq!(refused.unwrap_err(), Error::NotFinite { tensor: 5 });
    cpu.restore(&mut outputs(&mut out)).unwrap();
    assert_eq!(bits(&out), bits(&numbers(1)));
}

#[test]
fn a_second_half_that_is_not_finite_names_its_tensor_and_changes_nothing() {
    for level in Level::available() {
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for (tensor, i) in [(0, 0), (1, 5), (6, 70_000)] {
                let mut cpu = cpu(2, level, 1);
                let (first, mut second, mut out) = (numbers(2), numbers(2), empty());
                second[tensor][i] = bad;
                cpu.clear(true);
                cpu.perturb(noise(0), &mut outputs(&mut out)).unwrap();
                cpu.flip(noise(0).half(), &gradient(&first), &mut outputs(&mut out)).unwrap();
                let rule = adamw(1.0);
                let update = update(Mix::PAIR, 0.5, Some(noise(0).half()), &rule);
                let refused = cpu.finish(update, &gradient(&second), &mut outputs(&mut out));
                assert_eq!(refused.unwrap_err(), Error::NotFinite { tensor });
                cpu.restore(&mut outputs(&mut out)).unwrap();
                assert_eq!(bits(&out), bits(&numbers(1)));
            }
        }
    }
}

#[test]
fn the_largest_numbers_are_finite_gradients() {
    for level in Level::available() {
        let mut cpu = cpu(2, level, 1);
        let large: Vec<Vec<f32>> = SIZES.iter().map(|size| vec![-f32::MAX; *size]).collect();
        let mut out = empty();
        cpu.clear(true);
        cpu.perturb(noise(0), &mut outputs(&mut out)).unwrap();
        cpu.flip(noise(0).half(), &gradient(&large), &mut outputs(&mut out)).unwrap();
    }
}

#[test]
fn a_workspace_owns_no_more_vectors_than_its_estimator_needs() {
    let made = |moments, sums| {
        Cpu::new(&SIZES, Vectors { moments, sums, ..Vectors::default() }, Level::best(), Threads::new(1))
            .unwrap()
    };
    let w = made(0, 0).bytes();
    assert_eq!([made(2, 0).bytes(), made(2, 1).bytes(), made(2, 2).bytes()], [3 * w, 4 * w, 5 * w]);
    let g = numbers(2);
    let refused = made(0, 0).flip(noise(0).half(), &gradient(&g), &mut outputs(&mut empty())).unwrap_err();
    assert_eq!(refused.code(), "ERR_STATE");
}
