//! What really happened, read from the lines that the simulator writes apart.
//!
//! This is the only reader of those lines in the workspace; the estimators' crates cannot reach it,
//! since they may not depend on this crate or on the simulator.

use serde::Deserialize;
use std::collections::BTreeMap;
use walkout_model::{Gtin, PartyKind, StoreTime};

/// Units by product.
pub type Basket = BTreeMap<Gtin, u32>;

/// The truth of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Every party by its phone.
    pub parties: BTreeMap<u32, Party>,
    /// Everything that hands did, in order of its end.
    pub actions: Vec<Action>,
    /// What each party left with, by phone.
    pub receipts: BTreeMap<u32, Basket>,
    /// Units on the shelves at the start.
    pub opening: Option<Stock>,
    /// Units on the shelves at the end.
    pub closing: Option<Stock>,
}

/// Units on the shelves, by shelf name and product.
pub type Stock = BTreeMap<(String, Gtin), u32>;

/// One party's visit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Party {
    /// The phone whose code let it in.
    pub phone: u32,
    /// How many entered under the code.
    pub people: u32,
    /// Shoppers or staff.
    pub kind: PartyKind,
    /// When the first of them crossed the gate line.
    pub t_in: StoreTime,
    /// When the last of them left; `None` while somebody is inside.
    pub t_out: Option<StoreTime>,
}

/// What a hand did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Goods off a shelf.
    Take,
    /// Goods onto a shelf.
    Put,
    /// Goods from one person to another; no shelf sees it.
    HandOver,
    /// A hand that took and left nothing.
    Touch,
    /// Staff fill a lane from the back room.
    Restock,
    /// Staff move goods about on a shelf.
    Tidy,
    /// Something that the shop does not sell, onto a shelf.
    ForeignPut,
    /// Something that the shop does not sell, off a shelf.
    ForeignTake,
}

impl ActionKind {
    /// Direction of the goods as seen by the person: +1 off the shelf, −1 onto it, 0 neither.
    pub fn sign(self) -> i32 {
        match self {
            Self::Take | Self::ForeignTake => 1,
            Self::Put | Self::Restock | Self::ForeignPut => -1,
            Self::HandOver | Self::Touch | Self::Tidy => 0,
        }
    }
}

/// One action.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Action {
    /// What was done.
    #[serde(rename = "action")]
    pub kind: ActionKind,
    /// When the hand arrived.
    pub t_start: StoreTime,
    /// When the goods had moved.
    pub t_end: StoreTime,
    /// The simulator's number of the person.
    pub person: u32,
    /// The person's party, `None` for somebody whom no code let in.
    pub phone: Option<u32>,
    /// For a hand-over, the party that got the goods.
    #[serde(default)]
    pub to_phone: Option<u32>,
    /// What it was; `None` for a thing that the shop does not sell, or for nothing.
    pub gtin: Option<Gtin>,
    /// How many, never negative: the kind says which way.
    #[serde(default)]
    pub units: u32,
    /// Where, by the shelf's name.
    #[serde(default)]
    pub shelf: Option<String>,
    /// The plates that the goods stood or were put on.
    #[serde(default)]
    pub plates: Vec<String>,
    /// Whether the place is the product's own lane.
    #[serde(default)]
    pub home: bool,
    /// What the shelf gained, grams.
    #[serde(default)]
    pub mass_g: f64,
    /// Whether the shopper did it to fool the shop.
    #[serde(default)]
    pub adversarial: bool,
}

/// Why a truth line was refused.
#[derive(Debug, thiserror::Error)]
#[error("truth line {line}: {reason}: {text}")]
pub struct TruthError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: serde_json::Error,
    /// Its beginning.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Session(Party),
    Action(Action),
    Receipt { phone: u32, lines: Vec<ReceiptLine> },
    Stock { lines: Vec<StockLine> },
}

#[derive(Deserialize)]
struct ReceiptLine {
    gtin: Gtin,
    units: u32,
}

#[derive(Deserialize)]
struct StockLine {
    shelf: String,
    gtin: Gtin,
    units: u32,
}

impl Truth {
    /// Reads JSON lines. A later session line of a phone replaces an earlier one (a party is written
    /// at its entry and again at its exit); a second receipt of a phone is added to the first; the first stock
    /// line is the opening stock and the last one the closing stock.
    ///
    /// # Errors
    /// The first line that is not one of the known records.
    pub fn parse(text: &str) -> Result<Self, TruthError> {
        let mut truth = Self::default();
        for (i, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let record = serde_json::from_str(line).map_err(|reason| TruthError {
                line: i + 1,
                reason,
                text: line.chars().take(80).collect(),
            })?;
            truth.add(record);
        }
        truth
            .actions
            .sort_by_key(|a| (a.t_end, a.t_start, a.person));
        Ok(truth)
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::Session(party) => {
                self.parties.insert(party.phone, party);
            }
            Line::Action(action) => self.actions.push(action),
            Line::Receipt { phone, lines } => {
                let basket = self.receipts.entry(phone).or_default();
                for line in lines {
                    if line.units > 0 {
                        *basket.entry(line.gtin).or_default() += line.units;
                    }
                }
            }
            Line::Stock { lines } => {
                let mut stock = Stock::new();
                for line in lines {
                    *stock.entry((line.shelf, line.gtin)).or_default() += line.units;
                }
                if self.opening.is_none() {
                    self.opening = Some(stock);
                } else {
                    self.closing = Some(stock);
                }
            }
        }
    }

    /// The shopping parties that left, by phone, with the time of their exit: those that a score counts.
    pub fn leavers(&self) -> impl Iterator<Item = (u32, StoreTime)> + '_ {
        self.parties
            .values()
            .filter(|party| party.kind == PartyKind::Shopper)
            .filter_map(|party| Some((party.phone, party.t_out?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_record() {
        let text = r#"
{"type":"session","phone":3,"people":2,"kind":"shopper","t_in":1000,"t_out":null}
{"type":"action","action":"hand_over","t_start":3000,"t_end":4000,"person":5,"phone":3,"to_phone":4,"gtin":"8801043014830","units":1,"adversarial":true}
{"type":"action","action":"take","t_start":2000,"t_end":2500,"person":5,"phone":3,"gtin":"8801043014830","units":2,"shelf":"G1/S2","plates":["G1/S2/P03"],"home":true,"adversarial":false}
{"type":"action","action":"foreign_put","t_start":2000,"t_end":9500,"person":7,"phone":null,"gtin":null,"units":1,"shelf":"G1/S2","plates":[],"home":false,"adversarial":true}
{"type":"receipt","phone":3,"t":9000,"lines":[{"gtin":"8801043014830","units":2}]}
{"type":"session","phone":3,"people":2,"kind":"shopper","t_in":1000,"t_out":9000}
{"type":"session","phone":9,"people":1,"kind":"staff","t_in":1000,"t_out":9000}
{"type":"session","phone":4,"people":1,"kind":"shopper","t_in":1000,"t_out":null}
{"type":"stock","t":500,"lines":[{"shelf":"G1/S2","gtin":"8801043014830","units":9}]}
{"type":"stock","t":9500,"lines":[{"shelf":"G1/S2","gtin":"8801043014830","units":7}]}
"#;
        let truth = Truth::parse(text).unwrap();
        let cola: Gtin = "8801043014830".parse().unwrap();
        assert_eq!(truth.leavers().collect::<Vec<_>>(), [(3, StoreTime(9000))]);
        assert_eq!(truth.receipts[&3], Basket::from([(cola, 2)]));
        let place = ("G1/S2".to_owned(), cola);
        assert_eq!(truth.opening.unwrap()[&place], 9);
        assert_eq!(truth.closing.unwrap()[&place], 7);
        let kinds: Vec<_> = truth.actions.iter().map(|a| a.kind).collect();
        assert_eq!(
            kinds,
            [
                ActionKind::Take,
                ActionKind::HandOver,
                ActionKind::ForeignPut
            ]
        );
        assert_eq!(truth.actions[1].to_phone, Some(4));
    }

    #[test]
    fn names_the_bad_line() {
        let error = Truth::parse("\n{\"type\":\"rumour\"}").unwrap_err();
        assert!(error.to_string().contains("truth line 2"), "{error}");
    }
}
