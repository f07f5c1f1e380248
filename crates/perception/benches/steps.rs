//! How many times faster than the store's own time one core turns samples into steps, by plates:
//! `cargo bench -p walkout-perception --bench steps`. One action each 100 plates every 5 s, all shelves shaken.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::time::Instant;
use walkout_model::layout::{Fixture, Plate, Shelf};
use walkout_model::{
    Catalogue, Currency, FixtureIx, Layout, LoadSample, Planogram, PlateIx, Point2, Pose2, ShelfIx,
    Shop, StoreTime, TimeDelta,
};
use walkout_perception::{Perception, PerceptionConfig, PerceptionEvent};

/// Seconds of store time.
const SECONDS: i64 = 20;
const START: StoreTime = StoreTime(1_790_000_000_000_000);

fn main() {
    println!(
        "{:>7} {:>14} {:>16} {:>7}",
        "plates", "times as fast", "ns a sample", "steps"
    );
    for plates in [100, 400, 2_000, 10_000] {
        let shop = shop(plates);
        let mut perception = Perception::new(&shop, PerceptionConfig::default());
        let mut out: Vec<PerceptionEvent> = Vec::new();
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut spent = std::time::Duration::ZERO;
        let mut samples = Vec::new();
        for tick in 0..SECONDS * 60 {
            let t = tick as f32 / 60.0;
            let now = START + TimeDelta(tick * 16_667);
            samples.clear();
            for plate in 0..plates {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let noise = (random >> 40) as f32 / (1 << 24) as f32 - 0.5;
                let swing = 3.0 * (t * 31.0 + (plate / 8) as f32).sin();
                let mut grams = 1_000.0 + 4.0 * noise + swing;
                if plate % 100 == 50 {
                    // A press, a take, and the board that rings.
                    let since = (t + plate as f32 * 0.037) % 5.0;
                    let taken = ((t + plate as f32 * 0.037) / 5.0).floor();
                    grams -= 20.0 * taken;
                    if since > 4.2 {
                        grams += 200.0 * ((since - 4.2) * 3.9).sin().max(0.0);
                    }
                    grams += 30.0 * (-since / 0.7).exp() * (since * 30.0).sin();
                }
                samples.push(LoadSample {
                    t: now,
                    plate: PlateIx(plate),
                    grams,
                });
            }
            let begin = Instant::now();
            perception.push_loads(&samples, &mut out);
            perception.advance(now, &mut out);
            spent += begin.elapsed();
        }
        let steps = out
            .iter()
            .filter(|e| matches!(e, PerceptionEvent::Step(_)))
            .count();
        let seconds = spent.as_secs_f64();
        let count = f64::from(plates) * SECONDS as f64 * 60.0;
        println!(
            "{plates:>7} {:>14.0} {:>16.1} {steps:>7}",
            SECONDS as f64 / seconds,
            seconds / count * 1e9
        );
    }
}

/// Racks of shelves of eight plates.
fn shop(plates: u32) -> Shop {
    let shelves = plates.div_ceil(8);
    let layout = Layout {
        fixtures: vec![Fixture {
            name: "G1".into(),
            pose: Pose2 {
                position: Point2::new(0.0, 0.0),
                yaw: 0.0,
            },
            width_m: 0.8,
            depth_m: 0.4,
            height_m: 2.0,
            shelves: 0..shelves,
        }],
        shelves: (0..shelves)
            .map(|i| Shelf {
                name: format!("G1/S{i}"),
                fixture: FixtureIx(0),
                x_m: 0.0,
                y_m: 0.0,
                height_m: 1.0,
                width_m: 0.8,
                depth_m: 0.4,
                plates: i * 8..(i * 8 + 8).min(plates),
            })
            .collect(),
        plates: (0..plates)
            .map(|i| Plate {
                name: format!("G1/S{}/P{}", i / 8, i % 8),
                shelf: ShelfIx(i / 8),
                x_m: 0.1 * f64::from(i % 8),
                y_m: 0.0,
                width_m: 0.1,
                depth_m: 0.4,
                range_g: 30_000.0,
                noise_g: 1.2,
                resolution_g: 0.1,
            })
            .collect(),
        ..Layout::default()
    };
    Shop {
        name: "racks".into(),
        title: "Racks".into(),
        time_zone: "Asia/Seoul".into(),
        currency: Currency::KRW,
        layout,
        catalogue: Catalogue::default(),
        planogram: Planogram::default(),
    }
}
