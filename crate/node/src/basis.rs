//! An orthonormal basis as a class, with its vectors in native memory or on the GPU.

use crate::error::{Coded, Result, coded, core, whole};
use crate::placed::{self, Rows, wherever};
use crate::sample::draw;
use crate::view::Views;
use crate::workspace::WorkspaceOptions;
use napi::bindgen_prelude::{Float32Array, Unknown};
use napi_derive::napi;
use saltflat_core::fault::{self, Place};
use saltflat_core::rng::ROUNDS;

/// Orthonormal vectors, one more with each `add`.
#[napi]
pub struct Basis {
    basis: Option<placed::Basis>,
    device: &'static str,
}

#[napi]
impl Basis {
    /// An empty one, for vectors of `size` elements. Of `vectors` at most, under the device 'auto': the GPU serves where
    /// there is one with room for them.
    #[napi(constructor, catch_unwind)]
    pub fn new(size: f64, options: Option<WorkspaceOptions>, vectors: Option<f64>) -> Result<Self> {
        let size = whole("size", size, f64::from(i32::MAX))? as usize;
        let rows = Rows::new(size, vectors.unwrap_or(1.0), options)?;
        let device = rows.device();
        Ok(Self { basis: Some(placed::Basis::over(rows)?), device })
    }

    /// Where its vectors lie: 'cpu' or 'cuda'.
    #[napi(getter)]
    pub fn device(&self) -> String {
        self.device.into()
    }

    /// Bytes held, on the host and on the GPU.
    #[napi(getter)]
    pub fn bytes(&self) -> f64 {
        self.basis.as_ref().map_or(0.0, |basis| wherever!(Basis, basis, basis => basis.bytes() as f64))
    }

    /// Takes up the direction of a vector that is new; false where there is none.
    #[napi(catch_unwind)]
    pub fn add(&mut self, #[napi(ts_arg_type = "Float32Array")] vector: Unknown<'_>) -> Result<bool> {
        let vector = Views::default().input("vector", &vector)?;
        wherever!(Basis, self.live()?, basis => basis.add(vector)).map_err(core)
    }

    /// Takes a vector as it is: one of those that a basis like this one held, in their order.
    #[napi(catch_unwind)]
    pub fn restore(&mut self, #[napi(ts_arg_type = "Float32Array")] vector: Unknown<'_>) -> Result<()> {
        let vector = Views::default().input("vector", &vector)?;
        wherever!(Basis, self.live()?, basis => basis.restore(vector)).map_err(core)
    }

    /// A copy of one of its vectors.
    #[napi(catch_unwind)]
    pub fn vector(&mut self, index: f64) -> Result<Float32Array> {
        let index = whole("index", index, f64::from(i32::MAX))? as usize;
        let vector = wherever!(Basis, self.live()?, basis => basis.vector(index)).map_err(core)?;
        Ok(Float32Array::new(vector))
    }

    /// A draw, as `sample` gives it; `clear`: what of it is orthogonal to the basis.
    #[napi(catch_unwind)]
    pub fn draw(
        &mut self,
        seed: f64,
        distribution: String,
        stream: f64,
        step: f64,
        perturbation: f64,
        clear: bool,
    ) -> Result<Float32Array> {
        let draw = draw(seed, &distribution, f64::from(ROUNDS), stream, step, perturbation)?;
        let drawn = wherever!(Basis, self.live()?, basis => basis.draw(draw, clear)).map_err(core)?;
        Ok(Float32Array::new(drawn))
    }

    /// Frees the memory now; V8, which is not told of it, would not see any need to. Twice is harmless.
    #[napi(catch_unwind)]
    pub fn dispose(&mut self) -> Result<()> {
        self.basis = None;
        Ok(())
    }

    fn live(&mut self) -> Result<&mut placed::Basis> {
        fault::point(Place::Call);
        self.basis.as_mut().ok_or_else(gone)
    }
}

fn gone() -> Coded {
    coded("ERR_DISPOSED", "Expected a live basis, received one that was disposed.")
}
