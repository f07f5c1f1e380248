//! A rack made in code and traces drawn over it.

use crate::{Perception, PerceptionConfig, PerceptionEvent};
use walkout_model::layout::{Fixture, Plate, Shelf};
use walkout_model::{
    Catalogue, Currency, Disturbance, FixtureIx, Layout, LoadSample, Planogram, PlateIx, Point2,
    Pose2, ShelfIx, ShelfTouch, Shop, StoreTime, TimeDelta, WeightStep,
};

/// Where a trace begins.
pub(super) const START: StoreTime = StoreTime(1_780_000_000_000_000);

/// One rack of two shelves with `plates` plates of 10 cm each.
pub(super) fn rack(plates: u32) -> Shop {
    let shelf = |s: u32| Shelf {
        name: format!("G1/S{}", s + 1),
        fixture: FixtureIx(0),
        x_m: 0.0,
        y_m: 0.0,
        height_m: 0.4 + 0.4 * f64::from(s),
        width_m: 0.1 * f64::from(plates),
        depth_m: 0.41,
        plates: s * plates..(s + 1) * plates,
    };
    let layout = Layout {
        fixtures: vec![Fixture {
            name: "G1".into(),
            pose: Pose2 {
                position: Point2::new(0.0, 0.0),
                yaw: 0.0,
            },
            width_m: 1.22,
            depth_m: 0.41,
            height_m: 1.6,
            shelves: 0..2,
        }],
        shelves: vec![shelf(0), shelf(1)],
        plates: (0..2 * plates)
            .map(|i| Plate {
                name: format!("G1/S{}/P{:02}", i / plates + 1, i % plates + 1),
                shelf: ShelfIx(i / plates),
                x_m: 0.1 * f64::from(i % plates),
                y_m: 0.0,
                width_m: 0.1,
                depth_m: 0.41,
                range_g: 10_000.0,
                noise_g: 0.6,
                resolution_g: 1.0,
            })
            .collect(),
        ..Layout::default()
    };
    Shop {
        name: "rack".into(),
        title: "Rack".into(),
        time_zone: "Asia/Seoul".into(),
        currency: Currency::KRW,
        layout,
        catalogue: Catalogue::default(),
        planogram: Planogram::default(),
    }
}

/// A trace: what plate `p` truly carries at `t` seconds, plus noise and quantisation.
pub(super) struct Trace<'a> {
    pub shop: Shop,
    pub seconds: f64,
    pub load: Box<dyn Fn(usize, f64) -> f64 + 'a>,
    /// Whether the sample of a plate at a time arrives.
    pub arrives: Box<dyn Fn(usize, f64) -> bool + 'a>,
    /// What the clock of the rack is off by at a time, seconds.
    pub clock: Box<dyn Fn(f64) -> f64 + 'a>,
    pub noise_g: f64,
}

/// What came out of a trace.
pub(super) struct Outcome {
    pub events: Vec<PerceptionEvent>,
    pub perception: Perception,
}

impl<'a> Trace<'a> {
    pub(super) fn new(seconds: f64, load: impl Fn(usize, f64) -> f64 + 'a) -> Self {
        Self {
            shop: rack(8),
            seconds,
            load: Box::new(load),
            arrives: Box::new(|_, _| true),
            clock: Box::new(|_| 0.0),
            noise_g: 0.6,
        }
    }

    pub(super) fn run(&self) -> Outcome {
        let mut perception = Perception::new(&self.shop, PerceptionConfig::default());
        let mut events = Vec::new();
        let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
        let ticks = (self.seconds * 60.0) as i64;
        for tick in 0..ticks {
            let t = tick as f64 / 60.0;
            let now = START + TimeDelta::from_secs_f64(t);
            let mut samples = Vec::new();
            for p in 0..self.shop.layout.plates.len() {
                let grams = (self.load)(p, t) + self.noise_g * noise.normal();
                if (self.arrives)(p, t) {
                    samples.push(LoadSample {
                        t: now + TimeDelta::from_secs_f64((self.clock)(t)),
                        plate: PlateIx::from(p),
                        grams: grams.round() as f32,
                    });
                }
            }
            perception.push_loads(&samples, &mut events);
            perception.advance(now, &mut events);
        }
        Outcome { events, perception }
    }
}

impl Outcome {
    /// The steps that stand in the end: neither replaced nor taken back.
    pub(super) fn steps(&self) -> Vec<&WeightStep> {
        let told = self.told();
        let stands = |s: &&WeightStep| {
            !s.plates.is_empty() && told.iter().all(|t| t.replaces != Some(s.serial))
        };
        told.iter().copied().filter(stands).collect()
    }

    /// All steps as they were told.
    pub(super) fn told(&self) -> Vec<&WeightStep> {
        self.events
            .iter()
            .filter_map(|e| match e {
                PerceptionEvent::Step(s) => Some(s),
                _ => None,
            })
            .collect()
    }

    pub(super) fn touches(&self) -> Vec<&ShelfTouch> {
        self.events
            .iter()
            .filter_map(|e| match e {
                PerceptionEvent::Touch(t) => Some(t),
                _ => None,
            })
            .collect()
    }

    pub(super) fn disturbed(&self) -> Vec<&Disturbance> {
        self.events
            .iter()
            .filter_map(|e| match e {
                PerceptionEvent::Disturbed(d) => Some(d),
                _ => None,
            })
            .collect()
    }

    /// Shelf, grams and seconds of change of each step.
    pub(super) fn brief(&self) -> Vec<(u32, i32, f64)> {
        self.steps()
            .iter()
            .map(|s| {
                let t = s.t_change.since(START).as_secs_f64();
                (s.shelf.0, s.delta_g.round() as i32, t)
            })
            .collect()
    }
}

/// Noise that is the same in every run: a linear congruential generator and twelve uniforms.
pub(super) struct Noise(pub u64);

impl Noise {
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// 0 before `at`, 1 after, falling in a fifth of a second.
pub(super) fn ramp(t: f64, at: f64) -> f64 {
    ((t - at) / 0.2 + 0.5).clamp(0.0, 1.0)
}

/// A mass that goes over within `seconds`, slow at both ends as hands are.
pub(super) fn smooth(t: f64, at: f64, seconds: f64) -> f64 {
    let u = ((t - at) / seconds).clamp(0.0, 1.0);
    u * u * (3.0 - 2.0 * u)
}

/// A hand that presses from `from` for `seconds`, up to 1.
pub(super) fn press(t: f64, from: f64, seconds: f64) -> f64 {
    let u = (t - from) / seconds;
    if (0.0..1.0).contains(&u) {
        (std::f64::consts::PI * u).sin()
    } else {
        0.0
    }
}

/// A swing of 5 Hz that begins at `at` and fades within a second.
pub(super) fn ring(t: f64, at: f64) -> f64 {
    if t < at {
        return 0.0;
    }
    let s = t - at;
    (std::f64::consts::TAU * 5.0 * s).sin() * (-s / 0.35).exp()
}
