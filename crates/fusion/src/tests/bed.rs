//! A shop of one gondola and one gate, and a hand that writes its observations.

use crate::{Fusion, FusionConfig, FusionEvent};
use std::sync::Arc;
use walkout_model::layout::{Fixture, Gate, GateKind, Plate, Shelf};
use walkout_model::{
    AttributedMovement, Catalogue, Currency, Disturbance, FixtureIx, GateCrossing, GateDirection,
    GateIx, Gtin, ItemLook, Lane, LaneIx, Layout, Mass, Money, PartyKind, Planogram, PlateDelta,
    PlateIx, Point2, Point3, Polygon, Pose2, Product, SeenMove, SessionExit, SessionId,
    SessionOpened, ShelfIx, Shop, SkuIx, StoreTime, TaxClass, TimeDelta, TrackId, TrackPoint,
    WeightStep, Who, Wrist,
};

/// Grams of the SKUs: water and tea weigh the same, in lanes side by side; gum is light.
pub(super) const GRAMS: [f64; 4] = [500.0, 500.0, 120.0, 15.0];

/// Two shelves of six plates; the upper has lanes of two plates for SKUs 0, 1 and 2, the lower one
/// for SKU 3. The gate is at the origin, the gondola's front 3 m into the shop.
pub(super) fn shop() -> Shop {
    let shelf = |s: u32| Shelf {
        name: format!("G1/S{}", s + 1),
        fixture: FixtureIx(0),
        x_m: 0.0,
        y_m: 0.0,
        height_m: 1.0 - 0.5 * f64::from(s),
        width_m: 0.6,
        depth_m: 0.4,
        plates: s * 6..(s + 1) * 6,
    };
    let lane = |shelf: u32, i: u32, sku: u32| Lane {
        name: format!("G1/S{}/L{:02}", shelf + 1, i + 1),
        shelf: ShelfIx(shelf),
        x_m: 0.2 * f64::from(i),
        width_m: 0.2,
        sku: SkuIx(sku),
        facings: 2,
        capacity: 8,
        plates: vec![PlateIx(shelf * 6 + 2 * i), PlateIx(shelf * 6 + 2 * i + 1)],
    };
    let product = |i: usize, grams: f64| Product {
        gtin: Gtin::from_body(880_000_000_000 + i as u64).expect("12 digits"),
        name_ko: format!("상품 {i}"),
        name_en: format!("Product {i}"),
        price: Money::new(1_000, Currency::KRW),
        tax: TaxClass {
            name: "standard".into(),
            rate_bp: 1_000,
        },
        unit_mass: Mass::from_grams(grams).expect("finite"),
        unit_mass_sd: Mass::from_grams(grams * 0.005).expect("finite"),
        size_mm: [80, 60, 150],
        case_pack: 12,
        age_limit: None,
    };
    Shop {
        name: "bed".into(),
        title: "Bed".into(),
        time_zone: "Asia/Seoul".into(),
        currency: Currency::KRW,
        layout: Layout {
            floor: Polygon {
                corners: vec![
                    Point2::new(-4.0, -2.0),
                    Point2::new(4.0, -2.0),
                    Point2::new(4.0, 5.0),
                    Point2::new(-4.0, 5.0),
                ],
            },
            gates: vec![Gate {
                name: "gate".into(),
                kind: GateKind::Both,
                a: Point2::new(-0.5, 0.0),
                b: Point2::new(0.5, 0.0),
            }],
            fixtures: vec![Fixture {
                name: "G1".into(),
                pose: Pose2 {
                    position: Point2::new(0.0, 3.0),
                    yaw: 0.0,
                },
                width_m: 0.6,
                depth_m: 0.4,
                height_m: 1.5,
                shelves: 0..2,
            }],
            shelves: vec![shelf(0), shelf(1)],
            plates: (0..12)
                .map(|i| Plate {
                    name: format!("G1/S{}/P{:02}", i / 6 + 1, i % 6 + 1),
                    shelf: ShelfIx(i / 6),
                    x_m: 0.1 * f64::from(i % 6),
                    y_m: 0.0,
                    width_m: 0.1,
                    depth_m: 0.4,
                    range_g: 10_000.0,
                    noise_g: 0.6,
                    resolution_g: 1.0,
                })
                .collect(),
            ..Layout::default()
        },
        catalogue: Catalogue::new(
            GRAMS
                .iter()
                .enumerate()
                .map(|(i, g)| product(i, *g))
                .collect(),
        ),
        planogram: Planogram {
            lanes: vec![lane(0, 0, 0), lane(0, 1, 1), lane(0, 2, 2), lane(1, 0, 3)],
        },
    }
}

enum Observation {
    Opened(SessionOpened),
    Crossing(GateCrossing),
    Track(TrackPoint),
    Look(ItemLook),
    Step(WeightStep),
    Disturbed(Disturbance),
}

/// Drives a [`Fusion`] and keeps what it says.
pub(super) struct Bed {
    pub fusion: Fusion,
    pub events: Vec<FusionEvent>,
    pub now: f64,
    /// The barrier trips again a quarter of a second after each crossing.
    pub cross_twice: bool,
    /// Every observation comes late by up to 4.5 s, each by its own time, so that they come in no order.
    pub late: bool,
    delayed: Vec<(f64, Observation)>,
    draws: u64,
    serial: u64,
    /// Track, place, hand, and who it is to the eye.
    pub people: Vec<(u64, Point2, Option<Point3>, u64)>,
}

pub(super) fn at(seconds: f64) -> StoreTime {
    StoreTime(1_780_000_000_000_000) + TimeDelta::from_secs_f64(seconds)
}

impl Bed {
    pub(super) fn new() -> Self {
        Self::of(shop())
    }

    /// In the shop with a second gate at x from 2 to 3 m, for leaving only.
    pub(super) fn with_an_exit() -> Self {
        let mut shop = shop();
        shop.layout.gates.push(Gate {
            name: "exit".into(),
            kind: GateKind::Exit,
            a: Point2::new(2.0, 0.0),
            b: Point2::new(3.0, 0.0),
        });
        Self::of(shop)
    }

    fn of(shop: Shop) -> Self {
        Self {
            fusion: Fusion::new(Arc::new(shop), FusionConfig::default()),
            events: Vec::new(),
            now: 0.0,
            cross_twice: false,
            late: false,
            delayed: Vec::new(),
            draws: 0,
            serial: 0,
            people: Vec::new(),
        }
    }

    /// Lets time pass while everybody stands where they are, seen ten times a second.
    pub(super) fn wait(&mut self, seconds: f64) {
        for _ in 0..(seconds * 10.0).round() as u32 {
            self.now += 0.1;
            for (track, position, hand, body) in self.people.clone() {
                self.tell(Observation::Track(TrackPoint {
                    t: at(self.now),
                    track: TrackId(track),
                    position,
                    sigma_m: 0.06,
                    wrists: [
                        hand.unwrap_or(position.at_height(0.8)),
                        position.at_height(0.8),
                    ]
                    .into_iter()
                    .map(|position| Wrist {
                        position,
                        sigma_m: 0.03,
                        confidence: 0.9,
                    })
                    .collect(),
                    appearance: (0..8).map(|axis| wears(body, axis)).collect(),
                }));
            }
            let now = self.now;
            let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.delayed)
                .into_iter()
                .partition(|(t, _)| *t <= now);
            self.delayed = later;
            for (_, observation) in due {
                self.give(observation);
            }
            self.fusion.advance(at(self.now), &mut self.events);
        }
    }

    fn tell(&mut self, observation: Observation) {
        if !self.late {
            return self.give(observation);
        }
        self.draws += 1;
        let share =
            (self.draws.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1 << 24);
        self.delayed.push((self.now + 4.5 * share, observation));
    }

    fn give(&mut self, observation: Observation) {
        match observation {
            Observation::Opened(o) => self.fusion.session_opened(o),
            Observation::Crossing(c) => self.fusion.crossing(c),
            Observation::Track(p) => self.fusion.track(p),
            Observation::Look(l) => self.fusion.look(l),
            Observation::Step(s) => self.fusion.step(s),
            Observation::Disturbed(d) => self.fusion.disturbed(d),
        }
    }

    pub(super) fn walk(&mut self, track: u64, to: Point2) {
        let found = self.people.iter().find(|p| p.0 == track);
        let (from, body) = found.map_or((to, track % 4), |p| (p.1, p.3));
        let steps = (from.distance(to) / 0.12).ceil().max(1.0) as u32;
        for k in 1..=steps {
            let here = from + (to - from) * (f64::from(k) / f64::from(steps));
            self.people.retain(|p| p.0 != track);
            self.people.push((track, here, None, body));
            self.wait(0.1);
        }
    }

    pub(super) fn cross(&mut self, direction: GateDirection) {
        for delay in [0.0, 0.25] {
            if delay == 0.0 || self.cross_twice {
                self.tell(Observation::Crossing(GateCrossing {
                    t: at(self.now + delay),
                    gate: GateIx(0),
                    direction,
                }));
            }
        }
    }

    /// A party scans its code and its one person walks in as `track` to `to`.
    pub(super) fn enter(&mut self, session: u64, track: u64, kind: PartyKind, to: Point2) {
        self.tell(Observation::Opened(SessionOpened {
            t: at(self.now),
            gate: GateIx(0),
            session: SessionId(session),
            people: 1,
            kind,
        }));
        self.walk(track, Point2::new(0.0, -0.5));
        self.walk(track, Point2::new(0.0, 0.0));
        self.cross(GateDirection::In);
        self.walk(track, to);
        self.wait(1.0);
    }

    /// The tracker loses somebody.
    pub(super) fn forget(&mut self, track: u64) {
        self.people.retain(|p| p.0 != track);
    }

    /// The tracker gives two people each other's numbers.
    pub(super) fn swap(&mut self, a: u64, b: u64) {
        for p in &mut self.people {
            p.0 = match p.0 {
                t if t == a => b,
                t if t == b => a,
                t => t,
            };
        }
    }

    /// The tracker gives somebody another number.
    pub(super) fn goes_on_as(&mut self, track: u64, number: u64) {
        for p in self.people.iter_mut().filter(|p| p.0 == track) {
            p.0 = number;
        }
    }

    /// The tracker finds somebody of these looks under a number.
    pub(super) fn is_found(&mut self, track: u64, place: Point2, body: u64) {
        self.people.push((track, place, None, body));
    }

    /// Walks out through the gate and is seen no more.
    pub(super) fn leave(&mut self, track: u64) {
        self.walk(track, Point2::new(0.0, 0.0));
        self.cross(GateDirection::Out);
        self.walk(track, Point2::new(0.0, -0.6));
        self.people.retain(|p| p.0 != track);
        self.wait(9.0);
    }

    /// `track` puts a hand to a place on a shelf, metres from its left end.
    pub(super) fn reach(&mut self, track: u64, shelf: u32, x_m: f64) {
        let place = shop()
            .layout
            .floor_from_shelf(ShelfIx(shelf), x_m, 0.15, 0.1);
        for p in self.people.iter_mut().filter(|p| p.0 == track) {
            p.2 = Some(place);
        }
        self.wait(0.8);
    }

    /// `track` holds a hand to a place.
    pub(super) fn hold_out(&mut self, track: u64, place: Point3) {
        for p in self.people.iter_mut().filter(|p| p.0 == track) {
            p.2 = Some(place);
        }
    }

    pub(super) fn withdraw(&mut self, track: u64) {
        for p in self.people.iter_mut().filter(|p| p.0 == track) {
            p.2 = None;
        }
        self.wait(0.2);
    }

    /// The mass on plates of a shelf changes now, and perception knows it 0.6 s later.
    pub(super) fn step(&mut self, shelf: u32, deltas: &[(u32, f64)]) {
        let step = self.weighed(shelf, deltas);
        self.tell(Observation::Step(step));
    }

    /// The same as a step that is not told yet.
    pub(super) fn weighed(&mut self, shelf: u32, deltas: &[(u32, f64)]) -> WeightStep {
        self.serial += 1;
        let delta: f64 = deltas.iter().map(|d| d.1).sum();
        WeightStep {
            serial: self.serial,
            replaces: None,
            shelf: ShelfIx(shelf),
            t_start: at(self.now - 0.8),
            t_change: at(self.now),
            t_end: at(self.now + 0.1),
            known_at: at(self.now + 0.6),
            delta_g: delta as f32,
            sigma_g: 1.0,
            plates: deltas
                .iter()
                .map(|d| PlateDelta {
                    plate: PlateIx(d.0),
                    delta_g: d.1 as f32,
                    sigma_g: 0.7,
                })
                .collect(),
            curve: vec![(0, 0.0), (800, delta as f32)],
            seen: None,
        }
    }

    /// Cameras saw the same in a column of a lane of a shelf, whose plates do not say anything.
    pub(super) fn seen(&mut self, lane: u32, grams: f64, sigma: f64) {
        let (shelf, x_m) = {
            let shop = shop();
            let lane = &shop.planogram.lanes[lane as usize];
            (lane.shelf, lane.x_m + lane.width_m / 2.0)
        };
        let step = WeightStep {
            sigma_g: sigma as f32,
            plates: Vec::new(),
            curve: Vec::new(),
            known_at: at(self.now + 4.0),
            seen: Some(SeenMove {
                lane: LaneIx(lane),
                x_m,
                width_m: 0.1,
            }),
            ..self.weighed(shelf.0, &[(0, grams)])
        };
        self.tell(Observation::Step(step));
    }

    /// A plate has borne `grams` more for the last `seconds`, and bears now what it bore before.
    pub(super) fn disturbed(&mut self, shelf: u32, plate: u32, grams: f32, seconds: f64) {
        self.serial += 1;
        let points = (seconds / 0.05) as i32;
        self.tell(Observation::Disturbed(Disturbance {
            serial: self.serial,
            shelf: ShelfIx(shelf),
            t_start: at(self.now - seconds),
            t_end: at(self.now),
            known_at: at(self.now + 0.6),
            plates: vec![(PlateIx(plate), grams)],
            left_g: 0.0,
            course: (0..=points)
                .map(|k| {
                    let is_there = k > 4 && k < points - 4;
                    (50 * k, if is_there { grams } else { 0.0 })
                })
                .collect(),
        }));
    }

    /// A camera looks at what `track` holds over a shelf and calls it `sku`.
    pub(super) fn look(&mut self, track: u64, shelf: u32, x_m: f64, sku: u32, p: f32) {
        self.looked((track, shelf, x_m), vec![(SkuIx(sku), p)], None);
    }

    /// A camera looks at what `track` holds over a shelf, knows no product in it, and may say how probably it is none.
    pub(super) fn looks_strange(&mut self, track: u64, shelf: u32, x_m: f64, foreign: Option<f32>) {
        self.looked((track, shelf, x_m), Vec::new(), foreign);
    }

    fn looked(
        &mut self,
        (track, shelf, x_m): (u64, u32, f64),
        posterior: Vec<(SkuIx, f32)>,
        foreign: Option<f32>,
    ) {
        self.tell(Observation::Look(ItemLook {
            t: at(self.now),
            track: TrackId(track),
            hand: shop()
                .layout
                .floor_from_shelf(ShelfIx(shelf), x_m, 0.05, 0.2),
            posterior,
            foreign,
        }));
    }

    /// Reaches, takes or puts `units` of a SKU in the middle of a lane that starts at plate `first`,
    /// and withdraws.
    pub(super) fn act(&mut self, track: u64, shelf: u32, first: u32, grams: f64) {
        let x_m = 0.1 * f64::from(first % 6) + 0.05;
        self.reach(track, shelf, x_m);
        self.step(shelf, &[(first, grams)]);
        self.withdraw(track);
        self.wait(7.5);
    }

    pub(super) fn movements(&self) -> Vec<&AttributedMovement> {
        self.events
            .iter()
            .filter_map(|e| match e {
                FusionEvent::Movement(m) => Some(m),
                _ => None,
            })
            .collect()
    }

    pub(super) fn last(&self) -> &AttributedMovement {
        self.movements().last().copied().expect("a movement")
    }

    /// The movements that hold once all is said, in order of time.
    pub(super) fn standing(&self) -> Vec<AttributedMovement> {
        let mut held: Vec<AttributedMovement> = Vec::new();
        for m in self.movements() {
            held.retain(|old| old.id != m.id && Some(old.id) != m.supersedes);
            if m.decision != walkout_model::Decision::LeaveOff {
                held.push(m.clone());
            }
        }
        held.sort_by_key(|m| (m.t, m.best.who));
        held
    }

    pub(super) fn exits(&self) -> Vec<SessionExit> {
        self.events
            .iter()
            .filter_map(|e| match e {
                FusionEvent::Exit(x) => Some(*x),
                _ => None,
            })
            .collect()
    }
}

/// Along each axis of appearance a person is at 1 or −1; numbers beyond 4 look like nobody else's but
/// their remainder's.
fn wears(body: u64, axis: u32) -> f32 {
    if ((body * 37) >> (axis % 7)) & 1 == 1 {
        1.0
    } else {
        -1.0
    }
}

/// Who, what and how many of the best explanation.
pub(super) fn best(m: &AttributedMovement) -> (Who, Option<u32>, i32) {
    (m.best.who, m.best.sku.map(|s| s.0), m.best.quantity)
}

pub(super) fn party(session: u64) -> Who {
    Who::Session(SessionId(session))
}

/// Before the upper shelf's left, middle and right.
pub(super) fn before(x_m: f64) -> Point2 {
    Point2::new(x_m, 2.5)
}
