//! What can go wrong.

use walkout_ledger::LedgerError;
use walkout_model::money::MoneyError;
use walkout_model::{CustomerId, Money, SessionId};
use walkout_payment::{GatewayError, KeyTooLong};
use walkout_wire::entry::EntryCodeError;

/// Why a command failed. Nothing was half done: send it again.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The ledger did.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An entry of checkout's own kind that it cannot read.
    #[error(
        "entry {seq} of the ledger cannot be read: {source}; was it written by a newer program?"
    )]
    Log {
        /// Which.
        seq: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An event that cannot be written as JSON.
    #[error("an event cannot be written: {0}")]
    Encode(#[source] serde_json::Error),
    /// Prices that cannot be summed.
    #[error("the receipt of {session} cannot be summed: {source}")]
    Receipt {
        /// Whose.
        session: SessionId,
        /// Why.
        source: MoneyError,
    },
    /// The hold is set in another currency than the prices.
    #[error("the hold at entry is {0}: give it in the shop's currency")]
    HoldCurrency(Money),
    /// The shop's time zone is not in the database.
    #[error("\"{0}\" is not a time zone: write an IANA name such as Asia/Seoul")]
    TimeZone(String),
    /// The shop's name cannot be part of an idempotency key.
    #[error(
        "the shop's name \"{0}\" cannot be part of a payment's key: use letters, digits and dashes"
    )]
    ShopName(String, #[source] KeyTooLong),
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum EntryRefused {
    /// The code is wrong.
    #[error(transparent)]
    Code(#[from] EntryCodeError),
    /// The code was used before.
    #[error("the entry code was used before: show the current one")]
    Replayed,
    /// The customer owes for an earlier visit.
    #[error("{customer} owes {owed} for {session}: pay it first")]
    Debt {
        /// Who.
        customer: CustomerId,
        /// How much, over all visits.
        owed: Money,
        /// For which visit, the first of them.
        session: SessionId,
    },
    /// The card could not be held.
    #[error("the card could not be held: {0}")]
    Hold(GatewayError),
    /// The gate does not exist or lets nobody in.
    #[error("nobody can enter at this gate: scan the code at an entry")]
    WrongGate,
    /// The shop itself failed.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
}

/// Why an answer or a lease was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] crate::AnswerRefused),
    /// The shop itself failed.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
}
