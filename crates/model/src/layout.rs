//! The shop's fixed things and where they stand.
//!
//! Frames. *Floor*: metres, z up. *Fixture*: origin at the front-left corner on the floor, +x along
//! the front to the right as a shopper facing it sees it, +y from the front into the fixture.
//! *Shelf*: the fixture frame at the shelf's height. A [`Fixture`]'s pose is `floor_from_fixture`.

use crate::{CameraIx, CameraSource, FixtureIx, PlateIx, Point2, Point3, Polygon, Pose2, ShelfIx};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Everything that stands still.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Where people can be; fixtures stand inside it.
    pub floor: Polygon,
    /// Inner and outer walls.
    pub walls: Vec<(Point2, Point2)>,
    /// Gate lines.
    pub gates: Vec<Gate>,
    /// Gondolas, fridges, tables.
    pub fixtures: Vec<Fixture>,
    /// Shelves of all fixtures, fixture by fixture, bottom to top.
    pub shelves: Vec<Shelf>,
    /// Plates of all shelves, shelf by shelf, left to right.
    pub plates: Vec<Plate>,
    /// Cameras.
    pub cameras: Vec<Camera>,
    /// Where their pictures come from, in the same order; shorter where nothing more is said. Ask
    /// [`Layout::source_of`].
    pub camera_sources: Vec<Option<CameraSource>>,
    /// RFID antennas.
    pub antennas: Vec<Antenna>,
}

/// Which way people may pass a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateKind {
    /// In only.
    Entry,
    /// Out only.
    Exit,
    /// Both ways.
    Both,
}

/// A line on the floor that people cross to enter or leave. The shop lies to the left of `a → b`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Unique name.
    pub name: String,
    /// Allowed directions.
    pub kind: GateKind,
    /// One end.
    pub a: Point2,
    /// The other end.
    pub b: Point2,
}

impl Gate {
    /// The middle of the line.
    pub fn middle(&self) -> Point2 {
        (self.a + self.b) * 0.5
    }

    /// Unit vector into the shop.
    pub fn inward(&self) -> Point2 {
        let d = self.b - self.a;
        let n = d.norm().max(1e-9);
        Point2::new(-d.y / n, d.x / n)
    }
}

/// A piece of furniture with shelves.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixture {
    /// Unique name, `G1`.
    pub name: String,
    /// `floor_from_fixture`.
    pub pose: Pose2,
    /// Along the front, metres.
    pub width_m: f64,
    /// Front to back, metres.
    pub depth_m: f64,
    /// Floor to top, metres.
    pub height_m: f64,
    /// Its shelves, as indices into [`Layout::shelves`].
    pub shelves: Range<u32>,
}

impl Fixture {
    /// The rectangle it covers on the floor.
    pub fn footprint(&self) -> Polygon {
        let corners = [
            (0.0, 0.0),
            (self.width_m, 0.0),
            (self.width_m, self.depth_m),
            (0.0, self.depth_m),
        ];
        Polygon {
            corners: corners
                .iter()
                .map(|&(x, y)| self.pose.floor_from_local(Point2::new(x, y)))
                .collect(),
        }
    }
}

/// One board of a fixture.
#[derive(Clone, Debug, PartialEq)]
pub struct Shelf {
    /// Unique name, `G1/S3`.
    pub name: String,
    /// The fixture it belongs to.
    pub fixture: FixtureIx,
    /// Left end in the fixture frame, metres.
    pub x_m: f64,
    /// Front edge behind the fixture's front, metres.
    pub y_m: f64,
    /// Surface above the floor, metres.
    pub height_m: f64,
    /// Along the front, metres.
    pub width_m: f64,
    /// Front to back, metres.
    pub depth_m: f64,
    /// Its plates, as indices into [`Layout::plates`], left to right.
    pub plates: Range<u32>,
}

/// A load-cell plate.
#[derive(Clone, Debug, PartialEq)]
pub struct Plate {
    /// Unique name, `G1/S3/P07`.
    pub name: String,
    /// The shelf it lies on.
    pub shelf: ShelfIx,
    /// Left edge from the shelf's left end, metres.
    pub x_m: f64,
    /// Front edge from the shelf's front edge, metres.
    pub y_m: f64,
    /// Along the shelf, metres.
    pub width_m: f64,
    /// Front to back, metres.
    pub depth_m: f64,
    /// Full scale, grams.
    pub range_g: f64,
    /// Standard deviation of one sample at rest, grams.
    pub noise_g: f64,
    /// Least count of the converter, grams.
    pub resolution_g: f64,
}

/// A camera: pinhole intrinsics with Brown–Conrady distortion, and its pose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Unique name.
    pub name: String,
    /// Picture width, pixels.
    pub width_px: u32,
    /// Picture height, pixels.
    pub height_px: u32,
    /// Focal lengths fx, fy, pixels.
    pub focal_px: [f64; 2],
    /// Principal point cx, cy, pixels.
    pub principal_px: [f64; 2],
    /// k1, k2, p1, p2, k3 in OpenCV's order.
    pub distortion: [f64; 5],
    /// Optical centre in the floor frame.
    pub position: Point3,
    /// Heading of the optical axis on the floor, radians from +x.
    pub yaw: f64,
    /// Angle of the optical axis below the horizon, radians; π/2 looks straight down.
    pub pitch: f64,
    /// Turn of the picture about the optical axis, radians.
    pub roll: f64,
}

/// An RFID antenna.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Antenna {
    /// Unique name.
    pub name: String,
    /// Where it hangs.
    pub position: Point3,
    /// Reading range, metres.
    pub range_m: f64,
}

impl Layout {
    /// The shelf a plate lies on.
    pub fn shelf_of(&self, plate: PlateIx) -> ShelfIx {
        self.plates[plate.usize()].shelf
    }

    /// The plates of a shelf, left to right.
    pub fn plates_of(&self, shelf: ShelfIx) -> impl Iterator<Item = PlateIx> + use<> {
        self.shelves[shelf.usize()].plates.clone().map(PlateIx)
    }

    /// A point on a shelf — metres from its left end and front edge, and above its surface — in
    /// the floor frame.
    pub fn floor_from_shelf(&self, shelf: ShelfIx, x_m: f64, y_m: f64, up_m: f64) -> Point3 {
        let s = &self.shelves[shelf.usize()];
        let fixture = &self.fixtures[s.fixture.usize()];
        fixture
            .pose
            .floor_from_local(Point2::new(s.x_m + x_m, s.y_m + y_m))
            .at_height(s.height_m + up_m)
    }

    /// Where a camera's pictures come from, if the shop says so.
    pub fn source_of(&self, camera: CameraIx) -> Option<&CameraSource> {
        self.camera_sources.get(camera.usize())?.as_ref()
    }

    /// The middle of a plate's surface in the floor frame.
    pub fn plate_centre(&self, plate: PlateIx) -> Point3 {
        let p = &self.plates[plate.usize()];
        self.floor_from_shelf(
            p.shelf,
            p.x_m + p.width_m / 2.0,
            p.y_m + p.depth_m / 2.0,
            0.0,
        )
    }
}
