//! Facings over time: what shelf cameras say while people stand before shelves and goods move.

use super::verdict::state;
use super::{FacingState, ScanSettings, Verdict, geometry};
use crate::eyes::shelves::hides;
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use walkout_model::{
    CameraIx, LaneIx, Point2, Point3, SeenFacing, ShelfSight, Shop, SkuIx, StoreTime, TimeDelta,
    TrackPoint,
};

/// Who was where is known so long after a picture was taken.
const KNOWN_AFTER: TimeDelta = TimeDelta::from_secs(1);
/// Whoever was before a facing so shortly before or after a picture hid it.
const ABOUT: TimeDelta = TimeDelta::from_millis(600);
/// What a camera said of a facing longer ago does not count beside what another says.
const OLD: TimeDelta = TimeDelta::from_secs(60);
/// Pictures' findings that may wait, and points of people that are remembered.
const WAITING_MAX: usize = 256;
const POINTS_MAX: usize = 20_000;

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
    /// Units of its own that may stand there by what is seen: every filled facing holds one at least, a gap none in the first
    /// two fifths of its depth, and what nobody sees as many as there is room for.
    pub units: RangeInclusive<u32>,
    /// When the facing was seen that was longest not seen.
    pub seen: StoreTime,
}

/// What a shop knows of its facings. Cameras, wherever their pictures are looked at, tell it what they see; it knows who
/// stood before the shelves.
#[derive(Clone, Debug)]
pub struct FacingWatch {
    settings: ScanSettings,
    /// Where cameras hang.
    cameras: Vec<Point3>,
    lanes: Vec<Lane>,
    people: VecDeque<(StoreTime, Point2)>,
    waiting: VecDeque<ShelfSight>,
    facings: BTreeMap<(LaneIx, u32), Facing>,
    dropped: u64,
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
            people: VecDeque::new(),
            waiting: VecDeque::new(),
            facings: BTreeMap::new(),
            dropped: 0,
        }
    }

    /// Somebody was seen somewhere.
    pub fn person(&mut self, point: &TrackPoint) {
        if self.people.len() == POINTS_MAX {
            self.people.pop_front();
        }
        self.people.push_back((point.t, point.position));
    }

    /// A camera told what it sees. It counts when it is known who stood there.
    pub fn push(&mut self, sight: ShelfSight) {
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(sight);
    }

    /// Takes in what was seen up to a second before `now`; whether anything is otherwise now.
    pub fn advance(&mut self, now: StoreTime) -> bool {
        let (ripe, waits) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|s| now.since(s.t) >= KNOWN_AFTER);
        self.waiting = waits;
        let mut ripe = Vec::from(ripe);
        ripe.sort_by_key(|s| (s.t, s.camera));
        let mut any = false;
        for sight in ripe {
            any |= self.take(sight);
        }
        let oldest = self.waiting.iter().map(|s| s.t).min();
        let kept = oldest.unwrap_or(now - KNOWN_AFTER) - ABOUT;
        self.people.retain(|(t, _)| *t >= kept);
        any
    }

    fn take(&mut self, sight: ShelfSight) -> bool {
        let Some(&from) = self.cameras.get(sight.camera.usize()) else {
            return false;
        };
        let about = |t: StoreTime| t.since(sight.t).0.abs() <= ABOUT.0;
        let people = self.people.iter().filter(|(t, _)| about(*t));
        let people: Vec<Point2> = people.map(|(_, at)| *at).collect();
        let mut any = false;
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
            any |= facing.hear(lane.sku, (sight.camera, sight.t), seen, &self.settings);
        }
        any
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
            let mut seen = None;
            for facing in facings {
                let told = facing.told.as_ref().filter(|_| facing.becomes.is_none())?;
                let (some, all) = match told.state.verdict {
                    Verdict::Filled => (1, holds),
                    Verdict::Gap => (0, holds.saturating_sub(front)),
                    Verdict::Wrong => (0, holds.saturating_sub(1)),
                };
                least += some;
                most += all;
                seen = seen.min(Some(told.seen)).or(Some(told.seen));
            }
            Some(WatchedLane {
                lane: ix,
                units: least..=most,
                seen: seen?,
            })
        };
        by_lane.into_iter().filter_map(lane).collect()
    }

    /// Pictures' findings that were dropped, because too many waited.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Facing {
    /// Whether it is otherwise now.
    fn hear(
        &mut self,
        sku: SkuIx,
        (camera, t): (CameraIx, StoreTime),
        seen: SeenFacing,
        settings: &ScanSettings,
    ) -> bool {
        if self.said.get(&camera).is_some_and(|(last, _)| *last >= t) {
            return false;
        }
        self.said.insert(camera, (t, seen));
        self.said.retain(|_, (at, _)| t.since(*at) <= OLD);
        let said: Vec<&SeenFacing> = self.said.values().map(|(_, seen)| seen).collect();
        let Some(state) = state(sku, &said, settings) else {
            return false;
        };
        if let Some(told) = &mut self.told
            && told.state.verdict == state.verdict
        {
            (told.state, told.seen) = (state, t);
            self.becomes = None;
            return false;
        }
        match self.becomes {
            Some((verdict, since)) if verdict == state.verdict => {
                if t.since(since) < settings.stays {
                    return false;
                }
                self.becomes = None;
                self.told = Some(WatchedFacing {
                    state,
                    since,
                    seen: t,
                });
                true
            }
            _ => {
                self.becomes = Some((state.verdict, t));
                false
            }
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
            let any = watch.advance(StoreTime((seconds + 2) * SECOND));
            (any, told(&watch))
        };
        assert_eq!(see(10, -5.0, -5.0), (false, vec![]), "seen once");
        let filled = |seen| vec![(Verdict::Filled, 10, seen)];
        assert_eq!(see(15, -5.0, -5.0), (true, filled(15)));
        assert_eq!(see(20, 5.0, -5.0), (false, filled(15)), "a hand perhaps");
        assert_eq!(see(25, -5.0, -5.0), (false, filled(25)), "it was");
        assert_eq!(see(30, 5.0, -5.0), (false, filled(25)));
        assert_eq!(see(31, 5.0, -5.0), (false, filled(25)), "too soon");
        assert_eq!(see(35, 5.0, -5.0), (true, vec![(Verdict::Gap, 30, 35)]));
        assert_eq!(see(40, -6.0, 5.0), (false, vec![(Verdict::Gap, 30, 35)]));
        assert_eq!(see(50, -6.0, 5.0), (true, vec![(Verdict::Wrong, 40, 50)]));
        let seems = watch.facings().next().unwrap().state.seems;
        assert_eq!(seems, Some(SkuIx(3)));
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
        for (position, seen) in [(before, 0), (away, 1)] {
            let mut watch = FacingWatch::new(&shop, ScanSettings::default());
            for seconds in [10, 15, 20] {
                watch.push(sight(camera, seconds, lane, 5.0, -5.0));
                // The tracker is slower than the camera.
                watch.person(&TrackPoint {
                    t: StoreTime(seconds * SECOND + 200_000),
                    track: TrackId(1),
                    position,
                    sigma_m: 0.1,
                    wrists: vec![],
                    appearance: vec![],
                });
                watch.advance(StoreTime((seconds + 1) * SECOND));
            }
            assert_eq!(told(&watch).len(), seen);
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
        assert_eq!(watch.dropped(), 3);
    }
}
