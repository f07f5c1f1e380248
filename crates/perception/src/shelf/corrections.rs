//! Steps that were told too soon are put right, or taken back.

use super::groups::chain;
use super::weigh::sum;
use super::{ShelfState, Told};
use crate::plate::{PlateState, Rested};
use crate::{PerceptionConfig, PerceptionEvent};
use walkout_model::{StoreTime, WeightStep};

/// What moves on by so much within a quarter of a second is not read for the last time yet, grams.
const GOES_ON_G: f32 = 1.5;

impl ShelfState {
    /// Whether no plate of the step that was told last of this one has moved on since.
    pub(super) fn is_open(&self, plate: usize, plates: &[PlateState]) -> bool {
        let told = self
            .told
            .iter()
            .rfind(|t| t.group.iter().any(|(p, _)| *p == plate));
        told.is_none_or(|t| {
            t.group
                .iter()
                .all(|(p, r)| plates.get(*p).is_some_and(|s| s.left(r.found).is_none()))
        })
    }

    /// A plate went on moving after a rest that was but a pause: what was noted of it, or told, is open again.
    pub(super) fn reopen(&mut self, plate: usize, found: i64, bin: i64) {
        self.reopened = bin;
        self.ready.retain(|(p, _)| *p != plate);
        let Some(i) = self
            .told
            .iter()
            .rposition(|t| t.group.iter().any(|(p, r)| *p == plate && r.found >= found))
        else {
            return;
        };
        // What was taken for its afterthought was the beginning of something else: the step stands.
        if let Some(told) = self.told.get_mut(i)
            && let Some(before) = told.before_afterthought.take()
        {
            let of_it = before.iter().any(|(p, r)| *p == plate && r.found >= found);
            if !of_it {
                told.group = before;
                told.done = true;
                return;
            }
        }
        let told = self.told.remove(i);
        self.owed.push((plate, told.step.serial));
        // Its other plates wait for this one again.
        self.ready
            .extend(told.group.into_iter().filter(|(p, _)| *p != plate));
    }

    /// Steps whose plates came back to where they were are taken back.
    pub(super) fn settle_debts(
        &mut self,
        bin: i64,
        now: StoreTime,
        plates: &[PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        let mut i = 0;
        while let Some(&(plate, owed)) = self.owed.get(i) {
            let open = plates
                .get(plate)
                .is_some_and(|p| p.active_since().is_some())
                || self.ready.iter().any(|(p, _)| p.abs_diff(plate) <= 2);
            if open {
                i += 1;
                continue;
            }
            self.owed.remove(i);
            self.take_back(owed, bin, now, serial, out);
        }
    }

    /// Says that a step was nothing.
    pub(super) fn take_back(
        &mut self,
        owed: u64,
        bin: i64,
        now: StoreTime,
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        *serial += 1;
        let nothing = WeightStep {
            serial: *serial,
            replaces: Some(owed),
            shelf: self.shelf,
            t_start: now,
            t_change: now,
            t_end: now,
            known_at: now,
            delta_g: 0.0,
            sigma_g: 0.0,
            plates: Vec::new(),
            curve: Vec::new(),
            seen: None,
        };
        self.say(nothing, bin, out);
    }

    /// A while after a step its plates' levels are known better: if they say something else, so does
    /// a step that replaces it.
    pub(super) fn refine(
        &mut self,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        plates: &[PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        let mut i = 0;
        self.told
            .retain(|t| bin - t.bin <= config.lean_bins + config.wait_bins);
        while let Some(told) = self.told.get(i) {
            let age = bin - told.bin;
            if told.done {
                i += 1;
                continue;
            }
            let soon = told.read_again == 0 && age >= config.soon_bins;
            if !soon && age < config.refine_bins {
                i += 1;
                continue;
            }
            let last = age >= config.refine_bins;
            let unsettled = || neighbour_moves(told, bin, plates) || still_moves(told, bin, plates);
            if age < config.wait_bins && unsettled() {
                i += 1;
                continue;
            }
            // The last reading is of what followed the first correction alone: the end of a slow fall is not in it.
            let from = if last {
                told.bin + config.soon_bins
            } else {
                told.bin - 1
            };
            let shares = self
                .measure(&told.group, from, bin, config, plates)
                .filter(|shares| {
                    let (delta_g, sigma_g) = sum(shares);
                    // Shaken yet: it will be known better.
                    !last
                        || age >= 2 * config.refine_bins
                        || sigma_g <= 3.0_f32.max(0.01 * delta_g.abs())
                });
            let Some(shares) = shares else {
                if let Some(told) = self.told.get_mut(i) {
                    told.done = age >= config.wait_bins;
                }
                i += 1;
                continue;
            };
            let mut step = told.step.clone();
            (step.delta_g, step.sigma_g) = sum(&shares);
            step.plates = shares;
            let off = (step.delta_g - told.step.delta_g).abs();
            let worse = step.sigma_g > 1.5 * told.step.sigma_g
                && off <= 4.0 * step.sigma_g.hypot(told.step.sigma_g);
            let worth = if worse {
                false
            } else if last {
                off > step.sigma_g.max(0.01 * step.delta_g.abs()).max(0.5)
                    || told.step.sigma_g > (2.0 * step.sigma_g).max(2.0 + 0.01 * step.delta_g.abs())
            } else {
                off > 2.0 * step.sigma_g
            };
            if worth {
                *serial += 1;
                step.replaces = Some(step.serial);
                step.serial = *serial;
                step.known_at = now;
                if step.delta_g.abs() < config.least_g {
                    take_back(&mut step);
                }
                self.say(step.clone(), bin, out);
            }
            if worth && step.plates.is_empty() {
                self.told.remove(i);
            } else if let Some(told) = self.told.get_mut(i) {
                told.read_again += 1;
                told.done = last;
                if worth {
                    told.step = step;
                }
                i += 1;
            }
        }
    }

    /// Whether a slight change belongs to the step that was told of the same plates just now: it is read again
    /// instead. Not if a hand pressed first: then it is an action of its own.
    pub(super) fn is_afterthought(
        &mut self,
        group: &[(usize, Rested)],
        delta_g: f32,
        bin: i64,
        config: &PerceptionConfig,
    ) -> bool {
        let told = self.told.iter_mut().rev().find(|t| {
            let slight = 10.0_f32.max(0.03 * t.step.delta_g.abs());
            delta_g.abs() <= slight
                && group.iter().all(|(_, r)| {
                    r.onset - t.bin <= config.one_action_bins && r.peak < config.touch_g
                })
                && delta_g.abs() < 0.5 * t.step.delta_g.abs()
                && group
                    .iter()
                    .all(|(p, _)| t.group.iter().any(|(q, _)| p == q))
        });
        let Some(told) = told else { return false };
        told.bin = bin;
        told.done = false;
        told.before_afterthought
            .get_or_insert_with(|| told.group.clone());
        for (p, rested) in group {
            if let Some((_, own)) = told.group.iter_mut().find(|(q, _)| q == p) {
                *own = chain(own, rested);
            }
        }
        true
    }
}

/// Whether a plate beside those of a step is on its way as they were: it may hold a share.
fn neighbour_moves(told: &Told, bin: i64, plates: &[PlateState]) -> bool {
    let is_own = |p: usize| told.group.iter().any(|(q, _)| *q == p);
    told.group.iter().any(|(p, _)| {
        [p.wrapping_sub(1), p + 1].into_iter().any(|beside| {
            !is_own(beside)
                && plates.get(beside).is_some_and(|state| {
                    state.active_since().is_some()
                        && state.offset(bin) * told.step.delta_g > 0.0
                        && state.offset(bin).abs() <= told.step.delta_g.abs()
                })
        })
    })
}

/// Whether the plates of a step still go on the way they went, by the last half second.
fn still_moves(told: &Told, bin: i64, plates: &[PlateState]) -> bool {
    let (mut moved, mut variance) = (0.0, 0.0_f32);
    for (p, _) in &told.group {
        let Some(state) = plates.get(*p) else {
            continue;
        };
        let half = |from: i64| state.mean(from, from + 5);
        if let (Some(before), Some(after)) = (half(bin - 9), half(bin - 4)) {
            moved += after - before;
            variance += 0.4 * state.noise().powi(2);
        }
    }
    moved * told.step.delta_g > 0.0 && moved.abs() > GOES_ON_G.max(3.0 * variance.sqrt())
}

/// Turns a step into one that says: nothing.
fn take_back(step: &mut WeightStep) {
    step.delta_g = 0.0;
    step.sigma_g = 0.0;
    step.plates.clear();
    step.curve.clear();
}
