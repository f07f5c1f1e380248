//! Samples to weight steps, with plate health.
