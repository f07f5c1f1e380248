//! A person of a scenario: does what the script says, each act at its time or as soon as can be.

use super::goods::{Place, UnitId};
use super::mind::leave_by;
use super::person::Person;
use super::staff::restock_lane;
use super::stage::{Post, Stage};
use super::task::{Deed, Gift, Job, Label, Own, Task, Wanted};
use crate::scenario::{How, ScriptAct, ScriptVerb};
use std::collections::VecDeque;
use walkout_model::{GateIx, Point2, ShelfIx, StoreTime, TimeDelta};

/// Time for a hand to get ready, added to the walk, seconds.
const READY_S: f64 = 4.0;

/// What a scenario says somebody does.
#[derive(Debug)]
pub(crate) struct Part {
    pub acts: VecDeque<ScriptAct>,
    pub exit: GateIx,
    /// Line of the act under way.
    pub line: usize,
    /// A bag, or a thing of one's own, that lies on a shelf.
    pub bag: Option<(UnitId, ShelfIx, f64)>,
}

impl Part {
    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.acts.is_empty()
    }

    /// Begins the next act.
    pub fn decide(&mut self, me: &mut Person, stage: &mut Stage) {
        if std::mem::take(&mut me.failed) {
            let line = self.line;
            stage.undone.push(format!(
                "line {line}: it could not be done: the goods were not there, or nobody came for them"
            ));
        }
        let Some(act) = self.acts.pop_front() else {
            return;
        };
        self.line = act.line;
        let (at, how) = (act.at, act.how);
        match act.verb {
            ScriptVerb::Exit => self.exit(me, stage, at),
            ScriptVerb::WalkTo(to) => {
                wait_until(me, at);
                match stage.floor.nearest_free(to, 2.0) {
                    Some(to) => me.queue.push_back(Task::Walk(to)),
                    None => me.failed = true,
                }
            }
            ScriptVerb::LookAt { shelf, x_m } => {
                wait_until(me, at);
                me.queue.push_back(Task::Approach { shelf, x_m });
            }
            ScriptVerb::Hold(seconds) => {
                wait_until(me, at);
                me.queue.push_back(Task::Wait(seconds));
            }
            ScriptVerb::Take {
                sku,
                units,
                shelf,
                x_m,
            } => {
                go(me, stage, shelf, x_m, at, how);
                let (grabs, each) = if how.one_by_one {
                    (units, 1)
                } else {
                    (1, units)
                };
                for grab in 0..grabs {
                    let what = Wanted::Near(sku);
                    let deed = Deed::Take {
                        shelf,
                        x_m,
                        what,
                        units: each,
                    };
                    let at = at.filter(|_| grab == 0);
                    me.queue.push_back(Task::Reach(job(deed, at, how)));
                    if !how.in_hand {
                        me.queue.push_back(Task::Stow);
                    }
                }
            }
            ScriptVerb::Put { sku, units, place } => {
                let (shelf, x_m) = stage.spot_of(place);
                go(me, stage, shelf, x_m, at, how);
                let what = Own::Sku(sku);
                let (goes, each) = if how.one_by_one {
                    (units, 1)
                } else {
                    (1, units)
                };
                for go in 0..goes {
                    let deed = Deed::Put {
                        what,
                        units: each,
                        place,
                    };
                    let at = at.filter(|_| go == 0);
                    me.queue.push_back(Task::Reach(job(deed, at, how)));
                }
            }
            ScriptVerb::PutEmpty { sku, place } => {
                let product = &stage.shop.catalogue[sku];
                let mass_g = 0.08 * product.unit_mass.grams();
                let size_m = product.size_mm.map(|mm| f64::from(mm) / 1e3);
                let empty = stage.goods.make_foreign(mass_g, size_m, Some(sku));
                put_own(me, stage, empty, place, at, how);
            }
            ScriptVerb::Give { sku, units, to } => {
                self.give(me, stage, &act, Own::Sku(sku), units, to)
            }
            ScriptVerb::Press {
                shelf,
                x_m,
                seconds,
                grams,
            } => {
                go(me, stage, shelf, x_m, at, how);
                let deed = Deed::Press {
                    shelf,
                    x_m,
                    grams,
                    seconds,
                };
                me.queue.push_back(Task::Reach(job(deed, at, how)));
            }
            ScriptVerb::BagDown { place, grams } => {
                let bag = stage.goods.make_foreign(grams, [0.28, 0.15, 0.3], None);
                let (shelf, x_m) = stage.spot_of(place);
                self.bag = Some((bag, shelf, x_m));
                put_own(me, stage, bag, place, at, how);
            }
            ScriptVerb::LayOwn { sku, place } => {
                let product = &stage.shop.catalogue[sku];
                let size_m = product.size_mm.map(|mm| f64::from(mm) / 1e3);
                let own = stage
                    .goods
                    .make_foreign(product.unit_mass.grams(), size_m, Some(sku));
                let (shelf, x_m) = stage.spot_of(place);
                self.bag = Some((own, shelf, x_m));
                put_own(me, stage, own, place, at, how);
            }
            ScriptVerb::BagUp => match self.bag.take() {
                Some((bag, shelf, x_m)) => {
                    go(me, stage, shelf, x_m, at, how);
                    let what = Wanted::Unit(bag);
                    let deed = Deed::Take {
                        shelf,
                        x_m,
                        what,
                        units: 1,
                    };
                    me.queue.push_back(Task::Reach(job(deed, at, how)));
                    me.queue.push_back(Task::Stow);
                }
                None => me.failed = true,
            },
            ScriptVerb::Restock { units, lane } => {
                let (shelf, x_m) = stage.spot_of(Place::Lane(lane));
                go(me, stage, shelf, x_m, at, how);
                restock_lane(me, stage, lane, units);
                if let Some(Task::Reach(job)) =
                    me.queue.iter_mut().find(|t| matches!(t, Task::Reach(_)))
                {
                    job.at = at;
                }
            }
            ScriptVerb::Tidy {
                sku,
                units,
                from: (shelf, x_m),
                lane,
            } => {
                go(me, stage, shelf, x_m, at, how);
                let tidy = |deed, at| {
                    let label = Label::Tidy;
                    Task::Reach(Job {
                        label,
                        ..job(deed, at, how)
                    })
                };
                let what = Wanted::Near(sku);
                let deed = Deed::Take {
                    shelf,
                    x_m,
                    what,
                    units,
                };
                me.queue.push_back(tidy(deed, at));
                let (shelf, x_m) = stage.spot_of(Place::Lane(lane));
                me.queue.push_back(Task::Approach { shelf, x_m });
                let deed = Deed::Put {
                    what: Own::Sku(sku),
                    units,
                    place: Place::Lane(lane),
                };
                me.queue.push_back(tidy(deed, None));
            }
        }
    }

    fn exit(&self, me: &mut Person, stage: &Stage, at: Option<StoreTime>) {
        leave_by(me, stage, self.exit);
        // Each leaves when the script says so, not when the party is ready.
        me.queue
            .retain(|task| !matches!(task, Task::Ready | Task::AwaitParty));
        if let Some(at) = at {
            let ahead = walk_s(me, stage.inside_of(self.exit));
            let walk = me.queue.iter().position(|t| matches!(t, Task::Walk(_)));
            let queue = walk.map_or(0, |i| i + 1);
            me.queue
                .insert(queue, Task::WaitUntil(at - TimeDelta::from_millis(800)));
            let leave = at - TimeDelta::from_secs_f64(ahead + READY_S);
            me.queue.push_front(Task::WaitUntil(leave));
        }
    }

    /// The other stands still while this one comes: not sooner than need be.
    fn give(
        &mut self,
        me: &mut Person,
        stage: &mut Stage,
        act: &ScriptAct,
        what: Own,
        units: u32,
        to: usize,
    ) {
        let Some(to) = stage.cast.get(to).copied().flatten() else {
            me.failed = true;
            return;
        };
        let place = stage.neighbour(to).map(|n| n.position);
        let ahead = place.map_or(READY_S, |p| walk_s(me, p) + 3.0);
        if let Some(at) = act.at {
            let begin = at - TimeDelta::from_secs_f64(ahead);
            if stage.now() < begin {
                self.acts.push_front(act.clone());
                let soon = stage.now() + TimeDelta::from_millis(500);
                me.queue.push_back(Task::WaitUntil(begin.min(soon)));
                return;
            }
        }
        let tasks = vec![Task::Receive { from: me.id }];
        stage.posts.push(Post::Ask { to, tasks });
        let adversarial = act.how.adversarial;
        me.queue.push_back(Task::Give(Gift {
            to,
            what,
            units,
            adversarial,
            at: act.at,
        }));
    }
}

fn job(deed: Deed, at: Option<StoreTime>, how: How) -> Job {
    Job {
        at,
        adversarial: how.adversarial,
        slow_s: how.slow_s,
        hand: how.hand,
        ..Job::new(deed)
    }
}

fn put_own(
    me: &mut Person,
    stage: &Stage,
    unit: UnitId,
    place: Place,
    at: Option<StoreTime>,
    how: How,
) {
    let (shelf, x_m) = stage.spot_of(place);
    go(me, stage, shelf, x_m, at, how);
    me.bag.push(unit);
    let what = Own::Unit(unit);
    let deed = Deed::Put {
        what,
        units: 1,
        place,
    };
    me.queue.push_back(Task::Reach(job(deed, at, how)));
}

/// Walks to a shelf so as to be there in time, unless it is to be reached from here.
fn go(me: &mut Person, stage: &Stage, shelf: ShelfIx, x_m: f64, at: Option<StoreTime>, how: How) {
    if how.from_here {
        return;
    }
    if let (Some(at), Some(stance)) = (at, stage.stance(me.id, shelf, x_m)) {
        let ahead = walk_s(me, stance) + READY_S;
        let leave = at - TimeDelta::from_secs_f64(ahead);
        me.queue.push_back(Task::WaitUntil(leave));
    }
    me.queue.push_back(Task::Approach { shelf, x_m });
}

fn wait_until(me: &mut Person, at: Option<StoreTime>) {
    if let Some(at) = at {
        me.queue.push_back(Task::WaitUntil(at));
    }
}

/// How long a walk takes at most, round fixtures and people.
fn walk_s(me: &Person, to: Point2) -> f64 {
    2.0 * me.walker.position.distance(to) / me.walker.speed
}
