//! Which words are tried, and the search for the one with the largest error.

use std::thread;

/// Where a transform can go wrong: at both ends, around every power of two and its ¾ (where the exponent changes), and
/// their mirror images; quadrants and octants are among them. `reach` words before each, and as many from it on.
pub fn hard_words(reach: u32) -> impl Iterator<Item = u32> {
    let powers = (0..32).flat_map(|bit| [1u32 << bit, 3u32.wrapping_shl(bit), 0u32.wrapping_sub(1 << bit)]);
    let mirrored = (0..32).map(|bit| 0u32.wrapping_sub(3u32.wrapping_shl(bit)));
    let octants = (0..8).map(|octant| octant << 29);
    let centers = powers.chain(mirrored).chain(octants);
    centers.flat_map(move |center| (0..2 * reach).map(move |at| center.wrapping_sub(reach).wrapping_add(at)))
}

/// How dense the words of a test lie: `reach` words around each hard one, and every `stride`th of all.
#[derive(Clone, Copy)]
pub struct Sweep {
    reach: u32,
    stride: u32,
}

pub const FAST: Sweep = Sweep { reach: 1 << 8, stride: 4099 };
/// An odd stride, so that all low bits come up.
pub const LONG: Sweep = Sweep { reach: 1 << 16, stride: 23 };

impl Sweep {
    /// The largest error over this sweep, and its word. `errors` judges two words at a time; every core takes a part.
    pub fn worst(self, errors: impl Fn([u32; 2]) -> [f64; 2] + Sync) -> (f64, u32) {
        let judge = |a: u32, b: u32| {
            let [first, second] = errors([a, b]);
            larger((first, a), (second, b))
        };
        let hard = hard_words(self.reach).step_by(2).map(|word| judge(word, word.wrapping_add(1)));
        let hard = hard.reduce(larger).expect("words");
        let workers = thread::available_parallelism().map_or(1, usize::from) as u64;
        let pairs = (1u64 << 32).div_ceil(2 * u64::from(self.stride));
        thread::scope(|scope| {
            let work = |worker: u64| {
                let own = pairs * worker / workers..pairs * (worker + 1) / workers;
                let word = move |at: u64| (at * u64::from(self.stride)) as u32;
                own.map(|pair| judge(word(2 * pair), word(2 * pair + 1))).fold((0.0, 0), larger)
            };
            let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).fold(hard, larger)
        })
    }
}

/// The larger of two errors with their words. No number at all is the largest error of all.
pub fn larger(a: (f64, u32), b: (f64, u32)) -> (f64, u32) {
    if a.0.is_nan() || a.0 > b.0 { a } else { b }
}
