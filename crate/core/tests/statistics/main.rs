//! Do the draws have the distributions that they claim, and nothing to do with each other?
//!
//! Everything is drawn from fixed seeds, so a test passes always or never. Bounds are five standard errors, or the
//! matching probability where a law is known exactly; about 10⁴ numbers are compared, so a sound generator fails one
//! of them in a hundred redesigns. The `#[ignore]`d tests do the same with more draws, where less can hide:
//!
//! ```sh
//! cargo test --release -p saltflat-core -- --ignored
//! ```

mod bits;
mod box_muller;
mod correlations;
mod fit;
mod laws;
mod moments;
mod sample;
mod tails;
