//! Decay, L2 and distance on the way of a gradient to the rule, to the bit, by SGD.

mod common;

use common::{
    SIZES, assert_same, cpu, each, empty, gradient, numbers, outputs, sgd, slices, stored, update, weights,
    without,
};
use saltflat_core::{Backend, Clip, Cpu, Level, Penalty, Threads, Update, Vectors, Which};

#[test]
fn the_whole_penalty_of_each_tensor_after_clipping() {
    let (w, g, begun) = (numbers(1), numbers(4), numbers(5));
    let mut cpu = cpu(Vectors { origin: true, ..Vectors::default() });
    // W₀ is what the first load gave, not the second.
    cpu.load(&slices(&begun)).unwrap();
    assert_same(&stored(&cpu, Which::Origin), &w, "W₀");
    let penalties: Vec<_> = (0..SIZES.len())
        .map(|t| Penalty {
            l2: [0.0, 0.1, 0.0, 0.0, 0.2, 0.3][t],
            decay: [0.5, 0.0, 0.0, 0.0, 0.25, 0.1][t],
            distance: [0.0, 0.0, 0.0, 0.7, 0.1, 0.2][t],
        })
        .collect();
    cpu.set_penalties(&penalties).unwrap();
    let (rate, rule) = (0.125, sgd(0.125));
    let (clip, mut out) = (Clip::Value(0.25), empty());
    cpu.finish(
        Update { clip, learning_rate: rate, ..update(&rule) },
        &without(&g, &[1]),
        &mut outputs(&mut out),
    )
    .unwrap();
    let expected = each(|t, i| {
        let (weight, Penalty { l2, decay, distance }) = (begun[t][i], penalties[t]);
        let mut gradient = g[t][i].clamp(-0.25, 0.25);
        if l2 != 0.0 {
            gradient = l2.mul_add(weight, gradient);
        }
        if distance != 0.0 {
            gradient = distance.mul_add(weight - w[t][i], gradient);
        }
        let kept = (1.0 - rate * decay) as f32 * weight;
        // Nothing pulls on a tensor that no gradient reached.
        if t == 1 { weight } else { (-rate as f32).mul_add(gradient, kept) }
    });
    assert_same(&out, &expected, "W");
    assert_same(&stored(&cpu, Which::Origin), &w, "W₀");
}

#[test]
fn an_origin_that_was_set_outlives_the_first_load() {
    let vectors = Vectors { origin: true, ..Vectors::default() };
    let mut cpu = Cpu::new(&SIZES, vectors, Level::best(), Threads::new(1)).unwrap();
    for (t, values) in numbers(5).iter().enumerate() {
        cpu.vector_mut(Which::Origin, t).unwrap().copy_from_slice(values);
    }
    cpu.load(&slices(&numbers(1))).unwrap();
    assert_same(&stored(&cpu, Which::Origin), &numbers(5), "W₀");
    assert_same(&weights(&mut cpu), &numbers(1), "W");
}

#[test]
fn penalties_that_do_not_fit_are_refused() {
    let mut cpu = cpu(Vectors::default());
    let far = Penalty { distance: 1.0, ..Penalty::default() };
    assert_eq!(cpu.set_penalties(&[Penalty::default()]).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(cpu.set_penalties(&[far; SIZES.len()]).unwrap_err().code(), "ERR_STATE");
    assert!(cpu.vector(Which::Origin, 0).is_none() && cpu.vector(Which::Bank, 0).is_none());
    let (g, rule, mut out) = (numbers(4), sgd(0.0), empty());
    cpu.finish(update(&rule), &gradient(&g), &mut outputs(&mut out)).unwrap();
    assert_same(&out, &numbers(1), "W");
}
