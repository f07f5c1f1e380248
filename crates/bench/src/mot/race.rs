//! `walkout bench mot`: tracks every sequence, writes the results, scores them, and lets others run beside.

use super::files::{MotError, Sequence, find, read, read_results, results, write};
use super::frames::frames;
use super::peers::{Lap, PeerError, run_python, run_trackforge};
use super::score::Counts;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use walkout_perception::mot::{MotTracker, Settings, Tracked};

/// The name under which our tracker is listed.
pub const OURS: &str = "walkout";
/// The name of the line for all sequences together.
pub const COMBINED: &str = "COMBINED";

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// One sequence's folder, or one that holds several.
    pub dir: PathBuf,
    /// Where results are written.
    pub out: PathBuf,
    /// The tracker's settings; the frame rate is each sequence's own.
    pub settings: Settings,
    /// A Python that has `supervision` and `trackers`, to run them beside.
    pub python: Option<String>,
    /// Run `trackforge` beside, if it was built in.
    pub trackforge: bool,
    /// Go over each sequence this many times to time it.
    pub laps: u32,
}

/// One line of the table. Scores in percent, absent without ground truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The sequence's name, or [`COMBINED`].
    pub sequence: String,
    /// Whose tracker.
    pub tracker: String,
    /// Higher-order tracking accuracy.
    pub hota: Option<f64>,
    /// Detection accuracy.
    pub deta: Option<f64>,
    /// Association accuracy.
    pub assa: Option<f64>,
    /// Multi-object tracking accuracy.
    pub mota: Option<f64>,
    /// Identification F1.
    pub idf1: Option<f64>,
    /// Frames a second, one core, tracking alone.
    pub fps: f64,
}

/// All lines, and what a person should know of them.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Ours first, then the others, each with its combined line last.
    pub rows: Vec<Row>,
    /// Assumptions and what was left out.
    pub notes: Vec<String>,
}

/// Why the race stopped.
#[derive(Debug, thiserror::Error)]
pub enum RaceError {
    /// A sequence is bad.
    #[error(transparent)]
    Files(#[from] MotError),
    /// The others did not run.
    #[error(transparent)]
    Peers(#[from] PeerError),
}

/// Runs it.
///
/// # Errors
/// There is no sequence, a file is bad, results cannot be written, or Python was asked for and fails.
pub fn run(options: &Options) -> Result<Report, RaceError> {
    let mut sequences = Vec::new();
    for folder in find(&options.dir)? {
        sequences.push(read(&folder)?);
    }
    let mut report = Report::default();
    for s in &sequences {
        report
            .notes
            .extend(s.notes.iter().map(|n| format!("{}: {n}", s.name)));
    }
    let mut laps = Vec::new();
    for (i, sequence) in sequences.iter().enumerate() {
        let (tracks, seconds) = track(sequence, &options.settings, options.laps);
        let file = options.out.join(format!("{}.txt", sequence.name));
        write(&file, &results(&tracks))?;
        laps.push(Lap {
            tracker: OURS.to_owned(),
            sequence: i,
            // What is scored is what others can score: the file.
            tracks: read_results(&file, sequence.detections.len())?,
            seconds,
        });
    }
    if options.trackforge {
        let others = run_trackforge(&sequences);
        if others.is_empty() {
            let note = "trackforge is not built in: cargo build --release --features peers";
            report.notes.push(note.into());
        }
        laps.extend(others);
    }
    if let Some(python) = &options.python {
        laps.extend(run_python(python, &options.out, &sequences)?);
    }
    report.rows = score(&sequences, &laps);
    Ok(report)
}

/// Tracks a sequence, and the seconds that one pass took (the best of `laps`).
pub fn track(sequence: &Sequence, settings: &Settings, laps: u32) -> (Vec<Vec<Tracked>>, f64) {
    let settings = Settings {
        fps: sequence.fps,
        ..settings.clone()
    };
    let mut seconds = f64::INFINITY;
    let mut tracks = Vec::new();
    for _ in 0..laps.max(1) {
        let mut tracker = MotTracker::new(settings.clone());
        let start = Instant::now();
        tracks = sequence
            .detections
            .iter()
            .map(|d| tracker.update(d))
            .collect();
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    (tracks, seconds)
}

fn score(sequences: &[Sequence], laps: &[Lap]) -> Vec<Row> {
    let mut order: Vec<&str> = Vec::new();
    let mut by_tracker: BTreeMap<&str, Vec<&Lap>> = BTreeMap::new();
    for lap in laps {
        if !order.contains(&lap.tracker.as_str()) {
            order.push(&lap.tracker);
        }
        by_tracker.entry(&lap.tracker).or_default().push(lap);
    }
    let mut rows = Vec::new();
    for tracker in order {
        let mut all = Counts::default();
        let (mut scored, mut frames_n, mut seconds) = (false, 0, 0.0);
        for lap in &by_tracker[tracker] {
            let s = &sequences[lap.sequence];
            let counts = s
                .truth
                .as_ref()
                .map(|t| Counts::of(&frames(t, &lap.tracks)));
            let fps = s.detections.len() as f64 / lap.seconds.max(1e-9);
            rows.push(row(&s.name, tracker, counts.as_ref(), fps));
            frames_n += s.detections.len();
            seconds += lap.seconds;
            if let Some(counts) = counts {
                all.add(&counts);
                scored = true;
            }
        }
        let fps = frames_n as f64 / seconds.max(1e-9);
        rows.push(row(COMBINED, tracker, scored.then_some(&all), fps));
    }
    rows
}

fn row(sequence: &str, tracker: &str, counts: Option<&Counts>, fps: f64) -> Row {
    let scores = counts.map(Counts::scores);
    let round = |x: f64| (x * 1e4).round() / 1e4;
    Row {
        sequence: sequence.to_owned(),
        tracker: tracker.to_owned(),
        hota: scores.map(|s| round(s.hota)),
        deta: scores.map(|s| round(s.deta)),
        assa: scores.map(|s| round(s.assa)),
        mota: scores.map(|s| round(s.mota)),
        idf1: scores.map(|s| round(s.idf1)),
        fps: fps.round(),
    }
}

/// The lines as a table: combined ones alone, or all.
pub fn table(rows: &[Row], all: bool) -> String {
    let mut text = format!(
        "{:<22}{:<24}{:>8}{:>8}{:>8}{:>8}{:>8}{:>10}\n",
        "sequence", "tracker", "HOTA", "DetA", "AssA", "MOTA", "IDF1", "fps"
    );
    for r in rows.iter().filter(|r| all || r.sequence == COMBINED) {
        text.push_str(&format!("{:<22}{:<24}", r.sequence, r.tracker));
        for x in [r.hota, r.deta, r.assa, r.mota, r.idf1] {
            text.push_str(&x.map_or(format!("{:>8}", "-"), |x| format!("{x:>8.2}")));
        }
        text.push_str(&format!("{:>10.0}\n", r.fps));
    }
    text
}

/// Where results go unless told otherwise: beside the data.
pub fn default_out(dir: &Path) -> PathBuf {
    dir.join("walkout-results")
}
