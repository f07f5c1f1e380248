//! Who a track may be: a distribution over the people in the shop, never a hard name.

use std::collections::BTreeMap;
use walkout_model::{GateIx, PartyKind, SessionId, StoreTime, Who};

/// Somebody who came in, numbered in order of entry. 0 is nobody known: a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PersonIx(pub u32);

/// Somebody whom no gate let in.
pub(crate) const STRANGER: PersonIx = PersonIx(0);

/// Somebody who came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub who: Who,
    pub entered: StoreTime,
    /// When they crossed outward, and how probable it is that it was them.
    pub left: Option<(StoreTime, f64)>,
    /// When that was concluded.
    concluded: StoreTime,
}

/// A party whose code was scanned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Party {
    pub kind: PartyKind,
    pub gate: GateIx,
    pub scanned: StoreTime,
    pub people: u32,
    pub entered: u32,
    pub left: u32,
    /// When it was let in, or somebody of it crossed inward last.
    pub last_in: StoreTime,
    /// When somebody of it crossed outward last.
    pub last_out: StoreTime,
    pub certainty: f64,
}

/// Everybody who came in and is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    pub parties: BTreeMap<SessionId, Party>,
    persons: BTreeMap<PersonIx, Person>,
    next: u32,
}

impl People {
    /// Somebody came in.
    pub(crate) fn enter(&mut self, who: Who, t: StoreTime) -> PersonIx {
        self.next += 1;
        if let Who::Session(s) = who
            && let Some(party) = self.parties.get_mut(&s)
        {
            party.entered += 1;
            party.last_in = party.last_in.max(t);
        }
        let ix = PersonIx(self.next);
        let person = Person {
            who,
            entered: t,
            left: None,
            concluded: t,
        };
        self.persons.insert(ix, person);
        ix
    }

    /// Whoever is said to come in after `t` did so by then: a clock was set back.
    pub(crate) fn came_before(&mut self, t: StoreTime) {
        for person in self.persons.values_mut() {
            person.entered = person.entered.min(t);
        }
    }

    /// Somebody left at `t`, as is concluded at `now`.
    pub(crate) fn leave(&mut self, ix: PersonIx, t: StoreTime, certainty: f64, now: StoreTime) {
        if let Some(person) = self.persons.get_mut(&ix) {
            person.left = Some((t, certainty));
            person.concluded = now;
        }
    }

    /// Whether somebody is known to have left before `t`.
    pub(crate) fn had_left(&self, ix: PersonIx, t: StoreTime) -> bool {
        let left = self.persons.get(&ix).and_then(|p| p.left);
        left.is_some_and(|(left, _)| left < t)
    }

    /// Those of a party who are still inside.
    pub(crate) fn still_inside(&self, who: Who) -> Vec<PersonIx> {
        let all = self.persons.iter();
        let inside = all.filter(|(_, p)| p.who == who && p.left.is_none());
        inside.map(|(ix, _)| *ix).collect()
    }

    /// When somebody came in whom no code let in and whom a gate saw coming.
    pub(crate) fn stranger(&self, ix: PersonIx) -> Option<StoreTime> {
        let person = self.persons.get(&ix)?;
        (person.who == Who::Unknown).then_some(person.entered)
    }

    pub(crate) fn who(&self, ix: PersonIx) -> Who {
        self.persons.get(&ix).map_or(Who::Unknown, |p| p.who)
    }

    pub(crate) fn kind(&self, who: Who) -> Option<PartyKind> {
        match who {
            Who::Session(s) => self.parties.get(&s).map(|p| p.kind),
            Who::Unknown => None,
        }
    }

    /// People who were in the shop at `t`.
    pub(crate) fn inside(&self, t: StoreTime) -> impl Iterator<Item = (PersonIx, &Person)> {
        self.persons
            .iter()
            .filter(move |(_, p)| p.entered <= t && p.left.is_none_or(|(left, _)| left >= t))
            .map(|(ix, p)| (*ix, p))
    }

    pub(crate) fn get(&self, ix: PersonIx) -> Option<&Person> {
        self.persons.get(&ix)
    }

    /// When the first of those who are still inside came in.
    pub(crate) fn earliest(&self) -> Option<StoreTime> {
        self.persons
            .values()
            .filter(|p| p.left.is_none())
            .map(|p| p.entered)
            .min()
    }

    /// Forgets those of whom it was concluded before `t` that they had left.
    pub(crate) fn forget(&mut self, t: StoreTime) {
        self.persons
            .retain(|_, p| p.left.is_none_or(|(left, _)| left.max(p.concluded) >= t));
        let persons = &self.persons;
        self.parties.retain(|session, party| {
            party.scanned >= t || persons.values().any(|p| p.who == Who::Session(*session))
        });
    }
}

/// Probabilities of people, sorted, summing to 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity(Vec<(PersonIx, f64)>);

/// Below this a person is dropped from a distribution.
const NEGLIGIBLE: f64 = 1e-5;

impl Identity {
    pub(crate) fn stranger() -> Self {
        Self(vec![(STRANGER, 1.0)])
    }

    /// `person` with probability `p`, else a stranger.
    pub(crate) fn mostly(person: PersonIx, p: f64) -> Self {
        Self::from_weights([(person, p), (STRANGER, 1.0 - p)])
    }

    /// Normalises weights; no weight at all is a stranger.
    pub(crate) fn from_weights(weights: impl IntoIterator<Item = (PersonIx, f64)>) -> Self {
        let mut all: Vec<(PersonIx, f64)> = weights
            .into_iter()
            .filter(|(_, w)| w.is_finite() && *w > 0.0)
            .collect();
        all.sort_by_key(|(p, _)| *p);
        all.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 += later.1;
            }
            same
        });
        let total: f64 = all.iter().map(|(_, w)| w).sum();
        if total <= 0.0 || !total.is_finite() {
            return Self::stranger();
        }
        all.retain(|(_, w)| *w >= NEGLIGIBLE * total);
        let total: f64 = all.iter().map(|(_, w)| w).sum();
        for (_, w) in &mut all {
            *w /= total;
        }
        Self(all)
    }

    /// From log weights.
    pub(crate) fn from_logs(logs: impl IntoIterator<Item = (PersonIx, f64)>) -> Self {
        let logs: Vec<(PersonIx, f64)> = logs.into_iter().filter(|(_, w)| !w.is_nan()).collect();
        let top = logs
            .iter()
            .map(|(_, w)| *w)
            .fold(f64::NEG_INFINITY, f64::max);
        Self::from_weights(logs.into_iter().map(|(p, w)| (p, (w - top).exp())))
    }

    pub(crate) fn of(&self, person: PersonIx) -> f64 {
        self.0
            .binary_search_by_key(&person, |(p, _)| *p)
            .map_or(0.0, |i| self.0[i].1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PersonIx, f64)> + '_ {
        self.0.iter().copied()
    }

    /// The same times a likelihood given as logs; people not named have 0.
    pub(crate) fn times(&self, logs: &[(PersonIx, f64)]) -> Self {
        if logs.is_empty() {
            return self.clone();
        }
        Self::from_logs(self.iter().map(|(p, w)| {
            let log = logs.iter().find(|(q, _)| *q == p).map_or(0.0, |(_, l)| *l);
            (p, w.ln() + log)
        }))
    }
}

/// Rounds of scaling at most.
const ROUNDS: usize = 12;

/// Who each of several tracks may be, given that nobody is in two places: people claimed more than
/// once give way where they are claimed least (Sinkhorn's scaling, downwards only, since people may be
/// without a track). Strangers may be many.
pub(crate) fn exclusive(mut all: Vec<Identity>) -> Vec<Identity> {
    for _ in 0..ROUNDS {
        let mut claimed: BTreeMap<PersonIx, f64> = BTreeMap::new();
        for identity in &all {
            for (person, p) in identity.iter() {
                *claimed.entry(person).or_default() += p;
            }
        }
        claimed.retain(|person, claims| *person != STRANGER && *claims > 1.0);
        if claimed.values().all(|claims| *claims <= 1.001) {
            break;
        }
        // Most tracks are nobody's but one person's, and stay as they are.
        for identity in &mut all {
            if identity.iter().any(|(p, _)| claimed.contains_key(&p)) {
                *identity = Identity::from_weights(identity.iter().map(|(person, p)| {
                    let claims = claimed.get(&person).copied().unwrap_or(1.0);
                    (person, p / claims)
                }));
            }
        }
    }
    all
}
