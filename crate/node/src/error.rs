//! Errors that carry a stable code to JavaScript.

use napi::bindgen_prelude::Error;

/// An error whose status becomes `error.code`.
pub type Coded = Error<String>;
/// The result of every exported function.
pub type Result<T> = std::result::Result<T, Coded>;

pub fn coded(code: &str, reason: impl Into<String>) -> Coded {
    Error::new(code.to_owned(), reason.into())
}

pub fn core(error: saltflat_core::Error) -> Coded {
    coded(error.code(), error.to_string())
}

pub fn node(error: Error) -> Coded {
    coded("ERR_INVALID_ARGUMENT", error.reason)
}

/// An object that must be there. Where one is declared, napi itself answers null by an error without a code.
pub fn given<T>(what: &str, value: Option<T>) -> Result<T> {
    let missing =
        || coded("ERR_INVALID_ARGUMENT", format!("Expected an object for {what}, received nothing."));
    value.ok_or_else(missing)
}

/// A number that is finite in f32, which the core computes in.
pub fn finite(name: &str, value: f64) -> Result<f64> {
    if (value as f32).is_finite() {
        return Ok(value);
    }
    let said = format!("Expected {name} to be a number that is finite in f32, received {value}.");
    Err(coded("ERR_INVALID_ARGUMENT", said))
}

/// A whole number of `0..=max`, which JavaScript sends as f64 and `u32` would wrap.
pub fn whole(name: &str, value: f64, max: f64) -> Result<u64> {
    if value.fract() == 0.0 && (0.0..=max).contains(&value) {
        return Ok(value as u64);
    }
    Err(coded(
        "ERR_INVALID_ARGUMENT",
        format!("Expected {name} to be a whole number of 0 to {max}, received {value}."),
    ))
}
