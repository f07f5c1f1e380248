//! What one camera sees at one instant, as its networks tell it: what a camera worker sends to the shop.

use crate::{CameraIx, LaneIx, Pixel, SkuIx, StoreTime};
use serde::{Deserialize, Serialize};

/// One camera's findings in one picture. All pixels are those of the camera's calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// Which camera, by its place in the shop's layout.
    pub camera: CameraIx,
    /// When the picture was taken.
    pub t: StoreTime,
    /// People.
    pub people: Vec<SeenPerson>,
    /// Hands.
    pub hands: Vec<SeenHand>,
    /// What hands near shelves seem to hold.
    pub held: Vec<SeenItem>,
}

/// Somebody in a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenPerson {
    /// The head's middle.
    pub head: Pixel,
    /// Its standard deviation along each axis, pixels.
    pub head_sigma_px: f64,
    /// Where the person stands, if that is seen.
    pub foot: Option<Pixel>,
    /// Its standard deviation along each axis, pixels.
    pub foot_sigma_px: f64,
    /// How sure the network is, 0–1.
    pub score: f32,
    /// What they wear, whitened (see [`TrackPoint::appearance`](crate::TrackPoint::appearance)); may be empty.
    pub look: Vec<f32>,
}

/// A hand in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenHand {
    /// Its middle.
    pub at: Pixel,
    /// Its standard deviation along each axis, pixels.
    pub sigma_px: f64,
    /// Its owner's head, if the network says whose it is.
    pub owner: Option<Pixel>,
    /// The radius of that head, which is also how well it is placed, pixels.
    pub owner_radius_px: f64,
    /// How sure the network is, 0–1.
    pub score: f32,
}

/// What is in a hand, as one camera sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenItem {
    /// The hand.
    pub at: Pixel,
    /// How large a metre is there, pixels: of several cameras the one that sees it largest is believed.
    pub px_per_m: f32,
    /// The most probable SKUs with their probabilities; what is missing to 1 belongs to all others.
    pub skus: Vec<(SkuIx, f32)>,
}

impl Sighting {
    /// A camera that works and sees nobody.
    pub fn empty(camera: CameraIx, t: StoreTime) -> Self {
        Self {
            camera,
            t,
            people: Vec::new(),
            hands: Vec::new(),
            held: Vec::new(),
        }
    }
}

/// What a camera before a shelf sees of the facings there in one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShelfSight {
    /// Which camera, by its place in the shop's layout.
    pub camera: CameraIx,
    /// When the picture was taken.
    pub t: StoreTime,
    /// The facings that it sees well enough, whether or not somebody stood before them.
    pub facings: Vec<SeenFacing>,
    /// The columns whose rows it sees well enough, in the same way.
    pub columns: Vec<SeenColumn>,
}

/// What one picture says of a facing: one column of a lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenFacing {
    /// The lane.
    pub lane: LaneIx,
    /// Its column, from the left.
    pub facing: u32,
    /// Natural log of the odds that nothing stands in its front half.
    pub gap: f64,
    /// And that another product stands in front.
    pub wrong: f64,
    /// Size of the foremost front in the picture, pixels.
    pub px: f64,
    /// What stands there if another product does: the likeliest SKUs of all. Nothing where that is out of the question.
    pub seems: Vec<(SkuIx, f32)>,
}

/// What one picture says of the row that a column's foremost unit stands in, on the board or upon others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenColumn {
    /// The lane.
    pub lane: LaneIx,
    /// Its column, from the left.
    pub facing: u32,
    /// How many units those that are asked about stand on: 0 for those on the board.
    pub level: u32,
    /// Natural log weight of each row, the foremost first, and last of none: an empty column. The same view gives the same weights,
    /// so that they also tell whether anything has changed.
    pub rows: Vec<f32>,
}

impl ShelfSight {
    /// A camera that works and has nothing new to tell.
    pub fn empty(camera: CameraIx, t: StoreTime) -> Self {
        Self {
            camera,
            t,
            facings: Vec::new(),
            columns: Vec::new(),
        }
    }
}
