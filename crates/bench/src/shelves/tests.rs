use super::*;

fn corner() -> Shop {
    walkout_model::files::load_shop(&walkout_testkit::shop_dir("corner")).unwrap()
}

#[test]
fn stock_is_drawn_by_the_seed_and_has_gaps_and_wrong_items() {
    let shop = corner();
    let draw = |seed| Stock::draw(&shop, &mut Draw::new(seed, 62));
    assert_eq!(draw(1).stands, draw(1).stands);
    assert_ne!(draw(1).stands, draw(2).stands);
    let all: Vec<Stand> = (0..20).flat_map(|s| draw(s).stands.into_values()).collect();
    let share =
        |of: fn(&Stand) -> bool| all.iter().filter(|s| of(s)).count() as f64 / all.len() as f64;
    let empty = share(|s| *s == Stand::Empty);
    let wrong = share(|s| matches!(s, Stand::Other(_)));
    assert!((0.1..0.22).contains(&empty), "{empty}");
    assert!((0.01..0.05).contains(&wrong), "{wrong}");
    assert!(share(|s| *s == Stand::RearOnly) > 0.03);
}

#[test]
fn shelf_cameras_hang_in_the_aisle_and_the_estimator_does_not_know_them_exactly() {
    let scene = Hung::new(&corner(), 5, 6, 100);
    assert!(scene.cameras.len() >= 6, "{}", scene.cameras.len());
    assert_eq!(Hung::new(&corner(), 5, 6, 3).cameras.len(), 3);
    for &c in &scene.cameras {
        let (real, believed) = (
            &scene.real.layout.cameras[c.usize()],
            &scene.believed.layout.cameras[c.usize()],
        );
        assert!(scene.real.layout.floor.contains(real.position.floor()));
        let off = real.position.distance(believed.position);
        assert!(off > 0.0 && off < 0.05, "{off}");
    }
}
