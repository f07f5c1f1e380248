//! Samples in: what is refused and why, the bins that put the rest in order, and plate health.

use crate::PerceptionConfig;
use serde::{Deserialize, Serialize};
use walkout_model::layout::Plate;
use walkout_model::{FixtureIx, PlateHealth, ShelfIx, StoreTime};

/// What came in and what was refused, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeCounters {
    /// Used.
    pub accepted: u64,
    /// Of a plate the layout does not have.
    pub unknown_plate: u64,
    /// NaN or infinite.
    pub not_finite: u64,
    /// Beyond twice the plate's range.
    pub absurd: u64,
    /// Came after its bin was closed.
    pub late: u64,
    /// Older than any lateness explains.
    pub stale: u64,
    /// Claims to be from the future.
    pub future: u64,
    /// The same plate and instant twice.
    pub duplicate: u64,
    /// A fixture's or the shop's clock jumped and was followed.
    pub clock_resyncs: u64,
}

impl IntakeCounters {
    /// All that was refused.
    pub fn refused(&self) -> u64 {
        self.unknown_plate
            + self.not_finite
            + self.absurd
            + self.late
            + self.stale
            + self.future
            + self.duplicate
    }
}

/// Bins kept open at once; covers the delay and what may come early.
const RING: usize = 32;

/// One plate's open bins and what they say of its health.
#[derive(Clone, Debug)]
pub(crate) struct PlateIntake {
    fixture: FixtureIx,
    shelf: ShelfIx,
    range_g: f32,
    bins: [Bin; RING],
    last_sample: Option<StoreTime>,
    /// The youngest reading, if the plate has sent any since time began (anew).
    newest: Option<StoreTime>,
    /// The reading that repeats, and since when.
    repeat: f32,
    repeat_since: StoreTime,
    saturated: u8,
    health: PlateHealth,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    sum: f32,
    n: u16,
    /// Which 64ths of the bin have a sample: the same one twice is a duplicate.
    slots: u64,
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Good,
    Refused,
    /// Refused for its time by far more than lateness explains.
    OffTime,
}

impl PlateIntake {
    pub(crate) fn new(plate: &Plate, fixture: FixtureIx) -> Self {
        Self {
            fixture,
            shelf: plate.shelf,
            newest: None,
            range_g: plate.range_g as f32,
            bins: [Bin::default(); RING],
            last_sample: None,
            repeat: f32::NAN,
            repeat_since: StoreTime(0),
            saturated: 0,
            health: PlateHealth::Good,
        }
    }

    pub(crate) fn fixture(&self) -> FixtureIx {
        self.fixture
    }

    pub(crate) fn shelf(&self) -> ShelfIx {
        self.shelf
    }

    /// The time of the youngest reading, if the plate is alive.
    pub(crate) fn newest(&self) -> Option<StoreTime> {
        self.newest.filter(|_| self.health != PlateHealth::Dead)
    }

    pub(crate) fn health(&self) -> PlateHealth {
        self.health
    }

    pub(crate) fn push(
        &mut self,
        t: StoreTime,
        grams: f32,
        now: StoreTime,
        closed: i64,
        config: &PerceptionConfig,
        counters: &mut IntakeCounters,
    ) -> Taken {
        if !grams.is_finite() {
            counters.not_finite += 1;
            return Taken::Refused;
        }
        if grams.abs() > 2.0 * self.range_g {
            counters.absurd += 1;
            return Taken::Refused;
        }
        if t.since(now) > config.future_max {
            counters.future += 1;
            return Taken::OffTime;
        }
        let width = config.bin.0.max(1);
        let bin = t.0.div_euclid(width);
        if bin <= closed {
            if now.since(t) > config.clock_jump {
                counters.stale += 1;
                return Taken::OffTime;
            }
            counters.late += 1;
            return Taken::Refused;
        }
        if bin - closed >= RING as i64 {
            counters.future += 1;
            return Taken::OffTime;
        }
        let slot = 1_u64 << (t.0.rem_euclid(width).saturating_mul(64) / width).clamp(0, 63);
        let entry = &mut self.bins[bin.rem_euclid(RING as i64) as usize];
        if entry.slots & slot != 0 {
            counters.duplicate += 1;
            return Taken::Refused;
        }
        entry.slots |= slot;
        entry.sum += grams;
        entry.n += 1;
        counters.accepted += 1;
        self.last_sample = Some(self.last_sample.map_or(t, |last| last.max(t)));
        self.newest = Some(self.newest.map_or(t, |newest| newest.max(t)));
        if grams.to_bits() != self.repeat.to_bits() {
            self.repeat = grams;
            self.repeat_since = t;
        }
        self.saturated = if grams.abs() >= 0.99 * self.range_g {
            self.saturated.saturating_add(1)
        } else {
            0
        };
        Taken::Good
    }

    /// Empties the bin: the mean of its samples and their number.
    pub(crate) fn close(&mut self, bin: i64) -> Option<(f32, u16)> {
        let entry = std::mem::take(&mut self.bins[bin.rem_euclid(RING as i64) as usize]);
        (entry.n > 0).then(|| (entry.sum / f32::from(entry.n), entry.n))
    }

    /// Since when the reading has not changed.
    pub(crate) fn unchanged_since(&self) -> StoreTime {
        self.repeat_since
    }

    /// The health at `now`; `neighbours_vary` says whether the shelf's other plates changed their
    /// reading while this one did not. `Some` if it changed.
    pub(crate) fn judge(
        &mut self,
        now: StoreTime,
        neighbours_vary: bool,
        config: &PerceptionConfig,
    ) -> Option<PlateHealth> {
        let last = *self.last_sample.get_or_insert(now);
        let health = if now.since(last) > config.dead_after {
            PlateHealth::Dead
        } else if self.saturated >= 12 {
            PlateHealth::Overload
        } else if neighbours_vary && last.since(self.repeat_since) > config.stuck_after {
            PlateHealth::Stuck
        } else {
            PlateHealth::Good
        };
        (health != self.health).then(|| {
            self.health = health;
            health
        })
    }

    pub(crate) fn forget_pending(&mut self, now: StoreTime) {
        self.bins = [Bin::default(); RING];
        self.last_sample = Some(now);
        self.newest = None;
        self.repeat_since = now;
    }
}
