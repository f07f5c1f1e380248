//! Steps told before they can be read: the direction and the place of a change are plain earlier than its mass.
//!
//! A press only adds to a plate, so that what fell below the old level and stays there is goods that left.
//! What rises may be a hand. It is goods if the hand has let go and something stays, or if it goes on rising for longer
//! than a hand needs to press. What may be either is told, too, with a sigma of half of it: cameras may tell what is in that
//! hand. The step that is read in the end replaces such a one, or it is taken back.

use super::{ShelfState, time_of};
use crate::plate::{PlateState, Rested};
use crate::{PerceptionConfig, PerceptionEvent};
use std::ops::Range;
use walkout_model::{PlateDelta, PlateIx, StoreTime, WeightStep};

/// Bins over which a change must be plain.
const BINS: i64 = 4;
/// Standard deviations of the noise that a change must have.
const SIGMAS: f32 = 8.0;
/// How far a fall may still swing, and how far on it may still go within these bins, as shares of it.
const SWINGS: f32 = 0.3;
const GOES_ON: f32 = 0.08;
/// The same for what a hand leaves behind.
const RESTS: f32 = 0.08;
/// How much of a press has gone when the hand has let go: the peak is so many times what stays.
const LET_GO: f32 = 1.3;
/// Growth within these bins by which something still rises, as a share of it.
const RISES: f32 = 0.12;
/// Standard deviation of what is told in the midst of a rise, as a share of it.
const RISING_SIGMA: f32 = 0.3;

/// What has risen for so many bins, and by so much, is told as what may be goods or a hand: who looks at the hand can
/// tell …
const MAYBE_BINS: i64 = 8;
const MAYBE_G: f32 = 25.0;
/// … by this sigma, as a share of it, that the scale cannot.
const MAYBE_SIGMA: f32 = 0.5;
/// What is not read after so many bins is taken back until it is, 4.5 s: told anew it would be as old as before, and
/// whoever listens would soon not wait for its correction any more.
const EXPIRES_BINS: i64 = 90;

/// A step that was told before it could be read.
#[derive(Clone, Debug)]
pub(super) struct Foretold {
    serial: u64,
    bin: i64,
    /// Whether it may be a hand.
    maybe: bool,
    /// Which plates moved, and which way: 1 or −1.
    plates: Range<usize>,
    way: i32,
}

/// What is plain of a change, grams.
struct Plain {
    change: f32,
    sigma: f32,
    maybe: bool,
}

/// Plates side by side that move the same way.
struct Run<'a> {
    plates: Range<usize>,
    states: &'a [PlateState],
    ready: &'a [(usize, Rested)],
    /// When the first of them left its rest.
    onset: i64,
    noise: f32,
}

impl Run<'_> {
    /// How far a plate is off the rest that it had before all this.
    fn plate(&self, p: usize, bin: i64) -> f32 {
        match self.ready.iter().find(|(q, _)| *q == p) {
            Some((_, rested)) => rested.delta,
            None => self.states.get(p).map_or(0.0, |s| s.off_in(bin)),
        }
    }

    fn sum(&self, bin: i64) -> f32 {
        self.plates.clone().map(|p| self.plate(p, bin)).sum()
    }

    /// The change, as far as it is plain by now.
    fn plain(&self, bin: i64, config: &PerceptionConfig) -> Option<Plain> {
        let sure = |sigma: f32, change: f32| Plain {
            change,
            sigma,
            maybe: false,
        };
        let from = bin + 1 - BINS;
        if from <= self.onset {
            return None;
        }
        let sums: Vec<f32> = (from..=bin).map(|b| self.sum(b)).collect();
        let change = sums.iter().sum::<f32>() / sums.len() as f32;
        let size = change.abs();
        if size < config.plain_g.max(SIGMAS * self.noise) {
            return None;
        }
        let swing = sums
            .iter()
            .map(|s| (s - change).abs())
            .fold(0.0_f32, f32::max);
        let half = sums.len() / 2;
        let (first, last) = sums.split_at_checked(half)?;
        let drift = (last.iter().sum::<f32>() - first.iter().sum::<f32>()) / half as f32;
        if change < 0.0 {
            let stays = swing <= SWINGS * size && drift >= -GOES_ON * size - self.noise;
            return stays.then(|| sure(swing.max(0.05 * size).max(self.noise), change));
        }
        let before = (self.onset..from).map(|b| self.sum(b));
        let peak = before.fold(0.0_f32, f32::max);
        let rests = swing <= RESTS * size + self.noise && drift >= -GOES_ON * size - self.noise;
        if rests && peak > LET_GO * change + 6.0 * self.noise {
            return Some(sure((0.1 * size).max(swing).max(self.noise), change));
        }
        let long = bin - self.onset >= config.press_rise_bins;
        let rises = drift >= RISES * size && change > peak;
        if long && rises {
            return Some(sure(RISING_SIGMA * size, change));
        }
        let stands = bin - self.onset >= MAYBE_BINS && size >= MAYBE_G && change > 0.8 * peak;
        stands.then_some(Plain {
            change,
            sigma: MAYBE_SIGMA * size,
            maybe: true,
        })
    }

    /// The bin in which it crossed half of the change.
    fn crossing(&self, bin: i64, change: f32) -> i64 {
        let mut at = bin;
        while at > self.onset && self.sum(at - 1) / change > 0.5 {
            at -= 1;
        }
        at
    }
}

impl ShelfState {
    /// Tells changes whose direction is plain, once each.
    pub(super) fn foresee(
        &mut self,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        plates: &[PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        self.let_expire(bin, now, serial, out);
        let mut next = 0;
        while next < plates.len() {
            let first = next;
            let way = self.way(first, bin, config, plates);
            next += 1;
            if way == 0 {
                continue;
            }
            while next < plates.len() && self.way(next, bin, config, plates) == way {
                next += 1;
            }
            let run = first..next;
            let owed = self.owed.iter().position(|(p, _)| run.contains(p));
            let before = owed.and_then(|i| self.owed.get(i)).map(|o| o.1);
            let was_maybe = |serial: u64| {
                let told = self.foretold.iter().find(|f| f.serial == serial);
                told.is_some_and(|f| f.maybe)
            };
            if before.is_some_and(|serial| !was_maybe(serial)) {
                continue;
            }
            let Some((step, maybe)) = self.foreseen(run.clone(), bin, now, config, plates) else {
                continue;
            };
            if before.is_some() && maybe {
                continue;
            }
            if let Some(i) = owed {
                self.owed.remove(i);
            }
            *serial += 1;
            let step = WeightStep {
                serial: *serial,
                replaces: before,
                ..step
            };
            self.foretold.push(Foretold {
                serial: *serial,
                bin,
                maybe,
                plates: run,
                way,
            });
            let most = step
                .plates
                .iter()
                .max_by(|a, b| a.delta_g.abs().total_cmp(&b.delta_g.abs()));
            let heaviest = most.map_or(first, |p| (p.plate.0 - self.plates.start) as usize);
            self.owed.push((heaviest, step.serial));
            self.say(step, bin, out);
        }
    }

    /// Takes back what could not be read for long: whoever listens must not take it for the last word.
    fn let_expire(
        &mut self,
        bin: i64,
        now: StoreTime,
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        let owed = &self.owed;
        self.foretold
            .retain(|f| owed.iter().any(|(_, serial)| *serial == f.serial));
        while let Some(i) = self
            .foretold
            .iter()
            .position(|f| bin - f.bin > EXPIRES_BINS)
        {
            let old = self.foretold.remove(i);
            self.owed.retain(|(_, serial)| *serial != old.serial);
            self.given_up.extend(old.plates.map(|p| (p, old.way)));
            self.take_back(old.serial, bin, now, serial, out);
        }
    }

    /// Which way a plate moves: 1, −1, or 0 if it does not, was told of, or was told of and taken back.
    fn way(&self, p: usize, bin: i64, config: &PerceptionConfig, plates: &[PlateState]) -> i32 {
        let off = match self.ready.iter().find(|(q, _)| *q == p) {
            Some((_, rested)) => rested.delta,
            None => match plates.get(p) {
                Some(state) if state.active_since().is_some() => state.offset(bin),
                _ => 0.0,
            },
        };
        let way = match off {
            _ if off.abs() < config.step_g => 0,
            _ if off > 0.0 => 1,
            _ => -1,
        };
        if self.given_up.contains(&(p, way)) {
            0
        } else {
            way
        }
    }

    fn foreseen(
        &self,
        plates: Range<usize>,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        states: &[PlateState],
    ) -> Option<(WeightStep, bool)> {
        let onsets =
            plates
                .clone()
                .filter_map(|p| match self.ready.iter().find(|(q, _)| *q == p) {
                    Some((_, rested)) => Some(rested.onset),
                    None => states.get(p)?.active_since(),
                });
        let noise = plates
            .clone()
            .filter_map(|p| states.get(p))
            .map(|s| s.noise_now().powi(2))
            .sum::<f32>()
            .sqrt();
        let run = Run {
            onset: onsets.min()?,
            plates,
            states,
            ready: &self.ready,
            noise,
        };
        let Plain {
            change: delta_g,
            sigma: sigma_g,
            maybe,
        } = run.plain(bin, config)?;
        let change = run.crossing(bin, delta_g);
        let n = run.plates.len().max(1) as f32;
        let step = WeightStep {
            serial: 0,
            replaces: None,
            shelf: self.shelf,
            t_start: time_of(run.onset, config),
            t_change: time_of(change, config),
            t_end: time_of(bin, config),
            known_at: now,
            delta_g,
            sigma_g,
            plates: run
                .plates
                .clone()
                .map(|p| PlateDelta {
                    plate: PlateIx(self.plates.start + p as u32),
                    delta_g: (bin + 1 - BINS..=bin).map(|b| run.plate(p, b)).sum::<f32>()
                        / BINS as f32,
                    sigma_g: sigma_g / n.sqrt(),
                })
                .collect(),
            curve: super::groups::curve(run.onset, bin, config, states),
            seen: None,
        };
        Some((step, maybe))
    }
}
