//! Whose hand it was: how much more probable what was seen of a track's hands and body is if its person
//! made the step than if they only stood there.
//!
//! The log ratio is what a small network says of the frames about the change (`models/hands.md`), beside
//! how near the body stands. It is the score of a conditional logit over the tracks near a step (D. McFadden,
//! *Conditional logit analysis of qualitative choice behavior*, 1974); see `docs/fusion.md`, "reach".

mod net;
mod window;

pub(crate) use window::Near;

use crate::looks::LookWeights;
use crate::reach::Target;
use crate::tracks::Track;
use net::HandNet;
use std::sync::LazyLock;
use walkout_model::{Point2, Point3, TimeDelta, TrackPoint, WeightStep};

/// A step whose change may lie anywhere in so long an interval says nothing of hands.
const BLIND: TimeDelta = TimeDelta::from_secs(20);
/// A body that fits no better is elsewhere, whatever its hands do.
const NOT_THERE: f64 = 1e-9;
/// Where the body is looked at, seconds from the change.
const BODY: (f64, f64) = (-0.8, 0.2);

/// An arm's length from the middle of the body to the wrist, metres, and how it fades out: a hand farther from its
/// body is most probably another's, given to the wrong track.
const ARM_M: f64 = 0.8;
const ARM_FADE_M: f64 = 0.07;

static NET: LazyLock<HandNet> = LazyLock::new(HandNet::shipped);

/// The likelihood ratio of the track's person having made the step, beside `near`, all that is seen there. About 0
/// for somebody who stands elsewhere.
pub(crate) fn ratio(
    target: &Target<'_>,
    step: &WeightStep,
    track: &Track,
    near: &Near<'_>,
    at: usize,
) -> f64 {
    match body(target, step, track) {
        Body::Unseen => target.reach(track),
        Body::Elsewhere => 0.0,
        Body::At(body) => body * NET.log_ratio(&near.window(at), step.delta_g > 0.0).exp(),
    }
}

/// What there is to say of a body before a step.
pub(crate) enum Body {
    /// There are no frames of the instant, or none in particular.
    Unseen,
    /// Far from the goods.
    Elsewhere,
    /// So well within an arm's length, 0 to 1.
    At(f64),
}

/// How well the body stands within reach.
pub(crate) fn body(target: &Target<'_>, step: &WeightStep, track: &Track) -> Body {
    if step.t_end.since(step.t_start) > BLIND {
        return Body::Unseen;
    }
    let at = |s: f64| step.t_change + TimeDelta::from_secs_f64(s);
    let near: Vec<&TrackPoint> = track.between(at(BODY.0), at(BODY.1)).collect();
    if near.is_empty() {
        return Body::Unseen;
    }
    let body = near.iter().map(|p| target.within_reach(p)).sum::<f64>() / near.len() as f64;
    if body < NOT_THERE {
        Body::Elsewhere
    } else {
        Body::At(body)
    }
}

/// What the looks at a track's hand weigh in the question whose hand it was, which the frames answer for the
/// most part.
pub(crate) fn look_weights(step: &WeightStep) -> LookWeights {
    NET.look_weights(step.delta_g > 0.0)
}

/// Natural log of how often two people each take a unit of one SKU in one step, to one who takes one.
pub(crate) fn two_at_once() -> f64 {
    NET.both()
}

/// How probably a hand is of the body that it was given to, by an arm's length.
pub(crate) fn belongs(hand: Point3, body: Point2) -> f64 {
    1.0 / (1.0 + ((hand.floor().distance(body) - ARM_M) / ARM_FADE_M).exp())
}
