//! What a shelf's plates rest at is what its steps add up to. Where it is not, goods moved of which no step stands:
//! lifted under a press that was taken for the whole of it, or part of a step that was taken back. It is told as soon as
//! the plates are quiet.

use super::groups::curve;
use super::{ShelfState, time_of};
use crate::measure;
use crate::plate::{HISTORY, PlateState};
use crate::{PerceptionConfig, PerceptionEvent};
use std::collections::VecDeque;
use std::ops::Range;
use walkout_model::{PlateDelta, PlateIx, StoreTime, WeightStep};

/// Accounts are looked at once in so many bins.
const EVERY_BINS: i64 = 10;
/// Plates and those beside them have rested for so many bins when their account is closed, 1 s.
const QUIET_BINS: i64 = 20;
/// How long a step is remembered for being replaced, 30 s.
const REMEMBERED_BINS: i64 = 600;
/// What a plate lies off its account by no more than this is noise and friction, grams.
const AGREES_G: f32 = 2.0;
/// Nothing lighter is told so late, grams.
const LEAST_G: f32 = 8.0;
/// What lies off by no more than this share of what moved there lately, or of what pressed there, is error of it.
const ERROR_SHARE: f32 = 0.02;
/// What is missing right after a step, and is no more than this share of it, or than so many grams, is part of it.
const PART_SHARE: f32 = 0.25;
const PART_G: f32 = 15.0;
/// So long after a step it may still go on, bins.
const PART_BINS: i64 = 10;
/// What a board that sways shows at most, as a share of what it carries; and how much of it may be left where so many
/// plates that nobody touched tell how much it was.
const SWAYS: f32 = 0.012;
const SWAYS_BESIDE: f32 = 0.004;
const OTHERS: usize = 2;
/// Fewest quiet plates that tell what the whole board does.
const BOARD_LEAST: usize = 3;

/// The accounts of one shelf.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    /// What the steps that stand make of each plate, grams; not a number before its first rest.
    plates: Vec<f32>,
    /// Steps told lately, with what each plate had of them.
    standing: VecDeque<Standing>,
    /// How far each plate lies off, kept to spare allocations.
    off: Vec<f32>,
    /// Which plates are quiet, and were so at the look before: they lie off by what happened since.
    quiet: Vec<bool>,
    was_quiet: Vec<bool>,
}

#[derive(Clone, Debug)]
struct Standing {
    serial: u64,
    bin: i64,
    plates: Vec<(usize, f32)>,
}

/// What a run of plates did, grams.
struct Seen {
    /// What it changed by, less what the board did.
    moved: f32,
    /// What boards do.
    sways: f32,
    /// The largest departure of a plate: a hand's.
    peak: f32,
    /// The largest departures of all its plates together.
    pressed: f32,
    /// How many plates they are.
    plates: f32,
}

impl Accounts {
    pub(super) fn new(plates: usize) -> Self {
        Self {
            plates: vec![f32::NAN; plates],
            standing: VecDeque::new(),
            off: vec![0.0; plates],
            quiet: vec![false; plates],
            was_quiet: vec![false; plates],
        }
    }

    fn book(&mut self, step: &WeightStep, first: u32, bin: i64) {
        if let Some(old) = step.replaces
            && let Some(i) = self.standing.iter().position(|s| s.serial == old)
            && let Some(old) = self.standing.remove(i)
        {
            for (p, grams) in old.plates {
                if let Some(account) = self.plates.get_mut(p) {
                    *account -= grams;
                }
            }
        }
        while self
            .standing
            .front()
            .is_some_and(|s| bin - s.bin > REMEMBERED_BINS)
        {
            self.standing.pop_front();
        }
        let shares = step
            .plates
            .iter()
            .map(|d| ((d.plate.0.saturating_sub(first)) as usize, d.delta_g));
        let plates: Vec<_> = shares.collect();
        for &(p, grams) in &plates {
            if let Some(account) = self.plates.get_mut(p) {
                *account += grams;
            }
        }
        self.standing.push_back(Standing {
            serial: step.serial,
            bin,
            plates,
        });
    }

    fn is_quiet(&self, p: usize) -> bool {
        self.quiet.get(p).is_some_and(|q| *q)
    }

    fn compare(&mut self, config: &PerceptionConfig, plates: &[PlateState]) {
        let mut shifts: Vec<f32> = Vec::with_capacity(plates.len());
        for (p, state) in plates.iter().enumerate() {
            let (Some(account), Some(off)) = (self.plates.get_mut(p), self.off.get_mut(p)) else {
                continue;
            };
            *off = 0.0;
            let Some(level) = resting(state) else {
                continue;
            };
            if account.is_nan() {
                *account = level;
            }
            *off = level - *account;
            let both = |quiet: &[bool]| quiet.get(p).is_some_and(|q| *q);
            if both(&self.quiet) && both(&self.was_quiet) {
                shifts.push(*off / weight(level, config));
            }
        }
        if shifts.len() < BOARD_LEAST {
            return;
        }
        shifts.sort_by(f32::total_cmp);
        let board = shifts.get(shifts.len() / 2).copied().unwrap_or(0.0);
        for ((account, off), state) in self.plates.iter_mut().zip(&mut self.off).zip(plates) {
            let common = board * weight(state.last_level().unwrap_or(0.0), config);
            *account += common;
            if resting(state).is_some() {
                *off -= common;
            }
        }
    }

    /// Quiet plates agree from now on.
    fn close(&mut self, plates: &[PlateState]) {
        for ((account, quiet), state) in self.plates.iter_mut().zip(&self.quiet).zip(plates) {
            if *quiet && let Some(level) = resting(state) {
                *account = level;
            }
        }
        self.was_quiet.clone_from(&self.quiet);
    }

    /// What moved on these plates lately, grams.
    fn moved(&self, run: &Range<usize>) -> f32 {
        let shares = self.standing.iter().flat_map(|s| &s.plates);
        shares
            .filter(|(p, _)| run.contains(p))
            .map(|(_, grams)| grams.abs())
            .sum()
    }
}

impl ShelfState {
    /// Tells a step, and books it.
    pub(super) fn say(&mut self, step: WeightStep, bin: i64, out: &mut Vec<PerceptionEvent>) {
        self.accounts.book(&step, self.plates.start, bin);
        out.push(PerceptionEvent::Step(step));
    }

    /// Compares quiet plates with their accounts: what is missing there is told, and the account closed.
    pub(super) fn audit(
        &mut self,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        plates: &[PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        if (bin + i64::from(self.shelf.0)).rem_euclid(EVERY_BINS) != 0 {
            return;
        }
        self.compare(bin, config, plates);
        let mut next = 0;
        while next < plates.len() {
            let first = next;
            let off = self.off(first);
            next += 1;
            if off.abs() < AGREES_G {
                continue;
            }
            while next < plates.len()
                && self.off(next).abs() >= AGREES_G
                && self.off(next).signum() == off.signum()
            {
                next += 1;
            }
            let run = first..next;
            // Some of it moves yet, or waits to be told.
            if !run.clone().all(|p| self.accounts.is_quiet(p)) {
                for p in run {
                    if let Some(quiet) = self.accounts.quiet.get_mut(p) {
                        *quiet = false;
                    }
                }
                continue;
            }
            if let Some(step) = self.missing(run, bin, now, config, plates) {
                *serial += 1;
                self.stepped = self.stepped.max(bin);
                let step = WeightStep {
                    serial: *serial,
                    ..step
                };
                if let Some(told) = self
                    .told
                    .iter_mut()
                    .find(|t| step.replaces == Some(t.step.serial))
                {
                    told.step = step.clone();
                }
                self.say(step, bin, out);
            }
        }
        self.accounts.close(plates);
    }

    fn off(&self, p: usize) -> f32 {
        self.accounts.off.get(p).copied().unwrap_or(0.0)
    }

    /// How far each plate at rest lies off its account, but for what the whole board does.
    fn compare(&mut self, bin: i64, config: &PerceptionConfig, plates: &[PlateState]) {
        for p in 0..plates.len() {
            let around = p.saturating_sub(1)..(p + 2).min(plates.len());
            let calm = plates
                .get(around.clone())
                .is_some_and(|s| s.iter().all(|s| s.rested_in(bin - QUIET_BINS, bin + 1)));
            let quiet = calm && !self.is_pending(&around);
            if let Some(into) = self.accounts.quiet.get_mut(p) {
                *into = quiet;
            }
        }
        self.accounts.compare(config, plates);
    }

    /// Whether something waits to be told, or to be told anew, of these plates.
    fn is_pending(&self, around: &Range<usize>) -> bool {
        self.ready.iter().any(|(p, _)| around.contains(p))
            || self.owed.iter().any(|(p, _)| around.contains(p))
            || self
                .told
                .iter()
                .any(|t| !t.done && t.group.iter().any(|(p, _)| around.contains(p)))
    }

    /// The step that a quiet run of plates lacks, if it is more than error.
    fn missing(
        &self,
        run: Range<usize>,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        plates: &[PlateState],
    ) -> Option<WeightStep> {
        let delta_g: f32 = run.clone().map(|p| self.off(p)).sum();
        let states = plates.get(run.clone())?;
        let variance: f32 = states
            .iter()
            .map(|s| {
                2.0 * s.noise_now().powi(2) / measure::MOST_BINS as f32 + config.friction_g.powi(2)
            })
            .sum();
        let around = run.start.saturating_sub(1)..run.end + 1;
        let error = ERROR_SHARE * self.accounts.moved(&around);
        let sigma_g = variance.sqrt().hypot(0.25 * error);
        if delta_g.abs() < 4.0 * sigma_g {
            return None;
        }
        let heaviest = run
            .clone()
            .max_by(|a, b| self.off(*a).abs().total_cmp(&self.off(*b).abs()))?;
        let state = plates.get(heaviest)?;
        let level = state.last_level()?;
        let (settled, _) = state.calm_before(bin + 1, HISTORY as i64 - 2);
        let oldest = bin + 4 - HISTORY as i64;
        let change = state.crossing(oldest, settled, level - self.off(heaviest), level);
        let mut onset = change.min(settled);
        while onset > oldest && !state.rested_in(onset - 1, onset) {
            onset -= 1;
        }
        let share = sigma_g / (run.len().max(1) as f32).sqrt();
        let shares = run.clone().map(|p| PlateDelta {
            plate: PlateIx(self.plates.start + p as u32),
            delta_g: self.off(p),
            sigma_g: share,
        });
        let seen = self.seen(&run, onset, bin, config, plates);
        if let Some(whole) = self.whole_of(onset, &around, delta_g, config)
            && seen.moved > 0.5 * seen.sways
        {
            let mut step = whole.clone();
            for share in shares {
                match step.plates.iter_mut().find(|d| d.plate == share.plate) {
                    Some(own) => {
                        own.delta_g += share.delta_g;
                        own.sigma_g = own.sigma_g.hypot(share.sigma_g);
                    }
                    None => step.plates.push(share),
                }
            }
            step.plates.sort_by_key(|d| d.plate);
            step.delta_g += delta_g;
            step.sigma_g = sigma_g.max(step.sigma_g.min(2.0 * sigma_g));
            step.replaces = Some(step.serial);
            step.known_at = now;
            return Some(step);
        }
        let hand = config.touch_g + delta_g.abs() / seen.plates;
        let least = LEAST_G.max(error).max(ERROR_SHARE * seen.pressed);
        if delta_g.abs() < least || seen.moved < seen.sways || seen.peak < hand {
            return None;
        }
        Some(WeightStep {
            serial: 0,
            replaces: None,
            shelf: self.shelf,
            t_start: time_of(onset, config),
            t_change: time_of(change, config),
            t_end: time_of(settled.max(change), config),
            known_at: now,
            delta_g,
            sigma_g,
            plates: shares.collect(),
            curve: curve(onset, bin, config, plates),
            seen: None,
        })
    }

    /// What a run of plates did since `onset`, beside what its board did.
    fn seen(
        &self,
        run: &Range<usize>,
        onset: i64,
        bin: i64,
        config: &PerceptionConfig,
        plates: &[PlateState],
    ) -> Seen {
        let members: Vec<usize> = run.clone().collect();
        let after = (bin + 1 - measure::MOST_BINS, bin + 1);
        let (mut others, mut common, mut carried) = (0, 0.0, 0.0);
        let (mut peak, mut pressed) = (0.0_f32, 0.0_f32);
        for p in run.clone() {
            let Some(state) = plates.get(p) else { continue };
            let load = weight(state.last_level().unwrap_or(0.0), config);
            let before = state.calm_before(onset, measure::MOST_BINS);
            let windows = measure::Windows { before, after };
            let board = measure::board(plates, &members, windows, config);
            others = others.max(board.plates);
            common += board.per_gram * load;
            carried += load;
            let level = self.accounts.plates.get(p).copied().unwrap_or(0.0);
            let own = (onset..=bin).map(|b| (state.shown(b) - level).abs());
            let own = own.fold(0.0_f32, f32::max);
            peak = peak.max(own);
            pressed += own;
        }
        let sways = if others >= OTHERS {
            SWAYS_BESIDE
        } else {
            SWAYS
        };
        let moved: f32 = run.clone().map(|p| self.off(p)).sum();
        Seen {
            moved: (moved - common).abs(),
            sways: sways * carried,
            peak,
            pressed,
            plates: run.len().max(1) as f32,
        }
    }

    /// The step that a small change from `onset` on is part of, if there is one.
    fn whole_of(
        &self,
        onset: i64,
        around: &Range<usize>,
        delta_g: f32,
        config: &PerceptionConfig,
    ) -> Option<&WeightStep> {
        let since = time_of(onset - PART_BINS, config);
        let told = self.told.iter().rfind(|t| {
            t.step.t_end >= since
                && delta_g.abs() <= PART_G.max(PART_SHARE * t.step.delta_g.abs())
                && delta_g.abs() < 0.5 * t.step.delta_g.abs()
                && t.group.iter().any(|(p, _)| around.contains(p))
        });
        told.map(|t| &t.step)
    }
}

/// What a plate at rest shows.
fn resting(state: &PlateState) -> Option<f32> {
    state.last_level().filter(|_| state.at_rest())
}

fn weight(level: f32, config: &PerceptionConfig) -> f32 {
    level.max(0.0) + config.plate_g
}
