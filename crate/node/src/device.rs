//! Where vectors lie and passes run: the CPU, or the GPU, opened when it is first asked for; or why there is none.

use crate::error::{Result, coded, core};
use crate::workspace::{WorkspaceOptions, compute};
use napi_derive::napi;
use saltflat_core::backend::choice::{Costs, Line};
#[cfg(not(target_vendor = "apple"))]
use saltflat_core::backend::cuda;
use saltflat_core::backend::open::{Wanted, open};
use saltflat_core::{Backend, Vectors};
#[cfg(not(target_vendor = "apple"))]
use std::sync::Arc;

/// The GPU that all of this process shares.
#[cfg(not(target_vendor = "apple"))]
pub fn gpu() -> saltflat_core::Result<Arc<cuda::Device>> {
    cuda::Device::shared().map_err(saltflat_core::Error::from)
}

/// The device that the options ask for, by default the CPU.
pub fn wanted(options: Option<&WorkspaceOptions>) -> Result<Wanted> {
    let name = options.and_then(|options| options.device.as_deref()).unwrap_or("cpu");
    Wanted::named(name).ok_or_else(|| {
        let names = Wanted::ALL.map(|(name, _)| name).join(", ");
        coded("ERR_INVALID_ARGUMENT", format!("Expected a device of {names}, received '{name}'."))
    })
}

/// Vectors where the options say.
pub fn backend(
    sizes: &[usize],
    vectors: Vectors,
    options: Option<WorkspaceOptions>,
) -> Result<Box<dyn Backend>> {
    open(wanted(options.as_ref())?, sizes, vectors, compute(options)?, costs).map_err(core)
}

#[cfg(not(target_vendor = "apple"))]
fn costs() -> Option<Costs> {
    cuda::measure::costs()
}

#[cfg(target_vendor = "apple")]
fn costs() -> Option<Costs> {
    None
}

/// What the passes of a step over P weights take: fixed + each·P.
#[napi(object)]
pub struct PassCost {
    /// Seconds, whatever the number of weights.
    pub fixed: f64,
    /// Seconds a weight.
    pub each: f64,
}

impl From<Line> for PassCost {
    fn from(Line { fixed, each }: Line) -> Self {
        Self { fixed, each }
    }
}

/// How 'auto' decides between the two devices.
#[napi(object)]
pub struct DeviceRule {
    /// On the CPU.
    pub cpu: PassCost,
    /// On the GPU, with the way over the bus and back.
    pub cuda: PassCost,
    /// Weights from which on the GPU is predicted to be faster; absent: it never is.
    pub from: Option<f64>,
}

/// Measures both, the first time that a process asks; nothing where there is no GPU that works.
#[napi(catch_unwind)]
pub fn device_rule() -> Option<DeviceRule> {
    costs().map(|costs| DeviceRule {
        cpu: costs.cpu.into(),
        cuda: costs.cuda.into(),
        from: costs.cuda_from().map(|from| from as f64),
    })
}

/// Bytes of the GPU's memory held by all optimizers.
#[napi(catch_unwind)]
pub fn device_bytes() -> f64 {
    #[cfg(not(target_vendor = "apple"))]
    return cuda::held() as f64;
    #[cfg(target_vendor = "apple")]
    0.0
}

/// The GPU as the core sees it, or why it sees none.
#[napi(object)]
pub struct GpuInfo {
    /// Whether there is one to compute on.
    pub available: bool,
    /// 'available', or 'no-driver', 'no-device', 'old-driver', 'old-device', 'failed', 'unsupported'.
    pub code: String,
    /// The GPU's name, or what is missing and what to do.
    pub reason: String,
    /// Its name.
    pub name: Option<String>,
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
                name: Some(info.name.clone()),
                memory: Some(info.memory as f64),
                capability: Some(format!("{major}.{minor}")),
                driver: Some(format!("{}.{}", info.driver / 1000, info.driver % 1000 / 10)),
            }
        }
        Err(reason) => none(reason.code(), format!("{reason}. {}.", reason.remedy())),
    }
}

/// There is no driver of NVIDIA's for this system.
#[cfg(target_vendor = "apple")]
#[napi(catch_unwind)]
pub fn gpu_info() -> GpuInfo {
    none("unsupported", "NVIDIA has no driver for this system.".into())
}

fn none(code: &str, reason: String) -> GpuInfo {
    let code = code.into();
    GpuInfo { available: false, code, reason, name: None, memory: None, capability: None, driver: None }
}
