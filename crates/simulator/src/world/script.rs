//! A person of a scenario.

use super::person::Person;
use super::stage::Stage;

/// What a scenario says somebody does.
#[derive(Debug)]
pub(crate) struct Part {}

impl Part {
    pub fn decide(&mut self, _: &mut Person, _: &mut Stage) {}
}
