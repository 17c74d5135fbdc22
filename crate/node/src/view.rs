//! Arrays of Float32Array as slices, after every check that keeps them sound: type, length, detached and shared
//! buffers, overlap. The slices live as long as the call, during which JavaScript cannot run. A gradient may also be a
//! number, which stands for a tensor that TensorFlow holds; and gradients or outputs may be one array of them all, for with
//! small tensors a call takes longer to ask Node for twelve arrays than to compute.

use crate::error::{Result, coded};
use crate::tensorflow;
use napi::bindgen_prelude::{Array, JsValue, Unknown};
use napi::sys;
use saltflat_core::layout::TILE;
use std::ffi::c_void;
use std::fmt::Display;
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
    /// Gradients that lay in the memory of a weight: a gradient may be the weight itself, or a reshape of it.
    copies: Vec<Vec<f32>>,
}

impl Drop for Views {
    fn drop(&mut self) {
        tensorflow::forget();
    }
}

/// The elements of an array. All are fetched before the first is looked at, for fetching one may run a getter; after
/// that JavaScript waits until the call is over.
pub struct Elements {
    env: sys::napi_env,
    values: Vec<sys::napi_value>,
}

/// Fetches the elements of an array. An error where a getter throws, which Node then throws on.
pub fn elements(array: &Array<'_>) -> Result<Elements> {
    let array_value = array.value();
    fetched(array_value.env, array_value.value, array.len())
}

fn fetched(env: sys::napi_env, array: sys::napi_value, len: u32) -> Result<Elements> {
    let mut values = Vec::with_capacity(len as usize);
    for i in 0..len {
        let mut element = null_mut();
        // SAFETY: plain Node-API call on live handles of this call.
        if unsafe { sys::napi_get_element(env, array, i, &mut element) } != sys::Status::napi_ok {
            return Err(coded(
                "PendingException",
                format!("Expected element {i} of an array, received none."),
            ));
        }
        values.push(element);
    }
    Ok(Elements { env, values })
}

/// What a pass writes, or its gradients.
pub enum Arrays {
    /// An array a tensor.
    Apart(Elements),
    /// One for them all.
    Whole(sys::napi_env, sys::napi_value),
}

/// Fetches them.
pub fn arrays(value: &Unknown<'_>) -> Result<Arrays> {
    let value = value.value();
    let (mut array, mut len) = (false, 0);
    // SAFETY: plain Node-API calls on live handles of this call.
    unsafe { sys::napi_is_array(value.env, value.value, &mut array) };
    if !array {
        return Ok(Arrays::Whole(value.env, value.value));
    }
    // SAFETY: as above.
    unsafe { sys::napi_get_array_length(value.env, value.value, &mut len) };
    fetched(value.env, value.value, len).map(Arrays::Apart)
}

impl Views {
    /// Slices to write, of tensors of these sizes. Not to be touched before `check` has passed.
    pub fn outputs<'a>(&mut self, outputs: &Arrays, sizes: &[usize]) -> Result<Vec<&'a mut [f32]>> {
        match outputs {
            Arrays::Apart(elements) => self.apart("outputs", elements),
            Arrays::Whole(env, value) => {
                let parts = self.whole("outputs", *env, *value, sizes, true)?;
                // SAFETY: as in `apart`; the parts do not overlap.
                Ok(parts
                    .map(|(pointer, size)| unsafe { std::slice::from_raw_parts_mut(pointer, size) })
                    .collect())
            }
        }
    }

    /// One array, in which each tensor begins a tile, as the vectors of a workspace lie: where each is, and its size.
    fn whole<'s>(
        &mut self,
        what: &str,
        env: sys::napi_env,
        value: sys::napi_value,
        sizes: &'s [usize],
        written: bool,
    ) -> Result<impl Iterator<Item = (*mut f32, usize)> + use<'s>> {
        let Some(Memory { mut pointer, len }) = typed(env, value, format_args!("the {what}"))? else {
            return Err(coded("ERR_INVALID_ARGUMENT", format!("Expected {what}, received nothing.")));
        };
        let expected: usize = sizes.iter().map(|size| size.next_multiple_of(TILE)).sum();
        if len != expected {
            return Err(coded(
                "ERR_SHAPE",
                format!("Expected {expected} elements of the {what} in one array, received {len}."),
            ));
        }
        self.note(pointer, len, written);
        Ok(sizes.iter().map(move |size| {
            let part = pointer;
            // SAFETY: the parts end where the array does.
            pointer = unsafe { pointer.add(size.next_multiple_of(TILE)) };
            (part, *size)
        }))
    }

    /// An array a tensor.
    pub fn apart<'a>(&mut self, what: &str, elements: &Elements) -> Result<Vec<&'a mut [f32]>> {
        let mut slices = Vec::with_capacity(elements.values.len());
        for (i, element) in elements.values.iter().enumerate() {
            let Some(Memory { pointer, len }) =
                typed(elements.env, *element, format_args!("{i} of the {what}"))?
            else {
                let said = format!("Expected a Float32Array in {what}, received nothing.");
                return Err(coded("ERR_INVALID_ARGUMENT", said));
            };
            self.note(pointer, len, true);
            // SAFETY: checked by `typed`; JavaScript, the only other user of the memory, waits for this call, and `check`
            // refuses overlap before anything is read or written.
            slices.push(unsafe { std::slice::from_raw_parts_mut(pointer, len) });
        }
        Ok(slices)
    }

    /// The only slice that a call touches, to write.
    pub fn output<'a>(&mut self, what: &str, value: &Unknown<'_>) -> Result<&'a mut [f32]> {
        let Memory { pointer, len } = self.one(what, value)?;
        self.note(pointer, len, true);
        // SAFETY: as in `outputs`.
        Ok(unsafe { std::slice::from_raw_parts_mut(pointer, len) })
    }

    /// Read-only slices; `undefined` or `null` gives `None`.
    pub fn inputs<'a>(&mut self, what: &str, elements: &Elements) -> Result<Vec<Option<&'a [f32]>>> {
        self.read(elements, |_, element, i| typed(elements.env, element, format_args!("{i} of the {what}")))
    }

    /// One read-only slice.
    pub fn input<'a>(&mut self, what: &str, value: &Unknown<'_>) -> Result<&'a [f32]> {
        let Memory { pointer, len } = self.one(what, value)?;
        self.note(pointer, len, false);
        // SAFETY: as in `read`.
        Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
    }

    fn one(&self, what: &str, value: &Unknown<'_>) -> Result<Memory> {
        let value = value.value();
        typed(value.env, value.value, format_args!("the {what}"))?.ok_or_else(|| {
            let said = format!("Expected a Float32Array for the {what}, received nothing.");
            coded("ERR_INVALID_ARGUMENT", said)
        })
    }

    /// Gradients to read, as arrays or as numbers. To be asked for after the outputs.
    pub fn gradients<'a>(&mut self, gradients: &Arrays, sizes: &[usize]) -> Result<Vec<Option<&'a [f32]>>> {
        let what = "gradients";
        match gradients {
            Arrays::Apart(elements) => {
                self.read(elements, |views, element, i| match number(elements.env, element) {
                    Some(number) => views.tensor(number, what, i).map(Some),
                    None => typed(elements.env, element, format_args!("{i} of the {what}")),
                })
            }
            Arrays::Whole(env, value) => {
                let parts = self.whole(what, *env, *value, sizes, false)?;
                // SAFETY: as in `read`.
                Ok(parts
                    .map(|(pointer, size)| Some(unsafe { std::slice::from_raw_parts(pointer, size) }))
                    .collect())
            }
        }
    }

    fn read<'a>(
        &mut self,
        elements: &Elements,
        find: impl Fn(&mut Self, sys::napi_value, usize) -> Result<Option<Memory>>,
    ) -> Result<Vec<Option<&'a [f32]>>> {
        let slice = |(i, element): (usize, &sys::napi_value)| {
            let Some(Memory { pointer, len }) = find(self, *element, i)? else { return Ok(None) };
            self.note(pointer, len, false);
            // SAFETY: checked by `typed`, or held by TensorFlow for a tensor that the caller holds; nobody writes it during
            // this call, for JavaScript waits and `check` refuses overlap.
            Ok(Some(unsafe { std::slice::from_raw_parts(pointer, len) }))
        };
        elements.values.iter().enumerate().map(slice).collect()
    }

    /// What a number stands for; a copy of it where it is about to be written.
    fn tensor(&mut self, number: f64, what: &str, i: usize) -> Result<Memory> {
        let Some((pointer, len)) = tensorflow::place(number) else {
            return Err(coded(
                "ERR_STATE",
                format!(
                    "Expected a tensor of TensorFlow's last call at {i} of the {what}, received {number}."
                ),
            ));
        };
        let (start, end) = (pointer as usize, pointer as usize + size_of::<f32>() * len);
        if len == 0
            || !self.places.iter().any(|place| place.written && start < place.end && place.start < end)
        {
            return Ok(Memory { pointer: pointer.cast_mut(), len });
        }
        // SAFETY: as for the slices above; the copy is made before anything is written.
        self.copies.push(unsafe { std::slice::from_raw_parts(pointer, len) }.to_vec());
        let copy = self.copies.last_mut().map_or(null_mut(), |copy| copy.as_mut_ptr());
        Ok(Memory { pointer: copy, len })
    }

    /// A Float64Array of `N` numbers, which are copied, and of room for `len` more, to be written once `check` has passed.
    pub fn doubles<const N: usize>(
        &mut self,
        what: &str,
        value: &Unknown<'_>,
        len: usize,
    ) -> Result<([f64; N], Doubles)> {
        let value = value.value();
        let place = format_args!("{what}");
        let wanted = sys::TypedarrayType::float64_array;
        let Some((data, found)) = memory(value.env, value.value, wanted, "Float64Array", place)? else {
            let said = format!("Expected a Float64Array for {what}, received nothing.");
            return Err(coded("ERR_INVALID_ARGUMENT", said));
        };
        if found != N + len {
            let said = format!("Expected {} numbers in {what}, received {found}.", N + len);
            return Err(coded("ERR_SHAPE", said));
        }
        let data: *mut f64 = data.cast();
        // SAFETY: so many doubles, as `memory` has checked; JavaScript, which alone writes them, waits for this call.
        let (numbers, room) = unsafe { (data.cast::<[f64; N]>().read_unaligned(), data.add(N)) };
        self.note(room, len, true);
        Ok((numbers, Doubles { room, len }))
    }

    fn note<T>(&mut self, pointer: *mut T, len: usize, written: bool) {
        let start = pointer as usize;
        if len > 0 {
            self.places.push(Place { start, end: start + size_of::<T>() * len, written });
        }
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
}

/// Room for doubles in a Float64Array.
pub struct Doubles {
    room: *mut f64,
    len: usize,
}

impl Doubles {
    /// Writes as many as there is room for.
    pub fn write(self, values: &[f64]) {
        for (i, value) in values.iter().enumerate().take(self.len) {
            // SAFETY: `memory` has checked the room; JavaScript waits, and nothing else that this call touches lies there.
            unsafe { self.room.add(i).write_unaligned(*value) };
        }
    }
}

/// Floats somewhere; the pointer is never null.
struct Memory {
    pointer: *mut f32,
    len: usize,
}

/// The value of a JavaScript number.
fn number(env: sys::napi_env, value: sys::napi_value) -> Option<f64> {
    let mut number = 0.0;
    // SAFETY: plain Node-API call on live handles of this call.
    let status = unsafe { sys::napi_get_value_double(env, value, &mut number) };
    (status == sys::Status::napi_ok).then_some(number)
}

/// The memory of a Float32Array, ordinary and attached; nothing for null and undefined.
fn typed(env: sys::napi_env, value: sys::napi_value, place: impl Display) -> Result<Option<Memory>> {
    let found = memory(env, value, sys::TypedarrayType::float32_array, "Float32Array", place)?;
    Ok(found.map(|(data, len)| Memory { pointer: data.cast(), len }))
}

/// Where a typed array of this kind lies, ordinary and attached, and its length; nothing for null and undefined.
fn memory(
    env: sys::napi_env,
    value: sys::napi_value,
    wanted: i32,
    name: &str,
    place: impl Display,
) -> Result<Option<(*mut c_void, usize)>> {
    let (mut element, mut len, mut data, mut buffer, mut offset) = (0, 0, null_mut(), null_mut(), 0);
    // Most elements pass this first call, and two more: a model hands over many.
    // SAFETY: plain Node-API call on live handles of this call.
    let status = unsafe {
        sys::napi_get_typedarray_info(env, value, &mut element, &mut len, &mut data, &mut buffer, &mut offset)
    };
    if status != sys::Status::napi_ok || element != wanted {
        let mut kind = 0;
        // SAFETY: as above.
        unsafe { sys::napi_typeof(env, value, &mut kind) };
        if kind == sys::ValueType::napi_undefined || kind == sys::ValueType::napi_null {
            return Ok(None);
        }
        return Err(coded("ERR_DTYPE", format!("Expected a {name} at {place}, received something else.")));
    }
    let mut ordinary = false;
    // SAFETY: as above.
    unsafe { sys::napi_is_arraybuffer(env, buffer, &mut ordinary) };
    if !ordinary {
        return Err(coded(
            "ERR_SHARED",
            format!("Expected ordinary memory at {place}, received a SharedArrayBuffer. Copy it first."),
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
                "Expected attached memory at {place}, received an array whose buffer was transferred away."
            ),
        ));
    }
    // Nothing may have no address.
    let data = if len == 0 { std::ptr::NonNull::<f64>::dangling().as_ptr().cast() } else { data };
    Ok(Some((data, len)))
}
