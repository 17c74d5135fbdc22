//! The two small eigensolvers against LAPACK's constants, which `__test__/oracle/eigen.py` wrote: dsteqr for tridiagonal
//! matrices, dsyevd for dense ones.
//!
//! Of each matrix: eigenvalues, and the squares of their vectors' first components, which are the weights of a quadrature.
//! Where eigenvalues lie so close that no solver can tell their vectors apart, the sum of the squares is what is defined.

use saltflat_core::symmetric;
use saltflat_core::tridiagonal::{self, Eigen, Rows};

const ORACLE: &str = include_str!("../../../__test__/oracle/eigen.json");
/// Eigenvalues may be off by this many epsilons of the norm, for a matrix of one element; √n times as many for n.
const EPSILONS: f64 = 4.0;
/// Eigenvalues closer than this share of the norm are one to a quadrature.
const CLOSE: f64 = 1e-6;

struct Known<'a> {
    line: &'a str,
}

impl<'a> Known<'a> {
    fn all(kind: &str) -> Vec<Self> {
        let head = format!("  {{\"kind\": \"{kind}\"");
        let known: Vec<_> =
            ORACLE.lines().filter(|line| line.starts_with(&head)).map(|line| Known { line }).collect();
        assert!(known.len() >= 12, "{} cases of {kind}", known.len());
        known
    }

    fn after(&self, key: &str) -> &'a str {
        self.line.split_once(&format!("\"{key}\": ")).unwrap_or_else(|| panic!("{key}")).1
    }

    fn name(&self) -> &'a str {
        self.after("name").split('"').nth(1).unwrap()
    }

    fn size(&self) -> usize {
        self.after("size").split(',').next().unwrap().parse().unwrap()
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        let list = self.after(key).strip_prefix('[').unwrap().split_once(']').unwrap().0;
        list.split(", ").filter(|number| !number.is_empty()).map(|number| number.parse().unwrap()).collect()
    }

    /// Compares, in epsilons of the norm times √n; the largest distance of values, and of weights.
    fn distance(&self, found: &Eigen, norm: f64) -> (f64, f64) {
        let (values, first) = (self.numbers("values"), self.numbers("first"));
        let n = values.len();
        assert_eq!(found.values.len(), n, "{}", self.name());
        let unit = f64::EPSILON * (n as f64).sqrt();
        let value = found.values.iter().zip(&values).map(|(a, b)| (a - b).abs() / (unit * norm));
        let weights: Vec<f64> = found.vectors.chunks(found.rows).map(|row| row[0] * row[0]).collect();
        let mut weight: f64 = 0.0;
        let mut begin = 0;
        for end in 1..=n {
            if end < n && values[end] - values[end - 1] < CLOSE * norm {
                continue;
            }
            let before = if begin > 0 { values[begin] - values[begin - 1] } else { f64::INFINITY };
            let after = if end < n { values[end] - values[end - 1] } else { f64::INFINITY };
            let known: f64 = first[begin..end].iter().map(|x| x * x).sum();
            let apart = (weights[begin..end].iter().sum::<f64>() - known).abs();
            // A vector turns by the error over the distance to the next eigenvalue.
            weight = weight.max(apart / unit * (before.min(after) / norm).min(1.0));
            begin = end;
        }
        (value.fold(0.0, f64::max), weight)
    }
}

fn check(known: &Known, found: &Eigen, norm: f64) {
    let (value, weight) = known.distance(found, norm);
    assert!(value <= EPSILONS, "{}: values are {value} epsilons·√n of the norm off", known.name());
    assert!(weight <= EPSILONS, "{}: weights are {weight} epsilons·√n over their distance off", known.name());
}

#[test]
fn tridiagonal_matrices() {
    for known in Known::all("tridiagonal") {
        let (diagonal, off) = (known.numbers("diagonal"), known.numbers("off"));
        let n = diagonal.len();
        let beside = |i: usize| off.get(i).map_or(0.0, |x| x.abs());
        let norm =
            (0..n).map(|i| diagonal[i].abs() + beside(i) + beside(i.wrapping_sub(1))).fold(0.0, f64::max);
        for rows in [Rows::First, Rows::Ends, Rows::All] {
            check(&known, &tridiagonal::eigen(&diagonal, &off, rows).unwrap(), norm);
        }
    }
}

/// A multiple of 1/32 for row i, column j ≤ i.
fn element(i: usize, j: usize) -> f64 {
    ((71 * i + 29 * j + 3 * i * j) % 101) as f64 / 32.0 - 50.0 / 32.0
}

fn power(exponent: usize) -> f64 {
    0.5f64.powi(exponent as i32)
}

/// What a restart leaves: values that were kept, their couplings in the row after them, tridiagonal from there.
fn arrow(kept: usize, i: usize, j: usize) -> f64 {
    if i == j {
        element(i, j)
    } else if i == j + 1 && j >= kept {
        (29 * j % 89 + 1) as f64 / 64.0
    } else if i == kept {
        element(i, j) * power(j % 30)
    } else {
        0.0
    }
}

/// The matrix of this name, as eigen.py has it.
fn lower(name: &str, i: usize, j: usize) -> f64 {
    let one = f64::from(u8::from(i == j));
    match name {
        "graded" => element(i, j) * power(i + j),
        "clustered" => one + element(i, j) * power(30),
        "repeated" => one + 1.0,
        "apart" if i % 4 != j % 4 => 0.0,
        "arrow of 15" => arrow(15, i, j),
        "arrow of 120" => arrow(120, i, j),
        _ => element(i, j),
    }
}

#[test]
fn dense_matrices() {
    for known in Known::all("dense") {
        let n = known.size();
        // The upper triangle is not read.
        let matrix: Vec<f64> = (0..n * n)
            .map(|at| if at % n <= at / n { lower(known.name(), at / n, at % n) } else { 7.0 })
            .collect();
        let at = |i: usize, j: usize| matrix[i.max(j) * n + i.min(j)];
        let row = |i| (0..n).map(|j| at(i, j).abs()).sum::<f64>();
        let norm = (0..n).map(row).fold(0.0, f64::max);
        check(&known, &symmetric::eigen(&matrix, n).unwrap(), norm);
    }
}
