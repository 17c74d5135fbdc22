//! Runs of Lanczos and bases of sketches on the device: the bits of the CPU, states that move between the two, and what is
//! left where memory is short or the driver fails.

use crate::fake::fake;
use saltflat_core::backend::Space;
use saltflat_core::backend::cuda::{Device, rows::Rows};
use saltflat_core::lanczos::Start::{Along, Drawn};
use saltflat_core::lanczos::State;
use saltflat_core::rng::ROUNDS;
use saltflat_core::{Basis, Distribution, Draw, Error, Lanczos, Level, Threads};
use std::sync::Arc;

const SIZE: usize = 9_001;
/// With rounded copies.
const LONG: usize = 66_001;

fn draw(index: u32) -> Draw {
    Draw { key: [3, 0], step: 1, index, distribution: Distribution::Gaussian, rounds: ROUNDS }
}

fn on_gpu() -> Rows {
    on_gpu_of(SIZE)
}

fn on_gpu_of(size: usize) -> Rows {
    Rows::new(size, Arc::new(Device::open().unwrap())).unwrap()
}

fn on_cpu(size: usize, keep: bool) -> Lanczos {
    Lanczos::new(size, keep, Level::best(), Threads::new(1)).unwrap()
}

/// H·v of a diagonal with a few outliers.
fn product(v: &[f32]) -> Vec<f32> {
    let diagonal = |i: usize| if i < 4 { 40.0 - 9.0 * i as f32 } else { 0.3 * (i as f32).sin() };
    v.iter().enumerate().map(|(i, v)| v * diagonal(i)).collect()
}

fn advance<S: Space>(run: &mut Lanczos<S>, steps: usize) -> Result<(), Error> {
    for _ in 0..steps {
        let hv = product(&run.vector()?);
        run.step(&hv)?;
    }
    Ok(())
}

/// A start, restarts, locks and another start.
fn journey<S: Space>(run: &mut Lanczos<S>) -> Result<(), Error> {
    run.start(Drawn(draw(0)))?;
    let size = run.vector()?.len();
    advance(run, 12)?;
    run.restart(&[6, 8, 9, 10, 11])?;
    advance(run, 7)?;
    run.lock(&[], &[10, 11])?;
    run.start(Along(&vec![0.5; size]))?;
    advance(run, 6)?;
    run.lock(&[1], &[5])?;
    run.start(Drawn(draw(1)))?;
    advance(run, 3)
}

/// All that a run is.
fn whole<S: Space>(run: &mut Lanczos<S>) -> (State, Vec<Vec<u32>>) {
    let state = run.state().unwrap();
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    let vectors = (0..state.vectors).map(|place| bits(run.basis(place).unwrap())).collect();
    (state, vectors)
}

#[test]
fn runs_give_the_bits_of_the_cpu() {
    let fake = fake();
    for (reverse, size) in [(0, SIZE), (1, SIZE), (1, LONG)] {
        fake.set("reverse", reverse);
        let (mut cpu, mut cuda) = (on_cpu(size, true), Lanczos::over(on_gpu_of(size), true));
        journey(&mut cpu).unwrap();
        journey(&mut cuda).unwrap();
        assert!(whole(&mut cuda) == whole(&mut cpu), "reverse {reverse}, {size}");
        assert!(cuda.bytes() > cpu.bytes());
        let (mut cpu, mut cuda) = (on_cpu(size, false), Lanczos::over(on_gpu_of(size), false));
        for run in 0..2 {
            cpu.start(Drawn(draw(run))).unwrap();
            cuda.start(Drawn(draw(run))).unwrap();
            advance(&mut cpu, 9).unwrap();
            advance(&mut cuda, 9).unwrap();
            assert!(whole(&mut cuda) == whole(&mut cpu), "not kept, reverse {reverse}, {size}");
        }
    }
    assert_eq!(fake.held(), 0);
}

/// Goes on from where a run stands, in another place.
fn moved<A: Space, B: Space>(from: &mut Lanczos<A>, to: &mut Lanczos<B>) {
    let state = from.state().unwrap();
    let vectors: Vec<Vec<f32>> = (0..state.vectors).map(|place| from.basis(place).unwrap()).collect();
    to.restore(&state, &vectors.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    advance(from, 4).unwrap();
    advance(to, 4).unwrap();
    assert!(whole(to) == whole(from));
}

#[test]
fn a_run_goes_on_elsewhere_to_the_bit() {
    let fake = fake();
    for (size, keep) in [(SIZE, true), (SIZE, false), (LONG, true)] {
        let (mut cpu, mut cuda) = (on_cpu(size, keep), Lanczos::over(on_gpu_of(size), keep));
        cpu.start(Drawn(draw(5))).unwrap();
        advance(&mut cpu, 6).unwrap();
        moved(&mut cpu, &mut cuda);
        let mut back = on_cpu(size, keep);
        moved(&mut cuda, &mut back);
    }
    assert_eq!(fake.held(), 0);
}

#[test]
fn short_memory_refuses_a_call_and_changes_nothing() {
    let fake = fake();
    let mut expected = on_cpu(SIZE, true);
    journey(&mut expected).unwrap();
    let expected = whole(&mut expected);
    let (mut failed, device) = (0, Arc::new(Device::open().unwrap()));
    loop {
        fake.set("fail-alloc", failed);
        let refused = Rows::new(SIZE, device.clone()).map(|rows| {
            let mut run = Lanczos::over(rows, true);
            let refused = journey(&mut run).err();
            if refused.is_some() {
                // Once there is memory again, it is as if nothing had been.
                journey(&mut run).unwrap();
                let (state, vectors) = whole(&mut run);
                assert_eq!(state.projected.alphas.len(), expected.0.projected.alphas.len());
                assert_eq!(vectors.len(), expected.1.len());
            } else {
                assert!(whole(&mut run) == expected);
            }
            refused
        });
        assert_eq!(fake.held(), 0);
        match refused {
            Err(error) | Ok(Some(error)) => assert_eq!(error.code(), "ERR_OUT_OF_MEMORY", "{error}"),
            Ok(None) => break,
        }
        failed += 1;
    }
    assert!(failed > 20, "{failed}");
}

#[test]
fn a_driver_that_fails_in_a_step_leaves_no_step_behind() {
    let fake = fake();
    for setting in ["fail-launch", "fail-sync"] {
        for place in 0.. {
            let mut run = Lanczos::over(on_gpu(), true);
            run.start(Drawn(draw(0))).unwrap();
            advance(&mut run, 3).unwrap();
            let before = whole(&mut run);
            let hv = product(&run.vector().unwrap());
            fake.set(setting, place);
            let outcome = run.step(&hv);
            fake.set(setting, -1);
            match outcome {
                Ok(_) => break,
                Err(error) => assert_eq!(error.code(), "ERR_CUDA", "{error}"),
            }
            assert!(whole(&mut run) == before, "{setting} {place}");
            run.step(&hv).unwrap();
        }
    }
    assert_eq!(fake.held(), 0);
}

#[test]
fn sketches_give_the_bits_of_the_cpu() {
    fn taken<S: Space>(mut basis: Basis<S>) -> Vec<Vec<u32>> {
        let mut found = vec![];
        for index in 0..6 {
            found.push(basis.draw(draw(index), index % 2 == 0).unwrap());
            let ranged = product(&found[found.len() - 1]);
            assert!(basis.add(&ranged).unwrap());
            assert!(!basis.add(&ranged).unwrap());
            found.push(basis.vector(index as usize).unwrap());
            found.push(basis.remove(&product(&product(&found[0]))).unwrap());
        }
        found.into_iter().map(|values| values.into_iter().map(f32::to_bits).collect()).collect()
    }
    let fake = fake();
    let cpu = taken(Basis::new(SIZE, Level::best(), Threads::new(1)).unwrap());
    assert!(taken(Basis::over(on_gpu()).unwrap()) == cpu);
    assert_eq!(fake.held(), 0);
}
