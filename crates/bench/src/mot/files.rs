//! MOTChallenge's files: `det/det.txt`, `gt/gt.txt`, `seqinfo.ini`, and results.
//!
//! A line is `frame,id,left,top,width,height,score,…`, frames counted from 1. Of ground truth with nine fields
//! (MOT16 and later) the eighth is the class and the ninth the visibility; with ten (MOT15) fields eight to ten are
//! a place in the world and there is one class. <https://motchallenge.net/instructions/>

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use walkout_perception::mot::{Bounds, Detection, Tracked};

/// Frames of one sequence, at most.
pub const FRAMES_MAX: usize = 1_000_000;
/// Frames a second where `seqinfo.ini` is absent.
const FPS: f64 = 25.0;

/// A sequence as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// Name of its folder.
    pub name: String,
    /// Frames a second.
    pub fps: f64,
    /// Boxes by frame. Scores are 0–1: see [`rescale`].
    pub detections: Vec<Vec<Detection>>,
    /// Ground truth by frame, if there is any.
    pub truth: Option<Vec<Vec<Labelled>>>,
    /// What was assumed, for a person to read.
    pub notes: Vec<String>,
}

/// A box with a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelled {
    /// The person's number.
    pub id: i64,
    /// Where.
    pub bounds: Bounds,
    /// What it means to the score.
    pub role: Role,
}

/// What a box of the ground truth means to the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To be found.
    Counted,
    /// Neither to be found nor wrong if found: TrackEval's distractor classes.
    Distractor,
    /// Not there: marked by 0, or another class.
    Ignored,
}

/// Why files were refused.
#[derive(Debug, thiserror::Error)]
pub enum MotError {
    /// A file or folder could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// Read, write, list …
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is wrong.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// In which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it and what is expected.
        reason: String,
    },
    /// There is nothing of the kind.
    #[error("{}: no sequence found; expected DIR/det/det.txt, DIR/*/det/det.txt or DIR/train/*/det/det.txt", .0.display())]
    Empty(PathBuf),
}

/// The folders that hold a `det/det.txt`: `dir` itself, or its folders, or those of `dir/train`; by name.
///
/// # Errors
/// None is found, or a folder cannot be listed.
pub fn find(dir: &Path) -> Result<Vec<PathBuf>, MotError> {
    let is_sequence = |p: &Path| p.join("det").join("det.txt").is_file();
    if is_sequence(dir) {
        return Ok(vec![dir.to_owned()]);
    }
    for parent in [dir.to_owned(), dir.join("train")] {
        if !parent.is_dir() {
            continue;
        }
        let io = |source| MotError::Io {
            action: "list",
            path: parent.clone(),
            source,
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&parent).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if is_sequence(&path) {
                found.push(path);
            }
        }
        found.sort();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(MotError::Empty(dir.to_owned()))
}

/// Reads the sequence in a folder.
///
/// # Errors
/// A file is missing, unreadable, or has a bad line.
pub fn read(dir: &Path) -> Result<Sequence, MotError> {
    let canonical = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let name = canonical
        .file_name()
        .map_or("sequence".into(), |n| n.to_string_lossy());
    let mut notes = Vec::new();
    let info_path = dir.join("seqinfo.ini");
    let info = if info_path.is_file() {
        Info::parse(&load(&info_path)?, &info_path)?
    } else {
        notes.push(format!("no seqinfo.ini: {FPS} frames a second are assumed"));
        Info::default()
    };
    let det_path = dir.join("det").join("det.txt");
    let rows = rows(&load(&det_path)?, &det_path, 7)?;
    let gt_path = dir.join("gt").join("gt.txt");
    let truth = if gt_path.is_file() {
        Some(truth_rows(&load(&gt_path)?, &gt_path)?)
    } else {
        None
    };
    let last = |rows: &[Row]| rows.iter().map(|r| r.frame).max().unwrap_or(0);
    let said = info.length.unwrap_or(0);
    let length = last(&rows)
        .max(truth.as_ref().map_or(0, |t| last(&t.0)))
        .max(said);
    if said > 0 && length > said {
        notes.push(format!(
            "seqinfo.ini says {said} frames, the files have {length}"
        ));
    }
    let mut detections = vec![Vec::new(); length];
    let (scale, note) = rescale(&rows.iter().map(|r| r.values[4]).collect::<Vec<_>>());
    notes.extend(note);
    for row in rows {
        detections[row.frame - 1].push(Detection {
            bounds: row.bounds(),
            score: scale.apply(row.values[4]),
        });
    }
    let truth = truth.map(|(rows, roles)| {
        let mut frames = vec![Vec::new(); length];
        for (row, role) in rows.into_iter().zip(roles) {
            frames[row.frame - 1].push(Labelled {
                id: row.id,
                bounds: row.bounds(),
                role,
            });
        }
        frames
    });
    Ok(Sequence {
        name: name.into_owned(),
        fps: info.fps.unwrap_or(FPS),
        detections,
        truth,
        notes,
    })
}

/// Reads a file of results: tracks by frame, `frames` of them.
///
/// # Errors
/// The file is unreadable, has a bad line, or names a frame beyond `frames`.
pub fn read_results(path: &Path, frames: usize) -> Result<Vec<Vec<Labelled>>, MotError> {
    let mut out = vec![Vec::new(); frames];
    for row in rows(&load(path)?, path, 6)? {
        let Some(frame) = out.get_mut(row.frame - 1) else {
            return Err(MotError::Line {
                path: path.to_owned(),
                line: row.line,
                reason: format!("frame {} of a sequence of {frames}", row.frame),
            });
        };
        frame.push(Labelled {
            id: row.id,
            bounds: row.bounds(),
            role: Role::Counted,
        });
    }
    Ok(out)
}

/// Tracks by frame as MOTChallenge's result lines.
pub fn results(frames: &[Vec<Tracked>]) -> String {
    let mut text = String::new();
    for (i, frame) in frames.iter().enumerate() {
        for t in frame {
            let b = t.bounds;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{},{},{:.3},{:.3},{:.3},{:.3},{:.4},-1,-1,-1",
                i + 1,
                t.id,
                b.left,
                b.top,
                b.width,
                b.height,
                t.score
            );
        }
    }
    text
}

/// Writes a file, and the folders above it.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), MotError> {
    let io = |source| MotError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    std::fs::write(path, text).map_err(io)
}

fn load(path: &Path) -> Result<String, MotError> {
    let io = |source| MotError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    std::fs::read_to_string(path).map_err(io)
}

/// How raw scores become 0–1.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// They are 0–1.
    AsIs,
    /// The file has one score for all: certain.
    Certain,
    /// Another scale: by rank, from 0.3 for the worst to 1 for the best. Sorted.
    ByRank(Vec<f64>),
}

impl Scale {
    fn apply(&self, score: f64) -> f64 {
        match self {
            Self::AsIs => score,
            Self::Certain => 1.0,
            Self::ByRank(sorted) => {
                let below = sorted.partition_point(|s| *s < score);
                0.3 + 0.7 * below as f64 / sorted.len().max(1) as f64
            }
        }
    }
}

/// Detectors score on scales of their own (MOT15's ACF goes beyond 100, MOT17's DPM below 0). Scores
/// outside 0–1 are replaced by their rank in the file, one constant score by 1; else they stay.
pub fn rescale(scores: &[f64]) -> (Scale, Option<String>) {
    let (lo, hi) = scores
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), s| {
            (lo.min(*s), hi.max(*s))
        });
    if scores.is_empty() || (lo >= 0.0 && hi <= 1.0 && lo < hi) {
        return (Scale::AsIs, None);
    }
    if lo == hi {
        let note = format!("every score is {lo}: taken as certain");
        return (Scale::Certain, Some(note));
    }
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let note = format!("scores from {lo} to {hi} are replaced by their ranks, 0.3 to 1");
    (Scale::ByRank(sorted), Some(note))
}

struct Row {
    line: usize,
    frame: usize,
    id: i64,
    /// Fields from the third on.
    values: Vec<f64>,
}

impl Row {
    fn bounds(&self) -> Bounds {
        Bounds {
            left: self.values[0],
            top: self.values[1],
            width: self.values[2],
            height: self.values[3],
        }
    }
}

/// Parses lines of at least `fields` (≥ 6) fields. Numbers of people must not repeat in a frame, unless
/// they are −1, which means nobody in particular.
fn rows(text: &str, path: &Path, fields: usize) -> Result<Vec<Row>, MotError> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, text) in text.lines().enumerate() {
        let wrong = |reason: String| MotError::Line {
            path: path.to_owned(),
            line: i + 1,
            reason,
        };
        let text = text.trim().trim_start_matches('\u{feff}');
        if text.is_empty() {
            continue;
        }
        // Some tools write blanks instead of commas.
        let comma = text.contains(',');
        let parts: Vec<&str> = if comma {
            text.trim_end_matches(',')
                .split(',')
                .map(str::trim)
                .collect()
        } else {
            text.split_whitespace().collect()
        };
        if parts.len() < fields {
            return Err(wrong(format!(
                "{} fields; expected frame,id,left,top,width,height{}",
                parts.len(),
                if fields > 6 { ",score" } else { "" }
            )));
        }
        let mut numbers = Vec::with_capacity(parts.len());
        for part in &parts {
            match part.parse::<f64>() {
                Ok(x) if x.is_finite() => numbers.push(x),
                _ => return Err(wrong(format!("\"{}\" is not a number", clip(part)))),
            }
        }
        let whole = |x: f64| x.fract() == 0.0 && x.abs() < 1e15;
        if !(whole(numbers[0]) && numbers[0] >= 1.0 && numbers[0] <= FRAMES_MAX as f64) {
            return Err(wrong(format!(
                "frame {} is not 1 to {FRAMES_MAX}",
                numbers[0]
            )));
        }
        if !whole(numbers[1]) {
            return Err(wrong(format!("id {} is not a whole number", numbers[1])));
        }
        if numbers[4] < 0.0 || numbers[5] < 0.0 {
            return Err(wrong("width and height must not be negative".into()));
        }
        let (frame, id) = (numbers[0] as usize, numbers[1] as i64);
        if id != -1 && !seen.insert((frame, id)) {
            return Err(wrong(format!("id {id} is twice in frame {frame}")));
        }
        rows.push(Row {
            line: i + 1,
            frame,
            id,
            values: numbers.split_off(2),
        });
    }
    Ok(rows)
}

fn truth_rows(text: &str, path: &Path) -> Result<(Vec<Row>, Vec<Role>), MotError> {
    // Person on vehicle, static person, distractor, reflection: TrackEval's distractors.
    const DISTRACTORS: [f64; 4] = [2.0, 7.0, 8.0, 12.0];
    let rows = rows(text, path, 7)?;
    let roles = rows.iter().map(|row| {
        let marked = row.values[4] != 0.0;
        // Nine fields: the sixth value is the class. Ten: a place in the world.
        match (row.values.len(), row.values.get(5)) {
            (6 | 7, Some(class)) if DISTRACTORS.contains(class) => Role::Distractor,
            (6 | 7, Some(class)) if *class != 1.0 => Role::Ignored,
            _ if marked => Role::Counted,
            _ => Role::Ignored,
        }
    });
    let roles = roles.collect();
    Ok((rows, roles))
}

fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}

#[derive(Default)]
struct Info {
    fps: Option<f64>,
    length: Option<usize>,
}

impl Info {
    fn parse(text: &str, path: &Path) -> Result<Self, MotError> {
        let mut info = Self::default();
        for (i, line) in text.lines().enumerate() {
            let wrong = |reason: String| MotError::Line {
                path: path.to_owned(),
                line: i + 1,
                reason,
            };
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "framerate" => match value.parse::<f64>() {
                    Ok(fps) if (0.5..=1_000.0).contains(&fps) => info.fps = Some(fps),
                    _ => {
                        return Err(wrong(format!(
                            "frameRate \"{}\" is not 0.5 to 1000",
                            clip(value)
                        )));
                    }
                },
                "seqlength" => match value.parse::<usize>() {
                    Ok(n) if n <= FRAMES_MAX => info.length = Some(n),
                    _ => {
                        return Err(wrong(format!(
                            "seqLength \"{}\" is not 0 to {FRAMES_MAX}",
                            clip(value)
                        )));
                    }
                },
                _ => {}
            }
        }
        Ok(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> String {
        let path = Path::new("det.txt");
        rows(text, path, 7)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = "1,-1,1,2,3,4,0.5,-1,-1,-1\n";
        assert_eq!(fails(good), "");
        assert_eq!(fails("\u{feff}1 -1 1 2 3 4 0.5\r\n\n"), "");
        let is = |text: &str, end: &str| {
            assert_eq!(fails(&format!("{good}{text}")), format!("det.txt:2: {end}"));
        };
        is(
            "1,-1,1,2,3",
            "5 fields; expected frame,id,left,top,width,height,score",
        );
        is("1,-1,1,x,3,4,5", "\"x\" is not a number");
        is("1,-1,1,inf,3,4,5", "\"inf\" is not a number");
        is("0,-1,1,1,3,4,5", "frame 0 is not 1 to 1000000");
        is("9e9,-1,1,1,3,4,5", "frame 9000000000 is not 1 to 1000000");
        is("2,1.5,1,1,3,4,5", "id 1.5 is not a whole number");
        is("2,1,1,1,-3,4,5", "width and height must not be negative");
        let twice = fails("2,1,1,1,3,4,5\n2,1,1,1,3,4,5");
        assert_eq!(twice, "det.txt:2: id 1 is twice in frame 2");
    }

    #[test]
    fn scores_of_other_scales_become_ranks() {
        assert_eq!(rescale(&[0.0, 0.4, 1.0]).0, Scale::AsIs);
        assert_eq!(rescale(&[1.0, 1.0]).0.apply(1.0), 1.0);
        let (scale, note) = rescale(&[-2.0, 60.0, 10.0, 20.0]);
        assert!(note.is_some());
        assert_eq!(scale.apply(-2.0), 0.3);
        assert_eq!(scale.apply(20.0), 0.3 + 0.7 * 0.5);
    }

    #[test]
    fn classes_count_where_there_are_classes() {
        let path = Path::new("gt.txt");
        let roles = |text| truth_rows(text, path).unwrap().1;
        assert_eq!(
            roles("1,1,0,0,1,1,1,1,0.5\n1,2,0,0,1,1,1,8,1\n1,3,0,0,1,1,1,3,1\n1,4,0,0,1,1,0,1,1"),
            [
                Role::Counted,
                Role::Distractor,
                Role::Ignored,
                Role::Ignored
            ]
        );
        assert_eq!(
            roles("1,1,0,0,1,1,1,4.4,5.5,0\n1,2,0,0,1,1,0,1,1,0"),
            [Role::Counted, Role::Ignored]
        );
    }

    #[test]
    fn information_with_nonsense_is_refused() {
        let path = Path::new("seqinfo.ini");
        let info = Info::parse("[Sequence]\nname=x\nframeRate=14\nseqLength=10\n", path).unwrap();
        assert_eq!((info.fps, info.length), (Some(14.0), Some(10)));
        let wrong = Info::parse("frameRate=fast", path)
            .err()
            .unwrap()
            .to_string();
        assert_eq!(
            wrong,
            "seqinfo.ini:1: frameRate \"fast\" is not 0.5 to 1000"
        );
    }
}
