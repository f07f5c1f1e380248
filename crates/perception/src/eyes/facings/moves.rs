//! What moves on shelves as cameras see it: columns before and after somebody was at them. For shelves without load cells.
//!
//! A column's pictures of one quiet time, in which nobody was at it, are one look. When somebody was at it since, the look of before
//! and that of now are two explanations: nothing was moved, then both are of one row, and pictures that differ are unlikely; or units
//! were, then the foremost one stands in another row. `docs/concepts/eyes.md` has the formulas.

use super::bystanders::{ABOUT, Bystander, Bystanders, hides};
use super::compare::{Column, Look, Moved, Pending, Visit};
use super::rows::Rows;
use super::{FacingCounters, geometry};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use walkout_model::{
    CameraIx, FixtureIx, LaneIx, PlateDelta, PlateIx, Point3, SeenColumn, SeenMove, ShelfIx, Shop,
    StoreTime, TimeDelta, TrackPoint, WeightStep,
};

/// How moves are told.
#[derive(Clone, Debug)]
pub struct MoveSettings {
    /// Nobody may stand so near to the line of sight, metres.
    pub clear_m: f64,
    /// A quiet time is looked at for so long before it is told what was moved.
    pub stays: TimeDelta,
    /// A move is told from this probability up.
    pub moved_min: f64,
    /// Whether moves on shelves with plates are told as well: there they are weighed.
    pub beside_plates: bool,
}

impl Default for MoveSettings {
    fn default() -> Self {
        Self {
            clear_m: 0.45,
            stays: TimeDelta::from_millis(1_800),
            moved_min: 0.5,
            beside_plates: false,
        }
    }
}

/// What one picture says of the columns before a camera.
#[derive(Clone, Debug)]
struct Picture {
    camera: CameraIx,
    t: StoreTime,
    columns: Vec<SeenColumn>,
}

/// Who was where is remembered for so long.
const REMEMBERED: TimeDelta = TimeDelta::from_secs(180);
/// One camera's pictures that may wait until it is known who stood there, and after how long nobody did.
const WAITING_MAX: usize = 10;
const NOBODY_AFTER: TimeDelta = TimeDelta::from_secs(6);
/// Who moves goods stands no farther from their front, metres.
const AT_SHELF_M: f64 = 1.1;
/// A hand so near to a column's front was at it, metres.
const AT_COLUMN_M: f64 = 0.35;
/// A clock that goes back by more was set.
const SET_BACK: TimeDelta = TimeDelta::from_secs(5);
/// What looks otherwise for so long with nobody there is so.
const STRANGE: TimeDelta = TimeDelta::from_secs(6);
/// Quiet times are not shorter.
const AT_LEAST: TimeDelta = TimeDelta::from_millis(900);
/// What was moved within one visit is told together; within so much along a fixture one thing moved may make another seem so, metres.
const GATHER: TimeDelta = TimeDelta::from_millis(1_500);
const BESIDE_M: f64 = 0.25;
/// Moves that were told and are remembered.
const TOLD_MAX: usize = 64;
/// A change of mass is that of units, give or take so much of one.
const MASS_SHARE: f64 = 0.05;

/// Watches what moves in a shop's columns.
#[derive(Clone, Debug)]
pub struct MoveWatch {
    settings: MoveSettings,
    cameras: Vec<Point3>,
    lanes: Arc<[Lane]>,
    people: Bystanders,
    waiting: VecDeque<Picture>,
    columns: BTreeMap<(LaneIx, u32, u32), Column>,
    told: VecDeque<Told>,
    /// When each camera's last picture was taken.
    taken: BTreeMap<CameraIx, StoreTime>,
    counters: FacingCounters,
    now: Option<StoreTime>,
    serial: u64,
}

#[derive(Clone, Debug)]
struct Lane {
    shelf: ShelfIx,
    fixture: FixtureIx,
    /// Where the shelf begins along it, metres.
    x_m: f64,
    grams: f64,
    /// How many weights each of its columns has.
    weights: usize,
    fronts: Vec<Front>,
}

/// Where a column is.
#[derive(Clone, Debug)]
struct Front {
    middle: Point3,
    /// From the shelf's left end, and how wide, metres.
    x_m: f64,
    width_m: f64,
    /// The plates under it, with their shares.
    plates: Vec<(PlateIx, f32)>,
}

impl MoveWatch {
    /// A watch that has seen nothing yet.
    pub fn new(shop: &Shop, settings: MoveSettings) -> Self {
        let beside_plates = settings.beside_plates;
        let lanes = shop.planogram.lanes.iter().enumerate();
        let lane = |(i, l): (usize, &walkout_model::Lane)| {
            let columns = l.facings.max(1);
            let width_m = l.width_m / f64::from(columns);
            let front = |f: u32| {
                let x_m = l.x_m + (f64::from(f) + 0.5) * width_m;
                Some(Front {
                    middle: geometry::middle(shop, i.into(), f)?,
                    x_m,
                    width_m,
                    plates: plates_under(shop, l.shelf, x_m, width_m),
                })
            };
            let told = beside_plates || shop.layout.plates_of(l.shelf).next().is_none();
            let shelf = shop.layout.shelves.get(l.shelf.usize());
            Lane {
                shelf: l.shelf,
                fixture: shelf.map_or(FixtureIx(0), |s| s.fixture),
                x_m: shelf.map_or(0.0, |s| s.x_m),
                grams: shop
                    .catalogue
                    .get(l.sku)
                    .map_or(100.0, |p| p.unit_mass.grams()),
                weights: Rows::weights(shop, i.into()),
                fronts: match told {
                    true => (0..columns).filter_map(front).collect(),
                    false => Vec::new(),
                },
            }
        };
        Self {
            settings,
            cameras: shop.layout.cameras.iter().map(|c| c.position).collect(),
            lanes: lanes.map(lane).collect(),
            people: Bystanders::new(REMEMBERED),
            waiting: VecDeque::new(),
            columns: BTreeMap::new(),
            told: VecDeque::new(),
            taken: BTreeMap::new(),
            counters: FacingCounters::default(),
            now: None,
            serial: 0,
        }
    }

    /// Somebody was seen somewhere.
    pub fn person(&mut self, point: &TrackPoint) {
        self.people.push(point);
    }

    /// What was dropped so far.
    pub fn counters(&self) -> FacingCounters {
        FacingCounters {
            crowded: self.counters.crowded + self.people.crowded,
            ..self.counters
        }
    }

    /// A camera told what it sees. It counts when it is known who stood there.
    pub fn push(&mut self, camera: CameraIx, t: StoreTime, mut columns: Vec<SeenColumn>) {
        let told = |c: &SeenColumn| {
            let lane = self.lanes.get(c.lane.usize());
            lane.is_some_and(|l| (c.facing as usize) < l.fronts.len() && c.rows.len() == l.weights)
        };
        columns.retain(told);
        if columns.is_empty() {
            return;
        }
        let own = |p: &Picture| p.camera == camera;
        if self.waiting.iter().filter(|p| own(p)).count() == WAITING_MAX
            && let Some(oldest) = self.waiting.iter().position(own)
        {
            self.waiting.remove(oldest);
            self.counters.crowded += 1;
        }
        let at = self
            .waiting
            .partition_point(|p| (p.t, p.camera) <= (t, camera));
        self.waiting.insert(at, Picture { camera, t, columns });
    }

    /// What was moved, as far as it is known at `now`: steps, with the column that each was seen in.
    pub fn advance(&mut self, now: StoreTime) -> Vec<WeightStep> {
        let mut out = Vec::new();
        if self.now.is_some_and(|last| last.since(now) > SET_BACK) {
            self.people.clear();
            self.waiting.clear();
            self.columns.clear();
            self.told.clear();
            self.taken.clear();
        }
        self.now = Some(now);
        // Until when it is known who was where.
        let known = self.people.newest().map(|at| at - ABOUT);
        let known = known.map_or(now - NOBODY_AFTER, |at| at.max(now - NOBODY_AFTER));
        while self.waiting.front().is_some_and(|p| p.t <= known) {
            if let Some(picture) = self.waiting.pop_front() {
                self.take(&picture, now, &mut out);
            }
        }
        let due = self.columns.iter().filter(|(_, c)| {
            let pending = c.pending.as_ref();
            pending.is_some_and(|p| p.due <= known)
        });
        let due: Vec<(LaneIx, u32, u32)> = due.map(|(key, _)| *key).collect();
        for key in due {
            self.settle(key, now, &mut out);
        }
        out.sort_by_key(|s| (s.t_change, s.serial));
        out
    }

    fn take(&mut self, picture: &Picture, now: StoreTime, out: &mut Vec<WeightStep>) {
        let Some(&from) = self.cameras.get(picture.camera.usize()) else {
            return;
        };
        let last = self.taken.insert(picture.camera, picture.t);
        if last.is_some_and(|last| last >= picture.t) {
            self.taken.extend(last.map(|last| (picture.camera, last)));
            self.counters.late += 1;
            return;
        }
        let about = self.people.about(picture.t);
        let lanes = Arc::clone(&self.lanes);
        for seen in &picture.columns {
            let lane = lanes.get(seen.lane.usize());
            let Some(front) = lane.and_then(|l| l.fronts.get(seen.facing as usize)) else {
                continue;
            };
            let hidden = |p| hides(p, from, front.middle, self.settings.clear_m);
            if seen.rows.len() < 2 || about.iter().any(|p| hidden(*p)) {
                continue;
            }
            let key = (seen.lane, seen.facing, seen.level);
            let column = self.columns.entry(key).or_default();
            if column.rows() != seen.rows.len() {
                *column = Column::new(seen.rows.len(), seen.level > 0);
            }
            let pending = column.pending.as_ref().map(|p| p.is.last);
            let last = match column.is.is_empty() {
                true => pending.unwrap_or(column.was.last),
                false => column.is.last,
            };
            let look = (picture.camera, picture.t, seen.rows.as_slice());
            if !column.was.is_empty() && !self.people.remembers(last) {
                // Nobody knows any more who was there since.
                let mut now = Look::default();
                now.add(look);
                column.begin_again(now);
                self.counters.late += 1;
                continue;
            }
            let quiet = visited(&self.people, front, last, picture.t) == Visit::None;
            if let Some(pending) = &mut column.pending {
                if quiet || pending.is.resembles(look) {
                    pending.is.add(look);
                    continue;
                }
                // What is moved next is held against what was moved now.
                self.settle(key, now, out);
            }
            let Some(column) = self.columns.get_mut(&key) else {
                continue;
            };
            if column.was.is_empty() || (column.is.is_empty() && quiet) {
                if !column.was.knows(picture.camera) || column.was.resembles(look) {
                    column.strange = Look::default();
                    column.was.add(look);
                    continue;
                }
                // Nobody was there, but it is as it is: light, or somebody whom no camera saw.
                column.strange.add(look);
                if column.strange.last.since(column.strange.first) >= STRANGE {
                    let now = std::mem::take(&mut column.strange);
                    column.begin_again(now);
                }
                continue;
            }
            if !column.is.is_empty() && !quiet && !column.is.resembles(look) {
                // The quiet time between is over; a single picture may show an arm that nobody told of.
                if column.is.last.since(column.is.first) >= AT_LEAST {
                    conclude(column, &self.people, front, picture.t, &self.settings);
                    self.settle(key, now, out);
                } else {
                    column.is = Look::default();
                }
            }
            let Some(column) = self.columns.get_mut(&key) else {
                continue;
            };
            column.is.add(look);
            if column.is.last.since(column.is.first) >= self.settings.stays {
                conclude(column, &self.people, front, picture.t, &self.settings);
            }
        }
    }

    /// Tells what seems to have been moved in a column, unless it only seems so because more was moved beside it.
    fn settle(&mut self, key: (LaneIx, u32, u32), now: StoreTime, out: &mut Vec<WeightStep>) {
        let column = self.columns.get_mut(&key);
        let Some((column, pending)) = column.and_then(|c| {
            let pending = c.pending.take()?;
            Some((c, pending))
        }) else {
            return;
        };
        let from = column.was.last;
        let lane = self.lanes.get(key.0.usize());
        let Some((lane, front)) = lane.and_then(|l| Some((l, l.fronts.get(key.1 as usize)?)))
        else {
            return;
        };
        let own = Told {
            key,
            fixture: lane.fixture,
            x_m: lane.x_m + front.x_m,
            from,
            to: pending.is.first,
            odds: pending.moved.probability,
        };
        let greater = |o: &Told| o.key != key && o.odds > own.odds && o.is_beside(&own);
        let others = self.columns.iter().filter_map(|(key, c)| {
            let lane = self.lanes.get(key.0.usize())?;
            let front = lane.fronts.get(key.1 as usize)?;
            let pending = c.pending.as_ref()?;
            Some(Told {
                key: *key,
                fixture: lane.fixture,
                x_m: lane.x_m + front.x_m,
                from: c.was.last,
                to: pending.is.first,
                odds: pending.moved.probability,
            })
        });
        let beside = self.told.iter().any(greater) || others.into_iter().any(|o| greater(&o));
        let told = match beside {
            true => pending.moved.beside_others,
            false => pending.moved.probability,
        };
        let Some(column) = self.columns.get_mut(&key) else {
            return;
        };
        if told < self.settings.moved_min {
            column.was.merge(pending.is);
            return;
        }
        column.go_on(pending.is);
        self.told.push_back(own);
        if self.told.len() > TOLD_MAX {
            self.told.pop_front();
        }
        self.serial += 1;
        let (moved, when) = (pending.moved, (pending.t_change, now));
        out.push(step(self.serial, key.0, lane, front, moved, when));
    }
}

/// What was moved, or seems to have been.
#[derive(Clone, Debug)]
struct Told {
    key: (LaneIx, u32, u32),
    fixture: FixtureIx,
    /// Along the fixture.
    x_m: f64,
    from: StoreTime,
    to: StoreTime,
    odds: f64,
}

impl Told {
    /// Whether one may seem to have been moved because the other was.
    fn is_beside(&self, other: &Self) -> bool {
        self.fixture == other.fixture
            && (self.x_m - other.x_m).abs() < BESIDE_M
            && self.from < other.to
            && other.from < self.to
    }
}

fn visited(people: &Bystanders, front: &Front, from: StoreTime, to: StoreTime) -> Visit {
    let mut visit = Visit::None;
    for p in people.between(from, to) {
        let hand = p
            .wrists
            .iter()
            .any(|w| w.distance(front.middle) < AT_COLUMN_M);
        if hand {
            return Visit::Hand;
        }
        if p.at.distance(front.middle.floor()) < AT_SHELF_M {
            visit = Visit::Body;
        }
    }
    visit
}

/// Weighs what was moved between a column's two looks, and when.
fn conclude(
    column: &mut Column,
    people: &Bystanders,
    front: &Front,
    t: StoreTime,
    settings: &MoveSettings,
) {
    let is = std::mem::take(&mut column.is);
    let (from, to) = (column.was.last, is.first);
    let visit = visited(people, front, from, to);
    let moved = column.compare(&is, visit);
    let t_change = when(people, front, from, to);
    match t_change.filter(|_| moved.probability >= settings.moved_min) {
        Some(t_change) => {
            let due = t + GATHER;
            column.pending = Some(Pending {
                is,
                moved,
                t_change,
                due,
            });
        }
        None => column.was.merge(is),
    }
}

/// When a hand, or else a body, was nearest to a column. `None`: nobody was there.
fn when(people: &Bystanders, front: &Front, from: StoreTime, to: StoreTime) -> Option<StoreTime> {
    let middle = front.middle;
    let there = people.between(from, to);
    let there = there.filter(|p| p.at.distance(middle.floor()) < AT_SHELF_M);
    let key = |p: &Bystander| {
        let hand = p
            .wrists
            .iter()
            .map(|w| w.distance(middle))
            .fold(9.0, f64::min);
        // A hand that is seen says more than a body that is near.
        match hand < AT_COLUMN_M {
            true => hand,
            false => 1.0 + p.at.distance(middle.floor()),
        }
    };
    let keyed = there.map(|p| (key(p), p.t));
    keyed.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, t)| t)
}

fn step(
    serial: u64,
    lane_ix: LaneIx,
    lane: &Lane,
    front: &Front,
    moved: Moved,
    (t_change, now): (StoreTime, StoreTime),
) -> WeightStep {
    let delta_g = (-moved.units * lane.grams) as f32;
    let sigma_g = (lane.grams * MASS_SHARE.hypot(moved.sigma)) as f32;
    let plates = front.plates.iter().map(|&(plate, share)| PlateDelta {
        plate,
        delta_g: delta_g * share,
        sigma_g: sigma_g * share,
    });
    WeightStep {
        serial,
        replaces: None,
        shelf: lane.shelf,
        t_start: t_change - TimeDelta::from_millis(300),
        t_change,
        t_end: t_change + TimeDelta::from_millis(300),
        known_at: now,
        delta_g,
        sigma_g,
        plates: plates.collect(),
        curve: Vec::new(),
        seen: Some(SeenMove {
            lane: lane_ix,
            x_m: front.x_m,
            width_m: front.width_m,
        }),
    }
}

/// The plates under a column, each with the share of it that lies there.
fn plates_under(shop: &Shop, shelf: ShelfIx, x_m: f64, width_m: f64) -> Vec<(PlateIx, f32)> {
    let (left, right) = (x_m - width_m / 2.0, x_m + width_m / 2.0);
    let over = shop.layout.plates_of(shelf).filter_map(|ix| {
        let plate = shop.layout.plates.get(ix.usize())?;
        let over = right.min(plate.x_m + plate.width_m) - left.max(plate.x_m);
        (over > 0.0).then_some((ix, over))
    });
    let over: Vec<(PlateIx, f64)> = over.collect();
    let all: f64 = over.iter().map(|o| o.1).sum();
    over.into_iter()
        .map(|(ix, o)| (ix, (o / all) as f32))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::{TrackId, Wrist};

    const SECOND: i64 = 1_000_000;
    /// The shop has plates everywhere.
    const BESIDE: MoveSettings = MoveSettings {
        clear_m: 0.45,
        stays: TimeDelta::from_millis(1_800),
        moved_min: 0.5,
        beside_plates: true,
    };

    struct Bed {
        shop: Shop,
        watch: MoveWatch,
        camera: CameraIx,
        lane: LaneIx,
        t: i64,
        told: Vec<WeightStep>,
    }

    impl Bed {
        fn new() -> Self {
            let (shop, camera) = super::super::tests::before_a_fixture(1.3);
            let first = &shop.layout.fixtures[0].name;
            let own = |l: &walkout_model::Lane| l.name.starts_with(first.as_str());
            let lane = shop.planogram.lanes.iter().position(own).unwrap();
            Self {
                watch: MoveWatch::new(&shop, BESIDE),
                camera,
                lane: lane.into(),
                shop,
                t: 100,
                told: Vec::new(),
            }
        }

        /// Seconds in which the foremost unit seems to stand in this row of six, or nothing to stand there.
        fn quiet(&mut self, seconds: i64, row: usize) {
            for _ in 0..seconds {
                self.t += 1;
                let weights = self.watch.lanes[self.lane.usize()].weights;
                let mut rows = vec![0.0; weights];
                // As sure as an ordinary picture is, and never quite the same.
                rows[row] = 6.0 + 0.05 * (self.t % 3) as f32;
                let seen = SeenColumn {
                    lane: self.lane,
                    facing: 0,
                    level: 0,
                    rows,
                };
                let t = StoreTime(self.t * SECOND);
                self.watch.push(self.camera, t, vec![seen]);
                let now = StoreTime((self.t + 7) * SECOND);
                self.told.extend(self.watch.advance(now));
            }
        }

        /// Seconds in which somebody stands before the lane, with a hand at it in the middle.
        fn somebody(&mut self, seconds: i64) {
            let middle = self.watch.lanes[self.lane.usize()].fronts[0].middle;
            let fixture = &self.shop.layout.fixtures[0];
            let before = fixture.pose.local_from_floor(middle.floor());
            let before = walkout_model::Point2::new(before.x, before.y - 0.5);
            for k in 0..seconds {
                self.t += 1;
                let wrist = Wrist {
                    position: middle,
                    sigma_m: 0.05,
                    confidence: 0.9,
                };
                self.watch.person(&TrackPoint {
                    t: StoreTime(self.t * SECOND),
                    track: TrackId(1),
                    position: fixture.pose.floor_from_local(before),
                    sigma_m: 0.1,
                    wrists: if k == seconds / 2 {
                        vec![wrist]
                    } else {
                        vec![]
                    },
                    appearance: Vec::new(),
                });
            }
        }
    }

    #[test]
    fn a_column_that_goes_back_by_rows_was_taken_from_when_a_hand_was_there() {
        let mut bed = Bed::new();
        bed.quiet(5, 1);
        bed.somebody(5);
        let hand = bed.t - 2;
        bed.quiet(10, 3);
        let [step] = bed.told.as_slice() else {
            panic!("{:?}", bed.told);
        };
        let grams = bed.watch.lanes[bed.lane.usize()].grams as f32;
        assert!((step.delta_g + 2.0 * grams).abs() < 0.1, "{step:?}");
        assert_eq!(step.t_change, StoreTime(hand * SECOND));
        assert_eq!(step.seen.unwrap().lane, bed.lane);
        let on_plates: f32 = step.plates.iter().map(|p| p.delta_g).sum();
        assert!((on_plates - step.delta_g).abs() < 0.1, "{step:?}");
        bed.somebody(5);
        bed.quiet(10, 2);
        assert_eq!(bed.told.len(), 2);
        let back = &bed.told[1];
        assert!((back.delta_g - grams).abs() < 0.1, "{back:?}");
    }

    #[test]
    fn what_looks_as_before_or_changes_with_nobody_near_was_not_moved() {
        let mut bed = Bed::new();
        bed.quiet(5, 1);
        bed.somebody(5);
        bed.quiet(10, 1);
        // A camera is shifted, or the light is: nobody was there.
        bed.quiet(10, 4);
        assert!(bed.told.is_empty(), "{:?}", bed.told);
    }

    #[test]
    fn what_changed_with_nobody_near_is_not_laid_to_who_comes_next() {
        let mut bed = Bed::new();
        bed.quiet(5, 1);
        // Somebody whom no camera saw took one.
        bed.quiet(12, 2);
        bed.somebody(5);
        bed.quiet(10, 2);
        assert!(bed.told.is_empty(), "{:?}", bed.told);
    }

    #[test]
    fn of_what_was_before_anybody_is_remembered_nothing_is_told() {
        let mut bed = Bed::new();
        bed.quiet(5, 1);
        // The camera was down for a while.
        bed.t += 600;
        bed.somebody(5);
        bed.quiet(10, 3);
        assert!(bed.told.is_empty(), "{:?}", bed.told);
        assert!(bed.watch.counters().late > 0);
        bed.somebody(5);
        bed.quiet(10, 4);
        assert_eq!(bed.told.len(), 1);
        // And the clock is set back.
        bed.t -= 300;
        bed.quiet(5, 4);
        bed.somebody(5);
        bed.quiet(10, 5);
        assert_eq!(bed.told.len(), 2, "{:?}", bed.told);
    }

    #[test]
    fn a_picture_that_comes_late_is_left_out() {
        let mut bed = Bed::new();
        bed.quiet(5, 1);
        bed.somebody(5);
        bed.quiet(10, 2);
        assert_eq!(bed.told.len(), 1);
        let mut rows = vec![0.0; bed.watch.lanes[bed.lane.usize()].weights];
        rows[1] = 6.0;
        let before = SeenColumn {
            lane: bed.lane,
            facing: 0,
            level: 0,
            rows,
        };
        let t = StoreTime((bed.t - 14) * SECOND);
        bed.watch.push(bed.camera, t, vec![before]);
        bed.quiet(10, 2);
        assert_eq!(bed.told.len(), 1, "{:?}", bed.told);
        assert!(bed.watch.counters().late > 0);
    }

    #[test]
    fn nothing_is_told_while_somebody_hides_the_column() {
        let mut bed = Bed::new();
        bed.quiet(5, 1);
        bed.somebody(5);
        // Somebody else stands there all the while.
        for _ in 0..6 {
            bed.somebody(1);
            bed.t -= 1;
            bed.quiet(1, 2);
        }
        assert!(bed.told.is_empty(), "{:?}", bed.told);
    }

    #[test]
    fn a_column_that_nobody_knows_is_left_out() {
        let mut bed = Bed::new();
        let seen = |lane, facing, n| SeenColumn {
            lane,
            facing,
            level: 0,
            rows: vec![0.0; n],
        };
        let columns = vec![
            seen(LaneIx(60_000), 0, 5),
            seen(bed.lane, 999, 5),
            seen(bed.lane, 0, 0),
            seen(bed.lane, 0, 3),
        ];
        for camera in [bed.camera, CameraIx(9_999)] {
            bed.watch.push(camera, StoreTime(SECOND), columns.clone());
        }
        assert!(bed.watch.advance(StoreTime(60 * SECOND)).is_empty());
    }
}
