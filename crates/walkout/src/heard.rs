//! Cameras that somebody else looks through and that tell over the bus what they see: how they fare, by what is heard.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use walkout_model::{CameraFault, CameraHealth, CameraIx, ShelfSight, Sighting, StoreTime};

/// Nothing heard of a camera for so long means that it, its worker or the way between is down.
const SILENT: Duration = Duration::from_millis(1_500);

/// The cameras heard so far.
#[derive(Debug, Default)]
pub struct Heard {
    cameras: BTreeMap<CameraIx, HeardCamera>,
}

/// What is known of one.
#[derive(Clone, Debug)]
pub struct HeardCamera {
    /// How it fares.
    pub health: CameraHealth,
    /// Since when.
    pub since: StoreTime,
    /// Pictures that it told of.
    pub pictures: u64,
    /// When the newest was taken.
    pub last: StoreTime,
    /// Pictures a second lately.
    pub fps: f64,
    came: Instant,
}

impl Heard {
    /// A camera told what it sees; its health if that changed.
    pub fn saw(&mut self, sighting: &Sighting) -> Option<CameraFault> {
        self.told(sighting.camera, sighting.t, true)
    }

    /// A camera before a shelf told what it sees, or that it has nothing new to tell.
    pub fn looked(&mut self, sight: &ShelfSight) -> Option<CameraFault> {
        let saw = !sight.facings.is_empty() || !sight.columns.is_empty();
        self.told(sight.camera, sight.t, saw)
    }

    fn told(&mut self, camera: CameraIx, t: StoreTime, counts: bool) -> Option<CameraFault> {
        let heard = self.entry(camera, t);
        if !counts {
            return heard.becomes(camera, CameraHealth::Good, t);
        }
        if heard.pictures > 0 {
            let dt = t.since(heard.last).as_secs_f64().clamp(1e-3, 10.0);
            // The mean of about the last ten.
            let mean = if heard.fps > 0.0 {
                0.9 / heard.fps + 0.1 * dt
            } else {
                dt
            };
            heard.fps = 1.0 / mean;
        }
        heard.pictures += 1;
        heard.last = heard.last.max(t);
        heard.becomes(camera, CameraHealth::Good, t)
    }

    /// A camera's worker told how it fares.
    pub fn fares(&mut self, fault: CameraFault) -> Option<CameraFault> {
        let heard = self.entry(fault.camera, fault.t);
        heard.becomes(fault.camera, fault.health, fault.t)
    }

    /// Who has fallen silent since the last call.
    pub fn tick(&mut self, now: StoreTime) -> Vec<CameraFault> {
        let silent = self.cameras.iter_mut().filter_map(|(camera, heard)| {
            let silent = heard.came.elapsed() >= SILENT;
            silent.then(|| heard.becomes(*camera, CameraHealth::Silent, now))?
        });
        silent.collect()
    }

    /// The cameras in order.
    pub fn cameras(&self) -> impl Iterator<Item = (CameraIx, &HeardCamera)> {
        self.cameras.iter().map(|(ix, heard)| (*ix, heard))
    }

    fn entry(&mut self, camera: CameraIx, t: StoreTime) -> &mut HeardCamera {
        let new = || HeardCamera {
            health: CameraHealth::Good,
            since: t,
            pictures: 0,
            last: t,
            fps: 0.0,
            came: Instant::now(),
        };
        let heard = self.cameras.entry(camera).or_insert_with(new);
        heard.came = Instant::now();
        heard
    }
}

impl HeardCamera {
    fn becomes(
        &mut self,
        camera: CameraIx,
        health: CameraHealth,
        t: StoreTime,
    ) -> Option<CameraFault> {
        (health != self.health).then(|| {
            (self.health, self.since) = (health, t);
            CameraFault { t, camera, health }
        })
    }
}
