//! Who comes in and who leaves: scans, crossings and the tracks at the gate line.

use crate::identity::{Identity, Party, People, PersonIx, STRANGER};
use crate::tracks::{Lost, TrackStore};
use crate::{FusionConfig, Notice};
use std::collections::BTreeMap;
use walkout_model::layout::GateKind;
use walkout_model::{
    GateCrossing, GateDirection, GateIx, Point2, SessionExit, SessionId, SessionOpened, Shop,
    StoreTime, TimeDelta, TrackId, Who,
};

/// Crossings wait this long for the tracks of their instant.
const TRACKS_COME: TimeDelta = TimeDelta::from_millis(700);
/// A crossing inward waits this long for a track to begin.
const TRACKS_BEGIN: TimeDelta = TimeDelta::from_millis(2_500);
/// Farthest from the gate line that somebody who crosses it may be seen, metres.
const NEAR_GATE_M: f64 = 1.5;
/// Weight of a track at the gate line below which somebody else crossed it.
const ON_THE_LINE: f64 = 0.02;
/// Two crossings so close and one person: the barrier tripped twice.
const TRIPS_TWICE: TimeDelta = TimeDelta::from_millis(600);
/// Somebody last seen on the way out and not seen for so long is out.
const GONE_AFTER: TimeDelta = TimeDelta::from_secs(6);
/// People of a party whom no barrier counted may be inside from so long after the scan.
const UNCOUNTED: TimeDelta = TimeDelta::from_secs(5);
/// How long people without a track are looked for.
const LOOKED_FOR: TimeDelta = TimeDelta::from_secs(600);
/// Crossings and parties kept at most.
const PENDING_MAX: usize = 1_024;

/// The state of all gates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates {
    pub people: People,
    crossings: Vec<GateCrossing>,
    leaving: Vec<SessionExit>,
    /// The crossing inward that was settled last.
    last_in: Option<(GateIx, StoreTime)>,
    /// People who must be inside without a track.
    lost: Vec<Lost>,
}

/// What gates conclude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum GateEvent {
    Notice(Notice),
    /// A party has left and its steps are known.
    Exit(SessionExit),
}

impl Gates {
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
        let mut waiting = Vec::new();
        for crossing in std::mem::take(&mut self.crossings) {
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
                GateDirection::Out => self.leave(crossing, shop, tracks, out),
            }
        }
        self.crossings = waiting;
        self.miss_nobody(now, shop, tracks, out);
        self.settle_births(now, shop, tracks);
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

    fn leave(
        &mut self,
        crossing: GateCrossing,
        shop: &Shop,
        tracks: &mut TrackStore,
        out: &mut Vec<GateEvent>,
    ) {
        let candidates: Vec<(TrackId, f64)> = at_gate(shop, crossing, tracks)
            .into_iter()
            .filter(|(id, _)| tracks.tracks.get(id).is_some_and(|t| !t.left))
            .collect();
        let nearest = candidates
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(id, _)| *id);
        let mut weights: Vec<(PersonIx, f64)> = Vec::new();
        let who = tracks.exclusive(crossing.t);
        for (id, w) in &candidates {
            let identity = who.get(id).cloned().unwrap_or_else(|| tracks.identity(*id));
            weights.extend(identity.iter().map(|(person, p)| (person, p * w)));
        }
        // Whoever is inside without a sure track may be the one, too.
        let missing = tracks.missing(crossing.t, &self.people);
        for (person, _) in self.people.inside(crossing.t) {
            let n = missing.iter().find(|m| m.0 == person).map_or(0.0, |m| m.1);
            weights.push((person, if n > 0.5 { 0.05 * n } else { 1e-3 }));
        }
        let here: Vec<PersonIx> = self.people.inside(crossing.t).map(|(p, _)| p).collect();
        let who = Identity::from_weights(
            weights
                .into_iter()
                .filter(|(p, _)| *p == STRANGER || here.contains(p)),
        );
        if let Some(track) = nearest.and_then(|id| tracks.tracks.get_mut(&id)) {
            track.left = true;
        }
        let by_party = self.by_party(&who);
        let (party, certainty) = by_party
            .iter()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .map_or((Who::Unknown, 1.0), |(who, p)| (*who, *p));
        let person = who
            .iter()
            .filter(|(ix, _)| self.people.who(*ix) == party)
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((person, p)) = person {
            self.people.leave(person, crossing.t, p);
            self.lost.retain(|(who, _, _)| *who != person);
            tracks.gone(person, p);
        }
        let Who::Session(session) = party else {
            out.push(GateEvent::Notice(Notice::ExitWithoutEntry {
                t: crossing.t,
                gate: crossing.gate,
            }));
            return;
        };
        let Some(party) = self.people.parties.get_mut(&session) else {
            return;
        };
        party.left += 1;
        party.certainty = party.certainty.min(certainty);
        if party.left < party.entered {
            return;
        }
        self.leaving.push(SessionExit {
            session,
            t: crossing.t,
            known_at: crossing.t,
            probability: party.certainty as f32,
        });
    }

    fn by_party(&self, who: &Identity) -> BTreeMap<Who, f64> {
        let mut parties = BTreeMap::new();
        for (person, p) in who.iter() {
            *parties.entry(self.people.who(person)).or_default() += p;
        }
        parties
    }

    /// Somebody who walked up to a way out and has not been seen since has left, barrier or not.
    fn miss_nobody(
        &mut self,
        now: StoreTime,
        shop: &Shop,
        tracks: &mut TrackStore,
        out: &mut Vec<GateEvent>,
    ) {
        let mut gone = Vec::new();
        for (id, track) in tracks.tracks.iter().filter(|(_, t)| t.settled && !t.left) {
            let Some(last) = track.last() else { continue };
            if now.since(last.t) < GONE_AFTER {
                continue;
            }
            let Some(earlier) = track.nearest(last.t - TimeDelta::from_secs(1)) else {
                continue;
            };
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
                self.leave(GateCrossing { t, gate, direction }, shop, tracks, out);
                if let Some(track) = tracks.tracks.get_mut(&id) {
                    track.left = true;
                }
            }
        }
    }

    /// People of parties whom no barrier counted and who may be inside all the same: party, how many.
    fn uncounted(&self, now: StoreTime) -> Vec<(SessionId, u32)> {
        self.people
            .parties
            .iter()
            .filter(|(_, p)| {
                now.since(p.scanned) > UNCOUNTED && p.entered < p.people && p.left == 0
            })
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
            tracks.inherit(id, &mut self.lost, &missing);
        }
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
                crossing.t + TRACKS_COME,
            );
            if let Some(later) = track.between(from, to).last() {
                let short = (0.15 - depth(later.position)).max(0.0);
                log -= 0.5 * (short / 0.15).powi(2);
            }
            Some((*id, log.max(-12.0).exp()))
        })
        .collect()
}
