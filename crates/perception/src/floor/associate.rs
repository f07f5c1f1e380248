//! Which detection is of which track.
//!
//! Camera by camera the detections are assigned optimally to the tracks as foreseen (log-likelihood against
//! clutter, [`crate::assignment`]). Then the views of each track are held against one another: a view that the
//! others, taken together, contradict is given back. What was given back or left over has a second chance with
//! the tracks as they are by then.

use super::birth::take_in;
use super::life::{Stage, Track};
use super::state::{Part, State, determinant, distance2};
use super::{CameraFrame, FloorSettings, PersonDetection};
use crate::assignment::{Pair, assign};
use std::f64::consts::TAU;
use walkout_model::View;

/// Tracks whose views contradict one another have the worst taken away, so many times at most.
const OUTLIERS_MAX: usize = 3;

/// Assigns the detections of a frame's cameras to the tracks and updates these. Says which are taken.
pub(super) fn associate(
    tracks: &mut [Track],
    frames: &[CameraFrame],
    views: &[View],
    s: &FloorSettings,
) -> Vec<Vec<bool>> {
    let mut taken: Vec<Vec<bool>> = frames
        .iter()
        .map(|f| vec![false; f.detections.len()])
        .collect();
    // Those who are reported first, then those who may be nobody.
    for stage in [Stage::Confirmed, Stage::Tentative] {
        for round in 0..2 {
            for (i, frame) in frames.iter().enumerate() {
                let view = &views[frame.camera.usize()];
                match_camera(tracks, stage, i, frame, view, &mut taken[i], s);
            }
            for track in tracks.iter_mut().filter(|t| t.stage == stage) {
                settle(track, frames, views, &mut taken, s, round == 0);
            }
        }
    }
    taken
}

fn match_camera(
    tracks: &mut [Track],
    stage: Stage,
    frame_ix: usize,
    frame: &CameraFrame,
    view: &View,
    taken: &mut [bool],
    s: &FloorSettings,
) {
    let free: Vec<usize> = (0..taken.len()).filter(|d| !taken[*d]).collect();
    if free.is_empty() {
        return;
    }
    let rows: Vec<usize> = tracks
        .iter()
        .enumerate()
        .filter(|(_, t)| t.stage == stage && t.seen_by.iter().all(|(f, _)| *f != frame_ix))
        .map(|(i, _)| i)
        .collect();
    let clutter = clutter_density(view, s);
    let mut pairs = Vec::new();
    for (row, t) in rows.iter().enumerate() {
        let track = &tracks[*t];
        for (col, d) in free.iter().enumerate() {
            let d = &frame.detections[*d];
            if let Some(worth) = worth(&track.state, view, d, clutter, s) {
                let looks = s.look_weight * track.appearance.likeness(&d.appearance);
                pairs.push(Pair {
                    row,
                    col,
                    cost: -(worth + looks),
                });
            }
        }
    }
    for (row, col) in assign(rows.len(), free.len(), &pairs, 0.0)
        .into_iter()
        .enumerate()
    {
        if let Some(col) = col {
            taken[free[col]] = true;
            tracks[rows[row]].seen_by.push((frame_ix, free[col]));
        }
    }
}

/// False detections per square pixel.
pub(super) fn clutter_density(view: &View, s: &FloorSettings) -> f64 {
    let camera = view.camera();
    s.clutter / (f64::from(camera.width_px) * f64::from(camera.height_px))
}

/// Log-likelihood ratio of a detection being of this state rather than clutter; `None` beyond the gate.
pub(super) fn worth(
    state: &State,
    view: &View,
    d: &PersonDetection,
    clutter: f64,
    s: &FloorSettings,
) -> Option<f64> {
    let mut worth = f64::from(d.score).clamp(0.02, 1.0).ln();
    let part = |part, point: super::PixelPoint, sway| {
        let e = state.expect(view, part, sway)?;
        // Most pairs are far apart: do not weigh those.
        let (du, dv) = (point.pixel.u - e.pixel.u, point.pixel.v - e.pixel.v);
        let spread = state.spread(&e, point.cov);
        if du * du > s.gate * spread[0] || dv * dv > s.gate * spread[2] {
            return None;
        }
        let d2 = distance2(du, dv, spread);
        (d2 < s.gate).then(|| (d2, determinant(spread)))
    };
    if let Some(head) = d.head {
        let (d2, det) = part(Part::Head, head, s.sway_m)?;
        worth -= 0.5 * d2 + (TAU * det.sqrt() * clutter).ln();
        if let Some(foot) = d.foot {
            let miss = part(Part::Foot, foot, s.step_m).map_or(s.foot_cap, |(d2, _)| d2);
            worth -= 0.5 * miss.min(s.foot_cap);
        }
    } else {
        let (d2, det) = part(Part::Foot, d.foot?, s.step_m)?;
        worth -= 0.5 * d2 + (TAU * det.sqrt() * clutter).ln();
    }
    Some(worth)
}

/// Makes the state from the foreseen one and all views, giving back those that do not fit.
fn settle(
    track: &mut Track,
    frames: &[CameraFrame],
    views: &[View],
    taken: &mut [Vec<bool>],
    s: &FloorSettings,
    looks: bool,
) {
    for _ in 0..=OUTLIERS_MAX {
        let mut state = track.prior;
        for &(f, d) in &track.seen_by {
            let view = &views[frames[f].camera.usize()];
            take_in(&mut state, view, &frames[f].detections[d], s);
        }
        track.state = state;
        if track.seen_by.len() < 2 {
            break;
        }
        let worst = track
            .seen_by
            .iter()
            .enumerate()
            .filter_map(|(k, &(f, d))| {
                let view = &views[frames[f].camera.usize()];
                let head = frames[f].detections[d].head?;
                let e = state.expect(view, Part::Head, s.sway_m)?;
                let spread = super::state::add(e.body, head.cov);
                let (du, dv) = (head.pixel.u - e.pixel.u, head.pixel.v - e.pixel.v);
                Some((distance2(du, dv, spread), k))
            })
            .max_by(|a, b| a.0.total_cmp(&b.0));
        match worst {
            Some((d2, k)) if d2 > s.outlier => {
                let (f, d) = track.seen_by.remove(k);
                taken[f][d] = false;
            }
            _ => break,
        }
    }
    if looks || track.met {
        return;
    }
    for &(f, d) in &track.seen_by {
        track.appearance.add(&frames[f].detections[d].appearance);
    }
}
