//! The demo's cameras: rendered pictures go to the page, and with `--from-pixels` through the networks to the bus.

use crate::items::Items;
use crate::networks::{Runtime, shipped};
use crate::render::live::{LiveCameras, jpeg};
use anyhow::{Context, Result};
use std::path::Path;
use std::sync::Arc;
use walkout_model::{CameraIx, Shop, Sighting, StoreTime};
use walkout_perception::eyes::{CameraEye, EyeSettings, ItemEye, PeopleNetworks};
use walkout_perception::nets::RgbPicture;
use walkout_simulator::Simulation;

/// What is asked for.
pub struct Wanted<'a> {
    /// Cameras by their place in the layout.
    pub cameras: &'a [usize],
    /// Pictures a second of each.
    pub fps: u32,
    /// Width of the pictures, pixels.
    pub width_px: u32,
    /// Seed of clothes and light.
    pub seed: u64,
    /// The folder with person.onnx and reach.onnx, if people are to be seen in the pictures.
    pub models: Option<&'a Path>,
    /// What the shop was shown of its goods; hands are looked at if the file is there.
    pub gallery: &'a Path,
    /// Somebody else sees people in the pictures: no tracker is simulated.
    pub workers: bool,
}

/// Cameras with or without eyes.
pub struct Seeing {
    live: LiveCameras,
    eyes: Vec<CameraEye>,
    networks: Option<PeopleNetworks>,
    items: Option<ItemEye>,
    ticks_a_picture: u32,
    workers: bool,
}

/// One camera's instant.
pub struct Look {
    /// Which camera.
    pub camera: CameraIx,
    /// When.
    pub t: StoreTime,
    /// Its picture.
    pub jpeg: Vec<u8>,
    /// What was seen in it, with eyes.
    pub sighting: Option<Sighting>,
}

impl Seeing {
    /// Hangs the cameras up.
    pub fn new(shop: &Arc<Shop>, wanted: &Wanted<'_>) -> Result<Self> {
        let networks = match wanted.models {
            Some(models) => {
                let [person, reach] = shipped(&Runtime::Rten, models)?.map(Arc::from);
                let reach = Some(reach);
                Some(PeopleNetworks { person, reach })
            }
            None => None,
        };
        let items = match wanted.models {
            Some(models) => Items::read(shop, wanted.gallery, models)?,
            None => None,
        };
        let items = items.map(|i| i.eye(shop, &Runtime::Rten)).transpose()?;
        let layout = &shop.layout;
        let eyes = wanted.cameras.iter().filter_map(|&i| {
            let ix = CameraIx::from(i);
            let camera = layout.cameras.get(i)?;
            let settings = EyeSettings::default();
            Some(CameraEye::new(ix, camera, &layout.floor, settings))
        });
        Ok(Self {
            live: LiveCameras::new(shop, wanted.cameras, wanted.width_px, wanted.seed),
            eyes: eyes.collect(),
            items,
            networks,
            workers: wanted.workers,
            ticks_a_picture: 60 / wanted.fps.clamp(1, 60),
        })
    }

    /// Whether people are seen in the pictures, rather than told by simulated tracks.
    pub fn replaces_tracker(&self) -> bool {
        self.networks.is_some() || self.workers
    }

    /// Takes the pictures of a tick, if it is one with pictures.
    pub fn look(&mut self, tick: u32, simulation: &Simulation) -> Result<Vec<Look>> {
        let every = self.ticks_a_picture;
        if (tick + every.min(4)).is_multiple_of(every) {
            self.live.expose(simulation);
        }
        if !tick.is_multiple_of(every) {
            return Ok(Vec::new());
        }
        self.live.expose(simulation);
        let mut looks = Vec::with_capacity(self.live.len());
        for i in 0..self.live.len() {
            let Some((camera, t, picture)) = self.live.shoot(i) else {
                continue;
            };
            let sighting = match (&self.networks, self.eyes.get_mut(i)) {
                (Some(networks), Some(eye)) => {
                    let rgb = RgbPicture::new(picture.width, picture.height, &picture.rgb)
                        .context("a rendered picture")?;
                    let mut sighting = eye.look(t, &rgb, networks)?;
                    if let Some(items) = &self.items {
                        eye.inspect(&mut sighting, &rgb, items)?;
                    }
                    Some(sighting)
                }
                _ => None,
            };
            looks.push(Look {
                camera,
                t,
                jpeg: jpeg(picture)?,
                sighting,
            });
        }
        Ok(looks)
    }
}
