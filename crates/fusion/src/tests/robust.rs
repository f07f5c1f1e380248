//! The same in, the same out; and whatever comes in, no panic and no probability beyond 1.

use super::bed::{Bed, before, shop};
use crate::{Fusion, FusionConfig, FusionEvent};
use proptest::prelude::*;
use std::sync::Arc;
use walkout_model::{
    GateCrossing, GateDirection, GateIx, ItemLook, PartyKind, PlateDelta, PlateIx, Point2, Point3,
    SessionId, SessionOpened, ShelfIx, SkuIx, StoreTime, TimeDelta, TrackId, TrackPoint,
    WeightStep, Wrist,
};

#[test]
fn a_replay_is_the_same_to_the_byte() {
    let run = || {
        let mut bed = Bed::new();
        bed.enter(1, 1, PartyKind::Shopper, before(0.0));
        bed.enter(2, 2, PartyKind::Shopper, before(0.7));
        bed.act(1, 0, 0, -500.0);
        bed.act(2, 0, 2, -500.0);
        bed.act(1, 0, 2, 500.0);
        bed.leave(1);
        bed.leave(2);
        serde_json::to_string(&bed.events).expect("serialises")
    };
    let first = run();
    assert!(first.contains("Movement") && first.contains("Exit"));
    assert_eq!(first, run());
}

#[test]
fn what_is_late_or_out_of_order_changes_nothing_in_the_end() {
    let run = |late: bool| {
        let mut bed = Bed::new();
        bed.late = late;
        bed.enter(1, 1, PartyKind::Shopper, before(0.0));
        bed.enter(2, 2, PartyKind::Shopper, before(0.7));
        bed.act(1, 0, 0, -500.0);
        bed.look(1, 0, 0.05, 0, 0.9);
        bed.act(2, 0, 2, -500.0);
        bed.act(1, 0, 4, -120.0);
        bed.swap(1, 2);
        bed.act(1, 0, 2, -500.0);
        bed.act(2, 0, 0, 500.0);
        bed.leave(1);
        bed.leave(2);
        bed.wait(15.0);
        let exits: Vec<_> = bed.exits().iter().map(|e| (e.session, e.t)).collect();
        (bed.standing(), exits)
    };
    let (told, exits) = run(false);
    assert!(told.len() >= 4 && exits.len() == 2, "{told:?} {exits:?}");
    let (told_late, exits_late) = run(true);
    assert_eq!(exits, exits_late);
    assert_eq!(told.len(), told_late.len());
    for (a, b) in told.iter().zip(&told_late) {
        assert_eq!((a.t, a.decision, &a.lane), (b.t, b.decision, &b.lane));
        assert_eq!(
            (a.best.who, a.best.sku, a.best.quantity),
            (b.best.who, b.best.sku, b.best.quantity)
        );
        // What differs by less is not said again.
        assert!((a.best.probability - b.best.probability).abs() < 0.02);
    }
}

#[test]
fn malformed_observations_are_counted() {
    let mut fusion = Fusion::new(Arc::new(shop()), FusionConfig::default());
    let t = StoreTime(0);
    fusion.track(TrackPoint {
        t,
        track: TrackId(1),
        position: Point2::new(f64::NAN, 0.0),
        sigma_m: 0.1,
        wrists: vec![],
        appearance: vec![],
    });
    fusion.look(ItemLook {
        t,
        track: TrackId(1),
        hand: Point3::default(),
        posterior: vec![(SkuIx(0), f32::NAN)],
        foreign: None,
    });
    let crossing = GateCrossing {
        t,
        gate: GateIx(7),
        direction: GateDirection::In,
    };
    fusion.crossing(crossing);
    let opened = SessionOpened {
        t,
        gate: GateIx(0),
        session: SessionId(1),
        people: 1,
        kind: PartyKind::Shopper,
    };
    fusion.session_opened(opened);
    fusion.session_opened(opened);
    let c = fusion.counters();
    assert_eq!(
        (
            c.tracks_refused,
            c.looks_refused,
            c.crossings_refused,
            c.sessions_refused
        ),
        (1, 1, 1, 1)
    );
}

#[derive(Clone, Debug)]
enum Input {
    Track(u64, f64, f64, f32, f64),
    Look(u64, f64, u32, f32),
    Step(u32, u32, f32, f32),
    Open(u64, u8, bool),
    Cross(u32, bool),
    Advance(i64),
}

fn input() -> impl Strategy<Value = Input> {
    let grams = prop_oneof![-1_500.0_f32..1_500.0, any::<f32>()];
    prop_oneof![
        4 => (0_u64..5, -3.0..3.0, -1.0..4.0, any::<f32>(), -1.0..2.0)
            .prop_map(|(a, b, c, d, e)| Input::Track(a, b, c, d, e)),
        1 => (0_u64..5, -3.0..3.0, 0_u32..9, any::<f32>()).prop_map(|(a, b, c, d)| Input::Look(a, b, c, d)),
        2 => (0_u32..4, 0_u32..16, grams, any::<f32>()).prop_map(|(a, b, c, d)| Input::Step(a, b, c, d)),
        1 => (0_u64..6, any::<u8>(), any::<bool>()).prop_map(|(a, b, c)| Input::Open(a, b, c)),
        1 => (0_u32..3, any::<bool>()).prop_map(|(a, b)| Input::Cross(a, b)),
        3 => prop_oneof![0_i64..2_000_000, any::<i64>()].prop_map(Input::Advance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_input_gives_probabilities(inputs in prop::collection::vec(input(), 0..150)) {
        let mut fusion = Fusion::new(Arc::new(shop()), FusionConfig::default());
        let mut out = Vec::new();
        let mut now = StoreTime(0);
        for (i, x) in inputs.into_iter().enumerate() {
            match x {
                Input::Track(track, x, y, sigma_m, z) => fusion.track(TrackPoint {
                    t: now,
                    track: TrackId(track),
                    position: Point2::new(x, y),
                    sigma_m,
                    wrists: vec![Wrist {
                        position: Point3::new(x, y + 0.4, z),
                        sigma_m,
                        confidence: sigma_m,
                    }],
                    appearance: vec![],
                }),
                Input::Look(track, x, sku, p) => fusion.look(ItemLook {
                    t: now,
                    track: TrackId(track),
                    hand: Point3::new(x, 3.1, 1.1),
                    posterior: vec![(SkuIx(sku), p)],
                    foreign: Some(1.0 - p),
                }),
                Input::Step(shelf, plate, delta_g, sigma_g) => fusion.step(WeightStep {
                    serial: i as u64,
                    replaces: None,
                    shelf: ShelfIx(shelf),
                    t_start: now,
                    t_change: now,
                    t_end: now,
                    known_at: now + TimeDelta::from_millis(300),
                    delta_g,
                    sigma_g,
                    plates: vec![PlateDelta { plate: PlateIx(plate), delta_g, sigma_g }],
                    curve: vec![],
                    seen: None,
                }),
                Input::Open(session, people, staff) => fusion.session_opened(SessionOpened {
                    t: now,
                    gate: GateIx(0),
                    session: SessionId(session),
                    people,
                    kind: if staff { PartyKind::Staff } else { PartyKind::Shopper },
                }),
                Input::Cross(gate, inward) => fusion.crossing(GateCrossing {
                    t: now,
                    gate: GateIx(gate),
                    direction: if inward { GateDirection::In } else { GateDirection::Out },
                }),
                Input::Advance(by) => {
                    now += TimeDelta(by);
                    fusion.advance(now, &mut out);
                }
            }
        }
        fusion.advance(now + TimeDelta::from_secs(60), &mut out);
        for event in out {
            if let FusionEvent::Movement(m) = event {
                let all: Vec<f32> =
                    m.alternatives.iter().chain([&m.best]).map(|a| a.probability).collect();
                prop_assert!(all.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", all);
                prop_assert!(all.iter().sum::<f32>() <= 1.0 + 1e-4, "{:?}", all);
            }
        }
    }
}
