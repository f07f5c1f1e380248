//! A simulated day through the whole shop: estimators, checkout, gateway, ledger.

use super::report::{Books, Entries, Report, accuracy, receipts, stock};
use crate::pipeline::{Pipeline, PipelineEvent};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use walkout_bench::outcome::Outcome;
use walkout_bench::score::Run;
use walkout_bench::truth::Truth;
use walkout_checkout::{Checkout, Config, EntryRefused, OpeningStock};
use walkout_fusion::FusionConfig;
use walkout_ledger::Ledger;
use walkout_model::{
    CustomerId, PartyKind, SessionId, SessionOpened, Shop, StoreTime, TimeDelta, WeightStep,
};
use walkout_payment::Sandbox;
use walkout_simulator::{PhoneScan, Plan, Program, Simulation, Tick};
use walkout_wire::entry::KeyRing;

/// What is left after a day.
pub struct Day {
    /// The figures.
    pub report: Report,
    /// What really happened, as JSON lines.
    pub truth: String,
}

/// How long the estimators get to settle after the last device fell silent.
const SETTLE: TimeDelta = TimeDelta::from_secs(1);
/// How long the shop then waits for exits that are still in doubt.
const CLOSE: TimeDelta = TimeDelta::from_secs(120);

/// The shop after closing time.
pub(super) struct Closed {
    pub ledger: Ledger,
    pub checkout: Checkout,
    pub phones: BTreeMap<SessionId, u32>,
    /// Truth and what was concluded.
    pub run: Run,
    /// The truth as it was written.
    pub truth: String,
    /// Acts of a scenario that could not be done.
    #[cfg(test)]
    pub undone: Vec<String>,
    pub entries: Entries,
    pub faults: usize,
    pub start: StoreTime,
    pub end: StoreTime,
}

/// Runs a plan and measures it.
pub async fn run(shop: Arc<Shop>, plan: Plan, url: &str) -> Result<Day> {
    let begin = Instant::now();
    let seed = plan.seed;
    let label = name(&plan.program);
    let day = play(&shop, plan, url).await?;
    let store_s = day.end.since(day.start).as_secs_f64();
    let run_s = begin.elapsed().as_secs_f64();
    let stock = stock(&day.checkout.balances(), &day.run.truth);
    day.ledger.close().await;
    let fsck = walkout_ledger::fsck(url, None)
        .await
        .context("check the ledger")?;
    let report = Report {
        shop: shop.name.clone(),
        program: label.clone(),
        seed,
        store_s,
        run_s,
        realtime_factor: store_s / run_s.max(1e-9),
        entries: day.entries,
        receipts: receipts(&shop, &day.checkout, &day.run.truth, &day.phones)?,
        accuracy: accuracy(&shop, &day.run, &label, seed),
        reviews: day.checkout.reviews(day.end + CLOSE).len(),
        counters: day.checkout.counters(),
        faults: day.faults,
        stock,
        books: Books {
            entries: fsck.head.seq,
            movements: fsck.movements,
            sound: fsck.is_sound(),
            fault: fsck.fault.map(|fault| fault.what),
            skus_out_of_balance: day
                .checkout
                .balances()
                .sums()
                .values()
                .filter(|&&sum| sum != 0)
                .count(),
        },
    };
    Ok(Day {
        report,
        truth: day.truth,
    })
}

/// Runs a plan from the opening count to the last receipt.
pub(super) async fn play(shop: &Arc<Shop>, plan: Plan, url: &str) -> Result<Closed> {
    let seed = plan.seed;
    let start = plan.start;
    let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
    let Open { ledger, mut floor } =
        Open::at(shop, url, &simulation, seed, start, FusionConfig::default()).await?;
    let mut truth = String::new();
    let mut tick = Tick::default();
    while !simulation.is_over() {
        simulation.step(&mut tick);
        floor.take(&mut tick).await?;
        truth += &simulation.drain_truth();
    }
    truth += &simulation.drain_truth();
    floor.close(tick.now).await?;
    Ok(Closed {
        run: Run {
            truth: Truth::parse(&truth)?,
            outcome: floor.outcome(shop),
        },
        truth,
        #[cfg(test)]
        undone: simulation.undone().to_vec(),
        ledger,
        checkout: floor.checkout,
        phones: floor.phones,
        entries: floor.entries,
        faults: floor.faults,
        start,
        end: tick.now,
    })
}

/// A shop that has opened over a ledger of its own.
pub(super) struct Open {
    pub ledger: Ledger,
    pub floor: Floor,
}

impl Open {
    /// Opens a shop as it is simulated, over an empty ledger.
    pub async fn at(
        shop: &Arc<Shop>,
        url: &str,
        simulation: &Simulation,
        seed: u64,
        now: StoreTime,
        fusion: FusionConfig,
    ) -> Result<Self> {
        let ledger = Ledger::open(url)
            .await
            .with_context(|| format!("open the ledger {url}"))?;
        anyhow::ensure!(
            ledger.balances().iter().next().is_none(),
            "the ledger {url} is not empty: a simulated day needs one of its own"
        );
        let floor = Floor::open(shop, &ledger, simulation, seed, now, fusion).await?;
        Ok(Self { ledger, floor })
    }
}

/// The shop while it is open.
pub(super) struct Floor {
    pipeline: Pipeline,
    checkout: Checkout,
    phones: BTreeMap<SessionId, u32>,
    movements: Vec<walkout_model::AttributedMovement>,
    exits: BTreeMap<u32, (StoreTime, StoreTime)>,
    entries: Entries,
    faults: usize,
    next_tick: StoreTime,
}

impl Floor {
    async fn open(
        shop: &Arc<Shop>,
        ledger: &Ledger,
        simulation: &Simulation,
        seed: u64,
        now: StoreTime,
        fusion: FusionConfig,
    ) -> Result<Self> {
        // A day that can be repeated needs keys that can: they open no real shop.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let config = Config::new(KeyRing::new(1, key), key, shop.currency);
        let gateway = Arc::new(Sandbox::new());
        let checkout = Checkout::open(Arc::clone(shop), ledger.clone(), gateway, config).await?;
        let stock = OpeningStock {
            lanes: simulation.count_lanes().into_iter().collect(),
            ..OpeningStock::full(shop)
        };
        checkout.seed_stock(&stock, now).await?;
        Ok(Self {
            pipeline: Pipeline::with(Arc::clone(shop), checkout.clone(), fusion),
            checkout,
            phones: BTreeMap::new(),
            movements: Vec::new(),
            exits: BTreeMap::new(),
            entries: Entries::default(),
            faults: 0,
            next_tick: now,
        })
    }

    /// Cameras saw goods move on shelves.
    pub fn moved(&mut self, steps: &[WeightStep]) {
        for step in steps {
            self.pipeline.push_step(step.clone());
        }
    }

    /// Takes in what arrives in a tick.
    pub async fn take(&mut self, tick: &mut Tick) -> Result<()> {
        for scan in tick.scans.drain(..) {
            match self.scan(scan).await {
                Ok(opened) => {
                    self.entries.opened += 1;
                    self.phones.insert(opened.session, scan.phone);
                }
                Err(EntryRefused::Checkout(error)) => return Err(error.into()),
                Err(_) => self.entries.refused += 1,
            }
        }
        for crossing in tick.crossings.drain(..) {
            self.pipeline.push_crossing(crossing);
        }
        for track in tick.tracks.drain(..) {
            self.pipeline.push_track(track);
        }
        for look in tick.looks.drain(..) {
            self.pipeline.push_look(look);
        }
        self.pipeline.push_loads(&tick.loads);
        self.advance(tick.now).await
    }

    /// The phone gets its code from checkout and holds it to the gate, as an app would.
    async fn scan(&mut self, scan: PhoneScan) -> Result<SessionOpened, EntryRefused> {
        let customer = CustomerId(u64::from(scan.phone));
        let code = match scan.kind {
            PartyKind::Shopper => self.checkout.issue_code(customer, scan.people, scan.t),
            PartyKind::Staff => self
                .checkout
                .issue_staff_code(customer, scan.people, scan.t),
        };
        let code = code.map_err(EntryRefused::Code)?;
        self.pipeline.scan(&code, scan.gate, scan.t).await
    }

    async fn advance(&mut self, now: StoreTime) -> Result<()> {
        self.pipeline.advance(now).await?;
        for event in self.pipeline.drain_events() {
            match event {
                PipelineEvent::Movement(movement, _) => self.movements.push(*movement),
                PipelineEvent::Exit(exit, _) => {
                    if let Some(&phone) = self.phones.get(&exit.session) {
                        self.exits.insert(phone, (exit.t, exit.known_at));
                    }
                }
                PipelineEvent::Fault(_) | PipelineEvent::ClockJump { .. } => self.faults += 1,
                PipelineEvent::Notice(_) => {}
            }
        }
        if now >= self.next_tick {
            self.checkout.tick(now).await?;
            self.next_tick = now + TimeDelta::from_secs(1);
        }
        Ok(())
    }

    /// What the shop concluded, in the truth's words.
    pub fn outcome(&self, shop: &Shop) -> Outcome {
        Outcome::new(shop, &self.phones, &self.movements, &self.exits)
    }

    /// Lets everything settle after the last tick.
    pub async fn close(&mut self, end: StoreTime) -> Result<()> {
        // The simulated devices have ended; that they are silent now is no fault of theirs.
        let faults = self.faults;
        let mut now = end;
        while now < end + SETTLE {
            now += TimeDelta::from_millis(50);
            self.advance(now).await?;
        }
        self.advance(end + CLOSE).await?;
        self.faults = faults;
        Ok(())
    }
}

/// What a plan is called.
pub(super) fn name(program: &Program) -> String {
    match program {
        Program::Preset(preset) => preset.to_string(),
        Program::Scenario(scenario) => scenario.title().to_owned(),
    }
}
