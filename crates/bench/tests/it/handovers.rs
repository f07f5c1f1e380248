//! The network of hand-overs, and the lessons that it learns from.

use walkout_bench::handovers::measure;
use walkout_simulator::Preset;

/// Numbers of the two windows of a record, and of a thing.
const WINDOWS: usize = 2 * 24 * 72;
const THING: usize = 2 + 12;

#[test]
fn hand_overs_are_told_and_lessons_are_whole() {
    let mut file = Vec::new();
    // A seed that nothing was trained on.
    let told = measure(Preset::Adversarial, 71..72, 25, Some(&mut file)).unwrap();
    let (mut at, mut meetings, mut passed) = (0, 0, 0);
    while at < file.len() {
        let (things, right) = (usize::from(file[at]), usize::from(file[at + 1]));
        assert!(right <= things);
        passed += usize::from(right < things);
        meetings += 1;
        let end = at + 2 + 4 * (WINDOWS + THING * things);
        let (numbers, _) = file[at + 2..end].as_chunks::<4>();
        assert!(numbers.iter().all(|n| f32::from_le_bytes(*n).is_finite()));
        at = end;
    }
    assert_eq!(meetings, told.meetings);
    assert_eq!(passed + told.unseen, told.hand_overs);
    assert!(told.hand_overs >= 3 && meetings >= 100, "{told:?}");
    // Whoever says that nothing is ever handed over misses all; who says so of every meeting invents hundreds.
    assert!(told.missed <= told.hand_overs / 2, "{told:?}");
    assert!(told.invented <= meetings / 50, "{told:?}");
}

#[test]
fn where_nothing_is_handed_over_hardly_anything_is_said_to_be() {
    let told = measure(Preset::Busy, 71..73, 30, None).unwrap();
    assert_eq!(told.hand_overs, 0);
    assert!(told.meetings >= 50, "{told:?}");
    assert!(
        told.invented + told.doubts <= told.meetings / 20,
        "{told:?}"
    );
}
