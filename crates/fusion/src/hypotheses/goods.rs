//! Goods off the shelf: what they may have been, and who may have taken them.

use super::removals::{Removal, RemovalKind, owned};
use super::{
    Case, DROP, Factors, Hypothesis, LOOK, MASS, PLACE, PRIOR, Part, REACH, SHARED_MOST, STOCK,
    as_i32, blend, units_near, units_prior,
};
use crate::hands;
use crate::looks::Held;
use crate::people::Candidate;
use crate::place::{lane_shares, shares};
use crate::reach::is_blind;
use walkout_model::{LaneIx, PartyKind, SkuIx};

/// Prior that a shopper's step off a shelf is of a SKU out of place that nobody was seen to misplace.
pub(super) const STRAY: f64 = 2e-3;
/// Prior that one step holds two SKUs.
const TWO_AT_ONCE: f64 = 0.02;
/// Prior that two people take goods of two SKUs in one step, over the share of hands that are at a place without
/// acting; and one unit each of the same SKU in a blind time, where it need not be one instant and is as usual as one
/// each of two who come one after the other. In an instant that is seen it is as rare as the network of hands learnt.
const TWO_PEOPLE: f64 = 0.3;
const ONE_EACH_UNSEEN: f64 = 1.0;
/// How often staff take goods from where they belong, beside shoppers.
const STAFF_TAKE: f64 = 0.15;
/// Prior that goods come with a hand that is drawn back, by its owner; and with a thing that is taken away, or by somebody else.
const DRAWN_BACK_WITH_GOODS: f64 = 0.4;
const REMOVED_WITH_GOODS: f64 = 0.02;
const REMOVED_BESIDE_GOODS: f64 = 0.1;
/// Prior that a fall where something was half lifted is the rest of it, and how far the two falls together
/// may be off its mass, as a share: a plate's level follows what creeps.
const LIFTED_OFF: f64 = 0.5;
const LIFT_CREEPS: f64 = 0.08;

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

/// Log prior of a party's taking goods from where they belong, beside a shopper's: staff fill lanes, and take away what
/// lies in a wrong one.
pub(super) fn taken_by(c: &Candidate, lane: Option<LaneIx>) -> f64 {
    match (c.kind, lane) {
        (Some(PartyKind::Staff), Some(_)) => STAFF_TAKE.ln(),
        _ => 0.0,
    }
}

impl Case<'_> {
    pub(super) fn takes(&self) -> Vec<Hypothesis> {
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
            let mut factors = Factors::default();
            factors[MASS] = g.mass;
            factors[PLACE] = g.place;
            factors[STOCK] = g.stock;
            factors[PRIOR] = g.prior;
            factors[REACH] = reach;
            factors[LOOK] = c.with_look(held) - reach + self.shown(held);
            for (.., lane) in &g.items {
                factors[PRIOR] += taken_by(c, *lane);
            }
            if let Some(removal) = self.removal(g) {
                factors[PRIOR] += owned(removal, c.who);
            }
            all.push(Hypothesis {
                removes: self
                    .removal(g)
                    .map_or(Vec::new(), |removal| removal.serials.clone()),
                entwined: Vec::new(),
                taken_up_by: None,
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

    /// Two people at one place in one instant: each some of the units, or each one of two SKUs; or one takes away what is theirs,
    /// and the other goods.
    fn by_two(&self, g: &Goods, all: &mut Vec<Hypothesis>) {
        if let Some(removal) = self.removal(g) {
            self.beside_removal(g, removal, all);
            return;
        }
        match *g.items.as_slice() {
            [(sku, n @ 2..=SHARED_MOST, lane)] => {
                let two_people = if is_blind(self.step) {
                    ONE_EACH_UNSEEN.ln()
                } else {
                    hands::two_at_once() - units_prior(1)
                };
                for k in 1..n {
                    let two = [(sku, k, lane), (sku, n - k, lane)];
                    // The prior speaks of one person so far, with all the units in one grab.
                    let prior = units_prior(k) + units_prior(n - k) - units_prior(n);
                    // Who is first and who is second makes no odds where both took as many.
                    self.by_these_two(g, two, prior + two_people, 2 * k == n, all);
                }
            }
            [a, b] => {
                let prior = TWO_PEOPLE.ln() - TWO_AT_ONCE.ln();
                self.by_these_two(g, [a, b], prior, false, all);
            }
            _ => {}
        }
    }

    /// Goods of somebody, and a removal by somebody else: of a hand or a thing, or of the first of the units, that was half lifted.
    fn beside_removal(&self, g: &Goods, removal: &Removal, all: &mut Vec<Hypothesis>) {
        let &[(sku, n, lane)] = g.items.as_slice() else {
            return;
        };
        let part = |c: &Candidate, n: u32| Part {
            who: c.who,
            kind: c.kind,
            sku: Some(sku),
            quantity: as_i32(n),
            lane,
        };
        let is_lift = removal.kind == RemovalKind::Lift;
        if is_lift && (n == 1 || removal.grams >= self.belief.masses.of(sku, 1).0) {
            return;
        }
        let (held, before, beside) = match removal.kind {
            RemovalKind::Hand => (Held::Nothing, DRAWN_BACK_WITH_GOODS, REMOVED_BESIDE_GOODS),
            RemovalKind::Thing => (Held::Thing, REMOVED_WITH_GOODS, REMOVED_BESIDE_GOODS),
            RemovalKind::Lift => (Held::Sku(sku), 1.0, TWO_PEOPLE),
        };
        for (i, owner) in self.near.iter().map(|i| (*i, &self.people[*i])) {
            for taker in self
                .near
                .iter()
                .filter(|j| **j != i)
                .map(|j| &self.people[*j])
            {
                let mut parts = vec![part(taker, n)];
                let mut prior =
                    (beside / before).ln() + owned(removal, owner.who) + taken_by(taker, lane);
                if is_lift {
                    parts = vec![part(owner, 1), part(taker, n - 1)];
                    prior += units_prior(1) + units_prior(n - 1) - units_prior(n);
                    prior += taken_by(owner, lane);
                }
                // A thing may look like what is sold here.
                let like_goods = if removal.kind == RemovalKind::Thing {
                    self.any_of(owner, &removal.held) - owner.with_look(held) - self.shown(held)
                } else {
                    0.0
                };
                for (reach, look) in self.of_two([owner, taker], [held, Held::Sku(sku)]) {
                    let mut factors = Factors::default();
                    factors[MASS] = g.mass;
                    factors[PLACE] = g.place;
                    factors[STOCK] = g.stock;
                    factors[PRIOR] = g.prior + prior;
                    factors[REACH] = reach;
                    factors[LOOK] = look + like_goods;
                    all.push(Hypothesis {
                        parts: parts.clone(),
                        removes: removal.serials.clone(),
                        entwined: Vec::new(),
                        taken_up_by: (!is_lift).then_some(owner.who),
                        factors,
                        probability: 0.0,
                    });
                }
            }
        }
    }

    /// Two people with their parts of a step's goods. `prior` is beside that of one who took it all.
    fn by_these_two(
        &self,
        g: &Goods,
        two: [(SkuIx, u32, Option<LaneIx>); 2],
        prior: f64,
        alike: bool,
        all: &mut Vec<Hypothesis>,
    ) {
        let [first, second] = two;
        for (i, a) in self.near.iter().map(|i| (*i, &self.people[*i])) {
            for (j, b) in self.near.iter().map(|j| (*j, &self.people[*j])) {
                if i == j || (alike && j < i) {
                    continue;
                }
                let part = |c: &Candidate, (sku, n, lane): (SkuIx, u32, Option<LaneIx>)| Part {
                    who: c.who,
                    kind: c.kind,
                    sku: Some(sku),
                    quantity: as_i32(n),
                    lane,
                };
                let held = [first.0, second.0].map(Held::Sku);
                for (reach, look) in self.of_two([a, b], held) {
                    let mut factors = Factors::default();
                    factors[MASS] = g.mass;
                    factors[PLACE] = g.place;
                    factors[STOCK] = g.stock;
                    factors[PRIOR] = g.prior + prior + taken_by(a, first.2) + taken_by(b, second.2);
                    factors[REACH] = reach;
                    factors[LOOK] = look;
                    all.push(Hypothesis {
                        parts: vec![part(a, first), part(b, second)],
                        removes: Vec::new(),
                        entwined: Vec::new(),
                        taken_up_by: None,
                        factors,
                        probability: 0.0,
                    });
                }
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
        let all = self.removals.iter().enumerate();
        for (at, removal) in all.filter(|r| r.1.kind != RemovalKind::Lift) {
            let with_goods = match removal.kind {
                RemovalKind::Hand => DRAWN_BACK_WITH_GOODS,
                _ => REMOVED_WITH_GOODS,
            };
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
                        prior: removal.there + with_goods.ln() + lane_prior + units_prior(n),
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
        let touched: Vec<_> = self.lanes_touched().collect();
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
}
