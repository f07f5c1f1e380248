//! The yardsticks: scoring against the truth.
