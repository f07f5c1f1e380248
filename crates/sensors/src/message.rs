//! The JSON messages of the bus. Names and units are those of `docs/reference/bus.md`; times are
//! seconds since 1970-01-01T00:00:00Z, places are metres in the floor frame.

use serde::{Deserialize, Serialize};
use walkout_model::{CameraHealth, GateDirection, Gtin};

/// A hand, as `track` carries it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WristMessage {
    /// East, metres.
    pub x: f64,
    /// North, metres.
    pub y: f64,
    /// Up, metres.
    pub z: f64,
    /// Standard deviation along each axis, metres.
    pub sd: f32,
    /// The detector's confidence, 0–1.
    pub conf: f32,
}

/// One person of a `track` message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonMessage {
    /// When the frames were taken, if not at the message's own `t`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<f64>,
    /// The tracker's number.
    pub id: u64,
    /// East, metres.
    pub x: f64,
    /// North, metres.
    pub y: f64,
    /// Standard deviation along each axis, metres.
    pub sd: f32,
    /// Hands that were seen, at most two.
    #[serde(default)]
    pub wrists: Vec<WristMessage>,
    /// What the person looks like, if a look was taken: a whitened vector.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub look: Vec<f32>,
}

/// `track`: everybody in one set of frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackMessage {
    /// When the frames were taken.
    pub t: f64,
    /// The people.
    pub people: Vec<PersonMessage>,
}

/// One look of a `look` message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookEntry {
    /// When the frame was taken.
    pub t: f64,
    /// The track the hand was given to.
    pub track: u64,
    /// The hand: east, metres.
    pub x: f64,
    /// The hand: north, metres.
    pub y: f64,
    /// The hand: up, metres.
    pub z: f64,
    /// GTINs with their probabilities, most probable first; what is missing to 1 is all others'.
    pub skus: Vec<(Gtin, f32)>,
    /// How probably it is nothing that the shop sells, from a classifier that can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<f32>,
}

/// `look`: what the classifier saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookMessage {
    /// The looks.
    pub looks: Vec<LookEntry>,
}

/// Somebody in a picture, as `camera` carries it. Places are pixels of the camera's calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenPersonMessage {
    /// The head's middle, from the left, pixels.
    pub u: f64,
    /// And from the top.
    pub v: f64,
    /// Standard deviation along each axis, pixels.
    pub sd: f64,
    /// Where the person stands, from the left and the top, pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foot: Option<[f64; 2]>,
    /// Its standard deviation, pixels.
    #[serde(default = "foot_sd")]
    pub foot_sd: f64,
    /// The network's confidence, 0–1.
    pub conf: f32,
    /// What the person wears: a whitened vector.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub look: Vec<f32>,
}

fn foot_sd() -> f64 {
    20.0
}

/// A hand in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenHandMessage {
    /// From the left, pixels.
    pub u: f64,
    /// From the top.
    pub v: f64,
    /// Standard deviation along each axis, pixels.
    pub sd: f64,
    /// The owner's head, pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<[f64; 2]>,
    /// The radius of that head, pixels.
    pub radius: f64,
    /// The network's confidence, 0–1.
    pub conf: f32,
}

/// What a hand seems to hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenItemMessage {
    /// The hand, from the left, pixels.
    pub u: f64,
    /// And from the top.
    pub v: f64,
    /// How large a metre is there, pixels.
    pub px_per_m: f32,
    /// GTINs with their probabilities, most probable first; what is missing to 1 is all others'.
    pub skus: Vec<(Gtin, f32)>,
}

/// `camera/<camera>`: what the camera's networks found in one picture, or what is wrong with the camera.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CameraMessage {
    /// When the picture was taken, or the fault noticed.
    pub t: f64,
    /// How the camera fares, if it is at fault: then nothing else counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<CameraHealth>,
    /// People.
    #[serde(default)]
    pub people: Vec<SeenPersonMessage>,
    /// Hands.
    #[serde(default)]
    pub hands: Vec<SeenHandMessage>,
    /// What hands near shelves hold.
    #[serde(default)]
    pub held: Vec<SeenItemMessage>,
}

/// One facing of a `shelf` message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenFacingMessage {
    /// The lane's name.
    pub lane: String,
    /// Its column, from the left; the first is 1.
    pub facing: u32,
    /// Probability that nothing stands in its front half.
    pub gap: f64,
    /// Probability that another product stands in front.
    pub wrong: f64,
    /// Size of the foremost front in the picture, pixels: of several cameras those that see it largest are believed.
    pub px: f64,
    /// GTINs of what stands there if another product does, with their probabilities, most probable first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<(Gtin, f32)>,
}

/// One column of a `shelf` message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenColumnMessage {
    /// The lane's name.
    pub lane: String,
    /// Which column, from the left; the first is 1.
    pub facing: u32,
    /// How many units those that are asked about stand on.
    #[serde(default)]
    pub level: u32,
    /// Natural log weight of each row that the foremost unit may stand in, the foremost first, and last of none.
    pub rows: Vec<f32>,
}

/// `shelf/<camera>`: what a camera before a shelf sees of the facings there in one picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShelfMessage {
    /// When the picture was taken.
    pub t: f64,
    /// The facings that it sees well enough.
    #[serde(default)]
    pub facings: Vec<SeenFacingMessage>,
    /// The columns whose rows it sees well enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<SeenColumnMessage>,
}

/// `gate/<gate>`: one thing that happened at a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum GateMessage {
    /// The light barrier was crossed.
    Cross {
        /// When.
        t: f64,
        /// Which way.
        direction: GateDirection,
        /// The gate's own count, so that two crossings at one instant are two messages.
        #[serde(default)]
        n: u64,
    },
    /// A phone showed a code.
    Scan {
        /// When.
        t: f64,
        /// The code's text.
        code: String,
        /// The gate's own count.
        #[serde(default)]
        n: u64,
    },
}

/// `gate/<gate>/answer`: what the shop says to a scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateAnswer {
    /// Whether to open.
    pub open: bool,
    /// The session that was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// How many people to let pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u8>,
    /// Why the gate stays shut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
