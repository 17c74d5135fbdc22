//! The iteration against matrices whose eigenvalues are known, and the same bits on every machine.

use saltflat_core::lanczos::{Start::Along, State};
use saltflat_core::tridiagonal::{Rows, eigen};
use saltflat_core::{Distribution, Draw, Lanczos, Level, Threads};

fn start(size: usize) -> Vec<f32> {
    start_number(0, size)
}

fn start_number(index: u32, size: usize) -> Vec<f32> {
    let draw = Draw { key: [7, 0], step: 0, index, distribution: Distribution::Gaussian, rounds: 10 };
    let mut out = vec![0.0; size.next_multiple_of(64)];
    saltflat_core::backend::cpu::dispatch::fill(Level::Scalar, draw, 0, 0, &mut out);
    out.truncate(size);
    out
}

/// Ten outliers 50·0.7ⁱ over a bulk in [−0.02, 0.3].
fn spectrum(size: usize) -> Vec<f32> {
    let bulk = |i: usize| -0.02 + 0.32 * (i as f32 / size as f32);
    (0..size).map(|i| if i < 10 { 50.0 * 0.7f32.powi(i as i32) } else { bulk(i) }).collect()
}

fn run(diagonal: &[f32], steps: usize, keep: bool, level: Level, threads: usize) -> Lanczos {
    let mut lanczos = Lanczos::new(diagonal.len(), keep, level, Threads::new(threads)).unwrap();
    lanczos.start(Along(&start(diagonal.len()))).unwrap();
    for _ in 0..steps {
        let product: Vec<f32> = lanczos.vector().unwrap().iter().zip(diagonal).map(|(v, d)| v * d).collect();
        if lanczos.step(&product).unwrap().1 == 0.0 {
            break;
        }
    }
    lanczos
}

fn ritz(lanczos: &Lanczos, rows: Rows) -> saltflat_core::tridiagonal::Eigen {
    let (alphas, betas) = (&lanczos.projected().alphas, &lanczos.projected().betas);
    eigen(alphas, &betas[..alphas.len() - 1], rows).unwrap()
}

/// ‖Hx − θx‖
fn residual(diagonal: &[f32], x: &[f32], value: f64) -> f64 {
    let each = x.iter().zip(diagonal).map(|(x, d)| (f64::from(*x) * (f64::from(*d) - value)).powi(2));
    each.sum::<f64>().sqrt()
}

fn advance(lanczos: &mut Lanczos, diagonal: &[f32], steps: usize) {
    for _ in 0..steps {
        let product: Vec<f32> = lanczos.vector().unwrap().iter().zip(diagonal).map(|(v, d)| v * d).collect();
        lanczos.step(&product).unwrap();
    }
}

/// A run of 20 vectors at most, restarted with the 12 largest.
fn restarted(diagonal: &[f32], restarts: usize, level: Level, threads: usize) -> Lanczos {
    let mut lanczos = run(diagonal, 20, true, level, threads);
    for _ in 0..restarts {
        lanczos.restart(&(8..20).collect::<Vec<_>>()).unwrap();
        advance(&mut lanczos, diagonal, 8);
    }
    lanczos
}

/// All that a run is.
fn whole(lanczos: &mut Lanczos) -> (State, Vec<Vec<f32>>) {
    let state = lanczos.state().unwrap();
    let vectors = (0..state.vectors).map(|place| lanczos.basis(place).unwrap()).collect();
    (state, vectors)
}

fn slices(vectors: &[Vec<f32>]) -> Vec<&[f32]> {
    vectors.iter().map(Vec::as_slice).collect()
}

#[test]
fn restarts_go_on_to_the_same_eigenvalues_in_less_memory() {
    let diagonal = spectrum(20_001);
    let mut lanczos = restarted(&diagonal, 4, Level::best(), 2);
    assert!(lanczos.bytes() <= 21 * 4 * 20_032);
    let found = lanczos.ritz().unwrap();
    for (i, (found, truth)) in found.eigen.values.iter().rev().zip(&diagonal).take(10).enumerate() {
        let truth = f64::from(*truth);
        assert!(((found - truth) / truth).abs() < 1e-6, "{i}: {found} {truth}");
    }
    lanczos.lock(&[], &(10..20).collect::<Vec<_>>()).unwrap();
    for (i, x) in whole(&mut lanczos).1.iter().enumerate() {
        let residual = residual(&diagonal, x, found.eigen.values[10 + i]);
        assert!(residual < found.residuals[10 + i] + 2e-5, "{i}: {residual} {}", found.residuals[10 + i]);
    }
}

#[test]
fn what_is_locked_does_not_come_up_again() {
    // Each eigenvalue twice: one start sees it once, until rounding has grown to a second one.
    let single = spectrum(3_000);
    let diagonal: Vec<f32> = single.iter().chain(&single).copied().collect();
    let mut lanczos = run(&diagonal, 13, true, Level::best(), 1);
    lanczos.lock(&[], &[10, 11, 12]).unwrap();
    assert_eq!(lanczos.vector().unwrap_err().code(), "ERR_STATE");
    let locked = lanczos.basis(2).unwrap();
    assert_eq!(lanczos.start(Along(&locked)).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
    lanczos.start(Along(&start_number(1, 6_000))).unwrap();
    advance(&mut lanczos, &diagonal, 13);
    let found = lanczos.ritz().unwrap();
    for (i, (value, truth)) in found.eigen.values.iter().rev().zip(&diagonal).take(3).enumerate() {
        let truth = f64::from(*truth);
        assert!(((value - truth) / truth).abs() < 1e-5, "{i}: {value} {truth}");
    }
    lanczos.lock(&[0, 2], &[11, 12]).unwrap();
    let (state, vectors) = whole(&mut lanczos);
    assert_eq!((state.locked, state.vectors), (4, 4));
    assert_eq!(vectors[1], locked);
    for (a, one) in vectors.iter().enumerate() {
        for (b, other) in vectors.iter().enumerate().skip(a) {
            let dot: f64 = one.iter().zip(other).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-6, "{a}, {b}: {dot}");
        }
    }
}

#[test]
fn a_run_that_is_restored_goes_on_to_the_bit() {
    let diagonal = spectrum(5_000);
    for (keep, restarts) in [(false, 0), (true, 0), (true, 2)] {
        let mut one = if keep {
            restarted(&diagonal, restarts, Level::best(), 1)
        } else {
            run(&diagonal, 5, false, Level::best(), 1)
        };
        let mut other = Lanczos::new(5_000, keep, Level::best(), Threads::new(2)).unwrap();
        let (state, vectors) = whole(&mut one);
        other.restore(&state, &slices(&vectors)).unwrap();
        assert!(whole(&mut other) == (state, vectors));
        advance(&mut one, &diagonal, 3);
        advance(&mut other, &diagonal, 3);
        let (state, vectors) = whole(&mut one);
        assert!(whole(&mut other) == (state.clone(), vectors.clone()));
        let short = &slices(&vectors)[1..];
        assert_eq!(other.restore(&state, short).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
        let state = State { vectors: short.len(), ..state };
        assert_eq!(other.restore(&state, short).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
        assert!(whole(&mut other) == whole(&mut one));
    }
}

#[test]
fn restarts_and_locks_give_the_same_bits_everywhere() {
    let diagonal = spectrum(70_003);
    let all = |level, threads| {
        let mut lanczos = restarted(&diagonal, 2, level, threads);
        lanczos.lock(&[], &[17, 18, 19]).unwrap();
        lanczos.start(Along(&start(70_003))).unwrap();
        advance(&mut lanczos, &diagonal, 3);
        lanczos
    };
    let reference = whole(&mut all(Level::Scalar, 1));
    for level in Level::available() {
        for threads in [1, 2, 5] {
            assert!(whole(&mut all(level, threads)) == reference, "{level:?} {threads}");
        }
    }
}

#[test]
fn a_dense_matrix_is_decomposed() {
    // A·x = λ·x, orthonormal, and the trace: for a full matrix, one with parts apart, and small ones.
    let full = |n: usize| (0..n * n).map(|i| ((i / n * i % n + i / n + i % n) as f64).sin()).collect();
    let apart = vec![3.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 2.0, 1.0];
    let cases: [(usize, Vec<f64>); 5] =
        [(30, full(30)), (4, apart), (1, vec![5.0]), (2, full(2)), (3, full(3))];
    for (n, a) in cases {
        let found = saltflat_core::symmetric::eigen(&a, n).unwrap();
        let at = |i: usize, k: usize| if k <= i { a[i * n + k] } else { a[k * n + i] };
        for (j, x) in found.vectors.chunks(n).enumerate() {
            for i in 0..n {
                let product: f64 = (0..n).map(|k| at(i, k) * x[k]).sum();
                assert!((product - found.values[j] * x[i]).abs() < 1e-13 * n as f64, "{n}: {j}, {i}");
            }
            for (k, y) in found.vectors.chunks(n).enumerate() {
                let dot: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
                assert!((dot - f64::from(u8::from(j == k))).abs() < 1e-13, "{n}: {j}, {k}");
            }
        }
        let trace: f64 = (0..n).map(|i| at(i, i)).sum();
        assert!((found.values.iter().sum::<f64>() - trace).abs() < 1e-12);
    }
    assert_eq!(saltflat_core::symmetric::eigen(&[], 0).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(saltflat_core::symmetric::eigen(&[f64::NAN], 1).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
}

#[test]
fn outliers_of_a_diagonal_are_found() {
    // The longer one by rounded copies.
    for size in [20_001, 100_001] {
        let diagonal = spectrum(size);
        let lanczos = run(&diagonal, 60, true, Level::best(), 2);
        let values = ritz(&lanczos, Rows::First).values;
        for i in 0..10 {
            let (found, truth) = (values[values.len() - 1 - i], f64::from(diagonal[i]));
            assert!(((found - truth) / truth).abs() < 1e-6, "{size}, {i}: {found} {truth}");
        }
    }
}

/// The largest |vᵢ·vⱼ − δᵢⱼ| of a basis.
fn skew(lanczos: &mut Lanczos) -> f64 {
    let (_, vectors) = whole(lanczos);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let mut most = 0.0f64;
    for (i, a) in vectors.iter().enumerate() {
        for (j, b) in vectors[..=i].iter().enumerate() {
            most = most.max((dot(a, b) - f64::from(u8::from(i == j))).abs());
        }
    }
    most
}

#[test]
fn rounded_copies_keep_a_long_basis_orthogonal() {
    let size = 70_016;
    let diagonal = spectrum(size);
    for m in [5, 10, 20, 30, 40, 60] {
        eprintln!("skew {m} {}", skew(&mut run(&diagonal, m, true, Level::best(), 2)));
    }
    assert!(skew(&mut restarted(&diagonal, 3, Level::best(), 2)) < 1e-6);
    // Patterns, whose rounding errors are patterns too: two to six values a vector. √ε is what is asked for.
    let signs =
        |period: usize| (0..size).map(move |i| if (i / period).is_multiple_of(2) { 1.0 } else { -1.0 });
    let first: Vec<f32> =
        signs(1).zip(signs(64)).zip(signs(5)).map(|((a, b), c)| 1.0 + 0.3 * a + 0.7 * b + 0.11 * c).collect();
    let steps: Vec<f32> =
        (0..size).map(|i| [3.0, 0.1, 0.7, 9.0, 0.2][i % 5] * if i % 128 < 64 { 1.0 } else { 1.7 }).collect();
    let mut lanczos = Lanczos::new(size, true, Level::best(), Threads::new(2)).unwrap();
    lanczos.start(Along(&first)).unwrap();
    advance(&mut lanczos, &steps, 9);
    assert!(skew(&mut lanczos) < f64::from(f32::EPSILON).sqrt(), "{}", skew(&mut lanczos));
    // One element that outweighs its tile.
    let spikes: Vec<f32> =
        (0..size).map(|i| if i % 64 == 7 { 1.0 } else { 1e-3 * (i as f32).sin() }).collect();
    let mut lanczos = Lanczos::new(size, true, Level::best(), Threads::new(2)).unwrap();
    lanczos.start(Along(&spikes)).unwrap();
    advance(&mut lanczos, &diagonal, 30);
    assert!(skew(&mut lanczos) < 1e-5, "{}", skew(&mut lanczos));
}

#[test]
fn the_basis_stays_orthogonal_and_its_combinations_are_eigenvectors() {
    let diagonal = spectrum(5_000);
    let mut lanczos = run(&diagonal, 60, true, Level::best(), 1);
    let found = lanczos.ritz().unwrap();
    let m = found.residuals.len();
    lanczos.lock(&[], &(m - 5..m).collect::<Vec<_>>()).unwrap();
    let mut vectors = vec![];
    for i in 0..5 {
        let out = lanczos.basis(i).unwrap();
        let (value, bound) = (found.eigen.values[m - 5 + i], found.residuals[m - 5 + i]);
        let residual = residual(&diagonal, &out, value);
        assert!(residual < 1e-4 * 50.0 && residual < bound + 2e-5, "{i}: {residual}");
        vectors.push(out);
    }
    for (a, one) in vectors.iter().enumerate() {
        for (b, other) in vectors.iter().enumerate() {
            let dot: f64 = one.iter().zip(other).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            let expected = if a == b { 1.0 } else { 0.0 };
            assert!((dot - expected).abs() < 2e-6, "{a}, {b}: {dot}");
        }
    }
}

#[test]
fn the_same_bits_for_every_set_and_any_number_of_threads() {
    let diagonal = spectrum(70_003);
    for keep in [false, true] {
        let reference = run(&diagonal, 12, keep, Level::Scalar, 1);
        for level in Level::available() {
            for threads in [1, 2, 5] {
                let other = run(&diagonal, 12, keep, level, threads);
                assert_eq!(other.projected(), reference.projected(), "{level:?} {threads}");
            }
        }
    }
}

#[test]
fn moments_of_the_quadrature_are_those_of_the_start() {
    let diagonal = spectrum(3_000);
    let v = start(3_000);
    let norm: f64 = v.iter().map(|x| f64::from(*x).powi(2)).sum();
    for keep in [false, true] {
        let found = ritz(&run(&diagonal, 20, keep, Level::best(), 1), Rows::First);
        for power in 0..6 {
            let truth: f64 = v
                .iter()
                .zip(&diagonal)
                .map(|(x, d)| f64::from(*x).powi(2) / norm * f64::from(*d).powi(power))
                .sum();
            let sum: f64 = found.values.iter().zip(&found.vectors).map(|(t, z)| z * z * t.powi(power)).sum();
            assert!(((sum - truth) / truth).abs() < 1e-5, "{power}: {sum} {truth}");
        }
    }
}

#[test]
fn a_small_matrix_is_spanned_and_says_so() {
    let diagonal = [1.0, 2.0, 3.0, 4.0, 5.0];
    let mut lanczos = run(&diagonal, 9, true, Level::best(), 1);
    assert_eq!(lanczos.projected().alphas.len(), 5);
    assert_eq!(lanczos.projected().betas.last(), Some(&0.0));
    let found = ritz(&lanczos, Rows::First).values;
    for (value, truth) in found.iter().zip(diagonal) {
        assert!((value - f64::from(truth)).abs() < 1e-5);
    }
    assert_eq!(lanczos.step(&[0.0; 5]).unwrap_err().code(), "ERR_STATE");
}

#[test]
fn an_eigenvector_as_start_ends_after_one_step() {
    let mut lanczos = Lanczos::new(100, true, Level::best(), Threads::new(1)).unwrap();
    let mut unit = vec![0.0; 100];
    unit[3] = 2.0;
    lanczos.start(Along(&unit)).unwrap();
    let product: Vec<f32> = lanczos.vector().unwrap().iter().map(|v| 7.0 * v).collect();
    assert_eq!(lanczos.step(&product).unwrap(), (7.0, 0.0));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut lanczos = Lanczos::new(70, true, Level::best(), Threads::new(1)).unwrap();
    assert_eq!(lanczos.vector().unwrap_err().code(), "ERR_STATE");
    assert_eq!(lanczos.step(&[0.0; 70]).unwrap_err().code(), "ERR_STATE");
    assert_eq!(lanczos.start(Along(&[1.0; 69])).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(lanczos.start(Along(&[0.0; 70])).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
    lanczos.start(Along(&start(70))).unwrap();
    let product: Vec<f32> = (0..70).map(|i| i as f32).collect();
    assert_eq!(lanczos.step(&[f32::NAN; 70]).unwrap_err().code(), "ERR_NOT_FINITE");
    assert!(lanczos.projected().alphas.is_empty());
    let first = lanczos.step(&product).unwrap();
    lanczos.start(Along(&start(70))).unwrap();
    assert_eq!(lanczos.step(&product).unwrap(), first);
    for places in [vec![], vec![1], vec![0, 0]] {
        assert_eq!(lanczos.restart(&places).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
    }
    assert_eq!(lanczos.lock(&[0], &[0]).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
    assert_eq!(lanczos.projected().alphas, [first.0]);
    assert!(Lanczos::new(0, true, Level::best(), Threads::new(1)).is_err());
}

#[test]
fn the_second_difference_matrix_has_its_known_eigenvalues() {
    let n = 200;
    let found = eigen(&vec![2.0; n], &vec![-1.0; n - 1], Rows::All).unwrap();
    for (k, value) in found.values.iter().enumerate() {
        let angle = std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64;
        assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 1e-13, "{k}");
        let first = (2.0 / (n + 1) as f64).sqrt() * angle.sin();
        assert!((found.vectors[k * n].abs() - first).abs() < 1e-12, "{k}");
    }
    let ends = eigen(&vec![2.0; n], &vec![-1.0; n - 1], Rows::Ends).unwrap();
    for k in 0..n {
        assert_eq!(ends.vectors[2 * k], found.vectors[k * n]);
        assert_eq!(ends.vectors[2 * k + 1], found.vectors[k * n + n - 1]);
    }
}

#[test]
fn tridiagonal_corners() {
    let one = eigen(&[3.0], &[], Rows::First).unwrap();
    assert_eq!((one.values, one.vectors), (vec![3.0], vec![1.0]));
    let split = eigen(&[2.0, 1.0, 0.0], &[0.0, 0.0], Rows::First).unwrap();
    assert_eq!(split.values, [0.0, 1.0, 2.0]);
    assert_eq!(eigen(&[], &[], Rows::First).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(eigen(&[1.0, 2.0], &[], Rows::First).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(eigen(&[f64::NAN], &[], Rows::First).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
}
