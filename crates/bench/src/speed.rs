//! `walkout bench speed`: what perception and fusion cost, how long a cart waits, and how both grow.
//!
//! Only the estimators are timed, on the thread that runs them; the simulator that feeds them is not.
//! Larger shops than the shipped ones are several copies of one, side by side in a single set of
//! estimators, each fed by a simulation of its own: plates, tracks and sessions are renumbered.

use crate::estimators::{Arrivals, Estimators};
use crate::run::Doorkeeper;
use crate::truth::{ActionKind, Truth, TruthError};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use walkout_model::files::{ShopError, ShopNotFound, load_shop, locate};
use walkout_model::{
    AttributedMovement, Decision, FixtureIx, GateIx, LaneIx, Layout, Planogram, PlateIx, Point2,
    SessionId, ShelfIx, Shop, StoreTime, TimeDelta, TrackId, Who,
};
use walkout_simulator::{Plan, Preset, Simulation, SimulationError, Tick};

/// Shops of other sizes: which, how many copies of it, and how many people in each if not as many as it is made for.
/// First more plates about few people, then more people.
const SCALES: [(&str, u32, Option<u32>); 10] = [
    ("corner", 1, Some(1)),
    ("nano", 2, Some(1)),
    ("flash", 1, Some(1)),
    ("flash", 5, Some(1)),
    ("flash", 1, Some(5)),
    ("flash", 1, Some(10)),
    ("flash", 1, None),
    ("flash", 2, None),
    ("flash", 5, None),
    ("nano", 20, None),
];

/// Why nothing could be timed.
#[derive(Debug, thiserror::Error)]
pub enum SpeedError {
    /// A shop's folder would not load.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// There is no such shop.
    #[error(transparent)]
    NoShop(#[from] ShopNotFound),
    /// The simulation would not start.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The simulator wrote truth that the scorer does not know.
    #[error(transparent)]
    Truth(#[from] TruthError),
}

/// What to time.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed of the simulated shoppers.
    pub seed: u64,
    /// Store time before the clock runs: the shop fills.
    pub warm_up: TimeDelta,
    /// Store time that is timed.
    pub timed: TimeDelta,
    /// Whether to time shops of other sizes too.
    pub scaling: bool,
}

/// The figures of the main run: `busy` in `flash`.
#[derive(Clone, Debug, Serialize)]
pub struct Speed {
    /// Store time over the estimators' time on one core.
    pub realtime_factor: f64,
    /// From the end of an action to the movement that puts it into a cart, of store time.
    pub cart_latency_p50_ms: f64,
    /// The same for the slowest of a hundred.
    pub cart_latency_p99_ms: f64,
    /// The middle and the slowest of a hundred of what was taken.
    pub take_latency_ms: [f64; 2],
    /// The same of what was put back.
    pub put_latency_ms: [f64; 2],
    /// Share of the actions that were in the cart within 700 ms.
    pub within_700_ms: f64,
    /// Actions that the latency is taken over, and those that no movement followed.
    pub actions: usize,
    /// See `actions`.
    pub actions_without_movement: usize,
    /// Movements told of that no earlier one was about, and …
    pub first_answers: usize,
    /// … how many of them another party, product, number or decision took the place of within 5 s: what a shopper
    /// would see change.
    pub first_answers_changed: usize,
    /// Most memory that the process had, simulator included. `None` where the system does not say.
    pub rss_mb: Option<f64>,
    /// Load-cell plates.
    pub plates: usize,
    /// Most people in the shop at once.
    pub shoppers: u32,
    /// Shops of other sizes.
    pub scaling: Vec<Cost>,
}

/// What a shop of some size costs.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// Which shop, and how many copies of it.
    pub shop: String,
    /// Load-cell plates.
    pub plates: usize,
    /// People inside, mean over the timed stretch by the tracks seen.
    pub shoppers: f64,
    /// The estimators' time for a second of store time, milliseconds.
    pub ms_per_s: f64,
    /// Of it, perception's (samples to steps), …
    pub perception_ms_per_s: f64,
    /// … and fusion's (steps to movements).
    pub fusion_ms_per_s: f64,
    /// Store time over the estimators' time.
    pub realtime_factor: f64,
}

/// Times everything.
///
/// # Errors
/// A shop that does not load or cannot be simulated.
pub fn measure(options: &Options) -> Result<Speed, SpeedError> {
    let flash = load("flash")?;
    let main = Timed::run(&flash, 1, None, Preset::Busy, options)?;
    let ([takes, puts], missing) = main.latencies(&flash)?;
    let mut latencies = [takes.as_slice(), puts.as_slice()].concat();
    latencies.sort_by(f64::total_cmp);
    let ends = |of: &[f64]| [percentile(of, 0.50), percentile(of, 0.99)];
    let soon = latencies.partition_point(|ms| *ms <= 700.0);
    let (first_answers, first_answers_changed) = main.first_answers();
    let rss_mb = peak_memory_mb();
    let mut scaling = Vec::new();
    if options.scaling {
        let short = Options {
            warm_up: TimeDelta::from_secs(60),
            timed: TimeDelta::from_secs(60),
            ..options.clone()
        };
        for (name, copies, people) in SCALES {
            scaling.push(cost(name, copies, people, &short)?);
        }
    }
    Ok(Speed {
        realtime_factor: main.factor(),
        cart_latency_p50_ms: percentile(&latencies, 0.50),
        cart_latency_p99_ms: percentile(&latencies, 0.99),
        take_latency_ms: ends(&takes),
        put_latency_ms: ends(&puts),
        within_700_ms: soon as f64 / latencies.len().max(1) as f64,
        actions: latencies.len(),
        actions_without_movement: missing,
        first_answers,
        first_answers_changed,
        rss_mb,
        plates: main.plates,
        shoppers: main.most,
        scaling,
    })
}

/// What `copies` of a shop side by side cost, with so many people in each, or as many as it is made for.
///
/// # Errors
/// A shop that does not load or cannot be simulated.
pub fn cost(
    name: &str,
    copies: u32,
    people: Option<u32>,
    options: &Options,
) -> Result<Cost, SpeedError> {
    let shop = load(name)?;
    let timed = Timed::run(&shop, copies, people, Preset::Busy, options)?;
    let per_s = |cpu: Duration| 1e3 * cpu.as_secs_f64() / timed.store_s;
    Ok(Cost {
        shop: format!("{copies} × {name}"),
        plates: timed.plates,
        shoppers: timed.people,
        ms_per_s: per_s(timed.perceiving + timed.concluding),
        perception_ms_per_s: per_s(timed.perceiving),
        fusion_ms_per_s: per_s(timed.concluding),
        realtime_factor: timed.factor(),
    })
}

fn load(name: &str) -> Result<Arc<Shop>, SpeedError> {
    Ok(Arc::new(load_shop(&locate(name)?)?))
}

/// One timed run.
struct Timed {
    plates: usize,
    people: f64,
    most: u32,
    store_s: f64,
    perceiving: Duration,
    concluding: Duration,
    from: StoreTime,
    truth: String,
    phones: BTreeMap<SessionId, u32>,
    movements: Vec<AttributedMovement>,
}

impl Timed {
    fn run(
        shop: &Arc<Shop>,
        copies: u32,
        people: Option<u32>,
        preset: Preset,
        options: &Options,
    ) -> Result<Self, SpeedError> {
        let whole = Arc::new(several(shop, copies));
        let mut estimators = Estimators::new(&whole, false);
        let mut simulations = Vec::new();
        for copy in 0..copies {
            let plan = Plan {
                people,
                ..Plan::preset(preset, options.seed + u64::from(copy))
            };
            simulations.push(Simulation::new(Arc::clone(shop), plan)?);
        }
        let mut doorkeeper = Doorkeeper::default();
        let mut arrivals = Arrivals::default();
        let lanes = shop.planogram.lanes.len();
        for (copy, simulation) in simulations.iter().enumerate() {
            let counted = simulation.count_lanes();
            arrivals.counted.extend(
                counted
                    .into_iter()
                    .map(|(lane, n)| (LaneIx::from(lane.usize() + copy * lanes), n)),
            );
        }
        let mut tick = Tick::default();
        let mut truth = String::new();
        let mut start = None;
        let (mut perceiving, mut concluding) = (Duration::ZERO, Duration::ZERO);
        let (mut ticks, mut tracked) = (0_u64, 0_usize);
        let (mut most, mut frame) = (0, BTreeSet::new());
        loop {
            for (copy, simulation) in simulations.iter_mut().enumerate() {
                simulation.step(&mut tick);
                gather(&mut arrivals, &mut tick, copy, shop, &mut doorkeeper);
                let told = simulation.drain_truth();
                if copies == 1 {
                    truth += &told;
                }
            }
            let start = *start.get_or_insert(arrivals.now);
            let age = arrivals.now.since(start);
            frame.extend(arrivals.tracks.iter().map(|p| p.track));
            let is_timed = age >= options.warm_up;
            if is_timed && ticks.is_multiple_of(60) {
                tracked += frame.len();
                most = most.max(frame.len());
            }
            if ticks.is_multiple_of(60) {
                frame.clear();
            }
            let before = cpu_time();
            estimators.perceive(&arrivals);
            let between = cpu_time();
            estimators.conclude(&arrivals);
            if is_timed {
                perceiving += between.saturating_sub(before);
                concluding += cpu_time().saturating_sub(between);
            }
            arrivals.clear();
            ticks += 1;
            if age >= options.warm_up + options.timed {
                let seconds = options.timed.as_secs_f64();
                return Ok(Self {
                    plates: whole.layout.plates.len(),
                    people: tracked as f64 / seconds.max(1.0),
                    most: most as u32,
                    store_s: seconds,
                    perceiving,
                    concluding,
                    from: start + options.warm_up,
                    truth,
                    phones: doorkeeper.into_phones(),
                    movements: estimators.finish().movements,
                });
            }
        }
    }

    /// Store time over the estimators' time.
    fn factor(&self) -> f64 {
        self.store_s / (self.perceiving + self.concluding).as_secs_f64().max(1e-9)
    }

    /// How many first answers there were, and how many of them became something else within 5 s.
    fn first_answers(&self) -> (usize, usize) {
        let said = |m: &AttributedMovement| {
            let left_off = m.decision == Decision::LeaveOff;
            (m.best.who, m.best.sku, m.best.quantity, left_off)
        };
        let by_id: BTreeMap<_, _> = self.movements.iter().map(|m| (m.id, m)).collect();
        let first = |m: &&AttributedMovement| m.supersedes.is_none() && m.t >= self.from;
        let mut changed = BTreeSet::new();
        for m in &self.movements {
            let mut old = m.supersedes.and_then(|id| by_id.get(&id));
            while let Some(before) = old {
                let soon = m.known_at.since(before.known_at) <= TimeDelta::from_secs(5);
                if first(before) && soon && said(before) != said(m) {
                    changed.insert(before.id);
                }
                old = before.supersedes.and_then(|id| by_id.get(&id));
            }
        }
        (self.movements.iter().filter(first).count(), changed.len())
    }

    /// Milliseconds from the end of each of a shopper's takes, and put-backs, to the first movement that tells of
    /// it, sorted, and how many actions no movement told of.
    fn latencies(&self, shop: &Shop) -> Result<([Vec<f64>; 2], usize), SpeedError> {
        let truth = Truth::parse(&self.truth)?;
        let slack = TimeDelta::from_secs(2);
        let (mut latencies, mut missing) = ([Vec::new(), Vec::new()], 0);
        let mut used = BTreeSet::new();
        for action in &truth.actions {
            let sign = match action.kind {
                ActionKind::Take => 1,
                ActionKind::Put => -1,
                _ => continue,
            };
            if action.t_start < self.from || action.phone.is_none() {
                continue;
            }
            let told = self.movements.iter().enumerate().find(|(i, m)| {
                let shelf = shop.layout.shelves.get(m.shelf.usize());
                let who = match m.best.who {
                    Who::Session(session) => self.phones.get(&session).copied(),
                    Who::Unknown => None,
                };
                m.decision != Decision::LeaveOff
                    && m.supersedes.is_none()
                    && !used.contains(i)
                    && m.best.quantity.signum() == sign
                    && shelf.map(|s| s.name.as_str()) == action.shelf.as_deref()
                    && who == action.phone
                    && m.t >= action.t_start - slack
                    && m.t <= action.t_end + slack
            });
            match told {
                Some((i, m)) => {
                    used.insert(i);
                    latencies[usize::from(sign < 0)]
                        .push(m.known_at.since(action.t_end).as_secs_f64() * 1e3);
                }
                None => missing += 1,
            }
        }
        for of in &mut latencies {
            of.sort_by(f64::total_cmp);
        }
        Ok((latencies, missing))
    }
}

/// Adds what one copy's devices said to what reaches the estimators.
fn gather(
    arrivals: &mut Arrivals,
    tick: &mut Tick,
    copy: usize,
    shop: &Shop,
    doorkeeper: &mut Doorkeeper,
) {
    let plates = (copy * shop.layout.plates.len()) as u32;
    let gates = copy * shop.layout.gates.len();
    let away = apart(shop) * copy as f64;
    // Numbers of tracks are the trackers' own.
    let renumber = |track: TrackId| TrackId(track.0 | (copy as u64) << 40);
    arrivals.now = tick.now;
    arrivals.loads.extend(tick.loads.drain(..).map(|mut s| {
        s.plate = PlateIx(s.plate.0 + plates);
        s
    }));
    arrivals.tracks.extend(tick.tracks.drain(..).map(|mut p| {
        p.track = renumber(p.track);
        p.position.x += away;
        for wrist in &mut p.wrists {
            wrist.position.x += away;
        }
        p
    }));
    arrivals.looks.extend(tick.looks.drain(..).map(|mut l| {
        l.track = renumber(l.track);
        l.hand.x += away;
        l
    }));
    let gate = |gate: GateIx| GateIx::from(gate.usize() + gates);
    arrivals
        .crossings
        .extend(tick.crossings.drain(..).map(|mut c| {
            c.gate = gate(c.gate);
            c
        }));
    arrivals.opened.extend(tick.scans.drain(..).map(|mut scan| {
        scan.gate = gate(scan.gate);
        doorkeeper.scan(scan)
    }));
}

/// How far copies stand apart, metres: nobody reaches from one into the next.
fn apart(shop: &Shop) -> f64 {
    let xs = shop.layout.floor.corners.iter().map(|c| c.x);
    let width = xs.clone().fold(f64::NEG_INFINITY, f64::max) - xs.fold(f64::INFINITY, f64::min);
    width + 10.0
}

/// Copies of a shop side by side, as one shop with one catalogue.
fn several(shop: &Shop, copies: u32) -> Shop {
    let one = &shop.layout;
    let mut layout = Layout {
        floor: one.floor.clone(),
        ..Layout::default()
    };
    let mut planogram = Planogram::default();
    for copy in 0..copies {
        let away = Point2::new(apart(shop) * f64::from(copy), 0.0);
        let fixtures = layout.fixtures.len();
        let shelves = layout.shelves.len();
        let plates = layout.plates.len() as u32;
        let moved = |range: &std::ops::Range<u32>, by: u32| range.start + by..range.end + by;
        layout.gates.extend(one.gates.iter().cloned().map(|mut g| {
            g.name = format!("{copy}:{}", g.name);
            g.a = g.a + away;
            g.b = g.b + away;
            g
        }));
        layout
            .fixtures
            .extend(one.fixtures.iter().cloned().map(|mut f| {
                f.pose.position = f.pose.position + away;
                f.shelves = moved(&f.shelves, shelves as u32);
                f
            }));
        layout
            .shelves
            .extend(one.shelves.iter().cloned().map(|mut s| {
                s.fixture = FixtureIx::from(s.fixture.usize() + fixtures);
                s.plates = moved(&s.plates, plates);
                s
            }));
        layout
            .plates
            .extend(one.plates.iter().cloned().map(|mut p| {
                p.shelf = ShelfIx::from(p.shelf.usize() + shelves);
                p
            }));
        planogram
            .lanes
            .extend(shop.planogram.lanes.iter().cloned().map(|mut lane| {
                lane.shelf = ShelfIx::from(lane.shelf.usize() + shelves);
                for plate in &mut lane.plates {
                    plate.0 += plates;
                }
                lane
            }));
    }
    Shop {
        layout,
        planogram,
        ..shop.clone()
    }
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted[at.clamp(1, sorted.len()) - 1]
}

/// Time that this thread has run.
#[cfg(unix)]
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// Time that passed: this system does not tell a thread's own.
#[cfg(not(unix))]
fn cpu_time() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

/// Most memory that this process had, where Linux's `/proc` tells.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
