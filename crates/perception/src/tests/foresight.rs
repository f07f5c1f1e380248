//! Steps that are told before they can be read.

use super::trace::{START, Trace, press, ring};
use walkout_model::WeightStep;

/// From 0 to 1 between `from` and `from + seconds`, slow at both ends.
fn ease(t: f64, from: f64, seconds: f64) -> f64 {
    let u = ((t - from) / seconds).clamp(0.0, 1.0);
    u * u * (3.0 - 2.0 * u)
}

fn known(step: &WeightStep) -> f64 {
    step.known_at.since(START).as_secs_f64()
}

#[test]
fn a_take_on_a_ringing_board_is_told_within_half_a_second_and_read_well_in_the_end() {
    let outcome = Trace::new(14.0, |p, t| {
        900.0
            + if p == 3 {
                -260.0 * ease(t, 7.6, 0.4) + 180.0 * press(t, 6.6, 1.0) + 45.0 * ring(t, 8.0)
            } else {
                0.0
            }
    })
    .run();
    let told: Vec<&WeightStep> = outcome
        .told()
        .into_iter()
        .filter(|s| s.delta_g < 0.0)
        .collect();
    assert!(known(told[0]) < 8.5, "{:?}", told[0]);
    assert!((told[0].delta_g + 260.0).abs() < 4.0 * told[0].sigma_g);
    let steps = outcome.steps();
    assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
    assert!((steps[0].delta_g + 260.0).abs() < 4.0, "{:?}", steps[0]);
    assert_ne!(steps[0].serial, told[0].serial, "it was read again");
}

#[test]
fn goods_set_down_are_told_while_the_hand_still_presses() {
    // Set down by 8.0 s; the hand presses on until 8.8 s.
    let outcome = Trace::new(14.0, |p, t| {
        900.0
            + if p == 3 {
                240.0 * ease(t, 7.4, 0.6) + 90.0 * press(t, 8.0, 0.8)
            } else {
                0.0
            }
    })
    .run();
    let told = outcome.told();
    assert!(known(told[0]) < 8.7, "{:?}", told[0]);
    assert!(
        told[0].delta_g > 0.0 && told[0].sigma_g > 20.0,
        "{:?}",
        told[0]
    );
    let steps = outcome.steps();
    assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
    assert!((steps[0].delta_g - 240.0).abs() < 4.0, "{:?}", steps[0]);
}

#[test]
fn a_press_before_a_take_is_told_as_a_hand_at_most() {
    for seconds in [0.6, 1.0, 1.4] {
        let outcome = Trace::new(14.0, |p, t| {
            900.0
                + if p == 3 {
                    -200.0 * ease(t, 7.0 + seconds, 0.4) + 300.0 * press(t, 7.0, seconds)
                } else {
                    0.0
                }
        })
        .run();
        assert!(
            outcome
                .told()
                .iter()
                .all(|s| s.delta_g <= 0.0 || s.sigma_g >= 0.45 * s.delta_g),
            "{seconds} s: {:?}",
            outcome.told()
        );
        assert_eq!(outcome.steps().len(), 1, "{:?}", outcome.brief());
    }
}

/// What is held half lifted for a quarter of a minute, and never still, is told early, taken back, and told again when it has left.
#[test]
fn what_was_taken_back_is_not_told_early_again() {
    let held = |t: f64| {
        let wavers = 50.0 * (7.0 * t).sin() + 35.0 * (4.1 * t).sin();
        if (8.4..24.0).contains(&t) {
            wavers
        } else {
            0.0
        }
    };
    let outcome = Trace::new(40.0, |p, t| {
        900.0
            + if p == 3 {
                -360.0 * ease(t, 8.2, 0.4) - 300.0 * ease(t, 24.0, 0.4) + held(t)
                    - 140.0 * ease(t, 31.6, 0.4)
                    + 100.0 * press(t, 30.6, 1.0)
                    + 40.0 * ring(t, 32.0)
            } else {
                0.0
            }
    })
    .run();
    let early = |s: &&&WeightStep| s.replaces.is_none() && known(s) < 24.0;
    let told = outcome.told();
    assert_eq!(
        told.iter().filter(early).count(),
        1,
        "{:?}",
        outcome.brief()
    );
    let steps = outcome.steps();
    assert_eq!(steps.len(), 2, "{:?}", outcome.brief());
    assert!((steps[0].delta_g + 660.0).abs() < 6.0, "{:?}", steps[0]);
    assert!(known(steps[0]) > 24.0);
    // The next take from the same plate is told as early as any.
    let next = told.iter().find(|s| known(s) > 30.0 && s.delta_g < 0.0);
    assert!(
        next.is_some_and(|s| known(s) < 32.5),
        "{:?}",
        outcome.brief()
    );
}

#[test]
fn what_was_told_of_a_hand_that_pressed_ever_harder_is_taken_back() {
    let outcome = Trace::new(14.0, |p, t| {
        900.0
            + if p == 3 {
                150.0 * (ease(t, 7.0, 1.2) - ease(t, 8.2, 0.3))
            } else {
                0.0
            }
    })
    .run();
    assert!(!outcome.told().is_empty());
    assert!(outcome.steps().is_empty(), "{:?}", outcome.brief());
}
