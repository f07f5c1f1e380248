//! The tracks of the last seconds, and who each may be.

use crate::identity::Identity;
use std::collections::{BTreeMap, VecDeque};
use walkout_model::{Point2, StoreTime, TimeDelta, TrackId, TrackPoint, Who};

/// How long points are remembered.
const REMEMBER: TimeDelta = TimeDelta::from_secs(20);
/// Points of one track at most.
const POINTS_MAX: usize = 1_200;
/// Tracks at most, live and ended; the oldest ended go first.
const TRACKS_MAX: usize = 1_024;
/// A track without a point for this long has ended or is hidden.
pub(crate) const HIDDEN_AFTER: TimeDelta = TimeDelta::from_millis(500);
/// Two tracks this near each other may swap identities, metres.
const NEAR_M: f64 = 0.9;
/// How long after an instant its track points have come.
const SEEN_BY: TimeDelta = TimeDelta::from_millis(350);
/// How far somebody is from where their pace would have them a tenth of a second later, along each
/// axis, tracker's error included, metres.
const PACE_SIGMA_M: f64 = 0.09;
/// How often tracks are looked through.
const CHECK: TimeDelta = TimeDelta::from_millis(100);

/// Density per square metre of a new track that is somebody whom no gate let in.
const STRANGER: f64 = 2e-4;
/// The same for somebody inside whose track was lost long ago.
const ANYWHERE: f64 = 4e-3;
/// The same for a double of a person who stands right there.
const DOUBLE: f64 = 0.02;

/// One track.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub points: VecDeque<TrackPoint>,
    pub identity: Identity,
    /// Whether a gate or an ended track has said who it may be.
    pub settled: bool,
    /// Share of it that tracks born later have taken over.
    pub inherited: f64,
    /// It went out through a gate.
    pub left: bool,
}

impl Track {
    pub(crate) fn last(&self) -> Option<&TrackPoint> {
        self.points.back()
    }

    /// The remembered point nearest in time.
    pub(crate) fn nearest(&self, t: StoreTime) -> Option<&TrackPoint> {
        let after = self.points.partition_point(|p| p.t < t);
        let a = self.points.get(after);
        let b = after.checked_sub(1).and_then(|i| self.points.get(i));
        match (a, b) {
            (Some(a), Some(b)) => Some(if a.t.since(t) < t.since(b.t) { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    /// The remembered points of an interval.
    pub(crate) fn between(
        &self,
        from: StoreTime,
        to: StoreTime,
    ) -> impl Iterator<Item = &TrackPoint> {
        let start = self.points.partition_point(|p| p.t < from);
        self.points
            .iter()
            .skip(start)
            .take_while(move |p| p.t <= to)
    }
}

/// A track within reach of a step.
#[derive(Clone, Debug)]
pub(crate) struct Reaching {
    pub id: TrackId,
    pub reach: f64,
    /// Who it was taken to be.
    pub identity: Identity,
}

/// All tracks.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrackStore {
    pub tracks: BTreeMap<TrackId, Track>,
    /// When each track first came, kept beyond the remembered points.
    first_seen: BTreeMap<TrackId, (StoreTime, Point2)>,
    next_check: Option<StoreTime>,
}

impl TrackStore {
    /// Takes a point, in any order. `false` if it is malformed or too old to matter.
    pub(crate) fn push(&mut self, point: TrackPoint) -> bool {
        let finite = point.position.x.is_finite()
            && point.position.y.is_finite()
            && point.sigma_m.is_finite()
            && point.position.x.abs() < 1e4
            && point.position.y.abs() < 1e4;
        if !finite {
            return false;
        }
        let id = point.track;
        self.first_seen
            .entry(id)
            .and_modify(|(t, p)| {
                if point.t < *t {
                    (*t, *p) = (point.t, point.position);
                }
            })
            .or_insert((point.t, point.position));
        let track = self.tracks.entry(id).or_insert_with(|| Track {
            points: VecDeque::new(),
            identity: Identity::unknown(),
            settled: false,
            inherited: 0.0,
            left: false,
        });
        let at = track.points.partition_point(|p| p.t <= point.t);
        if at > 0 && track.points.get(at - 1).is_some_and(|p| p.t == point.t) {
            return false;
        }
        track.points.insert(at, point);
        if track.points.len() > POINTS_MAX {
            track.points.pop_front();
        }
        true
    }

    /// When and where the track was first seen.
    pub(crate) fn birth(&self, id: TrackId) -> Option<(StoreTime, Point2)> {
        self.first_seen.get(&id).copied()
    }

    /// Forgets what is too old, and mixes the identities of tracks that meet.
    pub(crate) fn advance(&mut self, now: StoreTime, swap_per_s: f64) {
        if self
            .next_check
            .is_some_and(|t| now < t && t.since(now) < TimeDelta::from_secs(1))
        {
            return;
        }
        self.next_check = Some(now + CHECK);
        let horizon = StoreTime(now.0.saturating_sub(REMEMBER.0));
        for track in self.tracks.values_mut() {
            while track.points.len() > 1 && track.points.front().is_some_and(|p| p.t < horizon) {
                track.points.pop_front();
            }
        }
        let keep = StoreTime(now.0.saturating_sub(REMEMBER.0 * 3));
        self.tracks
            .retain(|_, t| t.last().is_some_and(|p| p.t >= keep));
        while self.tracks.len() > TRACKS_MAX {
            let oldest = self
                .tracks
                .iter()
                .min_by_key(|(id, t)| (t.last().map(|p| p.t), **id))
                .map(|(id, _)| *id);
            match oldest {
                Some(id) => self.tracks.remove(&id),
                None => break,
            };
        }
        let tracks = &self.tracks;
        self.first_seen.retain(|id, _| tracks.contains_key(id));
        self.meet(now, swap_per_s * CHECK.as_secs_f64());
    }

    /// Expected number of live tracks of a party.
    pub(crate) fn tracked(&self, who: Who, now: StoreTime) -> f64 {
        self.tracks
            .values()
            .filter(|t| !t.left)
            .filter(|t| {
                t.nearest(now)
                    .is_some_and(|p| now.since(p.t).0.saturating_abs() < HIDDEN_AFTER.0 * 2)
            })
            .map(|t| t.identity.of(who))
            .sum()
    }

    /// Two tracks near each other may have swapped people since the last check. A swap that nothing
    /// shows happens at a known rate; how the two went on says more: people keep their pace, and if
    /// each is where the other was bound for, the numbers have changed hands.
    fn meet(&mut self, now: StoreTime, swap: f64) {
        let at = StoreTime(now.0.saturating_sub(SEEN_BY.0));
        let live: Vec<(TrackId, Gait)> = self
            .tracks
            .iter()
            .filter(|(_, t)| !t.left)
            .filter_map(|(id, t)| Some((*id, Gait::of(t, at)?)))
            .collect();
        for (i, (a, ga)) in live.iter().enumerate() {
            for (b, gb) in live.iter().skip(i + 1) {
                if ga.before.distance(gb.before) > NEAR_M {
                    continue;
                }
                let square = |p: Point2, q: Point2| p.distance(q).powi(2);
                let kept = square(ga.here, ga.bound) + square(gb.here, gb.bound);
                let swapped = square(ga.here, gb.bound) + square(gb.here, ga.bound);
                let ratio = (kept - swapped) / (2.0 * PACE_SIGMA_M.powi(2));
                let odds = swap * ratio.clamp(-8.0, 12.0).exp();
                // However plain it looks, what comes later may tell otherwise.
                self.mix(*a, *b, (odds / (1.0 + odds)).min(0.97));
            }
        }
    }

    /// Who each live track may be at `t`, given that nobody is in two places: `inside` is how many
    /// people of each party are in the shop. Parties claimed by more tracks than they have people
    /// give way where they are claimed least (a few rounds of Sinkhorn's scaling, downwards only, since
    /// people may be without a track).
    pub(crate) fn exclusive(
        &self,
        t: StoreTime,
        inside: &BTreeMap<Who, f64>,
    ) -> BTreeMap<TrackId, Identity> {
        let mut live: BTreeMap<TrackId, Identity> = self
            .tracks
            .iter()
            .filter(|(_, track)| {
                let near = track.nearest(t);
                !track.left && near.is_some_and(|p| (t - p.t).0.saturating_abs() < 1_500_000)
            })
            .map(|(id, track)| (*id, track.identity.clone()))
            .collect();
        for _ in 0..4 {
            let mut claimed: BTreeMap<Who, f64> = BTreeMap::new();
            for identity in live.values() {
                for (who, p) in identity.iter() {
                    *claimed.entry(who).or_default() += p;
                }
            }
            for identity in live.values_mut() {
                *identity = Identity::from_weights(identity.iter().map(|(who, p)| {
                    let people = match who {
                        Who::Unknown => f64::INFINITY,
                        who => inside.get(&who).copied().unwrap_or(0.0).max(0.05),
                    };
                    let claims = claimed.get(&who).copied().unwrap_or(0.0).max(1e-9);
                    (who, p * (people / claims).min(1.0))
                }));
            }
        }
        live
    }

    /// What a step says of who its maker is, told to the tracks that may have made it: `reaches` are
    /// their weights and `posterior` what parties came to after the step. Staff restock and shoppers
    /// do not; a put-back comes from the cart that holds it.
    pub(crate) fn learn(&mut self, reaches: &[Reaching], posterior: &[(Who, f64)]) {
        let total: f64 = reaches.iter().map(|r| r.reach).sum();
        if total <= 0.0 {
            return;
        }
        let mut prior: BTreeMap<Who, f64> = BTreeMap::new();
        for Reaching {
            reach, identity, ..
        } in reaches
        {
            for (who, p) in identity.iter() {
                *prior.entry(who).or_default() += p * reach / total;
            }
        }
        for Reaching { id, reach, .. } in reaches {
            let share = reach / total;
            let Some(track) = self.tracks.get_mut(id).filter(|_| share > 0.3) else {
                continue;
            };
            track.identity = Identity::from_weights(track.identity.iter().map(|(who, p)| {
                let before = prior.get(&who).copied().unwrap_or(0.0).max(1e-6);
                let after = posterior.iter().find(|x| x.0 == who).map_or(0.0, |x| x.1);
                let ratio = (after / before).clamp(0.02, 50.0);
                (who, p * (1.0 - share + share * ratio))
            }));
        }
    }

    fn mix(&mut self, a: TrackId, b: TrackId, swap: f64) {
        let (Some(x), Some(y)) = (
            self.tracks.get(&a).map(|t| t.identity.clone()),
            self.tracks.get(&b).map(|t| t.identity.clone()),
        ) else {
            return;
        };
        let (mut x, mut y) = (x, y);
        Identity::mix(&mut x, &mut y, swap);
        if let Some(t) = self.tracks.get_mut(&a) {
            t.identity = x;
        }
        if let Some(t) = self.tracks.get_mut(&b) {
            t.identity = y;
        }
    }

    /// A track that was born away from any gate is somebody whose track has ended: it inherits who
    /// the ended tracks may have been, by how well a walk from their last place to its first fits.
    /// `lost` are people who must be inside and have no track: party, last time, last place. `missing`
    /// are parties with fewer tracks than people inside, and how many.
    pub(crate) fn inherit(
        &mut self,
        id: TrackId,
        lost: &mut Vec<(Who, StoreTime, Point2)>,
        missing: &[(Who, f64)],
    ) {
        let Some((t_born, place)) = self.birth(id) else {
            return;
        };
        let mut weights: Vec<(Who, f64)> = vec![(Who::Unknown, STRANGER)];
        weights.extend(missing.iter().map(|(who, n)| (*who, n * ANYWHERE)));
        let mut shares: Vec<(TrackId, f64)> = Vec::new();
        for (other, track) in &self.tracks {
            let Some(last) = track.last() else { continue };
            if *other == id || track.left {
                continue;
            }
            if last.t > t_born + TimeDelta::from_millis(300) {
                // It goes on: the new one may be its double.
                if let Some(beside) = track.nearest(t_born) {
                    let d = beside.position.distance(place);
                    let w = DOUBLE * (-0.5 * (d / 0.4).powi(2)).exp();
                    weights.extend(track.identity.iter().map(|(who, p)| (who, p * w)));
                }
                continue;
            }
            let w = walk_density(t_born.since(last.t), last.position.distance(place))
                * (1.0 - track.inherited).max(0.0);
            if w > 1e-7 {
                shares.push((*other, w));
                weights.extend(track.identity.iter().map(|(who, p)| (who, p * w)));
            }
        }
        let mut lost_shares = Vec::new();
        for (i, (who, t, p)) in lost.iter().enumerate() {
            let w = walk_density(t_born.since(*t), p.distance(place));
            weights.push((*who, w));
            lost_shares.push((i, w));
        }
        let total: f64 = weights.iter().map(|(_, w)| w).sum();
        let identity = Identity::from_weights(weights);
        for (other, w) in shares {
            if let Some(t) = self.tracks.get_mut(&other) {
                t.inherited = (t.inherited + w / total).min(1.0);
            }
        }
        if let Some((i, _)) = lost_shares
            .iter()
            .filter(|(_, w)| w / total > 0.5)
            .max_by(|a, b| a.1.total_cmp(&b.1))
        {
            lost.remove(*i);
        }
        if let Some(t) = self.tracks.get_mut(&id) {
            t.identity = identity;
            t.settled = true;
        }
    }
}

/// Where a track was, where it was bound for, and where it is one check later.
#[derive(Clone, Copy, Debug)]
struct Gait {
    before: Point2,
    bound: Point2,
    here: Point2,
}

impl Gait {
    fn of(track: &Track, at: StoreTime) -> Option<Self> {
        let seen = |t: StoreTime| {
            track
                .nearest(t)
                .filter(|p| (p.t - t).0.saturating_abs() <= 60_000)
                .map(|p| p.position)
        };
        let before_t = at - CHECK;
        let before = seen(before_t)?;
        let here = seen(at)?;
        let pace = TimeDelta(CHECK.0 * 3);
        let step = seen(before_t - pace).map_or(Point2::default(), |p| (before - p) * (1.0 / 3.0));
        Some(Self {
            before,
            bound: before + step,
            here,
        })
    }
}

/// Density per square metre of somebody last seen `gap` ago to show up `distance_m` away. People in
/// shops stand or walk up to about 1.4 m/s; long gaps become unlikely.
fn walk_density(gap: TimeDelta, distance_m: f64) -> f64 {
    let s = gap.as_secs_f64().max(0.0);
    let sigma = 0.3 + 0.6 * s.min(20.0);
    let spread =
        (-0.5 * (distance_m / sigma).powi(2)).exp() / (std::f64::consts::TAU * sigma * sigma);
    spread * (-s / 15.0).exp()
}
