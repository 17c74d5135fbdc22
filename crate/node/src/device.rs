//! The GPU: opened when it is first asked for, or why there is none.

use crate::error::{Result, coded, core};
use crate::workspace::{WorkspaceOptions, compute};
use napi_derive::napi;
#[cfg(not(target_vendor = "apple"))]
use saltflat_core::{Cuda, backend::cuda};
use saltflat_core::{Backend, Cpu, Error, Vectors};
#[cfg(not(target_vendor = "apple"))]
use std::sync::Arc;

/// The GPU that all of this process shares.
#[cfg(not(target_vendor = "apple"))]
pub fn gpu() -> saltflat_core::Result<Arc<cuda::Device>> {
    cuda::Device::shared().map_err(|reason| Error::NoDevice(reason.to_string()))
}

/// Vectors where the options say.
pub fn backend(
    sizes: &[usize],
    vectors: Vectors,
    options: Option<WorkspaceOptions>,
) -> Result<Box<dyn Backend>> {
    match options.as_ref().and_then(|options| options.device.as_deref()).unwrap_or("cpu") {
        "cpu" => {
            let (level, threads) = compute(options)?;
            Ok(Box::new(Cpu::new(sizes, vectors, level, threads).map_err(core)?))
        }
        "cuda" => on_gpu(sizes, vectors).map_err(core),
        other => {
            let said = format!("Expected a device of cpu, cuda, received '{other}'.");
            Err(coded("ERR_INVALID_ARGUMENT", said))
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
fn on_gpu(sizes: &[usize], vectors: Vectors) -> saltflat_core::Result<Box<dyn Backend>> {
    Ok(Box::new(Cuda::new(sizes, vectors, gpu()?)?))
}

#[cfg(target_vendor = "apple")]
fn on_gpu(_: &[usize], _: Vectors) -> saltflat_core::Result<Box<dyn Backend>> {
    Err(Error::NoDevice("NVIDIA has no driver for this system".into()))
}

/// The GPU as the core sees it, or why it sees none.
#[napi(object)]
pub struct GpuInfo {
    /// Whether there is one to compute on.
    pub available: bool,
    /// 'available', or 'no-driver', 'no-device', 'old-driver', 'old-device', 'failed', 'unsupported'.
    pub code: String,
    /// The GPU's name, or what is missing.
    pub reason: String,
    /// Its memory in bytes.
    pub memory: Option<f64>,
    /// Its compute capability, as '9.0'.
    pub capability: Option<String>,
    /// The CUDA version of its driver, as '12.4'.
    pub driver: Option<String>,
}

/// Opens the driver of NVIDIA's, if there is one.
#[cfg(not(target_vendor = "apple"))]
#[napi(catch_unwind)]
pub fn gpu_info() -> GpuInfo {
    match cuda::Device::shared() {
        Ok(device) => {
            let info = device.info();
            let (major, minor) = info.capability;
            GpuInfo {
                available: true,
                code: "available".into(),
                reason: info.name.clone(),
                memory: Some(info.memory as f64),
                capability: Some(format!("{major}.{minor}")),
                driver: Some(format!("{}.{}", info.driver / 1000, info.driver % 1000 / 10)),
            }
        }
        Err(reason) => none(reason.code(), reason.to_string()),
    }
}

/// There is no driver of NVIDIA's for this system.
#[cfg(target_vendor = "apple")]
#[napi(catch_unwind)]
pub fn gpu_info() -> GpuInfo {
    none("unsupported", "NVIDIA has no driver for this system".into())
}

fn none(code: &str, reason: String) -> GpuInfo {
    GpuInfo { available: false, code: code.into(), reason, memory: None, capability: None, driver: None }
}
