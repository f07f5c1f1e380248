//! Staff: they fill lanes from the back room and bring home what stands wrong.

use super::person::Person;
use super::stage::Stage;

/// A member of staff's round.
#[derive(Debug)]
pub(crate) struct Work {}

impl Work {
    pub fn decide(&mut self, _: &mut Person, _: &mut Stage) {}
}
