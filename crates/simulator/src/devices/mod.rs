//! The devices: what load cells, a tracker, a classifier and gates report of a [`Scene`].
//!
//! Each device has its own stream of noise, so that one's setting does not change another's output.
//! A person's number in the scene keys internal state and never reaches the [`Tick`].

#[cfg(test)]
mod bed;
mod clothes;
mod config;
mod gates;
mod load;
mod looks;
mod noise;
mod shake;
mod sight;
#[cfg(test)]
mod trace;
mod tracker;
#[cfg(test)]
mod tracking;
#[cfg(test)]
mod whole;

pub use config::{
    DeviceConfig, Fault, FaultKind, GateConfig, LoadConfig, LooksConfig, Sense, TrackerConfig,
    UnknownSense,
};

use crate::Tick;
use crate::scene::Scene;
use gates::Gates;
use load::LoadCells;
use looks::Looks;
use tracker::Tracker;
use walkout_model::{Shop, TrackId};

/// All devices of a shop.
pub(crate) struct Devices {
    load: LoadCells,
    tracker: Tracker,
    looks: Looks,
    gates: Gates,
}

impl Devices {
    /// The devices of a shop; `seed` draws each one's own errors and its noise.
    pub fn new(shop: &Shop, config: DeviceConfig, seed: u64) -> Self {
        Self {
            load: LoadCells::new(shop, config.load, config.faults, seed),
            tracker: Tracker::new(&shop.layout, config.tracker, seed),
            looks: Looks::new(&shop.catalogue, config.looks, seed),
            gates: Gates::new(config.gates, seed),
        }
    }

    /// Which person each of the tracker's tracks is of.
    pub fn whose_tracks(&self) -> Vec<(TrackId, u32)> {
        self.tracker.whose_tracks().collect()
    }

    /// What arrives from the devices in this tick of 1/60 s. Refills `tick`.
    pub fn observe(&mut self, scene: &Scene, tick: &mut Tick) {
        tick.now = scene.t;
        tick.loads.clear();
        tick.tracks.clear();
        tick.looks.clear();
        tick.crossings.clear();
        tick.scans.clear();
        self.load.observe(scene, tick);
        self.tracker.observe(scene, tick);
        self.looks.observe(scene, self.tracker.hands(), tick);
        self.gates.observe(scene, tick);
    }
}
