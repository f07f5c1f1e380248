//! The load cells beside the one published trace: AIM3S (Ruiz et al., BuildSys 2019), 60 Hz, five
//! shelves of one rack, each the sum of twelve plates, one person taking five items in a minute.
//!
//! Each statistic of twenty simulated minutes is printed beside what was read off the published
//! figure, and its 5th and 95th percentile must lie inside.

use super::bed::{at, body, rack, stocked};
use super::noise::Noise;
use super::{DeviceConfig, Devices};
use crate::scene::{Bump, Impact, Scene};
use crate::world::World;
use crate::{Plan, Preset, Tick};
use walkout_model::{FixtureIx, PlateIx, Point2, Shop};

const SHELVES: usize = 5;
const PLATES: usize = 12;
const HZ: f64 = 60.0;
/// The published takes, grams.
const TAKES_G: [f64; 5] = [326.0, 394.0, 412.0, 466.0, 709.0];

/// One scripted take.
struct Take {
    shelf: usize,
    plate: usize,
    mass_g: f64,
    press_g: f64,
    press_from: f64,
    press_s: f64,
    fall_s: f64,
    knock_g: f64,
}

impl Take {
    fn falls_at(&self) -> f64 {
        self.press_from + self.press_s
    }

    /// What the plate carries beyond its other goods: the item and the hand upon it.
    fn load_g(&self, t: f64) -> (f64, f64) {
        let after_press = t - self.falls_at();
        if t < self.press_from {
            return (self.mass_g, 0.0);
        }
        if after_press < 0.0 {
            // The hand comes, rests and lets off.
            let rise = ((t - self.press_from) / 0.15)
                .min(-after_press / 0.15)
                .min(1.0);
            return (self.mass_g, self.press_g * rise);
        }
        // Lifted over `fall_s`: the 90 → 10 % part of a half cosine is 0.59 of it.
        let u = (after_press / self.fall_s).min(1.0);
        (
            0.0,
            self.mass_g * 0.5 * (1.0 + (std::f64::consts::PI * u).cos()),
        )
    }
}

/// A minute: rest until 8 s, somebody passes at 10 s, five takes from 16 s on, a bump at 55 s.
struct Minute {
    takes: Vec<Take>,
    pass_m: f64,
    bump: Bump,
    /// Sum of each shelf by tick.
    sums: Vec<Vec<f64>>,
}

impl Minute {
    fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed, 50);
        let takes = (0..5)
            .map(|i| Take {
                shelf: (i + seed as usize) % SHELVES,
                plate: (noise.word() % PLATES as u64) as usize,
                mass_g: TAKES_G[i],
                press_g: noise.between([60.0, 800.0]),
                press_from: 16.0 + 7.5 * i as f64,
                press_s: noise.between([0.8, 1.3]),
                fall_s: noise.between([0.2, 0.9]),
                knock_g: noise.between([25.0, 90.0]),
            })
            .collect();
        let mut minute = Self {
            takes,
            pass_m: noise.between([0.4, 0.65]),
            bump: Bump {
                fixture: FixtureIx(0),
                sigma_g: noise.between([45.0, 85.0]),
                seconds: noise.between([1.2, 2.0]),
            },
            sums: vec![Vec::new(); SHELVES],
        };
        minute.run(seed);
        minute
    }

    fn run(&mut self, seed: u64) {
        let shop = rack();
        let mut devices = Devices::new(&shop, DeviceConfig::default(), seed);
        let stock = stocked(&shop);
        let mut readings = stock.clone();
        let mut tick = Tick::default();
        for i in 0..(60.0 * HZ) as u64 {
            let t = i as f64 / HZ;
            let mut scene = Scene {
                t: at(i),
                goods_g: stock.clone(),
                ..Scene::default()
            };
            for take in &self.takes {
                let plate = take.shelf * PLATES + take.plate;
                let (goods, push) = take.load_g(t);
                scene.goods_g[plate] += goods;
                scene.pushes.push((PlateIx(plate as u32), push));
                if is_tick(t, take.falls_at() + take.fall_s) {
                    scene.impacts.push(Impact {
                        plate: PlateIx(plate as u32),
                        amplitude_g: take.knock_g,
                    });
                }
            }
            if is_tick(t, 55.0) {
                scene.bumps.push(self.bump);
            }
            // From left to right past the front at 1.2 m/s, in the middle at 10 s; then away.
            let mut passer = body(1, Point2::new(2.0 + 1.2 * (t - 10.0), 3.5 - self.pass_m));
            passer.velocity = Point2::new(1.2, 0.0);
            scene.people = vec![passer];
            devices.observe(&scene, &mut tick);
            for sample in &tick.loads {
                // A late sample is old news.
                if scene.t.since(sample.t).0 < 60_000 {
                    readings[sample.plate.usize()] = f64::from(sample.grams);
                }
            }
            for (shelf, sums) in self.sums.iter_mut().enumerate() {
                sums.push(readings[shelf * PLATES..(shelf + 1) * PLATES].iter().sum());
            }
        }
    }

    fn window(&self, shelf: usize, from: f64, to: f64) -> &[f64] {
        &self.sums[shelf][(from * HZ) as usize..(to * HZ) as usize]
    }
}

fn is_tick(t: f64, when: f64) -> bool {
    t <= when && when < t + 1.0 / HZ
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn sigma(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (ma, mb) = (mean(a), mean(b));
    let covariance = a
        .iter()
        .zip(b)
        .map(|(x, y)| (x - ma) * (y - mb))
        .sum::<f64>();
    covariance / a.len() as f64 / (sigma(a) * sigma(b))
}

/// Simulated values of one statistic, with the published range.
struct Row {
    name: &'static str,
    published: [f64; 2],
    values: Vec<f64>,
}

impl Row {
    fn new(name: &'static str, published: [f64; 2]) -> Self {
        Self {
            name,
            published,
            values: Vec::new(),
        }
    }

    fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * q).round() as usize]
    }
}

#[test]
fn the_load_cells_look_like_the_published_trace() {
    let mut rest = Row::new("at rest, σ g", [1.3, 2.6]);
    let mut passing = Row::new("somebody passes, σ g", [4.0, 20.0]);
    let mut bump_sigma = Row::new("rack bumped, σ g", [29.0, 119.0]);
    let mut bump_swing = Row::new("rack bumped, peak to peak g", [164.0, 846.0]);
    let mut bump_shared = Row::new("rack bumped, correlation", [0.1, 0.65]);
    let mut bump_length = Row::new("rack bumped, length s", [1.0, 2.0]);
    let mut press = Row::new("take, press g", [40.0, 960.0]);
    let mut press_length = Row::new("take, press s", [0.6, 1.4]);
    let mut fall = Row::new("take, fall 90→10 % s", [0.1, 0.7]);
    let mut ringing = Row::new("take, ringing σ g", [5.0, 41.0]);
    let mut step = Row::new("take, step error g", [-10.0, 10.0]);
    for seed in 0..20 {
        let minute = Minute::new(seed);
        let mut correlations = Vec::new();
        for shelf in 0..SHELVES {
            rest.values.push(sigma(minute.window(shelf, 2.0, 6.0)));
            passing.values.push(sigma(minute.window(shelf, 9.5, 10.9)));
            let burst = minute.window(shelf, 55.0, 55.0 + minute.bump.seconds);
            let swing = burst.iter().copied().fold(f64::MIN, f64::max)
                - burst.iter().copied().fold(f64::MAX, f64::min);
            bump_sigma.values.push(sigma(burst));
            bump_swing.values.push(swing);
            for other in 0..shelf {
                let other = minute.window(other, 55.0, 55.0 + minute.bump.seconds);
                correlations.push(correlation(burst, other));
            }
            bump_length.values.push(loud_s(&minute, shelf));
        }
        // The published range is of shelves over whole bursts, so a burst's pairs are averaged.
        bump_shared.values.push(mean(&correlations));
        for take in &minute.takes {
            let end = take.falls_at() + take.fall_s;
            let before = mean(minute.window(take.shelf, take.press_from - 2.0, take.press_from));
            let after = mean(minute.window(take.shelf, end + 2.0, end + 4.0));
            let pressed = minute.window(take.shelf, take.press_from, take.falls_at());
            let peak = pressed.windows(6).map(mean).fold(f64::MIN, f64::max) - before;
            press.values.push(peak);
            let loaded = pressed.iter().filter(|x| **x - before > 0.2 * peak);
            press_length.values.push(loaded.count() as f64 / HZ);
            let falling = minute.window(take.shelf, take.falls_at() - 0.1, end + 0.3);
            let level = |share: f64| after + share * (before - after);
            let low = falling.iter().position(|x| *x < level(0.1));
            let low = low.expect("the item was taken");
            let high = falling[..low].iter().rposition(|x| *x > level(0.9));
            fall.values
                .push((low - high.expect("it lay there before")) as f64 / HZ);
            ringing
                .values
                .push(sigma(minute.window(take.shelf, end, end + 1.5)));
            step.values.push(before - after - take.mass_g);
        }
    }
    print_and_check(
        &[
            rest,
            passing,
            bump_sigma,
            bump_swing,
            bump_shared,
            bump_length,
            press,
            press_length,
            fall,
            ringing,
            step,
        ],
        [0.05, 0.95],
    );
}

/// Prints each row, and fails where the share between these two quantiles is not in the published
/// range.
fn print_and_check(rows: &[Row], inside: [f64; 2]) {
    println!(
        "{:<30}{:>16}{:>30}",
        "", "published", "simulated 5 / 50 / 95 %"
    );
    let mut outside = Vec::new();
    for row in rows {
        let [low, high] = row.published;
        let [q05, q50, q95] = [0.05, 0.5, 0.95].map(|q| row.quantile(q));
        println!(
            "{:<30}{low:>7.2}…{high:<8.2}{q05:>11.2}{q50:>10.2}{q95:>10.2}",
            row.name
        );
        let [first, last] = inside.map(|q| row.quantile(q));
        if first < low || last > high {
            outside.push(row.name);
        }
    }
    assert!(
        outside.is_empty(),
        "outside the published range: {outside:?}"
    );
}

/// How long a shelf moves by more than four times its rest about the bump.
fn loud_s(minute: &Minute, shelf: usize) -> f64 {
    let rest = minute.window(shelf, 2.0, 6.0);
    let quiet = 4.0 * sigma(rest);
    let middle = mean(minute.window(shelf, 53.0, 54.9));
    let about = minute.window(shelf, 54.9, 58.5);
    let is_loud = |x: &f64| (x - middle).abs() > quiet;
    match (
        about.iter().position(is_loud),
        about.iter().rposition(is_loud),
    ) {
        (Some(first), Some(last)) => (last - first) as f64 / HZ,
        _ => 0.0,
    }
}

#[test]
fn takes_of_simulated_shoppers_look_like_the_published_ones() {
    let mut press = Row::new("press g", [40.0, 960.0]);
    let mut press_length = Row::new("press s", [0.6, 1.4]);
    let mut fall = Row::new("fall 90→10 % s", [0.1, 0.7]);
    let mut ringing = Row::new("ringing σ g", [5.0, 41.0]);
    let shop = walkout_model::files::load_shop(&walkout_testkit::shop_dir("nano"));
    let shop = std::sync::Arc::new(shop.expect("a shipped shop is right"));
    for seed in 0..5 {
        let (sums, goods) = quiet_minutes(&shop, seed);
        for (sums, goods) in sums.iter().zip(&goods) {
            let moves: Vec<usize> = (1..goods.len())
                .filter(|&i| (goods[i] - goods[i - 1]).abs() > 1.0)
                .collect();
            for (k, &i) in moves.iter().enumerate() {
                let mass = goods[i - 1] - goods[i];
                let alone = (k == 0 || i - moves[k - 1] > 420)
                    && moves.get(k + 1).is_none_or(|next| next - i > 420);
                if !(300.0..=800.0).contains(&mass) || !alone || i < 420 || i + 420 > sums.len() {
                    continue;
                }
                let before = mean(&sums[i - 300..i - 180]);
                let after = mean(&sums[i + 240..i + 360]);
                let pressed = &sums[i - 150..i];
                let peak = pressed.windows(6).map(mean).fold(f64::MIN, f64::max) - before;
                press.values.push(peak);
                let loaded = pressed.iter().filter(|x| **x - before > 0.1 * peak);
                press_length.values.push(loaded.count() as f64 / HZ);
                let falling = &sums[i - 150..i + 120];
                let level = |share: f64| after + share * (before - after);
                let low = falling.iter().position(|x| *x < level(0.1));
                let high = low.and_then(|low| falling[..low].iter().rposition(|x| *x > level(0.9)));
                let (Some(low), Some(high)) = (low, high) else {
                    continue;
                };
                fall.values.push((low - high) as f64 / HZ);
                let end = i - 150 + low + 6;
                ringing.values.push(sigma(&sums[end..end + 90]));
            }
        }
    }
    println!("{} takes", press.values.len());
    assert!(press.values.len() >= 20, "too few takes to compare");
    // Read off real curves the ends of a press are soft: the middle half must lie inside.
    print_and_check(&[press, press_length, fall, ringing], [0.25, 0.75]);
}

/// Readings and goods of each shelf by tick, over twenty minutes of one shopper at a time.
fn quiet_minutes(shop: &std::sync::Arc<Shop>, seed: u64) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let plan = Plan::preset(Preset::Quiet, seed);
    let mut world = World::new(shop.clone(), &plan).expect("a shipped shop can be entered");
    let mut devices = Devices::new(shop, plan.devices, seed);
    let shelves = shop.layout.shelves.len();
    let (mut sums, mut goods) = (vec![Vec::new(); shelves], vec![Vec::new(); shelves]);
    let mut readings = vec![0.0; shop.layout.plates.len()];
    let mut tick = Tick::default();
    for _ in 0..20 * 3_600 {
        world.step();
        let scene = world.scene();
        devices.observe(scene, &mut tick);
        for sample in &tick.loads {
            if scene.t.since(sample.t).0 < 60_000 {
                readings[sample.plate.usize()] = f64::from(sample.grams);
            }
        }
        for (s, shelf) in shop.layout.shelves.iter().enumerate() {
            let plates = shelf.plates.start as usize..shelf.plates.end as usize;
            sums[s].push(readings[plates.clone()].iter().sum::<f64>());
            goods[s].push(scene.goods_g[plates].iter().sum::<f64>());
        }
    }
    (sums, goods)
}
