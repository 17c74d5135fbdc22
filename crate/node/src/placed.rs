//! Runs and bases whose vectors lie on the CPU or on the GPU: one set of calls for both.

#[cfg(not(target_vendor = "apple"))]
use crate::device::gpu;
use crate::device::wanted;
use crate::error::{Result, core, whole};
use crate::workspace::{WorkspaceOptions, compute};
use saltflat_core::backend::choice::FLOOR;
use saltflat_core::backend::cpu;
#[cfg(not(target_vendor = "apple"))]
use saltflat_core::backend::cuda;
use saltflat_core::backend::open::Wanted;

/// Who does the passes over vectors of one length.
pub enum Rows {
    Cpu(cpu::rows::Rows),
    #[cfg(not(target_vendor = "apple"))]
    Cuda(Box<cuda::rows::Rows>),
}

/// A run of the iteration.
pub enum Lanczos {
    Cpu(Box<saltflat_core::Lanczos<cpu::rows::Rows>>),
    #[cfg(not(target_vendor = "apple"))]
    Cuda(Box<saltflat_core::Lanczos<cuda::rows::Rows>>),
}

/// An orthonormal basis.
pub enum Basis {
    Cpu(Box<saltflat_core::Basis<cpu::rows::Rows>>),
    #[cfg(not(target_vendor = "apple"))]
    Cuda(Box<saltflat_core::Basis<cuda::rows::Rows>>),
}

/// The same on whatever it lies.
macro_rules! wherever {
    ($kind:ident, $placed:expr, $name:ident => $call:expr) => {
        match $placed {
            $crate::placed::$kind::Cpu($name) => $call,
            #[cfg(not(target_vendor = "apple"))]
            $crate::placed::$kind::Cuda($name) => $call,
        }
    };
}
pub(crate) use wherever;

impl Rows {
    /// For vectors of `size` elements, of which there will be `vectors`, where the options say.
    pub fn new(size: usize, vectors: f64, options: Option<WorkspaceOptions>) -> Result<Self> {
        let vectors = whole("vectors", vectors, f64::from(i32::MAX))? as usize;
        let wanted = wanted(options.as_ref())?;
        let (level, threads) = compute(options)?;
        let on_cpu = || Ok(Self::Cpu(cpu::rows::Rows::new(size, level, threads)?));
        let rows = match wanted {
            Wanted::Cuda => on_gpu(size, vectors, false),
            // A GPU that is full, or fails, is none. Below the floor none is looked for.
            Wanted::Auto if size >= FLOOR => on_gpu(size, vectors, true).or_else(|_| on_cpu()),
            Wanted::Auto | Wanted::Cpu => on_cpu(),
        };
        rows.map_err(core)
    }

    /// Where they lie: 'cpu' or 'cuda'.
    pub fn device(&self) -> &'static str {
        match self {
            Self::Cpu(_) => "cpu",
            #[cfg(not(target_vendor = "apple"))]
            Self::Cuda(_) => "cuda",
        }
    }
}

/// On the GPU; `spacious`: only where all of the vectors have room there now.
#[cfg(not(target_vendor = "apple"))]
fn on_gpu(size: usize, vectors: usize, spacious: bool) -> saltflat_core::Result<Rows> {
    let most = cuda::rows::MOST;
    if vectors > most {
        let said =
            format!("Expected at most {most} vectors on a GPU, received {vectors}. Take the device 'cpu'.");
        return Err(saltflat_core::Error::Invalid(said));
    }
    let gpu = gpu()?;
    // A vector, its rounded copy, and beside them their sums of chunks, 8 bytes for 4,096 elements.
    let bytes = vectors.saturating_mul(6 * size + size / 10);
    if spacious && gpu.free()? < bytes {
        return Err(saltflat_core::Error::OutOfMemory { bytes });
    }
    cuda::rows::Rows::new(size, gpu).map(|rows| Rows::Cuda(Box::new(rows)))
}

#[cfg(target_vendor = "apple")]
fn on_gpu(_: usize, _: usize, _: bool) -> saltflat_core::Result<Rows> {
    Err(saltflat_core::Error::NoDevice(
        "NVIDIA has no driver for this system. Take the device 'cpu' or 'auto'.".into(),
    ))
}

impl Lanczos {
    pub fn over(rows: Rows, keep: bool) -> Self {
        match rows {
            Rows::Cpu(rows) => Self::Cpu(Box::new(saltflat_core::Lanczos::over(rows, keep))),
            #[cfg(not(target_vendor = "apple"))]
            Rows::Cuda(rows) => Self::Cuda(Box::new(saltflat_core::Lanczos::over(*rows, keep))),
        }
    }
}

impl Basis {
    pub fn over(rows: Rows) -> Result<Self> {
        Ok(match rows {
            Rows::Cpu(rows) => Self::Cpu(Box::new(saltflat_core::Basis::over(rows).map_err(core)?)),
            #[cfg(not(target_vendor = "apple"))]
            Rows::Cuda(rows) => Self::Cuda(Box::new(saltflat_core::Basis::over(*rows).map_err(core)?)),
        })
    }
}
