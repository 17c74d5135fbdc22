//! The driver, opened at run time; or why there is none.

use super::launch::THREADS;
use crate::error::{Error, Result};
use cudarc::driver::{CudaContext, CudaFunction, CudaModule, CudaStream, DriverError, sys};
use cudarc::nvrtc::Ptx;
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The kernels as PTX for every GPU from Turing on; the driver compiles it for the one that is there, and keeps that.
pub(super) const MODULES: [(&str, &str); 4] = [
    ("passes", include_str!("kernels/ptx/passes.ptx")),
    ("finish", include_str!("kernels/ptx/finish.ptx")),
    ("rows", include_str!("kernels/ptx/rows.ptx")),
    ("rounded", include_str!("kernels/ptx/rounded.ptx")),
];

/// Every kernel, with its module.
pub(super) const KERNELS: [(&str, &str); 29] = [
    ("passes", "perturb"),
    ("passes", "flip"),
    ("passes", "accumulate"),
    ("passes", "collect"),
    ("passes", "products"),
    ("passes", "length"),
    ("passes", "ascend"),
    ("finish", "mean_norm"),
    ("finish", "store_mean"),
    ("finish", "update_sgd"),
    ("finish", "update_momentum"),
    ("finish", "update_nesterov"),
    ("finish", "update_adam"),
    ("finish", "update_amsgrad"),
    ("finish", "update_rmsprop"),
    ("finish", "update_rmsprop_centered"),
    ("finish", "update_rmsprop_momentum"),
    ("finish", "update_rmsprop_centered_momentum"),
    ("finish", "update_lion"),
    ("rows", "project"),
    ("rows", "subtract"),
    ("rows", "dots"),
    ("rows", "scale"),
    ("rows", "draw"),
    ("rows", "rotate"),
    ("rows", "fold"),
    ("rounded", "round_row"),
    ("rounded", "subtract_rounded"),
    ("rounded", "dots_rounded"),
];

/// The oldest driver whose API this speaks: CUDA 12.0, which is R525.
const OLDEST: i32 = 12_000;
/// Turing, which the kernels are compiled for.
const OLDEST_GPU: (i32, i32) = (7, 5);

/// Why there is no GPU to compute on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No libcuda, or nvcuda.dll, is found.
    NoDriver,
    /// The driver sees no GPU.
    NoDevice,
    /// The driver is older than CUDA 12.0; its version as 1000·major + 10·minor.
    OldDriver(i32),
    /// The GPU is older than Turing; its compute capability.
    OldDevice(i32, i32),
    /// The driver said something else.
    Failed(String),
}

impl Reason {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::NoDriver => "no-driver",
            Reason::NoDevice => "no-device",
            Reason::OldDriver(_) => "old-driver",
            Reason::OldDevice(..) => "old-device",
            Reason::Failed(_) => "failed",
        }
    }

    /// What whoever wants the GPU can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Reason::NoDriver => "Install NVIDIA's driver (in a container, start it with the GPU)",
            Reason::NoDevice => {
                "See that nvidia-smi lists one, and that CUDA_VISIBLE_DEVICES does not hide it"
            }
            Reason::OldDriver(_) => "Update the driver",
            Reason::OldDevice(..) => "Take a newer GPU",
            Reason::Failed(_) => "See whether nvidia-smi works, and what else fills the GPU",
        }
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        let remedy = reason.remedy();
        Error::NoDevice(format!(
            "{reason}. {remedy}, or take the device 'cpu', or 'auto', which falls back to it."
        ))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoDriver => f.write_str("no NVIDIA driver is installed: its library cuda is not found"),
            Reason::NoDevice => f.write_str("the NVIDIA driver sees no GPU"),
            Reason::OldDriver(version) => {
                let (major, minor) = (version / 1000, version % 1000 / 10);
                write!(f, "the NVIDIA driver is of CUDA {major}.{minor}; 12.0 (R525) or newer is needed")
            }
            Reason::OldDevice(major, minor) => {
                write!(f, "the GPU has compute capability {major}.{minor}; 7.5 (Turing) or newer is needed")
            }
            Reason::Failed(what) => write!(f, "the NVIDIA driver failed: {what}"),
        }
    }
}

/// A GPU as its driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// Its compute capability.
    pub capability: (i32, i32),
    /// Its memory in bytes.
    pub memory: usize,
    /// Its multiprocessors.
    pub multiprocessors: usize,
    /// The driver's version as 1000·major + 10·minor.
    pub driver: i32,
}

/// A kernel, and how many blocks of it the GPU holds at once.
pub(super) struct Kernel {
    pub function: CudaFunction,
    pub resident: usize,
}

/// The first GPU, with the kernels on it.
pub struct Device {
    pub(super) context: Arc<CudaContext>,
    pub(super) stream: Arc<CudaStream>,
    functions: HashMap<&'static str, Kernel>,
    _modules: Vec<Arc<CudaModule>>,
    info: Info,
    /// For benches.
    #[cfg(feature = "stopwatch")]
    pub stopwatch: super::stopwatch::Stopwatch,
}

impl Device {
    /// The GPU that all of this process shares, opened the first time that there is one.
    pub fn shared() -> std::result::Result<Arc<Device>, Reason> {
        static OPENED: Mutex<Option<Arc<Device>>> = Mutex::new(None);
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = &*opened {
            return Ok(device.clone());
        }
        let device = Arc::new(Self::open()?);
        *opened = Some(device.clone());
        Ok(device)
    }

    /// Opens the driver's first GPU.
    pub fn open() -> std::result::Result<Device, Reason> {
        // SAFETY: only looks for the library. Whatever is called without one panics.
        if !unsafe { sys::is_culib_present() } {
            return Err(Reason::NoDriver);
        }
        // A library that lacks a function panics too.
        std::panic::catch_unwind(Self::opened)
            .unwrap_or_else(|panic| Err(Reason::Failed(text(panic.as_ref()))))
    }

    fn opened() -> std::result::Result<Device, Reason> {
        let mut driver = 0;
        // SAFETY: the library is there; a place for a number.
        unsafe { sys::cuDriverGetVersion(&mut driver) }.result().map_err(failed)?;
        if driver < OLDEST {
            return Err(Reason::OldDriver(driver));
        }
        if CudaContext::device_count().map_err(failed)? == 0 {
            return Err(Reason::NoDevice);
        }
        let context = CudaContext::new(0).map_err(failed)?;
        // SAFETY: one stream only, so that nothing has to wait for another's events.
        unsafe { context.disable_event_tracking() };
        let capability = context.compute_capability().map_err(failed)?;
        if capability < OLDEST_GPU {
            return Err(Reason::OldDevice(capability.0, capability.1));
        }
        let which = sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
        let info = Info {
            name: context.name().map_err(failed)?,
            capability,
            memory: context.total_mem().map_err(failed)?,
            multiprocessors: context.attribute(which).map_err(failed)?.max(1) as usize,
            driver,
        };
        // Side by side: where the driver has not compiled them before, that takes longest.
        let modules = std::thread::scope(|scope| {
            let load = |(_, ptx): (&str, &str)| {
                let (context, ptx) = (&context, Ptx::from_src(ptx));
                scope.spawn(move || context.load_module(ptx))
            };
            let loads = MODULES.map(load);
            loads.map(|load| load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let modules = modules.into_iter().collect::<std::result::Result<Vec<_>, _>>().map_err(failed)?;
        let mut functions = HashMap::new();
        for ((name, _), module) in MODULES.iter().zip(&modules) {
            for (_, kernel) in KERNELS.iter().filter(|(module, _)| module == name) {
                let function = module.load_function(kernel).map_err(failed)?;
                let fit = function.occupancy_max_active_blocks_per_multiprocessor(THREADS, 0, None);
                let resident = fit.map_err(failed)?.max(1) as usize * info.multiprocessors;
                functions.insert(*kernel, Kernel { function, resident });
            }
        }
        let stream = context.default_stream();
        #[cfg(feature = "stopwatch")]
        let stopwatch = super::stopwatch::Stopwatch::default();
        Ok(Device {
            context,
            stream,
            functions,
            _modules: modules,
            info,
            #[cfg(feature = "stopwatch")]
            stopwatch,
        })
    }

    /// What it is.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Bytes of its memory that nobody holds now.
    pub fn free(&self) -> Result<usize> {
        self.context.mem_get_info().map(|(free, _)| free).map_err(|error| driver(error, 0))
    }

    pub(super) fn function(&self, name: &str) -> Result<&Kernel> {
        let missing = || Error::Device(format!("Expected a kernel '{name}', found none."));
        self.functions.get(name).ok_or_else(missing)
    }

    /// Every call of the driver is of the thread that it is made on.
    pub(super) fn bind(&self) -> Result<()> {
        self.context.bind_to_thread().map_err(|error| driver(error, 0))
    }

    /// Waits until all is done that was asked for.
    pub(super) fn wait(&self) -> Result<()> {
        self.stream.synchronize().map_err(|error| driver(error, 0))
    }
}

/// What the driver said, while so many bytes were asked for.
pub(super) fn driver(error: DriverError, bytes: usize) -> Error {
    if error.0 == sys::cudaError_enum::CUDA_ERROR_OUT_OF_MEMORY {
        return Error::OutOfMemory { bytes };
    }
    Error::Device(format!("The NVIDIA driver failed: {}.", said(error)))
}

fn failed(error: DriverError) -> Reason {
    if error.0 == sys::cudaError_enum::CUDA_ERROR_NO_DEVICE {
        return Reason::NoDevice;
    }
    Reason::Failed(said(error))
}

fn said(error: DriverError) -> String {
    let name = error.error_name().map(|name| name.to_string_lossy().into_owned());
    let text = error.error_string().map(|text| text.to_string_lossy().into_owned());
    match (name, text) {
        (Ok(name), Ok(text)) => format!("{name}, {text}"),
        _ => format!("{:?}", error.0),
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let known = panic.downcast_ref::<String>().cloned();
    known
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()))
        .unwrap_or_else(|| "a panic".into())
}
