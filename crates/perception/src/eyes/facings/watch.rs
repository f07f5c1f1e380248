//! Facings over time: what shelf cameras say while people stand before shelves and goods move.

use super::bystanders::{ABOUT, Bystanders, Waiting, hides};
use super::verdict::state;
use super::{FacingState, ScanSettings, Verdict, geometry};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use walkout_model::{
    CameraIx, LaneIx, Point2, Point3, SeenFacing, ShelfSight, Shop, SkuIx, StoreTime, TimeDelta,
    TrackPoint,
};

/// Who was where is remembered for so long; what a camera says of a time before that is dropped.
const REMEMBERED: TimeDelta = TimeDelta::from_secs(15);
/// What a camera said of a facing longer ago does not count beside what another says: two looks.
const OLD: TimeDelta = TimeDelta::from_secs(12);
/// A facing that no camera has told of for so long is not known any more.
const FORGOTTEN: TimeDelta = TimeDelta::from_secs(300);
/// What is seen of a facing bounds a lane's units where it is at least so probable: books are mostly right, and against them what
/// is as good as sure by itself is no more than likely.
const SURE: f64 = 0.98;
/// A facing that is filled for sure holds a unit of its own if another product is no more probable than this.
const OTHER_MAX: f64 = 0.1;
/// One camera's findings that may wait.
const WAITING_MAX: usize = 8;

/// A facing as it was last seen, and since when it is so.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchedFacing {
    /// What cameras say of it.
    pub state: FacingState,
    /// When it was first seen to be so.
    pub since: StoreTime,
    /// When it was last seen.
    pub seen: StoreTime,
}

/// What is seen of a lane.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchedLane {
    /// The lane.
    pub lane: LaneIx,
    /// Units of its own that may stand there by what is seen for sure: every filled facing holds one at least, a gap none in the
    /// first two fifths of its depth, and of what is in doubt or nobody sees anything may be true.
    pub units: RangeInclusive<u32>,
    /// When the facing was seen that was longest not seen.
    pub seen: StoreTime,
}

/// What did not come into what is known of facings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FacingCounters {
    /// Pictures' findings that came when it was no longer known who had stood there.
    pub late: u64,
    /// Findings and points of people that went because too many waited.
    pub crowded: u64,
}

/// What a shop knows of its facings. Cameras, wherever their pictures are looked at, tell it what they see; it knows who
/// stood before the shelves.
#[derive(Clone, Debug)]
pub struct FacingWatch {
    settings: ScanSettings,
    /// Where cameras hang.
    cameras: Vec<Point3>,
    lanes: Vec<Lane>,
    people: Bystanders,
    waiting: Waiting<ShelfSight>,
    facings: BTreeMap<(LaneIx, u32), Facing>,
    counters: FacingCounters,
}

#[derive(Clone, Debug)]
struct Lane {
    /// What belongs there.
    sku: SkuIx,
    /// Of its facings, from the left.
    middles: Vec<Point3>,
    /// What one of them holds, and how much of that a gap has none of.
    units: (u32, u32),
}

#[derive(Clone, Debug, Default)]
struct Facing {
    /// Each camera's last word.
    said: BTreeMap<CameraIx, (StoreTime, SeenFacing)>,
    told: Option<WatchedFacing>,
    /// What it may have become, and when it was first seen so.
    becomes: Option<(Verdict, StoreTime)>,
}

impl FacingWatch {
    /// A watch that has seen nothing yet.
    pub fn new(shop: &Shop, settings: ScanSettings) -> Self {
        let lanes = shop.planogram.lanes.iter().enumerate();
        let lane = |(i, l): (usize, &walkout_model::Lane)| {
            let middles = (0..l.facings.max(1)).filter_map(|f| geometry::middle(shop, i.into(), f));
            Lane {
                sku: l.sku,
                middles: middles.collect(),
                units: geometry::column_units(shop, i.into()).unwrap_or_default(),
            }
        };
        Self {
            settings,
            cameras: shop.layout.cameras.iter().map(|c| c.position).collect(),
            lanes: lanes.map(lane).collect(),
            people: Bystanders::new(REMEMBERED),
            waiting: Waiting::new(WAITING_MAX),
            facings: BTreeMap::new(),
            counters: FacingCounters::default(),
        }
    }

    /// Somebody was seen somewhere.
    pub fn person(&mut self, point: &TrackPoint) {
        self.people.push(point);
    }

    /// A camera told what it sees. It counts when it is known who stood there.
    pub fn push(&mut self, sight: ShelfSight) {
        if sight.facings.is_empty() {
            return;
        }
        self.waiting.push(sight.camera, sight.t, sight);
    }

    /// Takes in what was seen of times of which it is known who was where.
    pub fn advance(&mut self, now: StoreTime) {
        let (newest, known) = (self.people.newest(), self.people.known_until(now));
        while let Some((t, _, sight)) = self.waiting.pop(known) {
            if newest.is_some_and(|at| at.since(t) > REMEMBERED - ABOUT) {
                self.counters.late += 1;
            } else {
                self.take(sight);
            }
        }
        self.facings.retain(|_, facing| {
            let last = facing.said.values().map(|(t, _)| *t).max();
            last.is_some_and(|t| now.since(t) <= FORGOTTEN)
        });
    }

    fn take(&mut self, sight: ShelfSight) {
        let Some(&from) = self.cameras.get(sight.camera.usize()) else {
            return;
        };
        let people = self.people.about(sight.t);
        for seen in sight.facings {
            let Some(lane) = self.lanes.get(seen.lane.usize()) else {
                continue;
            };
            let Some(&middle) = lane.middles.get(seen.facing as usize) else {
                continue;
            };
            let hidden = |p: &Point2| hides(*p, from, middle, self.settings.clear_m);
            if people.iter().any(hidden) {
                continue;
            }
            let facing = self.facings.entry((seen.lane, seen.facing)).or_default();
            facing.hear(lane.sku, (sight.camera, sight.t), seen, &self.settings);
        }
    }

    /// The facings that were seen long enough to say what they are, in order.
    pub fn facings(&self) -> impl Iterator<Item = &WatchedFacing> {
        self.facings.values().filter_map(|f| f.told.as_ref())
    }

    /// The lanes of which every facing that was ever seen is what it is for good: none is about to become something else.
    pub fn lanes(&self) -> Vec<WatchedLane> {
        let mut by_lane: BTreeMap<LaneIx, Vec<&Facing>> = BTreeMap::new();
        for ((lane, _), facing) in &self.facings {
            by_lane.entry(*lane).or_default().push(facing);
        }
        let lane = |(ix, facings): (LaneIx, Vec<&Facing>)| {
            let lane = self.lanes.get(ix.usize())?;
            let (holds, front) = lane.units;
            let unseen = lane.middles.len().saturating_sub(facings.len()) as u32;
            let (mut least, mut most) = (0, unseen * holds);
            let mut seen = Vec::with_capacity(facings.len());
            for facing in facings {
                let told = facing.told.as_ref().filter(|_| facing.becomes.is_none())?;
                let s = &told.state;
                let (some, all) = match s.verdict {
                    Verdict::Filled if s.gap <= 1.0 - SURE && s.wrong <= OTHER_MAX => (1, holds),
                    Verdict::Gap if s.gap >= SURE => (0, holds.saturating_sub(front)),
                    Verdict::Wrong if s.wrong >= SURE => (0, holds.saturating_sub(1)),
                    _ => (0, holds),
                };
                least += some;
                most += all;
                seen.push(told.seen);
            }
            Some(WatchedLane {
                lane: ix,
                units: least..=most,
                seen: seen.into_iter().min()?,
            })
        };
        by_lane.into_iter().filter_map(lane).collect()
    }

    /// What was dropped so far.
    pub fn counters(&self) -> FacingCounters {
        FacingCounters {
            crowded: self.waiting.crowded + self.people.crowded,
            ..self.counters
        }
    }
}

impl Facing {
    fn hear(
        &mut self,
        sku: SkuIx,
        (camera, t): (CameraIx, StoreTime),
        seen: SeenFacing,
        settings: &ScanSettings,
    ) {
        if self.said.get(&camera).is_some_and(|(last, _)| *last >= t) {
            return;
        }
        self.said.insert(camera, (t, seen));
        self.said.retain(|_, (at, _)| t.since(*at) <= OLD);
        let said: Vec<&SeenFacing> = self.said.values().map(|(_, seen)| seen).collect();
        let Some(state) = state(sku, &said, settings) else {
            return;
        };
        // It rests on the oldest word, too.
        let seen = self.said.values().map(|(at, _)| *at).min().unwrap_or(t);
        if let Some(told) = &mut self.told
            && told.state.verdict == state.verdict
        {
            (told.state, told.seen) = (state, seen);
            self.becomes = None;
            return;
        }
        match self.becomes {
            Some((verdict, since)) if verdict == state.verdict => {
                if t.since(since) >= settings.stays {
                    self.becomes = None;
                    self.told = Some(WatchedFacing { state, since, seen });
                }
            }
            _ => self.becomes = Some((state.verdict, t)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::TrackId;

    const SECOND: i64 = 1_000_000;

    /// A shop with a camera of its own before its first fixture, and a lane of that.
    fn shop() -> (Shop, CameraIx, LaneIx) {
        let (shop, camera) = super::super::tests::before_a_fixture(1.3);
        let first = &shop.layout.fixtures[0].name;
        let own = |l: &walkout_model::Lane| l.name.starts_with(first.as_str());
        let lane = shop.planogram.lanes.iter().position(own).unwrap();
        (shop, camera, lane.into())
    }

    fn sight(camera: CameraIx, seconds: i64, lane: LaneIx, gap: f64, wrong: f64) -> ShelfSight {
        ShelfSight {
            camera,
            t: StoreTime(seconds * SECOND),
            facings: vec![SeenFacing {
                lane,
                facing: 0,
                gap,
                wrong,
                px: 60.0,
                seems: vec![(SkuIx(3), 0.9)],
            }],
            columns: Vec::new(),
        }
    }

    fn told(watch: &FacingWatch) -> Vec<(Verdict, i64, i64)> {
        let of = |f: &WatchedFacing| (f.state.verdict, f.since.0 / SECOND, f.seen.0 / SECOND);
        watch.facings().map(of).collect()
    }

    #[test]
    fn a_facing_is_a_gap_when_it_has_stayed_one() {
        let (shop, camera, lane) = shop();
        let mut watch = FacingWatch::new(&shop, ScanSettings::default());
        let mut see = |seconds, gap, wrong| {
            watch.push(sight(camera, seconds, lane, gap, wrong));
            watch.advance(StoreTime((seconds + 7) * SECOND));
            told(&watch)
        };
        assert_eq!(see(10, -5.0, -5.0), vec![], "seen once");
        let filled = |seen| vec![(Verdict::Filled, 10, seen)];
        assert_eq!(see(15, -5.0, -5.0), filled(15));
        assert_eq!(see(20, 5.0, -5.0), filled(15), "a hand perhaps");
        assert_eq!(see(25, -5.0, -5.0), filled(25), "it was");
        assert_eq!(see(30, 5.0, -5.0), filled(25));
        assert_eq!(see(31, 5.0, -5.0), filled(25), "too soon");
        assert_eq!(see(35, 5.0, -5.0), vec![(Verdict::Gap, 30, 35)]);
        assert_eq!(see(40, -6.0, 5.0), vec![(Verdict::Gap, 30, 35)]);
        assert_eq!(see(50, -6.0, 5.0), vec![(Verdict::Wrong, 40, 50)]);
        let seems = watch.facings().next().unwrap().state.seems;
        assert_eq!(seems, Some(SkuIx(3)));
        watch.advance(StoreTime(340 * SECOND));
        assert_eq!(told(&watch).len(), 1);
        watch.advance(StoreTime(351 * SECOND));
        assert!(told(&watch).is_empty(), "nobody has looked for long");
    }

    #[test]
    fn what_is_seen_of_all_facings_bounds_a_lanes_units() {
        let (mut shop, camera, lane) = shop();
        // Six rows, two of them where a gap has none.
        let of = &mut shop.planogram.lanes[lane.usize()];
        (of.facings, of.capacity) = (3, 18);
        let (sku, shelf) = (of.sku, of.shelf);
        let depth_mm = (shop.layout.shelves[shelf.usize()].depth_m * 1_000.0 / 6.0) as u32;
        let mut products = shop.catalogue.products().to_vec();
        products[sku.usize()].size_mm[1] = depth_mm;
        shop.catalogue = walkout_model::Catalogue::new(products);
        let mut watch = FacingWatch::new(&shop, ScanSettings::default());
        let mut see = |gaps: [f64; 3], from: i64| {
            for seconds in [from, from + 10] {
                let mut all = sight(camera, seconds, lane, 0.0, -9.0);
                let facing = all.facings.remove(0);
                let facings = gaps.iter().enumerate().map(|(i, gap)| SeenFacing {
                    facing: i as u32,
                    gap: *gap,
                    ..facing.clone()
                });
                all.facings = facings.collect();
                watch.push(all);
            }
            watch.advance(StoreTime((from + 20) * SECOND));
            watch
                .lanes()
                .iter()
                .map(|l| l.units.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(see([9.0, 9.0, 9.0], 10), [0..=12]);
        assert_eq!(see([-9.0, 9.0, 9.0], 40), [1..=14]);
        watch.push(sight(camera, 80, lane, 9.0, -9.0));
        watch.advance(StoreTime(90 * SECOND));
        assert!(watch.lanes().is_empty(), "the first may be a gap again");
    }

    #[test]
    fn what_somebody_hid_says_nothing_whenever_that_is_known() {
        let (shop, camera, lane) = shop();
        let f = &shop.layout.fixtures[0];
        let before = f.pose.floor_from_local(Point2::new(f.width_m / 2.0, -0.4));
        let away = f.pose.floor_from_local(Point2::new(f.width_m / 2.0, -3.0));
        // The tracker is slower than the camera, or the camera than the tracker.
        for late_s in [0, 4] {
            for (position, seen) in [(before, 0), (away, 1)] {
                let mut watch = FacingWatch::new(&shop, ScanSettings::default());
                for tenths in 80..300 {
                    let t = StoreTime(tenths * SECOND / 10);
                    let due = tenths - 10 * late_s;
                    if due % 50 == 0 {
                        watch.push(sight(camera, due / 10, lane, 5.0, -5.0));
                    }
                    watch.advance(t);
                    watch.person(&TrackPoint {
                        t: t - TimeDelta::from_millis(400),
                        track: TrackId(1),
                        position,
                        sigma_m: 0.1,
                        wrists: vec![],
                        appearance: vec![],
                    });
                }
                assert_eq!(told(&watch).len(), seen, "{late_s} s late");
            }
        }
    }

    #[test]
    fn cameras_that_disagree_are_averaged_and_old_words_forgotten() {
        let (mut shop, camera, lane) = shop();
        let other = CameraIx::from(shop.layout.cameras.len());
        let twin = shop.layout.cameras[camera.usize()].clone();
        shop.layout.cameras.push(twin);
        let mut watch = FacingWatch::new(&shop, ScanSettings::default());
        for seconds in [10, 20] {
            watch.push(sight(camera, seconds, lane, 6.0, -6.0));
            watch.push(sight(other, seconds, lane, -8.0, -6.0));
        }
        // A lane and a camera that the shop does not have.
        watch.push(sight(CameraIx(999), 20, lane, 9.0, -6.0));
        watch.push(sight(camera, 21, LaneIx(9_999), 9.0, -6.0));
        watch.advance(StoreTime(30 * SECOND));
        assert_eq!(told(&watch), vec![(Verdict::Filled, 10, 20)]);
        for seconds in [100, 110] {
            watch.push(sight(camera, seconds, lane, 6.0, -6.0));
        }
        watch.advance(StoreTime(120 * SECOND));
        assert_eq!(
            told(&watch),
            vec![(Verdict::Gap, 100, 110)],
            "the other is blind"
        );
    }

    #[test]
    fn what_waits_is_bounded_and_what_goes_is_counted() {
        let (shop, camera, lane) = shop();
        let mut watch = FacingWatch::new(&shop, ScanSettings::default());
        for seconds in 0..WAITING_MAX as i64 + 3 {
            watch.push(sight(camera, seconds, lane, 6.0, -6.0));
        }
        watch.push(sight(CameraIx(0), 0, lane, 6.0, -6.0));
        assert_eq!(watch.counters().crowded, 3, "its own");
        watch.person(&TrackPoint {
            t: StoreTime(20 * SECOND),
            track: TrackId(1),
            position: Point2::default(),
            sigma_m: 0.1,
            wrists: vec![],
            appearance: vec![],
        });
        watch.advance(StoreTime(20 * SECOND));
        let late = (3..WAITING_MAX as i64 + 3).filter(|t| 20 - t > 14).count() as u64 + 1;
        assert_eq!(watch.counters().late, late);
    }
}
