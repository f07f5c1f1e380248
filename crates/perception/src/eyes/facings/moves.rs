//! What moves on shelves as cameras see it: columns before and after somebody was at them. For shelves without load cells.
//!
//! A column's pictures of one quiet time, in which nobody was at it, are one look. When somebody was at it since, the look of before
//! and that of now are two explanations: nothing was moved, then both are of one row, and pictures that differ are unlikely; or units
//! were, then the foremost one stands in another row. `docs/concepts/eyes.md` has the formulas.

use super::FacingCounters;
use super::bystanders::{Bystanders, Waiting, hides};
use super::columns::{Front, Lane};
use super::compare::{Column, Look, Pending, Visit};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use walkout_model::{
    CameraIx, FixtureIx, LaneIx, Point3, SeenColumn, Shop, StoreTime, TimeDelta, TrackPoint,
    WeightStep,
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

/// A lane's column, and how many units those that are asked about stand on.
type Key = (LaneIx, u32, u32);

/// What one picture says of the columns before a camera.
#[derive(Clone, Debug)]
struct Picture {
    camera: CameraIx,
    t: StoreTime,
    columns: Vec<SeenColumn>,
}

/// Who was where is remembered for so long.
const REMEMBERED: TimeDelta = TimeDelta::from_secs(180);
/// One camera's pictures that may wait until it is known who stood there.
const WAITING_MAX: usize = 10;
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

/// Watches what moves in a shop's columns.
#[derive(Clone, Debug)]
pub struct MoveWatch {
    settings: MoveSettings,
    cameras: Vec<Point3>,
    lanes: Arc<[Lane]>,
    people: Bystanders,
    waiting: Waiting<Vec<SeenColumn>>,
    columns: BTreeMap<Key, Column>,
    told: VecDeque<Told>,
    /// When each camera's last picture was taken.
    taken: BTreeMap<CameraIx, StoreTime>,
    /// Pictures that came too late to be held against what was before.
    late: u64,
    now: Option<StoreTime>,
    serial: u64,
}

impl MoveWatch {
    /// A watch that has seen nothing yet.
    pub fn new(shop: &Shop, settings: MoveSettings) -> Self {
        let lanes = (0..shop.planogram.lanes.len()).map(LaneIx::from);
        let beside_plates = settings.beside_plates;
        Self {
            settings,
            cameras: shop.layout.cameras.iter().map(|c| c.position).collect(),
            lanes: lanes
                .filter_map(|ix| Lane::new(shop, ix, beside_plates))
                .collect(),
            people: Bystanders::new(REMEMBERED),
            waiting: Waiting::new(WAITING_MAX),
            columns: BTreeMap::new(),
            told: VecDeque::new(),
            taken: BTreeMap::new(),
            late: 0,
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
            crowded: self.waiting.crowded + self.people.crowded,
            late: self.late,
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
        self.waiting.push(camera, t, columns);
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
        let known = self.people.known_until(now);
        while let Some((t, camera, columns)) = self.waiting.pop(known) {
            let picture = Picture { camera, t, columns };
            self.take(&picture, now, &mut out);
        }
        let due = self.columns.iter().filter(|(_, c)| {
            let pending = c.pending.as_ref();
            pending.is_some_and(|p| p.due <= known)
        });
        let due: Vec<Key> = due.map(|(key, _)| *key).collect();
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
            self.late += 1;
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
            if seen.rows.len() >= 2 && !about.iter().any(|p| hidden(*p)) {
                let look = (picture.camera, picture.t, seen.rows.as_slice());
                self.look((seen.lane, seen.facing, seen.level), front, look, now, out);
            }
        }
    }

    /// A picture shows a column that nobody hides.
    fn look(
        &mut self,
        key: Key,
        front: &Front,
        look: (CameraIx, StoreTime, &[f32]),
        now: StoreTime,
        out: &mut Vec<WeightStep>,
    ) {
        let (camera, t, rows) = look;
        let column = self.columns.entry(key).or_default();
        if column.rows() != rows.len() {
            *column = Column::new(rows.len(), key.2 > 0);
        }
        let last = column.last_look();
        if !column.was.is_empty() && !self.people.remembers(last) {
            // Nobody knows any more who was there since.
            let mut now = Look::default();
            now.add(look);
            column.begin_again(now);
            self.late += 1;
            return;
        }
        let quiet = front.visited(&self.people, last, t) == Visit::None;
        if let Some(pending) = &mut column.pending {
            if quiet || pending.is.resembles(look) {
                pending.is.add(look);
                return;
            }
            // What is moved next is held against what was moved now.
            self.settle(key, now, out);
        }
        let Some(column) = self.columns.get_mut(&key) else {
            return;
        };
        if column.was.is_empty() || (column.is.is_empty() && quiet) {
            if !column.was.knows(camera) || column.was.resembles(look) {
                column.strange = Look::default();
                column.was.add(look);
                return;
            }
            // Nobody was there, but it is as it is: light, or somebody whom no camera saw.
            column.strange.add(look);
            if column.strange.last.since(column.strange.first) >= STRANGE {
                let now = std::mem::take(&mut column.strange);
                column.begin_again(now);
            }
            return;
        }
        if !column.is.is_empty() && !quiet && !column.is.resembles(look) {
            // The quiet time between is over; a single picture may show an arm that nobody told of.
            if column.is.last.since(column.is.first) >= AT_LEAST {
                conclude(column, &self.people, front, t, &self.settings);
                self.settle(key, now, out);
            } else {
                column.is = Look::default();
            }
        }
        let Some(column) = self.columns.get_mut(&key) else {
            return;
        };
        column.is.add(look);
        if column.is.last.since(column.is.first) >= self.settings.stays {
            conclude(column, &self.people, front, t, &self.settings);
        }
    }

    /// Tells what seems to have been moved in a column, unless it only seems so because more was moved beside it.
    fn settle(&mut self, key: Key, now: StoreTime, out: &mut Vec<WeightStep>) {
        let Some(own) = self.seeming(key) else {
            return;
        };
        let greater = |o: &Told| o.key != key && o.odds > own.odds && o.is_beside(&own);
        let mut others = self.columns.keys().filter_map(|key| self.seeming(*key));
        let beside = self.told.iter().any(greater) || others.any(|o| greater(&o));
        let lane = self.lanes.get(key.0.usize());
        let front = lane.and_then(|l| l.fronts.get(key.1 as usize));
        let column = self.columns.get_mut(&key);
        let (Some(lane), Some(front), Some(column)) = (lane, front, column) else {
            return;
        };
        let Some(pending) = column.pending.take() else {
            return;
        };
        let told = match beside {
            true => pending.moved.beside_others,
            false => pending.moved.probability,
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
        out.push(lane.step(self.serial, front, moved, when));
    }

    /// What seems to have been moved in a column and waits to be told.
    fn seeming(&self, key: Key) -> Option<Told> {
        let lane = self.lanes.get(key.0.usize())?;
        let front = lane.fronts.get(key.1 as usize)?;
        let column = self.columns.get(&key)?;
        let pending = column.pending.as_ref()?;
        Some(Told {
            key,
            fixture: lane.fixture,
            x_m: lane.along(front),
            from: column.was.last,
            to: pending.is.first,
            odds: pending.moved.probability,
        })
    }
}

/// What was moved, or seems to have been.
#[derive(Clone, Debug)]
struct Told {
    key: Key,
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
    let visit = front.visited(people, from, to);
    let moved = column.compare(&is, visit);
    let t_change = front.when(people, from, to);
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

#[cfg(test)]
mod tests;
