//! People who are inside by the books and nowhere to be seen: who was inside already when a shop opened again, nobody knows where,
//! and whom neither a barrier nor a camera saw leave.

use super::{Departed, Gates};
use crate::FusionConfig;
use crate::identity::PersonIx;
use crate::tracks::{Track, TrackStore};
use std::collections::BTreeMap;
use walkout_model::{PartyKind, SessionOpened, StoreTime, TimeDelta, Who};

/// Nobody waits so long in a shop that is closed; in an open one something is recorded within it.
const NOBODY_WAITS: TimeDelta = TimeDelta::from_secs(7_200);
/// Whoever was inside when the shop opened again and is nowhere to be seen for so long, while others are, went while it was blind.
const LEFT_BEFORE: TimeDelta = TimeDelta::from_secs(300);
/// How sure it is that whoever is nowhere to be seen for so long has left.
const HAS_LEFT: f64 = 0.95;
/// That is asked at whole multiples of this.
const ASK_AGAIN: TimeDelta = TimeDelta::from_secs(10);
/// From this share of a person on that no track accounts for, they are nowhere.
const NOWHERE: f64 = 0.9;
/// Who is accounted for by so much is seen.
const PLAINLY_SEEN: f64 = 0.75;

/// Who is inside and not to be seen, and for how long.
#[derive(Clone, Debug, Default)]
pub(super) struct Absent {
    /// People who were inside already when the shop opened again, as long as they may have left before: for how long each was
    /// nowhere to be seen while others were.
    resumed: BTreeMap<PersonIx, TimeDelta>,
    /// Up to when the shop knew of them.
    known: StoreTime,
    /// The others who are nowhere: since when, and for how long while others were seen.
    lost: BTreeMap<PersonIx, (StoreTime, TimeDelta)>,
    /// When it was last asked where all are.
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
            self.absent.resumed.insert(person, TimeDelta::default());
        }
        self.absent.known = self.absent.known.max(known);
        true
    }

    /// Who is seen nowhere for long while others are has left, though nothing told of it: before the shop opened again, or when they
    /// were seen last. If the shop was closed for long, so have all who were inside.
    pub(super) fn miss_absent(
        &mut self,
        now: StoreTime,
        config: &FusionConfig,
        tracks: &mut TrackStore,
    ) {
        let slots = now.0.div_euclid(ASK_AGAIN.0);
        let asked_now = StoreTime(slots.saturating_mul(ASK_AGAIN.0));
        let Some(asked) = self.absent.asked.filter(|t| *t <= now) else {
            // The first instant, or the clock was set back.
            let is_first = self.absent.asked.is_none();
            self.absent.asked = Some(asked_now);
            self.absent.lost.clear();
            if !self.absent.resumed.is_empty() {
                self.people.came_before(now);
            }
            if is_first && now.since(self.absent.known) > NOBODY_WAITS {
                let all = std::mem::take(&mut self.absent.resumed);
                for person in all.into_keys() {
                    self.left_unseen(person, (self.absent.known, now), 1.0, tracks);
                }
            }
            return;
        };
        if asked_now <= asked {
            return;
        }
        self.absent.asked = Some(asked_now);
        let missing: BTreeMap<PersonIx, f64> =
            tracks.missing(now, &self.people).into_iter().collect();
        let share = |person: &PersonIx| missing.get(person).copied().unwrap_or(0.0);
        let Absent {
            resumed,
            known,
            lost,
            ..
        } = &mut self.absent;
        lost.retain(|person, _| share(person) >= NOWHERE);
        for person in missing.keys() {
            let is_staff = self.people.kind(self.people.who(*person)) == Some(PartyKind::Staff);
            if share(person) >= NOWHERE && !is_staff && !resumed.contains_key(person) {
                lost.entry(*person)
                    .or_insert((asked_now, TimeDelta::default()));
            }
        }
        // A shop that sees nobody may be blind.
        let sees = |t: &Track| t.settled && t.last().is_some_and(|p| now.since(p.t) < ASK_AGAIN);
        if !tracks.tracks.values().any(sees) {
            return;
        }
        let mut gone = Vec::new();
        resumed.retain(|person, unseen| {
            let share = share(person);
            if share >= NOWHERE {
                *unseen = *unseen + ASK_AGAIN;
                if *unseen >= LEFT_BEFORE {
                    gone.push((*person, *known, share));
                    return false;
                }
            } else {
                *unseen = TimeDelta::default();
            }
            // From now on they are somebody like all others.
            share > 1.0 - PLAINLY_SEEN
        });
        // Somebody went out just now, and who is not decided: it may be one of them.
        let is_decided = !self.departures.are_open();
        lost.retain(|person, (since, unseen)| {
            *unseen = *unseen + ASK_AGAIN;
            let has_left = is_decided && *unseen >= config.left_unseen;
            if has_left {
                gone.push((*person, *since, HAS_LEFT * share(person)));
            }
            !has_left
        });
        for (person, t, certainty) in gone {
            self.left_unseen(person, (t, now), certainty, tracks);
        }
    }

    /// Somebody had left at `t`, unseen, as is concluded `now`.
    fn left_unseen(
        &mut self,
        person: PersonIx,
        (t, now): (StoreTime, StoreTime),
        certainty: f64,
        tracks: &mut TrackStore,
    ) {
        let Some(known) = self
            .people
            .get(person)
            .copied()
            .filter(|p| p.left.is_none())
        else {
            return;
        };
        let t = t.max(known.entered);
        self.people.leave(person, t, certainty, now);
        tracks.gone(person, certainty);
        self.count_out(Departed {
            who: known.who,
            person,
            t,
            certainty,
        });
    }
}
