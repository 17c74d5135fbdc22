//! The iteration against matrices whose eigenvalues are known, and the same bits on every machine.

use saltflat_core::tridiagonal::{Rows, eigen};
use saltflat_core::{Distribution, Draw, Lanczos, Level, Threads};

fn start(size: usize) -> Vec<f32> {
    let draw = Draw { key: [7, 0], step: 0, index: 0, distribution: Distribution::Gaussian, rounds: 10 };
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
    lanczos.start(&start(diagonal.len())).unwrap();
    for _ in 0..steps {
        let product: Vec<f32> = lanczos.vector().unwrap().iter().zip(diagonal).map(|(v, d)| v * d).collect();
        if lanczos.step(&product).unwrap().1 == 0.0 {
            break;
        }
    }
    lanczos
}

fn ritz(lanczos: &Lanczos, rows: Rows) -> saltflat_core::tridiagonal::Eigen {
    let (alphas, betas) = (lanczos.alphas(), lanczos.betas());
    eigen(alphas, &betas[..alphas.len() - 1], rows).unwrap()
}

#[test]
fn outliers_of_a_diagonal_are_found() {
    let diagonal = spectrum(20_001);
    let lanczos = run(&diagonal, 60, true, Level::best(), 2);
    let values = ritz(&lanczos, Rows::First).values;
    for i in 0..10 {
        let (found, truth) = (values[values.len() - 1 - i], f64::from(diagonal[i]));
        assert!(((found - truth) / truth).abs() < 1e-6, "{i}: {found} {truth}");
    }
}

#[test]
fn the_basis_stays_orthogonal_and_its_combinations_are_eigenvectors() {
    let diagonal = spectrum(5_000);
    let mut lanczos = run(&diagonal, 60, true, Level::best(), 1);
    let found = ritz(&lanczos, Rows::All);
    let m = found.values.len();
    let pick = |i: usize| found.vectors[i * m..(i + 1) * m].to_vec();
    let mut vectors = vec![];
    for i in m - 5..m {
        let mut out = vec![0.0; 5_000];
        lanczos.combine(&pick(i), &mut out).unwrap();
        let residual: f64 = out
            .iter()
            .zip(&diagonal)
            .map(|(v, d)| (f64::from(*v) * (f64::from(*d) - found.values[i])).powi(2))
            .sum::<f64>();
        assert!(residual.sqrt() < 1e-4 * 50.0, "{i}: {residual}");
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
                assert_eq!(other.alphas(), reference.alphas(), "{level:?} {threads}");
                assert_eq!(other.betas(), reference.betas(), "{level:?} {threads}");
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
    assert_eq!(lanczos.alphas().len(), 5);
    assert_eq!(lanczos.betas().last(), Some(&0.0));
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
    lanczos.start(&unit).unwrap();
    let product: Vec<f32> = lanczos.vector().unwrap().iter().map(|v| 7.0 * v).collect();
    assert_eq!(lanczos.step(&product).unwrap(), (7.0, 0.0));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut lanczos = Lanczos::new(70, true, Level::best(), Threads::new(1)).unwrap();
    assert_eq!(lanczos.vector().unwrap_err().code(), "ERR_STATE");
    assert_eq!(lanczos.step(&[0.0; 70]).unwrap_err().code(), "ERR_STATE");
    assert_eq!(lanczos.start(&[1.0; 69]).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(lanczos.start(&[0.0; 70]).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
    lanczos.start(&start(70)).unwrap();
    let product: Vec<f32> = (0..70).map(|i| i as f32).collect();
    assert_eq!(lanczos.step(&[f32::NAN; 70]).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
    assert!(lanczos.alphas().is_empty());
    let first = lanczos.step(&product).unwrap();
    lanczos.start(&start(70)).unwrap();
    assert_eq!(lanczos.step(&product).unwrap(), first);
    assert_eq!(lanczos.combine(&[1.0; 9], &mut [0.0; 70]).unwrap_err().code(), "ERR_STATE");
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
