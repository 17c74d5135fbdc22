//! A process of torch on the same GPU, which works only while it is asked: one request a line, one number a line back.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Torch {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub version: String,
}

impl Torch {
    /// Starts this script, if there is a Python with torch and CUDA to do so.
    pub fn start(script: Option<&str>) -> Option<Self> {
        let started = Self::started(script);
        println!("torch: {}", started.as_ref().map_or("absent", |torch| &torch.version));
        started
    }

    fn started(script: Option<&str>) -> Option<Self> {
        let python = std::env::var("SALTFLAT_PYTHON").unwrap_or_else(|_| "python3".into());
        let mut command = Command::new(python);
        command.arg(script?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let (input, output) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut torch = Self { child, input, output, version: String::new() };
        torch.version = torch.line()?;
        Some(torch)
    }

    /// Seconds of `add_(randn_like)` on so many floats.
    pub fn noise(&mut self, size: usize) -> Option<f64> {
        self.ask(&format!("noise {size}"))
    }

    /// Seconds of PyHessian's Lanczos, with a product that costs next to nothing.
    pub fn lanczos(&mut self, size: usize, steps: usize) -> Option<f64> {
        self.ask(&format!("lanczos {size} {steps}"))
    }

    fn ask(&mut self, request: &str) -> Option<f64> {
        writeln!(self.input, "{request}").ok()?;
        self.line()?.parse().ok()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).ok()?;
        (read > 0 && !line.starts_with("absent")).then(|| line.trim().into())
    }
}

impl Drop for Torch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
