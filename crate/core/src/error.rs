//! One enum for everything the core refuses; each variant owns a stable code.

use std::fmt;

/// Why the core refused a call. W and the moments are then what they were (unless torn), and the rest too unless the pass
/// says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// An argument outside its range.
    Invalid(String),
    /// Lengths that do not fit the layout.
    Shape(String),
    /// NaN or Infinity in the gradient of this tensor.
    NotFinite {
        /// Place of the tensor among the trainable weights.
        tensor: usize,
    },
    /// NaN or Infinity in what this names.
    NotFiniteIn(&'static str),
    /// A call out of order.
    State(String),
    /// A panic, or the GPU, has cut an update short: W or the moments are of two steps.
    Torn,
    /// The GPU, or its driver, failed.
    Device(String),
    /// There is no GPU to compute on: why, and what to do.
    NoDevice(String),
    /// The allocator gave nothing.
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },
}

/// The core's result type.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The stable code that reaches `error.code` in JavaScript.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Invalid(_) => "ERR_INVALID_ARGUMENT",
            Error::Shape(_) => "ERR_SHAPE",
            Error::NotFinite { .. } | Error::NotFiniteIn(_) => "ERR_NOT_FINITE",
            Error::State(_) => "ERR_STATE",
            Error::Torn => "ERR_PANIC",
            Error::Device(_) => "ERR_CUDA",
            Error::NoDevice(_) => "ERR_NO_DEVICE",
            Error::OutOfMemory { .. } => "ERR_OUT_OF_MEMORY",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(what) | Error::Shape(what) | Error::State(what) | Error::Device(what) => f.write_str(what),
            Error::NoDevice(why) => write!(f, "Expected a GPU to compute on, but {why}"),
            Error::NotFinite { tensor } => {
                write!(f, "Expected finite gradients, received NaN or Infinity in tensor {tensor}.")
            }
            Error::NotFiniteIn(what) => write!(f, "Expected a finite {what}, received NaN or Infinity in it."),
            Error::Torn => f.write_str(
                "Expected weights and moments of one step, received those of an update that a failure has cut short: partly of the step before, partly of this one. Load both from the last checkpoint, with a new optimizer.",
            ),
            Error::OutOfMemory { bytes } => write!(f, "Could not allocate {bytes} bytes."),
        }
    }
}

impl std::error::Error for Error {}
