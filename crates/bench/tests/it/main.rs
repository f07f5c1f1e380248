//! Tests of the yardsticks and, through them, of the estimators on whole shops.

#[cfg(test)]
mod accuracy;
#[cfg(test)]
mod baselines;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod hand_made;
#[cfg(test)]
mod handovers;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod late;
#[cfg(test)]
mod makers;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod scoring;
#[cfg(test)]
mod steps;
