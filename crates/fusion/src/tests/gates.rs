//! Who is who: entries, exits, tracks that end and begin anew.

use super::bed::{Bed, at, before, best, party};
use crate::{FusionEvent, Notice};
use walkout_model::{Decision, GateDirection, PartyKind, Point2, SessionId, SkuIx, Who};

#[test]
fn who_leaves_is_who_came_in() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.0));
    bed.enter(2, 2, PartyKind::Shopper, before(0.7));
    bed.leave(2);
    bed.leave(1);
    let exits = bed.exits();
    let order: Vec<SessionId> = exits.iter().map(|e| e.session).collect();
    assert_eq!(order, vec![SessionId(2), SessionId(1)]);
    assert!(
        exits
            .iter()
            .all(|e| e.probability > 0.9 && e.known_at > e.t)
    );
}

#[test]
fn a_barrier_that_trips_for_nobody_sends_nobody_home() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.0));
    bed.enter(2, 2, PartyKind::Shopper, before(0.7));
    bed.cross(GateDirection::Out);
    bed.wait(30.0);
    assert_eq!(bed.exits(), vec![]);
    bed.act(1, 0, 0, -500.0);
    bed.leave(1);
    bed.leave(2);
    let order: Vec<SessionId> = bed.exits().iter().map(|e| e.session).collect();
    assert_eq!(order, vec![SessionId(1), SessionId(2)]);
}

#[test]
fn a_track_that_ends_at_the_gate_and_goes_on_under_another_number_has_not_left() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.0));
    bed.enter(2, 2, PartyKind::Shopper, before(0.7));
    bed.walk(1, Point2::new(0.0, 0.6));
    bed.forget(1);
    bed.wait(1.5);
    // The same person: 5 and 1 look alike.
    bed.walk(5, Point2::new(0.1, 0.7));
    bed.wait(8.0);
    assert_eq!(bed.exits(), vec![]);
    bed.walk(5, before(0.0));
    bed.act(5, 0, 0, -500.0);
    assert_eq!(best(bed.last()).0, party(1));
    bed.leave(5);
    assert_eq!(bed.exits().len(), 1);
    assert_eq!(bed.exits()[0].session, SessionId(1));
}

#[test]
fn a_group_has_left_with_its_last() {
    let mut bed = Bed::new();
    bed.fusion.session_opened(walkout_model::SessionOpened {
        t: walkout_model::StoreTime(1_780_000_000_000_000),
        gate: walkout_model::GateIx(0),
        session: SessionId(1),
        people: 2,
        kind: PartyKind::Shopper,
    });
    for (track, to) in [(1, before(0.0)), (2, before(0.7))] {
        bed.walk(track, Point2::new(0.0, -0.5));
        bed.walk(track, Point2::new(0.0, 0.0));
        bed.cross(GateDirection::In);
        bed.walk(track, to);
    }
    bed.wait(1.0);
    bed.act(2, 0, 2, -500.0);
    assert_eq!(best(bed.last()).0, party(1));
    bed.leave(1);
    assert_eq!(bed.exits(), vec![]);
    bed.leave(2);
    assert_eq!(bed.exits().len(), 1);
}

#[test]
fn who_scanned_and_whom_no_barrier_counted_is_inside_all_the_same() {
    let mut bed = Bed::new();
    bed.fusion.session_opened(walkout_model::SessionOpened {
        t: walkout_model::StoreTime(1_780_000_000_000_000),
        gate: walkout_model::GateIx(0),
        session: SessionId(1),
        people: 1,
        kind: PartyKind::Shopper,
    });
    bed.walk(1, Point2::new(0.0, -0.3));
    bed.walk(1, before(0.2));
    bed.wait(3.0);
    bed.act(1, 0, 0, -500.0);
    assert_eq!(best(bed.last()), (party(1), Some(0), 1));
    bed.leave(1);
    assert_eq!(bed.exits().len(), 1);
}

#[test]
fn who_was_seen_beyond_the_exit_does_not_go_on_as_a_ghost_inside() {
    let mut bed = Bed::with_an_exit();
    bed.enter(1, 1, PartyKind::Shopper, before(0.0));
    bed.walk(1, Point2::new(2.5, 1.0));
    // The barrier does not trip.
    bed.walk(1, Point2::new(2.5, -0.6));
    bed.forget(1);
    bed.wait(4.0);
    bed.walk(9, Point2::new(1.5, 1.2));
    bed.wait(1.5);
    bed.forget(9);
    bed.wait(20.0);
    let left: Vec<SessionId> = bed.exits().iter().map(|e| e.session).collect();
    assert_eq!(left, vec![SessionId(1)]);
}

#[test]
fn a_tailgater_is_noticed_and_charges_nobody() {
    let mut bed = Bed::new();
    bed.walk(1, Point2::new(0.0, -0.5));
    bed.walk(1, Point2::new(0.0, 0.0));
    bed.cross(GateDirection::In);
    bed.walk(1, before(0.2));
    bed.wait(1.0);
    bed.act(1, 0, 0, -500.0);
    let m = bed.last();
    assert_eq!((m.best.who, m.decision), (Who::Unknown, Decision::Review));
    bed.leave(1);
    let notices: Vec<&FusionEvent> = bed
        .events
        .iter()
        .filter(|e| matches!(e, FusionEvent::Notice(_)))
        .collect();
    assert!(matches!(
        notices.as_slice(),
        [
            FusionEvent::Notice(Notice::Tailgater { .. }),
            FusionEvent::Notice(Notice::ExitWithoutEntry { .. })
        ]
    ));
}

#[test]
fn a_track_that_goes_on_under_a_new_number_keeps_its_party() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.2));
    bed.forget(1);
    bed.wait(1.5);
    bed.walk(7, before(0.3));
    bed.wait(2.0);
    bed.act(7, 0, 0, -500.0);
    let m = bed.last();
    assert_eq!(best(m), (party(1), Some(0), 1));
    assert_eq!(m.decision, Decision::Accept, "{m:?}");
}

#[test]
fn who_swaps_numbers_is_known_by_what_they_wear() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.0));
    bed.enter(2, 2, PartyKind::Shopper, before(0.7));
    bed.swap(1, 2);
    bed.wait(4.0);
    // Whoever stands on the left is still party 1, under the number 2 now.
    bed.act(2, 0, 0, -500.0);
    assert_eq!(best(bed.last()).0, party(1), "{:?}", bed.last());
}

#[test]
fn numbers_exchanged_beyond_arms_reach_are_noticed_whenever_it_happens() {
    for fifths in 0..20 {
        let mut bed = Bed::new();
        bed.enter(1, 1, PartyKind::Shopper, before(0.0));
        bed.enter(2, 2, PartyKind::Shopper, before(0.9));
        // Somebody beside the one, with whom numbers may be exchanged, too, and more easily.
        bed.enter(3, 3, PartyKind::Shopper, before(-0.3));
        bed.wait(4.0 + 0.2 * f64::from(fifths));
        bed.swap(1, 2);
        bed.wait(4.0);
        bed.act(2, 0, 0, -500.0);
        assert_eq!(best(bed.last()).0, party(1), "{fifths}: {:?}", bed.last());
        bed.leave(1);
        assert_eq!(bed.exits()[0].session, SessionId(2), "{fifths}");
    }
}

#[test]
fn who_is_found_again_under_the_number_of_another_is_known_by_what_they_wear() {
    for side in [1.0, -1.0] {
        let mut bed = Bed::new();
        bed.enter(1, 1, PartyKind::Shopper, before(0.0));
        bed.enter(2, 2, PartyKind::Shopper, before(1.3 * side));
        // Long enough for it to be plain that neither is a stranger.
        bed.wait(60.0);
        // The tracker loses party 1, walks party 2 up to where they were, and then takes the one for the other.
        bed.forget(1);
        bed.walk(2, before(0.4 * side));
        bed.wait(0.5);
        bed.goes_on_as(2, 6);
        bed.is_found(2, before(0.0), 1);
        bed.wait(1.0);
        bed.walk(6, before(1.3 * side));
        bed.act(2, 0, 0, -500.0);
        assert_eq!(best(bed.last()).0, party(1), "{side}: {:?}", bed.last());
        bed.leave(2);
        bed.leave(6);
        let left: Vec<SessionId> = bed.exits().iter().map(|e| e.session).collect();
        assert_eq!(left, vec![SessionId(1), SessionId(2)], "{side}");
    }
}

#[test]
fn a_person_whom_the_tracker_lost_is_thought_of() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.2));
    bed.forget(1);
    bed.wait(8.0);
    bed.step(0, &[(0, -500.0)]);
    bed.wait(7.5);
    assert_eq!(best(bed.last()), (party(1), Some(0), 1));
}

#[test]
fn an_exit_that_the_barrier_missed_is_concluded_from_the_track() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.2));
    bed.walk(1, Point2::new(0.0, -0.3));
    bed.forget(1);
    bed.wait(15.0);
    let exits = bed.exits();
    assert_eq!(exits.len(), 1);
    assert_eq!(exits[0].session, SessionId(1));
}

#[test]
fn a_barrier_that_trips_twice_shifts_nobody() {
    let mut bed = Bed::new();
    bed.cross_twice = true;
    bed.enter(1, 1, PartyKind::Shopper, before(0.0));
    bed.enter(2, 2, PartyKind::Shopper, before(0.7));
    bed.act(2, 0, 2, -500.0);
    assert_eq!(best(bed.last()).0, party(2));
}

/// A party that was inside when the shop opened again, since two and a half hours; it was closed for so long.
fn resumed(bed: &mut Bed, session: u64, held: &[(u32, u32)], down_s: i64) {
    let held: Vec<(SkuIx, u32)> = held.iter().map(|(sku, n)| (SkuIx(*sku), *n)).collect();
    let opened = walkout_model::SessionOpened {
        t: walkout_model::StoreTime(1_780_000_000_000_000 - 9_000_000_000),
        gate: walkout_model::GateIx(0),
        session: SessionId(session),
        people: 1,
        kind: PartyKind::Shopper,
    };
    let known = walkout_model::StoreTime(1_780_000_000_000_000 - down_s * 1_000_000);
    bed.fusion.session_resumed(opened, &held, known);
}

#[test]
fn who_was_inside_when_the_shop_opened_again_takes_puts_back_and_leaves() {
    let mut bed = Bed::new();
    resumed(&mut bed, 1, &[(0, 1)], 60);
    bed.walk(11, before(0.0));
    bed.wait(3.0);
    bed.act(11, 0, 4, -120.0);
    assert_eq!(best(bed.last()), (party(1), Some(2), 1));
    bed.act(11, 0, 0, 500.0);
    assert_eq!(best(bed.last()), (party(1), Some(0), -1));
    assert_eq!(bed.last().decision, Decision::Accept);
    bed.leave(11);
    assert_eq!(bed.exits().len(), 1);
    assert_eq!(bed.exits()[0].session, SessionId(1));
}

#[test]
fn of_two_who_were_inside_what_one_puts_back_tells_who_is_who() {
    let mut bed = Bed::new();
    resumed(&mut bed, 1, &[(0, 1)], 60);
    resumed(&mut bed, 2, &[(2, 1)], 60);
    bed.walk(11, before(0.0));
    bed.walk(12, before(0.7));
    bed.wait(3.0);
    bed.act(11, 0, 0, -500.0);
    assert_eq!(bed.last().decision, Decision::Review);
    // Only the second had one of these.
    bed.act(12, 0, 4, 120.0);
    assert_eq!(best(bed.last()), (party(2), Some(2), -1));
    bed.leave(11);
    bed.leave(12);
    bed.wait(60.0);
    let taken = bed.standing().into_iter().find(|m| m.best.quantity == 1);
    let taken = taken.expect("the water");
    assert_eq!(taken.best.who, party(1));
    assert_eq!(taken.decision, Decision::Accept);
    let left: Vec<SessionId> = bed.exits().iter().map(|e| e.session).collect();
    assert_eq!(left, vec![SessionId(1), SessionId(2)]);
}

#[test]
fn who_was_inside_and_is_nowhere_seen_left_while_the_shop_was_blind() {
    let mut bed = Bed::new();
    resumed(&mut bed, 1, &[(0, 1)], 60);
    resumed(&mut bed, 2, &[], 60);
    // A shop that sees nobody may be blind.
    bed.wait(400.0);
    bed.enter(3, 13, PartyKind::Shopper, before(0.0));
    bed.wait(200.0);
    assert_eq!(bed.exits(), vec![]);
    bed.wait(150.0);
    let mut left = bed.exits();
    left.sort_by_key(|e| e.session);
    let who: Vec<SessionId> = left.iter().map(|e| e.session).collect();
    assert_eq!(who, vec![SessionId(1), SessionId(2)]);
    assert!(left.iter().all(|e| e.probability > 0.9));
    bed.act(13, 0, 0, -500.0);
    assert_eq!(best(bed.last()), (party(3), Some(0), 1));
    assert_eq!(bed.last().decision, Decision::Accept);
}

#[test]
fn who_was_inside_and_is_lost_to_the_cameras_for_a_while_has_not_left() {
    let mut bed = Bed::new();
    resumed(&mut bed, 1, &[], 60);
    bed.walk(11, before(0.0));
    bed.enter(3, 13, PartyKind::Shopper, before(0.7));
    bed.wait(400.0);
    bed.forget(11);
    bed.wait(12.0);
    // The same person: 15 and 11 look alike.
    bed.walk(15, before(0.1));
    bed.wait(5.0);
    assert_eq!(bed.exits(), vec![]);
    bed.leave(15);
    bed.wait(60.0);
    assert_eq!(bed.exits()[0].session, SessionId(1));
}

#[test]
fn nobody_waits_in_a_shop_that_was_closed_for_long() {
    let mut bed = Bed::new();
    resumed(&mut bed, 1, &[(0, 1)], 8_000);
    bed.wait(15.0);
    let left: Vec<SessionId> = bed.exits().iter().map(|e| e.session).collect();
    assert_eq!(left, vec![SessionId(1)]);
    bed.walk(11, before(0.0));
    bed.wait(3.0);
    bed.act(11, 0, 0, -500.0);
    assert_eq!(best(bed.last()).0, Who::Unknown);
}

/// Party 1 takes something and is lost at the returned time, while party 2 goes on.
fn one_is_lost(bed: &mut Bed, kind: PartyKind) -> f64 {
    bed.enter(1, 1, kind, before(0.0));
    bed.enter(2, 2, PartyKind::Shopper, before(0.7));
    bed.act(1, 0, 0, -500.0);
    bed.forget(1);
    bed.now
}

#[test]
fn whom_nothing_saw_leave_has_left_once_they_are_nowhere_for_long() {
    let mut bed = Bed::new();
    let lost = one_is_lost(&mut bed, PartyKind::Shopper);
    bed.wait(800.0);
    assert_eq!(bed.exits(), vec![]);
    // Somebody whom no track shows takes something: whoever is missing, as far as is known.
    bed.people.retain(|p| p.0 != 2);
    bed.step(0, &[(2, -500.0)]);
    bed.wait(8.0);
    assert!(matches!(best(bed.last()).0, Who::Session(_)));
    bed.walk(6, before(0.7));
    bed.wait(150.0);
    let exits = bed.exits();
    assert_eq!(exits.len(), 1);
    assert_eq!(exits[0].session, SessionId(1));
    assert!((0.8..0.96).contains(&exits[0].probability));
    // They left when they were seen last, not when it was concluded …
    assert!((-1.0..12.0).contains(&exits[0].t.since(at(lost)).as_secs_f64()));
    // … and took nothing afterwards, not even by a first answer.
    assert_ne!(best(bed.last()).0, party(1), "{:?}", bed.last());
    bed.walk(6, Point2::new(-3.0, -1.5));
    bed.wait(3.0);
    bed.step(0, &[(4, -120.0)]);
    bed.wait(2.0);
    assert_eq!(best(bed.last()), (Who::Unknown, Some(2), 1));
}

#[test]
fn staff_are_not_gone_because_no_camera_sees_them() {
    let mut bed = Bed::new();
    one_is_lost(&mut bed, PartyKind::Staff);
    bed.wait(2_000.0);
    assert_eq!(bed.exits(), vec![]);
    bed.walk(5, before(0.0));
    bed.wait(4.0);
    bed.act(5, 0, 0, 500.0);
    assert_eq!(best(bed.last()).0, party(1), "{:?}", bed.last());
}

#[test]
fn who_left_unseen_in_the_evening_left_in_the_evening() {
    let mut bed = Bed::new();
    bed.enter(1, 1, PartyKind::Shopper, before(0.0));
    bed.forget(1);
    let lost = bed.now;
    bed.wait(5_000.0);
    assert_eq!(bed.exits(), vec![]);
    bed.enter(2, 2, PartyKind::Shopper, before(0.7));
    bed.wait(950.0);
    let exits = bed.exits();
    assert_eq!(exits.len(), 1);
    assert!((-1.0..12.0).contains(&exits[0].t.since(at(lost)).as_secs_f64()));
}
