//! From pixels to people and what they hold.
//!
//! [`CameraEye`] is one camera's share and can run anywhere: a picture goes in, a
//! [`Sighting`](walkout_model::Sighting) comes out (heads, feet, hands, clothes, things in hands). [`Watch`] is the shop's share: the sightings of all cameras at one instant
//! go in, people on the floor with their hands and item looks come out. `docs/concepts/eyes.md` says how and how well.
//!
//! Sans-IO and deterministic, as everything here.

mod backdrop;
mod camera;
mod clothes;
mod colours;
mod facings;
mod gather;
mod held;
mod watch;

pub use backdrop::Backdrop;
pub use camera::{CameraEye, EyeError, EyeSettings, Finder, PeopleNetworks};
pub use facings::{
    ColumnRows, FacingCounters, FacingCut, FacingState, FacingWatch, MoveSettings, MoveWatch,
    RowEvidence, ScanError, ScanNetworks, ScanSettings, ShelfCuts, ShelfScan, Verdict,
    WatchedFacing, WatchedLane, judge,
};
pub use gather::{Gather, GatherCounters, GatherSettings};
pub use held::{HeldSettings, ItemEye};
pub use watch::{Watch, WatchCounters, WatchSettings, Watched};

#[cfg(test)]
mod tests;
