//! Arrays of Float32Array as slices, after every check that keeps them sound: type, length, detached and shared
//! buffers, overlap. The slices live as long as the call, during which JavaScript cannot run.

use crate::error::{Result, coded};
use napi::bindgen_prelude::{Array, JsValue};
use napi::sys;
use std::ptr::null_mut;

/// Where one array lies.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    written: bool,
}

/// The places that one call reads and writes.
#[derive(Default)]
pub struct Views {
    places: Vec<Place>,
}

/// The elements of an array. All are fetched before the first is looked at, for fetching one may run a getter; after
/// that JavaScript waits until the call is over.
pub struct Elements {
    env: sys::napi_env,
    values: Vec<sys::napi_value>,
}

/// Fetches the elements of an array.
pub fn elements(array: &Array<'_>) -> Elements {
    let array_value = array.value();
    let values = (0..array.len())
        .map(|i| {
            let mut element = null_mut();
            // SAFETY: plain Node-API call on live handles of this call.
            unsafe { sys::napi_get_element(array_value.env, array_value.value, i, &mut element) };
            element
        })
        .collect();
    Elements { env: array_value.env, values }
}

impl Views {
    /// Read-only slices; `undefined` or `null` gives `None`.
    pub fn inputs<'a>(&mut self, what: &str, elements: &Elements) -> Result<Vec<Option<&'a [f32]>>> {
        self.each(what, elements, false, |pointer, len| {
            // SAFETY: checked by `typed`; JavaScript, the only other user of the memory, waits for this call.
            unsafe { std::slice::from_raw_parts(pointer, len) }
        })
    }

    /// Slices to write. Not to be touched before `check` has passed.
    pub fn outputs<'a>(&mut self, what: &str, elements: &Elements) -> Result<Vec<&'a mut [f32]>> {
        let slices = self.each(what, elements, true, |pointer, len| {
            // SAFETY: as above; `check` refuses overlap before anything is read or written.
            unsafe { std::slice::from_raw_parts_mut(pointer, len) }
        })?;
        let missing =
            || coded("ERR_INVALID_ARGUMENT", format!("Expected a Float32Array in {what}, received nothing."));
        slices.into_iter().map(|slice| slice.ok_or_else(missing)).collect()
    }

    /// Refuses memory that is written by one argument and touched by another.
    pub fn check(&mut self) -> Result<()> {
        self.places.sort_unstable_by_key(|place| place.start);
        let (mut end, mut written_end) = (0, 0);
        for place in &self.places {
            if place.start < written_end || (place.written && place.start < end) {
                return Err(coded(
                    "ERR_OVERLAP",
                    "Expected arrays that do not share memory where one is written, received overlapping ones. Copy one of them first.",
                ));
            }
            end = end.max(place.end);
            if place.written {
                written_end = written_end.max(place.end);
            }
        }
        Ok(())
    }

    fn each<T>(
        &mut self,
        what: &str,
        elements: &Elements,
        written: bool,
        slice: impl Fn(*mut f32, usize) -> T,
    ) -> Result<Vec<Option<T>>> {
        let view = |(i, element): (usize, &sys::napi_value)| {
            let Some((pointer, len)) = typed(elements.env, *element, what, i)? else { return Ok(None) };
            if len == 0 {
                return Ok(Some(slice(std::ptr::NonNull::dangling().as_ptr(), 0)));
            }
            let start = pointer as usize;
            self.places.push(Place { start, end: start + 4 * len, written });
            Ok(Some(slice(pointer, len)))
        };
        elements.values.iter().enumerate().map(view).collect()
    }
}

/// Pointer and length of a Float32Array over ordinary, attached memory; nothing for null and undefined.
fn typed(
    env: sys::napi_env,
    value: sys::napi_value,
    what: &str,
    i: usize,
) -> Result<Option<(*mut f32, usize)>> {
    let (mut element, mut len, mut data, mut buffer, mut offset) = (0, 0, null_mut(), null_mut(), 0);
    // Most elements pass this first call, and two more: a model hands over many.
    // SAFETY: plain Node-API call on live handles of this call.
    let status = unsafe {
        sys::napi_get_typedarray_info(env, value, &mut element, &mut len, &mut data, &mut buffer, &mut offset)
    };
    if status != sys::Status::napi_ok || element != sys::TypedarrayType::float32_array {
        let mut kind = 0;
        // SAFETY: as above.
        unsafe { sys::napi_typeof(env, value, &mut kind) };
        if kind == sys::ValueType::napi_undefined || kind == sys::ValueType::napi_null {
            return Ok(None);
        }
        return Err(coded(
            "ERR_DTYPE",
            format!("Expected a Float32Array at {i} of the {what}, received something else."),
        ));
    }
    let mut ordinary = false;
    // SAFETY: as above.
    unsafe { sys::napi_is_arraybuffer(env, buffer, &mut ordinary) };
    if !ordinary {
        return Err(coded(
            "ERR_SHARED",
            format!(
                "Expected ordinary memory at {i} of the {what}, received a SharedArrayBuffer. Copy it first."
            ),
        ));
    }
    let mut detached = false;
    // A detached buffer leaves its arrays with no elements.
    if len == 0 {
        // SAFETY: as above.
        unsafe { sys::napi_is_detached_arraybuffer(env, buffer, &mut detached) };
    }
    if detached {
        return Err(coded(
            "ERR_DETACHED",
            format!(
                "Expected attached memory at {i} of the {what}, received an array whose buffer was transferred away."
            ),
        ));
    }
    Ok(Some((data.cast(), len)))
}
