//! What the tests of the passes share: numbers, views of them, and sums in the order that the core promises.
#![allow(dead_code, reason = "every test file is a crate of its own and takes what it needs")]

use saltflat_core::backend::cpu::dispatch::fill;
use saltflat_core::memory::AlignedVec;
use saltflat_core::rng::ROUNDS;
use saltflat_core::{
    Backend, Clip, Cpu, Distribution, Draw, Hyper, Level, Micro, Mix, Noise, Rule, Threads, Update, Vectors,
    Which,
};

/// One element, ends of tiles and chunks from both sides, nothing, and enough for several threads.
pub const SIZES: [usize; 6] = [1, 63, 0, 65, 4097, 33_001];

/// Tensors of finite numbers of size 1, other ones for every seed.
pub type Tensors = Vec<Vec<f32>>;

pub fn draw(seed: u32, index: u32) -> Draw {
    Draw { key: [seed, 99], step: 4, index, distribution: Distribution::Gaussian, rounds: ROUNDS }
}

/// Numbers that look like weights or gradients, for tensors of these sizes.
pub fn numbers_of(sizes: &[usize], seed: u32) -> Tensors {
    let uniform = Draw { distribution: Distribution::Uniform, ..draw(seed, 0) };
    let tensor = |(tensor, size): (usize, &usize)| drawn(uniform, tensor, *size);
    sizes.iter().enumerate().map(tensor).collect()
}

pub fn numbers(seed: u32) -> Tensors {
    numbers_of(&SIZES, seed)
}

/// The draw of one tensor.
pub fn drawn(draw: Draw, tensor: usize, size: usize) -> Vec<f32> {
    let mut values = vec![0.0; size.next_multiple_of(64)];
    fill(Level::Scalar, draw, tensor as u32, 0, &mut values);
    values.truncate(size);
    values
}

pub fn slices(values: &[Vec<f32>]) -> Vec<&[f32]> {
    values.iter().map(Vec::as_slice).collect()
}

pub fn gradient(values: &[Vec<f32>]) -> Vec<Option<&[f32]>> {
    values.iter().map(|values| Some(values.as_slice())).collect()
}

/// A gradient that does not reach these tensors.
pub fn without<'a>(values: &'a [Vec<f32>], missing: &[usize]) -> Vec<Option<&'a [f32]>> {
    let tensor = |(i, values): (usize, &'a Vec<f32>)| (!missing.contains(&i)).then_some(values.as_slice());
    values.iter().enumerate().map(tensor).collect()
}

/// The same with zeros where nothing came: what the passes read.
pub fn zeroed(values: &[Vec<f32>], missing: &[usize]) -> Tensors {
    let mut values = values.to_vec();
    missing.iter().for_each(|tensor| values[*tensor].fill(0.0));
    values
}

/// Outputs that nobody has written.
pub fn empty() -> Tensors {
    SIZES.iter().map(|size| vec![f32::NAN; *size]).collect()
}

pub fn outputs(values: &mut [Vec<f32>]) -> Vec<&mut [f32]> {
    values.iter_mut().map(Vec::as_mut_slice).collect()
}

pub fn bits(values: &[Vec<f32>]) -> Vec<Vec<u32>> {
    values.iter().map(|values| values.iter().map(|x| x.to_bits()).collect()).collect()
}

/// Equal to the bit; names the first place that is not.
#[track_caller]
pub fn assert_same(found: &[Vec<f32>], expected: &[Vec<f32>], what: impl std::fmt::Debug) {
    assert_eq!(found.len(), expected.len(), "tensors, {what:?}");
    for (tensor, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.len(), expected.len(), "elements of tensor {tensor}, {what:?}");
        for (i, (a, b)) in found.iter().zip(expected).enumerate() {
            assert_eq!(a.to_bits(), b.to_bits(), "{a} for {b} at {i} of tensor {tensor}, {what:?}");
        }
    }
}

/// f of every element, by its tensor and place.
pub fn each(f: impl Fn(usize, usize) -> f32) -> Tensors {
    SIZES.iter().enumerate().map(|(t, size)| (0..*size).map(|i| f(t, i)).collect()).collect()
}

/// A sum of f64 in the promised order: chunks of 4,096; in each 16 lanes in order, folded by halves; chunks folded by
/// neighbours.
pub fn summed(size: usize, value: impl Fn(usize) -> f64) -> f64 {
    let mut chunks: Vec<f64> = (0..size)
        .step_by(4096)
        .map(|start| {
            let mut lanes = [0.0; 16];
            (start..size.min(start + 4096)).for_each(|i| lanes[i % 16] += value(i));
            for half in [8, 4, 2, 1] {
                (0..half).for_each(|lane| lanes[lane] += lanes[lane + half]);
            }
            lanes[0]
        })
        .collect();
    while chunks.len() > 1 {
        chunks = chunks.chunks(2).map(|pair| pair.iter().copied().reduce(|a, b| a + b).unwrap()).collect();
    }
    chunks.first().copied().unwrap_or(0.0)
}

/// Draws nothing and leaves every tensor alone.
pub const STILL: Noise<'static> = Noise {
    draw: Draw { key: [0, 0], step: 0, index: 0, distribution: Distribution::Gaussian, rounds: ROUNDS },
    scales: &[0.0; SIZES.len()],
};

/// A workspace that holds `numbers(1)`.
pub fn cpu(vectors: Vectors) -> Cpu {
    cpu_at(vectors, Level::best(), 2)
}

pub fn cpu_at(vectors: Vectors, level: Level, threads: usize) -> Cpu {
    let mut cpu = Cpu::new(&SIZES, vectors, level, Threads::new(threads)).unwrap();
    cpu.load(&slices(&numbers(1))).unwrap();
    cpu.clear(true);
    cpu
}

/// A copy of an owned vector.
pub fn stored(cpu: &Cpu, which: Which) -> Tensors {
    (0..SIZES.len()).map(|tensor| cpu.vector(which, tensor).unwrap().to_vec()).collect()
}

/// W as it is.
pub fn weights(cpu: &mut Cpu) -> Tensors {
    let mut out = empty();
    cpu.restore(&mut outputs(&mut out)).unwrap();
    out
}

pub fn rule(name: &str, hyper: Hyper) -> Rule {
    Rule::new(name, hyper).unwrap()
}

pub fn sgd(learning_rate: f64) -> Rule {
    rule("sgd", Hyper { learning_rate, ..Hyper::default() })
}

/// An update by the last gradient, of a whole batch, without anything else.
pub fn update(rule: &Rule) -> Update<'_> {
    let (clip, micro) = (Clip::Off, Micro::WHOLE);
    Update { mix: Mix::LAST, scale: 1.0, half: None, clip, micro, learning_rate: 0.0, rule }
}

/// Tensors that begin so many floats off a boundary of 64 bytes, as slices of tensors of tfjs may, with a margin on both
/// sides that nobody may write.
pub struct Placed {
    offset: usize,
    memory: Vec<AlignedVec>,
}

const MARGIN: f32 = -7.5;
/// Elements of the margin behind: as many as the widest lanes.
const BEHIND: usize = 16;

impl Placed {
    pub fn new(values: &[Vec<f32>], offset: usize) -> Self {
        let placed = |values: &Vec<f32>| {
            let mut memory = AlignedVec::zeroed(offset + values.len() + BEHIND).unwrap();
            memory.fill(MARGIN);
            memory[offset..offset + values.len()].copy_from_slice(values);
            memory
        };
        Self { offset, memory: values.iter().map(placed).collect() }
    }

    pub fn gradient(&self) -> Vec<Option<&[f32]>> {
        self.memory.iter().map(|memory| Some(&memory[self.offset..memory.len() - BEHIND])).collect()
    }

    pub fn outputs(&mut self) -> Vec<&mut [f32]> {
        let inside = |memory| -> &mut [f32] {
            let memory: &mut AlignedVec = memory;
            let end = memory.len() - BEHIND;
            &mut memory[self.offset..end]
        };
        self.memory.iter_mut().map(inside).collect()
    }

    pub fn bits(&self) -> Vec<Vec<u32>> {
        for memory in &self.memory {
            let (before, rest) = memory.split_at(self.offset);
            let behind = &rest[rest.len() - BEHIND..];
            assert!(before.iter().chain(behind).all(|x| *x == MARGIN), "written beside a tensor");
        }
        self.gradient().iter().map(|values| values.unwrap().iter().map(|x| x.to_bits()).collect()).collect()
    }
}
