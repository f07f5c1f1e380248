//! A shop of two fixtures with a plate each.

use std::sync::Arc;
use walkout_model::layout::{Fixture, Gate, GateKind, Layout, Plate, Shelf};
use walkout_model::{
    Catalogue, Currency, FixtureIx, Gtin, Mass, Money, Planogram, Point2, Polygon, Pose2, Product,
    ShelfIx, Shop, TaxClass,
};

pub fn two_plates() -> Arc<Shop> {
    let p = Point2::new;
    let fixture = |i: u32| Fixture {
        name: format!("G{}", i + 1),
        pose: Pose2 {
            position: p(1.0 + f64::from(i), 1.0),
            yaw: 0.0,
        },
        width_m: 0.5,
        depth_m: 0.4,
        height_m: 1.5,
        shelves: i..i + 1,
    };
    let shelf = |i: u32| Shelf {
        name: format!("G{}/S1", i + 1),
        fixture: FixtureIx(i),
        x_m: 0.0,
        y_m: 0.0,
        height_m: 1.0,
        width_m: 0.5,
        depth_m: 0.4,
        plates: i..i + 1,
    };
    let plate = |i: u32| Plate {
        name: format!("G{}/S1/P01", i + 1),
        shelf: ShelfIx(i),
        x_m: 0.0,
        y_m: 0.0,
        width_m: 0.5,
        depth_m: 0.4,
        range_g: 10_000.0,
        noise_g: 1.0,
        resolution_g: 1.0,
    };
    let product = Product {
        gtin: gtin(),
        name_ko: "물".into(),
        name_en: "Water".into(),
        price: Money::new(1_000, Currency::KRW),
        tax: TaxClass {
            name: "standard".into(),
            rate_bp: 1_000,
        },
        unit_mass: Mass::from_mg(500_000),
        unit_mass_sd: Mass::from_mg(1_000),
        size_mm: [60, 60, 200],
        case_pack: 20,
        age_limit: None,
    };
    Arc::new(Shop {
        name: "pair".into(),
        title: "Pair".into(),
        time_zone: "Asia/Seoul".into(),
        currency: Currency::KRW,
        layout: Layout {
            floor: Polygon {
                corners: vec![p(0.0, 0.0), p(5.0, 0.0), p(5.0, 5.0), p(0.0, 5.0)],
            },
            gates: vec![Gate {
                name: "door".into(),
                kind: GateKind::Both,
                a: p(1.0, 0.0),
                b: p(2.0, 0.0),
            }],
            fixtures: (0..2).map(fixture).collect(),
            shelves: (0..2).map(shelf).collect(),
            plates: (0..2).map(plate).collect(),
            ..Layout::default()
        },
        catalogue: Catalogue::new(vec![product]),
        planogram: Planogram::default(),
    })
}

pub fn gtin() -> Gtin {
    Gtin::from_body(880_123_456_789).unwrap()
}
