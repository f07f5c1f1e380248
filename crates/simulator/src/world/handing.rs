//! One person hands something to another.

use super::goods::UnitId;
use super::person::{Doing, Person};
use super::reach::ease;
use super::stage::{Neighbour, Post, Stage};
use super::task::Gift;
use super::walk::DT;
use crate::truth::{Action, Line};
use walkout_model::Point2;

/// Two people can hand something over within this distance, metres.
const ARM_M: f64 = 0.85;

impl Person {
    pub(super) fn give(&mut self, doing: &mut Doing, gift: Gift, stage: &mut Stage) -> bool {
        let Gift {
            to,
            what,
            units,
            adversarial,
            at,
        } = gift;
        let Some(other) = stage.neighbour(to).copied() else {
            self.failed = true;
            return true;
        };
        let me = self.walker.position;
        if me.distance(other.position) > ARM_M {
            // Walk up to them, and look again now and then where they are.
            let ticks = (doing.seconds / DT).round() as u64;
            if ticks % 30 == 1 {
                let away = (me - other.position) * (0.6 / me.distance(other.position));
                let beside = other.position + away;
                if let Some(to) = stage.floor.nearest_free(beside, 0.5) {
                    self.walker.set_out(stage, to);
                }
            }
            self.walker.step(stage, self.id);
            doing.to = None;
            return false;
        }
        self.walker.stand();
        self.walker.turn_to(other.position - me);
        let early = at.is_some_and(|at| at.since(stage.now()).as_secs_f64() > 0.8);
        if early || other.receives_from != Some(self.id) {
            return false;
        }
        let since = *doing.to.get_or_insert(Point2::new(doing.seconds, 0.0));
        let meet = ((me + other.position) * 0.5).at_height(1.05);
        let elapsed = doing.seconds - since.x;
        let held = self.hold_own(what, units, &stage.goods);
        let Some((hand, units)) = held else {
            self.failed = true;
            return true;
        };
        ease(&mut self.arms[hand].wrist, meet);
        // `step` eases the hand back to rest in the same tick; twice towards keeps it out.
        ease(&mut self.arms[hand].wrist, meet);
        if elapsed < 0.8 {
            return false;
        }
        self.arms[hand].holds.retain(|id| !units.contains(id));
        self.record_hand_over(&units, other, adversarial, stage);
        stage.posts.push(Post::Hand { to, units });
        true
    }

    /// Holds a hand out to somebody who is near enough to put something into it.
    pub(super) fn hold_out(&mut self, giver: &Neighbour) {
        let me = self.walker.position;
        if me.distance(giver.position) <= ARM_M {
            let meet = ((me + giver.position) * 0.5).at_height(1.05);
            let hand = self.receiving_hand();
            // Twice, as the giver does.
            ease(&mut self.arms[hand].wrist, meet);
            ease(&mut self.arms[hand].wrist, meet);
        }
    }

    fn record_hand_over(
        &self,
        units: &[UnitId],
        other: Neighbour,
        adversarial: bool,
        stage: &mut Stage,
    ) {
        let now = stage.now();
        let sku = units.first().and_then(|&id| stage.goods.get(id).sku);
        let line = Line::Action(Action {
            action: "hand_over",
            t_start: now - walkout_model::TimeDelta::from_millis(800),
            t_end: now,
            person: self.id,
            phone: stage.parties[self.party].phone,
            to_phone: stage.parties[other.party].phone,
            gtin: sku.map(|s| stage.shop.catalogue[s].gtin),
            units: units.len() as u32,
            shelf: None,
            plates: Vec::new(),
            home: false,
            mass_g: 0.0,
            adversarial,
        });
        stage.truth.write(&line);
    }
}
