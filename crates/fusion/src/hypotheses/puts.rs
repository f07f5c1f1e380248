//! Goods onto the shelf: put back by who holds them, or brought by staff.

use super::{
    CART, Case, Factors, Hypothesis, LOOK, MASS, PLACE, PRIOR, Part, REACH, SHARED_MOST, as_i32,
    blend, units_near, units_prior,
};
use crate::hands;
use crate::looks::Held;
use crate::people::Candidate;
use crate::place::lane_shares;
use walkout_model::{Lane, LaneIx, PartyKind, SkuIx, Who};

/// Weights of what brings mass onto a shelf, for one whose hand is there: staff fill it, a shopper
/// puts back.
const FILL: f64 = 1.0;
pub(crate) const PUT_BACK: f64 = 0.3;
/// Prior that goods put back go to the place of their SKU.
const TO_HOME: f64 = 0.7;
/// Prior that who fills a shelf goes on with the lane they were at.
pub(crate) const SAME_LANE: f64 = 0.6;

/// Goods that a party may have put onto the shelf.
pub(super) struct Put {
    sku: SkuIx,
    units: u32,
    pub cart: f64,
    pub prior: f64,
}

/// Units of a lane's SKU.
type Units<'a> = (LaneIx, &'a Lane, u32);

impl Case<'_> {
    pub(super) fn puts(&self) -> Vec<Hypothesis> {
        let mut all = Vec::new();
        for c in &self.people {
            match c.kind {
                Some(PartyKind::Staff) => self.restocks(c, &mut all),
                _ => self.put_backs(c, &mut all),
            }
        }
        self.puts_by_two(&mut all);
        all
    }

    /// Two people at one place in one instant: one fills a lane or puts back what the other fills or puts back, too, or
    /// each something of a lane of their own.
    fn puts_by_two(&self, all: &mut Vec<Hypothesis>) {
        let lanes: Vec<_> = self.lanes_touched().collect();
        for (at, &(lane_ix, lane)) in lanes.iter().enumerate() {
            let Some(product) = self.shop.catalogue.get(lane.sku) else {
                continue;
            };
            for n in units_near(self.grams, product.unit_mass.grams(), SHARED_MOST) {
                let (grams, var) = self.belief.masses.of(lane.sku, n);
                let mass = self.mass(grams, var);
                if n < 2 || mass < -25.0 {
                    continue;
                }
                let place = self.lane_place(&lane_shares(&self.edges, lane, product, n));
                for k in 1..n {
                    let two = [(lane_ix, lane, k), (lane_ix, lane, n - k)];
                    self.put_by_these_two(two, mass, place, all);
                }
            }
            for &(other_ix, other) in lanes.iter().skip(at + 1) {
                let Some(beside) = self.shop.catalogue.get(other.sku) else {
                    continue;
                };
                let (ma, va) = self.belief.masses.of(lane.sku, 1);
                let (mb, vb) = self.belief.masses.of(other.sku, 1);
                let mass = self.mass(ma + mb, va + vb);
                if other.sku == lane.sku || mass < -25.0 {
                    continue;
                }
                let second = lane_shares(&self.edges, other, beside, 1);
                let ways: Vec<Vec<f64>> = lane_shares(&self.edges, lane, product, 1)
                    .iter()
                    .flat_map(|x| second.iter().map(|y| blend(x, ma, y, mb)))
                    .collect();
                let two = [(lane_ix, lane, 1), (other_ix, other, 1)];
                self.put_by_these_two(two, mass, self.lane_place(&ways), all);
            }
        }
    }

    fn put_by_these_two(
        &self,
        [first, second]: [Units<'_>; 2],
        mass: f64,
        place: f64,
        all: &mut Vec<Hypothesis>,
    ) {
        let alike = (first.0, first.2) == (second.0, second.2);
        for (i, a) in self.near.iter().map(|i| (*i, &self.people[*i])) {
            for (j, b) in self.near.iter().map(|j| (*j, &self.people[*j])) {
                if i == j || (alike && j < i) {
                    continue;
                }
                let brings = self.brings(a, first).zip(self.brings(b, second));
                let Some((one, other)) = brings else { continue };
                let held = [first, second].map(|(_, lane, _)| Held::Sku(lane.sku));
                let part = |c: &Candidate, (lane_ix, lane, n): Units<'_>| Part {
                    who: c.who,
                    kind: c.kind,
                    sku: Some(lane.sku),
                    quantity: -as_i32(n),
                    lane: Some(lane_ix),
                };
                for (reach, look) in self.of_two([a, b], held) {
                    let mut factors = Factors::default();
                    factors[MASS] = mass;
                    factors[PLACE] = place;
                    factors[REACH] = reach;
                    factors[LOOK] = look;
                    factors[CART] = one.cart + other.cart;
                    factors[PRIOR] = one.prior + other.prior + hands::two_at_once();
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

    /// How likely a party is to bring so many units to a lane of theirs.
    pub(super) fn brings(&self, c: &Candidate, (lane_ix, lane, units): Units<'_>) -> Option<Put> {
        let (cart, prior) = if c.kind == Some(PartyKind::Staff) {
            let lanes = self.shop.planogram.on_shelf(self.step.shelf).count();
            (0.0, self.fills(c, lane_ix, lanes) + self.restocked(units))
        } else {
            let held = self.holds(c, lane.sku)?;
            let cart = (held / f64::from(units)).min(1.0).ln();
            (cart, units_prior(units) + PUT_BACK.ln() + TO_HOME.ln())
        };
        Some(Put {
            sku: lane.sku,
            units,
            cart,
            prior,
        })
    }

    /// Units of a SKU that a shopper holds, if any to speak of.
    fn holds(&self, c: &Candidate, sku: SkuIx) -> Option<f64> {
        let held = match c.who {
            Who::Session(_) => self.belief.in_cart(c.who, sku),
            Who::Unknown => 0.3 / self.shop.catalogue.len().max(1) as f64,
        };
        (held >= 0.002).then_some(held)
    }

    /// Log prior that staff fill this lane of so many on the shelf.
    fn fills(&self, c: &Candidate, lane: LaneIx, lanes: usize) -> f64 {
        let each = 1.0 / lanes.max(1) as f64;
        let at = match c.who {
            Who::Session(s) => self.belief.filled.get(&(s, self.step.shelf)).copied(),
            Who::Unknown => None,
        };
        let which = match at {
            Some(at) if at == lane => SAME_LANE + (1.0 - SAME_LANE) * each,
            Some(_) => (1.0 - SAME_LANE) * each,
            None => each,
        };
        FILL.ln() + which.ln()
    }

    /// Log prior of staff bringing so many units at once.
    fn restocked(&self, units: u32) -> f64 {
        let few = 0.35 * 0.65_f64.powi(as_i32(units) - 1);
        let flat = 1.0 / f64::from(self.config.restock_max.max(1));
        (0.8 * few + 0.2 * flat).ln()
    }

    /// A shopper can only put back what they hold.
    fn put_backs(&self, c: &Candidate, all: &mut Vec<Hypothesis>) {
        for (i, product) in self.shop.catalogue.products().iter().enumerate() {
            let sku = SkuIx::from(i);
            let Some(held) = self.holds(c, sku) else {
                continue;
            };
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
            let mut factors = Factors::default();
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
                entwined: Vec::new(),
                taken_up_by: None,
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
        for (lane_ix, lane) in &lanes {
            let Some(product) = self.shop.catalogue.get(lane.sku) else {
                continue;
            };
            let which = self.fills(c, *lane_ix, lanes.len());
            let unit = product.unit_mass.grams();
            for units in units_near(self.grams, unit, self.config.restock_max) {
                let put = Put {
                    sku: lane.sku,
                    units,
                    cart: 0.0,
                    prior: which + self.restocked(units),
                };
                self.put_at(c, &put, all);
            }
        }
        self.put_backs(c, all);
    }
}
