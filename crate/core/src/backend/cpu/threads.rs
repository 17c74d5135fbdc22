//! One persistent pool of helpers a thread count, shared by every workspace of the process.

use super::rhythm::{RHYTHM, now};
use crate::fault::{self, Place};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Below this many elements a pass is run by the caller: to share it costs more than it takes.
const SERIAL_BELOW: usize = 32_768;

/// Chunks that a thread takes at once, where there are many: it may be taking them from another's share, and memory is
/// fetched ahead along a run of pages.
const RUN: usize = 8;

/// The most threads of a pass.
const MOST: usize = 256;

/// How many threads run a pass.
#[derive(Clone)]
pub struct Threads {
    count: usize,
    helpers: Option<Arc<ThreadPool>>,
}

impl Threads {
    /// `count` threads, 1 to 256; 0 means one a processor, 256 at most.
    pub fn new(count: usize) -> Self {
        let count = if count == 0 { processors() } else { count }.min(MOST);
        Self { count, helpers: helpers(count - 1) }
    }

    /// Threads in use, the caller's included.
    pub fn count(&self) -> usize {
        self.count
    }

    /// `results[i] = work(i)` for every chunk, in parallel where there is enough to do. Which thread does what never
    /// shows: each chunk has its own place for its result.
    ///
    /// The caller works too, and whoever has done its share takes chunks of the others'. Between two passes lies a
    /// gradient, in which helpers go to sleep: a caller that only waited would often wait for a single one of them to do it
    /// all.
    pub(crate) fn each<T: Send>(&self, elements: usize, results: &mut [T], work: impl Fn(usize) -> T + Sync) {
        let work = |i| {
            fault::point(Place::Chunk);
            work(i)
        };
        let sizable = self.helpers.is_some() && elements >= SERIAL_BELOW && results.len() > 1;
        match &self.helpers {
            Some(helpers) if sizable && RHYTHM.shares(elements, now()) => {
                let places = Places::new(results, self.count.min(results.len()));
                let run = |worker| {
                    while let Some(run) = places.take(worker) {
                        for place in run {
                            // SAFETY: `take` gives each place once; nobody else has `results` meanwhile.
                            unsafe { *places.first.add(place) = work(place) };
                        }
                    }
                };
                helpers.in_place_scope(|scope| {
                    for _ in 1..places.workers {
                        scope.spawn(|_| {
                            fault::point(Place::Helper);
                            run(1 + rayon::current_thread_index().unwrap_or(0));
                        });
                    }
                    run(0);
                });
            }
            _ => results.iter_mut().enumerate().for_each(|(i, result)| *result = work(i)),
        }
        if sizable {
            RHYTHM.ends(now());
        }
    }
}

/// Where results are written, each by whichever thread has taken its place. Each worker has a share of its own, the same in
/// every pass, so that the next pass finds in the caches of its core what this one has left there; who is done helps the
/// others.
struct Places<T> {
    first: *mut T,
    count: usize,
    workers: usize,
    /// Places taken at once.
    run: usize,
    /// How much of each worker's share is taken; as far from one another as there is room, for two counts on one line of a
    /// cache slow each other down.
    taken: [AtomicUsize; MOST],
}

// SAFETY: `take` gives each place to one thread, which writes a T there.
unsafe impl<T: Send> Sync for Places<T> {}

impl<T> Places<T> {
    fn new(results: &mut [T], workers: usize) -> Self {
        let count = results.len();
        Self {
            first: results.as_mut_ptr(),
            count,
            workers,
            run: (count / (64 * workers)).clamp(1, RUN),
            taken: [const { AtomicUsize::new(0) }; MOST],
        }
    }

    fn take(&self, worker: usize) -> Option<Range<usize>> {
        (worker..worker + self.workers).find_map(|whose| {
            let whose = whose % self.workers;
            let [begin, end] = [whose, whose + 1].map(|whose| whose * self.count / self.workers);
            let taken = &self.taken[whose * (MOST / self.workers)];
            // First a look, which leaves the line to whoever counts on it.
            if begin + taken.load(Ordering::Relaxed) >= end {
                return None;
            }
            let first = begin + taken.fetch_add(self.run, Ordering::Relaxed);
            (first < end).then(|| first..end.min(first + self.run))
        })
    }
}

/// Processors that this process may use, as at the first call: to look, Linux has files read, which takes as long as a
/// pass over ten thousand weights.
fn processors() -> usize {
    static FOUND: OnceLock<usize> = OnceLock::new();
    *FOUND.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

fn helpers(count: usize) -> Option<Arc<ThreadPool>> {
    static POOLS: OnceLock<Mutex<HashMap<usize, Option<Arc<ThreadPool>>>>> = OnceLock::new();
    if count == 0 {
        return None;
    }
    let mut pools = POOLS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let built =
        || ThreadPoolBuilder::new().num_threads(count).thread_name(|i| format!("saltflat-{i}")).build();
    // A process that may not make threads still trains, on its own one.
    pools.entry(count).or_insert_with(|| built().ok().map(Arc::new)).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_taken_once_by_any_number_of_threads() {
        for threads in [1, 2, 3, 7, 129, 256, 1000] {
            let threads = Threads::new(threads);
            for count in [0, 1, 2, 3, 127, 128, 1000, 5000] {
                let taken: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                let mut results = vec![0; count];
                threads.each(usize::MAX, &mut results, |i| {
                    taken[i].fetch_add(1, Ordering::Relaxed);
                    i + 1
                });
                assert!(results.into_iter().eq(1..=count), "{count} with {} threads", threads.count());
                assert!(taken.into_iter().all(|times| times.into_inner() == 1));
            }
        }
    }

    #[test]
    fn who_has_done_its_share_takes_from_the_others() {
        for (count, workers) in [(10, 3), (1000, 2), (5000, 7), (3, 256), (256, 256)] {
            let mut results = vec![(); count];
            let places = Places::new(&mut results, workers);
            let last = workers - 1;
            let mut seen: Vec<_> = std::iter::from_fn(|| places.take(last)).flatten().collect();
            assert_eq!(seen.first().copied(), Some(last * count / workers).filter(|first| *first < count));
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..count), "{count} in {workers}");
            assert!((0..2 * workers).all(|worker| places.take(worker).is_none()));
        }
    }
}
