//! What people want: shoppers, staff, and those who follow a script.

use super::goods::{Place, UnitId};
use super::mischief;
use super::person::Person;
use super::script::Part;
use super::staff::Work;
use super::stage::Stage;
use super::task::{Deed, Job, Own, Task, Wanted};
use crate::presets::Habits;
use std::sync::Arc;
use walkout_model::{GateIx, LaneIx, ShelfIx, SkuIx};

/// What a person is here for.
#[derive(Debug)]
pub(crate) enum Mind {
    /// To shop.
    Shopper(Shopping),
    /// To fill and tidy shelves.
    Staff(Work),
    /// To do what a scenario says.
    Part(Part),
    /// Between two decisions.
    Blank,
}

/// A shopper's errand.
#[derive(Debug)]
pub(crate) struct Shopping {
    pub habits: Arc<Habits>,
    pub demand: Arc<Demand>,
    /// Actions still to do.
    pub left: u32,
    /// Whom a child goes with.
    pub leader: Option<u32>,
    pub exit: GateIx,
    /// What to do with the thing just taken.
    pub after: After,
    /// Things of the shopper's own that lie on a shelf and must be taken up again.
    pub lying: Vec<Lying>,
    pub leaving: bool,
}

/// A thing that a shopper laid on a shelf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lying {
    pub unit: UnitId,
    pub shelf: ShelfIx,
    pub x_m: f64,
    /// How often it could not be taken up.
    pub tries: u8,
}

/// What follows a take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum After {
    /// Into the bag, or kept in hand for a while.
    #[default]
    Usual,
    /// Back again, later, to its own place.
    PutBack,
    /// Somewhere else.
    PutWrong,
    /// Along the shelf, to another plate.
    Shift,
    /// To another person.
    HandOver { to: u32 },
    /// Its empty package goes back onto the shelf.
    Empty,
}

/// How much each lane is asked for.
#[derive(Debug)]
pub(crate) struct Demand {
    /// Weight by lane; 0 where nobody can reach it.
    pub lanes: Vec<f64>,
}

impl Mind {
    /// Fills the queue of somebody who has nothing to do.
    pub fn decide(person: &mut Person, stage: &mut Stage) {
        let mut mind = std::mem::replace(&mut person.mind, Mind::Blank);
        match &mut mind {
            Mind::Shopper(shopping) => shopping.decide(person, stage),
            Mind::Staff(work) => work.decide(person, stage),
            Mind::Part(part) => part.decide(person, stage),
            Mind::Blank => {}
        }
        person.mind = mind;
    }

    /// Whether a stranger can ask this person for something.
    pub fn is_sociable(&self) -> bool {
        matches!(self, Mind::Shopper(s) if !s.leaving)
    }
}

impl Shopping {
    fn decide(&mut self, me: &mut Person, stage: &mut Stage) {
        let after = std::mem::take(&mut self.after);
        if after != After::Usual && !me.last_taken.is_empty() {
            return self.follow_up(after, me, stage);
        }
        me.last_taken.clear();
        if self.take_up_own(me, stage) {
            return;
        }
        if self.leaving {
            return;
        }
        if self.left == 0 {
            return self.leave(me, stage);
        }
        self.left -= 1;
        if let Some(leader) = self.leader
            && me.draw.chance(0.6)
        {
            let seconds = me.draw.between(4.0, 12.0);
            me.queue.push_back(Task::Follow {
                person: leader,
                seconds,
            });
            return;
        }
        if self.is_adversarial(me, stage) && mischief::plot(self, me, stage) {
            return;
        }
        if self.wants_to_put_back(me, stage) && self.put_back(me, stage, false) {
            return;
        }
        if me.draw.chance(self.habits.touch) {
            return self.touch(me, stage);
        }
        self.take(me, stage);
    }

    /// Takes up what lies on a shelf, at the latest before leaving.
    fn take_up_own(&mut self, me: &mut Person, stage: &Stage) -> bool {
        self.lying.retain(|l| {
            let stands = stage.goods.get(l.unit).stand.is_some();
            // Something that others buried under goods is given up.
            stands && l.tries < 4
        });
        let Some(lying) = self.lying.first_mut() else {
            return false;
        };
        if self.left > 0 && !me.draw.chance(0.4) {
            return false;
        }
        lying.tries += 1;
        mischief::take_up(me, *lying);
        true
    }

    fn is_adversarial(&self, me: &mut Person, stage: &Stage) -> bool {
        if self.habits.adversarial <= 0.0 {
            return false;
        }
        // Some plots are two lines of the truth and some fail: steer by what really happened.
        let done = f64::from(stage.truth.actions.max(1));
        let share = f64::from(stage.truth.adversarial) / done;
        let wanted = self.habits.adversarial;
        me.draw
            .chance((wanted + 4.0 * (wanted - share)).clamp(0.05, 0.9))
    }

    fn wants_to_put_back(&self, me: &mut Person, stage: &Stage) -> bool {
        let own = me
            .belongings()
            .filter(|&id| stage.goods.get(id).sku.is_some())
            .count();
        let chance = match (self.habits.put_share, own) {
            (_, 0) => 0.0,
            // Few come for nothing: who has one thing rarely gives it back, at the end never.
            (Some(_), 1) if self.left == 0 => 0.0,
            (Some(share), 1) => share * 1.3,
            // Of n actions the first is a take: the others must make up for it.
            (Some(share), _) => share * 2.1,
            (None, _) => self.habits.put_back,
        };
        me.draw.chance(chance)
    }

    /// Takes something wanted, one or several units.
    pub fn take(&mut self, me: &mut Person, stage: &Stage) {
        let Some((lane, x_m)) = self.choose_lane(me, stage) else {
            // Sold out, or nothing can be reached.
            me.queue.push_back(Task::Wait(1.0));
            return;
        };
        let several = me.draw.chance(self.habits.several);
        let units = if several { me.draw.whole(2, 3) } else { 1 };
        self.go_and_look(me, stage, lane, x_m);
        let l = &stage.shop.planogram.lanes[lane.usize()];
        let one_grab = fits_hand(stage, l.sku, units) && me.draw.chance(0.5);
        let (grabs, each) = if one_grab { (1, units) } else { (units, 1) };
        for grab in 0..grabs {
            me.queue.push_back(Task::Reach(Job::new(Deed::Take {
                shelf: l.shelf,
                x_m,
                what: Wanted::Sku(l.sku),
                units: each,
            })));
            if grab + 1 < grabs || !me.draw.chance(self.habits.keep) {
                me.queue.push_back(Task::Stow);
            }
        }
    }

    /// Walks to a lane and looks at it for a while.
    pub fn go_and_look(&self, me: &mut Person, stage: &Stage, lane: LaneIx, x_m: f64) {
        let shelf = stage.shop.planogram.lanes[lane.usize()].shelf;
        me.queue.push_back(Task::Approach { shelf, x_m });
        let seconds = me.draw.exponential(self.habits.browse_s).min(15.0);
        me.queue.push_back(Task::Wait(0.3 + seconds));
    }

    /// A lane that has something to take, by demand, and where along its shelf.
    pub fn choose_lane(&self, me: &mut Person, stage: &Stage) -> Option<(LaneIx, f64)> {
        let wants_two = self.habits.straddle.map(|share| me.draw.chance(share));
        let mut fallback = None;
        for _ in 0..20 {
            let lane = LaneIx::from(me.draw.weighted(&self.demand.lanes)?);
            let l = &stage.shop.planogram.lanes[lane.usize()];
            let x_m = l.x_m + l.width_m * me.draw.between(0.1, 0.9);
            let front = stage.goods.takeable(l.shelf, l.sku, x_m);
            let Some(&first) = front.first() else {
                continue;
            };
            let stand = stage.goods.get(first).stand.as_ref();
            let on = stand.map_or(0, |s| s.shares.iter().filter(|(_, w)| *w > 0.02).count());
            let found = (lane, stand.map_or(x_m, |s| s.x_m));
            if wants_two.is_none_or(|two| two == (on >= 2)) {
                return Some(found);
            }
            fallback.get_or_insert(found);
        }
        fallback
    }

    /// Puts one of the shopper's things back; false if there is none.
    pub fn put_back(&mut self, me: &mut Person, stage: &Stage, wrong: bool) -> bool {
        let Some(sku) = me.some_own_sku(&stage.goods) else {
            return false;
        };
        let wrong = wrong || me.draw.chance(self.habits.wrong_place);
        let Some(place) = self.place_for(me, stage, sku, wrong) else {
            return false;
        };
        push_put(me, stage, Own::Sku(sku), place, wrong);
        true
    }

    /// The lane of a SKU, or some other place.
    pub fn place_for(
        &self,
        me: &mut Person,
        stage: &Stage,
        sku: SkuIx,
        wrong: bool,
    ) -> Option<Place> {
        let lanes = &stage.shop.planogram.lanes;
        if !wrong {
            let homes: Vec<usize> = (0..lanes.len())
                .filter(|&l| lanes[l].sku == sku && self.demand.lanes[l] > 0.0)
                .collect();
            let home = *me.draw.pick(&homes)?;
            if self.habits.beside_m > 0.0 {
                let lane = &lanes[home];
                let off = me.draw.normal() * self.habits.beside_m;
                return Some(Place::Near(lane.shelf, lane.x_m + lane.width_m / 2.0 + off));
            }
            return Some(Place::Lane(LaneIx::from(home)));
        }
        for _ in 0..20 {
            let lane = &lanes[me.draw.weighted(&self.demand.lanes)?];
            if lane.sku != sku {
                let x_m = lane.x_m + lane.width_m * me.draw.between(0.2, 0.8);
                return Some(Place::Near(lane.shelf, x_m));
            }
        }
        None
    }

    /// Touches something and leaves it.
    pub fn touch(&mut self, me: &mut Person, stage: &Stage) {
        let Some((lane, x_m)) = self.choose_lane(me, stage) else {
            return;
        };
        self.go_and_look(me, stage, lane, x_m);
        let job = Job::new(Deed::Press {
            shelf: stage.shop.planogram.lanes[lane.usize()].shelf,
            x_m,
            grams: me.draw.log_normal(150.0, 0.7, (30.0, 900.0)),
            seconds: me.draw.between(0.5, 2.0),
        });
        me.queue.push_back(Task::Reach(job));
    }

    fn follow_up(&mut self, after: After, me: &mut Person, stage: &mut Stage) {
        let taken = std::mem::take(&mut me.last_taken);
        let unit = taken[0];
        let Some(sku) = stage.goods.get(unit).sku else {
            return;
        };
        match after {
            After::Usual => {}
            After::PutBack | After::PutWrong => {
                let wrong = after == After::PutWrong;
                let seconds = me.draw.between(1.5, 10.0);
                me.queue.push_back(Task::Wait(seconds));
                if let Some(place) = self.place_for(me, stage, sku, wrong) {
                    push_put(me, stage, Own::Unit(unit), place, true);
                }
            }
            After::Shift => mischief::shift(self, me, stage, unit),
            After::HandOver { to } => mischief::hand_over(me, stage, to, Own::Unit(unit)),
            After::Empty => mischief::put_empty(me, stage, unit, sku),
        }
    }

    fn leave(&mut self, me: &mut Person, stage: &Stage) {
        self.leaving = true;
        leave_by(me, stage, self.exit);
    }
}

/// Queues the way out: the party leaves together.
pub(crate) fn leave_by(me: &mut Person, stage: &Stage, exit: GateIx) {
    me.queue.extend([
        Task::Stow,
        Task::Ready,
        Task::AwaitParty,
        Task::Walk(stage.inside_of(exit)),
        Task::Queue {
            gate: exit,
            token: me.party,
        },
        Task::Pass {
            gate: exit,
            inward: false,
        },
    ]);
}

/// Walks to a place and puts something of one's own there.
pub(crate) fn push_put(me: &mut Person, stage: &Stage, what: Own, place: Place, bad: bool) {
    let (shelf, x_m) = stage.spot_of(place);
    me.queue.push_back(Task::Approach { shelf, x_m });
    me.queue.push_back(Task::Reach(Job {
        adversarial: bad,
        ..Job::new(Deed::Put {
            what,
            units: 1,
            place,
        })
    }));
}

/// Whether one hand can grab so many at once.
pub(crate) fn fits_hand(stage: &Stage, sku: SkuIx, units: u32) -> bool {
    let product = &stage.shop.catalogue[sku];
    product.size_mm[0] * units <= 170 && product.unit_mass.grams() * f64::from(units) <= 900.0
}
