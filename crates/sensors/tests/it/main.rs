//! The bus against a real broker.

#[cfg(test)]
mod bus;
#[cfg(test)]
mod shop;
