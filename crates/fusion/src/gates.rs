//! Who comes in and who leaves: scans, crossings and the tracks at the gate line.

mod absent;

use crate::departures::{Departure, Departures};
use crate::identity::{Identity, Party, People, PersonIx, STRANGER};
use crate::tracks::{Lost, TrackStore};
use crate::{FusionConfig, Notice};
use absent::Absent;
use walkout_model::layout::GateKind;
use walkout_model::{
    GateCrossing, GateDirection, GateIx, Point2, SessionExit, SessionId, SessionOpened, Shop,
    StoreTime, TimeDelta, TrackId, Who,
};

/// Crossings wait this long for the tracks of their instant.
const TRACKS_COME: TimeDelta = TimeDelta::from_millis(700);
/// A crossing outward waits this long where two tracks are at the line: one of them goes on inside.
const TRACKS_TELL: TimeDelta = TimeDelta::from_millis(2_000);
/// A crossing inward waits this long for a track to begin.
const TRACKS_BEGIN: TimeDelta = TimeDelta::from_millis(2_500);
/// Farthest from the gate line that somebody who crosses it may be seen, metres.
const NEAR_GATE_M: f64 = 1.5;
/// Faster than anybody runs in a shop, metres a second.
const RUN_M_S: f64 = 4.0;
/// Weight of a track at the gate line below which somebody else crossed it.
const ON_THE_LINE: f64 = 0.02;
/// Two crossings so close and one person: the barrier tripped twice.
const TRIPS_TWICE: TimeDelta = TimeDelta::from_millis(600);
/// Somebody last seen on the way out and not seen for so long is out.
const GONE_AFTER: TimeDelta = TimeDelta::from_secs(6);
/// People of a party whom no barrier counted may be inside from so long after the scan, and after each who was counted: they
/// come one after the other.
const UNCOUNTED: TimeDelta = TimeDelta::from_secs(5);
/// How long people without a track are looked for.
const LOOKED_FOR: TimeDelta = TimeDelta::from_secs(600);
/// How often tracks are looked through for who crossed, and for people whom no barrier counted, in or out.
const LOOK_THROUGH: TimeDelta = TimeDelta::from_millis(100);
/// Crossings and parties kept at most.
const PENDING_MAX: usize = 1_024;

/// The state of all gates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates {
    pub people: People,
    crossings: Vec<GateCrossing>,
    departures: Departures,
    /// The crossing outward that was settled last.
    last_out: Option<(GateIx, StoreTime)>,
    leaving: Vec<SessionExit>,
    /// The crossing inward that was settled last.
    last_in: Option<(GateIx, StoreTime)>,
    /// People who must be inside without a track.
    lost: Vec<Lost>,
    /// When tracks were looked through last.
    looked: Option<StoreTime>,
    absent: Absent,
}

/// What gates conclude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum GateEvent {
    Notice(Notice),
    /// A party has left and its steps are known.
    Exit(SessionExit),
}

/// Somebody who has left, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departed {
    pub who: Who,
    pub person: PersonIx,
    pub t: StoreTime,
    /// Probability that it was one of their party.
    pub certainty: f64,
}

impl Gates {
    /// Whether it is undecided who went out.
    pub(crate) fn are_undecided(&self) -> bool {
        self.departures.are_open()
    }

    pub(crate) fn open(&mut self, opened: SessionOpened) -> bool {
        let parties = &mut self.people.parties;
        if parties.len() >= PENDING_MAX || parties.contains_key(&opened.session) {
            return false;
        }
        parties.insert(
            opened.session,
            Party {
                kind: opened.kind,
                gate: opened.gate,
                scanned: opened.t,
                people: u32::from(opened.people).max(1),
                entered: 0,
                left: 0,
                last_in: opened.t,
                last_out: opened.t,
                certainty: 1.0,
            },
        );
        true
    }

    pub(crate) fn cross(&mut self, shop: &Shop, crossing: GateCrossing) -> bool {
        if self.crossings.len() >= PENDING_MAX
            || crossing.gate.usize() >= shop.layout.gates.len()
            || self.crossings.contains(&crossing)
        {
            return false;
        }
        self.crossings.push(crossing);
        self.crossings.sort_by_key(|c| (c.t, c.gate));
        true
    }

    /// Settles what has waited long enough. Exits come out once `busy_since` (the earliest step that
    /// is still open) lies behind them.
    pub(crate) fn advance(
        &mut self,
        now: StoreTime,
        busy_since: Option<StoreTime>,
        shop: &Shop,
        config: &FusionConfig,
        tracks: &mut TrackStore,
        out: &mut Vec<GateEvent>,
    ) {
        let due = self
            .looked
            .is_none_or(|t| now < t || now.since(t) >= LOOK_THROUGH);
        let mut waiting = Vec::new();
        let crossings = if due {
            std::mem::take(&mut self.crossings)
        } else {
            Vec::new()
        };
        for crossing in crossings {
            let age = now.since(crossing.t);
            if age < TRACKS_COME {
                waiting.push(crossing);
                continue;
            }
            match crossing.direction {
                GateDirection::In => {
                    if !self.enter(crossing, age, shop, config, tracks, out) {
                        waiting.push(crossing);
                    }
                }
                GateDirection::Out => {
                    if !self.leave(crossing, age, shop, tracks) {
                        waiting.push(crossing);
                    }
                }
            }
        }
        if due {
            self.crossings = waiting;
            self.looked = Some(now);
            self.miss_nobody(now, shop, tracks);
            self.settle_births(now, shop, tracks);
            self.find_uncounted(now, shop, tracks);
            self.miss_absent(now, config, tracks);
        }
        let left = self
            .departures
            .decide(now, config.exit_hold, &mut self.people, tracks, out);
        for departed in left {
            self.count_out(departed);
        }
        self.lost.retain(|(_, t, _)| now.since(*t) < LOOKED_FOR);
        let hold = config.exit_hold;
        let mut held = Vec::new();
        for exit in std::mem::take(&mut self.leaving) {
            let age = now.since(exit.t);
            let steps_open = busy_since.is_some_and(|t| t <= exit.t);
            if age < hold || (steps_open && age < TimeDelta(hold.0.saturating_mul(8))) {
                held.push(exit);
            } else {
                out.push(GateEvent::Exit(exit));
            }
        }
        self.leaving = held;
    }

    /// `false` if the crossing should wait for a track to begin.
    fn enter(
        &mut self,
        crossing: GateCrossing,
        age: TimeDelta,
        shop: &Shop,
        config: &FusionConfig,
        tracks: &mut TrackStore,
        out: &mut Vec<GateEvent>,
    ) -> bool {
        let candidates: Vec<(TrackId, f64)> = at_gate(shop, crossing, tracks)
            .into_iter()
            .filter(|(id, _)| {
                tracks.tracks.get(id).is_some_and(|t| {
                    !t.left && (!t.settled || tracks.identity(*id).of(STRANGER) > 0.5)
                })
            })
            .collect();
        let best = candidates
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|(_, weight)| *weight > ON_THE_LINE)
            .copied();
        if best.is_none() && age < TRACKS_BEGIN {
            return false;
        }
        // A barrier that trips twice for one person says nothing new.
        let again = self.last_in.is_some_and(|(gate, t)| {
            gate == crossing.gate && crossing.t.since(t) < TRIPS_TWICE && best.is_none()
        });
        self.last_in = Some((crossing.gate, crossing.t));
        if again {
            return true;
        }
        let who = self.next_scanned(crossing, config);
        if who == Who::Unknown {
            out.push(GateEvent::Notice(Notice::Tailgater {
                t: crossing.t,
                gate: crossing.gate,
            }));
        }
        let person = self.people.enter(who, crossing.t);
        let total: f64 = candidates.iter().map(|c| c.1).sum();
        match best {
            Some((id, weight)) => {
                let p = 0.98 * weight / total.max(1e-9);
                tracks.name(id, Identity::mostly(person, p.max(0.5)));
            }
            None => {
                if let Some(gate) = shop.layout.gates.get(crossing.gate.usize()) {
                    self.lost.push((person, crossing.t, gate.middle()));
                }
            }
        }
        true
    }

    /// The party that scanned last before the crossing and still has people to come: the reader is one
    /// party's at a time, and a crossing that the barrier missed must not shift all that follow.
    fn next_scanned(&self, crossing: GateCrossing, config: &FusionConfig) -> Who {
        let early = TimeDelta::from_millis(-100);
        self.people
            .parties
            .iter()
            .filter(|(_, p)| {
                let age = crossing.t.since(p.scanned);
                p.gate == crossing.gate
                    && p.entered < p.people
                    && age >= early
                    && age <= config.scan_valid
            })
            .max_by_key(|(id, p)| (p.scanned, **id))
            .map_or(Who::Unknown, |(id, _)| Who::Session(*id))
    }

    /// Notes who was at the line as somebody crossed it outward. `false` if it should wait for what the
    /// tracks at the line do next.
    fn leave(
        &mut self,
        crossing: GateCrossing,
        age: TimeDelta,
        shop: &Shop,
        tracks: &mut TrackStore,
    ) -> bool {
        let mut candidates: Vec<(TrackId, f64)> = at_gate(shop, crossing, tracks)
            .into_iter()
            .filter(|(id, _)| tracks.tracks.get(id).is_some_and(|t| !t.left))
            .filter(|(_, weight)| *weight > ON_THE_LINE)
            .collect();
        candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let close = match candidates.as_slice() {
            [first, second, ..] => second.1 > 0.1 * first.1,
            _ => false,
        };
        if close && age < TRACKS_TELL {
            return false;
        }
        let best = candidates.first().map(|c| c.0);
        // A barrier that trips twice for one person says nothing new.
        let again = self.last_out.is_some_and(|(gate, t)| {
            gate == crossing.gate && crossing.t.since(t) < TRIPS_TWICE && best.is_none()
        });
        self.last_out = Some((crossing.gate, crossing.t));
        if !again {
            self.depart(shop, best, crossing, tracks);
        }
        true
    }

    fn depart(
        &mut self,
        shop: &Shop,
        track: Option<TrackId>,
        crossing: GateCrossing,
        tracks: &mut TrackStore,
    ) {
        if let Some(id) = track
            && tracks.tracks.get(&id).is_some_and(|t| !t.settled)
        {
            let missing = tracks.missing(crossing.t, &self.people);
            tracks.inherit(shop, id, &mut self.lost, &missing);
        }
        let segment = track.and_then(|id| tracks.tracks.get_mut(&id)).map(|t| {
            t.left = true;
            t.segment
        });
        let departure = Departure {
            t: crossing.t,
            gate: crossing.gate,
            segment,
        };
        self.departures.add(departure, tracks);
    }

    /// A party is out, as was concluded elsewhere.
    pub(crate) fn has_left(&mut self, exit: &SessionExit, tracks: &mut TrackStore) {
        let certainty = f64::from(exit.probability);
        for person in self.people.still_inside(Who::Session(exit.session)) {
            self.people.leave(person, exit.t, certainty, exit.known_at);
            tracks.gone(person, certainty);
            self.lost.retain(|(who, _, _)| *who != person);
        }
    }

    /// A party is out with its last person; the least sure of its departures is the exit's probability.
    fn count_out(&mut self, departed: Departed) {
        self.lost.retain(|(who, _, _)| *who != departed.person);
        let Who::Session(session) = departed.who else {
            return;
        };
        let Some(party) = self.people.parties.get_mut(&session) else {
            return;
        };
        party.left += 1;
        party.certainty = party.certainty.min(departed.certainty);
        party.last_out = party.last_out.max(departed.t);
        if party.left < party.entered {
            return;
        }
        self.leaving.push(SessionExit {
            session,
            t: party.last_out,
            known_at: departed.t,
            probability: party.certainty as f32,
        });
    }

    /// Somebody who walked up to a way out and has not been seen since has left, barrier or not.
    fn miss_nobody(&mut self, now: StoreTime, shop: &Shop, tracks: &mut TrackStore) {
        let mut gone = Vec::new();
        for (id, track) in tracks.tracks.iter().filter(|(_, t)| t.settled && !t.left) {
            let Some(last) = track.last() else { continue };
            if now.since(last.t) < GONE_AFTER {
                continue;
            }
            let Some(earlier) = track.nearest(last.t - TimeDelta::from_secs(1)) else {
                continue;
            };
            if tracks.goes_on_elsewhere(shop, track) {
                continue;
            }
            for (i, gate) in shop.layout.gates.iter().enumerate() {
                let depth = |p: Point2| (p - gate.middle()).dot(gate.inward());
                let outward = depth(earlier.position) - depth(last.position) > 0.3;
                let near = last.position.distance_to_segment(gate.a, gate.b) < 0.8;
                if gate.kind != GateKind::Entry && near && outward {
                    gone.push((*id, GateIx::from(i), last.t));
                }
            }
        }
        for (id, gate, t) in gone {
            // Unless the barrier told of somebody else meanwhile and the track was taken for theirs.
            if tracks.tracks.get(&id).is_some_and(|t| !t.left) {
                let direction = GateDirection::Out;
                self.depart(shop, Some(id), GateCrossing { t, gate, direction }, tracks);
            }
        }
    }

    /// Whoever began at a party's gate about when it was let in, and is taken for a stranger since, is of
    /// that party if it misses one: the barrier did not count them.
    fn find_uncounted(&mut self, now: StoreTime, shop: &Shop, tracks: &mut TrackStore) {
        for (session, _) in self.uncounted(now) {
            let Some(party) = self.people.parties.get(&session) else {
                continue;
            };
            let (from, to) = (party.scanned - UNCOUNTED, party.last_in + UNCOUNTED);
            let Some(gate) = shop.layout.gates.get(party.gate.usize()) else {
                continue;
            };
            let found = tracks.tracks.iter().find(|(id, track)| {
                let (born, place) = track.born();
                let here = track.last().map_or(place, |p| p.position);
                (from..=to).contains(&born)
                    && !track.left
                    && track.settled
                    && place.distance_to_segment(gate.a, gate.b) < NEAR_GATE_M
                    && (here - gate.middle()).dot(gate.inward()) > 0.0
                    && tracks.identity(**id).of(STRANGER) > 0.5
            });
            if let Some((&id, track)) = found {
                let born = track.born().0;
                let person = self.people.enter(Who::Session(session), born);
                tracks.name(id, Identity::mostly(person, 0.95));
            }
        }
    }

    /// People of parties whom no barrier counted and who may be inside all the same: party, how many.
    fn uncounted(&self, now: StoreTime) -> Vec<(SessionId, u32)> {
        self.people
            .parties
            .iter()
            .filter(|(_, p)| p.misses_somebody() && now.since(p.last_in) > UNCOUNTED)
            .map(|(id, p)| (*id, p.people - p.entered))
            .collect()
    }

    /// Tracks that began a while ago and that no gate claimed inherit from ended ones.
    fn settle_births(&mut self, now: StoreTime, shop: &Shop, tracks: &mut TrackStore) {
        let due: Vec<TrackId> = tracks
            .tracks
            .iter()
            .filter(|(_, t)| !t.settled && !t.left && now.since(t.born().0) >= TRACKS_COME)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some((born, place)) = tracks.tracks.get(&id).map(|t| t.born()) else {
                continue;
            };
            // Somebody who stands before a gate, or did so a moment ago, waits for a crossing.
            let lately = now - TimeDelta::from_secs(3);
            let Some(here) = tracks.tracks.get(&id).and_then(|t| t.nearest(lately)) else {
                continue;
            };
            let here = here.position;
            let fresh = now.since(born) < TimeDelta::from_secs(4);
            let waits = shop.layout.gates.iter().any(|g| {
                let depth = (here - g.middle()).dot(g.inward());
                let outside = depth < 0.4 && here.distance_to_segment(g.a, g.b) < 3.0;
                outside || (fresh && place.distance_to_segment(g.a, g.b) < NEAR_GATE_M)
            });
            if waits {
                continue;
            }
            let at_gate = shop.layout.gates.iter().any(|g| {
                let depth = (place - g.middle()).dot(g.inward());
                let near = place.distance_to_segment(g.a, g.b);
                near < NEAR_GATE_M || (depth < 0.0 && near < 3.0)
            });
            // Who begins at a gate and was counted by no barrier is of a party that misses one.
            let uncounted = self.uncounted(now);
            if at_gate && let Some((session, _)) = uncounted.last() {
                let person = self.people.enter(Who::Session(*session), born);
                tracks.name(id, Identity::mostly(person, 0.95));
                continue;
            }
            let missing = tracks.missing(now, &self.people);
            tracks.inherit(shop, id, &mut self.lost, &missing);
        }
    }
}

impl Party {
    /// Whether more of it were let in than were counted, and nobody left yet.
    fn misses_somebody(&self) -> bool {
        self.entered < self.people && self.left == 0
    }
}

/// Tracks that may have made a crossing, weighted by how well they do: on the line at its instant,
/// and on the far side of it afterwards as far as they are seen.
fn at_gate(shop: &Shop, crossing: GateCrossing, tracks: &TrackStore) -> Vec<(TrackId, f64)> {
    let Some(gate) = shop.layout.gates.get(crossing.gate.usize()) else {
        return Vec::new();
    };
    let ahead = match crossing.direction {
        GateDirection::In => gate.inward(),
        GateDirection::Out => gate.inward() * -1.0,
    };
    let depth = |p: Point2| (p - gate.middle()).dot(ahead);
    tracks
        .tracks
        .iter()
        .filter_map(|(id, track)| {
            // Whoever is too far by now to have been here then need not be looked up.
            let last = track.last()?;
            let since = (last.t - crossing.t).as_secs_f64().abs();
            if last.position.distance_to_segment(gate.a, gate.b) > NEAR_GATE_M + RUN_M_S * since {
                return None;
            }
            let p = track.nearest(crossing.t)?;
            let gap = (p.t - crossing.t).as_secs_f64().abs();
            if gap > 2.0 || p.position.distance_to_segment(gate.a, gate.b) > NEAR_GATE_M {
                return None;
            }
            // Whoever is seen only a little earlier or later was still, or is already, further on.
            let on_line = (depth(p.position).abs() - 1.3 * gap).max(0.0);
            let sigma = f64::from(p.sigma_m).clamp(0.05, 0.5).hypot(0.12);
            let mut log = -0.5 * (on_line / sigma).powi(2) - gap;
            let (from, to) = (
                crossing.t + TimeDelta::from_millis(300),
                crossing.t + TRACKS_TELL,
            );
            if let Some(later) = track.between(from, to).last() {
                let short = (0.15 - depth(later.position)).max(0.0);
                log -= 0.5 * (short / 0.15).powi(2);
            }
            Some((*id, log.max(-12.0).exp()))
        })
        .collect()
}
