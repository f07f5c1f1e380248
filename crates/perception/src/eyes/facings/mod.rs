//! What stands on shelves, facing by facing, in single pictures: gaps (out of shelf) and wrong items.
//!
//! A facing is one column of a lane, as the planogram has it. A shelf camera is shown once what its shelves look like when they are
//! bare and when they are stocked. Of each facing a later picture is cut out at three depths of the front half at which the foremost
//! unit may stand, straightened, and held beside the stocked and the bare one by a network (`facing`), which says whether there is a
//! gap or another product. `docs/concepts/eyes.md` says how well it does.

mod cuts;
mod geometry;
mod planes;

pub use cuts::{FacingCut, ShelfCuts};

use super::EyeError;
use super::camera::per_px;
use crate::nets::{FacingNetwork, FacingOdds, Gallery, ItemNetwork, NetError, Network, RgbPicture};
use cuts::Eye;
use geometry::Column;
use planes::portrait;
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_model::{CameraIx, LaneIx, Point2, Shop, SkuIx};

/// How shelves are scanned.
#[derive(Clone, Debug)]
pub struct ScanSettings {
    /// A facing whose foremost front would be smaller in the picture, pixels, is not judged.
    pub facing_px_min: f64,
    /// Nor one of whose foremost front less is seen.
    pub seen_min: f64,
    /// Nobody may stand so near to the line of sight, metres.
    pub clear_m: f64,
    /// A facing is a gap from this probability up: where as many are missed as invented on rendered shelves (seeds 1201 and 1202).
    pub gap_min: f64,
    /// A wrong item is told from this probability up.
    pub wrong_min: f64,
}

impl Default for ScanSettings {
    fn default() -> Self {
        Self {
            facing_px_min: 22.0,
            seen_min: 0.5,
            clear_m: 0.45,
            gap_min: 0.7,
            wrong_min: 0.5,
        }
    }
}

/// What a scan knows with: networks, and what goods look like.
#[derive(Clone)]
pub struct ScanNetworks {
    facing: Arc<dyn Network>,
    item: Arc<dyn Network>,
    gallery: Gallery,
}

impl ScanNetworks {
    /// `facing` tells a gap, or another product; `item` which other product, by what goods look like to it.
    ///
    /// # Errors
    /// `facing` is another network.
    pub fn new(
        facing: Arc<dyn Network>,
        item: Arc<dyn Network>,
        gallery: Gallery,
    ) -> Result<Self, NetError> {
        FacingNetwork::new(Arc::clone(&facing)).check()?;
        Ok(Self {
            facing,
            item,
            gallery,
        })
    }
}

/// What one camera's picture says of a facing.
#[derive(Clone, Debug)]
pub struct FacingSight {
    /// The camera.
    pub camera: CameraIx,
    /// The lane.
    pub lane: LaneIx,
    /// Its column, from the left.
    pub facing: u32,
    /// What belongs there.
    pub sku: SkuIx,
    /// Of a gap and of a wrong item.
    pub odds: FacingOdds,
    /// What stands there if another product does: the likeliest SKUs of the whole gallery. Nothing where that is out of the question.
    pub seems: Vec<(SkuIx, f32)>,
    /// Size of the front in the picture, pixels.
    pub px: f64,
}

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

/// Why a camera's picture gave nothing.
pub type ScanError = EyeError;

/// Scans the shelves that cameras face.
pub struct ShelfScan {
    facing: FacingNetwork<Arc<dyn Network>>,
    item: ItemNetwork<Arc<dyn Network>>,
    gallery: Gallery,
    skus: Vec<SkuIx>,
    cuts: ShelfCuts,
    settings: ScanSettings,
}

/// Portraits that go through the item network in one run, and pixels a side of one.
const BATCH: usize = 16;
const PORTRAIT: usize = 96;
/// Of several cameras' sights of a facing those count that show it as large as this share of the largest.
const NEAR_SHARE: f64 = 0.6;
/// SKUs that are told of a facing, where the log-odds of a wrong item are at least so.
const SEEMS: usize = 5;
const SEEMS_FROM: f64 = -2.0;

impl ShelfScan {
    /// A scan by these cameras for what the gallery knows.
    pub fn new(
        shop: &Shop,
        cameras: &[CameraIx],
        networks: ScanNetworks,
        settings: ScanSettings,
    ) -> Self {
        Self {
            cuts: ShelfCuts::new(shop, cameras, &settings),
            facing: FacingNetwork::new(networks.facing),
            item: ItemNetwork::new(networks.item),
            skus: networks.gallery.skus().collect(),
            gallery: networks.gallery,
            settings,
        }
    }

    /// The facings that some camera sees well enough, in order.
    pub fn watched(&self) -> Vec<(LaneIx, u32)> {
        self.cuts.watched()
    }

    /// As [`ShelfCuts::learn`].
    ///
    /// # Errors
    /// A picture has another shape than the camera's.
    pub fn learn(
        &mut self,
        camera: CameraIx,
        bare: &RgbPicture<'_>,
        stocked: &RgbPicture<'_>,
    ) -> Result<(), ScanError> {
        self.cuts.learn(camera, bare, stocked)
    }

    /// What a picture says of the facings that nobody hides; `people` are where they stand.
    ///
    /// # Errors
    /// A network fails, or the picture has another shape than the camera's.
    pub fn look(
        &self,
        camera: CameraIx,
        picture: &RgbPicture<'_>,
        people: &[Point2],
    ) -> Result<Vec<FacingSight>, ScanError> {
        let cuts = self.cuts.of(camera, picture, people)?;
        let Some((eye, _)) = self.cuts.known(camera) else {
            return Ok(Vec::new());
        };
        let failed = |cause| EyeError::Network {
            camera: eye.view.camera().name.clone(),
            cause,
        };
        let odds = self.facing.ask(cuts.iter().map(|c| c.planes.as_slice()));
        let sight = |(cut, odds): (FacingCut, FacingOdds)| FacingSight {
            camera,
            lane: cut.lane,
            facing: cut.facing,
            sku: cut.sku,
            odds,
            seems: Vec::new(),
            px: cut.px,
        };
        let odds = odds.map_err(failed)?;
        let mut sights: Vec<FacingSight> = cuts.into_iter().zip(odds).map(sight).collect();
        let per_px = per_px(eye.view.camera(), picture)?;
        self.name(eye, (picture, per_px), &mut sights)
            .map_err(failed)?;
        Ok(sights)
    }

    /// Says which product the others seem to be.
    fn name(
        &self,
        eye: &Eye,
        (picture, per_px): (&RgbPicture<'_>, f64),
        sights: &mut [FacingSight],
    ) -> Result<(), NetError> {
        let odd = sights.iter_mut().filter(|s| s.odds.wrong >= SEEMS_FROM);
        let mut odd: Vec<(&mut FacingSight, Vec<u8>)> = odd
            .filter_map(|s| {
                let own = |c: &&Column| (c.lane, c.facing) == (s.lane, s.facing);
                let front = eye.columns.iter().find(own)?.fronts.first()?;
                Some((s, portrait(picture, front, per_px, PORTRAIT)))
            })
            .collect();
        let side = PORTRAIT as u32;
        for some in odd.chunks_mut(BATCH) {
            let pictures: Vec<_> = some
                .iter()
                .filter_map(|(_, rgb)| RgbPicture::new(side, side, rgb).ok())
                .map(|p| (p, p.area()))
                .collect();
            let looks = self.item.look_at(&pictures)?;
            for ((sight, _), look) in some.iter_mut().zip(looks) {
                sight.seems = self.gallery.posterior(&look, &self.skus).ranked;
                sight.seems.truncate(SEEMS);
            }
        }
        Ok(())
    }

    /// What several sights of the same moment say of each facing together. The log-odds of different cameras are
    /// averaged, for they err together.
    pub fn judge(&self, sights: &[FacingSight]) -> Vec<FacingState> {
        let mut by_facing: BTreeMap<(LaneIx, u32), Vec<&FacingSight>> = BTreeMap::new();
        for s in sights {
            by_facing.entry((s.lane, s.facing)).or_default().push(s);
        }
        let s = &self.settings;
        by_facing
            .into_iter()
            .filter_map(|((lane, facing), mut sights)| {
                let largest = sights.iter().map(|v| v.px).fold(0.0, f64::max);
                sights.retain(|v| v.px >= NEAR_SHARE * largest);
                let n = sights.len().max(1) as f64;
                let mean = |of: fn(&FacingOdds) -> f64| {
                    logistic(sights.iter().map(|v| of(&v.odds)).sum::<f64>() / n)
                };
                let (gap, wrong) = (mean(|o| o.gap), mean(|o| o.wrong));
                let largest = sights.iter().max_by(|a, b| a.px.total_cmp(&b.px))?;
                let other = |(sku, _): &&(SkuIx, f32)| *sku != largest.sku;
                let seems = largest.seems.iter().find(other).map(|(sku, _)| *sku);
                let verdict = match () {
                    () if gap >= s.gap_min => Verdict::Gap,
                    () if wrong >= s.wrong_min => Verdict::Wrong,
                    () => Verdict::Filled,
                };
                Some(FacingState {
                    lane,
                    facing,
                    sku: largest.sku,
                    gap,
                    wrong,
                    seems,
                    verdict,
                })
            })
            .collect()
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests;
