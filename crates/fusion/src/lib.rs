//! Who took what: weight steps, tracks, looks and gate events to attributed movements with
//! calibrated probabilities and their evidence. Sans-IO and deterministic: observations and the time
//! come in, [`FusionEvent`]s go out, and the same recording gives the same events, byte for byte.
//!
//! Each step is explained jointly by person, SKU of the whole catalogue and signed quantity; see
//! `docs/concepts/inference.md` for the model and where it fails.

mod belief;
mod config;
mod decide;
mod gates;
mod hypotheses;
mod identity;
mod looks;
mod people;
mod place;
mod reach;
mod tracks;

pub use config::{Costs, FusionConfig};

use belief::Belief;
use gates::Gates;
use looks::LookStore;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tracks::TrackStore;
use walkout_model::{
    AttributedMovement, GateCrossing, GateIx, ItemLook, LaneIx, PlateFault, PlateHealth,
    SessionExit, SessionOpened, ShelfTouch, Shop, StoreTime, TimeDelta, TrackId, TrackPoint,
    WeightStep, Who,
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
    /// Steps that came while the queue was full, or that do not fit the shop.
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
/// Steps that wait for the tracks of their time, at most.
const STEPS_MAX: usize = 4_096;

/// The inference of one shop.
#[derive(Clone, Debug)]
pub struct Fusion {
    shop: Arc<Shop>,
    config: FusionConfig,
    counters: FusionCounters,
    tracks: TrackStore,
    looks: LookStore,
    gates: Gates,
    belief: Belief,
    health: Vec<PlateHealth>,
    /// The least that one unit of anything weighs, grams.
    lightest_g: f64,
    steps: Vec<WeightStep>,
    now: Option<StoreTime>,
}

impl Fusion {
    /// An inference that knows the shop's files and nothing of its state.
    pub fn new(shop: Arc<Shop>, config: FusionConfig) -> Self {
        let belief = Belief::new(shop.planogram.lanes.len());
        let health = vec![PlateHealth::Good; shop.layout.plates.len()];
        let lightest_g = shop
            .catalogue
            .products()
            .iter()
            .map(|p| p.unit_mass.grams() - 3.0 * p.unit_mass_sd.grams())
            .fold(f64::INFINITY, f64::min);
        Self {
            lightest_g: if lightest_g.is_finite() {
                lightest_g
            } else {
                0.0
            },
            shop,
            config,
            counters: FusionCounters::default(),
            tracks: TrackStore::default(),
            looks: LookStore::default(),
            gates: Gates::default(),
            belief,
            health,
            steps: Vec::new(),
            now: None,
        }
    }

    /// A lane was counted (or its stock is known from the ledger). Lanes never counted are taken to
    /// hold enough of everything.
    pub fn stock_counted(&mut self, lane: LaneIx, units: u32) {
        if let Some(held) = self.belief.lanes.get_mut(lane.usize()) {
            *held = Some(f64::from(units));
        }
    }

    /// A shelf's mass changed.
    pub fn step(&mut self, step: WeightStep) {
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
        if !sane || self.steps.len() >= STEPS_MAX {
            self.counters.steps_refused += 1;
            return;
        }
        self.steps.push(step);
    }

    /// A shelf was disturbed without a change. Nothing follows from it yet.
    pub fn touch(&mut self, touch: ShelfTouch) {
        let _ = touch;
    }

    /// The tracker saw somebody.
    pub fn track(&mut self, point: TrackPoint) {
        if !self.tracks.push(point) {
            self.counters.tracks_refused += 1;
        }
    }

    /// A classifier saw something in a hand.
    pub fn look(&mut self, look: ItemLook) {
        if !self.looks.push(look) {
            self.counters.looks_refused += 1;
        }
    }

    /// A code was accepted at a gate.
    pub fn session_opened(&mut self, opened: SessionOpened) {
        if !self.gates.open(opened) {
            self.counters.sessions_refused += 1;
        }
    }

    /// Somebody crossed a gate line.
    pub fn crossing(&mut self, crossing: GateCrossing) {
        if !self.gates.cross(&self.shop, crossing) {
            self.counters.crossings_refused += 1;
        }
    }

    /// A plate's health changed.
    pub fn fault(&mut self, fault: PlateFault) {
        if let Some(health) = self.health.get_mut(fault.plate.usize()) {
            *health = fault.health;
        }
    }

    /// Who a track most probably is, and how probably; `None` for a track that is not remembered.
    /// For showing people on a floor plan; conclusions weigh all possibilities.
    pub fn likely_party(&self, track: TrackId) -> Option<(Who, f64)> {
        let track = self.tracks.tracks.get(&track)?;
        track.identity.iter().max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// What was refused since the start.
    pub fn counters(&self) -> FusionCounters {
        self.counters
    }

    /// Concludes what can be concluded at `now`. A step is explained once perception knows it and the
    /// tracks and looks of its instant have had [`FusionConfig::settle`] to come.
    pub fn advance(&mut self, now: StoreTime, out: &mut Vec<FusionEvent>) {
        let now = match self.now {
            Some(last) if last.since(now) > CLOCK_SET_BACK => {
                // Tracks of a time to come would never be matched; who is inside is still known.
                self.tracks = TrackStore::default();
                self.looks = LookStore::default();
                self.counters.clock_set_back += 1;
                now
            }
            Some(last) => last.max(now),
            None => now,
        };
        self.now = Some(now);
        self.tracks.advance(now, self.config.swap_per_s);
        self.looks.advance(now);
        let busy_since = self.steps.iter().map(|s| s.t_change).min();
        self.gates.advance(
            now,
            busy_since,
            &self.shop,
            &self.config,
            &mut self.tracks,
            out,
        );
        let settle = self.config.settle;
        let mut due = Vec::new();
        self.steps.retain(|step| {
            let ready = step.known_at.max(step.t_change + settle) <= now;
            if ready {
                due.push(step.clone());
            }
            !ready
        });
        due.sort_by_key(|s| (s.t_change, s.serial));
        for step in due {
            self.explain(&step, now, out);
        }
    }

    fn explain(&mut self, step: &WeightStep, now: StoreTime, out: &mut Vec<FusionEvent>) {
        for (part, step) in decide::by_sign(step).into_iter().enumerate() {
            if f64::from(step.delta_g.abs() + step.sigma_g) < 0.6 * self.lightest_g {
                self.counters.steps_too_light += 1;
                continue;
            }
            let (candidates, reaches) = people::candidates(
                &self.shop,
                &step,
                &self.config,
                &self.tracks,
                &self.looks,
                &self.gates,
            );
            let case = hypotheses::Case::new(
                &self.shop,
                &self.config,
                &self.belief,
                &self.health,
                candidates,
                &step,
            );
            let hypotheses = case.posterior();
            let movements = decide::movements(&case, &hypotheses, &self.config, part, now);
            let x_m = case.seen.x_m;
            self.tracks.learn(&reaches, &decide::by_party(&hypotheses));
            decide::learn(&mut self.belief, &hypotheses, &step, x_m);
            out.extend(movements.into_iter().map(FusionEvent::Movement));
        }
    }
}

#[cfg(test)]
mod tests;
