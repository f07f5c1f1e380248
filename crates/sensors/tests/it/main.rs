//! The bus against a real broker.

mod bus;
mod shop;
