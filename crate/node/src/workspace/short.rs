//! A shorter way into the passes of NSO, and into what stands around them. To find the workspace of a method's `this`, to compare
//! a stamp of its type, and to keep lists of what is borrowed for calls that come back later, takes Node-API and napi-rs
//! some 6 µs a call where a gradient has emptied the caches: as long as the arithmetic of a small model's step takes there. These
//! functions know their workspace. The passes of other estimators go by napi-rs.

use super::Workspace;
use crate::error::{Coded, Result, coded, node};
use napi::bindgen_prelude::{
    Env, FromNapiValue, JsError, JsObjectValue, JsValue, Object, This, panic_to_error,
};
use napi::sys;
use napi_derive::napi;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

/// Its name, the call of it, and the function that is called.
type Method = (&'static CStr, fn(&Workspace, &Call) -> Result<()>, sys::napi_callback);

const METHODS: [Method; 6] = [
    (
        c"begin",
        |workspace, call| {
            let (seed, distribution, rounds, stream) = (call.at(0)?, call.at(1)?, call.at(2)?, call.at(3)?);
            workspace.begin(seed, distribution, rounds, stream, call.at(4)?, call.at(5)?, call.at(6)?)
        },
        Some(enter::<0>),
    ),
    (c"perturb", |workspace, call| workspace.perturb(call.at(0)?, call.at(1)?), Some(enter::<1>)),
    (c"flip", |workspace, call| workspace.flip(call.at(0)?, call.at(1)?, call.at(2)?), Some(enter::<2>)),
    (
        c"accumulate",
        |workspace, call| {
            let (next, first, g) = (call.at(0)?, call.at(1)?, call.at(2)?);
            workspace.accumulate(next, first, g, call.at(3)?, call.at(4)?)
        },
        Some(enter::<3>),
    ),
    (
        c"finish",
        |workspace, call| workspace.finish(call.at(0)?, call.at(1)?, call.at(2)?, call.at(3)?),
        Some(enter::<4>),
    ),
    (c"restore", |workspace, call| workspace.restore(call.at(0)?), Some(enter::<5>)),
];

/// The most arguments of any of them.
const MOST: usize = 7;

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

#[napi]
impl Workspace {
    /// The methods that a step of NSO calls, as functions of this workspace, whatever they are called on: a call of one takes
    /// less time.
    #[napi(
        catch_unwind,
        ts_return_type = "Pick<Workspace, 'begin' | 'perturb' | 'flip' | 'accumulate' | 'finish' | 'restore'>"
    )]
    pub fn passes<'env>(&self, env: &'env Env, this: This<'env>) -> Result<Object<'env>> {
        let mut passes = Object::new(env).map_err(node)?;
        for (name, _, callback) in METHODS {
            let function = bound(env.raw(), name, callback, self, this.object.raw()).map_err(node)?;
            passes.set_c_named_property(name, function).map_err(node)?;
        }
        Ok(passes)
    }
}

/// A function of one workspace, which it keeps: nobody can take the property away.
fn bound(
    env: sys::napi_env,
    name: &CStr,
    callback: sys::napi_callback,
    workspace: &Workspace,
    this: sys::napi_value,
) -> napi::Result<sys::napi_value> {
    let done = |status: sys::napi_status| match status {
        sys::Status::napi_ok => Ok(()),
        status => Err(napi::Error::from_status(napi::Status::from(status))),
    };
    let kept = sys::napi_property_descriptor {
        utf8name: c"workspace".as_ptr(),
        name: null_mut(),
        method: None,
        getter: None,
        setter: None,
        value: this,
        attributes: sys::PropertyAttributes::default,
        data: null_mut(),
    };
    let (mut function, len) = (null_mut(), name.count_bytes().cast_signed());
    let place = std::ptr::from_ref(workspace).cast_mut().cast();
    // SAFETY: plain Node-API calls on live handles of this call; `place` is there as long as the function is.
    unsafe {
        done(sys::napi_create_function(env, name.as_ptr(), len, callback, place, &mut function))?;
        done(sys::napi_define_properties(env, function, 1, &kept))?;
    }
    Ok(function)
}

unsafe extern "C" fn enter<const METHOD: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let called = catch_unwind(AssertUnwindSafe(|| {
        let (mut place, mut count) = (null_mut(), MOST);
        let mut call = Call { env, arguments: [null_mut(); MOST] };
        // SAFETY: Node calls this with handles that live until it returns; it fills in all arguments.
        unsafe {
            let arguments = call.arguments.as_mut_ptr();
            sys::napi_get_cb_info(env, info, &mut count, arguments, null_mut(), &mut place);
        }
        // SAFETY: the function keeps its workspace, and Node takes none back before a call is over.
        let workspace = unsafe { &*place.cast_const().cast::<Workspace>() };
        let (_, method, _) = METHODS[METHOD];
        method(workspace, &call)
    }));
    let error = match called {
        Ok(Ok(())) => return null_mut(),
        Ok(Err(error)) => error,
        Err(panic) => refused(panic_to_error(panic)),
    };
    // SAFETY: as above.
    unsafe { JsError::from(error).throw_into(env) };
    null_mut()
}
