//! The listing of errors names the cause of each.

use crate::hand_made::{claim, gtin, guess, outcome, second, truth};
use walkout_bench::errors::{Cause, Trace, incidents};
use walkout_bench::matching::compare;
use walkout_model::layout::Shelf;
use walkout_model::{
    Catalogue, Currency, Decision, FixtureIx, Layout, Mass, Money, Planogram, Product, ShelfIx,
    Shop, TaxClass, TimeDelta, WeightStep,
};

fn shop() -> Shop {
    let product = |n| Product {
        gtin: gtin(n),
        name_ko: format!("상품 {n}"),
        name_en: format!("Product {n}"),
        price: Money::new(1_000, Currency::KRW),
        tax: TaxClass {
            name: "standard".into(),
            rate_bp: 1_000,
        },
        unit_mass: Mass::from_mg(100_000),
        unit_mass_sd: Mass::from_mg(1_000),
        size_mm: [100, 100, 100],
        case_pack: 1,
        age_limit: None,
    };
    Shop {
        name: "one".into(),
        title: "One shelf".into(),
        time_zone: "Asia/Seoul".into(),
        currency: Currency::KRW,
        layout: Layout {
            shelves: vec![Shelf {
                name: "G1/S1".into(),
                fixture: FixtureIx(0),
                x_m: 0.0,
                y_m: 0.0,
                height_m: 1.0,
                width_m: 1.0,
                depth_m: 0.4,
                plates: 0..0,
            }],
            ..Layout::default()
        },
        catalogue: Catalogue::new((1..=5).map(product).collect()),
        planogram: Planogram::default(),
    }
}

fn step(serial: u64, s: i64) -> WeightStep {
    WeightStep {
        serial,
        replaces: None,
        shelf: ShelfIx(0),
        t_start: second(s) - TimeDelta::from_millis(500),
        t_change: second(s),
        t_end: second(s),
        known_at: second(s + 1),
        delta_g: -100.0,
        sigma_g: 3.0,
        plates: Vec::new(),
        curve: Vec::new(),
        seen: None,
    }
}

#[test]
fn every_kind_of_error_is_told_once_with_its_cause() {
    let truth = truth(
        &[
            (1, 90, &[(1, 2), (2, 1), (5, 2)]),
            (2, 90, &[(1, 1)]),
            (3, 95, &[]),
        ],
        &[
            ("take", 10, Some(1), Some(1), 1),
            ("take", 20, Some(1), Some(2), 1),
            ("take", 30, Some(2), Some(3), 1),
            ("take", 40, Some(1), Some(4), 1),
            ("hand_over", 45, Some(1), Some(1), 1),
            ("take", 50, Some(1), Some(5), 2),
            ("take", 60, Some(1), Some(1), 1),
            ("touch", 70, Some(1), None, 0),
            ("take", 80, Some(1), Some(1), 1),
        ],
    );
    let accept = |t, claim| guess(t, claim, Decision::Accept);
    let outcome = outcome(
        &[(1, 90), (2, 90)],
        vec![
            accept(10, claim(1, 1, 1)),
            accept(20, claim(1, 3, 1)),
            accept(30, claim(1, 3, 1)),
            guess(40, claim(1, 4, 1), Decision::LeaveOff),
            accept(50, claim(1, 5, 1)),
            accept(70, claim(1, 4, 1)),
        ],
    );
    let matching = compare(&truth, &outcome);
    let trace = Trace {
        steps: vec![step(1, 20), step(2, 60)],
        ..Trace::default()
    };
    let found = incidents(&shop(), &truth, &outcome, &matching, &trace);
    let causes: Vec<_> = found
        .iter()
        .map(|i| (i.at.as_secs_f64() as i64, i.cause))
        .collect();
    assert_eq!(
        causes,
        [
            (20, Cause::WrongSku),
            (30, Cause::WrongWho),
            (40, Cause::LeftOff),
            (45, Cause::HandOver),
            // One of the two units is covered by a movement of one.
            (50, Cause::WrongQuantity),
            (60, Cause::NoMovement),
            (70, Cause::FalseMovement),
            (80, Cause::NoStep),
            (95, Cause::NoExit),
        ]
    );
    let wrong_sku = &found[0].text;
    for part in ["Product 2", "Product 3", "#1 -100.0 ± 3.0 g", "party 1"] {
        assert!(wrong_sku.contains(part), "{part} in {wrong_sku}");
    }
}
