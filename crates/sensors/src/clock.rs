//! Store time as the devices keep it: the newest time that any sane device told, carried on at
//! wall speed between messages. A device whose clock jumps cannot pull the shop along; when most
//! devices agree on a new time, the shop follows.

use std::collections::BTreeMap;
use std::time::Duration;
use walkout_model::{StoreTime, TimeDelta};

/// A device's time may lead the shop's by this much: the period of a pack, transport, NTP.
const AHEAD: TimeDelta = TimeDelta::from_secs(5);
/// What is older than this has no use any more: movements there have been concluded.
const STALE: TimeDelta = TimeDelta::from_secs(10);
/// Older than this is no late pack but a wrong clock.
const FAR_BEHIND: TimeDelta = TimeDelta::from_secs(120);
/// A source that was silent this long has no vote.
const VOTE_FRESH: Duration = Duration::from_secs(10);

/// Why a device's time was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockRefusal {
    /// It is old.
    #[error("{} s behind the shop's clock", .0.as_secs_f64())]
    Stale(TimeDelta),
    /// It is ahead, or so far behind that the clock must be wrong.
    #[error("the device's clock is {} s off the shop's: set it by NTP", .0.as_secs_f64())]
    Jump(TimeDelta),
}

#[derive(Clone, Copy, Debug)]
struct Source {
    heard: Duration,
    /// Where a refused clock stands.
    elsewhere: Option<StoreTime>,
}

/// The shop's clock. `wall` is any monotonic clock.
#[derive(Clone, Debug)]
pub struct StoreClock {
    store: StoreTime,
    wall: Duration,
    /// Whether a device's time was ever taken; until then the clock may be set back as well.
    told: bool,
    sources: BTreeMap<u32, Source>,
}

impl StoreClock {
    /// A clock that shows `store` at `wall` until devices tell better.
    pub fn new(store: StoreTime, wall: Duration) -> Self {
        Self {
            store,
            wall,
            told: false,
            sources: BTreeMap::new(),
        }
    }

    /// The newest time that a device told (or the time the clock was made with).
    pub fn newest(&self) -> StoreTime {
        self.store
    }

    /// Store time now: the newest device time, carried on at wall speed. It falls back a little
    /// where devices run slower than the wall, as a simulation on a busy machine does.
    pub fn now(&self, wall: Duration) -> StoreTime {
        let passed = wall.saturating_sub(self.wall).as_micros();
        self.store + TimeDelta(i64::try_from(passed).unwrap_or(i64::MAX))
    }

    /// The newest time of a message from `source` (a number for each topic that carries times).
    pub fn admit(&mut self, source: u32, t: StoreTime, wall: Duration) -> Result<(), ClockRefusal> {
        let now = self.now(wall);
        let lead = t.since(now);
        // Late means later than other devices, not than the wall.
        let news = t.since(self.store);
        let refusal = if lead > AHEAD || news < -FAR_BEHIND {
            Some(ClockRefusal::Jump(lead))
        } else if news < -STALE {
            Some(ClockRefusal::Stale(-news))
        } else {
            None
        };
        let elsewhere = matches!(refusal, Some(ClockRefusal::Jump(_))).then_some(t);
        self.sources.insert(
            source,
            Source {
                heard: wall,
                elsewhere,
            },
        );
        if let Some(refusal) = refusal {
            if elsewhere.is_none() || !self.most_agree_with(t, wall) {
                return Err(refusal);
            }
            if self.told && news < TimeDelta::ZERO {
                return Err(refusal);
            }
        }
        if news > TimeDelta::ZERO || elsewhere.is_some() {
            self.store = t;
            self.wall = wall;
        }
        self.told = true;
        Ok(())
    }

    /// Whether more than half of at least two sources heard lately stand near `t`.
    fn most_agree_with(&self, t: StoreTime, wall: Duration) -> bool {
        let fresh = |s: &&Source| wall.saturating_sub(s.heard) <= VOTE_FRESH;
        let heard = self.sources.values().filter(fresh).count();
        let near = |s: &&Source| {
            let off = s.elsewhere.map(|at| at.since(t));
            off.is_some_and(|d| d <= AHEAD && d >= -AHEAD)
        };
        let agree = self.sources.values().filter(fresh).filter(near).count();
        agree >= 2 && agree * 2 > heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(i64) -> StoreTime = |s| StoreTime(s * 1_000_000);
    const W: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_lone_jump_is_refused_and_moves_nothing() {
        let mut clock = StoreClock::new(S(100), W(0));
        for source in 0..4 {
            assert_eq!(clock.admit(source, S(101), W(1)), Ok(()));
        }
        let jump = clock.admit(2, S(4_000), W(2));
        assert!(matches!(jump, Err(ClockRefusal::Jump(_))), "{jump:?}");
        assert_eq!(clock.now(W(2)), S(102));
        let late = clock.admit(3, S(80), W(2));
        assert!(matches!(late, Err(ClockRefusal::Stale(_))), "{late:?}");
    }

    #[test]
    fn the_shop_follows_when_most_devices_jump() {
        let mut clock = StoreClock::new(S(100), W(0));
        for source in 0..3 {
            assert_eq!(clock.admit(source, S(101), W(1)), Ok(()));
        }
        assert!(clock.admit(0, S(4_000), W(2)).is_err());
        assert_eq!(clock.admit(1, S(4_000), W(2)), Ok(()));
        assert_eq!(clock.now(W(3)), S(4_001));
        // The third, left behind, is told so.
        assert!(clock.admit(2, S(104), W(3)).is_err());
    }

    #[test]
    fn before_any_device_was_heard_the_clock_may_be_set_back() {
        let mut clock = StoreClock::new(S(10_000), W(0));
        assert!(clock.admit(0, S(100), W(1)).is_err());
        assert_eq!(clock.admit(1, S(100), W(1)), Ok(()));
        assert_eq!(clock.now(W(2)), S(101));
        // From then on it only goes forward.
        assert!(clock.admit(0, S(-5_000), W(3)).is_err());
        assert!(clock.admit(1, S(-5_000), W(3)).is_err());
        assert_eq!(clock.now(W(3)), S(102));
    }
}
