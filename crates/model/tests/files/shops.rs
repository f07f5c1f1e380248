//! The shipped shops load, and have the shapes that they claim.

use walkout_model::Shop;
use walkout_model::files::load_shop;
use walkout_testkit::shop_dir;

fn load(name: &str) -> Shop {
    load_shop(&shop_dir(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// Lightest, median and heaviest unit, grams.
fn masses(shop: &Shop) -> [f64; 3] {
    let products = shop.catalogue.products();
    let mut all: Vec<f64> = products.iter().map(|p| p.unit_mass.grams()).collect();
    all.sort_by(f64::total_cmp);
    [all[0], all[all.len() / 2], all[all.len() - 1]]
}

#[test]
fn corner_is_a_small_shop() {
    let shop = load("corner");
    assert!((23.0..=27.0).contains(&shop.layout.floor.area_m2()));
    assert!(
        (55..=65).contains(&shop.catalogue.len()),
        "{}",
        shop.catalogue.len()
    );
    assert!(shop.layout.cameras.len() <= 6);
    let shared = shop
        .planogram
        .lanes
        .windows(2)
        .filter(|w| w[0].plates.last() == w[1].plates.first())
        .count();
    assert!(shared > 10, "lanes that share a plate: {shared}");
}

#[test]
fn nano_has_the_shape_of_the_cps_iot_shop() {
    let shop = load("nano");
    let layout = &shop.layout;
    assert_eq!(layout.floor.area_m2(), 31.0);
    assert_eq!(
        (
            layout.fixtures.len(),
            layout.shelves.len(),
            layout.plates.len(),
            layout.cameras.len()
        ),
        (5, 30, 306, 12)
    );
    assert!(
        layout
            .plates
            .iter()
            .all(|p| (p.width_m, p.depth_m) == (0.10, 0.41))
    );
    assert!(
        layout
            .shelves
            .iter()
            .any(|s| s.plates.len() == 12 && s.width_m == 1.22)
    );
    assert_eq!(shop.catalogue.len(), 85);
    assert_eq!(masses(&shop), [15.0, 145.0, 1_600.0]);
    let mut widths = [0; 4];
    for lane in &shop.planogram.lanes {
        widths[lane.plates.len()] += 1;
    }
    assert_eq!(widths[0], 0);
    assert!(widths[1..].iter().all(|&n| n >= 10), "{widths:?}");
}

#[test]
fn flash_has_the_shape_of_carrefour_flash() {
    let shop = load("flash");
    let layout = &shop.layout;
    assert_eq!(layout.floor.area_m2(), 55.0);
    assert_eq!(
        (
            layout.shelves.len(),
            layout.plates.len(),
            layout.cameras.len()
        ),
        (250, 2_000, 60)
    );
    assert!(layout.shelves.iter().all(|s| s.plates.len() == 8));
    assert!(layout.plates.iter().all(|p| p.range_g == 30_000.0));
    assert_eq!(shop.catalogue.len(), 900);
}

#[test]
fn every_sku_lies_in_a_lane() {
    for name in ["corner", "nano", "flash"] {
        let shop = load(name);
        let mut placed = vec![false; shop.catalogue.len()];
        for lane in &shop.planogram.lanes {
            placed[lane.sku.usize()] = true;
        }
        assert!(placed.iter().all(|&p| p), "{name}");
        for i in 0..shop.layout.shelves.len() {
            let lanes = shop
                .planogram
                .on_shelf(walkout_model::ShelfIx::from(i))
                .count();
            assert!(
                (1..=6).contains(&lanes),
                "{name}: {lanes} lanes on {}",
                shop.layout.shelves[i].name
            );
        }
    }
}

#[test]
fn some_goods_are_alike() {
    for name in ["corner", "nano", "flash"] {
        let shop = load(name);
        let products = shop.catalogue.products();
        let same_mass = products
            .iter()
            .enumerate()
            .filter(|(i, p)| products[..*i].iter().any(|q| q.unit_mass == p.unit_mass))
            .count();
        assert!(same_mass * 4 > products.len(), "{name}: {same_mass}");
        assert!(products.iter().any(|p| p.age_limit == Some(19)), "{name}");
        assert!(products.iter().any(|p| p.tax.rate_bp == 0), "{name}");
    }
}

#[test]
fn the_aisles_of_flash_are_wide_enough_for_two() {
    let shop = load("flash");
    let layout = &shop.layout;
    let footprints: Vec<_> = layout.fixtures.iter().map(|f| f.footprint()).collect();
    for fixture in &layout.fixtures {
        for share in [0.1, 0.5, 0.9] {
            for ahead_cm in 1..90 {
                let ahead = -f64::from(ahead_cm) / 100.0;
                let local = walkout_model::Point2::new(fixture.width_m * share, ahead);
                let at = fixture.pose.floor_from_local(local);
                let free = layout.floor.contains(at) && footprints.iter().all(|f| !f.contains(at));
                assert!(free, "{} cm in front of {}", ahead_cm, fixture.name);
            }
        }
    }
}

#[test]
fn a_shop_is_found_by_its_name() {
    let found = walkout_model::files::locate("nano").unwrap();
    assert_eq!(load_shop(&found).unwrap().name, "nano");
    let by_path = walkout_model::files::locate(&shop_dir("corner").to_string_lossy()).unwrap();
    assert_eq!(load_shop(&by_path).unwrap().name, "corner");
    let absent = walkout_model::files::locate("nowhere")
        .unwrap_err()
        .to_string();
    assert!(absent.contains("corner, flash, nano"), "{absent}");
}
