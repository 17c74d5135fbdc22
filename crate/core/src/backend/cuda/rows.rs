//! Passes over a basis of long rows on the GPU: what [`crate::backend::cpu::rows`] is on the CPU, with vectors that stay on
//! the device.

use super::args::Sweep;
use super::device::Device;
use super::launch::Folder;
use super::memory::Buffer;
use crate::error::{Error, Result};
use crate::layout::Layout;
use std::sync::Arc;

/// A vector on the device, padded with zeros to whole tiles.
pub struct Vector(Buffer<f32>);

impl Vector {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Who does the passes, over vectors of one length.
pub struct Rows {
    device: Arc<Device>,
    layout: Layout,
    /// For one sum a chunk.
    one: Folder,
    /// For as many sums as there were rows.
    many: Option<(usize, Folder)>,
}

impl Rows {
    /// For vectors of `size` elements.
    pub fn new(size: usize, device: Arc<Device>) -> Result<Self> {
        let layout = Layout::new(&[size])?;
        let one = Folder::new(&device, &[0, layout.chunks().len() as u64], 1)?;
        Ok(Self { device, layout, one, many: None })
    }

    /// Elements of a vector, without padding.
    pub fn size(&self) -> usize {
        self.layout.sizes()[0]
    }

    /// A vector of zeros.
    pub fn vector(&self) -> Result<Vector> {
        Ok(Vector(Buffer::zeroed(&self.device, self.layout.total())?))
    }

    /// vector ← values
    pub fn upload(&self, values: &[f32], vector: &mut Vector) -> Result<()> {
        self.check(values.len())?;
        vector.0.set(0, values)?;
        self.device.wait()
    }

    /// values ← vector
    pub fn download(&self, vector: &Vector, values: &mut [f32]) -> Result<()> {
        self.check(values.len())?;
        vector.0.get(0, values)?;
        self.device.wait()
    }

    /// w ← hv − β·before, where there is one before; w·v.
    pub fn project(
        &mut self,
        hv: &Vector,
        before: Option<(&Vector, f32)>,
        v: &Vector,
        w: &mut Vector,
    ) -> Result<f64> {
        let (before, factor) = before.map_or((0, 0.0), |(row, beta)| (row.0.address(), -beta));
        let (hv, v, w) = (hv.0.address(), v.0.address(), w.0.address());
        self.launch("project", Sweep { hv, before, factor, v, w, ..self.sweep() })?;
        Ok(self.one.fold(1)?[0])
    }

    /// w ← w − Σ cᵢ·rowᵢ; w·w.
    pub fn subtract(&mut self, rows: &[&Vector], coefficients: &[f32], w: &mut Vector) -> Result<f64> {
        if rows.len() != coefficients.len() {
            let (expected, came) = (rows.len(), coefficients.len());
            return Err(Error::Shape(format!("Expected {expected} coefficients, received {came}.")));
        }
        let table = self.table(rows)?;
        let negative: Vec<f32> = coefficients.iter().map(|c| -c).collect();
        let coefficients = Buffer::of(&self.device, &negative)?;
        let (row_count, w) = (rows.len() as u32, w.0.address());
        let (rows, coefficients) = (table.address(), coefficients.address());
        self.launch("subtract", Sweep { rows, coefficients, row_count, w, ..self.sweep() })?;
        Ok(self.one.fold(1)?[0])
    }

    /// rowᵢ·w of each row.
    pub fn dots(&mut self, rows: &[&Vector], w: &Vector) -> Result<Vec<f64>> {
        let chunks = self.layout.chunks().len() as u64;
        if self.many.as_ref().is_none_or(|(count, _)| *count != rows.len()) {
            let firsts: Vec<u64> = (0..=rows.len() as u64).map(|row| row * chunks).collect();
            self.many = Some((rows.len(), Folder::new(&self.device, &firsts, 1)?));
        }
        let table = self.table(rows)?;
        let (row_count, rows, w) = (rows.len() as u32, table.address(), w.0.address());
        let args = Sweep { rows, row_count, w, ..self.sweep() };
        match &mut self.many {
            Some((_, folder)) => {
                let sums = folder.sums();
                self.device.launch("dots", Sweep { sums, ..args }, chunks as usize)?;
                Ok(folder.fold(1)?.to_vec())
            }
            None => Ok(vec![]),
        }
    }

    /// w ← factor·w
    pub fn scale(&mut self, factor: f32, w: &mut Vector) -> Result<()> {
        self.launch("scale", Sweep { factor, w: w.0.address(), ..self.sweep() })
    }

    fn sweep(&self) -> Sweep {
        let (size, count) = (self.size() as u64, self.layout.chunks().len() as u32);
        Sweep { sums: self.one.sums(), size, count, ..Sweep::default() }
    }

    fn launch(&self, kernel: &str, args: Sweep) -> Result<()> {
        self.device.launch(kernel, args, self.layout.chunks().len())
    }

    fn table(&self, rows: &[&Vector]) -> Result<Buffer<u64>> {
        let addresses: Vec<u64> = rows.iter().map(|row| row.0.address()).collect();
        Buffer::of(&self.device, &addresses)
    }

    fn check(&self, came: usize) -> Result<()> {
        let expected = self.size();
        if expected == came {
            Ok(())
        } else {
            Err(Error::Shape(format!("Expected {expected} elements, received {came}.")))
        }
    }
}
