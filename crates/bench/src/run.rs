//! One simulated run through perception and fusion, and its truth beside it.

use crate::baselines::{Baselines, Engine};
use crate::errors::Trace;
use crate::estimators::{Arrivals, Conclusions, Estimators};
use crate::outcome::Outcome;
use crate::score::Run;
use crate::truth::{Truth, TruthError};
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_model::{SessionId, SessionOpened, Shop, StoreTime};
use walkout_simulator::{PhoneScan, Plan, Simulation, SimulationError, Tick};

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The simulation would not start.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The simulator wrote truth that the scorer does not know.
    #[error(transparent)]
    Truth(#[from] TruthError),
}

/// A finished run.
#[derive(Debug, Default)]
pub struct Recording {
    /// Truth and Walkout's outcome, ready to be scored.
    pub run: Run,
    /// What the baselines concluded of the same streams.
    pub baselines: Vec<(Engine, Outcome)>,
    /// What the estimators concluded, as they told it.
    pub conclusions: Conclusions,
    /// Which phone opened which session.
    pub phones: BTreeMap<SessionId, u32>,
    /// When it began.
    pub start: StoreTime,
    /// Store time that passed, seconds.
    pub store_s: f64,
}

/// Opens a session for every phone that is held to a gate, as checkout would, and remembers whose
/// it is. Codes, holds and refusals are checkout's and are tested there.
#[derive(Debug, Default)]
pub struct Doorkeeper {
    phones: BTreeMap<SessionId, u32>,
}

impl Doorkeeper {
    /// Which phone opened which session.
    pub fn into_phones(self) -> BTreeMap<SessionId, u32> {
        self.phones
    }

    /// Lets a party in.
    pub fn scan(&mut self, scan: PhoneScan) -> SessionOpened {
        let session = SessionId(self.phones.len() as u64 + 1);
        self.phones.insert(session, scan.phone);
        SessionOpened {
            t: scan.t,
            gate: scan.gate,
            session,
            people: scan.people,
            kind: scan.kind,
        }
    }
}

/// Runs a plan through Walkout. `watch` sees everything that reaches the estimators, in order.
///
/// # Errors
/// A plan that does not fit the shop, or truth that cannot be read.
pub fn run(
    shop: &Arc<Shop>,
    plan: Plan,
    keep_steps: bool,
    watch: impl FnMut(&Arrivals),
) -> Result<Recording, RunError> {
    run_engines(shop, plan, &[Engine::Walkout], keep_steps, watch)
}

/// Runs a plan through these engines side by side, each on the very same streams. Without
/// [`Engine::Walkout`] among them, its outcome is empty.
///
/// # Errors
/// A plan that does not fit the shop, or truth that cannot be read.
pub fn run_engines(
    shop: &Arc<Shop>,
    plan: Plan,
    engines: &[Engine],
    keep_steps: bool,
    mut watch: impl FnMut(&Arrivals),
) -> Result<Recording, RunError> {
    let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
    let is_walkout = engines.contains(&Engine::Walkout);
    let mut estimators = is_walkout.then(|| Estimators::new(shop, keep_steps));
    let mut baselines = Baselines::new(engines, shop);
    let mut doorkeeper = Doorkeeper::default();
    let mut tick = Tick::default();
    // Staff count the shop before it opens; nothing is counted later.
    let mut arrivals = Arrivals {
        counted: simulation.count_lanes(),
        ..Arrivals::default()
    };
    let mut truth = String::new();
    let mut start = None;
    while !simulation.is_over() {
        simulation.step(&mut tick);
        start.get_or_insert(tick.now);
        arrivals.take(&mut tick, &mut doorkeeper);
        watch(&arrivals);
        if let Some(estimators) = &mut estimators {
            estimators.take(&arrivals);
        }
        baselines.take(&arrivals);
        arrivals.counted.clear();
        truth += &simulation.drain_truth();
    }
    truth += &simulation.drain_truth();
    let start = start.unwrap_or_default();
    let baselines = baselines.finish(tick.now, &doorkeeper.phones);
    let recording = record(
        shop,
        Truth::parse(&truth)?,
        estimators.map(Estimators::finish).unwrap_or_default(),
        doorkeeper.phones,
        start,
        tick.now.since(start).as_secs_f64(),
    );
    Ok(Recording {
        baselines,
        ..recording
    })
}

fn record(
    shop: &Shop,
    truth: Truth,
    conclusions: Conclusions,
    phones: BTreeMap<SessionId, u32>,
    start: StoreTime,
    store_s: f64,
) -> Recording {
    let exits = conclusions
        .exits
        .iter()
        .filter_map(|exit| Some((*phones.get(&exit.session)?, (exit.t, exit.known_at))))
        .collect();
    let outcome = Outcome::new(shop, &phones, &conclusions.movements, &exits);
    Recording {
        run: Run { truth, outcome },
        baselines: Vec::new(),
        conclusions,
        phones,
        start,
        store_s,
    }
}

impl Recording {
    /// What a listing of errors needs.
    pub fn trace(&self) -> Trace {
        Trace {
            start: self.start,
            steps: self.conclusions.steps.clone(),
            touches: self.conclusions.touches.clone(),
            movements: self.conclusions.by_id(),
        }
    }
}
