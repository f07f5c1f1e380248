//! Steps that come nearly at once: one pair of hands makes one of them at a time, so whoever made one at another place, or
//! took something else in the same half second from the same one, hardly made the other.

use walkout_model::{Point3, StoreTime, TimeDelta, TrackId};

/// Steps farther apart in time say nothing of one another.
pub(crate) const WINDOW: TimeDelta = TimeDelta::from_millis(2_000);
/// Within this distance one deed may be told in two steps, metres.
const SAME_PLACE_M: f64 = 0.45;
/// Up to this gap nobody has come from one place to the next, but for one case of so many: two hands at once,
/// or an instant told wrongly. From there to [`WINDOW`] it grows evenly to what it is at any time.
const AT_ONCE: TimeDelta = TimeDelta::from_millis(1_000);
const BOTH: f64 = 0.03;
/// The same at one place, of two steps that both took goods away: a hand that has taken something must come back for the
/// next.
const AGAIN: TimeDelta = TimeDelta::from_millis(500);
const COMES_BACK: TimeDelta = TimeDelta::from_millis(1_000);
const TAKES_TWICE: f64 = 0.1;

/// Who made a step, by track, as far as it tells itself.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub t: StoreTime,
    pub place: Point3,
    pub by: Vec<(TrackId, f64)>,
    /// How probably goods went.
    pub took: f64,
}

/// How probable it is, against knowing nothing, that each track was free to make a step there and then, given
/// the others; tracks not named were. `took` is how probably goods went in it.
pub(crate) fn free<'a>(
    t: StoreTime,
    place: Point3,
    took: f64,
    others: impl Iterator<Item = &'a Made>,
) -> Vec<(TrackId, f64)> {
    let mut all: Vec<(TrackId, f64)> = Vec::new();
    for other in others {
        let both = both(
            t.since(other.t),
            place.distance(other.place),
            took * other.took,
        );
        if both >= 1.0 {
            continue;
        }
        for &(track, p) in &other.by {
            let factor = 1.0 - (1.0 - both) * p.clamp(0.0, 1.0);
            match all.iter_mut().find(|(id, _)| *id == track) {
                Some((_, product)) => *product *= factor,
                None => all.push((track, factor)),
            }
        }
    }
    all
}

/// Shares by track with the factors of [`free`] taken out again, the rest being of nobody seen.
pub(crate) fn alone(made: Vec<(TrackId, f64)>, free: &[(TrackId, f64)]) -> Vec<(TrackId, f64)> {
    let rest = (1.0 - made.iter().map(|m| m.1).sum::<f64>()).max(0.0);
    let mut all = made;
    for (track, p) in &mut all {
        let factor = free.iter().find(|f| f.0 == *track).map_or(1.0, |f| f.1);
        *p /= factor.max(1e-6);
    }
    let total = rest + all.iter().map(|m| m.1).sum::<f64>();
    if total > 0.0 {
        for (_, p) in &mut all {
            *p /= total;
        }
    }
    all
}

/// How often one person makes two steps so far apart, against two people doing so; `took` is how probably goods went in
/// both.
fn both(gap: TimeDelta, distance_m: f64, took: f64) -> f64 {
    let gap = gap.as_secs_f64().abs();
    let grows = |least: f64, from: TimeDelta, to: TimeDelta| {
        let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
        (least + (1.0 - least) * (gap - from) / (to - from)).clamp(least, 1.0)
    };
    if distance_m < SAME_PLACE_M {
        return 1.0 - took * (1.0 - grows(TAKES_TWICE, AGAIN, COMES_BACK));
    }
    grows(BOTH, AT_ONCE, WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(ms: i64, x: f64, by: &[(u64, f64)]) -> Made {
        Made {
            t: StoreTime::default() + TimeDelta::from_millis(ms),
            place: Point3::new(x, 0.0, 1.0),
            by: by.iter().map(|(id, p)| (TrackId(*id), *p)).collect(),
            took: 0.0,
        }
    }

    fn free_for(of: &Made, other: &Made) -> Vec<(TrackId, f64)> {
        free(of.t, of.place, of.took, std::iter::once(other))
    }

    #[test]
    fn who_made_a_step_elsewhere_in_the_same_second_hardly_made_this_one() {
        let here = made(0, 0.0, &[(1, 0.5), (2, 0.5)]);
        let there = made(300, 1.0, &[(1, 0.98)]);
        let free = free_for(&here, &there);
        assert!(free[0].1 < 0.06, "{free:?}");
        assert_eq!(free.len(), 1);
    }

    #[test]
    fn a_deed_told_in_two_steps_or_long_after_tells_nothing() {
        let here = made(0, 0.0, &[]);
        assert!(free_for(&here, &made(300, 0.3, &[(1, 0.98)])).is_empty());
        assert!(free_for(&here, &made(2_100, 1.0, &[(1, 0.98)])).is_empty());
    }

    #[test]
    fn who_took_something_hardly_took_something_else_there_in_the_same_half_second() {
        let took = |made: Made| Made { took: 1.0, ..made };
        let here = took(made(0, 0.0, &[]));
        let there = made(400, 0.1, &[(1, 0.98)]);
        assert!(free_for(&here, &there).is_empty());
        let free = free_for(&here, &took(there));
        assert!(free[0].1 < 0.13, "{free:?}");
        assert!(free_for(&here, &took(made(1_100, 0.1, &[(1, 0.98)]))).is_empty());
    }

    #[test]
    fn what_other_steps_say_can_be_taken_out_again() {
        let own = [(TrackId(1), 0.6), (TrackId(2), 0.3)];
        let free = vec![(TrackId(1), 0.2)];
        let total = 0.6 * 0.2 + 0.3 + 0.1;
        let with = vec![(TrackId(1), 0.12 / total), (TrackId(2), 0.3 / total)];
        for (was, is) in own.iter().zip(alone(with, &free)) {
            assert!((was.1 - is.1).abs() < 1e-12, "{was:?} {is:?}");
        }
    }
}
