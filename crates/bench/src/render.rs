//! `walkout bench render`: how many frames a second one core draws of a full shop.

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::sync::Arc;
use walkout_model::files::{ShopError, ShopNotFound, load_shop, locate};
use walkout_model::{CameraIx, Shop};
use walkout_simulator::render::{Domain, Frame, RenderConfig, Renderer, Snapshot, Studio};
use walkout_simulator::{Plan, Preset, Simulation, SimulationError, Tick};

/// Why nothing could be timed.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A shop's folder would not load.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// There is no such shop.
    #[error(transparent)]
    NoShop(#[from] ShopNotFound),
    /// The simulation would not start.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The shop has no camera.
    #[error("shop {0} has no camera to draw")]
    NoCamera(String),
}

/// What to draw.
#[derive(Clone, Debug)]
pub struct Options {
    /// A shop's folder, or the name of one under `shops/`.
    pub shop: String,
    /// Seed of shoppers, materials and light.
    pub seed: u64,
    /// Width and height, pixels.
    pub size_px: [u32; 2],
    /// Frames to time of each kind.
    pub frames: u32,
    /// Store time before the first frame, seconds: the shop fills.
    pub warm_up_s: f64,
}

/// Frames a second on one core, by the time that the thread ran.
#[derive(Clone, Debug, Serialize)]
pub struct RenderSpeed {
    /// The shop.
    pub shop: String,
    /// Pixels.
    pub size_px: [u32; 2],
    /// Units of goods on the shelves.
    pub goods: usize,
    /// People in the shop, mean over the frames.
    pub people: f64,
    /// People of whom something shows, mean over the frames.
    pub people_seen: f64,
    /// All cameras in turn at 10 frames a second each, labels included: what a run from pixels costs.
    pub frames_per_s: f64,
    /// The same with every shelf drawn anew in each frame.
    pub frames_per_s_uncached: f64,
    /// Frames of rooms drawn at random, which are new every fourth frame.
    pub studio_frames_per_s: f64,
}

/// Draws and times.
///
/// # Errors
/// There is no such shop, or it cannot be simulated or seen.
pub fn measure(options: &Options) -> Result<RenderSpeed, RenderError> {
    let shop = Arc::new(load_shop(&locate(&options.shop)?)?);
    let cameras = shop.layout.cameras.len();
    if cameras == 0 {
        return Err(RenderError::NoCamera(shop.name.clone()));
    }
    let mut simulation = Simulation::new(shop.clone(), Plan::preset(Preset::Busy, options.seed))?;
    let (mut tick, mut snapshot) = (Tick::default(), Snapshot::default());
    for _ in 0..(options.warm_up_s * 60.0) as u64 {
        simulation.step(&mut tick);
    }
    let mut renderer = fresh(&shop, options);
    let mut frame = Frame::default();
    // Eight cameras at ten frames a second, so that goods move between a camera's frames as in a real run.
    let watched = cameras.min(8);
    let (mut spent, mut people, mut seen) = (0.0, 0, 0);
    let mut drawn = 0;
    for pass in 0.. {
        if drawn >= options.frames {
            break;
        }
        for _ in 0..6 {
            simulation.step(&mut tick);
        }
        simulation.snapshot(&mut snapshot);
        for k in 0..watched {
            let camera = CameraIx::from(k * cameras / watched);
            let from = thread_seconds();
            renderer.render(camera, &snapshot, &mut frame);
            // The first pass draws what stands still.
            if pass > 0 {
                spent += thread_seconds() - from;
                drawn += 1;
                people += frame.people.len();
                seen += frame
                    .people
                    .iter()
                    .filter(|p| p.visible_box.is_some())
                    .count();
            }
        }
    }
    let goods = snapshot.goods.len();
    let mut uncached = 0.0;
    let few = (options.frames / 8).max(4);
    for k in 0..few {
        snapshot.revision = u64::MAX - u64::from(k);
        renderer.forget();
        let camera = CameraIx::from(k as usize % watched * cameras / watched);
        let from = thread_seconds();
        renderer.render(camera, &snapshot, &mut frame);
        uncached += thread_seconds() - from;
    }
    let domain = Domain {
        size_px: options.size_px,
        ..Domain::default()
    };
    let mut studio = Studio::new(domain, options.seed, Vec::new());
    let from = thread_seconds();
    for n in 0..u64::from(options.frames) {
        studio.frame(n, &mut frame);
    }
    let random = thread_seconds() - from;
    let mean = |n: usize| n as f64 / f64::from(drawn.max(1));
    Ok(RenderSpeed {
        shop: shop.name.clone(),
        size_px: options.size_px,
        goods,
        people: mean(people),
        people_seen: mean(seen),
        frames_per_s: f64::from(drawn) / spent.max(1e-9),
        frames_per_s_uncached: f64::from(few) / uncached.max(1e-9),
        studio_frames_per_s: f64::from(options.frames) / random.max(1e-9),
    })
}

fn fresh(shop: &Arc<Shop>, options: &Options) -> Renderer {
    let config = RenderConfig {
        size_px: options.size_px,
        seed: options.seed,
        ..RenderConfig::default()
    };
    Renderer::new(shop.clone(), config)
}

/// How long this thread has run, whatever else the machine does.
pub(crate) fn thread_seconds() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}
