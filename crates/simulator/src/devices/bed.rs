//! What the devices' tests stand on: shops made in code, and people who walk about in them.

use super::noise::Noise;
use crate::scene::{Body, Hand, Scene};
use walkout_model::layout::{Camera, Fixture, Gate, GateKind, Plate, Shelf};
use walkout_model::{
    Catalogue, Currency, FixtureIx, Gtin, Lane, Layout, Mass, Money, Planogram, PlateIx, Point2,
    Point3, Polygon, Pose2, Product, ShelfIx, Shop, SkuIx, StoreTime, TaxClass,
};

/// When the tests' time begins: an afternoon.
pub(super) const START: StoreTime = StoreTime(1_780_000_000_000_000);

/// The start of a tick.
pub(super) fn at(tick: u64) -> StoreTime {
    StoreTime(START.0 + (tick as i64 * 1_000_000) / 60)
}

/// One rack against the wall: five shelves of twelve plates on 122 cm, as in the published trace.
pub(super) fn rack() -> Shop {
    shop(&Plan {
        size_m: Point2::new(4.0, 4.0),
        racks: vec![(Point2::new(1.4, 3.5), 0.0)],
        width_m: 1.22,
        shelves: 5,
        plates: 12,
        cameras: 1,
        skus: 60,
    })
}

/// A hall of 8 × 7 m with 50 racks of five shelves × eight plates and 36 cameras.
pub(super) fn hall() -> Shop {
    let mut racks = Vec::new();
    for row in 0..5 {
        let y = 0.3 + 1.5 * f64::from(row);
        for column in 0..10 {
            racks.push((Point2::new(0.5 + 0.7 * f64::from(column), y), 0.0));
        }
    }
    shop(&Plan {
        size_m: Point2::new(8.0, 7.5),
        racks,
        width_m: 0.65,
        shelves: 5,
        plates: 8,
        cameras: 6,
        skus: 900,
    })
}

/// What to build.
struct Plan {
    size_m: Point2,
    /// Front-left corners and yaws.
    racks: Vec<(Point2, f64)>,
    width_m: f64,
    shelves: u32,
    plates: u32,
    /// Per side of a grid on the ceiling.
    cameras: u32,
    skus: u64,
}

fn shop(plan: &Plan) -> Shop {
    let mut layout = Layout {
        floor: Polygon {
            corners: vec![
                Point2::new(0.0, 0.0),
                Point2::new(plan.size_m.x, 0.0),
                plan.size_m,
                Point2::new(0.0, plan.size_m.y),
            ],
        },
        gates: vec![Gate {
            name: "in".into(),
            kind: GateKind::Both,
            a: Point2::new(0.0, 0.0),
            b: Point2::new(1.0, 0.0),
        }],
        ..Layout::default()
    };
    let catalogue = catalogue(plan.skus);
    let mut lanes = Vec::new();
    for &(position, yaw) in &plan.racks {
        let fixture = FixtureIx::from(layout.fixtures.len());
        let name = format!("G{}", fixture.0 + 1);
        let first_shelf = layout.shelves.len() as u32;
        for s in 0..plan.shelves {
            let shelf = ShelfIx::from(layout.shelves.len());
            let first = layout.plates.len() as u32;
            let width_m = plan.width_m / f64::from(plan.plates);
            for p in 0..plan.plates {
                layout.plates.push(Plate {
                    name: format!("{name}/S{}/P{:02}", s + 1, p + 1),
                    shelf,
                    x_m: width_m * f64::from(p),
                    y_m: 0.0,
                    width_m,
                    depth_m: 0.41,
                    range_g: 10_000.0,
                    noise_g: 0.55,
                    resolution_g: 0.5,
                });
                lanes.push(Lane {
                    name: format!("{name}/S{}/L{:02}", s + 1, p + 1),
                    shelf,
                    x_m: width_m * f64::from(p),
                    width_m,
                    sku: SkuIx::from(lanes.len() % catalogue.len()),
                    facings: 1,
                    capacity: 6,
                    plates: vec![PlateIx(first + p)],
                });
            }
            layout.shelves.push(Shelf {
                name: format!("{name}/S{}", s + 1),
                fixture,
                x_m: 0.0,
                y_m: 0.0,
                height_m: 0.15 + 0.28 * f64::from(s),
                width_m: plan.width_m,
                depth_m: 0.41,
                plates: first..first + plan.plates,
            });
        }
        layout.fixtures.push(Fixture {
            name,
            pose: Pose2 { position, yaw },
            width_m: plan.width_m,
            depth_m: 0.41,
            height_m: 0.05 + 0.28 * f64::from(plan.shelves),
            shelves: first_shelf..first_shelf + plan.shelves,
        });
    }
    for i in 0..plan.cameras * plan.cameras {
        let (column, row) = (i % plan.cameras, i / plan.cameras);
        let along = |k: u32, size: f64| size * (f64::from(k) + 0.5) / f64::from(plan.cameras);
        layout.cameras.push(Camera {
            name: format!("C{i:02}"),
            width_px: 1280,
            height_px: 960,
            focal_px: [600.0, 600.0],
            principal_px: [640.0, 480.0],
            distortion: [0.0; 5],
            position: Point3::new(along(column, plan.size_m.x), along(row, plan.size_m.y), 3.0),
            yaw: f64::from(i % 4) * std::f64::consts::FRAC_PI_2,
            pitch: 1.1,
            roll: 0.0,
        });
    }
    Shop {
        name: "bed".into(),
        title: "Test bed".into(),
        time_zone: "Asia/Seoul".into(),
        currency: Currency::KRW,
        layout,
        catalogue,
        planogram: Planogram { lanes },
    }
}

/// Products of some brands and kinds, 15 g to 1.6 kg, so that some look alike.
fn catalogue(skus: u64) -> Catalogue {
    const BRANDS: [&str; 9] = [
        "Baram", "Haneul", "Sol", "Dalbit", "Mir", "Noeul", "Iseul", "Gaon", "Narae",
    ];
    const KINDS: [&str; 7] = [
        "Milk",
        "Crackers",
        "Ramyeon",
        "Tea",
        "Chocolate",
        "Juice",
        "Rice",
    ];
    const SORTS: [&str; 5] = ["Classic", "Light", "Spicy", "Family", "Mini"];
    let mut noise = Noise::new(77, 1);
    let mut pick = |words: &[&'static str]| words[(noise.word() % words.len() as u64) as usize];
    let products = (0..skus)
        .map(|i| {
            let (brand, kind, sort) = (pick(&BRANDS), pick(&KINDS), pick(&SORTS));
            let grams = 15.0 * (1.6_f64 / 0.015).powf((i % 97) as f64 / 96.0);
            let side = (grams.cbrt() * 11.0) as u32;
            Product {
                gtin: Gtin::from_body(880_123_450_000 + i).expect("12 digits fit"),
                name_ko: format!("{brand} {kind} {sort}"),
                name_en: format!("{brand} {kind} {sort}"),
                price: Money::new(1_500, Currency::KRW),
                tax: TaxClass {
                    name: "standard".into(),
                    rate_bp: 1_000,
                },
                unit_mass: Mass::from_grams(grams).expect("finite"),
                unit_mass_sd: Mass::from_grams(0.01 * grams).expect("finite"),
                size_mm: [side, side, side + (i % 5) as u32 * 20],
                case_pack: 12,
                age_limit: None,
            }
        })
        .collect();
    Catalogue::new(products)
}

/// Goods on every plate, a kilogram or so.
pub(super) fn stocked(shop: &Shop) -> Vec<f64> {
    (0..shop.layout.plates.len())
        .map(|i| 700.0 + 37.0 * (i % 19) as f64)
        .collect()
}

/// Somebody who stands with hanging hands.
pub(super) fn body(person: u32, position: Point2) -> Body {
    let wrist = |side: f64| Hand {
        wrist: Point3::new(position.x + side, position.y, 0.85),
        holds: None,
        at_shelf: false,
    };
    Body {
        person,
        position,
        velocity: Point2::default(),
        heading: 0.0,
        height_m: 1.7,
        uniform: false,
        hands: [wrist(0.25), wrist(-0.25)],
    }
}

/// People who walk from shelf to shelf, stand there with a hand in it, and leave after some
/// minutes, when somebody else comes.
pub(super) struct Crowd {
    noise: Noise,
    walkers: Vec<Walker>,
    stops: Vec<(Point2, Point3)>,
    next_person: u32,
    relabel: fn(u32) -> u32,
    skus: usize,
    tick: u64,
}

struct Walker {
    body: Body,
    stop: usize,
    stand_s: f64,
    leave_s: f64,
    holds: Option<SkuIx>,
}

impl Crowd {
    /// So many people at a time; `relabel` gives out the persons' numbers.
    pub fn new(shop: &Shop, people: usize, seed: u64, relabel: fn(u32) -> u32) -> Self {
        let stops = shop
            .layout
            .fixtures
            .iter()
            .map(|f| {
                let front = f.pose.floor_from_local(Point2::new(f.width_m / 2.0, -0.4));
                let reach = f.pose.floor_from_local(Point2::new(f.width_m / 2.0, 0.15));
                (front, reach.at_height(1.0))
            })
            .collect();
        let mut crowd = Self {
            noise: Noise::new(seed, 99),
            walkers: Vec::new(),
            stops,
            next_person: 1,
            relabel,
            skus: shop.catalogue.len(),
            tick: 0,
        };
        for _ in 0..people {
            let walker = crowd.enter();
            crowd.walkers.push(walker);
        }
        crowd
    }

    fn enter(&mut self) -> Walker {
        let person = (self.relabel)(self.next_person);
        self.next_person += 1;
        let x = self.noise.between([0.2, 0.8]);
        Walker {
            body: body(person, Point2::new(x, 0.1)),
            stop: self.free_stop(),
            stand_s: 0.0,
            leave_s: self.noise.between([90.0, 210.0]),
            holds: None,
        }
    }

    fn any_stop(&mut self) -> usize {
        (self.noise.word() % self.stops.len() as u64) as usize
    }

    /// A stop that nobody stands at or walks to.
    fn free_stop(&mut self) -> usize {
        loop {
            let stop = self.any_stop();
            if self.walkers.iter().all(|walker| walker.stop != stop) {
                return stop;
            }
        }
    }

    /// Away from those within 80 cm, so that people pass one another at arm's length.
    fn push_from_others(&self, i: usize) -> Point2 {
        let own = self.walkers[i].body.position;
        let mut push = Point2::default();
        for (j, other) in self.walkers.iter().enumerate() {
            let away = own - other.body.position;
            let distance = away.norm().max(0.05);
            if j != i && distance < 0.8 {
                // A little to the side, so that two who meet head on do not stop.
                let aside = Point2::new(away.y, -away.x) * 0.5;
                push = push + (away + aside) * (1.5 * (0.8 - distance) / (0.8 * distance));
            }
        }
        push
    }

    /// The next instant, into `scene` (its people and time).
    pub fn step(&mut self, scene: &mut Scene) {
        scene.t = at(self.tick);
        self.tick += 1;
        let dt = 1.0 / 60.0;
        for i in 0..self.walkers.len() {
            self.walkers[i].leave_s -= dt;
            if self.walkers[i].leave_s < 0.0 {
                self.walkers[i] = self.enter();
                continue;
            }
            let (front, reach) = self.stops[self.walkers[i].stop];
            let new_stop = self.free_stop();
            let push = self.push_from_others(i);
            let (stand, sku) = (self.noise.between([2.0, 9.0]), self.noise.word());
            let walker = &mut self.walkers[i];
            let way = front - walker.body.position;
            if way.norm() > 0.05 {
                let wish = way * (1.0 / way.norm()) + push;
                walker.body.velocity = wish * (1.1 / wish.norm().max(1.0));
                walker.body.heading = way.y.atan2(way.x);
                walker.stand_s = stand;
            } else {
                walker.body.velocity = Point2::default();
                walker.stand_s -= dt;
                if walker.stand_s < 0.0 {
                    walker.stop = new_stop;
                    walker.holds = Some(SkuIx::from((sku % self.skus as u64) as usize));
                }
            }
            walker.body.position = walker.body.position + walker.body.velocity * dt;
            let is_reaching = walker.body.velocity.norm() == 0.0;
            let fresh = body(walker.body.person, walker.body.position);
            walker.body.hands = fresh.hands;
            walker.body.hands[0].holds = walker.holds.map(Some);
            if is_reaching {
                walker.body.hands[0].wrist = reach;
                walker.body.hands[0].at_shelf = true;
            }
        }
        scene.people.clear();
        scene
            .people
            .extend(self.walkers.iter().map(|walker| walker.body.clone()));
    }
}
