//! One persistent pool a thread count, shared by every workspace of the process.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Below this many elements a pass is run by the caller: waking a thread costs more than the pass.
const SERIAL_BELOW: usize = 32_768;

/// How many threads run a pass.
#[derive(Clone)]
pub struct Threads {
    count: usize,
    pool: Option<Arc<ThreadPool>>,
}

impl Threads {
    /// `count` threads, 1 to 256; 0 means one a processor.
    pub fn new(count: usize) -> Self {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        let count = if count == 0 { available } else { count.min(256) };
        Self { count, pool: pool(count) }
    }

    /// Threads in use.
    pub fn count(&self) -> usize {
        self.count
    }

    /// `results[i] = work(i)` for every chunk, in parallel where there is enough to do. Which thread does what never
    /// shows: each chunk has its own place for its result.
    pub(crate) fn each<T: Send>(&self, elements: usize, results: &mut [T], work: impl Fn(usize) -> T + Sync) {
        match &self.pool {
            Some(pool) if elements >= SERIAL_BELOW => {
                let span = results.len().div_ceil(4 * self.count);
                pool.install(|| {
                    results.par_chunks_mut(span).enumerate().for_each(|(part, results)| {
                        for (i, result) in results.iter_mut().enumerate() {
                            *result = work(part * span + i);
                        }
                    });
                });
            }
            _ => results.iter_mut().enumerate().for_each(|(i, result)| *result = work(i)),
        }
    }
}

fn pool(count: usize) -> Option<Arc<ThreadPool>> {
    static POOLS: OnceLock<Mutex<HashMap<usize, Option<Arc<ThreadPool>>>>> = OnceLock::new();
    if count < 2 {
        return None;
    }
    let mut pools = POOLS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let built =
        || ThreadPoolBuilder::new().num_threads(count).thread_name(|i| format!("saltflat-{i}")).build();
    // A process that may not make threads still trains, on its own one.
    pools.entry(count).or_insert_with(|| built().ok().map(Arc::new)).clone()
}
