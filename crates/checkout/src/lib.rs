//! Entry, sessions, carts, receipts and the review queue.
