//! What pulls on the weights besides the gradient: decay, coupled or not, and distance from where they began.

/// Penalties of one tensor.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Penalty {
    /// Coupled: g ← g + l2·w, after clipping.
    pub l2: f32,
    /// Decoupled (Loshchilov & Hutter 2019): w ← w − η·decay·w before the rule.
    pub decay: f64,
    /// g ← g + distance·(w − w₀), after clipping: twice the strength of a penalty ‖W − W₀‖².
    pub distance: f32,
}

impl Penalty {
    /// Whether it adds anything to the gradient.
    pub(crate) fn pulls(&self) -> bool {
        self.l2 != 0.0 || self.distance != 0.0
    }

    /// Factor that decay leaves of a weight at this learning rate.
    pub(crate) fn keep(&self, learning_rate: f64) -> f32 {
        (1.0 - learning_rate * self.decay) as f32
    }
}
