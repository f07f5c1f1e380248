//! A shop that is not there: seeded shoppers and staff, shelf physics, and devices with the noise,
//! faults and mistakes of real ones. Deterministic and sans-IO: the same seed gives the same stream.
//!
//! The stream ([`Tick`]) holds what devices would send and nothing else. The truth is written apart
//! as text lines ([`Simulation::drain_truth`]); the types that read it live with the scorer.

mod devices;
mod scene;

pub use devices::{
    DeviceConfig, Fault, FaultKind, GateConfig, LoadConfig, LooksConfig, TrackerConfig,
};

use walkout_model::{GateCrossing, GateIx, ItemLook, LoadSample, PartyKind, StoreTime, TrackPoint};

/// What arrives from the devices in one tick of 1/60 s. A sample's own time may lie before the
/// tick: late and reordered delivery is part of the simulation.
#[derive(Clone, Debug, Default)]
pub struct Tick {
    /// Now.
    pub now: StoreTime,
    /// Load-cell samples that arrive now.
    pub loads: Vec<LoadSample>,
    /// Track points that arrive now.
    pub tracks: Vec<TrackPoint>,
    /// Item looks that arrive now.
    pub looks: Vec<ItemLook>,
    /// Gate crossings that arrive now.
    pub crossings: Vec<GateCrossing>,
    /// Phones held to a gate's reader now. The driver fetches the phone's code and scans it.
    pub scans: Vec<PhoneScan>,
}

/// A phone is held to a gate's reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneScan {
    /// When.
    pub t: StoreTime,
    /// Where.
    pub gate: GateIx,
    /// The phone's number, which is all that the driver needs to ask for its code.
    pub phone: u32,
    /// How many people enter under the code.
    pub people: u8,
    /// Shoppers or staff.
    pub kind: PartyKind,
}
