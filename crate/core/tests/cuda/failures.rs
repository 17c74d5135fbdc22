//! What goes wrong in a driver, one thing at a time: the reason, what is left, and that nothing leaks.

use crate::fake::fake;
use crate::journey::{SIZES, numbers, vectors};
use crate::{cuda, step};
use saltflat_core::backend::choice::{Costs, FLOOR, Line};
use saltflat_core::backend::cuda::{Device, Reason, held};
use saltflat_core::backend::open::{Wanted, open};
use saltflat_core::{Backend, Cuda, Error, Level, Threads, Vectors};
use std::sync::Arc;

#[test]
fn why_there_is_no_gpu() {
    let fake = fake();
    let reason = || Device::open().err();
    fake.set("devices", 0);
    assert_eq!(reason(), Some(Reason::NoDevice));
    fake.set("devices", 1);
    fake.set("version", 11_080);
    assert_eq!(reason(), Some(Reason::OldDriver(11_080)));
    assert!(reason().unwrap().to_string().contains("11.8"));
    fake.set("version", 12_000);
    fake.set("capability", 70);
    assert_eq!(reason(), Some(Reason::OldDevice(7, 0)));
    fake.set("capability", 75);
    fake.set("fail-module", 222);
    assert_eq!(reason().map(|reason| reason.code()), Some("failed"));
    fake.set("fail-module", 0);
    fake.set("init", 999);
    assert_eq!(reason().map(|reason| reason.code()), Some("failed"));
    fake.set("init", 0);
    assert_eq!(reason(), None);
    assert_eq!(fake.held(), 0);
}

#[test]
fn every_allocation_that_fails_is_out_of_memory_and_leaks_nothing() {
    let fake = fake();
    let device = Arc::new(Device::open().unwrap());
    let mut failed = 0;
    loop {
        fake.set("fail-alloc", failed);
        match Cuda::new(&SIZES, vectors("amsgrad"), device.clone()) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.code(), "ERR_OUT_OF_MEMORY"),
        }
        assert_eq!(fake.held(), 0);
        failed += 1;
    }
    // W, G, P, bank, W₀, three moments, g and out, three tables, three of sums, two pinned and the event of a piece.
    assert_eq!(failed, 19);
    fake.set("fail-alloc", -1);
    assert_eq!((fake.held(), held()), (0, 0));
}

#[test]
fn a_kernel_that_does_not_start_leaves_the_weights_as_they_were() {
    let fake = fake();
    // perturb; flip and its fold; the check of the mean and its fold; then the update.
    for launch in 0..6 {
        let mut cuda = cuda(Vectors { sums: 1, ..Vectors::default() });
        let w = numbers(1);
        cuda.load(&w.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        let mut out = numbers(9);
        let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        fake.set("fail-launch", launch);
        let error = step(&mut cuda, &mut views).unwrap_err();
        assert_eq!(error.code(), "ERR_CUDA", "{error}");
        assert!(error.to_string().contains("an error on purpose"));
        cuda.whole().unwrap();
        cuda.restore(&mut views).unwrap();
        assert_eq!(out, w, "launch {launch}");
        let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        step(&mut cuda, &mut views).unwrap();
    }
    assert_eq!(fake.held(), 0);
}

#[test]
fn an_update_of_which_nobody_knows_the_end_is_torn() {
    let fake = fake();
    // The waits of a step: W', the sums of flip and W', the check of the mean; then the sums of the update, and W.
    let mut torn = vec![];
    for wait in 0..6 {
        let mut cuda = cuda(Vectors { sums: 1, ..Vectors::default() });
        let w = numbers(1);
        cuda.load(&w.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        let mut out = numbers(9);
        let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        fake.set("fail-sync", wait);
        assert_eq!(step(&mut cuda, &mut views).unwrap_err().code(), "ERR_CUDA");
        torn.push(cuda.whole() == Err(Error::Torn));
        cuda.restore(&mut views).unwrap();
        assert_eq!(out, w, "W is whole all the same, wait {wait}");
    }
    assert_eq!(torn, [false, false, false, false, true, true]);
    assert_eq!(fake.held(), 0);
}

#[test]
fn a_device_that_is_lost_takes_no_weights_with_it() {
    let fake = fake();
    for (what, times) in [("fail-launch", 7), ("fail-copy", 10), ("fail-sync", 6)] {
        for time in 0..times {
            let mut cuda = cuda(Vectors { sums: 1, ..Vectors::default() });
            let w = numbers(1);
            cuda.load(&w.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
            let mut out = numbers(9);
            let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
            fake.set("sticky", 1);
            fake.set(what, time);
            let error = step(&mut cuda, &mut views).unwrap_err();
            assert_eq!(error.code(), "ERR_CUDA", "{what} {time}: {error}");
            cuda.restore(&mut views).unwrap();
            assert_eq!(out, w, "{what} {time}");
            let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
            assert!(["ERR_CUDA", "ERR_PANIC"].contains(&step(&mut cuda, &mut views).unwrap_err().code()));
            drop(cuda);
            assert_eq!((fake.held(), held()), (0, 0), "{what} {time}");
            // As it was: neither lost, nor about to be.
            fake.set(what, -1);
            fake.set("sticky", 0);
        }
    }
}

/// Where vectors for so many weights come to lie, if the GPU is as fast as this makes it.
fn place(wanted: Wanted, weights: usize, cuda: Line) -> Result<&'static str, Error> {
    let costs = || Some(Costs { cpu: Line { fixed: 0.0, each: 1e-9 }, cuda });
    let how = (Level::best(), Threads::new(1));
    open(wanted, &[weights], Vectors::default(), how, costs).map(|backend| backend.device())
}

#[test]
fn auto_takes_the_faster_device_and_the_cpu_where_the_gpu_fails() {
    let fake = fake();
    let (fast, slow) = (Line { fixed: 1e-6, each: 0.0 }, Line { fixed: 1e-6, each: 2e-9 });
    assert_eq!(place(Wanted::Auto, FLOOR, fast), Ok("cuda"));
    assert_eq!(place(Wanted::Auto, FLOOR, slow), Ok("cpu"));
    assert_eq!(place(Wanted::Auto, FLOOR - 1, fast), Ok("cpu"));
    assert_eq!(place(Wanted::Cpu, FLOOR, fast), Ok("cpu"));
    assert_eq!(place(Wanted::Cuda, 3, slow), Ok("cuda"));
    for allocation in 0.. {
        fake.set("fail-alloc", allocation);
        match place(Wanted::Cuda, FLOOR, fast) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.code(), "ERR_OUT_OF_MEMORY"),
        }
        fake.set("fail-alloc", allocation);
        assert_eq!(place(Wanted::Auto, FLOOR, fast), Ok("cpu"), "{allocation}");
    }
    let nobody = || panic!("no GPU is looked for");
    let how = (Level::best(), Threads::new(1));
    assert_eq!(open(Wanted::Auto, &[7, 8], Vectors::default(), how, nobody).unwrap().device(), "cpu");
    let how = (Level::best(), Threads::new(1));
    assert_eq!(open(Wanted::Auto, &[FLOOR], Vectors::default(), how, || None).unwrap().device(), "cpu");
    assert_eq!((fake.held(), held()), (0, 0));
}
