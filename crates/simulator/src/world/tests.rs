//! Properties of the world: over many seeds, in a small shop made here and in the shipped ones.

use super::World;
use crate::{Plan, Preset};
use std::sync::Arc;
use walkout_model::layout::{Fixture, Gate, GateKind, Plate, Shelf};
use walkout_model::{
    Catalogue, Currency, FixtureIx, Gtin, Lane, LaneIx, Layout, Mass, Money, Planogram, PlateIx,
    Point2, Polygon, Pose2, Product, ShelfIx, Shop, SkuIx, TaxClass,
};

/// 5 × 4 m with two gondolas of four shelves of twelve plates, 48 lanes.
pub(crate) fn small_shop() -> Arc<Shop> {
    let corners = [(0.0, 0.0), (5.0, 0.0), (5.0, 4.0), (0.0, 4.0)];
    let floor = Polygon {
        corners: corners.iter().map(|&(x, y)| Point2::new(x, y)).collect(),
    };
    let gate = |name: &str, kind, x: f64| Gate {
        name: name.into(),
        kind,
        a: Point2::new(x, 0.0),
        b: Point2::new(x + 0.9, 0.0),
    };
    let mut layout = Layout {
        floor,
        gates: vec![
            gate("in", GateKind::Entry, 0.3),
            gate("out", GateKind::Exit, 3.6),
        ],
        ..Layout::default()
    };
    let mut lanes = Vec::new();
    let mut products = Vec::new();
    for (f, (x, y, yaw)) in [(1.0, 2.6, 0.0), (4.0, 2.0, std::f64::consts::PI)]
        .into_iter()
        .enumerate()
    {
        let first = layout.shelves.len() as u32;
        for s in 0..4 {
            let shelf = ShelfIx::from(layout.shelves.len());
            let name = format!("G{}/S{}", f + 1, s + 1);
            let plates = layout.plates.len() as u32;
            for p in 0..12 {
                layout.plates.push(Plate {
                    name: format!("{name}/P{:02}", p + 1),
                    shelf,
                    x_m: 0.01 + 0.1 * f64::from(p),
                    y_m: 0.0,
                    width_m: 0.1,
                    depth_m: 0.41,
                    range_g: 5000.0,
                    noise_g: 0.6,
                    resolution_g: 0.1,
                });
            }
            for l in 0..6_usize {
                let sku = SkuIx::from(products.len());
                let n = products.len() as u32;
                products.push(Product {
                    gtin: Gtin::from_body(880_000_000_000 + u64::from(n)).unwrap(),
                    name_ko: format!("물건 {n}"),
                    name_en: format!("Thing {n}"),
                    price: Money::new(1000 + i64::from(n) * 100, Currency::KRW),
                    tax: TaxClass {
                        name: "standard".into(),
                        rate_bp: 1000,
                    },
                    unit_mass: Mass::from_mg(60_000 + 17_000 * i64::from(n)),
                    unit_mass_sd: Mass::from_mg(1_500),
                    size_mm: [50 + (n * 7) % 60, 60 + (n * 5) % 40, 120],
                    case_pack: 12,
                    age_limit: None,
                });
                let (x_m, width_m) = (0.01 + 0.2 * l as f64, 0.2);
                lanes.push(Lane {
                    name: format!("{name}/L{:02}", l + 1),
                    shelf,
                    x_m,
                    width_m,
                    sku,
                    facings: if products[n as usize].size_mm[0] < 90 {
                        2
                    } else {
                        1
                    },
                    capacity: 8,
                    plates: vec![
                        PlateIx(plates + 2 * l as u32),
                        PlateIx(plates + 2 * l as u32 + 1),
                    ],
                });
            }
            layout.shelves.push(Shelf {
                name,
                fixture: FixtureIx::from(f),
                x_m: 0.0,
                y_m: 0.0,
                height_m: 0.3 + 0.4 * f64::from(s),
                width_m: 1.22,
                depth_m: 0.41,
                plates: plates..plates + 12,
            });
        }
        layout.fixtures.push(Fixture {
            name: format!("G{}", f + 1),
            pose: Pose2 {
                position: Point2::new(x, y),
                yaw,
            },
            width_m: 1.22,
            depth_m: 0.45,
            height_m: 1.9,
            shelves: first..first + 4,
        });
    }
    Arc::new(Shop {
        name: "small".into(),
        title: "Small shop".into(),
        time_zone: "Asia/Seoul".into(),
        currency: Currency::KRW,
        layout,
        catalogue: Catalogue::new(products),
        planogram: Planogram { lanes },
    })
}

/// A run to its end; panics if it has none.
fn run(
    shop: &Arc<Shop>,
    plan: &Plan,
    seconds_max: u64,
    mut each: impl FnMut(&World),
) -> (World, String) {
    let mut world = World::new(shop.clone(), plan).unwrap();
    let mut truth = world.drain_truth();
    for _ in 0..seconds_max * 60 {
        world.step();
        each(&world);
        if world.is_over() {
            truth += &world.drain_truth();
            return (world, truth);
        }
    }
    let who: Vec<String> = world.people.iter().map(|p| format!("{p:?}")).collect();
    panic!(
        "not over after {seconds_max} s: {} inside\n{}",
        who.len(),
        who.join("\n")
    );
}

fn plan(preset: Preset, seed: u64, receipts: u32) -> Plan {
    Plan {
        receipts: Some(receipts),
        ..Plan::preset(preset, seed)
    }
}

#[test]
fn everybody_leaves_and_nobody_walks_through_fixtures() {
    let shop = small_shop();
    let footprints: Vec<Polygon> = shop.layout.fixtures.iter().map(|f| f.footprint()).collect();
    for preset in [Preset::Quiet, Preset::Busy, Preset::Adversarial] {
        for seed in 0..6 {
            let (_, truth) = run(&shop, &plan(preset, seed, 12), 3600, |world| {
                for body in &world.scene().people {
                    assert!(footprints.iter().all(|f| !f.contains(body.position)));
                    let step = body.velocity.norm();
                    assert!(step < 1.6, "{preset} {seed}: {step} m/s");
                }
            });
            assert_eq!(
                truth.matches("\"type\":\"receipt\"").count(),
                12,
                "{preset} {seed}"
            );
        }
    }
}

#[test]
fn the_same_seed_is_the_same_day() {
    let shop = small_shop();
    let one = |seed| {
        let mut wrists = 0.0;
        let (_, truth) = run(&shop, &plan(Preset::Adversarial, seed, 8), 3600, |world| {
            for body in &world.scene().people {
                wrists += body.hands[0].wrist.x * body.hands[1].wrist.z;
            }
            wrists += world.scene().pushes.iter().map(|p| p.1).sum::<f64>();
        });
        (truth, wrists.to_bits())
    };
    assert_eq!(one(5), one(5));
    assert_ne!(one(5), one(6));
}

#[test]
fn lane_indices_are_dense() {
    let shop = small_shop();
    let world = World::new(shop.clone(), &plan(Preset::Quiet, 1, 1)).unwrap();
    assert!(world.lane_counts().iter().all(|&n| (2..=8).contains(&n)));
    assert!(shop.planogram.get(LaneIx::from(47)).is_some());
}
