//! The joint posterior of one step over person, SKU and signed quantity.

use crate::FusionConfig;
use crate::belief::Belief;
use crate::people::Candidate;
use crate::place::{SeenShares, lane_shares, plate_edges, shares};
use walkout_model::{LaneIx, PartyKind, PlateHealth, Shop, SkuIx, WeightStep, Who};

/// What the log weight of a hypothesis is made of, by kind of evidence.
pub(crate) const FACTORS: [&str; 7] = ["mass", "place", "reach", "look", "cart", "stock", "prior"];

/// Log weights by [`FACTORS`].
pub(crate) type Factors = [f64; 7];

const MASS: usize = 0;
const PLACE: usize = 1;
const REACH: usize = 2;
const LOOK: usize = 3;
const CART: usize = 4;
const STOCK: usize = 5;
const PRIOR: usize = 6;

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
/// Prior that a step onto a shelf is no goods at all.
const FOREIGN_PUT: f64 = 0.1;
/// Prior that goods put back go to the place of their SKU.
const TO_HOME: f64 = 0.7;
/// Prior that one step holds two SKUs or two people's goods.
const TWO_AT_ONCE: f64 = 0.02;

/// One thing that one party did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub who: Who,
    pub sku: Option<SkuIx>,
    /// Units to the person.
    pub quantity: i32,
    pub lane: Option<LaneIx>,
}

/// One explanation of a step.
#[derive(Clone, Debug)]
pub(crate) struct Hypothesis {
    pub parts: Vec<Part>,
    pub factors: Factors,
    /// Posterior probability.
    pub probability: f64,
}

/// Goods that fit the step, before asking who.
#[derive(Clone, Debug)]
struct Goods {
    items: Vec<(SkuIx, u32, Option<LaneIx>)>,
    mass: f64,
    place: f64,
    stock: f64,
    prior: f64,
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
        let seen = SeenShares::new(shop, step, &edges, config.share_sigma);
        let sick = step
            .plates
            .iter()
            .filter(|p| health.get(p.plate.usize()) != Some(&PlateHealth::Good))
            .count();
        let sigma_g = f64::from(step.sigma_g).abs() * (1.0 + sick as f64);
        Self {
            shop,
            step,
            seen,
            config,
            belief,
            edges,
            people,
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

    // ----- goods off the shelf

    fn takes(&self) -> Vec<Hypothesis> {
        let mut goods = self.single_goods();
        goods.extend(self.double_goods());
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
            let sku = g.items.first().map(|i| i.0);
            let reach = c.reach();
            let mut factors = [0.0; 7];
            factors[MASS] = g.mass;
            factors[PLACE] = g.place;
            factors[STOCK] = g.stock;
            factors[PRIOR] = g.prior;
            factors[REACH] = reach;
            factors[LOOK] = c.with_look(sku) - reach;
            all.push(Hypothesis {
                parts: g
                    .items
                    .iter()
                    .map(|&(sku, n, lane)| Part {
                        who: c.who,
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
        for (i, a) in self.people.iter().enumerate() {
            for (j, b) in self.people.iter().enumerate() {
                if i == j || (single && j < i) || a.who == Who::Unknown || b.who == Who::Unknown {
                    continue;
                }
                let (ra, rb) = (a.reach(), b.reach());
                let mut factors = [0.0; 7];
                factors[MASS] = g.mass;
                factors[PLACE] = g.place;
                factors[STOCK] = g.stock;
                // Of two units together the prior already speaks; of two people's it does not yet.
                factors[PRIOR] = g.prior + if single { TWO_AT_ONCE.ln() } else { 0.0 };
                factors[REACH] = ra + rb;
                factors[LOOK] = a.with_look(Some(two[0].0)) - ra + b.with_look(Some(two[1].0)) - rb;
                let part = |who: Who, (sku, n, lane): (SkuIx, u32, Option<LaneIx>)| Part {
                    who,
                    sku: Some(sku),
                    quantity: as_i32(n),
                    lane,
                };
                all.push(Hypothesis {
                    parts: vec![part(a.who, two[0]), part(b.who, two[1])],
                    factors,
                    probability: 0.0,
                });
            }
        }
    }

    /// One SKU: each of the catalogue whose mass can explain the step.
    fn single_goods(&self) -> Vec<Goods> {
        let lanes: Vec<_> = self.shop.planogram.on_shelf(self.step.shelf).collect();
        let lane_prior = (1.0 - STRAY) / lanes.len().max(1) as f64;
        let n_skus = self.shop.catalogue.len().max(1) as f64;
        let mut goods = Vec::new();
        for (i, product) in self.shop.catalogue.products().iter().enumerate() {
            let sku = SkuIx::from(i);
            let unit = product.unit_mass.grams();
            let sd = product.unit_mass_sd.grams();
            for n in self.units_near(unit, self.config.units_max) {
                let mass = self.mass(f64::from(n) * unit, f64::from(n) * sd * sd);
                if mass < -40.0 {
                    continue;
                }
                let prior = units_prior(n);
                for (lane_ix, lane) in lanes.iter().filter(|(_, l)| l.sku == sku) {
                    goods.push(Goods {
                        items: vec![(sku, n, Some(*lane_ix))],
                        mass,
                        place: self.lane_place(&lane_shares(&self.edges, lane, product, n)),
                        stock: self.stock(*lane_ix, n),
                        prior: prior + lane_prior.ln(),
                    });
                }
                let width = f64::from(product.size_mm[0]) / 1_000.0;
                let mut stray = STRAY / n_skus / self.spots();
                for m in self
                    .belief
                    .misplaced
                    .iter()
                    .filter(|m| m.shelf == self.step.shelf && m.sku == sku)
                {
                    let there = self
                        .seen
                        .agreement(&shares(&self.edges, m.x_m, width))
                        .exp();
                    stray += lane_prior * (m.units / f64::from(n)).min(1.0) * there;
                }
                goods.push(Goods {
                    items: vec![(sku, n, None)],
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
                    let (ma, mb) = (
                        f64::from(na) * pa.unit_mass.grams(),
                        f64::from(nb) * pb.unit_mass.grams(),
                    );
                    let var = f64::from(na) * pa.unit_mass_sd.grams().powi(2)
                        + f64::from(nb) * pb.unit_mass_sd.grams().powi(2);
                    let mass = self.mass(ma + mb, var);
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
            for units in self.units_near(unit, self.config.units_max) {
                let put = Put {
                    sku,
                    units,
                    cart: (held / f64::from(units)).min(1.0).ln(),
                    prior: units_prior(units),
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
        let var = f64::from(n) * product.unit_mass_sd.grams().powi(2);
        let mass = self.mass(f64::from(n) * product.unit_mass.grams(), var);
        if mass < -40.0 {
            return;
        }
        let reach = c.reach();
        let mut push = |lane: Option<LaneIx>, place: f64, prior: f64| {
            let mut factors = [0.0; 7];
            factors[MASS] = mass;
            factors[PLACE] = place;
            factors[REACH] = reach;
            factors[LOOK] = c.with_look(Some(sku)) - reach;
            factors[CART] = cart;
            factors[PRIOR] = prior;
            all.push(Hypothesis {
                parts: vec![Part {
                    who: c.who,
                    sku: Some(sku),
                    quantity: -as_i32(n),
                    lane,
                }],
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

    /// Staff bring units from the back room, or put in order what they picked up.
    fn restocks(&self, c: &Candidate, all: &mut Vec<Hypothesis>) {
        let lanes: Vec<_> = self.shop.planogram.on_shelf(self.step.shelf).collect();
        let each = -(lanes.len().max(1) as f64).ln();
        for (_, lane) in &lanes {
            let Some(product) = self.shop.catalogue.get(lane.sku) else {
                continue;
            };
            let unit = product.unit_mass.grams();
            for units in self.units_near(unit, self.config.restock_max) {
                let put = Put {
                    sku: lane.sku,
                    units,
                    cart: 0.0,
                    prior: each - f64::from(self.config.restock_max.clamp(1, 16)).ln(),
                };
                self.put_at(c, &put, all);
            }
        }
        self.put_backs(c, all);
    }

    // ----- what is no goods

    fn add_foreign(&self, all: &mut Vec<Hypothesis>) {
        let broad = -(self.grams.abs().max(5.0) * 7.0).ln();
        let off = self.grams > 0.0;
        let prior = if off { FOREIGN_TAKE } else { FOREIGN_PUT };
        for c in &self.people {
            let mut mass = (prior.ln() + broad - self.spots().ln()).exp();
            if off {
                for f in &self.belief.foreign {
                    if f.shelf == self.step.shelf && (f.x_m - self.seen.x_m).abs() < 0.25 {
                        let owner = if f.who == c.who { 1.0 } else { 0.05 };
                        mass += 0.5
                            * f.probability
                            * owner
                            * self.mass(f.grams, f.sigma_g * f.sigma_g).exp();
                    }
                }
            }
            let mut factors = [0.0; 7];
            factors[MASS] = mass.ln();
            factors[REACH] = c.reach() + if off { 0.0 } else { c.lingers };
            all.push(Hypothesis {
                parts: vec![Part {
                    who: c.who,
                    sku: None,
                    quantity: if off { 1 } else { -1 },
                    lane: None,
                }],
                factors,
                probability: 0.0,
            });
        }
    }

    // ----- factors

    /// Log density of the change for goods of `grams` with variance `var`: a normal with a wider one
    /// beneath it, because sensors sometimes err by more than they say.
    fn mass(&self, grams: f64, var: f64) -> f64 {
        let change = self.grams.abs();
        let floor = self.config.mass_floor_g.powi(2) + (self.config.mass_gain * change).powi(2);
        let told = self.sigma_g.powi(2) + floor;
        let (narrow, wide) = ((told + var).sqrt(), (16.0 * told + var).sqrt());
        let normal = |s: f64| {
            (-0.5 * ((change - grams) / s).powi(2)).exp() / (s * std::f64::consts::TAU.sqrt())
        };
        (0.97 * normal(narrow) + 0.03 * normal(wide)).ln()
    }

    fn lane_place(&self, ways: &[Vec<f64>]) -> f64 {
        let sum: f64 = ways.iter().map(|w| self.seen.agreement(w).exp()).sum();
        (sum / ways.len().max(1) as f64).ln()
    }

    fn stock(&self, lane: LaneIx, units: u32) -> f64 {
        match self.belief.lanes.get(lane.usize()) {
            Some(Some(held)) if f64::from(units) > held + 0.5 => {
                -(f64::from(units) - held).min(3.0) * 1.5
            }
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

    /// Unit counts that could make up the change.
    fn units_near(&self, unit_g: f64, max: u32) -> std::ops::RangeInclusive<u32> {
        if unit_g <= 0.5 {
            return 1..=1;
        }
        let n = (self.grams.abs() / unit_g)
            .round()
            .clamp(0.0, f64::from(max)) as u32;
        n.saturating_sub(1).max(1)..=(n + 1).min(max.max(1))
    }
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

/// A total order among equally probable hypotheses.
fn key(h: &Hypothesis) -> Vec<(Who, Option<SkuIx>, i32, Option<LaneIx>)> {
    h.parts
        .iter()
        .map(|p| (p.who, p.sku, p.quantity, p.lane))
        .collect()
}
