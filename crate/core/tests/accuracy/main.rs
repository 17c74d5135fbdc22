//! The transforms of words to draws against libm in double precision.
//!
//! Each test prints its worst error (`--nocapture`); the `#[ignore]`d ones take many more words, and a minute of two cores:
//!
//! ```sh
//! cargo test --release -p saltflat-core -- --ignored
//! ```

mod inject;
mod sweep;

use inject::transform;
use saltflat_core::{Distribution, Level};
use std::f64::consts::{FRAC_PI_2, LN_2};
use sweep::{FAST, LONG, Sweep, hard_words, larger};

/// An angle word of cosine 1 and sine 0: the radius shows alone.
const NO_ANGLE: u32 = 0;

/// A radius word of radius 1, so that cosine and sine show alone.
fn unit_radius(level: Level) -> u32 {
    let middle = (4_294_967_296.0 * (-0.5f64).exp()) as u32;
    // Radii of neighbouring words are 100 times closer than neighbouring floats, so some word hits it.
    let mut near = (0..4096).flat_map(|away| [middle + away, middle - away]);
    near.find(|word| transform(level, Distribution::Gaussian, [*word, NO_ANGLE, 0, 0])[0] == 1.0)
        .expect("a word of radius 1")
}

fn unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

fn relative(value: f32, expected: f64) -> f64 {
    (f64::from(value) - expected).abs() / expected.abs()
}

/// (cos, sin) of 2π·word/2³², the quadrant taken off in whole numbers.
fn cos_sin(word: u32) -> (f64, f64) {
    let quadrant = word.wrapping_add(0x2000_0000) >> 30;
    let rest = f64::from((word << 2) as i32 >> 2) / f64::from(1 << 30) * FRAC_PI_2;
    let (sin, cos) = rest.sin_cos();
    [(cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos)][quadrant as usize]
}

#[test]
fn radius() {
    check_radius(FAST);
}

#[test]
#[ignore = "long: two hundred million words"]
fn radius_of_many_words() {
    check_radius(LONG);
}

fn check_radius(sweep: Sweep) {
    let (worst, word) = sweep.worst(|[a, b]| {
        let [x, y, z, w] = transform(Level::best(), Distribution::Gaussian, [a, NO_ANGLE, b, NO_ANGLE]);
        assert!(y == 0.0 && w == 0.0);
        let error = |value, word| relative(value, (-2.0 * unit(word).ln()).sqrt());
        [error(x, a), error(z, b)]
    });
    eprintln!("radius: worst relative error {worst:e} at word {word:#x}");
    assert!(worst < 3e-7);
}

#[test]
fn angle() {
    check_angle(FAST);
}

#[test]
#[ignore = "long: two hundred million words"]
fn angle_of_many_words() {
    check_angle(LONG);
}

fn check_angle(sweep: Sweep) {
    let one = unit_radius(Level::best());
    let (worst, word) = sweep.worst(|[a, b]| {
        let [x, y, z, w] = transform(Level::best(), Distribution::Gaussian, [one, a, one, b]);
        let error = |(x, y): (f32, f32), word| {
            let (cos, sin) = cos_sin(word);
            larger(((f64::from(x) - cos).abs(), word), ((f64::from(y) - sin).abs(), word)).0
        };
        [error((x, y), a), error((z, w), b)]
    });
    eprintln!("angle: worst error of cosine or sine {worst:e} at word {word:#x}");
    assert!(worst < 3e-7);
}

#[test]
fn uniform() {
    check_uniform(FAST);
}

#[test]
#[ignore = "long: two hundred million words"]
fn uniform_of_many_words() {
    check_uniform(LONG);
}

fn check_uniform(sweep: Sweep) {
    let (worst, word) = sweep.worst(|[a, b]| {
        let [x, y, ..] = transform(Level::best(), Distribution::Uniform, [a, b, 0, 0]);
        let error = |value, word: u32| {
            relative(value, 12f64.sqrt() * (f64::from(word as i32) + 0.5) / 4_294_967_296.0)
        };
        [error(x, a), error(y, b)]
    });
    eprintln!("uniform: worst relative error {worst:e} at word {word:#x}");
    assert!(worst < 1.5e-7);
}

#[test]
fn laplace() {
    check_laplace(FAST);
}

#[test]
#[ignore = "long: two hundred million words"]
fn laplace_of_many_words() {
    check_laplace(LONG);
}

fn check_laplace(sweep: Sweep) {
    let (worst, word) = sweep.worst(|[a, b]| {
        let [x, y, ..] = transform(Level::best(), Distribution::Laplace, [a, b, 0, 0]);
        let error = |value: f32, word: u32| {
            assert_eq!(value.is_sign_negative(), word >> 31 == 1, "the sign of {word:#x}");
            let size = (f64::from(word & 0x7FFF_FFFF) + 0.5) / 2_147_483_648.0;
            relative(value.abs(), -size.ln() / 2f64.sqrt())
        };
        [error(x, a), error(y, b)]
    });
    eprintln!("laplace: worst relative error {worst:e} at word {word:#x}");
    assert!(worst < 5e-7);
}

/// Half turns and mirror images give the same bits, but for the sign of a zero: so no direction is favoured. A quarter
/// turn swaps the two polynomials, and a mirror image of a quarter turn falls to the other half.
#[test]
fn angles_are_symmetric() {
    let one = unit_radius(Level::best());
    let at = |a: u32, b: u32| {
        let [x, y, z, w] = transform(Level::best(), Distribution::Gaussian, [one, a, one, b]);
        ((x, y), (z, w))
    };
    let every = (0..1 << 32).step_by(65_537).map(|word: u64| word as u32);
    for word in every.chain(hard_words(16)) {
        let (here, quarter) = at(word, word.wrapping_add(1 << 30));
        let (half, mirrored) = at(word.wrapping_add(1 << 31), word.wrapping_neg());
        let near = |a: f32, b: f32| (a - b).abs() <= 4e-7;
        assert!(near(quarter.0, -here.1) && near(quarter.1, here.0), "a quarter turn from {word:#x}");
        assert_eq!(half, (-here.0, -here.1), "half a turn from {word:#x}");
        if word % (1 << 31) == 1 << 30 {
            assert!(near(mirrored.0, here.0) && near(mirrored.1, -here.1), "the mirror image of {word:#x}");
        } else {
            assert_eq!(mirrored, (here.0, -here.1), "the mirror image of {word:#x}");
        }
    }
}

/// The farthest and the smallest draws that 32 bits can give, at every width.
#[test]
fn extremes() {
    let smallest = (-2.0 * (-1.0 / f64::from(2f32.powi(33))).ln_1p()).sqrt(); // 2⁻¹⁶
    let quarter = [(0, 1.0, 0.0), (1 << 30, 0.0, 1.0), (1 << 31, -1.0, 0.0), (3 << 30, 0.0, -1.0)];
    for level in Level::available() {
        for (word, radius) in [(0, (66.0 * LN_2).sqrt()), (u32::MAX, smallest)] {
            for (angle, cos, sin) in quarter {
                let [x, y, z, w] = transform(level, Distribution::Gaussian, [word, angle, word, angle]);
                for (value, expected) in [(x, radius * cos), (y, radius * sin)] {
                    let error = (f64::from(value) - expected).abs();
                    assert!(error <= 3e-7 * radius, "{value:e}, expected {expected:e}");
                }
                assert_eq!((x, y), (z, w), "both pairs of a counter");
            }
        }
        let half = 12f64.sqrt() / f64::from(2f32.powi(33));
        let uniform = [0, u32::MAX, 0x7FFF_FFFF, 0x8000_0000];
        let edge = 3f64.sqrt() * (1.0 - 1.0 / f64::from(2f32.powi(32)));
        for (value, expected) in
            transform(level, Distribution::Uniform, uniform).into_iter().zip([half, -half, edge, -edge])
        {
            close(value, expected);
            assert!(f64::from(value.abs()) < 3f64.sqrt() * (1.0 + 1e-7));
        }
        let laplace = [0, 0x8000_0000, 0x7FFF_FFFF, u32::MAX];
        let (far, near) =
            (32.0 * LN_2 / 2f64.sqrt(), -(-1.0 / f64::from(2f32.powi(32))).ln_1p() / 2f64.sqrt());
        for (value, expected) in
            transform(level, Distribution::Laplace, laplace).into_iter().zip([far, -far, near, -near])
        {
            close(value, expected);
        }
    }
}

/// The nearest float, or the one beside it.
fn close(value: f32, expected: f64) {
    let nearest = expected as f32;
    let near = [nearest.next_down(), nearest, nearest.next_up()];
    assert!(value == nearest || nearest != 0.0 && near.contains(&value), "{value:e}, expected {nearest:e}");
}
