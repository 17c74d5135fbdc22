//! Base optimizers as pure rules for an element: (w, g, moments) → (w, moments).
//!
//! A rule holds the step's coefficients, already rounded to f32; hyperparameters arrive as f64 in [`Hyper`].

use crate::backend::cpu::lanes::Lanes;

/// Hyperparameters of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyper {
    /// Learning rate η.
    pub learning_rate: f64,
    /// Decay of the first moment (momentum, β₁).
    pub beta1: f64,
    /// Decay of the second moment (β₂).
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay λ: w ← w − ηλw.
    pub weight_decay: f64,
    /// Updates made so far, this one included: 1, 2, …
    pub step: f64,
}

/// A base optimizer with this step's coefficients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// G ← gradient, W untouched: for base optimizers that live elsewhere.
    Mean,
    /// w ← w − ηg
    Sgd(Sgd),
    /// m ← βm + g; w ← w − ηm (Polyak 1964)
    Momentum(Momentum),
    /// Kingma & Ba 2015, with decoupled decay (Loshchilov & Hutter 2019) where λ > 0
    Adam(Adam),
}

impl Rule {
    /// Names, moments kept.
    pub const ALL: [(&'static str, usize); 5] =
        [("mean", 0), ("sgd", 0), ("momentum", 1), ("adam", 2), ("adamw", 2)];

    /// Moment vectors kept by the rule of this name.
    pub fn moments(name: &str) -> Option<usize> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, moments)| *moments)
    }

    /// The rule of this name with a step's coefficients.
    pub fn new(name: &str, hyper: Hyper) -> Option<Self> {
        let lr = hyper.learning_rate;
        Some(match name {
            "mean" => Rule::Mean,
            "sgd" => Rule::Sgd(Sgd { minus_lr: -lr as f32 }),
            "momentum" => Rule::Momentum(Momentum { beta: hyper.beta1 as f32, minus_lr: -lr as f32 }),
            "adam" | "adamw" => {
                let decay = if name == "adamw" { lr * hyper.weight_decay } else { 0.0 };
                Rule::Adam(Adam {
                    beta1: hyper.beta1 as f32,
                    one_minus_beta1: (1.0 - hyper.beta1) as f32,
                    beta2: hyper.beta2 as f32,
                    one_minus_beta2: (1.0 - hyper.beta2) as f32,
                    minus_lr: (-lr / (1.0 - hyper.beta1.powf(hyper.step))) as f32,
                    inverse_correction: (1.0 / (1.0 - hyper.beta2.powf(hyper.step)).sqrt()) as f32,
                    epsilon: hyper.epsilon as f32,
                    keep: (1.0 - decay) as f32,
                })
            }
            _ => return None,
        })
    }
}

/// A rule for 16 elements at once.
pub(crate) trait ElementRule: Sync {
    /// Moment vectors read and written.
    const MOMENTS: usize;
    /// New weight and moments.
    fn update<V: Lanes>(&self, w: V::F, g: V::F, moments: [V::F; 2]) -> (V::F, [V::F; 2]);
}

/// Coefficients of stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    minus_lr: f32,
}

impl ElementRule for Sgd {
    const MOMENTS: usize = 0;
    #[inline(always)]
    fn update<V: Lanes>(&self, w: V::F, g: V::F, moments: [V::F; 2]) -> (V::F, [V::F; 2]) {
        (V::fma(V::splat(self.minus_lr), g, w), moments)
    }
}

/// Coefficients of momentum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Momentum {
    beta: f32,
    minus_lr: f32,
}

impl ElementRule for Momentum {
    const MOMENTS: usize = 1;
    #[inline(always)]
    fn update<V: Lanes>(&self, w: V::F, g: V::F, [m, unused]: [V::F; 2]) -> (V::F, [V::F; 2]) {
        let m = V::fma(V::splat(self.beta), m, g);
        (V::fma(V::splat(self.minus_lr), m, w), [m, unused])
    }
}

/// Coefficients of Adam and AdamW.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    beta1: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    minus_lr: f32,
    inverse_correction: f32,
    epsilon: f32,
    keep: f32,
}

impl ElementRule for Adam {
    const MOMENTS: usize = 2;
    #[inline(always)]
    fn update<V: Lanes>(&self, w: V::F, g: V::F, [m, v]: [V::F; 2]) -> (V::F, [V::F; 2]) {
        let m = V::fma(V::splat(self.beta1), m, V::mul(V::splat(self.one_minus_beta1), g));
        let v = V::fma(V::splat(self.beta2), v, V::mul(V::mul(V::splat(self.one_minus_beta2), g), g));
        let denominator = V::fma(V::sqrt(v), V::splat(self.inverse_correction), V::splat(self.epsilon));
        let step = V::div(m, denominator);
        (V::fma(V::splat(self.minus_lr), step, V::mul(V::splat(self.keep), w)), [m, v])
    }
}
