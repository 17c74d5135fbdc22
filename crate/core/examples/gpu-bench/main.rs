//! How fast the kernels are beside a copy within the device's memory, measured in the same run, and beside torch where
//! `python3` (or SALTFLAT_PYTHON) has it with CUDA. One file without Node that needs nothing but the driver; the last line
//! is `SKIPPED: why` where there is no GPU.
//!
//! `gpu-bench [--quick] [--json FILE] [--torch bench/torch/gpu.py]`
#![allow(clippy::print_stdout)]

#[cfg(all(feature = "stopwatch", not(target_vendor = "apple")))]
mod lanczos;
#[cfg(all(feature = "stopwatch", not(target_vendor = "apple")))]
mod passes;
#[cfg(all(feature = "stopwatch", not(target_vendor = "apple")))]
mod report;
#[cfg(all(feature = "stopwatch", not(target_vendor = "apple")))]
mod torch;

use std::process::ExitCode;

#[cfg(not(all(feature = "stopwatch", not(target_vendor = "apple"))))]
fn main() -> ExitCode {
    println!(
        "SKIPPED: there is no CUDA on this system, or no stopwatch in this build: npm run bench:gpu makes one"
    );
    ExitCode::SUCCESS
}

#[cfg(all(feature = "stopwatch", not(target_vendor = "apple")))]
fn main() -> ExitCode {
    use report::Row;
    use saltflat_core::backend::cuda::{Device, stopwatch::copies};
    use std::sync::Arc;
    use std::time::Instant;

    // SAFETY: nothing else runs yet. The kernels are compiled as on a machine that sees them for the first time.
    unsafe { std::env::set_var("CUDA_CACHE_DISABLE", "1") };
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| words.iter().skip_while(|word| *word != flag).nth(1).cloned();
    let quick = words.iter().any(|word| word == "--quick");
    let begun = Instant::now();
    let device = match Device::open() {
        Ok(device) => Arc::new(device),
        Err(reason) => {
            println!("SKIPPED: {reason}");
            return ExitCode::SUCCESS;
        }
    };
    let opened = begun.elapsed().as_secs_f64();
    // The driver runs now: what a second opening takes is the compiler.
    let begun = Instant::now();
    drop(Device::open());
    let compiled = begun.elapsed().as_secs_f64();
    let mut rows = vec![
        Row::seconds("driver and kernels", "opened", opened),
        Row::seconds("kernels", "compiled by the driver", compiled).at_most(1.0),
    ];
    let mut torch = torch::Torch::start(after("--torch").as_deref());
    let sizes: [usize; 3] =
        if quick { [1_000, 10_000, 100_000] } else { [1_000_000, 10_000_000, 100_000_000] };
    for size in sizes {
        let what = format!("{size} weights");
        let copies = copies(&device, size).unwrap();
        let rate = |bytes: usize, seconds: f64| bytes as f64 / seconds / 1e9;
        let copy = rate(8 * size, copies.device);
        rows.push(Row::rate(&what, "copy within the device", copy));
        rows.push(Row::rate(&what, "page-locked memory to device", rate(4 * size, copies.up)));
        rows.push(Row::rate(&what, "device to page-locked memory", rate(4 * size, copies.down)));
        let goal = size == sizes[2] && !quick;
        for (name, bytes, seconds) in passes::timed(&device, size) {
            let row = Row::rate(&what, &name, rate(bytes, seconds)).beside(copy, "copy within the device");
            rows.push(if goal { row.at_least(0.85) } else { row });
            if let Some(theirs) =
                torch.as_mut().filter(|_| name == passes::NOISE).and_then(|it| it.noise(size))
            {
                let ours = Row::micros(&what, &name, seconds).beside(theirs * 1e6, "torch, add_(randn_like)");
                rows.push(Row::micros(&what, "torch, add_(randn_like)", theirs));
                rows.push(if goal { ours.inverse().at_least(2.0) } else { ours.inverse() });
            }
        }
    }
    let (size, steps) = if quick { (20_000, 5) } else { (11_000_000, 100) };
    let what = format!("Lanczos, {steps} steps over {size} elements");
    let copy = 8.0 * size as f64 / copies(&device, size).unwrap().device / 1e9;
    let found = lanczos::timed(&device, size, steps);
    let row = Row::rate(&what, "its sweeps, on the device", found.bytes / found.kernels / 1e9);
    let row = row.beside(copy, "copy within the device");
    rows.push(if quick { row } else { row.at_least(0.85) });
    let ours = Row::micros(&what, "its sweeps, by the clock", found.clock);
    match torch.as_mut().and_then(|torch| torch.lanczos(size, steps)) {
        Some(theirs) => {
            rows.push(Row::micros(&what, "PyHessian", theirs));
            rows.push(ours.beside(theirs * 1e6, "PyHessian").inverse());
        }
        None => rows.push(ours),
    }
    rows.iter().for_each(|row| println!("{row}"));
    if let Some(file) = after("--json") {
        let version = torch.as_ref().map_or("absent", |torch| &torch.version);
        std::fs::write(&file, report::json(&rows, device.info(), version, quick)).unwrap();
        println!("wrote {file}");
    }
    ExitCode::SUCCESS
}
