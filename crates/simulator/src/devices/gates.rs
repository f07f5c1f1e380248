//! Light barriers and code readers at the gates.

use super::config::GateConfig;
use super::noise::Noise;
use crate::scene::Scene;
use crate::{PhoneScan, Tick};
use walkout_model::{GateCrossing, StoreTime, TimeDelta};

pub(super) struct Gates {
    config: GateConfig,
    noise: Noise,
    /// Not yet reported, with the instant at which they are.
    pending: Vec<(StoreTime, GateCrossing)>,
}

impl Gates {
    pub fn new(config: GateConfig, seed: u64) -> Self {
        Self {
            config,
            noise: Noise::new(seed, 4),
            pending: Vec::new(),
        }
    }

    pub fn observe(&mut self, scene: &Scene, tick: &mut Tick) {
        for &(gate, direction) in &scene.crossings {
            let crossing = GateCrossing {
                t: scene.t,
                gate,
                direction,
            };
            let due = scene.t + self.delay();
            if !self.noise.chance(self.config.missed) {
                self.pending.push((due, crossing));
                if self.noise.chance(self.config.doubled) {
                    let again = TimeDelta::from_secs_f64(self.noise.between([0.1, 0.4]));
                    self.pending.push((
                        due + again,
                        GateCrossing {
                            t: crossing.t + again,
                            ..crossing
                        },
                    ));
                }
            }
        }
        for (due, crossing) in &self.pending {
            if *due <= scene.t {
                tick.crossings.push(*crossing);
            }
        }
        self.pending.retain(|(due, _)| *due > scene.t);
        for scan in &scene.scans {
            tick.scans.push(PhoneScan {
                t: scene.t,
                gate: scan.gate,
                phone: scan.phone,
                people: scan.people,
                kind: scan.kind,
            });
        }
    }

    fn delay(&mut self) -> TimeDelta {
        TimeDelta::from_secs_f64(self.noise.between(self.config.delay_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::{GateDirection, GateIx};

    #[test]
    fn crossings_come_soon_and_are_rarely_missed_or_doubled() {
        let config = GateConfig {
            missed: 0.02,
            doubled: 0.03,
            ..GateConfig::default()
        };
        let mut gates = Gates::new(config, 5);
        let mut counted = 0;
        let n = 20_000;
        for i in 0..n * 2 {
            let t = StoreTime(i * 500_000);
            let mut scene = Scene {
                t,
                ..Scene::default()
            };
            if i % 2 == 0 {
                scene.crossings.push((GateIx(0), GateDirection::In));
            }
            let mut tick = Tick::default();
            gates.observe(&scene, &mut tick);
            for crossing in &tick.crossings {
                assert!(crossing.t <= t && t.since(crossing.t).0 <= 1_000_000);
            }
            counted += tick.crossings.len();
        }
        let share = counted as f64 / n as f64;
        // 1 − 0.02 + 0.98 · 0.03
        assert!((share - 1.0094).abs() < 0.005, "{share}");
    }
}
