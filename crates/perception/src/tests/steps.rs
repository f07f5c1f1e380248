//! Takes, put-backs, and what must not be taken for one.

use super::trace::{Noise, START, Trace, press, ramp, ring};
use crate::{Perception, PerceptionConfig, PerceptionEvent};
use proptest::prelude::*;
use walkout_model::{LoadSample, PlateIx, TimeDelta};

/// A take as the published trace shows one: pressed, lifted, rung.
fn take(t: f64, at: f64, grams: f64) -> f64 {
    -grams * ramp(t, at) + 200.0 * press(t, at - 0.9, 0.8) + 25.0 * ring(t, at + 0.1)
}

#[test]
fn a_shelf_at_rest_is_silent() {
    let outcome = Trace::new(120.0, |p, _| 500.0 + 30.0 * p as f64).run();
    assert_eq!(outcome.events, vec![]);
    assert_eq!(outcome.perception.counters().refused(), 0);
}

#[test]
fn a_take_is_one_step_with_its_mass_place_and_time() {
    let outcome = Trace::new(20.0, |p, t| {
        800.0
            + match p {
                2 => take(t, 8.0, 250.0),
                3 => take(t, 8.0, 76.0),
                _ => 0.0,
            }
    })
    .run();
    let steps = outcome.steps();
    assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
    let step = steps[0];
    assert!((step.delta_g + 326.0).abs() < 4.0, "{step:?}");
    assert!(
        (step.delta_g + 326.0).abs() < 4.0 * step.sigma_g.max(0.5),
        "{step:?}"
    );
    let changed = step.plates.iter().filter(|p| p.delta_g.abs() > 3.0);
    let plates: Vec<u32> = changed.map(|p| p.plate.0).collect();
    assert_eq!(plates, vec![2, 3]);
    let change = step.t_change.since(START).as_secs_f64();
    assert!((change - 8.0).abs() < 0.15, "{change}");
    // The physical end is the end of the fall; ringing goes on for a second.
    let delay = step.known_at.since(START).as_secs_f64() - 8.1;
    assert!(delay < 1.3, "{delay}");
    assert!(step.curve.len() <= 64 && step.curve.len() > 10);
}

#[test]
fn a_quiet_take_is_known_within_700_ms() {
    let outcome = Trace::new(
        20.0,
        |p, t| if p == 2 { -300.0 * ramp(t, 8.0) } else { 0.0 },
    )
    .run();
    let delay = outcome.steps()[0].known_at.since(START).as_secs_f64() - 8.1;
    assert!(delay <= 0.7, "{delay}");
}

#[test]
fn a_put_back_is_positive() {
    let outcome = Trace::new(20.0, |p, t| {
        600.0
            + if p == 5 {
                145.0 * ramp(t, 9.0) + 20.0 * ring(t, 9.1)
            } else {
                0.0
            }
    })
    .run();
    assert_eq!(outcome.brief().len(), 1, "{:?}", outcome.brief());
    assert!((outcome.steps()[0].delta_g - 145.0).abs() < 3.0);
}

#[test]
fn the_lightest_goods_are_seen_on_two_plates() {
    let outcome = Trace::new(20.0, |p, t| {
        400.0
            - if p == 0 {
                10.0
            } else if p == 1 {
                5.0
            } else {
                0.0
            } * ramp(t, 9.0)
    })
    .run();
    let steps = outcome.steps();
    assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
    assert!((steps[0].delta_g + 15.0).abs() < 2.0, "{:?}", steps[0]);
}

#[test]
fn a_press_without_a_lift_is_a_touch() {
    let outcome = Trace::new(20.0, |p, t| {
        700.0
            + if p == 4 {
                400.0 * press(t, 8.0, 1.2)
            } else {
                0.0
            }
    })
    .run();
    assert_eq!(outcome.brief(), vec![]);
    let touches = outcome.touches();
    assert_eq!(touches.len(), 1);
    assert!((touches[0].peak_g - 400.0).abs() < 20.0, "{touches:?}");
}

#[test]
fn a_bump_of_the_rack_is_no_step() {
    let mut noise = Noise(7);
    let shake: Vec<f64> = (0..60 * 20).map(|_| noise.normal()).collect();
    let outcome = Trace::new(20.0, |p, t| {
        let k = (t * 60.0) as usize;
        let common = if (8.0..9.5).contains(&t) {
            10.0 * shake[k]
        } else {
            0.0
        };
        let own = if (8.0..9.5).contains(&t) {
            8.0 * (std::f64::consts::TAU * (4.0 + 0.2 * p as f64) * t).sin()
        } else {
            0.0
        };
        900.0 + common + own
    })
    .run();
    assert_eq!(outcome.brief(), vec![]);
}

#[test]
fn somebody_walking_by_is_no_step() {
    let outcome = Trace::new(60.0, |p, t| {
        let near = (-((t % 10.0) - 5.0).powi(2) / 2.0).exp();
        900.0 + 4.0 * near * (std::f64::consts::TAU * (5.0 + 0.1 * p as f64) * t).sin()
    })
    .run();
    assert_eq!(outcome.brief(), vec![]);
}

#[test]
fn drift_and_creep_are_followed() {
    let outcome = Trace::new(300.0, |p, t| {
        let drift = 6.0 * (t / 100.0 + p as f64).sin();
        let creep = if t > 20.0 {
            -4.0 * (1.0 - (-(t - 20.0) / 30.0).exp())
        } else {
            0.0
        };
        let taken = if p == 3 { 600.0 * ramp(t, 20.0) } else { 0.0 };
        2_000.0 + drift - taken + if p == 3 { creep } else { 0.0 }
    })
    .run();
    assert_eq!(outcome.brief().len(), 1, "{:?}", outcome.brief());
    assert!((outcome.steps()[0].delta_g + 600.0).abs() < 5.0);
}

#[test]
fn light_goods_taken_off_two_hard_pressed_plates_are_told_at_once() {
    // What each plate lost is less than the other's press leaked to it while it lasted.
    let outcome = Trace::new(30.0, |p, t| {
        600.0
            + match p {
                2 => -14.0 * ramp(t, 8.0) + 420.0 * press(t, 6.9, 1.0),
                3 => -18.0 * ramp(t, 8.0) + 400.0 * press(t, 6.9, 1.0),
                _ => 0.0,
            }
    })
    .run();
    let steps = outcome.steps();
    assert!(!steps.is_empty(), "{:?}", outcome.brief());
    let known = steps[0].known_at.since(START).as_secs_f64();
    assert!(known < 10.0, "{known}");
    let last = steps[steps.len() - 1];
    assert!((last.delta_g + 32.0).abs() < 4.0, "{last:?}");
}

#[test]
fn two_takes_a_second_apart_are_two_steps() {
    let outcome = Trace::new(20.0, |p, t| {
        if p == 3 {
            -200.0 * ramp(t, 8.0) - 120.0 * ramp(t, 9.0)
        } else {
            0.0
        }
    })
    .run();
    let brief = outcome.brief();
    assert_eq!(brief.len(), 2, "{brief:?}");
    assert!(
        (brief[0].1 + 200).abs() <= 3 && (brief[1].1 + 120).abs() <= 3,
        "{brief:?}"
    );
}

#[test]
fn two_people_on_one_shelf_at_once_are_two_steps() {
    let outcome = Trace::new(20.0, |p, t| match p {
        1 => take(t, 8.0, 300.0),
        6 => take(t, 8.1, 150.0),
        _ => 0.0,
    })
    .run();
    let mut grams: Vec<i32> = outcome.brief().iter().map(|b| b.1).collect();
    grams.sort_unstable();
    assert_eq!(grams.len(), 2, "{grams:?}");
    assert!(
        (grams[0] + 300).abs() <= 4 && (grams[1] + 150).abs() <= 4,
        "{grams:?}"
    );
}

#[test]
fn neighbours_that_change_at_different_instants_are_told_apart() {
    let outcome = Trace::new(20.0, |p, t| match p {
        3 => take(t, 8.0, 300.0),
        4 => take(t, 8.8, 150.0),
        _ => 0.0,
    })
    .run();
    assert_eq!(outcome.brief().len(), 2, "{:?}", outcome.brief());
}

#[test]
fn an_item_moved_from_plate_to_plate_shows_both_plates() {
    let outcome = Trace::new(20.0, |p, t| match p {
        2 => -300.0 * ramp(t, 8.0),
        6 => 300.0 * ramp(t, 9.5),
        _ => 0.0,
    })
    .run();
    let brief = outcome.brief();
    assert_eq!(brief.len(), 2, "{brief:?}");
    assert!((brief[0].1 + 300).abs() <= 3 && (brief[1].1 - 300).abs() <= 3);
}

#[test]
fn lost_samples_change_nothing() {
    let mut trace = Trace::new(20.0, |p, t| if p == 2 { take(t, 8.0, 326.0) } else { 0.0 });
    trace.arrives = Box::new(|p, t| ((t * 60.0) as usize * 7 + p * 3) % 10 < 7);
    let outcome = trace.run();
    assert_eq!(outcome.brief().len(), 1, "{:?}", outcome.brief());
    assert!((outcome.steps()[0].delta_g + 326.0).abs() < 4.0);
}

#[test]
fn what_happened_while_a_plate_was_dead_shows_when_it_is_back() {
    let mut trace = Trace::new(
        60.0,
        |p, t| if p == 2 { -326.0 * ramp(t, 20.0) } else { 0.0 },
    );
    trace.arrives = Box::new(|p, t| p != 2 || !(10.0..40.0).contains(&t));
    let outcome = trace.run();
    let steps = outcome.steps();
    assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
    let step = steps[0];
    assert!((step.delta_g + 326.0).abs() < 4.0);
    // Nobody can say when in that time it happened.
    assert!(step.t_start.since(START).as_secs_f64() < 11.0);
    assert!(step.t_end.since(START).as_secs_f64() > 39.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is put, and pressed and taken, at least two seconds apart, the steps sum to the whole change.
    #[test]
    fn steps_sum_to_the_change(
        actions in prop::collection::vec((0_usize..8, -600_i32..600, 2.0_f64..5.0), 1..8)
    ) {
        let mut at = 6.0;
        let mut plan = Vec::new();
        for (plate, grams, pause) in actions {
            let grams = if grams.abs() < 20 { 20 } else { grams };
            plan.push((plate, f64::from(grams), at));
            at += pause;
        }
        let total: f64 = plan.iter().map(|a| a.1).sum();
        let count = plan.len();
        let outcome = Trace::new(at + 4.0, move |p, t| {
            let moved = |a: &(usize, f64, f64)| match a.1 < 0.0 {
                true => take(t, a.2, -a.1),
                false => a.1 * ramp(t, a.2),
            };
            5_000.0 + plan.iter().filter(|a| a.0 == p).map(moved).sum::<f64>()
        })
        .run();
        let seen: f64 = outcome.steps().iter().map(|s| f64::from(s.delta_g)).sum();
        prop_assert!((seen - total).abs() < 3.0 + count as f64, "{seen} of {total}");
        prop_assert_eq!(outcome.steps().len(), count);
    }

    /// Nothing that a broken device can send makes the detector panic.
    #[test]
    fn nothing_panics(
        samples in prop::collection::vec(
            (any::<i64>(), 0_u32..20, any::<f32>(), any::<bool>(), -3_000_000_i64..3_000_000), 0..400
        )
    ) {
        let shop = super::trace::rack(8);
        let mut perception = Perception::new(&shop, PerceptionConfig::default());
        let mut out: Vec<PerceptionEvent> = Vec::new();
        let mut now = START;
        for (t, plate, grams, wild, step) in samples {
            let t = if wild { walkout_model::StoreTime(t) } else { now + TimeDelta(step) };
            perception.push_loads(&[LoadSample { t, plate: PlateIx(plate), grams }], &mut out);
            now = if wild && step % 7 == 0 { t } else { now + TimeDelta(step.abs()) };
            perception.advance(now, &mut out);
        }
    }
}
