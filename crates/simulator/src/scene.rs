//! What is physically so in the shop at one instant: the seam between the world (people, goods,
//! actions) and the devices (load cells, trackers, classifiers, gates) that report on it.

use walkout_model::{
    FixtureIx, GateDirection, GateIx, PartyKind, PlateIx, Point2, Point3, SkuIx, StoreTime,
};

/// One instant of the world, refilled each tick of 1/60 s.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// Now.
    pub t: StoreTime,
    /// Everybody inside (or just at the gate), in a stable order.
    pub people: Vec<Body>,
    /// Mass of the goods (and bags) at rest on each plate, grams, by [`PlateIx`].
    pub goods_g: Vec<f64>,
    /// Forces by hands and elbows this instant, in grams of apparent mass; negative while lifting.
    pub pushes: Vec<(PlateIx, f64)>,
    /// Knocks that begin this instant: something set down or let go.
    pub impacts: Vec<Impact>,
    /// Bumps of a whole gondola that begin this instant.
    pub bumps: Vec<Bump>,
    /// Somebody crosses a gate line this instant.
    pub crossings: Vec<(GateIx, GateDirection)>,
    /// A phone is held to a gate's reader this instant.
    pub scans: Vec<Scan>,
    /// Mistakes that a scenario asks of the tracker, which begin this instant.
    pub track_faults: Vec<TrackFault>,
}

/// A person as a camera would see them.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// Stable over the visit; never leaves the simulator.
    pub person: u32,
    /// On the floor.
    pub position: Point2,
    /// Velocity, m/s.
    pub velocity: Point2,
    /// Facing, radians from +x.
    pub heading: f64,
    /// Height, metres (children are short).
    pub height_m: f64,
    /// Whether they wear the shop's clothes.
    pub uniform: bool,
    /// Both hands.
    pub hands: [Hand; 2],
}

/// A hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hand {
    /// The wrist in the floor frame.
    pub wrist: Point3,
    /// What it holds, if anything: the SKU, or `None` in `Some(None)` for a thing not in the catalogue.
    pub holds: Option<Option<SkuIx>>,
    /// Whether it is within reach of a shelf, so that a shelf-side camera would look at it.
    pub at_shelf: bool,
}

/// A knock on a plate, which makes the shelf ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Impact {
    /// Where.
    pub plate: PlateIx,
    /// First swing in grams of apparent mass (5–41 g σ for a second or two after a take).
    pub amplitude_g: f64,
}

/// A bump of a rack, which shakes all its shelves together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bump {
    /// Which fixture.
    pub fixture: FixtureIx,
    /// σ of the shaking on a shelf's sum, grams (29–119 for a real bump, 4–20 for a passer-by).
    pub sigma_g: f64,
    /// How long it lasts, seconds.
    pub seconds: f64,
}

/// A code shown to a gate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan {
    /// At which gate.
    pub gate: GateIx,
    /// Whose phone.
    pub phone: u32,
    /// How many people enter under the code.
    pub people: u8,
    /// Shoppers or staff.
    pub kind: PartyKind,
}

/// A mistake that a scenario asks of the tracker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TrackFault {
    /// It exchanges two people's tracks.
    Swap {
        /// One ([`Body::person`]).
        a: u32,
        /// The other.
        b: u32,
    },
    /// It loses a person until then and finds them under a new number.
    Lost {
        /// Whom ([`Body::person`]).
        person: u32,
        /// When it finds them again.
        until: StoreTime,
    },
}
