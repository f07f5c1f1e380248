//! What is believed to be where: carts, lanes, goods out of place, things that are no goods.

use std::collections::BTreeMap;
use walkout_model::{LaneIx, SessionId, ShelfIx, SkuIx, Who};

/// Goods out of place and foreign things at most; the oldest go first.
const MISPLACED_MAX: usize = 512;

/// Expected units and where they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Belief {
    /// Expected units in each party's hands.
    pub carts: BTreeMap<SessionId, BTreeMap<SkuIx, f64>>,
    /// Expected units in each lane, where an opening stock was told.
    pub lanes: Vec<Option<f64>>,
    /// Goods that lie where they do not belong.
    pub misplaced: Vec<Misplaced>,
    /// Things on shelves that are no goods: bags, hands that lean.
    pub foreign: Vec<Foreign>,
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

/// A thing that is no goods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Foreign {
    pub shelf: ShelfIx,
    pub x_m: f64,
    pub grams: f64,
    pub sigma_g: f64,
    pub who: Who,
    /// Probability that it is there.
    pub probability: f64,
}

impl Belief {
    pub(crate) fn new(lanes: usize) -> Self {
        Self {
            lanes: vec![None; lanes],
            ..Self::default()
        }
    }

    /// A lane was counted.
    pub(crate) fn count(&mut self, lane: LaneIx, units: u32) {
        if let Some(held) = self.lanes.get_mut(lane.usize()) {
            *held = Some(f64::from(units));
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

    pub(crate) fn add_to_cart(&mut self, who: Who, sku: SkuIx, units: f64) {
        if let Who::Session(s) = who {
            let held = self.carts.entry(s).or_default().entry(sku).or_insert(0.0);
            *held = (*held + units).clamp(0.0, 1e6);
        }
    }

    pub(crate) fn add_to_lane(&mut self, lane: LaneIx, units: f64) {
        if let Some(Some(held)) = self.lanes.get_mut(lane.usize()) {
            *held = (*held + units).clamp(0.0, 1e6);
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

    /// A thing of about `grams` was taken away near `x_m` with probability `p`.
    pub(crate) fn take_foreign(&mut self, shelf: ShelfIx, x_m: f64, grams: f64, p: f64) {
        if let Some(thing) = self
            .foreign
            .iter_mut()
            .filter(|f| f.shelf == shelf && (f.x_m - x_m).abs() < 0.25)
            .min_by(|a, b| (a.grams - grams).abs().total_cmp(&(b.grams - grams).abs()))
        {
            thing.probability -= p;
        }
        self.foreign.retain(|f| f.probability > 0.01);
    }

    pub(crate) fn add_foreign(&mut self, thing: Foreign) {
        self.foreign.push(thing);
        if self.foreign.len() > MISPLACED_MAX {
            self.foreign.remove(0);
        }
    }
}
