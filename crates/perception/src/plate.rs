//! One plate: its level at rest, when it leaves it, and when it is at rest again.

use crate::PerceptionConfig;
use walkout_model::layout::Plate;

/// Bins remembered, 6.4 s: for curves and for finding the instant of change.
pub(crate) const HISTORY: usize = 128;

/// Bins over which the level at rest is averaged at most, 3 s: long enough to average noise, short
/// enough to follow drift and creep.
const LEVEL_BINS: f32 = 60.0;

/// Roughness from which on a window swings rather than being pressed.
const ROUGH: f32 = 1.1;

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

/// A plate that came to rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rested {
    /// Bin in which it left its old rest.
    pub onset: i64,
    /// Bin in which it crossed halfway to the new level for the last time.
    pub change: i64,
    /// First bin of the window found at rest.
    pub settled: i64,
    /// New level minus old, grams.
    pub delta: f32,
    /// Standard deviation of `delta`, grams.
    pub sigma: f32,
    /// Largest departure from the old level, grams.
    pub peak: f32,
}

/// The state of one plate.
#[derive(Clone, Debug)]
pub(crate) struct PlateState {
    history: [f32; HISTORY],
    phase: Phase,
    level: f32,
    level_bins: f32,
    /// Standard deviation of one bin at rest, as it is lately, shaking included.
    noise: f32,
    /// The same by the plate's own description, which nothing shakes.
    noise_floor: f32,
    missing: u32,
    /// The rest before a disturbance that left no change worth a step: if more follows at once, it was
    /// one action, and that rest is what it is measured against.
    earlier: Option<Earlier>,
}

#[derive(Clone, Copy, Debug)]
struct Earlier {
    level: f32,
    level_bins: f32,
    onset: i64,
    settled: i64,
}

struct Window {
    mean: f32,
    sd: f32,
    /// Mean of the later half minus mean of the earlier.
    tilt: f32,
    /// Largest less smallest of the means of its thirds.
    waver: f32,
    /// Mean square of successive differences over the variance (von Neumann): 2 for white noise,
    /// 0.8 to 3 for a swing of 3–7 Hz, well below 1 for a hand's force.
    roughness: f32,
    n: usize,
}

impl PlateState {
    pub(crate) fn new(plate: &Plate) -> Self {
        let sample_var = plate.noise_g.powi(2) + plate.resolution_g.powi(2) / 12.0;
        let noise = ((sample_var / 3.0).sqrt() as f32).max(0.05);
        Self {
            history: [f32::NAN; HISTORY],
            phase: Phase::Unknown,
            level: f32::NAN,
            level_bins: 0.0,
            noise,
            noise_floor: noise,
            missing: 0,
            earlier: None,
        }
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

    /// Mean of the bins `from..to`, if at least half of them hold something.
    pub(crate) fn mean(&self, from: i64, to: i64) -> Option<f32> {
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
        if self.level.is_finite() {
            self.phase = Phase::Active {
                onset: bin,
                peak: 0.0,
            };
        }
    }

    /// Largest departure from the old level while active, grams; 0 at rest.
    pub(crate) fn departure(&self) -> f32 {
        match self.phase {
            Phase::Active { peak, .. } => peak.abs(),
            _ => 0.0,
        }
    }

    /// Takes the bin's mean and says if the plate came to rest with it. A change of less than
    /// `shadow_g` may be what a pressed neighbour leaks through the board, and is waited out.
    pub(crate) fn update(
        &mut self,
        bin: i64,
        value: Option<f32>,
        shadow_g: f32,
        config: &PerceptionConfig,
    ) -> Option<Rested> {
        self.history[slot(bin)] = value.unwrap_or(f32::NAN);
        let Some(x) = value else {
            self.missing = self.missing.saturating_add(1);
            if self.phase == Phase::Rest && i64::from(self.missing) == blind_bins(config) {
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
                if let Some((window, _)) = self.resting(bin, self.history[slot(bin)], config) {
                    self.rest_at(&window);
                }
                None
            }
            Phase::Rest => {
                self.watch(bin, x, config);
                None
            }
            Phase::Active { onset, peak } => {
                let peak = if (x - self.level).abs() > peak.abs() {
                    x - self.level
                } else {
                    peak
                };
                self.phase = Phase::Active { onset, peak };
                let (window, sigma) = self.resting(bin, self.level, config)?;
                let change = (window.mean - self.level).abs();
                if change >= config.step_g && change < shadow_g {
                    return None;
                }
                self.conclude(bin, &window, sigma, config)
            }
        }
    }

    /// Ends the activity with the window that was found at rest.
    fn conclude(
        &mut self,
        bin: i64,
        window: &Window,
        sigma: f32,
        config: &PerceptionConfig,
    ) -> Option<Rested> {
        let Phase::Active { onset, peak } = self.phase else {
            return None;
        };
        // The window must lie after the onset, or it is the old rest that is still in it.
        let settled = bin + 1 - window.n as i64;
        if settled <= onset + 1 {
            return None;
        }
        let before = self.level;
        let level_var = self.noise.powi(2) / self.level_bins.clamp(1.0, LEVEL_BINS);
        let rested = Rested {
            onset,
            change: self.crossing(onset, settled, before, window.mean),
            settled,
            delta: window.mean - before,
            sigma: (sigma * sigma + level_var + 0.04).sqrt(),
            peak,
        };
        let slight = rested.delta.abs() < config.step_g.max(4.0 * rested.sigma);
        self.earlier = slight.then_some(Earlier {
            level: self.level,
            level_bins: self.level_bins,
            onset,
            settled: bin,
        });
        self.rest_at(window);
        Some(rested)
    }

    fn rest_at(&mut self, window: &Window) {
        self.level = window.mean;
        self.level_bins = window.n as f32;
        self.phase = Phase::Rest;
    }

    /// At rest: follow the level, or notice that it is left.
    fn watch(&mut self, bin: i64, x: f32, config: &PerceptionConfig) {
        let limit = config.onset_g.max(4.0 * self.noise);
        let recent = self.mean(bin - 2, bin + 1).unwrap_or(x);
        let off = x - self.level;
        if (recent - self.level).abs() > limit || off.abs() > 4.0 * limit {
            let mut onset = bin - 2;
            if let Some(e) = self.earlier.take()
                && bin - e.settled <= config.one_action_bins
            {
                (self.level, self.level_bins, onset) = (e.level, e.level_bins, e.onset);
            }
            self.phase = Phase::Active { onset, peak: off };
            return;
        }
        let previous = self.history[slot(bin - 1)];
        if previous.is_finite() {
            let jump = (x - previous).clamp(-limit, limit);
            self.noise = (self.noise.powi(2) + (jump * jump * 0.5 - self.noise.powi(2)) / 200.0)
                .max(0.0025)
                .sqrt();
        }
        self.level_bins = (self.level_bins + 1.0).min(LEVEL_BINS);
        self.level += off.clamp(-limit, limit) / self.level_bins;
    }

    /// The window that ends with `bin`, if the plate rests in it after having been at `before`, and
    /// the standard deviation of its mean.
    ///
    /// Short and calm, or longer and ringing about a level that stays. A hand's force wavers slowly
    /// where a board rings fast, which tells a plate under a hand from one at rest; and since a hand
    /// presses and does not lift, a rise is asked for more than a fall.
    fn resting(&self, bin: i64, before: f32, config: &PerceptionConfig) -> Option<(Window, f32)> {
        let own = self.noise.min(1.3 * self.noise_floor);
        let calm = config.calm_g.max(3.0 * own);
        let short = self.window(bin, config.window_bins)?;
        let rising = short.mean - before > config.step_g;
        // Nearly every take begins with a press that stays level for a moment; few rises are goods.
        let still = !rising
            || self
                .window(bin, config.rise_bins)
                .is_some_and(|w| w.sd <= 2.0 * own && w.tilt.abs() <= 2.0 * own);
        if short.sd <= calm && short.tilt.abs() <= calm && still {
            // Neighbouring bins of what is left of a swing are not independent.
            let sigma = short.sd.max(self.noise) / (short.n as f32).sqrt() * 1.5;
            return Some((short, sigma));
        }
        for length in [2, 4] {
            let long = self.window(bin, config.window_bins * length)?;
            // While the board swings, a press is as rough as a swing; only its length betrays it.
            if rising && length < 4 && long.sd > 4.0 * own {
                continue;
            }
            let sigma = long.sd / (long.n as f32).sqrt() * 1.5;
            let change = (long.mean - before).abs();
            if long.sd <= config.ringing_g
                && sigma <= 0.6 + 0.012 * change
                && (long.roughness >= ROUGH || !rising)
                && long.waver.max(long.tilt.abs()) <= 0.8 + 0.5 * long.sd
            {
                return Some((long, sigma));
            }
        }
        None
    }

    /// Calls the plate rested although it still rings, because all around it has come to rest.
    pub(crate) fn rest_now(&mut self, bin: i64, config: &PerceptionConfig) -> Option<Rested> {
        let long = self.window(bin, config.window_bins * 2)?;
        if long.sd > config.ringing_g || long.waver > 1.2 + 0.7 * long.sd {
            return None;
        }
        let sigma = long.sd / (long.n as f32).sqrt() * 1.5;
        self.conclude(bin, &long, sigma, config)
    }

    fn window(&self, bin: i64, bins: usize) -> Option<Window> {
        let half = bins / 2;
        let (mut sum, mut squares, mut n) = (0.0_f32, 0.0_f32, 0_usize);
        let (mut early, mut early_n, mut later, mut later_n) = (0.0_f32, 0_u8, 0.0_f32, 0_u8);
        let mut thirds = [(0.0_f32, 0_u8); 3];
        let (mut jumps, mut jumps_n, mut last) = (0.0_f32, 0_u8, f32::NAN);
        let origin = self.history[slot(bin)];
        for k in 0..bins {
            let value = self.history[slot(bin - k as i64)] - origin;
            if !value.is_finite() {
                continue;
            }
            if last.is_finite() {
                jumps += (value - last).powi(2);
                jumps_n += 1;
            }
            last = value;
            sum += value;
            squares += value * value;
            n += 1;
            if let Some((third, count)) = thirds.get_mut(k * 3 / bins) {
                *third += value;
                *count += 1;
            }
            if k < half {
                later += value;
                later_n += 1;
            } else if k >= bins - half {
                early += value;
                early_n += 1;
            }
        }
        if n + bins / 3 < bins || early_n == 0 || later_n == 0 {
            return None;
        }
        let mean = sum / n as f32;
        let means = thirds
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(third, count)| third / f32::from(*count));
        let (low, high) = means.fold((f32::MAX, f32::MIN), |(l, h), m| (l.min(m), h.max(m)));
        let var = (squares / n as f32 - mean * mean).max(0.0);
        Some(Window {
            mean: mean + origin,
            sd: var.sqrt(),
            roughness: jumps / f32::from(jumps_n.max(1)) / var.max(1e-6),
            tilt: later / f32::from(later_n) - early / f32::from(early_n),
            waver: high - low,
            n: bins,
        })
    }

    /// The first bin after the last one that was still nearer to the old level, by means of five bins
    /// so that ringing does not cross the middle.
    fn crossing(&self, onset: i64, settled: i64, before: f32, after: f32) -> i64 {
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
