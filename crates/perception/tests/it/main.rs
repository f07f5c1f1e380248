//! Tests that read files, which the estimators' own sources may not.

#[cfg(test)]
mod nets;
