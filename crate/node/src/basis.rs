//! An orthonormal basis as a class, with its vectors in native memory.

use crate::error::{Coded, Result, coded, core, node, whole};
use crate::view::Views;
use crate::workspace::{WorkspaceOptions, compute};
use napi::Env;
use napi::bindgen_prelude::{Float32Array, ObjectFinalize, Unknown};
use napi_derive::napi;
use saltflat_core::fault::{self, Place};
use saltflat_core::memory::{copied, filled};

/// Orthonormal vectors, one more with each `add`.
#[napi(custom_finalize)]
pub struct Basis {
    basis: Option<saltflat_core::Basis>,
    size: usize,
    bytes: i64,
}

impl ObjectFinalize for Basis {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-self.bytes).map(|_| ())
    }
}

#[napi]
impl Basis {
    /// An empty one, for vectors of `size` elements.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: &Env, size: f64, options: Option<WorkspaceOptions>) -> Result<Self> {
        let size = whole("size", size, f64::from(i32::MAX))? as usize;
        let (level, threads) = compute(options)?;
        let basis = saltflat_core::Basis::new(size, level, threads).map_err(core)?;
        let mut made = Self { basis: Some(basis), size, bytes: 0 };
        made.account(env)?;
        Ok(made)
    }

    /// Bytes of native memory held.
    #[napi(getter)]
    pub fn bytes(&self) -> f64 {
        self.bytes as f64
    }

    /// Takes up the direction of a vector that is new; false where there is none.
    #[napi(catch_unwind)]
    pub fn add(
        &mut self,
        env: &Env,
        #[napi(ts_arg_type = "Float32Array")] vector: Unknown<'_>,
    ) -> Result<bool> {
        let vector = Views::default().input("vector", &vector)?;
        let added = self.live()?.add(vector).map_err(core)?;
        self.account(env)?;
        Ok(added)
    }

    /// A copy of one of its vectors.
    #[napi(catch_unwind)]
    pub fn vector(&mut self, index: f64) -> Result<Float32Array> {
        let index = whole("index", index, f64::from(i32::MAX))? as usize;
        let vector = self.live()?.vector(index).map_err(core)?;
        Ok(Float32Array::new(copied(vector).map_err(core)?))
    }

    /// What of a vector is orthogonal to the basis.
    #[napi(catch_unwind)]
    pub fn remove(
        &mut self,
        #[napi(ts_arg_type = "Float32Array")] vector: Unknown<'_>,
    ) -> Result<Float32Array> {
        let vector = Views::default().input("vector", &vector)?;
        let mut out = filled(self.size, 0.0).map_err(core)?;
        self.live()?.remove(vector, &mut out).map_err(core)?;
        Ok(Float32Array::new(out))
    }

    /// Frees the memory now. Twice is harmless.
    #[napi(catch_unwind)]
    pub fn dispose(&mut self, env: &Env) -> Result<()> {
        self.basis = None;
        self.account(env)
    }

    fn live(&mut self) -> Result<&mut saltflat_core::Basis> {
        fault::point(Place::Call);
        self.basis.as_mut().ok_or_else(gone)
    }

    /// Tells V8 what is held now.
    fn account(&mut self, env: &Env) -> Result<()> {
        let bytes = self.basis.as_ref().map_or(0, |basis| basis.bytes() as i64);
        env.adjust_external_memory(bytes - std::mem::replace(&mut self.bytes, bytes)).map_err(node)?;
        Ok(())
    }
}

fn gone() -> Coded {
    coded("ERR_DISPOSED", "Expected a live basis, received one that was disposed.")
}
