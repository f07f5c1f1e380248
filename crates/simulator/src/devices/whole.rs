//! Tests of all devices together: what a tick may and may not hold.

use super::bed::{Crowd, START, at, body, hall, rack, stocked};
use super::{DeviceConfig, Devices, Fault, FaultKind};
use crate::scene::Scene;
use crate::world::World;
use crate::{Plan, Preset, Tick};
use walkout_model::{PlateIx, Point2, Shop};

/// Everything a crowd makes the devices say, as text.
fn stream(shop: &Shop, seed: u64, ticks: u64, relabel: fn(u32) -> u32) -> String {
    let mut devices = Devices::new(shop, DeviceConfig::default(), seed);
    let mut crowd = Crowd::new(shop, 8, 4, relabel);
    let mut scene = Scene {
        goods_g: stocked(shop),
        ..Scene::default()
    };
    let mut tick = Tick::default();
    let mut text = String::new();
    for _ in 0..ticks {
        crowd.step(&mut scene);
        devices.observe(&scene, &mut tick);
        let sum: f64 = tick.loads.iter().map(|s| f64::from(s.grams)).sum();
        text += &format!(
            "{} {sum} {:?} {:?}\n",
            tick.loads.len(),
            tick.tracks,
            tick.looks
        );
    }
    text
}

#[test]
fn the_same_seed_gives_the_same_stream_and_another_does_not() {
    let shop = hall();
    let one = stream(&shop, 7, 600, |n| n);
    assert!(one == stream(&shop, 7, 600, |n| n));
    assert!(one != stream(&shop, 8, 600, |n| n));
}

#[test]
fn the_numbers_of_the_people_do_not_reach_the_stream() {
    let shop = hall();
    let one = stream(&shop, 7, 900, |n| n);
    // Other numbers in the opposite order.
    assert!(one == stream(&shop, 7, 900, |n| 3_000_000_000 - 17 * n));
    assert!(one.contains("TrackPoint") && one.contains("ItemLook"));
}

#[test]
fn samples_are_finite_in_range_and_as_many_as_promised() {
    let shop = rack();
    let mut config = DeviceConfig::default();
    let dead = PlateIx(5);
    let stuck = PlateIx(9);
    for (plate, kind) in [(dead, FaultKind::Dead), (stuck, FaultKind::Stuck)] {
        config.faults.push(Fault {
            plate,
            kind,
            from: at(600),
            to: at(1_200),
        });
    }
    let mut devices = Devices::new(&shop, config, 3);
    let mut scene = Scene {
        goods_g: stocked(&shop),
        ..Scene::default()
    };
    let mut tick = Tick::default();
    let (mut count, mut late, mut behind_max) = (0_u64, 0_u64, 0);
    let (mut from_dead, mut stuck_values) = (0, std::collections::BTreeSet::new());
    let ticks = 6_000;
    let mut newest = vec![START; shop.layout.plates.len()];
    for i in 0..ticks {
        scene.t = at(i);
        scene.people = vec![body(1, Point2::new(2.0, 3.0))];
        // An absurd push, to see the range hold.
        scene.pushes = vec![(PlateIx(20), if i % 100 == 0 { 1e7 } else { -1e7 })];
        devices.observe(&scene, &mut tick);
        for sample in &tick.loads {
            let plate = &shop.layout.plates[sample.plate.usize()];
            assert!(sample.grams.is_finite());
            assert!(f64::from(sample.grams) <= plate.range_g);
            assert!(f64::from(sample.grams) >= -0.05 * plate.range_g);
            let behind = scene.t.since(sample.t).0;
            assert!(behind >= 0, "a sample from the future: {behind} µs");
            behind_max = behind_max.max(behind);
            let newest = &mut newest[sample.plate.usize()];
            late += u64::from(sample.t < *newest);
            *newest = (*newest).max(sample.t);
            if (at(610)..at(1_190)).contains(&sample.t) {
                from_dead += u64::from(sample.plate == dead);
                if sample.plate == stuck {
                    stuck_values.insert(sample.grams.to_bits());
                }
            }
        }
        count += tick.loads.len() as u64;
    }
    let due = ticks * shop.layout.plates.len() as u64 - 600;
    let lost = 1.0 - count as f64 / due as f64;
    let late = late as f64 / due as f64;
    println!("lost {:.4}, late {late:.4}, longest {behind_max} µs", lost);
    assert!((0.001..0.006).contains(&lost), "{lost}");
    assert!((0.001..0.005).contains(&late), "{late}");
    assert!((500_000..1_100_000).contains(&behind_max), "{behind_max}");
    assert_eq!(from_dead, 0);
    assert_eq!(stuck_values.len(), 1);
}

/// Seconds of processor time of this thread, which other work on the machine does not lengthen
/// (Linux; elsewhere nothing).
fn processor_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(ns / 1e9)
}

/// 2,000 plates, 20 people: the simulator must leave the processor to the estimators.
#[test]
fn a_busy_large_shop_runs_far_faster_than_its_time() {
    let shop = walkout_model::files::load_shop(&walkout_testkit::shop_dir("flash"));
    let shop = std::sync::Arc::new(shop.expect("a shipped shop is right"));
    let plan = Plan::preset(Preset::Busy, 1);
    let mut world = World::new(shop.clone(), &plan).expect("a shipped shop can be entered");
    let mut devices = Devices::new(&shop, plan.devices, 3);
    let mut tick = Tick::default();
    let (warm_up, ticks) = (60 * 90, 60 * 30);
    let mut spent = 0.0;
    for i in 0..warm_up + ticks {
        world.step();
        let Some(begun) = processor_s() else {
            return walkout_testkit::skip("a_busy_large_shop", "no processor time of a thread");
        };
        devices.observe(world.scene(), &mut tick);
        if i >= warm_up {
            spent += processor_s().unwrap_or(begun) - begun;
        }
    }
    let times = f64::from(ticks) / 60.0 / spent;
    println!(
        "{} plates, {} people: {times:.0} times real time",
        shop.layout.plates.len(),
        world.scene().people.len()
    );
    assert!(times > 30.0, "only {times:.0} times real time");
}
