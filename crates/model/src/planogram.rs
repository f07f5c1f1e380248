//! Which SKU belongs where.

use crate::{LaneIx, PlateIx, ShelfIx, SkuIx};

/// The place of one SKU on one shelf.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Unique name, `G1/S3/L02`.
    pub name: String,
    /// The shelf.
    pub shelf: ShelfIx,
    /// Left edge from the shelf's left end, metres.
    pub x_m: f64,
    /// Along the shelf, metres.
    pub width_m: f64,
    /// What belongs there.
    pub sku: SkuIx,
    /// Columns of units side by side, as the shopper sees them.
    pub facings: u32,
    /// Most units it holds.
    pub capacity: u32,
    /// The plates it lies on, left to right.
    pub plates: Vec<PlateIx>,
}

/// All lanes, shelf by shelf, left to right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planogram {
    /// The lanes; [`LaneIx`] counts them.
    pub lanes: Vec<Lane>,
}

impl Planogram {
    /// One lane.
    pub fn get(&self, lane: LaneIx) -> Option<&Lane> {
        self.lanes.get(lane.usize())
    }

    /// The lanes of a shelf.
    pub fn on_shelf(&self, shelf: ShelfIx) -> impl Iterator<Item = (LaneIx, &Lane)> + '_ {
        self.lanes
            .iter()
            .enumerate()
            .filter(move |(_, lane)| lane.shelf == shelf)
            .map(|(i, lane)| (LaneIx::from(i), lane))
    }

    /// The lane by its name.
    pub fn find(&self, name: &str) -> Option<LaneIx> {
        self.lanes
            .iter()
            .position(|lane| lane.name == name)
            .map(LaneIx::from)
    }
}
