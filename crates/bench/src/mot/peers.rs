//! Other people's trackers on the same boxes: those of PyPI through Python, and `trackforge` behind the
//! feature `peers`. Each runs with its own defaults and the sequence's frame rate.

use super::files::{FRAMES_MAX, Labelled, MotError, Sequence, read_results, write};
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What another tracker made of a sequence.
#[derive(Clone, Debug)]
pub struct Lap {
    /// Which tracker.
    pub tracker: String,
    /// Index of the sequence.
    pub sequence: usize,
    /// Its tracks by frame.
    pub tracks: Vec<Vec<Labelled>>,
    /// Seconds in its update function.
    pub seconds: f64,
}

/// Why the trackers of PyPI did not run.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Files of the exchange.
    #[error(transparent)]
    Files(#[from] MotError),
    /// Python could not be started.
    #[error("start {python}: {source}; name one with --python")]
    Start {
        /// Which.
        python: String,
        /// Why.
        source: std::io::Error,
    },
    /// Python failed.
    #[error("{python} failed; it needs: pip install supervision trackers\n{tail}")]
    Failed {
        /// Which.
        python: String,
        /// The end of what it said.
        tail: String,
    },
    /// It said what nobody understands.
    #[error("unexpected line from the Python trackers: {0}")]
    Line(String),
}

#[derive(Deserialize)]
struct Said {
    tracker: String,
    file: String,
    results: PathBuf,
    seconds: f64,
}

/// Runs the trackers that `python` has, in a scratch folder of the caller's.
///
/// # Errors
/// Python is absent, lacks the packages, or says nonsense.
pub fn run_python(
    python: &str,
    scratch: &Path,
    sequences: &[Sequence],
) -> Result<Vec<Lap>, PeerError> {
    let (source, target) = (scratch.join("peer-input"), scratch.join("peer-output"));
    for folder in [&source, &target] {
        // What an earlier run left would be read as this one's.
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(|e| io("clear", folder, e))?;
        }
        std::fs::create_dir_all(folder).map_err(|e| io("create", folder, e))?;
    }
    for (i, sequence) in sequences.iter().enumerate() {
        let mut text = format!("{},{}\n", sequence.fps, sequence.detections.len());
        for (frame, boxes) in sequence.detections.iter().enumerate() {
            for d in boxes {
                let b = d.bounds;
                let _ = writeln!(
                    text,
                    "{},{},{},{},{},{}",
                    frame + 1,
                    b.left,
                    b.top,
                    b.width,
                    b.height,
                    d.score
                );
            }
        }
        write(&source.join(format!("{i:06}.csv")), &text)?;
    }
    let output = Command::new(python)
        .arg("-c")
        .arg(include_str!("peers.py"))
        .arg(&source)
        .arg(&target)
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
    let mut laps = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let nonsense = || PeerError::Line(line.chars().take(200).collect());
        let said: Said = serde_json::from_str(line).map_err(|_| nonsense())?;
        let number = said.file.split('.').next().and_then(|n| n.parse().ok());
        let sequence: usize = number.ok_or_else(nonsense)?;
        let frames = sequences
            .get(sequence)
            .ok_or_else(nonsense)?
            .detections
            .len();
        laps.push(Lap {
            tracker: said.tracker,
            sequence,
            tracks: read_results(&said.results, frames.min(FRAMES_MAX))?,
            seconds: said.seconds,
        });
    }
    Ok(laps)
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> MotError {
    MotError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Runs `trackforge`'s trackers; nothing without the feature `peers`.
#[cfg(not(feature = "peers"))]
pub fn run_trackforge(_: &[Sequence]) -> Vec<Lap> {
    Vec::new()
}

/// Runs `trackforge`'s trackers.
#[cfg(feature = "peers")]
pub fn run_trackforge(sequences: &[Sequence]) -> Vec<Lap> {
    use trackforge::trackers::byte_track::{ByteTrack, ByteTrackParams};
    use trackforge::trackers::ocsort::{OcSort, OcSortParams};
    use trackforge::trackers::sort::{Sort, SortParams};
    let mut laps = Vec::new();
    for (i, s) in sequences.iter().enumerate() {
        let mut byte = ByteTrack::from_params(ByteTrackParams::default());
        laps.push(lap("trackforge ByteTrack", i, s, |d| {
            let out = byte.update(d).into_iter();
            out.map(|t| (t.track_id, t.tlwh)).collect()
        }));
        let mut sort = Sort::from_params(SortParams::default());
        laps.push(lap("trackforge SORT", i, s, |d| {
            let out = sort.update(d).into_iter();
            out.filter(|t| t.is_confirmed())
                .map(|t| (t.track_id, t.tlwh))
                .collect()
        }));
        let mut ocsort = OcSort::from_params(OcSortParams::default());
        laps.push(lap("trackforge OC-SORT", i, s, |d| {
            let out = ocsort.update(d).into_iter();
            out.map(|t| (t.track_id, t.tlwh)).collect()
        }));
    }
    laps
}

#[cfg(feature = "peers")]
fn lap(
    tracker: &str,
    sequence: usize,
    source: &Sequence,
    mut update: impl FnMut(Vec<([f32; 4], f32, i64)>) -> Vec<(u64, [f32; 4])>,
) -> Lap {
    use super::files::Role;
    use walkout_perception::mot::Bounds;
    let inputs: Vec<Vec<([f32; 4], f32, i64)>> = source
        .detections
        .iter()
        .map(|frame| {
            let boxes = frame.iter().map(|d| {
                let b = d.bounds;
                let tlwh = [b.left, b.top, b.width, b.height].map(|x| x as f32);
                (tlwh, d.score as f32, 0)
            });
            boxes.collect()
        })
        .collect();
    let start = std::time::Instant::now();
    let outputs: Vec<_> = inputs.into_iter().map(&mut update).collect();
    let seconds = start.elapsed().as_secs_f64();
    let tracks = outputs
        .into_iter()
        .map(|frame| {
            let mut seen = std::collections::BTreeSet::new();
            frame
                .into_iter()
                .filter(|(id, _)| seen.insert(*id))
                .map(|(id, [left, top, width, height])| Labelled {
                    id: id as i64,
                    bounds: Bounds {
                        left: f64::from(left),
                        top: f64::from(top),
                        width: f64::from(width.max(0.0)),
                        height: f64::from(height.max(0.0)),
                    },
                    role: Role::Counted,
                })
                .collect()
        })
        .collect();
    Lap {
        tracker: tracker.to_owned(),
        sequence,
        tracks,
        seconds,
    }
}
