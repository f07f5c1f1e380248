//! Whose hand it was: how much more probable what was seen of a track's hands and body is if its person
//! made the step than if they only stood there.
//!
//! The log ratio is a sum of weighed features of the frames about the change. The weights are those of a
//! conditional logit over the tracks near a step (D. McFadden, *Conditional logit analysis of qualitative
//! choice behavior*, 1974), fitted to steps whose maker was certain; see `docs/fusion.md`, "reach".

use crate::looks::LookWeights;
use crate::reach::Target;
use crate::tracks::Track;
use walkout_model::{StoreTime, TimeDelta, TrackPoint, WeightStep};

/// A step whose change may lie anywhere in so long an interval says nothing of hands.
const BLIND: TimeDelta = TimeDelta::from_secs(20);
/// A body that fits no better is elsewhere, whatever its hands do.
const NOT_THERE: f64 = 1e-9;

/// Where the body is looked at, seconds from the change.
const BODY: (f64, f64) = (-0.8, 0.2);
/// How it moves: from the first interval to the second.
const BEFORE: (f64, f64) = (-1.2, -0.7);
const AFTER: (f64, f64) = (-0.2, 0.3);
/// When hands are looked at: the borders of the intervals.
const BORDERS: [f64; 10] = [-2.4, -1.6, -1.0, -0.6, -0.3, -0.05, 0.15, 0.4, 0.8, 1.2];
/// Frames that are counted, beside.
const PRESS: (f64, f64) = (-1.0, 0.15);

/// What each feature weighs.
struct Weights {
    /// Of the body: metres beside the goods, the same beyond 0.3 and beyond 0.7 m; metres before the
    /// shelf, the same beyond 0.6 m, nearer than 0.15 m; metres moved up to 0.3 m, and up to 1 m.
    body: [f64; 8],
    /// Of the hands in each interval: the share of frames with one at the goods, with one in sight that
    /// is elsewhere, and with two that are.
    frames: [[f64; 3]; 9],
    /// Of the frames while the hand must be there: how many have it at the goods, up to 0.5, 1, 2 and 4;
    /// two hands elsewhere, up to 1 and 3; one elsewhere, up to 2.
    press: [f64; 7],
    /// Of the looks at the hand.
    look: LookWeights,
}

/// 3,514 falls and 1,073 rises of `busy` (seeds 41–44) and `adversarial` (41–43).
const TAKE: Weights = Weights {
    body: [-0.24, 0.08, 0.36, 0.06, -0.15, -0.07, -0.55, -0.82],
    frames: [
        [0.04, -0.09, 0.08],
        [0.92, -0.05, -0.56],
        [0.49, 0.01, -0.18],
        [0.21, -0.08, 0.12],
        [0.33, 0.15, -0.22],
        [-0.12, 0.16, -0.03],
        [0.27, 0.01, -0.22],
        [-0.07, 0.23, -0.48],
        [-0.13, 0.00, -0.03],
    ],
    press: [0.19, 0.21, 0.25, 0.35, -0.07, -0.33, -0.11],
    look: LookWeights {
        shows_it: 0.40,
        shows_another: 0.14,
        shows_none: -0.22,
        any: -0.43,
    },
};
const PUT: Weights = Weights {
    body: [-0.51, -0.17, 0.20, -0.18, -0.35, -0.32, -0.28, -0.62],
    frames: [
        [0.31, 0.34, -0.46],
        [-0.30, 0.34, -0.06],
        [-0.02, -0.25, 0.09],
        [0.20, -0.33, -0.22],
        [0.01, 0.37, -0.81],
        [-0.01, -0.12, -0.32],
        [0.32, -0.12, -0.57],
        [1.07, -0.22, -0.90],
        [0.78, -0.19, -0.54],
    ],
    press: [0.12, 0.23, 0.17, 0.13, -0.05, -0.33, -0.15],
    look: LookWeights {
        shows_it: 0.28,
        shows_another: 0.24,
        shows_none: 0.83,
        any: 0.61,
    },
};

/// Who stands like this with no hand in sight has ratio 1: metres beside and before, metres moved.
const PLAIN: (f64, f64, f64) = (0.0, 0.45, 0.1);
/// What is taken to have been moved where it was not seen, metres.
const MOVED_UNSEEN: f64 = 0.15;

/// The likelihood ratio of the track's person having made the step. About 0 for somebody who stands
/// elsewhere, 1 where nothing is seen of the hands of somebody at the shelf.
pub(crate) fn ratio(target: &Target<'_>, step: &WeightStep, track: &Track) -> f64 {
    if step.t_end.since(step.t_start) > BLIND {
        return target.reach(track);
    }
    let t = step.t_change;
    let points = |from: f64, to: f64| {
        let at = |s: f64| t + TimeDelta::from_secs_f64(s);
        track.between(at(from), at(to))
    };
    let near: Vec<&TrackPoint> = points(BODY.0, BODY.1).collect();
    if near.is_empty() {
        return target.reach(track);
    }
    let n = near.len() as f64;
    let body = near.iter().map(|p| target.within_reach(p)).sum::<f64>() / n;
    if body < NOT_THERE {
        return 0.0;
    }
    let weights = if step.delta_g < 0.0 { &TAKE } else { &PUT };
    let place = |all: &[&TrackPoint]| {
        let n = all.len().max(1) as f64;
        let (aside, away) = all
            .iter()
            .map(|p| target.stands(p.position))
            .fold((0.0, 0.0), |(a, b), (aside, away)| (a + aside, b + away));
        (!all.is_empty()).then_some((aside / n, away / n))
    };
    let (aside, away) = place(&near).unwrap_or_default();
    let ends = |(from, to)| place(&points(from, to).collect::<Vec<_>>());
    let moved = match (ends(BEFORE), ends(AFTER)) {
        (Some(a), Some(b)) => (a.0 - b.0).hypot(a.1 - b.1),
        _ => MOVED_UNSEEN,
    };
    let plain = weights.of_body(PLAIN.0, PLAIN.1, PLAIN.2);
    let log = weights.of_body(aside, away, moved) - plain + weights.of_hands(target, t, track);
    body * log.exp()
}

/// What the looks at a track's hand weigh in the question whose hand it was, which the frames answer for the
/// most part.
pub(crate) fn look_weights(step: &WeightStep) -> &'static LookWeights {
    if step.delta_g < 0.0 {
        &TAKE.look
    } else {
        &PUT.look
    }
}

impl Weights {
    fn of_body(&self, aside: f64, away: f64, moved: f64) -> f64 {
        let aside = aside.min(2.0);
        let away = away.min(1.5);
        let features = [
            aside,
            (aside - 0.3).max(0.0),
            (aside - 0.7).max(0.0),
            away.max(0.0),
            (away - 0.6).max(0.0),
            if away < 0.15 { 1.0 } else { 0.0 },
            moved.min(0.3),
            moved.min(1.0),
        ];
        dot(&self.body, &features)
    }

    fn of_hands(&self, target: &Target<'_>, t: StoreTime, track: &Track) -> f64 {
        let mut shares = [[0.0; 3]; 9];
        let mut counts = [0.0_f64; 9];
        let (mut at, mut one, mut two) = (0.0_f64, 0.0_f64, 0.0_f64);
        let first = t + TimeDelta::from_secs_f64(BORDERS[0]);
        let last = t + TimeDelta::from_secs_f64(BORDERS[9]);
        for point in track.between(first, last) {
            let s = point.t.since(t).as_secs_f64();
            let Some(i) = BORDERS.windows(2).position(|b| b[0] <= s && s < b[1]) else {
                continue;
            };
            let there = point
                .wrists
                .iter()
                .map(|w| target.hand_there(w))
                .fold(0.0, f64::max);
            let elsewhere = match point.wrists.len() {
                0 => [0.0, 0.0],
                1 => [1.0 - there, 0.0],
                _ => [0.0, 1.0 - there],
            };
            counts[i] += 1.0;
            for (sum, x) in shares[i]
                .iter_mut()
                .zip([there, elsewhere[0], elsewhere[1]])
            {
                *sum += x;
            }
            if (PRESS.0..PRESS.1).contains(&s) {
                at += there;
                one += elsewhere[0];
                two += elsewhere[1];
            }
        }
        let frames: f64 = self
            .frames
            .iter()
            .zip(shares.iter().zip(counts))
            .map(|(weights, (sums, n))| dot(weights, sums) / n.max(1.0))
            .sum();
        let press = [
            at.min(0.5),
            at.min(1.0),
            at.min(2.0),
            at.min(4.0),
            two.min(1.0),
            two.min(3.0),
            one.min(2.0),
        ];
        frames + dot(&self.press, &press)
    }
}

fn dot<const N: usize>(weights: &[f64; N], features: &[f64; N]) -> f64 {
    weights.iter().zip(features).map(|(w, x)| w * x).sum()
}
