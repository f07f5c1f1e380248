//! The network of hands, and the lessons that it learns from.

use walkout_bench::makers::measure;
use walkout_simulator::Preset;

/// Numbers of one track in a record.
const NUMBERS: usize = 1 + 6 + 22 * 44;

#[test]
fn makers_are_told_and_lessons_are_whole() {
    let mut file = Vec::new();
    // A seed that nothing was trained on.
    let told = measure(Preset::Busy, 71..72, 12, Some(&mut file)).unwrap();
    let (mut at, mut falls, mut rises, mut shared, mut of_nobody) = (0, 0, 0, 0, 0);
    while at < file.len() {
        let (rise, tracks, right) = (
            file[at],
            usize::from(file[at + 1]),
            usize::from(file[at + 2]),
        );
        // One maker, or two, who are of no rise.
        let second = file[at + 3];
        assert!(right <= tracks && (second == 255 || usize::from(second) <= tracks && rise == 0));
        shared += usize::from(second != 255);
        of_nobody += usize::from(right == tracks);
        *(if rise == 1 { &mut rises } else { &mut falls }) += 1;
        let numbers = &file[at + 4..at + 4 + 4 * NUMBERS * tracks];
        let (numbers, _) = numbers.as_chunks::<4>();
        assert!(numbers.iter().all(|n| f32::from_le_bytes(*n).is_finite()));
        at += 4 + 4 * NUMBERS * tracks;
    }
    assert_eq!(falls, told.falls.steps + told.shared.steps);
    assert_eq!((rises, shared), (told.rises.steps, told.shared.steps));
    assert!(falls >= 50, "{falls}");
    assert!(of_nobody <= falls / 20, "{of_nobody} of nobody");
    // Seen: none missed, one doubt. Whoever goes by nearness alone misses one in thirty.
    assert!(told.falls.missed <= falls / 50, "{told:?}");
    assert!(told.falls.doubts <= falls / 12, "{told:?}");
}
