//! Who comes in and who leaves: scans, crossings and the tracks at the gate line.

use crate::identity::Identity;
use crate::tracks::TrackStore;
use crate::{FusionConfig, FusionEvent, Notice};
use std::collections::BTreeMap;
use walkout_model::layout::GateKind;
use walkout_model::{
    GateCrossing, GateDirection, GateIx, PartyKind, Point2, SessionExit, SessionId, SessionOpened,
    Shop, StoreTime, TimeDelta, TrackId, Who,
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
/// How long after a scan somebody of the party may be inside whom no barrier counted.
const UNCOUNTED: TimeDelta = TimeDelta::from_secs(60);
/// Crossings and parties kept at most.
const PENDING_MAX: usize = 1_024;

/// A party inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Party {
    pub kind: PartyKind,
    gate: GateIx,
    scanned: StoreTime,
    people: u32,
    pub entered: u32,
    left: u32,
    last_left: StoreTime,
    certainty: f64,
}

/// The state of all gates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates {
    /// Parties whose code was scanned and who have not left.
    pub parties: BTreeMap<SessionId, Party>,
    crossings: Vec<GateCrossing>,
    leaving: Vec<SessionExit>,
    /// The crossing inward that was settled last.
    last_in: Option<(GateIx, StoreTime)>,
    /// People who must be inside without a track: party, since when, last place.
    pub lost: Vec<(Who, StoreTime, Point2)>,
}

impl Gates {
    pub(crate) fn open(&mut self, opened: SessionOpened) -> bool {
        if self.parties.len() >= PENDING_MAX || self.parties.contains_key(&opened.session) {
            return false;
        }
        self.parties.insert(
            opened.session,
            Party {
                kind: opened.kind,
                gate: opened.gate,
                scanned: opened.t,
                people: u32::from(opened.people).max(1),
                entered: 0,
                left: 0,
                last_left: opened.t,
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
        out: &mut Vec<FusionEvent>,
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
        self.lost
            .retain(|(_, t, _)| now.since(*t) < TimeDelta::from_secs(600));
        let mut held = Vec::new();
        for mut exit in std::mem::take(&mut self.leaving) {
            let age = now.since(exit.t);
            let steps_open = busy_since.is_some_and(|t| t <= exit.t);
            if age < config.exit_hold
                || (steps_open && age < TimeDelta(config.exit_hold.0.saturating_mul(4)))
            {
                held.push(exit);
            } else {
                exit.known_at = now;
                self.parties.remove(&exit.session);
                out.push(FusionEvent::Exit(exit));
            }
        }
        self.leaving = held;
    }

    /// Whether the party has left by `t` (its exit may not have been said yet).
    pub(crate) fn has_left(&self, session: SessionId, t: StoreTime) -> bool {
        self.leaving.iter().any(|e| e.session == session && e.t < t)
    }

    pub(crate) fn kind(&self, who: Who) -> Option<PartyKind> {
        match who {
            Who::Session(s) => self.parties.get(&s).map(|p| p.kind),
            Who::Unknown => None,
        }
    }

    /// `false` if the crossing should wait for a track to begin.
    fn enter(
        &mut self,
        crossing: GateCrossing,
        age: TimeDelta,
        shop: &Shop,
        config: &FusionConfig,
        tracks: &mut TrackStore,
        out: &mut Vec<FusionEvent>,
    ) -> bool {
        let candidates: Vec<(TrackId, f64)> = at_gate(shop, crossing, tracks)
            .into_iter()
            .filter(|(id, _)| {
                tracks
                    .tracks
                    .get(id)
                    .is_some_and(|t| !t.left && (!t.settled || t.identity.of(Who::Unknown) > 0.5))
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
            out.push(FusionEvent::Notice(Notice::Tailgater {
                t: crossing.t,
                gate: crossing.gate,
            }));
        }
        let total: f64 = candidates.iter().map(|c| c.1).sum();
        let Some((id, weight)) = best else {
            if let (Some(gate), Who::Session(_)) =
                (shop.layout.gates.get(crossing.gate.usize()), who)
            {
                self.lost.push((who, crossing.t, gate.middle()));
            }
            return true;
        };
        if let Some(track) = tracks.tracks.get_mut(&id) {
            let p = 0.98 * weight / total.max(1e-9);
            track.identity = Identity::mostly(who, p.max(0.5));
            track.settled = true;
        }
        true
    }

    /// The party that scanned last before the crossing and still has people to come: the reader is one
    /// party's at a time, and a crossing that the barrier missed must not shift all that follow.
    fn next_scanned(&mut self, crossing: GateCrossing, config: &FusionConfig) -> Who {
        let early = TimeDelta::from_millis(-100);
        let next = self
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
            .map(|(id, _)| *id);
        match next.and_then(|id| self.parties.get_mut(&id).map(|p| (id, p))) {
            Some((id, party)) => {
                party.entered += 1;
                Who::Session(id)
            }
            None => Who::Unknown,
        }
    }

    fn leave(
        &mut self,
        crossing: GateCrossing,
        shop: &Shop,
        tracks: &mut TrackStore,
        out: &mut Vec<FusionEvent>,
    ) {
        let candidates: Vec<(TrackId, f64)> = at_gate(shop, crossing, tracks)
            .into_iter()
            .filter(|(id, _)| tracks.tracks.get(id).is_some_and(|t| !t.left))
            .collect();
        let mut weights: Vec<(Who, f64)> = Vec::new();
        let exclusive = tracks.exclusive(crossing.t, &self.inside());
        for (id, w) in &candidates {
            if let Some(identity) = exclusive.get(id) {
                weights.extend(identity.iter().map(|(who, p)| (who, p * w)));
            }
        }
        // Whoever is inside without a sure track may be the one, too.
        let inside: Vec<SessionId> = self
            .parties
            .iter()
            .filter(|(_, p)| p.left < p.entered.max(1))
            .map(|(id, _)| *id)
            .collect();
        let missing = self.missing(crossing.t + TRACKS_COME, tracks);
        for id in &inside {
            let who = Who::Session(*id);
            let n = missing.iter().find(|m| m.0 == who).map_or(0.0, |m| m.1);
            weights.push((who, if n > 0.5 { 0.05 * n.min(1.0) } else { 1e-3 }));
        }
        let nearest = candidates
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(id, _)| *id);
        if let Some(track) = nearest.and_then(|id| tracks.tracks.get_mut(&id)) {
            track.left = true;
        }
        let who = Identity::from_weights(weights.into_iter().filter(|(who, _)| match who {
            Who::Session(s) => inside.contains(s),
            Who::Unknown => true,
        }));
        let best = who
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((Who::Unknown, 1.0));
        let Who::Session(session) = best.0 else {
            out.push(FusionEvent::Notice(Notice::ExitWithoutEntry {
                t: crossing.t,
                gate: crossing.gate,
            }));
            return;
        };
        let Some(party) = self.parties.get_mut(&session) else {
            return;
        };
        party.left += 1;
        party.last_left = crossing.t;
        party.certainty = party.certainty.min(best.1);
        if party.left < party.entered {
            return;
        }
        let party_certainty = party.certainty;
        let exit = SessionExit {
            session,
            t: crossing.t,
            known_at: crossing.t,
            probability: party.certainty as f32,
        };
        self.leaving.push(exit);
        for track in tracks.tracks.values_mut().filter(|t| !t.left) {
            track
                .identity
                .weaken(Who::Session(session), 1.02 - party_certainty);
        }
        self.lost
            .retain(|(who, _, _)| *who != Who::Session(session));
    }

    /// Somebody who walked up to a way out and has not been seen since has left, barrier or not.
    fn miss_nobody(
        &mut self,
        now: StoreTime,
        shop: &Shop,
        tracks: &mut TrackStore,
        out: &mut Vec<FusionEvent>,
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

    fn awaits_people(&self, who: Who) -> bool {
        match who {
            Who::Session(s) => self.parties.get(&s).is_some_and(|p| p.entered < p.people),
            Who::Unknown => false,
        }
    }

    /// People of each party that are in the shop.
    pub(crate) fn inside(&self) -> BTreeMap<Who, f64> {
        self.parties
            .iter()
            .map(|(id, p)| {
                let people = p.entered.max(1).saturating_sub(p.left);
                (Who::Session(*id), f64::from(people))
            })
            .collect()
    }

    /// Parties with fewer live tracks than people inside, and how many people that is.
    pub(crate) fn missing(&self, now: StoreTime, tracks: &TrackStore) -> Vec<(Who, f64)> {
        self.parties
            .iter()
            .map(|(id, p)| {
                let who = Who::Session(*id);
                // A barrier misses somebody now and then: who scanned may be inside uncounted.
                let age = now.since(p.scanned);
                let uncounted =
                    if age > TimeDelta::from_secs(5) && (age < UNCOUNTED || p.entered == 0) {
                        p.people - p.entered.min(p.people)
                    } else {
                        0
                    };
                let inside = f64::from(p.entered.saturating_sub(p.left)) + f64::from(uncounted);
                (who, inside - tracks.tracked(who, now))
            })
            .filter(|(who, n)| {
                let gone = matches!(who, Who::Session(s) if self.has_left(*s, now));
                *n > 0.05 && !gone
            })
            .collect()
    }

    /// Tracks that began a while ago and that no gate claimed inherit from ended ones.
    fn settle_births(&mut self, now: StoreTime, shop: &Shop, tracks: &mut TrackStore) {
        let due: Vec<TrackId> = tracks
            .tracks
            .iter()
            .filter(|(id, t)| {
                !t.settled
                    && !t.left
                    && tracks
                        .birth(**id)
                        .is_some_and(|(born, _)| now.since(born) >= TRACKS_COME)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some((born, place)) = tracks.birth(id) else {
                continue;
            };
            // Somebody who stands before a gate, or did so a moment ago, waits for a crossing.
            let lately = now - TimeDelta::from_secs(3);
            let Some(here) = tracks.tracks.get(&id).and_then(|t| t.nearest(lately)) else {
                continue;
            };
            let fresh = now.since(born) < TimeDelta::from_secs(4);
            let waits = shop.layout.gates.iter().any(|g| {
                let depth = (here.position - g.middle()).dot(g.inward());
                let outside = depth < 0.4 && here.position.distance_to_segment(g.a, g.b) < 3.0;
                outside || (fresh && place.distance_to_segment(g.a, g.b) < NEAR_GATE_M)
            });
            if !waits {
                let at_gate = shop.layout.gates.iter().any(|g| {
                    let depth = (place - g.middle()).dot(g.inward());
                    let near = place.distance_to_segment(g.a, g.b);
                    near < NEAR_GATE_M || (depth < 0.0 && near < 3.0)
                });
                let mut missing = self.missing(now, tracks);
                if at_gate {
                    // Who begins at a gate and was counted by no barrier is of a party that misses one.
                    for (who, n) in &mut missing {
                        if self.awaits_people(*who) {
                            *n *= 100.0;
                        }
                    }
                }
                tracks.inherit(id, &mut self.lost, &missing);
            }
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
