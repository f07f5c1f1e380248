//! Python's onnxruntime in a process of its own, asked to run so many times when it is its turn.

use super::{Spent, VisionError};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const PROGRAM: &str = include_str!("peer.py");

/// A process that is ended when it is no longer needed.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Python that holds one network.
pub(super) struct Peer {
    /// Ended when this goes.
    _process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    python: String,
    /// What it gave for the test pattern, one output after the other.
    pub outputs: Vec<f32>,
    /// The version of onnxruntime.
    pub version: String,
}

impl Peer {
    /// Starts it and waits until the network is loaded.
    pub fn start(
        python: &str,
        file: &Path,
        shape: &[usize],
        bytes: bool,
    ) -> Result<Self, VisionError> {
        let scratch = std::env::temp_dir().join(format!(
            "walkout-vision-{}-{}.f32",
            std::process::id(),
            file.file_stem().unwrap_or_default().to_string_lossy()
        ));
        let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
        let child = Command::new(python)
            .args(["-c", PROGRAM])
            .arg(file)
            .arg(&scratch)
            .arg(shape.join("x"))
            .arg(if bytes { "u8" } else { "f32" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| VisionError::Python {
                python: python.to_owned(),
                cause: source.to_string(),
            })?;
        let mut process = Process(child);
        let (Some(input), Some(output)) = (process.0.stdin.take(), process.0.stdout.take()) else {
            return Err(failed(python, "it has no streams"));
        };
        let mut peer = Self {
            _process: process,
            input,
            output: BufReader::new(output),
            python: python.to_owned(),
            outputs: Vec::new(),
            version: String::new(),
        };
        let line = peer.line()?;
        let Some(version) = line.strip_prefix("ready ") else {
            return Err(failed(python, &format!("it said \"{line}\"")));
        };
        peer.version = version.to_owned();
        let written = std::fs::read(&scratch)
            .map_err(|e| failed(python, &format!("{}: {e}", scratch.display())))?;
        peer.outputs = written
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        // A scratch file that stays behind harms nobody.
        let _ = std::fs::remove_file(&scratch);
        Ok(peer)
    }

    /// Runs so many times.
    pub fn run(&mut self, times: u32) -> Result<Spent, VisionError> {
        writeln!(self.input, "{times}").map_err(|e| failed(&self.python, &e.to_string()))?;
        let line = self.line()?;
        let mut numbers = line.split_whitespace().map(str::parse::<f64>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(wall_s)), Some(Ok(cpu_s))) => Ok(Spent { wall_s, cpu_s }),
            _ => Err(failed(&self.python, &format!("it said \"{line}\""))),
        }
    }

    fn line(&mut self) -> Result<String, VisionError> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) | Err(_) => Err(failed(&self.python, "it ended; its words are above")),
            Ok(_) => Ok(line.trim().to_owned()),
        }
    }
}

fn failed(python: &str, cause: &str) -> VisionError {
    VisionError::Python {
        python: python.to_owned(),
        cause: cause.to_owned(),
    }
}
