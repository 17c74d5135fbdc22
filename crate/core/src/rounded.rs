//! Rows of a basis in 16 bits an element: what Gram–Schmidt reads of long vectors, for half of the traffic.
//!
//! ```text
//! s = max |q| of a tile / 32,767      a tile of the copy: round(q / s), and s
//! ```
//!
//! A copy is wrong by some s/√12 an element, 8.8e-6 of its tile's largest. Where that one is above 1/64 of a row of length 1,
//! dot products read the row itself, for part of its length lies in few elements. In all other tiles the errors, as random as
//! weights are, come to 1.4e-7 of w at most, and to 2e-5/√n where a row is spread evenly: float32's own rounding. Patterns
//! whose errors are patterns too leave more, some 1e-5; an iteration bears √ε (Simon 1984), 3.5e-4.

use crate::layout::{CHUNK, TILE};

/// Elements from which on vectors have copies: shorter ones stay in the caches, where reading is not what takes the time.
pub const FROM: usize = 1 << 16;

/// The largest integer of a copy.
pub const MOST: f32 = 32_767.0;
/// A tile with nothing larger counts as zeros: its inverse would be no number.
pub const LEAST: f32 = 1e-30;

/// The scale of a tile from which on dot products read the row.
pub const HEAVY: f32 = 1.0 / 64.0 / MOST;

/// Places of f32 that a copy takes of each tile: its integers, and a scale.
const TILE_ROOM: usize = TILE / 2 + 1;

/// What a copy takes in memory of what its vector does.
pub const SHARE: f64 = TILE_ROOM as f64 / TILE as f64;

/// Places of f32 in the copy of a vector of so many elements, whole tiles: chunk by chunk the integers, then the scales.
pub fn room(total: usize) -> usize {
    total / TILE * TILE_ROOM
}

/// Where in the copy the chunk begins that begins at this element of the vector.
pub fn place(flat: usize) -> usize {
    flat / CHUNK * room(CHUNK)
}

/// The scale of a tile whose largest element this is, and what its elements are multiplied with.
#[inline(always)]
pub fn scale(largest: f32) -> (f32, f32) {
    if largest < LEAST { (0.0, 0.0) } else { (largest / MOST, MOST / largest) }
}

/// Whether vectors of so many elements have copies.
pub fn pays(size: usize) -> bool {
    size >= FROM
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Space;
    use crate::backend::cpu::rows::Rows;
    use crate::{Level, Threads};

    /// The copy as numbers again.
    fn restored(copy: &[f32], size: usize) -> Vec<f64> {
        let mut values = vec![];
        for chunk in 0..size.div_ceil(CHUNK) {
            let (flat, tiles) = (chunk * CHUNK, CHUNK.min(size - chunk * CHUNK).div_ceil(TILE));
            let scales = place(flat) + tiles * TILE / 2;
            for i in 0..tiles * TILE {
                let word = copy[place(flat) + i / 2].to_bits() >> (16 * (i % 2)) & 0xFFFF;
                values.push(f64::from(word as u16 as i16) * f64::from(copy[scales + i / TILE]));
            }
        }
        values
    }

    #[test]
    fn a_copy_is_as_near_as_is_said_and_its_passes_are_those_of_its_numbers() {
        for size in [1, 64, 4_097, 9_000] {
            let mut rows = Rows::new(size, Level::best(), Threads::new(1)).unwrap();
            let (mut v, mut w) = (rows.vector().unwrap(), rows.vector().unwrap());
            for i in 0..size {
                v[i] = 0.05 * (i as f32).sin() * if i % 100 == 3 { 1e3 } else { 1.0 };
                w[i] = (0.3 * i as f32).cos();
            }
            v[..size.min(64)].fill(1e-32);
            let before = v.to_vec();
            let mut copy = Space::room(&rows).unwrap();
            rows.round(0.25, &mut v, &mut copy);
            let numbers = restored(&copy, size);
            for (tile, (exact, rounded)) in v.chunks(TILE).zip(numbers.chunks(TILE)).enumerate() {
                let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
                let exact: Vec<f64> = exact.iter().map(|x| f64::from(*x)).collect();
                let apart: Vec<f64> = exact.iter().zip(rounded).map(|(x, y)| x - y).collect();
                assert!(squares(&apart) <= 1.22e-4 * squares(&exact) + 1e-29, "{size}, tile {tile}");
            }
            assert!(v.iter().zip(&before).all(|(after, before)| *after == 0.25 * before));
            // Of heavy tiles the row itself.
            let read = |i: usize| {
                let tile = &v[i / TILE * TILE..][..TILE];
                let largest = tile.iter().fold(0.0f32, |most, x| x.abs().max(most));
                if largest / MOST < HEAVY { numbers[i] } else { f64::from(v[i]) }
            };
            let products: Vec<f64> = (0..size).map(|i| read(i) * f64::from(w[i])).collect();
            let (dot, most) = (products.iter().sum::<f64>(), products.iter().map(|x| x.abs()).sum::<f64>());
            let found = rows.dots_rounded(&[&v], &[&copy], &w)[0];
            assert!((found - dot).abs() <= 1e-6 * most, "{size}: {found} for {dot}");
            let expected: Vec<f64> =
                numbers.iter().zip(&w[..]).map(|(x, w)| f64::from(*w) - 0.37 * x).collect();
            let left = rows.subtract_rounded(&[&copy], &[0.37], &mut w);
            let square: f64 = expected.iter().map(|x| x * x).sum();
            assert!((left - square).abs() <= 1e-6 * square, "{size}: {left} for {square}");
            for (i, (found, expected)) in w.iter().zip(&expected).enumerate() {
                let of = 1.0 + numbers[i].abs();
                assert!((f64::from(*found) - expected).abs() <= 3e-7 * of, "{size}: {i}");
            }
        }
    }
}
