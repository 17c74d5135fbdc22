//! The op: takes a list of float tensors, notes where they lie, and has no output.

use super::library::{Handle, Library, library};
use super::places;
use std::ffi::{CStr, CString, c_int};
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

static NAME: Mutex<Option<&'static str>> = Mutex::new(None);

/// Registers the op and its kernel, and says its name.
pub fn register() -> Result<&'static str, String> {
    let mut known = NAME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = *known {
        return Ok(name);
    }
    let library = library()?;
    // An address is this copy's alone: another version of this addon in the process has an op of its own.
    let name = format!("SaltflatPlaces{:x}", &raw const NAME as usize);
    let c_name = CString::new(name.as_str()).map_err(|error| error.to_string())?;
    define(library, &c_name)?;
    Ok(known.insert(name.leak()))
}

fn define(library: &Library, name: &CStr) -> Result<(), String> {
    checked(library, |status| {
        // SAFETY: strings that end in zero; `register_op` takes the builder over.
        unsafe {
            let op = (library.new_op)(name.as_ptr());
            (library.add_attribute)(op, c"N: int >= 1".as_ptr());
            (library.add_input)(op, c"tensors: N * float".as_ptr());
            (library.set_stateful)(op, true);
            (library.register_op)(op, status);
        }
    })?;
    checked(library, |status| {
        // SAFETY: as above; `register_kernel` takes the builder over, and `compute` outlives the process's TensorFlow.
        unsafe {
            let kernel =
                (library.new_kernel)(name.as_ptr(), c"CPU".as_ptr(), Some(create), compute, Some(delete));
            (library.register_kernel)(name.as_ptr(), kernel, status);
        }
    })
}

/// Runs a call that reports by status, and gives its message where that is not OK.
fn checked(library: &Library, call: impl FnOnce(Handle)) -> Result<(), String> {
    // SAFETY: a status of TensorFlow's own, deleted once.
    unsafe {
        let status = (library.new_status)();
        call(status);
        let outcome = match (library.code)(status) {
            0 => Ok(()),
            code => Err(format!(
                "TensorFlow refused ({code}): {}",
                CStr::from_ptr((library.message)(status)).to_string_lossy()
            )),
        };
        (library.delete_status)(status);
        outcome
    }
}

unsafe extern "C" fn create(_construction: Handle) -> Handle {
    null_mut()
}

unsafe extern "C" fn delete(_kernel: Handle) {}

/// TensorFlow calls this on the thread that executes the op. The addresses hold as long as the tensors do.
unsafe extern "C" fn compute(_kernel: Handle, context: Handle) {
    let Ok(library) = library() else { return };
    // SAFETY: TensorFlow gives the context of this call; each tensor that it hands out is deleted once, which leaves the
    // memory to the tensor that the caller holds.
    unsafe {
        places::begin();
        let status = (library.new_status)();
        for i in 0..(library.inputs)(context) {
            let mut tensor = null_mut();
            (library.input)(context, i as c_int, &mut tensor, status);
            if (library.code)(status) != 0 {
                (library.fail)(context, status);
                break;
            }
            places::add((library.data)(tensor).cast(), (library.bytes)(tensor) / size_of::<f32>());
            (library.delete_tensor)(tensor);
        }
        (library.delete_status)(status);
    }
}
