//! The joint posterior of one step over person, SKU and signed quantity.

mod entwined;
mod foreign;
mod goods;
mod instants;
mod puts;
mod removals;

use crate::FusionConfig;
use crate::belief::Belief;
use crate::looks::Held;
use crate::people::Candidate;
use crate::place::{SeenShares, edges_of};
use crate::streak::Streak;
pub(crate) use entwined::{OF_ONE_TIME, are_entwined, entwined, may_yet_be_entwined, runs};
pub(crate) use instants::instants;
pub(crate) use puts::{PUT_BACK, SAME_LANE};
use removals::{Removal, RemovalKind, lifts, removals};
use std::collections::BTreeMap;
use walkout_model::{Lane, LaneIx, PartyKind, PlateHealth, ShelfIx, Shop, SkuIx, WeightStep, Who};

/// What the log weight of a hypothesis is made of, by kind of evidence.
pub(crate) const FACTORS: [&str; 9] = [
    "mass", "place", "reach", "look", "cart", "stock", "rfid", "prior", "again",
];

/// Log weights by [`FACTORS`].
pub(crate) type Factors = [f64; FACTORS.len()];

pub(crate) const MASS: usize = 0;
pub(crate) const PLACE: usize = 1;
pub(crate) const REACH: usize = 2;
pub(crate) const LOOK: usize = 3;
pub(crate) const CART: usize = 4;
const STOCK: usize = 5;
// 6 is `rfid`: the log likelihood of tag reads at the shelf and in the cart. No reader is there yet, and
// it stays 0 for every hypothesis.
pub(crate) const PRIOR: usize = 7;
pub(crate) const AGAIN: usize = 8;

/// Goods may stand so far across the edge of a plate, metres.
const ACROSS_M: f64 = 0.05;
/// Hypotheses kept after weighing.
const KEPT: usize = 64;
/// Log weight below the best at which a hypothesis is dropped before people are weighed.
const DROP: f64 = 22.0;
/// Places on a shelf that can be told apart, metres: what "anywhere on the shelf" is spread over.
const SPOT_M: f64 = 0.05;
/// A rise with a sigma beyond this share of it was not read yet.
const UNREAD: f32 = 0.4;
/// How many parties are tried two by two, and how far below the best one's log reach theirs may be.
const TWO_OF: usize = 5;
const TOO_FAR: f64 = 6.0;
/// Most units of one SKU in one step that two people may share.
const SHARED_MOST: u32 = 4;
/// As [`TOO_FAR`] for parties that may have acted alone: looks may yet speak for them.
const OUT_OF_REACH: f64 = 13.0;
/// What is off by more deviations is no goods.
const OFF: f64 = 4.0;
/// How probably cameras take one lane's column for another's, and what does not belong there for what does.
const SEEN_ELSEWHERE: f64 = 1e-3;
const SEEN_STRAY: f64 = 0.02;
/// How far looks are believed in the question what was in the hand, beside whose hand it was.
const SHOWN: f64 = 0.5;

/// One thing that one party did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub who: Who,
    /// What kind of party that is; `None` for unknown.
    pub kind: Option<PartyKind>,
    pub sku: Option<SkuIx>,
    /// Units to the person.
    pub quantity: i32,
    pub lane: Option<LaneIx>,
}

/// One explanation of a step.
#[derive(Clone, Debug)]
pub(crate) struct Hypothesis {
    pub parts: Vec<Part>,
    /// Foreign things that go with it, by the steps that brought them.
    pub removes: Vec<u64>,
    /// Who took these away, or drew a hand back, if it was not who took the goods.
    pub taken_up_by: Option<Who>,
    /// The steps with which it was explained together: none of them weighs what was moved in it.
    pub entwined: Vec<u64>,
    pub factors: Factors,
    /// Posterior probability.
    pub probability: f64,
}

/// One step with all that bears on it.
pub(crate) struct Case<'a> {
    pub shop: &'a Shop,
    pub step: &'a WeightStep,
    pub seen: SeenShares,
    config: &'a FusionConfig,
    belief: &'a Belief,
    edges: Vec<(f64, f64)>,
    people: Vec<Candidate>,
    /// The parties most within reach, by number: two of them may act at once.
    near: Vec<usize>,
    /// All candidates at other instants at which a part of it may have been done.
    instants: Vec<Vec<Candidate>>,
    removals: Vec<Removal>,
    streak: Streak,
    /// Change of mass towards the person, grams, positive when taken.
    grams: f64,
    sigma_g: f64,
}

impl<'a> Case<'a> {
    pub(crate) fn new(
        shop: &'a Shop,
        config: &'a FusionConfig,
        belief: &'a Belief,
        health: &[PlateHealth],
        people: Vec<Candidate>,
        streak: Streak,
        step: &'a WeightStep,
    ) -> Self {
        let edges = edges_of(&shop.layout, step);
        let mut people = people;
        let reach = people.iter().map(Candidate::reach);
        let best = reach.fold(f64::NEG_INFINITY, f64::max);
        people.retain(|c| c.who == Who::Unknown || c.reach() > best - OUT_OF_REACH);
        let seen = SeenShares::new(shop, step, &edges, config.share_sigma);
        let sick = step
            .plates
            .iter()
            .filter(|p| health.get(p.plate.usize()) != Some(&PlateHealth::Good))
            .count();
        let sigma_g = f64::from(step.sigma_g).abs() * (1.0 + sick as f64);
        let removals = if step.delta_g < 0.0 {
            let mut all = removals(belief, step, &seen);
            all.extend(lifts(belief, step, &seen));
            all
        } else {
            Vec::new()
        };
        let reach: Vec<f64> = people.iter().map(Candidate::reach).collect();
        let near = nearest(&reach);
        let mut case = Self {
            shop,
            step,
            seen,
            config,
            belief,
            edges,
            people,
            near,
            instants: Vec::new(),
            removals,
            streak,
            grams: -f64::from(step.delta_g),
            sigma_g,
        };
        let held = |r: &Removal| match r.kind {
            RemovalKind::Hand => vec![(Held::Nothing, 1.0)],
            RemovalKind::Thing => case.kinds_of(r.grams, r.var),
            RemovalKind::Lift => Vec::new(),
        };
        let held: Vec<_> = case.removals.iter().map(held).collect();
        for (removal, held) in case.removals.iter_mut().zip(held) {
            removal.held = held;
        }
        case
    }

    /// All explanations that matter, most probable first, probabilities summing to at most 1.
    pub(crate) fn posterior(&self) -> Vec<Hypothesis> {
        normalised(self.explanations(), self.config.temperature)
    }

    /// The same with their factors only.
    fn explanations(&self) -> Vec<Hypothesis> {
        let mut all = if self.grams > 0.0 {
            self.takes()
        } else {
            self.puts()
        };
        self.add_foreign(&mut all);
        for h in &mut all {
            h.factors[AGAIN] = self.again(&h.parts);
            h.factors[PLACE] += self.where_seen(&h.parts);
        }
        all
    }

    /// How probable it is that each track made the step, by its place among those seen.
    pub(crate) fn makers(&self, hypotheses: &[Hypothesis]) -> BTreeMap<usize, f64> {
        let mut by: BTreeMap<(Who, Option<SkuIx>), f64> = BTreeMap::new();
        for h in hypotheses {
            if let Some(other) = h.taken_up_by {
                *by.entry((other, None)).or_default() += h.probability;
            }
            for (i, part) in h.parts.iter().enumerate() {
                // Two things in one hand are one deed.
                if h.parts[..i].iter().all(|p| p.who != part.who) {
                    *by.entry((part.who, part.sku)).or_default() += h.probability;
                }
            }
        }
        let mut makers = BTreeMap::new();
        for ((who, sku), p) in by {
            let held = sku.map_or(Held::Thing, Held::Sku);
            let candidate = self.people.iter().find(|c| c.who == who);
            for (at, share) in candidate.iter().flat_map(|c| c.shares(held)) {
                *makers.entry(at).or_default() += p * share;
            }
        }
        makers
    }

    // ----- factors

    /// Log density of the change for goods of `grams` with variance `var`: a normal with a wider one
    /// beneath it, because sensors sometimes err by more than they say.
    fn mass(&self, grams: f64, var: f64) -> f64 {
        let change = self.grams.abs();
        let told = self.sigma_g.powi(2)
            + self.config.mass_floor_g.powi(2)
            + (self.config.mass_gain * change).powi(2);
        let (narrow, wide) = ((told + var).sqrt(), (16.0 * told + var).sqrt());
        let normal = |s: f64| {
            (-0.5 * ((change - grams) / s).powi(2)).exp() / (s * std::f64::consts::TAU.sqrt())
        };
        (0.97 * normal(narrow) + 0.03 * normal(wide)).ln()
    }

    /// Whether perception does not know yet if it was goods or a hand that pressed: its sigma says so.
    fn may_be_a_hand(&self) -> bool {
        is_unread(self.step)
    }

    /// What takes of the same product just before and after say.
    fn again(&self, parts: &[Part]) -> f64 {
        let takes = parts.iter().filter(|p| p.quantity > 0);
        takes
            .filter_map(|p| Some(self.streak.of(p.who, p.sku?)))
            .sum()
    }

    fn shown(&self, held: Held) -> f64 {
        SHOWN * Candidate::shown(&self.people, held)
    }

    /// What it says that cameras saw a column of a lane go back or come forward.
    fn where_seen(&self, parts: &[Part]) -> f64 {
        let Some(seen) = &self.step.seen else {
            return 0.0;
        };
        let elsewhere = |part: &Part| match part.lane {
            Some(lane) if lane == seen.lane => 0.0,
            Some(_) => SEEN_ELSEWHERE.ln(),
            None => SEEN_STRAY.ln(),
        };
        parts.iter().map(elsewhere).sum()
    }

    fn lane_place(&self, ways: &[Vec<f64>]) -> f64 {
        let sum: f64 = ways.iter().map(|w| self.seen.agreement(w).exp()).sum();
        (sum / ways.len().max(1) as f64).ln()
    }

    /// Whether the lane holds so many; counts are trusted but for one in fifty.
    fn stock(&self, lane: LaneIx, units: u32) -> f64 {
        match self.belief.lanes.get(lane.usize()) {
            Some(Some(count)) => (0.98 * count.at_least(as_i32(units)) + 0.02).ln(),
            _ => 0.0,
        }
    }

    /// The lanes that the change may touch.
    fn lanes_touched(&self) -> impl Iterator<Item = (LaneIx, &Lane)> {
        lanes_within(self.shop, self.step.shelf, self.seen.span)
    }

    /// Places on the shelf that can be told apart.
    fn spots(&self) -> f64 {
        let width = self
            .shop
            .layout
            .shelves
            .get(self.step.shelf.usize())
            .map_or(1.0, |s| s.width_m);
        (width / SPOT_M).max(1.0)
    }
}

/// The same with their probabilities, most probable first, without those that do not matter.
pub(crate) fn normalised(all: Vec<Hypothesis>, temperature: f64) -> Vec<Hypothesis> {
    weighed(all, temperature).0
}

/// The same, and the log of what all of them weigh together.
fn weighed(mut all: Vec<Hypothesis>, temperature: f64) -> (Vec<Hypothesis>, f64) {
    let mut top = f64::NEG_INFINITY;
    for h in &mut all {
        h.probability = h.factors.iter().sum::<f64>() / temperature;
        if h.probability.is_finite() {
            top = top.max(h.probability);
        }
    }
    // Nearly all are hopeless: only the others are worth the trouble of an order.
    all.retain(|h| h.probability.is_finite() && h.probability > top - DROP);
    let mut norm = 0.0;
    for h in &mut all {
        h.probability = (h.probability - top).exp();
        norm += h.probability;
    }
    for h in &mut all {
        h.probability /= norm;
    }
    all.sort_by(|a, b| {
        b.probability
            .total_cmp(&a.probability)
            .then_with(|| key(a).cmp(&key(b)))
    });
    all.truncate(KEPT);
    let all_together = if norm > 0.0 {
        top + norm.ln()
    } else {
        f64::NEG_INFINITY
    };
    (all, all_together)
}

/// The lanes that a step's change may touch.
fn touched<'a>(shop: &'a Shop, step: &WeightStep) -> impl Iterator<Item = &'a Lane> {
    let edges = edges_of(&shop.layout, step);
    let span = SeenShares::new(shop, step, &edges, 1.0).span;
    lanes_within(shop, step.shelf, span).map(|(_, lane)| lane)
}

/// The lanes of a shelf that plates between these places, or what stands across their edges, may bear.
fn lanes_within(
    shop: &Shop,
    shelf: ShelfIx,
    (from, to): (f64, f64),
) -> impl Iterator<Item = (LaneIx, &Lane)> {
    let lanes = shop.planogram.on_shelf(shelf);
    lanes.filter(move |(_, l)| l.x_m < to + ACROSS_M && l.x_m + l.width_m > from - ACROSS_M)
}

/// Whether a step may be of goods of a mass and its variance, grams and grams².
fn weighs_like(step: &WeightStep, (grams, var): (f64, f64)) -> bool {
    let error = f64::from(step.delta_g.abs()) - grams;
    error * error <= OFF * OFF * (f64::from(step.sigma_g).powi(2) + 1.0 + var)
}

/// Whether a rise is told before it could be read, and may be a hand's. What cameras saw is no hand, however unsure its number.
pub(crate) fn is_unread(step: &WeightStep) -> bool {
    step.seen.is_none() && step.delta_g > 0.0 && step.sigma_g >= UNREAD * step.delta_g
}

/// The parties whose reach is not far below the best one's, a few at most. Nobody known is among them where a
/// stranger's track is.
fn nearest(reach: &[f64]) -> Vec<usize> {
    let mut known: Vec<(usize, f64)> = reach.iter().copied().enumerate().collect();
    known.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let best = known.first().map_or(f64::NEG_INFINITY, |k| k.1);
    known.retain(|k| k.1 > best - TOO_FAR);
    known.truncate(TWO_OF);
    known.into_iter().map(|k| k.0).collect()
}

/// Unit counts that could make up a change.
fn units_near(grams: f64, unit_g: f64, max: u32) -> std::ops::RangeInclusive<u32> {
    if unit_g <= 0.5 {
        return 1..=1;
    }
    let n = (grams.abs() / unit_g).round().clamp(0.0, f64::from(max)) as u32;
    n.saturating_sub(1).max(1)..=(n + 1).min(max.max(1))
}

/// Log prior of taking `n` units of one SKU at once: counted in simulated days (`busy`, seeds 401–408: 1,930, 49 and 20 grabs of one, two
/// and three), to the power of the temperature that all log weights are divided by.
fn units_prior(n: u32) -> f64 {
    let share: f64 = match n {
        0 | 1 => 1.0,
        2 => 0.076,
        _ => 0.041,
    };
    let more = f64::from(n.saturating_sub(3)) * 0.12_f64.ln();
    (0.75 * share).ln() + more
}

fn blend(x: &[f64], wx: f64, y: &[f64], wy: f64) -> Vec<f64> {
    let total = (wx + wy).max(1e-9);
    x.iter()
        .zip(y)
        .map(|(a, b)| (a * wx + b * wy) / total)
        .collect()
}

fn as_i32(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// What a part is told from another by: who, what, how many, where.
type PartKey = (Who, Option<SkuIx>, i32, Option<LaneIx>);

/// A total order among equally probable hypotheses.
fn key(h: &Hypothesis) -> (Vec<PartKey>, &[u64]) {
    let parts = h
        .parts
        .iter()
        .map(|p| (p.who, p.sku, p.quantity, p.lane))
        .collect();
    (parts, &h.removes)
}
