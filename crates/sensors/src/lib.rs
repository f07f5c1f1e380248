//! Drivers and their watchdogs: the MQTT bus that load cells, trackers and gates speak on, and
//! cameras ([`camera`]).
//!
//! The way in: [`client::connect`] keeps a subscription alive and hands over decoded
//! [`Observation`]s; [`Decoder`] is its sans-IO heart, which turns a topic and a payload into
//! observations or into a counted [`Cause`] of refusal; [`StoreClock`] keeps store time by the
//! devices' own clocks. The way out, for devices and for tests, is [`encode`]. [`EmbeddedBroker`]
//! is the one place that knows which broker is embedded. The formats are written down in
//! `docs/reference/bus.md`.

pub mod broker;
pub mod camera;
pub mod client;
mod clock;
mod counters;
mod decode;
pub mod device;
pub mod encode;
pub mod message;
mod topic;

pub use broker::EmbeddedBroker;
pub use clock::{ClockRefusal, StoreClock};
pub use counters::{BusCounters, Cause, CountersSnapshot, RefusalCount};
pub use decode::{Decoder, Observation};
pub use topic::{Topic, TopicError};
