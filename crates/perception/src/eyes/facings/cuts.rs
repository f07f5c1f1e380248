//! Cutting the facings out of shelf cameras' pictures.

use super::geometry::{Column, columns, facings};
use super::planes::{Reference, about, gain, light, planes};
use super::rows::{Ground, RowEvidence, Rows};
use super::{ScanError, ScanSettings};
use crate::eyes::camera::per_px;
use crate::nets::RgbPicture;
use std::collections::BTreeSet;
use walkout_model::{CameraIx, LaneIx, SeenColumn, Shop, SkuIx, View};

/// What the network is shown of a facing.
#[derive(Clone, Debug)]
pub struct FacingCut {
    /// The lane.
    pub lane: LaneIx,
    /// Its column, from the left.
    pub facing: u32,
    /// What belongs there.
    pub sku: SkuIx,
    /// Size of the front in the picture, pixels.
    pub px: f64,
    /// Twenty planes of 48 × 48 bytes, rows from the top: red, green and blue of the foremost front now, of one in the middle of the
    /// front half and of the deepest there; of the foremost as it is stocked; of the foremost and of the deepest as they are bare;
    /// and what of the foremost and of the deepest nothing hides (255).
    pub planes: Vec<u8>,
}

/// What a picture says of the row that a column's foremost unit stands in.
#[derive(Clone, Debug)]
pub struct ColumnRows {
    /// The lane.
    pub lane: LaneIx,
    /// Its column, from the left.
    pub facing: u32,
    /// How many units those that are asked about stand on.
    pub level: u32,
    /// Size of the front in the picture, pixels.
    pub px: f64,
    /// What speaks for each row, the foremost first, and last for none: an empty column.
    pub evidence: RowEvidence,
}

/// Cuts the facings that cameras see out of their pictures.
pub struct ShelfCuts {
    eyes: Vec<Eye>,
}

pub(super) struct Eye {
    camera: CameraIx,
    pub view: View,
    pub columns: Vec<Column>,
    rows: Vec<Rows>,
    known: Option<Known>,
}

/// What a camera's shelves look like when they are bare and when they are stocked.
pub(super) struct Known {
    /// The stocked picture's.
    light: Vec<[f32; 3]>,
    /// Cells of the light that show no facing.
    about: Vec<bool>,
    /// Of each column.
    references: Vec<Reference>,
    /// And of each column's rows.
    grounds: Vec<Ground>,
}

impl ShelfCuts {
    /// Of these cameras.
    pub fn new(shop: &Shop, cameras: &[CameraIx], settings: &ScanSettings) -> Self {
        let eyes = cameras.iter().filter_map(|&camera| {
            let view = View::new(shop.layout.cameras.get(camera.usize())?);
            let columns = columns(shop, &view, settings.facing_px_min, settings.seen_min);
            let least = (settings.row_px_min, settings.seen_min);
            let all = facings(shop).flat_map(|(lane, facing)| {
                (0..Rows::levels(shop, lane)).map(move |level| (lane, facing, level))
            });
            let rows = all.filter_map(|of| Rows::new(shop, &view, of, least));
            Some(Eye {
                camera,
                rows: rows.collect(),
                columns,
                view,
                known: None,
            })
        });
        Self {
            eyes: eyes.collect(),
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

    /// Whether a camera sees any of them.
    pub(super) fn faces_any(&self, camera: CameraIx) -> bool {
        let of_it = |e: &&Eye| e.camera == camera;
        let eye = self.eyes.iter().find(of_it);
        eye.is_some_and(|e| !e.columns.is_empty() || !e.rows.is_empty())
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
        let [of_bare, of_stocked] = [bare, stocked].map(|p| per_px(described, p));
        let (of_bare, of_stocked) = (of_bare?, of_stocked?);
        let size = [described.width_px, described.height_px].map(f64::from);
        let boxes: Vec<[f64; 4]> = eye.columns.iter().map(|c| c.bounds(size)).collect();
        let (lit, about) = (light(stocked), about(&boxes));
        let gain = gain(&light(bare), &lit, &about);
        let references = eye
            .columns
            .iter()
            .map(|c| Reference::of(c, (stocked, of_stocked), (bare, of_bare), gain))
            .collect();
        let mut grounds: Vec<Ground> = Vec::with_capacity(eye.rows.len());
        for (i, rows) in eye.rows.iter().enumerate() {
            // The levels of a column follow one another.
            let key = (rows.lane, rows.facing);
            let first = eye
                .rows
                .iter()
                .take(i)
                .rposition(|r| (r.lane, r.facing, r.level) == (key.0, key.1, 0));
            let below = first.and_then(|at| grounds.get(at));
            grounds.push(rows.ground(below, (stocked, of_stocked), (bare, of_bare), gain));
        }
        eye.known = Some(Known {
            grounds,
            light: lit,
            about,
            references,
        });
        Ok(())
    }

    /// What the network is shown of the facings, whoever stands before them.
    ///
    /// # Errors
    /// The picture has another shape than the camera's.
    pub fn of(
        &self,
        camera: CameraIx,
        picture: &RgbPicture<'_>,
    ) -> Result<Vec<FacingCut>, ScanError> {
        let Some((eye, known)) = self.known(camera) else {
            return Ok(Vec::new());
        };
        let described = eye.view.camera();
        let per_px = per_px(described, picture)?;
        let gain = gain(&light(picture), &known.light, &known.about);
        let columns = eye.columns.iter().zip(&known.references);
        let cut = |(c, reference): (&Column, &Reference)| FacingCut {
            lane: c.lane,
            facing: c.facing,
            sku: c.sku,
            px: c.px,
            planes: planes(c, reference, (picture, per_px), gain),
        };
        Ok(columns.map(cut).collect())
    }

    /// Which rows the foremost units of columns may stand in by a picture, whoever stands before them.
    ///
    /// # Errors
    /// The picture has another shape than the camera's.
    pub fn rows(
        &self,
        camera: CameraIx,
        picture: &RgbPicture<'_>,
    ) -> Result<Vec<ColumnRows>, ScanError> {
        let Some((eye, known)) = self.known(camera) else {
            return Ok(Vec::new());
        };
        let per_px = per_px(eye.view.camera(), picture)?;
        let gain = gain(&light(picture), &known.light, &known.about);
        let all = eye.rows.iter().zip(&known.grounds);
        let read = |(r, ground): (&Rows, &Ground)| ColumnRows {
            lane: r.lane,
            facing: r.facing,
            level: r.level,
            px: r.px,
            evidence: r.read(ground, (picture, per_px), gain),
        };
        Ok(all.map(read).collect())
    }

    /// The same as log weights.
    ///
    /// # Errors
    /// See [`Self::rows`].
    pub fn columns(
        &self,
        camera: CameraIx,
        picture: &RgbPicture<'_>,
    ) -> Result<Vec<SeenColumn>, ScanError> {
        let all = self.rows(camera, picture)?.into_iter();
        let column = |c: ColumnRows| SeenColumn {
            lane: c.lane,
            facing: c.facing,
            level: c.level,
            rows: c.evidence.weights(c.px),
        };
        Ok(all.map(column).collect())
    }

    /// The lanes with a column whose rows a camera sees well enough.
    pub fn lanes_before(&self, camera: CameraIx) -> BTreeSet<LaneIx> {
        let eyes = self.eyes.iter().filter(|e| e.camera == camera);
        eyes.flat_map(|e| &e.rows).map(|r| r.lane).collect()
    }

    pub(super) fn known(&self, camera: CameraIx) -> Option<(&Eye, &Known)> {
        let eye = self.eyes.iter().find(|e| e.camera == camera)?;
        Some((eye, eye.known.as_ref()?))
    }
}
