//! The cameras of an open shop: one driver each, for those whose source the shop names.

use anyhow::{Context, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use walkout_model::{CameraFault, CameraFrame, CameraIx, Shop, Sighting, StoreTime};
use walkout_perception::eyes::{CameraEye, EyeSettings, ItemEye};
use walkout_perception::nets::{Network, RgbPicture};
use walkout_sensors::camera::{Camera, CameraOptions, Clock, OpenOptions, WatchSettings};
use walkout_server::convert::snake_case;
use walkout_server::view::CameraView;

/// Frames of one camera that may wait for the networks.
const QUEUE_FRAMES: usize = 4;
/// How long an eye waits for a frame before it looks whether it should end.
const PATIENCE: Duration = Duration::from_millis(500);

/// The cameras that are kept open.
#[derive(Default)]
pub struct Eyes {
    cameras: Vec<Eye>,
}

struct Eye {
    ix: CameraIx,
    name: String,
    camera: Camera,
}

impl Eyes {
    /// Opens the cameras that the shop names a source for. What does not answer is tried again and again.
    pub fn open(shop: &Shop, clock: &Clock) -> Result<Self> {
        let mut cameras = Vec::new();
        for (i, camera) in shop.layout.cameras.iter().enumerate() {
            let ix = CameraIx::from(i);
            if let Some(opened) = start(shop, ix, clock)? {
                cameras.push(Eye {
                    ix,
                    name: camera.name.clone(),
                    camera: opened,
                });
            }
        }
        Ok(Self { cameras })
    }

    /// Sees people in what comes, each camera with a thread and a network of its own; what is seen goes into the
    /// channel, and is dropped and counted by the driver's queue where a thread is too slow. The threads end with the
    /// receiver. What hands hold is looked at where the shop was shown what its goods look like.
    pub fn see(
        &self,
        shop: &Arc<Shop>,
        network: impl Fn() -> Result<Box<dyn Network>>,
        items: impl Fn() -> Result<Option<ItemEye>>,
        seen: &mpsc::Sender<Sighting>,
    ) -> Result<()> {
        for eye in &self.cameras {
            let (layout, ix) = (&shop.layout, eye.ix);
            let (network, items) = (Arc::from(network()?), items()?);
            let settings = EyeSettings::default();
            let camera = &layout.cameras[ix.usize()];
            let mut look = CameraEye::new(ix, camera, &layout.floor, settings);
            let (frames, seen) = (eye.camera.frames().clone(), seen.clone());
            std::thread::Builder::new()
                .name(format!("eye {}", eye.name))
                .spawn(move || {
                    while !seen.is_closed() {
                        let Some(frame) = frames.pop(PATIENCE) else {
                            continue;
                        };
                        match sight(&mut look, &frame, &network, items.as_ref()) {
                            // Full: the shop is behind, and newer pictures are worth more.
                            Ok(sighting) => drop(seen.try_send(sighting)),
                            Err(error) => tracing::warn!("{error:#}"),
                        }
                    }
                })
                .with_context(|| format!("starting the eye of camera {}", eye.name))?;
        }
        Ok(())
    }

    /// What became of the cameras' health since the last call, with the camera's name.
    pub fn tick(&self, now: StoreTime) -> Vec<(String, CameraFault)> {
        let ticked = self.cameras.iter().flat_map(|eye| {
            let faults = eye.camera.tick(now).into_iter();
            faults.map(|fault| (eye.name.clone(), fault))
        });
        ticked.collect()
    }

    /// How they fare, for the page.
    pub fn views(&self) -> Vec<CameraView> {
        let view = |eye: &Eye| {
            let status = eye.camera.status();
            CameraView {
                camera: eye.name.clone(),
                source: status.source,
                health: snake_case(&status.health),
                since: status.since.0,
                connected: status.connected,
                connections: status.connections,
                frames: status.frames,
                dropped: status.dropped,
                damaged: status.damaged,
                skipped: status.skipped,
                width: status.size.map(|[w, _]| w),
                height: status.size.map(|[_, h]| h),
                fps: (status.fps * 10.0).round() / 10.0,
                last: status.last.map(|t| t.0),
                error: status.error,
            }
        };
        self.cameras.iter().map(view).collect()
    }
}

fn sight(
    eye: &mut CameraEye,
    frame: &CameraFrame,
    network: &Arc<dyn Network>,
    items: Option<&ItemEye>,
) -> Result<Sighting> {
    let picture = RgbPicture::new(frame.width(), frame.height(), frame.rgb())?;
    sight_in(eye, frame.t, &picture, network, items)
}

/// What a camera sees in a picture, and what the hands in it hold.
pub fn sight_in(
    eye: &mut CameraEye,
    t: StoreTime,
    picture: &RgbPicture<'_>,
    network: &Arc<dyn Network>,
    items: Option<&ItemEye>,
) -> Result<Sighting> {
    let mut sighting = eye.look(t, picture, network)?;
    if let Some(items) = items.filter(|items| items.wants(eye.view(), &sighting)) {
        eye.inspect(&mut sighting, picture, items)?;
    }
    Ok(sighting)
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
