//! What a person means to do next, in the order they will do it.

use super::goods::{Place, UnitId};
use walkout_model::{GateIx, Point2, ShelfIx, SkuIx, StoreTime};

/// One thing to do. A person does them one after another.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Stand about, seconds.
    Wait(f64),
    /// Stand about until then.
    WaitUntil(StoreTime),
    /// Go there.
    Walk(Point2),
    /// Go where this place of a shelf can be reached, and face it.
    Approach { shelf: ShelfIx, x_m: f64 },
    /// Stay near somebody for a while.
    Follow { person: u32, seconds: f64 },
    /// Wait for one's turn at a gate.
    Queue { gate: GateIx, token: usize },
    /// Hold the phone to the gate's reader.
    Scan { gate: GateIx },
    /// Cross a gate line.
    Pass { gate: GateIx, inward: bool },
    /// Wait for others at a meeting.
    Meet { meeting: u32 },
    /// Put a hand to a shelf.
    Reach(Job),
    /// Put what the hands hold into the bag.
    Stow,
    /// Walk up to somebody and give them something.
    Give(Gift),
    /// Stand and wait to be given something.
    Receive { from: u32 },
    /// Tell the party that one is done.
    Ready,
    /// Wait until the whole party is done.
    AwaitParty,
}

/// Something for somebody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gift {
    /// Who gets it.
    pub to: u32,
    pub what: Own,
    pub units: u32,
    pub adversarial: bool,
    /// Not before then.
    pub at: Option<StoreTime>,
}

/// What a hand does at a shelf.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub deed: Deed,
    /// When the goods are to move; as soon as can be if `None`.
    pub at: Option<StoreTime>,
    pub adversarial: bool,
    /// Seconds that the goods are held half lifted.
    pub slow_s: Option<f64>,
    /// How the truth calls it.
    pub label: Label,
    /// The left (0) or the right hand (1); whichever suits if `None`.
    pub hand: Option<usize>,
    /// How often the person had to walk up to it again.
    pub tries: u8,
}

impl Job {
    /// An ordinary job.
    pub fn new(deed: Deed) -> Self {
        Self {
            deed,
            at: None,
            adversarial: false,
            slow_s: None,
            label: Label::Usual,
            hand: None,
            tries: 0,
        }
    }
}

/// How the truth calls a take or a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// By what it is.
    Usual,
    /// `restock`.
    Restock,
    /// `tidy`.
    Tidy,
}

/// What a hand does.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Takes so many units in one grab.
    Take {
        shelf: ShelfIx,
        x_m: f64,
        what: Wanted,
        units: u32,
    },
    /// Puts so many units down in one go.
    Put { what: Own, units: u32, place: Place },
    /// Presses on a shelf and takes nothing.
    Press {
        shelf: ShelfIx,
        x_m: f64,
        grams: f64,
        seconds: f64,
    },
}

/// What a person wants from a shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Any unit of a SKU.
    Sku(SkuIx),
    /// Any unit of a SKU, the nearest to the place first.
    Near(SkuIx),
    /// This very unit.
    Unit(UnitId),
}

/// Which of a person's own things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// Units of a SKU.
    Sku(SkuIx),
    /// This very unit.
    Unit(UnitId),
}
