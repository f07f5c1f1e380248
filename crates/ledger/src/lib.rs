//! The append-only hash-chained log of movements.
//!
//! An [`Entry`] is a set of balanced [`Movement`]s between [`Account`]s with an idempotency key, a
//! store time, a cause and a reference to its evidence. [`Ledger`] records entries in SQLite or
//! PostgreSQL; an append that returned is on disk. Carts, shelves and receipts are views of it.

mod account;
mod balances;
mod canonical;
mod chain;
mod dialect;
mod direct;
mod entry;
mod error;
mod fsck;
mod ledger;
mod reader;
mod steps;
mod store;
mod writer;

pub use account::{Account, AccountError, LANE_BYTES_MAX};
pub use balances::Balances;
pub use entry::{
    Appended, BODY_BYTES_MAX, Cause, Draft, DraftError, EVIDENCE_BYTES_MAX, Entry, EntryHash,
    EntryHashError, Head, KEY_BYTES_MAX, KIND_BYTES_MAX, MOVEMENTS_MAX, Movement, UNITS_MAX,
};
pub use error::LedgerError;
pub use fsck::{Fault, FsckReport, fsck};
pub use ledger::Ledger;
