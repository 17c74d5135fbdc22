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

impl Views {
    /// Read-only slices; `undefined` or `null` gives `None`.
    pub fn inputs<'a>(&mut self, what: &str, array: &'a Array<'a>) -> Result<Vec<Option<&'a [f32]>>> {
        self.each(what, array, false, |pointer, len| {
            // SAFETY: checked by `typed`; JavaScript, the only other user of the memory, waits for this call.
            unsafe { std::slice::from_raw_parts(pointer, len) }
        })
    }

    /// Slices to write.
    pub fn outputs<'a>(&mut self, what: &str, array: &'a Array<'a>) -> Result<Vec<&'a mut [f32]>> {
        let slices = self.each(what, array, true, |pointer, len| {
            // SAFETY: as above; `check` refuses overlap before anything is written.
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

    fn each<'a, T>(
        &mut self,
        what: &str,
        array: &'a Array<'a>,
        written: bool,
        slice: impl Fn(*mut f32, usize) -> T,
    ) -> Result<Vec<Option<T>>> {
        let value = array.value();
        (0..array.len())
            .map(|i| {
                let mut element = null_mut();
                // SAFETY: plain Node-API call on live handles of this call.
                unsafe { sys::napi_get_element(value.env, value.value, i, &mut element) };
                let Some((pointer, len)) = typed(value.env, element, what, i)? else { return Ok(None) };
                let start = pointer as usize;
                if len > 0 {
                    self.places.push(Place { start, end: start + 4 * len, written });
                }
                let pointer = if len > 0 { pointer } else { std::ptr::NonNull::dangling().as_ptr() };
                Ok(Some(slice(pointer, len)))
            })
            .collect()
    }
}

/// Pointer and length of a Float32Array over ordinary, attached memory; nothing for null and undefined.
fn typed(
    env: sys::napi_env,
    value: sys::napi_value,
    what: &str,
    i: u32,
) -> Result<Option<(*mut f32, usize)>> {
    let mut kind = 0;
    // SAFETY: plain Node-API call on live handles of this call.
    unsafe { sys::napi_typeof(env, value, &mut kind) };
    if kind == sys::ValueType::napi_undefined || kind == sys::ValueType::napi_null {
        return Ok(None);
    }
    let (mut element, mut len, mut data, mut buffer, mut offset) = (0, 0, null_mut(), null_mut(), 0);
    // SAFETY: as above.
    let status = unsafe {
        sys::napi_get_typedarray_info(env, value, &mut element, &mut len, &mut data, &mut buffer, &mut offset)
    };
    if status != sys::Status::napi_ok || element != sys::TypedarrayType::float32_array {
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
    // SAFETY: as above.
    unsafe { sys::napi_is_detached_arraybuffer(env, buffer, &mut detached) };
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
