//! Who went out: crossings outward and the stretches that made them, weighed together until it is plain
//! whose they were. A departure waits while it may be one of several people: those who still walk
//! about, or go out next, say who it was not.

use crate::Notice;
use crate::gates::{Departed, GateEvent};
use crate::identity::{Identity, People, PersonIx, STRANGER};
use crate::lineage::SegmentIx;
use crate::tracks::{Claims, TrackStore};
use std::collections::BTreeMap;
use walkout_model::{GateIx, StoreTime, TimeDelta, Who};

/// Departures that are undecided, at most; the oldest are decided as they stand.
const OPEN_MAX: usize = 256;
/// How often undecided departures are looked at.
const LOOK_AGAIN: TimeDelta = TimeDelta::from_millis(500);
/// A departure this sure is decided at once.
const SURE: f64 = 0.95;
/// One that is a little less sure waits for the next few seconds' evidence.
const LIKELY: f64 = 0.8;
const LIKELY_AFTER: TimeDelta = TimeDelta::from_secs(8);
/// One that is more probable than not, for longer.
const RATHER: f64 = 0.5;
const RATHER_AFTER: TimeDelta = TimeDelta::from_secs(30);
/// After this long the most probable one it is.
const AT_LAST: TimeDelta = TimeDelta::from_secs(90);
/// A crossing that nobody was seen at, and after which nobody is missing, was none.
const NOBODY_AFTER: TimeDelta = TimeDelta::from_secs(10);

/// How often somebody at the line is one of whom all tracks were lost, whatever its own track says.
const LOST_TRACK: f64 = 0.02;
/// Weight of a barrier that trips without anybody, against somebody missing who was not seen at it.
const TRIPS: f64 = 0.3;
/// How often who was said to have left at p = 1 has not.
const MISTAKEN: f64 = 0.01;
/// How often who has left seems to leave again: as their double, or because they stand in the line.
const AGAIN: f64 = 0.02;

/// A crossing outward, or a track that ended on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departure {
    pub t: StoreTime,
    pub gate: GateIx,
    /// The stretch of the track that was at the line, if there was one.
    pub segment: Option<SegmentIx>,
}

/// What becomes of a departure.
enum Verdict {
    Wait,
    /// It was this person, with this probability of their party.
    Left(PersonIx, f64),
    /// It was somebody who is said to have left already, or nobody at all.
    Nothing,
    Stranger,
}

/// Departures that are not decided yet, in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Departures {
    open: Vec<Departure>,
    looked: Option<StoreTime>,
}

impl Departures {
    pub(crate) fn add(&mut self, departure: Departure, tracks: &mut TrackStore) {
        let at = self.open.partition_point(|d| d.t <= departure.t);
        self.open.insert(at, departure);
        tracks.departed.extend(departure.segment);
        self.looked = None;
    }

    /// Whether something waits to be decided.
    pub(crate) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Decides what can be decided at `now`.
    pub(crate) fn decide(
        &mut self,
        now: StoreTime,
        hold: TimeDelta,
        people: &mut People,
        tracks: &mut TrackStore,
        out: &mut Vec<GateEvent>,
    ) -> Vec<Departed> {
        let mut left = Vec::new();
        let early = self
            .looked
            .is_some_and(|t| now.since(t) < LOOK_AGAIN && now >= t);
        if self.open.is_empty() || early {
            return left;
        }
        self.looked = Some(now);
        // The same for all until one of them is decided.
        let mut claims = None;
        let mut at = 0;
        while let Some(departure) = self.open.get(at).copied() {
            let age = now.since(departure.t);
            let verdict = if age < hold {
                Verdict::Wait
            } else {
                let forced = self.open.len() > OPEN_MAX;
                let claims = claims.get_or_insert_with(|| tracks.claims(now));
                weigh(&departure, age, forced, people, claims, tracks)
            };
            match verdict {
                Verdict::Wait => {
                    at += 1;
                    continue;
                }
                Verdict::Left(person, certainty) => {
                    let who = people.who(person);
                    people.leave(person, departure.t, certainty, now);
                    tracks.gone(person, certainty);
                    left.push(Departed {
                        who,
                        person,
                        t: departure.t,
                        certainty,
                    });
                }
                Verdict::Nothing => {}
                Verdict::Stranger => out.push(GateEvent::Notice(Notice::ExitWithoutEntry {
                    t: departure.t,
                    gate: departure.gate,
                })),
            }
            claims = None;
            self.open.remove(at);
            if let Some(segment) = departure.segment {
                tracks.departed.retain(|s| *s != segment);
            }
        }
        left
    }
}

fn weigh(
    departure: &Departure,
    age: TimeDelta,
    forced: bool,
    people: &People,
    claims: &Claims,
    tracks: &TrackStore,
) -> Verdict {
    // Who else is where, now: those who walk about have not left, and nobody leaves twice.
    let missing: Vec<(PersonIx, f64)> = claims
        .missing(people)
        .into_iter()
        .filter(|(p, n)| {
            let came_before = people.get(*p).is_some_and(|p| p.entered < departure.t);
            came_before && *n > 0.1
        })
        .collect();
    let absent: f64 = missing.iter().map(|m| m.1).sum();
    let mut weights: Vec<(PersonIx, f64)> = Vec::new();
    let mut nothing = 0.0;
    // Weight of all of somebody who is missing.
    let mut lost = 1.0;
    match departure.segment {
        Some(segment) => {
            let who = match claims.departed_as(segment) {
                Some(who) => who.clone(),
                None => tracks.lineage.identity(segment),
            };
            let mut mistaken = 0.0;
            for (person, p) in who.iter() {
                match people.get(person).map(|p| p.left) {
                    // Said to have left before; if that was a mistake, it is them now, and it was somebody who is missing then.
                    Some(Some((_, certainty))) => {
                        mistaken += p * (1.0 - certainty + MISTAKEN);
                        nothing += p * AGAIN;
                    }
                    _ => weights.push((person, p)),
                }
            }
            nothing += mistaken * (1.0 - absent).max(0.0);
            lost = (LOST_TRACK + mistaken) / absent.max(1.0);
            weights.extend(missing.iter().map(|(p, n)| (*p, lost * n)));
        }
        None => {
            nothing = TRIPS;
            weights.extend(missing.iter().copied());
        }
    }
    let total = nothing + weights.iter().map(|w| w.1).sum::<f64>();
    if total <= 0.0 {
        return Verdict::Nothing;
    }
    let mut parties: BTreeMap<Who, f64> = BTreeMap::new();
    let who = Identity::from_weights(weights);
    for (person, p) in who.iter() {
        *parties.entry(people.who(person)).or_default() += p * (1.0 - nothing / total);
    }
    let best = parties.iter().max_by(|a, b| a.1.total_cmp(b.1));
    let (party, certainty) = best.map_or((Who::Unknown, 0.0), |(who, p)| (*who, *p));
    let idle = nothing / total;
    // That it was somebody who is missing, and not whom the track looks like, is gone by late: they may come to light.
    let by_absence = missing.iter().filter(|(p, _)| people.who(*p) == party);
    let by_absence: f64 = by_absence.map(|(_, n)| lost * n).sum();
    let is_inferred = departure.segment.is_some() && by_absence > 0.5 * certainty * total;
    let limit = if forced || age > AT_LAST {
        0.0
    } else if age > RATHER_AFTER {
        RATHER
    } else if age > LIKELY_AFTER && !is_inferred {
        LIKELY
    } else {
        SURE
    };
    if idle >= certainty {
        let after = if departure.segment.is_some() {
            TimeDelta::from_secs(3)
        } else {
            NOBODY_AFTER
        };
        return if idle >= limit.min(LIKELY) && age > after {
            Verdict::Nothing
        } else {
            Verdict::Wait
        };
    }
    if certainty < limit {
        return Verdict::Wait;
    }
    if party == Who::Unknown {
        return Verdict::Stranger;
    }
    let person = who
        .iter()
        .filter(|(p, _)| *p != STRANGER && people.who(*p) == party)
        .max_by(|a, b| a.1.total_cmp(&b.1));
    person.map_or(Verdict::Nothing, |(p, _)| Verdict::Left(p, certainty))
}
