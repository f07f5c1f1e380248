//! `walkout bench accuracy`: presets and scenario folders, run and scored.

use crate::baselines::Engine;
use crate::errors::{Cause, incidents, receipts_and_questions};
use crate::matching::compare;
use crate::run::{Recording, RunError, run_engines};
use crate::score::{CaseRule, Run, Score};
use crate::table::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use walkout_model::files::{ShopError, ShopNotFound, load_shop, locate};
use walkout_model::{Gtin, Shop, TimeDelta};
use walkout_simulator::{Plan, Preset, Scenario, ScenarioError, Sense};

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Presets, in this order.
    pub presets: Vec<Preset>,
    /// Folders of scenario files or single files, in this order; they keep the seeds and shops they ask for.
    pub scenarios: Vec<PathBuf>,
    /// A shop (a folder or the name of one under `shops/`) for all presets, instead of each one's own.
    pub shop: Option<String>,
    /// The first seed; further runs use the ones after it.
    pub seed: u64,
    /// Runs of each preset; the size's own number if `None`.
    pub seeds: Option<u32>,
    /// How much to run.
    pub size: Size,
    /// Whose inference, in this order; all see the same streams.
    pub engines: Vec<Engine>,
    /// Whether to list what went wrong with Walkout's.
    pub errors: bool,
    /// Senses that do not err, in place of the presets' own: what their errors cost.
    pub flawless: Vec<Sense>,
}

/// How much to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A few receipts of each preset, for a test that a machine can afford at every change.
    Small,
    /// All presets inside 40 s on two cores.
    Quick,
    /// Enough receipts to see one error in a hundred.
    Full,
}

impl Size {
    /// Runs, and receipts in each.
    fn of(self, preset: Preset) -> (u32, u32) {
        match (self, preset) {
            (_, Preset::Aim3s) => (1, 26),
            (Self::Small, Preset::Cps2020) => (1, 3),
            (Self::Small, _) => (1, 4),
            (Self::Quick, Preset::Cps2020) => (1, 57),
            (Self::Quick, _) => (2, 40),
            (Self::Full, Preset::Cps2020) => (4, 57),
            (Self::Full, _) => (4, 150),
        }
    }
}

/// The length of a case where runs go on without end.
pub const SLICE: TimeDelta = TimeDelta::from_secs(300);
/// Runs at once.
const THREADS: usize = 2;

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum AccuracyError {
    /// A shop's folder would not load.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// A run failed.
    #[error("{label}: {reason}")]
    Run {
        /// Preset or scenario, and seed.
        label: String,
        /// What went wrong.
        reason: RunError,
    },
    /// There is no such shop.
    #[error(transparent)]
    NoShop(#[from] ShopNotFound),
    /// A scenario has mistakes or does not fit its shop.
    #[error("{}: {reason}", path.display())]
    Scenario {
        /// The file.
        path: PathBuf,
        /// Every mistake.
        reason: ScenarioError,
    },
    /// A folder could not be read.
    #[error("read the folder {}: {reason}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// A folder without scenarios.
    #[error("{}: no scenario (*.scn) in this folder", .0.display())]
    NoScenario(PathBuf),
}

/// What one engine made of a preset or folder.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The figures.
    pub row: Row,
    /// What they were made of.
    pub score: Score,
    /// Store time simulated, seconds.
    pub store_s: f64,
    /// How often each cause occurred.
    pub causes: BTreeMap<Cause, usize>,
    /// The listing of errors, if it was asked for.
    pub listing: String,
}

struct Job {
    group: usize,
    label: String,
    shop: Arc<Shop>,
    plan: Plan,
}

struct Group {
    preset: String,
    shop: String,
    rule: CaseRule,
    runs: usize,
}

impl Group {
    fn row(&self, engine: Engine, seed: u64, score: &Score) -> Row {
        Row::new(engine, &self.preset, &self.shop, seed, self.runs, score)
    }
}

struct Done {
    /// By engine, in the order of the options.
    scores: Vec<Score>,
    store_s: f64,
    causes: BTreeMap<Cause, usize>,
    listing: String,
}

/// Runs and scores everything that the options ask for, two runs at a time: for each preset and
/// folder one line an engine. The result does not depend on which run ends first.
///
/// # Errors
/// The first failure in the order of the options.
pub fn measure(options: &Options) -> Result<Vec<Measured>, AccuracyError> {
    let (groups, jobs) = plan(options)?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(i) else {
                return done;
            };
            done.push((i, work_off(job, groups[job.group].rule, options)));
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

    let engines = options.engines.len();
    let mut measured: Vec<Measured> = groups
        .iter()
        .flat_map(|group| options.engines.iter().map(move |engine| (group, engine)))
        .map(|(group, &engine)| Measured {
            row: group.row(engine, options.seed, &Score::default()),
            score: Score::default(),
            store_s: 0.0,
            causes: BTreeMap::new(),
            listing: String::new(),
        })
        .collect();
    for (i, done) in done {
        let done = done?;
        let first = jobs[i].group * engines;
        let lines = measured[first..first + engines].iter_mut();
        for ((into, score), &engine) in lines.zip(done.scores).zip(&options.engines) {
            into.score.merge(score);
            into.store_s += done.store_s;
            if engine == Engine::Walkout {
                for (&cause, n) in &done.causes {
                    *into.causes.entry(cause).or_default() += n;
                }
                into.listing += &done.listing;
            }
        }
    }
    for (i, measured) in measured.iter_mut().enumerate() {
        let (group, engine) = (&groups[i / engines], options.engines[i % engines]);
        measured.row = group.row(engine, options.seed, &measured.score);
        measured.row.flawless = options.flawless.iter().map(|sense| sense.name()).collect();
    }
    Ok(measured)
}

fn plan(options: &Options) -> Result<(Vec<Group>, Vec<Job>), AccuracyError> {
    let sensed = |mut plan: Plan| {
        let senses = options.flawless.iter();
        plan.devices = senses.fold(plan.devices, |devices, &sense| devices.flawless(sense));
        plan
    };
    let mut shops: BTreeMap<String, Arc<Shop>> = BTreeMap::new();
    let mut load = |name: &str| -> Result<Arc<Shop>, AccuracyError> {
        if let Some(shop) = shops.get(name) {
            return Ok(Arc::clone(shop));
        }
        let shop = Arc::new(load_shop(&locate(name)?)?);
        shops.insert(name.to_owned(), Arc::clone(&shop));
        Ok(shop)
    };
    let mut groups = Vec::new();
    let mut jobs = Vec::new();
    for &preset in &options.presets {
        let shop = load(options.shop.as_deref().unwrap_or(preset.default_shop()))?;
        let (runs, receipts) = options.size.of(preset);
        let seeds = u64::from(options.seeds.unwrap_or(runs));
        let before = jobs.len();
        for seed in options.seed..options.seed.saturating_add(seeds) {
            for plan in preset.plans(seed, receipts) {
                jobs.push(Job {
                    group: groups.len(),
                    label: format!("{preset} seed {seed} case {}", plan.case),
                    shop: Arc::clone(&shop),
                    plan: sensed(plan),
                });
            }
        }
        groups.push(Group {
            preset: preset.to_string(),
            shop: shop.name.clone(),
            rule: match preset {
                Preset::Cps2020 | Preset::Aim3s => CaseRule::Run,
                _ => CaseRule::Slice(SLICE),
            },
            runs: jobs.len() - before,
        });
    }
    for path in &options.scenarios {
        let mut names = BTreeSet::new();
        let before = jobs.len();
        for file in scenario_files(path)? {
            let wrong = |reason| AccuracyError::Scenario {
                path: file.clone(),
                reason,
            };
            let scenario = Scenario::load(&file).map_err(wrong)?;
            let shop = scenario.fit(&*load(scenario.shop())?).map_err(wrong)?;
            names.insert(shop.name.clone());
            jobs.push(Job {
                group: groups.len(),
                label: file.display().to_string(),
                shop: Arc::new(shop),
                plan: sensed(Plan::scenario(scenario)),
            });
        }
        groups.push(Group {
            preset: "scripted".to_owned(),
            shop: Vec::from_iter(names).join("+"),
            rule: CaseRule::Run,
            runs: jobs.len() - before,
        });
    }
    Ok((groups, jobs))
}

/// The file itself, or the scenarios in a folder, by name.
pub(crate) fn scenario_files(path: &Path) -> Result<Vec<PathBuf>, AccuracyError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |reason| AccuracyError::Read {
        path: path.to_owned(),
        reason,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == "scn") {
            files.push(file);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(AccuracyError::NoScenario(path.to_owned())),
        false => Ok(files),
    }
}

fn work_off(job: &Job, rule: CaseRule, options: &Options) -> Result<Done, AccuracyError> {
    let recording = run_engines(
        &job.shop,
        job.plan.clone(),
        &options.engines,
        options.errors,
        |_| {},
    )
    .map_err(|reason| AccuracyError::Run {
        label: job.label.clone(),
        reason,
    })?;
    let (causes, listing) = if options.errors && options.engines.contains(&Engine::Walkout) {
        tell(job, &recording)
    } else {
        Default::default()
    };
    let prices = prices(&job.shop);
    let Recording {
        mut run,
        baselines,
        store_s,
        ..
    } = recording;
    let walkout = std::mem::take(&mut run.outcome);
    let mut outcomes: BTreeMap<Engine, _> = baselines.into_iter().collect();
    outcomes.insert(Engine::Walkout, walkout);
    let scores = options.engines.iter().map(|engine| {
        let mut score = Score::default();
        let scored = Run {
            outcome: outcomes.remove(engine).unwrap_or_default(),
            truth: std::mem::take(&mut run.truth),
        };
        score.add(&scored, rule, &prices);
        run.truth = scored.truth;
        score
    });
    Ok(Done {
        scores: scores.collect(),
        store_s,
        causes,
        listing,
    })
}

fn tell(job: &Job, recording: &Recording) -> (BTreeMap<Cause, usize>, String) {
    let run = &recording.run;
    let matching = compare(&run.truth, &run.outcome);
    let mut causes = BTreeMap::new();
    let mut listing = String::new();
    for incident in incidents(
        &job.shop,
        &run.truth,
        &run.outcome,
        &matching,
        &recording.trace(),
    ) {
        *causes.entry(incident.cause).or_default() += 1;
        listing += &format!(
            "{} at {:.1} s: {:?}\n{}",
            job.label,
            incident.at.as_secs_f64(),
            incident.cause,
            incident.text
        );
    }
    let trace = recording.trace();
    let told = receipts_and_questions(&job.shop, &run.truth, &run.outcome, &matching, &trace);
    let titles = ["receipts that are wrong after review", "what was asked"];
    for (what, told) in titles.into_iter().zip(told) {
        if !told.is_empty() {
            listing += &format!("{}: {what}\n{told}", job.label);
        }
    }
    for notice in &recording.conclusions.notices {
        listing += &format!("{}: {notice}\n", job.label);
    }
    (causes, listing)
}

/// Price of every product in minor units.
pub fn prices(shop: &Shop) -> BTreeMap<Gtin, i64> {
    let products = shop.catalogue.products();
    products.iter().map(|p| (p.gtin, p.price.minor)).collect()
}
