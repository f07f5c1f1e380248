//! What is no goods: things of the shopper's own, hands that lean, and their going away.

use super::removals::{Removal, RemovalKind, owned};
use super::{Case, Factors, Hypothesis, LOOK, MASS, PLACE, PRIOR, Part, REACH};
use crate::looks::Held;
use crate::people::Candidate;
use walkout_model::SkuIx;

/// Prior that a step off a shelf is no goods at all.
const FOREIGN_TAKE: f64 = 2e-3;
/// Weights of a thing of one's own that is laid down, and of a lean, beside those of goods in `puts`.
const THING_PUT: f64 = 0.02;
pub(super) const HAND_PUT: f64 = 0.04;
/// The same for a hand that presses, of a rise that was not read yet: nearly every take begins with one.
const HAND_PRESSES: f64 = 6.0;
/// Prior that a fall where a foreign thing lies takes it away.
pub(super) const REMOVED: f64 = 0.5;
/// Prior that a hand which rests there eases by a part of what it presses, so plainly that it makes a step.
const EASES: f64 = 0.05;
/// What is left of it is four standard deviations of the step at least, or four times this, grams.
const EASES_BY_G: f64 = 5.0;
/// Prior that a foreign thing is of a kind that is sold here as well: a drink bought elsewhere.
const SOLD_HERE_TOO: f64 = 0.3;

impl Case<'_> {
    pub(super) fn add_foreign(&self, all: &mut Vec<Hypothesis>) {
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
                entwined: Vec::new(),
                taken_up_by: None,
                factors,
                probability: 0.0,
            });
        };
        let removals = self.removals.iter();
        let removed: Vec<&Removal> = removals.filter(|r| r.kind != RemovalKind::Lift).collect();
        // What was not read yet may weigh like anything.
        let things = if self.may_be_a_hand() {
            vec![(Held::Thing, 1.0)]
        } else {
            self.kinds_of(self.grams.abs(), self.sigma_g.powi(2))
        };
        let hands = vec![(Held::Nothing, 1.0)];
        for c in &self.people {
            let reach = c.reach();
            let new = |held: &[(Held, f64)], prior: f64| {
                let mut factors = Factors::default();
                factors[MASS] = broad;
                factors[PLACE] = -spots;
                factors[REACH] = reach;
                factors[LOOK] = self.any_of(c, held) - reach;
                factors[PRIOR] = prior.ln();
                factors
            };
            if off {
                push(c, Vec::new(), new(&things, FOREIGN_TAKE));
            } else {
                push(c, Vec::new(), new(&things, THING_PUT));
                let hand = if self.may_be_a_hand() {
                    HAND_PRESSES
                } else {
                    HAND_PUT
                };
                let mut leans = new(&hands, hand);
                leans[REACH] += c.lingers;
                push(c, Vec::new(), leans);
            }
            for removal in &removed {
                let mut factors = Factors::default();
                factors[MASS] = self.mass(removal.grams, removal.var);
                factors[PLACE] = self.seen.agreement(&removal.shares);
                factors[REACH] = reach;
                factors[LOOK] = self.any_of(c, &removal.held) - reach;
                factors[PRIOR] = removal.there + REMOVED.ln() + owned(removal, c.who);
                push(c, removal.serials.clone(), factors);
                let eases = off
                    && removal.kind == RemovalKind::Hand
                    && removal.grams > self.grams + 4.0 * self.sigma_g.max(EASES_BY_G);
                if eases {
                    let on = self.seen.on_plates_of(&removal.shares).max(1e-3);
                    factors[MASS] = -removal.grams.ln();
                    factors[PLACE] = on.ln() - (removal.shares.len().max(1) as f64).ln();
                    factors[PRIOR] = removal.there + EASES.ln() + owned(removal, c.who);
                    push(c, Vec::new(), factors);
                }
            }
        }
    }

    /// What a foreign thing looks like, by what it weighs: something never seen, or a kind that is sold
    /// here too.
    pub(super) fn kinds_of(&self, weighs: f64, var: f64) -> Vec<(Held, f64)> {
        let skus = self.shop.catalogue.len().max(1);
        let strange = (1.0 - SOLD_HERE_TOO) / (weighs.max(5.0) * 7.0);
        let mut kinds = vec![(Held::Thing, strange)];
        for sku in (0..skus).map(SkuIx::from) {
            let (grams, own) = self.belief.masses.of(sku, 1);
            let var = own + var + self.config.mass_floor_g.powi(2);
            let off = weighs - grams;
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
    pub(super) fn any_of(&self, c: &Candidate, kinds: &[(Held, f64)]) -> f64 {
        let weigh = |(held, p): &(Held, f64)| p * (c.with_look(*held) + self.shown(*held)).exp();
        kinds.iter().map(weigh).sum::<f64>().max(1e-300).ln()
    }
}
