//! The shipped kinds of day.

use crate::Plan;
use std::str::FromStr;

/// A kind of day in the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Preset {
    /// One shopper at a time, who behaves as most do, put-backs included.
    Quiet,
    /// As many at once as the shop is made for (20 in `flash`, 10 in `nano`), groups and staff
    /// among them.
    Busy,
    /// As busy, and 40 % of the actions are meant to fool the shop, or might.
    Adversarial,
    /// Short cases after the published statistics of the CPS-IoT 2020 competition.
    Cps2020,
    /// Short visits of one shopper to one rack, as in the AIM3S experiment (BuildSys 2019).
    Aim3s,
}

/// A text that names no preset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown preset \"{0}\": use quiet, busy, adversarial, cps2020 or aim3s")]
pub struct UnknownPreset(pub String);

/// How many cases the CPS-IoT 2020 competition's ground truth has.
const CPS_CASES: u32 = 46;

impl Preset {
    /// The kinds of day by which a shop is judged: all but the experiment on one rack.
    pub const ALL: [Self; 4] = [Self::Quiet, Self::Busy, Self::Adversarial, Self::Cps2020];

    /// Its name, as [`FromStr`] reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Busy => "busy",
            Self::Adversarial => "adversarial",
            Self::Cps2020 => "cps2020",
            Self::Aim3s => "aim3s",
        }
    }

    /// The shop it is meant for, a folder of `shops/`.
    pub const fn default_shop(self) -> &'static str {
        match self {
            Self::Quiet | Self::Cps2020 => "nano",
            Self::Busy | Self::Adversarial => "flash",
            Self::Aim3s => "rack",
        }
    }

    /// The runs that give about so many receipts. `cps2020` is one run a case, 46 cases (then the
    /// same kinds of case again with other draws), and `aim3s` one run a visit, the rack full again
    /// each time; the others are one run.
    pub fn plans(self, seed: u64, receipts: u32) -> Vec<Plan> {
        if !matches!(self, Self::Cps2020 | Self::Aim3s) {
            let plan = Plan::preset(self, seed);
            return vec![Plan {
                receipts: Some(receipts),
                ..plan
            }];
        }
        let mut plans = Vec::new();
        let mut expected = 0;
        let mut case = 0;
        while expected < receipts {
            plans.push(Plan {
                case,
                ..Plan::preset(self, seed)
            });
            expected += self.shoppers(case);
            case += 1;
        }
        plans
    }

    /// How many people shop in a case.
    pub(crate) fn shoppers(self, case: u32) -> u32 {
        match self {
            Self::Cps2020 => cps_shoppers(case),
            _ => 1,
        }
    }

    pub(crate) fn habits(self, area_m2: f64) -> Habits {
        // Flash takes 20 people on 55 m²; a shop of half its size is full with ten.
        let crowd = if area_m2 >= 50.0 {
            20
        } else {
            (area_m2 / 2.5).clamp(2.0, 10.0) as u32
        };
        let busy = Habits {
            at_once: crowd,
            gap_s: 4.0,
            groups: 0.2,
            child: 0.35,
            actions: (2, 8),
            put_back: 0.12,
            wrong_place: 0.1,
            beside_m: 0.0,
            several: 0.25,
            touch: 0.08,
            keep: 0.3,
            browse_s: 3.0,
            adversarial: 0.0,
            tailgater: 0.0,
            bump: 0.03,
            staff: true,
            straddle: None,
            put_share: None,
        };
        match self {
            Self::Quiet => Habits {
                at_once: 1,
                gap_s: 2.5,
                groups: 0.0,
                actions: (3, 8),
                wrong_place: 0.04,
                bump: 0.02,
                ..busy
            },
            Self::Busy => busy,
            Self::Adversarial => Habits {
                adversarial: 0.4,
                tailgater: 0.03,
                wrong_place: 0.15,
                ..busy
            },
            Self::Cps2020 => Habits {
                at_once: 4,
                gap_s: 1.5,
                groups: 0.0,
                wrong_place: 0.25,
                several: 0.15,
                staff: false,
                touch: 0.05,
                straddle: Some(0.5),
                put_share: Some(0.24),
                ..busy
            },
            // The published events are of one item each, picked up or put back.
            Self::Aim3s => Habits {
                at_once: 1,
                gap_s: 1.5,
                groups: 0.0,
                actions: (6, 8),
                put_back: 0.3,
                wrong_place: 0.1,
                beside_m: 0.08,
                several: 0.0,
                staff: false,
                ..busy
            },
        }
    }
}

/// How many people shop in a case of `cps2020`. Published: 31 of 46 cases with one shopper, 8 with two, 2
/// with three. The published counts leave 5 cases; these are drawn in the same proportion: four
/// with one and one with two.
pub(crate) fn cps_shoppers(case: u32) -> u32 {
    // Spread over the run (17 and 46 have no common divisor), so that a few cases are a fair sample.
    match (case % CPS_CASES) * 17 % CPS_CASES {
        0..35 => 1,
        35..44 => 2,
        _ => 3,
    }
}

/// Fewest and most decisions of each shopper of a case, so that a case has about five actions.
pub(crate) fn cps_actions(case: u32) -> (u32, u32) {
    match cps_shoppers(case) {
        1 => (3, 6),
        2 => (1, 4),
        _ => (1, 3),
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(text: &str) -> Result<Self, UnknownPreset> {
        Self::ALL
            .into_iter()
            .chain([Self::Aim3s])
            .find(|p| p.name() == text)
            .ok_or_else(|| UnknownPreset(text.to_owned()))
    }
}

impl std::fmt::Display for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How people come and what they do. Chances are 0–1.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// Most people in the shop at once, staff included.
    pub at_once: u32,
    /// Mean gap between arrivals while there is room, seconds.
    pub gap_s: f64,
    /// Chance that a party is two or three people.
    pub groups: f64,
    /// Chance that a group's second is a child.
    pub child: f64,
    /// Fewest and most actions of a shopper.
    pub actions: (u32, u32),
    /// Chance that an action of somebody who has something is to put something back.
    pub put_back: f64,
    /// Chance that it goes to a wrong place.
    pub wrong_place: f64,
    /// How far from the middle of its lane something put back comes to stand, metres (standard
    /// deviation); 0 where it is put into the lane's own rows.
    pub beside_m: f64,
    /// Chance that a take is of two or three units.
    pub several: f64,
    /// Chance that an action is a touch of which nothing comes.
    pub touch: f64,
    /// Chance that a taken thing stays in the hand for a while.
    pub keep: f64,
    /// Mean time spent looking before an action, seconds.
    pub browse_s: f64,
    /// Share of adversarial actions.
    pub adversarial: f64,
    /// Chance that somebody without a code walks in behind a party.
    pub tailgater: f64,
    /// Chance that an action bumps the whole rack.
    pub bump: f64,
    /// Whether staff restock and tidy.
    pub staff: bool,
    /// Share of actions on goods that lie on two plates or more, where it is to be set.
    pub straddle: Option<f64>,
    /// Share of put-backs among all actions of a run, where it is to be set.
    pub put_share: Option<f64>,
}
