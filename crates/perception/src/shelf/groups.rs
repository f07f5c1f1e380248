//! Plates that changed together become one step.

use super::{ShelfState, Told, time_of};
use crate::plate::{HISTORY, PlateState, Rested};
use crate::{PerceptionConfig, PerceptionEvent};
use walkout_model::{PlateDelta, PlateIx, StoreTime, WeightStep};

/// What a plate shows of goods that stand mostly on the one beside is no larger a share of theirs than this.
const SIDE_SHARE: f32 = 0.3;

/// Squared cosine from which on two plates' courses are proportional.
const IN_STEP: f32 = 0.9;

/// Points of a curve at most.
const CURVE: i64 = 64;

impl ShelfState {
    pub(super) fn note(
        &mut self,
        plate: usize,
        rested: Rested,
        config: &PerceptionConfig,
        plates: &[PlateState],
    ) {
        // A press that was still enough to be noted, and is let go before it was told.
        let before = self
            .ready
            .iter()
            .position(|(p, r)| *p == plate && r.delta > 0.0 && rested.delta < 0.0);
        let rested = match before {
            Some(i) => chain(&self.ready.remove(i).1, &rested),
            None => rested,
        };
        self.came_to_rest(plate, &rested, rested.counts(config));
        if rested.counts(config) {
            self.join_late(plate, &rested, config, plates);
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

    /// A plate that came to rest later than its neighbours have been told of, and was part of what they did:
    /// it is told again, with this plate.
    pub(super) fn join_late(
        &mut self,
        plate: usize,
        rested: &Rested,
        config: &PerceptionConfig,
        plates: &[PlateState],
    ) {
        let late = self.told.iter().rposition(|t| {
            !t.done
                && t.group.iter().any(|(q, s)| {
                    plate.abs_diff(*q) == 1
                        && (s.delta < 0.0) == (rested.delta < 0.0)
                        && together((plate, rested), (*q, s), config, plates)
                })
        });
        if let Some(i) = late {
            let told = self.told.remove(i);
            if let Some((q, _)) = told.group.first() {
                self.owed.push((*q, told.step.serial));
            }
            self.ready
                .extend(told.group.into_iter().filter(|(q, _)| *q != plate));
        }
    }

    /// Emits the groups among the plates that are ready and need not wait for a neighbour.
    pub(super) fn emit_ready(
        &mut self,
        bin: i64,
        now: StoreTime,
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
                        .any(|(q, s)| p != *q && together((p, &r), (*q, s), config, plates));
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
            let waits = bin - settled.max(self.reopened) < config.wait_bins
                && plates.iter().enumerate().any(|(p, state)| {
                    let Some(since) = state.active_since() else {
                        return false;
                    };
                    match group.iter().find(|(q, _)| *q == p) {
                        // A plate of the group that moves again: was it a press, it is let go now.
                        Some((_, own)) => own.delta > 0.0 || since <= own.onset,
                        None => group.iter().any(|(q, r)| match p.abs_diff(*q) {
                            0 | 1 => since <= change + config.together_bins,
                            2 => (since - r.onset).abs() <= 3,
                            _ => false,
                        }),
                    }
                });
            if waits {
                self.ready.append(&mut group);
            } else {
                group.sort_by_key(|(plate, _)| *plate);
                self.emit_group(group, bin, now, config, plates, serial, out);
            }
        }
    }

    /// A plate that still rings beside one that has rested for a while, and that was disturbed by the
    /// same action, is read as it is: both are one item.
    pub(super) fn hurry_neighbours(
        &mut self,
        bin: i64,
        config: &PerceptionConfig,
        plates: &mut [PlateState],
    ) {
        let mut hurried = Vec::new();
        for (p, state) in plates.iter_mut().enumerate() {
            let Some(onset) = state.active_since() else {
                continue;
            };
            let partner = self.ready.iter().any(|(q, r)| {
                p.abs_diff(*q) == 1
                    && state.offset(bin) * r.delta > 0.0
                    && (r.onset - onset).abs() <= 6
                    && bin - r.settled >= config.hurry_bins
            });
            if partner && let Some(rested) = state.rest_now(bin, config) {
                hurried.push((p, rested));
            }
        }
        for (p, rested) in hurried {
            self.note(p, rested, config, plates);
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one caller; each is a different thing"
    )]
    pub(super) fn emit_group(
        &mut self,
        group: Vec<(usize, Rested)>,
        bin: i64,
        now: StoreTime,
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
            match self.measure(&group, i64::MIN, bin, config, plates) {
                Some(shares) => shares
                    .iter()
                    .map(|d| {
                        (
                            (d.plate.0 - self.plates.start) as usize,
                            d.delta_g,
                            d.sigma_g,
                        )
                    })
                    .collect(),
                None => group.iter().map(|(p, r)| (*p, r.delta, r.sigma)).collect(),
            };
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
        if delta_g.abs() < config.least_g.max(3.0 * sigma_g) {
            return;
        }
        if self.is_afterthought(&group, delta_g, bin, config) {
            return;
        }
        // Read at once, the last grams may be on their way yet.
        let tails = group.iter().map(|(_, r)| r.tail * r.tail).sum::<f32>();
        let sigma_g = sigma_g.hypot(tails.sqrt());
        let owed = self
            .owed
            .iter()
            .position(|(plate, _)| group.iter().any(|(p, _)| p.abs_diff(*plate) <= 1));
        let replaces = owed.map(|i| self.owed.remove(i).1);
        *serial += 1;
        self.stepped = self.stepped.max(bin);
        let step = WeightStep {
            serial: *serial,
            replaces,
            shelf: self.shelf,
            t_start: time_of(onset, config),
            t_change: time_of(change, config),
            t_end: time_of(settled.max(change), config),
            known_at: now,
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
            seen: None,
        };
        self.say(step.clone(), bin, out);
        self.told.push(Told {
            bin,
            read_again: 0,
            done: false,
            group,
            before_afterthought: None,
            step,
        });
    }
}

/// Whether what two plates so far apart did is one action: an item is set down or lifted off all its
/// plates at once, a hand presses all of them from the same instant on, and what begins and ends
/// while a neighbour is disturbed is part of the disturbance.
pub(super) fn together(
    (p, a): (usize, &Rested),
    (q, b): (usize, &Rested),
    config: &PerceptionConfig,
    plates: &[PlateState],
) -> bool {
    let apart = p.abs_diff(q);
    let within = |r: &Rested, s: &Rested| s.onset <= r.onset + 2 && r.settled <= s.settled + 4;
    let soon = (a.change - b.change).abs() <= config.one_action_bins;
    let leaks = |r: &Rested, s: &Rested| {
        soon && r.delta * s.delta > 0.0 && r.delta.abs() <= config.leak * s.delta.abs()
    };
    let same_change = (a.change - b.change).abs() <= config.together_bins;
    let same_onset = (a.onset - b.onset).abs() <= 3;
    // Two hands side by side let go of goods of their own at instants of their own.
    let slight = a.delta.abs().min(b.delta.abs()) <= SIDE_SHARE * a.delta.abs().max(b.delta.abs());
    let near = slight
        || (a.change - b.change).abs() <= config.same_goods_bins
        || in_step(plates.get(p), plates.get(q), a, b);
    // Goods that come or go do so on all their plates.
    let alike = a.delta * b.delta > 0.0;
    match apart {
        1 => {
            alike && (same_change || near && (same_onset || within(a, b) || within(b, a)))
                || leaks(a, b)
                || leaks(b, a)
        }
        2 => alike && same_change,
        _ => false,
    }
}

/// Whether two plates moved in one proportion all the while, as they do under one hand and one thing.
fn in_step(p: Option<&PlateState>, q: Option<&PlateState>, a: &Rested, b: &Rested) -> bool {
    let (Some(p), Some(q)) = (p, q) else {
        return false;
    };
    let newest = a.settled.max(b.settled);
    let from = a.onset.min(b.onset).max(newest - HISTORY as i64 / 2);
    let (mut pp, mut qq, mut pq) = (0.0_f32, 0.0_f32, 0.0_f32);
    for bin in from..=newest {
        let x = p.shown(bin) - (a.level - a.delta);
        let y = q.shown(bin) - (b.level - b.delta);
        pp += x * x;
        qq += y * y;
        pq += x * y;
    }
    pq > 0.0 && pq * pq >= IN_STEP * pp * qq
}

/// Two changes of one plate as one.
pub(super) fn chain(a: &Rested, b: &Rested) -> Rested {
    let later = if a.delta.abs() > b.delta.abs() { a } else { b };
    Rested {
        onset: a.onset.min(b.onset),
        change: later.change,
        settled: a.settled.max(b.settled),
        found: a.found.max(b.found),
        delta: a.delta + b.delta,
        sigma: a.sigma.hypot(b.sigma),
        before_sigma: a.before_sigma,
        level: if a.settled > b.settled {
            a.level
        } else {
            b.level
        },
        peak: later.peak,
        tail: later.tail,
    }
}

/// The shelf's sum from a little before `onset` to `bin`, thinned to [`CURVE`] points.
pub(super) fn curve(
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
