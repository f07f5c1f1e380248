//! What the network sees: the frames about a step on a grid of tenths of a second, of one track and of
//! the hands of all others beside it.

use super::belongs;
use crate::net::held_on;
use crate::reach::Target;
use crate::tracks::Track;
use walkout_model::{Point2, Point3, TimeDelta, WeightStep};

/// Where the first frame of the grid lies, seconds from the change.
const FIRST_S: f64 = -3.0;
const SLOT_S: f64 = 0.1;
/// Frames of a window.
pub(crate) const SLOTS: usize = 44;
/// Numbers a frame.
pub(crate) const CHANNELS: usize = 22;

/// How nearness fades with the distance of a hand from the goods, and of one body from another, metres.
const NEAR_M: f64 = 0.25;
const BESIDE_M: f64 = 0.5;
/// Half the width of the very place of the goods, metres, and how near a hand is to it.
const PLACE_M: f64 = 0.08;
const PLACE_SIGMA_M: f64 = 0.06;
/// Hands so far from a body are not its own.
const NOT_OWN_M: f64 = 1.4;

/// A hand in a frame.
#[derive(Clone, Copy, Debug)]
struct HandSeen {
    position: Point3,
    /// From the goods, metres.
    distance: f64,
    /// How probably it is at the goods.
    there: f64,
    /// How probably it is at their very place.
    at_place: f64,
    /// How probably it is of the body that it was given to.
    own: f64,
}

/// A track in a frame.
#[derive(Clone, Debug)]
struct Frame {
    body: Point2,
    sigma_m: f32,
    /// The hand nearest to the goods first.
    hands: Vec<HandSeen>,
}

/// All tracks near a step, frame by frame.
#[derive(Debug)]
pub(crate) struct Near<'a> {
    target: &'a Target<'a>,
    /// By track, then by frame.
    frames: Vec<Vec<Option<Frame>>>,
}

impl<'a> Near<'a> {
    pub(crate) fn new<'t>(
        target: &'a Target<'a>,
        step: &WeightStep,
        tracks: impl Iterator<Item = Option<&'t Track>>,
    ) -> Self {
        let first = step.t_change + TimeDelta::from_secs_f64(FIRST_S - 0.5 * SLOT_S);
        let last = step.t_change + TimeDelta::from_secs_f64(FIRST_S + SLOTS as f64 * SLOT_S);
        let of_track = |track: &Track| {
            let mut frames = vec![None; SLOTS];
            for point in track.between(first, last) {
                let s = point.t.since(step.t_change).as_secs_f64();
                let slot = ((s - FIRST_S) / SLOT_S).round();
                if let Some(frame) = frames.get_mut(slot.max(0.0) as usize) {
                    let mut hands: Vec<HandSeen> = point
                        .wrists
                        .iter()
                        .map(|wrist| {
                            let distance = target.hand_distance(wrist.position);
                            HandSeen {
                                position: wrist.position,
                                distance,
                                there: target.hand_there(wrist),
                                at_place: target.hand_at_place(wrist, PLACE_M, PLACE_SIGMA_M),
                                own: belongs(wrist.position, point.position),
                            }
                        })
                        .collect();
                    hands.sort_by(|a, b| a.distance.total_cmp(&b.distance));
                    *frame = Some(Frame {
                        body: point.position,
                        sigma_m: point.sigma_m,
                        hands,
                    });
                }
            }
            held_on(&mut frames);
            frames
        };
        let none = || vec![None; SLOTS];
        Self {
            target,
            frames: tracks.map(|t| t.map_or_else(none, of_track)).collect(),
        }
    }

    /// The window of the track at a place: `CHANNELS` rows of `SLOTS`.
    pub(crate) fn window(&self, at: usize) -> Vec<f32> {
        let mut window = vec![0.0; CHANNELS * SLOTS];
        let mine = self.frames.get(at).into_iter().flatten();
        for (slot, frame) in mine.enumerate() {
            if let Some(frame) = frame {
                let others = self.frames.iter().enumerate().filter(|(j, _)| *j != at);
                let others = others.filter_map(|(_, frames)| frames.get(slot)?.as_ref());
                for (channel, x) in self.channels(frame, others).into_iter().enumerate() {
                    window[channel * SLOTS + slot] = x as f32;
                }
            }
        }
        window
    }

    /// One frame as numbers, each of about −1.5 to 1.5.
    fn channels<'f>(
        &self,
        mine: &Frame,
        others: impl Iterator<Item = &'f Frame>,
    ) -> [f64; CHANNELS] {
        let (beside, before) = self.target.stands(mine.body);
        let mut x = [0.0; CHANNELS];
        x[0] = 1.0;
        x[1] = beside.clamp(-1.5, 1.5);
        x[2] = before.clamp(-2.0, 2.0) - 0.5;
        x[3] = x[1].abs();
        x[4] = 0.5 * mine.hands.len() as f64;
        for (hand, of_hand) in mine.hands.iter().zip(x[5..15].chunks_exact_mut(5)) {
            of_hand.copy_from_slice(&[
                hand.there,
                (-hand.distance / NEAR_M).exp(),
                1.0,
                hand.own,
                hand.at_place,
            ]);
        }
        // Hands that were given to others.
        for other in others {
            let apart = other.body.distance(mine.body);
            x[19] = (-apart / BESIDE_M).exp().max(x[19]);
            for hand in &other.hands {
                x[21] = hand.there.max(x[21]);
                if hand.position.floor().distance(mine.body) > NOT_OWN_M {
                    continue;
                }
                let of_me = belongs(hand.position, mine.body);
                if hand.there * of_me > x[15] {
                    x[15] = hand.there * of_me;
                    x[16] = hand.own;
                    x[17] = (-hand.distance / NEAR_M).exp();
                }
                x[18] = (of_me * (1.0 - hand.own) * (1.0 - hand.there)).max(x[18]);
            }
        }
        x[20] = 5.0 * f64::from(mine.sigma_m).clamp(0.0, 0.4);
        for value in &mut x {
            if !value.is_finite() {
                *value = 0.0;
            }
        }
        x
    }
}
