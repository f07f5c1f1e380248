//! Ids. An `…Ix` is a dense index into one loaded [`crate::Shop`]: cheap in the estimators and
//! meaningless outside the process. On the wire and in the ledger things go by name
//! (`G1/S3/P07`, `G1/S3/L02`) or by [`crate::Gtin`].

use serde::{Deserialize, Serialize};

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as `usize`, for slices in the shop's own order.
            #[inline]
            pub const fn usize(self) -> usize {
                self.0 as usize
            }
        }

        impl From<usize> for $name {
            /// Shops hold far fewer than 2³² of anything; larger indices saturate.
            #[inline]
            fn from(index: usize) -> Self {
                Self(u32::try_from(index).unwrap_or(u32::MAX))
            }
        }
    )*};
}

index! {
    /// A product, in the order of the catalogue.
    SkuIx,
    /// A gondola, fridge or table.
    FixtureIx,
    /// A shelf of a fixture, counted over the whole shop.
    ShelfIx,
    /// A load-cell plate, counted over the whole shop.
    PlateIx,
    /// A lane (one SKU's place on a shelf), counted over the whole shop.
    LaneIx,
    /// A camera.
    CameraIx,
    /// A gate line, for entry, exit or both.
    GateIx,
    /// An RFID antenna.
    AntennaIx,
}

/// The number a tracker gives to a person's track. Not an identity: trackers lose people, find
/// them again under a new number, and swap two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrackId(pub u64);

/// One party's visit, from the gate to the exit: whoever entered under one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s{}", self.0)
    }
}

impl std::str::FromStr for SessionId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('s').unwrap_or(text).parse().map(Self)
    }
}

/// A customer's (or member of staff's) account with the shop. Who that is, and which card they
/// saved, only the accounts' keeper and the card gateway know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CustomerId(pub u64);

impl std::fmt::Display for CustomerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "c{}", self.0)
    }
}

impl std::str::FromStr for CustomerId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('c').unwrap_or(text).parse().map(Self)
    }
}

/// One conclusion of fusion. The same recording gives the same ids, so that a movement can be
/// recorded twice without being counted twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MovementId(pub u64);

impl std::fmt::Display for MovementId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "m{:016x}", self.0)
    }
}

impl std::str::FromStr for MovementId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text.strip_prefix('m').unwrap_or(text), 16).map(Self)
    }
}
