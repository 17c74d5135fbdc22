//! A shorter way into the passes of NSO, and into what stands around them. What napi-rs puts around a method keeps lists of what
//! is borrowed, for calls that come back later, and compares a stamp of the object's type: some 3 µs a call where a gradient has
//! emptied the caches, of the 20 µs that the arithmetic of a small model's step takes there. These functions take the place of its
//! own on the prototype, and do the same. The passes of other estimators go by napi-rs.

use super::{MADE, Workspace};
use crate::error::{Coded, Result, coded};
use napi::bindgen_prelude::{
    Env, FromNapiValue, JsError, JsValue, Object, ToNapiValue, TypeTag, panic_to_error, validate_type_tag,
};
use napi::sys;
use napi_derive::napi;
use std::cell::RefCell;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

/// Its name, and the call of it, which gives what the pass has summed up, if anything.
type Method = (&'static CStr, fn(&Workspace, &Call) -> Result<Option<Vec<f64>>>);

const METHODS: [Method; 6] = [
    (c"begin", |workspace, call| {
        let (seed, distribution, rounds, stream) = (call.at(0)?, call.at(1)?, call.at(2)?, call.at(3)?);
        let (step, scales, first) = (call.at(4)?, call.at(5)?, call.at(6)?);
        workspace.begin(seed, distribution, rounds, stream, step, scales, first).map(nothing)
    }),
    (c"perturb", |workspace, call| workspace.perturb(call.at(0)?, call.at(1)?).map(nothing)),
    (c"flip", |workspace, call| workspace.flip(call.at(0)?, call.at(1)?, call.at(2)?).map(nothing)),
    (c"accumulate", |workspace, call| {
        let (next, first, g) = (call.at(0)?, call.at(1)?, call.at(2)?);
        workspace.accumulate(next, first, g, call.at(3)?, call.at(4)?).map(nothing)
    }),
    (c"finish", |workspace, call| {
        workspace.finish(call.at(0)?, call.at(1)?, call.at(2)?, call.at(3)?).map(Some)
    }),
    (c"restore", |workspace, call| workspace.restore(call.at(0)?).map(nothing)),
];

/// The most arguments of any of them.
const MOST: usize = 7;

fn nothing((): ()) -> Option<Vec<f64>> {
    None
}

/// The arguments of a call: `undefined` where there are fewer.
struct Call {
    env: sys::napi_env,
    arguments: [sys::napi_value; MOST],
}

impl Call {
    /// Argument `i`, refused in napi-rs's words where it is of another type.
    fn at<T: FromNapiValue>(&self, i: usize) -> Result<T> {
        // SAFETY: live handles of this call.
        unsafe { T::from_napi_value(self.env, self.arguments[i]) }.map_err(refused)
    }
}

fn refused(error: napi::Error) -> Coded {
    coded(error.status.as_ref(), error.reason.clone())
}

/// Puts them on the prototype.
#[napi(module_exports)]
pub fn shorten(exports: Object<'_>, env: Env) -> napi::Result<()> {
    let env = env.raw();
    let done = |status: sys::napi_status| {
        if status == sys::Status::napi_ok {
            Ok(())
        } else {
            Err(napi::Error::from_status(napi::Status::from(status)))
        }
    };
    let (mut class, mut prototype) = (null_mut(), null_mut());
    // SAFETY: plain Node-API calls on live handles of this call.
    unsafe {
        done(sys::napi_get_named_property(env, exports.value().value, c"Workspace".as_ptr(), &mut class))?;
        done(sys::napi_get_named_property(env, class, c"prototype".as_ptr(), &mut prototype))?;
    }
    for (i, (name, _)) in METHODS.iter().enumerate() {
        let mut function = null_mut();
        let (start, len) = (name.as_ptr(), name.count_bytes().cast_signed());
        // SAFETY: as above; `enter` takes the place in the list from what it is given along.
        unsafe {
            done(sys::napi_create_function(
                env,
                start,
                len,
                Some(enter),
                std::ptr::without_provenance_mut(i),
                &mut function,
            ))?;
            done(sys::napi_set_named_property(env, prototype, start, function))?;
        }
    }
    Ok(())
}

unsafe extern "C" fn enter(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let called = catch_unwind(AssertUnwindSafe(|| {
        let (mut this, mut place, mut count) = (null_mut(), null_mut(), MOST);
        let mut call = Call { env, arguments: [null_mut(); MOST] };
        // SAFETY: Node calls this with handles that live until it returns; it fills in all arguments.
        let workspace = unsafe {
            let arguments = call.arguments.as_mut_ptr();
            sys::napi_get_cb_info(env, info, &mut count, arguments, &mut this, &mut place);
            known(env, this)?
        };
        let (_, method) = METHODS[place.addr()];
        let sums = method(workspace, &call)?;
        // SAFETY: as above.
        sums.map_or(Ok(null_mut()), |sums| unsafe { Vec::to_napi_value(env, sums) }.map_err(refused))
    }));
    let error = match called {
        Ok(Ok(value)) => return value,
        Ok(Err(error)) => error,
        Err(panic) => refused(panic_to_error(panic)),
    };
    // SAFETY: as above.
    unsafe { JsError::from(error).throw_into(env) };
    null_mut()
}

thread_local! {
    /// Workspaces that have come by here: where each lies, and its number.
    static KNOWN: RefCell<Vec<(*const Workspace, u64)>> = const { RefCell::new(Vec::new()) };
}

/// The workspace that a method was called on.
///
/// # Safety
/// For the time of the call that has this handle.
unsafe fn known<'a>(env: sys::napi_env, this: sys::napi_value) -> Result<&'a Workspace> {
    let mut wrapped = null_mut();
    // SAFETY: plain Node-API call on a live handle.
    let status = unsafe { sys::napi_unwrap(env, this, &mut wrapped) };
    let place: *const Workspace = wrapped.cast_const().cast();
    // The newest are asked for most.
    let is_known = || KNOWN.with_borrow(|known| known.iter().rev().any(|(one, _)| *one == place));
    if status == sys::Status::napi_ok && is_known() {
        // SAFETY: it is a workspace, for it was one when it came by first, and is there, for `Drop` has not taken it out.
        return Ok(unsafe { &*place });
    }
    // SAFETY: as above; what is no object, or wraps something else, is refused here.
    unsafe { validate_type_tag(env, this, &Workspace::type_tag(), "Workspace") }.map_err(refused)?;
    if place.is_null() {
        return Err(coded("InvalidArg", "Expected a workspace, received what wraps none."));
    }
    // SAFETY: what has the stamp wraps a workspace.
    let workspace = unsafe { &*place };
    // One of another copy of the addon has that stamp too, but will not be forgotten here.
    if std::ptr::eq(workspace.made, &raw const MADE) {
        KNOWN.with_borrow_mut(|known| known.push((place, workspace.number)));
    }
    Ok(workspace)
}

/// A workspace is gone, and its place another's.
pub fn forget(number: u64) {
    // On a thread that ends they are forgotten already.
    let _ = KNOWN.try_with(|known| known.borrow_mut().retain(|(_, one)| *one != number));
}
