//! The API over a real socket, a real checkout and a real ledger.

mod api;
mod input;
mod shop;
