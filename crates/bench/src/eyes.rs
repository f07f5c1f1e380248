//! `walkout bench eyes`: what seeing costs, by the number of cameras.
//!
//! Pictures of a busy shop are drawn beforehand and not counted. What is counted is the time that the process ran
//! itself, over all its threads, so that a busy machine counts little; caches and clock rates that others use still do.

use crate::pixels::{PixelError, rgb};
use serde::Serialize;
use std::sync::Arc;
use walkout_model::{CameraIx, Shop, Sighting, StoreTime, TimeDelta};
use walkout_perception::eyes::{CameraEye, EyeSettings, Finder, Watch, WatchSettings};
use walkout_perception::nets::RgbPicture;
use walkout_simulator::render::{Frame, Picture, RenderConfig, Renderer, Snapshot};
use walkout_simulator::{Plan, Preset, Simulation, Tick};

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Numbers of cameras.
    pub cameras: Vec<usize>,
    /// Most people at once.
    pub people: u32,
    /// Instants, one tenth of a second apart.
    pub instants: u32,
    /// Seed.
    pub seed: u64,
    /// Width of the pictures, pixels.
    pub width_px: u32,
    /// How they are looked at.
    pub eye: EyeSettings,
}

/// The cost with so many cameras.
#[derive(Clone, Debug, Serialize)]
pub struct EyesRow {
    /// The shop.
    pub shop: String,
    /// Cameras.
    pub cameras: usize,
    /// People in the shop.
    pub people: usize,
    /// Pictures looked at.
    pub pictures: u64,
    /// Time to decode one picture of H.264, milliseconds of one core; 0 where that was not measured.
    pub decode_ms: f64,
    /// Time of one picture: backdrop, network and what its maps say, milliseconds of one core.
    pub picture_ms: f64,
    /// The same where nothing is new in the picture, and the network is spared.
    pub still_ms: f64,
    /// Time of the tracker, and of the watch over calibrations, for all cameras at one instant, milliseconds of one core.
    pub watch_ms: f64,
    /// Cores that a camera needs at 10 pictures a second with somebody in each: decoding and its share of the tracker
    /// included.
    pub cores_per_camera: f64,
    /// Cores that all of them need.
    pub cores: f64,
}

/// Store time before the first picture, while the shop fills.
const FILL_S: u64 = 90;

/// Pictures of a busy shop: of each instant one of each camera.
pub struct Shots {
    people: usize,
    instants: Vec<Vec<Picture>>,
}

impl Shots {
    /// The pictures of one camera, in order.
    pub fn of_camera(&self, camera: usize) -> impl Iterator<Item = &Picture> {
        self.instants.iter().filter_map(move |all| all.get(camera))
    }
}

/// Draws the pictures.
///
/// # Errors
/// The shop has no camera, or cannot be simulated.
pub fn draw(shop: &Arc<Shop>, options: &Options) -> Result<Shots, EyesError> {
    let mut plan = Plan::preset(Preset::Busy, options.seed);
    plan.people = Some(options.people);
    let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
    let mut tick = Tick::default();
    for _ in 0..FILL_S * 60 {
        simulation.step(&mut tick);
    }
    let first = shop.layout.cameras.first().ok_or(PixelError::NoCamera)?;
    let mut renderer = Renderer::new(
        Arc::clone(shop),
        RenderConfig {
            size_px: [
                options.width_px,
                options.width_px * first.height_px / first.width_px.max(1),
            ],
            oversampling: 1,
            seed: options.seed,
            ..RenderConfig::default()
        },
    );
    let most = options.cameras.iter().copied().max().unwrap_or(1);
    let most = most.min(shop.layout.cameras.len());
    let mut instants = Vec::new();
    let (mut snapshot, mut frame) = (Snapshot::default(), Frame::default());
    let mut people = 0;
    for _ in 0..options.instants.max(1) {
        for _ in 0..6 {
            simulation.step(&mut tick);
        }
        simulation.snapshot(&mut snapshot);
        people = people.max(snapshot.figures.len());
        let pictures = (0..most).map(|c| {
            renderer.render(CameraIx::from(c), &snapshot, &mut frame);
            frame.picture.clone()
        });
        instants.push(pictures.collect());
    }
    Ok(Shots { people, instants })
}

/// Measures with so many cameras; a shop that has fewer is measured with those, and the row says so. `decode_s` is what
/// decoding a picture costs, `eye` says how they are looked at, `finders` are the cameras', one each.
///
/// # Errors
/// A network fails.
pub fn measure(
    shop: &Arc<Shop>,
    shots: &Shots,
    cameras: usize,
    decode_s: f64,
    eye: &EyeSettings,
    finders: &mut [Finder],
) -> Result<EyesRow, EyesError> {
    let most = shots.instants.first().map_or(0, Vec::len);
    let cameras = cameras.min(most).min(finders.len()).max(1);
    row(shop, shots, cameras, decode_s, eye, finders)
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum EyesError {
    /// Nothing could be seen.
    #[error(transparent)]
    Pixels(#[from] PixelError),
    /// The simulation would not start.
    #[error(transparent)]
    Simulation(#[from] walkout_simulator::SimulationError),
}

fn row(
    shop: &Arc<Shop>,
    shots: &Shots,
    n: usize,
    decode_s: f64,
    eye: &EyeSettings,
    finders: &mut [Finder],
) -> Result<EyesRow, EyesError> {
    let settings = |skip_still| EyeSettings {
        // Else every picture costs: the dearest case.
        skip_still,
        ..eye.clone()
    };
    let instants = &shots.instants;
    let layout = &shop.layout;
    let mut eyes: Vec<CameraEye> = (0..n)
        .filter_map(|c| {
            let camera = layout.cameras.get(c)?;
            let ix = CameraIx::from(c);
            Some(CameraEye::new(ix, camera, &layout.floor, settings(false)))
        })
        .collect();
    let mut watch = Watch::new(shop, WatchSettings::default());
    let (mut looking, mut watching, mut pictures) = (0.0, 0.0, 0_u64);
    // Few cameras look at the same pictures more often, so that each row rests on enough of them.
    let rounds = 1 + 24 / (n * instants.len().max(1));
    let mut t = StoreTime(0);
    for (i, shot) in (0..rounds).flat_map(|_| instants.iter().enumerate()) {
        let begin = cpu_s();
        let mut sightings: Vec<Sighting> = Vec::with_capacity(n);
        t += TimeDelta::from_millis(100);
        for ((eye, finder), picture) in eyes.iter_mut().zip(finders.iter_mut()).zip(shot) {
            let seen = eye.look_by(t, &rgb(picture)?, finder);
            sightings.push(seen.map_err(PixelError::from)?);
        }
        let seen = cpu_s();
        watch.update(t, &sightings);
        // The first look of all warms up.
        if i > 0 || instants.len() == 1 {
            looking += seen - begin;
            watching += cpu_s() - seen;
            pictures += n as u64;
        }
    }
    let counted = (pictures / n.max(1) as u64).max(1) as f64;
    let picture_s = looking / pictures.max(1) as f64;
    let watch_s = watching / counted;
    let cores = 10.0 * ((decode_s + picture_s) * n as f64 + watch_s);
    let first = instants.first().and_then(|shot| shot.first());
    let still_s = match (layout.cameras.first(), first, finders.first_mut()) {
        (Some(camera), Some(picture), Some(finder)) => {
            let eye = CameraEye::new(CameraIx(0), camera, &layout.floor, settings(true));
            still(eye, &rgb(picture)?, finder)?
        }
        _ => 0.0,
    };
    Ok(EyesRow {
        shop: shop.name.clone(),
        cameras: n,
        people: shots.people,
        pictures,
        decode_ms: 1e3 * decode_s,
        picture_ms: 1e3 * picture_s,
        still_ms: 1e3 * still_s,
        watch_ms: 1e3 * watch_s,
        cores_per_camera: cores / n.max(1) as f64,
        cores,
    })
}

/// The cost of a picture in which nothing is new.
fn still(
    mut eye: CameraEye,
    picture: &RgbPicture<'_>,
    finder: &mut Finder,
) -> Result<f64, PixelError> {
    const ROUNDS: i64 = 20;
    eye.look_by(StoreTime(0), picture, finder)?;
    let begin = cpu_s();
    for i in 1..=ROUNDS {
        eye.look_by(StoreTime(i * 100_000), picture, finder)?;
    }
    Ok((cpu_s() - begin) / ROUNDS as f64)
}

/// Time that this process ran, all threads together, seconds.
pub fn cpu_s() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}
