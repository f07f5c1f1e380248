//! Networks that a user brings: what kinds are known, how each is asked and read, and how boxes and
//! keypoints become the same [`PersonView`](super::PersonView) that the network that ships gives.

mod boxes;
mod config;
mod eyes;
mod network;
mod pose;
mod vector;

pub use boxes::{BoxSpot, suppress};
pub use config::{Classes, ConfigError, InputConfig, Kind, NetworkConfig, NetworksConfig, Role};
pub use eyes::{Eyes, SeenPerson, Sight};
pub use network::{Answer, UserNetwork};
pub use pose::{POSE_POINTS, person_view};
