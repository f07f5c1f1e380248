//! Entry, sessions, carts, receipts and the review queue.
//!
//! [`Checkout`] is event-sourced: every change of its state is an entry of the ledger, with or
//! without movements of goods, and the state is the fold of them. What a crash leaves is what the log
//! says; [`Checkout::tick`] then goes on where it stopped, and idempotency keys that follow from the
//! log see to it that no card is held or charged twice. See `docs/concepts/checkout.md`.

mod checkout;
mod config;
mod counters;
mod error;
mod event;
mod explain;
mod inner;
mod opening;
mod pay;
mod plan;
mod receipt;
mod render;
mod review;
mod session;
mod state;
mod together;
mod views;

pub use checkout::{Answered, Applied, Checkout, Exited};
pub use config::{Config, Retry};
pub use counters::{Counters, Notice, NoticeKind, Refusals};
pub use error::{AnswerError, CheckoutError, EntryRefused};
pub use event::{Candidate, MovementRecorded, Outcome, Resolved};
pub use explain::{Claim, Explanation, Sentence};
pub use opening::OpeningStock;
pub use receipt::{Receipt, ReceiptStatus, TaxLine, tax_included};
pub use render::Language;
pub use review::{AnswerRefused, Lease, ReviewId, ReviewReason, ReviewStatus, ReviewView, Verdict};
pub use session::{CartLine, SessionView, Stage};
pub use together::{JointAnswer, QuestionView};
