//! What an earlier step brought about and this fall may end: a thing that lay there, a hand that rested, a lift that
//! was held halfway.

use super::blend;
use crate::belief::{Belief, Foreign};
use crate::looks::Held;
use crate::place::SeenShares;
use walkout_model::{TimeDelta, WeightStep, Who};

/// How long a hand rests on a shelf at most.
const HAND_RESTS: TimeDelta = TimeDelta::from_secs(9);
/// How long a lift may take.
const LIFT_LASTS: TimeDelta = TimeDelta::from_secs(90);
/// How far apart a foreign thing and its removal may seem to be, metres.
const SAME_SPOT_M: f64 = 0.2;

/// Ways in which foreign things may leave, at most.
const REMOVALS_MAX: usize = 24;

/// Foreign things that may leave the shelf in one step.
#[derive(Clone, Debug)]
pub(super) struct Removal {
    pub serials: Vec<u64>,
    pub grams: f64,
    pub var: f64,
    /// Shares of the plates.
    pub shares: Vec<f64>,
    /// Log probability that they are there.
    pub there: f64,
    /// Whose they are.
    pub who: Vec<(Who, f64)>,
    pub kind: RemovalKind,
    /// What whoever takes it away holds then, with probabilities; nothing for a hand. A [`Case`](super::Case) knows.
    pub held: Vec<(Held, f64)>,
}

/// What an earlier step brought about that may end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemovalKind {
    /// A thing that was laid down, or what is left of a hand that has eased.
    Thing,
    /// What may be a hand that has rested there since.
    Hand,
    /// Something that was lifted halfway and has been held since: its grams are those that are gone.
    Lift,
}

/// Foreign things whose removal this fall may be: each alone, a hand together with a thing, and what is left of a hand
/// that has eased in an earlier fall.
pub(super) fn removals(belief: &Belief, step: &WeightStep, seen: &SeenShares) -> Vec<Removal> {
    let near: Vec<&Foreign> = belief
        .foreign
        .iter()
        .filter(|f| {
            f.step.delta_g > 0.0
                && f.step.shelf == step.shelf
                && (f.x_m - seen.x_m).abs() < SAME_SPOT_M
                && f.probability > 0.003
                && f.step.t_change <= step.t_change
        })
        .collect();
    let first = |f: &Foreign| Removal {
        serials: vec![f.serial()],
        grams: f.mass().0,
        var: f.mass().1,
        shares: seen.of_other(&f.step),
        there: f.probability.clamp(1e-6, 1.0).ln(),
        who: f.who.clone(),
        kind: if step.t_change.since(f.step.t_change) < HAND_RESTS {
            RemovalKind::Hand
        } else {
            RemovalKind::Thing
        },
        held: Vec::new(),
    };
    let singles: Vec<Removal> = near.iter().map(|f| first(f)).collect();
    let mut all = singles.clone();
    for (i, a) in singles.iter().enumerate() {
        for (j, b) in singles.iter().enumerate() {
            let is_hand = |r: &Removal| r.kind == RemovalKind::Hand;
            if i == j || !is_hand(a) || (is_hand(b) && j < i) || all.len() > REMOVALS_MAX {
                continue;
            }
            all.push(Removal {
                serials: vec![a.serials[0], b.serials[0]],
                grams: a.grams + b.grams,
                var: a.var + b.var,
                shares: blend(&a.shares, a.grams, &b.shares, b.grams),
                there: a.there + b.there,
                who: a.who.clone(),
                kind: RemovalKind::Thing,
                held: Vec::new(),
            });
        }
    }
    for (rise, hand) in near.iter().zip(&singles) {
        if hand.kind != RemovalKind::Hand {
            continue;
        }
        for fall in falls(belief, step, seen) {
            let (grams, var) = fall.mass();
            if fall.step.t_change < rise.step.t_change
                || grams >= hand.grams
                || all.len() > REMOVALS_MAX
            {
                continue;
            }
            all.push(Removal {
                serials: vec![rise.serial(), fall.serial()],
                grams: hand.grams - grams,
                var: hand.var + var,
                shares: blend(&hand.shares, hand.grams, &seen.of_other(&fall.step), -grams),
                there: hand.there + fall.probability.clamp(1e-6, 1.0).ln(),
                who: hand.who.clone(),
                kind: RemovalKind::Thing,
                held: Vec::new(),
            });
        }
    }
    all
}

/// Earlier falls near this one that may have been no goods.
fn falls<'a>(
    belief: &'a Belief,
    step: &'a WeightStep,
    seen: &'a SeenShares,
) -> impl Iterator<Item = &'a Foreign> {
    belief.foreign.iter().filter(|f| {
        let age = step.t_change.since(f.step.t_change);
        // Nothing is the rest of itself.
        f.step.delta_g < 0.0
            && f.serial() != step.serial
            && f.step.shelf == step.shelf
            && (f.x_m - seen.x_m).abs() < SAME_SPOT_M
            && f.probability > 0.003
            && age >= TimeDelta::ZERO
            && age < LIFT_LASTS
    })
}

/// Things that an earlier fall may have lifted halfway and whose rest this fall may be.
pub(super) fn lifts(belief: &Belief, step: &WeightStep, seen: &SeenShares) -> Vec<Removal> {
    let lift = |f: &Foreign| Removal {
        serials: vec![f.serial()],
        grams: f.mass().0,
        var: f.mass().1,
        shares: seen.of_other(&f.step),
        there: f.probability.clamp(1e-6, 1.0).ln(),
        who: f.who.clone(),
        kind: RemovalKind::Lift,
        held: Vec::new(),
    };
    falls(belief, step, seen).map(lift).collect()
}

/// Log weight of somebody taking a thing away: mostly it is their own.
pub(super) fn owned(removal: &Removal, who: Who) -> f64 {
    let own = removal.who.iter().find(|w| w.0 == who).map_or(0.0, |w| w.1);
    (0.03 + 0.97 * own).ln()
}
