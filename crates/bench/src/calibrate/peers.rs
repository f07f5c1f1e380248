//! OpenCV, through Python, on the same pictures.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;
use walkout_perception::calibration::GreyPicture;

/// Why OpenCV did not run.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Files of the exchange.
    #[error("{what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Python could not be started.
    #[error("start {python}: {source}; name one with --python")]
    Start {
        /// Which.
        python: String,
        /// Why.
        source: std::io::Error,
    },
    /// Python failed.
    #[error("{python} failed; it needs: pip install opencv-python-headless numpy\n{tail}")]
    Failed {
        /// Which.
        python: String,
        /// The end of what it said.
        tail: String,
    },
    /// It said what nobody understands.
    #[error("unexpected line from Python: {0}")]
    Line(String),
}

/// One line of its answer.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Said {
    pub who: String,
    #[serde(default)]
    pub file: String,
    #[serde(default)]
    pub set: String,
    #[serde(default)]
    pub corners: Vec<[f64; 2]>,
    #[serde(default)]
    pub tags: Vec<SaidTag>,
    pub seconds: f64,
    #[serde(default)]
    pub focal: [f64; 2],
    #[serde(default)]
    pub principal: [f64; 2],
    #[serde(default)]
    pub distortion: Vec<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct SaidTag {
    pub id: u16,
    pub corners: [[f64; 2]; 4],
}

/// Pictures in a scratch folder that is removed at the end.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Result<Self, PeerError> {
        let path =
            std::env::temp_dir().join(format!("walkout-calibrate-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|e| file("create", &path, e))?;
        Ok(Self(path))
    }

    /// Writes a picture as PGM.
    pub(super) fn add(&self, name: &str, picture: &GreyPicture) -> Result<(), PeerError> {
        let [w, h] = picture.size_px();
        let mut bytes = format!("P5\n{w} {h}\n255\n").into_bytes();
        for y in 0..h {
            bytes.extend((0..w).map(|x| picture.pixel(x, y).round() as u8));
        }
        let path = self.0.join(format!("{name}.pgm"));
        std::fs::write(&path, bytes).map_err(|e| file("write", &path, e))
    }

    pub(super) fn ask(&self, python: &str, args: &[&str]) -> Result<Vec<Said>, PeerError> {
        let (kind, rest) = args.split_first().unwrap_or((&"", &[]));
        let output = Command::new(python)
            .arg("-c")
            .arg(include_str!("peers.py"))
            .arg(kind)
            .arg(&self.0)
            .args(rest)
            .output()
            .map_err(|source| PeerError::Start {
                python: python.to_owned(),
                source,
            })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let lines: Vec<&str> = said.lines().rev().take(4).collect();
            return Err(PeerError::Failed {
                python: python.to_owned(),
                tail: lines.into_iter().rev().collect::<Vec<_>>().join("\n"),
            });
        }
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| {
                serde_json::from_str(line)
                    .map_err(|_| PeerError::Line(line.chars().take(200).collect()))
            })
            .collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that stays behind in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn file(what: &'static str, path: &Path, source: std::io::Error) -> PeerError {
    PeerError::File {
        what,
        path: path.to_owned(),
        source,
    }
}
