//! From a posterior to movements: marginals, evidence, the decision by expected cost, and what is
//! believed afterwards.

use crate::belief::{Belief, Foreign, Misplaced};
use crate::hypotheses::{Case, FACTORS, Hypothesis, Part};
use crate::reach::is_blind;
use crate::{Costs, FusionConfig};
use walkout_model::{
    Alternative, AttributedMovement, Decision, Evidence, Factor, MovementId, StoreTime, WeightStep,
    Who,
};

/// Probability kept back for what the model does not know of.
const UNMODELLED: f64 = 0.003;
/// Alternatives said at most.
const ALTERNATIVES: usize = 8;

/// Splits a step whose plates moved both ways into one part for each direction.
pub(crate) fn by_sign(step: &WeightStep) -> Vec<WeightStep> {
    let part = |keep: &dyn Fn(f32) -> bool| {
        let plates: Vec<_> = step
            .plates
            .iter()
            .filter(|p| keep(p.delta_g))
            .copied()
            .collect();
        let delta_g: f32 = plates.iter().map(|p| p.delta_g).sum();
        let sigma_g = plates.iter().map(|p| p.sigma_g.powi(2)).sum::<f32>().sqrt();
        WeightStep {
            delta_g,
            sigma_g,
            plates,
            ..step.clone()
        }
    };
    let (off, on) = (part(&|d| d < 0.0), part(&|d| d > 0.0));
    let (lesser, greater) = if off.delta_g.abs() < on.delta_g.abs() {
        (off.delta_g.abs(), on.delta_g.abs())
    } else {
        (on.delta_g.abs(), off.delta_g.abs())
    };
    // A small counter-movement is cross-talk or a neighbour that was shoved.
    if lesser < 8.0 || lesser < 0.05 * greater {
        return vec![step.clone()];
    }
    vec![off, on]
}

/// The movements that the best hypothesis says, with the marginal probability of each.
pub(crate) fn movements(
    case: &Case<'_>,
    hypotheses: &[Hypothesis],
    config: &FusionConfig,
    part_of_step: usize,
    now: StoreTime,
) -> Vec<AttributedMovement> {
    let Some(best) = hypotheses.first() else {
        return Vec::new();
    };
    best.parts
        .iter()
        .enumerate()
        .map(|(i, part)| {
            let mut marginals = marginals(hypotheses, i, best.parts.len());
            let chosen = marginals
                .iter()
                .position(|a| (a.who, a.sku, a.quantity) == (part.who, part.sku, part.quantity))
                .map(|at| marginals.remove(at))
                .unwrap_or(Alternative {
                    who: part.who,
                    sku: part.sku,
                    quantity: part.quantity,
                    probability: 0.0,
                });
            marginals.truncate(ALTERNATIVES);
            let decision = decide(&chosen, &marginals, &config.costs);
            AttributedMovement {
                id: movement_id(case.step.serial, part_of_step, i),
                t: case.step.t_change,
                known_at: now,
                shelf: case.step.shelf,
                lane: part.lane,
                decision,
                supersedes: None,
                evidence: Evidence {
                    against: against(hypotheses, part, &marginals),
                    ..evidence(case.step, hypotheses, part)
                },
                best: chosen,
                alternatives: marginals,
            }
        })
        .collect()
}

/// What is believed of carts, lanes and things out of place after a step.
pub(crate) fn learn(belief: &mut Belief, hypotheses: &[Hypothesis], step: &WeightStep, x_m: f64) {
    for h in hypotheses.iter().filter(|h| h.probability > 0.004) {
        for part in &h.parts {
            let units = f64::from(part.quantity) * h.probability;
            let Some(sku) = part.sku else {
                if part.quantity < 0 {
                    belief.add_foreign(Foreign {
                        shelf: step.shelf,
                        x_m,
                        grams: f64::from(step.delta_g).abs(),
                        sigma_g: f64::from(step.sigma_g),
                        who: part.who,
                        probability: h.probability,
                    });
                } else {
                    let grams = f64::from(step.delta_g).abs();
                    belief.take_foreign(step.shelf, x_m, grams, h.probability);
                }
                continue;
            };
            belief.add_to_cart(part.who, sku, units);
            match part.lane {
                Some(lane) => belief.add_to_lane(lane, -units),
                None if part.quantity > 0 => belief.take_misplaced(step.shelf, sku, x_m, units),
                None => belief.add_misplaced(Misplaced {
                    shelf: step.shelf,
                    sku,
                    x_m,
                    units: -units,
                }),
            }
        }
    }
}

/// Probability of each party to have made the step, where one party did it alone.
pub(crate) fn by_party(hypotheses: &[Hypothesis]) -> Vec<(Who, f64)> {
    let mut found: std::collections::BTreeMap<Who, f64> = std::collections::BTreeMap::new();
    for h in hypotheses {
        if let [first, rest @ ..] = h.parts.as_slice()
            && rest.iter().all(|p| p.who == first.who)
        {
            *found.entry(first.who).or_default() += h.probability;
        }
    }
    found.into_iter().collect()
}

/// Probabilities of (who, what, how many) for the `i`-th of `parts` things, most probable first.
fn marginals(hypotheses: &[Hypothesis], i: usize, parts: usize) -> Vec<Alternative> {
    let mut found: Vec<Alternative> = Vec::new();
    for h in hypotheses {
        let part = if h.parts.len() == parts {
            h.parts.get(i)
        } else {
            h.parts.first()
        };
        let Some(part) = part else { continue };
        let p = (h.probability * (1.0 - UNMODELLED)) as f32;
        match found
            .iter_mut()
            .find(|a| (a.who, a.sku, a.quantity) == (part.who, part.sku, part.quantity))
        {
            Some(same) => same.probability += p,
            None => found.push(Alternative {
                who: part.who,
                sku: part.sku,
                quantity: part.quantity,
                probability: p,
            }),
        }
    }
    found.sort_by(|a, b| {
        b.probability
            .total_cmp(&a.probability)
            .then_with(|| (a.who, a.sku, a.quantity).cmp(&(b.who, b.sku, b.quantity)))
    });
    found
}

/// The cheapest of charging, letting go and asking, by what each is expected to cost.
fn decide(best: &Alternative, others: &[Alternative], costs: &Costs) -> Decision {
    let p = f64::from(best.probability);
    let no_goods: f64 = others
        .iter()
        .chain([best])
        .filter(|a| a.sku.is_none())
        .map(|a| f64::from(a.probability))
        .sum();
    // Goods taken that are let go are a lost sale; goods put back that are let go stay charged.
    let let_go = if best.quantity > 0 {
        costs.lost_sale
    } else {
        costs.wrong_charge
    };
    let leave_off = (1.0 - no_goods) * let_go;
    let accept = (1.0 - p) * costs.wrong_charge;
    if best.sku.is_none() {
        return if leave_off <= costs.review {
            Decision::LeaveOff
        } else {
            Decision::Review
        };
    }
    if best.who == Who::Unknown {
        return Decision::Review;
    }
    if accept <= costs.review && accept <= leave_off {
        Decision::Accept
    } else if leave_off < costs.review {
        Decision::LeaveOff
    } else {
        Decision::Review
    }
}

fn evidence(step: &WeightStep, hypotheses: &[Hypothesis], part: &Part) -> Evidence {
    let mg = |grams: f32| (f64::from(grams) * 1_000.0).round() as i64;
    let same = |h: &&Hypothesis| {
        h.parts
            .iter()
            .any(|p| (p.who, p.sku, p.quantity) == (part.who, part.sku, part.quantity))
    };
    let best = hypotheses.first();
    let rival = hypotheses.iter().find(|h| !same(h));
    let factors = match (best, rival) {
        (Some(best), Some(rival)) => FACTORS
            .iter()
            .zip(best.factors.iter().zip(&rival.factors))
            .map(|(name, (a, b))| Factor {
                name: (*name).to_owned(),
                log_odds: (a - b) as f32,
            })
            .collect(),
        _ => Vec::new(),
    };
    Evidence {
        steps: vec![step.serial],
        delta_mg: mg(step.delta_g),
        sigma_mg: mg(step.sigma_g),
        factors,
        curve: step.curve.clone(),
        unseen: is_blind(step).then_some((step.t_start, step.t_end)),
        ..Evidence::default()
    }
}

/// Log odds of the best hypothesis against the best one that says each alternative, by factor.
fn against(hypotheses: &[Hypothesis], part: &Part, others: &[Alternative]) -> Vec<Vec<Factor>> {
    let says = |h: &&Hypothesis, (who, sku, quantity)| {
        h.parts
            .iter()
            .any(|p| (p.who, p.sku, p.quantity) == (who, sku, quantity))
    };
    let chosen = (part.who, part.sku, part.quantity);
    let Some(best) = hypotheses.iter().find(|h| says(h, chosen)) else {
        return Vec::new();
    };
    let odds = |other: &Alternative| {
        let other = (other.who, other.sku, other.quantity);
        let Some(rival) = hypotheses.iter().find(|h| says(h, other)) else {
            return Vec::new();
        };
        let pairs = best.factors.iter().zip(&rival.factors);
        let named = FACTORS.iter().zip(pairs);
        named
            .map(|(name, (a, b))| Factor {
                name: (*name).to_owned(),
                log_odds: (a - b) as f32,
            })
            .collect()
    };
    others.iter().map(odds).collect()
}

fn movement_id(serial: u64, part_of_step: usize, part: usize) -> MovementId {
    MovementId((serial << 8) | ((part_of_step as u64 & 0xf) << 4) | (part as u64 & 0xf))
}
