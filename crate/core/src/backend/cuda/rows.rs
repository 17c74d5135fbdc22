//! A basis in the memory of the GPU: what [`crate::backend::cpu::rows`] is on the CPU. Products come up and vectors go down;
//! all else stays there.

use super::args::{STRIP, Sweep};
use super::device::Device;
use super::launch::Folder;
use super::memory::Buffer;
use super::staging::Staging;
use crate::backend::Space;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::noise::Draw;
use crate::rounded;
use std::sync::Arc;

/// Vectors that can be combined in place.
pub const MOST: usize = STRIP;

/// A vector on the device, padded with zeros to whole tiles.
pub struct Vector(Buffer<f32>);

/// Who does the passes, over vectors of one length.
pub struct Rows {
    device: Arc<Device>,
    layout: Layout,
    staging: Staging,
    /// For one sum a chunk.
    one: Folder,
    /// For passes over several rows, as many as there has been need for.
    several: Option<Several>,
}

/// Tables of passes over several rows.
struct Several {
    room: usize,
    /// Where each row lies.
    addresses: Buffer<u64>,
    coefficients: Buffer<f32>,
    /// For a sum a chunk of each row.
    folder: Folder,
}

impl Rows {
    /// For vectors of `size` elements.
    pub fn new(size: usize, device: Arc<Device>) -> Result<Self> {
        let layout = Layout::new(&[size])?;
        let one = Folder::new(&device, &[0, layout.chunks().len() as u64], 1)?;
        let staging = Staging::new(&device, size)?;
        Ok(Self { device, layout, staging, one, several: None })
    }

    /// What every pass is told.
    fn told(&self) -> Sweep {
        let (size, count) = (self.size() as u64, self.layout.chunks().len() as u32);
        Sweep { sums: self.one.sums(), size, count, ..Sweep::default() }
    }

    fn launch(&self, kernel: &str, args: Sweep) -> Result<()> {
        self.device.launch(kernel, args, self.layout.chunks().len())
    }

    /// Tables of these rows and coefficients, and what a pass is told of them.
    fn tables<'a>(
        &mut self,
        rows: impl ExactSizeIterator<Item = &'a Vector>,
        coefficients: &[f32],
    ) -> Result<(&mut Several, Sweep)> {
        let addresses: Vec<u64> = rows.map(|row| row.0.address()).collect();
        let (device, chunks, args) = (&self.device, self.layout.chunks().len(), self.told());
        let fits = |several: &Several| {
            several.room >= addresses.len() && several.coefficients.len() >= coefficients.len()
        };
        let several = match self.several.take().filter(fits) {
            Some(several) => several,
            None => {
                let room = addresses.len().next_power_of_two().max(16);
                let firsts: Vec<u64> = (0..=room).map(|row| (row * chunks) as u64).collect();
                Several {
                    room,
                    addresses: Buffer::zeroed(device, room)?,
                    coefficients: Buffer::zeroed(device, coefficients.len().max(room))?,
                    folder: Folder::new(device, &firsts, 1)?,
                }
            }
        };
        let several = self.several.insert(several);
        several.addresses.set(0, &addresses)?;
        several.coefficients.set(0, coefficients)?;
        // Until here nothing but tables is written, from memory that may go now.
        device.wait()?;
        let (row_count, rows) = (addresses.len() as u32, several.addresses.address());
        let coefficients = several.coefficients.address();
        Ok((several, Sweep { rows, row_count, coefficients, ..args }))
    }

    /// w ← w − Σ cᵢ·rowᵢ by a kernel that reads such rows; w·w.
    fn subtract_by(
        &mut self,
        kernel: &str,
        rows: &[&Vector],
        coefficients: &[f32],
        w: &mut Vector,
    ) -> Result<f64> {
        if rows.len() != coefficients.len() {
            let (expected, came) = (rows.len(), coefficients.len());
            return Err(Error::Shape(format!("Expected {expected} coefficients, received {came}.")));
        }
        let negative: Vec<f32> = coefficients.iter().map(|c| -c).collect();
        let (_, args) = self.tables(rows.iter().copied(), &negative)?;
        self.launch(kernel, Sweep { w: w.0.address(), ..args })?;
        Ok(self.one.fold(1)?[0])
    }

    /// rowᵢ·w of so many rows by a kernel that is told where these vectors lie.
    fn dots_by(&mut self, kernel: &str, vectors: &[&Vector], rows: usize, w: &Vector) -> Result<Vec<f64>> {
        let device = self.device.clone();
        let (several, args) = self.tables(vectors.iter().copied(), &[])?;
        let (sums, row_count) = (several.folder.sums(), rows as u32);
        device.launch(kernel, Sweep { sums, row_count, w: w.0.address(), ..args }, args.count as usize)?;
        Ok(several.folder.fold_first(rows, 1)?.to_vec())
    }
}

impl Space for Rows {
    type Vector = Vector;

    fn size(&self) -> usize {
        self.layout.sizes()[0]
    }

    fn bytes(&self) -> usize {
        let tables = self.several.as_ref().map_or(0, |several| {
            several.addresses.bytes() + several.coefficients.bytes() + several.folder.bytes()
        });
        self.staging.bytes() + self.one.bytes() + tables
    }

    fn vector_bytes(vector: &Vector) -> usize {
        vector.0.bytes()
    }

    fn vector(&self) -> Result<Vector> {
        Ok(Vector(Buffer::zeroed(&self.device, self.layout.total())?))
    }

    fn write(&mut self, values: &[f32], w: &mut Vector) -> Result<()> {
        self.staging.upload(values, &mut w.0, 0)
    }

    fn draw(&mut self, draw: Draw, w: &mut Vector) -> Result<()> {
        self.launch("draw", Sweep { draw: draw.into(), w: w.0.address(), ..self.told() })
    }

    fn read(&mut self, vector: &Vector, values: &mut [f32]) -> Result<()> {
        let size = self.size();
        self.staging.download(&vector.0, 0..size, |first, piece| {
            values[first..first + piece.len()].copy_from_slice(piece)
        })
    }

    fn project(
        &mut self,
        hv: &[f32],
        before: Option<(&Vector, f32)>,
        v: &Vector,
        w: &mut Vector,
    ) -> Result<f64> {
        self.write(hv, w)?;
        let (before, factor) = before.map_or((0, 0.0), |(row, beta)| (row.0.address(), -beta));
        let (v, w) = (v.0.address(), w.0.address());
        // Each thread reads its elements of the product before it writes them.
        self.launch("project", Sweep { hv: w, before, factor, v, w, ..self.told() })?;
        Ok(self.one.fold(1)?[0])
    }

    fn subtract(&mut self, rows: &[&Vector], coefficients: &[f32], w: &mut Vector) -> Result<f64> {
        self.subtract_by("subtract", rows, coefficients, w)
    }

    fn dots(&mut self, rows: &[&Vector], w: &Vector) -> Result<Vec<f64>> {
        self.dots_by("dots", rows, rows.len(), w)
    }

    fn room(&self) -> Result<Vector> {
        Ok(Vector(Buffer::zeroed(&self.device, rounded::room(self.layout.total()))?))
    }

    fn round(&mut self, factor: f32, w: &mut Vector, copy: &mut Vector) -> Result<()> {
        let (w, copy) = (w.0.address(), copy.0.address());
        self.launch("round_row", Sweep { factor, w, copy, ..self.told() })
    }

    fn subtract_rounded(&mut self, copies: &[&Vector], coefficients: &[f32], w: &mut Vector) -> Result<f64> {
        self.subtract_by("subtract_rounded", copies, coefficients, w)
    }

    fn dots_rounded(&mut self, rows: &[&Vector], copies: &[&Vector], w: &Vector) -> Result<Vec<f64>> {
        // The kernel finds a row as far behind its copy as there are rows.
        self.dots_by("dots_rounded", &[copies, rows].concat(), copies.len(), w)
    }

    fn scale(&mut self, factor: f32, w: &mut Vector) -> Result<()> {
        self.launch("scale", Sweep { factor, w: w.0.address(), ..self.told() })
    }

    fn rotate(&mut self, rows: &mut [&mut Vector], coefficients: &[f32]) -> Result<()> {
        if rows.is_empty() || rows.len() > MOST || !coefficients.len().is_multiple_of(rows.len()) {
            let came = rows.len();
            return Err(Error::Invalid(format!(
                "Expected 1 to {MOST} vectors to combine on a GPU, and a coefficient for each, received {came}."
            )));
        }
        let outcomes = (coefficients.len() / rows.len()) as u32;
        let (_, args) = self.tables(rows.iter().map(|row| &**row), coefficients)?;
        self.launch("rotate", Sweep { outcomes, ..args })
    }
}
