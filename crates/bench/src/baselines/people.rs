//! Who is who, for the baselines. In the competition the organisers' tracker gave numbers that
//! lasted from the entry to the exit, and receipts were scored by them; here tracks break, and
//! receipts belong to whoever scanned a code. The simple rules that bridge this are ours: who passes
//! the gate line is the nearest track; a new number is the nearest one that was lost.

use crate::estimators::Arrivals;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use walkout_model::{
    GateCrossing, GateDirection, ItemLook, Point2, Point3, SessionId, SessionOpened, Shop,
    StoreTime, TimeDelta, TrackId, TrackPoint,
};

/// Points and looks are kept for so long.
const KEPT: TimeDelta = TimeDelta::from_secs(90);
/// Tracks are reported up to 250 ms after their frames, from their third frame on.
const REPORTED: TimeDelta = TimeDelta::from_millis(700);
/// A track not seen for so long is lost.
const LOST: TimeDelta = TimeDelta::from_millis(600);
/// Who is not seen for so long after coming near a way out has left.
const GONE: TimeDelta = TimeDelta::from_secs(6);
/// How far from the gate's line who crosses it may be seen, metres.
const AT_GATE_M: f64 = 1.5;
/// How fast somebody walks while lost, m/s, beyond half a metre.
const WALK_M_PER_S: f64 = 1.5;
/// Longest time for which a lost track may come back.
const RELINK: TimeDelta = TimeDelta::from_secs(15);
/// The tracker's heads are points on the floor; heads are taken to be at this height, metres.
const HEAD_M: f64 = 1.6;

/// Tracks with the sessions that they are taken to belong to.
pub struct People {
    shop: Arc<Shop>,
    tracks: BTreeMap<TrackId, Track>,
    looks: VecDeque<ItemLook>,
    parties: BTreeMap<SessionId, Party>,
    crossings: VecDeque<GateCrossing>,
    scans: Vec<(SessionOpened, u8)>,
    exits: BTreeMap<SessionId, StoreTime>,
    now: StoreTime,
}

struct Track {
    points: VecDeque<TrackPoint>,
    session: Option<SessionId>,
    /// Crossed outward.
    left: bool,
    /// Another number goes on where this one ended.
    continued: bool,
    born: StoreTime,
    /// Whether it was looked for a predecessor.
    placed: bool,
}

struct Party {
    people: u8,
    out: u8,
}

impl Track {
    fn last(&self) -> Option<&TrackPoint> {
        self.points.back()
    }
}

impl People {
    /// Nobody yet.
    pub fn new(shop: Arc<Shop>) -> Self {
        Self {
            shop,
            tracks: BTreeMap::new(),
            looks: VecDeque::new(),
            parties: BTreeMap::new(),
            crossings: VecDeque::new(),
            scans: Vec::new(),
            exits: BTreeMap::new(),
            now: StoreTime::default(),
        }
    }

    /// Takes what arrived at one instant.
    pub fn take(&mut self, arrivals: &Arrivals) {
        self.now = arrivals.now;
        for opened in &arrivals.opened {
            let party = Party {
                people: opened.people,
                out: 0,
            };
            self.parties.insert(opened.session, party);
            self.scans.push((*opened, opened.people));
        }
        self.crossings.extend(arrivals.crossings.iter().copied());
        self.looks.extend(arrivals.looks.iter().cloned());
        for point in &arrivals.tracks {
            let track = self.tracks.entry(point.track).or_insert_with(|| Track {
                points: VecDeque::new(),
                session: None,
                left: false,
                continued: false,
                born: point.t,
                placed: false,
            });
            track.points.push_back(point.clone());
        }
        self.cross(REPORTED);
        if !arrivals.tracks.is_empty() {
            self.relink();
            self.miss();
            self.forget();
        }
    }

    /// Lets everything that is still open be decided.
    pub fn finish(&mut self) {
        self.cross(TimeDelta::ZERO);
        self.now += GONE + GONE;
        self.miss();
    }

    /// The session that a track is taken to belong to.
    pub fn session_of(&self, track: TrackId) -> Option<SessionId> {
        self.tracks.get(&track)?.session
    }

    /// When each session's last person left.
    pub fn exits(&self) -> impl Iterator<Item = (SessionId, StoreTime)> + '_ {
        self.exits.iter().map(|(&session, &t)| (session, t))
    }

    /// The track whose head, or a wrist seen with more than this confidence, came nearest to a
    /// place between two instants.
    pub fn nearest(
        &self,
        place: Point3,
        from: StoreTime,
        to: StoreTime,
        confidence: f32,
    ) -> Option<TrackId> {
        let mut best: Option<(f64, TrackId)> = None;
        for (&id, track) in &self.tracks {
            for point in track.points.iter().rev() {
                if point.t > to {
                    continue;
                }
                if point.t < from {
                    break;
                }
                let head = point.position.at_height(HEAD_M).distance(place);
                let hands = point
                    .wrists
                    .iter()
                    .filter(|w| w.confidence > confidence)
                    .map(|w| w.position.distance(place));
                let distance = hands.fold(head, f64::min);
                if best.is_none_or(|(d, _)| distance < d) {
                    best = Some((distance, id));
                }
            }
        }
        best.map(|(_, id)| id)
    }

    /// Looks at things in a track's hands between two instants.
    pub fn looks(
        &self,
        track: TrackId,
        from: StoreTime,
        to: StoreTime,
    ) -> impl Iterator<Item = &ItemLook> {
        self.looks
            .iter()
            .filter(move |look| look.track == track && (from..=to).contains(&look.t))
    }

    /// Gives crossings to tracks once these have been reported.
    fn cross(&mut self, patience: TimeDelta) {
        while let Some(&crossing) = self.crossings.front() {
            if crossing.t + patience > self.now {
                return;
            }
            self.crossings.pop_front();
            let middle = self.shop.layout.gates[crossing.gate.usize()].middle();
            match crossing.direction {
                GateDirection::In => self.enter(crossing, middle),
                GateDirection::Out => self.leave(crossing, middle),
            }
        }
    }

    fn enter(&mut self, crossing: GateCrossing, middle: Point2) {
        let scan = self
            .scans
            .iter_mut()
            .rev()
            .find(|(scan, left)| scan.gate == crossing.gate && *left > 0);
        let Some((scan, left)) = scan else { return };
        *left -= 1;
        let session = scan.session;
        self.scans.retain(|(_, left)| *left > 0);
        let track = self.at_gate(crossing.t, middle, |track| track.session.is_none());
        if let Some(track) = track.and_then(|id| self.tracks.get_mut(&id)) {
            track.session = Some(session);
            track.placed = true;
        }
    }

    fn leave(&mut self, crossing: GateCrossing, middle: Point2) {
        let track = self.at_gate(crossing.t, middle, |t| t.session.is_some() && !t.left);
        let Some(track) = track.and_then(|id| self.tracks.get_mut(&id)) else {
            return;
        };
        track.left = true;
        if let Some(session) = track.session {
            self.count_out(session, crossing.t);
        }
    }

    fn count_out(&mut self, session: SessionId, t: StoreTime) {
        if let Some(party) = self.parties.get_mut(&session) {
            party.out = party.out.saturating_add(1);
            if party.out >= party.people {
                self.exits.entry(session).or_insert(t);
            }
        }
    }

    /// The track that is nearest to the line about then.
    fn at_gate(
        &self,
        t: StoreTime,
        middle: Point2,
        fits: impl Fn(&Track) -> bool,
    ) -> Option<TrackId> {
        let about = TimeDelta::from_millis(500);
        self.tracks
            .iter()
            .filter(|(_, track)| fits(track))
            .filter_map(|(&id, track)| {
                let near = track
                    .points
                    .iter()
                    .filter(|p| p.t + about >= t && p.t <= t + about)
                    .map(|p| p.position.distance(middle))
                    .min_by(f64::total_cmp)?;
                (near < AT_GATE_M).then_some((near, id))
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, id)| id)
    }

    /// Gives a new number the session of the nearest one that was lost.
    fn relink(&mut self) {
        let open: Vec<TrackId> = self
            .tracks
            .iter()
            .filter(|(_, t)| t.session.is_none() && !t.placed && t.born + REPORTED <= self.now)
            .map(|(&id, _)| id)
            .collect();
        for id in open {
            let Some(first) = self.tracks.get(&id).and_then(|t| t.points.front()).cloned() else {
                continue;
            };
            let found = self
                .tracks
                .iter()
                .filter(|(other, t)| **other != id && t.session.is_some() && !t.left)
                .filter(|(_, t)| !t.continued)
                .filter_map(|(&other, track)| {
                    let last = track.last()?;
                    let gap = first.t - last.t;
                    let within = TimeDelta::from_millis(-200)..=RELINK;
                    if !within.contains(&gap) || last.t + LOST > self.now {
                        return None;
                    }
                    let away = last.position.distance(first.position);
                    let bound = 0.5 + WALK_M_PER_S * gap.as_secs_f64().max(0.0);
                    (away <= bound).then_some((away, other))
                })
                .min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((_, other)) = found {
                let session = self.tracks.get_mut(&other).and_then(|track| {
                    track.continued = true;
                    track.session
                });
                if let Some(track) = self.tracks.get_mut(&id) {
                    track.session = session;
                    track.placed = true;
                }
            } else if first.t + RELINK < self.now
                && let Some(track) = self.tracks.get_mut(&id)
            {
                track.placed = true;
            }
        }
    }

    /// Concludes the exits that no barrier saw.
    fn miss(&mut self) {
        let mut gone = Vec::new();
        for track in self.tracks.values_mut() {
            let (Some(session), Some(last)) = (track.session, track.points.back()) else {
                continue;
            };
            if track.left || track.continued || last.t + GONE > self.now {
                continue;
            }
            let near = self.shop.layout.gates.iter().any(|gate| {
                gate.kind != walkout_model::layout::GateKind::Entry
                    && last.position.distance_to_segment(gate.a, gate.b) < 1.0
            });
            if near {
                track.left = true;
                gone.push((session, last.t));
            }
        }
        for (session, t) in gone {
            self.count_out(session, t);
        }
    }

    fn forget(&mut self) {
        let before = self.now - KEPT;
        while self.looks.front().is_some_and(|look| look.t < before) {
            self.looks.pop_front();
        }
        for track in self.tracks.values_mut() {
            while track.points.len() > 1 && track.points[0].t < before {
                track.points.pop_front();
            }
        }
        // A lost track is of no use once it can neither be continued nor explain an event.
        self.tracks
            .retain(|_, track| track.last().is_some_and(|p| p.t + KEPT > before));
    }
}
