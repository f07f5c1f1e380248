//! Set right by stature: who exchanged numbers while they stood together is told apart again by their height.
//!
//! Each track keeps the mean height of its head. When two come near each other both means are frozen; when they have
//! been apart for a while their heights since then are compared with both: the log-odds of an exchange are
//! ½·((hₐ−Hₐ)² + (hᵦ−Hᵦ)² − (hₐ−Hᵦ)² − (hᵦ−Hₐ)²)/σ². If an exchange is far more probable and both fit their
//! new number well, the numbers are given back.

use super::life::{Stage, Track};
use super::swaps::Swap;
use walkout_model::{StoreTime, TrackId};

/// Two nearer than this have met, metres.
const MEET_M: f64 = 0.35;
/// Frames with two views after they parted before they are compared; the first ones still show the filter
/// finding its height.
const FRAMES: f64 = 18.0;
const SKIP: f64 = 5.0;
/// Frames that a mean before must rest on, and that it looks back over.
const KNOWN: f64 = 15.0;
const LOOKS_BACK: f64 = 300.0;
/// Error of a mean height, metres, and how far a height may be from the number it is given.
const SIGMA_M: f64 = 0.03;
const FITS_M: f64 = 0.07;
/// A head that is lower by so much is of somebody who stoops; of one that is higher by it a mean takes this share a tenth of a second.
const STOOPS_M: f64 = 0.12;
const RISES: f64 = 0.1;
/// Log-odds from which numbers are given back.
const SURE: f64 = 2.5;
/// Meetings remembered, at most, and for how long.
const MEETINGS_MAX: usize = 2_000;
const MEETING_S: f64 = 30.0;

/// A running mean of heights.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stature {
    mean: f64,
    frames: f64,
}

impl Stature {
    /// How high the head is of whoever stands upright, once that is known.
    pub(super) fn known(&self) -> Option<f64> {
        (self.frames >= KNOWN).then_some(self.mean)
    }

    /// The same of whoever may stoop: what is lower by a hand's breadth says nothing of how tall they are, and what is higher by that counts
    /// for more, since they stooped before.
    fn add_upright(&mut self, height: f64, frames: f64) {
        let rise = height - self.mean;
        let known = self.frames >= KNOWN;
        if known && rise > STOOPS_M {
            self.mean += rise * (RISES * frames).min(1.0);
        } else if !known || rise > -STOOPS_M {
            self.add(height, frames);
        }
    }

    /// `frames` of a tenth of a second in which it was so tall.
    fn add(&mut self, height: f64, frames: f64) {
        self.frames = (self.frames + frames).min(LOOKS_BACK);
        self.mean += (height - self.mean) * frames / self.frames.max(frames);
    }
}

/// Two tracks that stood together.
#[derive(Clone, Debug)]
pub(super) struct Meeting {
    who: [TrackId; 2],
    before: [Stature; 2],
    after: [Stature; 2],
    skipped: [f64; 2],
    last: StoreTime,
}

/// One frame: who met, who parted, and whose numbers are given back (told as certain exchanges are: ½).
pub(super) fn compare(
    meetings: &mut Vec<Meeting>,
    tracks: &mut [Track],
    (t, dt): (StoreTime, f64),
) -> Vec<Swap> {
    let lasts = (dt / 0.1).clamp(0.1, 10.0);
    let seen: Vec<usize> = (0..tracks.len())
        .filter(|i| tracks[*i].stage == Stage::Confirmed && !tracks[*i].shadow)
        .collect();
    for (k, &i) in seen.iter().enumerate() {
        for &j in seen.iter().skip(k + 1) {
            let near = tracks[i]
                .state
                .position()
                .distance(tracks[j].state.position())
                < MEET_M;
            if near {
                meet(meetings, &tracks[i], &tracks[j], t);
            }
        }
    }
    // Whoever is in a meeting may not be who they were: their mean, and what they look like, waits.
    for &i in &seen {
        let track = &mut tracks[i];
        let busy = meetings.iter().any(|m| m.who.contains(&track.id));
        track.met = busy;
        if !busy && track.seen_by.len() >= 2 {
            track.stature.add_upright(track.state.x[4], lasts);
        }
    }
    let mut out = Vec::new();
    let mut k = 0;
    while k < meetings.len() {
        match step(&mut meetings[k], tracks, (t, lasts)) {
            Outcome::Waits => k += 1,
            Outcome::Over => {
                meetings.swap_remove(k);
            }
            Outcome::Exchanged(i, j) => {
                let who = meetings[k].who;
                meetings.swap_remove(k);
                exchange(tracks, i, j);
                // What was gathered of these two in other meetings is of the other body now.
                for m in meetings.iter_mut() {
                    if m.who.iter().any(|id| who.contains(id)) {
                        m.after = Default::default();
                        m.skipped = [0.0; 2];
                    }
                }
                out.extend(Swap::told(t, who[0], who[1], 0.0));
            }
        }
    }
    out
}

enum Outcome {
    Waits,
    Over,
    Exchanged(usize, usize),
}

fn meet(meetings: &mut Vec<Meeting>, a: &Track, b: &Track, t: StoreTime) {
    let who = [a.id.min(b.id), a.id.max(b.id)];
    if let Some(m) = meetings.iter_mut().find(|m| m.who == who) {
        m.after = Default::default();
        m.skipped = [0.0; 2];
        m.last = t;
        return;
    }
    if meetings.len() >= MEETINGS_MAX {
        return;
    }
    let (first, second) = if a.id < b.id { (a, b) } else { (b, a) };
    let before = [first.stature, second.stature];
    if before.iter().all(|s| s.frames >= KNOWN) {
        meetings.push(Meeting {
            who,
            before,
            after: Default::default(),
            skipped: [0.0; 2],
            last: t,
        });
    }
}

fn step(m: &mut Meeting, tracks: &[Track], (t, lasts): (StoreTime, f64)) -> Outcome {
    let find = |id| tracks.iter().position(|t| t.id == id);
    let (Some(i), Some(j)) = (find(m.who[0]), find(m.who[1])) else {
        return Outcome::Over;
    };
    if t.since(m.last).as_secs_f64() > MEETING_S {
        return Outcome::Over;
    }
    let near = tracks[i]
        .state
        .position()
        .distance(tracks[j].state.position())
        < MEET_M;
    for (k, track) in [&tracks[i], &tracks[j]].into_iter().enumerate() {
        let good = track.stage == Stage::Confirmed && track.seen_by.len() >= 2;
        let lowest = m.before[0].mean.min(m.before[1].mean);
        let stoops = track.state.x[4] < lowest - STOOPS_M;
        if good && !near && !stoops {
            if m.skipped[k] < SKIP {
                m.skipped[k] += lasts;
            } else {
                m.after[k].add(track.state.x[4], lasts);
            }
        }
    }
    if m.after.iter().any(|s| s.frames < FRAMES) {
        return Outcome::Waits;
    }
    let [a, b] = m.after.map(|s| s.mean);
    let [was_a, was_b] = m.before.map(|s| s.mean);
    let d2 = |x: f64, y: f64| (x - y) * (x - y);
    let odds =
        0.5 * (d2(a, was_a) + d2(b, was_b) - d2(a, was_b) - d2(b, was_a)) / (SIGMA_M * SIGMA_M);
    let fits = (a - was_b).abs() < FITS_M && (b - was_a).abs() < FITS_M;
    if odds > SURE && fits {
        Outcome::Exchanged(i, j)
    } else {
        Outcome::Over
    }
}

/// Gives two tracks each other's number, and what goes with it.
fn exchange(tracks: &mut [Track], i: usize, j: usize) {
    let (a, b) = (tracks[i].clone(), tracks[j].clone());
    for (k, other) in [(i, b), (j, a)] {
        let track = &mut tracks[k];
        track.id = other.id;
        track.born = other.born;
        track.stature = other.stature;
        track.appearance = other.appearance;
    }
}

#[cfg(test)]
mod tests {
    use super::super::FloorSettings;
    use super::super::state::State;
    use super::*;
    use walkout_model::Point2;

    fn track(id: u64, x: f64, height: f64) -> Track {
        let state = State::at(
            Point2::new(x, 0.0),
            [1e-3, 0.0, 1e-3],
            (height, 0.02),
            height,
            &FloorSettings::default().motion,
        );
        let mut track = Track::new(TrackId(id), StoreTime(0), state);
        track.stage = Stage::Confirmed;
        track.seen_by = vec![(0, 0), (1, 0)];
        track
    }

    /// Heights before and after they stood together; the numbers at the end, and the swaps told.
    fn play(before: [f64; 2], after: [f64; 2]) -> (Vec<u64>, usize) {
        let mut tracks = vec![track(1, 0.0, before[0]), track(2, 3.0, before[1])];
        let mut meetings = Vec::new();
        let mut told = 0;
        for i in 0..80 {
            let (gap, heights) = match i {
                0..25 => (3.0, before),
                25..35 => (0.2, before),
                _ => (3.0, after),
            };
            tracks[1].state.x[0] = gap;
            for (track, height) in tracks.iter_mut().zip(heights) {
                track.state.x[4] = height;
            }
            told += compare(&mut meetings, &mut tracks, (StoreTime(i * 100_000), 0.1)).len();
        }
        // Whoever stoops is compared once they rise.
        let stoops = after.iter().any(|h| *h < before[0] - STOOPS_M);
        assert_eq!(meetings.is_empty(), !stoops);
        (tracks.iter().map(|t| t.id.0).collect(), told)
    }

    #[test]
    fn who_changed_height_changed_places() {
        assert_eq!(play([1.5, 1.7], [1.7, 1.5]), (vec![2, 1], 1));
        assert_eq!(play([1.5, 1.7], [1.5, 1.7]), (vec![1, 2], 0));
        // Too alike to tell.
        assert_eq!(play([1.60, 1.63], [1.63, 1.60]), (vec![1, 2], 0));
        // One crouches: that is nobody else's height.
        assert_eq!(play([1.5, 1.7], [1.5, 1.1]), (vec![1, 2], 0));
    }
}
