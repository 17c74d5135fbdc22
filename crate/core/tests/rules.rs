//! Base optimizers over several steps against their published formulas in f64, and Lion's sign to the bit.

mod common;

use common::{
    SIZES, Tensors, assert_same, cpu, each, empty, gradient, numbers, outputs, rule, slices, stored, update,
    weights,
};
use saltflat_core::{Backend, Hyper, Rule, Vectors, Which};

const HYPER: Hyper = Hyper { learning_rate: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, step: 0.0 };
const STEPS: i32 = 6;

/// One element in f64: the weight, and up to three moments.
#[derive(Clone, Copy)]
struct Element {
    w: f64,
    moments: [f64; 3],
}

type Formula = fn(&mut Element, f64, i32);

/// Adam's means and their corrections, with the second moment that `choose` takes of (the largest so far, this one).
fn adam(Element { w, moments: [m, v, top] }: &mut Element, g: f64, step: i32, choose: fn(f64, f64) -> f64) {
    let Hyper { learning_rate, beta1, beta2, epsilon, .. } = HYPER;
    *m = beta1 * *m + (1.0 - beta1) * g;
    *v = beta2 * *v + (1.0 - beta2) * g * g;
    *top = choose(*top, *v);
    let (first, second) = (*m / (1.0 - beta1.powi(step)), *top / (1.0 - beta2.powi(step)));
    *w -= learning_rate * first / (second.sqrt() + epsilon);
}

/// Moments as the rule orders them: the mean square, the mean where centred, the momentum where there is one.
fn rmsprop(element: &mut Element, g: f64, centered: bool, heavy: bool) {
    let Hyper { learning_rate, beta1, beta2, epsilon, .. } = HYPER;
    let moments = &mut element.moments;
    moments[0] = beta2 * moments[0] + (1.0 - beta2) * g * g;
    let mut spread = moments[0];
    if centered {
        moments[1] = beta2 * moments[1] + (1.0 - beta2) * g;
        spread -= moments[1] * moments[1];
    }
    let mut step = g / (spread.max(0.0).sqrt() + epsilon);
    if heavy {
        let place = if centered { 2 } else { 1 };
        moments[place] = beta1 * moments[place] + step;
        step = moments[place];
    }
    element.w -= learning_rate * step;
}

fn momentum(Element { w, moments: [m, ..] }: &mut Element, g: f64, ahead: bool) {
    *m = HYPER.beta1 * *m + g;
    *w -= HYPER.learning_rate * if ahead { g + HYPER.beta1 * *m } else { *m };
}

const FORMULAS: [(&str, Formula); 10] = [
    ("sgd", |element, g, _| element.w -= HYPER.learning_rate * g),
    ("momentum", |element, g, _| momentum(element, g, false)),
    ("nesterov", |element, g, _| momentum(element, g, true)),
    ("adam", |element, g, step| adam(element, g, step, |_, v| v)),
    ("amsgrad", |element, g, step| adam(element, g, step, f64::max)),
    ("rmsprop", |element, g, _| rmsprop(element, g, false, false)),
    ("rmsprop-centered", |element, g, _| rmsprop(element, g, true, false)),
    ("rmsprop-momentum", |element, g, _| rmsprop(element, g, false, true)),
    ("rmsprop-centered-momentum", |element, g, _| rmsprop(element, g, true, true)),
    ("lion", |Element { w, moments: [m, ..] }, g, _| {
        let Hyper { learning_rate, beta1, beta2, .. } = HYPER;
        let between = beta1 * *m + (1.0 - beta1) * g;
        *w -= learning_rate * if between == 0.0 { 0.0 } else { between.signum() };
        *m = beta2 * *m + (1.0 - beta2) * g;
    }),
];

#[test]
fn every_rule_equals_its_formula() {
    let names: Vec<_> = Rule::ALL.iter().map(|(name, _)| *name).filter(|name| *name != "mean").collect();
    assert_eq!(FORMULAS.map(|(name, _)| name).to_vec(), names);
    // Large, then small: where AMSGrad's largest is not the present one.
    let gradients: Vec<Tensors> = (0..STEPS as u32)
        .map(|step| {
            let values = numbers(10 + step);
            each(|t, i| values[t][i] / (1 + step * step) as f32)
        })
        .collect();
    for (name, formula) in FORMULAS {
        let moments = Rule::moments(name).unwrap();
        let mut cpu = cpu(Vectors { moments, ..Vectors::default() });
        for (step, g) in (1..).zip(&gradients) {
            cpu.clear(true);
            let rule = rule(name, Hyper { step: f64::from(step), ..HYPER });
            cpu.finish(update(&rule), &gradient(g), &mut outputs(&mut empty())).unwrap();
        }
        let (begun, ended) = (numbers(1), weights(&mut cpu));
        for (t, size) in SIZES.into_iter().enumerate() {
            for i in 0..size {
                let mut element = Element { w: f64::from(begun[t][i]), moments: [0.0; 3] };
                for (step, g) in (1..).zip(&gradients) {
                    formula(&mut element, f64::from(g[t][i]), step);
                }
                let near = |a: f32, b: f64| (f64::from(a) - b).abs() <= 2e-6 * b.abs().max(1.0);
                assert!(near(ended[t][i], element.w), "{name}: {} against {}", ended[t][i], element.w);
                for (m, expected) in element.moments.iter().enumerate().take(moments) {
                    let found = cpu.vector(Which::Moment(m), t).unwrap()[i];
                    assert!(near(found, *expected), "{name}, moment {m}: {found} against {expected}");
                }
            }
        }
    }
}

/// Where processors are slow; 2,000 steps take 0.8 and 0.95 far below what f32 has.
#[test]
fn moments_that_decay_never_become_subnormal() {
    let (g, none) = (numbers(10), each(|_, _| 0.0));
    for (name, _) in FORMULAS {
        let moments = Rule::moments(name).unwrap();
        let mut cpu = cpu(Vectors { moments, ..Vectors::default() });
        for step in 1..=2000 {
            cpu.clear(true);
            let rule = rule(name, Hyper { step: f64::from(step), ..HYPER });
            let g = if step == 1 { &g } else { &none };
            cpu.finish(update(&rule), &gradient(g), &mut outputs(&mut empty())).unwrap();
        }
        for m in 0..moments {
            let values = stored(&cpu, Which::Moment(m));
            let subnormal = values.iter().flatten().filter(|value| value.is_subnormal()).count();
            assert_eq!(subnormal, 0, "{name}, moment {m}");
            // AMSGrad keeps the largest.
            let least = values.iter().flatten().fold(f32::INFINITY, |least, value| least.min(value.abs()));
            assert!(least < 1e-30 || (name, m) == ("amsgrad", 2), "{name}, moment {m}: {least}");
        }
    }
}

#[test]
fn a_constant_gradient_leaves_nothing_about_its_mean_and_no_nan() {
    for (name, moments) in [("rmsprop-centered", 2), ("rmsprop-centered-momentum", 3)] {
        let mut cpu = cpu(Vectors { moments, ..Vectors::default() });
        let g = each(|_, i| 0.1 + 1e-3 * (i % 7) as f32);
        let mut out = empty();
        for _ in 0..500 {
            let rule = rule(name, HYPER);
            cpu.finish(update(&rule), &gradient(&g), &mut outputs(&mut out)).unwrap();
        }
        assert!(out.iter().flatten().all(|x| x.is_finite()), "{name}");
    }
}

/// Weights and momentum after one step of Lion, with momenta and gradients that repeat over each tensor.
fn lion(momenta: &[f32], gradients: &[f32], beta1: f64) -> (Tensors, Tensors) {
    let mut cpu = cpu(Vectors { moments: 1, ..Vectors::default() });
    cpu.load(&slices(&each(|_, _| 1.0))).unwrap();
    for (t, size) in SIZES.into_iter().enumerate() {
        let target = cpu.vector_mut(Which::Moment(0), t).unwrap();
        (0..size).for_each(|i| target[i] = momenta[i % momenta.len()]);
    }
    let g = each(|_, i| gradients[i % gradients.len()]);
    let rule = rule("lion", Hyper { learning_rate: 0.25, beta1, beta2: 0.5, ..Hyper::default() });
    let mut out = empty();
    cpu.finish(update(&rule), &gradient(&g), &mut outputs(&mut out)).unwrap();
    let moment = |t| cpu.vector(Which::Moment(0), t).unwrap().to_vec();
    (out, (0..SIZES.len()).map(moment).collect())
}

#[test]
fn lion_steps_by_the_sign_even_of_the_least_number() {
    let least = f32::from_bits(1);
    let values = [0.0, -0.0, least, -least, f32::MIN_POSITIVE, -1e-39, 1.0, -3.0, f32::MAX, f32::MIN];
    let sign = |x: f32| if x == 0.0 { 0.0 } else { x.signum() };
    // With β₁ = 0 the direction is the gradient itself; with a gradient of 0 and β₁ near 1 it is the momentum.
    let expected = each(|_, i| 1.0 - 0.25 * sign(values[i % values.len()]));
    assert_same(&lion(&[0.5], &values, 0.0).0, &expected, "W");
    let almost = 1.0 - f64::from(f32::EPSILON) / 4.0;
    assert_same(&lion(&values, &[0.0], almost).0, &expected, "W by the momentum");
}

#[test]
fn lion_stays_where_momentum_and_gradient_cancel_exactly() {
    let (w, momentum) = lion(&[2.0, -0.5], &[-2.0, 0.5], 0.5);
    assert_same(&w, &each(|_, _| 1.0), "W");
    assert_same(&momentum, &each(|_, _| 0.0), "the momentum");
}
