//! The words the whole shop speaks: ids, money, mass, store time, layout, planogram, catalogue,
//! what devices observe and what the estimators conclude.
//!
//! Sensors, perception, fusion and the ledger never import each other; they meet as these types.
//! Nothing here does input or output (the `files` module, which reads a shop folder, excepted).

pub mod camera;
pub mod catalogue;
pub mod event;
pub mod files;
pub mod frame;
pub mod geometry;
pub mod gtin;
pub mod id;
pub mod layout;
pub mod mass;
pub mod money;
pub mod observation;
pub mod planogram;
pub mod question;
pub mod shop;
pub mod sight;
pub mod sighting;
pub mod source;
pub mod time;

pub use camera::{CalibrationError, OpenCvCalibration, Pixel, Ray, View};
pub use catalogue::{Catalogue, Product, TaxClass};
pub use event::{
    Alternative, AttributedMovement, CalibrationFault, CameraFault, CameraHealth, Decision,
    Disturbance, Evidence, Factor, Hand, Look, Passed, PlateDelta, PlateFault, PlateHealth,
    SeenMove, SessionExit, ShelfTouch, WeightStep, Who,
};
pub use frame::{CameraFrame, FrameError};
pub use geometry::{Point2, Point3, Polygon, Pose2};
pub use gtin::Gtin;
pub use id::{
    AntennaIx, CameraIx, CustomerId, FixtureIx, GateIx, LaneIx, MovementId, PlateIx, SessionId,
    ShelfIx, SkuIx, TrackId,
};
pub use layout::Layout;
pub use mass::Mass;
pub use money::{Currency, Money};
pub use observation::{
    APPEARANCE_MAX, FOREIGN_SHARE, GateCrossing, GateDirection, ItemLook, LoadSample, PartyKind,
    SessionOpened, TrackPoint, Wrist,
};
pub use planogram::{Lane, Planogram};
pub use question::Question;
pub use shop::Shop;
pub use sight::Obstacles;
pub use sighting::{SeenColumn, SeenFacing, SeenHand, SeenItem, SeenPerson, ShelfSight, Sighting};
pub use source::{CameraSource, CameraSourceError};
pub use time::{StoreTime, TimeDelta};
