//! Whether two people's hands met so that something may have passed between them: the bodies' distance and
//! pace, and the wrists that are seen midway between them, of both or of one.
//!
//! The log odds are a sum of weighed features, a logit (D. R. Cox, 1958) over who gave what to whom or
//! nothing at all, fitted with a ridge, together with the looks of `handing.rs`, to 1,954 meetings of
//! `adversarial` (seeds 41–48), 72 of them hand-overs; see `docs/fusion.md`, "Hand-overs".

use crate::tracks::{Track, TrackStore};
use std::collections::BTreeMap;
use walkout_model::{Point2, Point3, StoreTime, TimeDelta, TrackId, TrackPoint};

/// Hands that pass something meet about midway between the bodies at the height of elbows, give or take
/// so much, metres.
const ELBOWS_M: f64 = 1.05;
const MIDWAY_M: f64 = 0.13;
/// Bodies nearer or farther than this pass nothing on, metres.
const APART_M: std::ops::Range<f64> = 0.25..1.1;
/// Neither body moves more than this while something is passed on, metres.
const STANDS_M: f64 = 0.6;
/// Frames that are looked at, up to the instant and after it.
const WHILE: TimeDelta = TimeDelta::from_millis(950);
const AFTER: (TimeDelta, TimeDelta) = (TimeDelta::from_millis(150), TimeDelta::from_millis(850));
/// Frames of both tracks within this are of one instant.
const SAME_FRAME: TimeDelta = TimeDelta::from_millis(60);
const FRAMES_LEAST: usize = 6;
/// Hands together by less than this are no meeting; of more within so long the best is one.
const TOGETHER: f64 = 0.8;
const ONE_MEETING: TimeDelta = TimeDelta::from_millis(1_500);

/// Log odds that something is passed on: all else, and what each feature weighs.
const BIAS: f64 = -10.90;
/// Frames with a wrist midway, of the one who has more of them: up to 1, 3 and 6; of the other.
const MORE: [f64; 3] = [1.59, 0.49, 0.25];
const LESS: [f64; 3] = [0.04, 0.37, 0.44];
/// Frames with both: up to 0.5 and 2.
const BOTH: [f64; 2] = [2.00, 0.44];
/// Frames with a wrist of two in sight elsewhere up to 5; with both wrists elsewhere up to 3, of the one and
/// the other, and up to 10 of either.
const ONE_ELSEWHERE: f64 = 0.06;
const TWO_ELSEWHERE: [f64; 3] = [0.01, -0.19, -0.18];
/// Frames after it with a wrist still there, up to 2.
const STAYS: [f64; 2] = [-0.33, -0.29];
/// Metres between the bodies, beyond 0.85, below 0.6 and below 0.45; metres moved by the one who moves more,
/// who moves less, and both.
const DISTANCE: [f64; 4] = [5.93, 1.31, -2.47, -2.10];
const MOVED: [f64; 3] = [-0.32, -2.34, -0.63];

/// Two people's hands met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Met<'a> {
    /// When.
    pub t: StoreTime,
    /// Natural log odds that something was passed on, before any look.
    pub log_odds: f64,
    pub a: (TrackId, &'a Track),
    pub b: (TrackId, &'a Track),
}

/// The meetings in (`from`, `to`], in order of time. What follows `to` by 2.4 s should be there.
pub(crate) fn meetings(store: &TrackStore, from: StoreTime, to: StoreTime) -> Vec<Met<'_>> {
    let live: Vec<(TrackId, &Track, Point2)> = store
        .tracks
        .iter()
        .filter_map(|(id, t)| {
            let last = t.between(from - WHILE, to).last()?;
            Some((*id, t, last.position))
        })
        .collect();
    let mut found = Vec::new();
    for (i, (a, ta, pa)) in live.iter().enumerate() {
        for (b, tb, pb) in live.iter().skip(i + 1) {
            if pa.distance(*pb) > APART_M.end + 0.4 {
                continue;
            }
            let mut pair = Pair {
                a: ta,
                b: tb,
                known: BTreeMap::new(),
            };
            for point in ta.between(from + TimeDelta(1), to) {
                if let Some(log_odds) = pair.met(point.t) {
                    found.push(Met {
                        t: point.t,
                        log_odds,
                        a: (*a, ta),
                        b: (*b, tb),
                    });
                }
            }
        }
    }
    found.sort_by_key(|m| (m.t, m.a.0, m.b.0));
    found
}

/// One person's part: frames in which a wrist is midway, one in sight is elsewhere, or two are, and
/// frames after it in which one is still there.
#[derive(Clone, Copy, Debug, Default)]
struct Hands {
    midway: f64,
    one_elsewhere: f64,
    two_elsewhere: f64,
    stays: f64,
}

/// What is seen of two people up to an instant.
#[derive(Clone, Copy, Debug)]
struct Seen {
    distance_m: f64,
    /// How far each body has moved, metres.
    moved_m: [f64; 2],
    hands: [Hands; 2],
    both: f64,
}

/// Two tracks and what was found of them already.
struct Pair<'a> {
    a: &'a Track,
    b: &'a Track,
    known: BTreeMap<StoreTime, Option<Seen>>,
}

impl Pair<'_> {
    /// The log odds of something having passed at `t`, if hands are together then more than shortly
    /// before and after.
    fn met(&mut self, t: StoreTime) -> Option<f64> {
        let seen = self.seen(t)?;
        let here = seen.together();
        if here < TOGETHER {
            return None;
        }
        let a = self.a;
        for other in a.between(t - ONE_MEETING, t + ONE_MEETING) {
            let there = match self.seen(other.t) {
                Some(seen) => seen.together(),
                None => continue,
            };
            if there > here || (there == here && other.t < t) {
                return None;
            }
        }
        Some(seen.log_odds())
    }

    fn seen(&mut self, t: StoreTime) -> Option<Seen> {
        if let Some(known) = self.known.get(&t) {
            return *known;
        }
        let seen = self.look(t);
        self.known.insert(t, seen);
        seen
    }

    fn look(&self, t: StoreTime) -> Option<Seen> {
        let frames: Vec<(&TrackPoint, &TrackPoint)> = self.frames(t - WHILE, t).collect();
        let (first, last) = (frames.first()?, frames.last()?);
        if frames.len() < FRAMES_LEAST || last.0.t != t {
            return None;
        }
        let late = frames.iter().rev().take(5);
        let n = late.len() as f64;
        let distance_m = late
            .map(|(p, q)| p.position.distance(q.position))
            .sum::<f64>()
            / n;
        let moved_m = [
            first.0.position.distance(last.0.position),
            first.1.position.distance(last.1.position),
        ];
        if !APART_M.contains(&distance_m) || moved_m.iter().any(|m| *m > STANDS_M) {
            return None;
        }
        let mut hands = [Hands::default(); 2];
        let mut both = 0.0;
        for (p, q) in &frames {
            let middle = midway(p, q);
            let there = [at(p, middle), at(q, middle)];
            both += there[0] * there[1];
            for ((hands, there), point) in hands.iter_mut().zip(there).zip([p, q]) {
                hands.midway += there;
                match point.wrists.len() {
                    0 => {}
                    1 => hands.one_elsewhere += 1.0 - there,
                    _ => hands.two_elsewhere += 1.0 - there,
                }
            }
        }
        for (p, q) in self.frames(t + AFTER.0, t + AFTER.1) {
            let middle = midway(p, q);
            hands[0].stays += at(p, middle);
            hands[1].stays += at(q, middle);
        }
        Some(Seen {
            distance_m,
            moved_m,
            hands,
            both,
        })
    }

    /// The frames of an interval that show both.
    fn frames(
        &self,
        from: StoreTime,
        to: StoreTime,
    ) -> impl Iterator<Item = (&TrackPoint, &TrackPoint)> {
        self.a.between(from, to).filter_map(|p| {
            let q = self.b.nearest(p.t)?;
            ((q.t - p.t).0.saturating_abs() <= SAME_FRAME.0).then_some((p, q))
        })
    }
}

impl Seen {
    /// How plainly hands are together: what meetings are found by.
    fn together(&self) -> f64 {
        let [a, b] = &self.hands;
        a.midway.min(4.0) + b.midway.min(4.0) + 2.0 * self.both.min(3.0)
            - 0.3 * (a.two_elsewhere + b.two_elsewhere)
            - 0.5 * (a.stays + b.stays)
    }

    fn log_odds(&self) -> f64 {
        let [a, b] = self.hands;
        let (more, less) = if a.midway >= b.midway { (a, b) } else { (b, a) };
        let up_to =
            |x: f64, w: &[f64; 3]| w[0] * x.min(1.0) + w[1] * x.min(3.0) + w[2] * x.min(6.0);
        let d = self.distance_m;
        let [m, n] = self.moved_m;
        BIAS + up_to(more.midway, &MORE)
            + up_to(less.midway, &LESS)
            + BOTH[0] * self.both.min(0.5)
            + BOTH[1] * self.both.min(2.0)
            + ONE_ELSEWHERE * (more.one_elsewhere + less.one_elsewhere).min(5.0)
            + TWO_ELSEWHERE[0] * more.two_elsewhere.min(3.0)
            + TWO_ELSEWHERE[1] * less.two_elsewhere.min(3.0)
            + TWO_ELSEWHERE[2] * (more.two_elsewhere + less.two_elsewhere).min(10.0)
            + STAYS[0] * more.stays.min(2.0)
            + STAYS[1] * less.stays.min(2.0)
            + DISTANCE[0] * d
            + DISTANCE[1] * (d - 0.85).max(0.0)
            + DISTANCE[2] * (0.6 - d).max(0.0)
            + DISTANCE[3] * (0.45 - d).max(0.0)
            + MOVED[0] * m.max(n)
            + MOVED[1] * m.min(n)
            + MOVED[2] * (m + n)
    }
}

fn midway(p: &TrackPoint, q: &TrackPoint) -> Point3 {
    ((p.position + q.position) * 0.5).at_height(ELBOWS_M)
}

/// How well a wrist of the point is there, 0–1.
fn at(point: &TrackPoint, place: Point3) -> f64 {
    let fits = |w: &walkout_model::Wrist| {
        let s = MIDWAY_M.hypot(f64::from(w.sigma_m));
        let fit = (-0.5 * (w.position.distance(place) / s).powi(2)).exp();
        if fit.is_finite() { fit } else { 0.0 }
    };
    point.wrists.iter().map(fits).fold(0.0, f64::max)
}
