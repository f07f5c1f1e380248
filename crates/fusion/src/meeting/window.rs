//! What the network sees of two people whose hands met: the frames about the instant, of who may give and who may be
//! given something, and of whoever else is near.

use crate::hands::belongs;
use crate::net::held_on;
use crate::tracks::Track;
use walkout_model::{Point3, StoreTime, TimeDelta, TrackPoint};

/// Where the first frame of the grid lies, seconds from the instant.
const FIRST_S: f64 = -5.3;
const SLOT_S: f64 = 0.1;
/// Frames of a window: who waited for whom is seen in the seconds before hands meet.
pub(crate) const SLOTS: usize = 72;
/// Numbers a frame, and how many of them each of the two has.
pub(crate) const CHANNELS: usize = 24;
const OF_EACH: usize = 6;
/// Frames before and after one over which a body's pace is taken.
const PACE: usize = 3;
/// How nearness fades with the distance of a hand from the middle, and of a third body from it, metres.
const NEAR_M: f64 = 0.25;
const BESIDE_M: f64 = 0.5;

/// The frames of some tracks on a grid about an instant.
#[derive(Debug)]
pub(crate) struct Grid<'a> {
    pair: [Vec<Option<&'a TrackPoint>>; 2],
    others: Vec<Vec<Option<&'a TrackPoint>>>,
}

impl<'a> Grid<'a> {
    pub(crate) fn new(
        t: StoreTime,
        pair: [&'a Track; 2],
        others: impl Iterator<Item = &'a Track>,
    ) -> Self {
        let first = t + TimeDelta::from_secs_f64(FIRST_S - 0.5 * SLOT_S);
        let last = t + TimeDelta::from_secs_f64(FIRST_S + SLOTS as f64 * SLOT_S);
        let frames = |track: &'a Track| {
            let mut frames = vec![None; SLOTS];
            for point in track.between(first, last) {
                let slot = ((point.t.since(t).as_secs_f64() - FIRST_S) / SLOT_S).round();
                if let Some(frame) = frames.get_mut(slot.max(0.0) as usize) {
                    *frame = Some(point);
                }
            }
            held_on(&mut frames);
            frames
        };
        Self {
            pair: pair.map(frames),
            others: others.map(frames).collect(),
        }
    }

    /// The window in which this one of the two gives: `CHANNELS` rows of `SLOTS`.
    pub(crate) fn window(&self, giver: usize) -> Vec<f32> {
        let mut window = vec![0.0; CHANNELS * SLOTS];
        let (giver, receiver) = if giver == 0 {
            (&self.pair[0], &self.pair[1])
        } else {
            (&self.pair[1], &self.pair[0])
        };
        for slot in 0..SLOTS {
            let (Some(g), Some(r)) = (giver[slot], receiver[slot]) else {
                continue;
            };
            let pace = [pace(giver, slot), pace(receiver, slot)];
            let others = self.others.iter().filter_map(|frames| frames[slot]);
            for (channel, x) in channels(g, r, pace, others).into_iter().enumerate() {
                if x.is_finite() {
                    window[channel * SLOTS + slot] = x as f32;
                }
            }
        }
        window
    }
}

/// Metres a second along both axes.
fn pace(frames: &[Option<&TrackPoint>], slot: usize) -> [f64; 2] {
    let about = slot.saturating_sub(PACE)..(slot + PACE + 1).min(frames.len());
    let mut there = frames[about].iter().flatten();
    let (Some(first), Some(last)) = (there.next(), there.next_back()) else {
        return [0.0; 2];
    };
    let s = last.t.since(first.t).as_secs_f64();
    if s < 0.15 {
        return [0.0; 2];
    }
    let way = last.position - first.position;
    [way.x / s, way.y / s]
}

/// One frame as numbers, each of about −1.5 to 1.5.
fn channels<'f>(
    g: &TrackPoint,
    r: &TrackPoint,
    pace: [[f64; 2]; 2],
    others: impl Iterator<Item = &'f TrackPoint>,
) -> [f64; CHANNELS] {
    let middle = super::midway(g, r);
    let apart = g.position.distance(r.position);
    let to = r.position - g.position;
    let along = [to.x / apart.max(0.05), to.y / apart.max(0.05)];
    let closing = pace.map(|p| p[0] * along[0] + p[1] * along[1]);
    let speed = pace.map(|p| p[0].hypot(p[1]));
    let mut x = [0.0; CHANNELS];
    x[0] = 1.0;
    x[1] = apart.min(1.8) - 0.7;
    x[2] = closing[0].clamp(-1.5, 1.5);
    x[3] = (-closing[1]).clamp(-1.5, 1.5);
    x[4] = speed[0].min(1.5);
    x[5] = speed[1].min(1.5);
    let mut there = [0.0; 2];
    for (of, point) in [g, r].into_iter().enumerate() {
        let own = &mut x[6 + of * OF_EACH..6 + (of + 1) * OF_EACH];
        there[of] = super::at(point, middle);
        own[0] = 0.5 * point.wrists.len() as f64;
        own[1] = there[of];
        let mut hands: Vec<Point3> = point.wrists.iter().map(|w| w.position).collect();
        hands.sort_by(|a, b| a.distance(middle).total_cmp(&b.distance(middle)));
        for (hand, nearness) in hands.iter().zip(&mut own[2..4]) {
            *nearness = (-hand.distance(middle) / NEAR_M).exp();
        }
        if let Some(hand) = hands.first() {
            own[4] = (hand.z - middle.z).clamp(-1.0, 1.0);
            own[5] = belongs(*hand, point.position);
        }
    }
    x[18] = there[0] * there[1];
    for other in others {
        let away = other.position.distance(middle.floor());
        x[19] = (-away / BESIDE_M).exp().max(x[19]);
        x[20] = super::at(other, middle).max(x[20]);
    }
    x[21] = 5.0 * f64::from(g.sigma_m).clamp(0.0, 0.4);
    x[22] = 5.0 * f64::from(r.sigma_m).clamp(0.0, 0.4);
    x[23] = there[0].max(there[1]);
    x
}
