//! From boxes to what is scored: overlaps, and what TrackEval sets aside before it scores.

use super::files::{Labelled, Role};
use super::score::Frame;
use walkout_perception::assignment::{Pair, assign};

/// Overlap from which a track on a distractor is set aside.
const SET_ASIDE: f64 = 0.5;

/// Frames to score, from ground truth and tracks by frame. A track whose best match in a frame is a distractor
/// is neither right nor wrong there; what is ignored is not there.
pub fn frames(truth: &[Vec<Labelled>], found: &[Vec<Labelled>]) -> Vec<Frame> {
    let empty = Vec::new();
    truth
        .iter()
        .enumerate()
        .map(|(i, t)| frame(t, found.get(i).unwrap_or(&empty)))
        .collect()
}

fn frame(truth: &[Labelled], found: &[Labelled]) -> Frame {
    let aside = set_aside(truth, found);
    let truth: Vec<&Labelled> = truth.iter().filter(|t| t.role == Role::Counted).collect();
    let kept = found.iter().zip(&aside).filter(|(_, aside)| !**aside);
    let found: Vec<&Labelled> = kept.map(|(f, _)| f).collect();
    let mut alike = Vec::new();
    for (t, a) in truth.iter().enumerate() {
        for (p, b) in found.iter().enumerate() {
            let overlap = a.bounds.iou(&b.bounds);
            if overlap > 0.0 {
                alike.push((t, p, overlap));
            }
        }
    }
    Frame {
        truth: truth.iter().map(|t| t.id).collect(),
        found: found.iter().map(|f| f.id).collect(),
        alike,
    }
}

fn set_aside(truth: &[Labelled], found: &[Labelled]) -> Vec<bool> {
    let mut aside = vec![false; found.len()];
    if truth.iter().all(|t| t.role != Role::Distractor) {
        return aside;
    }
    let mut pairs = Vec::new();
    for (row, a) in truth.iter().enumerate() {
        for (col, b) in found.iter().enumerate() {
            let overlap = a.bounds.iou(&b.bounds);
            if overlap >= SET_ASIDE - f64::EPSILON {
                pairs.push(Pair {
                    row,
                    col,
                    cost: -overlap,
                });
            }
        }
    }
    let matched = assign(truth.len(), found.len(), &pairs, 0.0);
    for (t, p) in truth.iter().zip(matched) {
        if let (Role::Distractor, Some(p)) = (t.role, p) {
            aside[p] = true;
        }
    }
    aside
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_perception::mot::Bounds;

    #[test]
    fn a_track_on_a_mannequin_is_not_wrong() {
        let at = |id, left, role| Labelled {
            id,
            bounds: Bounds {
                left,
                top: 0.0,
                width: 10.0,
                height: 20.0,
            },
            role,
        };
        let truth = [vec![
            at(1, 0.0, Role::Counted),
            at(2, 50.0, Role::Distractor),
            at(3, 90.0, Role::Ignored),
        ]];
        let found = [vec![
            at(7, 1.0, Role::Counted),
            at(8, 50.0, Role::Counted),
            at(9, 90.0, Role::Counted),
        ]];
        let made = frames(&truth, &found);
        assert_eq!(made[0].truth, [1]);
        assert_eq!(made[0].found, [7, 9]);
        assert_eq!(made[0].alike.len(), 1);
    }
}
