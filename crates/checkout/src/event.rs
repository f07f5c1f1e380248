//! What checkout writes into the ledger. Each event is the cause of one entry; the state is the fold
//! of them, so that what a crash leaves is exactly what the log says.

use crate::{Receipt, ReviewId, ReviewReason, Verdict};
use serde::{Deserialize, Serialize};
use walkout_ledger::Cause;
use walkout_model::{
    CustomerId, Decision, Evidence, Gtin, Money, MovementId, PartyKind, SessionId, StoreTime, Who,
};
use walkout_payment::{Capture, GatewayError, Hold};

/// The cause of one entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A code was right and is used up; the hold is not yet there.
    EntryRequested(EntryRequested),
    /// The party may come in.
    SessionOpened {
        session: SessionId,
        hold: Option<Hold>,
    },
    /// The party may not come in.
    EntryRefused {
        session: SessionId,
        error: GatewayError,
    },
    /// Fusion concluded something.
    Movement(Box<MovementRecorded>),
    /// A reviewer takes a task for a while.
    ReviewLeased {
        review: ReviewId,
        reviewer: String,
        until: StoreTime,
    },
    /// A reviewer settled a task.
    ReviewAnswered {
        review: ReviewId,
        reviewer: String,
        verdict: Verdict,
        resolved: Option<Resolved>,
    },
    /// A party left.
    SessionExited {
        session: SessionId,
        t: StoreTime,
        probability: f32,
    },
    /// Somebody left under a session that is not in the shop.
    StrayExit { session: SessionId, t: StoreTime },
    /// What a party owes is settled; the cart is sold.
    ReceiptFinal(Box<Receipt>),
    /// A further hold was placed, for what the first did not cover.
    PaymentHeld { step: StepId, hold: Hold },
    /// Money was taken.
    PaymentCaptured { step: StepId, capture: Capture },
    /// A hold was let go, or there is none to let go.
    PaymentReleased { step: StepId },
    /// The gateway refused for good.
    PaymentFailed { step: StepId, error: GatewayError },
    /// The gateway did not answer.
    PaymentPostponed {
        step: StepId,
        tries: u32,
        next_at: StoreTime,
        error: GatewayError,
    },
    /// A debt is to be charged once more.
    DebtRetried { session: SessionId, leg: u32 },
    /// The shop's first stock, part by part.
    OpeningStock { part: usize, parts: usize },
}

/// Which step of whose payment. A leg is one hold and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepId {
    pub session: SessionId,
    pub leg: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EntryRequested {
    pub session: SessionId,
    pub customer: CustomerId,
    pub people: u8,
    pub kind: PartyKind,
    pub gate: String,
    /// What will be asked for; nothing is for staff.
    pub hold: Money,
    pub code_issued: StoreTime,
    pub code_nonce: u64,
    pub code_until: StoreTime,
}

/// One explanation, by names that outlive the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Who.
    pub who: Who,
    /// What; `None` is something that is not in the catalogue, or no goods.
    pub sku: Option<Gtin>,
    /// Units to the person: positive when taken, negative when put back.
    pub quantity: i32,
    /// Probability, 0–1.
    pub probability: f32,
}

/// What a verdict comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Who.
    pub who: Who,
    /// What.
    pub sku: Gtin,
    /// Units to the person: positive when taken, negative when put back; not zero.
    pub quantity: i32,
}

/// A movement as it was recorded, by names that outlive the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MovementRecorded {
    /// Fusion's id.
    pub id: MovementId,
    /// When the goods moved.
    pub t: StoreTime,
    /// When it was concluded.
    pub known_at: StoreTime,
    /// The shelf's name.
    pub shelf: String,
    /// The lane's name, where fusion gave one.
    pub lane: Option<String>,
    /// The explanations, the chosen one first.
    pub candidates: Vec<Candidate>,
    /// What fusion decided.
    pub decision: Decision,
    /// The movement that it replaces.
    pub supersedes: Option<MovementId>,
    /// Why.
    pub evidence: Evidence,
    /// What checkout made of it.
    pub outcome: Outcome,
    /// Whether the movement that it supersedes is out of force now. It is not where a person has
    /// settled that one, or where taking it back would touch a final receipt.
    pub replaces: bool,
    /// How many of the entry's account movements, from the first, take back the old one.
    pub taken_back: usize,
}

/// What became of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The accounts changed.
    Accepted,
    /// A person must settle it.
    Review {
        /// The task.
        review: ReviewId,
        /// Why.
        reason: ReviewReason,
    },
    /// Let go by fusion's decision.
    LeftOff,
    /// Nothing of the catalogue moved.
    NoGoods,
    /// A person had already settled the movement that this one replaces: the verdict stands.
    VerdictStands,
    /// A later movement that replaces this one came first.
    Superseded,
}

impl Event {
    /// As the cause of an entry.
    pub fn to_cause(&self) -> Result<Cause, serde_json::Error> {
        serde_json::from_value(serde_json::to_value(self)?)
    }

    /// From an entry's cause; `None` if another part of the shop wrote it.
    pub fn from_cause(cause: &Cause) -> Result<Option<Self>, serde_json::Error> {
        if !KINDS.contains(&cause.kind.as_str()) {
            return Ok(None);
        }
        serde_json::from_value(serde_json::to_value(cause)?).map(Some)
    }
}

/// The kinds of cause that are checkout's own.
pub const KINDS: &[&str] = &[
    "entry_requested",
    "session_opened",
    "entry_refused",
    "movement",
    "review_leased",
    "review_answered",
    "session_exited",
    "stray_exit",
    "receipt_final",
    "payment_held",
    "payment_captured",
    "payment_released",
    "payment_failed",
    "payment_postponed",
    "debt_retried",
    "opening_stock",
];
