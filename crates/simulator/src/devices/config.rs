//! How good the devices are. Every default is documented with its source; `docs/concepts/simulator-devices.md`
//! has the equations.

use std::str::FromStr;
use walkout_model::{FOREIGN_SHARE, PlateIx, StoreTime};

/// How good, or bad, the devices of a shop are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceConfig {
    /// Load cells.
    pub load: LoadConfig,
    /// The multi-camera tracker.
    pub tracker: TrackerConfig,
    /// The classifier of things in hands.
    pub looks: LooksConfig,
    /// Gates.
    pub gates: GateConfig,
    /// Plates that fail, and when.
    pub faults: Vec<Fault>,
}

impl DeviceConfig {
    /// Devices on a bad day, for adversarial shops: a crowd-worn tracker, a classifier of 70 %
    /// and racks that shake more. The load cells' own errors stay: they are the hardware's.
    pub fn hard() -> Self {
        let mut config = Self::default();
        config.load.walk_sigma_g *= 1.3;
        config.load.late *= 2.0;
        config.tracker.swap_per_s *= 1.5;
        config.tracker.lost_per_s *= 1.5;
        config.tracker.wrist_recall_many = 0.7;
        config.tracker.wrist_wrong_owner = 0.08;
        config.looks.top1 = 0.7;
        config
    }

    /// The same devices with one sense that errs no more. How much each sense's errors cost is seen so;
    /// whoever listens is not told and trusts it no more than before. Noise of places stays.
    #[must_use]
    pub fn flawless(mut self, sense: Sense) -> Self {
        let ideal = Self::ideal();
        match sense {
            Sense::People => {
                self.tracker.lost_per_s = 0.0;
                self.tracker.swap_per_s = 0.0;
                self.tracker.ghosts_per_min = 0.0;
                self.tracker.sees_all = true;
            }
            Sense::Hands => {
                self.tracker.wrist_recall_many = 1.0;
                self.tracker.wrist_recall_one = 1.0;
                self.tracker.wrist_recall_none = 1.0;
                self.tracker.wrist_wrong_owner = 0.0;
                self.tracker.wrist_false = 0.0;
            }
            Sense::Looks => self.looks = ideal.looks,
            Sense::Plates => self.load = ideal.load,
        }
        self
    }

    /// Devices that report what is so, at once, without noise or loss, for tests of what stands
    /// behind them. Quantisation and the tracker's frame rate stay.
    pub fn ideal() -> Self {
        Self {
            load: LoadConfig {
                white: 0.0,
                crosstalk: 0.0,
                hysteresis_g: 0.0,
                creep: 0.0,
                offset_sd_g: 0.0,
                span_sd_g: 0.0,
                drift_sd_g: 0.0,
                thermal_sd_g_per_k: 0.0,
                walk_sigma_g: 0.0,
                sway_rest_g: 0.0,
                sway_near_g: 0.0,
                dropped: 0.0,
                packs_lost: 0.0,
                late: 0.0,
                clock_jitter_s: 0.0,
                clock_behind_s: 0.0,
                ..LoadConfig::default()
            },
            tracker: TrackerConfig {
                latency_s: [0.0, 0.0],
                sigma_m: 0.0,
                sigma_one_view_m: 0.0,
                lost_per_s: 0.0,
                swap_per_s: 0.0,
                ghosts_per_min: 0.0,
                wrist_recall_many: 1.0,
                wrist_recall_one: 1.0,
                wrist_recall_none: 1.0,
                wrist_sigma_m: 0.0,
                wrist_depth_sigma_m: 0.0,
                wrist_wrong_owner: 0.0,
                wrist_false: 0.0,
                view_sd: 0.0,
                look_sd: 0.0,
                sees_all: true,
                ..TrackerConfig::default()
            },
            looks: LooksConfig {
                top1: 0.999,
                empty_hand: 0.0,
                sold_here_too: 0.0,
                latency_s: [0.0, 0.0],
                ..LooksConfig::default()
            },
            gates: GateConfig {
                missed: 0.0,
                doubled: 0.0,
                delay_s: [0.0, 0.0],
            },
            faults: Vec::new(),
        }
    }
}

/// What a shop senses with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// Where people are and who is who: nobody lost, taken for another, doubled or hidden.
    People,
    /// Their hands: all found, and given to their owners.
    Hands,
    /// What hands hold: nearly always known, at once.
    Looks,
    /// Load cells: no noise, no shaking, nothing lost.
    Plates,
}

/// A text that names no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown sense \"{0}\": use people, hands, looks or plates")]
pub struct UnknownSense(pub String);

impl Sense {
    /// Its name, as [`FromStr`] reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Hands => "hands",
            Self::Looks => "looks",
            Self::Plates => "plates",
        }
    }
}

impl FromStr for Sense {
    type Err = UnknownSense;

    fn from_str(text: &str) -> Result<Self, UnknownSense> {
        let all = [Self::People, Self::Hands, Self::Looks, Self::Plates];
        let named = all.into_iter().find(|sense| sense.name() == text);
        named.ok_or_else(|| UnknownSense(text.to_owned()))
    }
}

/// Load cells and the racks they stand in. Shares and probabilities are 0–1.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadConfig {
    /// White noise, as a multiple of each plate's own `noise_g`. 1.
    pub white: f64,
    /// Time constant of the cell and its filter, seconds. 0.025: a converter that settles within
    /// 50–100 ms, as those sampled at 60–80 Hz do.
    pub lag_s: f64,
    /// Share of a load that each neighbouring plate carries. 0.02: goods touch across the gap and
    /// the common board bends. No figure is published; a share above a few per cent would spoil the
    /// plate-level location that the field finds worth 76 % alone (AIM3S table).
    pub crosstalk: f64,
    /// Half width of the hysteresis loop, grams. 0.3: 0.005–0.01 % of a 5 kg cell, times friction.
    pub hysteresis_g: f64,
    /// Share of a load change that is read only after a while. 0.002: bar cells are sold with
    /// 0.02–0.1 % creep, a plastic plate and a board add to it.
    pub creep: f64,
    /// Time constant of creep, seconds. 30.
    pub creep_s: f64,
    /// Tare error, grams. 2: with span, drift and temperature three standard deviations are the
    /// ±10 g of the class published for Carrefour Flash.
    pub offset_sd_g: f64,
    /// Span error at full scale, grams. 2.
    pub span_sd_g: f64,
    /// Slow drift (Ornstein–Uhlenbeck), grams. 1.2.
    pub drift_sd_g: f64,
    /// Time constant of the slow drift, seconds. 1,800.
    pub drift_s: f64,
    /// Zero shift by temperature, grams per kelvin. 0.5.
    pub thermal_sd_g_per_k: f64,
    /// Amplitude of the shop's daily temperature, kelvin. 2.
    pub daily_k: f64,
    /// Amplitude of the compressors' and heating's cycle, kelvin. 0.4.
    pub compressor_k: f64,
    /// Period of that cycle, seconds. 900; each fixture has its own phase.
    pub compressor_s: f64,
    /// Frequencies at which shelves ring, hertz. 3–7.
    pub ring_hz: [f64; 2],
    /// Time constants with which they fade, seconds. 0.5–1.1: "a second or two" (AIM3S trace).
    pub ring_fade_s: [f64; 2],
    /// Share of a knock that stays on its plate; the rest is the whole board's. 0.5.
    pub ring_local: f64,
    /// Share of a knock that each other shelf of the rack feels. 0.08.
    pub ring_rack: f64,
    /// Middle frequencies of a rack's shaking, hertz. 3–7.
    pub shake_hz: [f64; 2],
    /// Share of a shelf's shaking, by variance, that is its rack's. 0.25–0.55, so that two shelves
    /// correlate by as much (published 0.1–0.65).
    pub shake_coupling: [f64; 2],
    /// Shaking of a shelf's sum by somebody who walks past at 1.2 m/s close by, grams. 13
    /// (published σ 4–20 g).
    pub walk_sigma_g: f64,
    /// Distance over which that fades, metres. 0.8.
    pub walk_fade_m: f64,
    /// Slow sway of a shelf's sum with nobody near, grams. 1: with the plates' white noise a shelf
    /// rests with the published σ 1.3–2.6 g.
    pub sway_rest_g: f64,
    /// Slow sway by each person who stands or walks right before the rack, grams: a floor gives and a
    /// rack tilts under them. 6: with it, mass alone names as many of AIM3S's products as published.
    pub sway_near_g: f64,
    /// Time constant of the sway (Ornstein–Uhlenbeck), seconds. 1.5.
    pub sway_s: f64,
    /// How much a plate's part of the sway differs from its part of the mass, as a share. 0.3: no
    /// board is so stiff, and no two feet so alike, that all plates share alike.
    pub sway_uneven: f64,
    /// Share of samples lost one by one. 0.002.
    pub dropped: f64,
    /// Share of a shelf's packs lost whole. 0.001.
    pub packs_lost: f64,
    /// Share of a shelf's packs that come late, after others. 0.002.
    pub late: f64,
    /// Longest lateness, seconds. 1.
    pub late_s_max: f64,
    /// Jitter of a fixture's sample clock, seconds. 0.0015.
    pub clock_jitter_s: f64,
    /// How far a fixture's clock may lag behind the shop's, seconds. 0.02.
    pub clock_behind_s: f64,
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self {
            white: 1.0,
            lag_s: 0.025,
            crosstalk: 0.02,
            hysteresis_g: 0.3,
            creep: 0.002,
            creep_s: 30.0,
            offset_sd_g: 2.0,
            span_sd_g: 2.0,
            drift_sd_g: 1.2,
            drift_s: 1_800.0,
            thermal_sd_g_per_k: 0.5,
            daily_k: 2.0,
            compressor_k: 0.4,
            compressor_s: 900.0,
            ring_hz: [3.0, 7.0],
            ring_fade_s: [0.5, 1.1],
            ring_local: 0.5,
            ring_rack: 0.08,
            shake_hz: [3.0, 7.0],
            shake_coupling: [0.25, 0.55],
            walk_sigma_g: 13.0,
            walk_fade_m: 0.8,
            sway_rest_g: 1.0,
            sway_near_g: 6.0,
            sway_s: 1.5,
            sway_uneven: 0.3,
            dropped: 0.002,
            packs_lost: 0.001,
            late: 0.002,
            late_s_max: 1.0,
            clock_jitter_s: 0.0015,
            clock_behind_s: 0.02,
        }
    }
}

/// The multi-camera tracker. Positions and errors in metres, times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackerConfig {
    /// From the frames to the report. 0.15–0.25.
    pub latency_s: [f64; 2],
    /// Position error along each axis with heads triangulated from two cameras or more. 0.06: a
    /// median of 7 cm on the plane (vision study: 7 cm over two cameras).
    pub sigma_m: f64,
    /// The same from one camera. 0.12: a median of 14 cm (vision study, foot and head ray fused).
    pub sigma_one_view_m: f64,
    /// Time over which the error persists. 0.7.
    pub error_s: f64,
    /// How much each person within a metre adds to the error, as a share. 0.2.
    pub crowding: f64,
    /// Losses per second of a person seen by two cameras or more and with nobody near. 0.015; one
    /// view doubles it, each near person adds as much again.
    pub lost_per_s: f64,
    /// Mean length of a loss. 0.6.
    pub lost_s: f64,
    /// After a loss of this length every second person comes back under a new number. 4; of
    /// those lost for a second, one in 25.
    pub forget_s: f64,
    /// Identity swaps per second while two people are within `swap_range_m`. 0.003; thrice that if
    /// either is seen by fewer than two cameras. Set with `lost_per_s` so that IDF1 over `busy` lies
    /// in the published 88–94 %.
    pub swap_per_s: f64,
    /// Reach of a swap. 0.6.
    pub swap_range_m: f64,
    /// Detections in a row before a track is reported. 3.
    pub confirm_frames: u32,
    /// Tracks of nobody, per minute: doubles of a person beside them. 0.2.
    pub ghosts_per_min: f64,
    /// Chance that a hand seen by two cameras or more is found. 0.8.
    pub wrist_recall_many: f64,
    /// The same for one camera. 0.5.
    pub wrist_recall_one: f64,
    /// The same for a hidden hand, guessed from the arm. 0.1.
    pub wrist_recall_none: f64,
    /// Wrist error along each axis. 0.026: a median of 4 cm in space (vision study: 3.7 cm).
    pub wrist_sigma_m: f64,
    /// Further error along the ray where one camera sees the hand. 0.12.
    pub wrist_depth_sigma_m: f64,
    /// Chance that a hand is given to another person within a metre. 0.05.
    pub wrist_wrong_owner: f64,
    /// Chance per report of a hand that is none. 0.005.
    pub wrist_false: f64,
    /// How much a look at somebody's clothes errs for as long as the view lasts, where people
    /// differ by 1. 0.55.
    pub view_sd: f64,
    /// How long a view lasts, seconds. 4.
    pub view_s: f64,
    /// How much each look errs beside that. 0.35.
    pub look_sd: f64,
    /// Whether cameras see through everything and everywhere, for tests. No.
    pub sees_all: bool,
}

impl Default for TrackerConfig {
    fn default() -> Self {
        Self {
            latency_s: [0.15, 0.25],
            sigma_m: 0.06,
            sigma_one_view_m: 0.12,
            error_s: 0.7,
            crowding: 0.2,
            lost_per_s: 0.015,
            lost_s: 0.6,
            forget_s: 4.0,
            swap_per_s: 0.003,
            swap_range_m: 0.6,
            confirm_frames: 3,
            ghosts_per_min: 0.2,
            wrist_recall_many: 0.8,
            wrist_recall_one: 0.5,
            wrist_recall_none: 0.1,
            wrist_sigma_m: 0.026,
            wrist_depth_sigma_m: 0.12,
            wrist_wrong_owner: 0.05,
            wrist_false: 0.005,
            view_sd: 0.55,
            view_s: 4.0,
            look_sd: 0.35,
            sees_all: false,
        }
    }
}

/// The classifier of things in hands.
#[derive(Clone, Debug, PartialEq)]
pub struct LooksConfig {
    /// Share of looks whose first guess is right. 0.8.
    pub top1: f64,
    /// Share of the error's variance that lasts for a whole hold: a classifier repeats its
    /// mistakes. 0.92: the look after a wrong one is wrong in the same way in every second case.
    pub persistence: f64,
    /// Longest list of guesses. 8.
    pub guesses: usize,
    /// Chance per visit to a shelf that an empty hand is taken for a full one. 0.03.
    pub empty_hand: f64,
    /// The classifier's prior for a thing outside the catalogue. 0.02.
    pub foreign_prior: f64,
    /// Share of people whose own thing looks just like something sold here: a drink bought elsewhere. 0.3; ours.
    pub sold_here_too: f64,
    /// From the frame to the report, seconds. 0.2–0.3: the tracker's frames and the classifier.
    pub latency_s: [f64; 2],
    /// Hands of two people so near each other are looked at wherever they are, metres. 0.4.
    pub meeting_m: f64,
    /// How long a hand that met another is still looked at, seconds. 1.5.
    pub meeting_s: f64,
}

impl Default for LooksConfig {
    fn default() -> Self {
        Self {
            top1: 0.8,
            persistence: 0.92,
            guesses: 8,
            empty_hand: 0.03,
            foreign_prior: FOREIGN_SHARE,
            sold_here_too: 0.3,
            latency_s: [0.2, 0.3],
            meeting_m: 0.4,
            meeting_s: 1.5,
        }
    }
}

/// Light barriers at the gates.
#[derive(Clone, Debug, PartialEq)]
pub struct GateConfig {
    /// Chance that a crossing is not counted. 0.002.
    pub missed: f64,
    /// Chance that one is counted twice. 0.002: a swinging bag. Our assumption, as is `missed`:
    /// people counters are sold with 98–99.5 % in the open, and a gate lets one through at a time.
    pub doubled: f64,
    /// From the crossing to the report, seconds. 0.02–0.06.
    pub delay_s: [f64; 2],
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            missed: 0.002,
            doubled: 0.002,
            delay_s: [0.02, 0.06],
        }
    }
}

/// A plate that fails for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// Which.
    pub plate: PlateIx,
    /// How.
    pub kind: FaultKind,
    /// From when.
    pub from: StoreTime,
    /// Until when.
    pub to: StoreTime,
}

/// How a plate fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// It sends nothing.
    Dead,
    /// It sends its last value again and again.
    Stuck,
    /// Its zero moves evenly by so much, and stays there.
    Drift {
        /// How far, grams.
        grams: f64,
    },
    /// It gets colder evenly, and stays cold: its zero follows by its own grams per kelvin.
    Cold {
        /// By how much, kelvins.
        kelvin: f64,
    },
}
