//! The libcuda that tests build from `tests/fake-cuda` and the kernels themselves, and what goes wrong in it.

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW, Symbol};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Settings, and what they are when nothing goes wrong.
const USUAL: [(&str, i64); 10] = [
    ("version", 12_040),
    ("devices", 1),
    ("capability", 90),
    ("reverse", 0),
    ("fail-alloc", -1),
    ("fail-launch", -1),
    ("fail-copy", -1),
    ("fail-sync", -1),
    ("fail-module", 0),
    ("sticky", 0),
];

/// The library, held by one test at a time.
pub struct Fake {
    library: &'static Library,
    _alone: MutexGuard<'static, ()>,
}

/// Compiles it, and loads it before anybody looks for a driver: what has its name is then found here.
pub fn fake() -> Fake {
    static LOADED: OnceLock<Library> = OnceLock::new();
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let library = LOADED.get_or_init(|| {
        let path = build();
        // SAFETY: its initialisers only fill tables.
        unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) }.unwrap()
    });
    let fake = Fake { library, _alone: alone };
    USUAL.iter().for_each(|(name, value)| fake.set(name, *value));
    fake
}

fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("libcuda-{}.so", std::process::id()));
    let mut compiler = Command::new(std::env::var_os("CXX").unwrap_or_else(|| "c++".into()));
    // As nvcc has it: no fused operations but those that are written, and vectors may be anybody's floats.
    compiler.args(["-std=c++17", "-O2", "-ffp-contract=off", "-fno-strict-aliasing", "-Wno-unknown-pragmas"]);
    compiler.args(["-fPIC", "-shared"]);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("fma") {
        compiler.arg("-mfma");
    }
    compiler.arg("-Wl,-soname,libcuda.so").arg("-I").arg(root.join("src/backend/cuda/kernels"));
    compiler.arg("-o").arg(&path).arg(root.join("tests/fake-cuda/driver.cpp"));
    let done = compiler.output().expect("a C++ compiler");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    path
}

impl Fake {
    pub fn set(&self, name: &str, value: i64) {
        let name = std::ffi::CString::new(name).unwrap();
        // SAFETY: declared so in driver.cpp.
        unsafe {
            let set: Symbol<unsafe extern "C" fn(*const std::ffi::c_char, i64)> =
                self.library.get(b"fake_cuda_set").unwrap();
            set(name.as_ptr(), value);
        }
    }

    /// Bytes of device and pinned memory that somebody holds.
    pub fn held(&self) -> usize {
        self.number(b"fake_cuda_held")
    }

    /// Kernels started so far.
    pub fn launches(&self) -> usize {
        self.number(b"fake_cuda_launches")
    }

    fn number(&self, name: &[u8]) -> usize {
        // SAFETY: declared so in driver.cpp.
        unsafe {
            let number: Symbol<unsafe extern "C" fn() -> usize> = self.library.get(name).unwrap();
            number()
        }
    }
}
