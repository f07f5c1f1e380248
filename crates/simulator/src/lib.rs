//! A shop that is not there: seeded shoppers and staff, shelf physics, and devices with the noise,
//! faults and mistakes of real ones. Deterministic and sans-IO: the same seed gives the same stream.
//!
//! The stream ([`Tick`]) holds what devices would send and nothing else. The truth is written apart
//! as text lines ([`Simulation::drain_truth`]); the types that read it live with the scorer.

mod devices;
mod draw;
mod presets;
pub mod render;
mod scenario;
mod scene;
mod truth;
mod world;

pub use devices::{
    DeviceConfig, Fault, FaultKind, GateConfig, LoadConfig, LooksConfig, Sense, TrackerConfig,
    UnknownSense,
};

pub use presets::{Preset, UnknownPreset};
pub use scenario::{Scenario, ScenarioError, ScenarioMistake};

use devices::Devices;
use std::sync::Arc;
use walkout_model::{
    GateCrossing, GateIx, ItemLook, LaneIx, LoadSample, PartyKind, Shop, StoreTime, TimeDelta,
    TrackId, TrackPoint,
};
use world::World;

/// A simulated shop. Each [`Simulation::step`] is 1/60 s.
pub struct Simulation {
    world: World,
    devices: Devices,
}

/// What is to happen in a [`Simulation`].
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who comes and what they do.
    pub program: Program,
    /// Seed of every draw. The same plan with the same seed gives the same stream and truth.
    pub seed: u64,
    /// The shop's clock at the first tick.
    pub start: StoreTime,
    /// Admit no more parties of shoppers than this. `None`: until the doors close.
    pub receipts: Option<u32>,
    /// Admit nobody after this long; those inside finish. `None`: for ever.
    pub duration: Option<TimeDelta>,
    /// Most people at once, instead of the preset's own figure.
    pub people: Option<u32>,
    /// Which case of `cps2020` (see [`Preset::plans`]); elsewhere another run of the same seed.
    pub case: u32,
    /// How good the devices are.
    pub devices: DeviceConfig,
}

/// Who comes and what they do.
#[derive(Clone, Debug)]
pub enum Program {
    /// A shipped kind of day.
    Preset(Preset),
    /// A script. The shop must be the one that [`Scenario::fit`] gives.
    Scenario(Scenario),
}

/// Why a simulation cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// The shop has no way in or no way out.
    #[error("the shop needs a gate of kind entry and one of kind exit, or one of kind both")]
    NoGate,
    /// The shelves are empty or walled in.
    #[error(
        "no lane can be reached from the entry: leave at least 0.8 m of floor in front of fixtures"
    )]
    NothingInReach,
    /// The scenario asks for what the shop does not have.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

/// Monday, 2 March 2026, 9 o'clock in Seoul.
const DEFAULT_START: StoreTime = StoreTime(1_772_409_600_000_000);

impl Plan {
    /// A preset without end: set [`Plan::receipts`] or [`Plan::duration`] to have one.
    pub fn preset(preset: Preset, seed: u64) -> Self {
        let devices = match preset {
            Preset::Adversarial => DeviceConfig::hard(),
            _ => DeviceConfig::default(),
        };
        Self {
            program: Program::Preset(preset),
            seed,
            start: DEFAULT_START,
            receipts: None,
            duration: None,
            people: None,
            case: 0,
            devices,
        }
    }

    /// A scenario from its beginning to its end, with the scenario's own seed or 1.
    pub fn scenario(scenario: Scenario) -> Self {
        let seed = scenario.seed().unwrap_or(1);
        Self {
            program: Program::Scenario(scenario),
            ..Self::preset(Preset::Quiet, seed)
        }
    }
}

impl Simulation {
    /// A shop as it opens.
    ///
    /// # Errors
    /// The shop cannot be entered, left or shopped in.
    pub fn new(shop: Arc<Shop>, mut plan: Plan) -> Result<Self, SimulationError> {
        let world = World::new(shop.clone(), &plan)?;
        plan.devices.faults.extend(world.plate_faults());
        // The devices' own errors must not follow from the shoppers' draws.
        let seed = plan.seed ^ u64::from(plan.case).rotate_left(32) ^ 0x0dd5_eed0_fde7_1ce5;
        let devices = Devices::new(&shop, plan.devices, seed);
        Ok(Self { world, devices })
    }

    /// Advances by 1/60 s and refills `tick` with what the devices send.
    pub fn step(&mut self, tick: &mut Tick) {
        self.world.step();
        self.devices.observe(self.world.scene(), tick);
    }

    /// Whether nobody comes any more and the last one left some seconds ago.
    pub fn is_over(&self) -> bool {
        self.world.is_over()
    }

    /// Acts of a scenario that could not be done so far, one sentence each with its line: goods that
    /// were not there, a person who never came.
    pub fn undone(&self) -> &[String] {
        self.world.undone()
    }

    /// Refills what a camera could see now. Goods are copied only when they moved since the
    /// snapshot was last refilled.
    pub fn snapshot(&self, snapshot: &mut render::Snapshot) {
        self.world.snapshot(snapshot);
    }

    /// What staff counted before the shop opened: units of its own SKU in each lane. However late
    /// it is asked for, it is the opening count and says nothing of what happened since.
    pub fn count_lanes(&self) -> Vec<(LaneIx, u32)> {
        let counts = self.world.opening_count().iter().copied();
        (0_u32..).map(LaneIx).zip(counts).collect()
    }

    /// What really happened since the last call, as JSON lines (`docs/reference/truth.md`).
    pub fn drain_truth(&mut self) -> String {
        self.world.drain_truth()
    }

    /// Which person of the truth each track is of in this tick, for who scores or trains what goes by tracks.
    pub fn whose_tracks(&self) -> Vec<(TrackId, u32)> {
        self.devices.whose_tracks()
    }

    /// Where everybody really is in this tick, as one line of truth (`people` in
    /// `docs/reference/truth.md`), for who scores a tracker or stands in for its cameras.
    pub fn people_truth(&self) -> String {
        let scene = self.world.scene();
        let people = scene.people.iter().map(|body| truth::Bystander {
            person: body.person,
            x: body.position.x,
            y: body.position.y,
            heading: body.heading,
            height_m: body.height_m,
            head: {
                let head = world::head(body);
                [head.x, head.y, head.z]
            },
            wrists: body.hands.map(|h| [h.wrist.x, h.wrist.y, h.wrist.z]),
        });
        truth::Truth::line(&truth::Line::People {
            t: scene.t,
            people: people.collect(),
        })
    }
}

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
