//! The clocks of the fixtures' controllers: one that jumps is found out and set right.

use crate::PerceptionConfig;
use walkout_model::{StoreTime, TimeDelta};

/// One fixture's clock. When nothing but off-time samples come for half a second and all are off by
/// the same, it is the clock that is wrong, not the samples; a backlog that is being caught up is off
/// by less and less and does not count.
#[derive(Clone, Debug)]
pub(crate) struct FixtureClock {
    correction: TimeDelta,
    off: TimeDelta,
    since: StoreTime,
    count: u32,
    enough: u32,
}

impl FixtureClock {
    pub(crate) fn new(plates: u32) -> Self {
        Self {
            correction: TimeDelta::ZERO,
            off: TimeDelta::ZERO,
            since: StoreTime(0),
            count: 0,
            enough: plates.clamp(1, 64).saturating_mul(10),
        }
    }

    pub(crate) fn correct(&self, t: StoreTime) -> StoreTime {
        t + self.correction
    }

    pub(crate) fn agreed(&mut self) {
        self.count = 0;
    }

    /// A sample of `raw` time, corrected to `t`, is off. The new correction, if that settles it.
    pub(crate) fn disagreed(
        &mut self,
        raw: StoreTime,
        t: StoreTime,
        now: StoreTime,
        config: &PerceptionConfig,
    ) -> Option<TimeDelta> {
        let off = t.since(now);
        let drifted = (off - self.off).0.saturating_abs();
        if self.count == 0 || drifted > config.bin.0.saturating_mul(4) {
            self.off = off;
            self.since = now;
            self.count = 1;
            return None;
        }
        self.count = self.count.saturating_add(1);
        if self.count < self.enough || now.since(self.since) < TimeDelta::from_millis(500) {
            return None;
        }
        self.count = 0;
        self.correction = now.since(raw);
        Some(self.correction)
    }
}
