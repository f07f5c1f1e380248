//! The demo's cameras: rendered pictures go to the page, and with `--from-pixels` through the networks to the bus.

use crate::items::Items;
use crate::looking::{MOVES_EVERY, SHELVES_EVERY};
use crate::networks::{Runtime, shipped};
use crate::render::live::{LiveCameras, jpeg, rgb};
use anyhow::{Result, ensure};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use walkout_bench::shelves::{Hung, catalogue_gallery};
use walkout_model::{CameraIx, LaneIx, ShelfIx, ShelfSight, Shop, Sighting, StoreTime, TimeDelta};
use walkout_perception::eyes::{
    CameraEye, EyeSettings, ItemEye, PeopleNetworks, ScanNetworks, ScanSettings, ShelfCuts,
    ShelfScan,
};
use walkout_perception::nets::Network;
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
    shelves: Option<ShelfSeeing>,
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
    /// Its picture, if it took one.
    pub jpeg: Option<Vec<u8>>,
    /// What was seen in it, with eyes.
    pub sighting: Option<Sighting>,
    /// What was seen of shelves, by a camera that hangs before some.
    pub shelf: Option<ShelfSight>,
}

/// The demo's cameras before shelves.
pub struct ShelfSeeing {
    believed: Shop,
    live: LiveCameras,
    cameras: Vec<CameraIx>,
    every: TimeDelta,
    scan: ShelfScan,
}

/// The shelves of which some camera sees every lane.
fn seen_whole(shop: &Shop, cameras: &[CameraIx], settings: &ScanSettings) -> BTreeSet<ShelfIx> {
    let cuts = ShelfCuts::new(shop, cameras, settings);
    let seen = cameras.iter().flat_map(|c| cuts.lanes_before(*c));
    let seen: BTreeSet<LaneIx> = seen.collect();
    let lanes = || (0..shop.planogram.lanes.len()).map(LaneIx::from);
    let shelf = |lane: &LaneIx| shop.planogram.lanes[lane.usize()].shelf;
    let unseen: BTreeSet<ShelfIx> = lanes()
        .filter(|l| !seen.contains(l))
        .map(|l| shelf(&l))
        .collect();
    let all = lanes().map(|l| shelf(&l));
    all.filter(|s| !unseen.contains(s)).collect()
}

impl ShelfSeeing {
    /// Hangs so many cameras up before a shop's fixtures, at most, and shows them their shelves bare and stocked. Shelves that they see
    /// all of lose their plates if the cameras are there `instead_of_plates`.
    pub fn new(
        shop: &Shop,
        cameras: usize,
        instead_of_plates: bool,
        seed: u64,
        models: &Path,
    ) -> Result<Self> {
        let hung = Hung::new(shop, seed, usize::MAX, cameras);
        ensure!(
            !hung.cameras.is_empty(),
            "{} has no fixture with room before it for a camera",
            shop.name
        );
        let load = |file: &str| -> Result<Arc<dyn Network>> {
            Ok(Arc::from(Runtime::Rten.load(&models.join(file), 1)?))
        };
        let (facing, item) = (load("facing.onnx")?, load("item.onnx")?);
        let gallery = catalogue_gallery(shop, &item)?;
        let networks = ScanNetworks::new(facing, item, gallery)?;
        let settings = ScanSettings::default();
        let mut believed = hung.believed.clone();
        if instead_of_plates {
            let off = seen_whole(&believed, &hung.cameras, &settings);
            ensure!(
                !off.is_empty(),
                "no shelf of {} is seen all along by {} cameras: hang more of them with --shelf-cameras",
                shop.name,
                hung.cameras.len()
            );
            believed = believed.without_plates(&off);
        }
        let mut scan = ShelfScan::new(&believed, &hung.cameras, networks, &settings);
        for (camera, bare, stocked) in hung.references(seed)? {
            scan.learn(camera, &rgb(&bare)?, &rgb(&stocked)?)?;
        }
        Ok(Self {
            live: LiveCameras::hung(&hung),
            every: match instead_of_plates {
                true => MOVES_EVERY,
                false => SHELVES_EVERY,
            },
            believed,
            cameras: hung.cameras,
            scan,
        })
    }

    /// The shop with the cameras in it, as well as they are calibrated.
    pub fn shop(&self) -> Arc<Shop> {
        Arc::new(self.believed.clone())
    }

    /// One camera after another takes a picture, each as often as shelves are looked at. Who takes none tells now and then that it
    /// is well.
    fn look(&mut self, tick: u32, simulation: &Simulation, looks: &mut Vec<Look>) -> Result<()> {
        let every = (self.every.as_secs_f64() * 60.0) as u32;
        let n = self.cameras.len() as u32;
        let due = |i: u32| (tick + i * every / n).is_multiple_of(every);
        // Often enough for a shop at a quarter of the wall clock's speed.
        let well = tick.is_multiple_of(20);
        if !well && !(0..n).any(due) {
            return Ok(());
        }
        self.live.expose(simulation);
        for (i, &camera) in self.cameras.iter().enumerate() {
            let mut look = Look {
                camera,
                t: self.live.exposed_at(),
                jpeg: None,
                sighting: None,
                shelf: None,
            };
            let taken = due(i as u32).then(|| self.live.shoot(i)).flatten();
            look.shelf = match taken {
                Some((_, t, picture)) => {
                    look.jpeg = Some(jpeg(picture)?);
                    Some(self.scan.look(camera, t, &rgb(picture)?)?)
                }
                None => well.then(|| ShelfSight::empty(camera, look.t)),
            };
            if look.shelf.is_some() {
                looks.push(look);
            }
        }
        Ok(())
    }
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
            shelves: None,
            workers: wanted.workers,
            ticks_a_picture: 60 / wanted.fps.clamp(1, 60),
        })
    }

    /// Looks at shelves as well.
    #[must_use]
    pub fn with_shelves(mut self, shelves: Option<ShelfSeeing>) -> Self {
        self.shelves = shelves;
        self
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
        let mut looks = Vec::with_capacity(self.live.len());
        if let Some(shelves) = &mut self.shelves {
            shelves.look(tick, simulation, &mut looks)?;
        }
        if !tick.is_multiple_of(every) {
            return Ok(looks);
        }
        self.live.expose(simulation);
        for i in 0..self.live.len() {
            let Some((camera, t, picture)) = self.live.shoot(i) else {
                continue;
            };
            let sighting = match (&self.networks, self.eyes.get_mut(i)) {
                (Some(networks), Some(eye)) => {
                    let rgb = rgb(picture)?;
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
                jpeg: Some(jpeg(picture)?),
                sighting,
                shelf: None,
            });
        }
        Ok(looks)
    }
}
