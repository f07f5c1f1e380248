//! Tests that read files, which the estimators' own sources may not.

#[cfg(test)]
mod nets;
#[cfg(all(test, feature = "ort"))]
mod ort;
#[cfg(test)]
mod users;
