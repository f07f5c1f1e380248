//! Where tracks meet and may exchange numbers.

use super::{HALF, SEEN_SLACK, Track, TrackStore};
use std::collections::BTreeMap;
use walkout_model::{Point2, StoreTime, TimeDelta, TrackId, TrackPoint};

/// Within this distance two tracks may change numbers, metres, and how it fades out beyond.
const SWAP_M: f64 = 0.6;
const SWAP_FADE_M: f64 = 0.12;
/// Trackers differ in how far they reach: up to where two have parted a swap is at least so probable, beside one at hand.
const FAR: f64 = 0.03;
/// Two tracks farther apart have parted.
const PARTED_M: f64 = 1.1;
/// For so long somebody near may go on under the number of a person who is not seen any more, or take theirs.
const TAKEN_OVER: TimeDelta = TimeDelta::from_secs(3);
/// How far who is not seen gets on meanwhile, metres a second along each axis.
const WALKED_M_S: f64 = 0.4;
/// How far somebody is from where their pace would have them after that time, along each axis, metres.
const WANDER_M: f64 = 0.35;
/// Natural log odds that how two went on can say for or against a swap.
const TELLS: f64 = 3.0;
/// A meeting is written down once a swap in it is so probable, and when the two part.
const WORTH_NOTING: f64 = 0.004;
const WORTH_A_NOTE: f64 = 1e-4;
/// … or once how the two went on says so plainly that they have changed numbers, natural log odds.
const PLAIN_TURN: f64 = 1.5;

/// Two tracks that are near each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meeting {
    swap: f64,
    since: StoreTime,
}

impl Track {
    /// The last point before `t`, if it is not seen at `t`, was lost lately and nobody new has mostly taken its place.
    fn lost_at(&self, t: StoreTime) -> Option<&TrackPoint> {
        let before = self.points.partition_point(|p| p.t <= t);
        let last = self.points.get(before.checked_sub(1)?)?;
        let next = self.points.get(before);
        let is_back = next.is_some_and(|p| p.t.since(t) <= SEEN_SLACK);
        let gap = t.since(last.t);
        let is_lost = gap > SEEN_SLACK && gap < TAKEN_OVER && !is_back;
        (is_lost && !self.left && self.inherited < 0.5).then_some(last)
    }
}

impl TrackStore {
    /// Two tracks near each other may change numbers. That nobody sees it happens at a known rate;
    /// how the two went on says more: people keep their pace, and if each is where the other was bound
    /// for, it is the more probable that the numbers have changed hands.
    pub(super) fn meet(&mut self, at: StoreTime, swap: f64) {
        let mut live: Vec<(TrackId, Point2)> = self
            .tracks
            .iter()
            .filter(|(_, t)| t.settled)
            .filter_map(|(id, t)| {
                let lost = || t.lost_at(at).map(|p| p.position);
                Some((*id, t.place(at, SEEN_SLACK).or_else(lost)?))
            })
            .collect();
        live.sort_by(|a, b| a.1.x.total_cmp(&b.1.x).then(a.0.cmp(&b.0)));
        let mut together = BTreeMap::new();
        for (i, (a, pa)) in live.iter().enumerate() {
            for (b, pb) in live.iter().skip(i + 1) {
                if pb.x - pa.x > PARTED_M {
                    break;
                }
                let d = pa.distance(*pb);
                if d > PARTED_M {
                    continue;
                }
                let (a, b) = if a < b { (a, b) } else { (b, a) };
                let (Some(ta), Some(tb)) = (self.tracks.get(a), self.tracks.get(b)) else {
                    continue;
                };
                let near = 1.0 / (1.0 + ((d - SWAP_M) / (0.6 * SWAP_FADE_M)).exp());
                let told = match (ta.lost_at(at), tb.lost_at(at)) {
                    (None, None) => match (Gait::of(ta, at), Gait::of(tb, at)) {
                        (Some(ga), Some(gb)) => ga.swapped_with(&gb),
                        _ => 0.0,
                    },
                    // Whoever is seen may be the other, and the other unseen.
                    (Some(lost), None) => Gait::of(tb, at).map_or(0.0, |g| g.is_rather(lost, at)),
                    (None, Some(lost)) => Gait::of(ta, at).map_or(0.0, |g| g.is_rather(lost, at)),
                    (Some(_), Some(_)) => continue,
                };
                together.insert((*a, *b), (swap * near.max(FAR) * told.exp(), told));
            }
        }
        let mut due = Vec::new();
        for (pair, (odds, told)) in &together {
            let meeting = self.meetings.entry(*pair).or_insert(Meeting {
                swap: 0.0,
                since: at,
            });
            let p = odds / (1.0 + odds);
            meeting.swap = meeting.swap * (1.0 - p) + (1.0 - meeting.swap) * p;
            let plain = *told > PLAIN_TURN && meeting.swap > WORTH_A_NOTE;
            if meeting.swap > WORTH_NOTING || plain {
                due.push(*pair);
            }
        }
        for (pair, meeting) in &self.meetings {
            let parted = !together.contains_key(pair);
            let lasts = meeting.swap > WORTH_A_NOTE
                && at.since(meeting.since) > TimeDelta::from_secs(4)
                && !due.contains(pair);
            if parted || lasts {
                due.push(*pair);
            }
        }
        for pair in due {
            let Some(meeting) = self.meetings.remove(&pair) else {
                continue;
            };
            let segment = |id: TrackId| self.tracks.get(&id).map(|t| t.segment);
            let (Some(a), Some(b)) = (segment(pair.0), segment(pair.1)) else {
                continue;
            };
            if meeting.swap < WORTH_A_NOTE {
                continue;
            }
            let (a, b) = self.lineage.meet(a, b, at, meeting.swap.min(0.5));
            for (id, segment) in [(pair.0, a), (pair.1, b)] {
                if let Some(track) = self.tracks.get_mut(&id) {
                    track.go_on_as(segment, at);
                }
            }
        }
    }
}

/// Where a track was bound for, and where it is.
#[derive(Clone, Copy, Debug)]
struct Gait {
    bound: Point2,
    here: Point2,
}

impl Gait {
    /// About `at`: bound from before it, here after it.
    fn of(track: &Track, at: StoreTime) -> Option<Self> {
        let slack = TimeDelta::from_millis(150);
        let before_t = at - HALF;
        let before = track.place(before_t, slack)?;
        let here = track.place(at + HALF, slack)?;
        let pace = TimeDelta::from_millis(400);
        // Nobody keeps a pace for long: half of it is believed.
        let step = track
            .place(before_t - pace, slack)
            .map_or(Point2::default(), |p| {
                (before - p) * (0.5 * 2.0 * HALF.as_secs_f64() / pace.as_secs_f64())
            });
        Some(Self {
            bound: before + step,
            here,
        })
    }

    /// Natural log odds that this number is now of somebody who is not seen at `at` and was last seen there.
    fn is_rather(&self, lost: &TrackPoint, at: StoreTime) -> f64 {
        let square = |p: Point2| self.here.distance(p).powi(2);
        let seconds = at.since(lost.t).as_secs_f64();
        let walked = WANDER_M.hypot(WALKED_M_S * seconds).powi(2);
        let wander = WANDER_M.powi(2);
        let odds = 0.5 * (square(self.bound) / wander - square(lost.position) / walked);
        (odds - (walked / wander).ln()).clamp(-TELLS, TELLS)
    }

    /// Natural log odds that the two have changed numbers, by how they went on.
    fn swapped_with(&self, other: &Self) -> f64 {
        let square = |p: Point2, q: Point2| p.distance(q).powi(2);
        let kept = square(self.here, self.bound) + square(other.here, other.bound);
        let swapped = square(self.here, other.bound) + square(other.here, self.bound);
        ((kept - swapped) / (2.0 * WANDER_M.powi(2))).clamp(-TELLS, TELLS)
    }
}
