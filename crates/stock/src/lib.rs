//! Shelf levels as a view of the ledger.
