//! What cameras see change on shelves: a lane's front before and after somebody was there.
//!
//! For shops, or shelves, without load cells. Each lane is a patch of the pictures that see its front. A patch that
//! differs from what it was, stays so, and is not hidden by anybody, says that goods were moved there, between when it was
//! last as before and when it was first as now. Which way is told by memory: what looks again as it did
//! before a take is a put-back, all else is a take. That is a weak sense: see `docs/concepts/eyes.md`.

use super::backdrop::Backdrop;
use super::colours::at;
use crate::nets::RgbPicture;
use std::collections::VecDeque;
use walkout_model::{
    CameraIx, LaneIx, Layout, Pixel, PlateDelta, Point2, Point3, Shop, StoreTime, TimeDelta,
    TrackPoint, View, WeightStep,
};

/// How shelves are watched.
#[derive(Clone, Debug)]
pub struct ShelfSettings {
    /// A patch is as it was if it differs by less, levels of 255 on average.
    pub same: f32,
    /// And has changed if it differs by more.
    pub changed: f32,
    /// What changed must stay as it is for so long.
    pub stays: TimeDelta,
    /// Patches smaller than this, pixels of the calibration each way, are not watched.
    pub patch_px_min: [f64; 2],
    /// Nobody may stand so near to the line of sight, metres.
    pub clear_m: f64,
    /// Standard deviation of a change's mass, as a share of its SKU's.
    pub mass_share: f64,
}

impl Default for ShelfSettings {
    fn default() -> Self {
        Self {
            same: 9.0,
            changed: 16.0,
            stays: TimeDelta::from_millis(2_500),
            patch_px_min: [12.0, 8.0],
            clear_m: 0.45,
            mass_share: 0.25,
        }
    }
}

/// Samples across and down a patch.
const GRID: [usize; 2] = [8, 6];
/// States of a lane that are remembered.
const STATES_MAX: usize = 6;
/// How long people's places are remembered.
const REMEMBERED: TimeDelta = TimeDelta::from_secs(90);
/// Changes of one visit seen by several cameras come within this of one another.
const GATHER: TimeDelta = TimeDelta::from_millis(2_000);
/// Goods are no taller in a patch, metres.
const TALL_MAX_M: f64 = 0.3;
/// Who moves goods stands no farther from the lane, metres.
const AT_SHELF_M: f64 = 1.2;
/// Changes that were told and are remembered.
const TOLD_MAX: usize = 256;
/// Points of people remembered at most.
const POINTS_MAX: usize = 20_000;

type Colours = Vec<[f32; 3]>;

#[derive(Clone, Debug)]
struct Patch {
    lane: LaneIx,
    middle: Point3,
    points: Vec<Pixel>,
    /// Left, top, right, bottom.
    bounds: [f64; 4],
    /// What it looked like, the newest last.
    states: VecDeque<Colours>,
    same_at: Option<StoreTime>,
    candidate: Option<(StoreTime, Colours)>,
}

#[derive(Clone, Debug)]
struct Eye {
    camera: CameraIx,
    view: View,
    backdrop: Backdrop,
    patches: Vec<Patch>,
}

/// A change that one camera is sure of.
#[derive(Clone, Copy, Debug)]
struct Change {
    lane: LaneIx,
    camera: CameraIx,
    /// The patch that changed.
    bounds: [f64; 4],
    from: StoreTime,
    to: StoreTime,
    seen: StoreTime,
    /// Mean difference over what counts as one.
    strength: f64,
    is_return: bool,
}

/// Watches the shelves of a shop.
#[derive(Clone, Debug)]
pub struct ShelfWatch {
    settings: ShelfSettings,
    lanes: Vec<Lane>,
    eyes: Vec<Eye>,
    changes: Vec<Change>,
    /// The last changes that were told.
    told: VecDeque<Change>,
    people: VecDeque<(StoreTime, Point2, Vec<Point3>)>,
    serial: u64,
}

/// What is needed of a lane.
#[derive(Clone, Debug)]
struct Lane {
    shelf: walkout_model::ShelfIx,
    front: Point3,
    mass_g: f64,
    plates: Vec<walkout_model::PlateIx>,
}

impl ShelfWatch {
    /// A watch with these cameras.
    pub fn new(shop: &Shop, cameras: &[CameraIx], settings: ShelfSettings) -> Self {
        let layout = &shop.layout;
        let lanes: Vec<Lane> = shop
            .planogram
            .lanes
            .iter()
            .map(|lane| Lane {
                shelf: lane.shelf,
                front: layout.floor_from_shelf(lane.shelf, lane.x_m + lane.width_m / 2.0, 0.0, 0.1),
                mass_g: shop
                    .catalogue
                    .get(lane.sku)
                    .map_or(100.0, |p| p.unit_mass.grams()),
                plates: lane.plates.clone(),
            })
            .collect();
        let eyes = cameras
            .iter()
            .filter_map(|&camera| {
                let view = View::new(layout.cameras.get(camera.usize())?);
                let patches =
                    (0..lanes.len()).filter_map(|i| patch(shop, &view, LaneIx::from(i), &settings));
                Some(Eye {
                    camera,
                    patches: patches.collect(),
                    backdrop: Backdrop::default(),
                    view,
                })
            })
            .collect();
        Self {
            settings,
            told: VecDeque::new(),
            lanes,
            eyes,
            changes: Vec::new(),
            people: VecDeque::new(),
            serial: 0,
        }
    }

    /// How many lanes some camera sees well enough, of how many.
    pub fn watched_lanes(&self) -> (usize, usize) {
        let seen = |i: usize| {
            let lane = LaneIx::from(i);
            let mut patches = self.eyes.iter().flat_map(|e| &e.patches);
            patches.any(|p| p.lane == lane)
        };
        let all = self.lanes.len();
        ((0..all).filter(|i| seen(*i)).count(), all)
    }

    /// Where people are: who hides a patch, and whose hand was at a lane.
    pub fn people(&mut self, points: &[TrackPoint]) {
        for p in points {
            let wrists = p.wrists.iter().map(|w| w.position).collect();
            self.people.push_back((p.t, p.position, wrists));
        }
        let newest = self.people.back().map_or(StoreTime(0), |p| p.0);
        let old = |p: &(StoreTime, Point2, Vec<Point3>)| newest.since(p.0) > REMEMBERED;
        while self.people.len() > POINTS_MAX || self.people.front().is_some_and(old) {
            self.people.pop_front();
        }
    }

    /// Compares a camera's picture, the larger the better, with what the lanes looked like.
    pub fn look(&mut self, camera: CameraIx, t: StoreTime, picture: &RgbPicture<'_>) {
        let Some(eye) = self.eyes.iter_mut().find(|e| e.camera == camera) else {
            return;
        };
        let described = eye.view.camera();
        let size = [described.width_px, described.height_px].map(f64::from);
        eye.backdrop.compare(picture, size);
        eye.backdrop.learn(t, &[]);
        let gain = eye.backdrop.brightness();
        let per_px = size[0] / f64::from(picture.width());
        let recent = |p: &&(StoreTime, Point2, Vec<Point3>)| {
            t.since(p.0) < TimeDelta::from_millis(1_200) && p.0 <= t
        };
        let bodies: Vec<Point2> = self
            .people
            .iter()
            .rev()
            .take(400)
            .filter(recent)
            .map(|p| p.1)
            .collect();
        let from = described.position;
        for patch in &mut eye.patches {
            let hidden = bodies
                .iter()
                .any(|b| hides(*b, from, patch.middle, self.settings.clear_m));
            if hidden {
                patch.candidate = None;
                continue;
            }
            let colours: Colours = patch
                .points
                .iter()
                .map(|p| {
                    let c = at(picture, p.u / per_px, p.v / per_px);
                    c.map(|v| v * gain)
                })
                .collect();
            self.changes
                .extend(patch.compare((camera, t), colours, &self.settings));
        }
    }

    /// What was moved, as far as it is known at `now`: steps of one unit's mass.
    pub fn conclude(&mut self, now: StoreTime) -> Vec<WeightStep> {
        let mut ripe: Vec<Change> = Vec::new();
        self.changes.retain(|c| {
            let waits = now.since(c.seen) < GATHER;
            if !waits {
                ripe.push(*c);
            }
            waits
        });
        ripe.sort_by(|a, b| b.strength.total_cmp(&a.strength).then(a.lane.cmp(&b.lane)));
        let mut out = Vec::new();
        for c in ripe {
            // The same visit seen by another camera, or the same goods reaching into another lane's picture.
            let again = self.told.iter().any(|o| {
                let at_once = o.from < c.to && c.from < o.to;
                at_once && (o.lane == c.lane || (o.camera == c.camera && meet(o.bounds, c.bounds)))
            });
            if again {
                continue;
            }
            let Some(t_change) = self.when(&c) else {
                continue;
            };
            self.told.push_back(c);
            if self.told.len() > TOLD_MAX {
                self.told.pop_front();
            }
            out.push(self.step(&c, t_change, now));
        }
        out.sort_by_key(|s| s.t_change);
        out
    }

    /// When somebody's hand, or else body, was nearest to the lane. `None`: nobody was there.
    fn when(&self, c: &Change) -> Option<StoreTime> {
        let front = self.lanes.get(c.lane.usize())?.front;
        let early = c.from - TimeDelta::from_secs(1);
        let there = self
            .people
            .iter()
            .filter(|p| early <= p.0 && p.0 <= c.to)
            .filter(|p| p.1.distance(front.floor()) < AT_SHELF_M);
        there
            .map(|p| {
                let hand = p.2.iter().map(|w| w.distance(front)).fold(9.0, f64::min);
                // A hand that is seen says more than a body that is near.
                let key = if hand < 0.4 {
                    hand
                } else {
                    1.0 + p.1.distance(front.floor())
                };
                (key, p.0)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, t)| t)
    }

    fn step(&mut self, c: &Change, t_change: StoreTime, now: StoreTime) -> WeightStep {
        let lane = &self.lanes[c.lane.usize()];
        let sign = if c.is_return { 1.0 } else { -1.0 };
        let sigma_g = (self.settings.mass_share * lane.mass_g) as f32;
        let n = lane.plates.len().max(1) as f32;
        let delta_g = (sign * lane.mass_g) as f32;
        self.serial += 1;
        WeightStep {
            serial: self.serial,
            replaces: None,
            shelf: lane.shelf,
            t_start: t_change - TimeDelta::from_millis(300),
            t_change,
            t_end: t_change + TimeDelta::from_millis(300),
            known_at: now,
            delta_g,
            sigma_g,
            plates: lane
                .plates
                .iter()
                .map(|&plate| PlateDelta {
                    plate,
                    delta_g: delta_g / n,
                    sigma_g: sigma_g / n.sqrt(),
                })
                .collect(),
            curve: Vec::new(),
        }
    }
}

impl Patch {
    fn compare(
        &mut self,
        (camera, t): (CameraIx, StoreTime),
        now: Colours,
        s: &ShelfSettings,
    ) -> Option<Change> {
        let Some(last) = self.states.back_mut() else {
            self.states.push_back(now);
            self.same_at = Some(t);
            return None;
        };
        let off = difference(last, &now);
        if off < s.same {
            for (a, b) in last.iter_mut().zip(&now) {
                for k in 0..3 {
                    a[k] += 0.1 * (b[k] - a[k]);
                }
            }
            self.same_at = Some(t);
            self.candidate = None;
            return None;
        }
        if off < s.changed {
            return None;
        }
        match &self.candidate {
            Some((since, was)) if difference(was, &now) < s.same => {
                if t.since(*since) < s.stays {
                    return None;
                }
                let change = Change {
                    lane: self.lane,
                    camera,
                    bounds: self.bounds,
                    from: self.same_at.unwrap_or(*since),
                    to: *since,
                    seen: t,
                    strength: f64::from(off / s.changed),
                    is_return: self.returns_to(&now, s),
                };
                self.same_at = Some(t);
                self.candidate = None;
                self.states.push_back(now);
                if self.states.len() > STATES_MAX {
                    self.states.pop_front();
                }
                Some(change)
            }
            _ => {
                self.candidate = Some((t, now));
                None
            }
        }
    }

    /// Whether it looks as it did before an earlier change; what came since is then forgotten.
    fn returns_to(&mut self, now: &Colours, s: &ShelfSettings) -> bool {
        let before = self.states.len().saturating_sub(1);
        let known = self.states.iter().take(before);
        let Some(i) = known
            .enumerate()
            .filter(|(_, state)| difference(state, now) < s.same)
            .map(|(i, _)| i)
            .next_back()
        else {
            return false;
        };
        self.states.truncate(i);
        true
    }
}

/// Whether two boxes have a point in common.
fn meet(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

/// Mean over samples of the largest difference of a colour.
fn difference(a: &Colours, b: &Colours) -> f32 {
    let sum: f32 = a
        .iter()
        .zip(b)
        .map(|(a, b)| (0..3).map(|k| (a[k] - b[k]).abs()).fold(0.0, f32::max))
        .sum();
    sum / a.len().max(1) as f32
}

/// Whether a body stands in the line of sight, or so near to its end that an arm may.
pub(super) fn hides(body: Point2, from: Point3, to: Point3, clear_m: f64) -> bool {
    if body.distance(to.floor()) < 0.6 {
        return true;
    }
    // Above heads the line is free.
    let high = 1.9;
    let k = if from.z > high && from.z > to.z {
        ((from.z - high) / (from.z - to.z)).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let low = from.floor() + (to.floor() - from.floor()) * k;
    body.distance_to_segment(low, to.floor()) < clear_m
}

/// A lane's front in a camera's picture, if it is seen well enough.
fn patch(shop: &Shop, view: &View, lane: LaneIx, s: &ShelfSettings) -> Option<Patch> {
    let layout = &shop.layout;
    let l = shop.planogram.get(lane)?;
    let shelf = layout.shelves.get(l.shelf.usize())?;
    let fixture = layout.fixtures.get(shelf.fixture.usize())?;
    let tall = shop
        .catalogue
        .get(l.sku)
        .map_or(0.15, |p| f64::from(p.size_mm[2]) / 1_000.0);
    let tall = tall.clamp(0.03, TALL_MAX_M);
    let from = view.camera().position;
    let local = fixture.pose.local_from_floor(from.floor());
    if local.y > -0.15 {
        return None;
    }
    let place = |i: f64, j: f64| {
        layout.floor_from_shelf(l.shelf, l.x_m + i * l.width_m, 0.02, 0.01 + j * tall)
    };
    let px = |i: f64, j: f64| view.project(place(i, j)).filter(|p| view.contains(*p));
    let (a, b, c, d) = (px(0.0, 0.0)?, px(1.0, 0.0)?, px(0.0, 1.0)?, px(1.0, 1.0)?);
    let length = |p: Pixel, q: Pixel| (p.u - q.u).hypot(p.v - q.v);
    let across = length(a, b).min(length(c, d));
    let down = length(a, c).min(length(b, d));
    let middle = place(0.5, 0.5);
    if across < s.patch_px_min[0]
        || down < s.patch_px_min[1]
        || !is_clear(layout, shelf.fixture.usize(), from, middle)
    {
        return None;
    }
    let mut points = Vec::with_capacity(GRID[0] * GRID[1]);
    for j in 0..GRID[1] {
        for i in 0..GRID[0] {
            points.push(px(
                (i as f64 + 0.5) / GRID[0] as f64,
                (j as f64 + 0.5) / GRID[1] as f64,
            )?);
        }
    }
    let edge = |pick: fn(f64, f64) -> f64, of: fn(&Pixel) -> f64| {
        points.iter().map(of).reduce(pick).unwrap_or_default()
    };
    let bounds = [
        edge(f64::min, |p| p.u),
        edge(f64::min, |p| p.v),
        edge(f64::max, |p| p.u),
        edge(f64::max, |p| p.v),
    ];
    Some(Patch {
        lane,
        middle,
        bounds,
        points,
        states: VecDeque::new(),
        same_at: None,
        candidate: None,
    })
}

/// Whether no other fixture stands in between.
fn is_clear(layout: &Layout, own: usize, from: Point3, to: Point3) -> bool {
    let others = layout
        .fixtures
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != own);
    !others.into_iter().any(|(_, f)| {
        (1..40).any(|k| {
            let k = f64::from(k) / 40.0;
            let at = |a: f64, b: f64| a + k * (b - a);
            let p = Point3::new(at(from.x, to.x), at(from.y, to.y), at(from.z, to.z));
            let q = f.pose.local_from_floor(p.floor());
            p.z < f.height_m && (0.0..f.width_m).contains(&q.x) && (0.0..f.depth_m).contains(&q.y)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::{CameraIx, TrackId, Wrist};

    struct Bed {
        shop: Shop,
        watch: ShelfWatch,
        camera: CameraIx,
        lane: LaneIx,
        patch: Vec<Pixel>,
        t: i64,
        told: Vec<WeightStep>,
    }

    impl Bed {
        fn new() -> Self {
            let shop =
                walkout_model::files::load_shop(&walkout_testkit::shop_dir("corner")).unwrap();
            let cameras: Vec<CameraIx> =
                (0..shop.layout.cameras.len()).map(CameraIx::from).collect();
            let watch = ShelfWatch::new(&shop, &cameras, ShelfSettings::default());
            let eye = watch.eyes.iter().find(|e| !e.patches.is_empty()).unwrap();
            let patch = &eye.patches[eye.patches.len() / 2];
            Self {
                camera: eye.camera,
                lane: patch.lane,
                patch: patch.points.clone(),
                watch,
                shop,
                t: 0,
                told: Vec::new(),
            }
        }

        /// A second of a lane in this grey, with somebody there or not.
        fn second(&mut self, level: u8, somebody: bool) {
            let t = StoreTime(self.t * 1_000_000);
            let lane = self.watch.lanes[self.lane.usize()].front;
            if somebody {
                let wrist = Wrist {
                    position: lane,
                    sigma_m: 0.05,
                    confidence: 0.9,
                };
                self.watch.people(&[TrackPoint {
                    t,
                    track: TrackId(1),
                    position: lane.floor(),
                    sigma_m: 0.1,
                    wrists: vec![wrist],
                    appearance: Vec::new(),
                }]);
            }
            let (w, h) = (1280_usize, 720_usize);
            let mut rgb = vec![120_u8; w * h * 3];
            let us = self.patch.iter().map(|p| p.u as usize);
            let vs = self.patch.iter().map(|p| p.v as usize);
            let (u0, u1) = (us.clone().min().unwrap(), us.max().unwrap());
            let (v0, v1) = (vs.clone().min().unwrap(), vs.max().unwrap());
            for v in v0..=v1 {
                rgb[(v * w + u0) * 3..=(v * w + u1) * 3 + 2].fill(level);
            }
            let picture = RgbPicture::new(w as u32, h as u32, &rgb).unwrap();
            self.watch.look(self.camera, t, &picture);
            self.told.extend(self.watch.conclude(t));
            self.t += 1;
        }
    }

    #[test]
    fn a_front_that_changed_while_somebody_was_there_is_a_take_and_changed_back_a_return() {
        let mut bed = Bed::new();
        let seconds = |bed: &mut Bed, n: usize, level: u8, somebody: bool| {
            (0..n).for_each(|_| bed.second(level, somebody));
        };
        seconds(&mut bed, 5, 200, false);
        seconds(&mut bed, 3, 200, true);
        seconds(&mut bed, 12, 60, false);
        assert_eq!(bed.told.len(), 1);
        let step = &bed.told[0];
        assert_eq!(step.shelf, bed.shop.planogram.lanes[bed.lane.usize()].shelf);
        assert!(step.delta_g < 0.0 && step.sigma_g > 0.0);
        assert!((5..9).contains(&(step.t_change.0 / 1_000_000)), "{step:?}");
        seconds(&mut bed, 3, 60, true);
        seconds(&mut bed, 12, 200, false);
        assert_eq!(bed.told.len(), 2);
        assert!(bed.told[1].delta_g > 0.0);
    }

    #[test]
    fn light_that_flickers_and_fronts_that_change_with_nobody_near_move_no_goods() {
        let mut bed = Bed::new();
        for i in 0..30 {
            bed.second(if i % 2 == 0 { 200 } else { 60 }, false);
        }
        for _ in 0..20 {
            bed.second(60, false);
        }
        assert!(bed.told.is_empty(), "{:?}", bed.told);
    }

    #[test]
    fn only_fronts_that_a_camera_faces_are_watched() {
        let bed = Bed::new();
        let (seen, all) = bed.watch.watched_lanes();
        assert!(seen > 0 && seen < all, "{seen} of {all}");
    }
}
