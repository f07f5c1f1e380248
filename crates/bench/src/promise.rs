//! What the shop promises of every single movement, and where a run broke it.
//!
//! Every true movement of goods is rightly accepted, or in a review that offers the right answer;
//! nobody is charged for what they did not leave with; everybody who leaves gets a receipt. Averages
//! are not enough for that: each breach is named.

use crate::matching::{Matching, SLACK};
use crate::outcome::{Guess, charges};
use crate::score::Run;
use crate::truth::{Action, ActionKind};
use std::fmt;
use walkout_model::{Decision, Gtin, Shop, StoreTime};

/// How a promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// Goods moved, and neither an accepted movement nor a candidate of a review says so.
    Unexplained,
    /// After every review was answered as well as its candidates allow, a receipt charges for units
    /// that its party did not leave with.
    WrongCharge,
    /// A movement was accepted that nothing in the truth accounts for.
    Invented,
    /// A party left and no exit was concluded, so that it has no receipt.
    NoReceipt,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unexplained => "unexplained",
            Self::WrongCharge => "wrong charge",
            Self::Invented => "invented",
            Self::NoReceipt => "no receipt",
        })
    }
}

/// One broken promise.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// How.
    pub broken: Broken,
    /// When: of the goods, of the movement or of the exit.
    pub t: StoreTime,
    /// The story in a sentence.
    pub text: String,
}

/// All broken promises of a run, in order of time.
pub fn breaches(shop: &Shop, run: &Run, matching: &Matching, start: StoreTime) -> Vec<Breach> {
    let teller = Teller { shop, run, start };
    let mut found = Vec::new();
    for (action, &units) in run.truth.actions.iter().zip(&matching.uncovered) {
        if units > 0 && action.gtin.is_some() {
            found.push(teller.unexplained(action, units));
        }
    }
    for (guess, &right) in run.outcome.guesses.iter().zip(&matching.right) {
        if guess.decision == Decision::Accept && !right {
            found.push(teller.invented(guess));
        }
    }
    let charged = charges(&run.outcome, |i, _| matching.settled[i]);
    for (phone, t) in run.truth.leavers() {
        let Some(charged) = charged.get(&phone) else {
            found.push(Breach {
                broken: Broken::NoReceipt,
                t,
                text: format!("party {phone} left at {:.1} s unseen", teller.seconds(t)),
            });
            continue;
        };
        let carried = run.truth.receipts.get(&phone);
        for (&gtin, &units) in charged {
            let had = carried.and_then(|basket| basket.get(&gtin)).copied();
            let had = had.unwrap_or_default();
            if units > had {
                found.push(Breach {
                    broken: Broken::WrongCharge,
                    t,
                    text: format!(
                        "party {phone} is charged for {units} × {} and left with {had}",
                        teller.product(gtin)
                    ),
                });
            }
        }
    }
    found.sort_by(|a, b| (a.t, a.broken, &a.text).cmp(&(b.t, b.broken, &b.text)));
    found
}

struct Teller<'a> {
    shop: &'a Shop,
    run: &'a Run,
    start: StoreTime,
}

impl Teller<'_> {
    fn unexplained(&self, action: &Action, units: u32) -> Breach {
        let near: Vec<String> = self
            .run
            .outcome
            .guesses
            .iter()
            .filter(|g| Some(&g.shelf) == action.shelf.as_ref())
            .filter(|g| action.t_start - SLACK <= g.within.1 && g.within.0 <= action.t_end + SLACK)
            .map(|g| self.guess(g))
            .collect();
        let near = match near.is_empty() {
            true => "no movement there then".to_owned(),
            false => near.join("; "),
        };
        let verb = match action.kind {
            ActionKind::Take => "took",
            ActionKind::Put => "put back",
            ActionKind::Restock => "restocked",
            ActionKind::Tidy => "tidied",
            ActionKind::HandOver
            | ActionKind::Touch
            | ActionKind::ForeignPut
            | ActionKind::ForeignTake => "moved",
        };
        Breach {
            broken: Broken::Unexplained,
            t: action.t_end,
            text: format!(
                "{} {verb} {units} × {} at {}, {:.1} s: {near}",
                party(action.phone),
                action.gtin.map_or_else(String::new, |g| self.product(g)),
                action.shelf.as_deref().unwrap_or("-"),
                self.seconds(action.t_end),
            ),
        }
    }

    fn invented(&self, guess: &Guess) -> Breach {
        Breach {
            broken: Broken::Invented,
            t: guess.t,
            text: format!("at {}: {}", guess.shelf, self.guess(guess)),
        }
    }

    fn guess(&self, guess: &Guess) -> String {
        let told = match guess.decision {
            Decision::Accept => "accepted",
            Decision::Review => "in review",
            Decision::LeaveOff => "left off",
        };
        let what = guess.best.gtin;
        format!(
            "{told} with {:.3} at {:.1} s: {} {:+} × {}",
            guess.probability,
            self.seconds(guess.t),
            party(guess.best.phone),
            guess.best.quantity,
            what.map_or_else(|| "no goods".to_owned(), |g| self.product(g)),
        )
    }

    fn product(&self, gtin: Gtin) -> String {
        let sku = self.shop.catalogue.find(gtin);
        sku.map_or_else(
            || gtin.to_string(),
            |sku| self.shop.catalogue[sku].name_en.clone(),
        )
    }

    fn seconds(&self, t: StoreTime) -> f64 {
        t.since(self.start).as_secs_f64()
    }
}

fn party(phone: Option<u32>) -> String {
    phone.map_or_else(|| "nobody known".to_owned(), |p| format!("party {p}"))
}
