//! Whose hand it was: how much more probable what was seen of a track's hands and body is if its person
//! made the step than if they only stood there.
//!
//! The log ratio is a sum of weighed features of the frames about the change. The weights are those of a
//! conditional logit over the tracks near a step (D. McFadden, *Conditional logit analysis of qualitative
//! choice behavior*, 1974), fitted to steps whose maker was certain; see `docs/fusion.md`, "reach".

use crate::looks::LookWeights;
use crate::reach::Target;
use crate::tracks::Track;
use walkout_model::{Point2, Point3, StoreTime, TimeDelta, TrackPoint, WeightStep};

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

/// An arm's length from the middle of the body to the wrist, metres, and how it fades out: a hand farther from its
/// body is most probably another's, given to the wrong track.
const ARM_M: f64 = 0.8;
const ARM_FADE_M: f64 = 0.07;
/// Half the width of the very place of the goods, metres, and how near a hand is to it.
const PLACE_M: f64 = 0.08;
const PLACE_SIGMA_M: f64 = 0.10;
/// A hand so probably at the goods counts as there; below the second, as elsewhere.
const THERE: f64 = 0.4;
const ELSEWHERE: f64 = 0.05;

/// What each feature weighs.
struct Weights {
    /// Of the body: metres beside the middle of the goods, the same beyond 0.15, 0.3, 0.5 and 0.8 m; metres before
    /// the shelf, the same beyond 0.45, 0.6 and 0.8 m, nearer than 0.2 m; metres moved up to 0.3 m, and up
    /// to 1 m.
    body: [f64; 12],
    /// Of the hands in each interval: the share of frames with one at the goods, with one in sight that
    /// is elsewhere, and with two that are.
    frames: [[f64; 3]; 9],
    /// Of the frames while the hand must be there: how many have it at the goods, up to 0.5, 1, 2, 4 and 8;
    /// two hands elsewhere, up to 1, 3 and 6; one elsewhere, up to 2 and 6; at the very place, up to 1, 4 and 8;
    /// the most in a row, up to 2 and 5; a hand at the goods that is too far from the body, up to 1 and 4; whether
    /// one came there from elsewhere at a bound.
    press: [f64; 18],
    /// Of the looks at the hand.
    look: LookWeights,
}

/// 2,671 falls and 731 rises of `busy` (seeds 41–50) and `adversarial` (51–53).
const TAKE: Weights = Weights {
    body: [
        -0.62, -0.49, -0.38, -0.21, 1.02, 0.62, -0.45, -1.03, -1.18, -1.19, -1.67, -0.92,
    ],
    frames: [
        [0.45, -0.05, -0.34],
        [1.83, -0.13, -0.66],
        [0.48, -0.25, -0.30],
        [-0.14, 0.55, -0.07],
        [0.09, 0.02, -0.39],
        [0.70, 0.15, -0.30],
        [0.84, 0.05, -0.61],
        [0.23, -0.11, -0.50],
        [-0.17, -0.02, -0.05],
    ],
    press: [
        0.83, 0.32, 0.08, 0.00, 0.03, -0.66, -0.17, -0.08, 0.03, -0.01, 0.40, 0.03, 0.04, 0.09,
        0.04, 0.58, 0.79, -0.91,
    ],
    look: LookWeights {
        shows_it: 0.15,
        shows_it_astray: -0.29,
        shows_another: 0.15,
        shows_none: -0.00,
        any: 0.85,
        each: 0.09,
    },
};
const PUT: Weights = Weights {
    body: [
        -0.03, -0.22, -0.70, -1.08, -0.32, 0.28, -0.76, -1.78, -1.28, -0.11, 0.03, -0.63,
    ],
    frames: [
        [1.90, -0.04, 0.00],
        [-1.07, 0.06, 0.06],
        [0.28, -0.19, -0.72],
        [0.28, -0.02, -0.52],
        [0.93, 0.10, -0.25],
        [-0.06, 0.67, 0.26],
        [0.50, 0.39, -0.25],
        [1.35, -0.14, -0.49],
        [2.28, 0.07, -0.41],
    ],
    press: [
        0.11, 0.12, 0.04, -0.06, 0.03, -0.77, -0.02, -0.06, -0.04, -0.00, 0.27, -0.03, 0.04, 0.31,
        -0.04, -0.41, 1.29, 0.23,
    ],
    look: LookWeights {
        shows_it: 0.14,
        shows_it_astray: -0.27,
        shows_another: 0.44,
        shows_none: -0.01,
        any: 0.46,
        each: 0.29,
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
        let beyond = |from: f64| (aside - from).max(0.0);
        let features = [
            aside,
            beyond(0.15),
            beyond(0.3),
            beyond(0.5),
            beyond(0.8),
            away.max(0.0),
            (away - 0.45).max(0.0),
            (away - 0.6).max(0.0),
            (away - 0.8).max(0.0),
            if away < 0.2 { 1.0 } else { 0.0 },
            moved.min(0.3),
            moved.min(1.0),
        ];
        dot(&self.body, &features)
    }

    fn of_hands(&self, target: &Target<'_>, t: StoreTime, track: &Track) -> f64 {
        let mut shares = [[0.0; 3]; 9];
        let mut counts = [0.0_f64; 9];
        let mut press = Press::default();
        let first = t + TimeDelta::from_secs_f64(BORDERS[0]);
        let last = t + TimeDelta::from_secs_f64(BORDERS[9]);
        for point in track.between(first, last) {
            let s = point.t.since(t).as_secs_f64();
            let Some(i) = BORDERS.windows(2).position(|b| b[0] <= s && s < b[1]) else {
                continue;
            };
            let frame = Frame::of(target, point);
            counts[i] += 1.0;
            for (sum, x) in
                shares[i]
                    .iter_mut()
                    .zip([frame.there, frame.elsewhere[0], frame.elsewhere[1]])
            {
                *sum += x;
            }
            if (PRESS.0..PRESS.1).contains(&s) {
                press.add(&frame);
            }
        }
        let frames: f64 = self
            .frames
            .iter()
            .zip(shares.iter().zip(counts))
            .map(|(weights, (sums, n))| dot(weights, sums) / n.max(1.0))
            .sum();
        frames + dot(&self.press, &press.features())
    }
}

/// What a frame shows of a track's hands.
struct Frame {
    /// How probably one is at the goods, and at their very place.
    there: f64,
    at_place: f64,
    /// How probably one is there that is too far from the body.
    astray: f64,
    /// How probably none is there, with one in sight and with two.
    elsewhere: [f64; 2],
    wrists: usize,
}

impl Frame {
    fn of(target: &Target<'_>, point: &TrackPoint) -> Self {
        let (mut there, mut at_place, mut astray) = (0.0_f64, 0.0_f64, 0.0_f64);
        for wrist in &point.wrists {
            let own = belongs(wrist.position, point.position);
            let hand = target.hand_there(wrist);
            there = there.max(hand * own);
            astray = astray.max(hand * (1.0 - own));
            at_place = at_place.max(target.hand_at_place(wrist, PLACE_M, PLACE_SIGMA_M) * own);
        }
        let wrists = point.wrists.len();
        let elsewhere = match wrists {
            0 => [0.0, 0.0],
            1 => [1.0 - there, 0.0],
            _ => [0.0, 1.0 - there],
        };
        Self {
            there,
            at_place,
            astray,
            elsewhere,
            wrists,
        }
    }
}

/// The frames while the hand must be at the goods, added up.
#[derive(Default)]
struct Press {
    there: f64,
    at_place: f64,
    astray: f64,
    one: f64,
    two: f64,
    run: f64,
    longest: f64,
    bounds: f64,
    last: Option<(f64, usize)>,
}

impl Press {
    fn add(&mut self, frame: &Frame) {
        self.there += frame.there;
        self.at_place += frame.at_place;
        self.astray += frame.astray;
        self.one += frame.elsewhere[0];
        self.two += frame.elsewhere[1];
        if frame.there > THERE {
            self.run += 1.0;
            self.longest = self.longest.max(self.run);
            let far = |(there, wrists): (f64, usize)| there < ELSEWHERE && wrists >= 2;
            if self.last.is_some_and(far) {
                self.bounds += 1.0;
            }
        } else {
            self.run = 0.0;
        }
        self.last = Some((frame.there, frame.wrists));
    }

    fn features(&self) -> [f64; 18] {
        [
            self.there.min(0.5),
            self.there.min(1.0),
            self.there.min(2.0),
            self.there.min(4.0),
            self.there.min(8.0),
            self.two.min(1.0),
            self.two.min(3.0),
            self.two.min(6.0),
            self.one.min(2.0),
            self.one.min(6.0),
            self.at_place.min(1.0),
            self.at_place.min(4.0),
            self.at_place.min(8.0),
            self.longest.min(2.0),
            self.longest.min(5.0),
            self.astray.min(1.0),
            self.astray.min(4.0),
            self.bounds.min(1.0),
        ]
    }
}

/// How probably a hand is of the body that it was given to, by an arm's length.
pub(crate) fn belongs(hand: Point3, body: Point2) -> f64 {
    1.0 / (1.0 + ((hand.floor().distance(body) - ARM_M) / ARM_FADE_M).exp())
}

fn dot<const N: usize>(weights: &[f64; N], features: &[f64; N]) -> f64 {
    weights.iter().zip(features).map(|(w, x)| w * x).sum()
}
