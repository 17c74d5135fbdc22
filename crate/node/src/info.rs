//! What this machine offers, and whether the core works on it.

use napi_derive::napi;
use saltflat_core::backend::cpu::dispatch;
use saltflat_core::{Distribution, Draw, Level, Threads, memory, rng};

/// The CPU as the core sees it.
#[napi(object)]
pub struct CpuInfo {
    /// Instruction set in use by default.
    pub simd: String,
    /// Threads a pass uses by default.
    pub threads: u32,
    /// Instruction sets this CPU has, narrowest first.
    pub detected: Vec<String>,
}

/// One claim of the self-test.
#[napi(object)]
pub struct SelfTestCheck {
    /// What was checked.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
}

/// The outcome of the self-test.
#[napi(object)]
pub struct SelfTest {
    /// Whether all checks hold.
    pub ok: bool,
    /// Each check.
    pub checks: Vec<SelfTestCheck>,
}

/// Instruction sets and threads of this machine.
#[napi(catch_unwind)]
pub fn cpu_info() -> CpuInfo {
    CpuInfo {
        simd: Level::best().name().into(),
        threads: Threads::new(0).count() as u32,
        detected: Level::available().iter().map(|level| level.name().into()).collect(),
    }
}

/// Bytes of native memory held by all optimizers, and by the weights that tfjs computes with in it.
#[napi(catch_unwind)]
pub fn native_bytes() -> f64 {
    memory::held() as f64
}

/// Runs the generator's published known answer, and every instruction set against the scalar reference.
#[napi(catch_unwind)]
pub fn self_test() -> SelfTest {
    let known =
        rng::philox([0; 4], [0; 2], rng::ROUNDS) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8];
    let mut checks = vec![SelfTestCheck { name: "philox4x32-10 known answer".into(), ok: known }];
    let bits = |level, distribution| {
        let mut out = vec![0f32; 1 << 14];
        dispatch::fill(
            level,
            Draw { key: [1, 2], step: 3, index: 4, distribution, rounds: rng::ROUNDS },
            5,
            0,
            &mut out,
        );
        out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    for level in Level::available() {
        let same = Distribution::ALL
            .iter()
            .all(|(_, distribution)| bits(level, *distribution) == bits(Level::Scalar, *distribution));
        checks.push(SelfTestCheck {
            name: format!("noise on {} equals the reference", level.name()),
            ok: same,
        });
    }
    SelfTest { ok: checks.iter().all(|check| check.ok), checks }
}
