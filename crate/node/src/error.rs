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
