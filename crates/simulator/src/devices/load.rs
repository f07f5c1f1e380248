//! Load-cell plates: what a plate weighs, what it then reads, and which samples arrive when.

use super::config::{Fault, FaultKind, LoadConfig};
use super::noise::Noise;
use super::shake::{Racks, TICK_S};
use crate::Tick;
use crate::scene::Scene;
use std::ops::Range;
use walkout_model::{LoadSample, PlateIx, Shop, StoreTime};

/// Slots of the queue of late samples, one a tick; a little over a second.
const LATE_SLOTS: usize = 64;

/// A plate's own mass, which shares in a swing of the board as goods do, grams.
const PLATE_MASS_G: f32 = 300.0;

/// Beyond this a plate three deviations off would sway against the others.
const MOST_UNEVEN: f64 = 0.3;

/// Drift and temperature are moved on once a second, a sixtieth of the plates each tick.
const SLOW_TICKS: usize = 60;

/// All plates of a shop, a quantity an array.
pub(super) struct LoadCells {
    config: LoadConfig,
    faults: Vec<Fault>,
    held_g: Vec<Option<f32>>,
    noise: Noise,
    racks: Racks,
    clocks: Vec<Clock>,
    shelf_of: Vec<usize>,
    plates: Plates,
    settled: bool,
    ticks: u64,
    until_drop: u64,
    late: Vec<Vec<LoadSample>>,
}

/// Per plate: what it is, and the state of its load, each by plate.
#[derive(Default)]
struct Plates {
    // What it is.
    gain: Vec<f32>,
    offset_g: Vec<f32>,
    thermal_g_per_k: Vec<f32>,
    white_g: Vec<f32>,
    /// Its part of the sway beside its part of the mass.
    sway_factor: Vec<f32>,
    resolution_g: Vec<f32>,
    range_g: Vec<f32>,
    // Its state.
    load_g: Vec<f32>,
    lagged_g: Vec<f32>,
    shared_g: Vec<f32>,
    played_g: Vec<f32>,
    crept_g: Vec<f32>,
    drift_g: Vec<f32>,
    zero_g: Vec<f32>,
    moved_g: Vec<f32>,
    swing_g: Vec<f32>,
    reading_g: Vec<f32>,
}

/// A fixture's converter: one clock, one temperature.
struct Clock {
    shelves: Range<usize>,
    behind_us: i64,
    last: StoreTime,
    compressor_phase: f64,
}

impl LoadCells {
    pub fn new(shop: &Shop, config: LoadConfig, faults: Vec<Fault>, seed: u64) -> Self {
        let mut noise = Noise::new(seed, 1);
        let layout = &shop.layout;
        let racks = Racks::new(layout, &config, &mut noise);
        let clocks = layout
            .fixtures
            .iter()
            .map(|fixture| Clock {
                shelves: fixture.shelves.start as usize..fixture.shelves.end as usize,
                behind_us: (noise.unit() * config.clock_behind_s * 1e6) as i64,
                last: StoreTime(i64::MIN),
                compressor_phase: noise.unit(),
            })
            .collect();
        let mut plates = Plates::default();
        for plate in &layout.plates {
            let resolution = plate.resolution_g.max(1e-3);
            // The file states the noise of a reading, quantisation (Δ²/12) included.
            let white = (plate.noise_g.powi(2) - resolution.powi(2) / 12.0).max(0.0);
            let span = noise.tested(config.span_sd_g) / plate.range_g.max(1.0);
            plates.gain.push((1.0 + span) as f32);
            plates
                .offset_g
                .push(noise.tested(config.offset_sd_g) as f32);
            let thermal = noise.tested(config.thermal_sd_g_per_k);
            plates.thermal_g_per_k.push(thermal as f32);
            plates.white_g.push((config.white * white.sqrt()) as f32);
            plates.resolution_g.push(resolution as f32);
            plates.range_g.push(plate.range_g as f32);
            plates.drift_g.push(noise.tested(config.drift_sd_g) as f32);
            let uneven = noise.tested(config.sway_uneven.min(MOST_UNEVEN));
            plates.sway_factor.push((1.0 + uneven) as f32);
        }
        let n = layout.plates.len();
        for state in [
            &mut plates.load_g,
            &mut plates.lagged_g,
            &mut plates.shared_g,
            &mut plates.played_g,
            &mut plates.crept_g,
            &mut plates.zero_g,
            &mut plates.moved_g,
            &mut plates.swing_g,
            &mut plates.reading_g,
        ] {
            state.resize(n, 0.0);
        }
        let until_drop = noise.trials_until(config.dropped);
        Self {
            racks,
            clocks,
            shelf_of: layout.plates.iter().map(|p| p.shelf.usize()).collect(),
            plates,
            settled: false,
            ticks: 0,
            until_drop,
            late: vec![Vec::new(); LATE_SLOTS],
            held_g: vec![None; faults.len()],
            faults,
            noise,
            config,
        }
    }

    pub fn observe(&mut self, scene: &Scene, tick: &mut Tick) {
        self.weigh(scene);
        self.racks.step(scene, &self.shelf_of, &mut self.noise);
        self.share();
        self.drift(scene.t);
        self.move_zeros(scene.t);
        self.read();
        self.fail(scene.t);
        self.send(scene.t, tick);
        self.ticks += 1;
    }

    /// What presses on each plate, after the cell's own lag.
    fn weigh(&mut self, scene: &Scene) {
        let p = &mut self.plates;
        for (load, goods) in p.load_g.iter_mut().zip(&scene.goods_g) {
            *load = *goods as f32;
        }
        if !self.settled {
            p.lagged_g.copy_from_slice(&p.load_g);
        }
        for &(plate, push) in &scene.pushes {
            if let Some(load) = p.load_g.get_mut(plate.usize()) {
                *load += push as f32;
            }
        }
        let follow = if self.config.lag_s > 0.0 {
            1.0 - (-TICK_S / self.config.lag_s).exp()
        } else {
            1.0
        } as f32;
        for (lagged, load) in p.lagged_g.iter_mut().zip(&p.load_g) {
            *lagged += follow * (load - *lagged);
        }
    }

    /// Cross-talk between neighbours, and the swing of the board shared by mass.
    fn share(&mut self) {
        let p = &mut self.plates;
        let c = self.config.crosstalk as f32;
        p.swing_g.fill(0.0);
        for shelf in 0..self.racks.shelf_count() {
            let range = self.racks.plates_of(shelf);
            let loads = &p.lagged_g[range.clone()];
            let shared = &mut p.shared_g[range.clone()];
            shared.copy_from_slice(loads);
            for i in 1..loads.len() {
                let flow = c * (loads[i] - loads[i - 1]);
                shared[i] -= flow;
                shared[i - 1] += flow;
            }
            let swing = self.racks.swing_g[shelf];
            if swing != 0.0 {
                let mass: f32 = shared.iter().map(|g| g.max(0.0) + PLATE_MASS_G).sum();
                for (out, load) in p.swing_g[range.clone()].iter_mut().zip(shared.iter()) {
                    *out = swing * (load.max(0.0) + PLATE_MASS_G) / mass;
                }
            }
            let sway = self.racks.sway_g[shelf];
            if sway != 0.0 {
                let parts = || {
                    let factors = p.sway_factor[range.clone()].iter();
                    factors
                        .zip(shared.iter())
                        .map(|(f, g)| f * (g.max(0.0) + PLATE_MASS_G))
                };
                let all: f32 = parts().sum();
                for (out, part) in p.swing_g[range.clone()].iter_mut().zip(parts()) {
                    *out += sway * part / all;
                }
            }
        }
        for &(plate, swing) in &self.racks.knocks {
            p.swing_g[plate] += swing;
        }
        if !self.settled {
            p.played_g.copy_from_slice(&p.shared_g);
            p.crept_g.copy_from_slice(&p.shared_g);
        }
    }

    /// The slow errors: an Ornstein–Uhlenbeck drift and the zero's shift by temperature.
    fn drift(&mut self, now: StoreTime) {
        let keep = (-1.0 / self.config.drift_s).exp();
        let kick = (self.config.drift_sd_g * (1.0 - keep * keep).sqrt()) as f32;
        let bound = 3.0 * self.config.drift_sd_g as f32;
        let seconds = now.as_secs_f64();
        let tau = std::f64::consts::TAU;
        let daily = self.config.daily_k * (tau * seconds / 86_400.0).sin();
        let first = self.ticks as usize % SLOW_TICKS;
        let p = &mut self.plates;
        for clock in &self.clocks {
            let cycle = tau * (seconds / self.config.compressor_s + clock.compressor_phase);
            let kelvin = (daily + self.config.compressor_k * cycle.sin()) as f32;
            for shelf in clock.shelves.clone() {
                for i in self.racks.plates_of(shelf) {
                    if self.settled && i % SLOW_TICKS != first {
                        continue;
                    }
                    let moved = keep as f32 * p.drift_g[i] + kick * self.noise.normal32();
                    p.drift_g[i] = moved.clamp(-bound, bound);
                    p.zero_g[i] = p.offset_g[i] + p.drift_g[i] + p.thermal_g_per_k[i] * kelvin;
                }
            }
        }
        self.settled = true;
    }

    /// Zeros that a fault moves: each evenly over its time, where it stays.
    fn move_zeros(&mut self, now: StoreTime) {
        let p = &mut self.plates;
        p.moved_g.fill(0.0);
        for fault in &self.faults {
            let i = fault.plate.usize();
            let grams = match (fault.kind, p.thermal_g_per_k.get(i)) {
                (FaultKind::Drift { grams }, Some(_)) => grams,
                (FaultKind::Cold { kelvin }, Some(&per_k)) => -kelvin * f64::from(per_k),
                _ => continue,
            };
            let whole_s = fault.to.since(fault.from).as_secs_f64().max(TICK_S);
            let share = (now.since(fault.from).as_secs_f64() / whole_s).clamp(0.0, 1.0);
            p.moved_g[i] += (grams * share) as f32;
        }
    }

    /// From load to reading: hysteresis, creep, span, zero, swing, white noise, least count, range.
    fn read(&mut self) {
        let p = &mut self.plates;
        let creep = self.config.creep as f32;
        let settle = (1.0 - (-TICK_S / self.config.creep_s).exp()) as f32;
        let play = self.config.hysteresis_g as f32;
        for i in 0..p.reading_g.len() {
            let shared = p.shared_g[i];
            let played = p.played_g[i].clamp(shared - play, shared + play);
            p.played_g[i] = played;
            p.crept_g[i] += settle * (played - p.crept_g[i]);
            let load = played - creep * (played - p.crept_g[i]);
            let reading = p.gain[i] * (load + p.swing_g[i])
                + p.zero_g[i]
                + p.moved_g[i]
                + p.white_g[i] * self.noise.normal32();
            let least = p.resolution_g[i];
            // A bridge reads a little below zero before its amplifier ends.
            let range = p.range_g[i];
            p.reading_g[i] =
                ((reading / least).round_ties_even() * least).clamp(-0.05 * range, range);
        }
    }

    /// Samples with their clock's time; some lost, some late.
    fn send(&mut self, now: StoreTime, tick: &mut Tick) {
        let slot = self.ticks as usize % LATE_SLOTS;
        tick.loads.append(&mut self.late[slot]);
        for clock in &mut self.clocks {
            let jitter = f64::from(self.noise.normal32()) * self.config.clock_jitter_s * 1e6;
            let read_at = now.0 - clock.behind_us + jitter as i64;
            // A clock never runs backwards and never ahead of the shop's.
            let t = StoreTime(read_at.min(now.0).max(clock.last.0.saturating_add(1)));
            clock.last = t;
            for shelf in clock.shelves.clone() {
                let fate = self.noise.unit();
                if fate < self.config.packs_lost {
                    continue;
                }
                let out = if fate < self.config.packs_lost + self.config.late {
                    let longest = self.config.late_s_max / TICK_S;
                    let ticks = (1.0 + self.noise.unit() * (longest - 1.0)) as usize;
                    &mut self.late[(slot + ticks.clamp(1, LATE_SLOTS - 1)) % LATE_SLOTS]
                } else {
                    &mut tick.loads
                };
                for i in self.racks.plates_of(shelf) {
                    if self.until_drop == 0 {
                        self.until_drop = self.noise.trials_until(self.config.dropped);
                        continue;
                    }
                    self.until_drop -= 1;
                    if self.plates.reading_g[i].is_nan() {
                        continue;
                    }
                    out.push(LoadSample {
                        t,
                        plate: PlateIx::from(i),
                        grams: self.plates.reading_g[i],
                    });
                }
            }
        }
    }

    /// Dead plates send nothing (marked by NaN until then); stuck ones what they read when they
    /// stuck.
    fn fail(&mut self, now: StoreTime) {
        for (fault, held) in self.faults.iter().zip(&mut self.held_g) {
            let Some(reading) = self.plates.reading_g.get_mut(fault.plate.usize()) else {
                continue;
            };
            if now < fault.from || now >= fault.to {
                *held = None;
                continue;
            }
            *reading = match fault.kind {
                FaultKind::Dead => f32::NAN,
                FaultKind::Stuck => *held.get_or_insert(*reading),
                FaultKind::Drift { .. } | FaultKind::Cold { .. } => *reading,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bed::{at, rack, stocked};
    use super::*;

    /// Mean reading of each plate in each of these minutes at a constant load.
    fn minutes(minutes: u64, seed: u64) -> Vec<Vec<f64>> {
        minutes_with(Vec::new(), minutes, seed)
    }

    fn minutes_with(faults: Vec<Fault>, minutes: u64, seed: u64) -> Vec<Vec<f64>> {
        let shop = rack();
        let mut cells = LoadCells::new(&shop, LoadConfig::default(), faults, seed);
        let mut scene = Scene {
            goods_g: stocked(&shop),
            ..Scene::default()
        };
        let mut tick = Tick::default();
        (0..minutes)
            .map(|minute| {
                let mut sums = vec![(0.0, 0.0); shop.layout.plates.len()];
                for i in 0..3_600 {
                    scene.t = at(minute * 3_600 + i);
                    tick.loads.clear();
                    cells.observe(&scene, &mut tick);
                    for sample in &tick.loads {
                        let sum = &mut sums[sample.plate.usize()];
                        *sum = (sum.0 + f64::from(sample.grams), sum.1 + 1.0);
                    }
                }
                sums.iter().map(|(sum, n)| sum / n).collect()
            })
            .collect()
    }

    #[test]
    fn readings_stay_in_their_class_and_drift_slowly() {
        let loads = stocked(&rack());
        let (mut errors, mut drifts) = (Vec::new(), Vec::new());
        for seed in 0..3 {
            let means = minutes(60, seed);
            for (minute, means_now) in means.iter().enumerate() {
                for (plate, mean) in means_now.iter().enumerate() {
                    // Cross-talk is no error of the cell, so compare with the shelf's neighbours.
                    let shelf = plate / 12 * 12..plate / 12 * 12 + 12;
                    let shared = |i: usize| {
                        let neighbours = [i.wrapping_sub(1), i + 1];
                        let flow = neighbours
                            .into_iter()
                            .filter(|j| shelf.contains(j))
                            .map(|j| 0.02 * (loads[j] - loads[i]));
                        loads[i] + flow.sum::<f64>()
                    };
                    errors.push((mean - shared(plate)).abs());
                    if minute > 0 {
                        drifts.push((mean - means[minute - 1][plate]).abs());
                    }
                }
            }
        }
        let quantile = |values: &mut Vec<f64>, q: f64| {
            values.sort_by(f64::total_cmp);
            values[(values.len() as f64 * q) as usize]
        };
        let (error, drift) = (quantile(&mut errors, 0.99), quantile(&mut drifts, 0.99));
        println!("99 % of errors within {error:.1} g, of drifts a minute within {drift:.2} g");
        assert!((3.0..=10.0).contains(&error), "{error} g");
        assert!((0.05..=1.5).contains(&drift), "{drift} g a minute");
    }

    #[test]
    fn a_load_is_shared_with_neighbours_and_creeps() {
        let shop = rack();
        let config = LoadConfig {
            creep: 0.02,
            creep_s: 5.0,
            ..super::super::DeviceConfig::ideal().load
        };
        let config = LoadConfig {
            crosstalk: 0.02,
            ..config
        };
        let mut cells = LoadCells::new(&shop, config, Vec::new(), 1);
        let mut scene = Scene {
            goods_g: vec![0.0; shop.layout.plates.len()],
            ..Scene::default()
        };
        let mut tick = Tick::default();
        let mut reading = |scene: &Scene, ticks: u64| {
            for i in 0..ticks {
                tick.loads.clear();
                let scene = Scene {
                    t: at(i),
                    ..scene.clone()
                };
                cells.observe(&scene, &mut tick);
            }
            let of = |plate: u32| {
                let mut samples = tick.loads.iter();
                let found = samples.find(|s| s.plate == PlateIx(plate));
                f64::from(found.expect("nothing is lost here").grams)
            };
            [of(4), of(5), of(6), of(15)]
        };
        reading(&scene, 60);
        scene.goods_g[5] = 1_000.0;
        let soon = reading(&scene, 30);
        let later = reading(&scene, 3_000);
        // The rack's plates share 2 % with either neighbour, and read 98 % at first.
        assert!(
            (soon[0] - 20.0).abs() <= 1.0 && (soon[2] - 20.0).abs() <= 1.0,
            "{soon:?}"
        );
        assert!((soon[1] - 942.0).abs() < 4.0, "{soon:?}");
        assert!((later[1] - 960.0).abs() < 1.5, "{later:?}");
        assert_eq!(later[3], 0.0);
    }

    #[test]
    fn a_zero_that_drifts_stays_where_it_came_to() {
        let fault = |plate, kind| Fault {
            plate: PlateIx(plate),
            kind,
            from: at(3_600),
            to: at(2 * 3_600),
        };
        let faults = vec![
            fault(2, FaultKind::Drift { grams: -40.0 }),
            fault(3, FaultKind::Cold { kelvin: 10.0 }),
        ];
        let still = minutes(4, 5);
        let moved = minutes_with(faults, 4, 5);
        let shift = |plate: usize, minute: usize| moved[minute][plate] - still[minute][plate];
        assert!(shift(2, 0).abs() < 0.01);
        assert!((shift(2, 1) + 20.0).abs() < 0.5);
        assert!((shift(2, 2) + 40.0).abs() < 0.1 && (shift(2, 3) + 40.0).abs() < 0.1);
        // A plate has its own grams per kelvin, of 0.5 as standard deviation.
        assert!(shift(3, 3).abs() > 0.01 && shift(3, 3).abs() < 15.0);
        assert!((shift(3, 2) - shift(3, 3)).abs() < 0.1);
        assert!(shift(4, 3).abs() < 1e-9);
    }
}
