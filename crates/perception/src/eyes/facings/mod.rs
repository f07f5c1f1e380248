//! What stands on shelves, facing by facing, in single pictures: gaps (out of shelf) and wrong items.
//!
//! A facing is one column of a lane, as the planogram has it. A shelf camera is shown once what its shelves look like when they are
//! bare and when they are stocked. Of each facing a later picture then gives clues: how it differs from the stocked one, at every depth of the front half at which
//! the foremost unit may stand; how it differs from the bare one; how like the lane's product it is, and any other, by the shop's gallery; whether it is as plain as a board and a back are. Logistic functions of
//! the clues are the probabilities of a gap and of a wrong item. `docs/concepts/eyes.md` says how well it does.

mod clues;
mod geometry;

pub use clues::{CLUES, Clues};

use super::EyeError;
use crate::nets::{Gallery, ItemNetwork, Look, NetError, Network, RgbPicture};
use clues::{Match, Patch, Template, about, gain, light, through, unlike_bare};
use geometry::{Column, columns};
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_model::{CameraIx, LaneIx, Point2, Shop, SkuIx, View};

/// How shelves are scanned.
#[derive(Clone, Debug)]
pub struct ScanSettings {
    /// A facing whose foremost front would be smaller in the picture, pixels, is not judged.
    pub facing_px_min: f64,
    /// Nor one of whose foremost front less is seen.
    pub seen_min: f64,
    /// Nobody may stand so near to the line of sight, metres.
    pub clear_m: f64,
    /// What clues say of a gap.
    pub gap: ClueWeights,
    /// A facing is a gap from this probability up.
    pub gap_min: f64,
    /// What clues say of a wrong item.
    pub wrong: ClueWeights,
    /// A wrong item is told from this probability up.
    pub wrong_min: f64,
}

/// A logistic function of clues.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClueWeights {
    /// Log-odds where all clues are 0.
    pub bias: f64,
    /// Log-odds of a unit of each.
    pub weights: [f64; CLUES],
}

impl ClueWeights {
    /// Log-odds.
    pub fn log_odds(&self, clues: &Clues) -> f64 {
        let parts = self.weights.iter().zip(clues.numbers());
        self.bias + parts.map(|(w, c)| w * c).sum::<f64>()
    }
}

impl Default for ScanSettings {
    fn default() -> Self {
        let [gap, wrong] = clues::fitted();
        Self {
            facing_px_min: 22.0,
            seen_min: 0.5,
            clear_m: 0.45,
            gap,
            gap_min: 0.5,
            wrong,
            wrong_min: 0.5,
        }
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
    /// What is to be seen.
    pub clues: Clues,
    /// What stands there if anything does: the likeliest SKUs of the whole gallery, given no planogram.
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
    network: ItemNetwork<Arc<dyn Network>>,
    gallery: Gallery,
    skus: Vec<SkuIx>,
    eyes: Vec<Eye>,
    settings: ScanSettings,
}

struct Eye {
    camera: CameraIx,
    view: View,
    columns: Vec<Column>,
    known: Option<Known>,
}

/// What a camera's shelves look like when they are bare and when they are stocked.
struct Known {
    /// Light of either.
    lights: [Vec<[f32; 3]>; 2],
    /// Cells of the light that show no facing.
    about: Vec<bool>,
    /// Of each column.
    bare: Vec<Bare>,
    templates: Vec<Template>,
}

/// A bare column: what is seen through it, and its front.
struct Bare {
    through: Vec<[f32; 3]>,
    front: Template,
}

/// Patches that go through the network in one run.
const BATCH: usize = 16;
/// Fronts at greater depth are looked at only if so much of them is seen.
const DEEPER_SEEN_MIN: f64 = 0.16;
/// Of several cameras' sights of a facing those count that show it as large as this share of the largest.
const NEAR_SHARE: f64 = 0.6;
/// SKUs that are told of a facing.
const SEEMS: usize = 5;

impl ShelfScan {
    /// A scan by these cameras for what the gallery knows.
    pub fn new(
        shop: &Shop,
        cameras: &[CameraIx],
        network: Arc<dyn Network>,
        gallery: Gallery,
        settings: ScanSettings,
    ) -> Self {
        let eyes = cameras.iter().filter_map(|&camera| {
            let view = View::new(shop.layout.cameras.get(camera.usize())?);
            let columns = columns(shop, &view, settings.facing_px_min, settings.seen_min);
            Some(Eye {
                camera,
                columns,
                view,
                known: None,
            })
        });
        Self {
            eyes: eyes.collect(),
            network: ItemNetwork::new(network),
            skus: gallery.skus().collect(),
            gallery,
            settings,
        }
    }

    /// The facings that some camera sees well enough, in order.
    pub fn watched(&self) -> Vec<(LaneIx, u32)> {
        let columns = self.eyes.iter().flat_map(|e| &e.columns);
        let mut all: Vec<(LaneIx, u32)> = columns.map(|c| (c.lane, c.facing)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Shows what a camera sees when its shelves are bare, and when every facing has its own product in front, with nobody before
    /// them. Until then the camera tells nothing.
    ///
    /// # Errors
    /// A picture has another shape than the camera's.
    pub fn learn(
        &mut self,
        camera: CameraIx,
        bare: &RgbPicture<'_>,
        stocked: &RgbPicture<'_>,
    ) -> Result<(), ScanError> {
        let Some(eye) = self.eyes.iter_mut().find(|e| e.camera == camera) else {
            return Ok(());
        };
        let described = eye.view.camera();
        let [of_bare, of_stocked] = [bare, stocked].map(|p| super::camera::per_px(described, p));
        let (of_bare, of_stocked) = (of_bare?, of_stocked?);
        let size = [described.width_px, described.height_px].map(f64::from);
        let first = |c: &Column, picture: &RgbPicture<'_>, per_px: f64| {
            let front = c.fronts.first();
            front.map_or_else(Template::default, |f| {
                Patch::cut(picture, f, per_px).template()
            })
        };
        let boxes: Vec<[f64; 4]> = eye.columns.iter().map(|c| c.bounds(size)).collect();
        eye.known = Some(Known {
            lights: [light(bare), light(stocked)],
            about: about(&boxes),
            bare: eye
                .columns
                .iter()
                .map(|c| Bare {
                    through: through(&c.behind, bare, of_bare),
                    front: first(c, bare, of_bare),
                })
                .collect(),
            templates: eye
                .columns
                .iter()
                .map(|c| first(c, stocked, of_stocked))
                .collect(),
        });
        Ok(())
    }

    /// What a picture says of the facings that nobody hides; `people` are where they stand.
    ///
    /// # Errors
    /// The network fails, or the picture has another shape than the camera's.
    pub fn look(
        &self,
        camera: CameraIx,
        picture: &RgbPicture<'_>,
        people: &[Point2],
    ) -> Result<Vec<FacingSight>, ScanError> {
        let eye = self.eyes.iter().find(|e| e.camera == camera);
        let Some((eye, known)) = eye.and_then(|e| Some((e, e.known.as_ref()?))) else {
            return Ok(Vec::new());
        };
        let described = eye.view.camera();
        let per_px = super::camera::per_px(described, picture)?;
        let now = light(picture);
        let gains = [0, 1].map(|k: usize| gain(&now, &known.lights[k], &known.about));
        let clear = |c: &Column| {
            let from = described.position;
            let hidden =
                |p: &Point2| super::shelves::hides(*p, from, c.middle, self.settings.clear_m);
            !people.iter().any(hidden)
        };
        let columns = eye.columns.iter().zip(&known.bare).zip(&known.templates);
        let seen: Vec<Seen<'_>> = columns
            .filter(|((c, _), _)| clear(c))
            .filter_map(|((column, bare), template)| {
                Seen::of(column, (bare, template), (picture, per_px), gains)
            })
            .collect();
        let looks = self.looks(&seen).map_err(|cause| EyeError::Network {
            camera: described.name.clone(),
            cause,
        })?;
        let sights = seen.iter().zip(&looks);
        Ok(sights
            .map(|(seen, look)| self.sight(camera, seen, look))
            .collect())
    }

    fn looks(&self, seen: &[Seen<'_>]) -> Result<Vec<Look>, NetError> {
        let mut looks = Vec::with_capacity(seen.len());
        for some in seen.chunks(BATCH) {
            let pictures: Vec<_> = some
                .iter()
                .filter_map(|s| s.best.picture())
                .map(|p| (p, p.area()))
                .collect();
            looks.extend(self.network.look_at(&pictures)?);
        }
        Ok(looks)
    }

    fn sight(&self, camera: CameraIx, seen: &Seen<'_>, look: &Look) -> FacingSight {
        let column = seen.column;
        let most = |among: &[SkuIx]| {
            let alike = self.gallery.likenesses(look, among);
            let all = alike.iter().map(|l| self.gallery.joint(l));
            all.fold(0.0, f32::max)
        };
        let mut seems = self.gallery.posterior(look, &self.skus).ranked;
        seems.truncate(SEEMS);
        let likenesses = [most(&[column.sku]), most(&self.skus)];
        FacingSight {
            camera,
            lane: column.lane,
            facing: column.facing,
            sku: column.sku,
            clues: Clues::of(seen.matched, seen.unlike_bare, likenesses, &seen.first),
            seems,
            px: column.px,
        }
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
                let mean = |w: &ClueWeights| {
                    let logits = sights.iter().map(|v| w.log_odds(&v.clues));
                    logistic(logits.sum::<f64>() / n)
                };
                let (gap, wrong) = (mean(&s.gap), mean(&s.wrong));
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

/// A column in a picture.
struct Seen<'a> {
    column: &'a Column,
    /// The foremost front, and the one that is most like the stocked facing.
    first: Patch,
    best: Patch,
    matched: Match,
    /// By what is seen through the front, in the middle and the most unlike; by the front.
    unlike_bare: [f64; 3],
}

impl<'a> Seen<'a> {
    fn of(
        column: &'a Column,
        (bare, template): (&Bare, &Template),
        (picture, per_px): (&RgbPicture<'_>, f64),
        [of_bare, of_stocked]: [[f32; 3]; 2],
    ) -> Option<Self> {
        let fronts = column.fronts.iter().enumerate();
        let open = fronts.filter(|(k, f)| *k == 0 || f.seen >= DEEPER_SEEN_MIN);
        let compared = open.map(|(_, front)| {
            let patch = Patch::cut(picture, front, per_px);
            let matched = patch.matched(template, front, of_stocked);
            (patch, matched)
        });
        let mut all: Vec<(Patch, Match)> = compared.collect();
        let first = all.first()?.0.clone();
        let behind = through(&column.behind, picture, per_px);
        let [middle, most] = unlike_bare(&behind, &bare.through, of_bare);
        let as_bare = first.matched(&bare.front, column.fronts.first()?, of_bare);
        let likeness = |m: &Match| m.correlation - m.colour;
        let best =
            (0..all.len()).max_by(|a, b| likeness(&all[*a].1).total_cmp(&likeness(&all[*b].1)))?;
        let (best, matched) = all.swap_remove(best);
        Some(Self {
            column,
            first,
            best,
            matched,
            unlike_bare: [middle, most, (f64::from(as_bare.difference) + 0.02).ln()],
        })
    }
}

#[cfg(test)]
mod tests;
