//! How long to wait before trying again.

use std::time::Duration;

/// Exponential back-off with jitter: 0.25 s, then twice as long each time, up to 15 s, or 1.5 s where the camera is only
/// away: its return should be noticed in 2 s. Each wait is cut to 50–100 % of that by a number that the caller
/// draws, so that a shop's cameras do not all call at once when the switch comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackOff {
    failures: u32,
}

impl BackOff {
    const FIRST: Duration = Duration::from_millis(250);
    const LAST: Duration = Duration::from_secs(15);
    const LAST_AWAY: Duration = Duration::from_millis(1_500);

    /// After a failure: how long to wait. `jitter` is 0 to 1, else it is taken for the nearer of the two.
    pub fn after_failure(&mut self, jitter: f64) -> Duration {
        self.wait(Self::LAST, jitter)
    }

    /// The same where nothing answers, or what answered has gone.
    pub fn after_absence(&mut self, jitter: f64) -> Duration {
        self.wait(Self::LAST_AWAY, jitter)
    }

    fn wait(&mut self, most: Duration, jitter: f64) -> Duration {
        let whole = Self::FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(most);
        self.failures = self.failures.saturating_add(1);
        let jitter = if jitter.is_finite() {
            jitter.clamp(0.0, 1.0)
        } else {
            1.0
        };
        whole.mul_f64(0.5 + 0.5 * jitter)
    }

    /// It works again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_begin_anew() {
        let mut back_off = BackOff::default();
        let waits: Vec<u128> = (0..9)
            .map(|_| back_off.after_failure(1.0).as_millis())
            .collect();
        assert_eq!(
            waits,
            [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]
        );
        assert_eq!(back_off.after_failure(0.0).as_millis(), 7_500);
        back_off.reset();
        assert_eq!(back_off.after_failure(f64::NAN).as_millis(), 250);
        assert_eq!(back_off.after_failure(-3.0).as_millis(), 250);
        let away: Vec<u128> = (0..4)
            .map(|_| back_off.after_absence(1.0).as_millis())
            .collect();
        assert_eq!(away, [1_000, 1_500, 1_500, 1_500]);
    }
}
