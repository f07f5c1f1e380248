//! Perception and fusion joined, fed with what devices send and with nothing else.

use crate::run::Doorkeeper;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_fusion::{Fusion, FusionConfig, FusionEvent};
use walkout_model::{
    AttributedMovement, GateCrossing, ItemLook, LaneIx, LoadSample, SessionExit, SessionOpened,
    ShelfTouch, Shop, StoreTime, TimeDelta, TrackId, TrackPoint, WeightStep, Who,
};
use walkout_perception::{Perception, PerceptionConfig, PerceptionEvent};
use walkout_simulator::Tick;

/// What reaches the estimators at one instant. A recording is a sequence of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arrivals {
    /// Now.
    pub now: StoreTime,
    /// Lanes that were counted by hand.
    pub counted: Vec<(LaneIx, u32)>,
    /// Load-cell samples.
    pub loads: Vec<LoadSample>,
    /// Track points.
    pub tracks: Vec<TrackPoint>,
    /// Item looks.
    pub looks: Vec<ItemLook>,
    /// Gate crossings.
    pub crossings: Vec<GateCrossing>,
    /// Sessions that a scanned code opened.
    pub opened: Vec<SessionOpened>,
}

impl Arrivals {
    /// Takes what devices sent in one tick, and lets in whoever held a phone to a gate.
    pub fn take(&mut self, tick: &mut Tick, doorkeeper: &mut Doorkeeper) {
        self.now = tick.now;
        std::mem::swap(&mut self.loads, &mut tick.loads);
        std::mem::swap(&mut self.tracks, &mut tick.tracks);
        std::mem::swap(&mut self.looks, &mut tick.looks);
        std::mem::swap(&mut self.crossings, &mut tick.crossings);
        self.opened.clear();
        let scans = tick.scans.drain(..);
        self.opened.extend(scans.map(|scan| doorkeeper.scan(scan)));
    }

    /// Empties it, to be filled again.
    pub fn clear(&mut self) {
        self.counted.clear();
        self.loads.clear();
        self.tracks.clear();
        self.looks.clear();
        self.crossings.clear();
        self.opened.clear();
    }
}

/// What the estimators concluded so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conclusions {
    /// Movements, in the order they were told.
    pub movements: Vec<AttributedMovement>,
    /// Exits.
    pub exits: Vec<SessionExit>,
    /// Things fusion noticed that are neither, as text.
    pub notices: Vec<String>,
    /// Steps, if they are kept.
    pub steps: Vec<WeightStep>,
    /// Touches, if they are kept.
    pub touches: Vec<ShelfTouch>,
    /// Changes of plates' health and jumps of fixtures' clocks.
    pub faults: usize,
    /// Samples that perception refused.
    pub refused: u64,
}

/// Perception and fusion of one shop.
pub struct Estimators {
    perception: Perception,
    fusion: Fusion,
    events: Vec<PerceptionEvent>,
    told: Vec<FusionEvent>,
    keep_steps: bool,
    conclusions: Conclusions,
    now: StoreTime,
}

/// How long a detector may still be undecided about the last thing that happened.
const SETTLE: TimeDelta = TimeDelta::from_secs(1);
/// How long fusion may wait for an exit or for late observations.
const WAIT: TimeDelta = TimeDelta::from_secs(120);

impl Estimators {
    /// Fresh estimators that know the shop's files and nothing else. With `keep_steps`, the steps
    /// and touches are kept for a listing of errors.
    pub fn new(shop: &Arc<Shop>, keep_steps: bool) -> Self {
        Self {
            perception: Perception::new(shop, PerceptionConfig::default()),
            fusion: Fusion::new(Arc::clone(shop), FusionConfig::default()),
            events: Vec::new(),
            told: Vec::new(),
            keep_steps,
            conclusions: Conclusions::default(),
            now: StoreTime::default(),
        }
    }

    /// Who a track most probably is, and how probably, as it is shown on the floor plan.
    pub fn likely_party(&self, track: TrackId) -> Option<(Who, f64)> {
        self.fusion.likely_party(track)
    }

    /// Takes what arrived at one instant.
    pub fn take(&mut self, arrivals: &Arrivals) {
        self.perceive(arrivals);
        self.conclude(arrivals);
    }

    /// The first half of [`Self::take`]: samples to steps.
    pub fn perceive(&mut self, arrivals: &Arrivals) {
        self.now = arrivals.now;
        self.perception
            .push_loads(&arrivals.loads, &mut self.events);
        self.perception.advance(arrivals.now, &mut self.events);
    }

    /// The second half: steps and all the rest to movements.
    pub fn conclude(&mut self, arrivals: &Arrivals) {
        for &(lane, units) in &arrivals.counted {
            self.fusion.stock_counted(lane, units);
        }
        for &opened in &arrivals.opened {
            self.fusion.session_opened(opened);
        }
        for &crossing in &arrivals.crossings {
            self.fusion.crossing(crossing);
        }
        for track in &arrivals.tracks {
            self.fusion.track(track.clone());
        }
        for look in &arrivals.looks {
            self.fusion.look(look.clone());
        }
        self.fuse(arrivals.now);
    }

    /// Lets everything that is still undecided be decided, and hands over all conclusions.
    pub fn finish(mut self) -> Conclusions {
        let end = self.now;
        let tick = TimeDelta::from_millis(50);
        while self.now < end + SETTLE {
            self.now += tick;
            self.perception.advance(self.now, &mut self.events);
            self.fuse(self.now);
        }
        self.fusion.advance(end + WAIT, &mut self.told);
        self.collect();
        self.conclusions.refused = self.perception.counters().refused();
        self.conclusions
    }

    fn fuse(&mut self, now: StoreTime) {
        for event in self.events.drain(..) {
            match event {
                PerceptionEvent::Step(step) => {
                    if self.keep_steps {
                        self.conclusions.steps.push(step.clone());
                    }
                    self.fusion.step(step);
                }
                PerceptionEvent::Touch(touch) => {
                    if self.keep_steps {
                        self.conclusions.touches.push(touch);
                    }
                }
                PerceptionEvent::Disturbed(disturbance) => self.fusion.disturbed(disturbance),
                PerceptionEvent::Fault(fault) => {
                    self.conclusions.faults += 1;
                    self.fusion.fault(fault);
                }
                PerceptionEvent::ClockJump { .. } => self.conclusions.faults += 1,
            }
        }
        self.fusion.advance(now, &mut self.told);
        self.collect();
    }

    fn collect(&mut self) {
        for event in self.told.drain(..) {
            match event {
                FusionEvent::Movement(movement) => self.conclusions.movements.push(movement),
                FusionEvent::Exit(exit) => self.conclusions.exits.push(exit),
                FusionEvent::Notice(notice) => {
                    self.conclusions.notices.push(format!("{notice:?}"));
                }
            }
        }
    }
}

impl Conclusions {
    /// Movements by their id.
    pub fn by_id(&self) -> BTreeMap<walkout_model::MovementId, AttributedMovement> {
        self.movements.iter().map(|m| (m.id, m.clone())).collect()
    }
}
