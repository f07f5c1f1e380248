//! RTP's own time, which begins anywhere and ticks at 90 kHz, into store time (RFC 3550, 6.4.1).
//!
//! A camera whose clock is set tells in its sender reports which RTP time belongs to which NTP time; that
//! is taken if it lies within [`CLOCK_OFF_MAX`] of the time the packets arrive at. Otherwise frames are timed by
//! their arrival: the network only ever delays, so of the last half minute the frames that came fastest
//! tell the offset between the two clocks, and jitter falls out; `delay`, what even those take from
//! the shutter to here, is subtracted. Times never go back and never repeat.

use std::collections::VecDeque;
use walkout_model::{StoreTime, TimeDelta};

/// A camera's clock further off than this is not set.
pub const CLOCK_OFF_MAX: TimeDelta = TimeDelta::from_secs(5);
/// RTP time that jumps by more than this against arrival begins a new reckoning.
const JUMP: TimeDelta = TimeDelta::from_secs(2);
/// The fastest frames are looked for among those of so long.
const WINDOW: TimeDelta = TimeDelta::from_secs(30);
/// The window in pieces, of which the least is kept each: bounds what is remembered.
const PIECE: TimeDelta = TimeDelta::from_secs(1);

/// By what frames are timed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RtpClockState {
    /// By arrival: no sender report came yet.
    #[default]
    Arrival,
    /// By the camera's clock.
    SenderReports,
    /// By arrival, since the camera's clock is off.
    ClockOff,
}

/// Makes store time of RTP time.
#[derive(Clone, Debug)]
pub struct RtpClock {
    rate_hz: u32,
    delay: TimeDelta,
    /// RTP's zero in the camera's own clock, by the newest report.
    reported_zero: Option<StoreTime>,
    /// The least (arrival − RTP) of each piece of the window: when the piece began, and that.
    fastest: VecDeque<(StoreTime, TimeDelta)>,
    last: Option<StoreTime>,
    state: RtpClockState,
}

impl RtpClock {
    /// For a stream whose RTP time ticks `rate_hz` times a second. `delay`: from shutter to arrival at the
    /// best, for cameras that send no reports.
    pub fn new(rate_hz: u32, delay: TimeDelta) -> Self {
        Self {
            rate_hz: rate_hz.max(1),
            delay,
            reported_zero: None,
            fastest: VecDeque::new(),
            last: None,
            state: RtpClockState::default(),
        }
    }

    /// By what frames are timed now.
    pub fn state(&self) -> RtpClockState {
        self.state
    }

    /// A sender report: the camera's clock stood at `ntp` when RTP's time (unwrapped) was `rtp`.
    pub fn sender_report(&mut self, ntp: StoreTime, rtp: i64) {
        self.reported_zero = Some(ntp - self.span(rtp));
    }

    /// A frame of RTP time `rtp` (unwrapped) that came at `arrival`.
    pub fn frame(&mut self, rtp: i64, arrival: StoreTime) -> StoreTime {
        let span = self.span(rtp);
        let offset = self.offset(arrival.since(StoreTime(0)) - span, arrival);
        let by_arrival = StoreTime(0) + span + offset - self.delay;
        let t = match self.reported_zero.map(|zero| zero + span) {
            None => {
                self.state = RtpClockState::Arrival;
                by_arrival
            }
            Some(told) => {
                let off = arrival.since(told);
                if off <= CLOCK_OFF_MAX && off >= -CLOCK_OFF_MAX {
                    self.state = RtpClockState::SenderReports;
                    told
                } else {
                    self.state = RtpClockState::ClockOff;
                    by_arrival
                }
            }
        };
        let t = self.last.map_or(t, |last| t.max(last + TimeDelta(1)));
        self.last = Some(t);
        t
    }

    /// The least of `offset` within the window.
    fn offset(&mut self, offset: TimeDelta, now: StoreTime) -> TimeDelta {
        let least = |w: &VecDeque<(StoreTime, TimeDelta)>| w.iter().map(|&(_, o)| o).min();
        if least(&self.fastest).is_some_and(|l| offset - l > JUMP || l - offset > JUMP) {
            self.fastest.clear();
            self.reported_zero = None;
        }
        while self
            .fastest
            .front()
            .is_some_and(|&(t, _)| now.since(t) > WINDOW)
        {
            self.fastest.pop_front();
        }
        match self.fastest.back_mut() {
            Some((t, o)) if now.since(*t) < PIECE => *o = offset.min(*o),
            _ => self.fastest.push_back((now, offset)),
        }
        least(&self.fastest).unwrap_or(offset)
    }

    fn span(&self, rtp: i64) -> TimeDelta {
        let us = i128::from(rtp) * 1_000_000 / i128::from(self.rate_hz);
        TimeDelta(i64::try_from(us).unwrap_or(if rtp < 0 { i64::MIN } else { i64::MAX }))
    }
}

/// NTP's 64 bits (seconds since 1900 and their 2³² parts) as store time. `None`: before 1970, the mark of a
/// clock that was never set.
pub(super) fn store_time_of_ntp(ntp: u64) -> Option<StoreTime> {
    const SECONDS_1900_TO_1970: u64 = 2_208_988_800;
    let seconds = (ntp >> 32).checked_sub(SECONDS_1900_TO_1970)?;
    let us = ((ntp & 0xffff_ffff) * 1_000_000) >> 32;
    i64::try_from(seconds * 1_000_000 + us).ok().map(StoreTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;
    const NOW: i64 = 1_700_000_000 * S;

    /// Frames at 25 a second, each late by the jitter that its number makes; gives the errors in ms.
    fn errors(clock: &mut RtpClock, reports: Option<i64>, n: i64) -> Vec<f64> {
        let mut out = Vec::new();
        for i in 0..n {
            let (rtp, shutter) = (77_000 + i * 3_600, NOW + i * 40_000);
            let jitter = (i * 7_919 % 61) * 1_000;
            if let Some(off) = reports.filter(|_| i % 25 == 0) {
                clock.sender_report(StoreTime(shutter + off), rtp);
            }
            let t = clock.frame(rtp, StoreTime(shutter + 30_000 + jitter));
            out.push(t.since(StoreTime(shutter)).as_millis_f64());
        }
        out
    }

    #[test]
    fn reports_of_a_clock_that_is_set_are_taken_as_they_are() {
        let mut clock = RtpClock::new(90_000, TimeDelta::ZERO);
        let errors = errors(&mut clock, Some(0), 100);
        assert!(errors.iter().all(|e| e.abs() < 0.01), "{errors:?}");
        assert_eq!(clock.state(), RtpClockState::SenderReports);
    }

    #[test]
    fn without_them_jitter_falls_out_and_the_delay_comes_off() {
        for reports in [None, Some(-3_600 * S)] {
            let mut clock = RtpClock::new(90_000, TimeDelta::from_millis(30));
            let errors = errors(&mut clock, reports, 400);
            let late = &errors[100..];
            assert!(late.iter().all(|e| e.abs() < 1.0), "{late:?}");
        }
    }

    #[test]
    fn times_never_go_back_whatever_comes() {
        let mut clock = RtpClock::new(90_000, TimeDelta::ZERO);
        let mut last = StoreTime(i64::MIN);
        let rtps = [0, 3_600, 3_600, 0, i64::MAX, i64::MIN, 90_000, 7_200, -5];
        for (i, rtp) in rtps.into_iter().cycle().take(60).enumerate() {
            if i % 4 == 0 {
                clock.sender_report(StoreTime(NOW - i as i64 * S), rtp);
            }
            let t = clock.frame(rtp, StoreTime(NOW + i as i64 * 40_000));
            assert!(t > last, "frame {i}");
            last = t;
        }
    }

    #[test]
    fn a_stream_that_begins_anew_is_timed_anew() {
        let mut clock = RtpClock::new(90_000, TimeDelta::ZERO);
        clock.frame(900_000, StoreTime(NOW));
        let t = clock.frame(0, StoreTime(NOW + S));
        assert_eq!(t, StoreTime(NOW + S));
    }

    #[test]
    fn ntp_counts_from_1900() {
        assert_eq!(
            store_time_of_ntp(2_208_988_800 << 32 | 1 << 31),
            Some(StoreTime(500_000))
        );
        assert_eq!(store_time_of_ntp(5 << 32), None);
    }
}
