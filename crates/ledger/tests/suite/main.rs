//! The ledger over SQLite and PostgreSQL: the same suite over both.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod damage;
mod drafts;
mod model;
mod places;
mod recording;
mod writers;
