//! Which device serves where the user leaves it open: the one that is predicted to take less time for a step.
//!
//! The passes of a step over P weights take about
//!
//! ```text
//! t(P) = fixed + each·P
//! ```
//!
//! on either device: a line through two measured points. That of the GPU has the way of W ± σU and of the gradients over
//! the bus in it (the model computes elsewhere), so it is mostly a price of transfers; `fixed` is then what starting and
//! waiting cost. The GPU serves where P ≥ [`FLOOR`] and t(P) is less on it.

/// Weights below which no GPU is even looked for: the CPU needs less for a step than a GPU to be woken.
pub const FLOOR: usize = 1 << 16;

/// What the passes of a step take on a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Seconds, whatever the number of weights.
    pub fixed: f64,
    /// Seconds a weight.
    pub each: f64,
}

impl Line {
    /// Through two measurements, of more weights the second; neither part is below 0, however noisy they are.
    pub fn through((few, short): (usize, f64), (many, long): (usize, f64)) -> Self {
        let each = ((long - short) / (many - few) as f64).max(0.0);
        Self { fixed: (short - each * few as f64).max(0.0), each }
    }

    /// Seconds for so many weights.
    pub fn at(&self, weights: usize) -> f64 {
        self.fixed + self.each * weights as f64
    }
}

/// The lines of both devices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Of the CPU.
    pub cpu: Line,
    /// Of the GPU, with all transfers.
    pub cuda: Line,
}

impl Costs {
    /// Whether the GPU is predicted to be the faster one.
    pub fn prefer_cuda(&self, weights: usize) -> bool {
        weights >= FLOOR && self.cuda.at(weights) < self.cpu.at(weights)
    }

    /// The number of weights from which on it is, if there is one.
    pub fn cuda_from(&self) -> Option<usize> {
        let gain = self.cpu.each - self.cuda.each;
        if gain <= 0.0 {
            return None;
        }
        let even = (self.cuda.fixed - self.cpu.fixed) / gain;
        // At the crossing itself neither is faster. A saturating cast: an absurd number of weights is no less absurd.
        Some((even.floor() as usize).saturating_add(1).max(FLOOR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(cpu: (f64, f64), cuda: (f64, f64)) -> Costs {
        let line = |(fixed, each)| Line { fixed, each };
        Costs { cpu: line(cpu), cuda: line(cuda) }
    }

    #[test]
    fn a_line_goes_through_its_points() {
        let line = Line::through((1000, 3e-6), (5000, 7e-6));
        assert!((line.each - 1e-9).abs() < 1e-18 && (line.fixed - 2e-6).abs() < 1e-15);
        assert!((line.at(9000) - 11e-6).abs() < 1e-15);
        // Noise that would make a part negative.
        assert_eq!(Line::through((1000, 3e-6), (5000, 2e-6)), Line { fixed: 3e-6, each: 0.0 });
        assert_eq!(Line::through((1000, 1e-6), (2000, 5e-6)).fixed, 0.0);
    }

    #[test]
    fn a_fast_bus_pays_from_the_crossing_on() {
        // 1 ns a weight against 100 µs and 0.5 ns: even at 200,000.
        let costs = costs((0.0, 1e-9), (100e-6, 0.5e-9));
        assert!(costs.cuda_from().unwrap().abs_diff(200_000) <= 1);
        assert!(!costs.prefer_cuda(199_000) && costs.prefer_cuda(201_000) && costs.prefer_cuda(100_000_000));
    }

    #[test]
    fn a_slow_bus_never_pays() {
        let costs = costs((10e-6, 0.4e-9), (60e-6, 1.5e-9));
        assert_eq!(costs.cuda_from(), None);
        assert!(!costs.prefer_cuda(FLOOR) && !costs.prefer_cuda(1_000_000_000));
    }

    #[test]
    fn what_is_small_stays_on_the_cpu() {
        let costs = costs((1.0, 1e-3), (0.0, 0.0));
        assert_eq!(costs.cuda_from(), Some(FLOOR));
        assert!(!costs.prefer_cuda(FLOOR - 1) && costs.prefer_cuda(FLOOR));
    }
}
