//! What one unit of each SKU weighs: the catalogue's word as a prior, and the shop's own sure events.
//!
//! The mean has a normal prior about the catalogue's; an event of `n` units whose mass was read with
//! variance `v` tells of it with variance s²/n + v/n². The spread s² has a scaled inverse chi-squared
//! prior about the catalogue's and learns from what the reading's own error leaves over (Gelman et al.,
//! *Bayesian Data Analysis*, 3rd ed., § 3.3, with the measurement error taken off).

use std::sync::Arc;
use walkout_model::{Catalogue, Product, SkuIx};

/// How sure the catalogue is of a mean: its error as a share of the unit's spread and of its mass.
const PRIOR_SPREADS: f64 = 0.5;
const PRIOR_SHARE: f64 = 0.001;
/// Events that the catalogue's spread counts as.
const PRIOR_EVENTS: f64 = 20.0;
/// An event farther off than so many deviations is something else than its explanation says.
const ODD: f64 = 3.5;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Learned {
    mean_g: f64,
    /// Variance of the mean.
    mean_var: f64,
    /// Variance between units.
    unit_var: f64,
    events: f64,
}

/// Learnt masses by SKU. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Masses(Arc<Vec<Learned>>);

impl Learned {
    fn new(product: &Product) -> Self {
        let (mass, sd) = (product.unit_mass.grams(), product.unit_mass_sd.grams());
        Self {
            mean_g: mass,
            mean_var: (PRIOR_SPREADS * sd).powi(2) + (PRIOR_SHARE * mass).powi(2),
            unit_var: sd * sd,
            events: PRIOR_EVENTS,
        }
    }
}

impl Masses {
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        Self(Arc::new(
            catalogue.products().iter().map(Learned::new).collect(),
        ))
    }

    /// Mean mass of `units` and the variance of their sum, grams and grams².
    pub(crate) fn of(&self, sku: SkuIx, units: u32) -> (f64, f64) {
        let n = f64::from(units);
        match self.0.get(sku.usize()) {
            Some(l) => (n * l.mean_g, n * l.unit_var + n * n * l.mean_var),
            None => (0.0, 0.0),
        }
    }

    /// A sure event: `units` weighed `grams`, read with variance `var`.
    pub(crate) fn learn(&mut self, sku: SkuIx, units: u32, (grams, var): (f64, f64)) {
        let Some(before) = self.0.get(sku.usize()).copied() else {
            return;
        };
        let n = f64::from(units.max(1));
        let (unit, read) = (grams / n, var / (n * n));
        let told = before.unit_var / n + read;
        let off = unit - before.mean_g;
        let expected = told + before.mean_var;
        if off * off > ODD * ODD * expected || expected <= 0.0 {
            return;
        }
        let gain = before.mean_var / expected;
        // What is left over the reading's error is the unit's own, as far as the reading is that good.
        let own = (n * (off * off - read - before.mean_var)).max(0.0);
        let weight = (before.unit_var / n / expected).clamp(0.0, 1.0);
        let events = before.events + weight;
        let after = Learned {
            mean_g: before.mean_g + gain * off,
            mean_var: (1.0 - gain) * before.mean_var,
            unit_var: before.unit_var + weight * (own - before.unit_var) / events,
            events,
        };
        if let Some(learned) = Arc::make_mut(&mut self.0).get_mut(sku.usize()) {
            *learned = after;
        }
    }
}
