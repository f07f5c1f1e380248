//! What stands on shelves, facing by facing, in single pictures: gaps (out of shelf) and wrong items.
//!
//! A facing is one column of a lane, as the planogram has it. A shelf camera is shown once what its shelves look like when they are
//! bare and when they are stocked. Of each facing a later picture is cut out at three depths of the front half at which the foremost
//! unit may stand, straightened, and held beside the stocked and the bare one by a network (`facing`), which says whether there is a
//! gap or another product. `docs/concepts/eyes.md` says how well it does.

mod bystanders;
mod columns;
mod compare;
mod cuts;
mod geometry;
mod moves;
mod planes;
mod rows;
mod verdict;
mod watch;

pub use cuts::{ColumnRows, FacingCut, ShelfCuts};
pub use moves::{MoveSettings, MoveWatch};
pub use rows::RowEvidence;
pub use verdict::{FacingState, Verdict, judge};
pub use watch::{FacingCounters, FacingWatch, WatchedFacing, WatchedLane};

use super::EyeError;
use super::camera::per_px;
use crate::nets::{FacingNetwork, FacingOdds, Gallery, ItemNetwork, NetError, Network, RgbPicture};
use cuts::Eye;
use geometry::Column;
use planes::portrait;
use std::collections::BTreeSet;
use std::sync::Arc;
use walkout_model::{CameraIx, LaneIx, SeenFacing, ShelfSight, Shop, SkuIx, StoreTime, TimeDelta};

/// How shelves are scanned.
#[derive(Clone, Debug)]
pub struct ScanSettings {
    /// A facing whose foremost front would be smaller in the picture, pixels, is not judged.
    pub facing_px_min: f64,
    /// Nor are the rows of a column whose foremost front would be smaller, pixels.
    pub row_px_min: f64,
    /// Nor one of whose foremost front less is seen.
    pub seen_min: f64,
    /// Nobody may stand so near to the line of sight, metres.
    pub clear_m: f64,
    /// A facing is a gap from this probability up: where as many are missed as invented on rendered shelves (seeds 1201 and 1202).
    pub gap_min: f64,
    /// A wrong item is told from this probability up.
    pub wrong_min: f64,
    /// Over time, a facing is what it looks like in two pictures or more that lie so far apart, with nothing else between them: a
    /// hand, or a unit that somebody has just put down askew, is gone by then.
    pub stays: TimeDelta,
}

impl Default for ScanSettings {
    fn default() -> Self {
        Self {
            facing_px_min: 22.0,
            row_px_min: 14.0,
            seen_min: 0.5,
            clear_m: 0.45,
            gap_min: 0.7,
            wrong_min: 0.5,
            stays: TimeDelta::from_secs(4),
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

/// Why a camera's picture gave nothing.
pub type ScanError = EyeError;

/// Scans the shelves that cameras face.
pub struct ShelfScan {
    facing: FacingNetwork<Arc<dyn Network>>,
    item: ItemNetwork<Arc<dyn Network>>,
    gallery: Gallery,
    skus: Vec<SkuIx>,
    cuts: ShelfCuts,
    /// The lanes on which no plate tells what moves.
    unweighed: BTreeSet<LaneIx>,
}

/// Portraits that go through the item network in one run, and pixels a side of one.
const BATCH: usize = 16;
const PORTRAIT: usize = 96;
/// SKUs that are told of a facing, where the log-odds of a wrong item are at least so.
const SEEMS: usize = 5;
const SEEMS_FROM: f64 = -2.0;

impl ShelfScan {
    /// A scan by these cameras for what the gallery knows.
    pub fn new(
        shop: &Shop,
        cameras: &[CameraIx],
        networks: ScanNetworks,
        settings: &ScanSettings,
    ) -> Self {
        let lanes = shop.planogram.lanes.iter().enumerate();
        let unweighed = lanes.filter(|(_, l)| l.plates.is_empty());
        Self {
            unweighed: unweighed.map(|(i, _)| LaneIx::from(i)).collect(),
            cuts: ShelfCuts::new(shop, cameras, settings),
            facing: FacingNetwork::new(networks.facing),
            item: ItemNetwork::new(networks.item),
            skus: networks.gallery.skus().collect(),
            gallery: networks.gallery,
        }
    }

    /// The facings that some camera sees well enough, in order.
    pub fn watched(&self) -> Vec<(LaneIx, u32)> {
        self.cuts.watched()
    }

    /// Whether a camera sees any facing well enough.
    pub fn faces_any(&self, camera: CameraIx) -> bool {
        self.cuts.faces_any(camera)
    }

    /// Whether a camera sees columns that no plate weighs.
    pub fn sees_unweighed(&self, camera: CameraIx) -> bool {
        let before = self.cuts.lanes_before(camera);
        !self.unweighed.is_disjoint(&before)
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

    /// What a picture says of the facings before the camera, whoever stands between; nothing before the camera has learnt
    /// what they look like.
    ///
    /// # Errors
    /// A network fails, or the picture has another shape than the camera's.
    pub fn look(
        &self,
        camera: CameraIx,
        t: StoreTime,
        picture: &RgbPicture<'_>,
    ) -> Result<ShelfSight, ScanError> {
        let mut sight = ShelfSight::empty(camera, t);
        let cuts = self.cuts.of(camera, picture)?;
        let Some((eye, _)) = self.cuts.known(camera) else {
            return Ok(sight);
        };
        let failed = |cause| EyeError::Network {
            camera: eye.view.camera().name.clone(),
            cause,
        };
        let odds = self.facing.ask(cuts.iter().map(|c| c.planes.as_slice()));
        let seen = |(cut, odds): (FacingCut, FacingOdds)| SeenFacing {
            lane: cut.lane,
            facing: cut.facing,
            gap: odds.gap,
            wrong: odds.wrong,
            px: cut.px,
            seems: Vec::new(),
        };
        sight.facings = cuts
            .into_iter()
            .zip(odds.map_err(failed)?)
            .map(seen)
            .collect();
        if self.sees_unweighed(camera) {
            sight.columns = self.cuts.columns(camera, picture)?;
            sight.columns.retain(|c| self.unweighed.contains(&c.lane));
        }
        let per_px = per_px(eye.view.camera(), picture)?;
        self.name(eye, (picture, per_px), &mut sight.facings)
            .map_err(failed)?;
        Ok(sight)
    }

    /// Says which product the others seem to be.
    fn name(
        &self,
        eye: &Eye,
        (picture, per_px): (&RgbPicture<'_>, f64),
        seen: &mut [SeenFacing],
    ) -> Result<(), NetError> {
        if self.skus.is_empty() {
            return Ok(());
        }
        let odd = seen.iter_mut().filter(|s| s.wrong >= SEEMS_FROM);
        let mut odd: Vec<(&mut SeenFacing, Vec<u8>)> = odd
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
            for ((facing, _), look) in some.iter_mut().zip(looks) {
                facing.seems = self.gallery.posterior(&look, &self.skus).ranked;
                facing.seems.truncate(SEEMS);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
