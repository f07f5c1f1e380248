//! What can be tuned: the costs that decisions weigh, and the numbers of the model.

use serde::{Deserialize, Serialize};
use walkout_model::TimeDelta;

/// What a wrong decision costs, in one unit of the operator's choice (fusion knows no prices).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Costs {
    /// Somebody is charged for what they do not have, or not refunded what they put back.
    pub wrong_charge: f64,
    /// Goods leave unpaid.
    pub lost_sale: f64,
    /// A person looks at it.
    pub review: f64,
    /// The shelf's stock is believed wrongly until somebody counts.
    pub wrong_stock: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            wrong_charge: 10.0,
            lost_sale: 4.0,
            review: 1.0,
            wrong_stock: 0.5,
        }
    }
}

/// How things in hands are looked at: what it means that something was seen in a hand, or nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LookSight {
    /// Looks a frame of the tracker at a hand at a shelf that holds something. 0: that nothing was seen says nothing.
    pub per_frame: f64,
    /// Share of visits of an empty hand in which something is seen in it. The share of hands that
    /// hold something (0.4) makes that something was seen say nothing.
    pub in_empty: f64,
}

impl Default for LookSight {
    fn default() -> Self {
        Self {
            per_frame: 0.5,
            in_empty: 0.05,
        }
    }
}

impl LookSight {
    /// For a classifier that names the goods in every hand, be it empty or not.
    pub const BLIND_TO_EMPTY: Self = Self {
        per_frame: 0.0,
        in_empty: 1.0,
    };
}

/// Settings of fusion. The defaults suit plates of ±10 g class and a ceiling tracker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusionConfig {
    /// What decisions weigh.
    pub costs: Costs,
    /// How things in hands are looked at.
    pub looks: LookSight,
    /// How long after a step's change tracks and looks of its time may still come.
    pub settle: TimeDelta,
    /// How long after a step's change it is explained again, in order of time.
    pub settle_again: TimeDelta,
    /// How long observations may be late or out of order without changing any answer.
    pub lag: TimeDelta,
    /// How long after a crossing outward, beside the lag, a party's exit is said, so that steps of
    /// theirs come first.
    pub exit_hold: TimeDelta,
    /// How long a scanned code waits for its people to cross the gate.
    pub scan_valid: TimeDelta,
    /// Largest number of units of one SKU in one step by a shopper.
    pub units_max: u32,
    /// Largest number of units of one SKU in one step by staff.
    pub restock_max: u32,
    /// Error of a step that its own sigma does not know of, grams.
    pub mass_floor_g: f64,
    /// Error of a step as a share of its mass.
    pub mass_gain: f64,
    /// How far plate shares differ from those of an evenly resting item.
    pub share_sigma: f64,
    /// Weight of somebody whom no gate let in, beside tracks that weigh 1 when a hand is at the goods.
    pub unseen: f64,
    /// Weight of a person who must be inside and whom the tracker has lost.
    pub lost: f64,
    /// Whoever is inside and nowhere to be seen for so long, while others are, has left unseen. A shop with seats or a toilet that no
    /// camera sees gives it longer than people stay there. Staff never have: they are where no camera is.
    pub left_unseen: TimeDelta,
    /// Rate at which two tracks that are near each other swap identities, per second.
    pub swap_per_s: f64,
    /// The posterior's log weights are divided by this. 0.7: the factors were fitted or guessed one by one with
    /// caution in each, and together they were too cautious (of what was said at 0.88 in `busy`, seeds 41 and 43,
    /// 0.97 was right).
    pub temperature: f64,
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self {
            costs: Costs::default(),
            looks: LookSight::default(),
            settle: TimeDelta::from_millis(600),
            settle_again: TimeDelta::from_millis(1_400),
            lag: TimeDelta::from_secs(5),
            exit_hold: TimeDelta::from_millis(1_000),
            scan_valid: TimeDelta::from_secs(30),
            units_max: 8,
            restock_max: 48,
            mass_floor_g: 1.0,
            mass_gain: 0.004,
            share_sigma: 0.08,
            unseen: 0.001,
            lost: 0.5,
            left_unseen: TimeDelta::from_secs(900),
            swap_per_s: 0.006,
            temperature: 0.7,
        }
    }
}
