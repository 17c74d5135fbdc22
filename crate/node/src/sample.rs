//! Draws without a workspace: for tests, for looking at the noise, and for randomness inside a model.

use crate::error::{Result, coded, core, whole};
use napi::bindgen_prelude::{Float32Array, Uint32Array};
use napi_derive::napi;
use saltflat_core::backend::cpu::dispatch;
use saltflat_core::fault::{self, Place};
use saltflat_core::memory::filled;
use saltflat_core::noise::MAX_PERTURBATIONS;
use saltflat_core::rng::{FEWEST_ROUNDS, ROUNDS};
use saltflat_core::{Distribution, Draw, Level};

/// The largest safe integer.
pub const MAX_SEED: f64 = 9_007_199_254_740_991.0;

/// Checks and packs what addresses a draw: see the table "Noise and sums" of the design.
pub fn draw(
    seed: f64,
    distribution: &str,
    rounds: f64,
    stream: f64,
    step: f64,
    perturbation: f64,
) -> Result<Draw> {
    fault::point(Place::Call);
    let seed = whole("seed", seed, MAX_SEED)?;
    let stream = whole("stream", stream, 255.0)? as u32;
    let step = whole("step", step, f64::from(u32::MAX))? as u32;
    let perturbation = whole("perturbation", perturbation, f64::from(MAX_PERTURBATIONS - 1))? as u32;
    let distribution = Distribution::named(distribution).ok_or_else(|| {
        let names = Distribution::ALL.map(|(name, _)| name).join(", ");
        coded(
            "ERR_INVALID_ARGUMENT",
            format!("Expected a distribution of {names}, received '{distribution}'."),
        )
    })?;
    let known = [FEWEST_ROUNDS, ROUNDS].into_iter().find(|known| f64::from(*known) == rounds);
    let rounds = known.ok_or_else(|| {
        let said = format!("Expected {FEWEST_ROUNDS} or {ROUNDS} rounds, received {rounds}.");
        coded("ERR_INVALID_ARGUMENT", said)
    })?;
    let key = [seed as u32, (seed >> 32) as u32];
    Ok(Draw { key, step, index: stream * MAX_PERTURBATIONS + perturbation, distribution, rounds })
}

/// Elements 0 … length − 1 of tensor `tensor` in perturbation `perturbation` of step `step`: the very U that training
/// uses. `rounds` of the generator: 10 by default, or 7.
#[allow(clippy::too_many_arguments, reason = "what addresses a draw")]
#[napi(catch_unwind)]
pub fn sample(
    seed: f64,
    distribution: String,
    stream: f64,
    step: f64,
    perturbation: f64,
    tensor: f64,
    length: f64,
    rounds: Option<f64>,
) -> Result<Float32Array> {
    let draw = draw(seed, &distribution, rounds.unwrap_or(f64::from(ROUNDS)), stream, step, perturbation)?;
    let tensor = whole("tensor", tensor, f64::from(u32::MAX))? as u32;
    let length = whole("length", length, f64::from(i32::MAX))? as usize;
    let mut out = filled(length.next_multiple_of(64), 0f32).map_err(core)?;
    dispatch::fill(Level::best(), draw, tensor, 0, &mut out);
    out.truncate(length);
    Ok(Float32Array::new(out))
}

/// Raw words `64·tile …` of a stream, for uniform integers.
#[napi(catch_unwind)]
pub fn random_words(
    seed: f64,
    stream: f64,
    step: f64,
    perturbation: f64,
    tile: f64,
    length: f64,
) -> Result<Uint32Array> {
    let draw = draw(seed, "gaussian", f64::from(ROUNDS), stream, step, perturbation)?;
    let tile = whole("tile", tile, f64::from((1u32 << 28) - 1))? as u32;
    let length = whole(
        "length",
        length,
        f64::from((1u32 << 28) - tile).mul_add(64.0, 0.0).min(f64::from(1u32 << 24)),
    )?;
    let mut out = filled(length as usize, 0u32).map_err(core)?;
    dispatch::words(draw, 0, tile, &mut out);
    Ok(Uint32Array::new(out))
}
