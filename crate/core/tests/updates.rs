//! What `finish` does to a gradient on its way to the rule: mixing and clipping. To the bit, by SGD or by the rule that
//! stores the mean.

mod common;

use common::{
    SIZES, STILL, Tensors, assert_same, cpu, each, empty, gradient, numbers, outputs, rule, sgd, slices,
    stored, summed, update, weights, without, zeroed,
};
use saltflat_core::{Backend, Clip, Cpu, Error, Hyper, Mix, Rule, Update, Vectors, Which};

const TWO: Vectors = Vectors { moments: 0, sums: 2, bank: false, origin: false };
/// A workspace with P ← `numbers(2)` and G ← `numbers(3)`.
fn with_parts() -> Cpu {
    let mut cpu = cpu(TWO);
    cpu.collect(STILL, 1.0, true, &gradient(&numbers(3)), &mut outputs(&mut empty())).unwrap();
    cpu.flip(STILL.half(), &gradient(&numbers(2)), &mut outputs(&mut empty())).unwrap();
    cpu
}

#[test]
fn every_factor_of_a_mix() {
    let (p, sum, g) = (numbers(2), numbers(3), numbers(4));
    let odd = [(0.3, 0.7, -1.5), (1.0, -0.25, 0.0), (-2.0, 0.0, 0.1), (0.0, 0.5, 2.0)];
    let odd = odd.map(|(last, pair, sum)| Mix { last, pair, sum });
    let unit = [Mix::LAST, Mix::PAIR, Mix::SUM, Mix::SUM_AND_PAIR];
    for mix in unit.into_iter().chain(odd) {
        for scale in [1.0, 0.25, -0.7] {
            let mut cpu = with_parts();
            let mut out = empty();
            let update = Update { mix, scale, ..update(&Rule::Mean) };
            cpu.finish(update, &without(&g, &[3]), &mut outputs(&mut out)).unwrap();
            let g = zeroed(&g, &[3]);
            let expected = each(|t, i| {
                let mut total = if mix.last == 1.0 { g[t][i] } else { mix.last * g[t][i] };
                if mix.pair != 0.0 {
                    total = mix.pair.mul_add(p[t][i], total);
                }
                if mix.sum != 0.0 {
                    total = mix.sum.mul_add(sum[t][i], total);
                }
                scale * total
            });
            assert_same(&stored(&cpu, Which::Mean), &expected, format_args!("{mix:?} times {scale}"));
            assert_same(&out, &numbers(1), "the rule that stores the mean leaves W");
        }
    }
}

#[test]
fn a_part_of_factor_0_is_not_read() {
    let bad = each(|_, _| f32::NAN);
    let mut cpu = cpu(TWO);
    for spoilt in [
        cpu.collect(STILL, 1.0, true, &gradient(&bad), &mut outputs(&mut empty())),
        cpu.flip(STILL.half(), &gradient(&bad), &mut outputs(&mut empty())),
    ] {
        assert_eq!(spoilt.unwrap_err(), Error::NotFinite { tensor: 0 });
    }
    let g = numbers(4);
    let rule = sgd(0.5);
    let mut out = empty();
    for mix in [Mix::PAIR, Mix::SUM, Mix::SUM_AND_PAIR] {
        let refused = cpu.finish(Update { mix, ..update(&rule) }, &gradient(&g), &mut outputs(&mut out));
        assert_eq!(refused.unwrap_err(), Error::NotFinite { tensor: 0 });
        assert!(out.iter().flatten().all(|x| x.is_nan()));
    }
    cpu.finish(update(&rule), &gradient(&g), &mut outputs(&mut out)).unwrap();
    let w = numbers(1);
    assert_same(&out, &each(|t, i| (-0.5f32).mul_add(g[t][i], w[t][i])), "W");
}

#[test]
fn parts_without_their_vector_are_a_call_out_of_order() {
    let g = numbers(4);
    let rule = sgd(0.5);
    for (sums, mix, rule) in [
        (0, Mix::PAIR, &rule),
        (0, Mix::SUM, &rule),
        (1, Mix::SUM_AND_PAIR, &rule),
        (0, Mix::LAST, &Rule::Mean),
    ] {
        let mut cpu = cpu(Vectors { sums, ..TWO });
        let mut out = empty();
        let refused = cpu.finish(Update { mix, ..update(rule) }, &gradient(&g), &mut outputs(&mut out));
        assert_eq!(refused.unwrap_err().code(), "ERR_STATE");
        assert!(out.iter().flatten().all(|x| x.is_nan()));
    }
}

#[test]
fn a_rule_without_all_its_moments_is_a_call_out_of_order() {
    let (g, hyper) = (numbers(4), Hyper { learning_rate: 0.5, epsilon: 1.0, step: 1.0, ..Hyper::default() });
    for (name, moments) in Rule::ALL {
        let rule = rule(name, hyper);
        assert_eq!(rule.kept(), moments, "{name}");
        for there in 0..=moments {
            let mut cpu = cpu(Vectors { moments: there, sums: 1, ..TWO });
            let mut out = empty();
            let done = cpu.finish(update(&rule), &gradient(&g), &mut outputs(&mut out));
            if there < moments {
                assert_eq!(done.unwrap_err().code(), "ERR_STATE", "{name} with {there}");
                assert_same(&weights(&mut cpu), &numbers(1), name);
                assert!(out.iter().flatten().all(|x| x.is_nan()));
            } else {
                done.unwrap();
            }
        }
    }
}

#[test]
fn a_bound_of_elements_is_refused_where_the_mean_is_only_stored() {
    let g = numbers(4);
    let refused = |clip| {
        let mut cpu = cpu(TWO);
        cpu.finish(Update { clip, ..update(&Rule::Mean) }, &gradient(&g), &mut outputs(&mut empty()))
    };
    assert_eq!(refused(Clip::Value(0.5)).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
    refused(Clip::Norm(0.5)).unwrap();
}

/// The gradient that reaches the rule, by SGD with rate 1 from weights of 0.
fn clipped(clip: Clip, scale: f32, g: &[Option<&[f32]>]) -> Tensors {
    let mut cpu = cpu(TWO);
    cpu.load(&slices(&each(|_, _| 0.0))).unwrap();
    let (rule, mut out) = (sgd(1.0), empty());
    cpu.finish(Update { clip, scale, ..update(&rule) }, g, &mut outputs(&mut out)).unwrap();
    each(|t, i| 0.0 - out[t][i])
}

#[test]
fn clipping_by_value_bounds_the_scaled_gradient() {
    let g = numbers(4);
    for bound in [0.1, 0.5, 1e-30] {
        let expected = each(|t, i| (0.5 * g[t][i]).clamp(-bound, bound));
        assert_same(&clipped(Clip::Value(bound), 0.5, &gradient(&g)), &expected, bound);
    }
    let largest = g.iter().flatten().fold(0.0f32, |largest, x| largest.max((0.5 * x).abs()));
    let off = clipped(Clip::Off, 0.5, &gradient(&g));
    for bound in [largest, f32::MAX, f32::INFINITY] {
        assert_same(&clipped(Clip::Value(bound), 0.5, &gradient(&g)), &off, bound);
    }
}

#[test]
fn clipping_by_norm_scales_all_tensors_alike() {
    let g = numbers(4);
    // An unreached tensor has no part in the norm.
    let (read, given) = (zeroed(&g, &[4]), without(&g, &[4]));
    let square = |t: usize| summed(SIZES[t], |i| f64::from(0.5 * read[t][i]).powi(2));
    let norm = (0..SIZES.len()).map(square).sum::<f64>().sqrt();
    for bound in [0.5 * norm, norm, 1e-12] {
        let factor = 0.5 * (bound / (norm + 1e-6)).min(1.0) as f32;
        let expected = each(|t, i| factor * read[t][i]);
        assert_same(
            &clipped(Clip::Norm(bound), 0.5, &given),
            &expected,
            format_args!("at {bound} of {norm}"),
        );
    }
    let off = clipped(Clip::Off, 0.5, &given);
    for bound in [norm + 1e-6, 2.0 * norm, f64::INFINITY] {
        assert_same(&clipped(Clip::Norm(bound), 0.5, &given), &off, format_args!("at {bound} of {norm}"));
    }
}

#[test]
fn a_gradient_of_0_is_clipped_to_0() {
    let zero = each(|_, _| 0.0);
    for clip in [Clip::Norm(1.0), Clip::Value(1.0)] {
        assert!(clipped(clip, 1.0, &gradient(&zero)).iter().flatten().all(|x| *x == 0.0));
    }
}
