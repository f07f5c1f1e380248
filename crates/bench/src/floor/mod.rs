//! All cameras → people on the floor: WILDTRACK's layout and the simulator's shops, what detectors would say of
//! them, and how well the floor tracker does. See `docs/reference/bench.md`.

pub mod boxes;
mod changes;
pub mod ground;
pub mod made;
mod occlusion;
pub mod seen;
pub mod selection;
pub mod shop;
pub mod sightings;
pub mod wildtrack;
mod xml;

#[cfg(test)]
mod tests;
