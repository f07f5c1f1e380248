//! What devices say, once decoded. Nothing here knows the truth: each is what a real load cell,
//! tracker, classifier or gate would report, noise and mistakes included.

use crate::{GateIx, PlateIx, Point2, Point3, SessionId, SkuIx, StoreTime, TrackId};
use serde::{Deserialize, Serialize};

/// One reading of one load-cell plate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadSample {
    /// When it was taken, by the fixture's clock.
    pub t: StoreTime,
    /// Which plate.
    pub plate: PlateIx,
    /// Grams, tare removed, finite.
    pub grams: f32,
}

/// A hand seen by the cameras. Left and right cannot be told apart from above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wrist {
    /// In the floor frame.
    pub position: Point3,
    /// Standard deviation along each axis, metres.
    pub sigma_m: f32,
    /// The detector's confidence, 0–1.
    pub confidence: f32,
}

/// Where the multi-camera tracker believes a person to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackPoint {
    /// When the frames were taken.
    pub t: StoreTime,
    /// The tracker's number for the person: fragments and swaps happen.
    pub track: TrackId,
    /// On the floor.
    pub position: Point2,
    /// Standard deviation along each axis, metres.
    pub sigma_m: f32,
    /// Hands that were seen, at most two.
    pub wrists: Vec<Wrist>,
    /// What the person looks like to the cameras in these frames, if a look was taken: a vector of any
    /// length ≤ [`APPEARANCE_MAX`], the same for all of a shop, whitened so that people differ by a
    /// standard deviation of 1 along each axis. Never a face; forgotten with the session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub appearance: Vec<f32>,
}

/// Longest vector of appearance.
pub const APPEARANCE_MAX: usize = 512;

/// What a classifier says of the thing in a hand near a shelf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemLook {
    /// When the frame was taken.
    pub t: StoreTime,
    /// The track the hand was given to.
    pub track: TrackId,
    /// The hand, in the floor frame.
    pub hand: Point3,
    /// The most probable SKUs with their probabilities; what is missing to 1 belongs to all others.
    pub posterior: Vec<(SkuIx, f32)>,
    /// How probably it is nothing that the shop sells, with [`FOREIGN_SHARE`] of such things expected beforehand; it is part of
    /// what is missing to 1. `None` from a classifier that cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<f32>,
}

/// How many of the things that classifiers see they take for nothing that the shop sells, before they look.
pub const FOREIGN_SHARE: f64 = 0.02;

/// Which way a gate's light barrier was crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateDirection {
    /// Into the shop.
    In,
    /// Out of the shop.
    Out,
}

/// Somebody crossed a gate line. The gate does not know who.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateCrossing {
    /// When.
    pub t: StoreTime,
    /// Where.
    pub gate: GateIx,
    /// Which way.
    pub direction: GateDirection,
}

/// Whose code opened a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartyKind {
    /// Shoppers: what they keep is charged.
    Shopper,
    /// Staff: what they move is back room and lanes.
    Staff,
}

/// Checkout accepted a code at a gate: the next `people` to cross it inward belong to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOpened {
    /// When the code was scanned.
    pub t: StoreTime,
    /// At which gate.
    pub gate: GateIx,
    /// The session.
    pub session: SessionId,
    /// How many people enter under the code.
    pub people: u8,
    /// Shoppers or staff.
    pub kind: PartyKind,
}
