//! What cameras say of the thing in a hand, as a likelihood ratio against knowing nothing.

use crate::reach::Target;
use std::collections::{BTreeMap, VecDeque};
use walkout_model::{ItemLook, SkuIx, StoreTime, TimeDelta, TrackId};

const REMEMBER: TimeDelta = TimeDelta::from_secs(12);
const LOOKS_MAX: usize = 4_096;
/// Looks at one thing in one hand see the same pixels: so many count as one after the first.
const CORRELATED: f64 = 0.3;
/// Share of looks that show something else than the goods in question.
const ASTRAY: f64 = 0.1;

/// The looks of the last seconds in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct LookStore {
    looks: VecDeque<ItemLook>,
}

/// Log likelihood ratio by SKU.
#[derive(Clone, Debug, Default)]
pub(crate) struct LookRatio {
    by_sku: BTreeMap<SkuIx, f64>,
    other: f64,
}

impl LookRatio {
    pub(crate) fn of(&self, sku: SkuIx) -> f64 {
        self.by_sku.get(&sku).copied().unwrap_or(self.other)
    }
}

impl LookStore {
    /// Takes a look, in any order. `false` if malformed.
    pub(crate) fn push(&mut self, look: ItemLook) -> bool {
        let sane = look
            .posterior
            .iter()
            .all(|(_, p)| p.is_finite() && (0.0..=1.0).contains(p))
            && look.posterior.len() <= 4_096
            && [look.hand.x, look.hand.y, look.hand.z]
                .iter()
                .all(|v| v.is_finite());
        if !sane {
            return false;
        }
        let at = self.looks.partition_point(|l| l.t <= look.t);
        self.looks.insert(at, look);
        if self.looks.len() > LOOKS_MAX {
            self.looks.pop_front();
        }
        true
    }

    pub(crate) fn advance(&mut self, now: StoreTime) {
        let horizon = StoreTime(now.0.saturating_sub(REMEMBER.0));
        while self.looks.front().is_some_and(|l| l.t < horizon) {
            self.looks.pop_front();
        }
    }

    /// The looks of a track between two instants.
    pub(crate) fn of_track(
        &self,
        track: TrackId,
        from: StoreTime,
        to: StoreTime,
    ) -> impl Iterator<Item = &ItemLook> {
        let start = self.looks.partition_point(|l| l.t < from);
        let found = self.looks.iter().skip(start).take_while(move |l| l.t <= to);
        found.filter(move |l| l.track == track)
    }

    /// What the looks of `track` between two instants, near the target, say of the SKU in hand.
    pub(crate) fn ratio(
        &self,
        track: TrackId,
        target: &Target<'_>,
        from: StoreTime,
        to: StoreTime,
        skus: usize,
    ) -> LookRatio {
        let start = self.looks.partition_point(|l| l.t < from);
        let seen: Vec<&ItemLook> = self
            .looks
            .iter()
            .skip(start)
            .take_while(|l| l.t <= to)
            .filter(|l| l.track == track && target.near(l.hand))
            .collect();
        if seen.is_empty() {
            return LookRatio::default();
        }
        let n = skus.max(2) as f64;
        let temper = (1.0 + CORRELATED * (seen.len() as f64 - 1.0)) / seen.len() as f64;
        let mut by_sku: BTreeMap<SkuIx, f64> = BTreeMap::new();
        for look in &seen {
            for (sku, _) in &look.posterior {
                by_sku.insert(*sku, 0.0);
            }
        }
        let mut other = 0.0;
        for look in &seen {
            let told: f64 = look.posterior.iter().map(|(_, p)| f64::from(*p)).sum();
            let rest = (1.0 - told).max(0.01) / (n - look.posterior.len() as f64).max(1.0);
            let ratio = |p: f64| ((1.0 - ASTRAY) * p * n + ASTRAY).ln();
            other += ratio(rest);
            for (sku, sum) in &mut by_sku {
                let p = look
                    .posterior
                    .iter()
                    .find(|(s, _)| s == sku)
                    .map_or(rest, |(_, p)| f64::from(*p).max(rest * 0.1));
                *sum += ratio(p);
            }
        }
        for sum in by_sku.values_mut() {
            *sum *= temper;
        }
        LookRatio {
            by_sku,
            other: other * temper,
        }
    }
}
