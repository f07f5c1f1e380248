//! The cameras of a simulated shop while it runs: pictures, and nothing of what they were drawn from.

use super::film;
use anyhow::{Context, Result};
use std::sync::Arc;
use walkout_bench::shelves::Hung;
use walkout_model::{CameraIx, Shop, StoreTime};
use walkout_perception::nets::RgbPicture;
use walkout_simulator::Simulation;
use walkout_simulator::render::{Frame, Picture, RenderConfig, Renderer, Snapshot};

/// Rendered cameras.
pub struct LiveCameras {
    cameras: Vec<CameraIx>,
    renderer: Renderer,
    snapshot: Snapshot,
    frame: Frame,
}

impl LiveCameras {
    /// Some cameras of a shop; pictures are so many pixels wide.
    pub fn new(shop: &Arc<Shop>, cameras: &[usize], width_px: u32, seed: u64) -> Self {
        let first = cameras.first().and_then(|&c| shop.layout.cameras.get(c));
        let height = first.map_or(width_px, |c| width_px * c.height_px / c.width_px.max(1));
        let config = RenderConfig {
            size_px: [width_px, height],
            oversampling: 1,
            seed,
            ..RenderConfig::default()
        };
        Self {
            cameras: cameras.iter().map(|&c| CameraIx::from(c)).collect(),
            renderer: Renderer::new(Arc::clone(shop), config),
            snapshot: Snapshot::default(),
            frame: Frame::default(),
        }
    }

    /// Those that hang before a shop's shelves.
    pub fn hung(hung: &Hung) -> Self {
        Self {
            cameras: hung.cameras.clone(),
            renderer: Renderer::new(Arc::clone(&hung.real), hung.config.clone()),
            snapshot: Snapshot::default(),
            frame: Frame::default(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cameras.len()
    }

    /// Holds on to what can be seen now.
    pub fn expose(&mut self, simulation: &Simulation) {
        simulation.snapshot(&mut self.snapshot);
    }

    /// When that was.
    pub fn exposed_at(&self) -> StoreTime {
        self.snapshot.t
    }

    /// The picture that one of them takes of what was held on to, and when that was.
    pub fn shoot(&mut self, i: usize) -> Option<(CameraIx, StoreTime, &Picture)> {
        let camera = *self.cameras.get(i)?;
        self.renderer
            .render(camera, &self.snapshot, &mut self.frame)
            .then_some((camera, self.snapshot.t, &self.frame.picture))
    }
}

/// A picture as networks take it.
pub fn rgb(picture: &Picture) -> Result<RgbPicture<'_>> {
    RgbPicture::new(picture.width, picture.height, &picture.rgb).context("a rendered picture")
}

/// A picture as a JPEG.
pub fn jpeg(picture: &Picture) -> Result<Vec<u8>> {
    film::jpeg(picture)
}
