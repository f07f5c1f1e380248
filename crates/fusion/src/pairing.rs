//! What comes and goes again: a hand that leaned, a bag, own goods. The fall that takes a thing away
//! tells what the rise was that brought it, and the rise is explained anew.

use crate::belief::Belief;
use crate::hypotheses::Hypothesis;
use std::sync::Arc;
use walkout_model::{TimeDelta, WeightStep};

/// A change of the posterior that is worth another word.
const WORTH_SAYING: f64 = 0.02;
/// How long what was taken away is remembered: steps that are explained together are not further apart.
const REMEMBERED: TimeDelta = TimeDelta::from_secs(10);

/// A step that is explained anew.
pub(crate) struct Revision {
    pub step: Arc<WeightStep>,
    pub hypotheses: Arc<Vec<Hypothesis>>,
}

/// Takes away what the explanations of a step remove.
pub(crate) fn remove(belief: &mut Belief, hypotheses: &[Hypothesis], step: &WeightStep) {
    for thing in &mut belief.foreign {
        let r = removed(hypotheses, thing.serial());
        if r > 0.0 {
            thing.taken = Some((step.serial, step.t_change, thing.probability));
            thing.probability *= 1.0 - r;
        }
        thing
            .taken
            .take_if(|(_, t, _)| step.t_change.since(*t) > REMEMBERED);
    }
}

/// Lays back what a step took away, for whoever explains it together with others.
pub(crate) fn put_back(belief: &mut Belief, step: u64) {
    for thing in &mut belief.foreign {
        if let Some((_, _, before)) = thing.taken.take_if(|(by, ..)| *by == step) {
            thing.probability = before;
        }
    }
}

/// Forgets things that are surely gone, and for so long that nothing is explained together with their going. Call after
/// [`revise`].
pub(crate) fn forget(belief: &mut Belief) {
    belief
        .foreign
        .retain(|f| f.probability > 0.003 || f.taken.is_some());
}

/// Explains anew the steps that brought what the explanations of a later step remove, and sets the
/// beliefs that followed from them right. With `p` the belief that the rise was no goods, and `r` the
/// posterior that the fall takes it away, it was no goods with r + p (1 − r), since every other
/// explanation of the fall is as likely with the thing there as without it.
pub(crate) fn revise(belief: &mut Belief, hypotheses: &[Hypothesis]) -> Vec<Revision> {
    let mut revisions = Vec::new();
    let mut settle = Vec::new();
    for thing in &mut belief.foreign {
        let r = removed(hypotheses, thing.serial());
        let before: f64 = no_goods(&thing.doubt);
        let after = (r + before * (1.0 - r)).min(1.0);
        if after - before < WORTH_SAYING {
            continue;
        }
        let (up, down) = (
            after / before.max(1e-9),
            (1.0 - after) / (1.0 - before).max(1e-9),
        );
        let old = Arc::clone(&thing.doubt);
        let mut new = Vec::clone(&thing.doubt);
        for h in &mut new {
            h.probability *= if is_no_goods(h) { up } else { down };
        }
        new.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        thing.doubt = Arc::new(new);
        settle.push((old, down));
        revisions.push(Revision {
            step: Arc::clone(&thing.step),
            hypotheses: Arc::clone(&thing.doubt),
        });
    }
    for (old, down) in settle {
        unlearn(belief, &old, 1.0 - down);
    }
    revisions
}

/// Takes a share of what was believed of goods back.
pub(crate) fn unlearn(belief: &mut Belief, hypotheses: &[Hypothesis], share: f64) {
    for h in hypotheses.iter().filter(|h| h.probability > 0.002) {
        for part in &h.parts {
            let p = h.probability * share;
            if let Some(sku) = part.sku {
                belief.add_to_cart(part.who, sku, -f64::from(part.quantity) * p);
                if let Some(lane) = part.lane {
                    belief.shift_lane(lane, &[(part.quantity, p)]);
                }
            }
        }
    }
}

fn is_no_goods(h: &Hypothesis) -> bool {
    h.parts.iter().all(|p| p.sku.is_none())
}

fn no_goods(hypotheses: &[Hypothesis]) -> f64 {
    hypotheses
        .iter()
        .filter(|h| is_no_goods(h))
        .map(|h| h.probability)
        .sum()
}

fn removed(hypotheses: &[Hypothesis], serial: u64) -> f64 {
    hypotheses
        .iter()
        .filter(|h| h.removes.contains(&serial))
        .map(|h| h.probability)
        .sum::<f64>()
        .min(1.0)
}
