//! Scripted scenarios: who does what and when, as text. `docs/reference/scenarios.md` describes the
//! format.

mod parse;
mod resolve;
#[cfg(test)]
mod tests;

pub(crate) use resolve::{Script, ScriptAct, ScriptFault, ScriptVerb};

use crate::devices::FaultKind;
use std::path::Path;
use walkout_model::{Gtin, Lane, Shop};

/// A scenario file is no larger than this.
const BYTES_MAX: usize = 1 << 20;

/// A scenario whose text is well formed; its names are looked up when it meets a shop.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    shop: String,
    title: String,
    seed: Option<u64>,
    fill: Option<f64>,
    setup: Vec<Numbered<Setup>>,
    people: Vec<Actor>,
    parties: Vec<Vec<usize>>,
    acts: Vec<Numbered<Act>>,
    faults: Vec<Numbered<DeviceFault>>,
}

/// Every mistake in a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", join(mistakes))]
pub struct ScenarioError {
    /// In the order of the lines; never empty.
    pub mistakes: Vec<ScenarioMistake>,
}

/// One mistake and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text}")]
pub struct ScenarioMistake {
    /// Counted from 1; 0 is the file as a whole.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub text: String,
}

/// Something with the line it stands on.
#[derive(Clone, Debug, PartialEq)]
struct Numbered<T> {
    line: usize,
    what: T,
}

#[derive(Clone, Debug, PartialEq)]
struct Actor {
    name: String,
    role: Role,
    child: bool,
}

/// How somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Shopper,
    Staff,
    /// Without a code.
    Stranger,
}

#[derive(Clone, Debug, PartialEq)]
enum Setup {
    Lane { lane: String, gtin: Gtin },
    Stock { lane: String, units: u32 },
    Place { gtin: Gtin, units: u32, on: String },
}

#[derive(Clone, Debug, PartialEq)]
struct Act {
    /// Seconds after the start; `None`: as soon as the act before is done.
    at_s: Option<f64>,
    who: usize,
    verb: Verb,
}

#[derive(Clone, Debug, PartialEq)]
enum Verb {
    Enter,
    Exit,
    Walk {
        to: String,
    },
    Hold {
        seconds: f64,
    },
    Take {
        goods: Goods,
        from: String,
        how: How,
    },
    Put {
        goods: Goods,
        on: String,
        how: How,
    },
    PutEmpty {
        gtin: Gtin,
        on: String,
    },
    Give {
        goods: Goods,
        to: usize,
        how: How,
    },
    Press {
        on: String,
        seconds: f64,
        grams: f64,
        how: How,
    },
    BagDown {
        on: String,
        grams: f64,
        how: How,
    },
    BagUp {
        how: How,
    },
    LayOwn {
        gtin: Gtin,
        on: String,
        how: How,
    },
    TakeOwn {
        how: How,
    },
    Restock {
        goods: Goods,
        to: String,
    },
    Tidy {
        goods: Goods,
        from: String,
        to: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goods {
    pub gtin: Gtin,
    pub units: u32,
}

/// Manner of an act.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct How {
    /// Left (0) or right (1) hand.
    pub hand: Option<usize>,
    /// One grab for each unit.
    pub one_by_one: bool,
    /// Held half lifted for so long.
    pub slow_s: Option<f64>,
    /// What is taken stays in the hand.
    pub in_hand: bool,
    /// Reaches from where they stand instead of walking up.
    pub from_here: bool,
    pub adversarial: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum DeviceFault {
    Plate {
        plate: String,
        kind: FaultKind,
        from_s: f64,
        to_s: f64,
    },
    Cold {
        kelvin: f64,
        from_s: f64,
        to_s: f64,
    },
    Swap {
        a: usize,
        b: usize,
        at_s: f64,
    },
    Lost {
        who: usize,
        from_s: f64,
        to_s: f64,
    },
}

impl Scenario {
    /// Reads the text of a scenario.
    ///
    /// # Errors
    /// Every mistake, with its line and how to mend it.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        parse::parse(text)
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// As [`Scenario::parse`]; a file that cannot be read is a mistake of line 0.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| one_mistake(0, format!("cannot read {}: {e}", path.display())))?;
        Self::parse(&text)
    }

    /// The shop it plays in, a folder of `shops/`.
    pub fn shop(&self) -> &str {
        &self.shop
    }

    /// What it shows, in a line; may be empty.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The seed it asks for.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// The shop with this scenario's planogram, which is what the shop's own files would say and
    /// so is for the estimators too.
    ///
    /// # Errors
    /// Lanes and GTINs that the shop does not know.
    pub fn fit(&self, shop: &Shop) -> Result<Shop, ScenarioError> {
        let mut fitted = shop.clone();
        let mut mistakes = Vec::new();
        for Numbered { line, what } in &self.setup {
            let Setup::Lane { lane, gtin } = what else {
                continue;
            };
            let sku = shop.catalogue.find(*gtin);
            let place: Option<&mut Lane> = match shop.planogram.find(lane) {
                Some(ix) => fitted.planogram.lanes.get_mut(ix.usize()),
                None => None,
            };
            match (place, sku) {
                (Some(place), Some(sku)) => place.sku = sku,
                (None, _) => mistakes.push(mistake(*line, resolve::no_lane(lane, shop))),
                (_, None) => mistakes.push(mistake(*line, resolve::no_gtin(*gtin, shop))),
            }
        }
        finish(fitted, mistakes)
    }
}

fn mistake(line: usize, text: String) -> ScenarioMistake {
    ScenarioMistake { line, text }
}

fn one_mistake(line: usize, text: String) -> ScenarioError {
    ScenarioError {
        mistakes: vec![mistake(line, text)],
    }
}

fn finish<T>(value: T, mut mistakes: Vec<ScenarioMistake>) -> Result<T, ScenarioError> {
    mistakes.sort_by_key(|m| m.line);
    if mistakes.is_empty() {
        Ok(value)
    } else {
        Err(ScenarioError { mistakes })
    }
}

fn join(mistakes: &[ScenarioMistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
