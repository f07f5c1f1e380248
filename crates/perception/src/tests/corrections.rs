//! What steps weigh and how sure that is, and steps that are told anew.

use super::trace::{Noise, START, Trace, press, ramp, ring, smooth};
use walkout_model::WeightStep;

/// Cells of 3 g a sample, and files that say so.
fn make_noisy(trace: &mut Trace<'_>) {
    trace.noise_g = 3.0;
    for plate in &mut trace.shop.layout.plates {
        plate.noise_g = 3.0;
    }
}

fn assert_weighs(step: &WeightStep, grams: f32) {
    let off = (step.delta_g - grams).abs();
    assert!(off <= 3.0 * step.sigma_g, "{grams} g: {step:?}");
}

#[test]
fn a_board_that_sways_under_somebody_adds_nothing_to_a_step() {
    // All plates rise by up to 6 g within seconds, each a little differently.
    let sway = |p: usize, t: f64| {
        let part = 1.0 + 0.2 * ((p * 7 % 5) as f64 / 2.0 - 1.0);
        6.0 * part * smooth(t, 6.0, 4.0)
    };
    let outcome = Trace::new(20.0, |p, t| {
        let taken = match p {
            3 => -100.0 * smooth(t, 8.0, 0.5),
            _ => 0.0,
        };
        700.0 + sway(p, t) + taken
    })
    .run();
    let steps = outcome.steps();
    assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
    assert_weighs(steps[0], -100.0);
    assert!(steps[0].sigma_g < 3.0, "{:?}", steps[0]);
}

#[test]
fn a_plate_that_rings_is_weighed_about_its_level() {
    for at in [8.0, 8.013, 8.027] {
        let outcome = Trace::new(20.0, move |p, t| {
            700.0
                + match p {
                    3 => -300.0 * ramp(t, at) + 60.0 * ring(t, at + 0.1),
                    _ => 0.0,
                }
        })
        .run();
        let steps = outcome.steps();
        assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
        assert_weighs(steps[0], -300.0);
        assert!((steps[0].delta_g + 300.0).abs() < 3.0, "{:?}", steps[0]);
    }
}

#[test]
fn a_light_thing_drawn_off_slowly_on_a_noisy_plate_is_one_step_with_all_its_mass() {
    for start in [8.0, 8.011, 8.023, 8.037, 8.049] {
        let mut trace = Trace::new(20.0, move |p, t| {
            let pressed = 60.0 * press(t, start - 0.8, 0.8);
            900.0
                + if p == 5 {
                    pressed - 32.0 * smooth(t, start, 1.15)
                } else {
                    0.0
                }
        });
        make_noisy(&mut trace);
        let outcome = trace.run();
        let steps = outcome.steps();
        assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
        assert_weighs(steps[0], -32.0);
        assert!((steps[0].delta_g + 32.0).abs() < 5.0, "{:?}", steps[0]);
    }
}

#[test]
fn a_share_too_slight_to_be_noticed_is_weighed_too() {
    let mut trace = Trace::new(20.0, |p, t| {
        900.0
            - match p {
                4 => 26.0,
                5 => 8.0,
                _ => 0.0,
            } * smooth(t, 8.0, 1.1)
    });
    make_noisy(&mut trace);
    let outcome = trace.run();
    let steps = outcome.steps();
    assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
    assert_weighs(steps[0], -34.0);
    assert!((steps[0].delta_g + 34.0).abs() < 5.0, "{:?}", steps[0]);
}

#[test]
fn what_falls_without_a_press_soon_after_it_rose_was_a_hand() {
    let lean = |t: f64| smooth(t, 8.0, 0.3) - smooth(t, 11.5, 0.3);
    // A hand alone, and one that holds a thing of 80 g when it comes and leaves it there.
    for (left_g, told) in [(0.0, 0), (80.0, 1)] {
        let outcome = Trace::new(20.0, move |p, t| match p {
            2 => (250.0 + left_g) * lean(t) + left_g * smooth(t, 11.5, 0.3),
            3 => 90.0 * lean(t),
            _ => 0.0,
        })
        .run();
        let steps = outcome.steps();
        assert_eq!(steps.len(), told, "{:?}", outcome.brief());
        assert!(
            outcome.told().len() > told,
            "it was told before it was known better"
        );
        if let Some(step) = steps.first() {
            assert_weighs(step, 80.0);
        }
    }
}

#[test]
fn two_things_put_on_and_one_taken_are_three_steps() {
    let outcome = Trace::new(30.0, |p, t| match p {
        2 => {
            150.0 * smooth(t, 8.0, 0.4) + 120.0 * smooth(t, 11.0, 0.4)
                - 120.0 * smooth(t, 14.0, 0.4)
                + 150.0 * press(t, 13.0, 0.9)
        }
        _ => 0.0,
    })
    .run();
    let grams: Vec<i32> = outcome.brief().iter().map(|b| b.1).collect();
    assert_eq!(grams.len(), 3, "{grams:?}");
    for (told, is) in grams.iter().zip([150, 120, -120]) {
        assert!((told - is).abs() <= 3, "{grams:?}");
    }
}

#[test]
fn a_hand_that_let_go_is_not_waited_for() {
    // 145 g set down, pressed on for half a second, let go.
    let outcome = Trace::new(20.0, |p, t| match p {
        4 => 145.0 * smooth(t, 8.0, 0.4) + 120.0 * press(t, 8.4, 0.5),
        _ => 0.0,
    })
    .run();
    let steps = outcome.steps();
    assert_eq!(steps.len(), 1, "{:?}", outcome.brief());
    let delay = steps[0].known_at.since(START).as_secs_f64() - 8.9;
    assert!(delay < 0.7, "{delay} s after the hand had gone");
}

#[test]
fn sigmas_are_honest() {
    let mut draw = Noise(11);
    let (mut squares, mut n) = (0.0, 0.0);
    for _ in 0..60 {
        let grams = 20.0 + 500.0 * draw.unit();
        let (at, seconds) = (8.0 + draw.unit(), 0.2 + draw.unit());
        let (knock, split) = (30.0 * draw.unit(), draw.unit());
        let outcome = Trace::new(16.0, move |p, t| {
            let pressed = 150.0 * press(t, at - 1.0, 0.9);
            let moved = pressed - grams * smooth(t, at, seconds);
            let rung = knock * ring(t, at + seconds);
            800.0
                + match p {
                    3 => split * moved + rung,
                    4 => (1.0 - split) * moved,
                    _ => 0.0,
                }
        })
        .run();
        let steps = outcome.steps();
        assert_eq!(steps.len(), 1, "{grams} g: {:?}", outcome.brief());
        // These cells do not creep; 0.2 % more is taken for granted.
        let creep = 0.002 * grams;
        let off = (f64::from(steps[0].delta_g) + grams).abs() - creep;
        squares += (off.max(0.0) / f64::from(steps[0].sigma_g)).powi(2);
        n += 1.0;
    }
    let z = (squares / n).sqrt();
    assert!((0.4..1.15).contains(&z), "z rms {z}");
}
