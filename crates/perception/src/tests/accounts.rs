//! Whatever happens in between, what stands in the end is what moved.

use super::trace::{Noise, Trace, press, smooth};

#[test]
fn what_follows_at_once_does_not_change_what_was_told() {
    let mut draw = Noise(9);
    for _ in 0..40 {
        // One sets goods down while another takes of them, two seconds or so apart.
        let gaps = [0; 2].map(|_| 1.7 + 0.8 * draw.unit());
        let (first, second) = (8.0 + gaps[0], 8.0 + gaps[0] + gaps[1]);
        let outcome = Trace::new(22.0, move |p, t| match p {
            4 => {
                400.0 + 220.0 * smooth(t, 8.0, 0.3) + 130.0 * press(t, first - 0.2, 0.8)
                    - 210.0 * smooth(t, first + 0.3, 0.5)
                    + 225.0 * smooth(t, second + 0.3, 0.3)
            }
            _ => 500.0,
        })
        .run();
        let brief = outcome.brief();
        let sum: i32 = brief.iter().map(|b| b.1).sum();
        assert!((sum - 235).abs() <= 4, "{gaps:?}: {brief:?}");
        let told = |grams: i32| brief.iter().any(|b| (b.1 - grams).abs() <= 5);
        assert!(told(-210) && told(225), "{gaps:?}: {brief:?}");
    }
}

#[test]
fn a_board_that_sways_under_a_hand_owes_nothing() {
    // Somebody leans on one plate; all of them go down with the board for as long, and drift on by some grams.
    let outcome = Trace::new(30.0, |p, t| {
        let part = 1.0 + 0.2 * ((p * 7 % 5) as f64 / 2.0 - 1.0);
        let sway = 8.0 * part * smooth(t, 8.0, 3.0);
        let hand = match p {
            2 => 150.0 * press(t, 9.0, 0.9),
            _ => 0.0,
        };
        1_500.0 + sway + hand
    })
    .run();
    assert!(outcome.steps().is_empty(), "{:?}", outcome.brief());
}
