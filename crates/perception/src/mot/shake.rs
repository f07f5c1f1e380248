//! How the whole picture moved between two frames, told by the boxes alone.
//!
//! A camera that is carried, panned or knocked moves all boxes alike. Every pair of a track and a detection of
//! like height votes for the displacement between where the track was expected and the detection; the
//! displacement on which most tracks agree, if it beats standing still, is the camera's. Trackers that see
//! the picture estimate this from pixels (BoT-SORT's camera-motion compensation); the boxes give it for free.

use super::boxes::Bounds;

/// Votes looked at, at most.
const VOTES_MAX: usize = 3_000;
/// Heights that differ by more than this factor are of two people.
const LIKE: f64 = 1.25;
/// Displacements beyond this share of the height are not looked for.
const REACH: f64 = 1.0;
/// Displacements tried, about.
const CANDIDATES_MAX: usize = 100;
/// A camera on whose standing still such a share of the tracks agrees stands still.
const STILL: f64 = 0.6;
/// Displacements agree within this share of the height.
const AGREE: f64 = 0.10;

struct Vote {
    track: usize,
    dx: f64,
    dy: f64,
    tolerance: f64,
}

/// The displacement, pixels, to add to what was expected; (0, 0) if nothing speaks for one.
pub(super) fn displacement(expected: &[Bounds], seen: &[Bounds]) -> (f64, f64) {
    let tracks = expected.len();
    if tracks < 3 {
        return (0.0, 0.0);
    }
    // Mostly the camera stands still, and then nothing need be searched.
    let near = votes(expected, seen, AGREE);
    let still = support(&near, tracks, 0.0, 0.0);
    let (mut dx, mut dy) = (0.0, 0.0);
    let mut all = near;
    if still < STILL * tracks as f64 {
        all = votes(expected, seen, REACH);
        // Every vote as a candidate when they are few, a spread of them when they are many.
        let stride = (all.len() / CANDIDATES_MAX).max(1);
        let mut best = still + 1.0 + 0.1 * tracks as f64;
        for v in all.iter().step_by(stride) {
            let score = support(&all, tracks, v.dx, v.dy);
            if score > best {
                (best, dx, dy) = (score, v.dx, v.dy);
            }
        }
    }
    all.retain(|v| (v.dx - dx).hypot(v.dy - dy) < v.tolerance);
    if all.len() < 3 || all.len() * 3 < tracks {
        return (0.0, 0.0);
    }
    let mut median = |f: fn(&Vote) -> f64| {
        let middle = all.len() / 2;
        let (_, v, _) = all.select_nth_unstable_by(middle, |a, b| f(a).total_cmp(&f(b)));
        f(v)
    };
    let (dx, dy) = (median(|v| v.dx), median(|v| v.dy));
    // Few votes may agree by chance: their word counts for less.
    let n = all.len() as f64;
    let weight = n / (n + 3.0);
    (weight * dx, weight * dy)
}

/// Displacements of all pairs of like height that lie within `reach` heights of each other.
fn votes(expected: &[Bounds], seen: &[Bounds], reach: f64) -> Vec<Vote> {
    let mut votes = Vec::with_capacity(2 * expected.len());
    for (track, a) in expected.iter().enumerate() {
        let (ax, ay) = a.centre();
        let reach = reach * a.height;
        for b in seen {
            let (bx, by) = b.centre();
            let (dx, dy) = (bx - ax, by - ay);
            if dx.abs() > reach || dy.abs() > reach {
                continue;
            }
            let like = a.height < LIKE * b.height && b.height < LIKE * a.height;
            if like && votes.len() < VOTES_MAX {
                votes.push(Vote {
                    track,
                    dx,
                    dy,
                    tolerance: AGREE * a.height,
                });
            }
        }
    }
    votes
}

/// How many tracks have a vote near a displacement, near ones counting more. Votes lie track by track.
fn support(votes: &[Vote], tracks: usize, dx: f64, dy: f64) -> f64 {
    let mut score = 0.0;
    let mut counted = tracks;
    for v in votes {
        if v.track == counted {
            continue;
        }
        let (ex, ey) = (v.dx - dx, v.dy - dy);
        let d2 = ex * ex + ey * ey;
        if d2 < v.tolerance * v.tolerance {
            counted = v.track;
            score += 1.0 - 0.5 * d2.sqrt() / v.tolerance;
        }
    }
    score
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(dx: f64, dy: f64) -> Vec<Bounds> {
        (0..8)
            .map(|i| Bounds {
                left: f64::from(i * i) * 21.0 + dx,
                top: f64::from(i % 3) * 40.0 + dy,
                width: 40.0 + f64::from(i),
                height: 100.0 + 3.0 * f64::from(i),
            })
            .collect()
    }

    #[test]
    fn a_shaken_picture_is_set_right() {
        let (dx, dy) = displacement(&people(0.0, 0.0), &people(37.0, -22.0)[1..]);
        // Eight tracks, seven of them seen: most of the way, not all of it.
        assert!(
            (25.0..=37.0).contains(&dx) && (-22.0..=-14.0).contains(&dy),
            "{dx} {dy}"
        );
    }

    #[test]
    fn a_still_picture_stays() {
        assert_eq!(
            displacement(&people(0.0, 0.0), &people(0.0, 0.0)),
            (0.0, 0.0)
        );
        assert_eq!(
            displacement(&people(0.0, 0.0)[..2], &people(9.0, 0.0)),
            (0.0, 0.0)
        );
        assert_eq!(displacement(&[], &[]), (0.0, 0.0));
    }
}
