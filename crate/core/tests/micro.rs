//! Updates of several micro-batches against one update by their mean.

mod common;

use common::{
    SIZES, Tensors, assert_same, cpu, each, empty, gradient, numbers, outputs, rule, sgd, stored, summed,
    update, weights, without, zeroed,
};
use saltflat_core::backend::Gradient;
use saltflat_core::{Backend, Clip, Cpu, Error, Hyper, Micro, Penalty, Result, Rule, Update, Vectors, Which};

const VECTORS: Vectors = Vectors { moments: 2, sums: 1, bank: true, origin: false };

fn adam(step: f64) -> Rule {
    rule("adam", Hyper { learning_rate: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, step })
}

/// Micro-batch `i` of `n`.
fn micro(i: u32, n: u32) -> Micro {
    Micro { first: i == 0, last_of: if i + 1 == n { n } else { 0 } }
}

/// Gives `finish` the gradient of micro-batch `i` of `n`, as a step does it, which clears first.
fn give(cpu: &mut Cpu, update: Update<'_>, i: u32, n: u32, g: &[Gradient<'_>]) -> Result<Tensors> {
    cpu.clear(i == 0);
    let mut out = empty();
    cpu.finish(Update { micro: micro(i, n), ..update }, g, &mut outputs(&mut out))?;
    Ok(out)
}

/// All that an update may change.
fn all(cpu: &mut Cpu) -> Vec<Tensors> {
    let vectors = [Which::Bank, Which::Moment(0), Which::Moment(1)].map(|which| stored(cpu, which));
    [vec![weights(cpu)], vectors.to_vec()].concat()
}

#[track_caller]
fn assert_all(found: &[Tensors], expected: &[Tensors]) {
    for (name, (found, expected)) in ["W", "bank", "m", "v"].iter().zip(found.iter().zip(expected)) {
        assert_same(found, expected, name);
    }
}

/// The mean that the last micro-batch hands to the rule: (1/n)·(((s·g₁ + s·g₂) + …) + s·gₙ), each product and sum rounded
/// to f32, from left to right.
fn mean(gradients: &[Tensors], scale: f32) -> Tensors {
    let rest = 1.0 / gradients.len() as f32;
    each(|t, i| rest * gradients.iter().map(|g| scale * g[t][i]).reduce(|bank, g| bank + g).unwrap())
}

#[test]
fn n_micro_batches_are_one_update_by_their_mean() {
    for n in [2, 3, 5] {
        let gradients: Vec<_> = (0..n).map(|i| numbers(10 + i)).collect();
        for clip in [Clip::Off, Clip::Value(0.2)] {
            let (mut parts, mut whole) = (cpu(VECTORS), cpu(VECTORS));
            let penalty = Penalty { l2: 0.1, decay: 0.5, distance: 0.0 };
            for cpu in [&mut parts, &mut whole] {
                cpu.set_penalties(&[penalty; SIZES.len()]).unwrap();
            }
            let rule = adam(1.0);
            let update = Update { clip, scale: 0.5, learning_rate: 0.02, ..update(&rule) };
            for (i, g) in (0..).zip(&gradients) {
                let before = weights(&mut parts);
                let out = give(&mut parts, update, i, n, &gradient(g)).unwrap();
                if i + 1 < n {
                    assert_same(&out, &before, "W before the last micro-batch");
                    let bank = each(|t, e| {
                        let sum = |sum: f32, g: &Tensors| sum + 0.5 * g[t][e];
                        gradients[1..=i as usize].iter().fold(0.5 * gradients[0][t][e], sum)
                    });
                    assert_same(&stored(&parts, Which::Bank), &bank, "bank");
                }
            }
            let mean = mean(&gradients, 0.5);
            give(&mut whole, Update { scale: 1.0, ..update }, 0, 1, &gradient(&mean)).unwrap();
            let (found, expected) = (all(&mut parts), all(&mut whole));
            assert_same(&found[0], &expected[0], "W");
            assert_all(&found[2..], &expected[2..]);
        }
    }
}

#[test]
fn the_norm_that_is_clipped_is_that_of_the_mean() {
    let gradients = [numbers(10), numbers(11), numbers(12)];
    let mean = mean(&gradients, 1.0);
    let square = |t: usize| summed(SIZES[t], |i| f64::from(mean[t][i]).powi(2));
    let norm = (0..SIZES.len()).map(square).sum::<f64>().sqrt();
    let rule = sgd(1.0);
    let mut cpu = cpu(VECTORS);
    let clip = Clip::Norm(0.25 * norm);
    let mut out = empty();
    for (i, g) in (0..).zip(&gradients) {
        out = give(&mut cpu, Update { clip, ..update(&rule) }, i, 3, &gradient(g)).unwrap();
    }
    let w = numbers(1);
    let factor = 1.0f32 / 3.0 * (0.25 * norm / (norm + 1e-6)) as f32;
    let sum = |t: usize, i: usize| gradients[0][t][i] + gradients[1][t][i] + gradients[2][t][i];
    assert_same(&out, &each(|t, i| (-factor * sum(t, i)) + w[t][i]), "W");
}

#[test]
fn a_refused_micro_batch_changes_nothing_and_the_next_attempt_works() {
    let gradients: Vec<_> = (0..3).map(|i| numbers(10 + i)).collect();
    for bad in 0..3 {
        let (mut spoilt, mut smooth) = (cpu(VECTORS), cpu(VECTORS));
        // Two updates, so that the moments hold something.
        for step in 1..=2 {
            let rule = adam(f64::from(step));
            for (i, g) in (0..).zip(&gradients) {
                if i == bad {
                    let before = all(&mut spoilt);
                    let mut nan = g.clone();
                    nan[5][33_000] = f32::NAN;
                    let refused = give(&mut spoilt, update(&rule), i, 3, &gradient(&nan)).unwrap_err();
                    assert_eq!(refused, Error::NotFinite { tensor: 5 });
                    assert_all(&all(&mut spoilt), &before);
                }
                for cpu in [&mut spoilt, &mut smooth] {
                    give(cpu, update(&rule), i, 3, &gradient(g)).unwrap();
                }
            }
        }
        assert_all(&all(&mut spoilt), &all(&mut smooth));
    }
}

#[test]
fn a_bank_that_overflows_is_refused_with_the_last_micro_batch() {
    let mut cpu = cpu(VECTORS);
    let (rule, mut g) = (adam(1.0), numbers(10));
    g[4][7] = 2e38;
    give(&mut cpu, update(&rule), 0, 3, &gradient(&g)).unwrap();
    let before = all(&mut cpu);
    let refused = give(&mut cpu, update(&rule), 2, 3, &gradient(&g)).unwrap_err();
    assert_eq!(refused, Error::NotFinite { tensor: 4 });
    assert_all(&all(&mut cpu), &before);
}

#[test]
fn a_tensor_counts_where_any_micro_batch_reached_it() {
    let g = [numbers(10), numbers(11)];
    // Tensor 1 is reached by the first one only, 3 by the last one only, 4 by none.
    let missing: [&[usize]; 2] = [&[3, 4], &[1, 4]];
    let mut cpu = cpu(VECTORS);
    cpu.set_penalties(&[Penalty { decay: 0.5, ..Penalty::default() }; SIZES.len()]).unwrap();
    let rule = sgd(0.25);
    let update = Update { learning_rate: 0.25, ..update(&rule) };
    let mut out = empty();
    for i in 0..2 {
        out = give(&mut cpu, update, i, 2, &without(&g[i as usize], missing[i as usize])).unwrap();
    }
    let read = [zeroed(&g[0], missing[0]), zeroed(&g[1], missing[1])];
    let (w, mean) = (numbers(1), mean(&read, 1.0));
    let expected =
        each(|t, i| if t == 4 { w[t][i] } else { (-0.25f32).mul_add(mean[t][i], 0.875 * w[t][i]) });
    assert_same(&out, &expected, "W");
}

#[test]
fn a_refused_micro_batch_reaches_nothing() {
    let g = numbers(10);
    let mut cpu = cpu(VECTORS);
    cpu.set_penalties(&[Penalty { decay: 0.5, ..Penalty::default() }; SIZES.len()]).unwrap();
    let rule = sgd(0.25);
    let update = Update { learning_rate: 0.25, ..update(&rule) };
    give(&mut cpu, update, 0, 2, &without(&g, &[4])).unwrap();
    let mut nan = g.clone();
    nan[3][0] = f32::INFINITY;
    give(&mut cpu, update, 1, 2, &gradient(&nan)).unwrap_err();
    let out = give(&mut cpu, update, 1, 2, &without(&g, &[4])).unwrap();
    assert_same(&out[4..5], &numbers(1)[4..5], "the weights that only the refused one reached");
}

#[test]
fn micro_batches_need_a_bank() {
    let g = numbers(10);
    let rule = sgd(0.25);
    for (i, n) in [(0, 2), (1, 2)] {
        let mut cpu = cpu(Vectors { bank: false, ..VECTORS });
        assert_eq!(give(&mut cpu, update(&rule), i, n, &gradient(&g)).unwrap_err().code(), "ERR_STATE");
        assert_same(&weights(&mut cpu), &numbers(1), "W");
    }
}

#[test]
fn a_new_update_forgets_the_bank_of_one_that_was_left() {
    let g = [numbers(10), numbers(11), numbers(12)];
    let rule = sgd(0.25);
    let (mut left, mut fresh) = (cpu(VECTORS), cpu(VECTORS));
    give(&mut left, update(&rule), 0, 3, &gradient(&g[0])).unwrap();
    for cpu in [&mut left, &mut fresh] {
        give(cpu, update(&rule), 0, 2, &gradient(&g[1])).unwrap();
        give(cpu, update(&rule), 1, 2, &gradient(&g[2])).unwrap();
    }
    assert_all(&all(&mut left), &all(&mut fresh));
}
