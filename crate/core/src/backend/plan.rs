//! How a step ends, worked out before anything is read: which vectors make the mean gradient, and where it goes.

use super::ledger::{Ledger, missing};
use super::{Clip, Mix, Update};
use crate::error::{Error, Result};
use crate::optimizer::Rule;

/// What is far from overflow, also when two of them are added.
pub(crate) const FAR: f64 = 1e37;

/// Which vectors a backend has.
#[derive(Clone, Copy)]
pub(crate) struct Has {
    pub sum: bool,
    pub pair: bool,
    pub bank: bool,
    pub moments: usize,
}

/// One of the vectors for gradients.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Sum,
    Pair,
    Bank,
}

/// rest·(bank + scale·(sum·G + (pair·P + last·g))), and what becomes of it.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Where P lies, if it is read.
    pub pair: Option<Slot>,
    /// Whether G is read.
    pub sum: bool,
    pub scale: f32,
    /// What the total with the bank is multiplied with, if the bank is read.
    pub rest: Option<f32>,
    /// Where the mean is stored; `None`: the base optimizer takes it.
    pub target: Option<Slot>,
    /// Whether it is added to what is there.
    pub add: bool,
}

impl Plan {
    /// Refuses what the vectors that are there cannot do.
    pub fn new(update: &Update<'_>, has: Has) -> Result<Self> {
        let Update { mix, micro, rule, .. } = *update;
        // P shares the one vector that is there, unless G is wanted too.
        let shared = if mix.sum == 0.0 && has.sum { Some(Slot::Sum) } else { None };
        let pair = if has.pair { Some(Slot::Pair) } else { shared };
        let reads_pair = mix.pair != 0.0 || update.half.is_some();
        let wanted = [
            (reads_pair, pair.is_some(), "a pair"),
            (mix.sum != 0.0, has.sum, "a total"),
            (*rule == Rule::Mean && micro.last_of > 0, has.sum, "a mean gradient"),
            (micro.last_of != 1, has.bank, "micro-batches"),
            (micro.last_of > 0, has.moments >= rule.kept(), "each moment of the rule"),
        ];
        if let Some((_, _, what)) = wanted.iter().find(|(needed, there, _)| *needed && !*there) {
            return Err(missing(what));
        }
        // That pass stores the mean as it is.
        if let (Rule::Mean, Clip::Value(_), true) = (rule, update.clip, micro.last_of > 0) {
            return Err(Error::Invalid(
                "Expected a bound of the norm, or none, where the mean is stored, received one of its elements.".into(),
            ));
        }
        let target = match (micro.last_of, rule) {
            (0, _) => Some(Slot::Bank),
            (_, Rule::Mean) => Some(Slot::Sum),
            _ => None,
        };
        Ok(Self {
            pair: pair.filter(|_| reads_pair),
            sum: mix.sum != 0.0,
            scale: update.scale,
            // Before the last micro-batch only to see that the bank will not overflow.
            rest: (has.bank && !micro.first).then(|| 1.0 / micro.last_of.max(1) as f32),
            target,
            add: micro.last_of == 0 && !micro.first,
        })
    }

    /// Whether P + g cannot overflow as long as no element of g is beyond [`FAR`]: none of P is beyond `reach`.
    pub fn is_far(&self, update: &Update<'_>, reach: f64) -> bool {
        let plain = update.mix == Mix::PAIR && self.scale.abs() <= 1.0 && self.rest.is_none();
        plain && reach <= FAR && !matches!(update.clip, Clip::Norm(_))
    }

    /// The same once the norm of the mean is known: clipped, and without the bank where that is only added to.
    pub fn measured(mut self, update: &Update<'_>, ledger: &Ledger) -> Self {
        if update.micro.last_of == 0 {
            self.rest = None;
        } else if let Clip::Norm(bound) = update.clip {
            let square: f64 = ledger.tensor_sums.iter().map(|sums| sums[0]).sum();
            let factor = (bound / (square.sqrt() + 1e-6)).min(1.0) as f32;
            match &mut self.rest {
                Some(rest) => *rest *= factor,
                None => self.scale *= factor,
            }
        }
        self
    }
}
