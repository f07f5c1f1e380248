//! Traces made by hand: what a plate would send, and what must be concluded.

mod accounts;
mod corrections;
mod csv_trace;
mod disturbed;
mod foresight;
mod intake;
mod steps;
mod trace;
