//! Plates that were disturbed for long and came back to what they bore: a hand that pressed, or goods that one person
//! put there and another took. Plates cannot tell the two apart; who sees hands may.

use super::{ShelfState, time_of};
use crate::plate::{HISTORY, PlateState, Rested};
use crate::{PerceptionConfig, PerceptionEvent};
use walkout_model::{Disturbance, PlateIx, StoreTime};

/// Shorter than this nothing is put down and taken up again, bins: 0.7 s.
const LEAST_BINS: i64 = 14;
/// The longest press before a take, bins: 1.6 s.
const PRESS_BINS: i64 = 32;
/// Nothing lighter is sold, grams.
const LEAST_G: f32 = 15.0;

/// So long all is quiet about it before it is told, bins: 0.5 s.
const QUIET_BINS: i64 = 10;

/// What was put down and what was taken differ by at most, grams, or as a share of what stood there and pressed: two units
/// of one product do.
const SAME_G: f32 = 8.0;
const SAME_SHARE: f32 = 0.08;

/// A plate that came to rest after a disturbance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returned {
    plate: usize,
    from: i64,
    to: i64,
    /// What it changed by, grams; 0 where that is no more than noise.
    delta: f32,
}

impl ShelfState {
    /// A plate came to rest. What it did up to the last time that it came back to what it bore is not told twice.
    pub(super) fn came_to_rest(&mut self, plate: usize, rested: &Rested, changed: bool) {
        let Some(told) = self.returned_until.get_mut(plate) else {
            return;
        };
        let from = rested.onset.max(*told);
        if !changed {
            *told = rested.settled;
        }
        // A rest that was but a pause in this.
        let pause = |r: &Returned| r.plate == plate && r.delta != 0.0 && r.from >= rested.onset;
        self.returned.retain(|r| !pause(r));
        self.returned.push(Returned {
            plate,
            from,
            to: rested.settled,
            delta: if changed { rested.delta } else { 0.0 },
        });
    }

    /// Tells what came back once the plates beside are quiet, too.
    pub(super) fn tell_disturbed(
        &mut self,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        plates: &[PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        let oldest = bin + 1 - HISTORY as i64;
        // Beside a plate that never comes to rest nothing would ever be told.
        self.returned.retain(|r| r.to >= oldest);
        while let Some(group) = self.quiet_group(bin, plates) {
            let from = group.iter().map(|r| r.from).min().unwrap_or(bin);
            let to = group.iter().map(|r| r.to).max().unwrap_or(bin);
            let from = from.max(oldest);
            if to - from < LEAST_BINS || self.is_of_a_step(&group, (from, to)) {
                continue;
            }
            let mut own: Vec<usize> = group.iter().map(|r| r.plate).collect();
            own.sort_unstable();
            own.dedup();
            let changed = |p: usize| {
                let of_it = group.iter().filter(|r| r.plate == p);
                of_it.map(|r| r.delta).sum::<f32>()
            };
            // Off the rest that it had before all this.
            let off = |p: usize, b: i64| {
                let off = plates.get(p).map_or(0.0, |state| state.off_in(b));
                off + changed(p)
            };
            let course: Vec<f32> = (from..=to)
                .map(|b| own.iter().map(|p| off(*p, b)).sum())
                .collect();
            let peak = course
                .iter()
                .copied()
                .fold(0.0_f32, |a, g| if g.abs() > a.abs() { g } else { a });
            let left: f32 = own.iter().map(|p| changed(*p)).sum();
            if peak.abs() < LEAST_G || left.abs() > SAME_G.max(SAME_SHARE * peak.abs()) {
                continue;
            }
            // Where it was far off, each plate shows its share of whatever stood there.
            let far: Vec<i64> = (from..=to)
                .zip(&course)
                .filter(|(_, g)| **g * peak.signum() > 0.5 * peak.abs())
                .map(|(b, _)| b)
                .collect();
            let mean = |p: usize| far.iter().map(|b| off(p, *b)).sum::<f32>() / far.len() as f32;
            let bin_ms = config.bin.0 / 1_000;
            let ms = |k: usize| i32::try_from(k as i64 * bin_ms).unwrap_or(i32::MAX);
            *serial += 1;
            out.push(PerceptionEvent::Disturbed(Disturbance {
                serial: *serial,
                shelf: self.shelf,
                t_start: time_of(from, config),
                t_end: time_of(to, config),
                known_at: now,
                plates: own
                    .iter()
                    .map(|p| (PlateIx(self.plates.start + *p as u32), mean(*p)))
                    .collect(),
                left_g: left,
                course: course
                    .iter()
                    .enumerate()
                    .map(|(k, g)| (ms(k), *g))
                    .collect(),
            }));
        }
    }

    /// Whether it was how a step began: a hand presses before it takes.
    fn is_of_a_step(&self, group: &[Returned], (from, to): (i64, i64)) -> bool {
        to - from <= PRESS_BINS
            && group.iter().all(|r| r.delta == 0.0)
            && self.told.iter().any(|t| {
                t.group.iter().any(|(p, r)| {
                    let beside = group.iter().any(|g| g.plate.abs_diff(*p) <= 1);
                    beside && r.onset <= to && r.change >= from
                })
            })
    }

    /// Plates side by side that came back at the same time, with nothing going on about them.
    fn quiet_group(&mut self, bin: i64, plates: &[PlateState]) -> Option<Vec<Returned>> {
        let rests = |p: usize| {
            let state = plates.get(p);
            state.is_none_or(|s| s.rested_in(bin + 1 - QUIET_BINS, bin + 1))
        };
        let moves = |p: usize| {
            !rests(p)
                || !rests(p + 1)
                || p.checked_sub(1).is_some_and(|q| !rests(q))
                || self.ready.iter().any(|(q, _)| p.abs_diff(*q) <= 1)
        };
        let first = self.returned.iter().position(|r| !moves(r.plate))?;
        let mut group = vec![self.returned.remove(first)];
        let mut grown = true;
        while grown {
            grown = false;
            let joins = |r: &Returned| {
                group
                    .iter()
                    .any(|g| g.plate.abs_diff(r.plate) <= 1 && r.from <= g.to && g.from <= r.to)
            };
            if let Some(at) = self.returned.iter().position(joins) {
                group.push(self.returned.remove(at));
                grown = true;
            }
        }
        Some(group)
    }
}
