//! The yardsticks: scoring against the truth.

pub mod calibration;
pub mod ledger;
pub mod matching;
pub mod outcome;
pub mod score;
pub mod truth;
