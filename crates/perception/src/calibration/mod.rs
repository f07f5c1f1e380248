//! How a camera sees, from pictures of things whose shape or place is known.
//!
//! The lens comes from pictures of a checkerboard ([`Checkerboard::find`], [`calibrate_lens`]); the place where the camera
//! hangs from AprilTags on the floor ([`find_tags`]) or marked points ([`calibrate_pose`]). Every number comes with
//! its standard deviation. `docs/reference/calibrate.md` says how to take the pictures and what was measured.

#![allow(
    clippy::needless_range_loop,
    reason = "matrices read as the formulas do, by their indices"
)]

mod adjust;
mod checkerboard;
mod grey;
mod intrinsics;
mod lens;
mod linear;
mod monitor;
#[cfg(test)]
mod monitor_tests;
mod pose;
pub mod print;
mod quads;
mod saddles;
pub mod synthetic;
mod tag36h11;
mod tags;
#[cfg(test)]
mod tests;
mod turns;

pub use checkerboard::{BoardCorner, BoardError, CORNERS_MIN, Checkerboard, FoundBoard};
pub use grey::GreyPicture;
pub use intrinsics::{BoardView, LensCalibration, LensError, VIEWS_MIN, ViewFit, calibrate_lens};
pub use lens::{LENS_PARAMETERS, Lens, TargetPose};
pub use linear::Matrix3;
pub use monitor::{Alignment, CalibrationMonitor, MonitorSettings};
pub use pose::{
    MARKS_CHECKED, MARKS_MIN, Mark, MarkFit, PoseCalibration, PoseError, PoseOptions,
    calibrate_pose,
};
pub use tags::{FoundTag, TAG_CELLS, TAGS, find_tags, tag_is_white};
