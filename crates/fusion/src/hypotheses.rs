//! The joint posterior of one step over person, SKU and signed quantity.

use crate::FusionConfig;
use crate::belief::{Belief, Foreign};
use crate::looks::Held;
use crate::people::Candidate;
use crate::place::{SeenShares, lane_shares, plate_edges, shares};
use crate::reach::is_blind;
use std::collections::BTreeMap;
use walkout_model::{LaneIx, PartyKind, PlateHealth, Shop, SkuIx, TimeDelta, WeightStep, Who};

/// What the log weight of a hypothesis is made of, by kind of evidence.
pub(crate) const FACTORS: [&str; 8] = [
    "mass", "place", "reach", "look", "cart", "stock", "rfid", "prior",
];

/// Log weights by [`FACTORS`].
pub(crate) type Factors = [f64; 8];

const MASS: usize = 0;
const PLACE: usize = 1;
const REACH: usize = 2;
const LOOK: usize = 3;
const CART: usize = 4;
const STOCK: usize = 5;
// 6 is `rfid`: the log likelihood of tag reads at the shelf and in the cart. No reader is there yet, and
// it stays 0 for every hypothesis.
const PRIOR: usize = 7;

/// Hypotheses kept after weighing.
const KEPT: usize = 64;
/// Log weight below the best at which a hypothesis is dropped before people are weighed.
const DROP: f64 = 22.0;
/// Places on a shelf that can be told apart, metres: what "anywhere on the shelf" is spread over.
const SPOT_M: f64 = 0.05;

/// Prior that a shopper's step off a shelf is of a SKU out of place that nobody was seen to misplace.
const STRAY: f64 = 2e-3;
/// Prior that a step off a shelf is no goods at all.
const FOREIGN_TAKE: f64 = 2e-3;
/// Weights of what brings mass onto a shelf, for one whose hand is there: staff fill it, a shopper
/// puts back, lays a thing of their own down, or leans.
const FILL: f64 = 1.0;
const PUT_BACK: f64 = 0.3;
const THING_PUT: f64 = 0.02;
const HAND_PUT: f64 = 0.04;
/// The same for a hand that presses, of a rise that was not read yet: nearly every take begins with one.
const HAND_PRESSES: f64 = 6.0;
/// A rise with a sigma beyond this share of it was not read yet.
const UNREAD: f32 = 0.4;
/// Prior that goods put back go to the place of their SKU.
const TO_HOME: f64 = 0.7;
/// Prior that one step holds two SKUs.
const TWO_AT_ONCE: f64 = 0.02;
/// Prior that two people act in one step, over the share of hands that are at a place without acting; and
/// that they take one unit each of the same SKU, where one of them mostly takes both. In a blind time it
/// need not be one instant, and is as usual as one each of two who come one after the other.
const TWO_PEOPLE: f64 = 0.3;
const ONE_EACH: f64 = 0.15;
const ONE_EACH_UNSEEN: f64 = 1.0;
/// How many parties are tried two by two, and how far below the best one's log reach theirs may be.
const TWO_OF: usize = 5;
const TOO_FAR: f64 = 6.0;
/// The same for parties that may have acted alone: looks may yet speak for them.
const OUT_OF_REACH: f64 = 13.0;
/// How far looks are believed in the question what was in the hand, beside whose hand it was.
const SHOWN: f64 = 0.5;
/// Prior that who fills a shelf goes on with the lane they were at.
const SAME_LANE: f64 = 0.6;
/// Prior that a fall where a foreign thing lies takes it away, and that goods come with it.
const REMOVED: f64 = 0.5;
const REMOVED_WITH_GOODS: f64 = 0.4;
/// Prior that a foreign thing is of a kind that is sold here as well: a drink bought elsewhere.
const SOLD_HERE_TOO: f64 = 0.3;
/// How long a hand rests on a shelf at most.
const HAND_RESTS: TimeDelta = TimeDelta::from_secs(9);
/// Prior that a fall where something was half lifted is the rest of it, how long that may take, and how
/// far the two falls together may be off its mass, as a share: a plate's level follows what creeps.
const LIFTED_OFF: f64 = 0.5;
const LIFT_LASTS: TimeDelta = TimeDelta::from_secs(90);
const LIFT_CREEPS: f64 = 0.08;
/// How far apart a foreign thing and its removal may seem to be, metres.
const SAME_SPOT_M: f64 = 0.2;

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
    pub factors: Factors,
    /// Posterior probability.
    pub probability: f64,
}

/// Goods that fit the step, before asking who.
#[derive(Clone, Debug)]
struct Goods {
    items: Vec<(SkuIx, u32, Option<LaneIx>)>,
    removal: Option<usize>,
    mass: f64,
    place: f64,
    stock: f64,
    prior: f64,
}

/// Foreign things that may leave the shelf in one step.
#[derive(Clone, Debug)]
struct Removal {
    serials: Vec<u64>,
    grams: f64,
    var: f64,
    /// Shares of the plates.
    shares: Vec<f64>,
    /// Log probability that they are there.
    there: f64,
    /// Whose they are.
    who: Vec<(Who, f64)>,
    kind: RemovalKind,
}

/// What an earlier step brought about that may end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RemovalKind {
    /// A thing that was laid down.
    Thing,
    /// What may be a hand that has rested there since.
    Hand,
    /// Something that was lifted halfway and has been held since: its grams are those that are gone.
    Lift,
}

/// Goods that a party may have put onto the shelf.
struct Put {
    sku: SkuIx,
    units: u32,
    cart: f64,
    prior: f64,
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
    removals: Vec<Removal>,
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
        step: &'a WeightStep,
    ) -> Self {
        let edges = plate_edges(&shop.layout, step.shelf);
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
        let near = nearest(&people);
        Self {
            shop,
            step,
            seen,
            config,
            belief,
            edges,
            people,
            near,
            removals,
            grams: -f64::from(step.delta_g),
            sigma_g,
        }
    }

    /// All explanations that matter, most probable first, probabilities summing to at most 1.
    pub(crate) fn posterior(&self) -> Vec<Hypothesis> {
        let mut all = if self.grams > 0.0 {
            self.takes()
        } else {
            self.puts()
        };
        self.add_foreign(&mut all);
        let mut top = f64::NEG_INFINITY;
        for h in &mut all {
            h.probability = h.factors.iter().sum::<f64>() / self.config.temperature;
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
        all
    }

    /// How probable it is that each track made the step, by its place among those seen.
    pub(crate) fn makers(&self, hypotheses: &[Hypothesis]) -> BTreeMap<usize, f64> {
        let mut by: BTreeMap<(Who, Option<SkuIx>), f64> = BTreeMap::new();
        for h in hypotheses {
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

    // ----- goods off the shelf

    fn takes(&self) -> Vec<Hypothesis> {
        let mut goods = self.single_goods();
        goods.extend(self.double_goods());
        goods.extend(self.goods_with_removal());
        goods.extend(self.goods_half_lifted());
        let fit = |g: &Goods| g.mass + g.place + g.stock + g.prior;
        let best = goods.iter().map(&fit).fold(f64::NEG_INFINITY, f64::max);
        goods.retain(|g| fit(g) > best - DROP);
        let mut all = Vec::new();
        for g in &goods {
            self.by_one(g, &mut all);
            self.by_two(g, &mut all);
        }
        all
    }

    fn by_one(&self, g: &Goods, all: &mut Vec<Hypothesis>) {
        for c in &self.people {
            let held = g.items.first().map_or(Held::Thing, |i| Held::Sku(i.0));
            let reach = c.reach();
            let mut factors = [0.0; 8];
            factors[MASS] = g.mass;
            factors[PLACE] = g.place;
            factors[STOCK] = g.stock;
            factors[PRIOR] = g.prior;
            factors[REACH] = reach;
            factors[LOOK] = c.with_look(held) - reach + self.shown(held);
            if let Some(removal) = self.removal(g) {
                factors[PRIOR] += owned(removal, c.who);
            }
            all.push(Hypothesis {
                removes: self
                    .removal(g)
                    .map_or(Vec::new(), |removal| removal.serials.clone()),
                parts: g
                    .items
                    .iter()
                    .map(|&(sku, n, lane)| Part {
                        who: c.who,
                        kind: c.kind,
                        sku: Some(sku),
                        quantity: as_i32(n),
                        lane,
                    })
                    .collect(),
                factors,
                probability: 0.0,
            });
        }
    }

    /// Two people at one place in one instant: each one of two units, or each one of two SKUs.
    fn by_two(&self, g: &Goods, all: &mut Vec<Hypothesis>) {
        let two: Vec<(SkuIx, u32, Option<LaneIx>)> = match g.items.as_slice() {
            [(sku, 2, lane)] => vec![(*sku, 1, *lane), (*sku, 1, *lane)],
            [a, b] => vec![*a, *b],
            _ => return,
        };
        let single = g.items.len() == 1;
        if g.removal.is_some() {
            return;
        }
        // The prior speaks of one person so far: of two units in one grab, or of two SKUs.
        let one = if single {
            units_prior(2) - 2.0 * units_prior(1)
        } else {
            TWO_AT_ONCE.ln()
        };
        let two_people = match (single, is_blind(self.step)) {
            (true, true) => ONE_EACH_UNSEEN,
            (true, false) => ONE_EACH,
            (false, _) => TWO_PEOPLE,
        };
        for (i, a) in self.near.iter().map(|i| (*i, &self.people[*i])) {
            for (j, b) in self.near.iter().map(|j| (*j, &self.people[*j])) {
                if i == j || (single && j < i) {
                    continue;
                }
                let (all_told, reach) = a.both(Held::Sku(two[0].0), b, Held::Sku(two[1].0));
                let mut factors = [0.0; 8];
                factors[MASS] = g.mass;
                factors[PLACE] = g.place;
                factors[STOCK] = g.stock;
                factors[PRIOR] = g.prior - one + two_people.ln();
                factors[REACH] = reach;
                factors[LOOK] = all_told - reach
                    + 0.5 * (self.shown(Held::Sku(two[0].0)) + self.shown(Held::Sku(two[1].0)));
                let part = |c: &Candidate, (sku, n, lane): (SkuIx, u32, Option<LaneIx>)| Part {
                    who: c.who,
                    kind: c.kind,
                    sku: Some(sku),
                    quantity: as_i32(n),
                    lane,
                };
                all.push(Hypothesis {
                    parts: vec![part(a, two[0]), part(b, two[1])],
                    removes: Vec::new(),
                    factors,
                    probability: 0.0,
                });
            }
        }
    }

    fn removal(&self, g: &Goods) -> Option<&Removal> {
        self.removals.get(g.removal?)
    }

    /// Goods of a lane that were lifted while a hand that rested there was drawn back, or together with a
    /// foreign thing.
    fn goods_with_removal(&self) -> Vec<Goods> {
        let lanes: Vec<_> = self.shop.planogram.on_shelf(self.step.shelf).collect();
        let lane_prior = -(lanes.len().max(1) as f64).ln();
        let mut goods = Vec::new();
        let hands = self.removals.iter().enumerate();
        for (at, removal) in hands.filter(|r| r.1.kind == RemovalKind::Hand) {
            let left = self.grams - removal.grams;
            for (lane_ix, lane) in &lanes {
                let Some(product) = self.shop.catalogue.get(lane.sku) else {
                    continue;
                };
                for n in units_near(left, product.unit_mass.grams(), 3) {
                    let (unit, var) = self.belief.masses.of(lane.sku, n);
                    let mass = self.mass(removal.grams + unit, removal.var + var);
                    if mass < -25.0 {
                        continue;
                    }
                    let ways: Vec<Vec<f64>> = lane_shares(&self.edges, lane, product, n)
                        .iter()
                        .map(|x| blend(x, unit, &removal.shares, removal.grams))
                        .collect();
                    goods.push(Goods {
                        items: vec![(lane.sku, n, Some(*lane_ix))],
                        removal: Some(at),
                        mass,
                        place: self.lane_place(&ways),
                        stock: self.stock(*lane_ix, n),
                        prior: removal.there
                            + REMOVED_WITH_GOODS.ln()
                            + lane_prior
                            + units_prior(n),
                    });
                }
            }
        }
        goods
    }

    /// Goods of a lane that were half lifted before and leave the plate now.
    fn goods_half_lifted(&self) -> Vec<Goods> {
        let lanes: Vec<_> = self.shop.planogram.on_shelf(self.step.shelf).collect();
        let lane_prior = -(lanes.len().max(1) as f64).ln();
        let mut goods = Vec::new();
        let lifts = self.removals.iter().enumerate();
        for (at, lift) in lifts.filter(|r| r.1.kind == RemovalKind::Lift) {
            for (lane_ix, lane) in &lanes {
                let Some(product) = self.shop.catalogue.get(lane.sku) else {
                    continue;
                };
                let all = lift.grams + self.grams;
                for n in units_near(all, product.unit_mass.grams(), 3) {
                    let (unit, var) = self.belief.masses.of(lane.sku, n);
                    let creep = (LIFT_CREEPS * unit).powi(2);
                    let mass = self.mass(unit - lift.grams, var + lift.var + creep);
                    if unit <= lift.grams || mass < -25.0 {
                        continue;
                    }
                    goods.push(Goods {
                        items: vec![(lane.sku, n, Some(*lane_ix))],
                        removal: Some(at),
                        mass,
                        place: self.lane_place(&lane_shares(&self.edges, lane, product, n)),
                        stock: self.stock(*lane_ix, n),
                        prior: lift.there + LIFTED_OFF.ln() + lane_prior + units_prior(n),
                    });
                }
            }
        }
        goods
    }

    /// One SKU: each of the catalogue whose mass can explain the step.
    fn single_goods(&self) -> Vec<Goods> {
        let lanes: Vec<_> = self.shop.planogram.on_shelf(self.step.shelf).collect();
        let lane_prior = (1.0 - STRAY) / lanes.len().max(1) as f64;
        let n_skus = self.shop.catalogue.len().max(1) as f64;
        let misplaced: Vec<_> = self
            .belief
            .misplaced
            .iter()
            .filter(|m| m.shelf == self.step.shelf)
            .collect();
        let mut goods = Vec::new();
        for (i, product) in self.shop.catalogue.products().iter().enumerate() {
            let sku = SkuIx::from(i);
            let unit = product.unit_mass.grams();
            for n in units_near(self.grams, unit, self.config.units_max) {
                let (grams, var) = self.belief.masses.of(sku, n);
                let mass = self.mass(grams, var);
                if mass < -40.0 {
                    continue;
                }
                let prior = units_prior(n);
                for (lane_ix, lane) in lanes.iter().filter(|(_, l)| l.sku == sku) {
                    goods.push(Goods {
                        items: vec![(sku, n, Some(*lane_ix))],
                        removal: None,
                        mass,
                        place: self.lane_place(&lane_shares(&self.edges, lane, product, n)),
                        stock: self.stock(*lane_ix, n),
                        prior: prior + lane_prior.ln(),
                    });
                }
                let width = f64::from(product.size_mm[0]) / 1_000.0;
                let mut stray = STRAY / n_skus / self.spots();
                for m in misplaced.iter().filter(|m| m.sku == sku) {
                    let there = self
                        .seen
                        .agreement(&shares(&self.edges, m.x_m, width))
                        .exp();
                    stray += lane_prior * (m.units / f64::from(n)).min(1.0) * there;
                }
                goods.push(Goods {
                    items: vec![(sku, n, None)],
                    removal: None,
                    mass,
                    place: 0.0,
                    stock: 0.0,
                    prior: prior + stray.ln(),
                });
            }
        }
        goods
    }

    /// One unit each of two SKUs whose lanes the change may touch, in one step.
    fn double_goods(&self) -> Vec<Goods> {
        let touched: Vec<_> = self
            .shop
            .planogram
            .on_shelf(self.step.shelf)
            .filter(|(_, l)| {
                l.x_m < self.seen.span.1 + 0.05 && l.x_m + l.width_m > self.seen.span.0 - 0.05
            })
            .collect();
        let lanes = self.shop.planogram.on_shelf(self.step.shelf).count().max(1) as f64;
        let prior = TWO_AT_ONCE.ln() - 2.0 * lanes.ln();
        let mut goods = Vec::new();
        for (i, (lane_a, a)) in touched.iter().enumerate() {
            for (lane_b, b) in touched.iter().skip(i + 1) {
                let (Some(pa), Some(pb)) = (
                    self.shop.catalogue.get(a.sku),
                    self.shop.catalogue.get(b.sku),
                ) else {
                    continue;
                };
                for (na, nb) in [(1, 1), (1, 2), (2, 1)] {
                    let (ma, va) = self.belief.masses.of(a.sku, na);
                    let (mb, vb) = self.belief.masses.of(b.sku, nb);
                    let mass = self.mass(ma + mb, va + vb);
                    if mass < -25.0 {
                        continue;
                    }
                    let ways: Vec<Vec<f64>> = lane_shares(&self.edges, a, pa, 1)
                        .iter()
                        .flat_map(|x| {
                            lane_shares(&self.edges, b, pb, 1)
                                .into_iter()
                                .map(|y| blend(x, ma, &y, mb))
                                .collect::<Vec<_>>()
                        })
                        .collect();
                    goods.push(Goods {
                        items: vec![(a.sku, na, Some(*lane_a)), (b.sku, nb, Some(*lane_b))],
                        removal: None,
                        mass,
                        place: self.lane_place(&ways),
                        stock: self.stock(*lane_a, na) + self.stock(*lane_b, nb),
                        prior: prior + units_prior(na) + units_prior(nb),
                    });
                }
            }
        }
        goods
    }

    // ----- goods onto the shelf

    fn puts(&self) -> Vec<Hypothesis> {
        let mut all = Vec::new();
        for c in &self.people {
            match c.kind {
                Some(PartyKind::Staff) => self.restocks(c, &mut all),
                _ => self.put_backs(c, &mut all),
            }
        }
        all
    }

    /// A shopper can only put back what they hold.
    fn put_backs(&self, c: &Candidate, all: &mut Vec<Hypothesis>) {
        for (i, product) in self.shop.catalogue.products().iter().enumerate() {
            let sku = SkuIx::from(i);
            let held = match c.who {
                Who::Session(_) => self.belief.in_cart(c.who, sku),
                Who::Unknown => 0.3 / self.shop.catalogue.len().max(1) as f64,
            };
            if held < 0.002 {
                continue;
            }
            let unit = product.unit_mass.grams();
            for units in units_near(self.grams, unit, self.config.units_max) {
                let put = Put {
                    sku,
                    units,
                    cart: (held / f64::from(units)).min(1.0).ln(),
                    prior: units_prior(units) + PUT_BACK.ln(),
                };
                self.put_at(c, &put, all);
            }
        }
    }

    fn put_at(&self, c: &Candidate, put: &Put, all: &mut Vec<Hypothesis>) {
        let Put {
            sku,
            units: n,
            cart,
            prior,
        } = *put;
        let Some(product) = self.shop.catalogue.get(sku) else {
            return;
        };
        let (grams, var) = self.belief.masses.of(sku, n);
        let mass = self.mass(grams, var);
        if mass < -40.0 {
            return;
        }
        let reach = c.reach();
        let mut push = |lane: Option<LaneIx>, place: f64, prior: f64| {
            let mut factors = [0.0; 8];
            factors[MASS] = mass;
            factors[PLACE] = place;
            factors[REACH] = reach;
            factors[LOOK] = c.with_look(Held::Sku(sku)) - reach + self.shown(Held::Sku(sku));
            factors[CART] = cart;
            factors[PRIOR] = prior;
            all.push(Hypothesis {
                parts: vec![Part {
                    who: c.who,
                    kind: c.kind,
                    sku: Some(sku),
                    quantity: -as_i32(n),
                    lane,
                }],
                removes: Vec::new(),
                factors,
                probability: 0.0,
            });
        };
        for (lane_ix, lane) in self
            .shop
            .planogram
            .on_shelf(self.step.shelf)
            .filter(|(_, l)| l.sku == sku)
        {
            let place = self.lane_place(&lane_shares(&self.edges, lane, product, n));
            push(Some(lane_ix), place, prior + TO_HOME.ln());
        }
        push(None, -self.spots().ln(), prior + (1.0 - TO_HOME).ln());
    }

    /// Staff bring units from the back room, or put in order what they picked up. Who fills a shelf
    /// mostly goes on with the lane they were at.
    fn restocks(&self, c: &Candidate, all: &mut Vec<Hypothesis>) {
        let lanes: Vec<_> = self.shop.planogram.on_shelf(self.step.shelf).collect();
        let each = 1.0 / lanes.len().max(1) as f64;
        let at = match c.who {
            Who::Session(s) => self.belief.filled.get(&(s, self.step.shelf)).copied(),
            Who::Unknown => None,
        };
        for (lane_ix, lane) in &lanes {
            let Some(product) = self.shop.catalogue.get(lane.sku) else {
                continue;
            };
            let which = match at {
                Some(at) if at == *lane_ix => SAME_LANE + (1.0 - SAME_LANE) * each,
                Some(_) => (1.0 - SAME_LANE) * each,
                None => each,
            };
            let unit = product.unit_mass.grams();
            for units in units_near(self.grams, unit, self.config.restock_max) {
                let few = 0.35 * 0.65_f64.powi(as_i32(units) - 1);
                let flat = 1.0 / f64::from(self.config.restock_max.max(1));
                let put = Put {
                    sku: lane.sku,
                    units,
                    cart: 0.0,
                    prior: FILL.ln() + which.ln() + (0.8 * few + 0.2 * flat).ln(),
                };
                self.put_at(c, &put, all);
            }
        }
        self.put_backs(c, all);
    }

    // ----- what is no goods

    fn add_foreign(&self, all: &mut Vec<Hypothesis>) {
        // Any mass from a gram to some kilograms, alike on a logarithmic scale, anywhere on the shelf.
        let broad = -(self.grams.abs().max(5.0) * 7.0).ln();
        let spots = self.spots().ln();
        let off = self.grams > 0.0;
        let mut push = |c: &Candidate, removes: Vec<u64>, factors: Factors| {
            all.push(Hypothesis {
                parts: vec![Part {
                    who: c.who,
                    kind: c.kind,
                    sku: None,
                    quantity: if off { 1 } else { -1 },
                    lane: None,
                }],
                removes,
                factors,
                probability: 0.0,
            });
        };
        let removed: Vec<(&Removal, Vec<(Held, f64)>)> = self
            .removals
            .iter()
            .filter_map(|r| match r.kind {
                RemovalKind::Hand => Some((r, vec![(Held::Nothing, 1.0)])),
                RemovalKind::Thing => Some((r, self.kinds(r))),
                RemovalKind::Lift => None,
            })
            .collect();
        for c in &self.people {
            let reach = c.reach();
            let new = |held: Held, prior: f64| {
                let mut factors = [0.0; 8];
                factors[MASS] = broad;
                factors[PLACE] = -spots;
                factors[REACH] = reach;
                factors[LOOK] = c.with_look(held) - reach + self.shown(held);
                factors[PRIOR] = prior.ln();
                factors
            };
            if off {
                push(c, Vec::new(), new(Held::Thing, FOREIGN_TAKE));
            } else {
                push(c, Vec::new(), new(Held::Thing, THING_PUT));
                let hand = if self.may_be_a_hand() {
                    HAND_PRESSES
                } else {
                    HAND_PUT
                };
                let mut leans = new(Held::Nothing, hand);
                leans[REACH] += c.lingers;
                push(c, Vec::new(), leans);
            }
            for (removal, held) in &removed {
                let mut factors = [0.0; 8];
                factors[MASS] = self.mass(removal.grams, removal.var);
                factors[PLACE] = self.seen.agreement(&removal.shares);
                factors[REACH] = reach;
                factors[LOOK] = self.any_of(c, held) - reach;
                factors[PRIOR] = removal.there + REMOVED.ln() + owned(removal, c.who);
                push(c, removal.serials.clone(), factors);
            }
        }
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

    /// What a foreign thing looks like, by what it weighs: something never seen, or a kind that is sold
    /// here too.
    fn kinds(&self, thing: &Removal) -> Vec<(Held, f64)> {
        let skus = self.shop.catalogue.len().max(1);
        let strange = (1.0 - SOLD_HERE_TOO) / (thing.grams.max(5.0) * 7.0);
        let mut kinds = vec![(Held::Thing, strange)];
        for sku in (0..skus).map(SkuIx::from) {
            let (grams, var) = self.belief.masses.of(sku, 1);
            let var = var + thing.var + self.config.mass_floor_g.powi(2);
            let off = thing.grams - grams;
            if off * off < 16.0 * var {
                let density = (-0.5 * off * off / var).exp() / (var * std::f64::consts::TAU).sqrt();
                kinds.push((Held::Sku(sku), SOLD_HERE_TOO / skus as f64 * density));
            }
        }
        let total: f64 = kinds.iter().map(|k| k.1).sum();
        for kind in &mut kinds {
            kind.1 /= total;
        }
        kinds
    }

    /// Log weight of a candidate by reach and looks where what was held is one of several kinds.
    fn any_of(&self, c: &Candidate, kinds: &[(Held, f64)]) -> f64 {
        let weigh = |(held, p): &(Held, f64)| p * (c.with_look(*held) + self.shown(*held)).exp();
        kinds.iter().map(weigh).sum::<f64>().max(1e-300).ln()
    }

    fn shown(&self, held: Held) -> f64 {
        SHOWN * Candidate::shown(&self.people, held)
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

/// Whether a rise is told before it could be read, and may be a hand's.
pub(crate) fn is_unread(step: &WeightStep) -> bool {
    step.delta_g > 0.0 && step.sigma_g >= UNREAD * step.delta_g
}

/// The parties whose reach is not far below the best one's, a few at most. Nobody known is among them where a
/// stranger's track is.
fn nearest(people: &[Candidate]) -> Vec<usize> {
    let mut known: Vec<(usize, f64)> = people
        .iter()
        .enumerate()
        .map(|(i, c)| (i, c.reach()))
        .collect();
    known.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let best = known.first().map_or(f64::NEG_INFINITY, |k| k.1);
    known.retain(|k| k.1 > best - TOO_FAR);
    known.truncate(TWO_OF);
    known.into_iter().map(|k| k.0).collect()
}

/// Foreign things whose removal this fall may be: each alone, and a hand together with a thing.
fn removals(belief: &Belief, step: &WeightStep, seen: &SeenShares) -> Vec<Removal> {
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
    };
    let singles: Vec<Removal> = near.iter().map(|f| first(f)).collect();
    let mut all = singles.clone();
    for (i, a) in singles.iter().enumerate() {
        for (j, b) in singles.iter().enumerate() {
            let is_hand = |r: &Removal| r.kind == RemovalKind::Hand;
            if i == j || !is_hand(a) || (is_hand(b) && j < i) || all.len() > 24 {
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
            });
        }
    }
    all
}

/// Things that an earlier fall may have lifted halfway and whose rest this fall may be.
fn lifts(belief: &Belief, step: &WeightStep, seen: &SeenShares) -> Vec<Removal> {
    let is_there = |f: &&Foreign| {
        let age = step.t_change.since(f.step.t_change);
        f.step.delta_g < 0.0
            && f.step.shelf == step.shelf
            && (f.x_m - seen.x_m).abs() < SAME_SPOT_M
            && f.probability > 0.003
            && age >= TimeDelta::ZERO
            && age < LIFT_LASTS
    };
    let all = belief.foreign.iter().filter(is_there);
    all.map(|f| Removal {
        serials: vec![f.serial()],
        grams: f.mass().0,
        var: f.mass().1,
        shares: seen.of_other(&f.step),
        there: f.probability.clamp(1e-6, 1.0).ln(),
        who: f.who.clone(),
        kind: RemovalKind::Lift,
    })
    .collect()
}

/// Log weight of somebody taking a thing away: mostly it is their own.
fn owned(removal: &Removal, who: Who) -> f64 {
    let own = removal.who.iter().find(|w| w.0 == who).map_or(0.0, |w| w.1);
    (0.03 + 0.97 * own).ln()
}

/// Unit counts that could make up a change.
fn units_near(grams: f64, unit_g: f64, max: u32) -> std::ops::RangeInclusive<u32> {
    if unit_g <= 0.5 {
        return 1..=1;
    }
    let n = (grams.abs() / unit_g).round().clamp(0.0, f64::from(max)) as u32;
    n.saturating_sub(1).max(1)..=(n + 1).min(max.max(1))
}

/// Log prior of taking `n` units of one SKU at once: one is usual, each more is a third as likely.
fn units_prior(n: u32) -> f64 {
    let share = 0.75_f64.ln();
    share + f64::from(n.saturating_sub(1)) * 0.25_f64.ln()
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
