//! The checkout over a real ledger and the sandbox gateway.

#![allow(
    clippy::unwrap_used,
    reason = "every function here is part of a test, which clippy sees only where it is marked so"
)]

mod concurrent;
mod crash;
mod day;
mod entry;
mod fixture;
mod money;
mod movements;
mod properties;
mod questions;
mod reviews;
