//! Staff: they fill lanes from the back room, case by case, and bring home what stands wrong.

use super::goods::{Place, UnitId};
use super::mind::{fits_hand, leave_by};
use super::person::Person;
use super::stage::Stage;
use super::task::{Deed, Job, Label, Own, Task, Wanted};
use walkout_model::{GateIx, LaneIx};

/// A lane is filled when it holds no more than this share of its capacity.
const LOW_SHARE: f64 = 0.45;

/// So often staff try to bring a unit home before they take it to the back room.
const TRIES_MAX: u8 = 5;

/// A member of staff's round.
#[derive(Debug)]
pub(crate) struct Work {
    /// Jobs still to do on this round.
    pub left: u32,
    pub exit: GateIx,
    /// A misplaced unit that was picked up and must go home, and how often that was tried.
    pub carrying: Option<(UnitId, u8)>,
    pub leaving: bool,
}

impl Work {
    /// Chooses the next job of the round.
    pub fn decide(&mut self, me: &mut Person, stage: &mut Stage) {
        if let Some((unit, tries)) = self.carrying.take()
            && me.belongings().any(|own| own == unit)
            && tries < TRIES_MAX
        {
            self.carrying = Some((unit, tries + 1));
            return bring_home(me, stage, unit);
        }
        if self.leaving {
            return;
        }
        if self.left == 0 {
            return self.leave(me, stage);
        }
        self.left -= 1;
        let tidy_first = me.draw.chance(0.4);
        let found = tidy_first && self.tidy(me, stage);
        if !found && !self.restock(me, stage) && !self.tidy(me, stage) {
            self.left = 0;
            me.queue.push_back(Task::Wait(0.5));
        }
    }

    fn leave(&mut self, me: &mut Person, stage: &Stage) {
        self.leaving = true;
        leave_by(me, stage, self.exit);
    }

    fn tidy(&mut self, me: &mut Person, stage: &Stage) -> bool {
        let found = stage.goods.misplaced(&stage.shop);
        let Some(&unit) = me.draw.pick(&found) else {
            return false;
        };
        let Some(stand) = &stage.goods.get(unit).stand else {
            return false;
        };
        let (shelf, x_m) = (stand.shelf, stand.x_m);
        if stage.stance(me.id, shelf, x_m).is_none() {
            return false;
        }
        me.queue.push_back(Task::Approach { shelf, x_m });
        me.queue.push_back(Task::Reach(Job {
            label: Label::Tidy,
            ..Job::new(Deed::Take {
                shelf,
                x_m,
                what: Wanted::Unit(unit),
                units: 1,
            })
        }));
        self.carrying = Some((unit, 0));
        true
    }

    fn restock(&mut self, me: &mut Person, stage: &mut Stage) -> bool {
        let low = low_lanes(stage);
        let Some(&lane) = me.draw.pick(&low) else {
            return false;
        };
        let room = {
            let l = &stage.shop.planogram.lanes[lane.usize()];
            l.capacity.saturating_sub(stage.goods.on_hand(lane))
        };
        let sku = stage.shop.planogram.lanes[lane.usize()].sku;
        let units = room.min(stage.shop.catalogue[sku].case_pack.max(1));
        restock_lane(me, stage, lane, units);
        true
    }
}

/// Lanes that want filling and can be reached.
pub(crate) fn low_lanes(stage: &Stage) -> Vec<LaneIx> {
    let lanes = &stage.shop.planogram.lanes;
    (0..lanes.len())
        .map(LaneIx::from)
        .filter(|&ix| {
            let lane = &lanes[ix.usize()];
            let low = f64::from(stage.goods.on_hand(ix)) <= LOW_SHARE * f64::from(lane.capacity);
            low && stage
                .stance(u32::MAX, lane.shelf, lane.x_m + lane.width_m / 2.0)
                .is_some()
        })
        .collect()
}

/// Units from the back room are put into a lane, a handful at a time.
pub(crate) fn restock_lane(me: &mut Person, stage: &mut Stage, lane: LaneIx, units: u32) {
    let shop = stage.shop.clone();
    let l = &shop.planogram.lanes[lane.usize()];
    for _ in 0..units {
        let unit = stage.goods.make(&shop, l.sku, &mut me.draw);
        me.bag.push(unit);
    }
    let x_m = l.x_m + l.width_m / 2.0;
    me.queue.push_back(Task::Approach {
        shelf: l.shelf,
        x_m,
    });
    let handful = (1..=4)
        .rev()
        .find(|&n| fits_hand(stage, l.sku, n))
        .unwrap_or(1);
    let mut left = units;
    while left > 0 {
        let now = me.draw.whole(1, handful).min(left);
        left -= now;
        me.queue.push_back(Task::Reach(Job {
            label: Label::Restock,
            ..Job::new(Deed::Put {
                what: Own::Sku(l.sku),
                units: now,
                place: Place::Lane(lane),
            })
        }));
    }
}

/// Puts a picked-up unit into the lane where it belongs, on the shelf nearest to being reachable.
fn bring_home(me: &mut Person, stage: &Stage, unit: UnitId) {
    let Some(sku) = stage.goods.get(unit).sku else {
        return;
    };
    let lanes = &stage.shop.planogram.lanes;
    let home = (0..lanes.len())
        .filter(|&l| lanes[l].sku == sku)
        .map(LaneIx::from)
        .find(|&l| {
            let lane = &lanes[l.usize()];
            let x_m = lane.x_m + lane.width_m / 2.0;
            stage.stance(me.id, lane.shelf, x_m).is_some()
        });
    let Some(home) = home else { return };
    let lane = &lanes[home.usize()];
    me.queue.push_back(Task::Approach {
        shelf: lane.shelf,
        x_m: lane.x_m + lane.width_m / 2.0,
    });
    me.queue.push_back(Task::Reach(Job {
        label: Label::Tidy,
        ..Job::new(Deed::Put {
            what: Own::Unit(unit),
            units: 1,
            place: Place::Lane(home),
        })
    }));
}
