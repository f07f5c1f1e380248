//! Who took what: each factor's effect.

use super::bed::{Bed, before, best, party};
use walkout_model::{Decision, PartyKind, SkuIx, Who};

fn alone() -> Bed {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.2));
    bed
}

#[test]
fn a_take_by_the_only_shopper_is_theirs() {
    let mut bed = alone();
    bed.act(1, 0, 0, -500.0);
    let m = bed.last();
    assert_eq!(best(m), (party(1), Some(0), 1));
    assert_eq!(m.decision, Decision::Accept);
    assert_eq!(m.lane.map(|l| l.0), Some(0));
    assert!(m.best.probability > 0.95, "{m:?}");
}

#[test]
fn the_place_tells_apart_what_mass_cannot() {
    let mut bed = alone();
    bed.act(1, 0, 2, -500.0);
    let m = bed.last();
    assert_eq!(best(m), (party(1), Some(1), 1));
    let place = m
        .evidence
        .factors
        .iter()
        .find(|f| f.name == "place")
        .expect("a factor");
    let other = bed.last().alternatives.first().expect("a rival");
    assert!(other.sku != Some(SkuIx(1)) || other.who != party(1) || place.log_odds >= 0.0);
}

#[test]
fn what_cameras_saw_move_is_of_the_lane_that_they_saw_it_in() {
    for (lane, sku) in [(0, 0), (1, 1)] {
        let mut bed = alone();
        // Two lanes of one mass side by side, and nothing weighs them.
        bed.reach(1, 0, 0.2);
        bed.seen(lane, -500.0, 40.0);
        bed.withdraw(1);
        bed.wait(12.0);
        let m = bed.last();
        assert_eq!(best(m), (party(1), Some(sku), 1));
        assert_eq!(m.lane.map(|l| l.0), Some(lane));
        assert_eq!(m.decision, Decision::Accept, "{m:?}");
        bed.reach(1, 0, 0.2);
        // How many it was is in doubt.
        bed.seen(lane, 500.0, 240.0);
        bed.withdraw(1);
        bed.wait(12.0);
        assert_eq!(best(bed.last()), (party(1), Some(sku), -1));
    }
}

#[test]
fn the_mass_tells_apart_how_many() {
    let mut bed = alone();
    bed.act(1, 0, 4, -240.0);
    assert_eq!(best(bed.last()), (party(1), Some(2), 2));
}

#[test]
fn a_look_settles_what_mass_and_place_leave_open() {
    // On the border of the lanes of two SKUs of one mass.
    let run = |sku: u32| {
        let mut bed = alone();
        bed.reach(1, 0, 0.2);
        bed.step(0, &[(1, -250.0), (2, -250.0)]);
        bed.wait(0.2);
        bed.look(1, 0, 0.2, sku, 0.95);
        bed.withdraw(1);
        bed.wait(7.5);
        best(bed.last())
    };
    assert_eq!(run(0), (party(1), Some(0), 1));
    assert_eq!(run(1), (party(1), Some(1), 1));
}

#[test]
fn of_two_side_by_side_the_one_with_the_hand_there_took_it() {
    for (reaching, session) in [(1, 1), (2, 2)] {
        let mut bed = Bed::new();
        bed.enter(1, 1, PartyKind::Shopper, before(0.0));
        bed.enter(2, 2, PartyKind::Shopper, before(0.7));
        bed.act(reaching, 0, 2, -500.0);
        let m = bed.last();
        assert_eq!(best(m).0, party(session), "{m:?}");
        assert_eq!(m.decision, Decision::Accept);
    }
}

#[test]
fn two_hands_at_one_place_are_a_review() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(-0.1));
    bed.enter(2, 2, PartyKind::Shopper, before(0.6));
    bed.reach(1, 0, 0.25);
    bed.reach(2, 0, 0.25);
    // Both have been there for long: neither came just in time.
    bed.wait(1.8);
    bed.step(0, &[(2, -500.0)]);
    bed.wait(7.5);
    let m = bed.last();
    assert_eq!(m.decision, Decision::Review, "{m:?}");
    let named: Vec<Who> = m
        .alternatives
        .iter()
        .chain([&m.best])
        .map(|a| a.who)
        .collect();
    assert!(named.contains(&party(1)) && named.contains(&party(2)));
}

#[test]
fn what_nobody_known_took_is_a_review() {
    let mut bed = alone();
    bed.walk(1, walkout_model::Point2::new(-3.0, 1.0));
    bed.step(0, &[(0, -500.0)]);
    bed.wait(7.5);
    let m = bed.last();
    assert_eq!(m.best.who, Who::Unknown);
    assert_eq!(m.best.sku, Some(SkuIx(0)));
    assert_eq!(m.decision, Decision::Review);
}

#[test]
fn a_put_back_comes_from_the_own_cart() {
    let mut bed = alone();
    bed.act(1, 0, 2, -500.0);
    // Onto the lane of the SKU of the same mass, which the shopper does not have.
    bed.act(1, 0, 0, 500.0);
    let m = bed.last();
    assert_eq!(best(m), (party(1), Some(1), -1));
    assert_eq!(m.lane, None);
    assert_eq!(m.decision, Decision::Accept);
}

#[test]
fn goods_that_nobody_has_are_not_put_back() {
    let mut bed = alone();
    bed.act(1, 0, 0, 500.0);
    let m = bed.last();
    // A thing of their own, or of somebody unseen: never a refund to the shopper.
    assert!(m.best.sku.is_none() || m.best.who == Who::Unknown, "{m:?}");
    assert_ne!(m.decision, Decision::Accept);
}

#[test]
fn what_one_put_on_the_wrong_shelf_another_takes_from_there() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.1));
    bed.act(1, 0, 4, -120.0);
    bed.act(1, 1, 8, 120.0);
    assert_eq!(best(bed.last()), (party(1), Some(2), -1));
    bed.walk(1, walkout_model::Point2::new(-3.0, 1.0));
    bed.enter(2, 2, PartyKind::Shopper, before(0.1));
    bed.act(2, 1, 8, -120.0);
    let m = bed.last();
    assert_eq!(best(m), (party(2), Some(2), 1));
    assert_eq!(m.decision, Decision::Accept, "{m:?}");
}

#[test]
fn staff_restock_and_shoppers_do_not() {
    let mut bed = Bed::new();
    bed.enter(9, 1, PartyKind::Staff, before(0.1));
    bed.act(1, 0, 0, 3_000.0);
    assert_eq!(best(bed.last()), (party(9), Some(0), -6));
}

#[test]
fn a_lane_known_to_be_short_gives_no_more_than_it_has() {
    let probability = |units: Option<u32>| {
        let mut bed = alone();
        if let Some(units) = units {
            bed.fusion.stock_counted(walkout_model::LaneIx(2), units);
        }
        bed.act(1, 0, 4, -240.0);
        let m = bed.last();
        m.alternatives
            .iter()
            .chain([&m.best])
            .filter(|a| a.sku == Some(SkuIx(2)) && a.quantity == 2)
            .map(|a| a.probability)
            .sum::<f32>()
    };
    assert!(probability(Some(0)) < probability(Some(8)));
    assert!((probability(None) - probability(Some(8))).abs() < 1e-6);
}

#[test]
fn a_hand_that_stays_leans_and_one_that_goes_has_put_back() {
    let probability = |stays: bool| {
        let mut bed = alone();
        bed.act(1, 0, 4, -120.0);
        bed.reach(1, 0, 0.45);
        // A little off the unit's mass, so that both are thinkable.
        bed.step(0, &[(4, 128.0)]);
        if !stays {
            bed.withdraw(1);
        }
        bed.wait(7.5);
        let m = bed.last();
        m.alternatives
            .iter()
            .chain([&m.best])
            .filter(|a| a.sku == Some(SkuIx(2)) && a.quantity == -1)
            .map(|a| f64::from(a.probability))
            .sum::<f64>()
    };
    let (goes, stays) = (probability(false), probability(true));
    let odds = |p: f64| (p / (1.0 - p)).ln();
    assert!(odds(goes) - odds(stays) > 1.5, "{goes} {stays}");
}
