//! The vectors an optimizer owns and the passes over them, as a class.

mod options;
mod passes;
mod short;

use crate::device::backend;
use crate::error::{Coded, Result, coded, core, finite, given, node, whole};
use crate::sample::draw;
use crate::view::{Views, elements};
use napi::Env;
use napi::bindgen_prelude::{Array, Float32Array, ObjectFinalize, Unknown};
use napi_derive::napi;
use options::VectorOptions;
pub use options::{WorkspaceOptions, compute, update_fields};
use saltflat_core::backend::Noise;
use saltflat_core::fault::{self, Place};
use saltflat_core::noise::MAX_PERTURBATIONS;
use saltflat_core::rng::ROUNDS;
use saltflat_core::{Backend, Draw, Hyper, Penalty, Rule, Vectors, Which};
use std::cell::{Cell, RefCell, RefMut};

/// W, G, P and the moments of one optimizer in native memory, with the fused passes of a training step.
#[napi(custom_finalize)]
pub struct Workspace {
    /// Its base optimizer, made of a step's hyperparameters.
    rule: fn(Hyper) -> Rule,
    moments: usize,
    device: &'static str,
    bytes: Cell<usize>,
    device_bytes: Cell<usize>,
    /// A call first fetches its arguments, which may run JavaScript and so come back to this very workspace, and then
    /// borrows this.
    inner: RefCell<Inner>,
}

struct Inner {
    backend: Option<Box<dyn Backend>>,
    draw: Draw,
    sizes: Vec<usize>,
    scales: Vec<f32>,
}

impl Inner {
    fn backend(&mut self) -> Result<&mut (dyn Backend + 'static)> {
        live(&mut self.backend)
    }

    fn at(&self, j: f64) -> Result<Draw> {
        let j = whole("perturbation", j, f64::from(MAX_PERTURBATIONS - 1))? as u32;
        Ok(Draw { index: self.draw.index + j, ..self.draw })
    }

    fn with_noise(&mut self, j: f64) -> Result<(&mut (dyn Backend + 'static), Noise<'_>)> {
        let draw = self.at(j)?;
        let backend = live(&mut self.backend)?;
        Ok((backend, Noise { draw, scales: &self.scales }))
    }

    fn tensor(&self, tensor: f64) -> Result<usize> {
        Ok(whole("tensor", tensor, self.scales.len() as f64 - 1.0)? as usize)
    }
}

impl Workspace {
    /// What V8 is told, so that it collects what nobody disposed of: the host's and the device's, for both run out.
    fn external(&self) -> i64 {
        (self.bytes.get() + self.device_bytes.get()) as i64
    }

    fn inner(&self) -> Result<RefMut<'_, Inner>> {
        let busy = |_| coded("ERR_STATE", "Expected one call at a time, received one inside another.");
        self.inner.try_borrow_mut().map_err(busy)
    }
}

impl ObjectFinalize for Workspace {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-self.external()).map(|_| ())
    }
}

#[napi]
impl Workspace {
    /// Zeroed vectors for tensors of these sizes: W, the moments of the rule, and those asked for.
    #[napi(
        constructor,
        catch_unwind,
        ts_args_type = "sizes: Array<number>, rule: string, vectors: VectorOptions, options?: WorkspaceOptions | undefined | null"
    )]
    pub fn new(
        env: &Env,
        sizes: Vec<f64>,
        rule: String,
        vectors: Option<VectorOptions>,
        options: Option<WorkspaceOptions>,
    ) -> Result<Self> {
        let sizes: Vec<usize> = sizes
            .into_iter()
            .map(|size| whole("a tensor's size", size, f64::from(i32::MAX)).map(|size| size as usize))
            .collect::<Result<_>>()?;
        let (rule, moments) = Rule::maker(&rule).zip(Rule::moments(&rule)).ok_or_else(|| {
            let names = Rule::ALL.map(|(name, _)| name).join(", ");
            coded("ERR_INVALID_ARGUMENT", format!("Expected a base optimizer of {names}, received '{rule}'."))
        })?;
        let vectors = given("the vectors", vectors)?;
        let vectors = Vectors {
            moments,
            sums: whole("sums", vectors.sums, 2.0)? as usize,
            bank: vectors.bank.unwrap_or(false),
            origin: vectors.origin.unwrap_or(false),
        };
        let backend = backend(&sizes, vectors, options)?;
        let none = draw(0.0, "gaussian", f64::from(ROUNDS), 0.0, 0.0, 0.0)?;
        let device = backend.device();
        let (bytes, device_bytes) = (Cell::new(backend.bytes()), Cell::new(backend.device_bytes()));
        let scales = vec![0.0; sizes.len()];
        let inner = RefCell::new(Inner { backend: Some(backend), draw: none, sizes, scales });
        let made = Self { rule, moments, device, bytes, device_bytes, inner };
        env.adjust_external_memory(made.external()).map_err(node)?;
        Ok(made)
    }

    /// Where its vectors lie: 'cpu' or 'cuda'.
    #[napi(getter)]
    pub fn device(&self) -> String {
        self.device.into()
    }

    /// Bytes of native memory held on the host.
    #[napi(getter)]
    pub fn bytes(&self) -> f64 {
        self.bytes.get() as f64
    }

    /// Bytes held on the device, where that has memory of its own.
    #[napi(getter)]
    pub fn device_bytes(&self) -> f64 {
        self.device_bytes.get() as f64
    }

    /// Moment vectors that the base optimizer keeps.
    #[napi(getter)]
    pub fn moments(&self) -> u32 {
        self.moments as u32
    }

    /// Throws where a panic, or the GPU, has cut an update short: W or the moments are then of two steps.
    #[napi(catch_unwind)]
    pub fn check_whole(&self) -> Result<()> {
        self.inner()?.backend()?.whole().map_err(core)
    }

    /// Frees the memory now. Twice is harmless.
    #[napi(catch_unwind)]
    pub fn dispose(&self, env: &Env) -> Result<()> {
        self.inner()?.backend = None;
        let external = self.external();
        self.bytes.set(0);
        self.device_bytes.set(0);
        env.adjust_external_memory(-external).map_err(node)?;
        Ok(())
    }

    /// W ← weights. The first time also W₀, where it is kept.
    #[napi(catch_unwind)]
    pub fn load(&self, #[napi(ts_arg_type = "Array<Float32Array>")] weights: Array<'_>) -> Result<()> {
        let weights = elements(&weights)?;
        let mut inner = self.inner()?;
        let mut views = Views::default();
        let weights: Option<Vec<&[f32]>> = views.inputs("weights", &weights)?.into_iter().collect();
        let weights =
            weights.ok_or_else(|| coded("ERR_INVALID_ARGUMENT", "Expected every weight, received a gap."))?;
        inner.backend()?.load(&weights).map_err(core)
    }

    /// What pulls on each tensor besides its gradient: g ← g + l2·w + distance·(w − w₀), w ← w − η·decay·w.
    #[napi(catch_unwind)]
    pub fn set_penalties(&self, l2: Vec<f64>, decay: Vec<f64>, distance: Vec<f64>) -> Result<()> {
        let mut inner = self.inner()?;
        let count = inner.scales.len();
        if [l2.len(), decay.len(), distance.len()] != [count; 3] {
            let came = format!("{}, {} and {}", l2.len(), decay.len(), distance.len());
            let said = format!("Expected {count} coefficients of each kind, received {came}.");
            return Err(coded("ERR_SHAPE", said));
        }
        for value in l2.iter().chain(&decay).chain(&distance) {
            finite("each coefficient", *value)?;
        }
        let each = l2.iter().zip(&decay).zip(&distance);
        let penalties: Vec<_> = each
            .map(|((l2, decay), distance)| Penalty {
                l2: *l2 as f32,
                decay: *decay,
                distance: *distance as f32,
            })
            .collect();
        inner.backend()?.set_penalties(&penalties).map_err(core)
    }

    /// A copy of one tensor of an owned vector: 'moment0' …, 'mean' (left by the rule 'mean'), 'bank' (earlier
    /// micro-batches), 'origin' (where the weights began).
    #[napi(catch_unwind)]
    pub fn vector(&self, name: String, tensor: f64) -> Result<Float32Array> {
        let mut inner = self.inner()?;
        let tensor = inner.tensor(tensor)?;
        let backend = inner.backend()?;
        backend.whole().map_err(core)?;
        let vector = backend.read(which(&name)?, tensor).map_err(core)?;
        Ok(Float32Array::new(vector.ok_or_else(|| unknown(&name))?))
    }

    /// Sets one tensor of such a vector.
    #[napi(catch_unwind)]
    pub fn set_vector(
        &self,
        name: String,
        tensor: f64,
        #[napi(ts_arg_type = "Float32Array")] values: Unknown<'_>,
    ) -> Result<()> {
        let values = Views::default().input("values", &values)?;
        let mut inner = self.inner()?;
        let tensor = inner.tensor(tensor)?;
        let backend = inner.backend()?;
        let which = which(&name)?;
        let expected = backend.layout().sizes()[tensor];
        if values.len() != expected {
            let said = format!("Expected {expected} elements, received {}.", values.len());
            return Err(coded("ERR_SHAPE", said));
        }
        match backend.write(which, tensor, values).map_err(core)? {
            true => Ok(()),
            false => Err(unknown(&name)),
        }
    }

    /// Which tensors the micro-batches in the bank have reached.
    #[napi(catch_unwind)]
    pub fn banked(&self) -> Result<Vec<bool>> {
        Ok(self.inner()?.backend()?.banked().to_vec())
    }

    /// Sets these, for a bank that was saved.
    #[napi(catch_unwind)]
    pub fn set_banked(&self, reached: Vec<bool>) -> Result<()> {
        self.inner()?.backend()?.set_banked(&reached).map_err(core)
    }
}

/// The vector of this name.
fn which(name: &str) -> Result<Which> {
    match name {
        "mean" => Ok(Which::Mean),
        "bank" => Ok(Which::Bank),
        "origin" => Ok(Which::Origin),
        _ => {
            let moment = name.strip_prefix("moment").and_then(|moment| moment.parse().ok());
            moment.map(Which::Moment).ok_or_else(|| unknown(name))
        }
    }
}

fn unknown(name: &str) -> Coded {
    coded("ERR_INVALID_ARGUMENT", format!("Expected a vector that this workspace has, received '{name}'."))
}

/// What every call on a workspace goes by before it does anything.
fn live(backend: &mut Option<Box<dyn Backend>>) -> Result<&mut (dyn Backend + 'static)> {
    fault::point(Place::Call);
    let gone = || coded("ERR_DISPOSED", "Expected a live workspace, received one that was disposed.");
    backend.as_deref_mut().ok_or_else(gone)
}
