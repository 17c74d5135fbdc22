//! All that a backend can do, as a list of named bits: what two backends must show alike. The tests run it, and the program
//! for machines with a GPU.
#![allow(dead_code, reason = "who includes it takes what it needs")]

use saltflat_core::backend::cpu::dispatch::fill;
use saltflat_core::rng::{FEWEST_ROUNDS, ROUNDS};
use saltflat_core::{
    Backend, Clip, Direction, Distribution, Draw, Hyper, Keep, Level, Metric, Micro, Mix, Noise, Penalty,
    Rule, Update, Vectors, Which,
};

/// One element, ends of lanes, tiles and chunks from both sides, nothing, and several chunks.
pub const SIZES: [usize; 9] = [1, 15, 63, 0, 65, 2049, 4096, 4097, 13_001];
const SCALES: [f32; 9] = [0.1, 0.25, 0.0, 0.1, 0.3, 1e-3, 0.07, -0.5, 0.01];
/// Tensors that some gradients do not reach.
const MISSING: [usize; 2] = [1, 5];
/// Where rounding, underflow and the ends of the range show.
const HARD: [f32; 10] =
    [0.0, -0.0, 1e-45, -1e-45, f32::MIN_POSITIVE, 1e-38, -1e-20, 1.0, -0.999_999_94, 1e15];

/// Names of what was done, and the bits that came out.
pub type Record = Vec<(String, Vec<u64>)>;
type Tensors = Vec<Vec<f32>>;

pub fn numbers(seed: u32) -> Tensors {
    let draw =
        Draw { key: [seed, 99], step: 0, index: 0, distribution: Distribution::Uniform, rounds: ROUNDS };
    let tensor = |(tensor, size): (usize, &usize)| {
        let mut values = vec![0.0; size.next_multiple_of(64)];
        fill(Level::Scalar, draw, tensor as u32, 0, &mut values);
        values.truncate(*size);
        for (value, hard) in values.iter_mut().step_by(7).zip(HARD.iter().cycle().skip(seed as usize)) {
            *value = *hard;
        }
        values
    };
    SIZES.iter().enumerate().map(tensor).collect()
}

fn gradient(values: &Tensors) -> Vec<Option<&[f32]>> {
    values.iter().map(|values| Some(values.as_slice())).collect()
}

fn without(values: &Tensors) -> Vec<Option<&[f32]>> {
    let tensor = |(i, values): (usize, &'_ Vec<f32>)| !MISSING.contains(&i) && !values.is_empty();
    values.iter().enumerate().map(|(i, v)| tensor((i, v)).then_some(v.as_slice())).collect()
}

fn empty() -> Tensors {
    SIZES.iter().map(|size| vec![f32::NAN; *size]).collect()
}

/// A backend under way, and what it has shown.
struct Walk<'a> {
    backend: &'a mut dyn Backend,
    record: Record,
    out: Tensors,
}

impl Walk<'_> {
    fn pass(&mut self, name: &str, pass: impl FnOnce(&mut dyn Backend, &mut [&mut [f32]])) {
        // Not emptied: a half of a pair is read where it was written.
        let mut out: Vec<&mut [f32]> = self.out.iter_mut().map(Vec::as_mut_slice).collect();
        pass(self.backend, &mut out);
        let bits = self.out.iter().flatten().map(|x| u64::from(x.to_bits())).collect();
        self.record.push((name.into(), bits));
        let dots = self.backend.dots().iter().map(|x| x.to_bits()).collect();
        self.record.push((format!("dots after {name}"), dots));
    }

    fn vector(&mut self, name: &str, which: Which) {
        let mut bits = vec![];
        for tensor in 0..SIZES.len() {
            if let Some(values) = self.backend.read(which, tensor).unwrap() {
                bits.extend(values.iter().map(|x| u64::from(x.to_bits())));
            }
        }
        self.record.push((name.into(), bits));
    }

    fn sums(&mut self, name: &str, sums: impl FnOnce(&mut dyn Backend) -> Vec<[f64; 3]>) {
        let bits = sums(self.backend).as_flattened().iter().map(|x| x.to_bits()).collect();
        self.record.push((name.into(), bits));
    }
}

fn slices(values: &Tensors) -> Vec<&[f32]> {
    values.iter().map(Vec::as_slice).collect()
}

fn draw(distribution: Distribution, rounds: u32, index: u32) -> Draw {
    Draw { key: [7, 0xffff_fff0], step: 4_000_000_000, index, distribution, rounds }
}

/// The vectors that [`steps`] needs of a rule.
pub fn vectors(rule: &str) -> Vectors {
    Vectors { moments: Rule::moments(rule).unwrap(), sums: 2, bank: true, origin: true }
}

/// Two updates of k = 2 with micro-batches, penalties and each kind of clipping.
pub fn steps(backend: &mut dyn Backend, rule: &str, distribution: Distribution, rounds: u32) -> Record {
    let mut walk = Walk { backend, record: vec![], out: empty() };
    let w = numbers(1);
    walk.backend.load(&slices(&w)).unwrap();
    let noise = |j| Noise { draw: draw(distribution, rounds, j), scales: &SCALES };
    let clips = match rule {
        "mean" => [Clip::Norm(0.5), Clip::Off, Clip::Norm(1e30)],
        _ => [Clip::Norm(0.5), Clip::Value(0.3), Clip::Off],
    };
    for (step, clip) in clips.into_iter().enumerate() {
        let pull = |tensor: usize| match (step + tensor) % 3 {
            0 => Penalty::default(),
            1 => Penalty { l2: 0.01, decay: 0.1, distance: 0.0 },
            _ => Penalty { l2: 0.0, decay: 0.1, distance: 0.02 },
        };
        let penalties: Vec<_> = (0..SIZES.len()).map(pull).collect();
        walk.backend.set_penalties(&penalties).unwrap();
        let hyper =
            Hyper { learning_rate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: (step + 1) as f64 };
        let rule = Rule::new(rule, hyper).unwrap();
        for micro in [Micro { first: true, last_of: 0 }, Micro { first: false, last_of: 2 }] {
            let seed = 10 * step as u32 + 2 * micro.last_of;
            let (a, b, c, d) = (numbers(seed), numbers(seed + 1), numbers(seed + 2), numbers(seed + 3));
            walk.backend.clear(micro.first);
            walk.pass("perturb", |backend, out| backend.perturb(noise(0), out).unwrap());
            walk.pass("flip", |backend, out| backend.flip(noise(0).half(), &gradient(&a), out).unwrap());
            walk.pass("accumulate", |backend, out| {
                backend.accumulate(noise(0).half(), noise(1).draw, true, &without(&b), out).unwrap();
            });
            walk.pass("flip", |backend, out| backend.flip(noise(1).half(), &without(&c), out).unwrap());
            walk.pass("accumulate", |backend, out| {
                backend.accumulate(noise(1).half(), noise(2).draw, false, &gradient(&b), out).unwrap();
            });
            walk.pass("flip", |backend, out| backend.flip(noise(2).half(), &without(&c), out).unwrap());
            let update = Update {
                mix: Mix::SUM_AND_PAIR,
                scale: 1.0 / 6.0,
                half: Some(noise(2).half()),
                clip,
                micro,
                learning_rate: 1e-2,
                rule: &rule,
            };
            walk.pass("finish", |backend, out| backend.finish(update, &gradient(&d), out).unwrap());
        }
        // What only half of the machinery is asked for.
        let (a, b) = (numbers(50), numbers(51));
        walk.backend.clear(true);
        walk.pass("collect", |backend, out| {
            backend.collect(noise(3), 2.0, true, &gradient(&a), out).unwrap()
        });
        walk.pass("collect", |backend, out| {
            backend.collect(noise(4), -0.5, false, &without(&b), out).unwrap()
        });
        let update = Update {
            mix: Mix { last: 3.0, pair: 0.0, sum: 0.5 },
            scale: 0.25,
            half: None,
            clip,
            micro: Micro::WHOLE,
            learning_rate: 1e-2,
            rule: &rule,
        };
        walk.pass("finish without noise", |backend, out| backend.finish(update, &without(&a), out).unwrap());
        for moment in 0..3 {
            walk.vector("moment", Which::Moment(moment));
        }
        walk.vector("mean", Which::Mean);
        walk.vector("bank", Which::Bank);
        walk.vector("origin", Which::Origin);
    }
    walk.pass("restore", |backend, out| backend.restore(out).unwrap());
    walk.record
}

/// Norms, products and steps uphill, with one vector for gradients or none.
pub fn uphill(backend: &mut dyn Backend, kept: bool) -> Record {
    let mut walk = Walk { backend, record: vec![], out: empty() };
    walk.backend.load(&slices(&numbers(1))).unwrap();
    let (a, b) = (numbers(2), numbers(3));
    walk.backend.clear(true);
    for metric in [Metric::Plain, Metric::Weights] {
        for (last, pair) in [(1.0, 0.0), (0.5, 0.0), (1.0, 0.3), (0.0, -2.0)] {
            if pair != 0.0 && !kept {
                continue;
            }
            let direction = Direction { last, pair, metric };
            let keeps = [None, Some((0.0, 1.0)), Some((0.9, 0.1)), Some((1.0, -0.5))];
            for keep in keeps.into_iter().filter(|keep| kept || keep.is_none()) {
                walk.sums("products", |backend| backend.products(&gradient(&a)).unwrap().to_vec());
                walk.sums("norms", |backend| backend.norms(direction, &without(&b)).unwrap().to_vec());
                let keep = keep.map(|(old, new)| Keep { old, new });
                walk.pass("ascend", |backend, out| {
                    backend.ascend(&SCALES, direction, keep, &without(&b), out).unwrap();
                });
                walk.vector("P", Which::Mean);
            }
        }
    }
    walk.record
}

/// Every distribution, with both numbers of rounds.
pub fn noises() -> impl Iterator<Item = (&'static str, Distribution, u32)> {
    let rounds = |rounds| move |(name, distribution)| (name, distribution, rounds);
    let all = Distribution::ALL.into_iter();
    all.clone().map(rounds(ROUNDS)).chain(all.map(rounds(FEWEST_ROUNDS)))
}

/// Where two records differ first, if they do.
pub fn difference(found: &Record, expected: &Record) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} results for {}", found.len(), expected.len()));
    }
    for (place, ((name, found), (_, expected))) in found.iter().zip(expected).enumerate() {
        if found.len() != expected.len() {
            return Some(format!("{} values for {} of {name}", found.len(), expected.len()));
        }
        let differ = found.iter().zip(expected).filter(|(a, b)| a != b).count();
        if let Some(i) = found.iter().zip(expected).position(|(a, b)| a != b) {
            let (a, b) = (found[i], expected[i]);
            let len = found.len();
            return Some(format!("{name} ({place}): {differ} of {len} differ, first {i}: {a:x} for {b:x}"));
        }
    }
    None
}
