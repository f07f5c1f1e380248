//! The tracks of the last seconds, where they meet, and who they may be.

mod swaps;

use crate::identity::{Identity, People, PersonIx, STRANGER, exclusive};
use crate::lineage::{Lineage, SegmentIx};
use std::collections::{BTreeMap, VecDeque};
use swaps::Meeting;
use walkout_model::layout::GateKind;
use walkout_model::{APPEARANCE_MAX, Point2, Shop, StoreTime, TimeDelta, TrackId, TrackPoint};

/// How long points are remembered.
const REMEMBER: TimeDelta = TimeDelta::from_secs(20);
/// Points of one track at most.
const POINTS_MAX: usize = 1_200;
/// Tracks at most, live and ended; the oldest ended go first.
const TRACKS_MAX: usize = 1_024;
/// A track without a point for so long about an instant is not seen at it.
const UNSEEN: TimeDelta = TimeDelta::from_millis(1_500);
/// A track without a point for so long has ended, for the time being.
const ENDED: TimeDelta = TimeDelta::from_secs(1);
/// Looks of one track that wait to be taken in, at most.
const LOOKS_MAX: usize = 256;

/// How often tracks are looked through.
const CHECK: TimeDelta = TimeDelta::from_millis(100);
/// Half of the time over which it is looked how two who met went on.
const HALF: TimeDelta = TimeDelta::from_millis(600);
/// Points of an instant have come after this.
const SEEN_BY: TimeDelta = TimeDelta::from_millis(350);
/// Points so near to an instant are of it.
const SEEN_SLACK: TimeDelta = TimeDelta::from_millis(250);
/// Density per square metre of a new track that is somebody whom no gate let in.
const STRANGE: f64 = 2e-4;
/// The same for somebody inside whose track was lost long ago.
const ANYWHERE: f64 = 4e-3;
/// The same for a double of a person who stands right there.
const DOUBLE: f64 = 0.02;
/// How often somebody who was last seen beyond an exit is seen inside next.
const BACK_IN: f64 = 0.01;
/// How far from the line of a gate that is, metres.
const BEYOND_M: f64 = 1.5;

/// One track.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub points: VecDeque<TrackPoint>,
    /// Its present stretch.
    pub segment: SegmentIx,
    /// Its stretches of late, and since when each.
    stretches: VecDeque<(StoreTime, SegmentIx)>,
    /// Whether a gate or an ended track has said who it may be.
    pub settled: bool,
    /// Share of it that tracks born later have taken over.
    inherited: f64,
    /// Whether a gate said who it is.
    named: bool,
    /// It went out through a gate.
    pub left: bool,
    /// What was seen of its clothes and is not taken in yet.
    looks: VecDeque<(StoreTime, Vec<f32>)>,
    born: (StoreTime, Point2),
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
        // Most tracks have ended before what is asked about.
        let start = match self.last() {
            Some(last) if last.t >= from => self.points.partition_point(|p| p.t < from),
            _ => self.points.len(),
        };
        self.points
            .iter()
            .skip(start)
            .take_while(move |p| p.t <= to)
    }

    /// When and where it was first seen.
    pub(crate) fn born(&self) -> (StoreTime, Point2) {
        self.born
    }

    /// The stretch that it was at `t`.
    fn segment_at(&self, t: StoreTime) -> SegmentIx {
        let then = self.stretches.iter().rev().find(|(since, _)| *since <= t);
        then.or(self.stretches.front())
            .map_or(self.segment, |s| s.1)
    }

    fn go_on_as(&mut self, segment: SegmentIx, t: StoreTime) {
        if self.stretches.is_empty() {
            self.stretches.push_back((self.born.0, self.segment));
        }
        self.segment = segment;
        self.stretches.push_back((t, segment));
        let old = t - REMEMBER;
        while self.stretches.len() > 1 && self.stretches.get(1).is_some_and(|s| s.0 < old) {
            self.stretches.pop_front();
        }
    }

    fn segment_is_stale(&self, lineage: &Lineage) -> bool {
        !self.points.is_empty() && !lineage.is_open(self.segment)
    }

    fn is_seen_at(&self, t: StoreTime) -> bool {
        let ended = self.last().is_none_or(|p| t.since(p.t) >= UNSEEN);
        !ended
            && self
                .nearest(t)
                .is_some_and(|p| p.t.since(t).0.saturating_abs() < UNSEEN.0)
    }

    fn place(&self, t: StoreTime, slack: TimeDelta) -> Option<Point2> {
        self.nearest(t)
            .filter(|p| p.t.since(t).0.saturating_abs() <= slack.0)
            .map(|p| p.position)
    }
}

/// Somebody who must be inside and of whom no track is known: who, since when, where last.
pub(crate) type Lost = (PersonIx, StoreTime, Point2);

/// All tracks.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrackStore {
    pub tracks: BTreeMap<TrackId, Track>,
    pub lineage: Lineage,
    /// The last stretches of those who went out and of whom it is undecided who they were.
    pub departed: Vec<SegmentIx>,
    meetings: BTreeMap<(TrackId, TrackId), Meeting>,
    next_check: Option<StoreTime>,
}

impl TrackStore {
    /// Takes a point, in any order. `false` if it is malformed or came twice.
    pub(crate) fn push(&mut self, point: TrackPoint) -> bool {
        let finite = point.position.x.is_finite()
            && point.position.y.is_finite()
            && point.sigma_m.is_finite()
            && point.position.x.abs() < 1e4
            && point.position.y.abs() < 1e4
            && point.appearance.len() <= APPEARANCE_MAX
            && point.appearance.iter().all(|x| x.is_finite());
        if !finite {
            return false;
        }
        let lineage = &mut self.lineage;
        let track = self.tracks.entry(point.track).or_insert_with(|| Track {
            points: VecDeque::new(),
            segment: lineage.begin(point.t),
            stretches: VecDeque::new(),
            settled: false,
            inherited: 0.0,
            named: false,
            left: false,
            looks: VecDeque::new(),
            born: (point.t, point.position),
        });
        if point.t < track.born.0 {
            track.born = (point.t, point.position);
        }
        let at = track.points.partition_point(|p| p.t <= point.t);
        if at > 0 && track.points.get(at - 1).is_some_and(|p| p.t == point.t) {
            return false;
        }
        if !point.appearance.is_empty() {
            let at = track.looks.partition_point(|(t, _)| *t <= point.t);
            track.looks.insert(at, (point.t, point.appearance.clone()));
            if track.looks.len() > LOOKS_MAX {
                track.looks.pop_front();
            }
        }
        if track.segment_is_stale(lineage) {
            track.go_on_as(lineage.go_on(track.segment, point.t), point.t);
        }
        lineage.touch(track.segment, point.t);
        track.points.insert(at, point);
        if track.points.len() > POINTS_MAX {
            track.points.pop_front();
        }
        true
    }

    /// Forgets what is too old, and notes which tracks meet.
    pub(crate) fn advance(&mut self, now: StoreTime, swap_per_s: f64, people: &People) {
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
        let lineage = &mut self.lineage;
        self.tracks.retain(|_, t| {
            let kept = t.last().is_some_and(|p| p.t >= keep);
            if !kept {
                lineage.end(t.segment);
            }
            kept
        });
        while self.tracks.len() > TRACKS_MAX {
            let oldest = self
                .tracks
                .iter()
                .min_by_key(|(id, t)| (t.last().map(|p| p.t), **id))
                .map(|(id, _)| *id);
            match oldest.and_then(|id| self.tracks.remove(&id)) {
                Some(track) => self.lineage.end(track.segment),
                None => break,
            };
        }
        let at = now - SEEN_BY - HALF;
        for track in self.tracks.values_mut() {
            while track.looks.front().is_some_and(|(t, _)| *t <= at) {
                if let Some((t, look)) = track.looks.pop_front() {
                    self.lineage.look(track.segment, t, &look);
                }
            }
            let unseen = track.last().is_none_or(|p| now.since(p.t) > ENDED);
            if unseen {
                self.lineage.end(track.segment);
            } else if self.lineage.is_long(track.segment) {
                track.go_on_as(self.lineage.go_on(track.segment, at), at);
            }
        }
        self.meet(at, swap_per_s * CHECK.as_secs_f64());
        let oldest = people
            .earliest()
            .unwrap_or(now)
            .min(now - TimeDelta::from_secs(60));
        self.lineage.forget(oldest - crate::lineage::KEEP, people);
    }

    /// The stretches of the tracks that are seen at `t` and have not left.
    pub(crate) fn live(&self, t: StoreTime) -> Vec<(TrackId, SegmentIx)> {
        self.tracks
            .iter()
            .filter(|(_, track)| !track.left && track.is_seen_at(t))
            .map(|(id, track)| (*id, track.segment_at(t)))
            .collect()
    }

    /// Who each track seen at `t` may be, and each of those who went out, given that nobody is in two
    /// places, by what is known so far.
    pub(crate) fn claims(&self, t: StoreTime) -> Claims {
        let live = self.live(t).into_iter().map(|(_, segment)| segment);
        let all = live.chain(self.departed.iter().copied());
        let mut live = exclusive(all.map(|s| self.lineage.identity(s)).collect());
        let out = live.split_off(live.len() - self.departed.len());
        Claims {
            t,
            live,
            departed: self.departed.iter().copied().zip(out).collect(),
        }
    }

    /// People inside at `t` whom neither a track nor an undecided departure accounts for, and to what
    /// extent.
    pub(crate) fn missing(&self, t: StoreTime, people: &People) -> Vec<(PersonIx, f64)> {
        self.claims(t).missing(people)
    }

    /// Whether somebody whose track has ended is probably seen as another by now.
    pub(crate) fn goes_on_elsewhere(&self, shop: &Shop, ended: &Track) -> bool {
        let Some(last) = ended.last() else {
            return false;
        };
        let out = is_out(shop, last.position);
        ended.inherited > 0.3
            || self.tracks.values().any(|t| {
                let (born, place) = t.born();
                let gap = born.since(last.t);
                let s = gap.as_secs_f64();
                (-0.3..8.0).contains(&s)
                    && !t.named
                    && (!out || is_out(shop, place))
                    && last.position.distance(place) < 0.5 + 0.8 * s.max(0.0)
            })
    }

    /// Who the track may be.
    pub(crate) fn identity(&self, id: TrackId) -> Identity {
        self.tracks
            .get(&id)
            .map_or_else(Identity::stranger, |t| self.lineage.filtered(t.segment))
    }

    /// A gate says who it is.
    pub(crate) fn name(&mut self, id: TrackId, who: Identity) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.settled = true;
            track.named = true;
            self.lineage.name(track.segment, who);
        }
    }

    /// Somebody has left, as far as is known: whoever is still here is hardly them.
    pub(crate) fn gone(&mut self, person: PersonIx, certainty: f64) {
        let log = (1.02 - certainty.clamp(0.0, 1.0)).ln();
        for track in self.tracks.values().filter(|t| !t.left) {
            self.lineage.tell(track.segment, person, log);
        }
    }

    /// A track that was born away from any gate is somebody whose track has ended: it inherits who
    /// the ended tracks may have been, by how well a walk from their last place to its first fits.
    /// `missing` are people inside whom no track accounts for, and to what extent.
    pub(crate) fn inherit(
        &mut self,
        shop: &Shop,
        id: TrackId,
        lost: &mut Vec<Lost>,
        missing: &[(PersonIx, f64)],
    ) {
        let Some((t_born, place)) = self.tracks.get(&id).map(Track::born) else {
            return;
        };
        let mut others: Vec<(PersonIx, f64)> = vec![(STRANGER, STRANGE)];
        others.extend(missing.iter().map(|(who, n)| (*who, n * ANYWHERE)));
        let mut sources = Vec::new();
        let mut ended = Vec::new();
        for (other, track) in &self.tracks {
            let Some(last) = track.last() else { continue };
            if *other == id || track.left || !track.settled {
                continue;
            }
            if last.t > t_born + TimeDelta::from_millis(300) {
                // It goes on: the new one may be its double.
                if let Some(beside) = track.nearest(t_born) {
                    let d = beside.position.distance(place);
                    let w = DOUBLE * (-0.5 * (d / 0.4).powi(2)).exp();
                    if w > 1e-7 {
                        sources.push((track.segment, w));
                    }
                }
                continue;
            }
            let back = if is_out(shop, last.position) && !is_out(shop, place) {
                BACK_IN
            } else {
                1.0
            };
            let w = walk_density(t_born.since(last.t), last.position.distance(place))
                * (1.0 - track.inherited).max(0.0)
                * back;
            if w > 1e-7 {
                ended.push((*other, w));
                sources.push((track.segment, w));
            }
        }
        let mut lost_shares = Vec::new();
        for (i, (who, t, p)) in lost.iter().enumerate() {
            let w = walk_density(t_born.since(*t), p.distance(place));
            others.push((*who, w));
            lost_shares.push((i, w));
        }
        let total: f64 = sources.iter().map(|(_, w)| w).sum::<f64>()
            + others.iter().map(|(_, w)| w).sum::<f64>();
        for (other, w) in ended {
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
        if let Some(track) = self.tracks.get_mut(&id) {
            track.settled = true;
            self.lineage.inherit(track.segment, sources, others);
        }
    }
}

/// Whether a place lies beyond a gate that nobody comes in by.
fn is_out(shop: &Shop, place: Point2) -> bool {
    shop.layout.gates.iter().any(|gate| {
        gate.kind == GateKind::Exit
            && (place - gate.middle()).dot(gate.inward()) < -0.1
            && place.distance_to_segment(gate.a, gate.b) < BEYOND_M
    })
}

/// Who is where at an instant, as far as is known.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    t: StoreTime,
    live: Vec<Identity>,
    departed: Vec<(SegmentIx, Identity)>,
}

impl Claims {
    /// Who went out as this stretch; `None` if that is no longer undecided.
    pub(crate) fn departed_as(&self, segment: SegmentIx) -> Option<&Identity> {
        self.departed
            .iter()
            .find(|(s, _)| *s == segment)
            .map(|(_, who)| who)
    }

    /// People inside of whom all these account for less than all, and how much is missing.
    pub(crate) fn missing(&self, people: &People) -> Vec<(PersonIx, f64)> {
        let mut seen: BTreeMap<PersonIx, f64> = BTreeMap::new();
        for who in self.live.iter().chain(self.departed.iter().map(|d| &d.1)) {
            for (person, p) in who.iter() {
                *seen.entry(person).or_default() += p;
            }
        }
        people
            .inside(self.t)
            .map(|(person, _)| (person, 1.0 - seen.get(&person).copied().unwrap_or(0.0)))
            .filter(|(_, n)| *n > 0.02)
            .collect()
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
