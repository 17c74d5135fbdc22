//! An orthonormal basis: orthogonal to rounding, blind to what it knows, and the same bits on every machine.

use saltflat_core::{Basis, Distribution, Draw, Level, Threads};

fn rule(index: u32) -> Draw {
    Draw { key: [7, 0], step: 0, index, distribution: Distribution::Gaussian, rounds: 10 }
}

fn draw(index: u32, size: usize) -> Vec<f32> {
    let mut out = vec![0.0; size.next_multiple_of(64)];
    saltflat_core::backend::cpu::dispatch::fill(Level::Scalar, rule(index), 0, 0, &mut out);
    out.truncate(size);
    out
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// Vectors of which each is nearly the one before: hard to tell apart.
fn close(size: usize, count: usize) -> Vec<Vec<f32>> {
    let first = draw(0, size);
    (0..count as u32)
        .map(|i| first.iter().zip(draw(i + 1, size)).map(|(x, noise)| x + 1e-3 * noise).collect())
        .collect()
}

fn built(size: usize, count: usize, level: Level, threads: usize) -> Basis {
    let mut basis = Basis::new(size, level, Threads::new(threads)).unwrap();
    for vector in close(size, count) {
        assert!(basis.add(&vector).unwrap());
    }
    basis
}

#[test]
fn vectors_that_nearly_agree_become_orthonormal() {
    let mut basis = built(20_001, 12, Level::best(), 2);
    for i in 0..12 {
        for j in 0..=i {
            let expected = if i == j { 1.0 } else { 0.0 };
            let found = dot(&basis.vector(i).unwrap(), &basis.vector(j).unwrap());
            assert!((found - expected).abs() < 1e-6, "{i} {j}: {found}");
        }
    }
}

#[test]
fn a_basis_of_the_vectors_of_another_goes_on_to_the_bit() {
    let mut one = built(5_000, 5, Level::best(), 1);
    let mut other = Basis::new(5_000, Level::best(), Threads::new(2)).unwrap();
    for i in 0..5 {
        other.restore(&one.vector(i).unwrap()).unwrap();
    }
    let z = draw(99, 5_000);
    assert!(one.add(&z).unwrap() && other.add(&z).unwrap());
    for i in 0..6 {
        assert_eq!(one.vector(i).unwrap(), other.vector(i).unwrap(), "vector {i}");
    }
    assert_eq!(other.restore(&[0.0; 3]).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!((other.len(), other.bytes()), (one.len(), one.bytes()));
}

#[test]
fn what_is_left_is_orthogonal_and_the_rest_of_the_vector() {
    let mut basis = built(5_000, 5, Level::best(), 1);
    let z = draw(99, 5_000);
    let left = basis.remove(&z).unwrap();
    let mut sum = dot(&left, &left);
    for i in 0..5 {
        let q = basis.vector(i).unwrap();
        assert!(dot(&q, &left).abs() < 1e-5);
        sum += dot(&q, &z).powi(2);
    }
    assert!((sum / dot(&z, &z) - 1.0).abs() < 1e-6);
}

#[test]
fn a_draw_is_the_sample_and_what_is_left_of_it() {
    let mut basis = built(5_000, 5, Level::best(), 1);
    let (rule, z) = (rule(99), draw(99, 5_000));
    assert_eq!(basis.draw(rule, false).unwrap(), z);
    assert_eq!(basis.draw(rule, true).unwrap(), basis.remove(&z).unwrap());
    let mut empty = Basis::new(5_000, Level::best(), Threads::new(1)).unwrap();
    assert_eq!(empty.draw(rule, true).unwrap(), z);
}

#[test]
fn a_direction_that_it_has_is_no_new_one() {
    let mut basis = Basis::new(3, Level::best(), Threads::new(1)).unwrap();
    assert!(basis.is_empty());
    assert!(!basis.add(&[0.0; 3]).unwrap());
    assert!(basis.add(&[1.0, 2.0, 3.0]).unwrap());
    assert!(!basis.add(&[-2.0, -4.0, -6.0]).unwrap());
    assert!(basis.add(&[1.0, 0.0, 0.0]).unwrap());
    assert!(basis.add(&[0.0, 1.0, 0.0]).unwrap());
    assert!(!basis.add(&[5.0, 1.0, 8.0]).unwrap(), "it spans everything");
    assert_eq!(basis.len(), 3);
    assert_eq!(basis.bytes(), 4 * 256);
}

#[test]
fn what_is_no_vector_is_refused_and_changes_nothing() {
    let mut basis = Basis::new(3, Level::best(), Threads::new(1)).unwrap();
    basis.add(&[1.0, 0.0, 0.0]).unwrap();
    assert_eq!(basis.add(&[1.0]).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(basis.add(&[f32::NAN, 0.0, 0.0]).unwrap_err().code(), "ERR_NOT_FINITE");
    assert_eq!(basis.remove(&[1.0; 2]).unwrap_err().code(), "ERR_SHAPE");
    assert_eq!(basis.remove(&[f32::INFINITY; 3]).unwrap_err().code(), "ERR_NOT_FINITE");
    assert_eq!(basis.vector(1).unwrap_err().code(), "ERR_INVALID_ARGUMENT");
    assert_eq!(basis.vector(0).unwrap(), [1.0, 0.0, 0.0]);
}

#[test]
fn the_same_bits_at_every_width_and_number_of_threads() {
    let bits = |mut basis: Basis| -> Vec<u32> {
        (0..6)
            .flat_map(|i| basis.vector(i).unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>())
            .collect()
    };
    let expected = bits(built(70_001, 6, Level::Scalar, 1));
    for level in Level::available() {
        for threads in [1, 3] {
            assert!(bits(built(70_001, 6, level, threads)) == expected, "{level:?} {threads}");
        }
    }
}
