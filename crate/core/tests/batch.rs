//! Batches of perturbed copies against the passes that make one at a time, to the bit.

mod common;

use common::{SIZES, Tensors, assert_same, cpu, draw, drawn, empty, gradient, numbers, outputs, slices};
use saltflat_core::backend::cpu::batch::{Signs, perturb_batch, perturb_in_place};
use saltflat_core::rng::FEWEST_ROUNDS;
use saltflat_core::{Backend, Distribution, Draw, Level, Noise, Result, Threads, Vectors};

const SCALES: [f32; 6] = [0.1, 0.0, 0.25, 0.3, 1e-3, 0.07];
const SIGNS: [Signs; 3] = [Signs::Both, Signs::Plus, Signs::Minus];

fn draws(from: u32, to: u32) -> Vec<Draw> {
    (from..to).map(|j| draw(3, j)).collect()
}

/// Copies one after the other, as a batch gives them.
fn batch(level: Level, threads: usize, draws: &[Draw], signs: Signs) -> Vec<Tensors> {
    let mut copies = vec![empty(); draws.len() * signs.count()];
    let mut out: Vec<&mut [f32]> = copies.iter_mut().flat_map(|copy| outputs(copy)).collect();
    let w = numbers(1);
    perturb_batch(level, &Threads::new(threads), &slices(&w), &SCALES, draws, signs, &mut out).unwrap();
    copies
}

/// The same from a workspace: `perturb` makes W + σU, `flip` makes W − σU.
fn one_by_one(draws: &[Draw], signs: Signs) -> Vec<Tensors> {
    let (mut cpu, g) = (cpu(Vectors { sums: 1, ..Vectors::default() }), numbers(2));
    let mut copies = vec![];
    for draw in draws {
        let noise = Noise { draw: *draw, scales: &SCALES };
        let (mut plus, mut minus) = (empty(), empty());
        cpu.perturb(noise, &mut outputs(&mut plus)).unwrap();
        minus.clone_from(&plus);
        cpu.flip(noise.half(), &gradient(&g), &mut outputs(&mut minus)).unwrap();
        match signs {
            Signs::Both => copies.extend([plus, minus]),
            Signs::Plus => copies.push(plus),
            Signs::Minus => copies.push(minus),
        }
    }
    copies
}

fn assert_copies(found: &[Tensors], expected: &[Tensors], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (copy, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_same(found, expected, format_args!("copy {copy}, {what}"));
    }
}

#[test]
fn a_batch_equals_perturb_and_flip_at_every_width_and_thread_count() {
    for signs in SIGNS {
        let expected = one_by_one(&draws(0, 3), signs);
        for level in Level::available() {
            for threads in 1..=8 {
                let what = format!("{signs:?}, {} with {threads} threads", level.name());
                assert_copies(&batch(level, threads, &draws(0, 3), signs), &expected, &what);
            }
        }
    }
}

#[test]
fn every_distribution_and_number_of_rounds() {
    for (name, distribution) in Distribution::ALL {
        let draws: Vec<_> = draws(5, 7)
            .into_iter()
            .map(|draw| Draw { distribution, rounds: FEWEST_ROUNDS, ..draw })
            .collect();
        assert_copies(&batch(Level::best(), 2, &draws, Signs::Both), &one_by_one(&draws, Signs::Both), name);
    }
}

#[test]
fn two_calls_make_what_one_makes() {
    for signs in SIGNS {
        let mut parts = batch(Level::best(), 2, &draws(4, 6), signs);
        parts.extend(batch(Level::best(), 2, &draws(6, 9), signs));
        assert_copies(&parts, &batch(Level::best(), 2, &draws(4, 9), signs), "in two parts");
    }
}

#[test]
fn in_place_the_weights_become_what_a_copy_would_be() {
    for (name, distribution) in Distribution::ALL {
        for signs in [Signs::Plus, Signs::Minus] {
            let draw = Draw { distribution, ..draw(3, 0) };
            let expected = batch(Level::best(), 1, &[draw], signs);
            for level in Level::available() {
                for threads in 1..=8 {
                    let mut w = numbers(1);
                    let held = Threads::new(threads);
                    perturb_in_place(level, &held, &SCALES, draw, signs, &mut outputs(&mut w)).unwrap();
                    let what = format!("{name}, {signs:?}, {} with {threads} threads", level.name());
                    assert_same(&w, &expected[0], what);
                }
            }
        }
    }
}

/// Signs are made of bits where they are wanted, and other noise a block at a time: both as the sampler makes a vector of them.
#[test]
fn around_0_a_pass_adds_what_a_vector_of_draws_has() {
    for (name, distribution) in Distribution::ALL {
        for size in [1, 64, 2047, 2049, 4096, 4097, 10_000] {
            let draw = Draw { distribution, ..draw(3, 5) };
            let expected = drawn(draw, 1, size);
            for level in Level::available() {
                let (mut still, mut moved) = ([7.0], vec![0.0; size]);
                let out: &mut [&mut [f32]] = &mut [&mut still, &mut moved];
                perturb_in_place(level, &Threads::new(2), &[0.0, 0.5], draw, Signs::Plus, out).unwrap();
                assert_eq!(still, [7.0]);
                assert!(moved.iter().zip(&expected).all(|(x, u)| *x == 0.5 * u), "{name} {size} {level:?}");
            }
        }
    }
}

#[test]
fn in_place_there_is_room_for_one_sign_and_a_scale_a_tensor() {
    let mut w = numbers(1);
    let (threads, before) = (Threads::new(1), w.clone());
    let mut call = |scales: &[f32], signs| {
        perturb_in_place(Level::best(), &threads, scales, draw(3, 0), signs, &mut outputs(&mut w))
            .unwrap_err()
            .code()
    };
    assert_eq!(call(&SCALES, Signs::Both), "ERR_INVALID_ARGUMENT");
    assert_eq!(call(&SCALES[1..], Signs::Plus), "ERR_SHAPE");
    assert_eq!(call(&[f32::NAN; 6], Signs::Plus), "ERR_INVALID_ARGUMENT");
    assert_same(&w, &before, "after what was refused");
}

#[test]
fn where_sigma_is_0_the_copies_are_the_weights_to_the_bit() {
    let mut w = numbers(1);
    w[4][..5].copy_from_slice(&[-0.0, 0.0, f32::from_bits(1), f32::MAX, f32::NAN]);
    for zero in [0.0, -0.0] {
        let mut copies = vec![empty(); 2];
        let mut out: Vec<&mut [f32]> = copies.iter_mut().flat_map(|copy| outputs(copy)).collect();
        let still = [zero; SIZES.len()];
        let threads = Threads::new(2);
        perturb_batch(Level::best(), &threads, &slices(&w), &still, &draws(0, 1), Signs::Both, &mut out)
            .unwrap();
        copies.iter().for_each(|copy| assert_same(copy, &w, zero));
    }
}

#[test]
fn no_draws_make_no_copies() {
    assert!(batch(Level::best(), 1, &[], Signs::Both).is_empty());
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let w = numbers(1);
    let mut copies = vec![empty(); 2];
    let mut call = |level, w: &[&[f32]], scales: &[f32], drop: usize, short: bool| -> Result<()> {
        let mut out: Vec<&mut [f32]> = copies.iter_mut().flat_map(|copy| outputs(copy)).collect();
        out.truncate(out.len() - drop);
        if short {
            let last = out.pop().unwrap();
            let len = last.len() - 1;
            out.push(&mut last[..len]);
        }
        let threads = Threads::new(1);
        perturb_batch(level, &threads, w, scales, &draws(0, 1), Signs::Both, &mut out)
    };
    let mut nan = SCALES;
    nan[3] = f32::NAN;
    let all = slices(&w);
    let empty: [&[f32]; 1] = [&[]];
    let best = Level::best();
    let refused = [
        (call(best, &all, &SCALES[1..], 0, false), "ERR_SHAPE"),
        (call(best, &all, &nan, 0, false), "ERR_INVALID_ARGUMENT"),
        (call(best, &all, &SCALES, 1, false), "ERR_SHAPE"),
        (call(best, &all, &SCALES, 6, false), "ERR_SHAPE"),
        (call(best, &all, &SCALES, 0, true), "ERR_SHAPE"),
        (call(best, &empty, &[0.1], 0, false), "ERR_INVALID_ARGUMENT"),
        (call(best, &[], &[], 12, false), "ERR_INVALID_ARGUMENT"),
    ];
    for (result, code) in refused {
        assert_eq!(result.unwrap_err().code(), code);
    }
    for (_, level) in Level::ALL {
        if !Level::available().contains(&level) {
            let error = call(level, &all, &SCALES, 0, false).unwrap_err();
            assert_eq!(error.code(), "ERR_INVALID_ARGUMENT");
            assert!(error.to_string().contains(level.name()));
        }
    }
    assert!(copies.iter().flatten().flatten().all(|x| x.is_nan()));
}
