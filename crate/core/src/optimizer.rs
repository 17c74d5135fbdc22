//! Base optimizers as pure rules for an element: (w, g, moments) → (w, moments).
//!
//! A rule holds the step's coefficients, already rounded to f32; hyperparameters arrive as f64 in [`Hyper`]. Decay and
//! clipping are not here: they are the same for every rule (see [`crate::penalty`] and [`crate::backend::Update`]).

use crate::backend::cpu::lanes::Lanes;

/// The most moment vectors that a rule keeps.
pub const MOMENTS: usize = 3;

/// Hyperparameters of one step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hyper {
    /// Learning rate η.
    pub learning_rate: f64,
    /// Decay of the first moment (momentum, β₁).
    pub beta1: f64,
    /// Decay of the second moment (β₂).
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
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
    Momentum(Momentum<false>),
    /// m ← βm + g; w ← w − η(g + βm) (Nesterov 1983, in the form of Sutskever et al. 2013)
    Nesterov(Momentum<true>),
    /// Kingma & Ba 2015
    Adam(Adam<false>),
    /// Adam with the largest second moment so far (Reddi, Kale & Kumar 2018)
    AmsGrad(Adam<true>),
    /// g over the root of its mean square (Hinton 2012)
    RmsProp(RmsProp<false, false>),
    /// The same, the mean square taken about the mean (Graves 2013)
    RmsPropCentered(RmsProp<true, false>),
    /// The same as `RmsProp`, then momentum
    RmsPropMomentum(RmsProp<false, true>),
    /// Both
    RmsPropCenteredMomentum(RmsProp<true, true>),
    /// The sign of an interpolated momentum (Chen et al. 2023)
    Lion(Lion),
}

impl Rule {
    /// Names, moments kept.
    pub const ALL: [(&'static str, usize); 11] = [
        ("mean", 0),
        ("sgd", 0),
        ("momentum", 1),
        ("nesterov", 1),
        ("adam", 2),
        ("amsgrad", 3),
        ("rmsprop", 1),
        ("rmsprop-centered", 2),
        ("rmsprop-momentum", 2),
        ("rmsprop-centered-momentum", 3),
        ("lion", 1),
    ];

    /// Moment vectors kept by the rule of this name.
    pub fn moments(name: &str) -> Option<usize> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, moments)| *moments)
    }

    /// What makes the rule of this name of a step's hyperparameters.
    pub fn maker(name: &str) -> Option<fn(Hyper) -> Self> {
        Some(match name {
            "mean" => |_| Rule::Mean,
            "sgd" => |hyper| Rule::Sgd(Sgd { minus_lr: -hyper.learning_rate as f32 }),
            "momentum" => |hyper| Rule::Momentum(Momentum::new(hyper)),
            "nesterov" => |hyper| Rule::Nesterov(Momentum::new(hyper)),
            "adam" => |hyper| Rule::Adam(Adam::new(hyper)),
            "amsgrad" => |hyper| Rule::AmsGrad(Adam::new(hyper)),
            "rmsprop" => |hyper| Rule::RmsProp(RmsProp::new(hyper)),
            "rmsprop-centered" => |hyper| Rule::RmsPropCentered(RmsProp::new(hyper)),
            "rmsprop-momentum" => |hyper| Rule::RmsPropMomentum(RmsProp::new(hyper)),
            "rmsprop-centered-momentum" => |hyper| Rule::RmsPropCenteredMomentum(RmsProp::new(hyper)),
            "lion" => |hyper| Rule::Lion(Lion::new(hyper)),
            _ => return None,
        })
    }

    /// The rule of this name with a step's coefficients.
    pub fn new(name: &str, hyper: Hyper) -> Option<Self> {
        Self::maker(name).map(|make| make(hyper))
    }
}

impl Rule {
    /// Moment vectors that this rule reads and writes.
    pub fn kept(&self) -> usize {
        match self {
            Rule::Mean => 0,
            Rule::Sgd(_) => Sgd::MOMENTS,
            Rule::Momentum(_) => Momentum::<false>::MOMENTS,
            Rule::Nesterov(_) => Momentum::<true>::MOMENTS,
            Rule::Adam(_) => Adam::<false>::MOMENTS,
            Rule::AmsGrad(_) => Adam::<true>::MOMENTS,
            Rule::RmsProp(_) => RmsProp::<false, false>::MOMENTS,
            Rule::RmsPropCentered(_) => RmsProp::<true, false>::MOMENTS,
            Rule::RmsPropMomentum(_) => RmsProp::<false, true>::MOMENTS,
            Rule::RmsPropCenteredMomentum(_) => RmsProp::<true, true>::MOMENTS,
            Rule::Lion(_) => Lion::MOMENTS,
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
impl Rule {
    /// The kernel that applies the rule; `Mean` has none, for it updates nothing.
    pub(crate) fn kernel(&self) -> &'static str {
        match self {
            Rule::Mean => "update_mean",
            Rule::Sgd(_) => "update_sgd",
            Rule::Momentum(_) => "update_momentum",
            Rule::Nesterov(_) => "update_nesterov",
            Rule::Adam(_) => "update_adam",
            Rule::AmsGrad(_) => "update_amsgrad",
            Rule::RmsProp(_) => "update_rmsprop",
            Rule::RmsPropCentered(_) => "update_rmsprop_centered",
            Rule::RmsPropMomentum(_) => "update_rmsprop_momentum",
            Rule::RmsPropCenteredMomentum(_) => "update_rmsprop_centered_momentum",
            Rule::Lion(_) => "update_lion",
        }
    }

    /// This step's coefficients in the order of the rule's fields, as the kernel takes them.
    pub(crate) fn coefficients(&self) -> [f32; 7] {
        match self {
            Rule::Mean => [0.0; 7],
            Rule::Sgd(rule) => [rule.minus_lr, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            Rule::Momentum(rule) => rule.coefficients(),
            Rule::Nesterov(rule) => rule.coefficients(),
            Rule::Adam(rule) => rule.coefficients(),
            Rule::AmsGrad(rule) => rule.coefficients(),
            Rule::RmsProp(rule) => rule.coefficients(),
            Rule::RmsPropCentered(rule) => rule.coefficients(),
            Rule::RmsPropMomentum(rule) => rule.coefficients(),
            Rule::RmsPropCenteredMomentum(rule) => rule.coefficients(),
            Rule::Lion(rule) => [rule.beta1, rule.rest1, rule.beta2, rule.rest2, rule.minus_lr, 0.0, 0.0],
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
impl<const AHEAD: bool> Momentum<AHEAD> {
    fn coefficients(&self) -> [f32; 7] {
        [self.beta, self.minus_lr, 0.0, 0.0, 0.0, 0.0, 0.0]
    }
}

#[cfg(not(target_vendor = "apple"))]
impl<const MAX: bool> Adam<MAX> {
    fn coefficients(&self) -> [f32; 7] {
        let Self { beta1, rest1, beta2, rest2, minus_lr, inverse_correction, epsilon } = *self;
        [beta1, rest1, beta2, rest2, minus_lr, inverse_correction, epsilon]
    }
}

#[cfg(not(target_vendor = "apple"))]
impl<const CENTERED: bool, const HEAVY: bool> RmsProp<CENTERED, HEAVY> {
    fn coefficients(&self) -> [f32; 7] {
        let Self { decay, rest, momentum, minus_lr, epsilon } = *self;
        [decay, rest, momentum, minus_lr, epsilon, 0.0, 0.0]
    }
}

/// A rule for a vector of elements.
pub(crate) trait ElementRule: Sync {
    /// Moment vectors read and written.
    const MOMENTS: usize;
    /// New weight and moments.
    fn update<V: Lanes>(&self, w: V::F, g: V::F, moments: [V::F; MOMENTS]) -> (V::F, [V::F; MOMENTS]);
}

/// A moment as it is kept: 0 or beyond 2⁻¹²¹, for below 2⁻⁹⁶ (1.3e-29) it is rounded to a multiple of 2⁻¹²⁰ or of more; up
/// to 2⁻⁷¹ the last bit may change. A moment without gradients decays for ever; below 2⁻¹²⁶, in subnormal numbers,
/// processors take a hundred times as long for it.
#[inline(always)]
pub(crate) fn kept<V: Lanes>(moment: V::F) -> V::F {
    let least = V::splat(f32::from_bits((127 - 96) << 23));
    V::sub(V::add(moment, least), least)
}

/// βm + (1 − β)x
#[inline(always)]
fn decayed<V: Lanes>(beta: f32, rest: f32, m: V::F, x: V::F) -> V::F {
    V::fma(V::splat(beta), m, V::mul(V::splat(rest), x))
}

/// Coefficients of stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    minus_lr: f32,
}

impl ElementRule for Sgd {
    const MOMENTS: usize = 0;
    #[inline(always)]
    fn update<V: Lanes>(&self, w: V::F, g: V::F, moments: [V::F; MOMENTS]) -> (V::F, [V::F; MOMENTS]) {
        (V::fma(V::splat(self.minus_lr), g, w), moments)
    }
}

/// Coefficients of momentum; `AHEAD` for Nesterov's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Momentum<const AHEAD: bool> {
    beta: f32,
    minus_lr: f32,
}

impl<const AHEAD: bool> Momentum<AHEAD> {
    fn new(hyper: Hyper) -> Self {
        Self { beta: hyper.beta1 as f32, minus_lr: -hyper.learning_rate as f32 }
    }
}

impl<const AHEAD: bool> ElementRule for Momentum<AHEAD> {
    const MOMENTS: usize = 1;
    #[inline(always)]
    fn update<V: Lanes>(&self, w: V::F, g: V::F, [m, a, b]: [V::F; MOMENTS]) -> (V::F, [V::F; MOMENTS]) {
        let beta = V::splat(self.beta);
        let m = V::fma(beta, m, g);
        let step = if AHEAD { V::fma(beta, m, g) } else { m };
        (V::fma(V::splat(self.minus_lr), step, w), [m, a, b])
    }
}

/// Coefficients of Adam; `MAX` for AMSGrad's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam<const MAX: bool> {
    beta1: f32,
    rest1: f32,
    beta2: f32,
    rest2: f32,
    minus_lr: f32,
    inverse_correction: f32,
    epsilon: f32,
}

impl<const MAX: bool> Adam<MAX> {
    fn new(hyper: Hyper) -> Self {
        Self {
            beta1: hyper.beta1 as f32,
            rest1: (1.0 - hyper.beta1) as f32,
            beta2: hyper.beta2 as f32,
            rest2: (1.0 - hyper.beta2) as f32,
            minus_lr: (-hyper.learning_rate / (1.0 - hyper.beta1.powf(hyper.step))) as f32,
            inverse_correction: (1.0 / (1.0 - hyper.beta2.powf(hyper.step)).sqrt()) as f32,
            epsilon: hyper.epsilon as f32,
        }
    }
}

impl<const MAX: bool> ElementRule for Adam<MAX> {
    const MOMENTS: usize = if MAX { 3 } else { 2 };
    #[inline(always)]
    fn update<V: Lanes>(&self, w: V::F, g: V::F, [m, v, top]: [V::F; MOMENTS]) -> (V::F, [V::F; MOMENTS]) {
        let m = decayed::<V>(self.beta1, self.rest1, m, g);
        let v = V::fma(V::splat(self.beta2), v, V::mul(V::mul(V::splat(self.rest2), g), g));
        let top = if MAX { V::max(top, v) } else { v };
        let denominator = V::fma(V::sqrt(top), V::splat(self.inverse_correction), V::splat(self.epsilon));
        (V::fma(V::splat(self.minus_lr), V::div(m, denominator), w), [m, v, top])
    }
}

/// Coefficients of RMSProp. Moments: the mean square, the mean where `CENTERED`, the momentum where `HEAVY`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsProp<const CENTERED: bool, const HEAVY: bool> {
    decay: f32,
    rest: f32,
    momentum: f32,
    minus_lr: f32,
    epsilon: f32,
}

impl<const CENTERED: bool, const HEAVY: bool> RmsProp<CENTERED, HEAVY> {
    fn new(hyper: Hyper) -> Self {
        Self {
            decay: hyper.beta2 as f32,
            rest: (1.0 - hyper.beta2) as f32,
            momentum: hyper.beta1 as f32,
            minus_lr: -hyper.learning_rate as f32,
            epsilon: hyper.epsilon as f32,
        }
    }
}

impl<const CENTERED: bool, const HEAVY: bool> ElementRule for RmsProp<CENTERED, HEAVY> {
    const MOMENTS: usize = 1 + CENTERED as usize + HEAVY as usize;
    #[inline(always)]
    fn update<V: Lanes>(&self, w: V::F, g: V::F, mut moments: [V::F; MOMENTS]) -> (V::F, [V::F; MOMENTS]) {
        moments[0] = V::fma(V::splat(self.decay), moments[0], V::mul(V::mul(V::splat(self.rest), g), g));
        let mut spread = moments[0];
        if CENTERED {
            let mean = decayed::<V>(self.decay, self.rest, moments[1], g);
            moments[1] = mean;
            // Rounding can leave the difference below 0 where the gradient is constant.
            spread = V::max(V::fma(V::sub(V::splat(0.0), mean), mean, spread), V::splat(0.0));
        }
        let mut step = V::div(g, V::add(V::sqrt(spread), V::splat(self.epsilon)));
        if HEAVY {
            let place = 1 + CENTERED as usize;
            step = V::fma(V::splat(self.momentum), moments[place], step);
            moments[place] = step;
        }
        (V::fma(V::splat(self.minus_lr), step, w), moments)
    }
}

/// Coefficients of Lion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lion {
    beta1: f32,
    rest1: f32,
    beta2: f32,
    rest2: f32,
    minus_lr: f32,
}

impl Lion {
    fn new(hyper: Hyper) -> Self {
        Self {
            beta1: hyper.beta1 as f32,
            rest1: (1.0 - hyper.beta1) as f32,
            beta2: hyper.beta2 as f32,
            rest2: (1.0 - hyper.beta2) as f32,
            minus_lr: -hyper.learning_rate as f32,
        }
    }
}

impl ElementRule for Lion {
    const MOMENTS: usize = 1;
    #[inline(always)]
    fn update<V: Lanes>(&self, w: V::F, g: V::F, [m, a, b]: [V::F; MOMENTS]) -> (V::F, [V::F; MOMENTS]) {
        // The sign, 0 of 0: even the least f32, times 2¹²⁷ twice, is beyond ±1.
        let huge = V::splat(f32::from_bits(254 << 23));
        let large = V::mul(V::mul(decayed::<V>(self.beta1, self.rest1, m, g), huge), huge);
        let sign = V::max(V::min(large, V::splat(1.0)), V::splat(-1.0));
        let m = decayed::<V>(self.beta2, self.rest2, m, g);
        (V::fma(V::splat(self.minus_lr), sign, w), [m, a, b])
    }
}
