//! Which conclusions agree with which true actions.
//!
//! Every true action puts its units into a pool under (shelf, party, product, direction), valid from
//! [`SLACK`] before the hand came to [`SLACK`] after the goods had moved. A movement is *right* when all its units are
//! found in the pool of its own key at its own time; they are taken out, so that nothing is
//! explained twice. Units, not actions, are matched: two units taken in one grab are rightly explained by one
//! movement of two or by two of one. Goods that changed hands are rightly explained by who held them last: each
//! hand-over moves its units from the giver's latest take of the product into the receiver's pool, along the
//! chain. Movements are served in order of time, actions earliest end first; since a pool's units differ in
//! nothing but time, another order could only change a match at the edge of the slack.

use crate::outcome::{Claim, Guess, Outcome};
use crate::truth::{Action, ActionKind, Truth};
use walkout_model::{Decision, Gtin, StoreTime, TimeDelta};

/// How far a movement's time may lie outside the action that it explains. Detectors date a step by
/// the shelf's rest, which comes a second or two after the hand has gone.
pub const SLACK: TimeDelta = TimeDelta::from_secs(5);

/// What the comparison of one run found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// For each guess of the outcome, whether its best explanation is right.
    pub right: Vec<bool>,
    /// For each guess, what stands after review: the best explanation of an accepted one; of one
    /// under review the right explanation if it is among the candidates, else nothing.
    pub settled: Vec<Option<Claim>>,
    /// Units of each true action that no best explanation covers. Units that were handed over count
    /// with the last hand-over, not with the take.
    pub missed: Vec<u32>,
    /// Units of each true action that nothing covers after review.
    pub uncovered: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Slot<'a> {
    action: usize,
    shelf: &'a str,
    phone: Option<u32>,
    gtin: Option<Gtin>,
    sign: i32,
    from: StoreTime,
    to: StoreTime,
    left: u32,
}

/// Compares a run's outcome with its truth.
pub fn compare(truth: &Truth, outcome: &Outcome) -> Matching {
    let mut slots = slots(truth);
    let right: Vec<bool> = outcome
        .guesses
        .iter()
        .map(|g| g.decision != Decision::LeaveOff && draw(&mut slots, g, g.best))
        .collect();
    let missed = left_over(truth, &slots);
    let settled: Vec<Option<Claim>> = outcome
        .guesses
        .iter()
        .zip(&right)
        .map(|(g, &right)| match g.decision {
            Decision::LeaveOff => None,
            Decision::Accept => Some(g.best),
            Decision::Review if right => Some(g.best),
            Decision::Review => g
                .others
                .iter()
                .map(|&(claim, _)| claim)
                .find(|&claim| draw(&mut slots, g, claim)),
        })
        .collect();
    let uncovered = left_over(truth, &slots);
    Matching {
        right,
        settled,
        missed,
        uncovered,
    }
}

/// Units of each action that are still in the pools.
fn left_over(truth: &Truth, slots: &[Slot<'_>]) -> Vec<u32> {
    let mut left = vec![0; truth.actions.len()];
    for slot in slots {
        left[slot.action] += slot.left;
    }
    left
}

fn slots(truth: &Truth) -> Vec<Slot<'_>> {
    let mut slots = Vec::new();
    for (i, action) in truth.actions.iter().enumerate() {
        if action.kind == ActionKind::HandOver {
            hand_over(&mut slots, i, action);
        }
        let Some(shelf) = action.shelf.as_deref() else {
            continue;
        };
        let sign = match action.kind {
            ActionKind::HandOver | ActionKind::Touch => continue,
            ActionKind::Take | ActionKind::ForeignTake => 1,
            ActionKind::Put | ActionKind::Restock | ActionKind::ForeignPut => -1,
            // Goods out of place are picked up to be tidied, and set down in their lane.
            ActionKind::Tidy if action.home => -1,
            ActionKind::Tidy => 1,
        };
        slots.push(Slot {
            action: i,
            shelf,
            phone: action.phone,
            gtin: action.gtin,
            sign,
            from: action.t_start - SLACK,
            to: action.t_end + SLACK,
            left: action.units.max(u32::from(action.gtin.is_none())),
        });
    }
    slots
}

/// Moves what was handed over from the giver's pool to the receiver's. Actions come in order of time, so
/// that all takes before it are there; units of a product differ in nothing, and the latest go first.
fn hand_over(slots: &mut Vec<Slot<'_>>, index: usize, action: &Action) {
    let mut units = action.units;
    for at in (0..slots.len()).rev() {
        let slot = &mut slots[at];
        if (slot.phone, slot.gtin, slot.sign) != (action.phone, action.gtin, 1) || units == 0 {
            continue;
        }
        let n = slot.left.min(units);
        slot.left -= n;
        units -= n;
        let handed = Slot {
            action: index,
            phone: action.to_phone,
            left: n,
            ..*slot
        };
        slots.push(handed);
    }
}

/// Takes a claim's units out of the pools; takes nothing and says no where they are not all there.
fn draw(slots: &mut [Slot<'_>], guess: &Guess, claim: Claim) -> bool {
    let wanted = claim.quantity.unsigned_abs();
    let open = |slot: &Slot<'_>| {
        slot.left > 0
            && slot.shelf == guess.shelf
            && slot.phone == claim.phone
            && slot.gtin == claim.gtin
            && slot.sign == claim.quantity.signum()
            && slot.from <= guess.within.1
            && guess.within.0 <= slot.to
    };
    let there: u32 = slots.iter().filter(|s| open(s)).map(|s| s.left).sum();
    if wanted == 0 || there < wanted {
        return false;
    }
    let mut wanted = wanted;
    for slot in slots.iter_mut().filter(|s| open(s)) {
        let n = slot.left.min(wanted);
        slot.left -= n;
        wanted -= n;
    }
    true
}
