//! A shop that opens again: who was inside already, nobody knows where, and who left before it did.

use super::{Departed, Gates};
use crate::identity::PersonIx;
use crate::tracks::{Track, TrackStore};
use std::collections::BTreeMap;
use walkout_model::{SessionOpened, StoreTime, TimeDelta, Who};

/// Nobody waits so long in a shop that is closed; in an open one something is recorded within it.
const NOBODY_WAITS: TimeDelta = TimeDelta::from_secs(7_200);
/// Whoever was inside when the shop opened again and is nowhere to be seen for so long, while others are, went while it was blind.
const LEFT_UNSEEN: TimeDelta = TimeDelta::from_secs(300);
/// That is asked no more often than this.
const ASK_AGAIN: TimeDelta = TimeDelta::from_secs(10);
/// From this share of a person on that no track accounts for, they are nowhere.
const NOWHERE: f64 = 0.9;
/// Who is accounted for by so much is seen.
const PLAINLY_SEEN: f64 = 0.75;

/// People who were inside already when the shop opened again, as long as they may have left before.
#[derive(Clone, Debug, Default)]
pub(super) struct Resumed {
    /// For how long each was nowhere to be seen while others were.
    unseen: BTreeMap<PersonIx, TimeDelta>,
    /// Up to when the shop knew of them.
    known: StoreTime,
    /// When it was last asked where they are.
    asked: Option<StoreTime>,
}

impl Gates {
    /// A party was let in before the shop opened again: all of it are inside, nobody knows where; the shop knew of them until `known`.
    /// `false` if it was told before, or too many are.
    pub(crate) fn resume(
        &mut self,
        opened: SessionOpened,
        known: StoreTime,
        tracks: &mut TrackStore,
    ) -> bool {
        if !self.open(opened) {
            return false;
        }
        for _ in 0..opened.people.max(1) {
            let person = self.people.enter(Who::Session(opened.session), opened.t);
            tracks.lineage.unplaced(person);
            self.resumed.unseen.insert(person, TimeDelta::default());
        }
        self.resumed.known = self.resumed.known.max(known);
        true
    }

    /// Who was inside when the shop opened again, and is seen nowhere for long while others are, left before it did: when, nobody knows.
    /// So did all, if the shop was closed for long.
    pub(super) fn miss_resumed(&mut self, now: StoreTime, tracks: &mut TrackStore) {
        if self.resumed.unseen.is_empty() {
            return;
        }
        let Some(asked) = self.resumed.asked.filter(|t| *t <= now) else {
            // The first instant, or the clock was set back.
            let is_first = self.resumed.asked.is_none();
            self.resumed.asked = Some(now);
            self.people.came_before(now);
            if is_first && now.since(self.resumed.known) > NOBODY_WAITS {
                let all = std::mem::take(&mut self.resumed.unseen);
                for person in all.into_keys() {
                    self.left_before(person, 1.0, tracks);
                }
            }
            return;
        };
        if now.since(asked) < ASK_AGAIN {
            return;
        }
        self.resumed.asked = Some(now);
        // A shop that sees nobody may be blind.
        let sees = |t: &Track| t.settled && t.last().is_some_and(|p| now.since(p.t) < ASK_AGAIN);
        if !tracks.tracks.values().any(sees) {
            return;
        }
        let missing: BTreeMap<PersonIx, f64> =
            tracks.missing(now, &self.people).into_iter().collect();
        let mut gone = Vec::new();
        self.resumed.unseen.retain(|person, unseen| {
            let share = missing.get(person).copied().unwrap_or(0.0);
            if share >= NOWHERE {
                *unseen = *unseen + ASK_AGAIN;
                if *unseen >= LEFT_UNSEEN {
                    gone.push((*person, share));
                    return false;
                }
            } else {
                *unseen = TimeDelta::default();
            }
            // From now on they are somebody like all others.
            share > 1.0 - PLAINLY_SEEN
        });
        for (person, share) in gone {
            self.left_before(person, share, tracks);
        }
    }

    fn left_before(&mut self, person: PersonIx, certainty: f64, tracks: &mut TrackStore) {
        let Some(known) = self
            .people
            .get(person)
            .copied()
            .filter(|p| p.left.is_none())
        else {
            return;
        };
        let t = self.resumed.known.max(known.entered);
        self.people.leave(person, t, certainty);
        tracks.gone(person, certainty);
        self.count_out(Departed {
            who: known.who,
            person,
            t,
            certainty,
        });
    }
}
