//! One persistent pool of helpers a thread count, shared by every workspace of the process.

use crate::fault::{self, Place};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Below this many elements a pass is run by the caller: waking a thread costs more than the pass.
const SERIAL_BELOW: usize = 32_768;

/// Chunks that a thread takes at once, where there are many: memory is fetched ahead along a run of pages.
const RUN: usize = 8;

/// How many threads run a pass.
#[derive(Clone)]
pub struct Threads {
    count: usize,
    helpers: Option<Arc<ThreadPool>>,
}

impl Threads {
    /// `count` threads, 1 to 256; 0 means one a processor.
    pub fn new(count: usize) -> Self {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        let count = if count == 0 { available } else { count.min(256) };
        Self { count, helpers: helpers(count - 1) }
    }

    /// Threads in use, the caller's included.
    pub fn count(&self) -> usize {
        self.count
    }

    /// `results[i] = work(i)` for every chunk, in parallel where there is enough to do. Which thread does what never
    /// shows: each chunk has its own place for its result.
    ///
    /// The caller works too and whoever is free takes the next chunks. Between two passes lies a gradient, in which
    /// helpers go to sleep: a caller that only waited would often wait for a single one of them to do it all.
    pub(crate) fn each<T: Send>(&self, elements: usize, results: &mut [T], work: impl Fn(usize) -> T + Sync) {
        let work = |i| {
            fault::point(Place::Chunk);
            work(i)
        };
        match &self.helpers {
            Some(helpers) if elements >= SERIAL_BELOW && results.len() > 1 => {
                let next = AtomicUsize::new(0);
                let count = results.len();
                let run = (count / (16 * self.count)).clamp(1, RUN);
                let places = Places { first: results.as_mut_ptr(), count, run };
                let run = || {
                    while let Some(run) = places.take(&next) {
                        for place in run {
                            // SAFETY: `take` gives each place once; nobody else has `results` meanwhile.
                            unsafe { *places.first.add(place) = work(place) };
                        }
                    }
                };
                helpers.in_place_scope(|scope| {
                    for _ in 1..self.count.min(results.len()) {
                        scope.spawn(|_| {
                            fault::point(Place::Helper);
                            run();
                        });
                    }
                    run();
                });
            }
            _ => results.iter_mut().enumerate().for_each(|(i, result)| *result = work(i)),
        }
    }
}

/// Where results are written, each by whichever thread has taken its place.
struct Places<T> {
    first: *mut T,
    count: usize,
    /// Places taken at once.
    run: usize,
}

// SAFETY: `take` gives each place to one thread, which writes a T there.
unsafe impl<T: Send> Sync for Places<T> {}

impl<T> Places<T> {
    fn take(&self, next: &AtomicUsize) -> Option<Range<usize>> {
        let first = next.fetch_add(self.run, Ordering::Relaxed);
        (first < self.count).then(|| first..self.count.min(first + self.run))
    }
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
