//! Every instruction set that this CPU has against the scalar one, bit by bit. `scripts/test-avx512.mjs` runs it on an
//! emulated CPU, so it is small, uses one thread, and says the outcome in its last line.
#![allow(clippy::print_stdout)]

use saltflat_core::backend::cpu::batch::{Signs, perturb_batch};
use saltflat_core::backend::cpu::dispatch::fill;
use saltflat_core::backend::cpu::rows::Rows;
use saltflat_core::backend::{Gradient, Noise};
use saltflat_core::rng::ROUNDS;
use saltflat_core::{
    Backend, Clip, Cpu, Direction, Distribution, Draw, Hyper, Keep, Level, Metric, Micro, Mix, Penalty, Rule,
    Threads, Update, Vectors, Which,
};
use std::process::ExitCode;

/// Around vectors of 16, tiles of 64, blocks of 1,024, counter blocks of 2,048 signs and chunks of 4,096.
const SIZES: [usize; 10] = [1, 15, 0, 16, 17, 63, 65, 1023, 2049, 4097];
/// A scale of 0 leaves its tensor alone.
const SCALES: [f32; 10] = [0.1, 0.25, 0.1, 0.0, 0.3, 0.1, 0.07, 1e-3, 0.0, 0.5];
/// Where rounding, underflow and the overflow of a square show.
const HARD: [f32; 12] = [
    0.0,
    -0.0,
    1e-45,
    -1e-45,
    f32::MIN_POSITIVE,
    1e-38,
    -1e-20,
    1.0,
    1.000_000_1,
    -0.999_999_94,
    1e19,
    -1e30,
];
const MIXES: [(&str, Mix); 5] = [
    ("g", Mix::LAST),
    ("P+g", Mix::PAIR),
    ("G+g", Mix::SUM),
    ("G+P+g", Mix::SUM_AND_PAIR),
    ("2G-P/2+3g", Mix { last: 3.0, pair: -0.5, sum: 2.0 }),
];

/// What one set computed: names of checks, and the bits that every other set must show.
struct Record {
    level: Level,
    checks: Vec<(String, Vec<u64>)>,
}

fn main() -> ExitCode {
    let levels = Level::available();
    let expected = Record::of(Level::Scalar).checks;
    println!("DIGEST {:016x}", digest(&expected));
    let (mut checked, mut failed) = (0, 0);
    for level in levels.iter().filter(|level| **level != Level::Scalar) {
        for ((name, bits), (_, expected)) in Record::of(*level).checks.iter().zip(&expected) {
            let first = bits.iter().zip(expected).position(|(a, b)| a != b);
            let verdict = match first {
                None if bits.len() == expected.len() => "ok".into(),
                None => format!("FAILED: {} values against {}", bits.len(), expected.len()),
                Some(i) => format!("FAILED at value {i}: {:x} against {:x}", bits[i], expected[i]),
            };
            println!("{} {name}: {verdict}", level.name());
            checked += 1;
            failed += usize::from(verdict != "ok");
        }
    }
    let names: Vec<_> = levels.iter().map(|level| level.name()).collect();
    let outcome = if failed == 0 { format!("ok {checked}") } else { format!("FAILED {failed} of {checked}") };
    println!("WIDTHS {outcome} checks {}", names.join(" "));
    // Where this is the only process, its end is a panic of the kernel, and that overtakes the line.
    while std::process::id() == 1 {
        std::thread::park();
    }
    ExitCode::from(u8::from(failed != 0))
}

/// One number for what the scalar set computed, to compare machines of different kinds by (FNV-1a).
fn digest(checks: &[(String, Vec<u64>)]) -> u64 {
    let words =
        checks.iter().flat_map(|(name, bits)| name.bytes().map(u64::from).chain(bits.iter().copied()));
    words.flat_map(u64::to_le_bytes).fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

impl Record {
    fn of(level: Level) -> Self {
        let mut record = Self { level, checks: vec![] };
        record.noise();
        for (kind, values) in [("plain", plain as Values), ("hard", hard)] {
            for (name, distribution) in Distribution::ALL {
                record.passes(&format!("{kind} {name}"), distribution, values);
            }
            for (rule, moments) in Rule::ALL {
                for (part, mix) in MIXES {
                    record.finish(&format!("{kind} finish {rule} {part}"), (rule, moments), mix, values);
                }
            }
        }
        record.batch();
        record.sweeps();
        record.refusals();
        record
    }

    fn note<'a>(&mut self, name: String, out: &'a [Vec<f32>], sums: impl IntoIterator<Item = &'a f64>) {
        // Hard numbers overflow, and infinities make NaN, whose sign and payload are nobody's promise.
        let values =
            out.iter().flatten().map(|x| u64::from(if x.is_nan() { f32::NAN } else { *x }.to_bits()));
        let sums = sums.into_iter().map(|x| if x.is_nan() { f64::NAN } else { *x }.to_bits());
        self.checks.push((name, values.chain(sums).collect()));
    }

    /// The words of a counter include its last ones, where 16 × tile comes near 2³².
    fn noise(&mut self) {
        for (name, distribution) in Distribution::ALL {
            for (step, tile) in [(0, 0), (1, 31), (u32::MAX, (1 << 28) - 65)] {
                let mut out = vec![f32::NAN; 65 * 64];
                for rounds in [7, 10] {
                    let draw = Draw { rounds, ..draw(distribution, step, 3) };
                    fill(self.level, draw, 5, tile, &mut out);
                    self.note(
                        format!("noise {name} step {step} tile {tile} rounds {rounds}"),
                        &[out.clone()],
                        [],
                    );
                }
            }
        }
    }

    fn cpu(&self, moments: usize, values: Values) -> Cpu {
        let vectors = Vectors { moments, sums: 2, bank: true, origin: true };
        let mut cpu = Cpu::new(&SIZES, vectors, self.level, Threads::new(1)).expect("a level that is there");
        cpu.load(&values(1).iter().map(Vec::as_slice).collect::<Vec<_>>()).expect("the right lengths");
        cpu
    }

    /// Every pass but the last of a step, twice, so that what one leaves behind enters the next.
    fn passes(&mut self, name: &str, distribution: Distribution, values: Values) {
        let mut cpu = self.cpu(0, values);
        for step in 0..2 {
            let noise = |index| Noise { draw: draw(distribution, step, index), scales: &SCALES };
            let (mut out, grads) = (empty(), values(2 + step));
            let (g, first) = (gradient(&grads), step == 0);
            let name = |pass: &str| format!("{name} {pass} {step}");
            cpu.perturb(noise(0), &mut outputs(&mut out)).expect("perturb");
            self.note(name("perturb"), &out, []);
            cpu.flip(noise(0).half(), &g, &mut outputs(&mut out)).expect("flip");
            self.note(name("flip"), &out, cpu.dots());
            let next = noise(1).draw;
            cpu.accumulate(noise(0).half(), next, first, &g, &mut outputs(&mut out)).expect("accumulate");
            self.note(name("accumulate"), &out, cpu.dots());
            cpu.collect(noise(1), 1.0 / 3.0, false, &g, &mut outputs(&mut out)).expect("collect");
            self.note(name("collect"), &out, []);
            self.note(name("sums"), &vector(&cpu, Which::Mean), []);
            self.note(name("products"), &[], cpu.products(&g).expect("products").as_flattened());
            for (metric, keep) in
                [(Metric::Plain, None), (Metric::Weights, Some(Keep { old: 0.6, new: 0.4 }))]
            {
                let direction = Direction { last: 0.4, pair: -0.6, metric };
                let name = name(&format!("direction {metric:?}"));
                let norms = cpu.norms(direction, &g).expect("norms").to_vec();
                cpu.ascend(&SCALES, direction, keep, &g, &mut outputs(&mut out)).expect("ascend");
                self.note(name, &out, norms.as_flattened());
            }
        }
    }

    /// Two steps with a rule, each of two micro-batches, everything that pulls on the weights, and one tensor without a
    /// gradient.
    fn finish(&mut self, name: &str, (rule, moments): (&str, usize), mix: Mix, values: Values) {
        let mut cpu = self.cpu(moments, values);
        let pulls = |i: usize| Penalty {
            l2: 0.01 * i as f32,
            decay: 0.1,
            distance: if i % 2 == 1 { 0.3 } else { 0.0 },
        };
        cpu.set_penalties(&(0..SIZES.len()).map(pulls).collect::<Vec<_>>()).expect("one a tensor");
        for step in 1..=2 {
            let noise = |index| Noise { draw: draw(Distribution::Rademacher, step, index), scales: &SCALES };
            let hyper =
                Hyper { learning_rate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: f64::from(step) };
            let rule = Rule::new(rule, hyper).expect("a rule of this name");
            let (mut out, grads) = (empty(), values(2 + step));
            let mut g = gradient(&grads);
            g[6] = None;
            for micro in [Micro { first: true, last_of: 0 }, Micro { first: false, last_of: 2 }] {
                cpu.clear(micro.first);
                cpu.collect(noise(0), 1.0, true, &g, &mut outputs(&mut out)).expect("collect");
                cpu.flip(noise(0).half(), &g, &mut outputs(&mut out)).expect("flip");
                let update = Update {
                    mix,
                    scale: 1.0 / 3.0,
                    half: Some(noise(0).half()),
                    // A stored mean takes no bound of its elements.
                    clip: match (step, rule) {
                        (1, Rule::Mean) => Clip::Off,
                        (1, _) => Clip::Value(0.5),
                        _ => Clip::Norm(3.0),
                    },
                    micro,
                    learning_rate: 1e-2,
                    rule: &rule,
                };
                cpu.finish(update, &g, &mut outputs(&mut out)).expect("finish");
                self.note(format!("{name} {step} micro {}", micro.last_of), &out, cpu.dots());
            }
            let state = [Which::Mean, Which::Bank].into_iter().chain((0..moments).map(Which::Moment));
            let state: Vec<_> = state.flat_map(|which| vector(&cpu, which)).collect();
            self.note(format!("{name} {step}, its state"), &state, []);
        }
    }

    /// Many copies at once, on tensors that are not padded.
    fn batch(&mut self) {
        let weights = plain(1);
        let weights: Vec<&[f32]> = weights.iter().map(Vec::as_slice).collect();
        let draws = [0, 1, 2].map(|index| draw(Distribution::Gaussian, 1, index));
        for signs in [Signs::Both, Signs::Plus, Signs::Minus] {
            let mut out: Vec<_> = (0..draws.len() * signs.count()).flat_map(|_| empty()).collect();
            perturb_batch(
                self.level,
                &Threads::new(1),
                &weights,
                &SCALES,
                &draws,
                signs,
                &mut outputs(&mut out),
            )
            .expect("a batch");
            self.note(format!("batch {signs:?}"), &out, []);
        }
    }

    /// A basis of a few rows, exact and rounded; of the third row every tile is heavy.
    fn sweeps(&mut self) {
        for size in [1, 63, 4097, 9000] {
            let mut rows = Rows::new(size, self.level, Threads::new(1)).expect("a level that is there");
            let mut vectors: Vec<_> = (0..6).map(|_| rows.vector().expect("memory")).collect();
            for (index, vector) in (0..).zip(&mut vectors) {
                fill(Level::Scalar, draw(Distribution::Gaussian, 0, index), 0, 0, vector);
                vector[size..].fill(0.0);
            }
            let [hv, v, mut w, mut basis @ ..] = <[_; 6]>::try_from(vectors).expect("six of them");
            let alpha = rows.project(&hv[..size], Some((&v, 0.37)), &v, &mut w);
            self.note(format!("project {size}"), &[w.to_vec()], &[alpha]);
            let exact = basis.each_ref().map(|row| &row[..]);
            let dots = rows.dots(&exact, &w);
            let left = rows.subtract(&exact, &[0.1, -0.2, 0.3], &mut w);
            self.note(format!("sweep {size}"), &[w.to_vec()], dots.iter().chain(&[left]));
            let mut copies = [(); 3].map(|()| rows.room().expect("memory"));
            for ((row, copy), factor) in basis.iter_mut().zip(&mut copies).zip([1e-3, 1e-35, 1.0]) {
                rows.round(factor, row, copy);
            }
            let (exact, copies) =
                (basis.each_ref().map(|row| &row[..]), copies.each_ref().map(|copy| &copy[..]));
            let dots = rows.dots_rounded(&exact, &copies, &w);
            let left = rows.subtract_rounded(&copies, &[40.0, 1e30, 0.3], &mut w);
            self.note(format!("rounded sweep {size}"), &[w.to_vec()], dots.iter().chain(&[left]));
            rows.rotate(&mut basis.each_mut(), &[0.6, 0.8, 0.1, -0.8, 0.6, 0.2]);
            let turned = basis.each_ref().map(|row| row.to_vec());
            self.note(format!("rotation {size}"), &turned, []);
        }
    }

    /// A gradient that is not finite is found at whichever lane it stands.
    fn refusals(&mut self) {
        let mut found = vec![];
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in [0, 1, 15, 16, 1022] {
                let (mut cpu, mut out, mut grads) = (self.cpu(0, plain), empty(), plain(2));
                grads[7][place] = bad;
                let noise = Noise { draw: draw(Distribution::Uniform, 0, 0), scales: &SCALES };
                let refused = cpu.flip(noise.half(), &gradient(&grads), &mut outputs(&mut out));
                found.push(u64::from(refused == Err(saltflat_core::Error::NotFinite { tensor: 7 })));
            }
        }
        self.checks.push(("refused gradients".into(), found));
    }
}

type Values = fn(u32) -> Vec<Vec<f32>>;

/// Numbers that look like weights or gradients, different for every seed.
fn plain(seed: u32) -> Vec<Vec<f32>> {
    let draw = Draw { key: [seed, 99], ..draw(Distribution::Uniform, 0, 0) };
    let tensor = |(tensor, size): (usize, &usize)| {
        let mut values = vec![0.0; size.next_multiple_of(64)];
        fill(Level::Scalar, draw, tensor as u32, 0, &mut values);
        values.truncate(*size);
        values
    };
    SIZES.iter().enumerate().map(tensor).collect()
}

fn hard(seed: u32) -> Vec<Vec<f32>> {
    let value = |i: usize| HARD[(i * (2 * seed as usize + 1) + i / 16) % HARD.len()];
    SIZES.iter().map(|size| (0..*size).map(value).collect()).collect()
}

fn draw(distribution: Distribution, step: u32, index: u32) -> Draw {
    Draw { key: [0x1234_5678, 0x9ABC_DEF0], step, index, distribution, rounds: ROUNDS }
}

/// All tensors of an owned vector.
fn vector(cpu: &Cpu, which: Which) -> Vec<Vec<f32>> {
    (0..SIZES.len()).map(|tensor| cpu.vector(which, tensor).expect("this vector").to_vec()).collect()
}

fn gradient(values: &[Vec<f32>]) -> Vec<Gradient<'_>> {
    values.iter().map(|values| Some(values.as_slice())).collect()
}

fn empty() -> Vec<Vec<f32>> {
    SIZES.iter().map(|size| vec![f32::NAN; *size]).collect()
}

fn outputs(values: &mut [Vec<f32>]) -> Vec<&mut [f32]> {
    values.iter_mut().map(Vec::as_mut_slice).collect()
}
