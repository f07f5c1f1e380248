//! Whether two people's hands met so that something may have passed between them: meetings are found by wrists that are
//! seen midway between two bodies, and weighed by a small network that reads the frames about it
//! (`models/handing.md`); see `docs/fusion.md`, "Hand-overs".

mod net;
mod window;

pub(crate) use net::{LOOKS, looks, passed_in_training};

use crate::tracks::{Track, TrackStore};
use std::collections::BTreeMap;
use walkout_model::{Point2, Point3, StoreTime, TimeDelta, TrackId, TrackPoint};
use window::Grid;

/// Hands that pass something meet about midway between the bodies at the height of elbows, give or take
/// so much, metres.
const ELBOWS_M: f64 = 1.05;
const MIDWAY_M: f64 = 0.13;
/// Bodies nearer or farther than this pass nothing on, metres.
const APART_M: std::ops::Range<f64> = 0.2..1.2;
/// Neither body moves more than this while something is passed on, metres.
const STANDS_M: f64 = 0.8;
/// Frames that are looked at, up to the instant and after it.
const WHILE: TimeDelta = TimeDelta::from_millis(950);
const AFTER: (TimeDelta, TimeDelta) = (TimeDelta::from_millis(150), TimeDelta::from_millis(850));
/// Frames of both tracks within this are of one instant.
const SAME_FRAME: TimeDelta = TimeDelta::from_millis(60);
const FRAMES_LEAST: usize = 4;
/// Others so near are in the picture, metres.
const NEAR_BY_M: f64 = 2.0;
/// Hands together by less than this are no meeting; of more within so long the best is one.
const TOGETHER: f64 = 0.3;
const ONE_MEETING: TimeDelta = TimeDelta::from_millis(1_500);

/// Two people's hands met.
#[derive(Clone, Debug)]
pub(crate) struct Met<'a> {
    /// When.
    pub t: StoreTime,
    /// The frames about it, by who gives: a, b.
    pub windows: [Vec<f32>; 2],
    pub a: (TrackId, &'a Track),
    pub b: (TrackId, &'a Track),
}

impl Met<'_> {
    /// Natural log odds that something was passed on, before any look, by who gives.
    pub(crate) fn log_odds(&self) -> [f64; 2] {
        self.windows.clone().map(net::log_odds)
    }
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
                if pair.met(point.t) {
                    let third = live.iter().filter(|l| l.0 != *a && l.0 != *b);
                    let third = third.filter(|l| l.2.distance(*pa) < NEAR_BY_M);
                    let grid = Grid::new(point.t, [ta, tb], third.map(|l| l.1));
                    found.push(Met {
                        t: point.t,
                        windows: [grid.window(0), grid.window(1)],
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

/// One person's part: frames in which a wrist is midway, or both are elsewhere, and frames after it in which one is
/// still there.
#[derive(Clone, Copy, Debug, Default)]
struct Hands {
    midway: f64,
    elsewhere: f64,
    stays: f64,
}

/// Two tracks and what was found of them already.
struct Pair<'a> {
    a: &'a Track,
    b: &'a Track,
    known: BTreeMap<StoreTime, Option<f64>>,
}

impl Pair<'_> {
    /// Whether hands are together at `t` more than shortly before and after.
    fn met(&mut self, t: StoreTime) -> bool {
        let Some(here) = self.seen(t) else {
            return false;
        };
        if here < TOGETHER {
            return false;
        }
        let a = self.a;
        for other in a.between(t - ONE_MEETING, t + ONE_MEETING) {
            let Some(there) = self.seen(other.t) else {
                continue;
            };
            if there > here || (there == here && other.t < t) {
                return false;
            }
        }
        true
    }

    fn seen(&mut self, t: StoreTime) -> Option<f64> {
        if let Some(known) = self.known.get(&t) {
            return *known;
        }
        let seen = self.look(t);
        self.known.insert(t, seen);
        seen
    }

    /// How plainly hands are together up to an instant; none where nothing can be passed on.
    fn look(&self, t: StoreTime) -> Option<f64> {
        let frames: Vec<(&TrackPoint, &TrackPoint)> = self.frames(t - WHILE, t).collect();
        let (first, last) = (frames.first()?, frames.last()?);
        if frames.len() < FRAMES_LEAST || last.0.t != t {
            return None;
        }
        let late = frames.iter().rev().take(5);
        let n = late.len() as f64;
        let apart_m = late
            .map(|(p, q)| p.position.distance(q.position))
            .sum::<f64>()
            / n;
        let moved_m = [
            first.0.position.distance(last.0.position),
            first.1.position.distance(last.1.position),
        ];
        if !APART_M.contains(&apart_m) || moved_m.iter().any(|m| *m > STANDS_M) {
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
                if point.wrists.len() > 1 {
                    hands.elsewhere += 1.0 - there;
                }
            }
        }
        for (p, q) in self.frames(t + AFTER.0, t + AFTER.1) {
            let middle = midway(p, q);
            hands[0].stays += at(p, middle);
            hands[1].stays += at(q, middle);
        }
        let [a, b] = hands;
        Some(
            a.midway.min(4.0) + b.midway.min(4.0) + 2.0 * both.min(3.0)
                - 0.3 * (a.elsewhere + b.elsewhere)
                - 0.5 * (a.stays + b.stays),
        )
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
