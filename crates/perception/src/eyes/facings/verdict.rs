//! What is made of what cameras say of a facing.

use super::ScanSettings;
use std::collections::BTreeMap;
use walkout_model::{LaneIx, Planogram, SeenFacing, ShelfSight, SkuIx};

/// Of several cameras' sights of a facing those count that show it as large as this share of the largest.
const NEAR_SHARE: f64 = 0.6;

/// What all cameras say of a facing.
#[derive(Clone, Debug, PartialEq)]
pub struct FacingState {
    /// The lane.
    pub lane: LaneIx,
    /// Its column, from the left.
    pub facing: u32,
    /// What belongs there.
    pub sku: SkuIx,
    /// Probability that nothing stands there.
    pub gap: f64,
    /// Probability that something stands in front that belongs elsewhere.
    pub wrong: f64,
    /// What it seems to be then.
    pub seems: Option<SkuIx>,
    /// What is made of it.
    pub verdict: Verdict,
}

/// What is made of a facing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Goods stand there, and nothing says that they are others.
    Filled,
    /// Nothing stands there.
    Gap,
    /// Something of another lane stands there.
    Wrong,
}

/// What several sights of one moment say of each facing together, in order. Facings of lanes that the planogram does not have are
/// left out.
pub fn judge(
    planogram: &Planogram,
    sights: &[ShelfSight],
    settings: &ScanSettings,
) -> Vec<FacingState> {
    let mut by_facing: BTreeMap<(LaneIx, u32), Vec<&SeenFacing>> = BTreeMap::new();
    for seen in sights.iter().flat_map(|s| &s.facings) {
        by_facing
            .entry((seen.lane, seen.facing))
            .or_default()
            .push(seen);
    }
    by_facing
        .into_iter()
        .filter_map(|((lane, _), seen)| state(planogram.get(lane)?.sku, &seen, settings))
        .collect()
}

/// What several cameras say of one facing, where `sku` belongs. The log-odds of different cameras are averaged, for they err
/// together.
pub(super) fn state(
    sku: SkuIx,
    seen: &[&SeenFacing],
    settings: &ScanSettings,
) -> Option<FacingState> {
    let largest = seen.iter().max_by(|a, b| a.px.total_cmp(&b.px))?;
    let near = || seen.iter().filter(|v| v.px >= NEAR_SHARE * largest.px);
    let n = near().count().max(1) as f64;
    let gap = logistic(near().map(|v| v.gap).sum::<f64>() / n);
    let wrong = logistic(near().map(|v| v.wrong).sum::<f64>() / n);
    let other = |(seems, _): &&(SkuIx, f32)| *seems != sku;
    Some(FacingState {
        lane: largest.lane,
        facing: largest.facing,
        sku,
        gap,
        wrong,
        seems: largest.seems.iter().find(other).map(|(seems, _)| *seems),
        verdict: match () {
            () if gap >= settings.gap_min => Verdict::Gap,
            () if wrong >= settings.wrong_min => Verdict::Wrong,
            () => Verdict::Filled,
        },
    })
}

pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
