//! The Lanczos iteration as a class: TypeScript multiplies and drives, Rust orthogonalises.

use crate::error::{Coded, Result, coded, core, node, whole};
use crate::view::Views;
use crate::workspace::{WorkspaceOptions, compute};
use napi::Env;
use napi::bindgen_prelude::{Float32Array, ObjectFinalize, Unknown};
use napi_derive::napi;
use saltflat_core::fault::{self, Place};
use saltflat_core::memory::{copied, filled};
use saltflat_core::tridiagonal::{self, Rows};

/// A run of the iteration, with its vectors in native memory.
#[napi(custom_finalize)]
pub struct Lanczos {
    run: Option<saltflat_core::Lanczos>,
    size: usize,
    bytes: i64,
}

impl ObjectFinalize for Lanczos {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-self.bytes).map(|_| ())
    }
}

#[napi]
impl Lanczos {
    /// For an operator on `size` elements; `keep`: the basis stays, one vector a step, and stays orthogonal.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: &Env, size: f64, keep: bool, options: Option<WorkspaceOptions>) -> Result<Self> {
        let size = whole("size", size, f64::from(i32::MAX))? as usize;
        let (level, threads) = compute(options)?;
        let run = saltflat_core::Lanczos::new(size, keep, level, threads).map_err(core)?;
        let mut made = Self { run: Some(run), size, bytes: 0 };
        made.account(env)?;
        Ok(made)
    }

    /// Bytes of native memory held.
    #[napi(getter)]
    pub fn bytes(&self) -> f64 {
        self.bytes as f64
    }

    /// Begins anew from a vector of any length but 0.
    #[napi(catch_unwind)]
    pub fn start(
        &mut self,
        env: &Env,
        #[napi(ts_arg_type = "Float32Array")] vector: Unknown<'_>,
    ) -> Result<()> {
        let vector = Views::default().input("vector", &vector)?;
        self.run()?.start(vector).map_err(core)?;
        self.account(env)
    }

    /// A copy of the vector to multiply next.
    #[napi(catch_unwind)]
    pub fn vector(&mut self) -> Result<Float32Array> {
        let vector = self.run()?.vector().map_err(core)?;
        Ok(Float32Array::new(copied(vector).map_err(core)?))
    }

    /// Takes H times that vector; α and β, which is 0 where the run has come to its end.
    #[napi(catch_unwind)]
    pub fn step(
        &mut self,
        env: &Env,
        #[napi(ts_arg_type = "Float32Array")] product: Unknown<'_>,
    ) -> Result<Vec<f64>> {
        let product = Views::default().input("product", &product)?;
        let (alpha, beta) = self.run()?.step(product).map_err(core)?;
        self.account(env)?;
        Ok(vec![alpha, beta])
    }

    /// Σ cᵢ·vᵢ over the kept basis.
    #[napi(catch_unwind)]
    pub fn combine(&mut self, coefficients: Vec<f64>) -> Result<Float32Array> {
        let mut out = filled(self.size, 0.0).map_err(core)?;
        self.run()?.combine(&coefficients, &mut out).map_err(core)?;
        Ok(Float32Array::new(out))
    }

    /// Frees the memory now. Twice is harmless.
    #[napi(catch_unwind)]
    pub fn dispose(&mut self, env: &Env) -> Result<()> {
        self.run = None;
        self.account(env)
    }

    fn run(&mut self) -> Result<&mut saltflat_core::Lanczos> {
        fault::point(Place::Call);
        self.run.as_mut().ok_or_else(gone)
    }

    /// Tells V8 what is held now.
    fn account(&mut self, env: &Env) -> Result<()> {
        let bytes = self.run.as_ref().map_or(0, |run| run.bytes() as i64);
        env.adjust_external_memory(bytes - std::mem::replace(&mut self.bytes, bytes)).map_err(node)?;
        Ok(())
    }
}

/// Eigenvalues of a symmetric tridiagonal matrix, ascending, and rows of its eigenvectors.
#[napi(object)]
pub struct TridiagonalEigen {
    /// The eigenvalues.
    pub values: Vec<f64>,
    /// `rows` entries an eigenvalue, one eigenvalue after the other.
    pub vectors: Vec<f64>,
    /// Entries an eigenvalue.
    pub rows: u32,
}

/// Decomposes a symmetric tridiagonal matrix; `rows`: 'first', 'ends' or 'all' of each eigenvector.
#[napi(catch_unwind)]
pub fn tridiagonal_eigen(diagonal: Vec<f64>, off: Vec<f64>, rows: String) -> Result<TridiagonalEigen> {
    let rows = match rows.as_str() {
        "first" => Rows::First,
        "ends" => Rows::Ends,
        "all" => Rows::All,
        _ => {
            return Err(coded(
                "ERR_INVALID_ARGUMENT",
                format!("Expected 'first', 'ends' or 'all' for rows, received '{rows}'."),
            ));
        }
    };
    let found = tridiagonal::eigen(&diagonal, &off, rows).map_err(core)?;
    Ok(TridiagonalEigen { values: found.values, vectors: found.vectors, rows: found.rows as u32 })
}

fn gone() -> Coded {
    coded("ERR_DISPOSED", "Expected a live run, received one that was disposed.")
}
