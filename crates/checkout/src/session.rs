//! Sessions: one party's visit, from the code at the gate to the money.

use crate::ReviewId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use walkout_model::{CustomerId, Gtin, Money, PartyKind, SessionId, StoreTime};
use walkout_payment::{Capture, GatewayError, Hold};

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The code was right; the gateway is being asked for a hold.
    Entering,
    /// The hold was refused: the party did not come in.
    Refused,
    /// In the shop.
    Open,
    /// Left, and a doubt remains: the receipt is a draft.
    Review,
    /// Left, the receipt is final, and the money is on its way.
    Paying,
    /// Left and paid, or nothing to pay. Staff that left, too.
    Settled,
    /// Left and could not be charged: the customer may not enter before it is paid.
    Debt,
}

/// A line of a live cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartLine {
    /// What.
    pub gtin: Gtin,
    /// Korean name; the number where the catalogue does not know it.
    pub name_ko: String,
    /// English name; the number where the catalogue does not know it.
    pub name_en: String,
    /// How many.
    pub units: u32,
    /// Price of one, tax included.
    pub unit_price: Money,
    /// Price of all of them.
    pub total: Money,
    /// Youngest age that may buy it, in years: the gate or the phone must have checked it.
    pub age_limit: Option<u8>,
}

/// A session as others see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// Whose code.
    pub customer: CustomerId,
    /// How many came in under it.
    pub people: u8,
    /// Shoppers or staff.
    pub kind: PartyKind,
    /// The gate's name.
    pub gate: String,
    /// Where it stands.
    pub stage: Stage,
    /// When the code was scanned.
    pub entered: StoreTime,
    /// When they left.
    pub left: Option<StoreTime>,
    /// What they have now; empty once it is sold.
    pub cart: Vec<CartLine>,
    /// What the cart costs.
    pub cart_total: Money,
    /// Open questions that concern it.
    pub open_reviews: Vec<ReviewId>,
    /// What was captured so far.
    pub captured: Money,
    /// What is still owed under the final receipt.
    pub owed: Money,
    /// Tries in vain of the step under way.
    pub tries: u32,
    /// Why the last try failed.
    pub trouble: Option<GatewayError>,
}

/// A session as checkout keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Session {
    pub id: SessionId,
    pub customer: CustomerId,
    pub people: u8,
    pub kind: PartyKind,
    pub gate: String,
    pub entered: StoreTime,
    pub stage: Stage,
    pub left: Option<StoreTime>,
    pub reviews: BTreeSet<ReviewId>,
    pub payment: Payment,
}

/// What is owed and how far the gateway has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Payment {
    /// What was asked for at entry.
    pub entry_hold: Money,
    /// Total of the final receipt.
    pub due: Money,
    /// Taken so far.
    pub captures: Vec<Capture>,
    /// The hold of the current leg.
    pub hold: Option<Hold>,
    /// Counts holds; part of every idempotency key.
    pub leg: u32,
    /// Holds that may still be tried.
    pub legs_left: u32,
    /// A hold that may have been placed although the entry was refused.
    pub void_due: bool,
    /// Tries in vain of the current step.
    pub tries: u32,
    /// Not before.
    pub next_at: StoreTime,
    /// Why the last try failed.
    pub trouble: Option<GatewayError>,
}

/// What the gateway must be asked next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Refused at entry, but the hold may stand: find it under its key and let it go.
    Void,
    /// Everything is answered: make the receipt final.
    Finalise,
    /// Hold what the first hold did not cover.
    Hold(Money),
    /// Take it.
    Capture(Hold, Money),
    /// Let go of what is left.
    Release(Hold),
}

/// Holds tried for one receipt before the rest becomes a debt: the first may lapse or fall short.
const LEGS_MAX: u32 = 4;

impl Payment {
    pub fn new(entry_hold: Money) -> Self {
        Self {
            entry_hold,
            due: Money::new(0, entry_hold.currency),
            captures: Vec::new(),
            hold: None,
            leg: 0,
            legs_left: LEGS_MAX,
            void_due: false,
            tries: 0,
            next_at: StoreTime(i64::MIN),
            trouble: None,
        }
    }

    pub fn captured(&self) -> Result<Money, walkout_model::money::MoneyError> {
        let zero = Money::new(0, self.due.currency);
        self.captures
            .iter()
            .try_fold(zero, |sum, capture| sum.checked_add(capture.amount))
    }

    pub fn owed(&self) -> Result<Money, walkout_model::money::MoneyError> {
        self.due.checked_sub(self.captured()?)
    }

    /// The step under way succeeded.
    pub fn succeed(&mut self) {
        self.tries = 0;
        self.next_at = StoreTime(i64::MIN);
        self.trouble = None;
    }

    /// The current hold is used up or gone.
    pub fn next_leg(&mut self) {
        self.hold = None;
        self.leg = self.leg.saturating_add(1);
        self.legs_left = self.legs_left.saturating_sub(1);
        self.succeed();
    }

    /// A person asks for the debt to be charged once more.
    pub fn retry(&mut self) {
        if !self.is_unanswered() {
            self.next_leg();
        }
        self.succeed();
        self.legs_left = LEGS_MAX;
    }

    /// Whether the last request may have had its effect.
    pub fn is_unanswered(&self) -> bool {
        self.trouble
            .as_ref()
            .is_some_and(GatewayError::is_transient)
    }
}

impl Session {
    /// Whether what the party takes can still be charged.
    pub fn is_chargeable(&self) -> bool {
        self.kind == PartyKind::Shopper && matches!(self.stage, Stage::Open | Stage::Review)
    }

    /// The next step, whatever the time. Amounts overflow only if the log is not ours; then nothing
    /// more is charged.
    pub fn step(&self) -> Option<Step> {
        let payment = &self.payment;
        match self.stage {
            Stage::Refused if payment.void_due => Some(Step::Void),
            Stage::Review if self.reviews.is_empty() => Some(Step::Finalise),
            // Unanswered, the capture may have been made: only the same request under the same key
            // can tell, and a person asks for it.
            Stage::Debt if payment.is_unanswered() => None,
            Stage::Debt => payment.hold.clone().map(Step::Release),
            Stage::Paying => {
                let owed = payment.owed().ok()?;
                match &payment.hold {
                    Some(hold) if owed.minor > 0 => {
                        let amount = Money::new(owed.minor.min(hold.amount.minor), owed.currency);
                        Some(Step::Capture(hold.clone(), amount))
                    }
                    Some(hold) => Some(Step::Release(hold.clone())),
                    None if owed.minor > 0 => Some(Step::Hold(owed)),
                    None => None,
                }
            }
            _ => None,
        }
    }

    /// Whether nothing more will happen by itself.
    pub fn is_done(&self) -> bool {
        match self.stage {
            Stage::Settled | Stage::Debt | Stage::Refused => self.step().is_none(),
            _ => false,
        }
    }
}
