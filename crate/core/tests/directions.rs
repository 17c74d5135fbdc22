//! Products, norms and steps uphill against the same arithmetic written here, to the bit.

mod common;

use common::{
    SIZES, STILL, Tensors, assert_same, bits, cpu, cpu_at, each, empty, gradient, numbers, numbers_of,
    outputs, rule, slices, stored, summed, update, weights, without, zeroed,
};
use saltflat_core::{Backend, Cpu, Direction, Hyper, Keep, Level, Metric, Vectors, Which};

/// A vector of gradients and nothing else: it is P, and `Which::Mean` shows it.
const ONE: Vectors = Vectors { moments: 0, sums: 1, bank: false, origin: false };
const NONE: Vectors = Vectors { sums: 0, ..ONE };
const BOTH: [Metric; 2] = [Metric::Plain, Metric::Weights];
/// Tensors that the second gradient does not reach.
const MISSING: [usize; 2] = [1, 4];
const SCALES: [f32; 6] = [0.5, -0.25, 1.0, 0.0, 0.3, 0.1];

fn direction(last: f32, pair: f32, metric: Metric) -> Direction {
    Direction { last, pair, metric }
}

fn set_pair(cpu: &mut Cpu, values: &Tensors) {
    for (tensor, values) in values.iter().enumerate() {
        cpu.vector_mut(Which::Mean, tensor).unwrap().copy_from_slice(values);
    }
}

fn pair(cpu: &Cpu) -> Tensors {
    stored(cpu, Which::Mean)
}

/// last·g + pair·P as the core rounds it.
fn mixed(direction: Direction, g: f32, p: f32) -> f32 {
    let last = if direction.last == 1.0 { g } else { direction.last * g };
    if direction.pair == 0.0 { last } else { direction.pair.mul_add(p, last) }
}

#[test]
fn products_are_sums_in_the_promised_order() {
    let (p, g) = (numbers(2), numbers(3));
    let read = zeroed(&g, &MISSING);
    let mut cpu = cpu(ONE);

    cpu.flip(STILL.half(), &gradient(&p), &mut outputs(&mut empty())).unwrap();
    let found = cpu.products(&without(&g, &MISSING)).unwrap().to_vec();
    for (t, size) in SIZES.into_iter().enumerate() {
        let sum = |a: &Tensors, b: &Tensors| summed(size, |i| f64::from(a[t][i]) * f64::from(b[t][i]));
        let expected = [sum(&read, &read), sum(&read, &p), sum(&p, &p)];
        assert_eq!(found[t].map(f64::to_bits), expected.map(f64::to_bits), "tensor {t}");
    }
    assert_same(&pair(&cpu), &p, "P");
}

#[test]
fn products_without_a_pair_are_those_of_the_gradient() {
    let g = numbers(3);
    let found = cpu(NONE).products(&gradient(&g)).unwrap().to_vec();
    for (t, size) in SIZES.into_iter().enumerate() {
        assert_eq!(found[t], [summed(size, |i| f64::from(g[t][i]).powi(2)), 0.0, 0.0]);
    }
}

#[test]
fn g_times_g_is_not_finite_exactly_where_g_is_not() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::from_bits(1)] {
        for (tensor, i) in [(0, 0), (3, 64), (5, 33_000)] {
            let mut g = numbers(3);
            g[tensor][i] = bad;
            let found = cpu(NONE).products(&gradient(&g)).unwrap().to_vec();
            for (t, sums) in found.iter().enumerate() {
                assert_eq!(sums[0].is_finite(), t != tensor || bad.is_finite(), "{bad} seen in tensor {t}");
            }
        }
    }
}

#[test]
fn norms_in_both_metrics() {
    let (w, p, g) = (numbers(1), numbers(2), numbers(3));
    let read = zeroed(&g, &MISSING);
    let mut cpu = cpu(ONE);
    set_pair(&mut cpu, &p);
    for metric in BOTH {
        for direction in
            [direction(1.0, 0.0, metric), direction(1.0, -0.7, metric), direction(0.5, 0.25, metric)]
        {
            let found = cpu.norms(direction, &without(&g, &MISSING)).unwrap().to_vec();
            for (t, size) in SIZES.into_iter().enumerate() {
                let x = |i: usize| mixed(direction, read[t][i], p[t][i]);
                let length =
                    |i: usize| f64::from(if metric == Metric::Plain { x(i) } else { w[t][i] * x(i) });
                assert_eq!(found[t][0], summed(size, |i| length(i) * length(i)), "{direction:?}, tensor {t}");
            }
        }
    }
    assert_same(&pair(&cpu), &p, "P");
    assert_same(&weights(&mut cpu), &w, "W");
}

/// W' and P after one step uphill, and what they must be.
fn uphill(direction: Direction, keep: Option<Keep>) {
    let (w, p, g) = (numbers(1), numbers(2), numbers(3));
    let read = zeroed(&g, &MISSING);
    let mut cpu = cpu(ONE);
    set_pair(&mut cpu, &p);
    let mut out = empty();
    cpu.ascend(&SCALES, direction, keep, &without(&g, &MISSING), &mut outputs(&mut out)).unwrap();
    let expected = each(|t, i| {
        let x = mixed(direction, read[t][i], p[t][i]);
        let x = if direction.metric == Metric::Plain { x } else { w[t][i] * w[t][i] * x };
        if SCALES[t] == 0.0 { w[t][i] } else { SCALES[t].mul_add(x, w[t][i]) }
    });
    assert_same(&out, &expected, direction);
    let kept = each(|t, i| match keep {
        None => p[t][i],
        Some(Keep { old, new }) => new.mul_add(read[t][i], if old == 0.0 { 0.0 } else { old * p[t][i] }),
    });
    assert_same(&pair(&cpu), &kept, keep);
    assert_same(&weights(&mut cpu), &w, "W");
}

#[test]
fn ascend_in_both_metrics_keeps_what_it_is_told() {
    for metric in BOTH {
        for (last, pair) in [(1.0, 0.0), (0.5, 0.0), (1.0, 0.3), (0.0, -2.0)] {
            for keep in [None, Some((0.0, 1.0)), Some((0.0, -0.5)), Some((0.9, 0.1)), Some((1.0, 0.0))] {
                uphill(direction(last, pair, metric), keep.map(|(old, new)| Keep { old, new }));
            }
        }
    }
}

#[test]
fn garbage_in_a_pair_that_nobody_asks_for_is_not_read() {
    let g = numbers(3);
    for garbage in [f32::NAN, f32::INFINITY] {
        let mut cpu = cpu(ONE);
        set_pair(&mut cpu, &each(|_, _| garbage));
        let mut out = empty();
        let keep = Some(Keep { old: 0.0, new: 1.0 });
        let alone = direction(1.0, 0.0, Metric::Weights);
        assert!(cpu.norms(alone, &gradient(&g)).unwrap().iter().all(|sums| sums[0].is_finite()));
        cpu.ascend(&SCALES, alone, keep, &gradient(&g), &mut outputs(&mut out)).unwrap();
        assert!(out.iter().flatten().all(|x| x.is_finite()));
        assert_same(&pair(&cpu), &g, "P");
    }
}

#[test]
fn no_rule_leaves_garbage_behind_a_tensor_where_sums_would_find_it() {
    // Without an epsilon Adam divides 0 by 0 wherever the gradient is 0; behind the end of a tensor it always is.
    let hyper = Hyper { learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 0.0, step: 1.0 };
    let g = each(|_, i| 1.0 + (i % 5) as f32);
    for (name, moments) in [("adam", 2), ("rmsprop-centered-momentum", 3)] {
        for level in Level::available() {
            let mut cpu = cpu_at(Vectors { moments, ..NONE }, level, 1);
            cpu.finish(update(&rule(name, hyper)), &gradient(&g), &mut outputs(&mut empty())).unwrap();
            let w = weights(&mut cpu);
            assert!(w.iter().flatten().all(|x| x.is_finite()), "{name}");
            let alone = direction(1.0, 0.0, Metric::Weights);
            let found = cpu.norms(alone, &gradient(&g)).unwrap();
            for (t, size) in SIZES.into_iter().enumerate() {
                let expected = summed(size, |i| f64::from(w[t][i] * g[t][i]).powi(2));
                assert_eq!(found[t][0], expected, "{name}, tensor {t}, {}", level.name());
            }
        }
    }
}

#[test]
fn a_scale_of_0_leaves_the_weights_to_the_bit_whatever_the_direction() {
    let mut w = numbers(1);
    w[4][..4].copy_from_slice(&[-0.0, 0.0, f32::from_bits(1), f32::MAX]);
    for metric in BOTH {
        for scale in [0.0, -0.0] {
            let mut cpu = cpu(ONE);
            cpu.load(&slices(&w)).unwrap();
            let (g, mut out) = (each(|_, i| if i % 2 == 0 { f32::INFINITY } else { -1.0 }), empty());
            let direction = direction(1.0, 0.0, metric);
            cpu.ascend(&[scale; SIZES.len()], direction, None, &gradient(&g), &mut outputs(&mut out))
                .unwrap();
            assert_same(&out, &w, metric);
        }
    }
}

#[test]
fn same_bits_from_every_width_and_thread_count() {
    let (p, g) = (numbers(2), numbers(3));
    let run = |level, threads| {
        let mut cpu = cpu_at(ONE, level, threads);
        set_pair(&mut cpu, &p);
        let direction = direction(0.5, 0.25, Metric::Weights);
        let mut sums = cpu.products(&gradient(&g)).unwrap().to_vec();
        sums.extend(cpu.norms(direction, &gradient(&g)).unwrap());
        let (mut out, keep) = (empty(), Some(Keep { old: 0.9, new: 0.1 }));
        cpu.ascend(&SCALES, direction, keep, &without(&g, &MISSING), &mut outputs(&mut out)).unwrap();
        (sums.as_flattened().iter().map(|x| x.to_bits()).collect::<Vec<_>>(), bits(&out), bits(&pair(&cpu)))
    };
    let expected = run(Level::Scalar, 1);
    for level in Level::available() {
        for threads in [1, 2, 5, 8] {
            assert!(run(level, threads) == expected, "{} with {threads} threads", level.name());
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let g = numbers(3);
    let short = numbers_of(&[1, 63, 0, 65, 4097, 33_000], 3);
    let (alone, kept) = (direction(1.0, 0.0, Metric::Plain), direction(1.0, 1.0, Metric::Plain));
    let keep = Some(Keep { old: 0.0, new: 1.0 });
    let mut cpu = cpu(NONE);
    assert_eq!(cpu.products(&gradient(&short)).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(cpu.products(&gradient(&g)[1..]).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(cpu.norms(alone, &gradient(&short)).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(cpu.norms(kept, &gradient(&g)).unwrap_err().code(), "ERR_STATE");
    let mut out = empty();
    let mut ascend = |scales: &[f32], direction, keep, g: &Tensors| {
        cpu.ascend(scales, direction, keep, &gradient(g), &mut outputs(&mut out)).unwrap_err().code()
    };
    assert_eq!(ascend(&SCALES, alone, None, &short), "ERR_SHAPE");
    assert_eq!(ascend(&SCALES[1..], alone, None, &g), "ERR_SHAPE");
    assert_eq!(ascend(&SCALES, kept, None, &g), "ERR_STATE");
    assert_eq!(ascend(&SCALES, alone, keep, &g), "ERR_STATE");
    assert!(out.iter().flatten().all(|x| x.is_nan()));
    let refused = cpu.ascend(&SCALES, alone, None, &gradient(&g), &mut outputs(&mut out[1..])).unwrap_err();
    assert_eq!(refused.code(), "ERR_SHAPE");
    assert_same(&weights(&mut cpu), &numbers(1), "W");
}
