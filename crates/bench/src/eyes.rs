//! `walkout bench eyes`: what seeing costs, by the number of cameras.
//!
//! Pictures of a busy shop are drawn beforehand and not counted. What is counted is the time that the process ran
//! itself, over all its threads, so that a busy machine does not count either.

use crate::pixels::PixelError;
use serde::Serialize;
use std::sync::Arc;
use walkout_model::{CameraIx, Shop, Sighting, StoreTime, TimeDelta};
use walkout_perception::eyes::{CameraEye, EyeSettings, Watch, WatchSettings};
use walkout_perception::nets::{Network, RgbPicture};
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
    /// Time of one picture: backdrop, network, decoding, milliseconds of one core.
    pub picture_ms: f64,
    /// Time of the tracker for all cameras at one instant, milliseconds of one core.
    pub watch_ms: f64,
    /// Cores that a camera needs at 10 pictures a second, its share of the tracker included.
    pub cores_per_camera: f64,
    /// Cores that all of them need.
    pub cores: f64,
}

/// Store time before the first picture, while the shop fills.
const FILL_S: u64 = 90;

/// Measures.
///
/// # Errors
/// A network fails, or the shop has no camera.
pub fn measure(
    shop: &Arc<Shop>,
    network: &Arc<dyn Network>,
    options: &Options,
) -> Result<Vec<EyesRow>, EyesError> {
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
    let mut shots: Vec<(StoreTime, Vec<Picture>)> = Vec::new();
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
        shots.push((snapshot.t, pictures.collect()));
    }
    let mut rows = Vec::new();
    for &n in &options.cameras {
        rows.push(row(shop, network, &shots, n.clamp(1, most), people)?);
    }
    Ok(rows)
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
    network: &Arc<dyn Network>,
    shots: &[(StoreTime, Vec<Picture>)],
    n: usize,
    people: usize,
) -> Result<EyesRow, EyesError> {
    let settings = EyeSettings {
        // Every picture costs: the dearest case.
        skip_still: false,
        ..EyeSettings::default()
    };
    let layout = &shop.layout;
    let mut eyes: Vec<CameraEye> = (0..n)
        .filter_map(|c| {
            let camera = layout.cameras.get(c)?;
            let ix = CameraIx::from(c);
            Some(CameraEye::new(ix, camera, &layout.floor, settings.clone()))
        })
        .collect();
    let mut watch = Watch::new(shop, WatchSettings::default());
    let (mut looking, mut watching, mut pictures) = (0.0, 0.0, 0_u64);
    // Few cameras look at the same pictures more often, so that each row rests on enough of them.
    let rounds = (24 / (n * shots.len())).max(1);
    let mut t = StoreTime(0);
    for (i, (_, shot)) in (0..rounds).flat_map(|_| shots.iter().enumerate()) {
        let begin = cpu_s();
        let mut sightings: Vec<Sighting> = Vec::with_capacity(n);
        t += TimeDelta::from_millis(100);
        for (eye, picture) in eyes.iter_mut().zip(shot) {
            let picture = RgbPicture::new(picture.width, picture.height, &picture.rgb)
                .map_err(PixelError::from)?;
            sightings.push(eye.look(t, &picture, network).map_err(PixelError::from)?);
        }
        let seen = cpu_s();
        watch.update(t, &sightings);
        // The first look of all warms up.
        if i > 0 || shots.len() == 1 {
            looking += seen - begin;
            watching += cpu_s() - seen;
            pictures += n as u64;
        }
    }
    let instants = (pictures / n.max(1) as u64).max(1) as f64;
    let picture_s = looking / pictures.max(1) as f64;
    let watch_s = watching / instants;
    let cores = 10.0 * (picture_s * n as f64 + watch_s);
    Ok(EyesRow {
        shop: shop.name.clone(),
        cameras: n,
        people,
        pictures,
        picture_ms: 1e3 * picture_s,
        watch_ms: 1e3 * watch_s,
        cores_per_camera: cores / n.max(1) as f64,
        cores,
    })
}

/// Time that this process ran, all threads together, seconds.
fn cpu_s() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}
