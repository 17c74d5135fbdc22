//! What JavaScript says about a workspace and a step, as checked values of the core.

use crate::error::{Result, coded, finite, whole};
use napi_derive::napi;
use saltflat_core::{Clip, Direction, Hyper, Keep, Level, Metric, Micro, Mix, Threads};

/// How the native core computes. None of it shows in its results.
#[napi(object)]
pub struct WorkspaceOptions {
    /// Threads a pass uses; 0 or absent: one a processor.
    pub threads: Option<f64>,
    /// Instruction set; absent: the widest.
    pub simd: Option<String>,
    /// Where vectors lie and passes run: 'cpu', 'cuda', a GPU of NVIDIA's, or 'auto', the one of them that is predicted to
    /// be faster; absent: the CPU.
    pub device: Option<String>,
}

/// Vectors that a workspace owns besides W and the moments.
#[napi(object)]
pub struct VectorOptions {
    /// For gradients: 0 where only the last one counts, 1 for a pair, a total or a mean, 2 for a pair and a total.
    pub sums: f64,
    /// The gradients of earlier micro-batches.
    pub bank: Option<bool>,
    /// Where the weights began.
    pub origin: Option<bool>,
}

/// The end of a step: W ← rule(W, clipped scale·(sum·G + (pair·P + last·g))). See the base optimizer's own page for
/// ranges and defaults of its hyperparameters. `finish` takes its numbers in the order of `updateFields`.
#[napi(object)]
pub struct UpdateOptions {
    /// Factor of the gradient that came last.
    pub last: f64,
    /// Factor of P.
    pub pair: f64,
    /// Factor of G.
    pub sum: f64,
    /// Factor of them all.
    pub scale: f64,
    /// 1 where g is the second half of a pair, for the dots, 0 otherwise.
    pub paired: f64,
    /// Bound of the norm of the mean gradient; 0: none.
    pub clip_norm: f64,
    /// Bound of each element of it; 0: none. At most one of the two.
    pub clip_value: f64,
    /// 1 where this is the first micro-batch of the update, 0 otherwise.
    pub first: f64,
    /// The number of micro-batches where this is the last one; 0 before, when the weights stay.
    pub last_of: f64,
    /// η
    pub learning_rate: f64,
    /// Momentum, or β₁.
    pub beta1: f64,
    /// β₂
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Updates made, this one included.
    pub step: f64,
}

/// The fields of an update, in the order of the numbers that `finish` takes: to read them one by one off an object takes
/// longer than to update a small model.
#[napi(ts_return_type = "Array<keyof UpdateOptions>")]
pub fn update_fields() -> Vec<&'static str> {
    UpdateOptions::FIELDS.to_vec()
}

impl UpdateOptions {
    const FIELDS: [&'static str; 14] = [
        "last",
        "pair",
        "sum",
        "scale",
        "paired",
        "clipNorm",
        "clipValue",
        "first",
        "lastOf",
        "learningRate",
        "beta1",
        "beta2",
        "epsilon",
        "step",
    ];

    /// From numbers in the order of the fields.
    pub fn new(numbers: [f64; Self::FIELDS.len()]) -> Self {
        let [last, pair, sum, scale, paired, clip_norm, clip_value, first, last_of, ..] = numbers;
        let [.., learning_rate, beta1, beta2, epsilon, step] = numbers;
        Self {
            last,
            pair,
            sum,
            scale,
            paired,
            clip_norm,
            clip_value,
            first,
            last_of,
            learning_rate,
            beta1,
            beta2,
            epsilon,
            step,
        }
    }

    /// Refuses numbers that would make W infinite or NaN.
    pub fn check(&self) -> Result<()> {
        let Self { last, pair, sum, scale, learning_rate, beta1, beta2, epsilon, step, .. } = *self;
        let mix = [("last", last), ("pair", pair), ("sum", sum), ("scale", scale)];
        let rule =
            [("learningRate", learning_rate), ("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon)];
        let all = mix.into_iter().chain(rule).chain([("step", step)]);
        all.into_iter().try_for_each(|(name, value)| finite(name, value).map(|_| ()))?;
        // Of a decay of 1 nothing is left to correct a moment's bias by.
        match [beta1, beta2].into_iter().find(|beta| !(0.0..1.0).contains(&(*beta as f32))) {
            None => Ok(()),
            Some(beta) => {
                let said = format!("Expected decays of 0 or more and below 1, received {beta}.");
                Err(coded("ERR_INVALID_ARGUMENT", said))
            }
        }
    }

    pub fn mix(&self) -> Mix {
        Mix { last: self.last as f32, pair: self.pair as f32, sum: self.sum as f32 }
    }

    pub fn hyper(&self) -> Hyper {
        let Self { learning_rate, beta1, beta2, epsilon, step, .. } = *self;
        Hyper { learning_rate, beta1, beta2, epsilon, step }
    }

    pub fn paired(&self) -> Result<bool> {
        Ok(whole("paired", self.paired, 1.0)? == 1)
    }

    pub fn micro(&self) -> Result<Micro> {
        let last_of = whole("lastOf", self.last_of, f64::from(u32::MAX))? as u32;
        let first = whole("first", self.first, 1.0)? == 1;
        if last_of == 1 && !first {
            return Err(coded(
                "ERR_INVALID_ARGUMENT",
                "Expected a single micro-batch to be the first one, received a later one.",
            ));
        }
        Ok(Micro { first, last_of })
    }

    pub fn clip(&self) -> Result<Clip> {
        match (self.clip_norm, self.clip_value) {
            (0.0, 0.0) => Ok(Clip::Off),
            (norm, 0.0) if norm > 0.0 => Ok(Clip::Norm(norm)),
            (0.0, value) if value > 0.0 => Ok(Clip::Value(value as f32)),
            (norm, value) => Err(coded(
                "ERR_INVALID_ARGUMENT",
                format!("Expected one bound > 0, received {norm} for the norm and {value} for the value."),
            )),
        }
    }
}

/// A direction x = last·g + pair·P, and how long it is: 'plain' Σx², 'weights' Σ(wx)².
#[napi(object)]
pub struct DirectionOptions {
    /// Factor of the gradient.
    pub last: f64,
    /// Factor of P.
    pub pair: f64,
    /// 'plain' or 'weights'.
    pub metric: String,
}

impl DirectionOptions {
    pub fn direction(&self) -> Result<Direction> {
        let metric = match self.metric.as_str() {
            "plain" => Metric::Plain,
            "weights" => Metric::Weights,
            other => {
                let said = format!("Expected a metric of plain, weights, received '{other}'.");
                return Err(coded("ERR_INVALID_ARGUMENT", said));
            }
        };
        let (last, pair) = (finite("last", self.last)? as f32, finite("pair", self.pair)? as f32);
        Ok(Direction { last, pair, metric })
    }
}

/// P ← old·P + new·g
#[napi(object)]
pub struct KeepOptions {
    /// Factor of what P holds; 0: P is not read.
    pub old: f64,
    /// Factor of the gradient.
    pub new: f64,
}

impl KeepOptions {
    pub fn keep(&self) -> Result<Keep> {
        Ok(Keep { old: finite("old", self.old)? as f32, new: finite("new", self.new)? as f32 })
    }
}

/// The instruction set and threads that the options name, by default the widest and one a processor.
pub fn compute(options: Option<WorkspaceOptions>) -> Result<(Level, Threads)> {
    let options = options.unwrap_or(WorkspaceOptions { threads: None, simd: None, device: None });
    let threads = Threads::new(whole("threads", options.threads.unwrap_or(0.0), 256.0)? as usize);
    let level = options.simd.map_or(Ok(Level::best()), |name| {
        Level::named(&name).ok_or_else(|| {
            let names: Vec<_> = Level::available().iter().map(|level| level.name()).collect();
            let names = names.join(", ");
            coded("ERR_UNSUPPORTED", format!("Expected an instruction set of {names}, received '{name}'."))
        })
    })?;
    Ok((level, threads))
}
