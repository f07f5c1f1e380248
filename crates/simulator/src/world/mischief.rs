//! What fools a shop, on purpose or not.

use super::goods::UnitId;
use super::mind::Shopping;
use super::person::Person;
use super::stage::Stage;
use super::task::{Deed, Job, Own, Task, Wanted};
use walkout_model::{ShelfIx, SkuIx};

pub(crate) fn plot(_: &mut Shopping, _: &mut Person, _: &mut Stage) -> bool {
    false
}

pub(crate) fn take_up(me: &mut Person, unit: UnitId, shelf: ShelfIx, x_m: f64) {
    me.queue.push_back(Task::Approach { shelf, x_m });
    me.queue.push_back(Task::Reach(Job::new(Deed::Take {
        shelf,
        x_m,
        what: Wanted::Unit(unit),
        units: 1,
    })));
}

pub(crate) fn shift(_: &mut Person, _: &Stage, _: UnitId, _: SkuIx) {}
pub(crate) fn hand_over(_: &mut Person, _: &Stage, _: u32, _: Own) {}
pub(crate) fn put_empty(_: &mut Person, _: &mut Stage, _: UnitId, _: SkuIx) {}
