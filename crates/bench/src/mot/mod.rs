//! Multi-object tracking in one camera's picture: MOTChallenge's files, the scores, and the race with other
//! people's trackers. See `docs/reference/bench.md`.

pub mod files;
pub mod frames;
pub mod peers;
pub mod race;
pub mod score;
pub mod synth;
pub(crate) mod walkers;

#[cfg(test)]
mod tests;
