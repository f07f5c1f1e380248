//! The API over a real socket, a real checkout and a real ledger.

#[cfg(test)]
mod api;
#[cfg(test)]
mod input;
#[cfg(test)]
mod shop;
