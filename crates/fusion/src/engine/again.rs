//! The log gone through again when somebody leaves, and what is forgotten of it.

use super::{DEEDS_MAX, Engine, EngineEvent, Role};
use crate::deeds::{
    Entry, LINKED_WITHIN, assign, beside, deeds_of, made_about, nearby, revise, streak_about,
    untold,
};
use crate::{decide, pairing};
use std::collections::BTreeSet;
use walkout_model::{StoreTime, TimeDelta, Who};

/// Identities are not smoothed again so soon when somebody leaves: where people leave all the time, one smoothing does for several.
const SMOOTH_AT_EXIT: TimeDelta = TimeDelta::from_millis(300);
/// Deeds are gone through again for so long, even while somebody stays in the shop for ever.
const REMEMBER: TimeDelta = TimeDelta::from_secs(1_800);

impl Engine {
    /// Goes through the log again with all that is known by now, and explains anew what those who
    /// leave may have done.
    pub(super) fn explain_again(
        &mut self,
        leaving: &[Who],
        now: StoreTime,
        out: &mut Vec<EngineEvent>,
    ) {
        self.smooth(now, SMOOTH_AT_EXIT);
        let mut log = std::mem::take(&mut self.log);
        log.sort_by_key(Entry::t);
        let mut belief = self.base.clone();
        let mut changed = BTreeSet::new();
        for at in 0..log.len() {
            let (earlier, rest) = log.split_at_mut(at);
            let (this, later) = rest.split_at_mut(1);
            match this.first_mut() {
                Some(Entry::Deed(deed)) => {
                    let concerned = !deed.stands
                        && deed
                            .witness
                            .concerns(leaving, &self.tracks.lineage, &self.gates.people);
                    if concerned || !deed.handed.is_empty() {
                        changed.insert(at);
                    }
                    deed.handed.clear();
                    if concerned {
                        deed.stands = deed.witness.stands(&self.tracks.lineage);
                        let before = made_about(earlier, earlier.len(), deed);
                        let others = before.chain(made_about(later, 0, deed));
                        let streak = streak_about(earlier, later, deed);
                        let t = deed.step.t_change;
                        let told = deeds_of(nearby(earlier, &[], t, LINKED_WITHIN));
                        let linked =
                            beside(deed, told, deeds_of(nearby(&[], later, t, LINKED_WITHIN)));
                        self.weigh(deed, &belief, others, streak, &linked);
                        deed.witness.tell(
                            &decide::by_party(&deed.hypotheses),
                            &mut self.tracks.lineage,
                            &self.gates.people,
                        );
                    }
                    let revisions = pairing::revise(&mut belief, &deed.hypotheses);
                    changed.extend(revise(earlier, revisions));
                }
                Some(Entry::Handed(handed)) => {
                    self.weigh_meeting(handed, &belief);
                    changed.extend(assign(earlier, handed));
                }
                Some(Entry::Exchange(exchange)) => {
                    let (lineage, people) = (&self.tracks.lineage, &self.gates.people);
                    if !exchange.stands && exchange.concerns(leaving, lineage, people) {
                        exchange.stands = exchange.is_settled(lineage);
                        let untold = untold(earlier, later, exchange);
                        self.weigh_exchange(exchange, &belief, untold);
                        changed.insert(at);
                    }
                }
                _ => {}
            }
            if let Some(entry) = this.first() {
                entry.learn(&mut belief);
            }
            pairing::forget(&mut belief);
        }
        for at in changed {
            match log.get(at) {
                Some(Entry::Deed(deed)) => out.push(self.answer(deed, now)),
                Some(Entry::Exchange(exchange)) => out.push(self.answer_exchange(exchange, now)),
                _ => {}
            }
        }
        self.log = log;
        self.belief = belief;
    }

    /// Takes deeds as they stand that nobody inside can have done.
    pub(super) fn forget(&mut self, now: StoreTime) {
        if self.role == Role::Prompt {
            let recent = now - TimeDelta::from_secs(60);
            self.gates.people.forget(recent);
            if self.log.len() > DEEDS_MAX {
                self.log.clear();
            }
            return;
        }
        let inside = self.gates.people.earliest().unwrap_or(now);
        let horizon = inside
            .min(now - TimeDelta::from_secs(60))
            .max(now - REMEMBER);
        if self.log.first().is_none_or(|e| e.t() >= horizon) && self.log.len() <= DEEDS_MAX {
            return;
        }
        let mut n = 0;
        while n < self.log.len() && (self.log[n].t() < horizon || self.log.len() - n > DEEDS_MAX) {
            self.log[n].learn(&mut self.base);
            match &self.log[n] {
                Entry::Deed(deed) => self.known.remove(&deed.step.serial),
                Entry::Exchange(exchange) => self.known.remove(&exchange.serial()),
                _ => false,
            };
            n += 1;
        }
        self.log.drain(..n);
        self.gates.people.forget(horizon);
        let parties = &self.gates.people.parties;
        self.base.forget_carts(|s| parties.contains_key(&s));
        self.belief.forget_carts(|s| parties.contains_key(&s));
    }
}
