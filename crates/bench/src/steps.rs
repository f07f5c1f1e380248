//! `walkout bench steps`: presets through perception alone, its steps scored against what hands did.

mod matching;

pub use matching::{Cause, Incident, KINDS, Off, Scored, Window, rms, rms_by_kind, score};

use crate::run::RunError;
use crate::truth::Truth;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use walkout_model::files::{ShopError, ShopNotFound, load_shop, locate};
use walkout_model::{ShelfTouch, Shop, StoreTime, TimeDelta, WeightStep};
use walkout_perception::{Perception, PerceptionConfig, PerceptionEvent};
use walkout_simulator::{Plan, Preset, Simulation, Tick};

/// Runs at once.
const THREADS: usize = 2;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Presets, in this order.
    pub presets: Vec<Preset>,
    /// A shop for all presets, instead of each one's own.
    pub shop: Option<String>,
    /// The first seed; further runs use the ones after it.
    pub seed: u64,
    /// Runs of each preset; the size's own number if `None`.
    pub seeds: Option<u32>,
    /// Fewer and shorter runs.
    pub quick: bool,
    /// Whether to list what went wrong.
    pub errors: bool,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum StepsError {
    /// A shop's folder would not load.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// There is no such shop.
    #[error(transparent)]
    NoShop(#[from] ShopNotFound),
    /// A run failed.
    #[error("{label}: {reason}")]
    Run {
        /// Preset and seed.
        label: String,
        /// What went wrong.
        reason: RunError,
    },
}

/// One line of `walkout bench steps --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Which preset.
    pub preset: String,
    /// The shop.
    pub shop: String,
    /// Actions found over actions.
    pub recall: f64,
    /// Right steps over steps.
    pub precision: f64,
    /// Median time from the instant when the goods had moved to the right step, milliseconds of store time.
    pub delay_ms_p50: f64,
    /// The same that 99 % of actions keep to.
    pub delay_ms_p99: f64,
    /// The 99 % of what is taken.
    pub delay_ms_p99_falls: f64,
    /// The 99 % of what is put.
    pub delay_ms_p99_rises: f64,
    /// Median time from the instant when the goods had moved to the first version whose mass is within the tolerance.
    pub read_ms_p50: f64,
    /// The same that 99 % of actions keep to.
    pub read_ms_p99: f64,
    /// Actions that changed a shelf's mass.
    pub actions: usize,
    /// Of these, found.
    pub found: usize,
    /// Steps that stand at the end.
    pub steps: usize,
    /// Of these, explained by an action.
    pub right: usize,
    /// Steps that a later one replaced.
    pub replaced: usize,
    /// Steps that were taken back.
    pub retracted: usize,
    /// Presses and leans of which nothing came.
    pub touches: usize,
    /// Root mean square of (step − truth) over the step's sigma; 1 if the sigmas are honest.
    pub z_rms: f64,
    /// The same of light, heavy, taken, put, clean and overlapped goods ([`KINDS`]); 0 where there were none.
    pub z_rms_by_kind: [f64; 6],
    /// The same of the steps as they were first told.
    pub z_rms_first: f64,
    /// The first seed.
    pub seed: u64,
    /// Runs.
    pub runs: usize,
}

/// A measured preset.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The figures.
    pub row: Row,
    /// How often each cause occurred.
    pub causes: BTreeMap<Cause, usize>,
    /// The listing of misses and false steps, if it was asked for.
    pub listing: String,
    /// Store time simulated.
    pub store: TimeDelta,
    /// Time that perception took for it on one core.
    pub spent: Duration,
}

/// What perception said of a run, beside its truth.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Steps, in the order they were told.
    pub steps: Vec<WeightStep>,
    /// Touches.
    pub touches: Vec<ShelfTouch>,
    /// What happened.
    pub truth: Truth,
    /// When the run began and ended.
    pub span: Window,
    /// Time that perception took.
    pub spent: Duration,
}

struct Job {
    group: usize,
    label: String,
    shop: Arc<Shop>,
    plan: Plan,
}

/// Runs and scores all presets, two runs at a time; the figures do not depend on which ends first.
///
/// # Errors
/// The first failure in the order of the options.
pub fn measure(options: &Options) -> Result<Vec<Measured>, StepsError> {
    let (rows, jobs) = plan(options)?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(i) else {
                return done;
            };
            let scored = watch(&job.shop, job.plan.clone())
                .map(|w| {
                    let scored = score(&job.shop, &w.truth, &w.steps, &w.touches, w.span);
                    (scored, w.span.length(), w.spent)
                })
                .map_err(|reason| StepsError::Run {
                    label: job.label.clone(),
                    reason,
                });
            done.push((i, scored));
        }
    };
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    done.sort_by_key(|(i, _)| *i);
    let mut sums: Vec<(Scored, TimeDelta, Duration, String)> =
        rows.iter().map(|_| Default::default()).collect();
    for (i, result) in done {
        let (scored, store, spent) = result?;
        let job = &jobs[i];
        let into = &mut sums[job.group];
        if options.errors {
            for incident in &scored.incidents {
                let _ = writeln!(into.3, "{} {incident}", job.label);
            }
        }
        into.0.merge(scored);
        into.1 = into.1 + store;
        into.2 += spent;
    }
    Ok(rows
        .into_iter()
        .zip(sums)
        .map(|(row, (mut scored, store, spent, listing))| Measured {
            row: fill(row, &mut scored),
            causes: scored.causes(),
            listing,
            store,
            spent,
        })
        .collect())
}

fn plan(options: &Options) -> Result<(Vec<Row>, Vec<Job>), StepsError> {
    let mut rows = Vec::new();
    let mut jobs = Vec::new();
    for &preset in &options.presets {
        let name = options.shop.as_deref().unwrap_or(preset.default_shop());
        let shop = Arc::new(load_shop(&locate(name)?)?);
        let (runs, receipts) = match (options.quick, preset) {
            (true, Preset::Quiet) => (2, 40),
            (true, _) => (1, 40),
            (false, Preset::Cps2020) => (2, 57),
            (false, _) => (4, 100),
        };
        let before = jobs.len();
        let seeds = u64::from(options.seeds.unwrap_or(runs));
        for seed in options.seed..options.seed.saturating_add(seeds) {
            jobs.extend(preset.plans(seed, receipts).into_iter().map(|plan| Job {
                group: rows.len(),
                label: format!("{preset} seed {seed} case {}", plan.case),
                shop: Arc::clone(&shop),
                plan,
            }));
        }
        rows.push(Row {
            preset: preset.to_string(),
            shop: shop.name.clone(),
            recall: 0.0,
            precision: 0.0,
            delay_ms_p50: 0.0,
            delay_ms_p99: 0.0,
            delay_ms_p99_falls: 0.0,
            delay_ms_p99_rises: 0.0,
            read_ms_p50: 0.0,
            read_ms_p99: 0.0,
            actions: 0,
            found: 0,
            steps: 0,
            right: 0,
            replaced: 0,
            retracted: 0,
            touches: 0,
            z_rms: 0.0,
            z_rms_by_kind: [0.0; 6],
            z_rms_first: 0.0,
            seed: options.seed,
            runs: jobs.len() - before,
        });
    }
    Ok((rows, jobs))
}

fn fill(row: Row, scored: &mut Scored) -> Row {
    let share = |n: usize, of: usize| (n as f64 / of.max(1) as f64 * 1e5).round() / 1e5;
    let falls = quantile(&mut scored.falls_ms, 0.99);
    let rises = quantile(&mut scored.rises_ms, 0.99);
    let mut all = [scored.falls_ms.as_slice(), scored.rises_ms.as_slice()].concat();
    Row {
        recall: share(scored.found, scored.actions),
        precision: share(scored.right, scored.steps),
        delay_ms_p50: quantile(&mut all, 0.5),
        delay_ms_p99: quantile(&mut all, 0.99),
        delay_ms_p99_falls: falls,
        delay_ms_p99_rises: rises,
        read_ms_p50: quantile(&mut scored.read_ms, 0.5),
        read_ms_p99: quantile(&mut scored.read_ms, 0.99),
        actions: scored.actions,
        found: scored.found,
        steps: scored.steps,
        right: scored.right,
        replaced: scored.replaced,
        retracted: scored.retracted,
        touches: scored.touches,
        z_rms: thousandths(rms(scored.offs.iter(), |o| o.z)),
        z_rms_by_kind: rms_by_kind(&scored.offs).map(thousandths),
        z_rms_first: thousandths(rms(scored.offs.iter(), |o| o.z_first)),
        ..row
    }
}

fn thousandths(x: f64) -> f64 {
    (x * 1e3).round() / 1e3
}

/// The value that this share of the values does not exceed (nearest rank); 0 of none.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values
        .get(rank.saturating_sub(1))
        .map_or(0.0, |v| v.round())
}

/// Runs a plan through perception and nothing else.
///
/// # Errors
/// A plan that does not fit the shop, or truth that cannot be read.
pub fn watch(shop: &Arc<Shop>, plan: Plan) -> Result<Watched, RunError> {
    let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
    let mut perception = Perception::new(shop, PerceptionConfig::default());
    let mut tick = Tick::default();
    let mut events = Vec::new();
    let mut truth = String::new();
    let mut watched = Watched::default();
    let mut start: Option<StoreTime> = None;
    while !simulation.is_over() {
        simulation.step(&mut tick);
        start.get_or_insert(tick.now);
        truth += &simulation.drain_truth();
        let begin = Instant::now();
        perception.push_loads(&tick.loads, &mut events);
        perception.advance(tick.now, &mut events);
        watched.spent += begin.elapsed();
        for event in events.drain(..) {
            match event {
                PerceptionEvent::Step(step) => watched.steps.push(step),
                PerceptionEvent::Touch(touch) => watched.touches.push(touch),
                PerceptionEvent::Fault(_)
                | PerceptionEvent::Disturbed(_)
                | PerceptionEvent::ClockJump { .. } => {}
            }
        }
    }
    truth += &simulation.drain_truth();
    watched.truth = Truth::parse(&truth)?;
    watched.span = Window {
        from: start.unwrap_or(tick.now),
        to: tick.now,
    };
    Ok(watched)
}

/// The rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<12}{:<8}{:>9}{:>11}{:>9}{:>9}{:>12}{:>12}{:>10}{:>10}{:>9}{:>8}{:>10}{:>9}\n",
        "preset",
        "shop",
        "recall",
        "precision",
        "p50 ms",
        "p99 ms",
        "taken p99",
        "put p99",
        "read p50",
        "read p99",
        "actions",
        "steps",
        "replaced",
        "z rms"
    );
    for row in rows {
        let _ = writeln!(
            text,
            "{:<12}{:<8}{:>9.4}{:>11.4}{:>9.0}{:>9.0}{:>12.0}{:>12.0}{:>10.0}{:>10.0}{:>9}{:>8}{:>10}{:>9.2}",
            row.preset,
            row.shop,
            row.recall,
            row.precision,
            row.delay_ms_p50,
            row.delay_ms_p99,
            row.delay_ms_p99_falls,
            row.delay_ms_p99_rises,
            row.read_ms_p50,
            row.read_ms_p99,
            row.actions,
            row.steps,
            row.replaced,
            row.z_rms
        );
    }
    let _ = write!(text, "\n{:<20}{:>9}", "z rms of steps", "at first");
    for kind in KINDS {
        let _ = write!(text, "{kind:>12}");
    }
    text.push('\n');
    for row in rows {
        let _ = write!(text, "{:<20}{:>9.2}", row.preset, row.z_rms_first);
        for z in row.z_rms_by_kind {
            let _ = write!(text, "{z:>12.2}");
        }
        text.push('\n');
    }
    text
}
