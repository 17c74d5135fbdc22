//! The part of TensorFlow's C API that an op needs, found in the process itself: nothing is linked and nothing loaded,
//! for a second TensorFlow beside the one that tfjs-node runs would know nothing of its tensors.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::OnceLock;

/// Something of TensorFlow's, known by its address only.
pub type Handle = *mut c_void;
/// What a kernel does with its state and the call's context.
pub type Compute = unsafe extern "C" fn(Handle, Handle);

/// Declares the functions, and looks all of them up by name.
macro_rules! functions {
    ($($field:ident: $symbol:literal = fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions in use, with TensorFlow's names beside ours.
        pub struct Library {
            $(pub $field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Library {
            fn new(find: impl Fn(&'static CStr) -> Result<Handle, String>) -> Result<Self, String> {
                Ok(Self {
                    // SAFETY: the signatures are those of tensorflow/c/{ops,kernels,tf_tensor,tf_status}.h, which have
                    // not changed since they appeared in TensorFlow 2.0 to 2.3.
                    $($field: unsafe { std::mem::transmute::<Handle, unsafe extern "C" fn($($argument),*) $(-> $result)?>(find($symbol)?) },)*
                })
            }
        }
    };
}

functions! {
    new_status: c"TF_NewStatus" = fn() -> Handle;
    delete_status: c"TF_DeleteStatus" = fn(Handle);
    code: c"TF_GetCode" = fn(Handle) -> c_int;
    message: c"TF_Message" = fn(Handle) -> *const c_char;
    new_op: c"TF_NewOpDefinitionBuilder" = fn(*const c_char) -> Handle;
    add_attribute: c"TF_OpDefinitionBuilderAddAttr" = fn(Handle, *const c_char);
    add_input: c"TF_OpDefinitionBuilderAddInput" = fn(Handle, *const c_char);
    set_stateful: c"TF_OpDefinitionBuilderSetIsStateful" = fn(Handle, bool);
    register_op: c"TF_RegisterOpDefinition" = fn(Handle, Handle);
    new_kernel: c"TF_NewKernelBuilder" = fn(*const c_char, *const c_char, Option<unsafe extern "C" fn(Handle) -> Handle>, Compute, Option<unsafe extern "C" fn(Handle)>) -> Handle;
    register_kernel: c"TF_RegisterKernelBuilder" = fn(*const c_char, Handle, Handle);
    inputs: c"TF_NumInputs" = fn(Handle) -> c_int;
    input: c"TF_GetInput" = fn(Handle, c_int, *mut Handle, Handle);
    fail: c"TF_OpKernelContext_Failure" = fn(Handle, Handle);
    data: c"TF_TensorData" = fn(Handle) -> Handle;
    bytes: c"TF_TensorByteSize" = fn(Handle) -> usize;
    delete_tensor: c"TF_DeleteTensor" = fn(Handle);
}

/// TensorFlow's functions, or why there are none.
pub fn library() -> Result<&'static Library, String> {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    if let Some(found) = LIBRARY.get() {
        return Ok(found);
    }
    // A failure is not kept: TensorFlow may be loaded later.
    let handles = loaded()?;
    let found = Library::new(|symbol| {
        let address =
            handles.iter().map(|handle| process::symbol(*handle, symbol)).find(|found| !found.is_null());
        address.ok_or_else(|| format!("this TensorFlow has no {}", symbol.to_string_lossy()))
    })?;
    Ok(LIBRARY.get_or_init(|| found))
}

/// The TensorFlow libraries in this process, under the names they go by on Linux and macOS.
fn loaded() -> Result<Vec<Handle>, String> {
    let names = ["_framework", "_cc", ""].into_iter().flat_map(|part| {
        ["so.2", "2.dylib"].map(|end| CString::new(format!("libtensorflow{part}.{end}")).unwrap_or_default())
    });
    let found: Vec<_> = names.map(|name| process::loaded(&name)).filter(|handle| !handle.is_null()).collect();
    if found.is_empty() { Err("there is no TensorFlow library in this process".into()) } else { Ok(found) }
}

#[cfg(unix)]
mod process {
    use super::Handle;
    use std::ffi::{CStr, c_char, c_int};

    const NOW: c_int = 2;
    const ONLY_IF_LOADED: c_int = if cfg!(target_vendor = "apple") { 0x10 } else { 4 };

    unsafe extern "C" {
        fn dlopen(file: *const c_char, flags: c_int) -> Handle;
        fn dlsym(handle: Handle, symbol: *const c_char) -> Handle;
    }

    /// The library of this name, if it is there already. It is never given back: TensorFlow stays for good.
    pub fn loaded(name: &CStr) -> Handle {
        // SAFETY: a string that ends in zero; no library is loaded, so no code runs.
        unsafe { dlopen(name.as_ptr(), NOW | ONLY_IF_LOADED) }
    }

    pub fn symbol(library: Handle, name: &CStr) -> Handle {
        // SAFETY: a handle that `dlopen` gave and a string that ends in zero.
        unsafe { dlsym(library, name.as_ptr()) }
    }
}

#[cfg(not(unix))]
mod process {
    use super::Handle;
    use std::ffi::CStr;

    pub fn loaded(_name: &CStr) -> Handle {
        std::ptr::null_mut()
    }

    pub fn symbol(_library: Handle, _name: &CStr) -> Handle {
        std::ptr::null_mut()
    }
}
