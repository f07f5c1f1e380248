//! One run of the inference over one stream of observations: people and their tracks, and a log of
//! deeds that can be gone through again once more is known. Two of these make a [`crate::Fusion`].

use crate::belief::Belief;
use crate::decide;
use crate::gates::{GateEvent, Gates};
use crate::hypotheses::{Case, Hypothesis};
use crate::looks::LookStore;
use crate::people::Witness;
use crate::tracks::TrackStore;
use crate::{CLOCK_SET_BACK, FusionConfig};
use std::sync::Arc;
use walkout_model::{
    AttributedMovement, GateCrossing, ItemLook, LaneIx, PlateFault, PlateHealth, SessionOpened,
    Shop, StoreTime, TimeDelta, TrackId, TrackPoint, WeightStep, Who,
};

/// Steps that wait for the tracks of their time, at most.
const STEPS_MAX: usize = 4_096;
/// Deeds remembered at most; the oldest are taken as they stand.
const DEEDS_MAX: usize = 4_096;
/// Deeds are gone through again for so long, even while somebody stays in the shop for ever.
const REMEMBER: TimeDelta = TimeDelta::from_secs(1_800);

/// What was done, as far as it was seen.
#[derive(Clone, Debug)]
struct Deed {
    step: WeightStep,
    /// Which part of a step whose plates moved both ways.
    part: usize,
    witness: Witness,
    health: Arc<Vec<PlateHealth>>,
    hypotheses: Vec<Hypothesis>,
    x_m: f64,
}

/// Something that changes what is believed.
#[derive(Clone, Debug)]
enum Entry {
    Deed(Box<Deed>),
    Counted(StoreTime, LaneIx, u32),
}

impl Entry {
    fn t(&self) -> StoreTime {
        match self {
            Self::Deed(deed) => deed.step.t_change,
            Self::Counted(t, ..) => *t,
        }
    }

    fn learn(&self, belief: &mut Belief) {
        match self {
            Self::Deed(deed) => decide::learn(belief, &deed.hypotheses, &deed.step, deed.x_m),
            Self::Counted(_, lane, units) => belief.count(*lane, *units),
        }
    }
}

/// What an engine concludes.
#[derive(Clone, Debug)]
pub(crate) enum EngineEvent {
    /// All that a part of a step comes to; it replaces what was said of it before.
    Explained {
        serial: u64,
        part: usize,
        movements: Vec<AttributedMovement>,
    },
    Gate(GateEvent),
}

/// Which of the two an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Explains at once, and never again.
    Prompt,
    /// Explains late, and again at each exit.
    Settled,
}

#[derive(Clone, Debug)]
pub(crate) struct Engine {
    role: Role,
    shop: Arc<Shop>,
    config: FusionConfig,
    tracks: TrackStore,
    looks: LookStore,
    gates: Gates,
    health: Arc<Vec<PlateHealth>>,
    /// The least that one unit of anything weighs, grams.
    lightest_g: f64,
    waiting: Vec<WeightStep>,
    log: Vec<Entry>,
    /// What is believed before the log, and after it.
    base: Belief,
    belief: Belief,
    pub steps_too_light: u64,
    now: Option<StoreTime>,
}

impl Engine {
    pub(crate) fn new(shop: Arc<Shop>, config: FusionConfig, role: Role) -> Self {
        let belief = Belief::new(shop.planogram.lanes.len());
        let lightest_g = shop
            .catalogue
            .products()
            .iter()
            .map(|p| p.unit_mass.grams() - 3.0 * p.unit_mass_sd.grams())
            .fold(f64::INFINITY, f64::min);
        Self {
            role,
            health: Arc::new(vec![PlateHealth::Good; shop.layout.plates.len()]),
            lightest_g: if lightest_g.is_finite() {
                lightest_g
            } else {
                0.0
            },
            shop,
            config,
            tracks: TrackStore::default(),
            looks: LookStore::default(),
            gates: Gates::default(),
            waiting: Vec::new(),
            log: Vec::new(),
            base: belief.clone(),
            belief,
            steps_too_light: 0,
            now: None,
        }
    }

    pub(crate) fn counted(&mut self, t: StoreTime, lane: LaneIx, units: u32) {
        let entry = Entry::Counted(t, lane, units);
        entry.learn(&mut self.belief);
        self.log.push(entry);
    }

    /// `false` if the queue is full.
    pub(crate) fn step(&mut self, step: WeightStep) -> bool {
        if self.waiting.len() >= STEPS_MAX {
            return false;
        }
        self.waiting.push(step);
        true
    }

    pub(crate) fn track(&mut self, point: TrackPoint) -> bool {
        self.tracks.push(point)
    }

    pub(crate) fn look(&mut self, look: ItemLook) -> bool {
        self.looks.push(look)
    }

    pub(crate) fn open(&mut self, opened: SessionOpened) -> bool {
        self.gates.open(opened)
    }

    pub(crate) fn cross(&mut self, crossing: GateCrossing) -> bool {
        self.gates.cross(&self.shop, crossing)
    }

    pub(crate) fn fault(&mut self, fault: PlateFault) {
        if let Some(health) = Arc::make_mut(&mut self.health).get_mut(fault.plate.usize()) {
            *health = fault.health;
        }
    }

    /// Who a track most probably is.
    pub(crate) fn likely_party(&self, track: TrackId) -> Option<(Who, f64)> {
        self.tracks.tracks.get(&track)?;
        let who = self.tracks.identity(track);
        who.iter()
            .map(|(person, p)| (self.gates.people.who(person), p))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Whether this engine has explained the step.
    pub(crate) fn knows(&self, serial: u64) -> bool {
        self.log
            .iter()
            .rev()
            .any(|e| matches!(e, Entry::Deed(d) if d.step.serial == serial))
    }

    /// Whether a step would be explained at `now`.
    pub(crate) fn is_due(&self, now: StoreTime) -> bool {
        self.waiting.iter().any(|s| self.ready(s, now))
    }

    /// Takes over another engine's belief and adds its own deeds that the other does not know of.
    pub(crate) fn rebase(&mut self, other: &Self) {
        let recent = self.now.unwrap_or_default() - TimeDelta::from_secs(60);
        self.log.retain(|e| match e {
            Entry::Deed(d) => d.step.t_change >= recent && !other.knows(d.step.serial),
            Entry::Counted(t, ..) => other.now.is_none_or(|now| *t > now),
        });
        self.belief = other.belief.clone();
        for entry in &self.log {
            entry.learn(&mut self.belief);
        }
    }

    /// Forgets tracks and looks: the clock was set back, and those of a time to come would never be
    /// matched. Who is inside is still known.
    pub(crate) fn restart(&mut self) {
        self.tracks = TrackStore::default();
        self.looks = LookStore::default();
        self.now = None;
    }

    fn ready(&self, step: &WeightStep, now: StoreTime) -> bool {
        let settle = match self.role {
            Role::Prompt => self.config.settle,
            Role::Settled => self.config.settle_again,
        };
        let known_at = match self.role {
            Role::Prompt => step.known_at,
            // It came in order of time; when it was known does not matter.
            Role::Settled => step.t_change,
        };
        known_at.max(step.t_change + settle) <= now
    }

    pub(crate) fn advance(&mut self, now: StoreTime, out: &mut Vec<EngineEvent>) {
        if self
            .now
            .is_some_and(|last| last.since(now) > CLOCK_SET_BACK)
        {
            self.restart();
        }
        let now = self.now.map_or(now, |last| last.max(now));
        self.now = Some(now);
        self.tracks
            .advance(now, self.config.swap_per_s, &self.gates.people);
        self.looks.advance(now);
        let busy_since = self.waiting.iter().map(|s| s.t_change).min();
        let mut gate_events = Vec::new();
        self.gates.advance(
            now,
            busy_since,
            &self.shop,
            &self.config,
            &mut self.tracks,
            &mut gate_events,
        );
        let mut due: Vec<WeightStep> = Vec::new();
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|step| {
            let ready = self.ready(step, now);
            if ready {
                due.push(step.clone());
            }
            !ready
        });
        self.waiting = waiting;
        due.sort_by_key(|s| (s.t_change, s.serial));
        for step in due {
            self.explain(&step, now, out);
        }
        let leaving: Vec<Who> = gate_events
            .iter()
            .filter_map(|e| match e {
                GateEvent::Exit(exit) => Some(Who::Session(exit.session)),
                GateEvent::Notice(_) => None,
            })
            .collect();
        if !leaving.is_empty() && self.role == Role::Settled {
            self.explain_again(&leaving, now, out);
        }
        out.extend(gate_events.into_iter().map(EngineEvent::Gate));
        self.forget(now);
    }

    fn explain(&mut self, step: &WeightStep, now: StoreTime, out: &mut Vec<EngineEvent>) {
        for (part, step) in decide::by_sign(step).into_iter().enumerate() {
            if f64::from(step.delta_g.abs() + step.sigma_g) < 0.6 * self.lightest_g {
                self.steps_too_light += 1;
                continue;
            }
            let mut deed = Deed {
                witness: Witness::new(
                    &self.shop,
                    &step,
                    &self.config,
                    &self.tracks,
                    &self.looks,
                    &self.gates.people,
                ),
                part,
                health: Arc::clone(&self.health),
                hypotheses: Vec::new(),
                x_m: 0.0,
                step,
            };
            let movements = self.weigh(&mut deed, &self.belief, now);
            deed.witness.tell(
                &decide::by_party(&deed.hypotheses),
                &mut self.tracks.lineage,
                &self.gates.people,
            );
            out.push(EngineEvent::Explained {
                serial: deed.step.serial,
                part,
                movements,
            });
            let entry = Entry::Deed(Box::new(deed));
            entry.learn(&mut self.belief);
            self.log.push(entry);
        }
    }

    /// Explains a deed by what is believed before it.
    fn weigh(&self, deed: &mut Deed, belief: &Belief, now: StoreTime) -> Vec<AttributedMovement> {
        let candidates =
            deed.witness
                .candidates(&self.tracks.lineage, &self.gates.people, &self.config);
        let case = Case::new(
            &self.shop,
            &self.config,
            belief,
            &deed.health,
            candidates,
            &deed.step,
        );
        let hypotheses = case.posterior();
        let mut movements = decide::movements(&case, &hypotheses, &self.config, deed.part, now);
        if !movements.is_empty() {
            let (hands, looks) = deed.witness.seen(&self.tracks.lineage, &self.gates.people);
            for movement in &mut movements {
                movement.evidence.hands.clone_from(&hands);
                movement.evidence.looks.clone_from(&looks);
            }
        }
        deed.x_m = case.seen.x_m;
        deed.hypotheses = hypotheses;
        movements
    }

    /// Goes through the log again with all that is known by now, and explains anew what those who
    /// leave may have done.
    fn explain_again(&mut self, leaving: &[Who], now: StoreTime, out: &mut Vec<EngineEvent>) {
        self.tracks.lineage.smooth();
        let mut log = std::mem::take(&mut self.log);
        log.sort_by_key(Entry::t);
        let mut belief = self.base.clone();
        for entry in &mut log {
            if let Entry::Deed(deed) = entry
                && deed
                    .witness
                    .concerns(leaving, &self.tracks.lineage, &self.gates.people)
            {
                let movements = self.weigh(deed, &belief, now);
                deed.witness.tell(
                    &decide::by_party(&deed.hypotheses),
                    &mut self.tracks.lineage,
                    &self.gates.people,
                );
                out.push(EngineEvent::Explained {
                    serial: deed.step.serial,
                    part: deed.part,
                    movements,
                });
            }
            entry.learn(&mut belief);
        }
        self.log = log;
        self.belief = belief;
    }

    /// Takes deeds as they stand that nobody inside can have done.
    fn forget(&mut self, now: StoreTime) {
        if self.role == Role::Prompt {
            let recent = now - TimeDelta::from_secs(60);
            self.gates.people.forget(recent);
            if self.log.len() > DEEDS_MAX {
                self.log.clear();
            }
            return;
        }
        let inside = self.gates.people.earliest().unwrap_or(now);
        let horizon = inside
            .min(now - TimeDelta::from_secs(60))
            .max(now - REMEMBER);
        if self.log.first().is_none_or(|e| e.t() >= horizon) && self.log.len() <= DEEDS_MAX {
            return;
        }
        let mut n = 0;
        while n < self.log.len() && (self.log[n].t() < horizon || self.log.len() - n > DEEDS_MAX) {
            self.log[n].learn(&mut self.base);
            n += 1;
        }
        self.log.drain(..n);
        self.gates.people.forget(horizon);
        let parties = &self.gates.people.parties;
        self.base.forget_carts(|s| parties.contains_key(&s));
        self.belief.forget_carts(|s| parties.contains_key(&s));
    }

    /// Deeds that may still be explained otherwise.
    pub(crate) fn is_open(&self, serial: u64) -> bool {
        self.knows(serial) || self.waiting.iter().any(|s| s.serial == serial)
    }

    /// When the next step that waits will be explained.
    pub(crate) fn next_due(&self) -> Option<StoreTime> {
        let settle = self.config.settle_again;
        self.waiting.iter().map(|s| s.t_change + settle).min()
    }
}
