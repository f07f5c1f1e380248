//! Whose hand could it have been: bodies and wrists near the plates at the instant of change.

use crate::place::SeenShares;
use crate::tracks::Track;
use walkout_model::{Point2, Point3, Shop, StoreTime, TimeDelta, TrackPoint, WeightStep, Wrist};

/// How far before and after the change hands are compared with the plates.
const BEFORE: TimeDelta = TimeDelta::from_millis(500);
const AFTER: TimeDelta = TimeDelta::from_millis(300);
/// Log odds of a lean against a put-back where the hand is still on the goods, and where it is not.
const LINGERING: f64 = 2.2;
const WITHDRAWN: f64 = -1.5;
/// Who takes something stands before it, give or take so much, metres; or anywhere in reach in one case
/// of so many.
const BESIDE_M: f64 = 0.3;
const ASKEW: f64 = 0.1;
/// Reach of an arm from the middle of the body to the shelf's edge, metres, before it gets unlikely.
const ARM_M: f64 = 0.75;
const ARM_SIGMA_M: f64 = 0.2;

/// Whether a step's change may lie anywhere in a long interval.
pub(crate) fn is_blind(step: &WeightStep) -> bool {
    step.t_end.since(step.t_start) > TimeDelta::from_secs(20)
}

/// The place on the shelf that a hand had to be at.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    shop: &'a Shop,
    step: &'a WeightStep,
    lo_m: f64,
    hi_m: f64,
    /// The middle of the change.
    x_m: f64,
}

impl<'a> Target<'a> {
    pub(crate) fn new(shop: &'a Shop, step: &'a WeightStep, seen: &SeenShares) -> Self {
        Self {
            shop,
            step,
            lo_m: seen.span.0,
            hi_m: seen.span.1,
            x_m: seen.x_m,
        }
    }

    /// How well the track's hands and body fit, from 0 (elsewhere) to about 1 (a hand at the goods).
    pub(crate) fn reach(&self, track: &Track) -> f64 {
        let (from, to) = (self.step.t_change - BEFORE, self.step.t_change + AFTER);
        // A step seen only after a blind time could have happened at any instant of it.
        let from = if self.blind() {
            from.min(self.step.t_start)
        } else {
            from
        };
        let mut scores: Vec<f64> = track
            .between(from, to)
            .map(|p| self.score(p, TimeDelta::ZERO))
            .collect();
        if scores.is_empty() {
            let Some(nearest) = track.nearest(self.step.t_change) else {
                return 0.0;
            };
            let gap = TimeDelta((nearest.t - self.step.t_change).0.saturating_abs());
            if gap > TimeDelta::from_secs(4) {
                return 0.0;
            }
            return self.score(nearest, gap) * 0.5;
        }
        // The better half counts: a hand need not be at the goods the whole time.
        scores.sort_by(|a, b| b.total_cmp(a));
        let half = scores.len().div_ceil(2);
        scores.iter().take(half).sum::<f64>() / half as f64
    }

    /// Log odds that a hand of the track's still rests on the goods when the step is known: who leans
    /// keeps it there, who put something down has drawn it back. 0 where no hand is seen.
    pub(crate) fn lingers(&self, track: &Track) -> f64 {
        let to = self.step.known_at - TimeDelta::from_millis(100);
        let from = to - TimeDelta::from_millis(450);
        let (mut sum, mut n) = (0.0, 0.0);
        for point in track.between(from.max(self.step.t_change), to) {
            if point.wrists.is_empty() {
                continue;
            }
            let hand = point
                .wrists
                .iter()
                .map(|w| self.hand_there(w))
                .fold(0.0, f64::max);
            // One hand of two in sight says half as much by its absence.
            let seen = if point.wrists.len() > 1 { 1.0 } else { 0.4 };
            sum += hand * LINGERING + (1.0 - hand) * seen * WITHDRAWN;
            n += 1.0;
        }
        if n > 0.0 { sum / n } else { 0.0 }
    }

    /// How well a wrist fits the place, 0–1.
    pub(crate) fn hand_there(&self, w: &Wrist) -> f64 {
        let d = self.hand_distance(w.position);
        let s = (0.12_f64.powi(2) + f64::from(w.sigma_m).powi(2)).sqrt();
        let there = f64::from(w.confidence).clamp(0.0, 1.0) * (-0.5 * (d / s).powi(2)).exp();
        if there.is_finite() { there } else { 0.0 }
    }

    /// Whether the change may lie anywhere in a long interval.
    fn blind(&self) -> bool {
        is_blind(self.step)
    }

    /// Whether a body is within an arm's length, 0–1.
    pub(crate) fn within_reach(&self, point: &TrackPoint) -> f64 {
        let away = self.body_distance(point.position);
        let sigma = ARM_SIGMA_M.hypot(f64::from(point.sigma_m));
        (-0.5 * ((away - ARM_M).max(0.0) / sigma).powi(2)).exp()
    }

    /// How far beside the middle of the goods somebody stands, to the right of it positive, and how far before
    /// the shelf's edge, metres.
    pub(crate) fn stands(&self, position: Point2) -> (f64, f64) {
        let layout = &self.shop.layout;
        layout
            .shelves
            .get(self.step.shelf.usize())
            .and_then(|shelf| Some((shelf, layout.fixtures.get(shelf.fixture.usize())?)))
            .map_or((0.0, 0.0), |(shelf, fixture)| {
                let local = fixture.pose.local_from_floor(position);
                (local.x - shelf.x_m - self.x_m, shelf.y_m - local.y)
            })
    }

    fn body_after(&self, point: &TrackPoint, gap: TimeDelta) -> f64 {
        let away = self.body_distance(point.position);
        let drift = 0.5 * gap.as_secs_f64();
        let sigma = (ARM_SIGMA_M.powi(2) + f64::from(point.sigma_m).powi(2) + drift * drift).sqrt();
        let aside = self.aside(point.position) / BESIDE_M.hypot(sigma);
        let before = ASKEW + (1.0 - ASKEW) * (-0.5 * aside.powi(2)).exp();
        before * (-0.5 * ((away - ARM_M).max(0.0) / sigma).powi(2)).exp()
    }

    /// How far beside the goods somebody stands, along the shelf.
    fn aside(&self, position: Point2) -> f64 {
        let layout = &self.shop.layout;
        let Some(shelf) = layout.shelves.get(self.step.shelf.usize()) else {
            return 0.0;
        };
        let Some(fixture) = layout.fixtures.get(shelf.fixture.usize()) else {
            return 0.0;
        };
        let x = fixture.pose.local_from_floor(position).x - shelf.x_m;
        (self.lo_m - x).max(x - self.hi_m).max(0.0)
    }

    fn score(&self, point: &TrackPoint, gap: TimeDelta) -> f64 {
        let body = self.body_after(point, gap);
        if gap > TimeDelta::from_millis(400) {
            return body * 0.15;
        }
        let hand = point
            .wrists
            .iter()
            .map(|w| self.hand_there(w))
            .fold(0.0, f64::max);
        // Two hands in sight and neither near speaks against; hands out of sight say nothing.
        let unseen = match point.wrists.len() {
            0 => 0.25,
            1 => 0.1,
            _ => 0.02,
        };
        body * (unseen + (1.0 - unseen) * hand)
    }

    /// From the body's middle to the nearest point of the shelf's front edge before the goods.
    pub(crate) fn body_distance(&self, position: Point2) -> f64 {
        let front = |x: f64| {
            self.shop
                .layout
                .floor_from_shelf(self.step.shelf, x, 0.0, 0.0)
                .floor()
        };
        position.distance_to_segment(front(self.lo_m), front(self.hi_m))
    }

    /// From a wrist to the box over the plates that changed.
    pub(crate) fn hand_distance(&self, wrist: Point3) -> f64 {
        self.distance_from(wrist, (self.lo_m, self.hi_m))
    }

    /// How well a wrist fits the very place of the goods, so far to both sides of their middle, 0–1.
    pub(crate) fn hand_at_place(&self, w: &Wrist, half_m: f64, sigma_m: f64) -> f64 {
        let d = self.distance_from(w.position, (self.x_m - half_m, self.x_m + half_m));
        let s = sigma_m.hypot(f64::from(w.sigma_m));
        let there = f64::from(w.confidence).clamp(0.0, 1.0) * (-0.5 * (d / s).powi(2)).exp();
        if there.is_finite() { there } else { 0.0 }
    }

    fn distance_from(&self, wrist: Point3, (lo_m, hi_m): (f64, f64)) -> f64 {
        let layout = &self.shop.layout;
        let Some(shelf) = layout.shelves.get(self.step.shelf.usize()) else {
            return f64::INFINITY;
        };
        let Some(fixture) = layout.fixtures.get(shelf.fixture.usize()) else {
            return f64::INFINITY;
        };
        let local = fixture.pose.local_from_floor(wrist.floor());
        let outside = |v: f64, lo: f64, hi: f64| (lo - v).max(v - hi).max(0.0);
        let dx = outside(local.x - shelf.x_m, lo_m, hi_m);
        let dy = outside(local.y - shelf.y_m, -0.1, shelf.depth_m);
        let dz = outside(wrist.z - shelf.height_m, -0.03, 0.30);
        (dx * dx + dy * dy + dz * dz).sqrt()
    }

    /// Whether a hand at `hand` is so near that what it holds may come from or go to the place.
    pub(crate) fn near(&self, hand: Point3) -> bool {
        self.hand_distance(hand) < 0.6
    }

    /// The middle of the place, on the floor.
    pub(crate) fn place(&self) -> Point2 {
        let x_m = 0.5 * (self.lo_m + self.hi_m);
        let layout = &self.shop.layout;
        if self.step.shelf.usize() >= layout.shelves.len() {
            return Point2::default();
        }
        layout
            .floor_from_shelf(self.step.shelf, x_m, 0.0, 0.0)
            .floor()
    }

    /// The same at the height of the shelf.
    pub(crate) fn middle(&self) -> Point3 {
        let z_m = self.shop.layout.shelves.get(self.step.shelf.usize());
        self.place().at_height(z_m.map_or(0.0, |s| s.height_m))
    }

    /// Whether a wrist is at the shelf near the place, where a camera would look at the hand.
    pub(crate) fn at(&self, wrist: &Wrist) -> bool {
        self.hand_distance(wrist.position) < 0.2
    }

    /// The instant of change.
    pub(crate) fn t(&self) -> StoreTime {
        self.step.t_change
    }
}
