//! The cameras of an open shop: one driver each, for those whose source the shop names.

use anyhow::{Context, Result};
use walkout_model::{CameraFault, CameraIx, Shop, StoreTime};
use walkout_sensors::camera::{
    Camera, CameraOptions, Clock, FrameQueue, OpenOptions, WatchSettings,
};
use walkout_server::convert::snake_case;
use walkout_server::view::CameraView;

/// Frames of one camera that may wait for the networks.
const QUEUE_FRAMES: usize = 4;

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
            let Some(source) = shop.layout.source_of(ix) else {
                continue;
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
            let opened = Camera::start(options)
                .with_context(|| format!("starting the camera {}", camera.name))?;
            cameras.push(Eye {
                ix,
                name: camera.name.clone(),
                camera: opened,
            });
        }
        Ok(Self { cameras })
    }

    /// The frames of a camera, if the shop has its source.
    #[expect(dead_code, reason = "the networks' end of the cameras is joined here")]
    pub fn frames(&self, camera: CameraIx) -> Option<&FrameQueue> {
        let eye = self.cameras.iter().find(|e| e.ix == camera)?;
        Some(eye.camera.frames())
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

/// From 0 to 1. Waits are spread, no more; without randomness they are not.
fn random_share() -> f64 {
    let mut byte = [255];
    let _ = getrandom::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}
