//! The review queue: what a person must settle.

use crate::event::{Candidate, Resolved};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use walkout_model::{Evidence, Gtin, Money, MovementId, SessionId, StoreTime, Who};

/// Counts the tasks of a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReviewId(pub u64);

impl std::fmt::Display for ReviewId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl std::str::FromStr for ReviewId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('r').unwrap_or(text).parse().map(Self)
    }
}

/// Why a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// Fusion was not sure enough.
    Doubt,
    /// Most probably somebody who entered under no code.
    UnknownPerson,
    /// A session that checkout does not know.
    UnknownSession,
    /// The party had left when it became known.
    Late,
    /// More was put back than the cart holds, or the correction of an earlier movement would take
    /// more from a cart than it holds.
    BeyondCart,
    /// A SKU that is not in the catalogue.
    UnknownSku,
    /// A shelf that is not in the layout.
    UnknownShelf,
    /// More units than any hand moves.
    AbsurdQuantity,
    /// The movement it replaces was replaced before.
    Conflict,
}

/// What a reviewer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// One of the candidates is right.
    Candidate {
        /// Its place in [`ReviewView::candidates`], from 0.
        index: usize,
    },
    /// Something else happened.
    Other {
        /// Who.
        who: Who,
        /// What, from the catalogue.
        gtin: Gtin,
        /// Units to the person: positive when taken, negative when put back.
        quantity: i32,
    },
    /// Nothing of the catalogue moved.
    Nothing,
}

/// How a task stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ReviewStatus {
    /// Waiting.
    Open,
    /// Settled by a person.
    Answered {
        /// Who settled it.
        reviewer: String,
        /// How.
        verdict: Verdict,
        /// When.
        at: StoreTime,
    },
    /// A later conclusion of fusion took its place.
    Superseded {
        /// Which.
        by: MovementId,
    },
}

/// A reviewer has a task to themselves for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who.
    pub reviewer: String,
    /// Until when.
    pub until: StoreTime,
}

/// A task as the desk shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewView {
    /// Its id.
    pub id: ReviewId,
    /// The movement in doubt.
    pub movement: MovementId,
    /// Why a person is asked.
    pub reason: ReviewReason,
    /// When the goods moved.
    pub t: StoreTime,
    /// When the task came up.
    pub created: StoreTime,
    /// The shelf's name.
    pub shelf: String,
    /// The lane's name, where fusion gave one.
    pub lane: Option<String>,
    /// The explanations, the most probable first.
    pub candidates: Vec<Candidate>,
    /// Why fusion thinks so.
    pub evidence: Evidence,
    /// The dearest candidate's price times its units.
    pub money_at_risk: Money,
    /// Whose receipts wait for it.
    pub sessions: Vec<SessionId>,
    /// Who is looking at it.
    pub lease: Option<Lease>,
    /// How it stands.
    pub status: ReviewStatus,
    /// What to look at first: higher is sooner. Money at risk (minor units) × the chance that the
    /// best candidate is wrong × (one minute + the waiting time) in seconds.
    pub priority: f64,
}

impl ReviewView {
    /// The verdict that the goods moved as fusion thinks and that this was who moved them.
    pub(crate) fn best_of(&self, who: Who) -> Verdict {
        let Some(best) = self.candidates.first() else {
            return Verdict::Nothing;
        };
        let same = |c: &Candidate| (c.who, c.sku, c.quantity) == (who, best.sku, best.quantity);
        match (self.candidates.iter().position(same), best.sku) {
            (Some(index), _) => Verdict::Candidate { index },
            (None, Some(gtin)) => Verdict::Other {
                who,
                gtin,
                quantity: best.quantity,
            },
            (None, None) => Verdict::Nothing,
        }
    }
}

/// Why an answer was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AnswerRefused {
    /// No such task.
    #[error("there is no review {0}")]
    NoSuchReview(ReviewId),
    /// Answered otherwise before.
    #[error("review {id} was already answered by {reviewer}: verdicts are not changed afterwards")]
    AlreadyAnswered {
        /// The task.
        id: ReviewId,
        /// Who answered it.
        reviewer: String,
        /// How.
        verdict: Verdict,
    },
    /// A later movement took its place.
    #[error("review {id} is settled: movement {by} took its place")]
    Superseded {
        /// The task.
        id: ReviewId,
        /// The movement.
        by: MovementId,
    },
    /// Somebody else is looking at it.
    #[error("{reviewer} has review {id} until {until:?}")]
    Leased {
        /// The task.
        id: ReviewId,
        /// Who has it.
        reviewer: String,
        /// Until when.
        until: StoreTime,
    },
    /// It is of no visit.
    #[error(
        "review {0} is open no more, or of nobody whom a gate saw come in without a code: answer it by itself"
    )]
    NoVisit(ReviewId),
    /// No such candidate.
    #[error("review {id} has {count} candidates: choose one from 0 on")]
    NoSuchCandidate {
        /// The task.
        id: ReviewId,
        /// How many there are.
        count: usize,
    },
    /// The catalogue does not know the SKU.
    #[error("{0} is not in the catalogue")]
    UnknownSku(Gtin),
    /// No such session was ever let in.
    #[error("session {0} was never let in")]
    UnknownSession(SessionId),
    /// None, or absurdly many.
    #[error("{0} units cannot have moved: give 1 to {max} with the sign of the direction", max = crate::plan::UNITS_MAX)]
    Quantity(i32),
    /// More put back than there is in the cart.
    #[error("the cart of {session} holds {has} of {gtin}: {asked} cannot have been put back")]
    BeyondCart {
        /// Whose cart.
        session: SessionId,
        /// Of what.
        gtin: Gtin,
        /// What it holds.
        has: i64,
        /// What the verdict says.
        asked: u32,
    },
    /// The reviewer's name is empty or too long.
    #[error("give the reviewer's name in 1 to 64 characters")]
    Reviewer,
}

/// A task as checkout keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Review {
    pub id: ReviewId,
    pub movement: MovementId,
    pub reason: ReviewReason,
    pub created: StoreTime,
    pub money_at_risk: Money,
    pub sessions: BTreeSet<SessionId>,
    pub lease: Option<Lease>,
    pub status: ReviewStatus,
    pub resolved: Option<Resolved>,
}

impl Review {
    pub fn is_open(&self) -> bool {
        self.status == ReviewStatus::Open
    }

    /// The lease that is in force at `now`.
    pub fn lease_at(&self, now: StoreTime) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| now < lease.until)
    }

    pub fn priority(&self, best_probability: f32, now: StoreTime) -> f64 {
        let waiting_s = now.since(self.created).as_secs_f64().max(0.0);
        let uncertainty = f64::from(1.0 - best_probability.clamp(0.0, 0.99));
        self.money_at_risk.minor.unsigned_abs() as f64 * uncertainty * (60.0 + waiting_s)
    }
}
