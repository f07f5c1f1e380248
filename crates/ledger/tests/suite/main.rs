//! The ledger over SQLite and PostgreSQL: the same suite over both.

mod places;
mod recording;
