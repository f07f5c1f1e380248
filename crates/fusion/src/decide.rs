//! From a posterior to movements: marginals, evidence, the decision by expected cost, and what is
//! believed afterwards.

use crate::belief::{Belief, Foreign, Misplaced};
use crate::hypotheses::{FACTORS, Hypothesis, Part};
use crate::pairing;
use crate::reach::is_blind;
use crate::{Costs, FusionConfig};
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_model::{
    Alternative, AttributedMovement, Decision, Evidence, Factor, LaneIx, MovementId, PartyKind,
    Question, SkuIx, StoreTime, WeightStep, Who,
};

/// Probability kept back for what the model does not know of.
const UNMODELLED: f64 = 0.003;
/// Posterior from which an explanation may teach.
const SURE: f64 = 0.97;
/// Hypotheses of less are not looked at for the best.
const NO_MATTER: f64 = 1e-6;
/// Probability of one unit being another's from which it is told by itself.
const SHARED: f64 = 0.05;
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

/// The movements that the most probable explanation says, with the marginal probability of each.
pub(crate) fn movements(
    step: &WeightStep,
    hypotheses: &[Hypothesis],
    config: &FusionConfig,
    part_of_step: usize,
    now: StoreTime,
) -> Vec<AttributedMovement> {
    let split = unit_by_unit(hypotheses);
    let hypotheses = split.as_deref().unwrap_or(hypotheses);
    let Some(best) = best(hypotheses) else {
        return Vec::new();
    };
    let parts = best.parts.iter().enumerate();
    parts
        .map(|(i, part)| {
            let marginals = match &split {
                Some(_) => marginals_by_place(hypotheses, i),
                None => marginals(hypotheses, part, i),
            };
            let id = movement_id(step.serial, part_of_step, i);
            movement(id, step, hypotheses, part, marginals, config, now)
        })
        .collect()
}

/// One look settles all that is one question: where one of them is asked about, so are the others, which costs nothing more.
pub(crate) fn ask_together(movements: &mut [AttributedMovement]) {
    let asked: Vec<Question> = movements
        .iter()
        .filter(|m| m.decision == Decision::Review)
        .map(AttributedMovement::question)
        .collect();
    for movement in movements {
        if movement.decision == Decision::Accept && asked.contains(&movement.question()) {
            movement.decision = Decision::Review;
        }
    }
}

/// The same of something that came and went: what was taken and what was put down are two questions. `fall` is the take as
/// if plates had kept it; they bear what they bore before.
pub(crate) fn exchanged(
    fall: &WeightStep,
    hypotheses: &[Hypothesis],
    config: &FusionConfig,
    now: StoreTime,
) -> Vec<AttributedMovement> {
    let Some(best) = best(hypotheses) else {
        return Vec::new();
    };
    let nothing = WeightStep {
        delta_g: 0.0,
        ..fall.clone()
    };
    let parts = best.parts.iter().enumerate();
    let mut movements: Vec<_> = parts
        .map(|(i, part)| {
            let marginals = marginals_by_place(hypotheses, i);
            let id = movement_id(fall.serial, 0, i);
            movement(id, &nothing, hypotheses, part, marginals, config, now)
        })
        .collect();
    ask_together(&mut movements);
    movements
}

/// A part of the most probable explanation with all that it may have been instead.
fn movement(
    id: MovementId,
    step: &WeightStep,
    hypotheses: &[Hypothesis],
    part: &Part,
    mut marginals: Vec<Marginal>,
    config: &FusionConfig,
    now: StoreTime,
) -> AttributedMovement {
    let decision = decide(part, &marginals, &config.costs);
    let said = |a: &Marginal| same(&a.part, part);
    let chosen = match marginals.iter().position(said) {
        Some(at) => marginals.remove(at).alternative(),
        None => Marginal {
            part: *part,
            probability: 0.0,
        }
        .alternative(),
    };
    marginals.truncate(ALTERNATIVES);
    AttributedMovement {
        id,
        t: step.t_change,
        known_at: now,
        shelf: step.shelf,
        lane: part.lane,
        decision,
        supersedes: None,
        evidence: Evidence {
            against: against(hypotheses, part, &marginals),
            ..evidence(step, hypotheses, part)
        },
        best: chosen,
        alternatives: marginals.iter().map(Marginal::alternative).collect(),
    }
}

/// Where one party most probably moved several units and one of them may well be another's, the same explanations in
/// two parts, the second of one unit: whose that was is then a question of its own.
fn unit_by_unit(hypotheses: &[Hypothesis]) -> Option<Vec<Hypothesis>> {
    let [moved] = best(hypotheses)?.parts.as_slice() else {
        return None;
    };
    let sku = moved.sku?;
    let all = moved.quantity;
    if all.abs() < 2 {
        return None;
    }
    let last = all.signum();
    let shared = |h: &Hypothesis| {
        let of_it = |p: &Part| p.sku == Some(sku) && [last, all - last].contains(&p.quantity);
        h.parts.len() == 2
            && h.parts.iter().all(of_it)
            && h.parts.iter().map(|p| p.quantity).sum::<i32>() == all
    };
    let p: f64 = hypotheses
        .iter()
        .filter(|h| shared(h))
        .map(|h| h.probability)
        .sum();
    if p < SHARED {
        return None;
    }
    let mut split = hypotheses.to_vec();
    for h in &mut split {
        if let [part] = h.parts.as_slice()
            && part.sku == Some(sku)
            && part.quantity == all
        {
            let of = |quantity: i32| Part { quantity, ..*part };
            h.parts = vec![of(all - last), of(last)];
        } else if shared(h) {
            h.parts
                .sort_by_key(|p| (std::cmp::Reverse(p.quantity.abs()), p.who != moved.who));
        }
    }
    Some(split)
}

/// Who, what and how many, with its probability.
#[derive(Clone, Copy, Debug)]
struct Marginal {
    part: Part,
    probability: f64,
}

impl Marginal {
    fn alternative(&self) -> Alternative {
        Alternative {
            who: self.part.who,
            sku: self.part.sku,
            quantity: self.part.quantity,
            probability: self.probability as f32,
        }
    }
}

/// The same but for the lane.
fn same(a: &Part, b: &Part) -> bool {
    (a.who, a.sku, a.quantity) == (b.who, b.sku, b.quantity)
}

/// The explanation to go by: the most probable one once those that say the same are added up. That
/// nothing sold here moved is one answer, whoever leaned.
fn best(hypotheses: &[Hypothesis]) -> Option<&Hypothesis> {
    let alike = |a: &Hypothesis, b: &Hypothesis| {
        let no_goods = |h: &Hypothesis| h.parts.iter().all(|p| p.sku.is_none());
        let parts = a.parts.iter().zip(&b.parts);
        (no_goods(a) && no_goods(b))
            || a.parts.len() == b.parts.len() && parts.into_iter().all(|(p, q)| same(p, q))
    };
    let mut groups: Vec<(&Hypothesis, f64)> = Vec::new();
    for h in hypotheses.iter().filter(|h| h.probability > NO_MATTER) {
        match groups.iter_mut().find(|(first, _)| alike(first, h)) {
            Some((_, p)) => *p += h.probability,
            None => groups.push((h, h.probability)),
        }
    }
    let most = groups.iter().map(|g| g.1).fold(0.0, f64::max);
    groups.iter().find(|g| g.1 >= most).map(|g| g.0)
}

/// What is believed of carts, lanes and things out of place after a step.
pub(crate) fn learn(belief: &mut Belief, hypotheses: &[Hypothesis], step: &WeightStep, x_m: f64) {
    learn_mass(belief, hypotheses, step);
    pairing::remove(belief, hypotheses, step);
    let mut lanes: BTreeMap<LaneIx, Vec<(i32, f64)>> = BTreeMap::new();
    let mut no_goods: Vec<(Who, f64)> = Vec::new();
    for h in hypotheses.iter().filter(|h| h.probability > 0.002) {
        for part in &h.parts {
            let units = f64::from(part.quantity) * h.probability;
            let Some(sku) = part.sku else {
                if h.removes.is_empty() {
                    no_goods.push((part.who, h.probability));
                }
                continue;
            };
            // Staff carry goods for the shop: what they hold is not theirs to have.
            belief.add_to_cart(part.who, sku, units);
            match part.lane {
                Some(lane) => lanes
                    .entry(lane)
                    .or_default()
                    .push((-part.quantity, h.probability)),
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
    for (lane, moves) in lanes {
        belief.shift_lane(lane, &moves);
    }
    if let Some(sure) = hypotheses.first().filter(|h| h.probability > SURE) {
        note_filling(belief, sure, step);
    }
    // Mass that came and is no goods lies there; mass that went and is none may be half a lift.
    let total: f64 = no_goods.iter().map(|n| n.1).sum();
    if total > 0.002 {
        belief.add_foreign(Foreign {
            step: Arc::new(step.clone()),
            x_m,
            who: no_goods.iter().map(|(w, p)| (*w, p / total)).collect(),
            probability: total,
            taken: None,
            doubt: Arc::new(hypotheses.to_vec()),
        });
    }
}

fn note_filling(belief: &mut Belief, sure: &Hypothesis, step: &WeightStep) {
    if let [part] = sure.parts.as_slice()
        && part.kind == Some(PartyKind::Staff)
        && part.quantity < 0
        && let (Who::Session(session), Some(lane)) = (part.who, part.lane)
    {
        belief.filled.insert((session, step.shelf), lane);
    }
}

/// Learns the mass of a unit from an event of which only who made it may be doubtful.
fn learn_mass(belief: &mut Belief, hypotheses: &[Hypothesis], step: &WeightStep) {
    let Some(sure) = best(hypotheses) else { return };
    // What cameras saw has the catalogue's mass.
    if step.seen.is_none()
        && let [part] = sure.parts.as_slice()
        && sure.removes.is_empty()
        && sure.entwined.is_empty()
        && let (Some(sku), Some(_)) = (part.sku, part.lane)
    {
        let says = |h: &&Hypothesis| {
            let mut parts = h.parts.iter();
            parts.any(|p| (p.sku, p.quantity) == (part.sku, part.quantity))
        };
        let sum: f64 = hypotheses.iter().filter(says).map(|h| h.probability).sum();
        if sum > SURE {
            let grams = f64::from(step.delta_g).abs();
            let var = f64::from(step.sigma_g).powi(2) + 1.0 + (0.004 * grams).powi(2);
            let units = part.quantity.unsigned_abs();
            belief.masses.learn(sku, units, (grams, var));
        }
    }
}

/// How probably goods were taken.
pub(crate) fn took(hypotheses: &[Hypothesis]) -> f64 {
    let take = |h: &&Hypothesis| h.parts.iter().any(|p| p.sku.is_some() && p.quantity > 0);
    let takes = hypotheses.iter().filter(take);
    takes.map(|h| h.probability).sum::<f64>().min(1.0)
}

/// How probably goods moved.
pub(crate) fn goods(hypotheses: &[Hypothesis]) -> f64 {
    let moved = |h: &&Hypothesis| h.parts.iter().any(|p| p.sku.is_some());
    let goods = hypotheses.iter().filter(moved);
    goods.map(|h| h.probability).sum::<f64>().min(1.0)
}

/// Probability of each party to have made the step, where one party did it alone.
pub(crate) fn by_party(hypotheses: &[Hypothesis]) -> Vec<(Who, f64)> {
    let mut found: std::collections::BTreeMap<Who, f64> = std::collections::BTreeMap::new();
    for h in hypotheses {
        if let [first, rest @ ..] = h.parts.as_slice()
            && h.taken_up_by.is_none()
            && rest.iter().all(|p| p.who == first.who)
        {
            *found.entry(first.who).or_default() += h.probability;
        }
    }
    found.into_iter().collect()
}

/// Probabilities of (who, what, how many) for the `i`-th part of the best explanation, most probable
/// first. An explanation that has that very part speaks for it wherever it stands.
fn marginals(hypotheses: &[Hypothesis], of: &Part, i: usize) -> Vec<Marginal> {
    let part = |h: &Hypothesis| {
        let mut parts = h.parts.iter();
        let same = parts.find(|p| same(p, of));
        same.or_else(|| h.parts.iter().find(|p| p.who == of.who))
            .or_else(|| h.parts.get(i))
            .or_else(|| h.parts.first())
            .copied()
    };
    summed(hypotheses, part)
}

/// The same by the place that a part has in its explanation.
fn marginals_by_place(hypotheses: &[Hypothesis], i: usize) -> Vec<Marginal> {
    summed(hypotheses, |h| {
        h.parts.get(i).or_else(|| h.parts.first()).copied()
    })
}

fn summed(hypotheses: &[Hypothesis], part: impl Fn(&Hypothesis) -> Option<Part>) -> Vec<Marginal> {
    let mut found: Vec<Marginal> = Vec::new();
    for h in hypotheses {
        let Some(part) = part(h) else { continue };
        let p = h.probability * (1.0 - UNMODELLED);
        match found.iter_mut().find(|a| same(&a.part, &part)) {
            Some(already) => already.probability += p,
            None => found.push(Marginal {
                part,
                probability: p,
            }),
        }
    }
    found.sort_by(|a, b| {
        let key = |m: &Marginal| (m.part.who, m.part.sku, m.part.quantity);
        b.probability
            .total_cmp(&a.probability)
            .then_with(|| key(a).cmp(&key(b)))
    });
    found
}

/// The decision on a movement whose alternatives were changed, given what kind of party each is.
pub(crate) fn decide_again(
    movement: &AttributedMovement,
    kind: impl Fn(Who) -> Option<PartyKind>,
    costs: &Costs,
) -> Decision {
    let all: Vec<Marginal> = [&movement.best]
        .into_iter()
        .chain(&movement.alternatives)
        .map(|a| Marginal {
            part: Part {
                who: a.who,
                kind: kind(a.who),
                sku: a.sku,
                quantity: a.quantity,
                lane: movement.lane,
            },
            probability: f64::from(a.probability),
        })
        .collect();
    match all.first() {
        Some(best) => decide(&best.part, &all, costs),
        None => Decision::LeaveOff,
    }
}

/// What an explanation does to anybody's receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Nothing: no goods, or goods in the hands of staff or of nobody known.
    None,
    /// A party's line changes by so many units.
    Line(Who, SkuIx, i32),
}

impl Effect {
    fn of(part: &Part) -> Self {
        match (part.sku, part.kind) {
            (Some(_), Some(PartyKind::Staff)) | (None, _) => Self::None,
            (Some(_), _) if part.who == Who::Unknown => Self::None,
            (Some(sku), _) => Self::Line(part.who, sku, part.quantity),
        }
    }

    /// What it costs to go by `self` when `truth` is so.
    fn cost(self, truth: Self, costs: &Costs) -> f64 {
        // A take missed is a lost sale, and so is a refund for nothing; a take charged to somebody
        // who did not make it is a wrong charge, and so is a put-back that is not refunded.
        let missed = |q: i32| {
            if q > 0 {
                costs.lost_sale
            } else {
                costs.wrong_charge
            }
        };
        let invented = |q: i32| {
            if q > 0 {
                costs.wrong_charge
            } else {
                costs.lost_sale
            }
        };
        match (self, truth) {
            (a, b) if a == b => 0.0,
            (Self::None, Self::Line(_, _, q)) => missed(q),
            (Self::Line(_, _, q), Self::None) => invented(q),
            (Self::Line(w, s, q), Self::Line(v, t, r)) if (w, s) == (v, t) => {
                if q > r {
                    costs.wrong_charge
                } else {
                    costs.lost_sale
                }
            }
            (Self::Line(_, _, q), Self::Line(_, _, r)) => invented(q).max(missed(r)),
            (Self::None, Self::None) => 0.0,
        }
    }
}

/// The cheapest of charging, letting go and asking, by what each is expected to cost over all that
/// may be so. Where two explanations charge nobody differently, only stock is at stake between them.
fn decide(best: &Part, all: &[Marginal], costs: &Costs) -> Decision {
    let known: f64 = all.iter().map(|a| a.probability).sum();
    let expect = |effect: Effect, goods: Option<&Part>| -> f64 {
        let told: f64 = all
            .iter()
            .map(|a| {
                let stock = match goods {
                    Some(part) => (part.sku, part.quantity) != (a.part.sku, a.part.quantity),
                    None => a.part.sku.is_some(),
                };
                let cost = effect.cost(Effect::of(&a.part), costs);
                a.probability * (cost + if stock { costs.wrong_stock } else { 0.0 })
            })
            .sum();
        // What no explanation says is none of them.
        told + (1.0 - known).max(0.0) * effect.cost(Effect::None, costs)
    };
    let leave_off = expect(Effect::None, None);
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
    let accept = expect(Effect::of(best), Some(best));
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
    let says = |h: &&Hypothesis| h.parts.iter().any(|p| same(p, part));
    let best = hypotheses.iter().find(says);
    let rival = hypotheses.iter().find(|h| !says(h));
    let factors = match (best, rival) {
        (Some(best), Some(rival)) => FACTORS
            .iter()
            .zip(best.factors.iter().zip(&rival.factors))
            .filter(|(name, (a, b))| **name != "rfid" || a != b)
            .map(|(name, (a, b))| Factor {
                name: (*name).to_owned(),
                log_odds: (a - b) as f32,
            })
            .collect(),
        _ => Vec::new(),
    };
    let others = best.map_or(Vec::new(), |h| h.entwined.clone());
    let mut steps: Vec<u64> = std::iter::once(step.serial).chain(others).collect();
    // The earlier number is the question's.
    steps.sort_unstable();
    steps.dedup();
    Evidence {
        steps,
        delta_mg: mg(step.delta_g),
        sigma_mg: mg(step.sigma_g),
        factors,
        curve: step.curve.clone(),
        unseen: is_blind(step).then_some((step.t_start, step.t_end)),
        ..Evidence::default()
    }
}

/// Log odds of the best hypothesis against the best one that says each alternative, by factor.
fn against(hypotheses: &[Hypothesis], part: &Part, others: &[Marginal]) -> Vec<Vec<Factor>> {
    let says = |h: &&Hypothesis, (who, sku, quantity)| {
        h.parts
            .iter()
            .any(|p| (p.who, p.sku, p.quantity) == (who, sku, quantity))
    };
    let chosen = (part.who, part.sku, part.quantity);
    let Some(best) = hypotheses.iter().find(|h| says(h, chosen)) else {
        return Vec::new();
    };
    let odds = |other: &Marginal| {
        let other = (other.part.who, other.part.sku, other.part.quantity);
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
