//! Goods that pass from one person's hand to another's: who leaves with them pays.
//!
//! Two people stand within arm's length and hands of theirs are between them (`meeting.rs`); before that
//! the thing is seen in the giver's hand, after it in the receiver's. All of it is weighed by Bayes' rule
//! over who gave what to whom and over nothing having passed at all.

use crate::belief::Belief;
use crate::looks::{Held, LookRatio, LookStore};
use crate::meeting::{self, LOOKS, Met};
use crate::tracks::Track;
use walkout_model::{
    Alternative, AttributedMovement, Factor, ItemLook, Passed, SkuIx, StoreTime, TimeDelta,
    TrackId, Who,
};

/// A meeting is weighed so long after it: what hands hold afterwards is looked at for a while, and looks
/// come 0.3 s late.
pub(crate) const WEIGHED_AFTER: TimeDelta = TimeDelta::from_millis(2_600);
/// When the thing is looked for in the hands, before the middle of the passing and after it.
pub(crate) const BEFORE: (TimeDelta, TimeDelta) =
    (TimeDelta::from_millis(-1_300), TimeDelta::from_millis(-100));
pub(crate) const AFTER: (TimeDelta, TimeDelta) =
    (TimeDelta::from_millis(200), TimeDelta::from_millis(1_800));
/// What a hand-over is called among the kinds of evidence.
const HANDED: &str = "handed";
/// A hand-over below this probability is forgotten.
const NEGLIGIBLE: f64 = 0.02;
/// Share of meetings in which something is passed as a shop begins, which counts as so many meetings beside its own: in most
/// shops hardly anybody hands anything over, and one where people do shows it soon.
const PASSED_AT_FIRST: f64 = 0.015;
const AT_FIRST: f64 = 15.0;

/// How often something is passed on in this shop where hands meet, learnt as it goes (the prior that makes
/// the posteriors' mean equal to itself).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habit {
    meetings: f64,
    passed: f64,
}

impl Habit {
    pub(crate) fn learn(&mut self, overs: &[HandOver]) {
        self.meetings += 1.0;
        self.passed += overs.iter().map(|o| o.probability).sum::<f64>();
    }

    /// Natural log of the odds here over those that the network was trained with.
    fn shift(&self) -> f64 {
        let share = (self.passed + AT_FIRST * PASSED_AT_FIRST) / (self.meetings + AT_FIRST);
        let odds = |p: f64| p / (1.0 - p);
        (odds(share.clamp(1e-4, 0.5)) / odds(meeting::passed_in_training())).ln()
    }
}

/// Two people's hands met, and what was seen in them.
#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    /// When something passed, if it did.
    pub t: StoreTime,
    /// Natural log odds that something is passed on so, before any look, by who gives: a, b.
    passes: [f64; 2],
    pub a: TrackId,
    pub b: TrackId,
    /// Looks at each one's hand before and after.
    a_looks: [LookRatio; 2],
    b_looks: [LookRatio; 2],
}

/// Something passed from one party to another, with its probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HandOver {
    pub t: StoreTime,
    pub giver: Who,
    pub receiver: Who,
    pub sku: SkuIx,
    pub probability: f64,
}

impl Meeting {
    /// A meeting with the looks at both people's hands.
    pub(crate) fn new(met: &Met<'_>, looks: &LookStore, skus: usize) -> Self {
        let about = |(id, track): (TrackId, &Track)| {
            let ratio = |(from, to): (TimeDelta, TimeDelta)| {
                let (from, to) = (met.t + from, met.t + to);
                // One hand of two is the one that gives or is given.
                let frames: usize = track.between(from, to).map(|p| p.wrists.len()).sum();
                let of_the_hand = |look: &ItemLook| look.track == id;
                looks.held((from, to), of_the_hand, 0.5 * frames as f64, skus)
            };
            [ratio(BEFORE), ratio(AFTER)]
        };
        Self {
            t: met.t,
            passes: met.log_odds(),
            a: met.a.0,
            b: met.b.0,
            a_looks: about(met.a),
            b_looks: about(met.b),
        }
    }

    /// What looks say of a thing that this one of the two may have given: log ratios, what speaks for it and what
    /// against.
    pub(crate) fn looks(&self, giver: usize, sku: SkuIx) -> [f64; LOOKS] {
        let (giving, getting) = if giver == 0 {
            (&self.a_looks, &self.b_looks)
        } else {
            (&self.b_looks, &self.a_looks)
        };
        let thing = Held::Sku(sku);
        let ratios = [
            giving[0].of(thing),
            giving[1].of(thing),
            giving[1].unheld(),
            getting[0].unheld(),
            getting[1].of(thing),
            getting[0].of(thing),
        ];
        let mut features = [0.0; LOOKS];
        for (two, ratio) in features.chunks_exact_mut(2).zip(ratios) {
            let log = ratio.ln();
            two.copy_from_slice(&[log.max(0.0), log.min(0.0)]);
        }
        features
    }

    /// Odds that this one of the two gave such a thing, to nothing having passed, where it was the only thing.
    pub(crate) fn odds(&self, giver: usize, sku: SkuIx) -> f64 {
        (self.passes[giver] + meeting::looks(&self.looks(giver, sku))).exp()
    }

    /// What may have passed. `who_a` and `who_b` are the distributions of the two tracks over parties.
    pub(crate) fn weigh(
        &self,
        who_a: &[(Who, f64)],
        who_b: &[(Who, f64)],
        belief: &Belief,
        habit: &Habit,
    ) -> Vec<HandOver> {
        let mut weights: Vec<(HandOver, f64)> = Vec::new();
        let sides = [(who_a, who_b), (who_b, who_a)];
        let usual = habit.shift().exp();
        for (side, (givers, receivers)) in sides.into_iter().enumerate() {
            for (giver, p) in givers {
                let held = belief.held_by(*giver);
                let total: f64 = held.iter().map(|h| h.1).sum();
                for (receiver, q) in receivers.iter().filter(|r| r.0 != *giver) {
                    for (sku, units) in &held {
                        let share = 0.5 * p * q * units.min(1.0) / total.max(1.0);
                        let weight = share * usual * self.odds(side, *sku);
                        let over = HandOver {
                            t: self.t,
                            giver: *giver,
                            receiver: *receiver,
                            sku: *sku,
                            probability: 0.0,
                        };
                        weights.push((over, weight));
                    }
                }
            }
        }
        let total = 1.0 + weights.iter().map(|w| w.1).sum::<f64>();
        let mut overs: Vec<HandOver> = weights
            .into_iter()
            .map(|(over, w)| HandOver {
                probability: w / total,
                ..over
            })
            .filter(|o| o.probability > NEGLIGIBLE)
            .collect();
        overs.sort_by(|a, b| {
            b.probability
                .total_cmp(&a.probability)
                .then_with(|| (a.giver, a.receiver, a.sku).cmp(&(b.giver, b.receiver, b.sku)))
        });
        overs
    }
}

/// What is believed of carts after a hand-over.
pub(crate) fn learn(belief: &mut Belief, overs: &[HandOver]) {
    for over in overs {
        belief.add_to_cart(over.giver, over.sku, -over.probability);
        belief.add_to_cart(over.receiver, over.sku, over.probability);
    }
}

/// Whether a movement put into the giver's cart what was handed over.
pub(crate) fn concerns(movement: &AttributedMovement, over: &HandOver) -> bool {
    let best = &movement.best;
    movement.t < over.t && best.who == over.giver && best.sku == Some(over.sku) && best.quantity > 0
}

/// The movement as it is once one unit of it was handed over: the giver's explanations become the
/// receiver's with the hand-over's probability. Of several units one goes, as a movement of its own.
pub(crate) fn reattribute(
    movement: &AttributedMovement,
    over: &HandOver,
) -> Vec<AttributedMovement> {
    let p = over.probability as f32;
    let mut kept = movement.clone();
    let mut moved = movement.clone();
    let units = movement.best.quantity;
    if units > 1 {
        kept.best.quantity = units - 1;
        for a in kept.alternatives.iter_mut().chain([&mut moved.best]) {
            a.quantity = if a.sku == Some(over.sku) && a.quantity == units {
                units - 1
            } else {
                a.quantity
            };
        }
        moved.best.quantity = 1;
    }
    let mut why = std::mem::take(&mut moved.evidence.against).into_iter();
    let mut others: Vec<(Alternative, Vec<Factor>)> = std::mem::take(&mut moved.alternatives)
        .into_iter()
        .map(|a| (a, why.next().unwrap_or_default()))
        .collect();
    if units > 1 {
        others.retain(|(a, _)| a.quantity != units);
    }
    others.insert(0, (moved.best.clone(), Vec::new()));
    let mut all: Vec<Said> = Vec::new();
    let mut add = |said: Said| match all.iter_mut().find(|b| same(&b.claim, &said.claim)) {
        Some(already) => {
            already.claim.probability += said.claim.probability;
            if said.alone > already.alone {
                (already.alone, already.against) = (said.alone, said.against);
            }
        }
        None => all.push(said),
    };
    for (a, against) in others {
        if a.who == over.giver && a.sku == Some(over.sku) && a.quantity > 0 {
            for (who, share) in [(over.giver, 1.0 - p), (over.receiver, p)] {
                let claim = Alternative {
                    who,
                    probability: a.probability * share,
                    ..a.clone()
                };
                // What speaks against it less, the more it speaks for it.
                add(Said::new(claim, &against, -f64::from(share).max(1e-6).ln()));
            }
        } else {
            add(Said::new(a, &against, 0.0));
        }
    }
    all.sort_by(|a, b| {
        let key = |s: &Said| (s.claim.who, s.claim.sku, s.claim.quantity);
        let by_probability = b.claim.probability.total_cmp(&a.claim.probability);
        by_probability.then_with(|| key(a).cmp(&key(b)))
    });
    if !all.is_empty() {
        let best = all.remove(0);
        moved.evidence.against = all.iter().map(|said| said.beside(&best)).collect();
        if let Some(first) = moved.evidence.against.first() {
            moved.evidence.factors.clone_from(first);
        }
        moved.best = best.claim;
    }
    moved.alternatives = all.into_iter().map(|said| said.claim).collect();
    moved.evidence.handed.push(Passed {
        t: over.t,
        from: over.giver,
        to: over.receiver,
        probability: p,
    });
    if units > 1 {
        vec![kept, moved]
    } else {
        vec![moved]
    }
}

/// An explanation with the log odds against it, by kind of evidence, of the one that was the best before.
struct Said {
    claim: Alternative,
    against: Vec<Factor>,
    /// Its probability before others that say the same were added.
    alone: f32,
}

impl Said {
    fn new(claim: Alternative, against: &[Factor], handed: f64) -> Self {
        let mut against = against.to_vec();
        match against.iter_mut().find(|f| f.name == HANDED) {
            Some(factor) => factor.log_odds += handed as f32,
            None => against.push(Factor {
                name: HANDED.to_owned(),
                log_odds: handed as f32,
            }),
        }
        Self {
            alone: claim.probability,
            claim,
            against,
        }
    }

    /// The log odds of `best` against it.
    fn beside(&self, best: &Self) -> Vec<Factor> {
        let of = |said: &Self, name: &str| {
            let factor = said.against.iter().find(|f| f.name == name);
            factor.map_or(0.0, |f| f.log_odds)
        };
        let all = if self.against.len() < best.against.len() {
            &best.against
        } else {
            &self.against
        };
        all.iter()
            .map(|f| Factor {
                name: f.name.clone(),
                log_odds: of(self, &f.name) - of(best, &f.name),
            })
            .collect()
    }
}

fn same(a: &Alternative, b: &Alternative) -> bool {
    (a.who, a.sku, a.quantity) == (b.who, b.sku, b.quantity)
}
