//! What was said and stands: the movements that a new look at a step may replace.

use crate::FusionEvent;
use std::collections::{BTreeMap, BTreeSet};
use walkout_model::{
    Alternative, AttributedMovement, Decision, MovementId, SessionId, StoreTime, Who,
};

/// A probability that changed by less is not worth another entry.
const SAME: f32 = 0.02;
/// A mass that is known so many times as well as it was told is worth one.
const ROUGH: i64 = 3;
/// Parts of steps are remembered up to this number.
const SAID_MAX: usize = 4_096;
/// Sessions that left are remembered up to this number.
const CLOSED_MAX: usize = 65_536;

/// The movements that stand, by step and part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    said: BTreeMap<(u64, usize), Vec<Said>>,
    /// Those of them that the late engine has spoken of.
    settled: BTreeSet<(u64, usize)>,
    closed: BTreeSet<SessionId>,
}

#[derive(Clone, Debug)]
struct Said {
    movement: AttributedMovement,
    revision: u64,
}

impl Standing {
    /// A first answer, for the carts on the phones. It gives way to a better one.
    pub(crate) fn propose(
        &mut self,
        serial: u64,
        part: usize,
        movements: Vec<AttributedMovement>,
        now: StoreTime,
        out: &mut Vec<FusionEvent>,
    ) {
        if !self.settled.contains(&(serial, part)) {
            self.say(serial, part, movements, false, now, out);
        }
    }

    /// A better answer.
    pub(crate) fn revise(
        &mut self,
        serial: u64,
        part: usize,
        movements: Vec<AttributedMovement>,
        now: StoreTime,
        out: &mut Vec<FusionEvent>,
    ) {
        self.settled.insert((serial, part));
        self.say(serial, part, movements, true, now, out);
    }

    /// Says what differs from what stands.
    fn say(
        &mut self,
        serial: u64,
        part: usize,
        movements: Vec<AttributedMovement>,
        settled: bool,
        now: StoreTime,
        out: &mut Vec<FusionEvent>,
    ) {
        if movements.is_empty() && !self.said.contains_key(&(serial, part)) {
            return;
        }
        let said = self.said.entry((serial, part)).or_default();
        let (n, parts) = (movements.len(), said.len());
        for (i, mut movement) in movements.into_iter().enumerate() {
            movement.known_at = now;
            match said.get_mut(i) {
                Some(old) => {
                    let better = settled && was_rough(&old.movement, &movement);
                    if same(&old.movement, &movement) && !better {
                        continue;
                    }
                    // Who has left has been charged; only that it was somebody else is still news. Where a person is asked
                    // about them, that still waits for its answer.
                    let who = movement.best.who;
                    if is_closed(&self.closed, who)
                        && (old.movement.best.who == who
                            || parts == n && is_asked(&old.movement, &movement))
                    {
                        continue;
                    }
                    leave_the_gone(&self.closed, &mut movement);
                    if same(&old.movement, &movement) && !better {
                        continue;
                    }
                    old.revision += 1;
                    movement.id = id(serial, old.revision, part, i);
                    movement.supersedes = Some(old.movement.id);
                    old.movement = movement.clone();
                    out.push(FusionEvent::Movement(movement));
                }
                None => {
                    leave_the_gone(&self.closed, &mut movement);
                    movement.id = id(serial, 0, part, i);
                    said.push(Said {
                        movement: movement.clone(),
                        revision: 0,
                    });
                    out.push(FusionEvent::Movement(movement));
                }
            }
        }
        for (i, old) in said.iter_mut().enumerate().skip(n) {
            if old.movement.decision == Decision::LeaveOff {
                continue;
            }
            old.revision += 1;
            let supersedes = Some(old.movement.id);
            old.movement.id = id(serial, old.revision, part, i);
            old.movement.supersedes = supersedes;
            old.movement.decision = Decision::LeaveOff;
            old.movement.known_at = now;
            out.push(FusionEvent::Movement(old.movement.clone()));
        }
    }

    /// A party has left: nothing new is charged to it.
    pub(crate) fn close(&mut self, session: SessionId) {
        self.closed.insert(session);
        while self.closed.len() > CLOSED_MAX {
            self.closed.pop_first();
        }
    }

    /// Forgets steps that will not be looked at again.
    pub(crate) fn forget(&mut self, open: impl Fn(u64) -> bool) {
        if self.said.len() <= SAID_MAX {
            return;
        }
        // What was proposed lately is not with the late engine yet: only the oldest are tried.
        let done: Vec<(u64, usize)> = self
            .said
            .iter()
            .take(8)
            .filter(|((serial, _), said)| {
                !open(*serial)
                    && said
                        .iter()
                        .all(|s| s.movement.supersedes.is_some() || s.revision == 0)
            })
            .map(|(key, _)| *key)
            .collect();
        for key in done {
            self.said.remove(&key);
            self.settled.remove(&key);
        }
    }
}

/// What somebody did who has left already can no longer be charged.
fn leave_the_gone(closed: &BTreeSet<SessionId>, movement: &mut AttributedMovement) {
    if is_closed(closed, movement.best.who) {
        movement.decision = Decision::LeaveOff;
    }
}

/// Whether what was said is in doubt and this is one of the answers that it offers.
fn is_asked(said: &AttributedMovement, now: &AttributedMovement) -> bool {
    let claim = |a: &Alternative| (a.who, a.sku, a.quantity);
    let mut offered = said.alternatives.iter();
    said.decision == Decision::Review && offered.any(|a| claim(a) == claim(&now.best))
}

fn is_closed(closed: &BTreeSet<SessionId>, who: Who) -> bool {
    matches!(who, Who::Session(session) if closed.contains(&session))
}

fn same(old: &AttributedMovement, new: &AttributedMovement) -> bool {
    let claim = |m: &AttributedMovement| (m.best.who, m.best.sku, m.best.quantity, m.lane);
    claim(old) == claim(new)
        && old.decision == new.decision
        && (old.best.probability - new.best.probability).abs() < SAME
}

/// Whether the evidence told of a movement was a first impression: who asks why should be told what decided.
fn was_rough(old: &AttributedMovement, new: &AttributedMovement) -> bool {
    let (old, new) = (&old.evidence, &new.evidence);
    old.sigma_mg > new.sigma_mg.saturating_mul(ROUGH)
        || old.looks.is_empty() && !new.looks.is_empty()
}

fn id(serial: u64, revision: u64, part: usize, i: usize) -> MovementId {
    MovementId(
        (serial << 16) | ((revision & 0xff) << 8) | ((part as u64 & 0xf) << 4) | (i as u64 & 0xf),
    )
}

/// The number of the step that a movement was concluded from. What comes after a restart must be numbered above all that is recorded,
/// or it would be taken for what came before.
pub fn step_of(movement: MovementId) -> u64 {
    movement.0 >> 16
}

/// No movement of a step with this number, or of one with a higher one, is less than this.
pub fn first_of(step: u64) -> MovementId {
    MovementId(step << 16)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_movement_tells_which_step_it_is_of() {
        let last = super::id(41, 300, 1, 7);
        assert_eq!(super::step_of(last), 41);
        assert!(super::first_of(41) <= last && last < super::first_of(42));
    }

    use super::*;
    use walkout_model::{Evidence, ShelfIx, SkuIx};

    fn who(n: u64) -> Who {
        Who::Session(SessionId(n))
    }

    fn take(best: Who, other: Who, decision: Decision) -> AttributedMovement {
        let claim = |who, probability| Alternative {
            who,
            sku: Some(SkuIx(0)),
            quantity: 1,
            probability,
        };
        AttributedMovement {
            id: MovementId(0),
            t: StoreTime::default(),
            known_at: StoreTime::default(),
            shelf: ShelfIx(0),
            lane: None,
            best: claim(best, 0.55),
            alternatives: vec![claim(other, 0.44)],
            decision,
            supersedes: None,
            evidence: Evidence::default(),
        }
    }

    #[test]
    fn a_question_about_those_who_left_waits_for_its_answer() {
        let mut standing = Standing::default();
        let revise = |standing: &mut Standing, movement| {
            let mut out = Vec::new();
            standing.revise(1, 0, vec![movement], StoreTime::default(), &mut out);
            out.into_iter()
                .map(|event| match event {
                    FusionEvent::Movement(m) => m.decision,
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
        };
        let (a, b) = (who(1), who(2));
        assert_eq!(
            revise(&mut standing, take(a, b, Decision::Review)),
            [Decision::Review]
        );
        standing.close(SessionId(1));
        standing.close(SessionId(2));
        // Now it was rather the other: the question stands.
        assert!(revise(&mut standing, take(b, a, Decision::Review)).is_empty());
        // That it was somebody inside is news; that it was somebody else who left comes too late.
        let inside = who(3);
        assert_eq!(
            revise(&mut standing, take(inside, a, Decision::Accept)),
            [Decision::Accept]
        );
        assert_eq!(
            revise(&mut standing, take(a, b, Decision::Accept)),
            [Decision::LeaveOff]
        );
    }
}
