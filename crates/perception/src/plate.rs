//! One plate: its level at rest, when it leaves it, and when it is at rest again.

use crate::PerceptionConfig;
use crate::level::{self, FADE_BINS};
use std::collections::VecDeque;
use walkout_model::layout::Plate;

/// Bins remembered, 6.4 s: for curves and for finding the instant of change.
pub(crate) const HISTORY: usize = 128;

/// Bins over which the level at rest is averaged at most, 3 s: long enough to average noise, short
/// enough to follow drift and creep.
const LEVEL_BINS: f32 = 60.0;

/// Lengths of the windows in which rest is looked for, bins: 0.25 to 1.4 s.
const WINDOWS: [usize; 7] = [5, 6, 8, 12, 16, 20, LONGEST];
const LONGEST: usize = 28;

/// Movements remembered: what may still be read again is seldom older.
const MOVES: usize = 4;

/// The end of a slow fall that was read too early is no larger a share of it than this …
const END_OF_FALL: f32 = 0.5;
/// … or no more than so many grams.
const END_OF_FALL_G: f32 = 15.0;

/// What a plate is known to do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// No rest was ever seen.
    Unknown,
    Rest,
    Active {
        onset: i64,
        peak: f32,
    },
}

/// What a plate showed in a bin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The mean of its samples, grams.
    pub value: Option<f32>,
    /// Its share of what the board did, grams.
    pub swing: f32,
    /// How well that is known, grams.
    pub doubt: f32,
    /// Whether the step told of it last may be told anew as a whole: none of its plates has moved on.
    pub open: bool,
}

/// A plate that came to rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rested {
    /// Bin in which it left its old rest.
    pub onset: i64,
    /// Bin in which it crossed halfway to the new level for the last time.
    pub change: i64,
    /// First bin of the window found at rest.
    pub settled: i64,
    /// The bin in which that was found.
    pub found: i64,
    /// New level minus old, grams.
    pub delta: f32,
    /// Standard deviation of `delta`, grams.
    pub sigma: f32,
    /// Standard deviation of the old level, grams.
    pub before_sigma: f32,
    /// The new level, grams.
    pub level: f32,
    /// Largest departure from the old level, grams.
    pub peak: f32,
    /// How far it may still go, grams.
    pub tail: f32,
}

impl Rested {
    /// Whether the change is more than noise.
    pub(crate) fn counts(&self, config: &PerceptionConfig) -> bool {
        self.delta.abs() >= config.step_g.max(4.0 * self.sigma)
    }
}

/// The state of one plate.
#[derive(Clone, Debug)]
pub(crate) struct PlateState {
    /// What the plate read, a mean a bin.
    history: [f32; HISTORY],
    /// The same without the swing of the whole board.
    clean: [f32; HISTORY],
    phase: Phase,
    level: f32,
    level_bins: f32,
    /// Standard deviation of one bin at rest, as it is lately.
    noise: f32,
    /// The same by the plate's own description, which nothing shakes.
    noise_floor: f32,
    missing: u32,
    /// What the board's swing adds to the noise, grams.
    doubt: f32,
    /// The rest before the one that began last: if the plate moves on at once, it was one action, and
    /// that rest is what it is measured against.
    earlier: Option<Earlier>,
    /// Amplitude of what still rings, grams, and from which bin on it fades.
    ring: (f32, i64),
    /// The last movements that changed it: in which bin each left rest, and in which its new rest was found.
    moved: VecDeque<(i64, i64)>,
    /// The fall that what goes on now may be the end of.
    goes_on: Option<Earlier>,
    /// Set when a rest turned out to be a pause, to the bin in which it was found; whoever asks clears it.
    reopened: Option<i64>,
    /// In which of the remembered bins it was not at rest: bit k is the bin k before the newest.
    unrest: u128,
    newest: i64,
}

#[derive(Clone, Copy, Debug)]
struct Earlier {
    level: f32,
    level_bins: f32,
    onset: i64,
    /// First bin of the rest that followed, and the bin in which it was found.
    settled: i64,
    found: i64,
    /// The bin of its change.
    change: i64,
    /// Whether it left no change worth a step, and whether the change was a rise.
    slight: bool,
    rise: bool,
}

/// Where a plate rests, by the bins of a window.
#[derive(Clone, Copy, Debug)]
struct Rest {
    level: f32,
    sigma: f32,
    /// Amplitude of the ringing at the window's end, grams.
    ring: f32,
    /// How far it may still go, grams.
    tail: f32,
    bins: usize,
}

impl PlateState {
    pub(crate) fn new(plate: &Plate) -> Self {
        let sample_var = plate.noise_g.powi(2) + plate.resolution_g.powi(2) / 12.0;
        let noise = ((sample_var / 3.0).sqrt() as f32).max(0.05);
        Self {
            history: [f32::NAN; HISTORY],
            clean: [f32::NAN; HISTORY],
            phase: Phase::Unknown,
            level: f32::NAN,
            level_bins: 0.0,
            noise,
            noise_floor: noise,
            missing: 0,
            doubt: 0.0,
            earlier: None,
            moved: VecDeque::with_capacity(MOVES),
            goes_on: None,
            ring: (0.0, 0),
            reopened: None,
            unrest: u128::MAX,
            newest: i64::MIN,
        }
    }

    pub(crate) fn at_rest(&self) -> bool {
        self.phase == Phase::Rest
    }

    /// The level it has or had last, if one was ever known.
    pub(crate) fn last_level(&self) -> Option<f32> {
        self.level.is_finite().then_some(self.level)
    }

    /// What lies on it, roughly, up to the bin before `bin`, grams; never less than nothing.
    pub(crate) fn load(&self, bin: i64) -> f32 {
        match self.phase {
            Phase::Rest => self.level.max(0.0),
            _ => self.mean(bin - 3, bin).unwrap_or(0.0).max(0.0),
        }
    }

    /// The bin in which a rest was found that was but a pause; says so once.
    pub(crate) fn take_reopened(&mut self) -> Option<i64> {
        self.reopened.take()
    }

    pub(crate) fn active_since(&self) -> Option<i64> {
        match self.phase {
            Phase::Active { onset, .. } => Some(onset),
            _ => None,
        }
    }

    /// What the plate shows in a remembered bin; its level where nothing came, 0 where nothing is known.
    pub(crate) fn shown(&self, bin: i64) -> f32 {
        let value = self.history[slot(bin)];
        if value.is_finite() {
            value
        } else if self.level.is_finite() {
            self.level
        } else {
            0.0
        }
    }

    /// How far it was off the level it had, in a remembered bin, without the board's swing, grams; 0 where that is
    /// not known.
    pub(crate) fn off_in(&self, bin: i64) -> f32 {
        let off = self.clean[slot(bin)] - self.level;
        if off.is_finite() { off } else { 0.0 }
    }

    /// Standard deviation of a bin as it is now, grams, what is not known of the board's swing included.
    pub(crate) fn noise_now(&self) -> f32 {
        self.noise.max(self.noise_floor).hypot(self.doubt)
    }

    /// Mean of the bins `from..to` without the board's swing, if at least half of them hold something.
    pub(crate) fn mean(&self, from: i64, to: i64) -> Option<f32> {
        let (mut sum, mut n) = (0.0, 0);
        for bin in from..to {
            let value = self.clean[slot(bin)];
            if value.is_finite() {
                sum += value;
                n += 1;
            }
        }
        (n > 0 && i64::from(n) * 2 >= to - from).then(|| sum / n as f32)
    }

    /// Mean of the bins `from..to` as they were read, if at least half of them hold something.
    pub(crate) fn raw_mean(&self, from: i64, to: i64) -> Option<f32> {
        let (mut sum, mut n) = (0.0, 0);
        for bin in from..to {
            let value = self.history[slot(bin)];
            if value.is_finite() {
                sum += value;
                n += 1;
            }
        }
        (n > 0 && i64::from(n) * 2 >= to - from).then(|| sum / n as f32)
    }

    /// How far the mean of the bins `from..to` lies off the level about which the plate rings, and the
    /// variance of that.
    pub(crate) fn ringing_bias(&self, from: i64, to: i64) -> (f32, f32) {
        let mut values = [f32::NAN; LONGEST];
        let bins = (to - from).clamp(0, LONGEST as i64);
        for (k, value) in (0..bins).zip(values.iter_mut()) {
            *value = self.clean[slot(to - 1 - k)];
        }
        let window = values.get(..bins as usize).unwrap_or_default();
        level::ringing_bias(window, self.noise.max(self.noise_floor).hypot(self.doubt))
    }

    /// Whether it was at rest throughout the bins `from..to`; those not remembered count as unrest.
    pub(crate) fn rested_in(&self, from: i64, to: i64) -> bool {
        let (first, last) = (self.newest - to + 1, self.newest - from);
        if first < 0 || last >= HISTORY as i64 || to <= from {
            return false;
        }
        let wide = u128::MAX >> (127 - (last - first));
        self.unrest & (wide << first) == 0
    }

    /// The bins at rest that end before `onset`, at most `most` of them.
    pub(crate) fn calm_before(&self, onset: i64, most: i64) -> (i64, i64) {
        let mut from = onset - 1;
        while onset - 1 - from < most && self.rested_in(from - 1, from) {
            from -= 1;
        }
        (from, onset - 1)
    }

    /// Standard deviation of a bin at rest, grams.
    pub(crate) fn noise(&self) -> f32 {
        self.noise
    }

    /// The interval of a change that shows only now began no later than `bin`: the plate was blind.
    pub(crate) fn blind_since(&mut self, bin: i64) {
        if let Phase::Active { onset, .. } = &mut self.phase {
            *onset = (*onset).min(bin);
        }
    }

    /// Time was not continuous up to `bin`; what was known of the level stays.
    pub(crate) fn interrupt(&mut self, bin: i64) {
        self.history = [f32::NAN; HISTORY];
        self.clean = [f32::NAN; HISTORY];
        self.earlier = None;
        self.goes_on = None;
        self.reopened = None;
        self.unrest = u128::MAX;
        if self.level.is_finite() {
            self.phase = Phase::Active {
                onset: bin,
                peak: 0.0,
            };
        }
    }

    /// How far the last bins lie off the level it had, grams; 0 where that is not known.
    pub(crate) fn offset(&self, bin: i64) -> f32 {
        match self.mean(bin - 3, bin + 1) {
            Some(mean) if self.level.is_finite() => mean - self.level,
            _ => 0.0,
        }
    }

    /// How far it has been off its level in the last half second while active, grams; 0 at rest. A press long
    /// over leaks nothing any more.
    pub(crate) fn pressed(&self, bin: i64) -> f32 {
        if self.active_since().is_none() || !self.level.is_finite() {
            return 0.0;
        }
        let earlier = self
            .mean(bin - 9, bin - 3)
            .map_or(0.0, |mean| mean - self.level);
        self.offset(bin).abs().max(earlier.abs())
    }

    /// Largest departure from the old level while active, grams; 0 at rest.
    pub(crate) fn departure(&self) -> f32 {
        match self.phase {
            Phase::Active { peak, .. } => peak.abs(),
            _ => 0.0,
        }
    }

    /// Takes a bin and says if the plate came to rest with it. A change of less than `shadow_g` may be what a pressed neighbour leaks
    /// through the board, and is waited out.
    pub(crate) fn update(
        &mut self,
        bin: i64,
        seen: Seen,
        shadow_g: f32,
        config: &PerceptionConfig,
    ) -> Option<Rested> {
        self.newest = bin;
        self.unrest <<= 1;
        let rested = self.step(bin, seen, shadow_g, config);
        if self.phase != Phase::Rest {
            // It was noticed two bins late.
            self.unrest |= 0b111;
        }
        rested
    }

    fn step(
        &mut self,
        bin: i64,
        seen: Seen,
        shadow_g: f32,
        config: &PerceptionConfig,
    ) -> Option<Rested> {
        let Seen {
            value,
            swing,
            doubt,
            open,
        } = seen;
        self.doubt = doubt;
        self.history[slot(bin)] = value.unwrap_or(f32::NAN);
        self.clean[slot(bin)] = value.map_or(f32::NAN, |x| x - swing);
        let Some(x) = value.map(|x| x - swing) else {
            self.missing = self.missing.saturating_add(1);
            if self.phase == Phase::Rest && i64::from(self.missing) == blind_bins(config) {
                self.earlier = None;
                self.phase = Phase::Active {
                    onset: bin - blind_bins(config),
                    peak: 0.0,
                };
            }
            return None;
        };
        self.missing = 0;
        match self.phase {
            Phase::Unknown => {
                if let Some(rest) = self.resting(bin, None, 1.0, config) {
                    self.rest_at(bin, &rest);
                }
                None
            }
            Phase::Rest => {
                self.watch(bin, x, swing, open, config);
                None
            }
            Phase::Active { onset, peak } => {
                let off = x - self.level;
                let peak = if off.abs() > peak.abs() { off } else { peak };
                self.phase = Phase::Active { onset, peak };
                let rest = self.resting(bin, Some(onset), 1.0, config)?;
                let change = (rest.level - self.level).abs();
                if change >= config.step_g && change < shadow_g {
                    return None;
                }
                self.conclude(bin, &rest, config)
            }
        }
    }

    /// Ends the activity with the rest that was found.
    fn conclude(&mut self, bin: i64, rest: &Rest, config: &PerceptionConfig) -> Option<Rested> {
        let Phase::Active { mut onset, peak } = self.phase else {
            return None;
        };
        // The last grams of a slow fall: far less than what fell before, without a press.
        if let Some(e) = self.goes_on.take()
            && (rest.level - self.level).abs()
                <= END_OF_FALL_G.max(END_OF_FALL * (self.level - e.level).abs())
            && rest.level < self.level
        {
            (self.level, self.level_bins, onset) = (e.level, e.level_bins, e.onset);
            self.reopened = Some(e.found);
        }
        let settled = bin + 1 - rest.bins as i64;
        let before = self.level;
        let level_var = self.noise.powi(2) / self.level_bins.clamp(1.0, LEVEL_BINS);
        // Friction and creep of the cell: some tenths of a gram and some tenths of a per cent.
        let slow = config
            .friction_g
            .hypot(config.creep * (rest.level - before));
        let before_sigma = (level_var + slow * slow).sqrt();
        let rested = Rested {
            onset,
            change: self.crossing(onset, settled, before, rest.level),
            settled,
            found: bin,
            delta: rest.level - before,
            sigma: rest.sigma.hypot(before_sigma),
            before_sigma,
            level: rest.level,
            peak,
            tail: rest.tail,
        };
        if rested.counts(config) {
            // A pause within it was none of its own.
            self.moved.retain(|m| m.0 < onset);
            if self.moved.len() == MOVES {
                self.moved.pop_front();
            }
            self.moved.push_back((onset, bin));
        }
        self.earlier = Some(Earlier {
            level: self.level,
            level_bins: self.level_bins,
            onset,
            settled,
            found: bin,
            change: rested.change,
            slight: !rested.counts(config),
            rise: rested.delta > 0.0,
        });
        self.rest_at(bin, rest);
        Some(rested)
    }

    fn rest_at(&mut self, bin: i64, rest: &Rest) {
        self.level = rest.level;
        self.level_bins = (self.noise / rest.sigma.max(0.05))
            .powi(2)
            .clamp(1.0, LEVEL_BINS);
        self.ring = (rest.ring, bin);
        self.phase = Phase::Rest;
    }

    /// At rest: follow the level, or notice that it is left.
    fn watch(&mut self, bin: i64, x: f32, swing: f32, open: bool, config: &PerceptionConfig) {
        let age = (bin - self.ring.1) as f32;
        let ringing = self.ring.0 * (-age / FADE_BINS).exp();
        // Three bins together have 1/√3 of the noise of one.
        let limit = config.onset_g.max(3.0 * self.noise.hypot(self.doubt)) + 1.2 * ringing;
        let recent = self.mean(bin - 2, bin + 1).unwrap_or(x);
        let off = x - self.level;
        if (recent - self.level).abs() > limit || off.abs() > 3.0 * limit {
            self.leave(bin, recent - self.level, open, config);
            return;
        }
        let previous = self.clean[slot(bin - 1)];
        if previous.is_finite() && ringing < self.noise && self.doubt < self.noise {
            let jump = (x - previous).clamp(-limit, limit);
            self.noise = (self.noise.powi(2) + (jump * jump * 0.5 - self.noise.powi(2)) / 200.0)
                .max(0.0025)
                .sqrt();
        }
        self.level_bins = (self.level_bins + 1.0).min(LEVEL_BINS);
        // A board swings about its rest: what it does is left in, or the levels of all its plates
        // could wander off together.
        self.level += (off + swing).clamp(-limit, limit) / self.level_bins;
    }

    /// Leaves rest. Hands do not pause for less than half a second between two actions: a rest so
    /// short was part of what goes on.
    fn leave(&mut self, bin: i64, off: f32, open: bool, config: &PerceptionConfig) {
        let mut onset = bin - 2;
        self.goes_on = None;
        if let Some(e) = self.earlier.take() {
            let pause = match (e.slight, e.rise, off > 0.0) {
                (true, ..) => bin - e.found <= config.one_action_bins,
                (_, true, true) => self.is_soon(&e, onset, config.pause_rise_bins, config),
                // A hand that let go: who takes something presses on it first.
                (_, true, false) => open && onset - e.change <= config.lean_bins,
                // A fall that goes on: another hand would press first.
                (_, false, false) => {
                    self.goes_on = (onset - e.found <= config.fall_goes_on_bins).then_some(e);
                    self.is_soon(&e, onset, config.pause_bins, config)
                }
                // What rises after a fall is another hand's press.
                (_, false, true) => self.is_soon(&e, onset, config.pause_bins / 2, config),
            };
            if pause {
                (self.level, self.level_bins, onset) = (e.level, e.level_bins, e.onset);
                self.reopened = (!e.slight).then_some(e.found);
            }
        }
        self.phase = Phase::Active { onset, peak: off };
    }

    fn is_soon(&self, e: &Earlier, onset: i64, least: i64, config: &PerceptionConfig) -> bool {
        onset - e.settled <= least && onset - e.change <= 2 * config.pause_bins
    }

    /// Where the plate rests, if the bins up to `bin` say so. Windows from short to long are fitted
    /// (see [`level::fit`]) until one is at rest. `slack` widens what counts as noise.
    fn resting(
        &self,
        bin: i64,
        onset: Option<i64>,
        slack: f32,
        config: &PerceptionConfig,
    ) -> Option<Rest> {
        let own = self.noise.min(1.3 * self.noise_floor).hypot(self.doubt);
        let mut values = [f32::NAN; LONGEST];
        for (k, value) in (0..).zip(values.iter_mut()) {
            *value = self.clean[slot(bin - k)];
        }
        for bins in WINDOWS {
            // The window must lie after the onset, or it is the old rest that is still in it.
            if onset.is_some_and(|onset| bin + 1 - bins as i64 <= onset + 1) {
                break;
            }
            let Some(fit) = values.get(..bins).and_then(|w| level::fit(w, own, slack)) else {
                continue;
            };
            let rise = fit.level - self.level;
            if onset.is_some() && rise > config.step_g {
                // A hand that presses wavers by some per cent of its force; goods do not, and ring at most. Nor
                // does a hand that lets go stop on its way.
                let wavering = own.max(fit.left_over).max(fit.ring);
                let let_go = self.departure() > 1.3 * rise + 6.0 * wavering;
                let telling = config.waver * rise >= 3.0 * wavering;
                let enough = match (telling || let_go, fit.ring > 0.0) {
                    (true, false) => config.window_bins,
                    (true, true) => config.window_bins + 2,
                    (false, _) => config.rise_bins,
                };
                if bins < enough {
                    continue;
                }
            }
            return Some(Rest {
                level: fit.level,
                sigma: fit.sigma,
                ring: fit.ring,
                tail: fit.tail,
                bins,
            });
        }
        None
    }

    /// Calls the plate rested although it is not quite, because all around it has come to rest.
    pub(crate) fn rest_now(&mut self, bin: i64, config: &PerceptionConfig) -> Option<Rested> {
        let Phase::Active { onset, .. } = self.phase else {
            return None;
        };
        let rest = self.resting(bin, Some(onset), 3.0, config)?;
        self.conclude(bin, &rest, config)
    }

    /// When it left the rest that was found in `found`, if it did.
    pub(crate) fn left(&self, found: i64) -> Option<i64> {
        let next = self.moved.iter().find(|m| m.1 > found);
        next.map(|m| m.0).or_else(|| self.active_since())
    }

    /// The first bin after the last one that was still nearer to the old level, by means of five bins
    /// so that ringing does not cross the middle.
    pub(crate) fn crossing(&self, onset: i64, settled: i64, before: f32, after: f32) -> i64 {
        let middle = (before + after) / 2.0;
        let oldest = onset.max(settled - HISTORY as i64 / 2);
        let mut bin = settled + 2;
        while bin > oldest {
            let smooth = self.mean(bin - 3, bin + 2);
            if smooth.is_some_and(|value| (value > middle) != (after > middle)) {
                break;
            }
            bin -= 1;
        }
        bin
    }
}

/// Bins without a sample after which a plate counts as blind.
fn blind_bins(config: &PerceptionConfig) -> i64 {
    config.dead_after.0 / config.bin.0.max(1)
}

fn slot(bin: i64) -> usize {
    bin.rem_euclid(HISTORY as i64) as usize
}
