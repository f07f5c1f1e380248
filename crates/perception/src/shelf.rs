//! One shelf: plates that changed together become one step, disturbances without change a touch.

use crate::PerceptionConfig;
use crate::PerceptionEvent;
use crate::intake::PlateIntake;
use crate::plate::{HISTORY, PlateState, Rested};
use std::ops::Range;
use walkout_model::layout::Plate;
use walkout_model::{
    PlateDelta, PlateFault, PlateHealth, PlateIx, ShelfIx, ShelfTouch, StoreTime, WeightStep,
};

/// Points of a curve at most.
const CURVE: i64 = 64;

/// The state of one shelf.
#[derive(Clone, Debug)]
pub(crate) struct ShelfState {
    shelf: ShelfIx,
    plates: Range<u32>,
    /// Left and right edge of each plate, metres, in the order of `plates`.
    spans: Vec<(f32, f32)>,
    /// Plates that came to a new rest and wait for their neighbours.
    ready: Vec<(usize, Rested)>,
    /// The disturbance going on: first bin, last bin, peak.
    touch: Option<(i64, i64, f32)>,
    /// Last bin of the step emitted last.
    stepped: i64,
}

impl ShelfState {
    pub(crate) fn new(shelf: ShelfIx, plates: Range<u32>, all: &[Plate]) -> Self {
        let range = plates.start as usize..plates.end as usize;
        let spans = all
            .get(range)
            .unwrap_or_default()
            .iter()
            .map(|p| (p.x_m as f32, (p.x_m + p.width_m) as f32))
            .collect();
        Self {
            shelf,
            plates,
            spans,
            ready: Vec::new(),
            touch: None,
            stepped: i64::MIN,
        }
    }

    pub(crate) fn interrupt(&mut self) {
        self.ready.clear();
        self.touch = None;
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the shelf owns neither plates nor output; a struct for one call would hide that"
    )]
    pub(crate) fn close_bin(
        &mut self,
        bin: i64,
        end: StoreTime,
        config: &PerceptionConfig,
        intakes: &mut [PlateIntake],
        plates: &mut [PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        let range = self.plates.start as usize..self.plates.end as usize;
        let (Some(intakes), Some(plates)) = (intakes.get_mut(range.clone()), plates.get_mut(range))
        else {
            return;
        };
        // Once in half a second is enough for what takes seconds; shelves take turns.
        if (bin + i64::from(self.shelf.0)).rem_euclid(10) == 0 {
            self.judge_health(end, config, intakes, plates, out);
        }
        let mut busy = false;
        let mut before = 0.0;
        for (i, intake) in intakes.iter_mut().enumerate() {
            let after = plates.get(i + 1).map_or(0.0, PlateState::departure);
            let Some(plate) = plates.get_mut(i) else {
                break;
            };
            let departure = plate.departure();
            let value = intake.close(bin).map(|(mean, _)| mean);
            let shadow = config.leak * after.max(before);
            if let Some(rested) = plate.update(bin, value, shadow, config) {
                self.note(i, rested, config);
            }
            before = departure;
            busy |= plate.active_since().is_some();
        }
        if !self.ready.is_empty() {
            self.emit_ready(bin, config, plates, serial, out);
        }
        if !busy && self.ready.is_empty() {
            self.emit_touch(config, out);
        }
    }

    fn note(&mut self, plate: usize, rested: Rested, config: &PerceptionConfig) {
        if rested.delta.abs() >= config.step_g.max(4.0 * rested.sigma) {
            self.ready.push((plate, rested));
            return;
        }
        let (from, to, peak) = self
            .touch
            .unwrap_or((rested.onset, rested.settled, rested.peak));
        let peak = if rested.peak.abs() > peak.abs() {
            rested.peak
        } else {
            peak
        };
        self.touch = Some((from.min(rested.onset), to.max(rested.settled), peak));
    }

    fn emit_touch(&mut self, config: &PerceptionConfig, out: &mut Vec<PerceptionEvent>) {
        let Some((from, to, peak)) = self.touch.take() else {
            return;
        };
        if peak.abs() >= config.touch_g && from > self.stepped {
            out.push(PerceptionEvent::Touch(ShelfTouch {
                shelf: self.shelf,
                t_start: time_of(from, config),
                t_end: time_of(to, config),
                peak_g: peak,
            }));
        }
    }

    /// Emits the groups among the plates that are ready and need not wait for a neighbour.
    fn emit_ready(
        &mut self,
        bin: i64,
        config: &PerceptionConfig,
        plates: &mut [PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        self.hurry_neighbours(bin, config, plates);
        self.ready.sort_by_key(|(plate, r)| (*plate, r.change));
        let mut left = std::mem::take(&mut self.ready);
        while let Some(first) = left.first().copied() {
            let mut group = vec![first];
            left.remove(0);
            // Grow over plates side by side (one silent plate may lie between) that changed together.
            let mut grown = true;
            while grown {
                grown = false;
                let mut i = 0;
                while i < left.len() {
                    let (p, r) = left[i];
                    let joins = group
                        .iter()
                        .any(|(q, s)| p != *q && together(p.abs_diff(*q), &r, s, config));
                    if !joins {
                        i += 1;
                        continue;
                    }
                    left.remove(i);
                    grown = true;
                    match group.iter_mut().find(|(q, _)| *q == p) {
                        // The plate seemed to rest in the midst of what its neighbour shows to be one
                        // action: both its changes belong to it.
                        Some((_, s)) => *s = chain(s, &r),
                        None => group.push((p, r)),
                    }
                }
            }
            let change = group.iter().map(|(_, r)| r.change).max().unwrap_or(bin);
            let settled = group.iter().map(|(_, r)| r.settled).max().unwrap_or(bin);
            let onset = group.iter().map(|(_, r)| r.onset).min().unwrap_or(bin);
            let waits = bin - settled < config.wait_bins
                && plates.iter().enumerate().any(|(p, state)| {
                    // A plate of the group that moves again waits only if it never truly rested.
                    let own = group.iter().find(|(q, _)| *q == p).map(|(_, r)| r.settled);
                    let near = group.iter().any(|(q, _)| p.abs_diff(*q) <= 1);
                    near && state.active_since().is_some_and(|since| {
                        since <= change + config.together_bins
                            && own.is_none_or(|rested| since > rested && since > onset)
                    })
                });
            if waits {
                self.ready.append(&mut group);
            } else {
                group.sort_by_key(|(plate, _)| *plate);
                self.emit_group(&group, bin, config, plates, serial, out);
            }
        }
    }

    /// A plate that still rings beside one that has rested for a while, and that was disturbed by the
    /// same action, is read as it is: both are one item.
    fn hurry_neighbours(&mut self, bin: i64, config: &PerceptionConfig, plates: &mut [PlateState]) {
        let mut hurried = Vec::new();
        for (p, state) in plates.iter_mut().enumerate() {
            let Some(onset) = state.active_since() else {
                continue;
            };
            let partner = self.ready.iter().any(|(q, r)| {
                p.abs_diff(*q) == 1
                    && (r.onset - onset).abs() <= 6
                    && bin - r.settled >= config.hurry_bins
            });
            if partner && let Some(rested) = state.rest_now(bin, config) {
                hurried.push((p, rested));
            }
        }
        for (p, rested) in hurried {
            self.note(p, rested, config);
        }
    }

    fn emit_group(
        &mut self,
        group: &[(usize, Rested)],
        bin: i64,
        config: &PerceptionConfig,
        plates: &[PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        let onset = group.iter().map(|(_, r)| r.onset).min().unwrap_or(bin);
        let settled = group.iter().map(|(_, r)| r.settled).max().unwrap_or(bin);
        let heaviest = group
            .iter()
            .max_by(|a, b| a.1.delta.abs().total_cmp(&b.1.delta.abs()));
        let change = heaviest.map_or(bin, |(_, r)| r.change);
        let mut deltas: Vec<(usize, f32, f32)> =
            group.iter().map(|(p, r)| (*p, r.delta, r.sigma)).collect();
        self.add_neighbours(&mut deltas, onset, settled, bin, plates);
        deltas.sort_by_key(|(p, _, _)| *p);
        if deltas
            .iter()
            .all(|d| d.1.abs() < config.step_g.max(4.0 * d.2))
        {
            // Pressed and let go, in the end.
            return;
        }
        let slight = deltas.iter().filter(|d| d.1.abs() > 1.0);
        if slight.clone().count() >= 5 && slight.clone().all(|d| d.1.abs() < config.touch_g) {
            // The whole board shifted a little: it was knocked.
            return;
        }
        let delta_g: f32 = deltas.iter().map(|d| d.1).sum();
        let sigma_g = deltas.iter().map(|d| d.2 * d.2).sum::<f32>().sqrt();
        *serial += 1;
        self.stepped = self.stepped.max(bin);
        let known_at = time_of(bin + 1, config) + config.delay;
        out.push(PerceptionEvent::Step(WeightStep {
            serial: *serial,
            replaces: None,
            shelf: self.shelf,
            t_start: time_of(onset, config),
            t_change: time_of(change, config),
            t_end: time_of(settled.max(change), config),
            known_at,
            delta_g,
            sigma_g,
            plates: deltas
                .iter()
                .map(|&(p, delta_g, sigma_g)| PlateDelta {
                    plate: PlateIx(self.plates.start + p as u32),
                    delta_g,
                    sigma_g,
                })
                .collect(),
            curve: curve(onset, bin, config, plates),
        }));
    }

    /// A light share that a plate beside the group got is below its own threshold but not below the
    /// group's: read it off the bins before and after.
    fn add_neighbours(
        &self,
        deltas: &mut Vec<(usize, f32, f32)>,
        onset: i64,
        settled: i64,
        bin: i64,
        plates: &[PlateState],
    ) {
        if bin - onset > HISTORY as i64 - 12 {
            return;
        }
        let (Some(lo), Some(hi)) = (
            deltas.iter().map(|d| d.0).min(),
            deltas.iter().map(|d| d.0).max(),
        ) else {
            return;
        };
        for p in lo.saturating_sub(1)..=(hi + 1).min(self.spans.len().saturating_sub(1)) {
            if deltas.iter().any(|d| d.0 == p) || self.ready.iter().any(|(q, _)| *q == p) {
                continue;
            }
            let Some(state) = plates.get(p) else { continue };
            if state.active_since().is_some() {
                continue;
            }
            let (Some(before), Some(after)) = (
                state.mean(onset - 8, onset),
                state.mean(settled.min(bin - 6), bin + 1),
            ) else {
                continue;
            };
            let delta = after - before;
            let sigma = (state.noise() * 0.7).max(0.2);
            if delta.abs() < 12.0 {
                deltas.push((p, delta, sigma));
            }
        }
    }

    fn judge_health(
        &self,
        now: StoreTime,
        config: &PerceptionConfig,
        intakes: &mut [PlateIntake],
        plates: &mut [PlateState],
        out: &mut Vec<PerceptionEvent>,
    ) {
        let lively = |i: &PlateIntake| {
            i.health() != PlateHealth::Dead
                && now.since(i.unchanged_since()).0 < config.stuck_after.0 / 2
        };
        let varying = intakes.iter().filter(|i| lively(i)).count();
        for (i, (intake, plate)) in intakes.iter_mut().zip(plates.iter_mut()).enumerate() {
            let others = varying - usize::from(lively(intake));
            let was = intake.health();
            if was == PlateHealth::Stuck {
                plate.blind_since(bin_of(intake.unchanged_since(), config));
            }
            if let Some(health) = intake.judge(now, others >= 2, config) {
                out.push(PerceptionEvent::Fault(PlateFault {
                    t: now,
                    plate: PlateIx(self.plates.start + i as u32),
                    health,
                }));
            }
        }
    }
}

/// Whether what two plates so far apart did is one action: an item is set down or lifted off all its
/// plates at once, a hand presses all of them from the same instant on, and what begins and ends
/// while a neighbour is disturbed is part of the disturbance.
fn together(apart: usize, a: &Rested, b: &Rested, config: &PerceptionConfig) -> bool {
    let within = |r: &Rested, s: &Rested| s.onset <= r.onset + 2 && r.settled <= s.settled + 4;
    let same_change = (a.change - b.change).abs() <= config.together_bins;
    let same_onset = (a.onset - b.onset).abs() <= 3 && (a.delta < 0.0) == (b.delta < 0.0);
    match apart {
        1 => same_change || same_onset || within(a, b) || within(b, a),
        2 => same_change,
        _ => false,
    }
}

/// Two changes of one plate as one.
fn chain(a: &Rested, b: &Rested) -> Rested {
    let later = if a.delta.abs() > b.delta.abs() { a } else { b };
    Rested {
        onset: a.onset.min(b.onset),
        change: later.change,
        settled: a.settled.max(b.settled),
        delta: a.delta + b.delta,
        sigma: a.sigma.hypot(b.sigma),
        peak: later.peak,
    }
}

/// The shelf's sum from a little before `onset` to `bin`, thinned to [`CURVE`] points.
fn curve(
    onset: i64,
    bin: i64,
    config: &PerceptionConfig,
    plates: &[PlateState],
) -> Vec<(i32, f32)> {
    let from = (onset - 10).max(bin + 1 - HISTORY as i64);
    let stride = ((bin - from) / CURVE + 1).max(1);
    let bin_ms = config.bin.0 / 1_000;
    (from..=bin)
        .step_by(usize::try_from(stride).unwrap_or(1))
        .map(|b| {
            let ms = i32::try_from((b - onset).saturating_mul(bin_ms)).unwrap_or(i32::MAX);
            (ms, plates.iter().map(|p| p.shown(b)).sum())
        })
        .collect()
}

fn time_of(bin: i64, config: &PerceptionConfig) -> StoreTime {
    StoreTime(bin.saturating_mul(config.bin.0))
}

fn bin_of(t: StoreTime, config: &PerceptionConfig) -> i64 {
    t.0.div_euclid(config.bin.0.max(1))
}
