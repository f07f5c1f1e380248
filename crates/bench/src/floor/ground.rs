//! Scores on the floor plane: how alike two places are is 1 − distance / 1 m, so that a match within 0.5 m is
//! one of 0.5 or more, the threshold of CLEAR and IDF1 (TrackEval's Euclidean similarity with a zero distance of 1 m).

use crate::mot::score::{Counts, Frame};
use walkout_model::Point2;
use walkout_perception::assignment::{Pair, assign};

/// At this distance two places have nothing in common, metres.
pub const ZERO_M: f64 = 1.0;

/// Somebody, really there or found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    /// Number.
    pub id: i64,
    /// Where.
    pub position: Point2,
    /// Whether it counts. One who does not is neither missed, nor is who was found there false.
    pub counts: bool,
}

/// A frame to score.
pub fn frame(truth: &[Placed], found: &[Placed]) -> Frame {
    let aside = set_aside(truth, found);
    let truth: Vec<&Placed> = truth.iter().filter(|t| t.counts).collect();
    let kept = found
        .iter()
        .zip(&aside)
        .filter(|(f, aside)| f.counts && !**aside);
    let found: Vec<&Placed> = kept.map(|(f, _)| f).collect();
    let mut alike = Vec::new();
    for (t, a) in truth.iter().enumerate() {
        for (p, b) in found.iter().enumerate() {
            let s = 1.0 - a.position.distance(b.position) / ZERO_M;
            if s > 0.0 {
                alike.push((t, p, s));
            }
        }
    }
    Frame {
        truth: truth.iter().map(|t| t.id).collect(),
        found: found.iter().map(|f| f.id).collect(),
        alike,
    }
}

/// Which of the found are of somebody who does not count.
fn set_aside(truth: &[Placed], found: &[Placed]) -> Vec<bool> {
    let mut aside = vec![false; found.len()];
    let mut pairs = Vec::new();
    for (row, a) in truth.iter().enumerate() {
        for (col, b) in found.iter().enumerate() {
            let d = a.position.distance(b.position);
            if d < 0.5 * ZERO_M {
                pairs.push(Pair {
                    row,
                    col,
                    cost: d - ZERO_M,
                });
            }
        }
    }
    for (t, p) in truth
        .iter()
        .zip(assign(truth.len(), found.len(), &pairs, 0.0))
    {
        if let Some(p) = p {
            aside[p] = !t.counts;
        }
    }
    aside
}

/// MODP, percent: mean over matches of 1 − distance / 0.5 m.
pub fn modp(counts: &Counts) -> f64 {
    (2.0 * counts.motp() - 100.0).max(0.0)
}

/// Median distance of matches within 0.5 m in centimetres, each found to the nearest truth of its frame.
pub fn median_cm(frames: &[Frame]) -> f64 {
    let mut all: Vec<f64> = Vec::new();
    for f in frames {
        for t in 0..f.truth.len() {
            let best = f.alike.iter().filter(|(a, _, s)| *a == t && *s >= 0.5);
            all.extend(
                best.map(|(_, _, s)| (1.0 - s) * ZERO_M * 100.0)
                    .min_by(f64::total_cmp),
            );
        }
    }
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(0.0)
}
