//! Who took what: weight steps, tracks, looks and gate events to attributed movements with
//! calibrated probabilities and their evidence. Sans-IO and deterministic: observations and the time
//! come in, [`FusionEvent`]s go out, and the same recording gives the same events, byte for byte.
//!
//! Each step is explained jointly by person, SKU of the whole catalogue and signed quantity, twice: at
//! once, for the cart on the phone, and again when late observations have come, in order of
//! time, with all that was seen since; what changes supersedes what was said. `docs/fusion.md` has the
//! mathematics.

mod belief;
mod clothes;
mod config;
mod decide;
mod deeds;
mod departures;
mod engine;
mod evidence;
mod exchange;
mod gates;
mod handing;
mod hands;
mod hypotheses;
mod identity;
pub mod lesson;
mod lineage;
mod looks;
mod masses;
mod meeting;
mod net;
mod pairing;
mod people;
mod place;
mod reach;
mod standing;
mod stock;
mod streak;
mod together;
mod tracks;

pub use config::{Costs, FusionConfig, LookSight};
pub use standing::{first_of, step_of};

use engine::{Engine, EngineEvent, Role};
use gates::GateEvent;
use serde::{Deserialize, Serialize};
use standing::Standing;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use walkout_model::{
    AttributedMovement, Disturbance, GateCrossing, GateIx, ItemLook, LaneIx, PlateFault, PlateIx,
    SessionExit, SessionOpened, Shop, SkuIx, StoreTime, TimeDelta, TrackId, TrackPoint, WeightStep,
    Who,
};

/// What fusion concludes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FusionEvent {
    /// Goods moved.
    Movement(AttributedMovement),
    /// A party left.
    Exit(SessionExit),
    /// Something that staff should know of.
    Notice(Notice),
}

/// Something that staff should know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// Somebody crossed a gate inward without a code.
    Tailgater {
        /// When.
        t: StoreTime,
        /// Where.
        gate: GateIx,
    },
    /// Somebody left whom no code had let in.
    ExitWithoutEntry {
        /// When.
        t: StoreTime,
        /// Where.
        gate: GateIx,
    },
}

/// What was refused, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FusionCounters {
    /// Steps and disturbances that came while the queue was full, or that do not fit the shop.
    pub steps_refused: u64,
    /// Track points that were malformed or came twice.
    pub tracks_refused: u64,
    /// Looks that were malformed.
    pub looks_refused: u64,
    /// Crossings of unknown gates, or the same one twice.
    pub crossings_refused: u64,
    /// Sessions opened twice, or too many at once.
    pub sessions_refused: u64,
    /// Steps lighter than anything sold: creep, leakage, crumbs.
    pub steps_too_light: u64,
    /// Times that the shop's clock was set back.
    pub clock_set_back: u64,
}

/// A clock that goes back by more than this was set; less is jitter between sources.
const CLOCK_SET_BACK: TimeDelta = TimeDelta::from_secs(5);
/// The late engine goes on by so much at a time, whatever the caller's pace.
const TICK: TimeDelta = TimeDelta::from_millis(50);
/// With nothing to hear for so long it goes straight on to what comes next.
const SILENCE: TimeDelta = TimeDelta::from_secs(15);
/// Observations that wait for their time, at most.
const HELD_MAX: usize = 1 << 18;
/// Points of a disturbance's course at most.
const COURSE_MAX: usize = 1_024;
/// Corrections that are remembered at most.
const ROOTS_MAX: usize = 4_096;
/// Observations from farther ahead are refused.
const AHEAD: TimeDelta = TimeDelta::from_secs(10);

/// An observation that waits for its time.
#[derive(Clone, Debug)]
enum Observation {
    Counted(LaneIx, u32),
    Opened(SessionOpened),
    Crossing(GateCrossing),
    Track(TrackPoint),
    Look(ItemLook),
    Fault(PlateFault),
    Step(WeightStep),
    Disturbed(Disturbance),
}

impl Observation {
    /// The same set of observations has one order, in whatever order they come.
    fn key(&self, t: StoreTime) -> Key {
        match self {
            Self::Counted(lane, units) => (t, 0, u64::from(lane.0), u64::from(*units)),
            Self::Opened(o) => (t, 1, o.session.0, 0),
            Self::Crossing(c) => (t, 2, u64::from(c.gate.0), c.direction as u64),
            Self::Track(p) => (t, 3, p.track.0, 0),
            Self::Look(l) => (t, 4, l.track.0, l.hand.x.to_bits()),
            Self::Fault(f) => (t, 5, u64::from(f.plate.0), 0),
            Self::Step(s) => (t, 6, s.serial, 0),
            Self::Disturbed(d) => (t, 7, d.serial, 0),
        }
    }
}

type Key = (StoreTime, u8, u64, u64);

/// The inference of one shop.
#[derive(Clone, Debug)]
pub struct Fusion {
    shop: Arc<Shop>,
    config: FusionConfig,
    counters: FusionCounters,
    prompt: Engine,
    settled: Engine,
    /// What the late engine is to hear, in order.
    held: VecDeque<(Key, Observation)>,
    /// Up to when the late engine has gone, and when it heard something last.
    ticked: Option<StoreTime>,
    heard: StoreTime,
    standing: Standing,
    told: Vec<EngineEvent>,
    /// Steps that correct others, by the first of each.
    roots: BTreeMap<u64, u64>,
    /// Steps that a correction has replaced, and whether it took them back altogether.
    corrected: BTreeMap<u64, bool>,
    /// Answers that fell with a step that was taken back.
    withdrawn: Vec<EngineEvent>,
    now: Option<StoreTime>,
}

impl Fusion {
    /// An inference that knows the shop's files and nothing of its state.
    pub fn new(shop: Arc<Shop>, config: FusionConfig) -> Self {
        // Who left unseen only the settled engine concludes, and tells the other.
        let prompt = FusionConfig {
            left_unseen: TimeDelta(i64::MAX),
            ..config
        };
        Self {
            prompt: Engine::new(Arc::clone(&shop), prompt, Role::Prompt),
            settled: Engine::new(Arc::clone(&shop), config, Role::Settled),
            shop,
            config,
            counters: FusionCounters::default(),
            held: VecDeque::new(),
            ticked: None,
            heard: StoreTime::default(),
            standing: Standing::default(),
            told: Vec::new(),
            roots: BTreeMap::new(),
            corrected: BTreeMap::new(),
            withdrawn: Vec::new(),
            now: None,
        }
    }

    /// A lane was counted (or its stock is known from the ledger). Lanes never counted are taken to
    /// hold enough of everything.
    pub fn stock_counted(&mut self, lane: LaneIx, units: u32) {
        match self.now {
            Some(now) => {
                self.prompt.counted(now, lane, units);
                self.hold(now, Observation::Counted(lane, units));
            }
            None => self.settled.counted(StoreTime::default(), lane, units),
        }
    }

    /// A shelf's mass changed.
    pub fn step(&mut self, mut step: WeightStep) {
        let layout = &self.shop.layout;
        let sane = step.shelf.usize() < layout.shelves.len()
            && step.delta_g.is_finite()
            && step.sigma_g.is_finite()
            && step.plates.len() <= layout.plates.len()
            && step.plates.iter().all(|p| {
                p.delta_g.is_finite()
                    && p.sigma_g.is_finite()
                    && layout
                        .plates
                        .get(p.plate.usize())
                        .is_some_and(|plate| plate.shelf == step.shelf)
            });
        if sane && let Some(overtaken) = self.corrected.get(&step.serial).copied() {
            // Its correction came first. What both belong to is only known if it corrects another.
            let Some(old) = step.replaces else { return };
            let Some(corrected) = self.join(old, &step, overtaken) else {
                return;
            };
            step = corrected;
        } else if sane && let Some(old) = step.replaces {
            let Some(corrected) = self.correct(old, step) else {
                return;
            };
            step = corrected;
        }
        // Long after the change it takes its place when it came to be known, in any order.
        let t = step.t_change.max(step.known_at - self.config.lag);
        if !sane || !self.prompt.step(step.clone()) || !self.hold(t, Observation::Step(step)) {
            self.counters.steps_refused += 1;
        }
    }

    /// A step that corrects an earlier one goes on under its number, wherever that one has come to.
    /// `None` if it takes it back altogether, or comes too late.
    fn correct(&mut self, old: u64, step: WeightStep) -> Option<WeightStep> {
        let root = self.roots.get(&old).copied().unwrap_or(old);
        self.roots.insert(step.serial, root);
        self.corrected.insert(old, step.plates.is_empty());
        while self.roots.len() > ROOTS_MAX {
            self.roots.pop_first();
        }
        while self.corrected.len() > ROOTS_MAX {
            self.corrected.pop_first();
        }
        if !self.settled.withdraw(root, &mut Vec::new()) {
            self.counters.steps_refused += 1;
            return None;
        }
        self.held
            .retain(|(_, o)| !matches!(o, Observation::Step(s) if s.serial == root));
        if step.plates.is_empty() {
            self.prompt.withdraw(root, &mut self.withdrawn);
            return None;
        }
        // What was said of it stands until the correction is explained.
        self.prompt.withdraw(root, &mut Vec::new());
        Some(WeightStep {
            serial: root,
            replaces: None,
            ..step
        })
    }

    /// A correction of a correction that came before it: what goes under this one's number goes under
    /// that of the first from now on. `None` if nothing is left of it, or it comes too late.
    fn join(&mut self, old: u64, step: &WeightStep, taken_back: bool) -> Option<WeightStep> {
        let number = step.serial;
        let at =
            |(_, o): &(Key, Observation)| matches!(o, Observation::Step(s) if s.serial == number);
        let held = self.held.iter().position(at);
        let held = held.and_then(|at| self.held.remove(at));
        let latest = match held {
            Some((_, Observation::Step(latest))) => Some(latest),
            _ => self.settled.recall(number),
        };
        let root = self.roots.get(&old).copied().unwrap_or(old);
        for filed in self.roots.values_mut().filter(|r| **r == number) {
            *filed = root;
        }
        self.prompt.withdraw(number, &mut self.withdrawn);
        match latest {
            Some(latest) => self.correct(
                old,
                WeightStep {
                    serial: number,
                    ..latest
                },
            ),
            None if taken_back => self.correct(
                old,
                WeightStep {
                    plates: Vec::new(),
                    ..step.clone()
                },
            ),
            None => {
                self.counters.steps_refused += 1;
                None
            }
        }
    }

    /// Plates were disturbed for long and bear what they bore before. The settled engine asks whether something came and
    /// went.
    pub fn disturbed(&mut self, disturbance: Disturbance) {
        let layout = &self.shop.layout;
        let on_shelf = |(plate, off): &(PlateIx, f32)| {
            let plate = layout.plates.get(plate.usize());
            off.is_finite() && plate.is_some_and(|p| p.shelf == disturbance.shelf)
        };
        let sane = disturbance.shelf.usize() < layout.shelves.len()
            && disturbance.plates.iter().all(on_shelf)
            && disturbance.left_g.is_finite()
            && disturbance.course.len() <= COURSE_MAX
            && disturbance.course.iter().all(|(_, g)| g.is_finite());
        let t = disturbance
            .t_end
            .max(disturbance.known_at - self.config.lag);
        if !sane || !self.hold(t, Observation::Disturbed(disturbance)) {
            self.counters.steps_refused += 1;
        }
    }

    /// The tracker saw somebody.
    pub fn track(&mut self, point: TrackPoint) {
        let t = point.t;
        if !self.prompt.track(point.clone()) || !self.hold(t, Observation::Track(point)) {
            self.counters.tracks_refused += 1;
        }
    }

    /// A classifier saw something in a hand.
    pub fn look(&mut self, look: ItemLook) {
        let t = look.t;
        if !self.prompt.look(look.clone()) || !self.hold(t, Observation::Look(look)) {
            self.counters.looks_refused += 1;
        }
    }

    /// A code was accepted at a gate.
    pub fn session_opened(&mut self, opened: SessionOpened) {
        if !self.prompt.open(opened) || !self.hold(opened.t, Observation::Opened(opened)) {
            self.counters.sessions_refused += 1;
        }
    }

    /// A party was let in before the shop opened again and had not left when it last knew, at `known`: it is inside, nobody knows where,
    /// with `held` in its hands. To be told before the first [`Fusion::advance`]. Who is nowhere to be seen for five minutes, while
    /// others are, left meanwhile; so did all, if that was more than two hours ago.
    pub fn session_resumed(
        &mut self,
        opened: SessionOpened,
        held: &[(SkuIx, u32)],
        known: StoreTime,
    ) {
        let fits = self.prompt.resume(opened, held, known);
        if !self.settled.resume(opened, held, known) || !fits {
            self.counters.sessions_refused += 1;
        }
    }

    /// Somebody crossed a gate line.
    pub fn crossing(&mut self, crossing: GateCrossing) {
        if !self.prompt.cross(crossing) || !self.hold(crossing.t, Observation::Crossing(crossing)) {
            self.counters.crossings_refused += 1;
        }
    }

    /// A plate's health changed.
    pub fn fault(&mut self, fault: PlateFault) {
        self.prompt.fault(fault);
        self.hold(fault.t, Observation::Fault(fault));
    }

    /// Who a track most probably is, and how probably; `None` for a track that is not remembered.
    /// For showing people on a floor plan; conclusions weigh all possibilities.
    pub fn likely_party(&self, track: TrackId) -> Option<(Who, f64)> {
        self.prompt.likely_party(track)
    }

    /// What was refused since the start.
    pub fn counters(&self) -> FusionCounters {
        FusionCounters {
            steps_too_light: self.prompt.steps_too_light,
            ..self.counters
        }
    }

    /// Concludes what can be concluded at `now`. A step is explained once perception knows it and the
    /// tracks and looks of its instant have had [`FusionConfig::settle`] to come; again
    /// [`FusionConfig::lag`] later, and again when somebody leaves who may have made it.
    pub fn advance(&mut self, now: StoreTime, out: &mut Vec<FusionEvent>) {
        let now = match self.now {
            Some(last) if last.since(now) > CLOCK_SET_BACK => {
                self.set_back();
                now
            }
            Some(last) => last.max(now),
            None => now,
        };
        self.now = Some(now);
        self.settle(now, out);
        if self.prompt.is_due(now) {
            self.prompt.rebase(&self.settled);
        }
        let mut told = std::mem::take(&mut self.told);
        told.append(&mut self.withdrawn);
        self.prompt.advance(now, &mut told);
        for event in told.drain(..) {
            match event {
                EngineEvent::Explained {
                    serial,
                    part,
                    movements,
                } => self.standing.propose(serial, part, movements, now, out),
                EngineEvent::Gate(GateEvent::Notice(notice)) => {
                    out.push(FusionEvent::Notice(notice));
                }
                EngineEvent::Gate(GateEvent::Exit(_)) => {}
            }
        }
        self.told = told;
    }

    /// Lets the late engine hear what is old enough, in order.
    fn settle(&mut self, now: StoreTime, out: &mut Vec<FusionEvent>) {
        let horizon = now - self.config.lag;
        let mut ticked = match self.ticked {
            Some(ticked) => ticked,
            None => {
                self.heard = whole(horizon);
                self.heard
            }
        };
        let mut told = std::mem::take(&mut self.told);
        while ticked + TICK <= horizon && ticked.0 < i64::MAX - TICK.0 {
            ticked += TICK;
            while self.held.front().is_some_and(|((t, ..), _)| *t <= ticked) {
                if let Some((_, observation)) = self.held.pop_front() {
                    self.heard = ticked;
                    self.hear(observation);
                }
            }
            self.settled.advance(ticked, &mut told);
            for event in told.drain(..) {
                match event {
                    EngineEvent::Explained {
                        serial,
                        part,
                        movements,
                    } => self.standing.revise(serial, part, movements, now, out),
                    EngineEvent::Gate(GateEvent::Exit(mut exit)) => {
                        exit.known_at = now;
                        self.standing.close(exit.session);
                        self.prompt.has_left(&exit);
                        out.push(FusionEvent::Exit(exit));
                    }
                    EngineEvent::Gate(GateEvent::Notice(_)) => {}
                }
            }
            if ticked.since(self.heard) > SILENCE {
                let next = self.held.front().map_or(horizon, |((t, ..), _)| *t);
                let due = self.settled.next_due().unwrap_or(horizon);
                ticked = ticked.max(whole(next.min(due).min(horizon)));
            }
        }
        let settled = &self.settled;
        self.standing.forget(|serial| settled.is_open(serial));
        self.told = told;
        self.ticked = Some(ticked);
    }

    fn hear(&mut self, observation: Observation) {
        let ticked = self.heard;
        match observation {
            Observation::Counted(lane, units) => self.settled.counted(ticked, lane, units),
            Observation::Opened(opened) => {
                self.settled.open(opened);
            }
            Observation::Crossing(crossing) => {
                self.settled.cross(crossing);
            }
            Observation::Track(point) => {
                self.settled.track(point);
            }
            Observation::Look(look) => {
                self.settled.look(look);
            }
            Observation::Fault(fault) => self.settled.fault(fault),
            Observation::Step(step) => {
                if !self.settled.step(step) {
                    self.counters.steps_refused += 1;
                }
            }
            Observation::Disturbed(disturbance) => {
                if !self.settled.disturbed(disturbance) {
                    self.counters.steps_refused += 1;
                }
            }
        }
    }

    /// `false` if it is from a time far ahead, or too many wait.
    fn hold(&mut self, t: StoreTime, observation: Observation) -> bool {
        if self.held.len() >= HELD_MAX || self.now.is_some_and(|now| t.since(now) > AHEAD) {
            return false;
        }
        let key = observation.key(t);
        let at = self.held.partition_point(|(k, _)| *k <= key);
        self.held.insert(at, (key, observation));
        true
    }

    /// Tracks of a time to come would never be matched; who is inside is still known.
    fn set_back(&mut self) {
        self.counters.clock_set_back += 1;
        self.prompt.restart();
        self.settled.restart();
        let held = std::mem::take(&mut self.held);
        for (_, observation) in held {
            if !matches!(observation, Observation::Track(_) | Observation::Look(_)) {
                self.hear(observation);
            }
        }
        self.ticked = None;
        self.heard = StoreTime::default();
    }
}

/// The last whole tick before `t`.
fn whole(t: StoreTime) -> StoreTime {
    let last = t.0.saturating_sub(TICK.0);
    StoreTime(last.saturating_sub(last.rem_euclid(TICK.0)))
}

#[cfg(test)]
mod tests;
