//! The cameras of an open shop: one driver each, for those whose source the shop names; their newest pictures for the
//! page, and eyes that see people in them.

use crate::looking::{self, Feed, Shot, Tally};
use crate::networks::Finders;
use crate::outbox::Outbox;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use walkout_model::{CameraFault, CameraFrame, CameraHealth, CameraIx, Shop, StoreTime};
use walkout_perception::eyes::GatherSettings;
use walkout_sensors::camera::{
    Camera, CameraOptions, Clock, FrameQueue, OpenOptions, WatchSettings,
};
use walkout_server::PictureSource;
use walkout_server::convert::snake_case;
use walkout_server::view::CameraView;

/// Frames of one camera that may wait for the networks: what waits longer comes too late for its instant.
const QUEUE_FRAMES: usize = 2;
/// Widest picture for the page, pixels.
const PAGE_PX: u32 = 640;
/// Quality of the page's JPEGs, 1–100.
const PAGE_QUALITY: u8 = 75;

/// The cameras that are kept open.
#[derive(Default)]
pub struct Eyes {
    cameras: BTreeMap<CameraIx, Eye>,
    stop: Arc<AtomicBool>,
}

struct Eye {
    name: String,
    camera: Arc<Camera>,
    /// What becomes of its pictures, with eyes.
    tally: OnceLock<(Arc<Tally>, Arc<Outbox>)>,
    /// The newest picture that was asked for.
    shown: Mutex<Option<(u64, Vec<u8>)>>,
}

impl std::fmt::Debug for Eyes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eyes")
            .field("cameras", &self.cameras.keys())
            .finish_non_exhaustive()
    }
}

impl Drop for Eyes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Eyes {
    /// Opens the cameras that the shop names a source for. What does not answer is tried again and again.
    pub fn open(shop: &Shop, clock: &Clock) -> Result<Self> {
        let mut cameras = BTreeMap::new();
        for (i, camera) in shop.layout.cameras.iter().enumerate() {
            let ix = CameraIx::from(i);
            if let Some(opened) = start(shop, ix, clock)? {
                let eye = Eye {
                    name: camera.name.clone(),
                    camera: Arc::new(opened),
                    tally: OnceLock::new(),
                    shown: Mutex::new(None),
                };
                cameras.insert(ix, eye);
            }
        }
        Ok(Self {
            cameras,
            stop: Arc::default(),
        })
    }

    /// Sees people and shelves in what comes, with as many threads as the machine has cores for each; what is seen goes into the outbox. The
    /// threads end with the eyes, or when the outbox is closed.
    pub fn see(&self, shop: &Shop, finders: &Finders, told: &Arc<Outbox>) -> Result<()> {
        ensure!(
            !self.cameras.is_empty(),
            "no [[camera]] of {} has a source to see people in: add source = \"rtsp://…\" to its shop.toml, or let `walkout eyes` see \
             and leave --eyes out",
            shop.name
        );
        let mut cameras = Vec::new();
        for (ix, eye) in &self.cameras {
            let feed: Box<dyn Feed> = Box::new(Opened {
                frames: eye.camera.frames().clone(),
                camera: Arc::clone(&eye.camera),
            });
            cameras.push((*ix, feed));
        }
        let period = GatherSettings::default().period;
        let threads = threads(self.cameras.len());
        let lookers = looking::lookers(shop, finders, cameras, period, threads)?;
        for looker in lookers.all() {
            if let Some(eye) = self.cameras.get(&looker.camera()) {
                let _ = eye.tally.set((looker.tally(), Arc::clone(told)));
            }
        }
        lookers.begin(told, &self.stop).map(drop)
    }

    /// What became of the cameras' health since the last call.
    pub fn tick(&self, now: StoreTime) -> Vec<CameraFault> {
        let ticked = self.cameras.values().flat_map(|eye| eye.camera.tick(now));
        ticked.collect()
    }

    /// How they fare, for the page.
    pub fn views(&self) -> Vec<(CameraIx, CameraView)> {
        let view = |(ix, eye): (&CameraIx, &Eye)| {
            let status = eye.camera.status();
            let (unseen, why) = match eye.tally.get() {
                Some((tally, told)) => (told.dropped(*ix), tally.error()),
                None => (0, None),
            };
            let view = CameraView {
                camera: eye.name.clone(),
                source: status.source,
                health: snake_case(&status.health),
                since: status.since.0,
                connected: status.connected,
                connections: status.connections,
                frames: status.frames,
                dropped: status.dropped + unseen,
                damaged: status.damaged,
                skipped: status.skipped,
                width: status.size.map(|[w, _]| w),
                height: status.size.map(|[_, h]| h),
                fps: (status.fps * 10.0).round() / 10.0,
                last: status.last.map(|t| t.0),
                error: status.error.or(why),
                off_deg: None,
                off_m: None,
            };
            (*ix, view)
        };
        self.cameras.iter().map(view).collect()
    }
}

/// Threads for so many cameras on this machine.
pub fn threads(cameras: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.clamp(1, cameras.max(1))
}

impl PictureSource for Eyes {
    fn state(&self, camera: CameraIx) -> Option<(u64, bool)> {
        let eye = self.cameras.get(&camera)?;
        Some((
            eye.camera.frames_come(),
            eye.camera.health() != CameraHealth::Silent,
        ))
    }

    fn newest(&self, camera: CameraIx) -> Option<(Vec<u8>, StoreTime)> {
        let eye = self.cameras.get(&camera)?;
        let frame = eye.camera.newest()?;
        let mut shown = eye.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((sequence, jpeg)) = &*shown
            && *sequence == frame.sequence
        {
            return Some((jpeg.clone(), frame.t));
        }
        let jpeg = page_jpeg(&frame)?;
        *shown = Some((frame.sequence, jpeg.clone()));
        Some((jpeg, frame.t))
    }
}

/// A picture for the page, at most [`PAGE_PX`] wide; every n-th pixel of a larger one.
fn page_jpeg(frame: &CameraFrame) -> Option<Vec<u8>> {
    let every = frame.width().div_ceil(PAGE_PX).max(1) as usize;
    let (w, h) = (frame.width() as usize, frame.height() as usize);
    let (sw, sh) = ((w / every).max(1), (h / every).max(1));
    let mut small = Vec::with_capacity(sw * sh * 3);
    for y in 0..sh {
        let row = frame.rgb().get(y * every * w * 3..)?;
        small.extend((0..sw).flat_map(|x| {
            let pixel = row.get(x * every * 3..x * every * 3 + 3);
            pixel.map_or([0; 3], |p| [p[0], p[1], p[2]])
        }));
    }
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, PAGE_QUALITY)
        .encode(
            &small,
            u16::try_from(sw).ok()?,
            u16::try_from(sh).ok()?,
            jpeg_encoder::ColorType::Rgb,
        )
        .ok()?;
    Some(jpeg)
}

/// The frames of a camera that is kept open.
pub struct Opened {
    /// Its frames.
    pub frames: FrameQueue,
    /// Itself.
    pub camera: Arc<Camera>,
}

impl Feed for Opened {
    fn next(&mut self) -> Result<Option<Shot>> {
        Ok(self.frames.try_pop().map(Shot::from))
    }

    fn health(&mut self) -> CameraHealth {
        self.camera.health()
    }
}

/// Begins to keep a camera open; `None` if the shop names no source for it.
pub fn start(shop: &Shop, ix: CameraIx, clock: &Clock) -> Result<Option<Camera>> {
    let camera = shop.layout.cameras.get(ix.usize());
    let (Some(camera), Some(source)) = (camera, shop.layout.source_of(ix)) else {
        return Ok(None);
    };
    let options = CameraOptions {
        camera: ix,
        source: source.clone(),
        expected: Some([camera.width_px, camera.height_px]),
        open: OpenOptions::new(clock.clone()),
        queue: QUEUE_FRAMES,
        watch: WatchSettings::default(),
        jitter: Box::new(random_share),
    };
    Camera::start(options)
        .map(Some)
        .with_context(|| format!("starting the camera {}", camera.name))
}

/// From 0 to 1. Waits are spread, no more; without randomness they are not.
fn random_share() -> f64 {
    let mut byte = [255];
    let _ = getrandom::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}
