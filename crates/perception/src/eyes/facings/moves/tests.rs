use super::*;
use walkout_model::{TrackId, Wrist};

const SECOND: i64 = 1_000_000;

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
        let (shop, camera) = crate::eyes::facings::tests::before_a_fixture(1.3);
        let first = &shop.layout.fixtures[0].name;
        let own = |l: &walkout_model::Lane| l.name.starts_with(first.as_str());
        let lane = shop.planogram.lanes.iter().position(own).unwrap();
        Self {
            watch: MoveWatch::new(
                &shop,
                // The shop has plates everywhere.
                MoveSettings {
                    beside_plates: true,
                    ..MoveSettings::default()
                },
            ),
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
