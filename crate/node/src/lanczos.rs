//! The Lanczos iteration as a class: TypeScript multiplies and drives, Rust orthogonalises.

use crate::error::{Coded, Result, coded, core, given, whole};
use crate::placed::{self, Rows as Placed, wherever};
use crate::sample::draw;
use crate::view::{Views, elements};
use crate::workspace::WorkspaceOptions;
use napi::bindgen_prelude::{Array, Float32Array, Unknown};
use napi_derive::napi;
use saltflat_core::fault::{self, Place};
use saltflat_core::lanczos::{Start, State};
use saltflat_core::projected::Projected;
use saltflat_core::rng::ROUNDS;
use saltflat_core::tridiagonal::{self, Rows};

/// A run of the iteration, with its vectors in native memory or on the GPU.
#[napi]
pub struct Lanczos {
    run: Option<placed::Lanczos>,
    device: &'static str,
}

#[napi]
impl Lanczos {
    /// For an operator on `size` elements; `keep`: the basis stays, one vector a step, and stays orthogonal. Of `vectors`
    /// at most, under the device 'auto': the GPU serves where there is one with room for them.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        size: f64,
        keep: bool,
        options: Option<WorkspaceOptions>,
        vectors: Option<f64>,
    ) -> Result<Self> {
        let size = whole("size", size, f64::from(i32::MAX))? as usize;
        let rows = Placed::new(size, vectors.unwrap_or(3.0), options)?;
        let device = rows.device();
        Ok(Self { run: Some(placed::Lanczos::over(rows, keep)), device })
    }

    /// Where its vectors lie: 'cpu' or 'cuda'.
    #[napi(getter)]
    pub fn device(&self) -> String {
        self.device.into()
    }

    /// Bytes held, on the host and on the GPU.
    #[napi(getter)]
    pub fn bytes(&self) -> f64 {
        self.run.as_ref().map_or(0.0, |run| wherever!(Lanczos, run, run => run.bytes() as f64))
    }

    /// Vectors that one of the basis takes in memory: 1, or about 1.5 where long ones are kept with a rounded copy.
    #[napi(getter, catch_unwind)]
    pub fn vectors_a_row(&mut self) -> Result<f64> {
        Ok(wherever!(Lanczos, self.run()?, run => run.vectors_a_row()))
    }

    /// Begins anew from a vector of any length but 0.
    #[napi(catch_unwind)]
    pub fn start(&mut self, #[napi(ts_arg_type = "Float32Array")] vector: Unknown<'_>) -> Result<()> {
        let vector = Views::default().input("vector", &vector)?;
        wherever!(Lanczos, self.run()?, run => run.start(Start::Along(vector))).map_err(core)
    }

    /// Begins anew from a draw of the seed: what `sample` gives for it.
    #[napi(catch_unwind)]
    pub fn start_drawn(&mut self, seed: f64, distribution: String, stream: f64, index: f64) -> Result<()> {
        let draw = draw(seed, &distribution, f64::from(ROUNDS), stream, 0.0, index)?;
        wherever!(Lanczos, self.run()?, run => run.start(Start::Drawn(draw))).map_err(core)
    }

    /// A copy of the vector to multiply next.
    #[napi(catch_unwind)]
    pub fn vector(&mut self) -> Result<Float32Array> {
        let vector = wherever!(Lanczos, self.run()?, run => run.vector()).map_err(core)?;
        Ok(Float32Array::new(vector))
    }

    /// values ← the vector to multiply next.
    #[napi(catch_unwind)]
    pub fn read(&mut self, #[napi(ts_arg_type = "Float32Array")] values: Unknown<'_>) -> Result<()> {
        let values = Views::default().output("values", &values)?;
        wherever!(Lanczos, self.run()?, run => run.read(values)).map_err(core)
    }

    /// Takes H times that vector; α and β, which is 0 where the run has come to its end.
    #[napi(catch_unwind)]
    pub fn step(&mut self, #[napi(ts_arg_type = "Float32Array")] product: Unknown<'_>) -> Result<Vec<f64>> {
        let product = Views::default().input("product", &product)?;
        let (alpha, beta) = wherever!(Lanczos, self.run()?, run => run.step(product)).map_err(core)?;
        Ok(vec![alpha, beta])
    }

    /// Eigenvalues of the projected matrix, ascending, and a bound on the residual of each Ritz vector.
    #[napi(catch_unwind)]
    pub fn ritz(&mut self) -> Result<RitzPairs> {
        let found = wherever!(Lanczos, self.run()?, run => run.ritz()).map_err(core)?;
        Ok(RitzPairs { values: found.eigen.values, residuals: found.residuals })
    }

    /// Goes on from the Ritz vectors at these places, ascending, alone.
    #[napi(catch_unwind)]
    pub fn restart(&mut self, kept: Vec<f64>) -> Result<()> {
        let kept = places("kept", &kept)?;
        wherever!(Lanczos, self.run()?, run => run.restart(&kept)).map_err(core)
    }

    /// Sets the Ritz vectors at these places apart, behind those of the locked ones that stay so; what follows is a start.
    #[napi(catch_unwind)]
    pub fn lock(&mut self, stay: Vec<f64>, kept: Vec<f64>) -> Result<()> {
        let (stay, kept) = (places("stay", &stay)?, places("kept", &kept)?);
        wherever!(Lanczos, self.run()?, run => run.lock(&stay, &kept)).map_err(core)
    }

    /// A copy of a vector of the basis, the locked ones first.
    #[napi(catch_unwind)]
    pub fn basis(&mut self, place: f64) -> Result<Float32Array> {
        let place = whole("place", place, f64::from(i32::MAX))? as usize;
        let vector = wherever!(Lanczos, self.run()?, run => run.basis(place)).map_err(core)?;
        Ok(Float32Array::new(vector))
    }

    /// All that the run is besides its vectors.
    #[napi(catch_unwind)]
    pub fn state(&mut self) -> Result<LanczosState> {
        let state = wherever!(Lanczos, self.run()?, run => run.state()).map_err(core)?;
        let State { vectors, locked, projected, scale } = state;
        let Projected { thetas, arrow, alphas, betas, leaks } = projected;
        let (vectors, locked) = (vectors as f64, locked as f64);
        Ok(LanczosState { vectors, locked, thetas, arrow, alphas, betas, leaks, scale })
    }

    /// Stands where the run stood that gave this state and these vectors of its basis.
    #[napi(catch_unwind)]
    pub fn restore(
        &mut self,
        #[napi(ts_arg_type = "LanczosState")] state: Option<LanczosState>,
        #[napi(ts_arg_type = "Array<Float32Array>")] vectors: Array<'_>,
    ) -> Result<()> {
        let LanczosState { vectors: count, locked, thetas, arrow, alphas, betas, leaks, scale } =
            given("the state", state)?;
        let locked = whole("locked", locked, f64::from(i32::MAX))? as usize;
        let vectors = Views::default().inputs("vectors", &elements(&vectors)?)?;
        let listed = vectors.len();
        let vectors: Vec<&[f32]> = vectors.into_iter().flatten().collect();
        if listed as f64 != count || vectors.len() != listed {
            let said = format!("Expected {count} vectors, received {}.", vectors.len());
            return Err(coded("ERR_SHAPE", said));
        }
        let projected = Projected { thetas, arrow, alphas, betas, leaks };
        let state = State { vectors: listed, locked, projected, scale };
        wherever!(Lanczos, self.run()?, run => run.restore(&state, &vectors)).map_err(core)
    }

    /// Frees the memory now; V8, which is not told of it, would not see any need to. Twice is harmless.
    #[napi(catch_unwind)]
    pub fn dispose(&mut self) -> Result<()> {
        self.run = None;
        Ok(())
    }

    fn run(&mut self) -> Result<&mut placed::Lanczos> {
        fault::point(Place::Call);
        self.run.as_mut().ok_or_else(gone)
    }
}

/// What a projected matrix says of the operator's eigenvalues.
#[napi(object)]
pub struct RitzPairs {
    /// Ritz values, ascending.
    pub values: Vec<f64>,
    /// A bound on ‖Hx − θx‖ of each.
    pub residuals: Vec<f64>,
}

/// All that a run is at a moment between steps, besides the vectors themselves.
#[napi(object)]
pub struct LanczosState {
    /// Vectors in the basis.
    pub vectors: f64,
    /// How many of them are locked: the first.
    pub locked: f64,
    /// Ritz values that a restart has kept.
    pub thetas: Vec<f64>,
    /// Their couplings to the vector after them.
    pub arrow: Vec<f64>,
    /// The diagonal after them.
    pub alphas: Vec<f64>,
    /// Its neighbours, and what is left of the last product.
    pub betas: Vec<f64>,
    /// What each product had in locked directions.
    pub leaks: Vec<f64>,
    /// The largest element of any projected matrix so far.
    pub scale: f64,
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

fn places(name: &str, values: &[f64]) -> Result<Vec<usize>> {
    values.iter().map(|value| Ok(whole(name, *value, f64::from(i32::MAX))? as usize)).collect()
}

fn gone() -> Coded {
    coded("ERR_DISPOSED", "Expected a live run, received one that was disposed.")
}
