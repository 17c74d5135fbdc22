//! The GPU of this machine against its CPU, bit by bit: every kernel, every distribution, every base optimizer. One file
//! without Node that needs nothing but the driver; the last line is `N passed, N failed`, or `SKIPPED: why`.
//!
//! `gpu-test` draws 10,000,000 elements of each distribution; `gpu-test --quick` some thousands; `gpu-test WORD` does only
//! what has the word in its name.
#![allow(clippy::print_stdout)]

#[cfg(not(target_vendor = "apple"))]
#[path = "../../tests/common/journey.rs"]
mod journey;
#[cfg(not(target_vendor = "apple"))]
mod passes;
#[cfg(not(target_vendor = "apple"))]
mod rows;

use std::process::ExitCode;

#[cfg(target_vendor = "apple")]
fn main() -> ExitCode {
    println!("SKIPPED: there is no CUDA on this system");
    ExitCode::SUCCESS
}

#[cfg(not(target_vendor = "apple"))]
fn main() -> ExitCode {
    use saltflat_core::backend::cuda::{Device, held};
    let words: Vec<String> = std::env::args().skip(1).collect();
    let device = match Device::open() {
        Ok(device) => std::sync::Arc::new(device),
        Err(reason) => {
            println!("SKIPPED: {reason}");
            return ExitCode::SUCCESS;
        }
    };
    println!("{:?}", device.info());
    let large = if words.iter().any(|word| word == "--quick") { 50_001 } else { 10_000_000 };
    let word = words.iter().find(|word| !word.starts_with("--"));
    let (mut passed, mut failed) = (0, 0);
    for (name, check) in passes::checks(large).into_iter().chain(rows::checks(large)) {
        if word.is_some_and(|word| !name.contains(word.as_str())) {
            continue;
        }
        let begun = std::time::Instant::now();
        // A panic is a failure like others: the rest still runs.
        let run = std::panic::AssertUnwindSafe(|| check(&device));
        let outcome = std::panic::catch_unwind(run).unwrap_or_else(|_| Some("it panicked".into()));
        let outcome = outcome.or_else(|| (held() > 0).then(|| format!("{} bytes are still held", held())));
        let seconds = begun.elapsed().as_secs_f64();
        match outcome {
            None => {
                println!("ok {name} ({seconds:.1} s)");
                passed += 1;
            }
            Some(what) => {
                println!("FAILED {name}: {what}");
                failed += 1;
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is wrong, if anything is.
#[cfg(not(target_vendor = "apple"))]
type Check = Box<dyn Fn(&std::sync::Arc<saltflat_core::backend::cuda::Device>) -> Option<String> + 'static>;

/// How many of these differ, and where first.
#[cfg(not(target_vendor = "apple"))]
fn different(found: &[f32], expected: &[f32]) -> Option<String> {
    let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
    let first = found.iter().zip(expected).position(|pair| !same(pair))?;
    let count = found.iter().zip(expected).filter(|pair| !same(*pair)).count();
    let (a, b) = (found[first], expected[first]);
    Some(format!("{count} of {} differ, first {first}: {a:e} for {b:e}", expected.len()))
}
