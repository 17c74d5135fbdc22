//! When it is worth to wake helpers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Below this many elements too where helpers are asleep, as after a gradient: to wake one takes some 100 µs, and where the
/// caller alone has done that much there is little left to share.
const ASLEEP_BELOW: usize = 131_072;

/// Helpers look for work this long before they sleep.
const AWAKE: Duration = Duration::from_micros(50);

/// So many passes in a row, each soon after the one before, are a loop, for which helpers are woken. The end of a step is two.
const LOOP: u32 = 3;

/// When passes come, of any workspace: in a loop, or one after each gradient.
pub(super) struct Rhythm {
    /// Nanoseconds at which the last one ended.
    ended: AtomicU64,
    /// Passes in a row.
    row: AtomicU32,
}

impl Rhythm {
    const fn new() -> Self {
        Self { ended: AtomicU64::new(0), row: AtomicU32::new(0) }
    }

    /// Whether helpers take part in a pass of so many elements that begins now. A guess at worst: it changes no result.
    pub fn shares(&self, elements: usize, now: u64) -> bool {
        let soon = now.saturating_sub(self.ended.load(Ordering::Relaxed)) < AWAKE.as_nanos() as u64;
        let row = if soon { self.row.load(Ordering::Relaxed).saturating_add(1) } else { 1 };
        self.row.store(row, Ordering::Relaxed);
        elements >= ASLEEP_BELOW || row >= LOOP
    }

    /// It is over.
    pub fn ends(&self, now: u64) {
        self.ended.store(now, Ordering::Relaxed);
    }
}

/// Nanoseconds since the first call.
pub(super) fn now() -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    // Beyond the first 50 µs, which would look like a pass that has just ended.
    (BEGUN.get_or_init(Instant::now).elapsed() + AWAKE).as_nanos() as u64
}

/// Of this process, whose helpers all workspaces share.
pub(super) static RHYTHM: Rhythm = Rhythm::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_are_woken_for_long_passes_and_for_loops() {
        let rhythm = Rhythm::new();
        let (awake, gradient) = (AWAKE.as_nanos() as u64, 5_000_000);
        let mut now = awake;
        let mut pass = |elements, pause| {
            now += pause;
            let shared = rhythm.shares(elements, now);
            now += 100_000;
            rhythm.ends(now);
            shared
        };
        let (short, long) = (ASLEEP_BELOW - 1, ASLEEP_BELOW);
        // A step: two passes between gradients, and two at its end.
        for _ in 0..3 {
            assert!(!pass(short, gradient) && !pass(short, gradient) && !pass(short, gradient));
            assert!(!pass(short, awake - 1));
        }
        assert!(pass(long, gradient));
        assert!(!pass(short, gradient) && !pass(short, 0) && pass(short, 0) && pass(short, awake - 1));
        assert!(!pass(short, awake));
    }
}
