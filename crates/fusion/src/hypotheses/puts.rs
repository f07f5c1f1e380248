//! Goods onto the shelf: put back by who holds them, or brought by staff.

use super::{
    CART, Case, Factors, Hypothesis, LOOK, MASS, PLACE, PRIOR, Part, REACH, as_i32, units_near,
    units_prior,
};
use crate::looks::Held;
use crate::people::Candidate;
use crate::place::lane_shares;
use walkout_model::{LaneIx, PartyKind, SkuIx, Who};

/// Weights of what brings mass onto a shelf, for one whose hand is there: staff fill it, a shopper
/// puts back.
const FILL: f64 = 1.0;
const PUT_BACK: f64 = 0.3;
/// Prior that goods put back go to the place of their SKU.
const TO_HOME: f64 = 0.7;
/// Prior that who fills a shelf goes on with the lane they were at.
const SAME_LANE: f64 = 0.6;

/// Goods that a party may have put onto the shelf.
struct Put {
    sku: SkuIx,
    units: u32,
    cart: f64,
    prior: f64,
}

impl Case<'_> {
    pub(super) fn puts(&self) -> Vec<Hypothesis> {
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
}
