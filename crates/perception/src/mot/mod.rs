//! People in one camera's picture: boxes with scores in, boxes with numbers out.
//!
//! The tracker is of the SORT family (Bewley et al., 2016): a Kalman filter a box and an optimal assignment a
//! frame. From ByteTrack (Zhang et al., 2022) it takes the second round for boxes of low score, from OC-SORT
//! (Cao et al., 2023) the direction between observations and the return to the last observation, from C-BIoU
//! (Yang et al., 2023) boxes that are grown before they are compared; here by as much as the filter is in
//! doubt. What it adds: the camera's own motion told by the boxes (`shake`), and times in seconds, so that
//! one set of settings serves 7 and 60 frames a second. `docs/concepts/tracking.md` has the equations.
//!
//! Sans-IO and deterministic. Bounded: [`TRACKS_MAX`] tracks, [`DETECTIONS_MAX`] boxes a frame.

mod boxes;
mod filter;
mod shake;
mod track;

pub use boxes::Bounds;

use crate::assignment::{Pair, assign};
use filter::Noise;
use track::{State, Track};

/// Tracks at once, at most; the longest unseen go first.
pub const TRACKS_MAX: usize = 2_000;
/// Boxes of one frame, at most; those of the least score are left out.
pub const DETECTIONS_MAX: usize = 2_000;

/// A box that a detector found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Where.
    pub bounds: Bounds,
    /// How sure the detector is, 0–1.
    pub score: f64,
}

/// A person in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tracked {
    /// The track's number, from 1, never given twice.
    pub id: u64,
    /// Where the person is, smoothed.
    pub bounds: Bounds,
    /// Score of the box it was seen by.
    pub score: f64,
}

/// How the tracker behaves. [`Settings::default`] is meant for any camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Frames a second.
    pub fps: f64,
    /// Boxes of at least this score are matched first and may begin tracks.
    pub high: f64,
    /// Boxes of less than this score are not looked at.
    pub low: f64,
    /// A track begins with a box of at least this score.
    pub birth: f64,
    /// Boxes that a new track needs before it is reported.
    pub confirm: u32,
    /// A track unseen for longer is forgotten, seconds.
    pub keep_s: f64,
    /// A track unseen for no longer than this is still reported where it is expected, seconds.
    pub coast_s: f64,
    /// Least likeness of a pair in the first round, 0–1.
    pub first: f64,
    /// Least likeness in the round for low scores.
    pub second: f64,
    /// Least overlap with the last observation in the last round.
    pub last: f64,
    /// Weight of the direction between observations.
    pub direction: f64,
    /// Growth of the boxes, shares of their size, for each unit of doubt.
    pub grow: f64,
    /// Largest growth.
    pub grow_max: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fps: 25.0,
            high: 0.5,
            low: 0.1,
            birth: 0.6,
            confirm: 3,
            keep_s: 1.2,
            coast_s: 0.15,
            first: 0.15,
            second: 0.35,
            last: 0.25,
            direction: 0.1,
            grow: 1.0,
            grow_max: 0.4,
        }
    }
}

/// Least overlap of a track that is not reported yet.
const TENTATIVE: f64 = 0.25;
/// Measured on synthetic walks and on published Faster R-CNN boxes; shares of the size.
const NOISE: Noise = Noise {
    place: 0.02,
    speed: 0.008,
    size: 0.015,
    growth: 0.001,
    seen_place: 0.04,
    seen_size: 0.08,
    first_speed: 0.10,
};

/// The tracker of one camera.
#[derive(Clone, Debug)]
pub struct MotTracker {
    settings: Settings,
    tracks: Vec<Track>,
    next_id: u64,
    frame: u64,
    refused: u64,
}

impl MotTracker {
    /// A tracker that has seen nothing yet. A frame rate that is no number, or outside 0.5–1,000, counts as 25.
    pub fn new(mut settings: Settings) -> Self {
        if !(0.5..=1_000.0).contains(&settings.fps) {
            settings.fps = 25.0;
        }
        Self {
            settings,
            tracks: Vec::new(),
            next_id: 1,
            frame: 0,
            refused: 0,
        }
    }

    /// Boxes that were refused so far: without area, not finite, or beyond [`DETECTIONS_MAX`].
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes the boxes of the next frame in and says who is where. Every frame must be given, empty ones too.
    pub fn update(&mut self, detections: &[Detection]) -> Vec<Tracked> {
        self.frame += 1;
        let (high, low) = self.sort_out(detections);
        let damping = 1.0 - 0.05 * (25.0 / self.settings.fps).min(4.0);
        for track in &mut self.tracks {
            track.predict(&NOISE, damping);
        }
        self.follow_camera(&high);
        let mut free_high: Vec<usize> = (0..high.len()).collect();
        self.first_round(&high, &mut free_high);
        self.second_round(&low);
        self.last_round(&high, &mut free_high);
        self.tentative_round(&high, &mut free_high);
        for i in free_high {
            self.begin(&high[i]);
        }
        self.bury();
        self.report()
    }

    fn sort_out(&mut self, detections: &[Detection]) -> (Vec<Detection>, Vec<Detection>) {
        let sound = |d: &&Detection| d.bounds.is_sound() && d.score.is_finite();
        let mut all: Vec<Detection> = detections.iter().filter(sound).copied().collect();
        self.refused += (detections.len() - all.len()) as u64;
        if all.len() > DETECTIONS_MAX {
            all.sort_by(|a, b| b.score.total_cmp(&a.score));
            self.refused += (all.len() - DETECTIONS_MAX) as u64;
            all.truncate(DETECTIONS_MAX);
        }
        all.retain(|d| d.score >= self.settings.low);
        all.into_iter().partition(|d| d.score >= self.settings.high)
    }

    fn follow_camera(&mut self, high: &[Detection]) {
        let expected: Vec<Bounds> = self
            .tracks
            .iter()
            .filter(|t| t.hits > 1 && t.unseen <= 2)
            .map(Track::expected)
            .collect();
        let seen: Vec<Bounds> = high.iter().map(|d| d.bounds).collect();
        let (dx, dy) = shake::displacement(&expected, &seen);
        if dx != 0.0 || dy != 0.0 {
            for track in &mut self.tracks {
                track.shift(dx, dy);
            }
        }
    }

    /// Confirmed and lost tracks with boxes of high score.
    fn first_round(&mut self, high: &[Detection], free: &mut Vec<usize>) {
        let s = &self.settings;
        let rows = self.rows(|t| t.state != State::Tentative);
        let pairs = pairs(&self.tracks, &rows, high, free, |track| {
            let expected = track.expected();
            let growth = (s.grow * track.doubt()).min(s.grow_max);
            let grown = expected.grown(growth);
            (grown, move |d: &Detection| {
                let heights = ratio(expected.height, d.bounds.height);
                let likeness = grown.iou(&d.bounds.grown(growth)) * (0.5 + 0.5 * heights);
                if likeness < s.first {
                    return None;
                }
                let score = 0.8 + 0.2 * d.score;
                let direction = s.direction * track.agrees_with(&d.bounds);
                Some(likeness * score + direction)
            })
        });
        self.take(&rows, high, free, &pairs);
    }

    /// Tracks that are seen at present with boxes of low score.
    fn second_round(&mut self, low: &[Detection]) {
        let rows = self.rows(|t| t.state == State::Confirmed && t.unseen == 1 && !t.taken);
        let mut free: Vec<usize> = (0..low.len()).collect();
        let least = self.settings.second;
        let pairs = pairs(&self.tracks, &rows, low, &free, |track| {
            overlap(track.expected(), 0.0, least)
        });
        self.take(&rows, low, &mut free, &pairs);
    }

    /// Who stopped or turned while hidden stands where they were last seen.
    fn last_round(&mut self, high: &[Detection], free: &mut Vec<usize>) {
        let rows = self.rows(|t| t.state == State::Confirmed && !t.taken);
        let least = self.settings.last;
        let pairs = pairs(&self.tracks, &rows, high, free, |track| {
            overlap(track.last_seen, 0.0, least)
        });
        self.take(&rows, high, free, &pairs);
    }

    fn tentative_round(&mut self, high: &[Detection], free: &mut Vec<usize>) {
        let rows = self.rows(|t| t.state == State::Tentative);
        let s = &self.settings;
        let pairs = pairs(&self.tracks, &rows, high, free, |track| {
            let growth = (s.grow * track.doubt()).min(s.grow_max);
            overlap(track.expected(), growth, TENTATIVE)
        });
        self.take(&rows, high, free, &pairs);
    }

    fn rows(&self, which: impl Fn(&Track) -> bool) -> Vec<usize> {
        let all = self.tracks.iter().enumerate();
        all.filter(|(_, t)| which(t)).map(|(i, _)| i).collect()
    }

    /// Assigns, updates the tracks that found a box, and leaves the other boxes in `free`.
    fn take(&mut self, rows: &[usize], boxes: &[Detection], free: &mut Vec<usize>, pairs: &[Pair]) {
        let matched = assign(rows.len(), free.len(), pairs, 0.0);
        let mut used = vec![false; free.len()];
        for (row, col) in matched.into_iter().enumerate() {
            if let Some(col) = col {
                used[col] = true;
                let confirm = self.settings.confirm;
                // Early in a film nobody can have been seen often.
                let confirm = confirm.min(u32::try_from(self.frame).unwrap_or(confirm));
                self.tracks[rows[row]].see(&boxes[free[col]], &NOISE, confirm);
            }
        }
        let mut col = 0;
        free.retain(|_| {
            col += 1;
            !used[col - 1]
        });
    }

    fn begin(&mut self, d: &Detection) {
        if d.score < self.settings.birth {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        let first = self.frame == 1 || self.settings.confirm <= 1;
        self.tracks
            .push(Track::new(id, d, &NOISE, 25.0 / self.settings.fps, first));
    }

    fn bury(&mut self) {
        let keep = (self.settings.keep_s * self.settings.fps).ceil().max(1.0) as u32;
        self.tracks.retain(|t| match t.state {
            State::Tentative => t.taken || t.unseen == 0,
            State::Confirmed => t.unseen <= keep,
        });
        if self.tracks.len() > TRACKS_MAX {
            self.tracks.sort_by_key(|t| (t.unseen, t.id));
            self.tracks.truncate(TRACKS_MAX);
            self.tracks.sort_by_key(|t| t.id);
        }
    }

    fn report(&self) -> Vec<Tracked> {
        let coast = (self.settings.coast_s * self.settings.fps).floor() as u32;
        let shown = |t: &&Track| {
            t.state == State::Confirmed && (t.unseen == 0 || (t.unseen <= coast && t.hits > 10))
        };
        self.tracks
            .iter()
            .filter(shown)
            .map(|t| Tracked {
                id: t.id,
                bounds: t.expected(),
                score: t.score,
            })
            .collect()
    }
}

/// What each pair of a track and a free box is worth; pairs worth nothing are left out. `prepare` says of a
/// track where its boxes must touch, and what each is worth.
fn pairs<'a, W: Fn(&Detection) -> Option<f64>>(
    tracks: &'a [Track],
    rows: &[usize],
    boxes: &[Detection],
    free: &[usize],
    prepare: impl Fn(&'a Track) -> (Bounds, W),
) -> Vec<Pair> {
    let mut pairs = Vec::with_capacity(2 * rows.len());
    if free.is_empty() {
        return pairs;
    }
    for (row, t) in rows.iter().enumerate() {
        let (near, worth) = prepare(&tracks[*t]);
        for (col, d) in free.iter().enumerate() {
            let d = &boxes[*d];
            if near.is_beside(&d.bounds) {
                continue;
            }
            if let Some(worth) = worth(d) {
                pairs.push(Pair {
                    row,
                    col,
                    cost: -worth,
                });
            }
        }
    }
    pairs
}

/// For [`pairs`]: overlap with a grown box, if it is at least so much.
fn overlap(of: Bounds, growth: f64, least: f64) -> (Bounds, impl Fn(&Detection) -> Option<f64>) {
    let grown = of.grown(growth);
    (grown, move |d| {
        let overlap = grown.iou(&d.bounds.grown(growth));
        (overlap >= least).then_some(overlap)
    })
}

/// The smaller over the larger.
fn ratio(a: f64, b: f64) -> f64 {
    a.min(b) / a.max(b).max(1e-9)
}

#[cfg(test)]
mod tests;
