//! What is counted, and what somebody should know.

use crate::review::{ReviewId, ReviewReason};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use walkout_model::{Gtin, SessionId, StoreTime};
use walkout_wire::entry::EntryCodeError;

/// What the log says happened. Rebuilt with everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Parties let in.
    pub sessions_opened: u64,
    /// Parties turned away because their card could not be held.
    pub holds_refused: u64,
    /// Movements that changed accounts at once.
    pub movements_accepted: u64,
    /// Movements that fusion let go.
    pub movements_left_off: u64,
    /// Movements of nothing in the catalogue.
    pub movements_without_goods: u64,
    /// Movements that a later one replaced.
    pub movements_superseded: u64,
    /// Later conclusions that a person's verdict overruled.
    pub verdicts_stood: u64,
    /// Tasks for a person, by why.
    pub reviews_by_reason: BTreeMap<ReviewReason, u64>,
    /// Tasks that a person settled.
    pub reviews_answered: u64,
    /// Verdicts that a party took something, after its receipt was final: the loss is the shop's.
    pub late_takes: u64,
    /// Verdicts that a party put something back, after its receipt was final: a refund is due.
    pub late_put_backs: u64,
    /// Parties that left.
    pub exits: u64,
    /// Exits under a session that was not in the shop.
    pub stray_exits: u64,
    /// Final receipts.
    pub receipts: u64,
    /// Captures.
    pub captures: u64,
    /// Tries to which the gateway gave no answer.
    pub payments_postponed: u64,
    /// Steps that the gateway refused for good.
    pub payments_failed: u64,
    /// Receipts that became debts.
    pub debts: u64,
}

/// What was refused or ignored since the start. Not in the log: a scanner held against rubbish must
/// not be able to fill the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// Texts that are no entry codes.
    pub codes_malformed: u64,
    /// Codes that were forged, or signed with a key that is not held.
    pub codes_forged: u64,
    /// Codes shown too late.
    pub codes_expired: u64,
    /// Codes from ahead of the clock.
    pub codes_from_the_future: u64,
    /// Codes shown a second time.
    pub codes_replayed: u64,
    /// Right codes of customers with an open debt.
    pub debtors: u64,
    /// Codes shown at a gate that does not exist or lets nobody in.
    pub wrong_gates: u64,
    /// Movements that were recorded before.
    pub movements_repeated: u64,
    /// Exits that were recorded before.
    pub exits_repeated: u64,
    /// Answers that were not taken.
    pub answers_refused: u64,
}

impl Refusals {
    pub(crate) fn count_code(&mut self, error: &EntryCodeError) {
        let counter = match error {
            EntryCodeError::Forged | EntryCodeError::UnknownKey(_) => &mut self.codes_forged,
            EntryCodeError::Expired { .. } => &mut self.codes_expired,
            EntryCodeError::FromTheFuture { .. } => &mut self.codes_from_the_future,
            EntryCodeError::Malformed(_) | EntryCodeError::People(_) | EntryCodeError::Issued => {
                &mut self.codes_malformed
            }
        };
        *counter += 1;
    }
}

/// Something that a person should know, but that is no question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When.
    pub t: StoreTime,
    /// What.
    #[serde(flatten)]
    pub kind: NoticeKind,
}

/// What a notice is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum NoticeKind {
    /// Somebody left under a session that was not in the shop.
    StrayExit {
        /// The session that was named.
        session: SessionId,
    },
    /// A receipt could not be charged; the customer is kept out until it is.
    Debt {
        /// Whose.
        session: SessionId,
    },
    /// A verdict says that a party took something that its final receipt does not show.
    TakenAfterReceipt {
        /// Whose.
        session: SessionId,
        /// The verdict.
        review: ReviewId,
    },
    /// A verdict says that a party put back something that its final receipt charged.
    RefundDue {
        /// Whose.
        session: SessionId,
        /// The verdict.
        review: ReviewId,
    },
    /// A receipt holds goods without a price.
    Unpriced {
        /// Whose.
        session: SessionId,
        /// Which goods.
        gtin: Gtin,
    },
}

/// Notices that are kept.
const NOTICES_MAX: usize = 256;

/// The last notices, oldest first, and how many older ones were let go.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Notices {
    pub last: VecDeque<Notice>,
    pub dropped: u64,
}

impl Notices {
    pub fn add(&mut self, notice: Notice) {
        if self.last.len() == NOTICES_MAX {
            self.last.pop_front();
            self.dropped += 1;
        }
        self.last.push_back(notice);
    }
}
