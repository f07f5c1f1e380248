use super::*;
use proptest::prelude::*;

fn at(left: f64, top: f64) -> Bounds {
    Bounds {
        left,
        top,
        width: 40.0,
        height: 100.0,
    }
}

fn seen(left: f64, top: f64, score: f64) -> Detection {
    Detection {
        bounds: at(left, top),
        score,
    }
}

fn tracker() -> MotTracker {
    MotTracker::new(Settings::default())
}

#[test]
fn who_is_hidden_for_a_second_keeps_the_number() {
    let mut tracker = tracker();
    let mut last = Vec::new();
    for i in 0..60 {
        let x = 4.0 * f64::from(i);
        let hidden = (25..45).contains(&i);
        let frame = if hidden {
            vec![]
        } else {
            vec![seen(x, 50.0, 0.9)]
        };
        last = tracker.update(&frame);
        // A little longer they are reported where expected.
        assert!(!(29..45).contains(&i) || last.is_empty());
    }
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].id, 1);
    assert!((last[0].bounds.left - 236.0).abs() < 4.0);
}

#[test]
fn two_who_cross_keep_their_numbers() {
    let mut tracker = tracker();
    let mut first = Vec::new();
    let mut last = Vec::new();
    for i in 0..80 {
        let x = 5.0 * f64::from(i);
        // Midway the nearer hides the other.
        let mut frame = vec![seen(x, 50.0, 0.95)];
        if !(36..44).contains(&i) {
            frame.push(seen(400.0 - x, 44.0, 0.9));
        }
        last = tracker.update(&frame);
        if i == 10 {
            first = last.clone();
        }
    }
    let of = |all: &[Tracked], x: f64| {
        let near = |t: &&Tracked| (t.bounds.left - x).abs() < 30.0;
        all.iter().find(near).map(|t| t.id)
    };
    assert_eq!(of(&first, 50.0), of(&last, 395.0));
    assert_eq!(of(&first, 350.0), of(&last, 5.0));
}

#[test]
fn a_weak_box_continues_a_track_and_begins_none() {
    let mut tracker = tracker();
    for _ in 0..5 {
        tracker.update(&[seen(100.0, 50.0, 0.9)]);
    }
    let both = tracker.update(&[seen(101.0, 50.0, 0.2), seen(400.0, 50.0, 0.2)]);
    assert_eq!(both.len(), 1);
    assert_eq!(both[0].id, 1);
}

#[test]
fn a_flash_is_never_reported() {
    let mut tracker = tracker();
    tracker.update(&[]);
    tracker.update(&[]);
    tracker.update(&[]);
    assert!(tracker.update(&[seen(10.0, 10.0, 0.99)]).is_empty());
    assert!(tracker.update(&[]).is_empty());
    assert!(tracker.update(&[seen(10.0, 10.0, 0.99)]).is_empty());
}

#[test]
fn boxes_that_are_none_are_refused_and_counted() {
    let mut tracker = tracker();
    let mut bad = seen(0.0, 0.0, 0.9);
    bad.bounds.width = -1.0;
    assert!(
        tracker
            .update(&[bad, seen(f64::NAN, 0.0, 0.9), seen(0.0, 0.0, f64::NAN)])
            .is_empty()
    );
    assert_eq!(tracker.refused(), 3);
    let crowd: Vec<Detection> = (0..DETECTIONS_MAX + 5)
        .map(|i| seen(i as f64 * 50.0, 0.0, 0.9))
        .collect();
    tracker.update(&crowd);
    assert_eq!(tracker.refused(), 8);
    assert!(tracker.tracks.len() <= TRACKS_MAX);
}

proptest! {
    #[test]
    fn no_number_is_in_two_places_and_all_boxes_are_sound(
        frames in proptest::collection::vec(
            proptest::collection::vec(
                (-1e4..1e4f64, -1e4..1e4f64, -5.0..500.0f64, -5.0..500.0f64, -1.0..2.0f64), 0..12),
            1..30),
        fps in 0.0..100.0f64,
    ) {
        let mut tracker = MotTracker::new(Settings { fps, coast_s: 0.3, ..Settings::default() });
        for frame in frames {
            let frame: Vec<Detection> = frame
                .into_iter()
                .map(|(left, top, width, height, score)| Detection {
                    bounds: Bounds { left, top, width, height },
                    score,
                })
                .collect();
            let out = tracker.update(&frame);
            let mut ids: Vec<u64> = out.iter().map(|t| t.id).collect();
            ids.dedup();
            prop_assert_eq!(ids.len(), out.len());
            prop_assert!(out.iter().all(|t| t.bounds.is_sound()), "{:?}", out);
        }
    }
}
