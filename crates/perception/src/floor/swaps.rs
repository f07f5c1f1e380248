//! What the tracker is not sure of: who of two went where, and whether two are one.

use super::FloorSettings;
use super::life::{Stage, Track};
use super::state::{add, distance2};
use walkout_model::{StoreTime, TrackId};

/// Two tracks that may have exchanged people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swap {
    /// In this frame.
    pub t: StoreTime,
    /// The one of the lower number.
    pub a: TrackId,
    /// The other.
    pub b: TrackId,
    /// How probable, by where both were bound for and how tall they are; up to ½.
    pub probability: f32,
}

impl Swap {
    /// A swap whose log-odds are −`against`, if it is worth telling. What was assigned is the better, so that
    /// the other is at most as probable.
    pub(super) fn told(t: StoreTime, a: TrackId, b: TrackId, against: f64) -> Option<Self> {
        let odds = (-against).exp();
        let p = (odds / (1.0 + odds)).min(0.5);
        (p >= TOLD && a != b).then(|| Self {
            t,
            a: a.min(b),
            b: a.max(b),
            probability: p as f32,
        })
    }
}

/// Swaps less probable than this are not told.
const TOLD: f64 = 1e-3;

/// Pairs that may have exchanged people in this frame. With each of two as foreseen and as found, a swap is the
/// hypothesis that each was found where the other is; its log-odds are half the difference of the squared
/// distances.
/// `again`: what was found when people were found again.
pub(super) fn swaps(
    tracks: &[Track],
    t: StoreTime,
    s: &FloorSettings,
    again: Vec<Swap>,
) -> Vec<Swap> {
    let seen: Vec<&Track> = tracks
        .iter()
        .filter(|t| t.is_told(s) && t.unseen == 0 && t.hits > 1)
        .collect();
    let mut out = again;
    for (i, a) in seen.iter().enumerate() {
        for b in seen.iter().skip(i + 1) {
            let near = a.state.position().distance(b.state.position());
            if near > s.swap_m {
                continue;
            }
            let kept = miss(a, a, s) + miss(b, b, s);
            let swapped = miss(a, b, s) + miss(b, a, s);
            out.extend(Swap::told(t, a.id, b.id, 0.5 * (swapped - kept)));
        }
    }
    out.sort_by(|p, q| {
        (p.a, p.b)
            .cmp(&(q.a, q.b))
            .then(q.probability.total_cmp(&p.probability))
    });
    out.dedup_by_key(|s| (s.a, s.b));
    out
}

/// Squared distance between where one was foreseen and where the other (or itself) was found.
fn miss(foreseen: &Track, found: &Track, s: &FloorSettings) -> f64 {
    let (p, q) = (&foreseen.prior, &found.state);
    let sway = s.sway_m * s.sway_m;
    let spread = add(add(p.cov(), q.cov()), [sway, 0.0, sway]);
    let d2 = distance2(q.x[0] - p.x[0], q.x[1] - p.x[1], spread);
    let tall = q.x[4] - p.x[4];
    d2 + tall * tall / (p.p[4][4] + q.p[4][4] + 0.05 * 0.05)
}

/// Tracks that are doubles of another: reported, in the same place for long, and never seen apart by one
/// camera. Says which to drop.
pub(super) fn doubles(tracks: &mut [Track], t: StoreTime, s: &FloorSettings) -> Vec<TrackId> {
    let mut drop = Vec::new();
    for i in 0..tracks.len() {
        let mut beside = None;
        for j in 0..tracks.len() {
            let (a, b) = (&tracks[i], &tracks[j]);
            // The one to drop is the one seen by fewer, else the younger.
            let weaker = (
                a.mean_views(),
                std::cmp::Reverse(a.born),
                std::cmp::Reverse(a.id),
            );
            let other = (
                b.mean_views(),
                std::cmp::Reverse(b.born),
                std::cmp::Reverse(b.id),
            );
            if i == j
                || a.stage == Stage::Lost
                || b.stage == Stage::Lost
                || weaker >= other
                || drop.contains(&b.id)
            {
                continue;
            }
            let near = a.state.position().distance(b.state.position()) < s.double_m;
            let apart = a
                .seen_by
                .iter()
                .any(|(f, _)| b.seen_by.iter().any(|(g, _)| f == g));
            if near && !apart {
                beside = Some(b.id);
                break;
            }
        }
        let track = &mut tracks[i];
        track.beside_since = match (beside, track.beside_since) {
            (Some(id), Some((was, since))) if was == id => Some((id, since)),
            (Some(id), _) => Some((id, t)),
            (None, _) => None,
        };
        if let Some((_, since)) = track.beside_since
            && t.since(since).as_secs_f64() >= s.double_s
        {
            drop.push(track.id);
        }
    }
    drop
}
