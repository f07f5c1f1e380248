//! What fools a shop, on purpose or not.

use super::goods::{Place, UnitId};
use super::mind::{After, Lying, Shopping, fits_hand, push_put};
use super::person::Person;
use super::stage::{Post, Stage};
use super::task::{Deed, Gift, Job, Own, Task, Wanted};
use walkout_model::SkuIx;

/// Ways to confuse, with their weights.
const TRICKS: [(Trick, f64); 11] = [
    (Trick::WrongPlace, 2.0),
    (Trick::Shift, 1.5),
    (Trick::HandOver, 2.0),
    (Trick::SamePlate, 1.5),
    (Trick::Lean, 1.0),
    (Trick::Bag, 0.8),
    (Trick::OwnGoods, 0.8),
    (Trick::Empty, 0.8),
    (Trick::SlowHold, 0.5),
    (Trick::Feint, 1.0),
    (Trick::TakeAndReturn, 1.5),
];

#[derive(Clone, Copy, Debug)]
enum Trick {
    /// Something goes back to a place that is not its own.
    WrongPlace,
    /// Something goes to another plate of its shelf.
    Shift,
    /// Something goes to another person.
    HandOver,
    /// Two people take from one plate within a second.
    SamePlate,
    /// An elbow on the shelf.
    Lean,
    /// A bag is laid on the shelf and taken up later.
    Bag,
    /// Goods from elsewhere are put on the shelf and taken up again.
    OwnGoods,
    /// The thing is used up and its package put back.
    Empty,
    /// The thing is held half lifted for up to 40 s.
    SlowHold,
    /// A grab that takes nothing.
    Feint,
    /// A take and a return within seconds.
    TakeAndReturn,
}

/// Plans something adversarial; false if nothing of the kind can be done now.
pub(crate) fn plot(who: &mut Shopping, me: &mut Person, stage: &mut Stage) -> bool {
    let weights = TRICKS.map(|(_, weight)| weight);
    for _ in 0..4 {
        let Some(i) = me.draw.weighted(&weights) else {
            return false;
        };
        if play(TRICKS[i].0, who, me, stage) {
            return true;
        }
    }
    false
}

fn play(trick: Trick, who: &mut Shopping, me: &mut Person, stage: &mut Stage) -> bool {
    match trick {
        Trick::WrongPlace => {
            who.put_back(me, stage, true) || take_and(who, me, stage, After::PutWrong, |_| {})
        }
        Trick::Shift => take_and(who, me, stage, After::Shift, |_| {}),
        Trick::TakeAndReturn => take_and(who, me, stage, After::PutBack, |_| {}),
        Trick::Empty => take_and(who, me, stage, After::Empty, |_| {}),
        Trick::SlowHold => {
            let seconds = me.draw.between(8.0, 40.0);
            take_and(who, me, stage, After::Usual, |job| {
                job.slow_s = Some(seconds)
            })
        }
        Trick::HandOver => {
            let Some(to) = somebody_free(me, stage) else {
                return false;
            };
            match me.some_own_sku(&stage.goods) {
                Some(sku) => {
                    hand_over(me, stage, to, Own::Sku(sku));
                    true
                }
                None => take_and(who, me, stage, After::HandOver { to }, |_| {}),
            }
        }
        Trick::SamePlate => same_plate(who, me, stage),
        Trick::Lean => {
            let (grams, seconds) = (me.draw.between(400.0, 3500.0), me.draw.between(2.0, 8.0));
            press(who, me, stage, grams, seconds)
        }
        Trick::Feint => {
            let grams = me.draw.log_normal(300.0, 0.6, (60.0, 1500.0));
            let seconds = me.draw.between(0.4, 1.2);
            press(who, me, stage, grams, seconds)
        }
        Trick::Bag => {
            let grams = me.draw.between(600.0, 3500.0);
            let size_m = [me.draw.between(0.2, 0.35), 0.15, 0.3];
            lay_down(who, me, stage, grams, size_m)
        }
        Trick::OwnGoods => {
            let grams = me.draw.log_normal(250.0, 0.5, (40.0, 900.0));
            let size_m = [me.draw.between(0.05, 0.1), 0.07, 0.15];
            lay_down(who, me, stage, grams, size_m)
        }
    }
}

/// An adversarial take of one unit, and what is to come of it.
fn take_and(
    who: &mut Shopping,
    me: &mut Person,
    stage: &Stage,
    after: After,
    change: impl Fn(&mut Job),
) -> bool {
    let Some((lane, x_m)) = who.choose_lane(me, stage) else {
        return false;
    };
    let l = &stage.shop.planogram.lanes[lane.usize()];
    if !fits_hand(stage, l.sku, 1) && after == After::Shift {
        return false;
    }
    who.go_and_look(me, stage, lane, x_m);
    let mut job = Job::new(Deed::Take {
        shelf: l.shelf,
        x_m,
        what: Wanted::Sku(l.sku),
        units: 1,
    });
    job.adversarial = true;
    change(&mut job);
    me.queue.push_back(Task::Reach(job));
    who.after = after;
    true
}

fn press(who: &Shopping, me: &mut Person, stage: &Stage, grams: f64, seconds: f64) -> bool {
    let Some((lane, x_m)) = who.choose_lane(me, stage) else {
        return false;
    };
    who.go_and_look(me, stage, lane, x_m);
    me.queue.push_back(Task::Reach(Job {
        adversarial: true,
        ..Job::new(Deed::Press {
            shelf: stage.shop.planogram.lanes[lane.usize()].shelf,
            x_m,
            grams,
            seconds,
        })
    }));
    true
}

/// Two people at one plate: both walk up, wait for each other, and reach together.
fn same_plate(who: &Shopping, me: &mut Person, stage: &mut Stage) -> bool {
    let Some(other) = somebody_free(me, stage) else {
        return false;
    };
    let Some((lane, x_m)) = who.choose_lane(me, stage) else {
        return false;
    };
    let l = stage.shop.planogram.lanes[lane.usize()].clone();
    if stage.goods.takeable(l.shelf, l.sku, x_m).len() < 2 {
        return false;
    }
    let meeting = stage.meetings.call(2);
    let part = |aside: f64, late_s: f64| {
        vec![
            Task::Approach {
                shelf: l.shelf,
                x_m: x_m + aside,
            },
            Task::Meet { meeting },
            Task::Wait(late_s),
            Task::Reach(Job {
                adversarial: true,
                ..Job::new(Deed::Take {
                    shelf: l.shelf,
                    x_m,
                    what: Wanted::Sku(l.sku),
                    units: 1,
                })
            }),
            Task::Stow,
        ]
    };
    let tasks = part(0.25, me.draw.between(0.0, 0.3));
    stage.posts.push(Post::Ask { to: other, tasks });
    me.queue.extend(part(-0.25, me.draw.between(0.0, 0.3)));
    true
}

/// Lays a thing that is not the shop's on a shelf; it is taken up later.
fn lay_down(
    who: &mut Shopping,
    me: &mut Person,
    stage: &mut Stage,
    grams: f64,
    size_m: [f64; 3],
) -> bool {
    let Some((lane, x_m)) = who.choose_lane(me, stage) else {
        return false;
    };
    let shelf = stage.shop.planogram.lanes[lane.usize()].shelf;
    let unit = stage.goods.make_foreign(grams, size_m, None);
    me.bag.push(unit);
    push_put(me, stage, Own::Unit(unit), Place::Near(shelf, x_m), true);
    who.lying.push(Lying {
        unit,
        shelf,
        x_m,
        tries: 0,
    });
    true
}

/// Takes up what was laid down.
pub(crate) fn take_up(me: &mut Person, lying: Lying) {
    let Lying {
        unit, shelf, x_m, ..
    } = lying;
    me.queue.push_back(Task::Approach { shelf, x_m });
    me.queue.push_back(Task::Reach(Job {
        adversarial: true,
        ..Job::new(Deed::Take {
            shelf,
            x_m,
            what: Wanted::Unit(unit),
            units: 1,
        })
    }));
    me.queue.push_back(Task::Stow);
}

/// Puts what was just taken on another plate of the same shelf.
pub(crate) fn shift(who: &Shopping, me: &mut Person, stage: &Stage, unit: UnitId) {
    let Some((shelf, x_m)) = me.last_place else {
        return;
    };
    let width_m = stage.shop.layout.shelves[shelf.usize()].width_m;
    let side = if me.draw.chance(0.5) { 1.0 } else { -1.0 };
    let mut to = x_m + side * me.draw.between(0.2, 0.5);
    if !(0.05..width_m - 0.05).contains(&to) {
        to = x_m - (to - x_m);
    }
    let to = to.clamp(0.05, (width_m - 0.05).max(0.05));
    me.queue.push_back(Task::Wait(who.habits.browse_s * 0.3));
    push_put(me, stage, Own::Unit(unit), Place::Near(shelf, to), true);
}

/// Gives something to somebody, who stops to take it.
pub(crate) fn hand_over(me: &mut Person, stage: &mut Stage, to: u32, what: Own) {
    let tasks = vec![Task::Receive { from: me.id }];
    stage.posts.push(Post::Ask { to, tasks });
    me.queue.push_back(Task::Give(Gift {
        to,
        what,
        units: 1,
        adversarial: true,
        at: None,
    }));
}

/// Uses a thing up and puts its empty package where it came from: it still must be paid.
pub(crate) fn put_empty(me: &mut Person, stage: &mut Stage, unit: UnitId, sku: SkuIx) {
    let Some((shelf, x_m)) = me.last_place else {
        return;
    };
    let (mass_g, size_m) = {
        let full = stage.goods.get(unit);
        (0.08 * full.mass_g, full.size_m)
    };
    let empty = stage.goods.make_foreign(mass_g, size_m, Some(sku));
    me.queue.push_back(Task::Stow);
    me.queue.push_back(Task::Wait(me.draw.between(4.0, 15.0)));
    me.bag.push(empty);
    push_put(me, stage, Own::Unit(empty), Place::Near(shelf, x_m), true);
}

/// Another shopper who could be asked for something.
fn somebody_free(me: &mut Person, stage: &Stage) -> Option<u32> {
    let free: Vec<u32> = stage
        .crowd
        .iter()
        .filter(|n| n.free && n.person != me.id && n.receives_from.is_none())
        .map(|n| n.person)
        .collect();
    me.draw.pick(&free).copied()
}
