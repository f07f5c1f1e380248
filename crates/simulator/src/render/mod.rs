//! What the shop's cameras see: a z-buffer rasteriser over the simulated shop, or over rooms drawn
//! at random for training. Sans-IO and deterministic: the same shop, seed and instants give the
//! same bytes.
//!
//! [`Renderer`] draws a [`Shop`](walkout_model::Shop) as it is in a [`Snapshot`]; [`Studio`] draws frame after frame of
//! rooms, goods and people that never were. Both tell where heads, feet and hands are ([`Frame`]).
//! `docs/concepts/rendering.md` describes the method and its limits.

mod art;
mod body;
mod cast;
mod coco;
mod codec;
mod dice;
mod domain;
mod figure;
mod label;
mod lens;
mod light;
mod look;
mod mesh;
mod packages;
mod patterns;
mod people;
mod raster;
mod sensor;
mod setting;
pub mod shards;
mod shop;
mod space;
mod studio;
mod texture;

pub use coco::Coco;
pub use domain::{Domain, Viewpoint};
pub use figure::{Figure, FigureHand, Held};
pub use label::{PersonLabel, Spot};
pub use packages::{PackageShot, Packages};
pub use sensor::{Picture, SensorConfig};
pub use shop::{RenderConfig, Renderer, Stood};
pub use studio::{Photo, Studio};

use walkout_model::StoreTime;

/// A picture and what it shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// The picture.
    pub picture: Picture,
    /// Everybody who was there, seen or not, in the scene's order.
    pub people: Vec<PersonLabel>,
}

/// Everything that a camera could see at one instant. Refilled by
/// [`Simulation::snapshot`](crate::Simulation::snapshot).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// When.
    pub t: StoreTime,
    /// Everybody inside, in a stable order.
    pub figures: Vec<Figure>,
    /// Units of goods that stand on shelves.
    pub goods: Vec<Stood>,
    /// Changes whenever `goods` does.
    pub revision: u64,
}

#[cfg(test)]
mod tests;
