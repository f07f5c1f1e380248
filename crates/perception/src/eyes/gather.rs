//! Sightings of cameras that run on their own, brought together by the instant.

use std::collections::BTreeMap;
use walkout_model::{CameraIx, Sighting, StoreTime, TimeDelta};

/// How sightings are brought together.
#[derive(Clone, Copy, Debug)]
pub struct GatherSettings {
    /// Pictures of one period are of one instant: what the cameras' frame rate is.
    pub period: TimeDelta,
    /// An instant waits so long for cameras that are slow.
    pub wait: TimeDelta,
    /// A camera that has not told anything for so long is not waited for.
    pub silent: TimeDelta,
}

impl Default for GatherSettings {
    fn default() -> Self {
        Self {
            period: TimeDelta::from_millis(100),
            wait: TimeDelta::from_millis(400),
            silent: TimeDelta::from_secs(1),
        }
    }
}

/// What did not come into an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct GatherCounters {
    /// Came after their instant was over.
    pub late: u64,
    /// A second one of a camera for one instant; the newer stays.
    pub doubled: u64,
    /// More instants at once than are held.
    pub crowded: u64,
}

/// Instants that may wait at once.
const INSTANTS_MAX: usize = 64;

/// Waits until an instant is complete, or for long enough. Bounded: 64 instants, one sighting a camera in each.
#[derive(Clone, Debug, Default)]
pub struct Gather {
    settings: GatherSettings,
    instants: BTreeMap<i64, Vec<Sighting>>,
    /// The newest instant of each camera, and when that was.
    heard: BTreeMap<CameraIx, (i64, StoreTime)>,
    over: Option<i64>,
    counters: GatherCounters,
}

impl Gather {
    /// Nothing yet.
    pub fn new(settings: GatherSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// What did not come in.
    pub fn counters(&self) -> GatherCounters {
        self.counters
    }

    /// Takes a sighting in.
    pub fn push(&mut self, sighting: Sighting) {
        let period = self.settings.period.0.max(1);
        // The middle of the period is its instant, so that jitter does not part what belongs together.
        let instant = (sighting.t.0.saturating_add(period / 2)).div_euclid(period);
        if self.over.is_some_and(|over| instant <= over) {
            self.counters.late += 1;
            return;
        }
        let heard = self
            .heard
            .entry(sighting.camera)
            .or_insert((instant, sighting.t));
        *heard = (heard.0.max(instant), heard.1.max(sighting.t));
        let there = self.instants.entry(instant).or_default();
        match there.iter_mut().find(|s| s.camera == sighting.camera) {
            Some(old) => {
                self.counters.doubled += 1;
                if old.t <= sighting.t {
                    *old = sighting;
                }
            }
            None => there.push(sighting),
        }
        if self.instants.len() > INSTANTS_MAX
            && let Some((first, _)) = self.instants.pop_first()
        {
            self.over = Some(first);
            self.counters.crowded += 1;
        }
    }

    /// The instants that are complete or have waited long enough, in order; each with the mean time of its
    /// pictures.
    pub fn ready(&mut self) -> Vec<(StoreTime, Vec<Sighting>)> {
        let Some(newest) = self.heard.values().map(|(_, t)| *t).max() else {
            return Vec::new();
        };
        let period = self.settings.period.0.max(1);
        let mut out = Vec::new();
        while let Some((&instant, _)) = self.instants.first_key_value() {
            let awake = |t: StoreTime| newest.since(t) <= self.settings.silent;
            let complete = self
                .heard
                .values()
                .filter(|(_, t)| awake(*t))
                .all(|(heard, _)| *heard >= instant);
            let begun = StoreTime(instant.saturating_mul(period));
            if !complete && newest.since(begun) < self.settings.wait {
                break;
            }
            let Some((_, mut sightings)) = self.instants.pop_first() else {
                break;
            };
            self.over = Some(instant);
            sightings.sort_by_key(|s| s.camera);
            let n = sightings.len().max(1) as i64;
            let mean = sightings
                .iter()
                .map(|s| s.t.since(begun).0)
                .sum::<i64>()
                .div_euclid(n);
            out.push((begun + TimeDelta(mean), sightings));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(camera: u32, ms: i64) -> Sighting {
        Sighting::empty(CameraIx(camera), StoreTime(5_000_000_000 + ms * 1_000))
    }

    fn cameras(of: &[(StoreTime, Vec<Sighting>)]) -> Vec<Vec<u32>> {
        let numbers = |s: &[Sighting]| s.iter().map(|s| s.camera.0).collect();
        of.iter().map(|(_, s)| numbers(s)).collect()
    }

    #[test]
    fn an_instant_is_told_when_every_camera_that_is_awake_has_spoken() {
        let mut gather = Gather::new(GatherSettings::default());
        gather.push(seen(0, 2));
        gather.push(seen(1, -8));
        assert_eq!(cameras(&gather.ready()), [[0, 1]], "nobody else is known");
        gather.push(seen(1, 95));
        assert!(gather.ready().is_empty(), "camera 0 is awake");
        gather.push(seen(0, 104));
        let told = gather.ready();
        assert_eq!(cameras(&told), [[0, 1]]);
        assert!((told[0].0.0 - 5_000_099_500).abs() < 1_000, "{told:?}");
    }

    #[test]
    fn a_camera_that_falls_silent_is_waited_for_and_then_no_more() {
        let mut gather = Gather::new(GatherSettings::default());
        gather.push(seen(0, 0));
        gather.push(seen(1, 0));
        gather.ready();
        let mut waits = Vec::new();
        for i in 1..30 {
            gather.push(seen(0, i * 100));
            waits.push(i - gather.ready().len() as i64);
        }
        let held: i64 = waits.iter().zip(1_i64..).map(|(w, i)| i - w).sum();
        assert_eq!(held, 29, "nothing is lost: {waits:?}");
        // In the end each instant comes with the picture that completes it.
        gather.push(seen(0, 3_000));
        assert_eq!(gather.ready().len(), 1);
    }

    #[test]
    fn what_comes_too_late_twice_or_too_much_is_counted() {
        let mut gather = Gather::new(GatherSettings::default());
        gather.push(seen(0, 0));
        gather.push(seen(0, 10));
        assert_eq!(cameras(&gather.ready()), [[0]]);
        gather.push(seen(1, 0));
        assert!(gather.ready().is_empty());
        for i in 1..200 {
            gather.push(seen(0, i * 100));
        }
        let counters = gather.counters();
        assert_eq!((counters.late, counters.doubled), (1, 1));
        assert_eq!(counters.crowded, 199 - 64);
        assert_eq!(gather.ready().len(), 64);
    }
}
