//! What the estimators conclude: weight steps (perception), attributed movements (fusion).

use crate::{CameraIx, Gtin, LaneIx, MovementId, PlateIx, SessionId, ShelfIx, SkuIx, StoreTime};
use serde::{Deserialize, Serialize};

/// The share of a step on one plate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlateDelta {
    /// Which plate.
    pub plate: PlateIx,
    /// Settled mass after minus before, grams.
    pub delta_g: f32,
    /// Standard deviation of that difference, grams.
    pub sigma_g: f32,
}

/// The mass on one shelf changed from one rest to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightStep {
    /// Counts the steps of a run, in order of `known_at`.
    pub serial: u64,
    /// The serial of an earlier step that this one supersedes: the shelf was read while it still
    /// moved, and is known better now. A change of 0 g on no plate takes it back altogether.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<u64>,
    /// Where.
    pub shelf: ShelfIx,
    /// When the shelf left its old rest.
    pub t_start: StoreTime,
    /// When the mass crossed halfway to its new rest for the last time: the lift or the setting down.
    pub t_change: StoreTime,
    /// When it came to its new rest.
    pub t_end: StoreTime,
    /// When enough was known to say so (`t_end` plus the detector's delay).
    pub known_at: StoreTime,
    /// Change over all plates, grams; negative when something was taken.
    pub delta_g: f32,
    /// Standard deviation of `delta_g`, grams.
    pub sigma_g: f32,
    /// Plates that changed by more than their noise explains, left to right.
    pub plates: Vec<PlateDelta>,
    /// The shelf's sum around the step for the record: (milliseconds after `t_start`, grams), ≤ 64 points.
    pub curve: Vec<(i32, f32)>,
    /// Where cameras saw it, if it is they who say so and not plates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<SeenMove>,
}

/// A column of a lane in which cameras saw goods move.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenMove {
    /// The lane.
    pub lane: LaneIx,
    /// The column's middle, from the shelf's left end, metres.
    pub x_m: f64,
    /// How wide it is, metres.
    pub width_m: f64,
}

/// A shelf was disturbed and came back to the mass it had: a touch, a lean, a passer-by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShelfTouch {
    /// Where.
    pub shelf: ShelfIx,
    /// When it began.
    pub t_start: StoreTime,
    /// When it was over.
    pub t_end: StoreTime,
    /// Largest departure from rest, grams.
    pub peak_g: f32,
}

/// Plates side by side that were disturbed for long and came back to what they bore, or nearly so: a hand that pressed, or goods that
/// one person put there and another took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disturbance {
    /// Counts with the steps of the shop from 1.
    pub serial: u64,
    /// Where.
    pub shelf: ShelfIx,
    /// When it began.
    pub t_start: StoreTime,
    /// When it was over.
    pub t_end: StoreTime,
    /// When that was known.
    pub known_at: StoreTime,
    /// The plates, in the layout's order, each with how far it was off its rest on average while the disturbance was strong,
    /// grams.
    pub plates: Vec<(PlateIx, f32)>,
    /// What they bear now more than before, grams: little, as between two units of one product.
    pub left_g: f32,
    /// How far these plates together were off their rest: (milliseconds after `t_start`, grams), every 50 ms, ≤ 128 points.
    pub course: Vec<(i32, f32)>,
}

/// How a plate fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlateHealth {
    /// Samples arrive and vary as noise does.
    Good,
    /// No samples.
    Dead,
    /// The same value again and again while neighbours vary.
    Stuck,
    /// At or beyond full scale.
    Overload,
}

/// A plate's health changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlateFault {
    /// When it was noticed.
    pub t: StoreTime,
    /// Which plate.
    pub plate: PlateIx,
    /// What it is now.
    pub health: PlateHealth,
}

/// How a camera fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraHealth {
    /// Pictures come, change, and show the place they always showed.
    Good,
    /// No pictures.
    Silent,
    /// Pictures come and are all the same, down to the noise.
    Frozen,
    /// Nearly black all over.
    Dark,
    /// Nearly white all over.
    Bright,
    /// The background stands elsewhere in the picture than it did: the calibration is wrong now.
    Moved,
    /// The picture has another shape than the calibration says.
    Misshapen,
}

/// A camera's health changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraFault {
    /// When it was noticed.
    pub t: StoreTime,
    /// Which camera.
    pub camera: CameraIx,
    /// What it is now.
    pub health: CameraHealth,
}

/// A camera's calibration stopped holding, or holds again: its rays miss what the others see, always the same way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationFault {
    /// When it was noticed.
    pub t: StoreTime,
    /// Which camera.
    pub camera: CameraIx,
    /// It is off; false: it is right again.
    pub off: bool,
    /// How far it is turned from where its calibration says, degrees.
    pub angle_deg: f32,
    /// What that makes at people's usual distance from it, metres.
    pub miss_m: f32,
    /// Sightings of people by this and other cameras that say so.
    pub sightings: u32,
}

impl CalibrationFault {
    /// What staff are told.
    pub fn message(&self, camera: &str) -> String {
        if !self.off {
            return format!("camera {camera} agrees with the others again");
        }
        format!(
            "camera {camera} is off by {:.1}° / {:.0} cm: calibrate again (walkout calibrate)",
            self.angle_deg,
            100.0 * self.miss_m
        )
    }
}

/// Who made a movement, as fusion sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// A party that entered under a code (shoppers or staff).
    Session(SessionId),
    /// Somebody in the shop whom no code let in, or nobody that was seen.
    Unknown,
}

/// One explanation of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// Who.
    pub who: Who,
    /// What. `None` is a thing that is not in the catalogue, or no goods at all.
    pub sku: Option<SkuIx>,
    /// Units to the person: positive when taken, negative when put back.
    pub quantity: i32,
    /// Calibrated probability of the whole explanation.
    pub probability: f32,
}

/// What one kind of evidence said for the explanation that was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// `mass`, `place`, `reach`, `look`, `cart`, `stock`, `prior`, `handed`.
    pub name: String,
    /// Natural log of its odds against the runner-up that differs.
    pub log_odds: f32,
}

/// Why a movement was concluded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The steps it explains (`WeightStep::serial`).
    pub steps: Vec<u64>,
    /// Change of mass in milligrams and its standard deviation.
    pub delta_mg: i64,
    /// Standard deviation of `delta_mg`.
    pub sigma_mg: i64,
    /// What each factor said.
    pub factors: Vec<Factor>,
    /// The shelf's sum around the step: (milliseconds after its start, grams).
    pub curve: Vec<(i32, f32)>,
    /// From when to when the goods may have moved, where the shelf was not seen at that instant (a
    /// plate that had failed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<(StoreTime, StoreTime)>,
    /// From when to when the shelf was disturbed, where the goods came and went, so that it bears what it bore before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_and_went: Option<(StoreTime, StoreTime)>,
    /// When the one came in who did it, where that was surely somebody whom no code let in: movements with the same are of
    /// one visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stranger: Option<StoreTime>,
    /// For each alternative of the movement, in their order: natural log of the odds of the chosen
    /// explanation against it, by kind of evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<Vec<Factor>>,
    /// Hands in which the goods may have passed on afterwards, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handed: Vec<Passed>,
    /// Whose hands were near, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hands: Vec<Hand>,
    /// What cameras saw in the hands that were near, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Look>,
}

/// Goods that may have passed from one person's hand into another's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passed {
    /// When.
    pub t: StoreTime,
    /// Who gave them.
    pub from: Who,
    /// Who was given them, and pays if they leave with them.
    pub to: Who,
    /// How probably, 0–1.
    pub probability: f32,
}

/// Somebody near the goods when they moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hand {
    /// Who that most probably was.
    pub who: Who,
    /// How probably, 0–1.
    pub probability: f32,
    /// When the hand was nearest.
    pub t: StoreTime,
    /// From the nearest wrist to where the goods stood, metres; none if no wrist was in sight.
    pub wrist_m: Option<f32>,
    /// From the body to the shelf's edge before the goods, metres.
    pub body_m: f32,
}

/// What a camera took the thing in a hand for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Whose hand that most probably was.
    pub who: Who,
    /// When.
    pub t: StoreTime,
    /// The most probable products with their probabilities.
    pub guesses: Vec<(Gtin, f32)>,
}

/// What to do with a movement, by expected cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Record it: the cart and the lane change.
    Accept,
    /// A person must settle it; until then it stands in the review account.
    Review,
    /// Nothing moved, or it is cheaper to let go than to ask.
    LeaveOff,
}

/// Fusion's conclusion about one step or a part of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributedMovement {
    /// The same for the same recording.
    pub id: MovementId,
    /// When the goods moved.
    pub t: StoreTime,
    /// When it was concluded.
    pub known_at: StoreTime,
    /// Where.
    pub shelf: ShelfIx,
    /// The lane, where the goods belong to one on that shelf.
    pub lane: Option<LaneIx>,
    /// The most probable explanation.
    pub best: Alternative,
    /// The others that matter, most probable first; with `best` they sum to at most 1.
    pub alternatives: Vec<Alternative>,
    /// What is to be done.
    pub decision: Decision,
    /// A movement that this one replaces, if a later look changed the conclusion.
    pub supersedes: Option<MovementId>,
    /// Why.
    pub evidence: Evidence,
}

/// A party left the shop, as fusion sees it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionExit {
    /// The party.
    pub session: SessionId,
    /// When the last of them crossed the gate line, or was seen last if nothing saw them leave.
    pub t: StoreTime,
    /// When it was concluded; no movement of the session follows.
    pub known_at: StoreTime,
    /// Probability that it was this party.
    pub probability: f32,
}
