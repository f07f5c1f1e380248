//! Whose hand it was: how much more probable what was seen of a track's hands and body is if its person
//! made the step than if they did not.

use crate::reach::Target;
use crate::tracks::Track;
use walkout_model::{StoreTime, TimeDelta, TrackPoint, WeightStep};

/// A hand rests on the goods at most so long before it lifts them, as far as it is looked for.
const PRESS: TimeDelta = TimeDelta::from_millis(1_200);
/// A hand is at the place at least so long before the change, and so long after it.
const BEFORE: TimeDelta = TimeDelta::from_millis(400);
const AFTER_TAKE: TimeDelta = TimeDelta::from_millis(150);
const AFTER_PUT: TimeDelta = TimeDelta::from_millis(300);
/// A step whose change may lie anywhere in so long an interval says nothing of hands.
const BLIND: TimeDelta = TimeDelta::from_secs(20);
/// Ratio of a frame in which a wrist is seen at the goods: hands are found in 7 of 10 frames, and somebody
/// else's is given to a bystander in 1 of 20.
const AT_GOODS: f64 = 15.0;
/// Ratio of a frame in which none, one or two wrists are seen, all elsewhere.
const ELSEWHERE: [f64; 3] = [0.9, 0.5, 0.06];
/// A detector's luck with a hand lasts for about four frames of a tenth of a second.
const FRAME_SHARE: f64 = 0.25;
const FRAME_S: f64 = 0.1;

/// A body that fits no better is elsewhere, whatever its hands do.
const NOT_THERE: f64 = 1e-9;

/// The likelihood ratio of the track's person having made the step. About 0 for somebody who stands
/// elsewhere, 1 where nothing is seen of the hands of somebody at the shelf.
pub(crate) fn ratio(target: &Target<'_>, step: &WeightStep, track: &Track) -> f64 {
    if step.t_end.since(step.t_start) > BLIND {
        return target.reach(track);
    }
    let (from, to) = window(step);
    let points: Vec<&TrackPoint> = track.between(from, to).collect();
    if points.is_empty() {
        return target.reach(track);
    }
    let n = points.len() as f64;
    let body = points.iter().map(|p| target.body(p)).sum::<f64>() / n;
    if body < NOT_THERE {
        return 0.0;
    }
    // Points may come more or less often than ten times a second.
    let seconds = (to - from).as_secs_f64();
    let share = FRAME_SHARE * (seconds / FRAME_S / n).clamp(0.2, 2.0);
    let hands: f64 = points.iter().map(|p| frame(target, p)).sum();
    body * (share * hands).exp()
}

/// When a hand must have been there.
fn window(step: &WeightStep) -> (StoreTime, StoreTime) {
    let t = step.t_change;
    if step.delta_g < 0.0 {
        let from = step.t_start.max(t - PRESS).min(t - BEFORE);
        (from, t + AFTER_TAKE)
    } else {
        (t - BEFORE, t + AFTER_PUT)
    }
}

/// Natural log of the ratio of one frame.
fn frame(target: &Target<'_>, point: &TrackPoint) -> f64 {
    let there = point
        .wrists
        .iter()
        .map(|w| target.hand_there(w))
        .fold(0.0, f64::max);
    let elsewhere = ELSEWHERE[point.wrists.len().min(2)];
    ((1.0 - there) * elsewhere + there * AT_GOODS).ln()
}
