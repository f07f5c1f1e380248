//! Tests of the yardsticks and, through them, of the estimators on whole shops.

#[cfg(test)]
mod scoring;
