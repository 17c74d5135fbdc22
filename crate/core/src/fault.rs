//! Faults on purpose, for tests: the place that is armed fails once, at the n-th time that somebody comes by. Without
//! the cargo feature `faults`, which no shipped binary has, all of this compiles to nothing.

/// Where something can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A vector is allocated.
    Allocation,
    /// A call from Node has begun, and has written nothing yet.
    Call,
    /// A pass is in the middle: one chunk of it is next.
    Chunk,
    /// A helper thread begins its part of a pass.
    Helper,
}

impl Place {
    /// All places, with their names.
    pub const ALL: [(&'static str, Place); 4] = [
        ("allocation", Place::Allocation),
        ("call", Place::Call),
        ("chunk", Place::Chunk),
        ("helper", Place::Helper),
    ];
}

/// Whether it is now that this place fails.
#[inline(always)]
pub fn strikes(place: Place) -> bool {
    #[cfg(feature = "faults")]
    return armed::strikes(place);
    #[cfg(not(feature = "faults"))]
    {
        let _ = place;
        false
    }
}

/// Panics if it is now that this place fails; without the words on stderr that a panic by mistake has.
#[inline(always)]
pub fn point(place: Place) {
    if strikes(place) {
        std::panic::resume_unwind(Box::new(format!("A fault on purpose, at {place:?}.")));
    }
}

#[cfg(feature = "faults")]
pub use armed::arm;

#[cfg(feature = "faults")]
mod armed {
    use super::Place;
    use std::sync::atomic::{AtomicI64, Ordering};

    /// Times left until each place fails; below 0: never.
    static LEFT: [AtomicI64; Place::ALL.len()] = [const { AtomicI64::new(-1) }; Place::ALL.len()];

    /// Lets the place fail when it is passed for the `after + 1`-th time; below 0: no more. Returns what was left.
    pub fn arm(place: Place, after: i64) -> i64 {
        LEFT[place as usize].swap(after, Ordering::SeqCst)
    }

    pub fn strikes(place: Place) -> bool {
        let left = &LEFT[place as usize];
        left.load(Ordering::SeqCst) >= 0 && left.fetch_sub(1, Ordering::SeqCst) == 0
    }
}
