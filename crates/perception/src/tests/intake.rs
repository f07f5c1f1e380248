//! What is refused, counted and healed.

use super::trace::{Outcome, START, Trace, rack, ramp};
use crate::{Perception, PerceptionConfig, PerceptionEvent};
use walkout_model::{LoadSample, PlateFault, PlateHealth, PlateIx, TimeDelta};

fn faults(events: &[PerceptionEvent]) -> Vec<PlateFault> {
    events
        .iter()
        .filter_map(|e| match e {
            PerceptionEvent::Fault(f) => Some(*f),
            _ => None,
        })
        .collect()
}

#[test]
fn every_kind_of_bad_sample_is_counted() {
    let shop = rack(8);
    let mut perception = Perception::new(&shop, PerceptionConfig::default());
    let mut out = Vec::new();
    perception.advance(START, &mut out);
    let sample = |ms: i64, plate: u32, grams: f32| LoadSample {
        t: START + TimeDelta::from_millis(ms),
        plate: PlateIx(plate),
        grams,
    };
    perception.push_loads(
        &[
            sample(0, 0, 100.0),
            sample(0, 99, 100.0),
            sample(10, 0, f32::NAN),
            sample(10, 0, f32::INFINITY),
            sample(10, 0, 30_000.0),
            sample(-1_000, 0, 100.0),
            sample(-60_000, 0, 100.0),
            sample(60_000, 0, 100.0),
            sample(0, 0, 100.0),
        ],
        &mut out,
    );
    let c = perception.counters();
    assert_eq!(
        (c.accepted, c.unknown_plate, c.not_finite, c.absurd),
        (1, 1, 2, 1)
    );
    assert_eq!((c.late, c.stale, c.future, c.duplicate), (1, 1, 1, 1));
    assert_eq!(c.refused(), 8);
    assert_eq!(out, vec![]);
}

#[test]
fn order_within_the_delay_does_not_matter() {
    let samples: Vec<LoadSample> = (0..1_200)
        .map(|k| LoadSample {
            t: START + TimeDelta(k * 16_667),
            plate: PlateIx(2),
            grams: (500.0 - 200.0 * ramp(k as f64 / 60.0, 10.0)) as f32,
        })
        .collect();
    let run = |shuffle: bool| {
        let mut perception = Perception::new(&rack(8), PerceptionConfig::default());
        let mut out = Vec::new();
        perception.advance(START, &mut out);
        for chunk in samples.chunks(6) {
            let mut chunk = chunk.to_vec();
            let last = chunk[chunk.len() - 1].t;
            if shuffle {
                chunk.reverse();
            }
            perception.push_loads(&chunk, &mut out);
            perception.advance(last, &mut out);
        }
        out
    };
    let in_order = run(false);
    assert!(
        in_order
            .iter()
            .any(|e| matches!(e, PerceptionEvent::Step(_)))
    );
    assert_eq!(in_order, run(true));
}

#[test]
fn a_dead_plate_is_noticed_and_heals() {
    let mut trace = Trace::new(30.0, |_, _| 500.0);
    trace.arrives = Box::new(|p, t| p != 3 || !(10.0..20.0).contains(&t));
    let outcome = trace.run();
    let healths: Vec<PlateHealth> = faults(&outcome.events).iter().map(|f| f.health).collect();
    assert_eq!(healths, vec![PlateHealth::Dead, PlateHealth::Good]);
    let noticed = faults(&outcome.events)[0].t.since(START).as_secs_f64();
    assert!((12.0..13.0).contains(&noticed), "{noticed}");
    assert_eq!(outcome.steps().len(), 0, "{:?}", outcome.brief());
}

#[test]
fn a_stuck_plate_is_noticed_and_a_quiet_one_is_not() {
    let mut perception = Perception::new(&rack(8), PerceptionConfig::default());
    let mut outcome = Vec::new();
    let mut noise = super::trace::Noise(3);
    for k in 0..40 * 60_i64 {
        let t = k as f64 / 60.0;
        let now = START + TimeDelta::from_secs_f64(t);
        let samples: Vec<LoadSample> = (0..16)
            .map(|p| LoadSample {
                t: now,
                plate: PlateIx::from(p),
                grams: if p == 3 && (10.0..30.0).contains(&t) {
                    500.0
                } else {
                    (500.0 + 0.4 * noise.normal()).round() as f32
                },
            })
            .collect();
        perception.push_loads(&samples, &mut outcome);
        perception.advance(now, &mut outcome);
    }
    let found = faults(&outcome);
    let of_plate: Vec<PlateHealth> = found.iter().map(|f| f.health).collect();
    assert_eq!(of_plate, vec![PlateHealth::Stuck, PlateHealth::Good]);
    assert!(found.iter().all(|f| f.plate == PlateIx(3)));
}

#[test]
fn overload_is_noticed() {
    let outcome = Trace::new(
        30.0,
        |p, t| if p == 1 && t > 10.0 { 9_990.0 } else { 500.0 },
    )
    .run();
    assert_eq!(faults(&outcome.events)[0].health, PlateHealth::Overload);
}

#[test]
fn a_clock_that_jumps_is_followed() {
    for jump in [3_600.0, -3_600.0, 7.0, -7.0] {
        let mut trace = Trace::new(40.0, |p, t| {
            500.0 - if p == 2 { 300.0 * ramp(t, 30.0) } else { 0.0 }
        });
        trace.clock = Box::new(move |t| if t > 15.0 { jump } else { 0.0 });
        let outcome = trace.run();
        let jumps = outcome
            .events
            .iter()
            .filter(|e| matches!(e, PerceptionEvent::ClockJump { .. }))
            .count();
        assert_eq!(jumps, 1, "jump {jump}");
        assert_eq!(outcome.perception.counters().clock_resyncs, 1);
        let brief = outcome.brief();
        assert_eq!(brief.len(), 1, "jump {jump}: {brief:?}");
        assert!((brief[0].2 - 30.0).abs() < 0.3, "jump {jump}: {brief:?}");
    }
}

#[test]
fn the_shops_own_clock_may_be_set_back_or_forth() {
    for jump in [86_400, -86_400] {
        let mut perception = Perception::new(&rack(8), PerceptionConfig::default());
        let mut out = Vec::new();
        let mut noise = super::trace::Noise(11);
        for k in 0..40 * 60_i64 {
            let t = k as f64 / 60.0;
            let shift = TimeDelta::from_secs(if t > 15.0 { jump } else { 0 });
            let now = START + TimeDelta::from_secs_f64(t) + shift;
            let samples: Vec<LoadSample> = (0..16)
                .map(|p| LoadSample {
                    t: now,
                    plate: PlateIx::from(p),
                    grams: (500.0 - if p == 2 { 300.0 * ramp(t, 30.0) } else { 0.0 }
                        + 0.6 * noise.normal())
                    .round() as f32,
                })
                .collect();
            perception.push_loads(&samples, &mut out);
            perception.advance(now, &mut out);
        }
        let outcome = Outcome {
            events: out,
            perception,
        };
        assert_eq!(
            outcome.steps().len(),
            1,
            "jump {jump}: {:?}",
            outcome.told()
        );
        assert_eq!(outcome.perception.counters().clock_resyncs, 1);
    }
}
