//! Where the tensors of the op's last call on this thread lie, until one pass has used them.

use std::cell::RefCell;

/// Numbers of one call: more tensors than TensorFlow takes in a list.
const CALL: u64 = 1 << 20;

#[derive(Default)]
struct Places {
    /// Which call; so that a number left over from an earlier one is refused.
    call: u64,
    places: Vec<(*const f32, usize)>,
}

thread_local! {
    static PLACES: RefCell<Places> = RefCell::default();
}

/// Begins the record of a call.
pub fn begin() {
    PLACES.with_borrow_mut(|all| {
        all.call += 1;
        all.places.clear();
    });
}

/// Adds the next tensor of the call.
pub fn add(pointer: *const f32, len: usize) {
    PLACES.with_borrow_mut(|all| all.places.push((pointer, len)));
}

/// The number of the first tensor, if the last call had so many.
pub fn first(count: usize) -> Option<u64> {
    PLACES.with_borrow(|all| (all.places.len() == count).then_some(all.call * CALL))
}

/// Pointer and length behind a number; nothing for one that is void.
pub fn place(number: f64) -> Option<(*const f32, usize)> {
    if number.fract() != 0.0 || number < 0.0 {
        return None;
    }
    let number = number as u64;
    PLACES.with_borrow(|all| {
        (number / CALL == all.call).then(|| all.places.get((number % CALL) as usize).copied()).flatten()
    })
}

/// Voids all numbers.
pub fn forget() {
    PLACES.with_borrow_mut(|all| all.places.clear());
}
