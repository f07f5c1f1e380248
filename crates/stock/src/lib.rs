//! Shelf levels as a view of the ledger.
//!
//! [`ShelfLevels`] can be thrown away and rebuilt at any time: it is the lane accounts, read with the
//! planogram beside them. Goods under a lane's account that are not the lane's own SKU are
//! misplaced there; goods under a shelf's name lie on that shelf outside every lane.

mod levels;

pub use levels::{LaneLevel, Misplaced, ShelfLevel, ShelfLevels};
