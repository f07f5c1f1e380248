//! What is believed to be where: carts, lanes, goods out of place, things that are no goods.

use crate::hypotheses::Hypothesis;
use crate::masses::Masses;
use crate::stock::Count;
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_model::{LaneIx, SessionId, ShelfIx, Shop, SkuIx, StoreTime, WeightStep, Who};

/// Goods out of place and foreign things at most; the oldest go first.
const MISPLACED_MAX: usize = 512;

/// Units and where they are, and what one of them weighs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Belief {
    /// Expected units in each party's hands.
    pub carts: BTreeMap<SessionId, BTreeMap<SkuIx, f64>>,
    /// Units in each lane, where an opening stock was told.
    pub lanes: Vec<Option<Count>>,
    /// Goods that lie where they do not belong.
    pub misplaced: Vec<Misplaced>,
    /// Things on shelves that are no goods: bags, hands that lean.
    pub foreign: Vec<Foreign>,
    /// Unit masses as learnt.
    pub masses: Masses,
    /// Where staff last filled a shelf: who fills goes on with the same lane.
    pub filled: BTreeMap<(SessionId, ShelfIx), LaneIx>,
}

/// Units of a SKU on a shelf that is not theirs, or on another part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Misplaced {
    pub shelf: ShelfIx,
    pub sku: SkuIx,
    /// Middle, metres from the shelf's left end.
    pub x_m: f64,
    /// Expected units.
    pub units: f64,
}

/// A thing that is no goods: a bag, own goods, a hand that rests, an empty package. Or, where the step took
/// mass away, goods that were half lifted.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    /// The step that brought it.
    pub step: Arc<WeightStep>,
    pub x_m: f64,
    pub who: Vec<(Who, f64)>,
    /// Probability that it is there.
    pub probability: f64,
    /// The step that was last thought to take it away, when that was, and the probability before it.
    pub taken: Option<(u64, StoreTime, f64)>,
    /// How the step was explained, as long as later steps may still tell otherwise.
    pub doubt: Arc<Vec<Hypothesis>>,
}

impl Foreign {
    pub(crate) fn serial(&self) -> u64 {
        self.step.serial
    }

    /// Mass and its variance, grams and grams².
    pub(crate) fn mass(&self) -> (f64, f64) {
        let sigma = f64::from(self.step.sigma_g);
        (f64::from(self.step.delta_g).abs(), sigma * sigma)
    }
}

impl Belief {
    pub(crate) fn new(shop: &Shop) -> Self {
        Self {
            lanes: vec![None; shop.planogram.lanes.len()],
            masses: Masses::new(&shop.catalogue),
            ..Self::default()
        }
    }

    /// A lane was counted.
    pub(crate) fn count(&mut self, lane: LaneIx, units: u32) {
        if let Some(held) = self.lanes.get_mut(lane.usize()) {
            *held = Some(Count::known(units));
        }
    }

    /// Keeps the carts of these sessions only.
    pub(crate) fn forget_carts(&mut self, kept: impl Fn(SessionId) -> bool) {
        self.carts.retain(|session, _| kept(*session));
    }

    pub(crate) fn in_cart(&self, who: Who, sku: SkuIx) -> f64 {
        match who {
            Who::Session(s) => self
                .carts
                .get(&s)
                .and_then(|c| c.get(&sku))
                .copied()
                .unwrap_or(0.0),
            Who::Unknown => 0.0,
        }
    }

    /// What somebody is believed to hold, in order of SKU.
    pub(crate) fn held_by(&self, who: Who) -> Vec<(SkuIx, f64)> {
        match who {
            Who::Session(s) => self.carts.get(&s).map_or(Vec::new(), |cart| {
                cart.iter()
                    .filter(|(_, units)| **units > 0.05)
                    .map(|(sku, units)| (*sku, *units))
                    .collect()
            }),
            Who::Unknown => Vec::new(),
        }
    }

    pub(crate) fn add_to_cart(&mut self, who: Who, sku: SkuIx, units: f64) {
        if let Who::Session(s) = who {
            let held = self.carts.entry(s).or_default().entry(sku).or_insert(0.0);
            *held = (*held + units).clamp(0.0, 1e6);
        }
    }

    /// Units that came to a lane (negative: left it), with their probabilities.
    pub(crate) fn shift_lane(&mut self, lane: LaneIx, moves: &[(i32, f64)]) {
        if let Some(Some(count)) = self.lanes.get_mut(lane.usize()) {
            count.shift(moves);
        }
    }

    pub(crate) fn add_misplaced(&mut self, item: Misplaced) {
        if let Some(same) = self
            .misplaced
            .iter_mut()
            .find(|m| m.shelf == item.shelf && m.sku == item.sku && (m.x_m - item.x_m).abs() < 0.03)
        {
            same.units += item.units;
        } else {
            self.misplaced.push(item);
        }
        if self.misplaced.len() > MISPLACED_MAX {
            self.misplaced.remove(0);
        }
    }

    /// Takes up to `units` of goods out of place near `x_m` away.
    pub(crate) fn take_misplaced(&mut self, shelf: ShelfIx, sku: SkuIx, x_m: f64, mut units: f64) {
        let mut at: Vec<usize> = (0..self.misplaced.len())
            .filter(|i| self.misplaced[*i].shelf == shelf && self.misplaced[*i].sku == sku)
            .collect();
        at.sort_by(|a, b| {
            let d = |i: usize| (self.misplaced[i].x_m - x_m).abs();
            d(*a).total_cmp(&d(*b)).then(a.cmp(b))
        });
        for i in at {
            let taken = units.min(self.misplaced[i].units);
            self.misplaced[i].units -= taken;
            units -= taken;
        }
        self.misplaced.retain(|m| m.units > 0.02);
    }

    pub(crate) fn add_foreign(&mut self, thing: Foreign) {
        self.foreign.push(thing);
        if self.foreign.len() > MISPLACED_MAX {
            self.foreign.remove(0);
        }
    }
}
