//! Arms faults from JavaScript, in the binary that tests build for it.

use crate::error::{Result, coded};
use napi_derive::napi;
use saltflat_core::fault::{self, Place};

/// Lets 'allocation', 'call', 'chunk' or 'helper' fail when it is passed for the `after + 1`-th time; below 0: no more.
/// Returns how many times were left, below 0 where it has failed.
#[napi(catch_unwind)]
pub fn arm_fault(place: String, after: i64) -> Result<i64> {
    let known = Place::ALL.iter().find(|(name, _)| *name == place);
    let (_, place) = known.ok_or_else(|| coded("ERR_INVALID_ARGUMENT", format!("No place '{place}'.")))?;
    Ok(fault::arm(*place, after))
}
