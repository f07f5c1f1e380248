//! Acts of two people that became one step: each at an instant of their own.

use super::{Case, SHARED_MOST, nearest, touched, weighs_like};
use crate::belief::Belief;
use crate::looks::Held;
use crate::people::Candidate;
use crate::reach::is_blind;
use walkout_model::{Lane, Shop, StoreTime, TimeDelta, WeightStep};

/// A shorter step is one instant.
const LASTS: TimeDelta = TimeDelta::from_millis(1_000);
/// Instants are so far apart; nobody has moved anything so soon after the plates began to move, and nothing is known yet of what
/// came later after the change than this.
const EVERY: TimeDelta = TimeDelta::from_millis(350);
const BEGINS: TimeDelta = TimeDelta::from_millis(300);
const LATER: TimeDelta = TimeDelta::from_millis(800);
/// So long before the change nothing is looked for, and so many instants at most.
const EARLIER: TimeDelta = TimeDelta::from_millis(2_400);
const MOST: usize = 10;
/// Somebody who is not there at an instant.
const NOT_THERE: f64 = -60.0;

/// The instants at which parts of a step may have been done that weighs like several units of something; none where it
/// lasted too short, or too long.
pub(crate) fn instants(shop: &Shop, belief: &Belief, step: &WeightStep) -> Vec<StoreTime> {
    if is_blind(step)
        || step.t_end.since(step.t_start) < LASTS
        || !weighs_like_several(shop, belief, step)
    {
        return Vec::new();
    }
    let from = (step.t_start + BEGINS).max(step.t_change - EARLIER);
    let to = step.t_end.min(step.t_change + LATER);
    let at = |k: usize| from + TimeDelta(EVERY.0 * k as i64);
    (0..MOST).map(at).take_while(|t| *t <= to).collect()
}

fn weighs_like_several(shop: &Shop, belief: &Belief, step: &WeightStep) -> bool {
    let lanes: Vec<_> = touched(shop, step).collect();
    let near = |mass| weighs_like(step, mass);
    lanes.iter().enumerate().any(|(i, lane)| {
        let (one, var) = belief.masses.of(lane.sku, 1);
        let with = |other: &&Lane| {
            let (grams, more) = belief.masses.of(other.sku, 1);
            near((one + grams, var + more))
        };
        (2..=SHARED_MOST).any(|n| near(belief.masses.of(lane.sku, n)))
            || lanes.iter().skip(i + 1).any(with)
    })
}

impl Case<'_> {
    /// The same with who was there at other instants.
    pub(crate) fn at(mut self, instants: Vec<Vec<Candidate>>) -> Self {
        self.instants = instants;
        if !self.instants.is_empty() {
            let most = |c: &Candidate| {
                let others = self.instants.iter().flatten().filter(|o| o.who == c.who);
                others.map(Candidate::reach).fold(c.reach(), f64::max)
            };
            let reach: Vec<f64> = self.people.iter().map(most).collect();
            self.near = nearest(&reach);
        }
        self
    }

    /// Log weights of two parties having done a part each, by reach and by looks: in one instant; and each in one of their own,
    /// where that may be.
    pub(super) fn of_two(&self, [a, b]: [&Candidate; 2], held: [Held; 2]) -> Vec<(f64, f64)> {
        let (told, reach) = a.both(held[0], b, held[1]);
        let mut ways = vec![(told, reach)];
        if !self.instants.is_empty() {
            // Nobody's hands are two people's, at whatever instants.
            let one_track = reach - a.reach() - b.reach();
            let mean = |c: &Candidate, of: &dyn Fn(&Candidate) -> f64| self.mean(c, of);
            ways.push((
                one_track + mean(a, &|c| c.with_look(held[0])) + mean(b, &|c| c.with_look(held[1])),
                one_track + mean(a, &Candidate::reach) + mean(b, &Candidate::reach),
            ));
        }
        let shown = 0.5 * (self.shown(held[0]) + self.shown(held[1]));
        let by_looks = |(told, reach)| (reach, told - reach + shown);
        ways.into_iter().map(by_looks).collect()
    }

    /// Log mean over the instants of what a party weighs.
    fn mean(&self, c: &Candidate, of: &dyn Fn(&Candidate) -> f64) -> f64 {
        let at = |all: &Vec<Candidate>| all.iter().find(|o| o.who == c.who).map_or(NOT_THERE, of);
        let sum: f64 = self.instants.iter().map(|all| at(all).exp()).sum();
        (sum / self.instants.len().max(1) as f64).max(1e-30).ln()
    }
}
