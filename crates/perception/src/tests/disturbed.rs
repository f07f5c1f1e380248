//! What comes and goes on plates that bear what they bore before.

use super::trace::{Trace, press, smooth};

/// Somebody puts 400 g on plate 3 and somebody else takes them again, `later` seconds after.
fn put_and_taken(later: f64) -> impl Fn(usize, f64) -> f64 {
    move |p, t| {
        let goods = smooth(t, 8.0, 0.4) - smooth(t, 8.0 + later, 0.4);
        let hands = press(t, 8.3, 0.7) + press(t, 8.0 + later - 0.9, 0.9);
        let here = 400.0 * goods + 90.0 * hands;
        800.0 + if p == 3 { here } else { 0.0 }
    }
}

#[test]
fn what_is_put_down_and_taken_by_another_is_told_once_with_its_course() {
    let outcome = Trace::new(20.0, put_and_taken(1.5)).run();
    let told = outcome.disturbed();
    assert_eq!(told.len(), 1, "{told:?}");
    let plates: Vec<u32> = told[0].plates.iter().map(|p| p.0.0).collect();
    assert_eq!(plates, [3]);
    let lasts = told[0].t_end.since(told[0].t_start).as_secs_f64();
    assert!((1.7..2.6).contains(&lasts), "{lasts}");
    // In its midst stands what was put down, pressed or not.
    let middle = told[0].course[told[0].course.len() / 2].1;
    assert!((390.0..520.0).contains(&middle), "{middle}");
}

#[test]
fn an_item_put_down_beside_the_one_that_is_taken_is_told_as_well() {
    // One stands on plates 2 and 3, the other one, which goes, on 3 and 4.
    let outcome = Trace::new(20.0, |p, t| {
        let (put, taken) = (smooth(t, 8.0, 0.4), smooth(t, 9.5, 0.4));
        let of = |shares: [f64; 3]| p.checked_sub(2).and_then(|i| shares.get(i)).copied();
        let put = 80.0 * put * of([0.5, 0.5, 0.0]).unwrap_or(0.0);
        let taken = 80.0 * taken * of([0.0, 0.6, 0.4]).unwrap_or(0.0);
        let hand = 120.0 * press(t, 8.3, 0.9) * of([0.3, 0.5, 0.2]).unwrap_or(0.0);
        700.0 + put - taken + hand
    })
    .run();
    let told = outcome.disturbed();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].plates.len() >= 2, "{told:?}");
}

#[test]
fn a_press_before_a_take_and_a_short_one_are_none() {
    let take = Trace::new(20.0, |p, t| {
        let here = 300.0 * press(t, 7.0, 1.0) - 250.0 * smooth(t, 8.05, 0.4);
        800.0 + if p == 3 { here } else { 0.0 }
    });
    assert!(take.run().disturbed().is_empty());
    let short = Trace::new(20.0, |p, t| {
        800.0
            + if p == 3 {
                300.0 * press(t, 7.0, 0.5)
            } else {
                0.0
            }
    });
    assert!(short.run().disturbed().is_empty());
}
