//! The append-only hash-chained log of movements.
