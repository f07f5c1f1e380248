//! What comes late and out of order is concluded as if it had come in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_bench::outcome::{Claim, Outcome, charges};
use walkout_bench::run::Doorkeeper;
use walkout_bench::score::best_guess;
use walkout_bench::truth::Basket;
use walkout_fusion::{Fusion, FusionConfig, FusionEvent};
use walkout_model::files::load_shop;
use walkout_model::{
    Decision, Disturbance, GateCrossing, ItemLook, LaneIx, PlateFault, SessionId, SessionOpened,
    Shop, StoreTime, TimeDelta, TrackPoint, WeightStep,
};
use walkout_perception::{Perception, PerceptionConfig, PerceptionEvent};
use walkout_simulator::{Plan, Preset, Simulation, Tick};
use walkout_testkit::shop_dir;

/// How late an observation may be.
const LATE: TimeDelta = TimeDelta::from_millis(4_900);
/// How often fusion is asked what it concludes.
const PACE: TimeDelta = TimeDelta::from_millis(50);

/// How far apart the instants of one movement may be.
const SLACK: TimeDelta = TimeDelta::from_millis(500);

/// Something that reaches fusion.
#[derive(Clone)]
enum Seen {
    Track(TrackPoint),
    Look(ItemLook),
    Opened(SessionOpened),
    Crossing(GateCrossing),
    Fault(PlateFault),
    Step(WeightStep),
    Disturbed(Disturbance),
}

/// A simulated stream as perception hands it to fusion.
struct Stream {
    shop: Arc<Shop>,
    counted: Vec<(LaneIx, u32)>,
    /// When it came, and until when it may come.
    seen: Vec<(StoreTime, StoreTime, Seen)>,
    start: StoreTime,
    end: StoreTime,
    phones: BTreeMap<SessionId, u32>,
}

impl Stream {
    fn of(preset: Preset, seed: u64) -> Self {
        let shop = Arc::new(load_shop(&shop_dir("nano")).unwrap());
        let plan = Plan {
            receipts: Some(6),
            ..Plan::preset(preset, seed)
        };
        let mut simulation = Simulation::new(Arc::clone(&shop), plan).unwrap();
        let mut perception = Perception::new(&shop, PerceptionConfig::default());
        let mut doorkeeper = Doorkeeper::default();
        let mut tick = Tick::default();
        let mut told = Vec::new();
        let mut seen: Vec<(StoreTime, StoreTime, Seen)> = Vec::new();
        // A correction may be as late as what it corrects.
        let mut changed: BTreeMap<u64, StoreTime> = BTreeMap::new();
        let counted = simulation.count_lanes();
        let mut start = None;
        while !simulation.is_over() {
            simulation.step(&mut tick);
            let now = tick.now;
            start.get_or_insert(now);
            let mut see = |t: StoreTime, what: Seen| seen.push((now, now.max(t + LATE), what));
            for scan in tick.scans.drain(..) {
                let opened = doorkeeper.scan(scan);
                see(opened.t, Seen::Opened(opened));
            }
            for crossing in tick.crossings.drain(..) {
                see(crossing.t, Seen::Crossing(crossing));
            }
            for track in tick.tracks.drain(..) {
                see(track.t, Seen::Track(track));
            }
            for look in tick.looks.drain(..) {
                see(look.t, Seen::Look(look));
            }
            perception.push_loads(&tick.loads, &mut told);
            tick.loads.clear();
            perception.advance(now, &mut told);
            for event in told.drain(..) {
                match event {
                    PerceptionEvent::Step(step) => {
                        let first = step.replaces.and_then(|old| changed.get(&old)).copied();
                        let t = first.unwrap_or(step.t_change).min(step.t_change);
                        changed.insert(step.serial, t);
                        see(t, Seen::Step(step));
                    }
                    PerceptionEvent::Fault(fault) => see(fault.t, Seen::Fault(fault)),
                    PerceptionEvent::Disturbed(d) => see(d.t_end, Seen::Disturbed(d)),
                    PerceptionEvent::Touch(_) | PerceptionEvent::ClockJump { .. } => {}
                }
            }
        }
        Self {
            shop,
            counted,
            seen,
            start: start.unwrap(),
            end: tick.now,
            phones: doorkeeper.into_phones(),
        }
    }

    /// The same with each observation late by its own draw, those of one instant in any order.
    fn delayed(&self, seed: u64) -> Vec<(StoreTime, Seen)> {
        let mut draw = Draw(seed);
        let mut all: Vec<(StoreTime, u64, Seen)> = self
            .seen
            .iter()
            .map(|(from, to, seen)| {
                let late = (to.since(*from).0 as f64 * draw.share()) as i64;
                (*from + TimeDelta(late), draw.next(), seen.clone())
            })
            .collect();
        all.sort_by_key(|(t, order, _)| (*t, *order));
        all.into_iter().map(|(t, _, seen)| (t, seen)).collect()
    }

    fn in_order(&self) -> Vec<(StoreTime, Seen)> {
        let all = self.seen.iter();
        all.map(|(t, _, seen)| (*t, seen.clone())).collect()
    }

    fn conclude(&self, seen: Vec<(StoreTime, Seen)>) -> Concluded {
        let mut fusion = Fusion::new(Arc::clone(&self.shop), FusionConfig::default());
        for &(lane, units) in &self.counted {
            fusion.stock_counted(lane, units);
        }
        let mut told = Vec::new();
        let mut seen = seen.into_iter().peekable();
        let mut now = self.start;
        while now < self.end + TimeDelta::from_secs(10) {
            while let Some((_, what)) = seen.next_if(|(t, _)| *t <= now) {
                match what {
                    Seen::Track(point) => fusion.track(point),
                    Seen::Look(look) => fusion.look(look),
                    Seen::Opened(opened) => fusion.session_opened(opened),
                    Seen::Crossing(crossing) => fusion.crossing(crossing),
                    Seen::Fault(fault) => fusion.fault(fault),
                    Seen::Step(step) => fusion.step(step),
                    Seen::Disturbed(disturbance) => fusion.disturbed(disturbance),
                }
            }
            fusion.advance(now, &mut told);
            now += PACE;
        }
        fusion.advance(self.end + TimeDelta::from_secs(120), &mut told);
        let (mut movements, mut exits) = (Vec::new(), BTreeMap::new());
        for event in told {
            match event {
                FusionEvent::Movement(movement) => movements.push(movement),
                FusionEvent::Exit(exit) => {
                    exits.insert(self.phones[&exit.session], (exit.t, exit.known_at));
                }
                FusionEvent::Notice(_) => {}
            }
        }
        let outcome = Outcome::new(&self.shop, &self.phones, &movements, &exits);
        // What is left off moves nothing, and how often a hand was thought to be goods is a matter of what came first.
        let guesses = outcome.guesses.iter();
        let mut movements: Vec<_> = guesses
            .filter(|g| g.decision != Decision::LeaveOff)
            .map(|g| (g.shelf.clone(), g.t, g.decision, g.best))
            .collect();
        movements.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        Concluded {
            receipts: charges(&outcome, |_, guess| best_guess(guess)),
            movements,
            exits: outcome.exits,
        }
    }
}

/// What stands in the end.
struct Concluded {
    /// By shelf and time.
    movements: Vec<(String, StoreTime, Decision, Claim)>,
    exits: BTreeMap<u32, StoreTime>,
    receipts: BTreeMap<u32, Basket>,
}

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn observations_up_to_five_seconds_late_and_shuffled_give_the_same_receipts() {
    for (preset, seed) in [
        (Preset::Adversarial, 41),
        (Preset::Adversarial, 42),
        (Preset::Busy, 41),
        (Preset::Busy, 42),
        (Preset::Cps2020, 43),
    ] {
        let stream = Stream::of(preset, seed);
        let right = stream.conclude(stream.in_order());
        assert!(right.movements.len() >= 5 && !right.receipts.is_empty());
        for late in 0..3 {
            let got = stream.conclude(stream.delayed(100 * seed + late));
            assert_eq!(got.exits, right.exits, "{preset} {seed}, delays {late}");
            assert_eq!(
                got.receipts, right.receipts,
                "{preset} {seed}, delays {late}"
            );
            let (mine, theirs) = (&got.movements, &right.movements);
            assert_eq!(mine.len(), theirs.len(), "{preset} {seed}, delays {late}");
            for (got, right) in mine.iter().zip(theirs) {
                assert_eq!(
                    (&got.0, got.2, &got.3),
                    (&right.0, right.2, &right.3),
                    "{preset} {seed}, delays {late}"
                );
                // What was said first stands where a correction moves nothing but its instant.
                let apart = got.1.max(right.1).since(got.1.min(right.1));
                assert!(
                    apart <= SLACK,
                    "{preset} {seed}, delays {late}: {got:?} {right:?}"
                );
            }
        }
    }
}
