//! A shop seen through rendered pictures: what the simulator's cameras see, through the networks, to people and looks.
//!
//! Only pictures pass from the simulator (decision 0006). Two things are spared that a real shop pays for: cameras in
//! whose picture nobody is are not drawn, as their eyes would find nothing new in it; and the large picture from which
//! hands are cut is drawn only when a hand is to be looked at.

mod shelves;

pub(crate) use shelves::Shelves;
pub use shelves::{ShelfOptions, all_moves};

use crate::shelves::catalogue_gallery;
use std::sync::Arc;
use std::time::{Duration, Instant};
use walkout_model::{CameraIx, Shop, Sighting, View, WeightStep};
use walkout_perception::eyes::{
    CameraEye, EyeError, EyeSettings, HeldSettings, ItemEye, MoveWatch, PeopleNetworks, Watch,
    WatchSettings, Watched,
};
use walkout_perception::nets::{Gallery, NetError, Network, PictureError, RgbPicture};
use walkout_simulator::Simulation;
use walkout_simulator::render::{Frame, Picture, RenderConfig, Renderer, Snapshot};

/// The networks that see.
#[derive(Clone)]
pub struct Networks {
    /// Heads, floor points, hands.
    pub people: PeopleNetworks,
    /// Looks of items; without it, things in hands are not looked at.
    pub item: Option<Arc<dyn Network>>,
    /// What the shop was shown of its goods; the catalogue's pictures as the simulator draws them if it was shown nothing.
    pub gallery: Option<Gallery>,
}

/// How a shop is seen.
#[derive(Clone, Debug)]
pub struct PixelOptions {
    /// Cameras by their place in the layout.
    pub cameras: Vec<usize>,
    /// Width of the pictures that people are looked for in, pixels.
    pub width_px: u32,
    /// Width of those that hands are cut from.
    pub fine_px: u32,
    /// Seed of materials, light, clothes and noise.
    pub seed: u64,
    /// How one camera's picture is looked at.
    pub eye: EyeSettings,
    /// How hands are looked at.
    pub held: HeldSettings,
    /// How sightings become tracks.
    pub watch: WatchSettings,
    /// How shelves are watched for what is moved; `None`: not at all.
    pub shelves: Option<ShelfOptions>,
}

impl PixelOptions {
    /// The usual way with these cameras.
    pub fn new(cameras: Vec<usize>, seed: u64) -> Self {
        Self {
            cameras,
            width_px: 320,
            fine_px: 1280,
            seed,
            eye: EyeSettings::default(),
            held: HeldSettings::default(),
            watch: WatchSettings::default(),
            shelves: None,
        }
    }
}

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
pub enum PixelError {
    /// An eye failed.
    #[error(transparent)]
    Eye(#[from] EyeError),
    /// A network failed.
    #[error(transparent)]
    Network(#[from] NetError),
    /// The renderer gave no picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// There is no camera to see with.
    #[error("no camera to see with: add [[camera]] to the shop's shop.toml")]
    NoCamera,
}

/// What seeing cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct PixelCost {
    /// Instants.
    pub instants: u64,
    /// Pictures drawn.
    pub drawn: u64,
    /// Pictures that the person network looked at.
    pub looked: u64,
    /// Hands that the item network looked at.
    pub held: u64,
    /// Time to draw.
    pub drawing: Duration,
    /// Time to see.
    pub seeing: Duration,
}

/// Somebody is looked for so far beside the picture, as a share of its size.
const BESIDE: f64 = 0.1;

/// Rendered cameras with their eyes.
pub struct Pixels {
    eyes: Vec<CameraEye>,
    watch: Watch,
    shelves: Option<(Shelves, MoveWatch)>,
    people: PeopleNetworks,
    items: Option<ItemEye>,
    coarse: Renderer,
    fine: Renderer,
    snapshot: Snapshot,
    frame: Frame,
    sightings: Vec<Sighting>,
    cost: PixelCost,
}

impl Pixels {
    /// Hangs up the cameras and shows them the shop as it opens.
    ///
    /// # Errors
    /// There is no camera, or a network is another one.
    pub fn new(
        shop: &Arc<Shop>,
        simulation: &Simulation,
        networks: Networks,
        options: &PixelOptions,
    ) -> Result<Self, PixelError> {
        let layout = &shop.layout;
        let known = options.cameras.iter().filter_map(|&i| {
            let camera = layout.cameras.get(i)?;
            let settings = options.eye.clone();
            Some(CameraEye::new(
                CameraIx::from(i),
                camera,
                &layout.floor,
                settings,
            ))
        });
        let eyes: Vec<CameraEye> = known.collect();
        let first = eyes.first().ok_or(PixelError::NoCamera)?.view().camera();
        let shape = [first.width_px, first.height_px];
        let config = |width: u32, oversampling: u32| RenderConfig {
            size_px: [width, width * shape[1] / shape[0].max(1)],
            oversampling,
            seed: options.seed,
            ..RenderConfig::default()
        };
        let items = match networks.item {
            Some(item) => {
                let gallery = match networks.gallery {
                    Some(gallery) => gallery,
                    None => catalogue_gallery(shop, &item)?,
                };
                let held = options.held.clone();
                Some(ItemEye::new(item, gallery, layout, held))
            }
            None => None,
        };
        let mut fine = Renderer::new(Arc::clone(shop), config(options.fine_px, 1));
        let shelves = match &options.shelves {
            Some(settings) => {
                let drawn = (&mut fine, options.seed);
                let shelves = Shelves::new(shop, &options.cameras, drawn, settings)?;
                let watch = MoveWatch::new(shelves.shop(), settings.moves.clone());
                Some((shelves, watch))
            }
            None => None,
        };
        let mut pixels = Self {
            eyes,
            watch: Watch::new(shop, options.watch.clone()),
            shelves,
            people: networks.people,
            items,
            coarse: Renderer::new(Arc::clone(shop), config(options.width_px, 2)),
            fine,
            snapshot: Snapshot::default(),
            frame: Frame::default(),
            sightings: Vec::new(),
            cost: PixelCost::default(),
        };
        simulation.snapshot(&mut pixels.snapshot);
        for i in 0..pixels.eyes.len() {
            pixels.look_through(i)?;
        }
        pixels.look_at_shelves()?;
        pixels.cost = PixelCost::default();
        Ok(pixels)
    }

    /// To be called a few ticks before [`Self::look`]: hands have a speed only between two snapshots.
    pub fn prepare(&mut self, simulation: &Simulation) {
        simulation.snapshot(&mut self.snapshot);
    }

    /// Looks at the shop as it is now.
    ///
    /// # Errors
    /// A network fails.
    pub fn look(&mut self, simulation: &Simulation) -> Result<Watched, PixelError> {
        simulation.snapshot(&mut self.snapshot);
        self.sightings.clear();
        for i in 0..self.eyes.len() {
            let eye = &self.eyes[i];
            let sighting = if is_anybody_in(eye.view(), &self.snapshot) {
                self.look_through(i)?
            } else {
                Sighting::empty(eye.camera(), self.snapshot.t)
            };
            self.sightings.push(sighting);
        }
        self.cost.instants += 1;
        let begin = Instant::now();
        let watched = self.watch.update(self.snapshot.t, &self.sightings);
        self.cost.seeing += begin.elapsed();
        if let Some((_, moves)) = &mut self.shelves {
            watched.points.iter().for_each(|p| moves.person(p));
        }
        self.look_at_shelves()?;
        Ok(watched)
    }

    /// What moved on the shelves, as far as the cameras are sure.
    pub fn moved(&mut self) -> Vec<WeightStep> {
        let t = self.snapshot.t;
        let shelves = self.shelves.as_mut();
        shelves.map_or_else(Vec::new, |(_, moves)| moves.advance(t))
    }

    /// How many lanes the cameras see well enough to watch, of how many.
    pub fn watched_lanes(&self) -> [usize; 2] {
        self.shelves.as_ref().map_or([0; 2], |(s, _)| s.lanes())
    }

    fn look_at_shelves(&mut self) -> Result<(), PixelError> {
        let Some((shelves, moves)) = &mut self.shelves else {
            return Ok(());
        };
        let (fine, frame) = (&mut self.fine, &mut self.frame);
        for (camera, t, columns) in shelves.look(&self.snapshot, fine, frame, &mut self.cost)? {
            moves.push(camera, t, columns);
        }
        Ok(())
    }

    /// What each camera saw at the last instant.
    pub fn sightings(&self) -> &[Sighting] {
        &self.sightings
    }

    /// What it cost so far.
    pub fn cost(&self) -> PixelCost {
        self.cost
    }

    fn look_through(&mut self, i: usize) -> Result<Sighting, PixelError> {
        let eye = &mut self.eyes[i];
        let begin = Instant::now();
        let t = self.snapshot.t;
        self.coarse
            .render(eye.camera(), &self.snapshot, &mut self.frame);
        let drawn = Instant::now();
        let before = eye.looked_and_skipped().0;
        let mut sighting = eye.look(t, &rgb(&self.frame.picture)?, &self.people)?;
        let seen = Instant::now();
        self.cost.drawn += 1;
        self.cost.looked += eye.looked_and_skipped().0 - before;
        self.cost.drawing += drawn - begin;
        self.cost.seeing += seen - drawn;
        if let Some(items) = self
            .items
            .as_ref()
            .filter(|items| items.wants(eye.view(), &sighting))
        {
            self.fine
                .render(eye.camera(), &self.snapshot, &mut self.frame);
            let drawn = Instant::now();
            eye.inspect(&mut sighting, &rgb(&self.frame.picture)?, items)?;
            self.cost.drawn += 1;
            self.cost.held += sighting.held.len() as u64;
            self.cost.drawing += drawn - seen;
            self.cost.seeing += drawn.elapsed();
        }
        Ok(sighting)
    }
}

/// A rendered picture as networks take it.
pub(crate) fn rgb(p: &Picture) -> Result<RgbPicture<'_>, PixelError> {
    Ok(RgbPicture::new(p.width, p.height, &p.rgb)?)
}

/// Whether a body is in or near what a camera frames.
fn is_anybody_in(view: &View, snapshot: &Snapshot) -> bool {
    let camera = view.camera();
    let (w, h) = (f64::from(camera.width_px), f64::from(camera.height_px));
    snapshot.figures.iter().any(|f| {
        [0.0, 0.5, 1.0].into_iter().any(|k| {
            let Some(p) = view.project(f.position.at_height(k * f.height_m)) else {
                return false;
            };
            (-BESIDE * w..(1.0 + BESIDE) * w).contains(&p.u)
                && (-BESIDE * h..(1.0 + BESIDE) * h).contains(&p.v)
        })
    })
}
