//! One shelf: plates that changed together become one step, disturbances without change a touch.

use crate::PerceptionConfig;
use crate::PerceptionEvent;
use crate::intake::PlateIntake;
use crate::plate::{HISTORY, PlateState, Rested, Seen, Settled};
use std::ops::Range;
use walkout_model::layout::Plate;
use walkout_model::{
    PlateDelta, PlateFault, PlateHealth, PlateIx, ShelfIx, ShelfTouch, StoreTime, WeightStep,
};

/// Points of a curve at most.
const CURVE: i64 = 64;

/// Bins over which a board's swing is known to go on, 0.5 s.
const SWING_BINS: f32 = 10.0;

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
    /// The bin closed last.
    closed: i64,
    /// Steps told lately, which may have to be corrected.
    told: Vec<Told>,
    rises: Vec<Rise>,
    /// Plates whose last rest was but a pause, with the step that was told of it.
    owed: Vec<(usize, u64)>,
    /// This bin's means and swings, kept to spare allocations.
    scratch: Vec<(Option<f32>, f32, f32)>,
    departures: Vec<(f32, f32, bool)>,
    /// How strongly the board swings lately: variance of the departure per gram carried.
    swing_var: f32,
}

/// A rise that was told, while it may turn out to have been a hand that leant.
#[derive(Clone, Copy, Debug)]
struct Rise {
    /// The bin of its change.
    bin: i64,
    serial: u64,
    /// The plate with most of it.
    main: usize,
    delta_g: f32,
    sigma_g: f32,
}

/// A step that was told, while it may still be corrected.
#[derive(Clone, Debug)]
struct Told {
    bin: i64,
    group: Vec<(usize, Rested)>,
    step: WeightStep,
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
            closed: 0,
            told: Vec::new(),
            rises: Vec::new(),
            owed: Vec::new(),
            scratch: Vec::new(),
            departures: Vec::new(),
            swing_var: 0.0,
        }
    }

    pub(crate) fn plates(&self) -> Range<usize> {
        self.plates.start as usize..self.plates.end as usize
    }

    /// The bin closed last.
    pub(crate) fn closed(&self) -> i64 {
        self.closed
    }

    /// Time begins anew after the bin `closed`.
    pub(crate) fn start_after(&mut self, closed: i64) {
        self.closed = closed;
        self.ready.clear();
        self.told.clear();
        self.rises.clear();
        self.owed.clear();
        self.touch = None;
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the shelf owns neither plates nor output; a struct for one call would hide that"
    )]
    pub(crate) fn close_bin(
        &mut self,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        intakes: &mut [PlateIntake],
        plates: &mut [PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        let range = self.plates();
        let (Some(intakes), Some(plates)) = (intakes.get_mut(range.clone()), plates.get_mut(range))
        else {
            return;
        };
        let end = time_of(bin + 1, config);
        self.closed = bin;
        // Once in half a second is enough for what takes seconds; shelves take turns.
        if (bin + i64::from(self.shelf.0)).rem_euclid(10) == 0 {
            self.judge_health(end, config, intakes, plates, out);
        }
        self.read(bin, config, intakes, plates);
        let mut busy = false;
        let mut before = 0.0;
        for i in 0..plates.len() {
            let after = plates.get(i + 1).map_or(0.0, PlateState::departure);
            let (Some(plate), Some(&(value, swing, doubt))) =
                (plates.get_mut(i), self.scratch.get(i))
            else {
                break;
            };
            let departure = plate.departure();
            let shadow = config.leak * after.max(before);
            let seen = Seen {
                value,
                swing,
                doubt,
            };
            let rested = plate.update(bin, seen, shadow, config);
            let reopened = plate.take_reopened();
            before = departure;
            busy |= plate.active_since().is_some();
            if reopened {
                self.reopen(i);
            }
            if let Some(rested) = rested {
                self.note(i, rested, config);
            }
        }
        if !self.ready.is_empty() {
            self.emit_ready(bin, now, config, plates, serial, out);
        }
        self.settle_debts(now, plates, serial, out);
        self.refine(bin, now, config, plates, serial, out);
        if !busy && self.ready.is_empty() {
            self.emit_touch(config, out);
        }
    }

    /// This bin's mean of each plate, and what of it is the swing of the board: plates at rest show it in
    /// proportion to what they carry. Those that depart from the others are about to be active and have
    /// no say.
    fn read(
        &mut self,
        bin: i64,
        config: &PerceptionConfig,
        intakes: &mut [PlateIntake],
        plates: &[PlateState],
    ) {
        self.scratch.clear();
        self.departures.clear();
        for (intake, plate) in intakes.iter_mut().zip(plates) {
            let value = intake.close(bin).map(|(mean, _)| mean);
            let weight = plate.load(bin) + config.plate_g;
            if let (Some(x), Some(level)) = (value, plate.last_level()) {
                self.departures
                    .push(((x - level) / weight, weight, plate.at_rest()));
            }
            self.scratch.push((value, weight, 0.0));
        }
        let noise = plates.first().map_or(1.0, PlateState::noise);
        if self.departures.iter().filter(|d| d.2).count() >= 3 {
            self.departures.retain(|d| d.2);
        }
        self.departures.sort_by(|a, b| a.0.total_cmp(&b.0));
        let middle = self
            .departures
            .get(self.departures.len() / 2)
            .map_or(0.0, |d| d.0);
        let (mut sum, mut squares, mut n) = (0.0, 0.0, 0);
        for &(departure, weight, _) in &self.departures {
            if ((departure - middle) * weight).abs() <= 4.0 * noise {
                sum += departure * weight * weight;
                squares += weight * weight;
                n += 1;
            }
        }
        // The swing is normal about nothing, as strong as it was lately, and seen with the noise of
        // those plates; what is left unknown of it adds to every plate's noise.
        let (mut swing, mut unknown) = (0.0, self.swing_var);
        if n >= 3 {
            let seen_var = noise * noise / squares;
            let seen = sum / squares;
            let lately = self.swing_var.max(seen * seen - seen_var);
            swing = seen * lately / (lately + seen_var);
            unknown = lately * seen_var / (lately + seen_var);
            self.swing_var += ((seen * seen - seen_var).max(0.0) - self.swing_var) / SWING_BINS;
        }
        let unknown = unknown.max(0.0).sqrt();
        for (_, share, doubt) in &mut self.scratch {
            *doubt = *share * unknown;
            *share *= swing;
        }
    }

    /// A plate went on moving after a rest that was but a pause: what was noted of it, or told, is open again.
    fn reopen(&mut self, plate: usize) {
        self.ready.retain(|(p, _)| *p != plate);
        let Some(i) = self
            .told
            .iter()
            .rposition(|t| t.group.iter().any(|(p, _)| *p == plate))
        else {
            return;
        };
        let told = self.told.remove(i);
        self.rises.retain(|r| r.serial != told.step.serial);
        self.owed.push((plate, told.step.serial));
        // Its other plates wait for this one again.
        self.ready
            .extend(told.group.into_iter().filter(|(p, _)| *p != plate));
    }

    /// Steps whose plates came back to where they were are taken back.
    fn settle_debts(
        &mut self,
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
            *serial += 1;
            out.push(PerceptionEvent::Step(WeightStep {
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
            }));
        }
    }

    /// A while after a step its plates' levels are known better: if they say something else, so does
    /// a step that replaces it.
    fn refine(
        &mut self,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        plates: &mut [PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        let mut i = 0;
        while let Some(told) = self.told.get_mut(i) {
            if bin - told.bin < config.refine_bins {
                i += 1;
                continue;
            }
            let levels: Vec<Settled> = told
                .group
                .iter()
                .map(|(p, _)| {
                    plates
                        .get_mut(*p)
                        .map_or(Settled::Gone, |s| s.settle(told.bin, bin))
                })
                .collect();
            if levels.contains(&Settled::NotYet) && bin - told.bin < config.wait_bins {
                i += 1;
                continue;
            }
            let mut step = told.step.clone();
            let (mut off, mut variance) = (0.0_f32, 0.0_f32);
            for ((p, rested), level) in told.group.iter().zip(levels) {
                let Settled::At(level, sigma) = level else {
                    continue;
                };
                let plate = PlateIx(self.plates.start + *p as u32);
                let before = rested.level - rested.delta;
                if let Some(share) = step.plates.iter_mut().find(|d| d.plate == plate) {
                    off += level - before - share.delta_g;
                    share.delta_g = level - before;
                    share.sigma_g = sigma.hypot(rested.before_sigma);
                    variance += share.sigma_g.powi(2);
                }
            }
            step.delta_g = step.plates.iter().map(|d| d.delta_g).sum();
            step.sigma_g = step
                .plates
                .iter()
                .map(|d| d.sigma_g.powi(2))
                .sum::<f32>()
                .sqrt();
            if off.abs() > variance.sqrt().max(0.01 * step.delta_g.abs()).max(0.5) {
                *serial += 1;
                step.replaces = Some(step.serial);
                step.serial = *serial;
                for rise in &mut self.rises {
                    if Some(rise.serial) == step.replaces {
                        rise.serial = *serial;
                        rise.delta_g = step.delta_g;
                    }
                }
                step.known_at = now;
                if step.delta_g.abs() < config.least_g {
                    take_back(&mut step);
                }
                out.push(PerceptionEvent::Step(step));
            }
            self.told.remove(i);
        }
    }

    fn note(&mut self, plate: usize, rested: Rested, config: &PerceptionConfig) {
        // A press that was still enough to be noted, and is let go before it was told.
        let before = self
            .ready
            .iter()
            .position(|(p, r)| *p == plate && r.delta > 0.0 && rested.delta < 0.0);
        let rested = match before {
            Some(i) => chain(&self.ready.remove(i).1, &rested),
            None => rested,
        };
        if rested.counts(config) {
            self.join_late(plate, &rested, config);
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
    fn join_late(&mut self, plate: usize, rested: &Rested, config: &PerceptionConfig) {
        let late = self.told.iter().rposition(|t| {
            t.group.iter().any(|(q, s)| {
                plate.abs_diff(*q) == 1
                    && (s.delta < 0.0) == (rested.delta < 0.0)
                    && together(1, rested, s, config)
            })
        });
        if let Some(i) = late {
            let told = self.told.remove(i);
            self.rises.retain(|r| r.serial != told.step.serial);
            if let Some((q, _)) = told.group.first() {
                self.owed.push((*q, told.step.serial));
            }
            self.ready
                .extend(told.group.into_iter().filter(|(q, _)| *q != plate));
        }
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
            let waits = bin - settled < config.wait_bins
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

    #[allow(
        clippy::too_many_arguments,
        reason = "one caller; each is a different thing"
    )]
    fn emit_group(
        &mut self,
        mut group: Vec<(usize, Rested)>,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        plates: &mut [PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        for (p, rested) in &mut group {
            // Those that waited are known better by now.
            let settled = plates.get_mut(*p).map(|s| s.settle(rested.found, bin));
            if let Some(Settled::At(level, sigma)) = settled {
                rested.delta += level - rested.level;
                rested.level = level;
                rested.sigma = sigma.hypot(rested.before_sigma);
            }
        }
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
        if delta_g.abs() < config.least_g.max(3.0 * sigma_g) {
            return;
        }
        let (main, _, _) = deltas
            .iter()
            .copied()
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
            .unwrap_or_default();
        self.rises.retain(|r| change - r.bin <= config.lean_bins);
        let lean = self.rises.iter().rposition(|r| {
            let off = 3.0 * sigma_g.hypot(r.sigma_g) + 0.02 * r.delta_g;
            r.main == main && (r.delta_g + delta_g).abs() <= off
        });
        if let Some(i) = lean {
            // It came and went within seconds: a hand that leant, and if it was goods, they are gone again.
            let rise = self.rises.remove(i);
            self.told.retain(|t| t.step.serial != rise.serial);
            self.owed.push((main, rise.serial));
            return;
        }
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
        };
        if delta_g > 0.0 {
            self.rises.push(Rise {
                bin: change,
                serial: step.serial,
                main,
                delta_g,
                sigma_g,
            });
        }
        out.push(PerceptionEvent::Step(step.clone()));
        self.told.push(Told { bin, group, step });
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
                state.mean(onset - 14, onset - 1),
                state.mean(settled.min(bin - 6), bin + 1),
            ) else {
                continue;
            };
            let delta = after - before;
            let n = (bin + 1 - settled.min(bin - 6)) as f32;
            let sigma = state.noise() * (1.0 / 13.0 + 1.0 / n).sqrt() + 0.2;
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

/// Turns a step into one that says: nothing.
fn take_back(step: &mut WeightStep) {
    step.delta_g = 0.0;
    step.sigma_g = 0.0;
    step.plates.clear();
    step.curve.clear();
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
